"""A folder of articles, and the pictures that lie beside them."""

import base64
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from digest.errors import SourceError
from digest.model import Document
from digest.sources import MEDIA_TYPES, media_type_of

_ENDINGS = " ".join(MEDIA_TYPES)


class Folder:
    """The articles in a folder and the folders below it, in the order of their paths.

    Skipped are hidden files and folders, endings other than `MEDIA_TYPES`, and links that lead outside.
    """

    def __init__(self, name: str, path: Path, *, max_bytes: int) -> None:
        self.name = name
        self.root = path
        self._max_bytes = max_bytes

    def read(self) -> Iterator[Document | SourceError]:
        """Give each file, or why it cannot be read.

        Raises:
            SourceError: there is no such folder, or nothing in it that could be read.

        """
        if not self.root.is_dir():
            raise SourceError(f"{self.root} is no folder; it should hold articles ({_ENDINGS})")
        problems: list[OSError] = []
        paths = sorted(self._paths(problems))
        if not paths and not problems:
            raise SourceError(f"{self.root} holds no article; files ending in {_ENDINGS} are read")
        for problem in problems:
            yield SourceError(f"{problem.filename}: {problem.strerror}")
        for path in paths:
            try:
                yield read_document(path, max_bytes=self._max_bytes)
            except SourceError as error:
                yield error

    def image(self, document_origin: str, image: str) -> str | None:
        """Give a picture that one of the folder's documents names, as a data: URI."""
        return embed_image(image, Path(document_origin).parent, self.root)

    def _paths(self, problems: list[OSError]) -> Iterator[Path]:
        for folder, below, files in os.walk(self.root, onerror=problems.append):
            below[:] = [name for name in below if not name.startswith(".")]
            for name in files:
                path = Path(folder, name)
                if (
                    not name.startswith(".")
                    and path.suffix.lower() in MEDIA_TYPES
                    and path.is_file()  # a pipe would block
                    and _is_within(path, self.root)
                ):
                    yield path


def read_document(path: Path, *, max_bytes: int) -> Document:
    """Read one file; a larger one is refused before it is read.

    Raises:
        SourceError: it cannot be read, is too large, or has a name that cannot be written down.

    """
    if not _is_unicode(str(path)):
        raise SourceError(f"{str(path)!a}: its name is not UTF-8; rename it")
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = file.read(max_bytes + 1) if size <= max_bytes else b""
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    if max(size, len(content)) > max_bytes:  # a pipe tells no size
        raise SourceError(f"{path}: larger than {max_bytes:,} bytes")
    return Document(content=content, origin=str(path), media_type=media_type_of(path.name))


def embed_image(path_text: str, beside: Path, root: Path, *, max_bytes: int = 200_000) -> str | None:
    """Turn the relative path of a PNG, JPEG, GIF or WebP picture inside `root` into a data: URI.

    The path comes from a document and is not trusted: one that is absolute, climbs (..), leads out of
    `root` through a link, or ends at anything but a picture of at most `max_bytes` gives None.
    """
    relative = PurePosixPath(unquote(path_text))
    if relative.is_absolute() or ".." in relative.parts:
        return None
    path = beside / relative
    try:
        if not path.is_file() or path.stat().st_size > max_bytes or not _is_within(path, root):
            return None
        content = path.read_bytes()
    except (OSError, ValueError):  # a name that no file can have: too long, a NUL, a surrogate
        return None
    media_type = _picture_type(content)
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}" if media_type else None


def _is_within(path: Path, root: Path) -> bool:
    """Tell whether `path` lies below `root` once all links are followed."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # os.fsdecode marks bytes that are not UTF-8 with surrogates
        return False
    return True


def _picture_type(content: bytes) -> str | None:
    """Tell a picture by its first bytes, whatever its name says."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return None
