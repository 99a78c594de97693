"""Read articles that are data already: JSON, JSON Lines and JSON Feed (version 1.1, jsonfeed.org)."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from digest.extract.article import build, image_url
from digest.extract.markup import paragraphs, plain_line
from digest.extract.urls import canonical_url, host_name
from digest.model import Article, Kind, When, parse_when

_BLANK_LINE = re.compile(r"\r?\n[ \t]*(?:\r?\n[ \t]*)+")
_FEED_VERSION = "https://jsonfeed.org/version/"
_NAMES = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
_OBJECT = re.compile(r"\[?\s*\{\s*\"")
_NOT_SPACE = re.compile(r"\S")
_decoder = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True)
class _Item:
    """One JSON value, and where it stands in its file."""

    place: str  # "line 7"
    value: Any


class _ItemError(Exception):
    """Why one item, or the file from a point on, cannot be read."""


def read_data(
    text: str, *, source: str | None, fallback: str, base: str | None = None, only_feed: bool = False
) -> tuple[list[Article], list[str]]:
    """Give the articles of a JSON text, and one line for each item that is none.

    `source` names the source whatever the text says; `fallback` where neither it nor an article's own
    address says. With `only_feed`, anything but a JSON Feed is refused.
    """
    articles: list[Article] = []
    problems: list[str] = []
    try:
        for item in _only_feed_items(text) if only_feed else _items(text, problems):
            try:
                articles.append(_article(item.value, source=source, fallback=fallback, base=base))
            except _ItemError as problem:
                problems.append(f"{item.place}: {problem}")
    except _ItemError as problem:
        problems.append(str(problem))
    return articles, problems


def looks_like_data(text: str) -> bool:
    """Whether a text that nobody calls JSON is JSON: it begins with an object, or a list of them."""
    if not text.startswith(("{", "[")):
        return False
    try:
        value, _ = _value(text, 0)
    except _ItemError:
        return bool(_OBJECT.match(text))
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _items(text: str, problems: list[str]) -> Iterator[_Item]:
    """Give the items of the text, whichever of the shapes it has."""
    start = _skip(text, 0)
    if text.startswith("[", start):
        yield from _list_items(text, start + 1)
        return
    if _is_lines(text):
        yield from _line_items(text, problems)
        return
    value = _whole(text)
    if _is_feed(value):
        yield from _feed_items(value)
    else:
        yield _Item(_place(text, start).partition(",")[0], value)


def _only_feed_items(text: str) -> Iterator[_Item]:
    value = _whole(text)
    if not _is_feed(value):
        raise _ItemError("this is JSON, but no JSON Feed")
    yield from _feed_items(value)


def _is_feed(value: Any) -> bool:
    return isinstance(value, dict) and str(value.get("version")).startswith(_FEED_VERSION)


def _list_items(text: str, at: int) -> Iterator[_Item]:
    """Read a list item by item, so that what stands before a mistake is not lost."""
    line, counted = 1, 0
    while not text.startswith("]", at := _skip(text, at)):
        value, end = _value(text, at)
        line, counted = line + text.count("\n", counted, at), at
        yield _Item(f"line {line}", value)
        at = _skip(text, end)
        if text.startswith(",", at):
            at += 1
        elif not text.startswith("]", at):
            raise _ItemError(f"{_place(text, at)}: broken JSON: expected , or ] after an article")
    if _skip(text, at + 1) < len(text):
        raise _ItemError(f"{_place(text, at + 1)}: broken JSON: more text after the end of the list")


def _is_lines(text: str) -> bool:
    """Whether a text is JSON Lines: of several lines at least one is an object from end to end."""
    lines = [line for line in map(str.strip, text.split("\n")) if line]
    return len(lines) > 1 and any(
        line.startswith("{") and line.endswith("}") and _is_json(line) for line in lines
    )


def _is_json(text: str) -> bool:
    try:
        _whole(text)
    except _ItemError:
        return False
    return True


def _line_items(text: str, problems: list[str]) -> Iterator[_Item]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                value = _whole(line)
            except _ItemError as problem:
                problems.append(str(problem).replace("line 1,", f"line {number},", 1))
            else:
                yield _Item(f"line {number}", value)


def _feed_items(feed: Mapping[str, Any]) -> Iterator[_Item]:
    """Bring the items of a JSON Feed to our own keys."""
    items = feed.get("items")
    if not isinstance(items, list):
        raise _ItemError(f'"items" must be a list, not {_name(items)}')
    for number, item in enumerate(items, start=1):
        place = f"item {number}"
        if not isinstance(item, dict):
            yield _Item(place, item)
            continue
        names = [author.get("name") for author in _authors(item) or _authors(feed)]
        tags = item.get("tags")
        yield _Item(
            place,
            {
                "url": item.get("url") or item.get("external_url"),
                "title": item.get("title"),
                "html": item.get("content_html"),
                "text": item.get("content_text") or item.get("summary"),
                "published": item.get("date_published"),
                "modified": item.get("date_modified"),
                "image": item.get("image") or item.get("banner_image"),
                "language": item.get("language") or feed.get("language"),
                "author": ", ".join(name for name in names if isinstance(name, str)) or None,
                "section": tags[0] if isinstance(tags, list) and tags else None,
                "source": feed.get("title"),
            },
        )


def _authors(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    authors = told.get("authors") or [told.get("author")]  # "author" is version 1.0's
    return [author for author in authors if isinstance(author, dict)] if isinstance(authors, list) else []


def _article(told: Any, *, source: str | None, fallback: str, base: str | None) -> Article:
    if not isinstance(told, dict):
        raise _ItemError(f"an article must be an object, not {_name(told)}")
    url = _string(told, "url")
    if url and canonical_url(url, base) is None:
        raise _ItemError('"url" must be an http or https address')
    article = build(
        source=source or _string(told, "source") or host_name(url) or fallback,
        url=canonical_url(url, base) if url else None,
        title=plain_line(_string(told, "title") or ""),
        body=_body(told),
        author=_string(told, "author"),
        language=_string(told, "language"),
        published=_when(told, "published"),
        modified=_when(told, "modified"),
        dateline=_string(told, "dateline"),
        section=_string(told, "section"),
        kind=_kind(told),
        votes=_votes(told),
        image=image_url(_string(told, "image"), base),
        image_alt=_string(told, "image_alt"),
    )
    if article is None:
        raise _ItemError('neither "title" nor "body"')
    return article


def _body(told: Mapping[str, Any]) -> tuple[str, ...]:
    body = told.get("body")
    if isinstance(body, list):
        for number, paragraph in enumerate(body, start=1):
            if not isinstance(paragraph, str):
                raise _ItemError(f'"body" must hold strings, but paragraph {number} is {_name(paragraph)}')
        return tuple(body)
    if body is not None and not isinstance(body, str):
        raise _ItemError(f'"body" must be a list of paragraphs or a string, not {_name(body)}')
    if text := body or _string(told, "text"):
        return tuple(_BLANK_LINE.split(text))
    return paragraphs(_string(told, "html") or "")


def _string(told: Mapping[str, Any], key: str) -> str | None:
    value = told.get(key)
    if value is None or isinstance(value, str):
        return value
    raise _ItemError(f'"{key}" must be a string, not {_name(value)}')


def _when(told: Mapping[str, Any], key: str) -> When | None:
    text = _string(told, key)
    if not text:
        return None
    try:
        when = parse_when(text.strip())
    except ValueError:
        raise _ItemError(f'"{key}" must be a day or a moment as ISO 8601 writes it') from None
    return when


def _kind(told: Mapping[str, Any]) -> Kind | None:
    name = _string(told, "kind")
    if not name:
        return None
    try:
        return Kind(name.lower())
    except ValueError:
        raise _ItemError(f'"kind" must be one of {", ".join(Kind)}') from None


def _votes(told: Mapping[str, Any]) -> int:
    votes = told.get("votes")
    if votes is None:
        return 0
    if isinstance(votes, int) and not isinstance(votes, bool) and votes >= 0:
        return votes
    raise _ItemError('"votes" must be a whole number, 0 or more')


def _whole(text: str) -> Any:
    value, end = _value(text, _skip(text, 0))
    if (end := _skip(text, end)) < len(text):
        raise _ItemError(f"{_place(text, end)}: broken JSON: more text after its end")
    return value


def _value(text: str, at: int) -> tuple[Any, int]:
    """Read the JSON value that begins at `at`; give it and where it ends."""
    try:
        return _decoder.raw_decode(text, at)
    except json.JSONDecodeError as error:
        place, why = _place(text, error.pos), error.msg[0].lower() + error.msg[1:]
        raise _ItemError(f"{place}: broken JSON: {why}") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, or brackets within brackets
        raise _ItemError(
            f"{_place(text, at)}: JSON that no reader takes: too deep or a number too long"
        ) from None


def _skip(text: str, at: int) -> int:
    """Give the position of the next character that is no white space."""
    found = _NOT_SPACE.search(text, at)
    return found.start() if found else len(text)


def _place(text: str, at: int) -> str:
    return f"line {text.count(chr(10), 0, at) + 1}, column {at - text.rfind(chr(10), 0, at)}"


def _name(value: Any) -> str:
    return _NAMES.get(type(value), "a number")
