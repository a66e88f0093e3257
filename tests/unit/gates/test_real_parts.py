"""A run that must prove something may not pass by leaving it out."""

import pytest

from tests.services.parts import miss


def test_a_missing_part_skips_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word on parts, a test that lacks one is skipped."""
    monkeypatch.delenv("PRIVET_TEST_REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match="missing real part: opa: none here"):
        miss("opa", "none here")


@pytest.mark.parametrize("wanted", ["all", "opa", "postgres, opa"])
def test_a_missing_part_fails_when_required(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    """With the part required, the same test fails."""
    monkeypatch.setenv("PRIVET_TEST_REQUIRE", wanted)
    with pytest.raises(pytest.fail.Exception, match="missing real part: opa: none here"):
        miss("opa", "none here")
