"""Privet: a vault for customer profiles. Services get what policy and the customer's own choices allow, and no more.

`Vault` opens a vault in the process, `Client` and `AsyncClient` reach one that runs as a service, `by` names a
person by one look-up value. What a service gets back is a `View`; what it does not get is a `Withheld` with a reason.
Slow parts are imported when first used.
"""

from typing import TYPE_CHECKING, Any

from privet import errors

if TYPE_CHECKING:
    from privet.bootstrap.vault import Vault
    from privet.domain.answer import Access, Consent, History, Profile, Record, Refusal, View, Withheld
    from privet.domain.request import By, by
    from privet.sdk.async_client import AsyncClient
    from privet.sdk.client import Client
    from privet.sdk.session import AsyncSession, Session

__version__ = "0.1.0"

__all__ = [
    "Access",
    "AsyncClient",
    "AsyncSession",
    "By",
    "Client",
    "Consent",
    "History",
    "Profile",
    "Record",
    "Refusal",
    "Session",
    "Vault",
    "View",
    "Withheld",
    "__version__",
    "by",
    "errors",
]

_HOMES = {
    "AsyncClient": "privet.sdk.async_client",
    "AsyncSession": "privet.sdk.session",
    "Client": "privet.sdk.client",
    "Session": "privet.sdk.session",
    "Vault": "privet.bootstrap.vault",
    "By": "privet.domain.request",
    "by": "privet.domain.request",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'privet' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES.get(name, "privet.domain.answer")), name)
