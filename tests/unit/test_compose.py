"""Stories become an issue: sections in order, no longer than the reader has time, every sentence checked."""

import dataclasses
from datetime import UTC, date, datetime
from typing import Any

import pytest
from issues import article, issue, section, story
from makers import wishes

from digest import config
from digest.compose import check_verbatim, compose, most_steps, shorten
from digest.errors import IssueError
from digest.model import Issue, Sentence, Story

CLOSED = datetime(2015, 10, 21, 7, tzinfo=UTC)


def composed(*stories: Story, **changes: Any) -> Issue:
    return compose(stories, wishes(**changes), name="daily", number=7, on=date(2015, 10, 21), closed=CLOSED)


def told(number: int, section_name: str = "more", sentences: int = 1) -> Story:
    """Tell story `number` in a section, by `sentences` sentences."""
    body = " ".join(f"This is sentence {n}." for n in range(1, 1 + sentences))
    plain = story(article(number, body=(body,)), sentences=sentences)
    return dataclasses.replace(plain, section=section_name)


def layout(made: Issue) -> list[tuple[str, list[str]]]:
    return [
        (part.name, [story.lead.url.rpartition("/")[2] for story in part.stories]) for part in made.sections
    ]  # type: ignore[union-attr]


# --- laying out


def test_an_issue_says_what_it_is() -> None:
    made = composed(told(1))

    assert (made.list, made.number, made.date, made.closed) == ("daily", 7, date(2015, 10, 21), CLOSED)


def test_the_top_stories_stand_first_then_the_sections_of_the_settings_then_others_by_name() -> None:
    stories = [
        told(1, "opinion"),
        told(2, "city"),
        told(3, "blog"),
        told(4, "world"),
        told(5, "top"),
        told(6, "city"),
    ]
    made = composed(*stories, sections={"world": {}, "city": {}})

    assert layout(made) == [
        ("top", ["5"]),
        ("world", ["4"]),
        ("city", ["2", "6"]),
        ("blog", ["3"]),
        ("opinion", ["1"]),
    ]


def test_a_section_without_a_story_is_not_printed() -> None:
    assert layout(composed(told(1, "city"), sections={"world": {}, "city": {}})) == [("city", ["1"])]


def test_no_stories_make_an_issue_without_sections() -> None:
    assert composed().sections == ()


def test_a_section_that_the_settings_call_top_prints_no_story_twice() -> None:
    assert layout(composed(told(1, "top"), sections={"top": {"title": "First"}})) == [("top", ["1"])]


def test_a_section_has_the_title_of_the_settings_or_its_name_and_the_letter_names_top_and_more() -> None:
    stories = [told(number, name) for number, name in enumerate(("top", "more", "city", "world"), 1)]
    made = composed(*stories, sections={"city": {"title": "Town hall"}})

    assert {part.name: part.title for part in made.sections} == {
        "top": "",
        "more": "",
        "city": "Town hall",
        "world": "World",
    }


# --- minutes


def test_stories_are_shortened_and_left_out_until_the_rest_can_be_read_in_time() -> None:
    stories = [told(number, ("city", "world")[number % 2], sentences=5) for number in range(1, 51)]
    made = composed(*stories, minutes=1)  # of 228 words: a headline has two, a sentence four

    assert layout(made) == [
        ("city", [str(number) for number in range(2, 39, 2)]),
        ("world", [str(number) for number in range(1, 39, 2)]),
    ]
    assert all(len(story.summary) == 1 for story in made.stories)


def test_without_a_limit_of_minutes_every_story_stays_whole() -> None:
    stories = [told(number, sentences=5) for number in range(1, 51)]

    assert list(composed(*stories, minutes=0).stories) == stories


# --- word for word


@pytest.mark.parametrize(
    "tampered",
    [
        Sentence(text="This is sentence 1!", start=0, end=19),
        Sentence(text="This is sentence 1.", start=1, end=20),
        Sentence(text="This is sentence 1.", start=0, end=18),
        Sentence(text="It never said so.", start=0, end=17),
    ],
)
def test_a_sentence_that_does_not_stand_in_its_article_word_for_word_refuses_the_issue(
    tampered: Sentence,
) -> None:
    false = dataclasses.replace(told(1), summary=(tampered,))

    with pytest.raises(IssueError, match=r"issue daily/7 is not published.*'Headline 1'.*word for word"):
        composed(told(2), false)


def test_an_issue_of_quoted_sentences_is_let_pass() -> None:
    check_verbatim(issue(section("World", told(1, sentences=3), told(2))))


# --- shorter


def three() -> Issue:
    return issue(
        section("World", told(1, sentences=2), told(2, sentences=3)), section("City", told(3, sentences=2))
    )


def shape(short: Issue) -> dict[str, int]:
    return {story.lead.title: len(story.summary) for story in short.stories}


@pytest.mark.parametrize(
    ("steps", "sentences"),
    [
        (0, [2, 3, 2]),
        (1, [2, 3, 1]),  # first, all beyond one sentence go, from the lowest story upwards
        (2, [2, 2, 1]),
        (3, [2, 1, 1]),
        (4, [1, 1, 1]),
        (5, [1, 1, 0]),  # then the lowest stories become headlines
        (7, [0, 0, 0]),
        (8, [0, 0]),  # then they go
        (9, [0]),
        (99, [0]),
    ],
)
def test_an_issue_is_shortened_from_its_lowest_stories_step_by_step(steps: int, sentences: list[int]) -> None:
    assert list(shape(shorten(three(), steps)).values()) == sentences


def test_the_last_step_leaves_the_first_headline_alone() -> None:
    assert most_steps(three()) == 9
    assert shape(shorten(three(), most_steps(three()))) == {"Headline 1": 0}


def test_a_section_goes_with_its_last_story() -> None:
    assert [part.name for part in shorten(three(), 8).sections] == ["world"]


def test_a_story_that_is_shortened_keeps_its_first_sentences() -> None:
    [lead, *_] = shorten(three(), 4).stories

    assert [sentence.text for sentence in lead.summary] == ["This is sentence 1."]


def test_an_issue_without_stories_has_nothing_to_lose() -> None:
    assert most_steps(issue()) == 0
    assert shorten(issue(), 3) == issue()


def test_the_default_settings_print_the_top_stories_before_the_rest() -> None:
    made = compose(
        [told(1, "top"), told(2)], config.List(), name="daily", number=1, on=date(2015, 10, 21), closed=CLOSED
    )

    assert layout(made) == [("top", ["1"]), ("more", ["2"])]
