"""Who asks, and of whom: tokens that change, certificates real and false, and nothing taken from the environment."""

import base64
import copy
import json
import pickle
import ssl
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

import privet
from privet.errors import InvalidInput, Unauthenticated, Unavailable
from tests.contract.sdk.faces import Make
from tests.contract.sdk.scripted import HER, VIEW, Scripted, answer, problem

NO = problem(401, "unauthenticated")


def fetch(client: Any) -> Any:
    return client.fetch(HER, purpose="stay", fields=["given_name"])


def tokens(server: Scripted) -> list[str | None]:
    return [(got.header("Authorization") or "").removeprefix("Bearer ") for got in server.got]


def jwt(expires_in: float) -> str:
    claims = json.dumps({"exp": int(time.time() + expires_in)}).encode()
    return f"e30.{base64.urlsafe_b64encode(claims).rstrip(b'=').decode()}.sig{expires_in}"


def test_a_callable_is_asked_once_and_again_when_refused(make: Make) -> None:
    """Its token is kept until the vault says 401; then another is fetched, and the request sent again."""
    given = iter(["one", "two", "three"])
    with Scripted(answer(VIEW), answer(VIEW), NO, answer(VIEW)) as server:
        client = make(server.url, token=lambda: next(given))
        for _ in range(4):
            fetch(client)
        assert tokens(server) == ["one", "one", "one", "two", "two"]


def test_a_token_that_stays_refused_is_an_error(make: Make) -> None:
    """One renewal a request, no more; and none where there is no other token."""
    given = iter(["one", "two", "three"])
    for token, asked in ((lambda: next(given), 2), (lambda: "x", 1), ("x", 1)):
        with Scripted(NO) as server:
            with pytest.raises(Unauthenticated):
                fetch(make(server.url, token=token, retries=5))
            assert len(server.got) == asked


def test_a_jwt_is_renewed_before_it_ends(make: Make) -> None:
    """Half a minute before; one that lasts is kept."""
    short, long = jwt(20), jwt(3600)
    given = iter([short, long, "never"])
    with Scripted(answer(VIEW)) as server:
        client = make(server.url, token=lambda: next(given))
        for _ in range(3):
            fetch(client)
        assert tokens(server) == [short, long, long]


def test_a_token_file_is_read_again_when_refused(make: Make, tmp_path: Path) -> None:
    """As secrets are rotated under a process that runs."""
    path = tmp_path / "token"
    path.write_text("old\n")
    with Scripted(answer(VIEW), NO, answer(VIEW)) as server:
        client = make(server.url, token=None, token_file=path)
        fetch(client)
        path.write_text("new\n")
        fetch(client)
        assert tokens(server) == ["old", "old", "new"]
        path.unlink()
        server.steps[:] = [NO]
        with pytest.raises(Unavailable, match="token_file"):
            fetch(client)


def test_an_awaitable_token() -> None:
    """AsyncClient takes a coroutine function; many calls at once fetch one token."""
    import asyncio

    asked = 0

    async def token() -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.05)
        return "t"

    async def main(url: str) -> None:
        async with privet.AsyncClient(url, token=token) as client:
            await asyncio.gather(*(fetch(client) for _ in range(10)))

    with Scripted(answer(VIEW)) as server:
        asyncio.run(main(server.url))
        assert tokens(server) == ["t"] * 10
    assert asked == 1


def test_threads_fetch_one_token() -> None:
    """While one fetches it, the others wait."""
    asked = []

    def token() -> str:
        asked.append(threading.get_ident())
        time.sleep(0.05)
        return "t"

    with Scripted(answer(VIEW)) as server, privet.Client(server.url, token=token) as client:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: fetch(client), range(8)))
        assert len(asked) == 1


def test_what_a_callable_raises_is_the_callers(make: Make) -> None:
    """It is not dressed up; and what is no token is refused."""

    def broken() -> str:
        raise ZeroDivisionError

    with Scripted(answer(VIEW)) as server:
        with pytest.raises(ZeroDivisionError):
            fetch(make(server.url, token=broken))
        for bad in ("", "two words", "line\r\nX-Evil: 1", "é"):
            with pytest.raises(InvalidInput, match="is not one line" if bad else "the token is empty"):
                fetch(make(server.url, token=lambda bad=bad: bad))
        assert server.got == []


