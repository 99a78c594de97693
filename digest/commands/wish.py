"""Read one wish: how often, when, about what, how long, in which language and format, and about which story."""

import re
from collections.abc import Callable

from digest.commands import lexicon
from digest.commands.cursor import Cursor
from digest.wishes import ALL, Act, Format, Frequency, Stance

_MOST_MINUTES = 999
_MOST_STORIES = 999
_NUMBER = re.compile(r"[0-9]{1,4}")
_CLOCK = re.compile(r"([0-9]{1,2})[:.h٫]([0-9]{2})")
_HOUR = re.compile(r"[0-9]{1,2}")
_TWO_DIGITS = re.compile(r"[0-9]{2}")
_LANGUAGE_CODE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3}")
_STANCES = {"more": (Act.MORE, Stance.MORE), "less": (Act.LESS, Stance.LESS)}
_RESET = {"zone": "", "hour": "", "minutes": 0, "language": ""}
_BEGINNINGS = (
    *("at", "daily", "format", "full", "hour", "language", "less", "minutes", "more", "only", "usual"),
    *("weekdays", "weekly", "zone"),
)

Way = Callable[[Cursor], bool]


def take_wish(line: Cursor) -> bool:
    """Take one wish that says what it is about."""
    return any(line.tries(way) for way in _SURE)


def take_hint(line: Cursor) -> bool:
    """Take a word that may stand in any text, and is a wish only beside others: a city, a language, "text"."""
    return any(line.tries(way) for way in (_city, _language_name, _format_name))


def take_number(line: Cursor) -> int | None:
    """Take a number, in digits or as a word up to ten."""
    word = line.plain
    number = int(word) if _NUMBER.fullmatch(word) else None
    if number is None and line.next is not None and not (line.next.sign or line.next.quoted):
        number = lexicon.numbers().get(line.next.folded)
    if number is not None:
        line.position += 1
    return number


def _signed_topic(line: Cursor) -> bool:
    token = line.next
    if token is None or not token.sign:
        return False
    return _topic(line, Stance.MORE if token.sign == "+" else Stance.NONE)


def _topic(line: Cursor, stance: Stance) -> bool:
    """Take one topic, whatever it is called."""
    token = line.next
    if token is None or not (token.quoted or any(character.isalpha() for character in token.raw)):
        return False
    if not (token.sign or token.quoted) and (line.sees("never") or line.sees("filler")):
        return False
    line.position += 1
    return line.rate(ALL if token.folded in lexicon.phrases("all") else token.raw, stance)


def _topics(line: Cursor, stance: Stance) -> bool:
    """Take unsigned topics with commas or "and" between them."""

    def another(line: Cursor) -> bool:
        token = line.next
        divided = token is not None and (token.after_comma or bool(line.take("and")))
        return divided and not _begins(line) and _unsigned_topic(line, stance)

    if not _unsigned_topic(line, stance):
        return False
    while line.tries(another):
        pass
    return True


def _unsigned_topic(line: Cursor, stance: Stance) -> bool:
    return line.next is not None and not line.next.sign and _topic(line, stance)


def _begins(line: Cursor) -> bool:
    """Tell whether another wish begins here."""
    if line.next is None or line.next.quoted:
        return False
    return _NUMBER.match(line.plain) is not None or any(map(line.sees, _BEGINNINGS))


def _only(line: Cursor) -> bool:
    return bool(line.take("only")) and line.rate(ALL, Stance.NONE) and _topics(line, Stance.MORE)


def _rated(line: Cursor) -> bool:
    """Take "more 3", which is about a story, or "more science", a topic."""
    for kind, (act, stance) in _STANCES.items():
        if line.take(kind):
            return _stories(line, act) or _topics(line, stance)
    return bool(line.take("usual")) and _topics(line, Stance.USUAL)


def _full(line: Cursor) -> bool:
    return bool(line.take("full")) and _stories(line, Act.FULL)


def _stories(line: Cursor, act: Act) -> bool:
    """Take the numbers of stories."""
    count = 0

    def story(line: Cursor) -> bool:
        if count:
            line.take("and")
        line.take("story")
        word = line.plain
        if not _NUMBER.fullmatch(word) or not 1 <= int(word) <= _MOST_STORIES:
            return False
        line.position += 1
        line.stories += ((act, int(word)),)
        return not line.sees("minute")  # "more 3 5 minutes": the 5 is another wish's

    while line.tries(story):
        count += 1
    return bool(count)


