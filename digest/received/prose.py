"""Read the reader's own first lines: no quotes, no signature, nothing that cannot be seen."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from digest.received.fields import tidy_lines
from digest.received.lexicon import listed
from digest.received.parts import Text

MOST_LINES = 20
LONGEST_LINE = 200  # characters

_READ_LINES = 400  # with those of quotes
_READ_CHARACTERS = 1000  # of a line
_MOST_PIECES = 10_000  # of text between the tags of HTML
_WRAPPED = 4  # lines that an introduction may take
_BLOCK = 5  # lines within which a block of header lines shows itself
_QUOTED = (">", "＞", "|")
_RULE = "_" * 10
_ALIKE = str.maketrans({"’": "'", "ı": "i"})  # Turkish: OTOMATİK YANIT
_DASHES = ("--", "__", "==", "**")
_SIGNED = ("--", "—", "–")
_ANYTHING = "…"

_HIDDEN = ("display:none", "visibility:hidden", "mso-hide:all", "font-size:0")
_NO_TEXT = frozenset(
    ["blockquote", "head", "noscript", "script", "select", "style", "template", "textarea", "title"]
)
_INLINE = frozenset(
    """
    a abbr b bdi bdo big cite code em font i img ins kbd label mark o:p q s samp small span strike strong
    sub sup time tt u wbr
    """.split()  # noqa: SIM905 - as HTML's own tables of elements read
)
# What the large mail programs call their marks.
_QUOTES = frozenset(
    """
    gmail_attr gmail_quote gmail_signature moz-signature ms-outlook-mobile-signature protonmail_quote
    protonmail_signature_block tutanota_quote yahoo_quoted zmail_extra
    """.split()  # noqa: SIM905
)
_QUOTED_FROM_HERE = frozenset(
    """
    appendonsend divrplyfwdmsg mail-editor-reference-message-container moz-cite-prefix outlookmessageheader
    """.split()  # noqa: SIM905
)


def own_lines(text: Text) -> str:
    """Give the first lines that the reader wrote himself, each tidied, none empty."""
    lines = _of_markup(text.content) if text.is_markup else _of_plain(text)
    found: list[str] = []
    for number, line in enumerate(lines):
        if line.startswith(_QUOTED):
            continue
        if len(found) == MOST_LINES or _is_end(lines[number : number + _BLOCK]):
            break
        found.append(line[:LONGEST_LINE].rstrip())
    return "\n".join(found)


def key(line: str) -> str:
    """Give the form under which two spellings of a line are equal; white space before a colon does not count."""
    folded = unicodedata.normalize("NFKC", line).casefold().translate(_ALIKE).replace("i\u0307", "i")
    return " ".join(folded.split()).replace(" :", ":")


def _of_plain(text: Text) -> list[str]:
    lines = tidy_lines(text.content, _READ_LINES)
    return _filled(_unwrapped(lines, delsp=text.kind.delsp) if text.kind.flowed else lines)


def _unwrapped(lines: Iterable[str], *, delsp: bool) -> Iterator[str]:
    """Join the lines of one paragraph (RFC 3676 section 4.2)."""
    held = ""
    for line in lines:
        held += line
        if not line.endswith(" ") or line == "-- " or len(held) > _READ_CHARACTERS:
            yield held
            held = ""
        elif delsp:
            held = held[:-1]
    yield held


def _filled(lines: Iterable[str]) -> list[str]:
    """Give the lines that say something, with single spaces."""
    single = (" ".join(line[:_READ_CHARACTERS].split()) for line in lines)
    return [line for line in single if line]


def _of_markup(markup: str) -> list[str]:
    """Give the lines that a person would see, without what mail programs mark as a quote."""
    from digest.extract.markup import parse  # noqa: PLC0415 - most mails have plain text

    tree = parse(markup)
    pieces: list[str] = []
    if tree is not None:
        _show(tree, pieces)
    return _filled(tidy_lines("".join(pieces), _READ_LINES))


def _show(tree: Any, pieces: list[str]) -> None:
    """Collect the text of a tree, without recursion, until a quote begins that goes on to the end."""
    from lxml import etree  # noqa: PLC0415 - most mails have plain text

    walk = etree.iterwalk(tree, events=("start", "end"))
    skipped: Any = None
    for event, element in walk:
        name = element.tag if isinstance(element.tag, str) else ""
        if event == "start":
            if _marks(element) & _QUOTED_FROM_HERE:
                return
            if not name or name in _NO_TEXT or _marks(element) & _QUOTES or _is_hidden(element):
                skipped = element
                walk.skip_subtree()
                continue
            pieces.append(_break(name) + _spaced(element.text, name))
            if len(pieces) > _MOST_PIECES:
                return
        else:
            pieces.append(_break(name) if element is not skipped else "\n")
            pieces.append(_spaced(element.tail, _parent(element)))


def _break(name: str) -> str:
    return "" if name in _INLINE else " " if name in ("td", "th") else "\n"


def _parent(element: Any) -> str:
    parent = element.getparent()
    return "" if parent is None else str(parent.tag)


def _spaced(text: str | None, parent: str) -> str:
    """Give a text as HTML shows it: a line end is a space, but in what is set as it is."""
    return (text or "") if parent == "pre" else " ".join((text or "").split("\n"))


def _marks(element: Any) -> frozenset[str]:
    said = f"{element.get('class') or ''} {element.get('id') or ''}"
    return frozenset(mark.removeprefix("x_") for mark in said[:_READ_CHARACTERS].lower().split())


def _is_hidden(element: Any) -> bool:
    style = "".join((element.get("style") or "")[:_READ_CHARACTERS].lower().split())
    nothing = any(hidden in style for hidden in _HIDDEN) and "font-size:0." not in style
    return nothing or element.get("hidden") is not None


def _is_end(lines: Sequence[str]) -> bool:
    """Tell whether what stands from the first of these lines on is not the reader's own."""
    line = key(lines[0])
    return (
        lines[0] in _SIGNED
        or lines[0].startswith(_RULE)
        or ((lines[0].startswith(_DASHES) or line.endswith(":")) and line.strip("-_=* :") in _bars())
        or line.startswith(_signatures()[0])
        or line.endswith(_signatures()[1])
        or _is_introduction([line, *map(key, lines[1:_WRAPPED])])
        or _is_block(lines)
    )


