"""A client whose address is wrong says so in one sentence, with what to do; both clients, by the same words."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from privet.errors import InvalidInput, NotFound, Unavailable
from privet.testing import PASSPHRASE, make_vault
from tests.contract.sdk import every_type
from tests.contract.sdk.faces import Make
from tests.contract.sdk.scripted import HER, VIEW, Scripted, Step, answer, hang_up, problem, raw
from tests.services.vault_server import VaultServer

PAGE = b"<html>canary-4711</html>"
OUGHT = "scheme, host and port, such as https://vault.example:8443"


def fetch(client: Any) -> Any:
    return client.fetch(HER, purpose="stay", fields=["given_name"])


def said(client: Any, kind: type[Exception] = Unavailable) -> str:
    with pytest.raises(kind) as failed:
        fetch(client)
    text = str(failed.value)
    assert "canary" not in text
    assert failed.value.__cause__ is failed.value.__context__ is None
    return text


def test_nothing_listens_there(make: Make) -> None:
    """The address is named: host and port are to be checked."""
    assert "nothing listens at http://127.0.0.1:1; check host and port" in said(
        make("http://127.0.0.1:1", retries=0)
    )


def test_a_slip_in_the_host(make: Make) -> None:
    """No such name: its spelling is to be checked."""
    assert "the name vualt.invalid is not known here; check its spelling" in said(
        make("https://vualt.invalid:8443", retries=0)
    )


PAGES: dict[str, tuple[Step, str]] = {
    "a proxy's 502": (answer(PAGE, 502, kind="text/html"), "answers 502 and the vault does not: check that"),
    "somebody's 404": (answer(PAGE, 404, kind="text/html"), "is not a vault"),
    "somebody's 400": (answer(PAGE, 400, kind="text/html"), "check scheme, host, port and path"),
    "somebody's page": (answer(PAGE, 200, kind="text/html"), "does not speak this API: check scheme, host"),
    "a redirect": (answer(b"", 301, Location="https://canary.example/"), "redirect, which is never followed"),
    "no HTTP": (
        raw(b"220 canary smtp ready\r\n"),
        "does not speak HTTP: if the port is one for TLS, write https://",
    ),
    "silence": (
        hang_up,
        "ended the connection without an answer: if the port is one for TLS, write https://",
    ),
}


@pytest.mark.parametrize("what", PAGES)
def test_what_answers_is_no_vault(make: Make, what: str) -> None:
    """A proxy, another server, another protocol: told apart, and nothing of what it sent is repeated."""
    step, sentence = PAGES[what]
    with Scripted(step) as server:
        assert sentence in said(make(server.url, retries=0))


def test_the_vault_has_no_such_path(make: Make) -> None:
    """Its own 404 means the address: no route of a service answers so."""
    with Scripted(problem(404, "not_found", "canary")) as server:
        assert OUGHT in said(make(f"{server.url}/guests"), NotFound)


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/fetch", "/proxied/v1", "/my"])
def test_a_path_of_the_api_is_no_address(make: Make, path: str) -> None:
    """Refused when the client is made; a proxy's own prefix is not."""
    with pytest.raises(InvalidInput, match="without a path such as /v1"):
        make(f"https://vault.example:8443{path}")
    for prefix in ("", "/", "/guests", "/my-proxy"):
        make(f"https://vault.example:8443{prefix}")


def test_plain_http_to_a_tls_port(make: Make, papers: Path) -> None:
    """https:// is to be written."""
    with _over_tls(papers, "localhost") as server:
        assert "if the port is one for TLS, write https://" in said(
            make(server.url.replace("https", "http"), retries=0)
        )


def test_tls_to_a_plain_port(make: Make, tmp_path: Path) -> None:
    """Of a real vault: the port is to be checked."""
    make_vault(tmp_path / "v", every_type.CATALOGUE, every_type.NOTICES).close()
    with VaultServer(tmp_path / "v", passphrase=PASSPHRASE) as server:
        assert "does not speak TLS: check the port" in said(
            make(server.url.replace("http", "https"), retries=0, timeout=20.0)
        )


@pytest.mark.parametrize("when", ["at once", "with a reset", "after a moment", "as it hears the first bytes"])
def test_who_hangs_up_before_there_is_tls_is_asked_again(make: Make, when: str) -> None:
    """A vault that is just being started anew does so, or the proxy before it: that is no wrong port."""
    came: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up_on_all() -> None:
            with suppress(OSError):
                while True:
                    one = listener.accept()[0]
                    came.append(1)
                    if when == "with a reset":
                        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    elif when == "after a moment":
                        time.sleep(0.001)  # unread bytes make the kernel reset the connection
                    elif when == "as it hears the first bytes":
                        one.recv(1)
                    one.close()

        threading.Thread(target=hang_up_on_all, daemon=True).start()
        client = make(f"https://127.0.0.1:{listener.getsockname()[1]}", retries=1, timeout=20.0)
        told = {said(client) for _ in range(10)}
        listener.shutdown(socket.SHUT_RDWR)
    assert {each.rpartition(" ended ")[2] for each in told} == {
        "the connection without an answer; check host and port"
    }
    assert len(came) >= 20


BY_CERTIFICATE: dict[str, tuple[str, Callable[[Path], dict[str, Any]], str]] = {
    "an unknown authority": ("localhost", lambda _: {}, "name its authority with ca_file="),
    "another name": (
        "elsewhere.example",
        lambda papers: {"ca_file": papers / "ca.pem"},
        "is for another name: use the name that it was made for",
    ),
}


@pytest.mark.parametrize("what", BY_CERTIFICATE)
def test_a_certificate_that_does_not_prove_it(make: Make, papers: Path, what: str) -> None:
    """What is wrong with it is told apart: an authority to be named, or a name to be used."""
    whose, options, sentence = BY_CERTIFICATE[what]
    with _over_tls(papers, whose) as server:
        assert sentence in said(make(server.url, retries=0, **options(papers)))


def _over_tls(papers: Path, whose: str) -> Scripted:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(papers / f"{whose}.pem", papers / f"{whose}.key")
    return Scripted(answer(VIEW), context=context)
