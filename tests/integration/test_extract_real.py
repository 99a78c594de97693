"""Real pages and feeds are read as well as the best extractor read them, or better."""

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from digest.extract import Extracted, extract
from digest.extract.language import detect
from digest.model import Article, Document

EVERY_TENTH = 10
LANGUAGES = {
    "arabic": "ar",
    "chinese": "zh",
    "english": "en",
    "french": "fr",
    "german": "de",
    "hindi": "hi",
    "italian": "it",
    "portuguese": "pt",
    "russian": "ru",
    "spanish": "es",
    "turkish": "tr",
}

Case = tuple[dict[str, Any], Article]


@pytest.fixture(scope="module")
def cases(shared: Path) -> list[Case]:
    """Read every tenth page once, for all the tests here."""
    with gzip.open(shared / "data" / "pages" / "html.jsonl.gz", "rt", encoding="utf-8") as lines:
        pages = [json.loads(line) for number, line in enumerate(lines) if number % EVERY_TENTH == 0]
    return [(page, read_page(page)) for page in pages]


def read_page(page: dict[str, Any]) -> Article:
    content = page["html"].encode("utf-8", "replace")
    (article,) = extract(
        Document(content=content, origin=page["id"], media_type="text/html", url=page["url"])
    ).articles
    return article


def shingles(text: str) -> Counter[tuple[str, ...]]:
    words = re.findall(r"\w+", text)
    return Counter(tuple(words[i : i + 4]) for i in range(max(1, len(words) - 3)) if words)


def overlap(page: dict[str, Any], article: Article) -> float:
    """Give F1 over 4-word shingles, as the article extraction benchmark counts."""
    true, found = shingles(page["body"]), shingles(article.text)
    return 2 * (true & found).total() / (true.total() + found.total())


def share(cases: list[Case], key: str, holds: Callable[[str, Article], bool]) -> float:
    return mean(holds(page[key], article) for page, article in cases if page.get(key))


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def test_the_bodies_of_real_pages_are_found(cases: list[Case]) -> None:
    scores = [overlap(page, article) for page, article in cases]
    assert mean(scores) >= 0.90
    assert sum(score < 0.5 for score in scores) <= 0.05 * len(scores)


def test_the_titles_of_real_pages_are_found(cases: list[Case]) -> None:
    assert share(cases, "title", lambda title, article: " ".join(title.split()) == article.title) >= 0.75
    assert (
        share(
            cases,
            "title",
            lambda title, article: (
                words(article.title) in words(title) or words(title) in words(article.title)
            ),
        )
        >= 0.85
    )


def test_the_dates_of_real_pages_are_found_and_seldom_wrong(cases: list[Case]) -> None:
    assert (
        share(cases, "date", lambda day, a: a.published is not None and a.published.isoformat()[:10] == day)
        >= 0.80
    )
    assert (
        share(cases, "date", lambda day, a: a.published is not None and a.published.isoformat()[:10] != day)
        <= 0.16
    )


def test_the_authors_of_real_pages_are_found(cases: list[Case]) -> None:
    assert (
        share(
            cases, "author", lambda name, a: bool({*words(name).split()} & {*words(a.author or "").split()})
        )
        >= 0.70
    )


def read_feed(path: Path) -> Extracted:
    return extract(
        Document(
            content=gzip.decompress(path.read_bytes()),
            origin=path.name,
            media_type="text/html",
            url="https://feed.example/",
        )
    )


def test_every_real_feed_is_read(shared: Path) -> None:
    small = [
        path for path in sorted((shared / "data" / "feeds").glob("*.gz")) if path.stat().st_size < 30_000
    ]
    feeds = [read_feed(path) for path in small]
    assert all(feed.articles and len(feed.problems) <= 1 for feed in feeds)
    articles = [article for feed in feeds for article in feed.articles]
    assert all(article.body or article.url for article in articles)
    assert mean(article.published is not None for article in articles) >= 0.99


def test_three_sentences_are_enough_to_tell_a_language(shared: Path) -> None:
    for name, code in LANGUAGES.items():
        sentences = (shared / "data" / "sentences" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        texts = [" ".join(sentences[i : i + 3]) for i in range(0, 150, 3)]
        assert mean(detect(text) == code for text in texts) >= 0.98, name
