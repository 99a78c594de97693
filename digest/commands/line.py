"""Read one line as commands: all of it is understood, or nothing."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from functools import cache
from itertools import product

from digest.commands import lexicon
from digest.commands.cursor import Cursor
from digest.commands.tokens import Token
from digest.commands.wish import take_hint, take_number, take_wish
from digest.wishes import Act, Command

_LONGEST_PAUSE = 3650  # days
_LIST = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_TOKEN = re.compile(r"[a-z0-9_-]{16,100}")
_YEAR_FIRST = re.compile(r"(?P<y>[0-9]{4})-(?P<m>[0-9]{1,2})-(?P<d>[0-9]{1,2})")
_DAY_FIRST = re.compile(r"(?P<d>[0-9]{1,2})\.(?P<m>[0-9]{1,2})\.(?P<y>[0-9]{4})")
_SLASHES = re.compile(
    r"(?P<d>[0-9]{1,2})/(?P<m>[0-9]{1,2})/(?P<y>[0-9]{4})"
)  # in English the month may come first
_UNITS = {"day": 1, "week": 7, "month": 30, "two_days": 2, "two_weeks": 14, "two_months": 60}
_ALONE = (Act.ERASE, Act.DATA, Act.HELP, Act.RESUME)
_LONGEST_TRY = 8  # words of what looks like a command
_LONGEST_SLIP = 3  # words of what may be one with a slip of the pen
_SHORTEST_SLIP = 5  # letters


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What a line says."""

    commands: tuple[Command, ...] = ()
    token: str = ""  # of "confirm TOKEN"
    heard: tuple[frozenset[str], ...] = ()  # the languages of each phrase

    def __bool__(self) -> bool:
        return bool(self.commands or self.token)


NOTHING = Understood()


def understand(tokens: Sequence[Token], today: date | None) -> Understood:
    """Read a line's words as commands, first without what is polite around them."""
    blunt = Cursor(tokens=tokens, today=today)
    blunt.drop_politeness()
    lines = [blunt] if blunt.tokens == tokens else [blunt, Cursor(tokens=tokens, today=today)]
    for way, line in product((_alone, _confirm, _pause, _unsubscribe, _subscribe, _wishes), lines):
        start = line.again()
        if start.tokens and (said := way(start)) and start.at_end:
            return replace(said, heard=start.heard)
    return NOTHING


def looks_like_one(tokens: Sequence[Token]) -> bool:
    """Tell whether a line that was not understood was meant as a command."""
    line = Cursor(tokens=tokens, today=None)
    line.drop_politeness()
    words = line.tokens
    if not 0 < len(words) <= _LONGEST_TRY or any(word.folded in lexicon.phrases("never") for word in words):
        return False
    return any(map(line.sees, ("subscribe", "unsubscribe", "pause", "erase", "confirm"))) or _is_slip(words)


def is_closing(tokens: Sequence[Token]) -> bool:
    """Tell whether a line ends a letter."""
    return Cursor(tokens=tokens, today=None).sees("closing")


def greeting(tokens: Sequence[Token]) -> frozenset[str] | None:
    """Give the languages of a line that only greets, or None where it says anything else."""
    line = Cursor(tokens=tokens, today=None)
    return line.heard[0] if len(tokens) <= _LONGEST_TRY and line.take("greeting") else None


def _alone(line: Cursor) -> Understood:
    """Read what must be the whole line; to be forgotten is asked for without a word more."""
    for act in _ALONE:
        if line.take(act.value):
            if act is not Act.ERASE:
                line.skip("filler")
            return Understood(commands=(Command(act=act),))
    return NOTHING


def _confirm(line: Cursor) -> Understood:
    token = line.plain if line.take("confirm") else ""
    line.position += 1
    return Understood(token=token) if _TOKEN.fullmatch(token) else NOTHING


