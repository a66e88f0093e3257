"""The vault's controls: sealed, bound to their revision, and seen only by whom they concern."""

import os

import pytest

from privet.crypto.aead import FieldCipher
from privet.decide.controls import ControlBox
from privet.decide.question import NO_CONTROLS, Controls
from privet.domain.ids import VaultId
from privet.domain.ports import VaultState
from privet.errors import IntegrityError
from tests.contract.policy.catalogues import inn

VAULT = VaultId(bytes(range(16)))


class Root:
    """As much of a keyring as the controls need."""

    def expand_root(self, info: bytes, length: int = 32) -> bytes:
        return (info * 32)[-length:]


def box(vault: VaultId = VAULT) -> ControlBox:
    return ControlBox(catalogue=inn(), keyring=Root(), vault=vault)  # type: ignore[arg-type]


def state(sealed: bytes, revision: int = 1) -> VaultState:
    return VaultState(1, "", sealed, revision, 1, (1,))


def test_what_is_paused_comes_back() -> None:
    """Sealed names are read again; nothing sealed is nothing paused."""
    one = box()
    sealed = one.seal(frozenset({"service", "mailer"}), 1, os.urandom)
    assert one.paused(state(sealed)) == {"service", "mailer"}
    assert one.paused(state(sealed)) == {"service", "mailer"}
    assert one.paused(state(b"", 0)) == frozenset()
    assert b"mailer" not in sealed


def test_a_question_sees_what_bears_on_it() -> None:
    """Its service, its purpose and those above; others' pauses do not make another question."""
    one = box()
    sealed = state(one.seal(frozenset({"service", "mailer", "nonsense"}), 1, os.urandom))
    assert one.bearing_on(sealed, "front-desk", "service.stay") == Controls(paused=("service",))
    assert one.bearing_on(sealed, "mailer", "marketing") == Controls(paused=("mailer",))
    assert one.bearing_on(sealed, "kitchen", "unknown") is NO_CONTROLS
    assert one.bearing_on(state(b"", 0), "mailer", "marketing") is NO_CONTROLS


def test_a_changed_pause_is_seen_at_once() -> None:
    """What was opened last is not served for other bytes."""
    one = box()
    before, after = (one.seal(frozenset(names), 1, os.urandom) for names in ({"service"}, set()))
    assert one.paused(state(before)) == {"service"}
    assert one.paused(state(after)) == frozenset()
    assert one.paused(state(before)) == {"service"}


def test_altered_foreign_and_replayed_controls_are_refused() -> None:
    """Flipped, cut, emptied, another vault's, or an older revision's: nothing is released."""
    sealed = box().seal(frozenset({"service"}), 1, os.urandom)
    for spoilt, revision in (
        (sealed[:-1] + bytes([sealed[-1] ^ 1]), 1),
        (sealed[:20], 1),
        (b"x", 1),
        (b"", 1),
        (sealed, 2),
    ):
        with pytest.raises(IntegrityError):
            box().paused(state(spoilt, revision))
    with pytest.raises(IntegrityError):
        box(VaultId(bytes(16))).paused(state(sealed))


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"paused": 1}'])
def test_another_form_is_refused(content: bytes) -> None:
    """Controls of a form that this version does not know are not guessed at."""
    one = box()
    cipher: FieldCipher = one._cipher
    with pytest.raises(IntegrityError):
        one.paused(state(cipher.seal(os.urandom(12), content, one._context(1))))
