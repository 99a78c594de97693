"""Sentence splitting on the news and encyclopedia sentences of the PUD treebanks, in eleven languages."""

from pathlib import Path

import pytest

from digest.sentences import sentences

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


def f1(path: Path, language: str, told: str | None) -> float:
    glue = "" if language == "zh" else " "
    lines = path.read_text(encoding="utf-8").splitlines()
    wanted = {len(glue.join(lines[:count])) for count in range(1, len(lines))}
    given = {sentence.end for sentence in sentences(glue.join(lines), told)[:-1]}
    return 2 * len(wanted & given) / (len(wanted) + len(given))


@pytest.mark.parametrize("name", LANGUAGES)
def test_at_least_97_of_100_boundaries_are_found_in_each_language(name: str, shared: Path) -> None:
    path, language = shared / "data" / "sentences" / f"{name}.txt", LANGUAGES[name]
    assert f1(path, language, told=language) >= 0.97
    assert f1(path, language, told=None) >= 0.97


def test_on_average_at_least_985_of_1000_boundaries_are_found(shared: Path) -> None:
    folder = shared / "data" / "sentences"
    found = [f1(folder / f"{name}.txt", language, told=language) for name, language in LANGUAGES.items()]
    assert sum(found) / len(found) >= 0.985