def _is_introduction(lines: Sequence[str]) -> bool:
    """Tell whether the first line, perhaps with the next ones, says whose words follow."""
    for count in range(1, len(lines) + 1):
        if lines[count - 1].endswith(_introduced()):
            joined = " ".join(lines[:count])
            if any(introduction.fits(joined, lines[0]) for introduction in _introductions()):
                return True
    return False


def _is_block(lines: Sequence[str]) -> bool:
    names = [_field(line) for line in lines]
    return names[0] in _senders() and any(name in _others() for name in names[1:])


def _field(line: str) -> str:
    name, colon, _ = key(line).partition(":")
    return name.strip(" *") if colon else ""


@dataclass(frozen=True, slots=True)
class _Introduction:
    """The fixed pieces of a line such as "On … wrote:"."""

    pieces: tuple[str, ...]  # the first one empty: it may begin with anything

    def fits(self, text: str, first_line: str) -> bool:
        """Tell whether a text is such a line, and its first line holds the first piece."""
        begin, *others = self.pieces
        if not text.startswith(begin) or (not begin and others[0] not in first_line):
            return False
        position = len(begin)
        for piece in others[:-1]:
            position = text.find(piece, position)
            if position < 0:
                return False
            position += len(piece)
        return text.endswith(others[-1]) and len(text) - len(others[-1]) >= position


@cache
def _introductions() -> tuple[_Introduction, ...]:
    split = (line.split(_ANYTHING) for line in listed("quote", "introductions"))
    return tuple(
        _Introduction((f"{key(first)} " if first else "", *map(key, others))) for first, *others in split
    )


@cache
def _introduced() -> tuple[str, ...]:
    return tuple({introduction.pieces[-1] for introduction in _introductions()})


@cache
def _bars() -> frozenset[str]:
    return frozenset(map(key, listed("quote", "bars")))


@cache
def _senders() -> frozenset[str]:
    return frozenset(map(key, listed("quote", "senders")))


@cache
def _others() -> frozenset[str]:
    return frozenset(map(key, listed("quote", "others")))


@cache
def _signatures() -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(map(key, listed("signature", "starts"))), tuple(map(key, listed("signature", "ends")))
