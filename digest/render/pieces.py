"""Put a story into the letter's words: what the templates print, ready to be printed."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby, takewhile
from urllib.parse import quote
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_skeleton, format_time

from digest.model import Correction, Kind, Revision, Section, Sentence, Story, When
from digest.reading import in_minutes, reading_time
from digest.render.picture import Picture, picture
from digest.render.press import locale_of

_URL_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"
_FIRST_WORDS = re.compile(r"(?:\S+\s+){5}\S+")
_LAST_WORDS = re.compile(r"(?:\S+\s+){3}\S+$")
_LONG = 10  # words; a shorter sentence is quoted whole
_LONGEST_QUOTE = 300  # characters of a sentence in a correction
_BEFORE_PARTING = 80  # characters that lead up to where it was changed

WHY = {"sources": 0.5, "votes": 0.8, "rarity": 0.5, "readers": 0.1, "topic": 1.0}
"""The terms of a score that a reader is told of, each with the value from which on it says something."""

_EARLY = 0.4  # of pickup: one other source within seven hours, or more of them later


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Another article on the same story."""

    source: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Sentences of the summary that stand in one article."""

    text: str
    source: str  # empty where it is the story's own
    url: str  # of their place there


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A story as the templates see it; what is not known is empty."""

    anchor: str
    number: int  # in the order of reading, from 1
    title: str
    url: str
    source: str
    author: str
    when: str
    minutes: int  # to read the whole article
    votes: int
    sources: int  # that tell it
    opinion: bool
    language: str  # BCP 47; empty where it is the letter's
    language_name: str
    direction: str  # ltr or rtl
    picture: Picture | None
    summary: str  # all of it
    quotes: tuple[Quote, ...]  # the same, by where it stands
    since: str  # the day of the issue after which all of it is new; empty for a story told for the first time
    earlier: str  # the URL of that issue, if everybody may see it
    why: tuple[
        str, ...
    ]  # what speaks for the story, most of all first: keys of `WHY`, "early" for early sources
    read_on: str  # the URL of the summary's place in the article
    others: tuple[Telling, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A section that has stories, as the templates see it."""

    anchor: str
    name: str
    title: str  # empty where the letter's language names the section
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erratum:
    """A correction as the templates see it; what is not known is empty."""

    revision: Revision
    number: int  # of the issue that told it
    date: str
    title: str
    url: str
    source: str
    was: str
    now: str
    language: str  # BCP 47; empty where it is the letter's
    direction: str  # ltr or rtl


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What must be known of a letter to put stories into its words."""

    language: str
    locale: Locale
    today: date
    zone: ZoneInfo
    source_titles: Mapping[str, str]
    archive: str  # the URL under which everybody may see the list's issues by their dates; empty: nowhere

    def chapter(self, section: Section, number: int, *, after: int, pictures: bool) -> Chapter:
        """Prepare the `number`th section of the letter, which stands behind `after` stories."""
        return Chapter(
            anchor=f"section-{number}",
            name=section.name,
            title=section.title,
            pieces=tuple(
                self.piece(story, f"story-{number}-{place}", after + place, pictures=pictures)
                for place, story in enumerate(section.stories, 1)
            ),
        )

    def piece(self, story: Story, anchor: str, number: int, *, pictures: bool) -> Piece:
        """Prepare one story."""
        lead = story.lead
        language, known = self._foreign(lead.language)
        return Piece(
            anchor=anchor,
            number=number,
            title=lead.title,
            url=link(lead.url),
            source=self._source(lead.source),
            author=lead.author or "",
            when=self._when(lead.when),
            minutes=in_minutes(reading_time(lead.text, lead.language)),
            votes=story.votes,
            sources=len({article.source for article in story.articles}),
            opinion=lead.kind is Kind.OPINION,
            language=language,
            language_name=(known.get_display_name(self.locale) if known else None) or language,
            direction=known.text_direction if known else "ltr",
            picture=next(filter(None, map(picture, story.articles)), None) if pictures else None,
            summary=" ".join(sentence.text for sentence in story.summary),
            quotes=tuple(self._quotes(story)),
            since=self._day(story.since.date) if story.since else "",
            earlier=f"{self.archive}/{story.since.date}" if story.since and self.archive else "",
            why=tuple(_why(story)),
            read_on=passage(link(lead.url), story.summary[0]) if _quotes_lead(story) else link(lead.url),
            others=tuple(
                Telling(source=self._source(other.source), url=link(other.url)) for other in story.others
            ),
        )

    def _quotes(self, story: Story) -> Iterator[Quote]:
        for article, run in groupby(story.summary, key=story.article_of):
            sentences = tuple(run)
            yield Quote(
                text=" ".join(sentence.text for sentence in sentences),
                source=self._source(article.source) if article.id != story.id else "",
                url=passage(link(article.url), sentences[0]),
            )

    def erratum(self, correction: Correction) -> Erratum:
        """Prepare one correction."""
        language, known = self._foreign(correction.language)
        was, now = excerpts(correction.was, correction.now)
        return Erratum(
            revision=correction.revision,
            number=correction.told.number,
            date=self._when(correction.told.date),
            title=correction.title,
            url=link(correction.url),
            source=self._source(correction.source),
            was=was,
            now=now,
            language=language,
            direction=known.text_direction if known else "ltr",
        )

    def _foreign(self, language: str | None) -> tuple[str, Locale | None]:
        """Give a language, and what is known about it, where it is not the letter's."""
        if not language or _primary(language) == _primary(self.language):
            return "", None
        return language, locale_of(language)

    def _source(self, name: str) -> str:
        return self.source_titles.get(name, name)

    def _when(self, when: When | None) -> str:
        """Print a day, or for a moment of today the hour."""
        if when is None:
            return ""
        if isinstance(when, datetime):
            when = when.astimezone(self.zone)
            if when.date() == self.today:
                return format_time(when, "short", tzinfo=self.zone, locale=self.locale)
            when = when.date()
        return self._day(when)

    def _day(self, day: date) -> str:
        return format_skeleton("yMMMd", day, locale=self.locale)


def link(url: str | None) -> str:
    """Give `url` in the characters of RFC 3986 if it leads to the web, else nothing.

    HTML is escaped so by the inliner; doing it first gives the plain text the same URL.
    """
    if url is None or not url.lower().startswith(("https://", "http://")):
        return ""
    return quote(url, safe=_URL_CHARACTERS)


def passage(url: str, sentence: Sentence) -> str:
    """Point `url` at `sentence` with a text fragment (WICG): its first words, its last words."""
    if not url:
        return ""
    text = sentence.text
    first, last = _FIRST_WORDS.match(text), _LAST_WORDS.search(text)
    terms = [first[0], last[0]] if first and last and len(text.split()) > _LONG else [text]
    # A dash, a comma or an ampersand inside a term would be taken for syntax; quote() leaves only the dash.
    quoted = ",".join(quote(term, safe="").replace("-", "%2D") for term in terms)
    return f"{url}{'' if '#' in url else '#'}:~:text={quoted}"


def _quotes_lead(story: Story) -> bool:
    return bool(story.summary) and story.article_of(story.summary[0]).id == story.id


def _why(story: Story) -> Iterator[str]:
    values = {reason.term: reason.value for reason in story.reasons}
    for reason in sorted(story.reasons, key=lambda reason: -reason.value * reason.weight):
        if reason.weight and reason.value >= WHY.get(reason.term, math.inf):
            early = reason.term == "sources" and values.get("pickup", 0.0) >= _EARLY
            yield "early" if early else reason.term


def excerpts(was: str, now: str) -> tuple[str, str]:
    """Cut two long sentences down to where they part, with some words before that; short ones stay whole."""
    if max(len(was), len(now)) <= _LONGEST_QUOTE:
        return was, now
    same = takewhile(lambda pair: pair[0] == pair[1], zip(was, now, strict=False))
    start = max(sum(1 for _ in same) - _BEFORE_PARTING, 0)
    start = was.rfind(" ", max(start - _BEFORE_PARTING, 0), start) + 1 or start
    return _excerpt(was, start), _excerpt(now, start)


def _excerpt(text: str, start: int) -> str:
    end = start + _LONGEST_QUOTE
    return f"{'…' if start and text else ''}{text[start:end]}{'…' if len(text) > end else ''}"


def _primary(tag: str) -> str:
    return tag.lower().partition("-")[0]
