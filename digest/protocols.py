"""The four seams, on one page; nothing else is pluggable.

Source     where articles come from         sources/
Database   where everything is kept         store/    (a SQLAlchemy URL; the seam is the connection)
Transport  how a finished mail leaves       transport/
Engine     what runs the steps, and when    engine/
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from digest.errors import SourceError, TransportError
from digest.model import Document, Mail, Reply, Validators


class Source(Protocol):
    """A place that documents come from."""

    @property
    def name(self) -> str:
        """The name it has in config.toml."""

    def read(self) -> Iterator[Document | SourceError]:
        """Give each document it holds now, or in its place why that one cannot be read.

        Raises:
            SourceError: the source as a whole cannot be read.

        """


@runtime_checkable
class Illustrated(Protocol):
    """A source whose documents may name pictures that lie beside them."""

    def image(self, document_origin: str, image: str) -> str | None:
        """Give such a picture as a data: URI, or None where there is none that may be shown."""


@runtime_checkable
class Revalidating(Protocol):
    """A source that its server answers shortly when nothing has changed."""

    validators: Validators | None  # to be stored once the documents are safe
    moved_to: str | None  # where it is for good now
    wait_seconds: int | None  # how long its server asks to be left alone


class Session(Protocol):
    """An open line that takes one mail after another."""

    def send(self, *, envelope_from: str, recipient: str, message: bytes) -> Reply:
        """Hand over one mail, with CRLF line ends, and give the server's reply.

        Raises:
            TransportError: the line died; `in_doubt` says whether the server may have the mail.

        """


@dataclass(frozen=True, slots=True)
class Pause:
    """In a stream of mails: there is none to send for so many seconds."""

    seconds: float


class Transport(Protocol):
    """A way for finished mails to leave."""

    def connect(self) -> AbstractContextManager[Session]:
        """Open a line, closed at the end of the `with` block.

        Raises:
            TransportError: there is no line.

        """

    def carry(
        self, mails: Iterator[Mail | Pause], *, ending: Callable[[Mail], None]
    ) -> Iterator[tuple[Mail, Reply | TransportError]]:
        """Send a stream of mails over as many lines as there are, and give each with what became of it.

        The next mail is asked for when a line is free for it, and no sooner. `ending` is called once for a mail, just
        before the octets leave with which the server may have taken it; a mail for which it was not called is certainly
        not there. What the server said comes in the order in which it says it. A mail whose line died comes with the
        error, and the rest goes over other lines.

        Raises:
            TransportError: no line can be opened; what was asked for and has not come back was not begun.

        """

    def check(self) -> str:
        """Say in one line that mail could leave now, without sending any.

        Raises:
            TransportError: it could not.

        """


class Engine(Protocol):
    """What runs the day at its hours until it is told to stop."""

    def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
