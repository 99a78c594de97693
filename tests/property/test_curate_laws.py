"""What holds for any day's articles: nothing lost, nothing twice, and every term says what its name says."""

import dataclasses
from collections import Counter
from datetime import timedelta

from hypothesis import example, given
from hypothesis import strategies as st
from issues import article
from makers import MORNING, UNTIMED, wishes

from digest import config
from digest.curate import Memory, choose, curate, rank
from digest.model import Article, Kind, Story, instant

SOURCES = st.sampled_from(["wire", "observer", "phare", "blatt"])
WORDS = st.sampled_from(
    [
        "storm",
        "barrier",
        "ferry",
        "strike",
        "bank",
        "rate",
        "reef",
        "coral",
        "chess",
        "girl",
        "the",
        "of",
        "and",
    ]
)
TEXTS = st.lists(WORDS, min_size=1, max_size=8).map(" ".join)
PUBLISHED = (
    st.none()
    | st.dates(MORNING.date() - timedelta(days=9), MORNING.date())
    | st.timedeltas(timedelta(days=-1), timedelta(days=9)).map(lambda age: MORNING - age)
)
ARTICLES = st.builds(
    Article,
    source=SOURCES,
    title=TEXTS,
    body=st.lists(TEXTS, max_size=2).map(tuple),
    url=st.integers(0, 10**6).map("https://wire.example/{}".format),
    language=st.sampled_from(["en", "en-gb", "de", None]),
    published=PUBLISHED,
    section=st.sampled_from(["City", "World", "Sport", None]),
    kind=st.sampled_from(Kind),
    votes=st.integers(0, 500),
)
DAYS = st.lists(ARTICLES, max_size=12, unique_by=lambda article: article.id)
LISTS = st.builds(
    wishes,
    top_stories=st.integers(0, 3),
    stories_per_source=st.integers(0, 3),
    max_age_hours=st.sampled_from([0, 48]),
    half_life_hours=st.integers(1, 48),
    weights=st.builds(
        config.Weights, votes=st.floats(0, 3), freshness=st.floats(0, 3), sources=st.floats(0, 3)
    ),
    sections=st.just({"city": {"stories": 2, "weight": 0.9}, "world": {"title": "World"}}),
)


EQUALLY_NEAR = [
    article(number, title="", body=(text,))
    for number, text in enumerate(("chess harbour", "docks gale harbour", "flood gale"))
]
"""The second is as near to the first as to the third, and may join one of them only."""


def value(story: Story, term: str) -> float:
    return next(reason.value for reason in story.reasons if reason.term == term)


@UNTIMED
@example((EQUALLY_NEAR, EQUALLY_NEAR[::-1]), wishes())
@given(DAYS.flatmap(lambda day: st.tuples(st.just(day), st.permutations(day))), LISTS)
def test_the_order_in_which_articles_came_changes_nothing(
    days: tuple[list[Article], list[Article]], wanted: config.List
) -> None:
    one, other = days

    assert curate(one, wanted, now=MORNING) == curate(other, wanted, now=MORNING)


@UNTIMED
@given(DAYS, LISTS)
def test_what_is_chosen_keeps_every_limit(day: list[Article], wanted: config.List) -> None:
    chosen = list(choose(curate(day, wanted, now=MORNING), wanted))
    in_sections = Counter(story.section for story in chosen)
    led = Counter(story.lead.source for story in chosen)
    given_ids = {article.id for article in day}
    told = [article.id for story in chosen for article in story.articles]

    assert in_sections["top"] <= wanted.top_stories
    assert in_sections["city"] <= 2
    assert not wanted.stories_per_source or max(led.values(), default=0) <= wanted.stories_per_source
    assert all(story.lead.kind is Kind.NEWS for story in chosen if story.section == "top")
    assert len(told) == len(set(told))
    assert set(told) <= given_ids


@UNTIMED
@given(DAYS, LISTS, st.dictionaries(SOURCES, st.floats(0, 1)), st.dictionaries(SOURCES, st.floats(0, 1e6)))
def test_every_term_of_a_score_is_between_0_and_1(
    day: list[Article], wanted: config.List, liked: dict[str, float], rhythm: dict[str, float]
) -> None:
    for story in curate(day, wanted, now=MORNING, memory=Memory(liked=liked, rhythm=rhythm)):
        assert all(0 <= reason.value <= 1 for reason in story.reasons if reason.term != "section")


@UNTIMED
@given(DAYS, LISTS)
def test_ranking_gives_each_story_once_and_the_best_of_each_source_in_order(
    day: list[Article], wanted: config.List
) -> None:
    ranked = rank([Story(lead=article) for article in day], wanted, now=MORNING)

    assert Counter(story.id for story in ranked) == Counter(article.id for article in day)
    assert [story.score for story in ranked] == sorted((story.score for story in ranked), reverse=True)


@UNTIMED
@given(
    st.lists(ARTICLES, min_size=2, max_size=6, unique_by=lambda article: article.id),
    LISTS,
    st.integers(1, 99),
)
def test_more_votes_never_score_lower(day: list[Article], wanted: config.List, more: int) -> None:
    first, *rest = day
    liked = dataclasses.replace(first, votes=first.votes + more)

    assert place(liked, rest, wanted) <= place(first, rest, wanted)


@UNTIMED
@given(
    st.lists(ARTICLES, min_size=2, max_size=6, unique_by=lambda article: article.id),
    LISTS,
    st.integers(1, 99),
)
def test_a_fresher_story_never_scores_lower(day: list[Article], wanted: config.List, hours: int) -> None:
    first, *rest = day
    if first.published is None:
        first = dataclasses.replace(first, published=MORNING - timedelta(days=9))
    assert first.published is not None
    fresher = dataclasses.replace(first, published=instant(first.published) + timedelta(hours=hours))

    assert place(fresher, rest, wanted) <= place(first, rest, wanted)


@UNTIMED
@given(st.lists(ARTICLES, min_size=2, max_size=6, unique_by=lambda article: article.id), LISTS, ARTICLES)
def test_a_story_that_another_source_tells_too_never_scores_lower(
    day: list[Article], wanted: config.List, also: Article
) -> None:
    first, *rest = day
    also = dataclasses.replace(also, votes=0, published=also.published if first.published else None)

    assert place(first, rest, wanted, also) <= place(first, rest, wanted)


def place(lead: Article, rest: list[Article], wanted: config.List, *also: Article) -> int:
    """Tell where a story stands among others, from 0, the best."""
    stories = [Story(lead=lead, others=also), *(Story(lead=article) for article in rest)]
    return [story.id for story in rank(stories, wanted, now=MORNING)].index(lead.id)
