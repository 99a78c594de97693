"""A program with many readers and a letter of about 50 KB, encoded.

    many = Many(folder, "sqlite:///digest.db", readers=20_000, transport={...})
    many.due(5_000)                    # of them have not been sent theirs
    many.program.send()
    spent = cpu()                      # seconds of this process and of those that it started

It is the program as users get it: settings, migrations, articles that are collected and published. Only the readers
are put into their table at once.
"""

import os
import random
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from digest.app import App
from digest.config import Settings
from digest.model import DeliveryState, Mail, Reply, SubscriberState
from digest.protocols import Pause
from digest.store.tables import deliveries, subscribers

ARTICLES = 33
AT_ONCE = 50_000
TAKEN = Reply(code=250, enhanced="2.0.0", text="Ok: queued as 4bXyZ12345")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
_SYLLABLES = [first + second for first in "bdfghklmnprstvz" for second in "aeiou"]


class Many:
    """One of them."""

    def __init__(
        self,
        folder: Path,
        database: str,
        *,
        readers: int = 0,
        articles: int = ARTICLES,
        transport: dict[str, Any] | None = None,
    ) -> None:
        """`readers` is how many there shall be in a new one; a folder that has one is taken as it is."""
        self._folder = folder
        self._database = database
        self._articles, self._day = articles, 0
        self.program = self.restarted(transport or {})
        if readers:
            self._enrol(readers)
            self._collect()

    def publish(self) -> None:
        """Make the issue and its readers' rows."""
        if self.program.publish("daily") is None:
            raise RuntimeError("there is no issue")

    def next_day(self) -> None:
        """Let a day pass, on which everybody has had his letter and new articles come."""
        self.due(0)
        self._day += 1
        self._collect()

    def restarted(self, transport: dict[str, Any], more: dict[str, Any] | None = None) -> App:
        """Give the program anew, with other settings."""
        settings = {
            "folder": str(self._folder / "var"),
            "database": self._database,
            "secret": "a secret for a bench",
            "transport": {"kind": "smtp", "host": "127.0.0.1", "security": "none", **transport},
            "sources": {"wire": {"kind": "folder", "path": str(self._folder / "articles"), "language": "en"}},
            "lists": {"daily": {"sections": {"more": {"stories": self._articles}}, "sentences": 3}},
        }
        self.program = App(
            Settings.model_validate(settings | (more or {})), clock=lambda: NOON + timedelta(days=self._day)
        )
        return self.program

    def due(self, count: int) -> None:
        """Let so many mails be due, and no others."""
        fresh = {"claim": None, "attempts": 0, "code": None, "reply": None}
        first = sa.select(sa.func.min(deliveries.c.id)).scalar_subquery()
        with self.program.database.transaction() as connection:
            connection.execute(
                sa.update(deliveries).values(state=DeliveryState.SENT.value, due=None, **fresh)
            )
            connection.execute(
                sa.update(deliveries)
                .where(deliveries.c.id < first + count)
                .values(state=DeliveryState.QUEUED.value, due=NOON)
            )
        self._rest()

    def _rest(self) -> None:
        """Let the database finish what it has put off, which else the next run would pay for."""
        url = self.program.database.url
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        sqlite = url.get_backend_name() == "sqlite"
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)" if sqlite else "VACUUM deliveries")
            if not sqlite:
                connection.exec_driver_sql("CHECKPOINT")

    def send(self, count: int) -> None:
        """Send so many mails.

        Raises:
            RuntimeError: they are not all sent.

        """
        ended = self.program.send()
        if ended[DeliveryState.SENT] != count:
            raise RuntimeError(f"of {count} mails {dict(ended)}")

    def _collect(self) -> None:
        _write_articles(self._folder / "articles", self._day, self._articles)
        self.program.collect()

    def _enrol(self, count: int) -> None:
        with self.program.database.transaction() as connection:
            for start in range(0, count, AT_ONCE):
                rows = [
                    {
                        "list": "daily",
                        "address": f"reader{number}@mail.example",
                        "address_key": f"reader{number}@mail.example",
                        "state": SubscriberState.ACTIVE.value,
                        "since": NOON,
                        "consent": "a bench",
                    }
                    for number in range(start, min(start + AT_ONCE, count))
                ]
                connection.execute(sa.insert(subscribers), rows)


class AtOnce:
    """A transport that takes each mail at once, and remembers the last."""

    def __init__(self) -> None:
        self.last: Mail | None = None

    @contextmanager
    def connect(self) -> Iterator[Any]:
        """Open no line."""
        raise NotImplementedError

    def check(self) -> str:
        """Say so."""
        return "every mail is taken at once"

    def carry(
        self, mails: Iterator[Mail | Pause], *, ending: Callable[[Mail], None]
    ) -> Iterator[tuple[Mail, Reply]]:
        """Take them."""
        for mail in mails:
            if isinstance(mail, Mail):
                ending(mail)
                self.last = mail
                yield mail, TAKEN


def cpu(apart: frozenset[int] = frozenset()) -> float:
    """Give the seconds that this process and its children have computed, but for the children `apart`."""
    own, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()
    for child in {int(child) for child in children} - apart:
        fields = Path(f"/proc/{child}/stat").read_text("ascii").rpartition(")")[2].split()
        spent += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return spent


def peak() -> float:
    """Give the most memory that this process has had, in MiB."""
    [line] = [one for one in Path("/proc/self/status").read_text("ascii").splitlines() if "VmHWM" in one]
    return int(line.split()[1]) / 1024


def forget_peak() -> None:
    """Let `peak` begin anew."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _write_articles(folder: Path, day: int, count: int) -> None:
    """Write articles that have nothing in common, of a length that makes a letter of 50 KB."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(day)  # noqa: S311 - words, not secrets

    def word() -> str:
        return "".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4)))

    def sentence() -> str:
        words = [word() for _ in range(chance.randint(9, 15))]
        return " ".join(words).capitalize() + "."

    for number in range(count):
        body = "\n\n".join(" ".join(sentence() for _ in range(4)) for _ in range(3))
        title = " ".join(word() for _ in range(6)).capitalize()
        (folder / f"{day}-{number:02}.txt").write_text(
            f"{title}\n\nBy Ada Writer\n\n{body}\n", encoding="ascii"
        )
