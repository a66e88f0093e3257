"""The limit of open files is raised to fit, as far as the system lets it."""

import resource

import pytest

from privet.serving.descriptors import OTHERS, allow_connections, find_too_few


@pytest.mark.parametrize(
    "soft, hard, most, left, told",
    [
        (4_096, 4_096, 1_000, 4_096, None),
        (1_024, 65_536, 1_000, 1_000 + OTHERS, None),
        (1_024, resource.RLIM_INFINITY, 50_000, 50_000 + OTHERS, None),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, 50_000, resource.RLIM_INFINITY, None),
        (1_024, 2_048, 50_000, 2_048, 2_048 - OTHERS),
        (64, 64, 10, 64, 1),
    ],
)
def test_limits(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, most: int, left: int, told: int | None
) -> None:
    """Never above what is needed or allowed; what does not fit is told, with some files kept for the vault itself."""
    limit = [(soft, hard)]
    monkeypatch.setattr(resource, "getrlimit", lambda which: limit[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda which, pair: limit.append(pair))
    assert find_too_few(most) == told
    assert limit == [(soft, hard)]
    assert allow_connections(most) == told
    assert limit[-1] == (left, hard)


def test_a_system_that_says_no(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is taken at its word."""

    def refuse(which: int, pair: tuple[int, int]) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda which: (1_024, 65_536))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert allow_connections(10_000) == 1_024 - OTHERS
