"""Articles become stories: the same events join, others do not, and the best come first."""

import dataclasses
import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from issues import BANK, BARRIER, BARRIER_TOO, CHESS, DAY, FERRY, REEF, article
from makers import MORNING, wishes

from digest import config
from digest.config import MORE
from digest.curate import TOP, Memory, choose, curate, decide, rank, shares
from digest.model import Article, Earlier, Kind, Story, Told


def telling(text: str, source: str = "wire", **changes: Any) -> Article:
    """Make an article of one sentence whose headline is its first words."""
    title = " ".join(text.split()[:6])
    return article(
        1,
        source=source,
        title=title,
        body=(text,),
        url=f"https://{source}.example/{hash_of(text)}",
        **changes,
    )


EQUAL = wishes(weights={"length": 0})
"""A list to which short texts are worth as much as long ones."""


def issue_of(day: Sequence[Article], wanted: config.List) -> list[Story]:
    return list(choose(curate(day, wanted, now=MORNING), wanted))


def hash_of(text: str) -> str:
    return "-".join(text.lower().split()[:9]).strip(".,")


def titles(stories: Any) -> list[str]:
    return [story.lead.title for story in stories]


def reason(story: Story, term: str) -> float:
    [value] = [reason.value for reason in story.reasons if reason.term == term]
    return value


# --- joining


def test_a_day_without_articles_has_no_stories() -> None:
    assert curate([], wishes(), now=MORNING) == []


def test_an_event_told_three_times_is_one_story_of_three_sources() -> None:
    tellings = [telling(BARRIER, source) for source in ("wire", "observer", "phare")]
    [story] = curate(tellings, wishes(), now=MORNING)

    assert len(story.articles) == 3
    assert reason(story, "sources") == pytest.approx(2 / 3)


# --- who leads


def test_reported_news_leads_a_story_before_opinion_and_fuller_text_before_short() -> None:
    opinion = telling(BARRIER + " " + BARRIER_TOO, "leader", kind=Kind.OPINION)
    short = telling(BARRIER, "wire")
    full = telling(BARRIER + " " + BARRIER_TOO, "observer")
    [story] = curate([opinion, short, full], wishes(), now=MORNING)

    assert [one.source for one in story.articles] == ["observer", "wire", "leader"]


def test_of_equally_full_tellings_the_earlier_leads_and_an_undated_one_comes_last() -> None:
    tellings = [
        telling(BARRIER, "undated", published=None),
        telling(BARRIER, "later", published=date(2015, 10, 20)),
        telling(BARRIER, "early", published=date(2015, 10, 19)),
    ]
    [story] = curate(tellings, wishes(), now=MORNING)

    assert [one.source for one in story.articles] == ["early", "later", "undated"]


# --- what is left out


def test_an_article_without_text_makes_no_story() -> None:
    assert curate([article(1, body=())], wishes(), now=MORNING) == []


def test_an_article_older_than_the_list_allows_is_left_out_and_an_undated_one_is_not() -> None:
    old = telling(BARRIER, published=MORNING - timedelta(hours=49))
    young = telling(FERRY, published=MORNING - timedelta(hours=48))
    undated = telling(BANK, published=None)

    kept = curate([old, young, undated], wishes(max_age_hours=48), now=MORNING)
    assert set(titles(kept)) == {young.title, undated.title}
    assert len(curate([old, young, undated], wishes(max_age_hours=0), now=MORNING)) == 3


# --- ranking


def test_the_terms_of_a_score_have_the_lists_weights() -> None:
    names = ("votes", "freshness", "section", "sources", "pickup", "rarity", "length", "readers")
    weights = {name: number for number, name in enumerate(names, 2)}
    [story] = rank([Story(lead=telling(BARRIER))], wishes(weights=weights), now=MORNING)

    assert {one.term: one.weight for one in story.reasons} == weights


def test_freshness_halves_with_every_half_life_and_an_undated_story_is_in_the_middle() -> None:
    def freshness(published: date | None) -> float:
        [story] = rank(
            [Story(lead=telling(BARRIER, published=published))], wishes(half_life_hours=6), now=MORNING
        )
        return reason(story, "freshness")

    assert freshness(MORNING) == 1
    assert freshness(MORNING - timedelta(hours=6)) == 0.5
    assert freshness(MORNING - timedelta(hours=12)) == 0.25
    assert freshness(date(2015, 10, 21)) == 0.5
    assert freshness(MORNING + timedelta(days=9)) == 1
    assert freshness(None) == 0.5
    assert freshness(datetime(1, 1, 1, tzinfo=UTC)) == 0


