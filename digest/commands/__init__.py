"""Read what a reader asks for in a mail, in every language that the letters speak, and write it as he would.

A command is a whole line: in the subject, or among the first ones of the text. Whatever stands in a sentence is none,
so that "please don't stop" stops nothing; to be forgotten takes a line without a word more. Reading ends at the first
line that is none after a command, and after two lines of prose. Nothing here knows which lists, topics and letters
there are.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from digest.commands import lexicon
from digest.commands.line import Understood, greeting, is_closing, looks_like_one, understand
from digest.commands.spelling import spell
from digest.commands.tokens import Token, tidy, tokens
from digest.wishes import Command

__all__ = ["Reading", "read_commands", "read_detail", "spell"]

_MOST_COMMANDS = 10
_MOST_LINES = 10
_MOST_PROSE = 2  # lines
_READ = 20_000  # characters of a text
_LONGEST_DETAIL = 200
_TAG = re.compile(r"\s*[\[(][^\[\]()]{0,60}[\])]\s*")
_PREFIX = re.compile(r"([^:：\[\](^0-9]{1,20}?)\s*(?:[\[(^]?[0-9]{1,3}[\])]?)?\s*[:：]\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a mail asks for."""

    commands: tuple[Command, ...] = ()  # in their order, each once
    token: str = ""  # of "confirm TOKEN", in lower case
    misread: bool = False  # something was meant as a command and not understood
    language: str | None = None  # that the words are in; None: English, or undecided


def read_commands(subject: str, text: str, today: date | None = None) -> Reading:
    """Read a subject and the reader's own lines; without `today` nobody can pause until a date."""
    reader = _Reader(today)
    reader.read_subject(subject)
    reader.read_text(text)
    return Reading(
        commands=tuple(dict.fromkeys(reader.commands))[:_MOST_COMMANDS],
        token=reader.token,
        misread=reader.misread,
        language=_language(reader.heard),
    )


def read_detail(detail: str) -> tuple[str, str]:
    """Give the verb of a subaddress and what follows its first hyphen: "Unsubscribe-ABC" is unsubscribe, abc."""
    verb, _, rest = detail[:_LONGEST_DETAIL].strip().lower().partition("-")
    return verb, rest


class _Reader:
    """Reads line after line, and gathers what they say."""

    def __init__(self, today: date | None) -> None:
        self._today = today
        self.commands: list[Command] = []
        self.token = ""
        self.misread = False
        self.heard: list[frozenset[str]] = []

    def read_subject(self, subject: str) -> None:
        """Read a subject; that of an answer may be our own letter's, which is no command gone wrong."""
        line, is_answer = _without_prefixes(tidy(subject))
        words = tokens(line)
        if not self._takes(words) and not is_answer:
            self.misread = looks_like_one(words)

    def read_text(self, text: str) -> None:
        """Read the first lines of a text."""
        prose = 0
        lines = [line for line in map(tidy, text[:_READ].splitlines()) if line]
        for number, line in enumerate(lines[:_MOST_LINES]):
            words = tokens(line)
            if number and _is_name(line, words):
                return
            if self._takes(words):
                continue
            if (languages := greeting(words)) is not None:
                self.heard.append(languages)
                continue
            self.misread = self.misread or looks_like_one(words)
            prose += 1
            if self.commands or prose == _MOST_PROSE or is_closing(words):
                return

    def _takes(self, words: tuple[Token, ...]) -> bool:
        understood: Understood = understand(words, self._today)
        self.commands += understood.commands
        self.token = self.token or understood.token
        self.heard += understood.heard
        return bool(understood)


def _without_prefixes(subject: str) -> tuple[str, bool]:
    """Take away "Re:", "AW:" and the like, and what stands in brackets; tell whether it is an answer's subject."""
    position, is_answer = 0, False
    while True:
        if tag := _TAG.match(subject, position):
            position = tag.end()
            continue
        prefix = _PREFIX.match(subject, position)
        if prefix is None or lexicon.fold(prefix[1]) not in lexicon.reply_prefixes():
            return subject[position:], is_answer
        position, is_answer = prefix.end(), True


def _is_name(line: str, words: tuple[Token, ...]) -> bool:
    """Tell whether a line is a name under a letter, "-Bob", and not a topic to be left out."""
    return len(words) == 1 and words[0].sign == "-" and line[1:2].isupper()


def _language(heard: Iterable[frozenset[str]]) -> str | None:
    """Give the one language that all phrases are in, those that contradict the ones before left out."""
    spoken = frozenset(lexicon.LANGUAGES)
    for languages in heard:
        spoken = spoken & languages or spoken
    return next(iter(spoken)) if len(spoken) == 1 and "en" not in spoken else None
