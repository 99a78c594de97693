"""Read a mail that reached us: who wrote it, to which of our addresses, and what he says in his own words.

Nothing in it is believed, nothing raises, and the work is bounded: what is larger, deeper or more than a person's
program makes is `refused`, with what was read until then. A refused header gives no author, so that nobody is
answered. The header is read up to 256 KB and 1,000 fields, then up to 100 parts, 10 deep, until the first text.
"""

import hashlib
import re
from dataclasses import dataclass

from digest.address import Address, parse_address
from digest.received import mailboxes
from digest.received.authentication import judge
from digest.received.automatic import subject_of, why_automatic
from digest.received.fields import Fields, octets, read_fields
from digest.received.parts import TooMuchError, find_text
from digest.received.prose import own_lines

__all__ = ["Envelope", "Received", "read"]

_MOST_OCTETS = 64 * 1024 * 1024
_HEADER_OCTETS = 256 * 1024
_HEADER_FIELDS = 1000
_MESSAGE_ID = re.compile(r"<[!#-'*+\-/-9=?A-Z^-~.]{1,120}@[!#-'*+\-/-9:=?A-Z\[\]^-~.]{1,120}>")
_MOST_REFERENCES = 12
_REFERENCES_OCTETS = 700  # so that they fit a line of 998 with the Message-ID after them


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What the mail server said when it handed a mail over."""

    sender: str | None = None  # None: unknown; empty: null
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A mail as far as it concerns us."""

    key: str  # the same for the same mail, on whichever way it comes
    author: Address | None
    return_path: str | None  # empty: null; None: unknown
    recipients: tuple[str, ...]
    message_id: str  # with angle brackets; empty: none that may be referred to
    references: str
    subject: str
    text: str  # the reader's own first lines
    automatic: str  # why a machine wrote it; empty: a person did
    authenticated: bool  # the operator's server vouches for the author's domain
    rejected: bool  # the operator's server says that it is forged
    refused: str  # why it is not read further; empty: it was read


def read(content: bytes, *, envelope: Envelope, own_address: str, authserv_id: str = "") -> Received:
    """Read a mail; `own_address` is ours without a subaddress, `authserv_id` the name of the operator's server."""
    own = parse_address(own_address)
    fields = read_fields(content, 0, octets=_HEADER_OCTETS, fields=_HEADER_FIELDS)
    refused, text = _refused(content, fields), ""
    author = None if refused else mailboxes.author(fields)
    return_path = mailboxes.return_path(fields) if envelope.sender is None else envelope.sender
    subject = subject_of(fields)
    if not refused:
        try:
            found = find_text(content, fields)
            text = own_lines(found) if found else ""
        except TooMuchError as error:
            refused = str(error)
    verdict = judge(fields, author, authserv_id)
    return Received(
        key=_key(content, fields, author),
        author=author,
        return_path=return_path,
        recipients=envelope.recipients or mailboxes.recipients(fields, own),
        message_id=_message_id(fields),
        references=_references(fields),
        subject=subject,
        text=text,
        automatic=why_automatic(fields, author=author, return_path=return_path, own=own, subject=subject),
        authenticated=verdict.vouched,
        rejected=verdict.rejected,
        refused=refused,
    )


def _refused(content: bytes, fields: Fields) -> str:
    if len(content) > _MOST_OCTETS:
        return f"larger than {_MOST_OCTETS // 2**20} MB"
    if not fields.complete:
        return f"a header of more than {_HEADER_OCTETS // 2**10} KB or {_HEADER_FIELDS:,} fields"
    return ""


def _key(content: bytes, fields: Fields, author: Address | None) -> str:
    """Hash what the author wrote; servers add fields, change line ends and the white space at the end.

    The Date is the author's too: it tells two mails apart that have no Message-ID.
    """
    written = [str(author) if author else "\n".join(fields.named("from"))]
    written += ["\n".join(fields.named(name)) for name in ("message-id", "date", "subject")]
    digest = hashlib.sha256()
    for raw in (*map(octets, written), content[fields.end :]):
        part = raw.translate(None, b"\r").rstrip()
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _message_id(fields: Fields) -> str:
    values = fields.named("message-id")
    return values[0] if len(values) == 1 and _MESSAGE_ID.fullmatch(values[0]) else ""


def _references(fields: Fields) -> str:
    """Give the mails that this one answers, the last ones, without anything that is no Message-ID."""
    known = fields.first("references") or fields.first("in-reply-to")
    found: list[str] = []
    for one in reversed(known[-_HEADER_OCTETS:].split()):
        if _MESSAGE_ID.fullmatch(one) and one not in found:
            found.append(one)
        if len(found) == _MOST_REFERENCES:
            break
    while len(" ".join(found)) > _REFERENCES_OCTETS:
        found.pop()
    return " ".join(reversed(found))