def test_a_story_is_as_fresh_as_its_freshest_telling() -> None:
    old, new = (telling(BARRIER, published=MORNING - timedelta(hours=hours)) for hours in (48, 24))
    [story] = rank([Story(lead=old, others=(new,))], wishes(half_life_hours=24), now=MORNING)

    assert reason(story, "freshness") == 0.5


def test_votes_count_by_their_logarithm_against_the_days_most() -> None:
    stories = [
        Story(lead=telling(text, votes=votes)) for text, votes in ((BARRIER, 99), (FERRY, 9), (BANK, 0))
    ]
    ranked = rank(stories, wishes(), now=MORNING)

    assert [reason(story, "votes") for story in ranked] == pytest.approx([1, 0.5, 0])


def test_two_tellings_of_one_source_are_one_source() -> None:
    story = Story(lead=telling(BARRIER), others=(telling(BARRIER_TOO),))
    [ranked] = rank([story], wishes(), now=MORNING)

    assert reason(ranked, "sources") == 0


def test_a_story_led_by_a_source_that_readers_voted_for_comes_before_its_equal() -> None:
    stories = [Story(lead=telling(FERRY, "observer")), Story(lead=telling(BARRIER, "wire"))]
    assert titles(rank(stories, EQUAL, now=MORNING)) == titles(stories)

    ranked = rank(stories, EQUAL, now=MORNING, memory=Memory(liked={"wire": 0.5}))

    assert titles(ranked) == titles(reversed(stories))
    assert [reason(story, "readers") for story in ranked] == [0.5, 0]


def test_readers_move_the_source_that_leads_a_story_not_those_that_tell_it_too() -> None:
    story = Story(lead=telling(BARRIER, "wire"), others=(telling(BARRIER_TOO, "observer"),))
    [ranked] = rank([story], wishes(), now=MORNING, memory=Memory(liked={"observer": 1.0}))

    assert reason(ranked, "readers") == 0


def test_a_list_that_gives_readers_no_weight_is_not_moved_by_them() -> None:
    stories = [Story(lead=telling(FERRY, "observer")), Story(lead=telling(BARRIER, "wire"))]
    deaf = wishes(weights={"readers": 0, "length": 0})

    assert titles(rank(stories, deaf, now=MORNING, memory=Memory(liked={"wire": 1.0}))) == titles(stories)


def test_what_readers_like_reaches_the_issue() -> None:
    day = [telling(FERRY, "observer"), telling(BARRIER, "wire")]
    [first, _] = curate(day, EQUAL, now=MORNING, memory=Memory(liked={"wire": 0.5}))

    assert first.lead.source == "wire"


def test_a_single_voice_says_next_to_nothing_and_many_say_what_they_are() -> None:
    assert shares({"wire": 1}) == {"wire": pytest.approx(0.055, abs=0.001)}
    assert shares({"wire": 5}) == {"wire": pytest.approx(0.463, abs=0.001)}
    assert shares({"wire": 500, "observer": 500}) == pytest.approx(
        {"wire": 0.469, "observer": 0.469}, abs=0.001
    )
    assert shares({"wire": 10**6})["wire"] == pytest.approx(1, abs=0.001)


def test_the_bound_is_that_of_the_paper() -> None:
    """Newcombe 1998, table I, method 4: 81 of 263 and 15 of 148."""
    assert shares({"wire": 81, "rest": 182})["wire"] == pytest.approx(0.2535, abs=0.0001)
    assert shares({"wire": 15, "rest": 133})["wire"] == pytest.approx(0.0598, abs=0.0001)


def test_a_source_without_a_voice_has_no_share_and_no_voices_are_no_shares() -> None:
    assert list(shares({"wire": 3, "observer": 0})) == ["wire"]
    assert shares({}) == {}


def test_a_single_vote_moves_no_story_past_one_that_is_two_hours_fresher() -> None:
    older = Story(lead=telling(BARRIER, "wire", published=MORNING - timedelta(hours=2)))
    newer = Story(lead=telling(FERRY, "observer", published=MORNING))
    ranked = rank([older, newer], EQUAL, now=MORNING, memory=Memory(liked=shares({"wire": 1})))

    assert titles(ranked) == titles([newer, older])


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 10**9)))
def test_a_share_is_never_more_than_the_votes_say_and_grows_with_them(voices: dict[str, int]) -> None:
    total = sum(voices.values())
    found = shares(voices)
    for source, share in found.items():
        assert 0 <= share <= voices[source] / total
    for one, other in itertools.combinations(found, 2):
        if voices[one] < voices[other]:
            assert found[one] <= found[other]


