"""ROUGE-1 and ROUGE-2 (Lin 2004, "ROUGE: a package for automatic evaluation of summaries"), F1 times 100.

Figure for figure those of the rouge-score package with its stemmer, for English; it knows no letters but a to
z, so for other languages words are what Unicode calls so.
"""

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache

from nltk.stem.porter import PorterStemmer

ENGLISH, ANY = re.compile(r"[a-z0-9]+"), re.compile(r"[^\W_]+")
SHORT = 3  # letters; such words are not stemmed

porter = cache(PorterStemmer().stem)


def stems(text: str, language: str) -> list[str]:
    words = (ENGLISH if language == "en" else ANY).findall(text.lower())
    return [porter(word) if len(word) > SHORT else word for word in words]


def grams(n: int, words: Sequence[str]) -> Counter[tuple[str, ...]]:
    return Counter(zip(words) if n == 1 else itertools.pairwise(words))


def rouge(n: int, human: Sequence[str], machine: Sequence[str]) -> float:
    wanted, given = grams(n, human), grams(n, machine)
    common = (wanted & given).total()
    return 200 * common / (wanted.total() + given.total()) if common else 0.0
