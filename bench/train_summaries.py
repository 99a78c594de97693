"""Fit the weights of the `digest` method from articles with summaries that people wrote.

    python bench/train_summaries.py ../shared/data/summaries digest/summarise/weights.json

Every `*.jsonl.gz` of the folder is read: one JSON object a line with `id`, `source`, `lang`, `title`, `text`
and `summary`. The same data gives the same bytes. Some minutes on one core.

Two models, as `digest/summarise/ranker.py` uses them. The first is a ridge regression of single sentences on
their membership in the greedy best extract, and a little on their own score. The second rates sets: a network
whose softmax over all sets of a document is a choice at random, trained so that the expected score of that
choice is highest. Its score is ROUGE-1 plus three times ROUGE-2. Several networks of different random beginnings,
side by side, are one wide network in the file.
"""

import argparse
import gzip
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rouge import grams, stems

from digest.summarise.fit import sort_out
from digest.summarise.passage import Passage
from digest.summarise.ranker import Ranker
from digest.summarise.sets import LARGEST, Sets, pool
from digest.summarise.single import beginning

Floats = NDArray[np.float32]
Row = dict[str, Any]
Weights = dict[str, Any]

FOLDS = 5
SHINGLE = 8  # words
SAME = 0.3  # of the shingles of one text that stand in another: they must be in the same fold
RIDGE = 30.0
MEMBERS, HIDDEN, EPOCHS, BATCH = 4, 16, 10, 16  # networks, cells, passes, documents a step
RATE, WARM_UP, DECAY, SPARE = 3e-3, 50, 1e-3, 3.0
ROUGE_2 = 3.0  # what it counts beside ROUGE-1
FARTHEST = 5.0  # standard deviations, as in the ranker
DIGITS = 4


def load(folder: Path) -> list[Row]:
    """Read all documents, each with its `fold`; texts that are largely the same share one."""
    rows = []
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows += map(json.loads, lines)
    owners: dict[tuple[str, ...], int] = {}
    for at, row in enumerate(rows):
        words = row["text"].lower().split()
        shingles = {tuple(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE))}
        shared: dict[int, int] = defaultdict(int)
        for shingle in shingles:
            shared[owners.setdefault(shingle, at)] += 1
        alike = [other for other, count in shared.items() if other != at and count > SAME * len(shingles)]
        row["fold"] = rows[min(alike)]["fold"] if alike else _fold(row["id"])
    return rows


