"""Measure which articles are taken to tell the same story.

    python bench/grouping.py ../shared/data [--json results.json]

Events: the articles and headlines of `stories/articles.jsonl.gz`, each with its event, once all together and once as
they arrive, in rounds with the memory of those before. BCubed precision, recall and F1 (Bagga and Baldwin 1998) and
the F1 of pairs. The headlines' own moments are left out: they are those of a crawl that took event after event.

Cross-validation: the events are split into five; for each fifth the link from which on two clusters are one story is
chosen on the other four, by the mean of the sets' F1, and what it gives on the fifth is counted.

Near-duplicates: 400 articles of `pages/text.jsonl.gz`, each as its text, as the page with its furniture, as its first
two fifths, and edited (every fifth sentence left out, every twelfth word changed). A pair is right if both are of
one article.

Times are multiples of that of finding all the words of the same texts with a regular expression.
"""

import argparse
import gzip
import hashlib
import itertools
import json
import re
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from digest.group import group
from digest.group.cluster import cluster
from digest.group.duplicates import duplicates
from digest.group.links import links
from digest.model import Article

ROUNDS = 6
FOLDS = 5
LINKS = [0.08, 0.09, 0.10, 0.11, 0.12, 0.13, 0.14, 0.16, 0.18]
ARTICLES = 400

Scores = dict[str, float]


def read(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def article(row: Mapping[str, Any]) -> Article:
    body = tuple(filter(None, map(str.strip, row["text"].split("\n"))))
    published = datetime.fromisoformat(row["date"]).replace(tzinfo=UTC) if row.get("date") else None
    source = row.get("publisher") or urlsplit(row["url"]).netloc
    return Article(
        source=source, title=row["title"], body=body, url=row["id"], language="en", published=published
    )


def bcubed(events: Sequence[str], stories: Sequence[str]) -> Scores:
    of_event, of_story, of_both = (
        Counter(events),
        Counter(stories),
        Counter(zip(events, stories, strict=True)),
    )
    precision = sum(n * n / of_story[story] for (_, story), n in of_both.items()) / len(events)
    recall = sum(n * n / of_event[event] for (event, _), n in of_both.items()) / len(events)
    both, found, true = (sum(n * (n - 1) for n in c.values()) for c in (of_both, of_story, of_event))
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall),
        "pair f1": 2 * both / (found + true) if found + true else 1.0,
    }


