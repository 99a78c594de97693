"""The human-visitor question: a small sum in words, in the visitor's own language.

It is drawn from the form's number under our secret, so that neither the page nor its form holds the answer. That may
be a number in the digits of any script, or a word of any language that we speak.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from gettext import NullTranslations

from digest.tokens import Purpose, Tokens

LARGEST = 9
WORDS = (
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
)
"""The messages of the catalogues, in the context "number"; a translation may hold several words, as "zwei|zwo".

The first is printed; the others are understood too.
"""

_DIGITS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A sum that a visitor is asked for."""

    first: int
    second: int

    @property
    def answer(self) -> int:
        """The sum."""
        return self.first + self.second


def draw(tokens: Tokens, number: str) -> Question:
    """Give the question of the form of that number; each sum is as likely as any other."""
    drawn = int(tokens.fingerprint(Purpose.FORM, f"question\0{number}"), 16)
    drawn, step = divmod(drawn, 2 * LARGEST - 1)
    answer = 2 + step
    lowest, highest = max(1, answer - LARGEST), min(LARGEST, answer - 1)
    first = lowest + drawn % (highest - lowest + 1)
    return Question(first=first, second=answer - first)


def in_words(number: int, catalogue: NullTranslations) -> str:
    """Write a number from 1 to 18 as a word."""
    return _spellings(number, catalogue)[0]


def read_number(text: str, catalogues: Iterable[NullTranslations]) -> int | None:
    """Read a number in digits of any script, or as a word of any of the catalogues or in English."""
    told = _folded(text)
    if told.isdecimal() and len(told) <= _DIGITS:
        return int(told)
    for catalogue in (NullTranslations(), *catalogues):
        for number in range(1, len(WORDS) + 1):
            if told in map(_folded, _spellings(number, catalogue)):
                return number
    return None


def _spellings(number: int, catalogue: NullTranslations) -> list[str]:
    return catalogue.pgettext("number", WORDS[number - 1]).split("|")


def _folded(text: str) -> str:
    """Leave only what tells words apart: no case, no accents, no dot on an i or off it, nothing but letters, digits."""
    plain = unicodedata.normalize("NFKD", text[:100].casefold()).replace("ı", "i").replace("ـ", "")
    return "".join(c for c in plain if c.isalnum())
