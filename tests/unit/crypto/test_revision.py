"""Revisions: what a caller sends as one is checked, and leaves nothing behind."""

import tracemalloc

import pytest

from privet.crypto.keyring import Keyring
from privet.crypto.revision import Revisions
from privet.errors import PreconditionFailed

SUBJECT = bytes(16)


def test_a_revision_that_was_made_is_verified(keyring: Keyring) -> None:
    """And only for its service, its subject, its numbers and what stands in them."""
    revisions = Revisions(keyring, ["desk", "shop"])
    numbers = frozenset({3, 10, 400})
    made = revisions.make("desk", SUBJECT, b"contexts", numbers)
    assert revisions.covered(made) == numbers
    revisions.verify(made, "desk", SUBJECT, b"contexts", numbers)
    for service, subject, contexts, covered in (
        ("shop", SUBJECT, b"contexts", numbers),
        ("desk", b"\x01" * 16, b"contexts", numbers),
        ("desk", SUBJECT, b"others", numbers),
        ("desk", SUBJECT, b"contexts", numbers | {4}),
    ):
        with pytest.raises(PreconditionFailed):
            revisions.verify(made, service, subject, contexts, covered)


def test_forged_revisions_are_not_remembered(keyring: Keyring) -> None:
    """Fifty that name two thousand numbers each, none like another: the process is no larger for them."""
    revisions = Revisions(keyring, ["desk"])

    def forge(first: int) -> None:
        numbers = frozenset(range(first, first + 2_000))
        with pytest.raises(PreconditionFailed):
            revisions.verify("0" * 32 + ".", "desk", SUBJECT, b"", numbers)

    forge(0)
    tracemalloc.start()
    try:
        for first in range(1, 50):
            forge(first)
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()