def in_rounds(articles: Sequence[Article]) -> dict[str, str]:
    """Group the articles as they come, those without a date in an order that has nothing to do with them."""

    def arrival(article: Article) -> tuple[str, str]:
        return (str(article.published or ""), hashlib.md5(article.id.encode()).hexdigest())  # noqa: S324

    arriving = sorted(articles, key=arrival)
    size = -(-len(arriving) // ROUNDS)
    threads: dict[str, list[Article]] = defaultdict(list)
    told: dict[str, str] = {}
    for at in range(0, len(arriving), size):
        some = arriving[at : at + size]
        new = group(some, threads)
        for one in some:
            threads[new[one.id]].append(one)
        told |= new
    return told


def events(rows: Sequence[Mapping[str, Any]]) -> dict[str, Scores]:
    articles = [article(row) for row in rows]
    wanted = [row["event"] for row in rows]
    start = time.perf_counter()
    at_once = group(articles)
    seconds = time.perf_counter() - start
    arriving = in_rounds(articles)
    scores = {
        name: bcubed(wanted, [threads[one.id] for one in articles])
        for name, threads in (("at once", at_once), ("in rounds", arriving))
    }
    scores["at once"]["times words"] = seconds / words_of([f"{row['title']} {row['text']}" for row in rows])
    return scores


def cross_validated(sets: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    names = sorted({row["event"] for rows in sets.values() for row in rows})
    fold_of = {name: hashlib.md5(name.encode()).digest()[0] % FOLDS for name in names}  # noqa: S324
    found: dict[tuple[int, str], dict[float, float]] = {}
    for fold, (name, rows) in itertools.product(range(FOLDS), sets.items()):
        some = [row for row in rows if fold_of[row["event"]] == fold]
        articles = [article(row) for row in some]
        threads = [None] * len(some)
        seeds, pairs = duplicates(articles, threads), list(links(articles, threads))
        found[fold, name] = {}
        for enough in LINKS:
            stories = [""] * len(some)
            for number, members in enumerate(cluster(articles, threads, seeds, pairs, enough=enough)):
                for index in members:
                    stories[index] = str(number)
            found[fold, name][enough] = bcubed([row["event"] for row in some], stories)["f1"]
    chosen, scores = [], defaultdict(list)
    for held in range(FOLDS):
        others = [f1 for (fold, _), f1 in found.items() if fold != held]
        best = max(LINKS, key=lambda enough: statistics.fmean(f1[enough] for f1 in others))
        chosen.append(best)
        for name in sets:
            scores[name].append(found[held, name][best])
    return {"chosen": chosen, "f1": {name: statistics.fmean(held) for name, held in scores.items()}}


def words_of(texts: Sequence[str]) -> float:
    start = time.perf_counter()
    for text in texts:
        re.findall(r"\w+", text)
    return time.perf_counter() - start


def edited(body: str) -> str:
    sentences = [s for at, s in enumerate(re.split(r"(?<=[.!?])\s+", body)) if at % 5 != 4]  # noqa: PLR2004
    words = " ".join(sentences).split()
    return " ".join("edited" if at % 12 == 11 else word for at, word in enumerate(words))  # noqa: PLR2004


def near_duplicates(rows: Sequence[Mapping[str, Any]]) -> Scores:
    pages = list({row["body"]: row for row in rows if len(row["body"].split()) > 100}.values())  # noqa: PLR2004
    pages = sorted(pages, key=lambda row: row["id"])[:ARTICLES]
    versions = [
        (which, kind, text)
        for which, row in enumerate(pages)
        for kind, text in (
            ("text", row["body"]),
            ("page", row["text"]),
            ("teaser", row["body"][: len(row["body"]) * 2 // 5]),
            ("edited", edited(row["body"])),
        )
    ]
    articles = [
        Article(source="", title="", body=(text,), url=f"{which} {kind}") for which, kind, text in versions
    ]
    start = time.perf_counter()
    sets = duplicates(articles, [None] * len(articles))
    seconds = time.perf_counter() - start
    found = [pair for members in sets for pair in itertools.combinations(members, 2)]
    right = sum(versions[a][0] == versions[b][0] for a, b in found)
    teasers = sum(
        versions[a][0] == versions[b][0] and "teaser" in (versions[a][1], versions[b][1]) for a, b in found
    )
    return {
        "documents": len(articles),
        "precision": right / len(found),
        "recall": right / (6 * len(pages)),
        "recall of teasers": teasers / (3 * len(pages)),
        "ms a document": 1000 * seconds / len(articles),
        "times words": seconds / words_of([text for _, _, text in versions]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--json", type=Path, metavar="PATH")
    options = parser.parse_args()
    rows = read(options.data / "stories" / "articles.jsonl.gz")
    results: dict[str, Any] = {}
    print(f"{'':28}{'P':>7}{'R':>7}{'B3 F1':>7}{'pairs':>7}{'time':>8}")
    sets = {
        name: [row for row in rows if row["set"] == name] for name in sorted({row["set"] for row in rows})
    }
    for name, some in (*sets.items(), ("all in one", rows)):
        results[name] = events(some)
        for how, scores in results[name].items():
            pace = f"{scores['times words']:7.1f}x" if "times words" in scores else ""
            print(
                f"{f'{name}, {how}':28}{scores['precision']:7.3f}{scores['recall']:7.3f}{scores['f1']:7.3f}"
                f"{scores['pair f1']:7.3f}{pace}"
            )
    validated = results["cross-validation"] = cross_validated(sets)
    print(
        f"\ncross-validated: links {validated['chosen']}, B3 F1 "
        + ", ".join(f"{name} {f1:.3f}" for name, f1 in validated["f1"].items())
    )
    found = results["near-duplicates"] = near_duplicates(read(options.data / "pages" / "text.jsonl.gz"))
    print("\nnear-duplicates: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
