"""`privet policy bundle`, `key` and `token`: what is written, with which rights, and what is refused."""

import json
import shlex
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.running import Ran, run
from tests.services.opa import OpaServer


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def made(home: Path) -> Path:
    """A home with a key and a token."""
    assert run("policy", "key", "k.pem", cwd=home).code == 0
    assert run("policy", "token", "opa.token", cwd=home).code == 0
    return home


@pytest.fixture
def bundle(made: Path) -> Callable[..., Ran]:
    def make(*more: str, file: str = "b.tar.gz", key: str = "k.pem") -> Ran:
        return run(
            "--vault",
            "guests.privet",
            "policy",
            "bundle",
            file,
            "--key",
            key,
            *more,
            cwd=made,
            passphrase=None,
        )

    return make


def test_what_is_secret_is_its_owners_alone(made: Path) -> None:
    """The private key and the token are 0600; the public key may be read, by OPA for one."""
    assert mode(made / "k.pem") == mode(made / "opa.token") == 0o600
    assert mode(made / "k.pub.pem") == 0o644
    assert len((made / "opa.token").read_text().strip()) == 43


@pytest.mark.opa
def test_opa_starts_with_the_command_that_is_printed(
    made: Path, bundle: Callable[..., Ran], opa: Path
) -> None:
    """No passphrase needed; the revision is `policy show`'s; the printed flags make a real OPA take the bundle."""
    made_so = bundle("--token-file", "opa.token")
    assert made_so.code == 0
    lines = dict(line.split(maxsplit=1) for line in made_so.out.splitlines())
    shown = run("--vault", "guests.privet", "policy", "show", "--json", cwd=made, passphrase=None)
    assert lines["revision"] == json.loads(shown.out)["revision"]
    command = shlex.split(lines["opa"])
    assert command[:3] == ["opa", "run", "--server"]
    flags = command[command.index("--authentication=token") : command.index("--skip-version-check")]
    flags[flags.index("--verification-key") + 1] = str(made / "k.pub.pem")
    with OpaServer(made / command[-1], arguments=tuple(flags)):
        pass


def test_the_token_of_the_settings_is_taken(made: Path, bundle: Callable[..., Ran]) -> None:
    """policy.token_file, and the address of policy.url; --json says the same."""
    settings = made / "guests.privet" / "privet.toml"
    (made / "opa.token").rename(made / "guests.privet" / "opa.token")
    settings.write_text(
        settings.read_text().replace(
            'engine = "embedded"',
            'engine = "opa"\nurl = "https://opa.internal:8443"\ntoken_file = "opa.token"',
        )
    )
    done = bundle("--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert said["algorithm"] == "ES256"
    assert "opa.internal:8443" in said["opa"]
    assert "--tls-cert-file" in said["opa"]


def test_without_a_token_it_says_how_to_make_one(bundle: Callable[..., Ran]) -> None:
    """A bundle that anyone could ask is not made."""
    done = bundle()
    assert done.code == 2
    assert "privet policy token" in done.err


@pytest.mark.parametrize("name", ["k.pem", "opa.token"])
def test_secrets_that_anyone_may_read_are_refused(made: Path, bundle: Callable[..., Ran], name: str) -> None:
    """The sentence names the file and the cure."""
    (made / name).chmod(0o644)
    done = bundle("--token-file", "opa.token")
    assert done.code == 3
    assert "chmod 600" in done.err
    assert not (made / "b.tar.gz").exists()


@pytest.mark.parametrize("text", ["", "short", "two words that are long enough to pass", "ключ" * 20])
def test_tokens_that_are_none_are_refused(made: Path, bundle: Callable[..., Ran], text: str) -> None:
    """Empty, short, spaces, beyond ASCII."""
    (made / "opa.token").write_text(text)
    done = bundle("--token-file", "opa.token")
    assert done.code == 2
    assert "privet policy token" in done.err
    if text:
        assert text not in done.err


def test_nothing_is_written_over(made: Path, bundle: Callable[..., Ran]) -> None:
    """An existing bundle, key, public key or token stays as it is."""
    for name in ("b.tar.gz", "k2.pub.pem"):
        (made / name).write_text("mine")
    assert bundle("--token-file", "opa.token").code == 1
    for command, name in (("key", "k.pem"), ("key", "k2.pem"), ("token", "opa.token")):
        before = (made / name).read_bytes() if (made / name).exists() else None
        assert run("policy", command, name, cwd=made).code == 1
        assert ((made / name).read_bytes() if (made / name).exists() else None) == before
    assert (made / "b.tar.gz").read_text() == "mine"
    assert (made / "k2.pub.pem").read_text() == "mine"


def test_other_names_and_keys_are_refused(made: Path, bundle: Callable[..., Ran]) -> None:
    """OPA knows a bundle by its name; and only a private key signs."""
    assert "tar.gz" in bundle("--token-file", "opa.token", file="bundle").err
    assert bundle("--token-file", "opa.token", key="nothing.pem").code == 3
    (made / "k.pub.pem").chmod(0o600)
    done = bundle("--token-file", "opa.token", key="k.pub.pem")
    assert done.code == 2
    assert "privet policy key" in done.err


def test_a_key_in_the_vault_is_warned_of(made: Path, bundle: Callable[..., Ran]) -> None:
    """What serves must not be able to sign; and without a public key it says how to make one."""
    (made / "k.pem").rename(made / "guests.privet" / "k.pem")
    done = bundle("--token-file", "opa.token", key="guests.privet/k.pem")
    assert done.code == 0
    assert "Keep it elsewhere" in done.err
    assert "openssl pkey -in guests.privet/k.pem -pubout" in done.err
    subprocess.run(
        ["openssl", "pkey", "-in", "guests.privet/k.pem", "-pubout", "-out", "again.pem"],
        check=True,
        cwd=made,
        capture_output=True,
    )
    assert (made / "again.pem").read_bytes() == (made / "k.pub.pem").read_bytes()


def test_a_certificate_in_place_of_a_token(made: Path, bundle: Callable[..., Ran]) -> None:
    """--client names who may ask, needs no token, and excludes one; OPA is told to ask for certificates."""
    done = bundle("--client", "CN=privet", "--json")
    assert done.code == 0, done.err
    command = json.loads(done.out)["opa"]
    assert "--authentication=tls" in command
    assert "--authentication=token" not in command
    assert {"--tls-ca-cert-file", "--tls-cert-file"} <= set(command)
    assert bundle("--client", "CN=privet", "--token-file", "opa.token", file="c.tar.gz").code == 2


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_what_is_no_file_s_name_is_no_place_for_a_key(home: Path, name: str) -> None:
    """A folder has no public half beside it."""
    done = run("policy", "key", name, cwd=home)
    assert done.code == 2
    assert "name a file" in done.err
