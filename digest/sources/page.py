"""One web page."""

from collections.abc import Iterator

from digest.errors import SourceError
from digest.model import Document
from digest.sources.web import Fetcher


class Page:
    """A web page that is an article."""

    def __init__(self, name: str, url: str, *, fetcher: Fetcher) -> None:
        self.name = name
        self._url = url
        self._fetcher = fetcher

    def read(self) -> Iterator[Document | SourceError]:
        """Give the page as it is now.

        Raises:
            SourceError: it cannot be fetched.

        """
        yield self._fetcher.fetch_document(self._url)
