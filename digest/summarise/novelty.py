"""Whether a sentence says more than others that were told already."""

from collections.abc import Iterable

import regex

from digest.summarise.language import language_name, lasting_stemmer, stop_words
from digest.summarise.words import words

_COVERED = 0.8  # of a sentence's words: it says nothing more
_NUMBER = regex.compile(r"\d[\d.,:]*(?<=\d)")


class Known:
    """What some sentences say: their stems and their numbers."""

    def __init__(self, told: Iterable[str], language: str | None) -> None:
        name = language_name(language)
        self._stop, self._stem = stop_words(name), lasting_stemmer(name)
        self._said = [self._sayings(text) for text in told]

    def has(self, sentence: str) -> bool:
        """Tell whether one of them says as much; a number that it lacks is news, whatever the words."""
        stems, numbers = self._sayings(sentence)
        return any(
            len(stems & said) >= _COVERED * len(stems) and numbers <= said_numbers
            for said, said_numbers in self._said
        )

    def _sayings(self, text: str) -> tuple[frozenset[str], frozenset[str]]:
        lower = (word.lower() for word in words(text))
        return (
            frozenset(self._stem(word) for word in lower if word not in self._stop),
            frozenset(_NUMBER.findall(text)),
        )
