"""For the tests of whoever uses Privet: real vaults that are quick to make, and a clock that stands still.

Everything in such a vault is real but the cost of guessing its passphrase. Refuses to hide that: `doctor` warns of it.
"""

from privet.testing.clock import StoppedClock
from privet.testing.vaults import PASSPHRASE, make_vault, open_vault

__all__ = ["PASSPHRASE", "StoppedClock", "make_vault", "open_vault"]
