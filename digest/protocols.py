"""The four seams, on one page; nothing else is pluggable.

Source     where articles come from         sources/
Database   where everything is kept         store/    (a SQLAlchemy URL; the seam is the connection)
Transport  how a finished mail leaves       transport/
Engine     what runs the steps, and when    engine/
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from digest.errors import SourceError
from digest.model import Document, Reply, Validators


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


class Transport(Protocol):
    """A way for finished mails to leave."""

    def connect(self) -> AbstractContextManager[Session]:
        """Open a line, closed at the end of the `with` block.

        Raises:
            TransportError: there is no line.

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
