"""Choose the sentences of a passage that together say the most: the method of our own.

Twice a small model looks. A ridge regression ranks single sentences; of the best dozen all sets of up to three
are made, and a network with one hidden layer rates each set as a whole: what it covers, how long it is, what
it says twice. A set in which a sentence leans on one that is not there (he, this, but, …) is not taken.

Their weights stand in `weights.json`, as `bench/train_summaries.py` wrote them.
"""

import json
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from digest.summarise.passage import Floats, Passage
from digest.summarise.sets import LARGEST, Sets, pool

_FARTHEST = 5.0  # standard deviations; what lies beyond says no more
_ENOUGH = 6  # sentences of a text of which one alone says too little, though it says what happened
_SAID_TWICE = 0.5  # cosine
_NEWS = 0.3  # of a sentence's words that a longer summary must not have yet


class Ranker:
    """The two models."""

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self._weights = {name: np.array(values, np.float32) for name, values in weights.items()}

    def first(self, passage: Passage) -> Floats:
        """Rank single sentences, the higher the better."""
        weights = self._weights
        scaled = (passage.features - weights["first_mean"]) / weights["first_scale"]
        return np.asarray(np.clip(scaled, -_FARTHEST, _FARTHEST) @ weights["first"], np.float32)

    def rate(self, sets: Floats) -> Floats:
        """Rate sets by their features, the higher the better."""
        weights = self._weights
        scaled = np.clip((sets - weights["mean"]) / weights["scale"], -_FARTHEST, _FARTHEST)
        hidden = np.tanh(scaled @ weights["hidden"] + weights["bias"])
        return np.asarray(hidden @ weights["output"] + scaled @ weights["direct"], np.float32)

    def choose(self, passage: Passage, count: int, barred: Collection[int] = ()) -> list[int]:
        """Give the places of up to `count` sentences, ascending; none where each leans on one that is barred."""
        first = self.first(passage)
        sets = Sets(passage, first, pool(first, barred), min(count, LARGEST))
        if not len(sets.members):
            return []
        rated = self.rate(sets.features())
        more_than_one = (sets.members < len(passage)).sum(1) > 1
        if len(passage) >= _ENOUGH and more_than_one.any():
            rated = np.where(more_than_one, rated, -np.inf)
        best = np.argmax(rated)
        chosen = [at for at in sets.members[best].tolist() if at < len(passage)]
        return sorted(_extend(passage, chosen, count, barred)) if count > LARGEST else chosen


@cache
def ranker() -> Ranker:
    """Give the ranker with the weights of the package."""
    return Ranker(json.loads((files(__package__) / "weights.json").read_text("ascii")))


def _extend(passage: Passage, chosen: list[int], count: int, barred: Collection[int]) -> list[int]:
    """Add the first other sentences that say something new and stand on their own."""
    taken = list(chosen)
    for at in range(len(passage)):
        if len(taken) >= count:
            break
        if at in taken or at in barred or passage.leans[at] or not passage.whole[at]:
            continue
        known = passage.has[taken].any(0)
        new = (passage.has[at] & ~known).sum() / max(1, passage.has[at].sum())
        if new >= _NEWS and passage.likeness[at, taken].max() <= _SAID_TWICE:
            taken.append(at)
    return taken
