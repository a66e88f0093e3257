"""The way to the database server: TLS by a private authority, and what is refused. Real certificates and servers."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from privet.config.settings.serving import DatabaseSettings
from privet.domain.ids import VaultId, WorkerId
from privet.domain.ports import Store
from privet.errors import InvalidInput, PrivetError, Unavailable
from privet.store.address import parse_address
from privet.store.faults import UNPROVEN
from privet.store.opening import open_store
from tests.contract.store.conftest import VAULT
from tests.contract.store.rows import T0
from tests.services.certificates import Authority
from tests.services.parts import miss
from tests.services.postgres import PostgresServer, PostgresUnavailable

pytestmark = pytest.mark.postgres


def open_at(url: str, settings: DatabaseSettings | None = None) -> Store:
    return open_store(
        url,
        create=True,
        vault=VaultId(VAULT),
        worker=WorkerId(bytes.fromhex("0123456789abcdef" * 2)),
        origin="o",
        clock=lambda: T0,
        randomness=os.urandom,
        database=settings,
    )


AUTHORITY = Authority()


@pytest.fixture(scope="module")
def tls_server() -> Iterator[PostgresServer]:
    """A server whose certificate names `localhost`, not 127.0.0.1."""
    certificate, key = AUTHORITY.issue("localhost")
    settings = {"ssl": "on", "ssl_cert_file": "s.crt", "ssl_key_file": "s.key"}
    try:
        server = PostgresServer(settings, {"s.crt": certificate, "s.key": key})
    except PostgresUnavailable as error:
        miss("postgres", str(error))
    with server:
        yield server


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(AUTHORITY.pem)
    return path


def test_a_private_authority_is_verified(tls_server: PostgresServer, ca: Path) -> None:
    """sslmode=verify-full and the authority's certificate: TLS is on, and the session tells which worker it is."""
    url = tls_server.url(tls_server.create_database()).replace("127.0.0.1", "localhost")
    store = open_at(f"{url}?sslmode=verify-full&sslrootcert={ca}")
    try:
        rows = tls_server.execute(
            "SELECT s.ssl, a.application_name FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) "
            "WHERE a.application_name LIKE 'privet %'"
        )
        assert rows == [(True, "privet 01234567")]
    finally:
        store.close()


@pytest.mark.parametrize("wrong", ["authority", "name", "plaintext"])
def test_who_does_not_prove_itself_is_refused(
    tls_server: PostgresServer, postgres_server: PostgresServer, ca: Path, wrong: str
) -> None:
    """Another authority, another host name, a server without TLS: one sentence, nothing of the URL."""
    server = postgres_server if wrong == "plaintext" else tls_server
    url = server.url(server.create_database())
    if wrong != "name":
        url = url.replace("127.0.0.1", "localhost")
    if wrong == "authority":
        ca.write_bytes(Authority().pem)
    with pytest.raises(Unavailable) as caught:
        open_at(f"{url}?sslmode=verify-full&sslrootcert={ca}")
    assert caught.value.message == UNPROVEN
    assert server._password not in str(caught.value)
    assert caught.value.__cause__ is None


BEYOND = [
    "postgresql+psycopg://u@db.example.org/p",
    "postgresql+psycopg://u@db.example.org/p?sslmode=require",
    "postgresql+psycopg://u@db.example.org/p?sslmode=verify-ca",
    "postgresql+psycopg://u@10.0.0.7/p",
    "postgresql+psycopg://u@127.0.0.1,db.example.org/p",
    "postgresql+psycopg://u@localhost/p?hostaddr=10.0.0.7",
    "postgresql+psycopg:///p?host=10.0.0.7",
    "postgresql+psycopg:///p?service=live",
]


@pytest.mark.parametrize("url", BEYOND)
def test_a_server_beyond_loopback_must_prove_itself(url: str) -> None:
    """Refused before any connection, unless it verifies, or the settings say that plaintext is meant."""
    with pytest.raises(Unavailable, match="sslmode=verify-full"):
        parse_address(url, DatabaseSettings()).verify_safe()
    parse_address(url, DatabaseSettings(allow_plaintext=True)).verify_safe()
    joined = "&" if "?" in url else "?"
    verified = (
        url.replace("sslmode=require", "").replace("sslmode=verify-ca", "") + f"{joined}sslmode=verify-full"
    )
    if "service" not in url:
        parse_address(verified.replace("?&", "?"), DatabaseSettings()).verify_safe()


@pytest.mark.parametrize("variable", ["PGHOST", "PGHOSTADDR", "PGSERVICE"])
def test_the_environment_cannot_lead_elsewhere(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that the URL leaves out is the environment's, and so is judged."""
    monkeypatch.setenv(variable, "10.0.0.7")
    with pytest.raises(Unavailable, match="sslmode=verify-full"):
        parse_address("postgresql+psycopg:///p", DatabaseSettings()).verify_safe()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://u:secret-password@[::1/p",
        "postgresql+psycopg://h/p?colour=secret-password",
        "mysql://x/y",
    ],
)
def test_a_url_that_is_none(url: str) -> None:
    """One sentence, without the URL."""
    with pytest.raises(InvalidInput) as caught:
        parse_address(url, DatabaseSettings())
    assert "secret-password" not in str(caught.value)


def test_nothing_shows_the_password() -> None:
    """Neither the address nor what is said of it."""
    address = parse_address("postgresql+psycopg://u:secret-password@localhost/p", DatabaseSettings())
    assert "secret-password" not in repr(address)
    assert address.parameters(WorkerId(bytes(16)))["password"] == "secret-password"


@pytest.mark.parametrize("source", ["PGPASSFILE", "PGPASSWORD"])
def test_the_password_may_stand_elsewhere(
    postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """In a 0600 file that PGPASSFILE names, or in the environment."""
    password = postgres_server._password
    url = postgres_server.url(postgres_server.create_database()).replace(f":{password}@", "@")
    with pytest.raises(PrivetError):
        open_at(url)
    if source == "PGPASSFILE":
        file = tmp_path / "pgpass"
        file.write_text(f"127.0.0.1:{postgres_server.port}:*:privet:{password}\n")
        file.chmod(0o600)
        monkeypatch.setenv("PGPASSFILE", str(file))
    else:
        monkeypatch.setenv("PGPASSWORD", password)
    open_at(url).close()
