"""What holds for any issue that is shortened, step by step, to one headline."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from issues import article, issue, section, story
from makers import UNTIMED, wishes

from digest.compose import check_verbatim, compose, most_steps, shorten
from digest.model import Issue, Story
from digest.reading import in_minutes, story_time

BODY = ("One is here. Two is here. Three is here. Four is here. Five is here.",)


@st.composite
def stories(draw: st.DrawFn, section_name: str = "") -> Story:
    number = draw(st.integers(1, 10**6))
    return story(article(number, body=BODY, section=section_name), sentences=draw(st.integers(0, 5)))


ISSUES = st.lists(st.lists(stories(), min_size=1, max_size=4), min_size=1, max_size=4).map(
    lambda parts: issue(*(section(f"Part {number}", *part) for number, part in enumerate(parts)))
)


def sentences(made: Issue) -> int:
    return sum(len(story.summary) for story in made.stories)


@UNTIMED
@given(ISSUES)
def test_each_step_takes_one_sentence_or_one_story_and_gives_none_back(made: Issue) -> None:
    forms = [shorten(made, steps) for steps in range(most_steps(made) + 1)]
    sizes = [(sentences(form), len(form.stories)) for form in forms]

    for (before, stories_before), (after, stories_after) in pairwise(sizes):
        assert (before - after, stories_before - stories_after) in {(1, 0), (0, 1)}
    assert sizes[0] == (sentences(made), len(made.stories))
    assert sizes[-1] == (0, 1)


@UNTIMED
@given(ISSUES, st.integers(0, 200))
def test_a_shorter_issue_has_the_same_stories_in_the_same_order_from_the_first_on(
    made: Issue, steps: int
) -> None:
    short = shorten(made, steps)

    assert [story.id for story in short.stories] == [story.id for story in made.stories][: len(short.stories)]
    for kept, whole in zip(short.stories, made.stories, strict=False):
        assert kept.summary == whole.summary[: len(kept.summary)]
    assert all(part.stories for part in short.sections)
    check_verbatim(short)


@UNTIMED
@given(ISSUES, st.integers(0, 60))
def test_a_story_keeps_a_sentence_as_long_as_any_has_two(made: Issue, steps: int) -> None:
    lengths = [len(story.summary) for story in shorten(made, steps).stories]
    whole = [len(story.summary) for story in made.stories]

    if max(lengths) > 1:
        assert len(lengths) == len(whole)
        assert all(kept >= min(before, 1) for kept, before in zip(lengths, whole, strict=True))


@UNTIMED
@given(st.lists(stories(), max_size=40), st.integers(0, 2), st.integers(0, 200))
def test_an_issue_can_be_read_in_its_minutes_however_it_is_shortened(
    told: list[Story], minutes: int, steps: int
) -> None:
    example = issue()
    made = compose(
        told, wishes(minutes=minutes), name="daily", number=1, on=example.date, closed=example.closed
    )

    assert sorted(one.id for one in made.stories) == sorted(one.id for one in told) or minutes
    if made.stories and minutes:
        for short in (made, shorten(made, steps)):
            assert in_minutes(sum(map(story_time, short.stories))) <= minutes
