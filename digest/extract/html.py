"""Read the article in a web page: its paragraphs by trafilatura, the rest from what the page says itself."""

import logging
import re
from datetime import date
from itertools import pairwise
from typing import Any

import trafilatura
from lxml import etree

from digest.clean import clean_line, clean_text
from digest.errors import ExtractError
from digest.extract.article import build
from digest.extract.byline import read_author, read_dateline, read_votes
from digest.extract.markup import ends_sentence, parse, tree_paragraphs
from digest.extract.metadata import Metadata, read_metadata
from digest.extract.page import Page
from digest.extract.text import read_text
from digest.extract.urls import host_name
from digest.model import Article

for _library in ("trafilatura", "htmldate", "courlan"):  # what they warn about is no news to an operator
    logging.getLogger(_library).setLevel(logging.CRITICAL)

_MOST_ELEMENTS = 50_000  # the largest of 597 real pages has a tenth; each costs 50 microseconds and 2 KB
_TOO_SHORT = 250  # characters; less is worth a second look with fewer scruples
_PROSE = 150  # characters of a table's cell; a shorter one is data, a longer one text in a layout table
_BYLINE_WITHIN = 12  # blocks before the article
_LONGEST_VOTES = 100  # characters of a line such as "41 users have voted."
_LISTING = re.compile(
    r"(?:Index of|Directory listing for) /", re.IGNORECASE
)  # as Apache, nginx and Python say
_MOSTLY_LINKS = 0.8  # of an article's characters; of 597 real pages only one has so many, and is a list
_LONGEST_LINK = 300  # characters; more is a story within a link that is never closed
_LOOK_AT = 20_000  # characters of an article in which links are looked for
_BLOCKS = frozenset({"body", "cell", "div", "head", "item", "list", "p", "quote", "row", "table"})

# Left to itself, htmldate takes today for the last day that a page may be from, and the same page would not
# always give the same article.
_DATES = {"original_date": True, "extensive_search": True, "max_date": "2099-12-31"}


def read_html(text: str, *, source: str | None, fallback: str, url: str | None = None) -> Article | None:
    """Give the article of a page, or None where there is none.

    `source` names the source whatever the page says; `fallback` where neither it nor its address says.

    Raises:
        ExtractError: the page is far too large or only a list of links, or trafilatura cannot cope with it.

    """
    tree = parse(text)
    if tree is None:
        return None
    if (elements := int(tree.xpath("count(//*)"))) > _MOST_ELEMENTS:
        raise ExtractError(f"{elements:,} elements are no article; at most {_MOST_ELEMENTS:,} are read")
    blocks = tree_paragraphs(tree)
    try:
        body = _body(tree, url)
        known = trafilatura.extract_metadata(tree, default_url=url, date_config=_DATES)
    except Exception as error:
        raise ExtractError(f"this page cannot be read: {type(error).__name__}: {error}") from error
    said = read_metadata(tree, url=url, day=_day(known.date))
    page = Page(title=said.title, body=body)
    if not body:
        page = read_text("\n\n".join(blocks), language=said.language)
    if _is_listing(tree) or _is_links(tree, page.body):
        raise ExtractError("this is a list of links, not an article")
    return _article(
        page, said, known, blocks=blocks, name=source or said.site or host_name(said.url) or fallback
    )


def _article(page: Page, said: Metadata, known: Any, *, blocks: tuple[str, ...], name: str) -> Article | None:
    """Put together what was found; what the page says of itself counts more than how its text looks."""
    title = said.title or page.title
    body = page.body[1:] if page.body and page.body[0] == title else page.body
    if not body:
        return None
    return build(
        source=name,
        title=title,
        body=body,
        url=said.url,
        author=", ".join(said.authors) or page.author or _author(known.author, blocks, body),
        language=said.language,
        published=said.published or page.published,
        modified=said.modified or page.modified,
        dateline=read_dateline(body[0]),
        section=said.section or page.section,
        kind=said.kind,
        votes=page.votes or _votes(blocks, body),
        image=said.image,
        image_alt=said.image_alt,
    )


def _body(tree: Any, url: str | None) -> tuple[str, ...]:
    """Give the paragraphs of the page's article; empty where trafilatura finds none."""
    body = _paragraphs(tree, url, favor_recall=False)
    if sum(map(len, body)) >= _TOO_SHORT:
        return body
    return max(body, _paragraphs(tree, url, favor_recall=True), key=lambda body: sum(map(len, body)))


def _paragraphs(tree: Any, url: str | None, *, favor_recall: bool) -> tuple[str, ...]:
    found: Any = trafilatura.bare_extraction(tree, url=url, include_comments=False, favor_recall=favor_recall)
    return () if found is None else _walk(found.body)


def _is_listing(tree: Any) -> bool:
    """Whether a page is a server's own list of a folder, called so in its title and above the list."""
    titles = {clean_line("".join(title.itertext())) for title in tree.xpath("//head//title")}
    headings = {clean_line("".join(heading.itertext())) for heading in tree.iter("h1", "h2")}
    return any(map(_LISTING.match, titles & headings))


def _is_links(tree: Any, body: tuple[str, ...]) -> bool:
    """Whether nearly all that would be the article is the text of links."""
    text = clean_line(" ".join(body))[:_LOOK_AT]
    links = {clean_line("".join(link.itertext())) for link in tree.xpath("//a[@href]")}
    linked = sum(len(link) for link in links if len(link) <= _LONGEST_LINK and link in text)
    return linked > _MOSTLY_LINKS * len(text)


def _walk(body: Any) -> tuple[str, ...]:
    """Turn trafilatura's elements into paragraphs: text, headings and list items, but no data from tables."""
    for cell in list(body.iter("cell")):
        if len("".join(cell.itertext())) < _PROSE:
            cell.clear(keep_tail=True)
    found: list[str] = []
    pieces: list[str] = []
    for event, element in etree.iterwalk(body, events=("start", "end")):
        if element.tag in _BLOCKS or (element.tag == "lb" and ends_sentence("".join(pieces[-1:]))):
            found.append("".join(pieces))
            pieces.clear()
        elif element.tag == "lb":
            pieces.append(" ")
        pieces.append((element.text if event == "start" else element.tail) or "")
    found.append("".join(pieces))
    return tuple(text for text in map(clean_text, found) if text.strip())


def _day(text: str | None) -> date | None:
    """Read htmldate's answer; 1 January is what it makes of a lone year, mostly the copyright's."""
    return date.fromisoformat(text) if text and not text.endswith("-01-01") else None


def _author(seen: str | None, blocks: tuple[str, ...], body: tuple[str, ...]) -> str | None:
    """Give the authors that trafilatura saw, or those of a byline; a single word it saw is often a month."""
    if seen and " " in seen:
        return seen.replace("; ", ", ")
    start = next((i for i, block in enumerate(blocks) if block == body[0]), 0)
    lines = (*blocks[max(0, start - _BYLINE_WITHIN) : start], "")
    return next(filter(None, (read_author(line, after) for line, after in pairwise(lines))), None)


def _votes(blocks: tuple[str, ...], body: tuple[str, ...]) -> int:
    """Read the readers' votes from the lines around the article, the last ones first."""
    own = set(body)
    lines = (block for block in reversed(blocks) if len(block) <= _LONGEST_VOTES and block not in own)
    return next((votes for votes in map(read_votes, lines) if votes is not None), 0)
