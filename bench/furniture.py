"""Fit and score the model that tells an article's lines from its page's furniture.

    python bench/furniture.py text.jsonl.gz [--fit digest/extract/furniture.json] [--json results.json]

The data is one JSON object a line: `site`, `render`, `corpus`, `text` and `body`. Without --fit the model
is cross-validated in five folds by site, so that no site is in both halves. Scored as in scrapinghub's
article-extraction-benchmark: 4-word shingles, precision and recall averaged over pages.
"""

import argparse
import gzip
import hashlib
import json
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digest.extract import lines

Floats = NDArray[np.float64]
Hits = tuple[int, int, int]  # true positives, false positives, false negatives, in shingles

FOLDS = 5
SHINGLE = 4  # words
LONG = 200  # shingles, beyond which a line counts no more
RIDGE = (3.0, 1.0)  # of the two stages, against pages of weight one
WORD = re.compile(r"\w+")


def shingles(text: str, n: int = SHINGLE) -> Counter[tuple[str, ...]]:
    words = WORD.findall(text)
    return Counter(tuple(words[i : i + n]) for i in range(max(1, len(words) - n + 1)) if words)


class Case:
    """A page's blocks with their features and truth."""

    def __init__(self, page: dict[str, Any]) -> None:
        self.page = page
        self.fold = int(hashlib.sha256(page["site"].encode()).hexdigest(), 16) % FOLDS
        self.blocks = lines.split_blocks(page["text"])
        own, places = lines.describe(self.blocks)
        self.own, self.places = np.array(own), np.array(places)
        self.body = shingles(page["body"])
        found = [shingles(block.text) for block in self.blocks]
        self.truth = np.array([_stands_in(some, self.body) for some in _in_context(self.blocks)], float)
        sizes = np.array([sum(some.values()) + 1 for some in found], float)
        sizes = np.minimum(sizes, LONG)  # a page counts one, its lines by their length
        self.weight = sizes / sizes.sum()

    def first(self) -> Floats:
        """Give the input of the first stage."""
        empty = np.zeros((1, self.own.shape[1]))
        before, after = np.vstack([empty, self.own[:-1]]), np.vstack([self.own[1:], empty])
        return np.hstack([self.own, before, after, self.places])

    def second(self, probabilities: Floats) -> Floats:
        """Give the input of the second stage."""
        around = np.array(lines.around(self.blocks, list(probabilities)))
        return np.hstack([self.own, self.places, around])

    def score(self, probabilities: Floats) -> Hits:
        """Compare the lines that are kept with the truth."""
        kept = "\n".join(
            b.text for b, p in zip(self.blocks, probabilities, strict=True) if p > lines.THRESHOLD
        )
        found = shingles(kept)
        hits = sum((self.body & found).values())
        return hits, sum(found.values()) - hits, sum(self.body.values()) - hits


def _in_context(blocks: Sequence[lines.Block]) -> Iterator[Counter[tuple[str, ...]]]:
    """Give each block's shingles; a block of fewer than four words is seen with its neighbours' nearest."""
    words: list[list[str]] = [[], *(WORD.findall(block.text) for block in blocks), []]
    for before, own, after in zip(words, words[1:], words[2:], strict=False):
        yield shingles(" ".join(own if len(own) >= SHINGLE else before[-3:] + own + after[:3]))


def _stands_in(some: Counter[tuple[str, ...]], body: Counter[tuple[str, ...]]) -> bool:
    if not some:
        return False
    return sum(min(n, body[s]) for s, n in some.items()) * 2 > sum(some.values())


def newton(x: Floats, y: Floats, weight: Floats, ridge: float) -> Floats:
    """Minimise the weighted logistic loss with an L2 penalty by Newton's method."""
    coefficients = np.zeros(x.shape[1])
    for _ in range(12):
        p = 1 / (1 + np.exp(-np.clip(x @ coefficients, -30, 30)))
        gradient = x.T @ (weight * (p - y)) + ridge * coefficients
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + ridge * np.eye(len(coefficients))
        step = np.linalg.solve(hessian, gradient)
        coefficients -= step
        if np.abs(step).max() < 1e-4:  # noqa: PLR2004 - finer than the weights are rounded
            break
    return coefficients


