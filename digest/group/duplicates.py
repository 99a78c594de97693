"""Near-duplicates: texts of which one is for a good part contained in the other, word for word.

A teaser is contained in its full text, and an article in a page with its furniture; measures that divide by what
two texts have together (Jaccard, MinHash) miss both. Broder 1997, "On the resemblance and containment of documents".
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from zlib import crc32

from digest.extract.lexicon import FUNCTION
from digest.group.terms import stem, words
from digest.model import Article

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Shingles = NDArray[np.uint64]  # hashes of runs of words, sorted, each once

Pair = tuple[float, int, int, int]
"""The containment and the shingles that two texts share, both negative so that the nearest sort first; the two."""

SHINGLE = 5
CONTAINED = 0.3
"""The share of the shorter text's shingles from which on two texts are near-duplicates."""

FEWEST = 5
"""Shingles that a short text must share, if it has so many: one quoted phrase makes no duplicate."""

AGREED = 1 / 3
"""The share of the pairs between two sets of near-duplicates that must be near-duplicates for them to be one."""

MOSTLY = 0.5
"""What four texts or more have in common makes them near-duplicates only if it is so much of them."""

SAMPLED_FROM = 256
SAMPLE = 8
"""Of a text with more shingles than the first, one in so many is looked up."""

LONGEST = 200_000
"""Characters of a text that are looked at."""

TELLERS = 50
"""Texts remembered for one shingle; what has it too is compared with the first so many."""

FURNITURE = 0.2
FEWEST_TITLES = 4
"""What stands under more than this share of a source's titles, and under so many at least, belongs to its pages."""

SHORT = 20
"""A text of fewer shingles is no near-duplicate of one whose title has no word of its own title."""

_MIX = 0x9E3779B97F4A7C15


def duplicates(articles: Sequence[Article], threads: Sequence[str | None]) -> list[list[int]]:
    """Give the articles in sets of near-duplicates, by index, most of them alone.

    Articles of one thread are in one set, those of two never; between two threads the nearer one is chosen.
    """
    if not articles:
        return []
    shingled = [_shingles(article) for article in articles]
    _without_furniture(articles, shingled)
    index = _Index(shingled)
    pairs = index.contained()
    strewn = index.strewn(pairs)
    if len(strewn):
        _leave_out(strewn, shingled, range(len(shingled)))
        pairs = _Index(shingled).contained()
    pairs = sorted(pair for pair in pairs if not _strangers(articles, shingled, *pair[2:]))
    sets = _Sets(threads, pairs)
    for a, b in [*_same(threads), *_same(_wordings(articles))]:
        sets.unite(a, b)
    for *_, a, b in pairs:
        if sets.agree(a, b):
            sets.unite(a, b)
    return sets.members()


def _strangers(articles: Sequence[Article], shingled: Sequence["Shingles"], a: int, b: int) -> bool:
    """Tell whether two texts, one of them short, stand under titles that have nothing in common."""
    if min(len(shingled[a]), len(shingled[b])) >= SHORT:
        return False
    one, other = (
        {stem(word) for word in words(articles[index].title) if word not in FUNCTION} for index in (a, b)
    )
    return bool(one and other) and one.isdisjoint(other)


class _Sets:
    """Disjoint sets of articles, each with articles of one thread at most; a set is called by its first."""

    def __init__(self, threads: Sequence[str | None], pairs: Sequence[Pair]) -> None:
        self._set = list(range(len(threads)))
        self._members = {index: [index] for index in self._set}
        self._thread = dict(enumerate(threads))
        self._pairs: dict[int, Counter[int]] = defaultdict(Counter)
        for *_, a, b in pairs:
            self._pairs[a][b] += 1
            self._pairs[b][a] += 1

    def agree(self, a: int, b: int) -> bool:
        """Tell whether enough of the one's set are near-duplicates of the other's."""
        one, other = self._set[a], self._set[b]
        sizes = [min(len(self._members[which]), TELLERS) for which in (one, other)]
        return self._pairs[one][other] >= AGREED * sizes[0] * sizes[1]

    def unite(self, a: int, b: int) -> None:
        one, other = sorted((self._set[a], self._set[b]))
        threads = {self._thread[one], self._thread[other]} - {None}
        if one == other or len(threads) > 1:
            return
        for index in self._members[other]:
            self._set[index] = one
        self._members[one] += self._members.pop(other)
        self._thread[one] = next(iter(threads), None)
        for third, count in self._pairs.pop(other, Counter[int]()).items():
            self._pairs[third].pop(other, None)
            if third != one:
                self._pairs[one][third] += count
                self._pairs[third][one] += count

    def members(self) -> list[list[int]]:
        return [sorted(self._members[first]) for first in sorted(self._members)]


def _same(names: Sequence[object]) -> list[tuple[int, int]]:
    """Pair each index with the first that has the same name, if it has one at all."""
    first: dict[object, int] = {}
    return [(first.setdefault(name, index), index) for index, name in enumerate(names) if name]


