"""`privet policy bundle`, `key` and `token`: what an OPA server needs to decide for this vault. Needs no passphrase.

Refuses a signing key or a token that others on this machine may read or change, and to write over a file.
"""

import shlex
import stat
from pathlib import Path
from urllib.parse import urlsplit

import click

from privet.errors import Conflict, InvalidInput, Unavailable
from privet_cli.files import read_small, write_new
from privet_cli.opening import get_directory, load_rules
from privet_cli.options import json_option
from privet_cli.terminal import note, say, say_json

_file = click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
_TOKEN_BYTES = 32


@click.command()
@_file
def key(file: Path) -> None:
    """Make a key to sign bundles with.

    A P-256 key in FILE, mode 0600, and its public half beside it, for OPA. Keep FILE apart from the vault and
    from OPA: whoever has it decides what OPA believes. A key of openssl does as well (P-256 or RSA).

    \b
    Example:
      $ privet policy key bundle-key.pem
    """
    from privet.crypto.bundle_signing import BundleSigner

    signer = BundleSigner.generate()
    public = _public_of(file)
    if public.exists():
        raise Conflict(f"{public} exists already; name a new file")
    write_new(file, signer.private_pem())
    write_new(public, signer.public_pem())
    public.chmod(0o644)
    say(f"private key  {file}")
    say(f"public key   {public}")


@click.command()
@_file
def token(file: Path) -> None:
    """Make a token for asking OPA.

    256 random bits in FILE, mode 0600: name it as policy.token_file in privet.toml, before the bundle is made.

    \b
    Example:
      $ privet policy token opa.token
    """
    import secrets

    write_new(file, secrets.token_urlsafe(_TOKEN_BYTES).encode() + b"\n")
    say(f"token  {file}")


@click.command()
@_file
@click.option(
    "--key",
    "key_file",
    required=True,
    type=click.Path(path_type=Path),
    metavar="KEY",
    help="Private key to sign with (PEM), as `privet policy key` makes it.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    metavar="TOKEN",
    help="The token that may ask; without it, policy.token_file of privet.toml.",
)
@click.option(
    "--client",
    metavar="SUBJECT",
    help="Instead of a token: the subject of the vault's certificate, for an OPA that asks for one.",
)
@json_option()
def bundle(file: Path, key_file: Path, token_file: Path | None, client: str | None, as_json: bool) -> None:
    """Build and sign the bundle for an OPA server.

    The rules, this vault's catalogue, and who may ask, in a new FILE. Prints the revision, and how to start OPA
    with it. Give OPA the new bundle first, then the vault its new catalogue: see docs/opa.md.

    \b
    Examples:
      $ privet policy bundle guests.tar.gz --key bundle-key.pem
      $ privet policy bundle guests.tar.gz --key bundle-key.pem --client CN=privet
    """
    from privet.bootstrap.engine import read_token
    from privet.crypto.bundle_signing import BundleSigner
    from privet.decide.bundle import build_bundle
    from privet.decide.server_bundle import write_server_bundle

    settings, catalogue = load_rules()
    if client and token_file:
        raise click.UsageError("--client or --token-file: OPA takes one of them")
    asked_with = None if client else token_file or settings.policy.token_file
    if asked_with is None and not client:
        raise InvalidInput(
            "which token may ask OPA? Make one with `privet policy token`, and name it as policy.token_file in "
            "privet.toml, or with --token-file",
            field="token-file",
        )
    if not file.name.endswith(".tar.gz"):
        raise InvalidInput("name the bundle something.tar.gz: OPA knows it by that", field="file")
    if file.exists():
        raise Conflict(f"{file} exists already; name a new file")
    built = build_bundle(catalogue)
    signer = BundleSigner.parse(_read_key(key_file))
    try:
        token = None if asked_with is None else read_token(asked_with)
        write_server_bundle(built, file, token=token, client=client or None, signer=signer)
    except OSError as error:
        raise Unavailable(f"{file} cannot be written ({error.strerror})") from None
    command = _opa_command(
        settings.policy.url, file, _public_of(key_file), signer.algorithm, tls=bool(client)
    )
    if as_json:
        say_json(
            {
                "revision": built.revision,
                "file": str(file),
                "algorithm": signer.algorithm,
                "key": signer.fingerprint,
                "opa": command,
            }
        )
    else:
        say(f"revision {built.revision}")
        say(f"bundle   {file}, signed {signer.algorithm}")
        say(f"key      {signer.fingerprint}")
        say(f"opa      {shlex.join(command)}")
    if not _public_of(key_file).exists():
        note(f"The public key for OPA: openssl pkey -in {key_file} -pubout -out {_public_of(key_file)}")
    if key_file.resolve().is_relative_to(get_directory().resolve()):
        note("The signing key lies in the vault. Keep it elsewhere: what serves must not be able to sign.")


def _read_key(path: Path) -> bytes:
    pem = read_small(path, "the signing key")
    if stat.S_IMODE(path.stat().st_mode) & 0o007:
        raise Unavailable(f"anyone on this machine may read or change {path}: chmod 600 it")
    return pem


def _public_of(path: Path) -> Path:
    """`bundle-key.pem` goes with `bundle-key.pub.pem`. Raises InvalidInput for what is no file's name."""
    if not path.name:
        raise InvalidInput("name a file for the key", field="file")
    return path.with_name(path.name.removesuffix(".pem") + ".pub.pem")


def _opa_command(url: str | None, file: Path, public: Path, algorithm: str, *, tls: bool) -> list[str]:
    where = urlsplit(url or "http://127.0.0.1:8181")
    host = f"[{where.hostname}]" if ":" in (where.hostname or "") else where.hostname
    shown = ["--tls-cert-file", "opa.crt", "--tls-private-key-file", "opa.key"]
    asked = ["--authentication=tls", "--tls-ca-cert-file", "clients-ca.pem"]
    return [
        "opa", "run", "--server", "--addr", f"{host}:{where.port or 8181}",
        *(shown if tls or where.scheme == "https" else []), *(asked if tls else ["--authentication=token"]),
        "--authorization=basic", "--verification-key", str(public), "--signing-alg", algorithm,
        "--skip-version-check", "--bundle", str(file),
    ]  # fmt: skip
