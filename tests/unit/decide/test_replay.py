"""Replay: the same answer under the same bundle, and under no other."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from privet.decide.bundle import build_bundle, seal_bundle
from privet.decide.question import PHANTOM, Asked, canonical_input
from privet.decide.replay import get_bundle, keep_bundle, replay
from privet.errors import IntegrityError, Unavailable
from tests.contract.policy.catalogues import drawn, inn

OLD, NEW = build_bundle(inn()), build_bundle(drawn(1))
DESK = canonical_input(Asked("front-desk", "read", "service", ("given_name",)), PHANTOM)


def test_replays_under_the_revision_that_decided(tmp_path: Path) -> None:
    """Years and revisions later, a logged question gets its old answer; keeping twice does no harm."""
    folder = tmp_path / "policies"
    for bundle in (OLD, NEW, OLD):
        keep_bundle(folder, bundle)
    assert replay(folder, OLD.revision, DESK).fields["given_name"].effect == "allow"
    assert replay(folder, NEW.revision, DESK).fields["given_name"].reason == "unknown_service"
    assert len(list(folder.iterdir())) == 2


def test_replays_under_the_rules_of_that_time(tmp_path: Path) -> None:
    """The bundle brings its Rego with it, not only its catalogue."""
    strict = seal_bundle(
        {"fields": {}},
        {
            "privet/release/decision.rego": "package privet.release\n\n"
            'decision := {"fields": {f: {"effect": "deny", "reason": "paused", "transform": null} | '
            'some f in input.fields}, "obligations": [], "revision": data.privet.catalogue.revision}\n'
        },
    )
    keep_bundle(tmp_path, strict)
    assert replay(tmp_path, strict.revision, DESK).fields["given_name"].reason == "paused"


@pytest.mark.parametrize(
    "name", ["", "..", "../secrets", "x" * 64, "F" * 64, "0" * 63, "0" * 65, "0" * 64 + "\n"]
)
def test_names_that_are_no_revision_are_refused(tmp_path: Path, name: str) -> None:
    """A revision is 64 hex digits; nothing else becomes part of a path."""
    with pytest.raises(IntegrityError):
        get_bundle(tmp_path, name)


def test_a_bundle_that_is_not_there(tmp_path: Path) -> None:
    """Without its bundle nothing is replayed under another."""
    keep_bundle(tmp_path, NEW)
    with pytest.raises(Unavailable, match="not at hand"):
        replay(tmp_path, OLD.revision, DESK)


def test_a_swapped_or_spoilt_bundle_is_refused(tmp_path: Path) -> None:
    """One bundle under another's name, or bytes that are none."""
    path = keep_bundle(tmp_path, NEW)
    target = tmp_path / f"{OLD.revision}.tar.gz"
    target.write_bytes(path.read_bytes())
    with pytest.raises(IntegrityError, match="holds another"):
        replay(tmp_path, OLD.revision, DESK)
    target.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(IntegrityError):
        replay(tmp_path, OLD.revision, DESK)


def test_those_who_open_a_vault_at_once_all_keep_its_bundle(tmp_path: Path) -> None:
    """None takes away or cuts short what another is writing, and nothing is left beside it."""
    with ThreadPoolExecutor(8) as pool:
        for attempt in range(20):
            folder = tmp_path / str(attempt)
            kept = set(pool.map(lambda _, folder=folder: keep_bundle(folder, OLD), range(8)))
            assert get_bundle(folder, OLD.revision) == OLD
            assert set(folder.iterdir()) == kept
