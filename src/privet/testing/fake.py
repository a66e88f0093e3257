"""A vault for the tests of a service: its own catalogue and policies, no server, no passphrase, nothing left behind.

Everything in it is real, encryption and log included; it lives in a directory in memory where the system has one, and
is gone when closed. Refuses what the real one refuses, for it is one. Made in less than a tenth of a second.
"""

import atexit
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Self

from privet.audit.query import AuditLine
from privet.bootstrap.customer import Customer
from privet.bootstrap.officer import OfficerAudit
from privet.bootstrap.service import ServiceSession
from privet.bootstrap.vault import Vault
from privet.domain.catalogue import Catalogue
from privet.domain.request import By
from privet.errors import InvalidInput
from privet.intake.request import WriteRequest, check_profile, check_record
from privet.sdk.async_client import AsyncClient
from privet.sdk.client import Client
from privet.testing.clock import StoppedClock
from privet.testing.faces import FakeAsyncClient, FakeClient
from privet.testing.vaults import make_vault, open_vault

_MEMORY = Path("/dev/shm")  # noqa: S108  a private directory is made in it
_LONG_AGO = 1_000_000_000_000
_ASKED = frozenset({"read", "find", "history", "put", "record", "consent"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One thing that was asked of a FakeVault: by whom, what and why, and what came of it."""

    service: str
    act: str
    """read, find, history, put, record or consent."""
    purpose: str
    fields: tuple[str, ...]
    """Released or written."""
    withheld: Mapping[str, str]
    """The true reason by field refused."""
    about: str | None
    """The same for the same person, and for nobody None. Not an id that a service knows."""
    at: datetime
    audit_id: str


class FakeVault:
    """A vault in memory. Close it, or use it as a context manager.

        with FakeVault("catalogue/") as vault:
            ada = vault.add(email="ada@example.org", given_name="Ada", consents=["marketing.email"])
            send_letters(vault.client("mailer"))
            assert [asked.purpose for asked in vault.log] == ["marketing.email"]

    `catalogue`: the path of a catalogue's directory or YAML file, with notices/ beside it, or the YAML itself;
    `notices`: texts by name, beside or in place of those. `clock` stands still, at the time of making unless given.
    """

    def __init__(
        self,
        catalogue: str | os.PathLike[str],
        notices: Mapping[str, str] | None = None,
        *,
        clock: StoppedClock | None = None,
    ) -> None:
        """Raises CatalogueError, InvalidInput (no such file)."""
        self.clock = clock or StoppedClock(time.time_ns() // 1_000_000)
        text, found = _read(catalogue)
        template = _template(text, tuple(sorted({**found, **(notices or {})}.items())))
        place = _place()
        self._remove = weakref.finalize(self, _remove, place, os.getpid())
        try:
            shutil.copytree(template, place / "vault")
            self.vault: Vault = open_vault(place / "vault", clock=self.clock)
        except BaseException:
            self._remove()
            raise
        self._hidden: set[str] = set()

    @property
    def catalogue(self) -> Catalogue:
        return self.vault.parts.catalogue

    def service(self, name: str) -> ServiceSession:
        """As `Vault.service`."""
        return self.vault.service(name)

    def client(self, name: str) -> Client:
        """What `privet.Client` is for that service."""
        return FakeClient(self.vault.service(name))

    def async_client(self, name: str) -> AsyncClient:
        """What `privet.AsyncClient` is for that service."""
        return FakeAsyncClient(self.vault.service(name))

    def customer(self, who: By) -> Customer:
        """The customer's own session: to restrict, object, withdraw, erase. Raises NotFound."""
        return self.vault.customer(who)

    def add(
        self,
        values: Mapping[str, object] | None = None,
        *,
        consents: Iterable[str] = (),
        records: Mapping[str, Sequence[Mapping[str, object]]] | None = None,
        **more: object,
    ) -> By:
        """A person with these values, who has consented to these purposes. Returns how to name her.

        `values` for names that Python has no keyword for: {"room.bed": "twin"}. `records` by collection. Not in `log`.
        Raises InvalidInput for values that the catalogue does not take, and without a look-up value to know her by.
        """
        parts, given = self.vault.parts, {**(values or {}), **more}
        checked, unknown = check_profile(self.catalogue, given)
        if unknown:
            raise InvalidInput("the catalogue has no such profile field", field=unknown[0])
        lookups = [path for path in given if given[path] is not None and self.catalogue.fields[path].lookup]
        unique = [path for path in lookups if self.catalogue.fields[path].lookup == "unique"]
        if not lookups:
            known = ", ".join(sorted(path for path, held in self.catalogue.fields.items() if held.lookup))
            raise InvalidInput(f"name her by one of the look-up fields: {known}", field="values")
        name = (unique or lookups)[0]
        who = By(name, str(given[name]))
        purpose = self._purpose()
        written = [parts.intake.write(WriteRequest(None, purpose, who, checked)).entry.hex()]
        for collection, rows in (records or {}).items():
            for at, row in enumerate(rows):
                held, ready, strange, key = check_record(self.catalogue, collection, row, ordinal=at)
                if strange:
                    raise InvalidInput("the collection has no such field", field=strange[0])
                request = WriteRequest(None, purpose, who, ready, (), held.name, key)
                written.append(parts.intake.write(request).entry.hex())
        if consents:
            before = {line.audit_id for line in self._lines()}
            me = self.vault.customer(who)
            for consent in consents:
                me.consent(consent)
            written += [line.audit_id for line in self._lines() if line.audit_id not in before]
        self._hidden.update(written)
        return who

    @property
    def log(self) -> list[Asked]:
        """What services asked so far, oldest first, refusals included: read from the vault's own audit log."""
        return [
            Asked(
                service=line.service,
                act=line.act,
                purpose=line.purpose or "",
                fields=line.fields,
                withheld=line.reasons,
                about=line.subject,
                at=line.at,
                audit_id=line.audit_id,
            )
            for line in reversed(self._lines())
            if line.service is not None and line.act in _ASKED and line.audit_id not in self._hidden
        ]

    def _lines(self) -> list[AuditLine]:
        return OfficerAudit(self.vault.parts, "tests").query()

    def _purpose(self) -> str:
        """Something to write for: the steward may for any purpose but a prohibited one."""
        for name in sorted(self.catalogue.purposes):
            if not self.catalogue.purposes[name].prohibited:
                return name
        raise InvalidInput("the catalogue has no purpose that is not prohibited", field="purposes")

    def close(self) -> None:
        """Removes all of it. Again is no error."""
        self.vault.close(sign=False)
        self._remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"FakeVault(services={sorted(self.catalogue.services)})"


def _place() -> Path:
    """A new directory, the caller's alone."""
    return Path(tempfile.mkdtemp(prefix="privet-", dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None))


def _remove(place: Path, process: int) -> None:
    """At the end of the process that made it: one that it forked ends too, and has no right to it."""
    if os.getpid() == process:
        shutil.rmtree(place, ignore_errors=True)


@lru_cache(maxsize=8)
def _template(catalogue: str, notices: tuple[tuple[str, str], ...]) -> Path:
    """An empty vault, closed, to be copied: half the work of making one. Gone when the process ends."""
    place = _place()
    try:
        # Long ago, so that the copies may be opened at any time.
        make_vault(place / "vault", catalogue, dict(notices), clock=StoppedClock(_LONG_AGO)).close()
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    atexit.register(_remove, place, os.getpid())
    return place / "vault"


def _read(catalogue: str | os.PathLike[str]) -> tuple[str, dict[str, str]]:
    """YAML, and the notices beside it."""
    if isinstance(catalogue, str) and "\n" in catalogue:
        return catalogue, {}
    path = Path(catalogue)
    file = path / "catalogue.yaml" if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
        notices = {
            notice.stem: notice.read_text(encoding="utf-8")
            for notice in sorted((file.parent / "notices").glob("*.md"))
        }
    except (OSError, UnicodeError):
        raise InvalidInput(
            f"{file} cannot be read as a catalogue: pass its path, or its YAML", field="catalogue"
        ) from None
    return text, notices
