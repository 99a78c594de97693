"""Score every method of summarising against summaries that people wrote.

    python bench/summaries.py news.jsonl.gz [--limit 200] [--sentences 3] [--json results.json]

The data is one JSON object a line: `source`, `lang`, `title`, `text` and `summary`. For each source: ROUGE-1
and ROUGE-2 (Lin 2004, "ROUGE: a package for automatic evaluation of summaries"), F1 times 100, words in lower
case and those of more than three letters stemmed by Porter, as the rouge-score package does; words per
summary; and the time per document as a multiple of that of `lead`, which is all splitting.
"""

import argparse
import gzip
import itertools
import json
import re
import statistics
import time
from collections import Counter
from functools import cache
from pathlib import Path

from nltk.stem.porter import PorterStemmer

from digest.summarise import Method, summarise

WORD = re.compile(r"\w+")
SHORT = 3  # letters; such words are not stemmed

porter = cache(PorterStemmer(PorterStemmer.ORIGINAL_ALGORITHM).stem)


def stems(text: str) -> list[str]:
    return [porter(word) if len(word) > SHORT else word for word in WORD.findall(text.lower())]


def rouge(n: int, human: list[str], machine: list[str]) -> float:
    wanted, given = (Counter(itertools.pairwise(s)) if n == 2 else Counter(s) for s in (human, machine))  # noqa: PLR2004
    common = (wanted & given).total()
    return 200 * common / (wanted.total() + given.total()) if common else 0.0


def measure(rows: list[dict[str, str]], method: Method, count: int) -> dict[str, float]:
    scores, seconds = [], 0.0
    for row in rows:
        start = time.perf_counter()
        chosen = summarise(
            row["text"], sentences=count, method=method, title=row["title"], language=row["lang"]
        )
        seconds += time.perf_counter() - start
        human, machine = stems(row["summary"]), stems(" ".join(sentence.text for sentence in chosen))
        scores.append((rouge(1, human, machine), rouge(2, human, machine), len(machine)))
    rouge1, rouge2, length = map(statistics.fmean, zip(*scores, strict=True))
    return {"rouge1": rouge1, "rouge2": rouge2, "words": length, "seconds": seconds / len(rows)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--limit", type=int, metavar="N", help="documents of each source")
    parser.add_argument("--sentences", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="PATH")
    options = parser.parse_args()
    with gzip.open(options.data, "rt", encoding="utf-8") as lines:
        rows = sorted(map(json.loads, lines), key=lambda row: row["source"])
    summarise(rows[0]["text"], sentences=1)  # the first rating imports sumy, which is not what we measure
    results = {}
    for source, group in itertools.groupby(rows, key=lambda row: row["source"]):
        some = list(itertools.islice(group, options.limit))
        print(f"\n{source}, {len(some)} documents\n{'method':12}{'R-1':>7}{'R-2':>7}{'words':>7}{'time':>8}")
        found = {method: measure(some, method, options.sentences) for method in Method}
        for method, figures in found.items():
            figures["times lead"] = figures["seconds"] / found[Method.LEAD]["seconds"]
            print(
                f"{method:12}{figures['rouge1']:7.2f}{figures['rouge2']:7.2f}"
                f"{figures['words']:7.1f}{figures['times lead']:7.1f}x"
            )
        results[source] = {"documents": len(some), "methods": found}
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
