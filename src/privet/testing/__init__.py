"""For the tests of whoever uses Privet: a vault in memory for a service's tests, real vaults that are quick to make, a
clock that stands still.

Everything in such a vault is real but the cost of guessing its passphrase. Refuses to hide that: `doctor` warns of it.
"""

from privet.testing.clock import StoppedClock
from privet.testing.fake import Asked, FakeVault
from privet.testing.vaults import PASSPHRASE, make_vault, open_vault

__all__ = ["PASSPHRASE", "Asked", "FakeVault", "StoppedClock", "make_vault", "open_vault"]
