"""The purpose rule (Byun and Li 2008) as a property: for any graph, the policy says what the text says."""

from hypothesis import given, settings
from hypothesis import strategies as st

from privet.decide.bundle import build_bundle
from privet.decide.embedded import _Unproved
from privet.decide.question import Asked, Circumstances, canonical_input
from privet.domain.catalogue import Catalogue, LegalBasis, Service
from tests.contract.policy.catalogues import catalogue, field, purpose
from tests.contract.policy.straight import above, below, permitted_for

NAMES = [f"p{n}" for n in range(6)]
some = st.sets(st.sampled_from(NAMES), max_size=3)


@st.composite
def graphs(draw: st.DrawFn) -> Catalogue:
    """Up to six purposes in a DAG with several parents, some prohibited, and a field with any lists."""
    purposes = [
        purpose(
            name,
            LegalBasis.CONTRACT,
            *sorted(draw(st.sets(st.sampled_from(NAMES[:index]), max_size=3))) if index else (),
            prohibited=draw(st.integers(0, 9)) == 0,
        )
        for index, name in enumerate(NAMES)
    ]
    one = field(
        "f", allow=draw(some), masked=draw(some), prohibit=draw(st.sets(st.sampled_from(NAMES), max_size=1))
    )
    service = Service(name="s", purposes=frozenset(NAMES), fields=("*",))
    return catalogue([one], purposes, [service])


@settings(max_examples=120)
@given(graphs())
def test_permitted_iff_allowed_above_and_prohibited_nowhere_near(drawn: Catalogue) -> None:
    """Allowed: an allowed purpose or below one; prohibition of it, an ancestor or a descendant wins."""
    engine = _Unproved(build_bundle(drawn))
    for name in NAMES:
        question = canonical_input(Asked("s", "read", name, ("f",)), Circumstances())
        said = engine.decide([question])[0].fields["f"]
        prohibited, clear, masked = permitted_for(drawn, drawn.fields["f"], name)
        family = above(drawn, name) | below(drawn, name)
        if prohibited or any(drawn.purposes[other].prohibited for other in family):
            assert said.reason == "purpose_prohibited"
        else:
            assert said.effect == ("allow" if clear else "transform" if masked else "deny")


@settings(max_examples=60)
@given(graphs(), st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_prohibiting_more_never_releases_more(drawn: Catalogue, purpose_asked: str, prohibited: str) -> None:
    """Adding a prohibition to the field takes releases away or leaves them, whatever the graph."""
    import dataclasses

    before = drawn.fields["f"]
    after = dataclasses.replace(before, prohibit=before.prohibit | {prohibited})
    question = canonical_input(Asked("s", "read", purpose_asked, ("f",)), Circumstances())
    stricter = _Unproved(build_bundle(dataclasses.replace(drawn, fields={"f": after}))).decide([question])[0]
    if stricter.released:
        assert _Unproved(build_bundle(drawn)).decide([question])[0].released
