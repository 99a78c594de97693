"""What of a text is compared: its words, cut to their stems, in scripts with and without spaces."""

import re
from collections import Counter, defaultdict

from digest.extract.lexicon import FUNCTION
from digest.model import Article

LEAD_CHARACTERS = 1200
TITLE_CHARACTERS = 400
TITLE_TIMES = 2
"""How much more a word of the title counts than one of the lead; a title without a text stands for itself."""

GRAM = 4
GRAM_WEIGHT = 0.5
"""How much four letters of a title's word count against the word: in a headline they catch what its stem does not."""

_SHORTEST_STEM = 4

_UNSPACED = re.compile(  # Thai, Lao, Myanmar, Khmer, Han, Kana
    "[\u0e01-\u0eff\u1000-\u109f\u1780-\u17d3\u2e80-\u2fdf\u3005-\u3007\u3041-\u30fa\u30fc-\u30ff\u3400-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]+"
)
_WORD = re.compile(  # with the vowels that are marks, which \w leaves out: of Hebrew, Arabic, India, Tibet
    r"[\w\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff\u0f18-\u0fff]+"
)


def words(text: str) -> list[str]:
    """Give the words and numbers of a text in lower case; scripts without spaces give pairs of characters."""
    if _UNSPACED.search(text):
        text = _UNSPACED.sub(lambda run: f" {' '.join(_pairs(run.group()))} ", text)
    return _WORD.findall(text.casefold())


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(max(1, len(run) - 1))]


def terms(article: Article) -> dict[str, float]:
    """Count the stems of an article's title and lead, and the short runs of letters of its title."""
    lead = article.text[:LEAD_CHARACTERS]
    counts: dict[str, float] = defaultdict(float)
    for word, times in Counter(words(lead)).items():
        if word not in FUNCTION:
            counts[stem(word)] += times
    weight = TITLE_TIMES if counts else 1
    for word in words(article.title[:TITLE_CHARACTERS]):
        if word not in FUNCTION:
            counts[stem(word)] += weight
            framed = f" {word} "
            for at in range(max(1, len(framed) - GRAM + 1)):
                counts[f" {framed[at : at + GRAM]}"] += weight * GRAM_WEIGHT
    return counts


def stem(word: str) -> str:
    """Give the first three quarters of a word, four letters at least: it needs no language, and does as well."""
    return word[: max(_SHORTEST_STEM, -(-len(word) * 3 // 4))]
