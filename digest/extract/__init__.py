"""Turn a fetched document into articles, whatever it is: a page, a feed, data or plain text.

    bytes → decode → what is it really? → html | feed | data | text → article.build → Article

Nothing here opens a file or a connection or asks for the time: the same document gives the same articles.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath

from digest.clean import clean_line
from digest.errors import ExtractError
from digest.extract.article import build
from digest.extract.data import looks_like_data, read_data
from digest.extract.decode import binary_kind, decode
from digest.extract.markup import parse
from digest.extract.metadata import feed_address
from digest.extract.urls import canonical_url, host_name
from digest.model import Article, Document

__all__ = ["MAX_BYTES", "Extracted", "canonical_url", "extract"]

MAX_BYTES = 10 * 1024 * 1024

_MOST_LINES = 20_000  # of plain text; each costs 200 microseconds
_BLANK = "\ufeff\0 \t\r\n\f\v"
_LOOK_AT = 4096  # characters
_BEFORE_ROOT = re.compile(
    r"(?:<\?.*?\?>\s*|<!--.*?-->\s*|<!doctype\b[^>\[]*(?:\[.*?\]\s*)?>\s*)*", re.IGNORECASE | re.DOTALL
)
_ROOT = re.compile(r"<(?:[a-zA-Z][\w.-]*:)?([a-zA-Z][\w.-]*)")
_MARKUP = re.compile(r"<(?:html|head|body|article|main|div|p|h1|br|table)\b[^<>]*>", re.IGNORECASE)
_FEED_ROOTS = frozenset({"rss", "feed", "rdf", "channel"})
_PLAIN_TYPES = frozenset({"text/plain", "text/markdown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """The articles of one document, and a line for each part of it that could not be read."""

    articles: tuple[Article, ...]
    problems: tuple[str, ...] = ()


class _Form(StrEnum):
    """What a document really is."""

    HTML = "html"
    FEED = "feed"
    DATA = "data"
    TEXT = "text"


_Read = tuple[list[Article], list[str]]


def extract(document: Document, *, source: str | None = None, only_feed: bool = False) -> Extracted:
    """Give the articles of a document in its order.

    `source` is the name they get; without one it is what the document calls itself, else its host, else its
    file's name. An entry of a feed may have no body; an article of its own always has one. With `only_feed`,
    anything but a feed is refused: a wall or a login page in its place is no news.

    Raises:
        ExtractError: nothing of the document could be read.

    """
    text = _text(document)
    form = _form(text, document.media_type)
    try:
        articles, problems = (_FEED_READERS if only_feed else _READERS)[form](document, text, source)
    except ExtractError as error:
        raise ExtractError(f"{document.origin}: {_one_line(error)}") from error
    told = tuple(f"{document.origin}: {_one_line(problem)}" for problem in problems)
    if not articles:
        raise ExtractError(told[0] if told else f"{document.origin}: no article in it")
    return Extracted(articles=tuple(articles), problems=told)


def _text(document: Document) -> str:
    content, origin = document.content, document.origin
    if len(content) > MAX_BYTES:
        raise ExtractError(f"{origin}: {len(content):,} bytes are more than the {MAX_BYTES:,} that are read")
    text = decode(content, charset=document.charset)
    if not text.strip(_BLANK):
        raise ExtractError(f"{origin}: the document is empty")
    if kind := binary_kind(content, text):
        raise ExtractError(f"{origin}: this is {kind}, not an article; give HTML, a feed, JSON or plain text")
    return text


def _form(text: str, media_type: str) -> _Form:
    """Tell what a document is; servers often say wrong, so its first characters go before its media type."""
    text = text.lstrip(_BLANK)
    start = text[:_LOOK_AT]
    before = _BEFORE_ROOT.match(start)
    prolog = before.group().lower() if before else ""
    root = _ROOT.match(start, len(prolog))
    name = root[1].lower() if root else ""
    if name in _FEED_ROOTS:
        return _Form.FEED
    if "json" in media_type or looks_like_data(text):
        return _Form.DATA
    if name == "html" or "<!doctype html" in prolog or "html" in media_type:
        return _Form.HTML
    if "xml" in media_type or start.startswith("<?xml"):
        return _Form.FEED
    if media_type not in _PLAIN_TYPES and _MARKUP.search(start):
        return _Form.HTML
    return _Form.TEXT


def _read_html(document: Document, text: str, source: str | None) -> _Read:
    from digest.extract.html import read_html  # noqa: PLC0415 - trafilatura

    article = read_html(text, source=source, fallback=_fallback(document), url=document.url)
    return ([article] if article else []), []


def _read_feed(document: Document, text: str, source: str | None) -> _Read:
    from digest.extract.feed import read_feed  # noqa: PLC0415 - feedparser

    return read_feed(text, source=source, fallback=_fallback(document), base=document.url)


def _read_data(document: Document, text: str, source: str | None) -> _Read:
    return read_data(text, source=source, fallback=_fallback(document), base=document.url)


def _read_text(document: Document, text: str, source: str | None) -> _Read:
    from digest.extract.text import read_text  # noqa: PLC0415 - a model

    if (lines := text.count("\n")) > _MOST_LINES:
        raise ExtractError(f"{lines:,} lines are no article; at most {_MOST_LINES:,} are read")
    page = read_text(text)
    if not page.body:
        return [], []
    article = build(
        source=source or _fallback(document),
        title=page.title,
        body=page.body,
        url=document.url,
        author=page.author,
        published=page.published,
        modified=page.modified,
        dateline=page.dateline,
        section=page.section,
        votes=page.votes,
    )
    return ([article] if article else []), []


_READERS: dict[_Form, Callable[[Document, str, str | None], _Read]] = {
    _Form.HTML: _read_html,
    _Form.FEED: _read_feed,
    _Form.DATA: _read_data,
    _Form.TEXT: _read_text,
}


def _refuse_html(document: Document, text: str, _: str | None) -> _Read:
    tree = parse(text)
    named = None if tree is None else feed_address(tree, url=document.url)
    raise ExtractError("this is a web page, not a feed" + (f"; it names {named}" if named else ""))


def _read_json_feed(document: Document, text: str, source: str | None) -> _Read:
    return read_data(text, source=source, fallback=_fallback(document), base=document.url, only_feed=True)


def _refuse_text(*_: object) -> _Read:
    raise ExtractError("this is plain text, not a feed")


_FEED_READERS: dict[_Form, Callable[[Document, str, str | None], _Read]] = {
    _Form.HTML: _refuse_html,
    _Form.FEED: _read_feed,
    _Form.DATA: _read_json_feed,
    _Form.TEXT: _refuse_text,
}


def _fallback(document: Document) -> str:
    """Name a source that neither the operator nor the document names."""
    return host_name(document.url) or PurePath(document.origin).stem or document.origin


def _one_line(message: object) -> str:
    return clean_line(str(message))
