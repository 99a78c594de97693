"""Print an issue as a letter: subject, HTML and text from templates, then fill it for each reader.

Rendering is done once for all readers whose letter is the same; what differs between them stays open as
slots. The mark of a slot begins with a hash of the whole issue: no article can hold it, since holding it
would change it, and the same inputs give the same bytes. The templates run in a sandbox, and an article's
text is only ever a value in them.

    press      the template folders, the languages, what a template may call
    pieces     a story in the letter's words
    picture    a picture that may be shown
    words      what a reader asks, and how his letters come, in his language
"""

import hashlib
import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton
from babel.numbers import format_decimal

from digest.clean import clean_text
from digest.commands import spell
from digest.model import Article, Issue, Letter, Story
from digest.plain import to_json
from digest.reading import in_minutes, story_time
from digest.render.pieces import Chapter, Desk, Piece
from digest.render.press import Press, environment
from digest.wishes import Act, Command

__all__ = ["Blank", "Masthead", "Press", "Slot", "cut", "environment", "fill", "render", "render_notice"]

_EXAMPLE = 3  # the number of the story that an example speaks of
_PREHEADER = 130  # characters that mail programs show behind the subject
_INDENT = re.compile(r"\n[ \t\n]+")
_EMPTY_LINES = re.compile(r"(?:[ \t]*\n){3,}")


