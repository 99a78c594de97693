"""The sentences of one text as a ranker sees them: what each says, where it stands and how it is written.

Nothing here knows a language but through its stemmer and stop words, and the openings that lean on the
sentence before. Numbers are kept near 1, so that one penalty fits all weights.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain, pairwise

import numpy as np
import regex
from numpy.typing import NDArray

from digest.model import Sentence
from digest.summarise.language import language_name, lasting_stemmer, stop_words
from digest.summarise.openings import is_torn, leans_back
from digest.summarise.words import words

Floats = NDArray[np.float32]

MOST = 200

_LONGEST_WORD = 40  # letters; the rest of a longer one is not stemmed
_ALIKE = 0.1  # cosine above which LexRank joins two sentences (Erkan and Radev 2004)
_DAMPING, _ROUNDS = 0.85, 15
_LEAST = 3  # numbers and words that say something; with fewer a sentence is an aside
_TOP = 10  # the most frequent words of a text, its keywords
_OPENING = 3  # sentences
_NUMBER = regex.compile(r"\d+")
_QUOTATION = regex.compile(r"[\"“”„«»]|(?<!\p{L})['‘’](?=\p{L})")
_SPACED_STOP = regex.compile(r"\s[.!?]\s*+\Z")  # as captions and teasers have that a page was taken from
_ME = frozenset(["i", "we", "you", "my", "our", "your", "me", "us"])


class Passage:
    """The first `MOST` sentences that are fit for a summary, in their order.

    `fit` has them by their place among all sentences of the text: two that stand in a row may not be neighbours.
    """

    def __init__(self, fit: Mapping[int, Sentence], *, title: str, language: str | None) -> None:
        name = language_name(language)
        self.stop, stem = stop_words(name), lasting_stemmer(name)
        self.sentences = list(fit.values())[:MOST]
        self.places = np.array(list(fit)[:MOST], int)
        self.texts = [sentence.text for sentence in self.sentences]
        self.spelled = [words(text) for text in self.texts]
        self.lower = [_lower(spelled) for spelled in self.spelled]
        self.capital = [[word for word in spelled[1:] if word[0].isupper()] for spelled in self.spelled]
        headline = _lower(words(title))
        different = dict.fromkeys(chain(headline, *self.lower))
        self._stem = {word: stem(word) for word in different if word not in self.stop}
        self.stems = [self.content(lower) for lower in self.lower]
        self.vocabulary = {
            stem: number
            for number, stem in enumerate(dict.fromkeys(s for stems in self.stems for s in stems))
        }
        self.words = np.array([len(lower) for lower in self.lower], np.float32)
        self.content_words = np.array([len(stems) for stems in self.stems], np.float32)
        self._count_stems()
        self._weigh_stems(headline)
        self._pair_words()
        # The first sentence of a text has none to lean on.
        self.leans = np.array([leans_back(text, language) for text in self.texts], bool) & (self.places > 0)
        self.torn = np.array([is_torn(text) for text in self.texts], bool)
        self.whole = ~self.torn & (self.content_words + self._numbers() >= _LEAST)

    def __len__(self) -> int:
        return len(self.texts)

    def content(self, lower: Sequence[str]) -> list[str]:
        """Give the stems of the words that say something."""
        return [self._stem[word] for word in lower if word in self._stem]

    def _count_stems(self) -> None:
        self.counts = np.zeros((len(self), max(1, len(self.vocabulary))), np.float32)
        rows = [row for row, stems in enumerate(self.stems) for _ in stems]
        columns = [self.vocabulary[stem] for stems in self.stems for stem in stems]
        np.add.at(self.counts, (rows, columns), 1)
        self.has = self.counts > 0
        self.spread = self.has.sum(0)  # sentences that each stem stands in
        self.total = self.counts.sum(0)
        self.weighted = self.counts * np.log1p(len(self) / np.maximum(self.spread, 1)).astype(np.float32)
        self.directions = self.weighted / lengths(self.weighted)[:, None]
        self.likeness = self.directions @ self.directions.T
        self.centre = unit(self.directions.sum(0))
        self.plain_centre = unit(self.total)

    def _weigh_stems(self, title: Sequence[str]) -> None:
        """Set out what is worth covering: each row of `worth` sums to 1, or 0 where there is nothing."""
        repeated = self.total * (self.spread > 1)
        self.names = self._find_names()
        headline = np.zeros_like(self.total)
        headline[self.numbers(self.content(title))] = 1
        keywords = np.zeros_like(self.total)
        keywords[np.argsort(-repeated, kind="stable")[:_TOP]] = 1
        opening = self.has[: _OPENING - 1].any(0) & (self.spread > 1)
        rows = [repeated, self.total, headline, opening, keywords, self.total * self.names]
        self.worth = np.stack([share(np.asarray(row, np.float32)) for row in rows])
        self.has_headline = bool(headline.any())

    def numbers(self, stems: Sequence[str]) -> list[int]:
        """Give the columns of those stems that the text has."""
        return sorted({self.vocabulary[stem] for stem in stems if stem in self.vocabulary})

    def _find_names(self) -> NDArray[np.bool_]:
        """Tell the stems that are somewhere written with a capital inside of a sentence."""
        names = np.zeros(max(1, len(self.vocabulary)), bool)
        names[self.numbers(self.content(_lower(list(chain(*self.capital)))))] = True
        return names

    def _pair_words(self) -> None:
        """Find the pairs of words that more than one sentence has."""
        pairs = [dict.fromkeys(pairwise(lower)) for lower in self.lower]
        often = Counter(pair for found in pairs for pair in found)
        column = {
            pair: number
            for number, pair in enumerate(
                pair
                for pair, times in often.items()
                if times > 1 and not (pair[0] in self.stop and pair[1] in self.stop)
            )
        }
        self.has_pair = np.zeros((len(self), max(1, len(column))), bool)
        for row, found in enumerate(pairs):
            self.has_pair[row, [column[pair] for pair in found if pair in column]] = True
        self.pair_worth = share(self.has_pair.sum(0).astype(np.float32))

    @cached_property
    def features(self) -> Floats:
        """One row for each sentence."""
        columns = [*self._place(), *self._size(), *self._centrality(), *self._coverage(), *self._writing()]
        return np.stack([np.asarray(column, np.float32) for column in columns], 1)

    def _place(self) -> list[NDArray[np.generic]]:
        at, count = np.arange(len(self)), len(self)
        return [
            1 / (at + 1),
            np.log1p(at),
            at == 0,
            at == 1,
            at == 2,  # noqa: PLR2004 - the third
            at / count,
            np.minimum(at, 10) / 10,
            at == count - 1,
            np.full(count, np.log(count) / 3),
        ]

    def _size(self) -> list[NDArray[np.generic]]:
        size = self.words
        return [
            np.log1p(size),
            size / 30,
            size < 8,  # noqa: PLR2004 - where the curve bends, as below
            size < 12,  # noqa: PLR2004
            size > 30,  # noqa: PLR2004
            size > 40,  # noqa: PLR2004
            self.content_words / 15,
            1 - self.content_words / np.maximum(size, 1),
            np.array([len(text) for text in self.texts]) / np.maximum(size, 1) / 6,
            rank(size),
        ]

    def _centrality(self) -> list[NDArray[np.generic]]:
        others = self.likeness.copy()
        np.fill_diagonal(others, 0)
        centrality = self.directions @ self.centre
        lexrank = lex_rank(others)
        near = np.diagonal(others, 1)
        beside = np.maximum(np.append(0, near), np.append(near, 0))
        return [
            centrality,
            (self.counts @ self.plain_centre) / lengths(self.counts),
            lexrank,
            self.counts @ self.worth[1] / np.maximum(self.content_words, 1) * 20,  # SumBasic
            rank(centrality),
            rank(lexrank),
            self.directions @ unit(self.directions[:_OPENING].sum(0)),
            others[:, :_OPENING].max(1),
            np.tril(others, -1).max(1),
            np.triu(others, 1).max(1),
            beside,
        ]

    def _coverage(self) -> list[NDArray[np.generic]]:
        covered = self.has.astype(np.float32) @ self.worth.T
        pairs = self.has_pair.astype(np.float32) @ self.pair_worth
        first_time = self.has & (np.cumsum(self.has, 0) == 1)
        return [
            *(covered * np.array([10, 10, 1, 1, 1, 1], np.float32)).T,
            rank(covered[:, 0]),
            pairs * 10,
            rank(pairs),
            first_time.sum(1) / np.maximum(self.has.sum(1), 1),
            self.counts @ self.names / np.maximum(self.content_words, 1) * 2,
            self.weighted.sum(1) / np.maximum(self.content_words, 1),
        ]

    def _writing(self) -> list[NDArray[np.generic]]:
        size = np.maximum(self.words, 1)
        capitals = np.array([len(capital) for capital in self.capital])
        return [
            np.minimum(capitals, 8) / 4,
            capitals / size * 5,
            np.minimum(self._numbers(), 4) / 2,
            np.minimum([len(_QUOTATION.findall(text)) for text in self.texts], 4) / 2,
            np.array([text[0] in "\"'“‘„«" for text in self.texts]),
            np.array(["?" in text for text in self.texts]),
            np.array([_SPACED_STOP.search(text) is not None for text in self.texts]),
            self.leans,
            self.torn,
            np.array([sum(map(_ME.__contains__, lower)) for lower in self.lower]) / size * 5,
            np.array([lower[0] in self.stop if lower else False for lower in self.lower]),
            np.array([self._opens_with_name(row) for row in range(len(self))]),
        ]

    def _numbers(self) -> NDArray[np.intp]:
        return np.array([len(_NUMBER.findall(text)) for text in self.texts], int)

    def _opens_with_name(self, row: int) -> bool:
        first = self.content(self.lower[row][:1])
        return bool(first) and bool(self.names[self.vocabulary[first[0]]])


def _lower(spelled: Sequence[str]) -> list[str]:
    return [word.lower()[:_LONGEST_WORD] for word in spelled]


def lex_rank(others: Floats) -> Floats:
    """Rank sentences by what like sentences pass on; `others` is their likeness, nothing to themselves."""
    count = len(others)
    links = np.where(others > _ALIKE, others, 0)
    given = links.sum(1)
    alone = given == 0
    links /= np.where(alone, 1, given)[:, None]
    ranks = np.full(count, 1 / count, np.float32)
    for _ in range(_ROUNDS):
        passed_on = links.T @ ranks + ranks[alone].sum() / count
        ranks = ((1 - _DAMPING) / count + _DAMPING * passed_on).astype(np.float32)
    return ranks * count


def rank(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Give 0 for the largest value, 1 for the smallest; the earlier of two equal ones is the larger."""
    order = np.argsort(-np.asarray(values, np.float64), kind="stable")
    ranks = np.empty(len(order))
    ranks[order] = np.arange(len(order))
    return ranks / max(1, len(order) - 1)


def lengths(rows: Floats) -> Floats:
    """Give the Euclidean length of each row, 1 for a row of nothing."""
    found = np.sqrt((rows * rows).sum(1))
    return np.where(found == 0, 1, found).astype(np.float32)


def unit(row: Floats) -> Floats:
    """Give a row the length 1, unless it is nothing."""
    return np.asarray(row / lengths(row[None])[0])


def share(row: Floats) -> Floats:
    """Make a row sum to 1, unless it is nothing."""
    return row / (row.sum() or np.float32(1))
