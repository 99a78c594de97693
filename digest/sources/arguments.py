"""What the command line names: files, folders, addresses, and standard input."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from digest.errors import SourceError
from digest.model import Document
from digest.sources import UNKNOWN
from digest.sources.folder import Folder, embed_image, read_document
from digest.sources.web import Fetcher

_STANDARD_INPUT = "-"


class Arguments:
    """The documents that a person names, in the order of naming.

    A file that is named outright is read whatever its ending.
    """

    name = "command line"

    def __init__(
        self, arguments: Sequence[str], *, fetcher: Fetcher, stdin: BinaryIO, max_bytes: int
    ) -> None:
        self._arguments = arguments
        self._fetcher = fetcher
        self._stdin = stdin
        self._max_bytes = max_bytes
        self._roots: dict[str, Path] = {}  # of each local document, the folder its pictures must lie in

    def read(self) -> Iterator[Document | SourceError]:
        """Give each document, or why it cannot be read."""
        for argument in self._arguments:
            try:
                yield from self._read(argument)
            except SourceError as error:
                yield error

    def image(self, document_origin: str, image: str) -> str | None:
        """Give a picture that a local document names, as a data: URI; what came from elsewhere has none."""
        root = self._roots.get(document_origin)
        return embed_image(image, Path(document_origin).parent, root) if root else None

    def _read(self, argument: str) -> Iterator[Document | SourceError]:
        if argument == _STANDARD_INPUT:
            yield self._read_standard_input()
        elif "://" in argument:
            yield self._fetcher.fetch_document(argument)
        elif Path(argument).is_dir():
            yield from self._read_folder(Path(argument))
        else:
            path = Path(argument)
            document = read_document(path, max_bytes=self._max_bytes)
            self._roots[document.origin] = path.parent
            yield document

    def _read_folder(self, path: Path) -> Iterator[Document | SourceError]:
        for item in Folder(self.name, path, max_bytes=self._max_bytes).read():
            if isinstance(item, Document):
                self._roots[item.origin] = path
            yield item

    def _read_standard_input(self) -> Document:
        try:
            content = self._stdin.read(self._max_bytes + 1)
        except OSError as error:
            raise SourceError(f"standard input: {error.strerror or error}") from error
        if not content:
            raise SourceError("standard input is empty; pipe an article into it")
        if len(content) > self._max_bytes:
            raise SourceError(f"standard input: larger than {self._max_bytes:,} bytes")
        return Document(content=content, origin="standard input", media_type=UNKNOWN)
