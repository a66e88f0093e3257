"""A real OPA as docs/opa.md starts it: a signed bundle, the key that verifies it, and a token."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from privet.crypto.bundle_signing import BundleSigner
from privet.decide.bundle import Bundle
from privet.decide.server_bundle import write_server_bundle

TOKEN = "a-token-of-forty-characters-for-the-tests"
SIGNER = BundleSigner.generate()


def write_signed(bundle: Bundle, folder: Path) -> Path:
    """The bundle, signed, as a new file in the folder."""
    count = len(list(folder.glob("*.tar.gz")))
    return write_server_bundle(bundle, folder / f"signed-{count}.tar.gz", token=TOKEN, signer=SIGNER)


def arguments(folder: Path, signer: BundleSigner = SIGNER) -> tuple[str, ...]:
    """What `privet policy bundle` prints, beside the address and the bundle."""
    key = folder / "verify.pem"
    key.write_bytes(signer.public_pem())
    return (
        "--authentication=token", "--authorization=basic",
        "--verification-key", str(key), "--signing-alg", signer.algorithm,
    )  # fmt: skip


def start_signed(opa_server: Callable[..., Any], bundle: Bundle, folder: Path) -> Any:
    """A server that took the signed bundle. Ask it with TOKEN."""
    return opa_server(write_signed(bundle, folder), arguments=arguments(folder))