class Slot(StrEnum):
    """What is filled in for each reader."""

    UNSUBSCRIBE_URL = "unsubscribe_url"  # where he leaves
    PREFERENCES_URL = "preferences_url"  # where he changes his wishes
    WEB_URL = "web_url"  # the same letter in a browser
    ADDRESS = "address"  # his own, for "sent to"
    REPLY_ADDRESS = "reply_address"  # where an answer about this very letter goes
    CONFIRM_URL = "confirm_url"  # where he says that he did ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Masthead:
    """What a letter prints about its list and its publisher."""

    title: str
    description: str
    postal_address: str
    language: str  # of the letter, BCP 47; English where there is no catalogue for it
    timezone: str
    source_titles: Mapping[str, str]  # a source's name → as it is printed
    archive: str = ""  # the URL under which everybody may see the list's issues, by its name and their dates
    images: bool = True
    corrections: int = 5  # printed at most; the rest is only counted
    # The letter has no words for a slot that is not among them. Answers are offered by who reads them.
    offers: frozenset[Slot] = frozenset(Slot) - {Slot.REPLY_ADDRESS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Blank(Letter):
    """A letter whose slots are still open."""

    key: str  # what the mark of each slot begins with


def render(issue: Issue, masthead: Masthead, *, environment: Press, letter: str = "issue") -> Blank:
    """Print `issue` with the three templates in email/`letter`.

    Raises:
        SettingsError: a template is missing or wrong.

    """
    key = hashlib.sha256(json.dumps(to_json(issue), sort_keys=True).encode()).hexdigest()[:32]
    marks = {slot: _mark(key, slot) for slot in Slot if slot in masthead.offers}
    printed = _print(environment, letter, marks, _context(issue, masthead, environment))
    return Blank(subject=printed.subject, html=printed.html, text=printed.text, key=key)


def render_notice(
    letter: str,
    masthead: Masthead,
    *,
    environment: Press,
    made: datetime,
    slots: Mapping[Slot, str],
    said: Mapping[str, Any],
    article: Article | None = None,
) -> Letter:
    """Print a letter to one reader that is no issue.

    Its templates may name what `said` holds, values and frozen dataclasses of them, and as `piece` the article.

    Raises:
        SettingsError: a template is missing or wrong.

    """
    on = made.astimezone(ZoneInfo(masthead.timezone)).date()
    context = _shared(masthead, environment, on) | dict(said)
    if article is not None:
        desk = _desk(masthead, environment, on)
        context["piece"] = desk.piece(Story(lead=article), "story-1", 1, pictures=masthead.images)
        context["paragraphs"] = article.body
    return _print(environment, letter, slots, context)


def _print(environment: Press, letter: str, slots: Mapping[Slot, str], context: dict[str, Any]) -> Letter:
    """Run the three templates of a letter."""
    context["slots"] = {slot.value: text for slot, text in slots.items()}
    context["subject"] = clean_text(environment.run(f"email/{letter}/subject.txt.j2", context))
    text = environment.run(f"email/{letter}/body.txt.j2", context)
    return Letter(
        subject=context["subject"],
        html=_inline(environment.run(f"email/{letter}/body.html.j2", context)),
        text=_EMPTY_LINES.sub("\n\n", text).strip("\n") + "\n",
    )


def fill(letter: Blank, slots: Mapping[Slot, str]) -> Letter:
    """Fill the slots of `letter` for one reader, in one pass.

    Raises:
        KeyError: the letter has a slot that `slots` does not know.

    """
    return Letter(
        subject=letter.subject,
        html=_filled(letter.html, letter.key, {slot: html.escape(value) for slot, value in slots.items()}),
        text=_filled(letter.text, letter.key, slots),
    )


def cut(text: str, key: str) -> Iterator[str | Slot]:
    """Give what stands between the slots of a text and the slots themselves, in turn; text is first and last."""
    head, *parts = text.split(f"{key}-")
    yield head
    for part in parts:
        slot, _, rest = part.partition("-")
        yield Slot(slot)
        yield rest


def _filled(text: str, key: str, slots: Mapping[Slot, str]) -> str:
    return "".join(slots[piece] if isinstance(piece, Slot) else piece for piece in cut(text, key))


def _mark(key: str, slot: str) -> str:
    return f"{key}-{slot}-"


def _shared(masthead: Masthead, press: Press, on: date) -> dict[str, Any]:
    """Give what every template may name."""
    language, locale, catalogue = press.speak(masthead.language)
    return {
        "masthead": masthead,
        "language": language,
        "direction": locale.text_direction,
        "catalogue": catalogue,
        "number": partial(format_decimal, locale=locale),
        "date": format_date(on, "full", locale=locale),
    }


def _desk(masthead: Masthead, press: Press, on: date, list_name: str = "") -> Desk:
    language, locale, _ = press.speak(masthead.language)
    return Desk(
        language=language,
        locale=locale,
        today=on,
        zone=ZoneInfo(masthead.timezone),
        source_titles=masthead.source_titles,
        archive=f"{masthead.archive}/{list_name}" if masthead.archive else "",
    )


def _context(issue: Issue, masthead: Masthead, press: Press) -> dict[str, Any]:
    """Give everything that an issue's templates may name."""
    desk = _desk(masthead, press, issue.date, issue.list)
    chapters: list[Chapter] = []
    count = 0
    for number, section in enumerate((section for section in issue.sections if section.stories), 1):
        chapters.append(desk.chapter(section, number, after=count, pictures=masthead.images and number == 1))
        count += len(section.stories)
    pieces = [piece for chapter in chapters for piece in chapter.pieces]
    since = issue.best_since and format_skeleton("MMMMd", issue.best_since.date, locale=desk.locale)
    return _shared(masthead, press, issue.date) | {
        "issue": issue,
        "best_since": since,
        "chapters": chapters,
        "count": count,
        "minutes": in_minutes(sum(map(story_time, issue.stories))),
        "errata": [desk.erratum(correction) for correction in issue.corrections[: masthead.corrections]],
        "more_errata": max(len(issue.corrections) - masthead.corrections, 0),
        "preheader": _preheader(pieces, masthead),
        "replies": _replies(desk.language, count) if count and Slot.REPLY_ADDRESS in masthead.offers else {},
    }


def _replies(language: str, count: int) -> dict[str, str]:
    """Give examples of what may be answered to an issue of `count` stories, as one would write it."""
    number = min(count, _EXAMPLE)
    acts = (Act.MORE, Act.LESS, Act.FULL)
    spelled = {act.value: spell(Command(act=act, story=number), language) for act in acts}
    return spelled | {"number": str(number)}


def _preheader(pieces: Sequence[Piece], masthead: Masthead) -> str:
    """Go on where the subject, which has the first headline, ends; stop where mail programs do."""
    parts = [*(piece.title for piece in pieces[1:]), *(piece.summary for piece in pieces[:1])]
    text = " · ".join(filter(None, [*parts, masthead.description]))
    if len(text) <= _PREHEADER:
        return text
    kept = text[: _PREHEADER - 1]
    return (kept.rpartition(" ")[0] or kept).rstrip(" ·,;:") + "…"


def _inline(page: str) -> str:
    """Write the first style sheet into the elements; the one that is marked stays in the head."""
    from premailer import Premailer  # noqa: PLC0415 - slow to import, and only rendering needs it

    inliner = Premailer(
        _INDENT.sub("\n", page),
        allow_network=False,
        disable_validation=True,  # mso-hide and the like are meant
        strip_important=False,
        align_floating_images=False,
        disable_basic_attributes=["align", "bgcolor", "height", "valign", "width"],  # the templates say them
    )
    finished: str = inliner.transform(pretty_print=False)
    return finished.rstrip() + "\n"
