"""The files under deploy/: judged by the linters of their formats, and run as far as this machine can."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from privet.config.settings import load_settings
from tests.contract.policy.signed import TOKEN, write_signed
from tests.contract.policy.test_opa_hostile import BUNDLE
from tests.services.opa import OpaServer
from tests.services.parts import miss, spare_port

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text()
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
UNITS = ["privet.service", "privet-opa.service"]
MOST_EXPOSED = 2.0
"""Of 10, as `systemd-analyze security` counts."""


def tool(name: str) -> str:
    """A linter of the development environment, which is not on PATH."""
    return str(Path(sys.executable).parent / name)


def test_the_containerfile_is_clean() -> None:
    """hadolint finds nothing, not even style, and no rule is switched off."""
    done = subprocess.run(
        [tool("hadolint"), "--failure-threshold", "style", str(DEPLOY / "Containerfile")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
    assert "hadolint ignore" not in CONTAINERFILE


def test_the_linter_can_object(tmp_path: Path) -> None:
    """A Containerfile that runs as root from an unpinned image is not clean."""
    bad = tmp_path / "Containerfile"
    bad.write_text("FROM python\nRUN apt-get install curl\nUSER root\n")
    done = subprocess.run([tool("hadolint"), str(bad)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "DL3006" in done.stdout


def test_the_image_runs_as_nobody_and_installs_by_hash() -> None:
    """Not root, every package by its hash, no pip left, no secret named, the base's digest a build argument."""
    last = CONTAINERFILE[CONTAINERFILE.rindex("\nFROM ") :]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert "--require-hashes --only-binary :all:" in CONTAINERFILE
    assert "venv --without-pip" in CONTAINERFILE
    assert CONTAINERFILE.count("FROM ${PYTHON}") == CONTAINERFILE.count("\nFROM ") == 2
    assert re.match(
        r"docker\.io/library/python:\d+\.\d+-slim-\w+$", CONTAINERFILE.split("ARG PYTHON=")[1].split()[0]
    )
    assert not re.search(r"(?i)^(ARG|ENV).*(passphrase|token|secret|key)", CONTAINERFILE, re.MULTILINE)
    assert not re.search(r"\b(curl|wget|ADD https?:)", CONTAINERFILE)


