"""Walk the tree of a mail's parts, in one pass and within limits, and find the reader's own text in it.

The first text that is no attachment is it; else the first HTML. A message within the message is never entered:
it is somebody else's. Nothing behind the text is read, so that a mail with 25 MB of pictures costs as much as its
text; where the limits end the search before a text was found, the mail is refused.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from digest.received.fields import ContentType, Fields, content_type, decoded, is_attached, read_fields

MOST_PARTS = 100
DEEPEST = 10
_PART_OCTETS = 16 * 1024  # of a part's header
_PART_FIELDS = 100
_MOST_RULES = 100_000  # lines that begin as a boundary does
_LONGEST_BOUNDARY = 200  # octets; RFC 2046 section 5.1.1 allows 70
_ENCODED = 384 * 1024  # octets of a text that are decoded
_TEXT = 64 * 1024  # octets of it, decoded, that are read
_MARKUP = 96 * 1024  # the same of HTML: libxml2 takes quadratic time for a tag of many attributes
_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


class TooMuchError(Exception):
    """The search for a text ended at a limit; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The text of a mail, with what it takes to read it."""

    content: str
    kind: ContentType

    @property
    def is_markup(self) -> bool:
        """Whether it is HTML."""
        return self.kind.name == "text/html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A part that holds no parts; a message within the message is one."""

    fields: Fields
    kind: ContentType
    content: bytes  # as it was sent, cut where it is very long

    @property
    def octets(self) -> bytes:
        """What was sent, its transfer encoding undone as far as it holds."""
        return _transferred(self.content, self.fields.first("content-transfer-encoding"))


def find_text(content: bytes, fields: Fields) -> Text | None:
    """Give the text of a mail, or None where it has none.

    Raises:
        TooMuchError: a limit was reached before.

    """
    markup: Text | None = None
    try:
        for leaf in leaves(content, fields):
            if leaf.kind.name not in ("text/plain", "text/html") or is_attached(leaf.fields):
                continue
            if leaf.kind.name == "text/plain":
                return _text(leaf, _TEXT)
            markup = markup or _text(leaf, _MARKUP)
    except TooMuchError:
        if markup is None:
            raise
    return markup


def leaves(content: bytes, fields: Fields) -> Iterator[Leaf]:
    """Give the parts that hold no parts, in order.

    Raises:
        TooMuchError: a limit was reached; what came before holds.

    """
    kind = content_type(fields)
    if not kind.name.startswith("multipart/"):
        yield Leaf(fields=fields, kind=kind, content=content[fields.end : fields.end + _ENCODED])
        return
    rules = _Rules(content)
    open_parts = [kind]
    position, count = fields.end, 0
    while open_parts:
        rule = rules.after(position, [part.boundary for part in open_parts])
        if rule is None:
            return
        del open_parts[rule.level + (0 if rule.closes else 1) :]
        position = rule.end
        if rule.closes:
            continue
        count += 1
        if count > MOST_PARTS:
            raise TooMuchError(f"more than {MOST_PARTS} parts")
        inner = read_fields(content, position, octets=_PART_OCTETS, fields=_PART_FIELDS)
        kind, position = content_type(inner), inner.end
        if not inner.complete:
            continue
        if kind.name.startswith("multipart/"):
            open_parts.append(kind)
            if len(open_parts) > DEEPEST:
                raise TooMuchError(f"parts more than {DEEPEST} deep")
            continue
        following = rules.after(position, [part.boundary for part in open_parts])
        end = len(content) if following is None else following.start
        yield Leaf(fields=inner, kind=kind, content=content[position : min(end, position + _ENCODED)])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """A line that is a boundary."""

    start: int  # of the line end before it, which belongs to it
    end: int
    level: int  # of the part that it divides
    closes: bool


class _Rules:
    """Finds the lines between parts."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._left = _MOST_RULES

    def after(self, position: int, boundaries: list[bytes]) -> _Rule | None:
        """Give the next boundary; the innermost part's own counts first."""
        content = self._content
        position -= 1  # the line end before the first one is the end of the header
        while (start := content.find(b"\n--", position)) >= 0:
            self._left -= 1
            if not self._left:
                raise TooMuchError(f"more than {_MOST_RULES:,} lines like a boundary")
            end = content.find(b"\n", start + 1, start + _LONGEST_BOUNDARY)
            if end < 0:
                end = len(content) if len(content) - start < _LONGEST_BOUNDARY else start + 1
            line = content[start + 3 : end].rstrip(b" \t\r")
            for level in reversed(range(len(boundaries))):
                boundary = boundaries[level]
                if boundary and line in (boundary, boundary + b"--"):
                    return _Rule(
                        start=start, end=min(end + 1, len(content)), level=level, closes=line != boundary
                    )
            position = start + 1
        return None


def _text(leaf: Leaf, limit: int) -> Text:
    content = leaf.octets
    if len(content) > limit:  # not in the middle of a character
        content = content[:limit].rpartition(b"\n")[0] or content[:limit]
    return Text(content=decoded(content, leaf.kind.charset), kind=leaf.kind)


def _transferred(content: bytes, encoding: str) -> bytes:
    """Undo the transfer encoding, as far as it holds."""
    match encoding.strip().lower():
        case "base64":
            digits = _NO_BASE64.sub(b"", content.partition(b"=")[0])
            if len(digits) % 4 == 1:  # no octet begins with six bits
                digits = digits[:-1]
            return base64.b64decode(digits + b"=" * (-len(digits) % 4))
        case "quoted-printable":
            return binascii.a2b_qp(content)
        case _:
            return content
