"""The policy engine that the settings name.

Refuses a token or a key that anyone on this machine may read or change, and, as `decide` does, an OPA server that holds
another policy than this vault's. An OPA server that is away is no reason to stay closed: what must be decided is
refused until it is back, and customers can still withdraw and erase.
"""

import os
import stat
from pathlib import Path

from privet.config.settings import Settings
from privet.decide.bundle import Bundle
from privet.decide.engines import open_engine
from privet.domain.decision import Remembering
from privet.errors import InvalidInput, Unavailable

_MOST = 4096


def open_policy_engine(settings: Settings, bundle: Bundle) -> Remembering:
    """Raises Unavailable (a sentence for the operator), InvalidInput."""
    policy = settings.policy
    if policy.engine != "opa" or policy.url is None:
        return open_engine(bundle, policy.engine)
    for name in ("ca_file", "certificate_file", "key_file"):
        path = getattr(policy, name)
        if path is not None and not os.access(path, os.R_OK):
            raise Unavailable(f"policy.{name} in privet.toml cannot be read")
    certificate = None
    if policy.certificate_file is not None and policy.key_file is not None:
        _verify_private(policy.key_file, policy.key_file.stat().st_mode, "the key")
        certificate = str(policy.certificate_file), str(policy.key_file)
    return open_engine(
        bundle,
        "opa",
        opa_url=policy.url,
        opa_token=None if policy.token_file is None else read_token(policy.token_file),
        opa_ca=None if policy.ca_file is None else str(policy.ca_file),
        opa_certificate=certificate,
        opa_timeout=policy.timeout_ms / 1000,
    )


def read_token(path: Path) -> str:
    """The bearer token for OPA. Raises Unavailable, and InvalidInput for what no HTTP header could carry."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            raw = file.read(_MOST + 1)
    except OSError as error:
        raise Unavailable(f"policy.token_file: {path} cannot be read ({error.strerror})") from None
    _verify_private(path, mode, "the token")
    token = raw.decode("latin-1").strip("\r\n")
    if not token or len(raw) > _MOST or not all("!" <= sign <= "~" for sign in token):
        raise InvalidInput(
            f"{path} holds no token: one line of ASCII without spaces; `privet policy token` makes one",
            field="policy.token_file",
        )
    return token


def _verify_private(path: Path, mode: int, what: str) -> None:
    if stat.S_IMODE(mode) & 0o007:
        raise Unavailable(f"anyone on this machine may read or change {what} in {path}: chmod 600 it")
