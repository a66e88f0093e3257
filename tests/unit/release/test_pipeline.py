"""A read whose unit was certainly undone is run again, once; one that may have been done is not."""

from pathlib import Path
from typing import Any

import pytest

import privet
from privet.bootstrap.vault import Vault
from privet.domain.decision import Operation
from privet.domain.request import By, ReadRequest
from privet.errors import Conflict, IntegrityError, PrivetError, StoreGone, Unauthenticated, Unavailable
from privet.release import pipeline as stages
from privet.release.pipeline import NoUnit
from privet.testing import make_vault

CATALOGUE = """
fields:
  name: {type: string, category: "pd:Name", allow: [care]}
  email: {type: email, category: "pd:EmailAddress", lookup: unique, allow: [care]}
purposes:
  care: {dpv: "dpv:ServicePersonalisation", basis: contract}
services:
  desk: {purposes: [care], fields: ["*"], find: [email], enrols: true}
"""
ADA = privet.by(email="ada@example.org")


def gone(*, undone: bool) -> StoreGone:
    error = StoreGone("the database server is gone")
    error.undone = undone
    return error


def read(vault: Vault, *failures: PrivetError) -> object:
    """Fetches, with these failures of the unit of work first."""
    pipeline = vault.parts.pipeline
    real, left = pipeline.load, list(failures)

    def load(*arguments: Any, **options: Any) -> Any:
        if left:
            raise left.pop(0)
        return real(*arguments, **options)

    pipeline.load = load  # type: ignore[method-assign]
    try:
        return vault.service("desk").fetch(ADA, purpose="care", fields=["name"])["name"]
    finally:
        pipeline.load = real  # type: ignore[method-assign]


@pytest.mark.parametrize("failure", [gone(undone=True), Conflict("in the way")], ids=["gone", "in the way"])
def test_what_was_undone_is_run_again(tmp_path: Path, failure: PrivetError) -> None:
    """One answer, one entry."""
    with make_vault(tmp_path / "vault", CATALOGUE) as vault:
        vault.service("desk").put(ADA, {"name": "Ada"}, purpose="care")
        before = vault.parts.store.log.size()
        assert read(vault, failure) == "Ada"
        assert vault.parts.store.log.size() == before + 1


@pytest.mark.parametrize(
    "failures", [(gone(undone=False),), (gone(undone=True), gone(undone=True))], ids=["unknown", "twice"]
)
def test_what_may_have_been_done_is_not(tmp_path: Path, failures: tuple[PrivetError, ...]) -> None:
    """An unknown outcome, or a server that went away twice, is told; nothing is released."""
    with make_vault(tmp_path / "vault", CATALOGUE) as vault:
        vault.service("desk").put(ADA, {"name": "Ada"}, purpose="care")
        with pytest.raises(StoreGone):
            read(vault, *failures)


def test_one_that_finds_no_store_speaks_for_those_after_it(tmp_path: Path) -> None:
    """A batch that failed is read one by one; once the store gives no unit at all, nobody else waits for it."""
    with make_vault(tmp_path / "vault", CATALOGUE) as vault:
        desk, pipeline = vault.service("desk"), vault.parts.pipeline
        failures: list[PrivetError] = [IntegrityError("a row is damaged"), NoUnit("the store is gone")]
        asked = 0

        def load(*_: Any, **__: Any) -> Any:
            nonlocal asked
            asked += 1
            raise failures.pop(0)

        pipeline.load = load  # type: ignore[method-assign]
        answers = desk.fetch_many([ADA, ADA, ADA], purpose="care", fields=["name"])
        del pipeline.load
        assert asked == 2
        assert [getattr(one, "reasons", None) for one in answers] == [("batch_failed",)] * 3


def asked(*emails: str) -> list[ReadRequest]:
    """One read of a name a person."""
    return [
        ReadRequest("desk", Operation.READ, "care", By("email", f"{who}@example.org"), ("name",))
        for who in emails
    ]


@pytest.mark.parametrize("damaged", [False, True], ids=["together", "one by one"])
def test_only_those_who_are_not_admitted_get_nothing(tmp_path: Path, *, damaged: bool) -> None:
    """The others of the batch get their own answers, also where it failed as a whole; who is left out has no entry."""
    with make_vault(tmp_path / "vault", CATALOGUE) as vault:
        for who in ("ada", "bob", "cyd"):
            vault.service("desk").put(privet.by(email=f"{who}@example.org"), {"name": who}, purpose="care")
        pipeline, before = vault.parts.pipeline, vault.parts.store.log.size()
        real, failures = pipeline.load, [IntegrityError("a row is damaged")] if damaged else []

        def load(*arguments: Any, **options: Any) -> Any:
            if failures:
                raise failures.pop()
            return real(*arguments, **options)

        pipeline.load = load  # type: ignore[method-assign]
        read = pipeline.read(asked("ada", "bob", "cyd"), lambda _: {1})
        pipeline.load = real  # type: ignore[method-assign]
        assert [one.view and one.view["name"] for one in read] == ["ada", None, "cyd"]
        assert isinstance(read[1].failure, Unauthenticated)
        assert vault.parts.store.log.size() == before + 2


def test_what_took_too_long_is_decided_again_and_at_last_not_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A consent may have been withdrawn while the disk was busy: three times, then it is told."""
    with make_vault(tmp_path / "vault", CATALOGUE) as vault:
        vault.service("desk").put(ADA, {"name": "Ada"}, purpose="care")
        before = vault.parts.store.log.size()
        monkeypatch.setattr(stages, "STALE_SECONDS", -1.0)
        with pytest.raises(Unavailable, match="nothing was released"):
            vault.service("desk").fetch(ADA, purpose="care", fields=["name"])
        assert vault.parts.store.log.size() == before + 3
        monkeypatch.undo()
        assert vault.service("desk").fetch(ADA, purpose="care", fields=["name"])["name"] == "Ada"
