"""Read RSS, RDF and Atom: one article for each entry, its markup turned into paragraphs."""

import io
import re
from calendar import timegm
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from xml.parsers.expat import errors
from xml.sax import SAXParseException

import feedparser

from digest.errors import ExtractError
from digest.extract.article import build, image_url, kind_of
from digest.extract.markup import paragraphs, plain_line, printable
from digest.extract.urls import canonical_url, host_name
from digest.model import Article, Kind, When

_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_BLANK_LINE = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_XML_ENCODING = re.compile(r"""(<\?xml\b[^>]{0,99}?)\s{1,9}encoding\s{0,9}=\s{0,9}["'][^"']{0,99}["']""")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ADDRESS = re.compile(r"[<(]?[^\s<>()]+@[^\s<>()]+[>)]?")
_MEDIA_DESCRIPTION = re.compile(r"(</?)media:description\b")
_BROKEN_OFF = frozenset({errors.XML_ERROR_NO_ELEMENTS, errors.XML_ERROR_UNCLOSED_TOKEN})

# What blog engines add below every entry of a feed.
_FURNITURE = re.compile(
    r"(?:The|This) (?:post|article)\b.{0,300}\b(?:appeared first|first appeared) on .{1,120}"
    r"|(?:Continue reading|Read (?:more|on|the (?:full|rest))|Weiterlesen|Lire la suite|Leer más|Comments)"
    r"\b.{0,120}",
    re.IGNORECASE,
)


def read_feed(
    text: str, *, source: str | None, fallback: str, base: str | None = None
) -> tuple[list[Article], list[str]]:
    """Give the articles of a feed, and one line for each entry that is none.

    `source` names the source whatever the feed says; `fallback` where it says nothing.

    Raises:
        ExtractError: there is no entry at all, or feedparser cannot cope with the feed.

    """
    parsed = _parse(text)
    if not parsed.entries:
        raise ExtractError(_why(parsed))
    front_page = canonical_url(parsed.feed.get("link") or "", base)
    name = source or plain_line(parsed.feed.get("title") or "").strip() or host_name(front_page) or fallback
    articles: list[Article] = []
    problems: list[str] = []
    for number, entry in enumerate(parsed.entries, start=1):
        article = _article(entry, parsed.feed, source=name, base=base, front_page=front_page)
        if article is None:
            problems.append(f"entry {number}: neither a title nor text")
        else:
            articles.append(article)
    return articles, problems


def _parse(text: str) -> Any:
    """Parse a text that is decoded already.

    feedparser takes a bare string for a file's name or a URL and opens it, so it gets a stream; it takes a
    picture's description for the entry's own, so that is renamed; and where there is no declaration it adds
    one in a line of its own, which all later lines would be counted by.
    """
    text = _XML_ENCODING.sub(r"\1", printable(text), count=1)
    text = text if text.lstrip().startswith("<?xml") else f"<?xml version='1.0'?>{text}"
    stream = io.BytesIO(_MEDIA_DESCRIPTION.sub(r"\1media:alt", text).encode())
    headers = {"content-type": "application/xml; charset=utf-8"}
    options = {"sanitize_html": False, "resolve_relative_uris": False}
    try:
        return feedparser.parse(stream, response_headers=headers, **options)
    except Exception as error:  # in a broken feed &#99999999999; is an OverflowError, and there are others
        raise ExtractError(f"this feed cannot be read: {type(error).__name__}: {error}") from error


def _why(parsed: Any) -> str:
    """Say why a feed has no entries: in what way it is broken, if it is."""
    error = parsed.get("bozo_exception")
    if not isinstance(error, SAXParseException):
        return f"the feed has no entries: {error}" if error else "the feed has no entries"
    reason, line = error.getMessage(), error.getLineNumber()
    if reason in _BROKEN_OFF:
        return f"this is no feed that can be read: it breaks off in line {line}"
    return f"this is no feed that can be read: {reason} in line {line}"


