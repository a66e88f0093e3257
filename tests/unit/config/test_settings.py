"""`privet.toml`: written and read back, and refused with file, line, key and fix."""

from dataclasses import replace
from pathlib import Path

import pytest

from privet.config.settings import PolicySettings, default_settings, load_settings, write_settings
from privet.config.settings.environment import find_misspelt
from privet.config.settings.serving import (
    DatabaseSettings,
    IssuerSettings,
    PortalSettings,
    ServeSettings,
    Serving,
    SmtpSettings,
    TelemetrySettings,
)
from privet.config.settings.shape import FileShape
from privet.domain.ids import VaultId
from privet.errors import InvalidInput, Unavailable

VAULT = VaultId(bytes(range(16)))
HEAD = f'format = 1\nvault_id = "{VAULT.hex()}"\n'


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """The defaults of a new vault, and settings that differ from all of them."""
    plain = default_settings(tmp_path, VAULT)
    write_settings(tmp_path, plain)
    assert load_settings(tmp_path) == plain
    changed = replace(
        plain,
        database_url='postgresql+psycopg://u:p"\\@db/privet',
        keyring_path=Path("/safe/keys.json"),
        policy=PolicySettings(
            engine="opa",
            url="http://127.0.0.1:8181",
            token_file=tmp_path / "token",
            ca_file=Path("/ca.pem"),
            certificate_file=tmp_path / "us.crt",
            key_file=tmp_path / "us.key",
            timeout_ms=50,
        ),
        log_origin="privet.example.org/guests",
        journal_path=tmp_path / "j" / "journal",
        database=DatabaseSettings(pool_size=3, pool_wait_s=0.5, allow_plaintext=True),
        serving=Serving(
            serve=ServeSettings(
                host="::1", port=0, tls_certificate=tmp_path / "c.pem", tls_key=Path("/k.pem")
            ),
            issuers=(
                IssuerSettings(issuer="https://a.example", audience="privet", role="services"),
                IssuerSettings(
                    issuer="https://b.example",
                    audience="privet",
                    role="customers",
                    algorithms=("ES256",),
                    claim="email",
                    lookup="email",
                ),
            ),
            portal=PortalSettings(code_minutes=5),
            smtp=SmtpSettings(host="mail", sender='"a"@example.org', password_file=tmp_path / "mail"),
            telemetry=TelemetrySettings(log_level="debug"),
        ),
    )
    write_settings(tmp_path, changed)
    assert load_settings(tmp_path) == changed


@pytest.mark.parametrize("key", ["certificate_file", "key_file"])
def test_a_certificate_for_opa_comes_with_its_key(tmp_path: Path, key: str) -> None:
    """One without the other could only fail later."""
    (tmp_path / "privet.toml").write_text(f'{HEAD}[policy]\n{key} = "us.pem"\n')
    with pytest.raises(InvalidInput, match=rf"^privet\.toml:4: policy\.{key}: needs policy\.\w+ beside it"):
        load_settings(tmp_path)


def test_a_file_of_two_lines_is_enough(tmp_path: Path) -> None:
    """All else has defaults, relative to the vault directory."""
    (tmp_path / "privet.toml").write_text(HEAD)
    found = load_settings(tmp_path)
    assert found.vault_id == VAULT
    assert found.database_url == f"sqlite:///{tmp_path}/vault.db"
    assert found.is_sqlite
    assert found.keyring_path == tmp_path / "keyring.json"
    assert (found.policy.engine, found.policy.timeout_ms) == ("embedded", 200)
    assert found.log_origin == f"privet/{VAULT.hex()}"


