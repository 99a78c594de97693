"""Print an issue as a letter: subject, HTML and text from templates, then fill it for each reader.

Rendering is done once for all readers whose letter is the same; what differs between them stays open as
slots. The mark of a slot begins with a hash of the whole issue: no article can hold it, since holding it
would change it, and the same inputs give the same bytes. The templates run in a sandbox, and an article's
text is only ever a value in them.

    press      the template folders, the languages, what a template may call
    pieces     a story in the letter's words
    picture    a picture that may be shown
"""

import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_decimal

from digest.clean import clean_text
from digest.model import Issue, Letter, to_json
from digest.render.pieces import Desk, Piece
from digest.render.press import Press, environment

__all__ = ["Blank", "Masthead", "Press", "Slot", "environment", "fill", "render", "render_notice"]

_PREHEADER = 130  # characters that mail programs show behind the subject
_INDENT = re.compile(r"\n[ \t\n]+")
_EMPTY_LINES = re.compile(r"(?:[ \t]*\n){3,}")


class Slot(StrEnum):
    """What is filled in for each reader."""

    UNSUBSCRIBE_URL = "unsubscribe_url"  # where he leaves
    PREFERENCES_URL = "preferences_url"  # where he changes his wishes
    WEB_URL = "web_url"  # the same letter in a browser
    ADDRESS = "address"  # his own, for "sent to"
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
    words_per_minute: int = 230
    images: bool = True
    offers: frozenset[Slot] = frozenset(Slot)  # the letter has no words for a slot that is not among them


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
    return _print(environment, letter, key, masthead, _context(issue, masthead, environment))


def render_notice(letter: str, masthead: Masthead, *, environment: Press) -> Blank:
    """Print a letter that holds no issue, such as the one that asks a reader to confirm.

    Raises:
        SettingsError: a template is missing or wrong.

    """
    language, locale, catalogue = environment.speak(masthead.language)
    context = {
        "masthead": masthead,
        "language": language,
        "direction": locale.text_direction,
        "catalogue": catalogue,
        "preheader": masthead.description,
    }
    key = hashlib.sha256(f"{letter}\0{masthead}".encode()).hexdigest()[:32]
    return _print(environment, letter, key, masthead, context)


def _print(environment: Press, letter: str, key: str, masthead: Masthead, context: dict[str, Any]) -> Blank:
    """Run the three templates of a letter."""
    context["slots"] = {slot.value: _mark(key, slot) for slot in Slot if slot in masthead.offers}
    context["subject"] = clean_text(environment.run(f"email/{letter}/subject.txt.j2", context))
    text = environment.run(f"email/{letter}/body.txt.j2", context)
    return Blank(
        subject=context["subject"],
        html=_inline(environment.run(f"email/{letter}/body.html.j2", context)),
        text=_EMPTY_LINES.sub("\n\n", text).strip("\n") + "\n",
        key=key,
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


def _filled(text: str, key: str, slots: Mapping[Slot, str]) -> str:
    head, *parts = text.split(f"{key}-")
    marked = (part.partition("-") for part in parts)
    return head + "".join(slots[Slot(slot)] + rest for slot, _, rest in marked)


def _mark(key: str, slot: str) -> str:
    return f"{key}-{slot}-"


def _context(issue: Issue, masthead: Masthead, press: Press) -> dict[str, Any]:
    """Give everything that a template may name."""
    language, locale, catalogue = press.speak(masthead.language)
    desk = Desk(
        language=language,
        locale=locale,
        today=issue.date,
        zone=ZoneInfo(masthead.timezone),
        source_titles=masthead.source_titles,
        words_per_minute=masthead.words_per_minute,
    )
    sections = [section for section in issue.sections if section.stories]
    chapters = [
        desk.chapter(section, number, pictures=masthead.images and number == 1)
        for number, section in enumerate(sections, 1)
    ]
    pieces = [piece for chapter in chapters for piece in chapter.pieces]
    return {
        "issue": issue,
        "masthead": masthead,
        "language": language,
        "direction": locale.text_direction,
        "catalogue": catalogue,
        "number": partial(format_decimal, locale=locale),
        "date": format_date(issue.date, "full", locale=locale),
        "chapters": chapters,
        "count": len(pieces),
        "minutes": desk.minutes(" ".join(f"{piece.title} {piece.summary}" for piece in pieces)),
        "preheader": _preheader(pieces, masthead),
    }


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
