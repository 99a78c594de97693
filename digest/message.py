"""Make the bytes of one mail from a letter and its headers, and read them back before they may leave.

The same inputs give the same bytes: boundaries and Content-IDs come from the Message-ID. Two defects of
Python's `email` decide how it is done. Its `EmailMessage` folds a long List-Unsubscribe into encoded-words,
which no receiver reads as a URL, so that only its older `Header` is used, and only for words that people
read. And some versions write an encoded line break as a real one (CVE-2024-6923), so the finished bytes are
read again: a header that we did not set, or one that says something else, refuses the mail.
"""

import base64
import binascii
import hashlib
import quopri
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.header import Header
from email.utils import format_datetime
from itertools import zip_longest
from typing import NamedTuple

from digest.address import Address, parse_address
from digest.clean import clean_line
from digest.errors import MessageError
from digest.model import Letter

LIST_LINKS = ("List-Help", "List-Subscribe", "List-Owner", "List-Archive")
"""The fields of RFC 2369 that `Headers.list_links` may name."""

_LINE_OCTETS = 998  # RFC 5322 section 2.1.1
_ENCODED_LINE = 76  # RFC 2047 section 2: the longest line that may hold an encoded-word
_LONG_WORD = 60  # characters that fit behind the name of a field

_ATOMS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_DOMAIN = r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_MESSAGE_ID = re.compile(f"<{_ATOMS}@{_DOMAIN}>")
_LIST_ID = re.compile(rf"{_ATOMS}\.{_DOMAIN}")  # RFC 2919 section 2: a label and a name space
_ANY_MESSAGE_ID = re.compile(r"<[!-;=?-~]+>")  # other people's: whatever their programs make of it
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\.[a-z0-9]+")
_LINK = re.compile(r"(?:https://|mailto:)[!-;=?-~]+")  # visible ASCII without < and >
_TOKEN = re.compile(r"auto-[a-z]+")  # RFC 3834 section 5
_ENCODED_WORD = re.compile(r"=\?utf-8\?([bq])\?([^?\s]*)\?=", re.IGNORECASE)
_PLAIN_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_PICTURE = re.compile(
    r"""(<img(?:\s+[^\s=>"']+=(?:"[^"]*"|'[^']*'))*?\s+src=["'])"""  # up to the picture, in a real <img> tag
    r"data:image/(png|jpeg|gif|webp);base64,([A-Za-z0-9+/=]+)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Headers:
    """What stands over one reader's mail, beside the subject, which the letter brings."""

    from_name: str
    from_address: str
    to_address: str
    date: datetime  # aware
    message_id: str  # with angle brackets; the same on every attempt
    list_id: str  # RFC 2919: daily.digest.example
    list_name: str
    reply_to: str | None = None
    unsubscribe_urls: tuple[str, ...] = ()  # https and mailto, the preferred one first
    one_click: bool = False  # RFC 8058: the one https URL takes a POST
    list_links: tuple[tuple[str, str], ...] = ()  # of LIST_LINKS: ("List-Help", "mailto:help@digest.example")
    auto_submitted: str | None = "auto-generated"  # RFC 3834
    in_reply_to: str | None = None  # the Message-ID of the mail that is answered
    references: str | None = None  # those of its thread, oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file of text that comes with the mail."""

    name: str  # ASCII, with its ending: my-data.txt
    text: str


class _Field(NamedTuple):
    """A header field."""

    name: str
    text: str  # as a receiver reads it: unfolded, decoded
    wire: str  # as it is written: folded, encoded


class _Part(NamedTuple):
    """A leaf of the MIME tree."""

    media_type: str
    content: bytes  # as a receiver decodes it; text with LF line ends
    content_id: str = ""  # of a picture
    name: str = ""  # of a file


class _Entity(NamedTuple):
    """A node of the MIME tree: its own fields, and what they are about."""

    fields: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def octets(self) -> bytes:
        head = "".join(f"{name}: {text}\r\n" for name, text in self.fields)
        return head.encode("ascii") + b"\r\n" + self.body


def message(letter: Letter, headers: Headers, *, attachment: Attachment | None = None) -> bytes:
    """Give the mail as CRLF lines of 7-bit ASCII, none longer than 998 octets.

    A reader's address whose local part is not ASCII stands in To as UTF-8: such a mail is for a server with SMTPUTF8.

    It is multipart/alternative of text and HTML, or for a letter without HTML the text alone. Pictures that the HTML
    holds as data: URIs become inline parts beside it, each once. Other data: URIs are left alone: a mail program
    shows their alternative text.

    Raises:
        MessageError: a header cannot be written as it was asked for, or the bytes do not say what was meant.

    """
    try:
        fields, parts, body = _lay_out(letter, headers, attachment)
        head = "".join(f"{field.name}: {field.wire}\r\n" for field in fields).encode()
        wire = head + b"\r\n" + body
        _read_back(wire, fields, parts)
    except ValueError as error:
        raise MessageError(f"the mail to {headers.to_address!r:.90} cannot be made: {error}") from error
    return wire


def html_octets(letter: Letter) -> int:
    """Give the size that the HTML has in the mail: encoded, without its pictures, as mail programs count it."""
    parts = _parts(letter, "<size@letter>")
    return sum(len(_leaf(part).octets) for part in parts if part.media_type == "text/html")


def _lay_out(
    letter: Letter, headers: Headers, attachment: Attachment | None
) -> tuple[Sequence[_Field], Sequence[_Part], bytes]:
    """Give what stands over the mail, the leaves that it is made of, and these put together."""
    parts = (*_parts(letter, headers.message_id), *_files(attachment))
    whole = _whole(parts, headers.message_id)
    fields = (*_fields(letter, headers), *(_plain(name, text) for name, text in whole.fields))
    return fields, parts, whole.body


def _fields(letter: Letter, headers: Headers) -> Iterator[_Field]:
    """Give each field once, in the order in which it is written."""
    if not _MESSAGE_ID.fullmatch(headers.message_id):
        raise ValueError(f"{headers.message_id!r:.80} is not a Message-ID")
    if headers.date.tzinfo is None:
        raise ValueError(f"the date {headers.date} has no time zone")
    yield _named("From", headers.from_name, str(_mailbox(headers.from_address)))
    yield _plain("To", str(parse_address(headers.to_address)))  # UTF-8 where it must be (RFC 6532)
    yield _subject(letter.subject)
    yield _plain("Date", format_datetime(headers.date))
    yield _plain("Message-ID", headers.message_id)
    for name, ids in (("In-Reply-To", headers.in_reply_to), ("References", headers.references)):
        if ids is not None:
            yield _message_ids(name, ids)
    if headers.reply_to is not None:
        yield _plain("Reply-To", str(_mailbox(headers.reply_to)))
    yield from _list_fields(headers)
    if headers.auto_submitted is not None:
        if not _TOKEN.fullmatch(headers.auto_submitted):
            raise ValueError(f"{headers.auto_submitted!r:.80} is not a value of Auto-Submitted")
        yield _plain("Auto-Submitted", headers.auto_submitted)
    yield _plain("MIME-Version", "1.0")


def _list_fields(headers: Headers) -> Iterator[_Field]:
    """Give the fields that make it the mail of a list (RFC 2369, 2919, 8058)."""
    if not _LIST_ID.fullmatch(headers.list_id):
        raise ValueError(f"{headers.list_id!r:.80} is not a list id such as daily.digest.example")
    yield _named("List-Id", headers.list_name, headers.list_id)
    urls = [_link(url) for url in headers.unsubscribe_urls]
    if urls:
        yield _plain("List-Unsubscribe", ", ".join(f"<{url}>" for url in urls))
    if headers.one_click:
        if sum(url.startswith("https:") for url in urls) != 1:
            raise ValueError("one-click needs exactly one https URL to unsubscribe (RFC 8058)")
        yield _plain("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
    names = [name for name, _ in headers.list_links]
    if len(set(names)) != len(names) or not set(names) <= set(LIST_LINKS):
        raise ValueError(f"{names} must be different ones of {', '.join(LIST_LINKS)}")
    for name, url in headers.list_links:
        yield _plain(name, f"<{_link(url)}>")
    yield _plain("List-Post", "NO")  # RFC 2369 section 3.4: nobody writes to a digest


def _plain(name: str, text: str) -> _Field:
    """Give a field that is read by programs: one line, never encoded, and nothing that could pass for it."""
    if "=?" in text:
        raise ValueError(f"{name} {text!r:.80} holds =?, with which an encoded-word begins")
    return _Field(name, text, text)


def _message_ids(name: str, text: str) -> _Field:
    """Give a field of Message-IDs (RFC 5322 section 3.6.4), one a line."""
    ids = text.split(" ")
    for one in ids:
        if not _ANY_MESSAGE_ID.fullmatch(one):
            raise ValueError(f"{one!r:.80} is not a Message-ID")
    return _plain(name, text)._replace(wire="\r\n ".join(ids))


def _subject(text: str) -> _Field:
    text = clean_line(text)
    if not text:
        raise ValueError("the subject is empty")
    return _Field("Subject", text, _fold("Subject", (text, _charset(text))))


def _named(name: str, phrase: str, bracketed: str) -> _Field:
    """Give `phrase <bracketed>`, where a phrase is words, a quoted-string or encoded-words."""
    phrase = clean_line(phrase)
    alone = _plain(name, f"<{bracketed}>")
    if not phrase:
        return alone
    charset = _charset(phrase)
    if charset == "us-ascii" and not _PLAIN_PHRASE.fullmatch(phrase):
        phrase = '"' + re.sub(r'(["\\])', r"\\\1", phrase) + '"'
    wire = _fold(name, (phrase, charset), (alone.wire, "us-ascii"))
    return _Field(name, f"{phrase} {alone.text}", wire)


def _charset(text: str) -> str:
    """Choose encoded-words for what is not ASCII, looks like one, or has no space to fold a line at."""
    plain = text.isascii() and "=?" not in text and all(len(word) <= _LONG_WORD for word in text.split())
    return "us-ascii" if plain else "utf-8"


def _fold(name: str, *chunks: tuple[str, str]) -> str:
    """Encode (text, charset) after (text, charset) and break the lines where white space stands."""
    header = Header(header_name=name)
    for text, charset in chunks:
        header.append(text, charset)
    return header.encode(maxlinelen=_ENCODED_LINE, linesep="\r\n")


def _mailbox(text: str) -> Address:
    address = parse_address(text)
    if address.needs_smtputf8:
        raise ValueError(f"{text!r:.80} is not ASCII before the @; not every reader's server could take it")
    return address


def _link(url: str) -> str:
    if not _LINK.fullmatch(url):
        raise ValueError(f"{url!r:.80} is not an https: or mailto: URL in percent-encoded ASCII")
    return url


def _parts(letter: Letter, message_id: str) -> Iterator[_Part]:
    """Give the text, the HTML if there is one, and then each different picture of it once."""
    pictures: dict[bytes, _Part] = {}

    def attach(match: re.Match[str]) -> str:
        try:
            picture = base64.b64decode(match[3], validate=True)
        except binascii.Error:  # no picture; a mail program would not show it either
            return match[0]
        content_id = f"picture-{len(pictures) + 1}.{_tag(message_id)}"
        part = pictures.setdefault(picture, _Part(f"image/{match[2]}", picture, content_id))
        return f"{match[1]}cid:{part.content_id}"

    html = _PICTURE.sub(attach, letter.html)
    yield _Part("text/plain", _lines(letter.text))
    if html:
        yield _Part("text/html", _lines(html))
    yield from pictures.values()


def _files(attachment: Attachment | None) -> Iterator[_Part]:
    """Give what is attached. It is called plain text, whatever it holds, since that opens on every phone."""
    if attachment is not None:
        if not _FILE_NAME.fullmatch(attachment.name):
            raise ValueError(f"{attachment.name!r:.80} is not a name for a file such as my-data.txt")
        yield _Part("text/plain", attachment.text.encode(), name=attachment.name)


def _lines(text: str) -> bytes:
    return text.replace("\r\n", "\n").replace("\r", "\n").encode()


def _tag(message_id: str) -> str:
    """Give what makes an identifier of this mail the only one in the world, in the form of RFC 2392."""
    return f"{_digits(message_id)}@{message_id.strip('<>').rpartition('@')[2]}"


def _boundary(message_id: str, depth: int) -> str:
    """Give a line that no part can hold: in quoted-printable and base64 there is no =_ (RFC 2045)."""
    return f"=_{depth}_{_digits(message_id)}"


def _digits(message_id: str) -> str:
    return hashlib.sha256(message_id.encode()).hexdigest()[:24]


def _whole(parts: Sequence[_Part], message_id: str) -> _Entity:
    """Put the parts together: what is attached stands beside the letter (RFC 2046 section 5.1.3)."""
    files = [part for part in parts if part.name]
    letter = _alternatives([part for part in parts if not part.name], message_id)
    if not files:
        return letter
    return _multipart("mixed", (letter, *map(_leaf, files)), _boundary(message_id, 0))


def _alternatives(parts: Sequence[_Part], message_id: str) -> _Entity:
    """Write text and HTML as alternatives, the HTML with its pictures (RFC 2046 section 5.1.4, RFC 2387)."""
    text, *others = map(_leaf, parts)
    if not others:
        return text
    html, *pictures = others
    if pictures:
        html = _multipart("related", (html, *pictures), _boundary(message_id, 2), 'type="text/html"; ')
    return _multipart("alternative", (text, html), _boundary(message_id, 1))


def _multipart(kind: str, entities: Sequence[_Entity], boundary: str, more: str = "") -> _Entity:
    delimiter = f"--{boundary}".encode("ascii")
    body = b"".join(b"%s\r\n%s\r\n" % (delimiter, entity.octets) for entity in entities)
    head = ("Content-Type", f'multipart/{kind}; {more}boundary="{boundary}"')
    return _Entity((head,), body + delimiter + b"--\r\n")


def _leaf(part: _Part) -> _Entity:
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
    encoded = base64.encodebytes(part.content) if binary else quopri.encodestring(part.content)
    return _Entity(tuple(fields), encoded.replace(b"\n", b"\r\n"))


def _read_back(wire: bytes, fields: Sequence[_Field], parts: Sequence[_Part]) -> None:
    """Check that a receiver finds in the bytes what was asked for, all of it and nothing else."""
    lines = wire.split(b"\r\n")
    if not all(line.isascii() or line.startswith(b"To: ") for line in lines):
        raise ValueError("the bytes are not 7-bit ASCII")
    if not wire.count(b"\r") == wire.count(b"\n") == len(lines) - 1:
        raise ValueError("the bytes are not lines that end in CRLF")
    if max(map(len, lines)) > _LINE_OCTETS:
        raise ValueError(f"a line is longer than {_LINE_OCTETS} octets")
    asked = [(field.name, field.text) for field in fields]
    found = _read_head(wire)
    if found != asked:
        said, meant = next(pair for pair in zip_longest(found, asked) if pair[0] != pair[1])
        raise ValueError(f"the finished headers say {said!r:.120} where {meant!r:.120} was meant")
    leaves = [leaf for leaf in message_from_bytes(wire).walk() if not leaf.is_multipart()]
    decoded = [
        (leaf.get_content_type(), leaf.get_filename(""), leaf.get_payload(decode=True)) for leaf in leaves
    ]
    if decoded != [(part.media_type, part.name, _on_the_wire(part)) for part in parts]:
        raise ValueError("the finished parts do not decode to the letter")


def _on_the_wire(part: _Part) -> bytes:
    return part.content if part.content_id or part.name else part.content.replace(b"\n", b"\r\n")


def _read_head(wire: bytes) -> list[tuple[str, str]]:
    """Read the header fields as (name, text), unfolded (RFC 5322 section 2.2.3) and decoded (RFC 2047)."""
    head = wire.partition(b"\r\n\r\n")[0].decode()
    lines = re.sub(r"\r\n(?=[ \t])", "", head).split("\r\n")
    named = (line.partition(":") for line in lines)
    return [(name, _decode(value.strip(" "))) for name, _, value in named]


def _decode(value: str) -> str:
    """Decode each encoded-word by itself, so that one which ends within a character is found."""

    def word(match: re.Match[str]) -> str:
        encoding, text = match[1].lower(), match[2].encode("ascii")
        octets = base64.b64decode(text) if encoding == "b" else quopri.decodestring(text, header=True)
        return octets.decode("utf-8")

    return _ENCODED_WORD.sub(word, re.sub(r"(?<=\?=)[ \t]+(?==\?)", "", value))