def test_the_environment_gives_a_token_and_nothing_else(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """PRIVET_TOKEN or PRIVET_TOKEN_FILE where no credential is passed; no proxy, no .netrc."""
    (tmp_path / "token").write_text("from-file")
    (tmp_path / ".netrc").write_text("machine localhost login a password b\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with Scripted(answer(VIEW)) as proxy, Scripted(answer(VIEW)) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        with pytest.raises(InvalidInput, match="PRIVET_TOKEN"):
            make(server.url, token=None)
        monkeypatch.setenv("PRIVET_TOKEN_FILE", str(tmp_path / "token"))
        fetch(make(server.url, token=None))
        monkeypatch.setenv("PRIVET_TOKEN", "from-environment")
        fetch(make(server.url, token=None))
        fetch(make(server.url, token="passed"))
        assert tokens(server) == ["from-file", "from-environment", "passed"]
        assert proxy.got == []


def test_a_token_shows_nowhere(make: Make) -> None:
    """Not in a repr, an error, a pickle, a copy or a traceback's locals of ours that anybody prints."""
    secret = "privet_abcdefgh_" + "S" * 43
    with Scripted(answer(b"x", 500)) as server:
        for client in (privet.Client(server.url, token=secret), privet.AsyncClient(server.url, token=secret)):
            assert secret not in repr(client) + str(client) + repr(vars(client))
            for leak in (pickle.dumps, copy.copy, copy.deepcopy):
                with pytest.raises(TypeError, match="cannot be pickled"):
                    leak(client)
        with pytest.raises(Unavailable) as refused:
            fetch(make(server.url, token=secret))
        assert secret not in repr(refused.value)
        report = traceback.TracebackException.from_exception(refused.value, capture_locals=True)
        ours = [frame for frame in report.stack if "/privet/sdk/" in frame.filename]
        assert len(ours) > 0
        assert secret not in "".join(str(frame.locals) for frame in ours)
    for bad in (secret + "\n" + secret, "é" + secret):
        with pytest.raises(InvalidInput) as wrong:
            make("http://localhost:1", token=bad)
        assert secret not in str(wrong.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://vault.example:8443", "http://10.0.0.1", "http://localhost.example", "http://127.0.0.1.example",
        "ftp://vault", "vault:8443", "", "https://", "https://user:secret@vault", "https://vault?x=1", "https://vault#x",
        "https://vault:99999", "https://vault:x", "https://va ult", "https://vault\n", "https://vaült", 7, None, b"https://vault",
    ],
)  # fmt: skip
def test_addresses_that_are_not_taken(make: Make, url: object) -> None:
    """Plain HTTP beyond loopback, names and passwords, queries, no host: said at once, and not repeated."""
    with pytest.raises(InvalidInput) as refused:
        make(url)
    assert refused.value.field == "url"
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["http://localhost:1", "http://127.0.0.1", "http://[::1]:8080", "https://vault", "HTTPS://v/x/"]
)
def test_addresses_that_are_taken(make: Make, url: str) -> None:
    """https, and loopback in any spelling."""
    make(url)


def _context(papers: Path, host: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(papers / f"{host}.pem", papers / f"{host}.key")
    return context


def test_tls_by_its_own_authority(make: Make, papers: Path) -> None:
    """`ca_file` names whom to believe; the connection is kept as any other."""
    with Scripted(answer(VIEW), context=_context(papers, "localhost")) as server:
        client = make(server.url, ca_file=papers / "ca.pem")
        for _ in range(3):
            assert fetch(client)["given_name"] == "Ada"
        assert server.connections == 1


def test_no_word_to_a_vault_that_does_not_prove_itself(make: Make, papers: Path) -> None:
    """An unknown authority, another host's certificate: Unavailable, tried once, and no request was sent."""
    for host, ca, why in (
        ("localhost", None, "ca_file"),
        ("elsewhere.example", papers / "ca.pem", "for another name"),
    ):
        with Scripted(answer(VIEW), context=_context(papers, host)) as server:
            with pytest.raises(Unavailable, match=why):
                fetch(make(server.url, ca_file=ca, retries=3))
            assert (server.got, server.connections) == ([], 1)


def test_a_client_certificate_is_shown(make: Make, papers: Path) -> None:
    """With a token or without: the certificate is credential enough."""
    context = _context(papers, "localhost")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(papers / "ca.pem")
    own = (papers / "desk.pem", papers / "desk.key")
    with Scripted(answer(VIEW), context=context) as server:
        fetch(make(server.url, token=None, certificate=own, ca_file=papers / "ca.pem"))
        fetch(make(server.url, token="t", certificate=own, ca_file=papers / "ca.pem"))
        assert tokens(server) == ["", "t"]
        shown = x509.load_pem_x509_certificate(own[0].read_bytes()).public_bytes(serialization.Encoding.DER)
        assert server.peer_certificates == [shown, shown]
        with pytest.raises(Unavailable):
            fetch(make(server.url, ca_file=papers / "ca.pem", retries=0))


def test_papers_that_cannot_be_used(make: Make, papers: Path, tmp_path: Path) -> None:
    """InvalidInput names the argument; an encrypted key asks nobody at a terminal."""
    (tmp_path / "empty").write_text("")
    bad: list[dict[str, Any]] = [
        {"ca_file": tmp_path / "none"},
        {"ca_file": tmp_path / "empty"},
        {"certificate": (papers / "desk.pem", tmp_path / "none")},
        {"certificate": (papers / "desk.pem", papers / "localhost.key")},
        {"certificate": (papers / "desk.pem", papers / "desk.locked")},
        {"certificate": papers / "desk.pem"},
    ]
    for options in bad:
        with pytest.raises(InvalidInput) as refused:
            make("https://localhost:1", **options)
        assert refused.value.field in options
    with pytest.raises(InvalidInput, match="https"):
        make("http://localhost:1", ca_file=papers / "ca.pem")
    with pytest.raises(InvalidInput, match="not both"):
        make("https://localhost:1", token_file=tmp_path / "empty")
    with pytest.raises(InvalidInput):
        make("https://localhost:1", token=7)
