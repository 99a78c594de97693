"""Write a command as a reader would, in his language."""

import re
from collections.abc import Iterator, Sequence

from digest.commands import lexicon
from digest.wishes import ALL, Act, Change, Command, Stance, Topic

_ONE_WORD = re.compile(r"[^\W\d_]+")
_PLAIN = re.compile(r"[^\W\d_][^\W_]*(?:-[^\W_]+)*")


def spell(command: Command, language: str) -> str:
    """Write a command, without its list, so that `read_commands` gives it back; English where there are no words."""
    primary = language.lower().partition("-")[0]
    known = primary if primary in lexicon.LANGUAGES else "en"
    return " ".join(_command(command, known))


def _command(command: Command, language: str) -> Iterator[str]:
    act = command.act
    if act is Act.PAUSE and command.days is not None:
        pattern: str = lexicon.spelled(language)["pause"]
        yield pattern.format(act=_word("pause", language), days=_count("days", command.days, language))
        return
    if act is not Act.CHANGE:
        yield _word(act.value, language)
    if command.story is not None:
        yield str(command.story)
    if command.change is not None:
        yield from _change(command.change, language)


def _change(change: Change, language: str) -> Iterator[str]:
    if change.frequency is not None:
        yield _word(change.frequency.value, language)
    if change.hour is not None:
        yield change.hour or _default("hour", language)
    if change.zone is not None:
        yield _zone(change.zone, language)
    if change.minutes is not None:
        yield _count("minutes", change.minutes, language) if change.minutes else _default("minutes", language)
    if change.language is not None:
        yield _language(change.language, language)
    yield from _topics(change.topics, language)
    if change.format is not None:
        yield f"{_word('format', language)} {_word(change.format.value, language)}"


def _zone(zone: str, language: str) -> str:
    if not zone:
        return _default("zone", language)
    return zone if "/" in zone or zone == "UTC" else f"{_word('zone', language)} {zone}"


def _language(code: str, language: str) -> str:
    if not code:
        return _default("language", language)
    return f"{_word('language', language)} {lexicon.language_name(code, language) or code}"


def _topics(topics: Sequence[Topic], language: str) -> Iterator[str]:
    if len(topics) > 1 and _is_only(topics):
        yield f"{_word('only', language)} {', '.join(_quoted(topic.name) for topic in topics[1:])}"
        return
    for topic in topics:
        name = _word("all", language) if topic.name == ALL else topic.name
        match topic.stance:
            case Stance.MORE:
                yield f"+{_quoted_if_long(name)}"
            case Stance.NONE:
                yield f"-{_quoted_if_long(name)}"
            case Stance.LESS | Stance.USUAL:
                yield f"{_word(topic.stance.value, language)} {_quoted(name)}"


def _is_only(topics: Sequence[Topic]) -> bool:
    first, *others = topics
    return (first.name, first.stance) == (ALL, Stance.NONE) and all(t.stance is Stance.MORE for t in others)


def _quoted(name: str) -> str:
    """Write a topic so that it cannot be taken for another word."""
    return name if _ONE_WORD.fullmatch(name) and not lexicon.is_known(lexicon.fold(name)) else f'"{name}"'


def _quoted_if_long(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else f'"{name}"'


def _word(kind: str, language: str) -> str:
    return lexicon.listed(language, kind)[0]


def _default(kind: str, language: str) -> str:
    pattern: str = lexicon.spelled(language)["default"]
    return pattern.format(name=_word(kind, language), default=_word("default", language))


def _count(unit: str, number: int, language: str) -> str:
    from babel import Locale  # noqa: PLC0415 - it reads the language's file

    forms: dict[str, str] = lexicon.spelled(language)[unit]
    return forms.get(Locale(language).plural_form(number), forms["other"]).format(n=number)
