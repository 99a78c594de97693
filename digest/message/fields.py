"""What stands over a mail: each field as it is meant, and as it is written.

A field that people read may be words in any script; one that programs read is one line that is never encoded.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from typing import NamedTuple

from digest.address import Address, parse_address
from digest.clean import clean_line
from digest.model import Letter

LIST_LINKS = ("List-Help", "List-Subscribe", "List-Owner", "List-Archive")
"""The fields of RFC 2369 that `Headers.list_links` may name."""

_ENCODED_LINE = 76  # RFC 2047 section 2: the longest line that may hold an encoded-word
_LONG_WORD = 60  # characters that fit behind the name of a field

_ATOMS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_DOMAIN = r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_MESSAGE_ID = re.compile(f"<{_ATOMS}@{_DOMAIN}>")
_LIST_ID = re.compile(rf"{_ATOMS}\.{_DOMAIN}")  # RFC 2919 section 2: a label and a name space
_ANY_MESSAGE_ID = re.compile(r"<[!-;=?-~]+>")  # other people's: whatever their programs make of it
_LINK = re.compile(r"(?:https://|mailto:)[!-;=?-~]+")  # visible ASCII without < and >
_TOKEN = re.compile(r"auto-[a-z]+")  # RFC 3834 section 5
_PLAIN_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_SPACES = re.compile(r"[ \t]+")


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


class Field(NamedTuple):
    """A header field."""

    name: str
    text: str  # as a receiver reads it: unfolded, decoded
    wire: str  # as it is written: folded, encoded

    @property
    def octets(self) -> bytes:
        """The whole field with its CRLF."""
        return f"{self.name}: {self.wire}\r\n".encode()

    @property
    def canonical(self) -> bytes:
        """The field in the relaxed form that DKIM hashes (RFC 6376 section 3.4.2)."""
        unfolded = _SPACES.sub(" ", self.wire.replace("\r\n", "")).strip(" ")
        return f"{self.name.lower()}:{unfolded}\r\n".encode()


def fields(letter: Letter, headers: Headers) -> Iterator[Field]:
    """Give each field once, in the order in which it is written, but not those of the MIME tree."""
    if headers.date.tzinfo is None:
        raise ValueError(f"the date {headers.date} has no time zone")
    if not _MESSAGE_ID.fullmatch(headers.message_id):
        raise ValueError(f"{headers.message_id!r:.80} is not a Message-ID")
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


def link(url: str) -> str:
    """Give a URL that may stand in a field as it is."""
    if not _LINK.fullmatch(url):
        raise ValueError(f"{url!r:.80} is not an https: or mailto: URL in percent-encoded ASCII")
    return url


def _list_fields(headers: Headers) -> Iterator[Field]:
    """Give the fields that make it the mail of a list (RFC 2369, 2919, 8058)."""
    if not _LIST_ID.fullmatch(headers.list_id):
        raise ValueError(f"{headers.list_id!r:.80} is not a list id such as daily.digest.example")
    yield _named("List-Id", headers.list_name, headers.list_id)
    urls = [link(url) for url in headers.unsubscribe_urls]
    if urls:
        yield _plain("List-Unsubscribe", ", ".join(f"<{url}>" for url in urls))
    if headers.one_click:
        if len([url for url in urls if url.startswith("https:")]) != 1:
            raise ValueError("one-click needs exactly one https URL to unsubscribe (RFC 8058)")
        yield _plain("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
    names = [name for name, _ in headers.list_links]
    if len(set(names)) != len(names) or not set(names) <= set(LIST_LINKS):
        raise ValueError(f"{names} must be different ones of {', '.join(LIST_LINKS)}")
    for name, url in headers.list_links:
        yield _plain(name, f"<{link(url)}>")
    yield _plain("List-Post", "NO")  # RFC 2369 section 3.4: nobody writes to a digest


def _plain(name: str, text: str) -> Field:
    """Give a field that is read by programs: one line, never encoded, and nothing that could pass for it."""
    if "=?" in text:
        raise ValueError(f"{name} {text!r:.80} holds =?, with which an encoded-word begins")
    return Field(name, text, text)


def _message_ids(name: str, text: str) -> Field:
    """Give a field of Message-IDs (RFC 5322 section 3.6.4), one a line."""
    ids = text.split(" ")
    for one in ids:
        if not _ANY_MESSAGE_ID.fullmatch(one):
            raise ValueError(f"{one!r:.80} is not a Message-ID")
    return _plain(name, text)._replace(wire="\r\n ".join(ids))


def _subject(text: str) -> Field:
    text = clean_line(text)
    if not text:
        raise ValueError("the subject is empty")
    return Field("Subject", text, _fold("Subject", (text, _charset(text))))


def _named(name: str, phrase: str, bracketed: str) -> Field:
    """Give `phrase <bracketed>`, where a phrase is words, a quoted-string or encoded-words."""
    phrase = clean_line(phrase)
    alone = _plain(name, f"<{bracketed}>")
    if not phrase:
        return alone
    charset = _charset(phrase)
    if charset == "us-ascii" and not _PLAIN_PHRASE.fullmatch(phrase):
        phrase = '"' + re.sub(r'(["\\])', r"\\\1", phrase) + '"'
    wire = _fold(name, (phrase, charset), (alone.wire, "us-ascii"))
    return Field(name, f"{phrase} {alone.text}", wire)


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