def test_what_the_containerfile_copies_is_there_and_is_let_through() -> None:
    """Each source exists, and the ignore file, which lets nothing through by itself, names it."""
    allowed = [
        line[1:]
        for line in (DEPLOY / "Containerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    for line in CONTAINERFILE.splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
                assert source in allowed, source
    assert all((ROOT / name).exists() for name in allowed)


def test_compose_has_the_shape_of_compose() -> None:
    """The schema of the Compose Specification, as check-jsonschema brings it."""
    command = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]
    subprocess.run([*command, str(DEPLOY / "compose.yaml")], check=True, capture_output=True)


def test_compose_exposes_nothing_but_the_vault_on_loopback() -> None:
    """One port, on loopback; PostgreSQL without a network; OPA on a network that leads nowhere."""
    services = COMPOSE["services"]
    assert {name for name, service in services.items() if "ports" in service} == {"privet"}
    assert all(port.startswith("127.0.0.1:") for port in services["privet"]["ports"])
    assert services["postgres"]["network_mode"] == "none"
    assert services["opa"]["networks"] == ["policy"]
    assert COMPOSE["networks"]["policy"] == {"internal": True}


def test_compose_gives_containers_as_little_as_can_be() -> None:
    """No capability, no new privileges, nothing to write to but volumes, not root; bounds on memory and processes."""
    for name, service in COMPOSE["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name
        assert service["pids_limit"] > 0, name
        assert "mem_limit" in service, name
        assert not service.get("privileged"), name
        assert name == "privet" or service["user"].split(":")[0].isdigit(), name
        assert re.search(r":[\w.-]*\d", service["image"]), f"{name}: no version"


def test_compose_has_secrets_as_files_only() -> None:
    """No value of a secret in the environment; each file named is used, and git never sees it."""
    used: set[str] = set()
    for service in COMPOSE["services"].values():
        used |= set(service.get("secrets", []))
        for key, value in service.get("environment", {}).items():
            if re.search(r"(?i)pass|token|secret|_key", key):
                assert value.startswith("/run/secrets/"), key
            named = re.findall(r"/run/secrets/(\w+)", value)
            assert set(named) <= set(service["secrets"]), key
    assert used == set(COMPOSE["secrets"])
    assert all(secret["file"].startswith("./secrets/") for secret in COMPOSE["secrets"].values())
    ignored = (DEPLOY / ".gitignore").read_text().split()
    assert {"/secrets/", "/vault/", "/policy/"} <= set(ignored)


def test_the_settings_in_compose_are_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every PRIVET_ variable is one that Privet reads, and together they are valid."""
    (tmp_path / "privet.toml").write_text(f'format = 1\nvault_id = "{"0" * 32}"\n')
    for key, value in COMPOSE["services"]["privet"]["environment"].items():
        value = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
        monkeypatch.setenv(key, value)
    settings = load_settings(tmp_path)
    assert settings.policy.engine == "opa"
    assert settings.policy.url == "https://opa:8181"
    assert str(settings.policy.ca_file) == "/run/secrets/opa_ca"
    assert settings.serving.serve.host == "0.0.0.0"
    assert str(settings.serving.serve.tls_key) == "/run/secrets/tls_key"
    assert str(settings.serving.serve.metrics_token_file) == "/run/secrets/metrics_token"
    assert settings.database_url.startswith("postgresql+psycopg://")


def opa_flags(command: list[str], folder: Path) -> tuple[str, ...]:
    """Flags of an OPA in deploy/, but for where it listens and what it serves, with the files of a test."""
    kept = [flag for flag in command[2:] if not flag.startswith(("--addr", "--bundle", "--tls", "/"))]
    assert command[:2] == ["run", "--server"]
    return tuple(re.sub(r"/\S*/bundle-key\.pub\.pem", str(folder / "verify.pem"), flag) for flag in kept)


def unit_command(unit: str) -> list[str]:
    text = (DEPLOY / unit).read_text().replace("\\\n", " ")
    return re.search(r"^ExecStart=(.*)$", text, re.MULTILINE)[1].split()[1:]  # type: ignore[index]  # it is there


@pytest.mark.opa
@pytest.mark.parametrize("where", ["compose", "unit"])
def test_opa_starts_with_the_flags_that_are_deployed(where: str, opa: Path, tmp_path: Path) -> None:
    """A real OPA takes them, verifies the bundle, and wants the token."""
    from tests.contract.policy.signed import arguments
    from tests.contract.policy.test_opa_bundle import QUESTIONS, ask

    arguments(tmp_path)  # writes the key that verifies
    command = (
        COMPOSE["services"]["opa"]["command"] if where == "compose" else unit_command("privet-opa.service")
    )
    flags = opa_flags(command, tmp_path)
    assert {"--authentication=token", "--authorization=basic", "--skip-version-check"} <= set(flags)
    assert any(flag.startswith("--verification-key=") for flag in flags)
    with OpaServer(write_signed(BUNDLE, tmp_path), arguments=flags) as server:
        assert ask(server, "POST", QUESTIONS[2], TOKEN) == 200
        assert ask(server, "POST", QUESTIONS[2], None) == 401


def systemd() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        miss("systemd", "systemd-analyze is not on this machine: install Debian's systemd package")
    return found


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units, with a program where theirs would be: systemd looks whether it is there."""
    made = []
    for name in UNITS:
        unit = tmp_path / name
        text = (DEPLOY / name).read_text()
        unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE))
        made.append(unit)
    return made


