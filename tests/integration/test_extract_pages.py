"""The text reader on real pages, for those who have them."""

import gzip
import itertools
import json
import re
import statistics
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from digest.extract.text import read_text

EVERY_FOURTH = 4
WORD = re.compile(r"\w+")


def shingles(text: str) -> Counter[tuple[str, ...]]:
    words = WORD.findall(text)
    return Counter(tuple(words[i : i + 4]) for i in range(max(1, len(words) - 3)) if words)


def hits(page: dict[str, Any]) -> tuple[int, int, int]:
    """Count true positives, false positives and false negatives as article-extraction-benchmark does."""
    truth, found = shingles(page["body"]), shingles("\n".join(read_text(page["text"]).body))
    both = sum((truth & found).values())
    return both, sum(found.values()) - both, sum(truth.values()) - both


def test_the_page_that_the_project_grew_from_becomes_its_article(shared: Path) -> None:
    (path,) = (shared / "data" / "seed").glob("*.txt")
    text = path.read_text("utf-8")
    page = read_text(text)
    printed = [line.strip(" ") for line in text.split("\n") if line.strip()]
    assert page.title == printed[1]
    assert page.author == "Reuters"
    assert page.published == page.modified == date(2015, 10, 21)
    assert page.dateline == "BAGHDAD"
    assert page.votes == 57
    assert page.section is None
    assert page.body == tuple(printed[3:19])


@pytest.mark.parametrize("source", ["harbour-gazette", "kuestenblatt"])
def test_our_own_saved_pages_become_their_articles(source: str, pytestconfig: pytest.Config) -> None:
    paths = sorted((pytestconfig.rootpath / "seeds" / source).glob("*.txt"))
    assert paths
    for path in paths:
        text = path.read_text("utf-8")
        page = read_text(text)
        printed = [line.strip(" ") for line in text.split("\n") if line.strip()]
        start = next(i for i, line in enumerate(printed) if " — " in line[:40])
        end = next(
            i
            for i, line in enumerate(printed)
            if re.fullmatch(r"\d+ (?:users|Leser) have? .*|\d+ \w+ haben .*", line)
        )
        assert page.body == tuple(printed[start:end]), path.name
        assert page.title == printed[start - 2], path.name
        assert page.author, path.name
        assert page.author in printed[start - 1], path.name
        assert page.published == date(2026, 11, 20), path.name
        assert page.modified in (date(2026, 11, 20), date(2026, 11, 21)), path.name
        assert page.dateline == printed[start].partition(" — ")[0], path.name
        assert page.votes == int(printed[end].split()[0]), path.name


def test_story_and_furniture_are_told_apart_on_pages_of_many_sites(shared: Path) -> None:
    """In-sample: the model was fitted on these pages; bench/furniture.py cross-validates it by site, on all of them."""
    with gzip.open(shared / "data" / "pages" / "text.jsonl.gz", "rt", encoding="utf-8") as file:
        counts = [hits(json.loads(line)) for line in itertools.islice(file, 0, None, EVERY_FOURTH)]
    precision = statistics.mean(both / (both + wrong) for both, wrong, _ in counts if both + wrong)
    recall = statistics.mean(both / (both + missed) for both, _, missed in counts if both + missed)
    assert 2 * precision * recall / (precision + recall) >= 0.90
