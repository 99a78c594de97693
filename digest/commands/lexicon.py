"""The words of the commands, from `words.toml`, in the form under which all their spellings are equal."""

import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "de", "fr", "es", "tr", "ar")
"""Those that the commands are known in."""

LONGEST = 7
"""Words that a phrase has at most."""

_ALIKE = str.maketrans({"ı": "i", "ى": "ي", "ة": "ه", "ٱ": "ا", "ـ": "", "ø": "o", "ł": "l", "ʼ": ""})
_UMLAUTS = (("ä", "ae"), ("ö", "oe"), ("ü", "ue"))


def fold(text: str) -> str:
    """Give the letters and digits of a text without case, accents and vowel signs; digits as 0 to 9."""
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_ALIKE)
    return "".join(_digit(character) for character in plain if character.isalnum())


def digits(text: str) -> str:
    """Write every script's digits as 0 to 9."""
    return text if text.isascii() else "".join(_digit(character) for character in text)


@cache
def phrases(kind: str) -> Mapping[str, frozenset[str]]:
    """Give the phrases of a kind, folded, each with the languages that have it."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for language in LANGUAGES:
        for phrase in listed(language, kind):
            for spelling in _spellings(phrase):
                found[spelling].add(language)
    return {phrase: frozenset(languages) for phrase, languages in found.items()}


@cache
def _everything() -> frozenset[str]:
    kinds = {kind for language in LANGUAGES for kind in _words()[language]}
    return frozenset(phrase for kind in kinds for phrase in phrases(kind))


def is_known(phrase: str) -> bool:
    """Tell whether a folded phrase is one of ours, of whatever kind."""
    return any(phrase in known for known in (_everything(), language_names(), cities()))


def listed(language: str, kind: str) -> tuple[str, ...]:
    """Give the phrases of a kind in a language as they are written, the natural one first."""
    return _split(_words()[language].get(kind, ""))


def spelled(language: str) -> dict[str, Any]:
    """Give the patterns by which a language writes what has a number in it."""
    patterns: dict[str, Any] = _words()["spelled"][language]
    return patterns


@cache
def numbers() -> Mapping[str, int]:
    """Give the numbers from one to ten that are written as words."""
    found = {phrase: 1 for language in LANGUAGES for phrase in map(fold, listed(language, "one"))}
    for language in LANGUAGES:
        for value, word in enumerate(listed(language, "numbers"), start=1):
            found.update(dict.fromkeys(_spellings(word), value))
    return found


@cache
def language_names() -> Mapping[str, str]:
    """Give the code of each language's name, in each language."""
    return {
        spelling: code
        for code, names in _words()["languages"].items()
        for entries in names.values()
        for name in _split(entries)
        for spelling in _spellings(name)
    }


def language_name(code: str, language: str) -> str | None:
    """Give a language's name in a language, or None for one without commands."""
    names = _words()["languages"].get(code)
    return _split(names[language])[0] if names else None


@cache
def zones() -> Mapping[str, str]:
    """Give the time zones by their names in lower case."""
    from zoneinfo import available_timezones  # noqa: PLC0415 - it reads a folder of files

    return {name.casefold(): name for name in available_timezones()}


@cache
def cities() -> Mapping[str, str]:
    """Give the time zones of the cities that stand for exactly one."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name in zones().values():
        area, _, city = name.partition("/")
        if area in _AREAS and "/" not in city:
            found[fold(city)].add(name)
    alone = {city: names.pop() for city, names in found.items() if len(names) == 1}
    ours = {
        spelling: zone
        for zone, names in _words()["cities"].items()
        if zone.casefold() in zones()
        for name in _split(names)
        for spelling in _spellings(name)
    }
    return alone | ours


@cache
def reply_prefixes() -> frozenset[str]:
    """Give what stands before the subject of an answer, folded."""
    return frozenset(map(fold, _split(_words()["prefixes"]["reply"])))


@cache
def stems() -> tuple[str, ...]:
    """Give what the phrases hold, folded, after which a list may be named."""
    return tuple(map(fold, _split(_words()["named"]["stems"])))


_AREAS = frozenset({"Africa", "America", "Asia", "Atlantic", "Europe", "Indian", "Pacific"})


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads((files(__package__) / "words.toml").read_text("utf-8"))


def _split(entries: str) -> tuple[str, ...]:
    return tuple(" ".join(entry.split()) for entry in entries.split(",") if entry)


def _spellings(phrase: str) -> set[str]:
    """Give a phrase folded, with umlauts as such and written out."""
    written = unicodedata.normalize("NFC", phrase).lower()
    for umlaut, pair in _UMLAUTS:
        written = written.replace(umlaut, pair)
    return {fold(phrase), fold(written)}


def _digit(character: str) -> str:
    return character if character.isascii() else str(unicodedata.digit(character, character))