def test_paths_do_not_depend_on_where_the_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vault opened by a relative path has absolute paths, so that a later chdir changes nothing."""
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "privet.toml").write_text(HEAD)
    monkeypatch.chdir(tmp_path)
    assert load_settings(Path("v")).database_url == f"sqlite:///{tmp_path}/v/vault.db"


def test_a_relative_database_given_at_the_start_stands_in_the_vault(tmp_path: Path) -> None:
    """A new vault's SQLite path is taken from its directory, as it will be when read back."""
    settings = default_settings(tmp_path, VAULT, database_url="sqlite:///other.db")
    assert settings.database_url == f"sqlite:///{tmp_path}/other.db"


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """A database URL may hold a password: mode 0600, no temporary file left, no URL in the repr."""
    settings = default_settings(tmp_path, VAULT, database_url="postgresql+psycopg://u:hunter2@db/x")
    write_settings(tmp_path, settings)
    assert (tmp_path / "privet.toml").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["privet.toml"]
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    "text, said",
    [
        (HEAD + "[polic]\n", 'privet.toml:3: polic: there is no key "polic"; did you mean "policy"?'),
        (
            HEAD + '[policy]\nengne = "opa"\n',
            'privet.toml:4: policy.engne: there is no key "engne"; did you mean "engine"?',
        ),
        (
            HEAD + '[policy]\nengine = "rego"\n',
            'privet.toml:4: policy.engine: must be "embedded", "opa" or "regopy"',
        ),
        (
            HEAD + '[policy]\nengine = "opa"\n',
            (
                'privet.toml:3: policy.url: is missing; with engine = "opa" it must be the address of an OPA server, '
                'for instance url = "http://127.0.0.1:8181"'
            ),
        ),
        (
            HEAD + "[policy]\ntimeout_ms = 0\n",
            "privet.toml:4: policy.timeout_ms: must be a whole number of milliseconds from 1 to 60000",
        ),
        (
            HEAD + '[database]\nurl = "mysql://x"\n',
            (
                "privet.toml:4: database.url: must start with sqlite:/// or postgresql+psycopg://, "
                'for instance url = "sqlite:///vault.db"'
            ),
        ),
        (HEAD + "[keyring]\npath = 3\n", "privet.toml:4: keyring.path: must be a text in quotes, a path"),
        (HEAD + "keyring = 3\n", "privet.toml:3: keyring: must be a section in [ ]"),
        (
            'format = 1\nvault_id = "abc"\n',
            "privet.toml:2: vault_id: must be 32 hexadecimal digits in quotes, as `privet init` wrote it",
        ),
        (
            "format = 1\n",
            (
                "privet.toml:1: vault_id: is missing; "
                "it must be 32 hexadecimal digits in quotes, as `privet init` wrote it"
            ),
        ),
        (HEAD.replace("format = 1\n", ""), "privet.toml:1: format: is missing; it must be 1"),
        (HEAD.replace("format = 1", "format = true"), "privet.toml:1: format: must be 1"),
        (
            HEAD + '[log]\norigin = "a b"\n',
            (
                "privet.toml:4: log.origin: must be a name without spaces or +, "
                'for instance origin = "privet.example.org/guests"'
            ),
        ),
        (
            HEAD + "[policy\n",
            "privet.toml:3: the file: is not valid TOML; check the quotes and brackets there",
        ),
        (
            HEAD + '[log]\norigin = "a\n\n',
            "privet.toml:4: the file: is not valid TOML; check the quotes and brackets there",
        ),
        (
            HEAD + "[log]\norigin =",
            (
                "privet.toml:4: the file: is not valid TOML; "
                "it ends too early: a value, or the end of a quote or bracket, is missing"
            ),
        ),
        (
            HEAD + '[policy]\ntimeout_ms = 100\n[policy]\nengine = "opa"\n',
            (
                "privet.toml:5: the file: is not valid TOML; a section or key stands twice; "
                "write all of a section's keys below one heading"
            ),
        ),
        (
            HEAD + '[serve]\npublic_url = "https://my.example.org/guests"\n',
            (
                "privet.toml:4: serve.public_url: must be scheme, host and port alone, "
                'for instance public_url = "https://my.example.org"'
            ),
        ),
    ],
)
def test_a_wrong_file_is_refused_with_line_and_fix(tmp_path: Path, text: str, said: str) -> None:
    """One fault, one line, word for word."""
    (tmp_path / "privet.toml").write_text(text)
    with pytest.raises(InvalidInput) as refused:
        load_settings(tmp_path)
    assert str(refused.value) == said