def _fold(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % FOLDS


class Truth:
    """What the human summary of a document has in common with any set of its sentences."""

    def __init__(self, row: Row, texts: Sequence[str]) -> None:
        human = stems(row["summary"], row["lang"])
        machine = [stems(text, row["lang"]) for text in texts]
        self.parts = [self._overlap(n, human, machine) for n in (1, 2)]
        self.count = len(texts)

    @staticmethod
    def _overlap(n: int, human: list[str], machine: list[list[str]]) -> tuple[Any, Any, Any]:
        wanted = grams(n, human)
        column = {gram: at for at, gram in enumerate(wanted)}
        found = np.zeros((len(machine) + 1, max(1, len(column))), np.int16)
        for at, sentence in enumerate(machine):
            for gram, times in grams(n, sentence).items():
                if gram in column:
                    found[at, column[gram]] = times
        sizes = np.array([max(0, len(sentence) - n + 1) for sentence in machine] + [0])
        return found, sizes, np.array(list(wanted.values()) or [1])

    def score(self, members: NDArray[np.intp]) -> Floats:
        """Give ROUGE-1 plus `ROUGE_2` times ROUGE-2 of each set."""
        one, two = (
            200 * np.minimum(found[members].sum(1), wanted).sum(1) / (sizes[members].sum(1) + wanted.sum())
            for found, sizes, wanted in self.parts
        )
        return np.asarray(one + ROUGE_2 * two, np.float32)

    def labels(self) -> Floats:
        """Tell the members of the greedy best extract, and a little of how good each sentence is alone."""
        alone = self.score(np.array([[at, self.count, self.count] for at in range(self.count)]))
        members = np.zeros(self.count, np.float32)
        chosen: list[int] = []
        best = 0.0
        while len(chosen) < LARGEST:
            sets = [[*chosen, at] + [self.count] * (LARGEST - 1 - len(chosen)) for at in range(self.count)]
            scores = self.score(np.array(sets))
            if scores.max() <= best:
                break
            best = float(scores.max())
            chosen.append(int(scores.argmax()))
        members[chosen] = 1
        return members + 0.01 * (alone - alone.mean())


def read(row: Row) -> Passage:
    """See a document as the `digest` method does."""
    found, _ = sort_out(beginning(row["text"], row["lang"]))
    return Passage(found, title=row["title"], language=row["lang"])


def fit(rows: Iterable[Row]) -> Weights:
    """Fit both models on the documents given."""
    documents = []
    for row in rows:
        passage = read(row)
        if len(passage) > 1:
            documents.append((row, passage.features, Truth(row, passage.texts)))
    weights = _fit_first([(features, truth.labels()) for _, features, truth in documents])
    first = Ranker(weights)
    sets = []
    for row, _, truth in documents:
        passage = read(row)
        ranks = first.first(passage)
        candidates = Sets(passage, ranks, pool(ranks))
        if len(candidates.members):
            sets.append((candidates.features(), truth.score(candidates.members)))
    return weights | _fit_sets(sets)


def _fit_first(documents: list[tuple[Floats, Floats]]) -> Weights:
    features = np.concatenate([features for features, _ in documents]).astype(float)
    labels = np.concatenate([labels for _, labels in documents])
    mean, scale = features.mean(0), _spread(features.std(0))
    scaled = np.clip((features - mean) / scale, -FARTHEST, FARTHEST)
    gram = scaled.T @ scaled + RIDGE * np.eye(len(mean))
    weights = np.linalg.solve(gram, scaled.T @ (labels - labels.mean()))
    return {"first_mean": _short(mean), "first_scale": _short(scale), "first": _short(weights)}


def _fit_sets(documents: list[tuple[Floats, Floats]]) -> Weights:
    count = sum(len(features) for features, _ in documents)
    mean = sum(features.sum(0, dtype=float) for features, _ in documents) / count
    square = sum(((features - mean) ** 2).sum(0, dtype=float) for features, _ in documents) / count
    scale = _spread(np.sqrt(square))
    for features, scores in documents:  # in place: there are many
        np.subtract(features, mean.astype(np.float32), out=features)
        np.divide(features, scale.astype(np.float32), out=features)
        np.clip(features, -FARTHEST, FARTHEST, out=features)
        np.subtract(scores, scores.mean(), out=scores)
    networks = [_fit_network(documents, seed) for seed in range(MEMBERS)]
    return {
        "mean": _short(mean),
        "scale": _short(scale),
        "hidden": _short(np.concatenate([network["hidden"] for network in networks], 1)),
        "bias": _short(np.concatenate([network["bias"] for network in networks])),
        "output": _short(np.concatenate([network["output"] for network in networks])),
        "direct": _short(np.sum([network["direct"] for network in networks], 0)),
    }


def _fit_network(documents: list[tuple[Floats, Floats]], seed: int) -> dict[str, Floats]:
    """Climb the expected score by Adam (Kingma and Ba 2015), from a ridge regression on the scores."""
    random = np.random.default_rng(seed)
    width = documents[0][0].shape[1]
    network = {
        "hidden": random.normal(0, width**-0.5, (width, HIDDEN)).astype(np.float32),
        "bias": np.zeros(HIDDEN, np.float32),
        "output": random.normal(0, 0.3 * HIDDEN**-0.5, HIDDEN).astype(np.float32),
        "direct": _ridge(documents) / 3,
    }
    speed = {name: np.zeros_like(values) for name, values in network.items()}
    power = {name: np.zeros_like(values) for name, values in network.items()}
    steps = EPOCHS * -(-len(documents) // BATCH)
    step = 0
    for _ in range(EPOCHS):
        order = random.permutation(len(documents))
        for start in range(0, len(order), BATCH):
            step += 1
            slope = _slope(network, [documents[at] for at in order[start : start + BATCH]])
            rate = RATE * min(1, step / WARM_UP) * (1 - step / (steps + 1))
            for name, values in network.items():
                change = slope[name] + DECAY * values
                speed[name] = 0.9 * speed[name] + 0.1 * change
                power[name] = 0.99 * power[name] + 0.01 * change**2
                own = np.sqrt(power[name] / (1 - 0.99**step)) + 1e-8
                network[name] = values - np.float32(rate) * speed[name] / (1 - 0.9**step) / own
    return network


def _slope(network: dict[str, Floats], batch: list[tuple[Floats, Floats]]) -> dict[str, Floats]:
    features = np.concatenate([features for features, _ in batch])
    cells = np.tanh(features @ network["hidden"] + network["bias"])
    rated = cells @ network["output"] + features @ network["direct"]
    pull = np.empty_like(rated)
    start = 0
    for _, scores in batch:
        part = slice(start, start + len(scores))
        chance = np.exp(rated[part] - rated[part].max())
        chance /= chance.sum()
        pull[part] = -chance * (scores - chance @ scores) / len(batch)
        start += len(scores)
    back = pull[:, None] * network["output"] * (1 - cells * cells)
    return {
        "hidden": features.T @ back,
        "bias": back.sum(0),
        "output": cells.T @ pull,
        "direct": features.T @ pull,
    }


def _ridge(documents: list[tuple[Floats, Floats]]) -> Floats:
    width = documents[0][0].shape[1]
    gram, target = SPARE * np.eye(width), np.zeros(width)
    for features, scores in documents:
        centred = features - features.mean(0)
        gram += centred.T @ centred / len(features)
        target += centred.T @ scores / len(features)
    return np.linalg.solve(gram, target).astype(np.float32)


def _spread(deviation: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(deviation < 1e-6, 1, deviation)  # noqa: PLR2004 - a column that never changes


def _short(values: NDArray[Any]) -> Any:
    """Give plain numbers of `DIGITS` digits."""
    if values.ndim > 1:
        return [_short(row) for row in values]
    return [float(f"{value:.{DIGITS}g}") for value in values.tolist()]


def save(weights: Weights, path: Path) -> None:
    path.write_text(json.dumps(weights, separators=(",", ":")) + "\n", encoding="ascii")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path, help="a file to write, or a folder for those of each fold")
    options = parser.parse_args()
    rows = load(options.data)
    if options.weights.is_dir():
        for fold in range(FOLDS):
            others = [row for row in rows if row["fold"] != fold]
            save(fit(others), options.weights / f"fold-{fold}.json")
    else:
        save(fit(rows), options.weights)


if __name__ == "__main__":
    main()