def test_a_source_that_leads_again_and_again_makes_room_for_an_equal_of_another() -> None:
    stories = [
        Story(lead=telling(text, "wire", votes=votes))
        for text, votes in ((BARRIER, 10), (FERRY, 9), (BANK, 8))
    ]
    other = Story(lead=telling(REEF, "observer", votes=7))
    ranked = rank([*stories, other], EQUAL, now=MORNING)

    assert [story.lead.source for story in ranked] == ["wire", "observer", "wire", "wire"]
    assert reason(ranked[2], "source already told") == 0.5
    assert reason(ranked[3], "source already told") == pytest.approx(2 / 3)


def test_a_story_is_picked_up_early_where_other_sources_follow_the_first_within_hours() -> None:
    def pickup(*hours: int | None) -> float:
        tellings = [
            telling(
                BARRIER,
                f"source-{place}",
                published=None if hour is None else MORNING - timedelta(hours=48 - hour),
            )
            for place, hour in enumerate(hours)
        ]
        story = Story(lead=tellings[0], others=tuple(tellings[1:]))
        [ranked] = rank([story], wishes(), now=MORNING)
        return reason(ranked, "pickup")

    assert pickup(0) == 0
    assert pickup(0, 0) == 1 / 2
    assert pickup(0, 12) == pickup(12, 0) == pytest.approx(1 / 3)
    assert pickup(0, 12, 24) == pytest.approx(3 / 7)
    assert pickup(0, None) == 0


def test_a_second_article_of_the_first_source_is_nobody_following_it() -> None:
    early, late = (telling(BARRIER, published=MORNING - timedelta(hours=hours)) for hours in (3, 1))
    [story] = rank([Story(lead=early, others=(late,))], wishes(), now=MORNING)

    assert reason(story, "pickup") == 0


def test_of_two_equals_the_one_whose_source_seldom_writes_comes_first() -> None:
    stories = [Story(lead=telling(FERRY, "wire")), Story(lead=telling(BARRIER, "parish"))]
    memory = Memory(rhythm={"wire": 99.0, "parish": 1 / 7})
    ranked = rank(list(stories), wishes(), now=MORNING, memory=memory)

    assert [story.lead.source for story in ranked] == ["parish", "wire"]
    assert [reason(story, "rarity") for story in ranked] == pytest.approx([7 / 8, 0.01])


def test_a_source_whose_rhythm_nobody_knows_is_not_lifted() -> None:
    [story] = rank([Story(lead=telling(BARRIER))], wishes(), now=MORNING)

    assert reason(story, "rarity") == 0


def test_text_counts_up_to_what_is_enough() -> None:
    def length(characters: int) -> float:
        [story] = rank([Story(lead=article(1, body=("x" * characters,)))], wishes(), now=MORNING)
        return reason(story, "length")

    assert (length(500), length(2000), length(90_000)) == (0.25, 1, 1)


# --- memory and languages


def test_articles_of_one_thread_are_one_story_whatever_they_say() -> None:
    day = [telling(BARRIER, "wire"), telling(CHESS, "observer"), telling(FERRY, "phare")]
    memory = Memory(threads={day[0].id: "storm", day[1].id: "storm"})
    found = curate(day, wishes(), now=MORNING, memory=memory)

    assert {(story.thread, len(story.articles)) for story in found} == {("storm", 2), (day[2].id, 1)}


def test_a_story_that_the_list_has_told_says_where_it_did_so_last() -> None:
    earlier = Earlier(date=date(2015, 10, 19), number=55)
    memory = Memory(
        threads={telling(BARRIER).id: "storm"},
        told={"storm": Told(last=earlier, sentences=frozenset({"It rained."}))},
    )
    by_title = {
        story.lead.title: story.since
        for story in curate([telling(BARRIER), telling(FERRY)], wishes(), now=MORNING, memory=memory)
    }

    assert by_title == {telling(BARRIER).title: earlier, telling(FERRY).title: None}


def test_a_list_of_some_languages_holds_no_story_in_another() -> None:
    day = [
        telling(text, language=language)
        for text, language in ((BARRIER, "en-gb"), (FERRY, "de"), (BANK, "fr"), (REEF, None))
    ]
    kept = curate(day, wishes(languages=["en", "fr"]), now=MORNING)

    assert {story.lead.language for story in kept} == {"en-gb", "fr", None}


# --- choosing