def test_every_fault_is_reported_at_once(tmp_path: Path) -> None:
    """Two wrong keys, two lines."""
    (tmp_path / "privet.toml").write_text(HEAD + '[policy]\nengine = "x"\n[anchors]\npth = "a"\n')
    with pytest.raises(InvalidInput) as refused:
        load_settings(tmp_path)
    assert [line.split(": ")[0] for line in str(refused.value).splitlines()] == [
        "privet.toml:4",
        "privet.toml:6",
    ]


@pytest.mark.parametrize(
    "data", [b"\xff\xfe", b"a = " + b"[" * 50_000, b"#" * 200_000, b"a = \x00", b"=", b"[[format]]"]
)
def test_hostile_bytes_are_invalid_input(tmp_path: Path, data: bytes) -> None:
    """Not UTF-8, absurd nesting, too large, not TOML: one sentence, no other exception."""
    (tmp_path / "privet.toml").write_bytes(data)
    with pytest.raises(InvalidInput, match=r"^privet.toml:\d+: "):
        load_settings(tmp_path)


def test_a_directory_that_is_no_vault_is_unavailable(tmp_path: Path) -> None:
    """No directory, or one without the file: what to do is said."""
    with pytest.raises(Unavailable, match=r"there is no vault at .*; make one with `privet init`"):
        load_settings(tmp_path / "nowhere")
    with pytest.raises(Unavailable, match=r"is no vault: privet\.toml is not there"):
        load_settings(tmp_path)


def test_a_vault_of_a_newer_privet_is_unavailable(tmp_path: Path) -> None:
    """Whatever else a newer format holds, the answer is to upgrade, not a list of unknown keys."""
    (tmp_path / "privet.toml").write_text("format = 2\nshape = 'unknown'\n")
    with pytest.raises(
        Unavailable, match=r"made by a newer Privet \(format 2, this one reads 1\); upgrade Privet"
    ):
        load_settings(tmp_path)


def test_a_disk_that_refuses_is_unavailable(tmp_path: Path) -> None:
    """No traceback of OSError leaves, and nothing is left behind."""
    with pytest.raises(Unavailable, match="cannot be written"):
        write_settings(tmp_path / "missing", default_settings(tmp_path, VAULT))


