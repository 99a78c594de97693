"""A program with many readers and a letter of about 53 KB, encoded.

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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from digest.app import App
from digest.config import Settings
from digest.model import DeliveryState, Mail, SubscriberState
from digest.store.tables import deliveries, subscribers

ARTICLES = 33
AT_ONCE = 50_000
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
_SYLLABLES = "ba de fi go hu ka le mi no pu ra se ti vo wu ye za bre cli dro fla gri ple sta tri".split()


class Many:
    """One of them."""

    def __init__(
        self,
        folder: Path,
        database: str,
        *,
        readers: int,
        transport: dict[str, Any] | None = None,
        more: dict[str, Any] | None = None,
    ) -> None:
        self._folder = folder
        self._database = database
        _write_articles(folder / "articles")
        self.program = self.restarted(transport or {}, more or {})
        self.program.collect()
        self._enrol(readers)

    def publish(self) -> None:
        """Make the issue and its readers' rows."""
        if self.program.publish("daily") is None:
            raise RuntimeError("there is no issue")

    def restarted(self, transport: dict[str, Any], more: dict[str, Any]) -> App:
        """Give the program anew, with other settings."""
        settings = {
            "folder": str(self._folder / "var"),
            "database": self._database,
            "secret": "a secret for a bench",
            "transport": {"kind": "smtp", "host": "127.0.0.1", "security": "none", **transport},
            "sources": {
                "wire": {"kind": "folder", "path": str(self._folder / "articles"), "language": "en"}
            },
            "lists": {"daily": {"sections": {"more": {"stories": ARTICLES}}, "sentences": 3}},
        }
        self.program = App(Settings.model_validate(settings | (more or {})), clock=lambda: NOON)
        return self.program

    def due(self, count: int) -> None:
        """Let so many mails be due, and no others."""
        fresh = {"claim": None, "leased_until": None, "attempts": 0, "due": NOON, "code": None, "reply": None}
        first = sa.select(sa.func.min(deliveries.c.id)).scalar_subquery()
        with self.program.database.transaction() as connection:
            connection.execute(sa.update(deliveries).values(state=DeliveryState.SENT.value, **fresh))
            connection.execute(
                sa.update(deliveries)
                .where(deliveries.c.id < first + count)
                .values(state=DeliveryState.QUEUED.value)
            )

    def sent(self) -> int:
        """Count what was sent."""
        done = (deliveries.c.state == DeliveryState.SENT.value) & (deliveries.c.attempts > 0)
        with self.program.database.transaction() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(deliveries).where(done)) or 0

    def send(self, count: int) -> None:
        """Send so many mails.

        Raises:
            RuntimeError: they are not all sent.

        """
        ended = self.program.send()
        if ended[DeliveryState.SENT] != count:
            raise RuntimeError(f"of {count} mails {dict(ended)}")

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


def captured(program: App) -> Mail:
    """Write one mail that is due, and send it not."""
    found: list[Mail] = []
    real = program.writer

    class Stolen(Exception):  # noqa: N818
        """Ends the run."""

    def steal(delivery: Any) -> Mail | None:
        mail = real(delivery)
        if mail is not None:
            found.append(mail)
        raise Stolen

    program.writer = steal  # type: ignore[assignment]
    try:
        program.send()
    except Stolen:
        pass
    finally:
        program.writer = real
    return found[0]


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


def _write_articles(folder: Path) -> None:
    """Write articles that have nothing in common, of a length that makes a letter of 53 KB."""
    folder.mkdir(parents=True)
    chance = random.Random(5)  # noqa: S311 - words, not secrets

    def word() -> str:
        return "".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4)))

    def sentence() -> str:
        words = [word() for _ in range(chance.randint(9, 15))]
        return " ".join(words).capitalize() + "."

    for number in range(ARTICLES):
        body = "\n\n".join(" ".join(sentence() for _ in range(4)) for _ in range(3))
        title = " ".join(word() for _ in range(6)).capitalize()
        (folder / f"{number:02}.txt").write_text(f"{title}\n\nBy Ada Writer\n\n{body}\n", encoding="ascii")
