"""Sets of up to three sentences as candidates for a summary, and what speaks for each of them."""

from collections.abc import Collection
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digest.summarise.passage import Floats, Passage

LARGEST = 3  # sentences
_POOL = 12  # sentences of which the sets are made: 298 sets
_OPENS_WITH_NAME = 53  # the feature of a passage
_TELLING = (0, 9, 19, 20, 21, 37, 39, 50, 51, _OPENS_WITH_NAME)  # of these the best and the worst count too

Members = NDArray[np.intp]


class Sets:
    """The sets of up to `largest` sentences of the pool in which none leans on one that is not there.

    `members` has a row of `LARGEST` for each, ascending, filled up with the number of sentences in the passage.
    """

    def __init__(
        self, passage: Passage, first: Floats, pool: NDArray[np.intp], largest: int = LARGEST
    ) -> None:
        self._passage, self._pool = passage, pool
        self._rows = _combinations(len(pool), largest)
        after = self._follows()
        leaning = _padded(passage.leans[pool])[self._rows] & ~after
        sound = ~(leaning | _padded(~passage.whole[pool])[self._rows]).any(1)
        self._rows, self._after = self._rows[sound], after[sound]
        self._filled = self._rows < len(pool)
        self._size = self._filled.sum(1)
        self._has = np.zeros((len(self._rows), len(pool) + 1), np.float32)  # as a matrix, a row for each set
        np.put_along_axis(self._has, self._rows, 1, 1)
        self._has = self._has[:, :-1]
        self.members: Members = np.append(pool, len(passage))[self._rows]
        self._words = _padded(passage.words[pool])[self._rows]
        self._first = _padded(first[pool])[self._rows]

    def _follows(self) -> NDArray[np.bool_]:
        """Tell which members stand directly behind the one before in the set."""
        place = np.append(self._passage.places[self._pool], -9)[self._rows]
        before = np.column_stack([np.full(len(place), -9), place[:, :-1]])
        return np.asarray(place == before + 1)

    def features(self) -> Floats:
        """One row for each set."""
        columns = [*self._length(), *self._ranking(), *self._coverage(), *self._place()]
        own = np.stack([np.asarray(column, np.float32) for column in columns], 1)
        each = self._passage.features[self._pool]
        weight = self._has * self._passage.words[self._pool] / np.maximum(self._words.sum(1), 1)[:, None]
        mean = weight @ each
        telling = _padded(each[:, _TELLING])[self._rows]
        filled = self._filled[:, :, None]
        best, worst = np.where(filled, telling, -9).max(1), np.where(filled, telling, 9).min(1)
        return np.concatenate([own, mean, best, worst], 1).astype(np.float32)

    def _length(self) -> list[NDArray[np.generic]]:
        words, count = self._words.sum(1), len(self._passage)
        log = np.log(np.maximum(words, 1))
        return [
            *(self._size == size for size in range(1, LARGEST + 1)),
            log,
            log * log / 4,
            log * np.log(count) / 12,
            words / 60,
            np.maximum(30 - words, 0) / 30,
            *(np.maximum(words - bend, 0) / 40 for bend in (40, 60, 80)),
            words / max(1, self._passage.words.sum()) * 3,
            np.full(len(words), np.log(count) / 3),
        ]

    def _ranking(self) -> list[NDArray[np.generic]]:
        first, total = self._first, self._first.sum(1)
        return [
            total,
            total / self._size,
            np.where(self._filled, first, -9).max(1),
            np.where(self._filled, first, 9).min(1),
            (first * self._words).sum(1) / np.maximum(self._words.sum(1), 1),
            first[:, 0],
        ]

    def _coverage(self) -> list[NDArray[np.generic]]:
        passage, pool, rows = self._passage, self._pool, self._rows
        main_name = np.zeros_like(passage.total)
        main_name[int(np.argmax(passage.worth[5]))] = 1
        worth = np.stack([*passage.worth, np.ones_like(passage.total), main_name])
        *covered, different, names_it = self._united(passage.has, worth).T
        (pairs,) = self._united(passage.has_pair, passage.pair_worth[None]).T
        different = np.maximum(different, 1)
        content = self._has @ passage.content_words[pool]
        likeness = np.pad(passage.likeness[np.ix_(pool, pool)], (0, 1))
        alike = np.stack([likeness[rows[:, a], rows[:, b]] for a, b in combinations(range(LARGEST), 2)], 1)
        return [
            covered[0] * 5,
            covered[1] * 5,
            *covered[2:],
            pairs * 5,
            covered[0] * pairs * 10,
            covered[0] / different * 100,
            covered[1] / different * 100,
            pairs / np.maximum(self._words.sum(1), 1) * 100,
            different / np.maximum(content, 1),
            self._along(passage.weighted, passage.centre),
            self._along(passage.counts, passage.plain_centre),
            alike.max(1),
            alike.sum(1) / np.maximum(1, self._size * (self._size - 1) / 2),
            names_it,
            np.full(len(rows), (passage.worth[0] > 0).sum() / 50),
        ]

    def _united(self, has: NDArray[np.bool_], worth: Floats) -> Floats:
        """Give for each set what is worth covering and one member at least has, by each measure of worth."""
        has = has[self._pool]
        used = has.any(0)
        each = _padded(has[:, used])
        first, second, third = self._rows.T
        return np.asarray((each[first] | each[second] | each[third]).astype(np.float32) @ worth[:, used].T)

    def _along(self, rows: Floats, centre: Floats) -> Floats:
        """Give the cosine of each set, as one text, with the centre."""
        rows = rows[self._pool]
        squares = ((self._has @ (rows @ rows.T)) * self._has).sum(1)
        return np.asarray(
            self._has @ (rows @ centre) / np.sqrt(np.where(squares > 0, squares, 1)), np.float32
        )

    def _place(self) -> list[NDArray[np.generic]]:
        at, filled = self.members, self._filled
        last = np.where(filled, at, 0).max(1)
        is_lead = last == self._size - 1
        gaps = np.where(filled[:, 1:], np.diff(at, axis=1), 0)
        named = _padded(self._passage.features[self._pool, _OPENS_WITH_NAME])[self._rows]
        return [
            np.log1p(at[:, 0]),
            np.log1p(last),
            at[:, 0] == 0,
            (at[:, 0] == 0) & (self._size == 1),
            is_lead,
            is_lead & (self._size == LARGEST),
            *np.log1p(gaps).T,
            self._after.sum(1),
            named[:, 0],
            named[:, 1],
        ]


def pool(first: Floats, barred: Collection[int] = ()) -> NDArray[np.intp]:
    """Give the sentences of which sets are made: the first three and the best by the first ranking."""
    allowed = [at for at in range(len(first)) if at not in barred]
    opening = allowed[:LARGEST]
    by_rank = [at for at in np.argsort(-first, kind="stable").tolist() if at in set(allowed[LARGEST:])]
    return np.array(sorted(opening + by_rank[: _POOL - len(opening)]), np.intp)


@cache
def _combinations(count: int, largest: int) -> NDArray[np.intp]:
    rows = [
        chosen + (count,) * (LARGEST - size)
        for size in range(1, min(largest, LARGEST) + 1)
        for chosen in combinations(range(count), size)
    ]
    return np.array(rows, np.intp).reshape(-1, LARGEST)


def _padded(rows: NDArray[Any]) -> NDArray[Any]:
    """Add a row of nothing, for the members that a smaller set lacks."""
    return np.concatenate([rows, np.zeros((1, *rows.shape[1:]), rows.dtype)])
