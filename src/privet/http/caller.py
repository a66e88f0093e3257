"""Somebody who showed who they are. Refuses nothing: `callers` makes these, and only of what was verified."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

from privet.domain.ids import Millis
from privet.domain.request import By

Kind = Literal["service", "officer", "customer"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Somebody who showed who they are."""

    kind: Kind
    name: str
    """The service's or officer's name in the catalogue; "" for a customer."""
    credential: str
    """Short and public, for logs and rates: `key:ab12cd34`, `jwt:0123456789ab`, `cert:0123456789ab`."""
    customer: By | None = None
    """Customers: the look-up that names her, as the issuer vouches."""
    until: Millis | None = None
    """When the credential ends; None: when somebody ends it."""
    controls_rev: int = -1
    """API keys: the revision of the vault's controls under which it stood. -1: it stands in no controls."""
    digest: bytes = dataclasses.field(default=b"", repr=False)
    """API keys: of the key."""