def _wordings(articles: Sequence[Article]) -> list[object]:
    return [(a.title, a.body) if a.body else None for a in articles]


def _shingles(article: Article) -> "Shingles":
    import numpy as np  # noqa: PLC0415 - heavy, and not needed to ask for --help

    run = words(article.text[:LONGEST])
    if len(run) < SHINGLE:
        return np.empty(0, dtype=np.uint64)
    hashed = np.array([crc32(word.encode()) for word in run], dtype=np.uint64)
    shingles = np.zeros(len(run) - SHINGLE + 1, dtype=np.uint64)
    for at in range(SHINGLE):
        shingles = (shingles ^ hashed[at : at + len(shingles)]) * np.uint64(_MIX)
        shingles ^= shingles >> np.uint64(29)
    return np.unique(shingles)


def _without_furniture(articles: Sequence[Article], shingled: list["Shingles"]) -> None:
    """Take from each text what stands under many titles of its source."""
    import numpy as np  # noqa: PLC0415

    by_source: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, article in enumerate(articles):
        if article.source and len(shingled[index]):
            by_source[article.source][article.title].append(index)
    for by_title in by_source.values():
        enough = max(FEWEST_TITLES, FURNITURE * len(by_title))
        if len(by_title) < enough:
            continue
        told = [np.unique(np.concatenate([shingled[i] for i in indices])) for indices in by_title.values()]
        shingles, titles = np.unique(np.concatenate(told), return_counts=True)
        _leave_out(shingles[titles >= enough], shingled, itertools.chain.from_iterable(by_title.values()))


def _leave_out(furniture: "Shingles", shingled: list["Shingles"], indices: Iterable[int]) -> None:
    import numpy as np  # noqa: PLC0415

    if len(furniture):
        for index in indices:
            shingled[index] = np.setdiff1d(shingled[index], furniture, assume_unique=True)


class _Index:
    """Which texts have a shingle: of a long text only every so many are listed."""

    def __init__(self, shingled: Sequence["Shingles"]) -> None:
        import numpy as np  # noqa: PLC0415

        self._shingled = shingled
        sampled = [s if len(s) < SAMPLED_FROM else s[s % SAMPLE == 0] for s in shingled]
        self._sizes, self._lengths = (
            np.array([len(s) for s in some], dtype=np.intp) for some in (sampled, shingled)
        )
        every = np.concatenate(sampled)
        order = np.argsort(every, kind="stable")
        self._owners = np.repeat(np.arange(len(sampled)), self._sizes)[order]
        self._listed, self._starts, counts = np.unique(every[order], return_index=True, return_counts=True)
        self._counts = np.minimum(counts, TELLERS)

    def contained(self) -> list[Pair]:
        """Give the pairs of near-duplicates."""
        import numpy as np  # noqa: PLC0415

        if not len(self._listed):
            return []
        pairs = []
        lengths = self._lengths
        for index, shingles in enumerate(self._shingled):
            at = np.minimum(np.searchsorted(self._listed, shingles), len(self._listed) - 1)
            at = at[self._listed[at] == shingles]
            counts = self._counts[at]
            places = np.repeat(self._starts[at] - np.cumsum(counts) + counts, counts) + np.arange(
                counts.sum()
            )
            others, shared = np.unique(self._owners[places], return_counts=True)
            shorter = (lengths[others] < lengths[index]) | (
                (lengths[others] == lengths[index]) & (others < index)
            )
            sizes = self._sizes[others]
            near = shorter & (shared >= np.maximum(CONTAINED * sizes, np.minimum(FEWEST, sizes)))
            shares = (shared[near] / sizes[near]).tolist()
            pairs += [
                (-share, -count, min(other, index), max(other, index))
                for other, share, count in zip(
                    others[near].tolist(), shares, shared[near].tolist(), strict=True
                )
            ]
        return pairs

    def strewn(self, pairs: Iterable[Pair]) -> "Shingles":
        """Give the shingles whose texts are mostly no near-duplicates of each other: an agency's notice, a quote."""
        import numpy as np  # noqa: PLC0415

        near = {(a, b) for share, _, a, b in pairs if -share >= MOSTLY}
        many = np.flatnonzero(self._counts >= FEWEST_TITLES)
        judged: dict[bytes, bool] = {}
        strewn = []
        for at in many.tolist():
            texts = self._owners[self._starts[at] : self._starts[at] + self._counts[at]]
            key = texts.tobytes()
            if key not in judged:
                together = sum(pair in near for pair in itertools.combinations(texts.tolist(), 2))
                judged[key] = together < AGREED * len(texts) * (len(texts) - 1) / 2
            if judged[key]:
                strewn.append(at)
        return self._listed[np.array(strewn, dtype=np.intp)]
