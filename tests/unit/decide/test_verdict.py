"""The verdict: what may be opened and told; a person who may not be seen and nobody are one."""

import dataclasses
from collections.abc import Sequence

import orjson
import pytest

from privet.decide.bundle import build_bundle
from privet.decide.embedded import EmbeddedEngine
from privet.decide.engines import open_engine
from privet.decide.question import NO_CONTROLS, PHANTOM, Asked, Circumstances, Controls
from privet.decide.verdict import Answers, Judge, Question, Undecided, Verdict
from privet.domain.catalogue import Catalogue
from privet.domain.decision import Decision, GrantedField, Reason
from tests.contract.policy.catalogues import inn


def numbered() -> Catalogue:
    base = inn()
    fields = {path: dataclasses.replace(f, number=n) for n, (path, f) in enumerate(base.fields.items(), 1)}
    return dataclasses.replace(base, fields=fields)


INN = numbered()
JUDGE = Judge(catalogue=INN, engine=open_engine(build_bundle(INN)))
DESK = Asked("front-desk", "read", "service", ("given_name", "email", "crm_id"))
MAIL = Asked("mailer", "read", "marketing.email", ("email",))


def judged(asked: Asked, person: Circumstances | None, controls: Controls = NO_CONTROLS) -> Verdict:
    return JUDGE.judge([Question(asked, person, controls)])[0]


def told(verdict: Verdict) -> tuple[object, ...]:
    """All that a caller or a reader of the log's public part could see of a refusal."""
    return (verdict.released, verdict.grant, dict(verdict.withheld), verdict.message, verdict.reasons, verdict.word,
            verdict.basis, verdict.purpose, verdict.classes, verdict.size)  # fmt: skip


def test_grant_has_the_released_fields_with_number_and_transform() -> None:
    """Decrypt may open what was released, in the order asked for, and nothing else."""
    verdict = judged(DESK, PHANTOM)
    assert verdict.grant.fields == (
        GrantedField("given_name", INN.fields["given_name"].number, None),
        GrantedField("email", INN.fields["email"].number, "mask"),
    )
    assert verdict.grant.numbers == {f.number for f in verdict.grant.fields}
    assert (verdict.word, verdict.released, verdict.message, verdict.size) == ("partial", True, "", None)
    assert verdict.withheld["crm_id"].reason == "purpose_not_permitted"
    assert verdict.basis == "contract"
    assert judged(DESK._replace(fields=("given_name",)), PHANTOM).word == "permit"


def test_true_reasons_are_told_where_something_is_released() -> None:
    """A partly released read says of each withheld field why."""
    asked = Asked("front-desk", "read", "rescue", ("given_name", "allergies"))
    verdict = judged(asked, Circumstances(consent="withdrawn"))
    assert verdict.withheld["allergies"].reason == "consent_withdrawn"


@pytest.mark.parametrize(
    "asked",
    [MAIL, MAIL._replace(fields=("email", "nonsense")), DESK, DESK._replace(operation="find"),
     Asked("front-desk", "read", "resale", ("email",)), Asked("nobody", "read", "", ("email",)),
     Asked("kitchen", "read", "meals", ("allergies",))],
)  # fmt: skip
def test_the_refused_the_restricted_and_nobody_are_told_the_same(asked: Asked) -> None:
    """Whatever is in the way, and whether she exists: the same code, message, leaf fields and length."""
    persons = [
        Circumstances("refused", restricted=True),
        Circumstances("withdrawn", objected=("service", "marketing", "meals"), restricted=True),
        Circumstances("given", restricted=True, minor=True, expired=("email", "given_name")),
    ]
    nobody = told(judged(asked, None))
    for person in persons:
        assert told(judged(asked, person)) == nobody


def test_nobody_is_granted_nothing() -> None:
    """What the phantom would get is not given of nobody: not_available, for those fields only."""
    verdict = judged(DESK, None)
    assert verdict.grant.fields == ()
    assert not verdict.released
    assert {path: kept.reason for path, kept in verdict.withheld.items()} == {
        "given_name": "not_available", "email": "not_available", "crm_id": "purpose_not_permitted",
    }  # fmt: skip
    assert told(JUDGE.unreadable(DESK, NO_CONTROLS)) == told(verdict)


