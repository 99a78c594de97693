"""Put a story into the letter's words: what the templates print, ready to be printed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_skeleton, format_time

from digest.model import Article, Kind, Section, Sentence, Story, When
from digest.reading import in_minutes, reading_time
from digest.render.picture import Picture, picture
from digest.render.press import locale_of

_URL_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"
_FIRST_WORDS = re.compile(r"(?:\S+\s+){5}\S+")
_LAST_WORDS = re.compile(r"(?:\S+\s+){3}\S+$")
_LONG = 10  # words; a shorter sentence is quoted whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Another article on the same story."""

    source: str
    url: str


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
    opinion: bool
    language: str  # BCP 47; empty where it is the letter's
    language_name: str
    direction: str  # ltr or rtl
    picture: Picture | None
    summary: str
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
class Desk:
    """What must be known of a letter to put stories into its words."""

    language: str
    locale: Locale
    today: date
    zone: ZoneInfo
    source_titles: Mapping[str, str]

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
        language = lead.language or ""
        if _primary(language) == _primary(self.language):
            language = ""
        known = locale_of(language) if language else None
        return Piece(
            anchor=anchor,
            number=number,
            title=lead.title,
            url=link(lead.url),
            source=self._source(lead),
            author=lead.author or "",
            when=self._when(lead.when),
            minutes=in_minutes(reading_time(lead.text, lead.language)),
            votes=story.votes,
            opinion=lead.kind is Kind.OPINION,
            language=language,
            language_name=(known.get_display_name(self.locale) if known else None) or language,
            direction=known.text_direction if known else "ltr",
            picture=next(filter(None, map(picture, story.articles)), None) if pictures else None,
            summary=" ".join(sentence.text for sentence in story.summary),
            read_on=passage(link(lead.url), story.summary[0]) if story.summary else "",
            others=tuple(Telling(source=self._source(other), url=link(other.url)) for other in story.others),
        )

    def _source(self, article: Article) -> str:
        return self.source_titles.get(article.source, article.source)

    def _when(self, when: When | None) -> str:
        """Print a day, or for a moment of today the hour."""
        if when is None:
            return ""
        if isinstance(when, datetime):
            when = when.astimezone(self.zone)
            if when.date() == self.today:
                return format_time(when, "short", tzinfo=self.zone, locale=self.locale)
            when = when.date()
        return format_skeleton("yMMMd", when, locale=self.locale)


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


def _primary(tag: str) -> str:
    return tag.lower().partition("-")[0]
