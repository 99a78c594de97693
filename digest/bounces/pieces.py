"""Take a report apart: what the machine writes to people, what it writes to machines, and the mail that it returns.

One pass within the limits of `digest.received.parts`; a message within the message is entered twice at most, for
servers that wrap a report in a mail of their own. Nothing raises.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from digest.bounces.addresses import found_in, once
from digest.received.fields import Fields, decoded, octets, read_fields
from digest.received.parts import Leaf, TooMuchError, leaves

_READ = 2 * 1024 * 1024  # octets of a mail; reports stand before what they return
_HEADER_OCTETS = 64 * 1024
_HEADER_FIELDS = 500
_TEXT = 48 * 1024  # characters of each kind of text
_DEEPEST = 2
_LONGEST_RULE = 200  # characters of a line that says what comes behind it
_JAPANESE = b"\x1b$B"  # ISO-2022-JP, which servers use without saying so

_BLOCKS = re.compile(r"<(?:br|p|div|tr|td|th|li|h[1-6]|table|pre|hr)\b[^<>]{0,2000}>", re.IGNORECASE)
_HIDDEN = re.compile(r"<(style|script|head|title)\b", re.IGNORECASE)
_TAGS = re.compile(r"<[a-zA-Z/!?][^<>@]{0,2000}>")
_WAYS_TO = re.compile(r"<?mailto:([^<>\s?]{1,300})[^<>\s]{0,300}>?", re.IGNORECASE)
_RETURNED = re.compile(
    r"""
    ^[\s>|=*#.-]*(?:
        [^\n@:]{0,60}\b(?:copy|part|body|text|contents?|headers?|lines)\sof\s(?:the|your|this|that)\s
            (?:original\s|returned\s|rejected\s|e-?)?(?:message|mail)(?!.{0,40}\b(?:removed|too))
      | (?:start\sof\s)?(?:the\s)?(?:original|returned|unsent|undelivered|rejected|bounced|old|failed|e-?mail)\s
            (?:message|mail|text|e-?mail)(?:\s|\W)*(?:text|headers?|body|follows|attached|below|as\sfollows|is)?
            (?:\s(?:follows?|is\sfollowing|below|attached))*[\s:.=*|#-]*$
      | message\s(?:headers?|text|body|contents?)\b[^\n@]{0,30}[\s:.-]*$
      | (?:the\s)?headers?\s(?:of\sthe\s|and\s)[^\n@]{0,60}follow
      | undeliverable\smessage\sis
      | [-=]{3,}\s*forwarded\smessage
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_TRACE = re.compile(
    r"(?:[\s>|]{0,8}(?:return-path|received|delivered-to|x-received|dkim-signature)|message-id|mime-version): ?\S",
    re.IGNORECASE,
)
_ORIGINALS = frozenset(
    {
        "message/rfc822",
        "text/rfc822-headers",
        "message/rfc822-headers",
        "text/rfc822",
        "message/global",
        "message/global-headers",
        "message/partial",
        "message/news",
    }
)
_FOR = ("x-original-to", "envelope-to", "delivered-to", "x-rcpt-to", "to")
_SENDER = ("from", "return-path", "sender", "reply-to")
_ANSWERS = frozenset({"x-autoreply", "x-autorespond", "x-autoresponder", "x-mail-autoreply"})
_STATUS = frozenset({"message/delivery-status", "message/global-delivery-status"})


@dataclass(slots=True, kw_only=True)
class Pieces:
    """A report, taken apart."""

    fields: Fields
    said: str = ""  # to people, without the mail that is returned
    status: str = ""  # fields of RFC 3464
    feedback: str = ""  # fields of RFC 5965
    original: Fields | None = None  # of the mail that is returned
    returned: str = ""  # the mail itself, as far as it was read
    kinds: list[str] = field(default_factory=list)

    @property
    def failed(self) -> list[str]:
        """Whom Exim and others name in the header itself."""
        return once(found_in(" ".join(self.fields.named("x-failed-recipients"))))

    @property
    def addressees(self) -> list[str]:
        """Whom the returned mail was for."""
        if self.original is None:
            return []
        found = (once(found_in(" ".join(self.original.named(name)))) for name in _FOR)
        return next(filter(None, found), [])

    @property
    def ours(self) -> frozenset[str]:
        """The addresses of the sender, in lower case: he is never the one that failed."""
        values = [one for name in ("from", "to", "reply-to") for one in self.fields.named(name)]
        if self.original is not None:
            values += [one for name in _SENDER for one in self.original.named(name)]
        return frozenset(address.casefold() for value in values for address in found_in(value))

    @property
    def is_among_people(self) -> bool:
        """Whether it answers another mail, or came by a list."""
        return any(self.fields.first(name) for name in ("in-reply-to", "references", "list-id"))

    @property
    def is_answer(self) -> bool:
        """Whether it says that a program answers for a person (RFC 3834 section 5)."""
        names = {name for name, _ in self.fields.all}
        submitted = self.fields.first("auto-submitted").lower().startswith("auto-replied")
        precedence = self.fields.first("precedence").strip().lower() == "auto_reply"
        return submitted or precedence or bool(names & _ANSWERS)


def take_apart(content: bytes) -> Pieces:
    """Read a mail, whatever its line ends are."""
    content = with_line_feeds(content[:_READ])
    fields = read_fields(content, 0, octets=_HEADER_OCTETS, fields=_HEADER_FIELDS)
    pieces = Pieces(fields=fields)
    _take(content, pieces, fields, deep=0)
    if pieces.original is None and pieces.returned:
        raw = octets(pieces.returned)
        pieces.original = read_fields(raw, 0, octets=_HEADER_OCTETS, fields=_HEADER_FIELDS)
    return pieces


def with_line_feeds(content: bytes) -> bytes:
    """Give a mail with one kind of line ends."""
    return re.sub(rb"\r\n?", b"\n", content)


def _take(content: bytes, pieces: Pieces, fields: Fields, *, deep: int) -> None:
    markup: list[str] = []
    try:
        for leaf in leaves(content, fields):
            pieces.kinds.append(leaf.kind.name)
            if leaf.kind.name == "text/html":
                markup.append(shown(_text(leaf)))
            else:
                _sort(leaf, pieces, deep=deep)
    except TooMuchError:
        pass
    if not pieces.said.strip():
        _say("\n".join(markup), pieces)
    if not pieces.kinds:  # a boundary that is never seen
        _say(decoded(content[fields.end : fields.end + _TEXT], None), pieces)
    if deep < _DEEPEST and pieces.returned and pieces.original is None and not pieces.status:
        _take_inner(octets(pieces.returned), pieces, deep=deep)


def _take_inner(inner: bytes, pieces: Pieces, *, deep: int) -> None:
    """Read a mail that comes back within a text, where it is a report itself."""
    fields = read_fields(inner, 0, octets=_HEADER_OCTETS, fields=_HEADER_FIELDS)
    if "multipart/report" in fields.first("content-type").lower():
        pieces.returned = ""
        _take(inner, pieces, fields, deep=deep + 1)


def _sort(leaf: Leaf, pieces: Pieces, *, deep: int) -> None:
    name = leaf.kind.name
    if name in _STATUS:
        pieces.status = f"{pieces.status}\n\n{_text(leaf)}"[:_TEXT]
    elif name == "message/feedback-report":
        pieces.feedback = f"{pieces.feedback}\n{_text(leaf)}"[:_TEXT]
    elif name in _ORIGINALS:
        _return(leaf, pieces, deep=deep)
    elif name.startswith(("text/", "message/")) or name == "application/octet-stream":
        _say(_text(leaf), pieces)


def _return(leaf: Leaf, pieces: Pieces, *, deep: int) -> None:
    """Keep the mail that comes back; what is a report itself, where there was none before, is the report."""
    inner = leaf.octets.lstrip(b"\n")
    fields = read_fields(inner, 0, octets=_HEADER_OCTETS, fields=_HEADER_FIELDS)
    kind = fields.first("content-type")[:200].lower()
    if deep < _DEEPEST and not pieces.status and not pieces.feedback and "multipart/report" in kind:
        _take(inner, pieces, fields, deep=deep + 1)
    elif pieces.original is None and fields.all:
        pieces.original = fields
        pieces.returned = decoded(inner[:_TEXT], None)


def _say(text: str, pieces: Pieces) -> None:
    """Keep what the machine says, up to where the mail begins that it returns."""
    lines = text[:_TEXT].split("\n")
    end = next((number for number, line in enumerate(lines) if _begins(line)), len(lines))
    pieces.said = "\n".join([pieces.said, *lines[:end]])[:_TEXT]
    if end < len(lines) and not pieces.returned:
        rest = lines[end:]
        first = next(
            (n for n, line in enumerate(rest) if re.match(r"[\s>|]{0,8}[A-Za-z-]{2,40}: ?\S", line)), 0
        )
        pieces.returned = "\n".join(
            line.lstrip(" >|") if not line.startswith((" ", "\t")) else line for line in rest[first:]
        )


def _begins(line: str) -> bool:
    return bool(_TRACE.match(line) or (len(line) < _LONGEST_RULE and _RETURNED.match(line)))


def shown(markup: str) -> str:
    """Give the text of HTML, roughly: one line for each block."""
    text = _BLOCKS.sub("\n", re.sub(r"[ \t]*\n[ \t]*", " ", "".join(_visible(markup))))
    return html.unescape(_TAGS.sub("", text))


def _visible(markup: str) -> Iterator[str]:
    """Give what stands outside of elements that nobody sees; one that is never closed hides the rest."""
    position, lower = 0, markup.lower()
    while opened := _HIDDEN.search(lower, position):
        yield markup[position : opened.start()]
        position = lower.find(f"</{opened[1]}", opened.end())
        if position < 0:
            return
    yield markup[position:]


def _text(leaf: Leaf) -> str:
    raw = leaf.octets[: 2 * _TEXT]
    text = decoded(raw, "iso-2022-jp" if _JAPANESE in raw else leaf.kind.charset)
    return _WAYS_TO.sub(r" <\1> ", text) if leaf.kind.name == "text/plain" else text
