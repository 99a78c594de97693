"""Turn HTML into the paragraphs that a person would see, and a marked-up line into plain text."""

import re
from typing import Any

from lxml import etree, html

from digest.clean import clean_text

_NO_TEXT = frozenset(
    """
    script style template noscript iframe object embed applet svg math canvas audio video map form button
    select textarea head title table figcaption
    """.split()  # noqa: SIM905 - as HTML's own tables of elements read
)
_INLINE = frozenset(
    """
    a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark nobr q rp rt ruby s
    samp small span strike strong sub sup time tt u var wbr img picture source
    """.split()  # noqa: SIM905
)
_BREAK = "\u2028"  # cleaned to a space where the paragraph goes on
_TAIL = 20  # characters: closing quotes and brackets, and white space
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_MARKED_UP = re.compile(r"</?[a-zA-Z][^<>]*>|&(?:#\d+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*);")
_SENTENCE_END = re.compile(r"""[.!?…。！？؟।۔:]["'”’»)\]]*$""")


def printable(text: str) -> str:
    """Take out the characters that no XML or HTML parser should meet."""
    return _CONTROLS.sub("", text)


def parse(markup: str) -> Any:
    """Give the tree of a page or a piece of one, however broken; None where there is no element in it.

    libxml2 reads elements 255 levels deep and leaves out what is deeper.
    """
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False)
    try:
        return html.document_fromstring(printable(markup).encode(), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        return None


def paragraphs(markup: str) -> tuple[str, ...]:
    """Give the paragraphs of a piece of HTML in order, without tables, captions, controls and scripts.

    A line break ends a paragraph only where a sentence ends there too, or where there are two.
    """
    tree = parse(f"<div>{markup}</div>")
    return () if tree is None else tree_paragraphs(tree)


def tree_paragraphs(tree: Any) -> tuple[str, ...]:
    """Do the same for a tree that is parsed already."""
    found: list[str] = []
    pieces: list[str] = []
    hidden = 0
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        name = element.tag if isinstance(element.tag, str) else ""
        ends = bool(name) and name not in _INLINE
        if event == "start":
            hidden += name in _NO_TEXT
            if name == "br":
                _break(pieces, found)
            elif ends:
                _close(pieces, found)
            text = element.text if name else None
        else:
            hidden -= name in _NO_TEXT
            if ends and name != "br":
                _close(pieces, found)
            text = element.tail if element is not tree else None
        if text and not hidden:
            pieces.append(text)
    _close(pieces, found)
    return tuple(found)


def plain_line(markup: str) -> str:
    """Give the text of a line that may be marked up; `A < B & C`, which is not, stays as it is."""
    if not _MARKED_UP.search(markup):
        return markup
    tree = parse(f"<div>{markup}</div>")
    return "" if tree is None else "".join(tree.itertext())


def ends_sentence(text: str) -> bool:
    """Whether a sentence ends where `text` does."""
    return _SENTENCE_END.search(text[-_TAIL:].rstrip()) is not None


def _break(pieces: list[str], found: list[str]) -> None:
    """Meet a line break: the second in a row, or one after a whole sentence, ends the paragraph."""
    last = next((piece for piece in reversed(pieces) if piece == _BREAK or piece.strip()), "")
    if last == _BREAK or ends_sentence(last):
        _close(pieces, found)
    else:
        pieces.append(_BREAK)


def _close(pieces: list[str], found: list[str]) -> None:
    paragraph = clean_text("".join(pieces))
    if paragraph.strip():  # more than a no-break space
        found.append(paragraph)
    pieces.clear()
