"""Make lines of a file's bytes, whatever its encoding; what is no text is refused."""

import codecs
import io
from collections.abc import Callable, Iterator
from typing import BinaryIO

ROW = 100_000  # characters

_CHUNK = 1 << 16
_PACKED = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!")
_BINARY = frozenset(map(chr, (*range(9), *range(14, 27))))  # controls that stand in no text


class NotText(ValueError):  # noqa: N818 - a verdict on a file
    """A file that holds no text; the message says what to do."""


def text_lines(file: BinaryIO, *, note: Callable[[str], None]) -> Iterator[str]:
    r"""Give the lines of a file, each with its \n: UTF-8 or UTF-16; a line that is neither is read as Latin-1.

    `note` hears of that, once. A line longer than a row may be is cut, but still too long.

    Raises:
        NotText: it is a zip, a workbook, a picture …, or empty.

    """
    head = file.read(_CHUNK)
    _refuse_packed(head)
    encoding, errors = _encoding(head)
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(errors), translate=True)
    noted, rest, lost, number, empty = False, "", False, 0, True
    while head:
        text = decoder.decode(head)
        if not number and not _BINARY.isdisjoint(text):
            raise NotText("it is no text: save it as CSV, and import that")
        head = file.read(_CHUNK)
        *whole, rest = (rest + text + ("" if head else decoder.decode(b"", final=True))).split("\n")
        for line in [*whole, *([rest] if rest and not head else [])]:
            if lost:  # the end of one that was given when it was too long already
                lost = False
                continue
            number += 1
            if not line.isascii() and (read := _as_latin1(line)) is not None:
                if not noted:
                    note(f"line {number} is not UTF-8: it, and others like it, are read as Latin-1")
                noted, line = True, read  # noqa: PLW2901 - the same line, read as it was meant
            empty = empty and not line.strip()
            yield line[: ROW + 1] + "\n"
        if head and len(rest) > ROW:
            if not lost:
                number += 1
                yield rest[: ROW + 1] + "\n"
            rest, lost, empty = "", True, False
    if empty:
        raise NotText("it is empty")


def _refuse_packed(head: bytes) -> None:
    if head.startswith(_PACKED):
        raise NotText(
            "it is a zip or another archive, as .xlsx is: unpack it, or save the sheet as CSV, and import that"
        )


def _encoding(head: bytes) -> tuple[str, str]:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", "replace"
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > len(head) // 4 and not even:
        return "utf-16-le", "replace"
    if even > len(head) // 4 and not odd:
        return "utf-16-be", "replace"
    return "utf-8-sig", "surrogateescape"


def _as_latin1(line: str) -> str | None:
    """Read a line anew where it was not UTF-8."""
    try:
        line.encode()
    except UnicodeEncodeError:
        return line.encode(errors="surrogateescape").decode("latin-1")
    return None
