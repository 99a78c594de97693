"""Build what the day works on, and play its outside world.

shipped_press()                   the shipped templates, read once
wishes(top_stories=0)             a list's settings
with store(folder) as database    an empty database with its tables
ledger(database, 3)               an issue for three readers; what became of each with `rows`
Clock()                           a time that stands still until a test moves it
Mailserver().refuse(...)          a transport whose answers a test chooses
Newsstand("wire").offers(...)     a source that gives what a test puts there
"""

import functools
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import issues as example
import sqlalchemy as sa
from hypothesis import settings
from tables import lay

from digest import config
from digest.deliver import Write
from digest.errors import MessageError, SourceError, TransportError
from digest.group import group
from digest.journal import Journals
from digest.model import Article, Delivery, DeliveryState, Document, Mail, Reply, SubscriberState
from digest.plain import to_json
from digest.protocols import Pause
from digest.render import Press, environment
from digest.resources import shipped
from digest.store import Database, deliveries, issues, subscribers
from digest.store.tables import deliveries as ledger_table
from digest.store.tables import leases

MORNING = datetime(2015, 10, 21, 6, tzinfo=UTC)
EXPIRY = timedelta(hours=72)
UNTIMED = settings(deadline=None)
"""For laws: a busy machine breaks none."""

TAKEN = Reply(code=250, text="taken", enhanced="2.0.0")


@functools.cache
def shipped_press() -> Press:
    """Give the shipped templates, read and compiled once for all that is printed in this process."""
    return environment([shipped("templates")])


def wishes(**changes: Any) -> config.List:
    """Make a list's settings that cut nothing off, with `changes`."""
    roomy = {"top_stories": 0, "sections": {"more": {"stories": 99}}}
    return config.List.model_validate(roomy | changes)


class Clock:
    """A time that stands still until it is moved."""

    def __init__(self, at: datetime = MORNING) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **time: float) -> datetime:
        self.at += timedelta(**time)
        return self.at


_FOLDERS: WeakKeyDictionary[Database, Path] = WeakKeyDictionary()


@contextmanager
def store(
    folder: Path, kind: Callable[..., Database] = Database, *, url: str = "sqlite:///digest.db"
) -> Iterator[Database]:
    """Open the database in a folder, or at a URL, with its tables."""
    lay(url, folder)
    database = kind(url, base=folder)
    _FOLDERS[database] = folder
    try:
        yield database
    finally:
        database.close()


class Interrupted(Database):
    """A database in which something happens just before a transaction, as another process would do it."""

    def before(self, number: int, happens: Callable[[], object]) -> None:
        """Let it happen before the transaction of that number from now on, counted from 1."""
        self._left, self._happens = number, happens

    @contextmanager
    def transaction(self, *, alone: bool = True) -> Iterator[sa.Connection]:
        self._left = getattr(self, "_left", 0) - 1
        if self._left == 0:
            self._happens()
        with super().transaction(alone=alone) as connection:
            yield connection


def subscribe(database: Database, *addresses: str, list_name: str = "daily") -> None:
    """Make active readers."""
    become(database, *addresses, state=SubscriberState.ACTIVE, list_name=list_name)


def become(database: Database, *addresses: str, state: SubscriberState, list_name: str = "daily") -> None:
    """Write what readers want now."""
    with database.transaction() as connection:
        for address in addresses:
            subscribers.set_state(
                connection, list_name, address, key=address, state=state, consent="operator", now=MORNING
            )


def ledger(database: Database, readers: int = 1, *, due: datetime = MORNING) -> int:
    """Freeze an issue with a row for each of so many readers, and give the issue's row id."""
    subscribe(database, *(reader(number) for number in range(1, readers + 1)))
    issue = example.issue(example.section("World", example.story(example.article(1))))
    with database.transaction() as connection:
        issue_id = issues.freeze(connection, issue)
        deliveries.enqueue(connection, issue_id, issue.list, due=lambda _: due, now=due, lifetime=EXPIRY)
    return issue_id


def reader(number: int) -> str:
    """Give the address of the reader of that number."""
    return f"reader{number}@mail.example"


def rows(database: Database) -> list[Any]:
    """Give the ledger's rows in order."""
    with database.transaction() as connection:
        return list(connection.execute(sa.select(ledger_table).order_by(ledger_table.c.id)))


def leased(database: Database) -> int:
    """Count the leases that claims have."""
    with database.transaction() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(leases)) or 0


def states(database: Database) -> list[str]:
    """Give the states of the ledger's rows in order."""
    return [DeliveryState(row.state) for row in rows(database)]


def journals(database: Database) -> Journals:
    """Give the journals of a database, in the folder that it was opened for."""
    return Journals(_FOLDERS[database] / "journal", database.name)


def writes(one: Callable[[Delivery], Mail | None]) -> Write:
    """Write mails one by one, as a test says."""

    def write_all(batch: Sequence[Delivery]) -> Iterator[Mail | MessageError | None]:
        for delivery in batch:
            try:
                mail = one(delivery)
            except MessageError as error:
                yield error
            else:
                yield mail

    return write_all


