"""Minutes are given out sentence by sentence, most to the stories that count most."""

import dataclasses

from issues import article, story

from digest.budget import fit
from digest.model import Reason, Story

ENGLISH = 228  # words a minute


def told(number: int, *words: int, score: float = 0.0, section: str = "more") -> Story:
    """Tell a story by a headline of `words[0]` words and sentences of so many as the others say."""
    headline, *sentences = (" ".join(["word"] * count) for count in words)
    body = "".join(f"{sentence}." for sentence in sentences) or "Nothing."
    plain = story(article(number, title=headline, body=(body,)), sentences=len(sentences))
    reason = Reason(term="freshness", value=score, weight=1)
    return dataclasses.replace(plain, section=section, reasons=(reason,))


def shown(stories: list[Story], minutes: int = 1) -> dict[int, int]:
    """Give how many sentences are shown of each story that is."""
    return {int((one.lead.url or "").rpartition("/")[2]): len(one.summary) for one in fit(stories, minutes)}


def test_no_stories_fill_no_time() -> None:
    assert fit([], 5) == []


def test_what_can_be_read_in_time_is_left_as_it_is() -> None:
    stories = [told(1, 57, 57), told(2, 57, 57)]  # to the last word

    assert fit(stories, 1) == stories


def test_stories_that_count_the_same_are_told_in_one_sentence_before_any_is_told_in_two() -> None:
    stories = [told(number, 9, 30, 30, 30, score=1) for number in range(1, 6)]

    assert shown(stories) == {1: 2, 2: 1, 3: 1, 4: 1, 5: 1}
    assert shown(stories, minutes=2) == {1: 3, 2: 3, 3: 3, 4: 2, 5: 2}


def test_a_story_that_counts_three_times_as_much_is_told_in_full_before_the_others_begin() -> None:
    stories = [told(1, 10, 30, 30, 30, score=3.1), *(told(n, 10, 30, 30, 30, score=1) for n in (2, 3, 4, 5))]

    assert shown(stories) == {1: 3, 2: 1, 3: 1, 4: 1}


def test_the_lowest_story_is_left_out_first() -> None:
    stories = [told(number, 10, 90, score=1 / number) for number in (1, 2, 3)]

    assert shown(stories) == {1: 1, 2: 1}


def test_a_story_of_another_section_is_weighed_by_its_score_wherever_it_stands() -> None:
    stories = [
        told(1, 10, 90, score=1),
        told(2, 10, 90, score=0.2),
        told(3, 10, 90, score=0.7, section="blog"),
    ]

    assert shown(stories) == {1: 1, 3: 1}


def test_within_a_section_the_order_goes_before_the_score() -> None:
    stories = [told(1, 10, 90, score=1), told(2, 10, 90, score=0.2), told(3, 10, 90, score=0.7)]

    assert shown(stories) == {1: 1, 2: 1}


def test_the_first_story_stays_whatever_the_others_count() -> None:
    stories = [told(1, 10, 190), *(told(n, 10, 90, score=9, section="city") for n in (2, 3, 4))]

    assert shown(stories) == {1: 1}


def test_a_first_sentence_longer_than_all_the_minutes_leaves_the_first_story_as_a_headline() -> None:
    assert shown([told(1, 10, 229, 10, score=9), told(2, 10, 90)]) == {1: 0, 2: 1}


def test_a_first_headline_longer_than_all_the_minutes_stands_alone() -> None:
    assert shown([told(1, 229, 10, score=9), told(2, 1)]) == {1: 0}


def test_what_does_not_fit_lets_shorter_ones_pass() -> None:
    assert shown([told(1, 10, 90, score=3), told(2, 10, 150, score=2), told(3, 10, 50, score=1)]) == {
        1: 1,
        3: 1,
    }


def test_a_sentence_never_stands_without_those_before_it() -> None:
    assert shown([told(1, 10, 90, 150, 10, score=3), told(2, 10, 20, score=1)]) == {1: 1, 2: 1}


def test_scores_below_nothing_count_as_nothing() -> None:
    stories = [told(number, 10, 60, 60, score=-number) for number in (1, 2, 3)]

    assert shown(stories) == {1: 1, 2: 1, 3: 1}


def test_a_story_takes_the_time_of_its_own_language() -> None:
    german = told(2, 10, 100)
    german = dataclasses.replace(german, lead=dataclasses.replace(german.lead, language="de"))

    assert ENGLISH >= 2 * 110
    assert shown([told(1, 10, 100), told(2, 10, 100)]) == {1: 1, 2: 1}
    assert shown([told(1, 10, 100), german]) == {1: 1}
