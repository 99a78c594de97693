"""The MIME tree of a mail: text and HTML as alternatives, pictures beside the HTML, files beside the letter.

What is encoded is bytes; between them stand the openings, in which each reader's own values go.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from digest.message import quoted
from digest.model import Letter
from digest.render import Blank, Slot, cut

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\.[a-z0-9]+")
_PICTURE = re.compile(
    r"""(<img(?:\s+[^\s=>"']+=(?:"[^"]*"|'[^']*'))*?\s+src=["'])"""  # up to the picture, in a real <img> tag
    r"data:image/(png|jpeg|gif|webp);base64,([A-Za-z0-9+/=]+)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file of text that comes with the mail."""

    name: str  # ASCII, with its ending: my-data.txt
    text: str


class Opening(NamedTuple):
    """A place in the mail for what a reader has for himself."""

    slot: Slot
    media_type: str  # of the part that it is in


class Part(NamedTuple):
    """A leaf of the MIME tree."""

    media_type: str
    content: tuple[bytes | Slot, ...]  # as a receiver decodes it; text with LF line ends
    content_id: str = ""  # of a picture
    name: str = ""  # of a file


class Entity(NamedTuple):
    """A node of the MIME tree: its own fields, and what they are about."""

    fields: tuple[tuple[str, str], ...]
    body: tuple[bytes | Opening, ...]

    @property
    def pieces(self) -> tuple[bytes | Opening, ...]:
        """The fields and the body."""
        head = "".join(f"{name}: {text}\r\n" for name, text in self.fields)
        return (head.encode("ascii") + b"\r\n", *self.body)


def parts(letter: Letter, domain: str, attachment: Attachment | None = None) -> Iterator[Part]:
    """Give the text, the HTML if there is one, then each different picture of it once, and what is attached.

    A picture's Content-ID is made of the picture and our domain: it is the same where that is (RFC 2392).
    """
    key = letter.key if isinstance(letter, Blank) else None
    pictures: dict[str, Part] = {}

    def attach(match: re.Match[str]) -> str:
        try:
            picture = base64.b64decode(match[3], validate=True)
        except binascii.Error:  # no picture; a mail program would not show it either
            return match[0]
        content_id = f"{hashlib.sha256(picture).hexdigest()[:24]}@{domain}"
        pictures.setdefault(content_id, Part(f"image/{match[2]}", (picture,), content_id))
        return f"{match[1]}cid:{content_id}"

    markup = _PICTURE.sub(attach, letter.html)
    yield Part("text/plain", _cut(letter.text, key))
    if markup:
        yield Part("text/html", _cut(markup, key))
    yield from pictures.values()
    if attachment is not None:
        if not _FILE_NAME.fullmatch(attachment.name):
            raise ValueError(f"{attachment.name!r:.80} is not a name for a file such as my-data.txt")
        # It is called plain text, whatever it holds, since that opens on every phone.
        yield Part("text/plain", (attachment.text.encode(),), name=attachment.name)


def whole(leaves: Sequence[Part], digits: str) -> Entity:
    """Put the parts together: what is attached stands beside the letter (RFC 2046 section 5.1.3).

    `digits` make the boundaries those of this letter.
    """
    files = [part for part in leaves if part.name]
    letter = _alternatives([part for part in leaves if not part.name], digits)
    if not files:
        return letter
    return _multipart("mixed", (letter, *map(_leaf, files)), _boundary(digits, 0))


def html_octets(letter: Letter) -> int:
    """Give the size that the HTML has in the mail: encoded, without its pictures, as mail programs count it.

    The marks of slots count as they are, which is about what stands there in the end.
    """
    printed = Letter(subject=letter.subject, html=letter.html, text="")
    leaves = (part for part in parts(printed, "letter.example") if part.media_type == "text/html")
    return sum(len(octets) for part in leaves for octets in _leaf(part).pieces if isinstance(octets, bytes))


def _cut(text: str, key: str | None) -> tuple[bytes | Slot, ...]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    if key is None:
        return (lines.encode(),)
    return tuple(piece if isinstance(piece, Slot) else piece.encode() for piece in cut(lines, key))


def _boundary(digits: str, depth: int) -> str:
    """Give a line that no part can hold: in quoted-printable and base64 there is no =_ (RFC 2045)."""
    return f"=_{depth}_{digits}"


def _alternatives(leaves: Sequence[Part], digits: str) -> Entity:
    """Write text and HTML as alternatives, the HTML with its pictures (RFC 2046 section 5.1.4, RFC 2387)."""
    text, *others = map(_leaf, leaves)
    if not others:
        return text
    html_part, *pictures = others
    if pictures:
        html_part = _multipart("related", (html_part, *pictures), _boundary(digits, 2), 'type="text/html"; ')
    return _multipart("alternative", (text, html_part), _boundary(digits, 1))


def _multipart(kind: str, entities: Sequence[Entity], boundary: str, more: str = "") -> Entity:
    delimiter = f"--{boundary}".encode("ascii")
    body: list[bytes | Opening] = []
    for entity in entities:
        body += (delimiter + b"\r\n", *entity.pieces, b"\r\n")
    head = ("Content-Type", f'multipart/{kind}; {more}boundary="{boundary}"')
    return Entity((head,), (*body, delimiter + b"--\r\n"))


def _leaf(part: Part) -> Entity:
    kind = part.media_type if part.content_id else f'{part.media_type}; charset="utf-8"'
    binary = part.content_id or part.name
    fields = [
        ("Content-Type", kind),
        ("Content-Transfer-Encoding", "base64" if binary else "quoted-printable"),
    ]
    if part.content_id:
        fields += [("Content-ID", f"<{part.content_id}>"), ("Content-Disposition", "inline")]
    if part.name:
        fields += [("Content-Disposition", f'attachment; filename="{part.name}"')]
    return Entity(tuple(fields), tuple(_in_base64(part) if binary else _in_quoted_printable(part)))


def _in_base64(part: Part) -> Iterator[bytes]:
    for octets in part.content:
        assert isinstance(octets, bytes)  # noqa: S101 - a picture or a file has no slots
        yield base64.encodebytes(octets).replace(b"\n", b"\r\n")


def _in_quoted_printable(part: Part) -> Iterator[bytes | Opening]:
    last = len(part.content) - 1
    for place, piece in enumerate(part.content):
        if isinstance(piece, Slot):
            yield Opening(piece, part.media_type)
        else:
            yield quoted.encode(piece, goes_on=place < last)
