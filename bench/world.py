"""A folder in which the program can run and be killed: settings, an article, readers, and a ledger to look into.

    with Sqlite() as databases:
        made = Made(folder, databases)                   # slow, once
        world = made.world("published", Settings(port=sink.port, in_doubt="resend"))
        world.digest("run").join()
        world.states()["reader-7@crash.example"]         # "sent"

Two kinds: "ready", where today's issue is still to be made, and "published", where its mails are due.
"""

import contextlib
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal, Protocol

import sender
import sqlalchemy as sa
from postgres import DURABLE, Postgres
from sender import Stop
from terminal import far_from_midnight

from digest import config
from digest.app import App
from digest.model import DeliveryState

Kind = Literal["ready", "published"]
Policy = Literal["hold", "resend"]

LEASE_SECONDS = 60
CONNECTIONS = 4  # of one sender
READERS = 1_200  # more than two claims
DAY = 86400
PENDING = {DeliveryState.QUEUED, DeliveryState.CLAIMED}
_RUNS = 60  # after which what is still due is taken to stay so
_PATIENCE = 120.0  # seconds for one run
_IDLE = 3.0  # seconds, after which a run in which nothing changes is one that waits

_STORY = """{title}

By Ada Writer

PORT ALDER — {title}, and nobody in the harbour office could remember the like. The harbour master closed both gates an
hour early. She said that the pumps had been tested in May and again in September.

Fishermen moved their boats behind the inner wall before dark. The ferry to the islands stayed where it was, with
eleven passengers who had slept on board. A baker brought them bread at six in the morning and would not take money.
"""
ARTICLES = tuple(
    _STORY.format(title=title) for title in ("The tide is high", "Nine goats crossed the new bridge")
)
"""Yesterday's and today's."""

_SETTINGS = """
database = "{database}"
[transport]
kind = "smtp"
host = "127.0.0.1"
security = "none"
port = {port}
timeout_seconds = {timeout_seconds}
connections = {connections}
[delivery]
lease_seconds = {lease_seconds}
retry_minutes = [1]
in_doubt = "{in_doubt}"
[canary]
share = 0
[sources.wire]
kind = "folder"
path = "articles"
language = "en"
[lists.daily]
title = "The Small Digest"
timezone = "{timezone}"
"""
_TIMEZONE = far_from_midnight()


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What differs between worlds."""

    port: int
    in_doubt: Policy = "hold"
    timeout_seconds: int = 20
    lease_seconds: int = LEASE_SECONDS


class Databases(Protocol):
    """Where ledgers are kept."""

    name: str

    def new(self) -> str:
        """Give the URL of an empty one, as a world's settings name it."""

    def copy(self, url: str) -> str:
        """Give the URL of a copy of one."""


class Sqlite:
    """A file in each world, copied with its folder."""

    name = "SQLite"

    def new(self) -> str:
        """Give its URL."""
        return "sqlite:///var/digest.db"

    def copy(self, url: str) -> str:
        """Give the same URL, of the copied folder's file."""
        return url

    def close(self) -> None:
        """Do nothing: there is no server."""


class Postgresql:
    """One server with a database for each world."""

    name = "PostgreSQL"

    def __init__(self) -> None:
        self.server = Postgres(**DURABLE)

    def new(self) -> str:
        """Make an empty one, and give its URL."""
        return self.server.empty()

    def copy(self, url: str) -> str:
        """Make a copy, and give its URL."""
        return self.server.copy(url)

    def close(self) -> None:
        """Stop the server."""
        self.server.remove()


