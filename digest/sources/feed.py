"""A feed, fetched again only when it has changed."""

from collections.abc import Iterator

from digest.errors import SourceError
from digest.model import Document, Validators
from digest.sources.web import Fetcher, RefusedError


class Feed:
    """An RSS, Atom or JSON feed.

    What its server says is kept beside the documents, for who reads it next:

    `validators` is to be stored once the documents are safe, and passed to the next Feed of this name;
    `moved_to` is the address it has for good now, None where it has not moved;
    `wait_seconds` is how long its server asks to be left alone, None where it does not ask.
    """

    def __init__(
        self, name: str, url: str, *, fetcher: Fetcher, validators: Validators | None = None
    ) -> None:
        self.name = name
        self.validators = validators
        self.moved_to: str | None = None
        self.wait_seconds: int | None = None
        self._url = url
        self._fetcher = fetcher

    def read(self) -> Iterator[Document | SourceError]:
        """Give the feed as one document, or nothing where it has not changed.

        Raises:
            SourceError: it cannot be fetched.

        """
        try:
            fetched = self._fetcher.fetch(self._url, validators=self.validators)
        except RefusedError as refusal:
            self.wait_seconds = refusal.wait_seconds
            raise
        self.validators = fetched.validators
        self.moved_to = fetched.permanent_url
        self.wait_seconds = fetched.wait_seconds
        if fetched.document:
            yield fetched.document
