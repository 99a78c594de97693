"""How long a text takes to read depends on its language; the parts of a letter add up to the letter."""

import dataclasses

import pytest
from issues import article, story

from digest.reading import MINUTE, WORDS_A_MINUTE, in_minutes, reading_time, story_time

SPACED = {**WORDS_A_MINUTE, "da": 184, "zz": 184, "": 184}


@pytest.mark.parametrize(("language", "words"), SPACED.items())
def test_a_minute_holds_as_many_words_as_one_reads_in_their_language(language: str, words: int) -> None:
    assert reading_time("word " * words, language) == MINUTE


def test_a_region_reads_as_its_language_and_no_language_as_the_mean_of_all() -> None:
    assert reading_time("word " * 181, "pt-BR") == MINUTE
    assert reading_time("word " * 184, None) == MINUTE


@pytest.mark.parametrize(
    ("character", "language", "characters"),
    [
        ("字", "zh", 255),
        ("字", "zh-hant", 255),
        ("字", None, 255),
        ("字", "ja", 357),
        ("か", "ja", 357),
        ("カ", None, 357),
        ("ก", "th", 880),
        ("ក", "km", 880),
    ],
)
def test_where_no_spaces_part_the_words_characters_are_counted(
    character: str, language: str | None, characters: int
) -> None:
    assert reading_time(character * characters, language) == MINUTE


def test_a_text_of_two_scripts_takes_as_long_as_both() -> None:
    assert reading_time("他用 Python 写，在 2015 年。", "zh") == int(MINUTE * (5 / 255 + 2 / 184))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It isn’t 3,000 — or is it?", 6),
        ("l’homme qu’il faut", 3),
        ("« … » – !", 0),
        ("(one) “two”", 2),
        ("لم يكن هناك شيء", 4),
        ("नदी के पार", 3),
        ("", 0),
    ],
)
def test_a_word_begins_with_a_letter_or_a_digit_and_ends_at_a_space(text: str, words: int) -> None:
    assert reading_time(text, None) == int(MINUTE * words / 184)


def test_a_story_takes_as_long_as_its_headline_and_its_summary_in_its_own_language() -> None:
    english = story(article(title="Two words", body=("Now four more words.",), language="en"), sentences=1)
    german = dataclasses.replace(english, lead=dataclasses.replace(english.lead, language="de"))

    assert story_time(english) == int(MINUTE * 2 / 228) + int(MINUTE * 4 / 228)
    assert story_time(german) == int(MINUTE * 2 / 179) + int(MINUTE * 4 / 179)


@pytest.mark.parametrize(
    ("milliseconds", "printed"), [(0, 1), (1, 1), (60_000, 1), (60_001, 2), (300_000, 5), (300_001, 6)]
)
def test_a_minute_that_has_begun_is_printed(milliseconds: int, printed: int) -> None:
    assert in_minutes(milliseconds) == printed