@pytest.mark.parametrize(
    "text, said",
    [
        ("[serve]\nport = 70000\n", "privet.toml:4: serve.port: must be at most 65535"),
        ("[serve]\nport = '80'\n", "privet.toml:4: serve.port: must be a whole number"),
        ("[serve]\nprot = 80\n", 'privet.toml:4: serve.prot: there is no key "prot"; did you mean "port"?'),
        ("[serve]\nport = 1\ntls_key = 'k'\n", "privet.toml:5: serve.tls_key: needs serve.tls_certificate beside it"),
        ("[policy]\nkey_file = 'k'\n", "privet.toml:4: policy.key_file: needs policy.certificate_file beside it"),
        ("[serve]\ntls_client_ca = 'k'\n", "privet.toml:4: serve.tls_client_ca: asks for certificates over TLS"),
        ("[smtp]\nhost = 'mail'\n", "smtp.sender: is missing"),
        ("[smtp]\nhost = 'mail'\nsender = 'x'\n", "privet.toml:5: smtp.sender: has not the form"),
        ("[telemetry]\nlog_level = 'loud'\n", "telemetry.log_level: must be one of 'debug', 'info'"),
        ("[portal]\nenabled = 'yes'\n", "portal.enabled: must be true or false"),
        ("serve = 3\n", "serve: must be a section in [ ]"),
        ("issuers = 3\n", "issuers: must be a section in [[ ]]"),
        ("[[issuers]]\nissuer = 'https://a'\naudience = 'p'\nrole = 'customers'\n",
         "privet.toml:6: issuers.role: with role"),
        ("[[issuers]]\nissuer = 'https://a'\naudience = 'p'\nrole = 'services'\nalgorithms = ['none']\n",
         "must be one of 'RS256'"),
    ],
)  # fmt: skip
def test_faults_of_the_sections_about_serving(tmp_path: Path, text: str, said: str) -> None:
    """Each names its key and what it must be."""
    (tmp_path / "privet.toml").write_text(HEAD + text)
    with pytest.raises(InvalidInput) as caught:
        load_settings(tmp_path)
    assert said in caught.value.message


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """What no single key can say, each by its line; and which of several issuers it is."""
    good = "[[issuers]]\nissuer = 'https://a'\naudience = 'p'\nrole = 'services'\n"
    bad = good.replace("services", "customers")
    text = f"[policy]\nengine = 'opa'\n[serve]\ntls_key = 'k'\n{good}{bad}{good}"
    (tmp_path / "privet.toml").write_text(HEAD + text)
    with pytest.raises(InvalidInput) as caught:
        load_settings(tmp_path)
    assert [line.partition(" ")[0] for line in caught.value.message.splitlines()] == [
        "privet.toml:3:",
        "privet.toml:6:",
        "privet.toml:14:",
    ]
    (tmp_path / "privet.toml").write_text(HEAD + good + good.replace("audience", "audiens") + good)
    with pytest.raises(InvalidInput) as caught:
        load_settings(tmp_path)
    missing, unknown = caught.value.message.splitlines()
    assert missing == "privet.toml:7: issuers.1.audience: is missing"
    assert unknown.startswith("privet.toml:9: issuers.1.audiens: there is no key")


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key by key, whatever its type; the rest of the section stays as the file has it."""
    (tmp_path / "privet.toml").write_text(HEAD + "[serve]\nport = 1\nhost = '::1'\n")
    for name, value in {
        "PRIVET_SERVE__PORT": "9000",
        "PRIVET_SERVE__GRACEFUL_S": "3",
        "PRIVET_PORTAL__ENABLED": "false",
        "PRIVET_SMTP__HOST": "mail",
        "PRIVET_SMTP__SENDER": "vault@example.org",
        "PRIVET_POLICY__CA_FILE": "ca.pem",
        "PRIVET_ISSUERS": '[{"issuer": "https://a.example", "audience": "privet", "role": "services"}]',
        "PRIVET_PASSPHRASE": "no setting",
        "PRIVET_VAULT_ID": "ff" * 16,
    }.items():
        monkeypatch.setenv(name, value)
    found = load_settings(tmp_path)
    assert (found.serving.serve.port, found.serving.serve.host, found.serving.serve.graceful_s) == (
        9000,
        "::1",
        3.0,
    )
    assert found.serving.portal.enabled is False
    assert found.serving.smtp is not None
    assert found.policy.ca_file == tmp_path / "ca.pem"
    assert [issuer.audience for issuer in found.serving.issuers] == ["privet"]
    assert found.vault_id == VAULT


@pytest.mark.parametrize(
    "name, value, said",
    [
        ("PRIVET_SERVE__PORT", "70000", "PRIVET_SERVE__PORT: must be at most 65535"),
        ("PRIVET_SERVE__PORT", "many", "PRIVET_SERVE__PORT: must be a whole number"),
        ("PRIVET_SERVE__PROT", "1", 'PRIVET_SERVE__PROT: there is no key "prot"; did you mean "port"?'),
        ("PRIVET_POLICY__ENGINE", "magic", 'PRIVET_POLICY__ENGINE: must be "embedded"'),
        ("PRIVET_ISSUERS", "[{]", "PRIVET_ISSUERS: must be a JSON list of issuers"),
        ("PRIVET_ISSUERS", '[{"issuer": "https://a"}]', "PRIVET_ISSUERS: is missing"),
    ],
)
def test_faults_of_the_environment_name_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    """Nobody looks for the line of a file that does not say it; the value is not repeated."""
    (tmp_path / "privet.toml").write_text(HEAD)
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput) as caught:
        load_settings(tmp_path)
    assert said in caught.value.message
    assert "privet.toml" not in caught.value.message


def test_a_variable_with_one_underscore_too_few_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be read by nobody; other variables of ours are what they are."""
    for name in (
        "PRIVET_SERVE_PORT",
        "PRIVET_SERVE__HOST",
        "PRIVET_VAULT",
        "PRIVET_PASSPHRASE_FILE",
        "PRIVET_SMTP_HOST",
    ):
        monkeypatch.setenv(name, "x")
    assert find_misspelt(FileShape) == {
        "PRIVET_SERVE_PORT": "PRIVET_SERVE__PORT",
        "PRIVET_SMTP_HOST": "PRIVET_SMTP__HOST",
    }