def _frequency(line: Cursor) -> bool:
    return any(line.take(known.value) and line.wish(frequency=known) for known in Frequency)


def _reading_time(line: Cursor) -> bool:
    """Take "5 minutes", or "minutes 5"."""
    named = bool(line.take("minutes"))
    if named and _reset(line, "minutes"):
        return True
    number = take_number(line)
    if number is None or number > _MOST_MINUTES or not (line.take("minute") or named):
        return False
    return line.wish(minutes=number)


def _clock(line: Cursor) -> bool:
    """Take a time of day: 07:00, 7am, at 7, 7 Uhr 30."""
    sure = bool(line.take("at"))
    word = line.plain
    if written := _CLOCK.fullmatch(word):
        hour, minute = int(written[1]), int(written[2])
    elif _HOUR.fullmatch(word):
        hour, minute = int(word), 0
    else:
        return False
    line.position += 1
    sure = sure or ":" in word
    if line.take("oclock"):
        sure = True
        if not written and _TWO_DIGITS.fullmatch(line.plain):
            minute = int(line.plain)
            line.position += 1
    for half, kind in enumerate(("am", "pm")):
        if line.take(kind):
            sure = True
            if not 1 <= hour <= 12:  # noqa: PLR2004 - on the dial
                return False
            hour = hour % 12 + half * 12
    return sure and hour < 24 and minute < 60 and line.wish(hour=f"{hour:02}:{minute:02}")  # noqa: PLR2004 - a day's


def _hour(line: Cursor) -> bool:
    return bool(line.take("hour")) and (_reset(line, "hour") or _clock(line))


def _zone(line: Cursor) -> bool:
    return bool(line.take("zone")) and (_reset(line, "zone") or _any_zone_name(line) or _city(line))


def _any_zone_name(line: Cursor) -> bool:
    zone = lexicon.zones().get(line.plain)
    if zone is None:
        return False
    line.position += 1
    return line.wish(zone=zone)


def _zone_name(line: Cursor) -> bool:
    """Take a zone's name; one such as Iran may be another word and needs "zone" before it."""
    return ("/" in line.plain or line.plain in ("utc", "gmt")) and _any_zone_name(line)


def _city(line: Cursor) -> bool:
    zone = line.take_one_of(lexicon.cities().get)
    return zone is not None and line.wish(zone=zone)


def _language(line: Cursor) -> bool:
    return bool(line.take("language")) and (
        _reset(line, "language") or _language_name(line) or _language_code(line)
    )


def _language_name(line: Cursor) -> bool:
    code = line.take_one_of(lexicon.language_names().get)
    return code is not None and line.wish(language=code)


def _language_code(line: Cursor) -> bool:
    from babel.localedata import exists  # noqa: PLC0415 - rarely needed

    code = line.plain
    if not _LANGUAGE_CODE.fullmatch(code) or not exists(code.partition("-")[0]):
        return False
    line.position += 1
    return line.wish(language=code)


def _format(line: Cursor) -> bool:
    return bool(line.take("format")) and _format_name(line)


def _format_name(line: Cursor) -> bool:
    return any(line.take(known.value) and line.wish(format=known) for known in Format)


def _plain_text(line: Cursor) -> bool:
    """Take "plain text", which says it without "format" before."""
    start = line.position
    return _format_name(line) and line.position - start > 1


def _reset(line: Cursor, wish: str) -> bool:
    return bool(line.take("default")) and line.wish(**{wish: _RESET[wish]})


def _reset_before(line: Cursor) -> bool:
    """Take "default hour": the word for it before what it is about."""
    if not line.take("default"):
        return False
    return any(line.take(wish) and line.wish(**{wish: value}) for wish, value in _RESET.items())


_SURE: tuple[Way, ...] = (
    _signed_topic,
    _reset_before,
    _plain_text,
    _only,
    _rated,
    _full,
    _reading_time,
    _clock,
    _frequency,
    _zone,
    _hour,
    _zone_name,
    _format,
    _language,
)