def _article(
    entry: Any, feed: Any, *, source: str, base: str | None, front_page: str | None
) -> Article | None:
    pictures = filter(None, (image_url(address, base) for address in _pictures(entry)))
    terms = [plain_line(tag.get("term") or "").strip() for tag in entry.get("tags", ())]
    labels = [term for term in terms if term and "://" not in term]  # Blogger's own are addresses
    published, modified = _dates(entry)
    alt = entry.get("media_alt") or ""
    body = _body(entry)
    return build(
        source=source,
        title=plain_line(entry.get("title") or ""),
        body=body or _paragraphs(alt, is_markup=False),
        url=canonical_url(entry.get("link") or "", base or front_page),
        author=_author(entry),
        language=_language(entry) or feed.get("language"),
        published=published,
        modified=modified,
        section=labels[0] if labels else None,
        kind=Kind.OPINION if any(kind_of(label) is Kind.OPINION for label in labels) else None,
        image=next(pictures, None),
        image_alt=plain_line(alt) if body else None,
    )


def _body(entry: Any) -> tuple[str, ...]:
    """Give the paragraphs of the entry's content or summary, whichever says more, without furniture."""
    told = [*entry.get("content", ()), entry.get("summary_detail") or {}]
    bodies = (
        _paragraphs(each.get("value") or "", is_markup=each.get("type") != "text/plain") for each in told
    )
    body = max(bodies, key=lambda body: sum(map(len, body)))
    while body and _FURNITURE.fullmatch(body[-1]):
        body = body[:-1]
    return body


def _paragraphs(text: str, *, is_markup: bool) -> tuple[str, ...]:
    """Split at the markup, or at blank lines where there is none."""
    if is_markup and _TAG.search(text):
        return paragraphs(text)
    parts = (plain_line(part) if is_markup else part for part in _BLANK_LINE.split(text))
    return tuple(filter(str.strip, parts))


def _author(entry: Any) -> str | None:
    """Name the authors, never by their addresses."""
    people = entry.get("authors", ())
    told = [person.get("name") or "" for person in people] if len(people) > 1 else [entry.get("author") or ""]
    names = dict.fromkeys(_ADDRESS.sub("", plain_line(name)).strip(" ()") for name in told)
    return ", ".join(filter(None, names)) or None


def _language(entry: Any) -> str | None:
    """Give what xml:lang says of the entry's text, else of its title."""
    details = [*entry.get("content", ()), entry.get("summary_detail"), entry.get("title_detail")]
    return next((detail["language"] for detail in details if detail and detail.get("language")), None)


def _dates(entry: Any) -> tuple[When | None, When | None]:
    """Give when the entry was published and when changed; where it says only one, that is the first."""
    published, updated = _date(entry, "published"), _date(entry, "updated")
    if published is None or published == updated:
        return updated, None
    return published, updated


def _date(entry: Any, key: str) -> When | None:
    """Read a moment in UTC, or a bare day; feedparser warns where a key is asked for that is not there."""
    parsed = dict.get(entry, f"{key}_parsed")
    if parsed is None:
        return None
    try:
        moment = datetime.fromtimestamp(timegm(parsed), UTC)
    except (ValueError, OverflowError, OSError):  # beyond the calendar
        return None
    return moment.date() if _DAY.fullmatch(entry[key].strip()) else moment


def _pictures(entry: Any) -> Iterator[str | None]:
    """Give the addresses of the entry's pictures, the likeliest first; faces of authors are none."""
    for media in (*entry.get("media_content", ()), *entry.get("enclosures", ())):
        is_picture = media.get("medium") == "image" or (media.get("type") or "").startswith("image/")
        address = media.get("url") or media.get("href")
        if is_picture and address and "gravatar.com/" not in address:
            yield address
    yield from (media.get("url") for media in entry.get("media_thumbnail", ()))
    yield (entry.get("image") or {}).get("href")
