"""What holds of any stories that are fitted into any minutes."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st
from issues import article, story
from makers import UNTIMED

from digest.budget import fit
from digest.model import Reason, Story
from digest.reading import MINUTE, in_minutes, reading_time, story_time

LENGTHS = st.integers(1, 60) | st.integers(1, 400)  # words
LANGUAGES = st.sampled_from(["en", "de", "fi", "zh", None])
SECTIONS = st.sampled_from(["top", "city", "blog"])


@st.composite
def telling(draw: st.DrawFn, number: int) -> Story:
    """Give the story of that number, of any length, language, section and score."""
    lengths = draw(st.lists(LENGTHS, max_size=5))
    body = "".join(f"{'字word ' * count}." for count in lengths) or "Nothing."
    title = "word " * draw(LENGTHS)
    lead = article(number, title=title, body=(body,), language=draw(LANGUAGES))
    reason = Reason(term="freshness", value=draw(st.floats(-1, 4)), weight=1)
    plain = story(lead, sentences=len(lengths))
    return dataclasses.replace(plain, section=draw(SECTIONS), reasons=(reason,))


@st.composite
def tellings(draw: st.DrawFn) -> list[Story]:
    """Give stories in any order, which is to say best first."""
    return [draw(telling(number)) for number in range(draw(st.integers(1, 12)))]


def sentence_time(told: Story, number: int) -> int:
    return reading_time(told.summary[number].text, told.lead.language)


def lacking(told: Story, count: int | None) -> int | None:
    """Give the time of what would be shown of a story next, None: it is all there."""
    if count is None:
        headline = reading_time(told.lead.title, told.lead.language)
        return headline + (sentence_time(told, 0) if told.summary else 0)
    return sentence_time(told, count) if count < len(told.summary) else None


def beyond(told: Story, count: int | None, least: int | None) -> int:
    """Give the time of what is shown of a story beyond `least` sentences; None: beyond nothing."""
    if count is None:
        return 0
    if least is None:
        return story_time(dataclasses.replace(told, summary=told.summary[:count]))
    return sum(sentence_time(told, number) for number in range(least, count))


def counts(made: list[Story]) -> dict[str, int]:
    return {one.id: len(one.summary) for one in made}


@UNTIMED
@given(tellings(), st.integers(1, 6))
def test_a_letter_takes_no_longer_than_its_minutes_and_says_so_or_is_one_headline(
    stories: list[Story], minutes: int
) -> None:
    made = fit(stories, minutes)
    time = sum(map(story_time, made))

    if time > minutes * MINUTE:
        assert counts(made) == {stories[0].id: 0}
    else:
        assert in_minutes(time) <= minutes


@UNTIMED
@given(tellings(), st.integers(1, 6))
def test_what_stays_is_in_order_by_its_first_sentences_and_the_first_story_stays(
    stories: list[Story], minutes: int
) -> None:
    made = fit(stories, minutes)
    whole = {one.id: one for one in stories}

    assert [one.id for one in made] == [one.id for one in stories if one.id in counts(made)]
    assert made[0].id == stories[0].id
    for one in made:
        assert one == dataclasses.replace(whole[one.id], summary=whole[one.id].summary[: len(one.summary)])
    assert all(one.summary or not whole[one.id].summary for one in made[1:])


@UNTIMED
@given(tellings(), st.integers(1, 6))
def test_nothing_that_was_cut_could_still_be_put_in(stories: list[Story], minutes: int) -> None:
    made = fit(stories, minutes)
    shown = counts(made)
    left = minutes * MINUTE - sum(map(story_time, made))

    for one in stories:
        more = lacking(one, shown.get(one.id))
        assert more is None or more > left


@UNTIMED
@given(tellings(), st.integers(1, 6))
def test_no_story_makes_way_for_lower_ones_of_its_section(stories: list[Story], minutes: int) -> None:
    made = fit(stories, minutes)
    shown = counts(made)
    left = minutes * MINUTE - sum(map(story_time, made))

    for place, higher in enumerate(stories):
        count = shown.get(higher.id)
        more = lacking(higher, count)
        lower = [one for one in stories[place + 1 :] if one.section == higher.section]
        taken = sum(beyond(one, shown.get(one.id), count) for one in lower)
        assert more is None or more > left + taken


@UNTIMED
@given(tellings())
def test_with_minutes_enough_nothing_is_cut(stories: list[Story]) -> None:
    assert fit(stories, in_minutes(sum(map(story_time, stories)))) == stories
