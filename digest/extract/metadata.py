"""Read what a web page says about itself: in its meta elements, JSON-LD, headings and breadcrumb."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from digest.clean import clean_line
from digest.extract.article import image_url, kind_of
from digest.extract.urls import canonical_url, host_name
from digest.model import Kind, When, instant

_ARTICLE_TYPE = re.compile(r"(?:Article|Posting|Report|Review)$")
_MOST_DATA = 10_000  # values of JSON-LD looked at; a page has dozens
_BETWEEN = re.compile(r"\s+[|–—·•»:-]\s+|\s*\|\s*|\s+::\s+")
_WORD = re.compile(r"\w+")

# How like a heading must be to what the page calls itself; the best of .3 to .6 on 513 pages.
_ALIKE = 0.4
_A_HEADLINE = 16  # characters of an only heading that needs no likeness
_CLEARLY_SHORTER = 0.8  # times the longest part of a title: a site's name
_LONGEST_TITLE = 300  # characters
_LONGEST_META = 2000  # characters; what is longer is no name, date or address

_PUBLISHED = ("article:published_time", "og:article:published_time", "datepublished", "parsely-pub-date")
_MODIFIED = ("article:modified_time", "og:article:modified_time", "datemodified", "og:updated_time")
_FEED_TYPES = frozenset({"application/rss+xml", "application/atom+xml", "application/feed+json"})
_IMAGE = ("og:image", "og:image:url", "og:image:secure_url", "twitter:image")
_SAME_DAY = timedelta(
    hours=38
)  # a moment lies within the day that a page prints, in whatever zone it prints it
_YEARS = range(1990, 2100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a page says about itself; None where it does not say."""

    title: str | None
    site: str | None
    url: str | None
    language: str | None
    published: When | None
    modified: When | None
    authors: tuple[str, ...]
    section: str | None
    kind: Kind | None
    image: str | None
    image_alt: str | None


@dataclass(frozen=True, slots=True)
class _Said:
    """The page's tree with its meta elements and its article's JSON-LD beside it."""

    tree: Any
    meta: Mapping[str, str]
    data: Mapping[str, Any] = field(default_factory=dict)

    def first(self, *names: str) -> str | None:
        """Give the content of the first of the named meta elements that there is."""
        return next((self.meta[name] for name in names if name in self.meta), None)

    def text(self, key: str) -> str | None:
        """Give a text of the JSON-LD, or the first of several."""
        value = self.data.get(key)
        value = value[0] if isinstance(value, list) and value else value
        return clean_line(value) if isinstance(value, str) else None


def read_metadata(tree: Any, *, url: str | None, day: date | None) -> Metadata:
    """Read a page's own words about itself.

    `url` is where it was fetched; `day` is when it seems to have been published, from all it prints: a
    moment that is stated counts only where it falls on that day.
    """
    said = _Said(tree, _meta(tree), _article_data(tree))
    site = said.first("og:site_name", "application-name") or _name(said.data.get("publisher"))
    own_url = url or _own_url(said)
    section = _section(said)
    published = _published(said, day)
    modified = _moment(said.first(*_MODIFIED) or said.text("dateModified"))
    return Metadata(
        title=_title(said, site=site, host=host_name(own_url)),
        site=site,
        url=own_url,
        language=tree.get("lang") or said.first("content-language", "og:locale") or said.text("inLanguage"),
        published=published,
        modified=modified if modified and published and instant(modified) > instant(published) else None,
        authors=_authors(said),
        section=section,
        kind=_kind(said, section, own_url),
        image=image_url(said.first(*_IMAGE), url),
        image_alt=said.first("og:image:alt", "twitter:image:alt"),
    )


def feed_address(tree: Any, *, url: str | None) -> str | None:
    """Give the address of the first feed that a page names, other than the page's own."""
    links = (link for link in tree.iter("link") if "alternate" in (link.get("rel") or "").lower().split())
    feeds = (link for link in links if (link.get("type") or "").strip().lower() in _FEED_TYPES)
    addresses = (canonical_url(link.get("href") or "", url) for link in feeds)
    return next((address for address in addresses if address and address != canonical_url(url or "")), None)


