"""A real PgBouncer in transaction mode before a test's cluster, where the machine has one (Debian: pgbouncer)."""

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from tests.services.parts import spare_port
from tests.services.postgres import USER, PostgresServer


class PgBouncer:
    """One running pooler with two server connections for all its clients. Use it as a context manager."""

    def __init__(self, server: PostgresServer) -> None:
        """Raises FileNotFoundError when the machine has none."""
        program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        if not Path(program).exists():
            raise FileNotFoundError("no pgbouncer on this machine")
        self._server = server
        self._home = Path(tempfile.mkdtemp(prefix="privet-pgbouncer-"))
        self.port = spare_port()
        users, settings = self._home / "users", self._home / "pgbouncer.ini"
        users.write_text(f'"{USER}" "{server.password}"\n')
        settings.write_text(
            f"[databases]\n* = host=127.0.0.1 port={server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.port}\nunix_socket_dir =\nauth_type = plain\nauth_file = {users}\n"
            "pool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 100\n"
        )
        account = server.account
        for path in (self._home, users, settings):
            if account:
                os.chown(path, account["user"], account["group"])
        self._process = subprocess.Popen(
            [program, "-q", str(settings)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd=self._home, **account,
        )  # fmt: skip

    def __enter__(self) -> "PgBouncer":
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with suppress(psycopg.OperationalError), psycopg.connect(self._reach("postgres")):
                return self
            time.sleep(0.05)
        self.__exit__()
        raise TimeoutError("pgbouncer does not answer")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)
        shutil.rmtree(self._home, ignore_errors=True)

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database, by way of the pooler."""
        return self._reach(database).replace("postgresql://", "postgresql+psycopg://")

    def _reach(self, database: str) -> str:
        return f"postgresql://{USER}:{self._server.password}@127.0.0.1:{self.port}/{database}"