def test_private_part_has_the_truth() -> None:
    """The pieces join to JSON that holds effects, the canonical question, and the true reasons."""
    verdict = judged(MAIL, Circumstances("refused"))
    whole = orjson.loads(
        verdict.private_head + b"{}" + verdict.private_mid + b"null" + verdict.private_tail + b'x"}'
    )
    assert whole["reasons"] == {"email": "consent_refused"}
    assert whole["input"] == orjson.loads(verdict.question)
    assert whole["effects"] == "d"
    assert whole["nobody"] is False


def test_a_field_without_a_number_is_not_granted() -> None:
    """What the store has given no number cannot be opened."""
    bare = inn()
    judge = Judge(catalogue=bare, engine=open_engine(build_bundle(bare)))
    assert judge.judge([Question(DESK, PHANTOM, NO_CONTROLS)])[0].grant.fields == ()
    assert judge.revision == build_bundle(bare).revision


def test_equal_questions_share_a_verdict_and_a_changed_fact_does_not() -> None:
    """Verdicts are prepared once, and never served for another circumstance."""
    first, second = JUDGE.judge([Question(DESK, PHANTOM, NO_CONTROLS)] * 2)
    assert first is second
    assert judged(DESK, Circumstances(restricted=True)).released is False
    assert judged(DESK, PHANTOM) is first


def test_every_reason_has_its_sentence() -> None:
    """Each code but permitted has words of its own, without a person in them, and some say what may be had."""
    from privet.decide.wording import Wording

    wording = Wording(INN)
    sentences = {
        reason: wording.withheld("mailer", "marketing", {"email": reason.value})["email"].message
        for reason in Reason
        if reason is not Reason.PERMITTED
    }
    assert len(set(sentences.values())) == len(sentences)
    assert "refused" not in [str(sentence) for sentence in sentences.values()]
    assert "marketing.email" in sentences[Reason.PURPOSE_NOT_PERMITTED]
    odd = wording.withheld("nobody", "nonsense", {"nonsense": "purpose_not_permitted"})["nonsense"].message
    assert "nonsense" not in odd


class Forgetful(EmbeddedEngine):
    """An engine elsewhere that remembers nothing: each question must be asked beforehand."""

    def recall(self, inputs: Sequence[bytes]) -> Sequence[Decision | None]:
        return [None] * len(inputs)


def test_what_must_be_asked_is_said_at_once() -> None:
    """Every place that waits, and every question it waits for, that about nobody with them; then one round decides."""
    judge = Judge(catalogue=INN, engine=Forgetful(build_bundle(INN)))
    questions = [
        Question(DESK, PHANTOM, NO_CONTROLS),
        Question(DESK, None, NO_CONTROLS),
        Question(DESK, Circumstances(restricted=True), NO_CONTROLS),
    ]
    with pytest.raises(Undecided) as caught:
        judge.judge(questions)
    assert caught.value.places == {0, 1, 2}
    assert len(caught.value.questions) == 2  # she without anything of note is the phantom's question
    assert caught.value.among([5, 7, 9]).places == {5, 7, 9}
    answers = Answers(judge.ask(caught.value.questions))
    some = Answers({question: answers[question] for question in caught.value.questions[:1]})
    with pytest.raises(Undecided) as again:
        judge.judge(questions, some)
    assert again.value.places == {2}
    assert [told(verdict) for verdict in judge.judge(questions, answers)] == [
        told(verdict) for verdict in JUDGE.judge(questions)
    ]


def test_at_last_what_is_not_known_is_refused() -> None:
    """No more asking: engine_timeout, for the person as for nobody, and it is not kept."""
    judge = Judge(catalogue=INN, engine=Forgetful(build_bundle(INN)))
    question = Question(DESK, PHANTOM, NO_CONTROLS)
    answers = Answers()
    answers.last = True
    verdict = judge.judge([question], answers)[0]
    assert verdict.reasons == ("engine_timeout",)
    assert not verdict.released
    with pytest.raises(Undecided):
        judge.judge([question])