def _meta(tree: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for element in tree.iter("meta"):
        name = (
            element.get("property")
            or element.get("name")
            or element.get("itemprop")
            or element.get("http-equiv")
        )
        content = clean_line(element.get("content") or "")
        if name and content:
            found.setdefault(name.lower(), content[:_LONGEST_META])
    return found


def _article_data(tree: Any) -> Mapping[str, Any]:
    """Give the first article that the page's JSON-LD describes."""
    for script in tree.xpath("//script[contains(@type, 'ld+json')]"):
        try:
            said = json.loads(script.text or "", strict=False)
        except (ValueError, RecursionError):
            continue
        for value in _objects(said):
            if any(_ARTICLE_TYPE.search(name) for name in _types(value)):
                return value
    return {}


def _objects(said: Any) -> Iterator[Mapping[str, Any]]:
    waiting, looked_at = [said], 0
    while waiting and looked_at < _MOST_DATA:
        value = waiting.pop(0)
        looked_at += 1
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            yield value
            waiting.extend(value[key] for key in ("@graph", "mainEntity") if key in value)


def _types(value: Mapping[str, Any]) -> list[str]:
    types = value.get("@type")
    return [name for name in (types if isinstance(types, list) else [types]) if isinstance(name, str)]


def _name(value: Any) -> str | None:
    """Give the name of a schema.org person or organisation, or of the first of several."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("name")
    return clean_line(value) if isinstance(value, str) else None


def _authors(said: _Said) -> tuple[str, ...]:
    people = said.data.get("author")
    names = map(_name, people if isinstance(people, list) else [people])
    found = tuple(dict.fromkeys(name for name in names if name and "://" not in name))
    alone = said.first("author", "article:author")
    return found or ((alone,) if alone and "://" not in alone else ())


def _own_url(said: _Said) -> str | None:
    links = said.tree.xpath("//link[@rel='canonical']/@href")
    addresses = (canonical_url(address) for address in (*links, said.meta.get("og:url", "")))
    return next(filter(None, addresses), None)


def _published(said: _Said, day: date | None) -> When | None:
    stated = [said.first(*_PUBLISHED), said.text("datePublished"), *said.tree.xpath("//time/@datetime")[:20]]
    moments = [moment for moment in map(_moment, stated) if moment]
    if day is None:
        return moments[0] if moments else None
    noon = instant(day) + timedelta(hours=12)
    return next((m for m in moments if isinstance(m, datetime) and abs(m - noon) < _SAME_DAY), day)


def _moment(text: str | None) -> When | None:
    """Read an ISO 8601 date; one without its zone, or at midnight sharp in UTC, is only a day."""
    try:
        moment = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    if moment.year not in _YEARS:
        return None
    offset = moment.utcoffset()
    is_day = offset is None or (not offset and moment.time() == datetime.min.time())
    return moment.date() if is_day else moment


def _section(said: _Said) -> str | None:
    """Give the section, from the breadcrumb where nothing else names it: the last link that is not home."""
    named = said.first("article:section") or said.text("articleSection")
    if named and "://" not in named:
        return named
    path = "//*[contains(@class, 'crumb') or contains(@id, 'crumb') or contains(@aria-label, 'readcrumb')]"
    for crumbs in said.tree.xpath(path)[:1]:
        links = [a for a in crumbs.iter("a") if _path_of(a.get("href")) not in ("", "/")]
        names = [clean_line("".join(a.itertext())) for a in links]
        return next((name for name in reversed(names) if name), None)
    return None


def _path_of(address: str | None) -> str:
    try:
        return urlsplit(address or "").path
    except ValueError:
        return ""


def _kind(said: _Said, section: str | None, url: str | None) -> Kind | None:
    """Tell the kind by the schema.org type, the section, or the folders of the address."""
    types = _types(said.data)
    folders = _path_of(url).rpartition("/")[0]
    kinds = {kind_of(section), kind_of(folders)}
    if "OpinionNewsArticle" in types or Kind.OPINION in kinds:
        return Kind.OPINION
    return Kind.BLOG if "BlogPosting" in types or Kind.BLOG in kinds else None


def _title(said: _Said, *, site: str | None, host: str | None) -> str | None:
    """Choose the heading that is most like what the page calls itself; else that, without the site's name."""
    claims = [
        claim[:_LONGEST_TITLE]
        for claim in (said.first("og:title"), *_texts(said.tree, "//head//title"))
        if claim
    ]
    whole = [part for claim in claims if (part := max(_BETWEEN.split(claim), key=len))]
    sites = {_plain(site or ""), _plain(host or "")}
    for claim, most in zip(claims, whole, strict=False):
        sites |= {_plain(part) for part in _BETWEEN.split(claim) if len(part) < _CLEARLY_SHORTER * len(most)}
    headings = [h1 for h1 in dict.fromkeys(_texts(said.tree, "//h1")) if _plain(h1) not in sites]
    best = max(headings, key=lambda h1: _likeness(h1, claims + whole), default=None)
    if best and (
        _likeness(best, claims + whole) >= _ALIKE or (len(headings) == 1 and len(best) >= _A_HEADLINE)
    ):
        return best
    return _without_site(claims[0], sites) if claims else best


def _texts(tree: Any, path: str) -> list[str]:
    """Give the texts of the elements at `path` that could be a title: not empty, not a paragraph."""
    texts = (clean_line("".join(element.itertext())) for element in tree.xpath(path))
    return [text for text in texts if 0 < len(text) <= _LONGEST_TITLE]


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))


def _likeness(heading: str, claims: list[str]) -> float:
    """Give the share of words (Dice, 0 to 1) that a heading has in common with the likest of the claims."""
    words = set(_plain(heading).split())
    others = (set(_plain(claim).split()) for claim in claims)
    return max(
        (2 * len(words & other) / (len(words) + len(other)) for other in others if words or other),
        default=0.0,
    )


def _without_site(title: str, sites: set[str]) -> str:
    """Cut the site's name off either end of a title: " | The Alder Observer"."""
    marks = list(_BETWEEN.finditer(title))
    if not marks:
        return title
    first, last = title[: marks[0].start()], title[marks[-1].end() :]
    if _plain(first) in sites and _plain(last) not in sites:
        return title[marks[0].end() :]
    return title[: marks[-1].start()] if _plain(last) in sites or len(last) < len(title) / 2 else title