def _pause(line: Cursor) -> Understood:
    """Read "pause", with for how long or until when behind it or before; with that, "stop" is a pause too."""
    line.skip("filler")
    days = _days(line)
    ends = not line.take("pause")
    if ends and not line.take("unsubscribe"):
        return NOTHING
    if days is None:
        days = _days(line)
    line.skip("filler")
    if ends if days is None else not 1 <= days <= _LONGEST_PAUSE:
        return NOTHING
    return Understood(commands=(Command(act=Act.PAUSE, days=days),))


def _unsubscribe(line: Cursor) -> Understood:
    line.skip("filler")
    phrase = line.take("unsubscribe")
    name = _list(line, phrase, lambda: line.take("filler"))
    return Understood(commands=(Command(act=Act.UNSUBSCRIBE, list=name),)) if phrase else NOTHING


def _subscribe(line: Cursor) -> Understood:
    line.skip("filler")
    phrase = line.take("subscribe")
    name = _list(
        line,
        phrase,
        lambda: take_wish(line) or line.take("filler") or line.take("and") or take_hint(line),
    )
    if not phrase or line.stories:
        return NOTHING
    return Understood(commands=(Command(act=Act.SUBSCRIBE, list=name, change=line.change),))


def _wishes(line: Cursor) -> Understood:
    """Read wishes alone, and what is said about stories."""
    line.skip("prefix")
    sure = False
    while not line.at_end:
        if take_wish(line):
            sure = True
        elif not (line.take("and") or take_hint(line)):
            return NOTHING
    if not sure:
        return NOTHING
    stories = (Command(act=Act(act), story=number) for act, number in line.stories)
    change = line.change
    return Understood(commands=(*stories, *((Command(act=Act.CHANGE, change=change),) if change else ())))


def _list(line: Cursor, phrase: str, others: Callable[[], object]) -> str | None:
    """Read on, and give the one word that is nothing else: the name of a list, behind phrases that it may follow."""
    found = None
    may_be_named = any(stem in phrase for stem in lexicon.stems())
    while phrase and not line.at_end:
        if others():
            continue
        if found or not may_be_named or line.sees("never") or not _LIST.fullmatch(line.plain):
            break
        found = line.plain
        line.position += 1
    return found


def _days(line: Cursor) -> int | None:
    """Take until when, or for how long, in days; None where neither stands here."""
    days: int | None = None

    def until(line: Cursor) -> bool:
        nonlocal days
        days = _until(line)
        return days is not None

    def span(line: Cursor) -> bool:
        nonlocal days
        days = _span(line)
        return days is not None

    return days if line.tries(until) or line.tries(span) else None


def _span(line: Cursor) -> int | None:
    line.take("for")
    number = take_number(line)
    for unit, days in _UNITS.items():
        if line.take(unit):
            line.take("for")
            return days * (1 if number is None else number)
    return None


def _until(line: Cursor) -> int | None:
    before = line.take("until")
    word = line.plain
    found = _YEAR_FIRST.fullmatch(word) or _DAY_FIRST.fullmatch(word) or _SLASHES.fullmatch(word)
    if found is None or line.today is None:
        return None
    line.position += 1
    if not before and not line.take("until"):
        return None
    if "/" in word and "en" in line.heard[-1]:
        return None
    try:
        return (date(int(found["y"]), int(found["m"]), int(found["d"])) - line.today).days
    except ValueError:
        return None


def _is_slip(words: Sequence[Token]) -> bool:
    """Tell whether the first word is nearly one that a command begins with."""
    first = words[0].folded
    if len(words) > _LONGEST_SLIP or len(first) < _SHORTEST_SLIP or words[0].sign:
        return False
    return bool(get_close_matches(first, _first_words(), n=1, cutoff=0.85))


@cache
def _first_words() -> tuple[str, ...]:
    """Give the single words that commands begin with."""
    return tuple(
        lexicon.fold(phrase)
        for act in Act
        if act is not Act.CHANGE
        for language in lexicon.LANGUAGES
        for phrase in lexicon.listed(language, act.value)
        if " " not in phrase
    )
