"""The words of the project as values: identity, what is derived from parts, and the way through JSON."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from issues import article, issue, section, story

from digest.model import Article, Issue, Reason, Reply, Sentence, Story, Validators, instant, parse_when
from digest.plain import from_json, to_json


def test_an_article_is_known_by_its_address_whatever_it_says() -> None:
    assert article(1).id == article(1, title="Corrected", body=("Anew.",), votes=9, source="other").id
    assert article(1).id != article(1, url="https://wire.example/2").id


def test_an_article_without_an_address_is_known_by_its_title_and_text() -> None:
    nowhere = article(1, url=None)

    assert nowhere.id == article(1, url=None, source="other", votes=9).id
    assert nowhere.id != article(1, url=None, title="Another").id
    assert nowhere.id != article(1, url=None, body=("Another.",)).id


def test_an_id_is_32_hexadecimal_digits_that_stay_the_same_for_ever() -> None:
    assert article(1, url="https://wire.example/1").id == "b1b0ce48012e1ec17032f59479a943a6"


def test_the_text_of_an_article_is_its_paragraphs_with_empty_lines_between() -> None:
    assert article(1, body=("One.", "Two.")).text == "One.\n\nTwo."


def test_a_story_is_known_by_its_lead_and_adds_up_its_tellings() -> None:
    told = story(article(1, votes=3), also=[article(2, votes=4), article(3)])

    assert told.id == article(1).id
    assert told.votes == 7
    assert [telling.title for telling in told.articles] == ["Headline 1", "Headline 2", "Headline 3"]


def test_the_score_of_a_story_is_the_weighted_sum_of_its_reasons() -> None:
    reasons = (Reason(term="votes", value=0.5, weight=2.0), Reason(term="told", value=1.0, weight=-0.25))

    assert Story(lead=article(1), reasons=reasons).score == 0.75
    assert Story(lead=article(1)).score == 0


def test_an_issue_gives_its_stories_in_the_order_of_reading() -> None:
    one, two, three = (story(article(number)) for number in (1, 2, 3))

    assert issue(section("World", one, two), section("City", three)).stories == (one, two, three)


def test_a_day_begins_at_midnight_utc_and_a_moment_where_it_is() -> None:
    moment = datetime(2015, 10, 21, 7, 28, tzinfo=timezone(timedelta(hours=-7)))

    assert instant(date(2015, 10, 21)) == datetime(2015, 10, 21, tzinfo=UTC)
    assert instant(moment) is moment


def test_a_day_stays_a_day_and_gets_no_midnight() -> None:
    when = parse_when("2015-10-21")

    assert when == date(2015, 10, 21)
    assert not isinstance(when, datetime)


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("2015-10-21T07:28:00", 0),
        ("2015-10-21T07:28:00Z", 0),
        ("2015-10-21T07:28", 0),
        ("2015-10-21 07:28:00+05:30", 5.5),
        ("2015-10-21T07:28:00.250-07:00", -7),
    ],
)
def test_a_moment_keeps_its_offset_and_without_one_is_utc(text: str, offset: float) -> None:
    when = parse_when(text)

    assert isinstance(when, datetime)
    assert when.utcoffset() == timedelta(hours=offset)
    assert (when.hour, when.minute) == (7, 28)


@pytest.mark.parametrize("text", ["", "yesterday", "2015-13-01", "2015-10-21T25:00", "21.10.2015"])
def test_what_is_neither_a_day_nor_a_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_when(text)


def test_what_json_calls_null_is_not_known() -> None:
    assert from_json(Validators, {"etag": None}) == Validators()


def test_what_is_not_known_is_left_out_of_json() -> None:
    assert to_json(Validators()) == {}
    assert to_json(Sentence(text="No.", start=0, end=3)) == {"text": "No.", "start": 0, "end": 3}


@pytest.mark.parametrize(
    "data",
    [
        {"colour": "red"},
        {"source": "wire", "title": "No body"},
        {"source": "wire", "title": "A", "body": ["B"], "kind": "gossip"},
        {"source": "wire", "title": "A", "body": ["B"], "published": "yesterday"},
        {"source": "wire", "title": "A", "body": 7},
    ],
)
def test_data_of_another_shape_is_refused(data: Any) -> None:
    with pytest.raises((TypeError, ValueError, KeyError)):
        from_json(Article, data)


def test_an_issue_in_json_names_its_days_and_moments_as_iso_8601_does() -> None:
    told = to_json(issue(section("World", story(article(1)))))

    assert told["date"] == "2015-10-21"
    assert told["closed"] == "2015-10-21T06:00:00+00:00"
    assert told["sections"][0]["stories"][0]["lead"]["published"] == "2015-10-20"
    assert from_json(Issue, told).date == date(2015, 10, 21)


@pytest.mark.parametrize(
    ("code", "accepted", "temporary"),
    [(250, True, False), (251, True, False), (354, False, False), (421, False, True), (550, False, False)],
)
def test_a_reply_says_by_its_class_whether_the_mail_was_taken_or_may_be_later(
    code: int, accepted: bool, temporary: bool
) -> None:
    reply = Reply(code=code, text="so it goes")

    assert (reply.accepted, reply.temporary) == (accepted, temporary)