def test_what_is_not_chosen_has_its_verdict() -> None:
    day = [telling(text, "wire", votes=9 - place) for place, text in enumerate(DAY[:4])]
    day.append(telling(CHESS, "observer"))
    wanted = wishes(top_stories=1, stories_per_source=2, sections={"more": {"stories": 1}})
    verdicts = [verdict for _, verdict in decide(curate(day, wanted, now=MORNING), wanted)]

    assert verdicts == ["chosen", "chosen", "source full", "source full", "section full"]


def test_the_top_stories_are_the_best_news_of_all_sections_and_never_a_blog_or_opinion() -> None:
    day = [
        telling(BARRIER, "a", votes=90, kind=Kind.BLOG),
        telling(FERRY, "b", votes=80, kind=Kind.OPINION),
        telling(BANK, "c", votes=70, section="City"),
        telling(REEF, "d", votes=60),
        telling(CHESS, "e", votes=50),
    ]
    chosen = issue_of(day, wishes(top_stories=2, sections={"city": {}}))

    assert {story.lead.source: story.section for story in chosen} == {
        "a": "blog",
        "b": "opinion",
        "c": TOP,
        "d": TOP,
        "e": MORE,
    }


def test_a_section_holds_no_more_stories_than_it_has_room_for_and_keeps_the_best() -> None:
    day = [telling(text, f"source-{votes}", votes=votes) for votes, text in enumerate(DAY)]
    chosen = issue_of(day, wishes(sections={"more": {"stories": 2}}))

    assert titles(chosen) == titles(Story(lead=one) for one in (day[5], day[4]))


def test_a_section_without_room_holds_none() -> None:
    assert issue_of([telling(BARRIER)], wishes(sections={"more": {"stories": 0}})) == []


def test_a_source_leads_no_more_stories_than_the_list_allows() -> None:
    day = [telling(text, "wire", votes=votes) for votes, text in enumerate(DAY)]
    day.append(telling("Bees moved into the organ of the cathedral and made honey there.", "observer"))
    chosen = issue_of(day, wishes(stories_per_source=2))

    assert sorted(story.lead.source for story in chosen) == ["observer", "wire", "wire"]
    assert {story.lead.votes for story in chosen} == {0, 4, 5}


def test_the_limit_of_a_source_counts_its_top_stories() -> None:
    day = [telling(text, "wire") for text in DAY]

    assert len(issue_of(day, wishes(stories_per_source=2, top_stories=1))) == 2


# --- sections


@pytest.mark.parametrize(
    ("named", "section"),
    [
        ("city", "city"),
        ("CITY", "city"),
        ("Rathaus", "city"),
        ("Straßenverkehr", "city"),
        ("STRASSENVERKEHR", "city"),
        ("Sport", MORE),
        ("", MORE),
        (None, MORE),
    ],
)
def test_an_article_stands_in_the_section_whose_name_or_other_names_it_uses(
    named: str | None, section: str
) -> None:
    sections = {
        "world": {},  # has no title of its own
        "city": {"title": "Rathaus", "also": ["Straßenverkehr"]},
        "more": {},
    }
    [story] = issue_of([telling(BARRIER, section=named)], wishes(sections=sections))

    assert story.section == section


def test_a_blog_post_and_an_opinion_have_their_own_sections_whatever_they_name() -> None:
    day = [
        telling(BARRIER, kind=Kind.BLOG, section="City"),
        telling(FERRY, kind=Kind.OPINION, section="City"),
    ]
    chosen = issue_of(day, wishes(sections={"city": {}}))

    assert sorted(story.section for story in chosen) == ["blog", "opinion"]


def test_the_weight_of_its_section_counts_for_a_story() -> None:
    sections = {"city": {"weight": 0.9}, "world": {"weight": 0.1}}
    day = [telling(BARRIER, "a", section="World"), telling(FERRY, "b", section="City")]

    assert [story.section for story in issue_of(day, wishes(sections=sections))] == [
        "city",
        "world",
    ]


def test_a_section_that_the_settings_do_not_name_weighs_what_one_does_by_default() -> None:
    [story] = rank([Story(lead=telling(BARRIER))], config.List(), now=MORNING)

    assert reason(story, "section") == config.Section().weight


def test_equal_stories_stand_in_the_order_of_their_titles() -> None:
    stories = [
        Story(lead=dataclasses.replace(telling(text, source), published=None))
        for source, text in (("a", REEF), ("b", BANK), ("c", BARRIER))
    ]

    assert titles(rank(stories, EQUAL, now=MORNING)) == sorted(titles(stories))
