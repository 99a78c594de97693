"""What holds for every issue: it comes back from JSON as it was."""

import json
from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from makers import UNTIMED

from digest.model import Article, Issue, Kind, Reason, Section, Sentence, Story, instant, parse_when
from digest.plain import from_json, to_json

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timedelta(minutes=minutes))
MOMENTS = st.datetimes(timezones=OFFSETS.map(timezone) | st.just(UTC))
WHEN = st.dates() | MOMENTS
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
ARTICLES = st.builds(
    Article,
    source=TEXT,
    title=TEXT,
    body=st.lists(TEXT, max_size=3).map(tuple),
    url=st.none() | TEXT,
    author=st.none() | TEXT,
    language=st.none() | TEXT,
    published=st.none() | WHEN,
    modified=st.none() | WHEN,
    dateline=st.none() | TEXT,
    section=st.none() | TEXT,
    kind=st.sampled_from(Kind),
    votes=st.integers(min_value=0),
    image=st.none() | TEXT,
    image_alt=TEXT,
)
STORIES = st.builds(
    Story,
    lead=ARTICLES,
    others=st.lists(ARTICLES, max_size=2).map(tuple),
    section=TEXT,
    summary=st.lists(
        st.builds(Sentence, text=TEXT, start=st.integers(0), end=st.integers(0)), max_size=2
    ).map(tuple),
    reasons=st.lists(st.builds(Reason, term=TEXT, value=NUMBERS, weight=NUMBERS), max_size=2).map(tuple),
)
ISSUES = st.builds(
    Issue,
    list=TEXT,
    number=st.integers(1),
    date=st.dates(),
    closed=MOMENTS,
    sections=st.lists(
        st.builds(Section, name=TEXT, title=TEXT, stories=st.lists(STORIES, max_size=2).map(tuple)),
        max_size=2,
    ).map(tuple),
)


@settings(UNTIMED, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(ISSUES)
def test_an_issue_comes_back_from_json_as_it_was(issue: Issue) -> None:
    assert from_json(Issue, json.loads(json.dumps(to_json(issue)))) == issue


@UNTIMED
@given(ARTICLES)
def test_a_day_comes_back_as_a_day_and_a_moment_aware(article: Article) -> None:
    back = from_json(Article, json.loads(json.dumps(to_json(article))))

    assert type(back.published) is type(article.published)
    assert not isinstance(back.published, datetime) or back.published.utcoffset() is not None


@UNTIMED
@given(ARTICLES, ARTICLES)
def test_two_articles_have_one_id_only_where_they_have_one_address_or_one_text(
    one: Article, other: Article
) -> None:
    same = (one.url or (one.title, one.body)) == (other.url or (other.title, other.body))

    assert not same or one.id == other.id
    assert one.id == from_json(Article, to_json(one)).id


@UNTIMED
@given(WHEN)
def test_what_is_written_as_iso_8601_is_read_as_it_was(when: date) -> None:
    assert parse_when(when.isoformat()) == when
    assert instant(when).utcoffset() is not None