@dataclass
class World:
    """One of them, with its own database and its own clock."""

    folder: Path
    url: str
    ahead: float = 0.0
    processes: list[BaseProcess] = field(default_factory=list)

    def digest(self, *arguments: str, stop: Stop | None = None) -> BaseProcess:
        """Start the program here."""
        process = sender.start(self.folder, *arguments, stop=stop)
        self.processes.append(process)
        return process

    def move_clock(self, seconds: float) -> None:
        """Move the program's clock, also under those that run."""
        self.ahead += seconds
        new = self.folder / "clock.new"
        new.write_text(str(self.ahead), encoding="ascii")
        new.rename(self.folder / "clock")

    def states(self) -> dict[str, DeliveryState]:
        """Give where each reader's mail of today's issue stands."""
        query = (
            "SELECT subscribers.address, deliveries.state FROM deliveries JOIN subscribers"
            " ON subscribers.id = deliveries.subscriber_id"
        )
        with self.engine() as engine, engine.connect() as connection:
            rows = connection.exec_driver_sql(query).all()
        return {address: DeliveryState(state) for address, state in rows}

    def pending(self) -> int:
        """Count the mails that are still to be sent."""
        counts = Counter(self.states().values())
        return sum(counts[state] for state in PENDING)

    def finish(self) -> bool:
        """Run the program again and again, each time when the leases are over; False where something stays due."""
        for _ in range(_RUNS):
            self.move_clock(LEASE_SECONDS + 1)
            process = self.digest("run")
            self._wait_for(process)
            if process.is_alive():
                process.kill()
                process.join()
                return False
            pending = self.pending()
            if process.exitcode == 0 and not pending:
                return True
            if (
                pending and "deliveries resume" in self.said()
            ):  # it has stopped itself, and waits for its operator
                self.digest("deliveries", "resume").join(_PATIENCE)
        return False

    def _wait_for(self, process: BaseProcess) -> None:
        """Wait until a run has ended; while nothing leaves, as where it lets a relay alone, time passes faster."""
        deadline, pending = time.monotonic() + _PATIENCE, -1
        while process.is_alive() and time.monotonic() < deadline:
            process.join(_IDLE)
            if process.is_alive() and pending == (pending := self.pending()):
                self.move_clock(LEASE_SECONDS)

    @contextlib.contextmanager
    def engine(self) -> Iterator[sa.Engine]:
        """Give a way into its database."""
        path = self.folder / "var/digest.db"
        url = (
            f"sqlite:///{path}"
            if self.url.startswith("sqlite")
            else self.url.replace("postgresql:", "postgresql+psycopg:")
        )
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        try:
            yield engine
        finally:
            engine.dispose()

    def said(self) -> str:
        """Give what the program printed."""
        file = self.folder / "said"
        return file.read_text(encoding="utf-8") if file.exists() else ""


class Made:
    """Worlds of both kinds, made once with the program itself and then copied."""

    def __init__(self, folder: Path, databases: Databases, *, readers: int) -> None:
        self._folder = folder / f"{databases.name.lower()}"
        self._databases = databases
        self._count = 0
        self.readers = [f"reader-{number}@crash.example" for number in range(readers)]
        ready = self._template("ready")
        _write(ready / "articles/0.txt", ARTICLES[0])
        _write(ready / "readers.txt", "".join(f"{reader}\n" for reader in self.readers))
        url = databases.new()
        _configure(ready, url, Delivery(port=1))
        world = World(ready, url)
        world.move_clock(0)
        _must(sender.started(_publish, ready, -DAY), world)  # yesterday's issue, for nobody
        _must(world.digest("subscribers", "import", "readers.txt"), world)
        _write(ready / "articles/1.txt", ARTICLES[1])
        published = self._template("published")
        shutil.rmtree(published)
        shutil.copytree(ready, published)
        world = World(published, databases.copy(url))
        _configure(published, world.url, Delivery(port=1))
        _must(sender.started(_publish, published, 0), world)
        self._urls = {"ready": url, "published": world.url}

    def world(self, kind: Kind, delivery: Delivery, *, within: Path | None = None) -> World:
        """Copy one; `within` is another folder for it."""
        self._count += 1
        folder = (within or self._folder) / f"{self._databases.name.lower()}-{self._count}"
        template = self._folder / f"{self._databases.name.lower()}-{kind}"
        shutil.copytree(template, folder)
        world = World(folder, self._databases.copy(self._urls[kind]))
        _configure(folder, world.url, delivery)
        return world

    def _template(self, kind: Kind) -> Path:
        folder = self._folder / f"{self._databases.name.lower()}-{kind}"
        folder.mkdir(parents=True)
        return folder


def _publish(folder: Path, ahead: float) -> None:
    """Collect and publish, and send nothing."""
    os.chdir(folder)
    moment = datetime.now(UTC) + timedelta(seconds=ahead)
    program = App(config.load(Path("config.toml")), clock=lambda: moment)
    program.collect()
    if program.publish("daily") is None:
        raise SystemExit("there is no issue")


def _configure(folder: Path, url: str, delivery: Delivery) -> None:
    text = _SETTINGS.format(
        database=url,
        port=delivery.port,
        timeout_seconds=delivery.timeout_seconds,
        connections=CONNECTIONS,
        lease_seconds=delivery.lease_seconds,
        in_doubt=delivery.in_doubt,
        timezone=_TIMEZONE,
    )
    _write(folder / "config.toml", text)


def _must(process: BaseProcess, world: World) -> None:
    process.join(_PATIENCE)
    if process.exitcode != 0:
        raise RuntimeError(f"status {process.exitcode}: {world.said()}")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