@pytest.mark.parametrize(
    "name, value", [("PRIVET_LOG", "debug"), ("PRIVET_DATABASE", "{}"), ("PRIVET_SMTP", "mail")]
)
def test_a_variable_of_a_whole_section_is_no_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Somebody else's, or meant otherwise: what stands beside it still counts, and it changes nothing."""
    (tmp_path / "privet.toml").write_text(HEAD)
    before = load_settings(tmp_path)
    monkeypatch.setenv(name, value)
    assert load_settings(tmp_path) == before
    monkeypatch.setenv("PRIVET_SERVE__PORT", "9000")
    found = load_settings(tmp_path)
    assert found.serving.serve.port == 9000
    assert replace(found, serving=before.serving) == before


@pytest.mark.parametrize("key", ["1", '"\u00b2"', '"\u0663"'])
@pytest.mark.parametrize("section", ["", "[serve]\n", "[[issuers]]\n"])
def test_a_key_of_digits_is_an_unknown_key(tmp_path: Path, section: str, key: str) -> None:
    """It is the key that is told, as of any other, and none of its section."""
    (tmp_path / "privet.toml").write_text(f"{HEAD}{section}{key} = 2\n", encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        load_settings(tmp_path)
    assert f"there is no key {key.replace('1', chr(34) + '1' + chr(34), 1)}" in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "[keyring]\npath = 'a\\u0000b'\n",
        "[serve]\ntls_certificate = 'c'\ntls_key = 'a\\u0000b'\n",
        "[policy]\ntoken_file = 'a\\u0000b'\n",
    ],
)
def test_a_path_with_a_nul_is_refused(tmp_path: Path, text: str) -> None:
    """No file has such a name: each way to open it would fail in a way of its own."""
    (tmp_path / "privet.toml").write_text(HEAD + text.replace("'", '"'))
    with pytest.raises(InvalidInput, match=r"^privet\.toml:\d: \w+\.\w+: "):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:99999", "http://opa:port", "http://[::1", "https://", "http://:8181", "http://a:0"],
)
def test_an_address_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    """Of OPA, an issuer, its keys or a collector: here, and not by whoever takes it apart later."""
    good = "issuer = 'https://a'\naudience = 'p'\nrole = 'services'\n"
    for text in (
        f"[policy]\nurl = '{url}'\n",
        f"[[issuers]]\n{good.replace('https://a', url)}",
        f"[[issuers]]\n{good}jwks_url = '{url}'\n",
        f"[telemetry]\notlp_endpoint = '{url}'\n",
    ):
        (tmp_path / "privet.toml").write_text(HEAD + text)
        with pytest.raises(InvalidInput, match=r"^privet\.toml:\d: "):
            load_settings(tmp_path)


def test_a_contradiction_names_the_variable_that_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As any other fault of the environment does: no line of the file has it."""
    (tmp_path / "privet.toml").write_text(HEAD)
    monkeypatch.setenv("PRIVET_SERVE__TLS_KEY", "key.pem")
    monkeypatch.setenv(
        "PRIVET_ISSUERS", '[{"issuer": "https://a", "audience": "privet", "role": "customers"}]'
    )
    with pytest.raises(InvalidInput) as caught:
        load_settings(tmp_path)
    assert [line.partition(":")[0] for line in caught.value.message.splitlines()] == [
        "PRIVET_SERVE__TLS_KEY",
        "PRIVET_ISSUERS",
    ]


@pytest.mark.parametrize("name", ["v" * 300, "v/" * 3_000, "file/v", "nul\0"])
def test_a_directory_that_nobody_can_look_into_is_unavailable(tmp_path: Path, name: str) -> None:
    """A name that is too long, below a file, or none at all: no error of the operating system leaves."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(Unavailable):
        load_settings(tmp_path / name)
