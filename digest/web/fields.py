"""What a visitor filled in, as wishes; what cannot be one is named with what is wrong, each by its field.

The words for what is wrong stand in web/_fields.html.j2.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar
from zoneinfo import available_timezones

from digest import config
from digest.address import Address, parse_address
from digest.wishes import ALL, Change, Format, Frequency, Stance, Topic, Wishes

LONGEST = 120
"""Minutes of reading that a letter may be asked for."""

TOPIC = "topic-"
"""What the name of a topic's field begins with."""

_HOUR = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")

Choice = TypeVar("Choice", bound=StrEnum)


class Wrong(StrEnum):
    """What is wrong with what was filled in."""

    EMPTY = "empty"  # an address is needed
    NO_AT = "no-at"
    MANY_ATS = "many-ats"
    SPACE = "space"  # in the middle of an address
    NO_DOT = "no-dot"  # behind the @
    ADDRESS = "address"  # in another way
    CHOICE = "choice"  # not one of those that were offered
    HOUR = "hour"
    MINUTES = "minutes"
    ANSWER = "answer"  # to the question
    NO_ANSWER = "no-answer"
    TRAP = "trap"  # the field that is to stay empty


Faults = dict[str, Wrong]
"""What is wrong, by field, in the order of the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What can be chosen."""

    list: config.List
    languages: Collection[str]


def read_address(text: str, faults: Faults) -> Address | None:
    """Read a mail address."""
    text = text.strip()
    try:
        return parse_address(text)
    except ValueError:
        faults["address"] = _what_is_wrong(text)
        return None


def _what_is_wrong(text: str) -> Wrong:
    domain = text.partition("@")[2]
    kinds = {
        Wrong.EMPTY: not text,
        Wrong.NO_AT: "@" not in text,
        Wrong.MANY_ATS: "@" in domain,
        Wrong.SPACE: " " in text,
        Wrong.NO_DOT: "." not in domain,
    }
    return next((kind for kind, is_so in kinds.items() if is_so), Wrong.ADDRESS)


def read_change(form: Mapping[str, str], offer: Offer, faults: Faults) -> Change:
    """Read the wishes of the page that changes them, where an empty field says: as the list has it."""
    zone, language = form.get("zone", ""), form.get("language", "")
    if zone and zone not in available_timezones():
        faults["zone"] = Wrong.CHOICE
    if language and language not in offer.languages:
        faults["language"] = Wrong.CHOICE
    return Change(
        frequency=_choice(Frequency, form, "frequency", faults),
        hour=_hour(form.get("hour", ""), faults),
        zone=zone,
        topics=tuple(_topics(form, offer, faults)),
        minutes=_minutes(form.get("minutes", ""), faults),
        language=language,
        format=_choice(Format, form, "format", faults),
    )


def read_wishes(form: Mapping[str, str], offer: Offer, faults: Faults) -> Change:
    """Read the wishes of one who signs up, where an empty field says nothing: one who comes back keeps his own."""
    all_of_it = read_change(form, offer, faults)
    return Change(
        frequency=all_of_it.frequency,
        hour=all_of_it.hour or None,
        zone=all_of_it.zone or None,
        topics=tuple(topic for topic in all_of_it.topics if topic.stance is not Stance.USUAL),
        minutes=all_of_it.minutes or None,
        language=all_of_it.language or None,
        format=None if all_of_it.format is Format.HTML else all_of_it.format,
    )


def changed_topics(topics: tuple[Topic, ...], wishes: Wishes) -> tuple[Topic, ...]:
    """Give what must be asked for so that each topic is seen as it was filled in; nothing where it is so already.

    The page has no row for the topics that are not named; once all are named, nothing need be said of those.
    """
    if all(wishes.stance(topic.name) is topic.stance for topic in topics):
        return ()
    return (*topics, Topic(name=ALL, stance=Stance.USUAL))


def filled_in(wishes: Wishes, names: Collection[str]) -> dict[str, str]:
    """Give the fields as they stand for wishes; `names` are the list's topics."""
    return {
        "frequency": wishes.frequency.value,
        "hour": wishes.hour or "",
        "zone": wishes.zone or "",
        "minutes": str(wishes.minutes or ""),
        "language": wishes.language or "",
        "format": wishes.format.value,
        **{f"{TOPIC}{name}": wishes.stance(name).value for name in names},
    }


def _topics(form: Mapping[str, str], offer: Offer, faults: Faults) -> Iterator[Topic]:
    for name in offer.list.sections:
        stance = _choice(Stance, form, f"{TOPIC}{name}", faults)
        if stance is not None:
            yield Topic(name=name, stance=stance)


def _choice(kind: type[Choice], form: Mapping[str, str], name: str, faults: Faults) -> Choice | None:
    if not (text := form.get(name, "")):
        return None
    if text not in set(kind):
        faults[name] = Wrong.CHOICE
        return None
    return kind(text)


def _hour(text: str, faults: Faults) -> str:
    hour = text.strip()[:5]  # some browsers send seconds
    if hour and not _HOUR.fullmatch(hour):
        faults["hour"] = Wrong.HOUR
    return hour


def _minutes(text: str, faults: Faults) -> int:
    text = text.strip() or "0"
    minutes = int(text) if text.isdecimal() and len(text) <= len(str(LONGEST)) else -1
    if not 0 <= minutes <= LONGEST:
        faults["minutes"] = Wrong.MINUTES
        return 0
    return minutes