def apply(x: Floats, coefficients: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(x @ coefficients, -30, 30)))


def fit(cases: Sequence[Case]) -> tuple[Floats, Floats]:
    """Give the weights of both stages; the second learns from first-stage guesses on unseen sites."""
    inputs = {id(c): c.first() for c in cases}

    def stage(some: Sequence[Case], matrix: Callable[[Case], Floats], ridge: float) -> Floats:
        return newton(
            np.vstack([matrix(c) for c in some]),
            np.hstack([c.truth for c in some]),
            np.hstack([c.weight for c in some]),
            ridge,
        )

    guesses: dict[int, Floats] = {}
    for fold in range(FOLDS):
        held = [c for c in cases if c.fold == fold]
        if held:
            rest = [c for c in cases if c.fold != fold]
            w = stage(rest, lambda c: inputs[id(c)], RIDGE[0])
            guesses.update((id(c), apply(inputs[id(c)], w)) for c in held)
    first = stage(cases, lambda c: inputs[id(c)], RIDGE[0])
    second = stage(cases, lambda c: c.second(guesses[id(c)]), RIDGE[1])
    return first, second


def predict(case: Case, first: Floats, second: Floats) -> Floats:
    return apply(case.second(apply(case.first(), first)), second)


def cross_validate(cases: Sequence[Case]) -> Iterator[tuple[Case, Floats]]:
    for fold in range(FOLDS):
        weights = fit([c for c in cases if c.fold != fold])
        for case in cases:
            if case.fold == fold:
                yield case, predict(case, *weights)


def table(scored: Iterable[tuple[dict[str, Any], Hits]]) -> dict[str, dict[str, float]]:
    """Give one row of figures for all pages and for each kind."""
    scored = list(scored)
    kinds: dict[str, Callable[[dict[str, Any]], bool]] = {
        "all": lambda _: True,
        "seed-like": lambda p: p["render"] == "nolink",
        "seed-like news": lambda p: p["render"] == "nolink" and p["corpus"] == "aeb",
        "full dumps": lambda p: p["render"] != "nolink",
    }
    rows = {}
    for name, wanted in kinds.items():
        some = [score for page, score in scored if wanted(page)]
        precision = statistics.mean(t / (t + f) for t, f, _ in some if t + f)
        recall = statistics.mean(t / (t + m) for t, _, m in some if t + m)
        bad = sum(2 * t < 0.8 * (2 * t + f + m) for t, f, m in some)
        rows[name] = {
            "pages": len(some),
            "f1": round(2 * precision * recall / (precision + recall), 3),
            "precision": round(precision, 3),
            "recall": round(recall, 3),
            "below_0.8": round(bad / len(some), 3),
        }
    return rows


def save(path: Path, first: Floats, second: Floats) -> None:
    """Write the weights by name of group, in the order of the features in digest/extract/lines.py."""
    own, place = len(lines.OWN), len(lines.PLACE)
    cuts = {
        "own": first[:own],
        "before": first[own : 2 * own],
        "after": first[2 * own : 3 * own],
        "place": first[3 * own :],
        "own2": second[:own],
        "place2": second[own : own + place],
        "around": second[own + place :],
    }
    rounded = {name: [round(float(w), 3) for w in weights] for name, weights in cuts.items()}
    body = ",\n".join(f'"{name}": {json.dumps(weights)}' for name, weights in rounded.items())
    path.write_text("{\n" + body + "\n}\n", encoding="ascii")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--fit", type=Path, help="write the weights fitted on all pages here")
    parser.add_argument("--json", type=Path, help="write the table here as well")
    args = parser.parse_args()
    with gzip.open(args.data, "rt", encoding="utf-8") as file:
        cases = [Case(json.loads(line)) for line in file]
    if args.fit:
        save(args.fit, *fit(cases))
        return
    rows = table([(case.page, case.score(p)) for case, p in cross_validate(cases)])
    for name, row in rows.items():
        print(f"{name:15s}", *(f"{key} {value:<6}" for key, value in row.items()))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