def test_systemd_takes_the_units(units: list[Path]) -> None:
    """`systemd-analyze verify` has nothing to say: no unknown key, no bad value."""
    done = subprocess.run(
        [systemd(), "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    said = [line for line in (done.stdout + done.stderr).splitlines() if any(u.name in line for u in units)]
    assert (done.returncode, said) == (0, [])


def test_systemd_can_object(units: list[Path]) -> None:
    """A key that is none is found."""
    units[0].write_text(units[0].read_text().replace("ProtectSystem=strict", "ProtectSytem=strict"))
    done = subprocess.run(
        [systemd(), "verify", "--man=no", units[0]], capture_output=True, text=True, check=False
    )
    assert "ProtectSytem" in done.stderr


@pytest.mark.parametrize("unit", UNITS)
def test_the_units_are_hardened(unit: str) -> None:
    """`systemd-analyze security` counts an exposure of at most 2.0 in 10."""
    done = subprocess.run(
        [
            systemd(),
            "security",
            "--offline=yes",
            "--json=short",
            f"--threshold={int(MOST_EXPOSED * 10)}",
            DEPLOY / unit,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-500:]
    assert json.loads(done.stdout)


def test_the_unit_runs_what_there_is() -> None:
    """The command exists, as a user that the file beside it makes, with the passphrase as a credential."""
    text = (DEPLOY / "privet.service").read_text()
    assert re.search(r"^User=privet$", text, re.MULTILINE)
    assert (DEPLOY / "privet.sysusers").read_text().splitlines()[-1].startswith("u privet ")
    assert "LoadCredential=passphrase:" in text
    assert "PRIVET_PASSPHRASE_FILE=%d/passphrase" in text
    assert unit_command("privet.service") == ["serve"]
    help_text = subprocess.run(
        [tool("privet"), "serve", "--help"], capture_output=True, text=True, check=True
    )
    assert "serve" in help_text.stdout


def test_the_vault_runs_without_memory_that_can_be_written_and_executed(tmp_path: Path) -> None:
    """MemoryDenyWriteExecute, where the kernel has it for a process: every native part still loads and decides."""
    script = (
        "import ctypes, os, sys\n"
        "sys.exit(77) if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) else os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    command = [sys.executable, "-c", script, tool("privet")]
    environment = {**os.environ, "PRIVET_PASSPHRASE": "for this test"}
    made = subprocess.run(
        [*command, "init", str(tmp_path / "v")], capture_output=True, text=True, env=environment, check=False
    )
    if made.returncode == 77:
        miss("mdwe", "this kernel has no PR_SET_MDWE (Linux 6.3)")
    assert made.returncode == 0, made.stderr
    looked = subprocess.run(
        [*command, "--vault", str(tmp_path / "v"), "doctor"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert looked.returncode == 0, looked.stdout


def test_the_healthcheck_asks_loopback_only() -> None:
    """Nobody there, another host, or a bad answer: 1, without a traceback."""
    script = DEPLOY / "healthcheck.py"
    for url in (
        f"http://127.0.0.1:{spare_port()}/healthz",
        f"https://localhost:{spare_port()}/",
        "http://example.org/",
    ):
        done = subprocess.run(
            [sys.executable, "-I", script, url], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert "Traceback" not in done.stderr


def test_the_healthcheck_of_a_real_vault(tmp_path: Path) -> None:
    """0 while it serves, 1 when it has stopped."""
    from privet import Vault
    from privet.testing import PASSPHRASE
    from tests.services.vault_server import VaultServer

    Vault.create(tmp_path / "v", passphrase=PASSPHRASE).close()
    command = [sys.executable, "-I", str(DEPLOY / "healthcheck.py")]
    with VaultServer(tmp_path / "v") as server:
        url = f"{server.url}/healthz"
        assert subprocess.run([*command, url], check=False).returncode == 0
        assert subprocess.run([*command, f"{server.url}/nothing"], check=False).returncode == 1
    assert subprocess.run([*command, url], check=False, capture_output=True).returncode == 1


def test_nothing_in_deploy_is_a_program_or_a_secret() -> None:
    """No file may be executed, and none looks like a key."""
    tracked = subprocess.run(
        ["git", "ls-files", "deploy"], capture_output=True, text=True, check=False, cwd=ROOT
    ).stdout.split()
    files: list[Any] = [ROOT / name for name in tracked] or [
        path for path in DEPLOY.iterdir() if path.is_file()
    ]
    for path in files:
        assert not stat.S_IMODE(path.stat().st_mode) & 0o111, path
        assert "PRIVATE KEY" not in path.read_text()


def test_the_certificates_of_the_page_are_certificates(tmp_path: Path) -> None:
    """The commands of docs/deploy.md make one for `opa` that passes OpenSSL's strict look, as Python 3.13 takes it."""
    page = (ROOT / "docs" / "deploy.md").read_text()
    start = page.index("        openssl req -x509")
    script = page[start : page.index("\n\n", start)]
    (tmp_path / "deploy" / "secrets").mkdir(parents=True)
    here = tmp_path / "deploy"
    subprocess.run(["bash", "-euc", script], check=True, capture_output=True, cwd=here)
    strictly = ["openssl", "verify", "-x509_strict", "-verify_hostname", "opa", "-CAfile", "secrets/opa_ca"]
    subprocess.run([*strictly, "secrets/opa_certificate"], check=True, capture_output=True, cwd=here)
    assert {path.name for path in (here / "secrets").iterdir()} == {"opa_ca", "opa_certificate", "opa_key"}