def write(delivery: Delivery) -> Mail:
    """Write a mail that is the same for a delivery on each attempt, and another for each delivery."""
    content = (
        f"Message-ID: <{delivery.issue_id}.{delivery.subscriber_id}@digest.example>\r\n\r\nGood morning\r\n"
    )
    return Mail(
        envelope_from="digest@digest.example",
        recipient=delivery.address,
        message=content.encode("ascii"),
        delivery_id=delivery.id,
    )


class Mailserver:
    """A transport that answers as a test has told it, and takes every mail that it was told nothing about.

    Where it is to wait, it moves its clock.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self.mails: list[Mail] = []  # taken, or perhaps taken
        self.tried: list[Mail] = []
        self.connections = 0
        self._script: deque[Reply | TransportError | Callable[[], object]] = deque()
        self._closed: deque[bool] = deque()

    def refuse(self, *codes: int) -> "Mailserver":
        """Answer the next mails so; 250 takes one."""
        self._script += (Reply(code=code, text="as told") for code in codes)
        return self

    def says(self, reply: Reply, *, times: int = 1) -> "Mailserver":
        """Answer so many of the next mails so."""
        self._script += [reply] * times
        return self

    def break_before_the_end(self) -> "Mailserver":
        """Break the line before the server could have the next mail."""
        self._script.append(TransportError("the line broke", in_doubt=False))
        return self

    def break_after_the_end(self) -> "Mailserver":
        """Break the line after the server may have the next mail."""
        self._script.append(TransportError("the line broke", in_doubt=True))
        return self

    def meanwhile(self, happens: Callable[[], object]) -> "Mailserver":
        """Take the next mail, but let something happen before the answer."""
        self._script.append(happens)
        return self

    def close(self, *, after: int = 0) -> "Mailserver":
        """Let nobody connect any more, once so many have."""
        self._closed += [False] * after + [True]
        return self

    def open(self) -> None:
        """Let everybody connect again."""
        self._closed.clear()

    @contextmanager
    def connect(self) -> Iterator["Mailserver"]:
        if self._closed and (self._closed[0] or self._closed.popleft()):
            raise TransportError("nobody answers")
        self.connections += 1
        yield self

    def check(self) -> str:
        return "it answers as it was told"

    def carry(
        self, mails: Iterator[Mail | Pause], *, ending: Callable[[Mail], None]
    ) -> Iterator[tuple[Mail, Reply | TransportError]]:
        connected = False
        for mail in mails:
            if isinstance(mail, Pause):
                self._clock.forward(seconds=mail.seconds)
                continue
            if not connected:
                with self.connect():
                    connected = True
            answer = self._script[0] if self._script else TAKEN
            if not isinstance(answer, TransportError) or answer.in_doubt:
                ending(mail)
            try:
                outcome: Reply | TransportError = self.send(
                    envelope_from=mail.envelope_from, recipient=mail.recipient, message=mail.message
                )
            except TransportError as error:
                outcome, connected = error, False
            yield mail, outcome

    def send(self, *, envelope_from: str, recipient: str, message: bytes) -> Reply:
        mail = Mail(envelope_from=envelope_from, recipient=recipient, message=message)
        self.tried.append(mail)
        answer = self._script.popleft() if self._script else TAKEN
        if callable(answer):
            answer()
            answer = TAKEN
        if isinstance(answer, TransportError):
            if answer.in_doubt:
                self.mails.append(mail)
            raise answer
        if answer.accepted:
            self.mails.append(mail)
        return answer


class Newsstand:
    """A source that gives what a test has put there."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._items: list[Document | SourceError] = []
        self._closed: SourceError | None = None
        self._meanwhile: Callable[[], object] = lambda: None

    def offers(self, *articles: Article) -> "Newsstand":
        """Put articles there, as JSON documents."""
        self._items += (document(article) for article in articles)
        return self

    def spoils(self, problem: str) -> "Newsstand":
        """Put a document there that cannot be read."""
        self._items.append(SourceError(problem))
        return self

    def shows(self, content: bytes, media_type: str) -> "Newsstand":
        """Put any bytes there."""
        self._items.append(Document(content=content, origin=f"{self.name}/raw", media_type=media_type))
        return self

    def meanwhile(self, happens: Callable[[], object]) -> "Newsstand":
        """Let something happen while it is read."""
        self._meanwhile = happens
        return self

    def closes(self, problem: str) -> "Newsstand":
        """Fail as a whole, after what was put there."""
        self._closed = SourceError(problem)
        return self

    def read(self) -> Iterator[Document | SourceError]:
        self._meanwhile()
        yield from self._items
        if self._closed:
            raise self._closed


def document(article: Article) -> Document:
    """Write an article as a source would publish it."""
    told = {key: value for key, value in to_json(article).items() if key not in {"source", "image_alt"}}
    told["body"] = list(article.body)
    return Document(
        content=json.dumps(told).encode(), origin=f"{article.title}.json", media_type="application/json"
    )


def join(articles: Sequence[Article]) -> list[list[Article]]:
    """Put the articles of each story together, stories and articles in the order given."""
    threads = group(articles)
    stories: dict[str, list[Article]] = {}
    for one in articles:
        stories.setdefault(threads[one.id], []).append(one)
    return list(stories.values())
