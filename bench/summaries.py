"""Score every method of summarising against summaries that people wrote, and time them.

    python bench/summaries.py ../shared/data/summaries [--folds DIR] [--limit N] [--sentences 3] [--json PATH]

Every `*.jsonl.gz` of the folder is read: one JSON object a line with `id`, `source`, `lang`, `title`, `text`
and `summary`. For each source: ROUGE-1 and ROUGE-2 (see `rouge.py`), words per summary, dangling sentences (of
all that were chosen, in per cent: they open with he, this, but, … and the sentence before is not there), the
time per document as a multiple of that of `lead`, and the gain over `lead`, document by document, with its 95 %
bounds by bootstrap. Then the same times for texts of 10 to 1,000 sentences.

`digest` learnt from these documents; so it is cross-validated in five folds, each judged with weights that were
fitted to the other four. `bench/train_summaries.py DATA DIR` writes them; without --folds they are fitted here,
which takes a quarter of an hour.
"""

import argparse
import hashlib
import itertools
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rouge import rouge, stems
from train_summaries import FOLDS, fit, load, read

from digest.model import Sentence
from digest.sentences import sentences as split
from digest.summarise import Method, summarise
from digest.summarise.openings import leans_back
from digest.summarise.ranker import Ranker

Row = dict[str, Any]
Figures = dict[str, Any]
SAMPLES = 2000
LENGTHS = (10, 50, 200, 1000)  # sentences
RUNS = 3


def choose(row: Row, method: Method, count: int, rankers: Sequence[Ranker]) -> tuple[Sentence, ...]:
    if method is Method.DIGEST:
        passage = read(row)
        if len(passage) > 1:
            return tuple(passage.sentences[at] for at in rankers[row["fold"]].choose(passage, count) or [0])
    return summarise(row["text"], sentences=count, method=method, title=row["title"], language=row["lang"])


def dangling(row: Row, chosen: Sequence[Sentence]) -> int:
    found = split(row["text"], row["lang"])
    before = {sentence.start: previous.start for previous, sentence in itertools.pairwise(found)}
    there = {sentence.start for sentence in chosen}
    return sum(
        sentence.start in before
        and before[sentence.start] not in there
        and leans_back(sentence.text, row["lang"])
        for sentence in chosen
    )


def measure(rows: Sequence[Row], method: Method, count: int, rankers: Sequence[Ranker]) -> Figures:
    scores, taken, hanging, seconds = [], 0, 0, 0.0
    for row in rows:
        start = time.process_time()
        chosen = choose(row, method, count, rankers)
        seconds += time.process_time() - start
        human = stems(row["summary"], row["lang"])
        machine = stems(" ".join(sentence.text for sentence in chosen), row["lang"])
        scores.append((rouge(1, human, machine), rouge(2, human, machine), len(machine)))
        taken, hanging = taken + len(chosen), hanging + dangling(row, chosen)
    return {
        "scores": np.array(scores),
        "dangling": 100 * hanging / max(1, taken),
        "seconds": seconds / len(rows),
    }


def gain(method: Figures, lead: Figures, column: int) -> tuple[float, float, float]:
    """Give the mean gain and its 95 % bounds, by bootstrap over documents."""
    difference = (method["scores"] - lead["scores"])[:, column]
    drawn = np.random.default_rng(0).integers(0, len(difference), (SAMPLES, len(difference)))
    low, high = np.quantile(difference[drawn].mean(1), [0.025, 0.975])
    return float(difference.mean()), float(low), float(high)


def report(name: str, rows: Sequence[Row], found: dict[Method, Figures]) -> Figures:
    print(f"\n{name}, {len(rows)} documents")
    print(
        f"{'method':11}{'R-1':>6}{'R-2':>7}{'words':>7}{'dangling':>10}{'time':>8}  gain in R-1, R-2 over lead"
    )
    results = {}
    lead = found[Method.LEAD]
    for method, figures in found.items():
        rouge1, rouge2, words = figures["scores"].mean(0).tolist()
        gains = [gain(figures, lead, column) for column in (0, 1)]
        told = (
            "" if method is Method.LEAD else "; ".join(f"{m:+.2f} [{a:+.2f}, {b:+.2f}]" for m, a, b in gains)
        )
        ratio = figures["seconds"] / lead["seconds"]
        print(
            f"{method:11}{rouge1:6.2f}{rouge2:7.2f}{words:7.1f}{figures['dangling']:9.1f}%{ratio:7.1f}x  {told}"
        )
        results[method.value] = {
            "rouge1": rouge1,
            "rouge2": rouge2,
            "words": words,
            "dangling": figures["dangling"],
            "times lead": ratio,
            "gain": gains,
        }
    return {"documents": len(rows), "methods": results}


def speed(rows: Sequence[Row], count: int) -> Figures:
    """Time texts that are put together from English sentences."""
    english = (row for row in rows if row["lang"] == "en")
    found = (sentence.text for row in english for sentence in split(row["text"], "en"))
    sentences = list(itertools.islice(found, max(LENGTHS)))
    print(
        f"\ntime as a multiple of lead's{'':12}"
        + "".join(f"{length:>8}" for length in LENGTHS)
        + " sentences"
    )
    results = {}
    texts = [" ".join(sentences[:length]) for length in LENGTHS]
    base = [fastest(text, Method.LEAD, count) for text in texts]
    print(f"{'lead, milliseconds':40}" + "".join(f"{1000 * seconds:8.1f}" for seconds in base))
    for method in Method:
        if method is not Method.LEAD:
            times = [fastest(text, method, count) for text in texts]
            ratios = [seconds / least for seconds, least in zip(times, base, strict=True)]
            print(f"{method:40}" + "".join(f"{ratio:7.1f}x" for ratio in ratios))
            results[method.value] = ratios
    return results


def fastest(text: str, method: Method, count: int) -> float:
    times = []
    for _ in range(RUNS):
        start = time.process_time()
        summarise(text, sentences=count, method=method, language="en")
        times.append(time.process_time() - start)
    return min(times)


def shuffled(name: str) -> str:
    """Give a key that sorts in no order, but always the same: any beginning is a fair sample."""
    return hashlib.sha256(name.encode()).hexdigest()


def load_rankers(rows: Sequence[Row], folds: Path | None) -> list[Ranker]:
    if folds:
        files = [folds / f"fold-{fold}.json" for fold in range(FOLDS)]
        return [Ranker(json.loads(path.read_text("ascii"))) for path in files]
    return [Ranker(fit([row for row in rows if row["fold"] != fold])) for fold in range(FOLDS)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--folds", type=Path, metavar="DIR", help="the weights of each fold, fitted before")
    parser.add_argument("--limit", type=int, metavar="N", help="documents of each source")
    parser.add_argument("--sentences", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="PATH")
    options = parser.parse_args()
    rows = sorted(load(options.data), key=lambda row: (row["source"], shuffled(row["id"])))
    rankers = load_rankers(rows, options.folds)
    for method in Method:  # the first text of each imports and remembers, which is not what we measure
        summarise(rows[0]["text"], sentences=options.sentences, method=method)
    results: Figures = {}
    for source, group in itertools.groupby(rows, key=lambda row: row["source"]):
        some = list(itertools.islice(group, options.limit))
        found = {method: measure(some, method, options.sentences, rankers) for method in Method}
        results[source] = report(source, some, found)
    results["speed"] = speed(rows, options.sentences)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
