"""The stemmers and the stop words of sumy, for any language there is.

They take most of a second to import; whoever needs them imports this module where it needs it.
"""

from collections.abc import Callable
from functools import cache, lru_cache

from sumy.nlp.stemmers import Stemmer, null_stemmer
from sumy.utils import get_stop_words

Stem = Callable[[str], str]

_NAMES = {
    "ar": "arabic",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "he": "hebrew",
    "hu": "hungarian",
    "it": "italian",
    "ja": "japanese",
    "ko": "korean",
    "nb": "norwegian",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sk": "slovak",
    "sv": "swedish",
    "th": "thai",
    "uk": "ukrainian",
    "zh": "chinese",
}
# What sumy has no stemmer for, or one that needs another package; what it has no stop words for; and whose
# stemmer warns of each word that is not in lower case, 漢字 among them, and keeps it as it is.
_WITHOUT_STEMMER = {"greek", "polish", "thai"}
_WITHOUT_STOP_WORDS = {"danish", "dutch", "finnish", "hungarian", "norwegian", "romanian", "russian"}
_LOWER_CASE_ONLY = {"czech", "slovak"}
_REMEMBERED = 100_000  # words of one language


def language_name(language: str | None) -> str | None:
    """Give sumy's name of a language (BCP 47), or None where it knows nothing of it."""
    return _NAMES.get((language or "").partition("-")[0].lower())


def stemmer(name: str | None) -> Stem:
    """Give a stemmer that remembers; a new one each time, since the Arabic one is not safe among threads."""
    return cache(_plain(name))


def lasting_stemmer(name: str | None) -> Stem:
    """Give a stemmer that remembers from one text to the next, where it is safe among threads."""
    return stemmer(name) if name == "arabic" else _lasting(name)


@cache
def _lasting(name: str | None) -> Stem:
    return lru_cache(_REMEMBERED)(_plain(name))


def _plain(name: str | None) -> Stem:
    if name is None or name in _WITHOUT_STEMMER:
        return null_stemmer  # type: ignore[no-any-return]
    stem: Stem = Stemmer(name)
    if name in _LOWER_CASE_ONLY:
        return lambda word: stem(word) if word.islower() else word
    return stem


@cache
def stop_words(name: str | None) -> frozenset[str]:
    """Give the words that say nothing by themselves; none where sumy has no list."""
    if name is None or name in _WITHOUT_STOP_WORDS:
        return frozenset()
    # The Portuguese list holds some words as escapes: \xe9ramos.
    return frozenset(
        word.encode("latin-1", "backslashreplace").decode("unicode-escape") for word in get_stop_words(name)
    )
