"""Read the header of a mail or of a part: each field once, in order, however much there is of it.

The lines are split here and not by `email`, which parses the whole mail, recursively, and gives no way to stop:
100 parts within each other over 200,000 lines cost it seconds, 1,000 a RecursionError. A line that is no field
ends the header, as mail servers have it; what stands behind it is text.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message

from digest.clean import clean_text

_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")
_LONGEST = 1000  # characters of a field that is decoded or taken apart
_LONGEST_CHARSET = 40
_WESTERN = "cp1252"
_BREAKS = re.compile("[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
_SPACE = " \t"
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """The fields of a header, as (name in lower case, value unfolded), and where they end."""

    all: tuple[tuple[str, str], ...]  # octets outside UTF-8 as surrogates
    end: int  # where the body begins
    complete: bool  # False: there is more than may be read

    def named(self, name: str) -> list[str]:
        """Give the values of all fields of a name, the topmost first."""
        return [value for known, value in self.all if known == name]

    def first(self, name: str) -> str:
        """Give the value of the topmost field of a name; empty where there is none."""
        return next(iter(self.named(name)), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentType:
    """What a part says that it is."""

    name: str  # lower case: text/plain
    boundary: bytes
    charset: str | None
    flowed: bool  # RFC 3676
    delsp: bool


def read_fields(content: bytes, start: int, *, octets: int, fields: int) -> Fields:
    """Read the header that begins at `start`, at most so many octets and fields of it."""
    found: list[tuple[str, list[bytes]]] = []
    position, stop = start, min(len(content), start + octets)
    while position < stop:
        end = content.find(b"\n", position, stop)
        line = content[position : end if end >= 0 else stop].removesuffix(b"\r")
        after = end + 1 if end >= 0 else stop
        if not line:
            return _fields(found, after, complete=True)
        if line[:1] in b" \t" and found:
            found[-1][1].append(line)
        elif name := _NAME.match(line):
            if len(found) == fields:
                return _fields(found, position, complete=False)
            found.append((name[1].decode("ascii").lower(), [line[name.end() :]]))
        elif position > start or not line.startswith((b"From ", b">From ")):  # an mbox's separator
            return _fields(found, position, complete=True)
        position = after
    return _fields(found, position, complete=position == len(content))


def plain(value: str) -> str:
    """Give the text of a field that people read: RFC 2047 decoded, whatever is wrong with it, and on one line."""
    try:
        pieces = decode_header(value[:_LONGEST])
    except (HeaderParseError, ValueError):
        pieces = [(value[:_LONGEST], None)]
    text = "".join(_piece(piece, charset) for piece, charset in pieces)
    return clean_text(_tidy(_BREAKS.sub(" ", text)))


def tidy_lines(text: str, most: int) -> list[str]:
    """Give the first lines of a text without what cannot be seen, and with every kind of space as a plain one.

    Long lines are cut first: to bring ten thousand accents on one letter into their order takes seconds.
    """
    return [_tidy(line[:_LONGEST]) for line in _BREAKS.split(text, most)[:most]]


def content_type(fields: Fields) -> ContentType:
    """Read the Content-Type; what cannot be read is plain text, as RFC 2045 section 5.2 has it.

    `email` cannot write some mixtures of octets and characters that it has read itself; it gets characters alone.
    """
    message = Message()
    message["Content-Type"] = octets(fields.first("content-type")[:_LONGEST]).decode("latin-1")

    def parameter(name: str) -> str:
        try:
            value = message.get_param(name)
        except (ValueError, TypeError):  # TypeError: "charset*" beside "charset*0", which it cannot sort
            return ""
        value = value[2] if isinstance(value, tuple) else value
        return value.strip() if isinstance(value, str) else ""

    return ContentType(
        name=message.get_content_type(),
        boundary=parameter("boundary").encode("latin-1", "replace"),
        charset=parameter("charset") or None,
        flowed=parameter("format").lower() == "flowed",
        delsp=parameter("delsp").lower() == "yes",
    )


def is_attached(fields: Fields) -> bool:
    """Tell whether a part is to be kept apart from the text: an attachment, or a file with a name."""
    disposition = fields.first("content-disposition")[:_LONGEST].lower()
    return disposition.split(";")[0].strip() == "attachment" or "filename" in disposition


def octets(value: str) -> bytes:
    """Give what stood on the wire for a field's value."""
    return value.encode("utf-8", "surrogateescape")


def uncommented(value: str, *, specials: frozenset[str]) -> Iterator[str]:
    """Give the tokens of a structured field without its comments: quoted strings whole, specials alone.

    What is never closed is one token that fits nothing.
    """
    position, length = 0, len(value)
    while position < length:
        character = value[position]
        if character in _SPACE:
            position += 1
            continue
        end = position + 1
        if character == "(":
            end = _past_comment(value, position)
        elif character == '"':
            end = _past_quotes(value, position)
        elif character not in specials:
            while end < length and value[end] not in specials and value[end] not in _SPACE:
                end += 1
        if character != "(" or end < 0:
            yield value[position : end if end > 0 else length]
        position = end if end > 0 else length


def _past_comment(value: str, position: int) -> int:
    """Give where a comment ends, or -1; comments nest."""
    depth = 0
    while position < len(value):
        character = value[position]
        if character == "\\":
            position += 1
        depth += (character == "(") - (character == ")")
        position += 1
        if not depth:
            return position
    return -1


def _past_quotes(value: str, position: int) -> int:
    """Give where a quoted string ends, or -1."""
    position += 1
    while position < len(value):
        if value[position] == '"':
            return position + 1
        position += 1 + (value[position] == "\\")
    return -1


def _fields(found: list[tuple[str, list[bytes]]], end: int, *, complete: bool) -> Fields:
    unfolded = (
        (name, b"".join(lines).decode("utf-8", "surrogateescape").strip(" \t\r")) for name, lines in found
    )
    return Fields(all=tuple(unfolded), end=end, complete=complete)


def decoded(content: bytes, charset: str | None) -> str:
    """Give a text that may be too short to guess its charset from: what fits nothing declared is western."""
    from digest.extract.decode import decode  # noqa: PLC0415 - its package brings lxml; a door needs Envelope alone

    try:
        codec = codecs.lookup((charset or "")[:_LONGEST_CHARSET]).name
    except (LookupError, ValueError):
        codec = "utf-8"
    return decode(content, charset=_WESTERN if codec in ("ascii", "utf-8") else codec)


def _piece(piece: bytes | str, charset: str | None) -> str:
    """Decode what `decode_header` gives: an encoded-word's octets, or plain text in either of two forms."""
    if isinstance(piece, str):
        return decoded(octets(piece), None)
    return decoded(piece, charset) if charset else decoded(octets(piece.decode("raw-unicode-escape")), None)


def _tidy(line: str) -> str:
    line = unicodedata.normalize("NFC", line)
    return line if line.isascii() and line.isprintable() else "".join(map(_visible, line))


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in _INVISIBLE else character
