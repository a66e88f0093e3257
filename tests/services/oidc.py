"""Real OpenID providers for tests: one that gives services tokens, one that signs people in.

`ClientIssuer` is panva/node-oidc-provider (certified), with client credentials and JWT access tokens (RFC 9068); it
needs Node, and npm once. `PeopleIssuer` is oidc-provider-mock: authorization code, ID tokens.
"""

import fcntl
import http.cookiejar
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from tests.services.parts import spare_port

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "tests" / "tools" / "oidc"
HOME = ROOT / ".tools" / "oidc"
_START_S = 40.0
_INSTALL_S = 300.0


class OidcUnavailable(Exception):
    """No such provider on this machine, with the reason in plain words."""


@cache
def install() -> Path:
    """The provider's folder, installed from the lock file. Raises OidcUnavailable."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise OidcUnavailable("no Node.js and npm")
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "installing").open("w") as turn:  # several test processes, one folder
        fcntl.flock(turn, fcntl.LOCK_EX)
        _install()
    return HOME


def _install() -> None:
    lock = (SOURCE / "package-lock.json").read_bytes()
    installed = HOME / "installed-lock.json"
    if not installed.is_file() or installed.read_bytes() != lock:
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(SOURCE / name, HOME / name)
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=HOME,
            capture_output=True,
            text=True,
            timeout=_INSTALL_S,
            check=False,
        )
        if done.returncode != 0:
            raise OidcUnavailable(f"npm could not install oidc-provider: {done.stderr.strip()[-300:]}")
        installed.write_bytes(lock)
    shutil.copyfile(SOURCE / "provider.mjs", HOME / "provider.mjs")


def make_key(alg: str, kid: str) -> Key:
    """A fresh private key for an algorithm."""
    named = {"kid": kid, "alg": alg, "use": "sig"}
    if alg == "ES256":
        return ECKey.generate_key("P-256", parameters=named)  # type: ignore[arg-type]
    if alg == "EdDSA":
        return OKPKey.generate_key("Ed25519", parameters=named)  # type: ignore[arg-type]
    return RSAKey.generate_key(2048, parameters=named)  # type: ignore[arg-type]


class _Process:
    """A child that serves `url`, and its end."""

    def __init__(self, command: Sequence[str], cwd: Path, url: str, probe: str) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  a pipe would fill, and the child wait
        self._child = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=self._said, stderr=subprocess.STDOUT
        )
        until = time.monotonic() + _START_S
        while time.monotonic() < until and self._child.poll() is None:
            try:
                with urllib.request.urlopen(url + probe, timeout=5):
                    return
            except OSError:
                time.sleep(0.05)
        self._said.seek(0)
        said = self._said.read()[-500:]
        self.stop()
        raise OidcUnavailable(f"the provider did not start: {said.decode(errors='replace')}")

    def stop(self) -> None:
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()
        self._said.close()


class ClientIssuer:
    """An issuer of client-credential tokens. Use it as a context manager, or call stop()."""

    def __init__(
        self,
        clients: Mapping[str, str],
        *,
        keys: Sequence[Key] | None = None,
        audience: str = "privet",
        seconds: int = 300,
    ) -> None:
        """`clients`: the algorithm of each client's tokens. Raises OidcUnavailable."""
        self._home = install()
        self._clients = {name: {"secret": f"secret of {name}", "alg": alg} for name, alg in clients.items()}
        self._told = {"audience": audience, "seconds": seconds, "clients": self._clients}
        self._port = spare_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.keys = list(keys or [make_key(alg, f"{alg}-1") for alg in sorted(set(clients.values()))])
        self._process: _Process | None = None
        self.start()

    def __enter__(self) -> "ClientIssuer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts it at the address it had."""
        told = {
            **self._told,
            "port": self._port,
            "keys": [key.as_dict(private=True) for key in self.keys],
        }
        command = ["node", "provider.mjs", json.dumps(told)]
        self._process = _Process(command, self._home, self.url, "/.well-known/openid-configuration")

    def stop(self) -> None:
        """Again is no error."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def rotate(self, keys: Sequence[Key]) -> None:
        """Goes on with other keys; the old ones are no longer published."""
        self.stop()
        self.keys = list(keys)
        self.start()

    def token(self, client: str, *, scope: str = "read") -> str:
        """A fresh access token, as the client itself gets one."""
        answer = _post(
            f"{self.url}/token",
            {
                "grant_type": "client_credentials",
                "scope": scope,
                "client_id": client,
                "client_secret": self._clients[client]["secret"],
            },
        )
        return str(answer["access_token"])


class PeopleIssuer:
    """An issuer of ID tokens about people, who sign in by naming themselves."""

    def __init__(self, people: Mapping[str, Mapping[str, Any]]) -> None:
        """`people`: claims by subject. Raises OidcUnavailable."""
        port = spare_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
        for subject, claims in people.items():
            command += ["--user-claims", json.dumps({"sub": subject, **claims})]
        self._process = _Process(command, ROOT, self.url, "/.well-known/openid-configuration")

    def __enter__(self) -> "PeopleIssuer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Again is no error."""
        self._process.stop()

    def id_token(self, subject: str, *, client: str = "privet") -> str:
        """Signs in as a browser would, and redeems the code as the client would."""
        back = "http://127.0.0.1/back"
        asked = urllib.parse.urlencode(
            {
                "client_id": client,
                "redirect_uri": back,
                "response_type": "code",
                "scope": "openid email profile",
            }
        )
        browser = urllib.request.build_opener(
            _NoRedirect, urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        )
        location = ""
        try:
            browser.open(
                f"{self.url}/oauth2/authorize?{asked}", urllib.parse.urlencode({"sub": subject}).encode()
            )
        except urllib.error.HTTPError as sent_back:
            with sent_back:
                location = sent_back.headers["location"]
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)["code"][0]
        answer = _post(
            f"{self.url}/oauth2/token",
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": back,
                "client_id": client,
                "client_secret": "any",
            },
        )
        return str(answer["id_token"])


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _post(url: str, form: Mapping[str, str]) -> Any:
    body = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(url, body, timeout=20) as answer:
        return json.load(answer)
