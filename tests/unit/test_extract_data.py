"""Articles that are JSON, JSON Lines or a JSON Feed are read key by key, and mistakes are named with their line."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from digest.errors import ExtractError
from digest.extract import Extracted, extract
from digest.model import Article, Document, Kind

URL = "https://diario.example/a"


def read(content: Any, *, media_type: str = "application/json", url: str | None = None) -> Extracted:
    text = content if isinstance(content, str) else json.dumps(content)
    return extract(Document(content=text.encode(), origin="news/day.json", media_type=media_type, url=url))


def only(content: Any, **how: Any) -> Article:
    (article,) = read(content, **how).articles
    return article


def test_every_key_of_an_article_is_read() -> None:
    article = only(
        {
            "url": URL,
            "title": "A ferry sails",
            "author": "Mara Lindqvist",
            "published": "2026-11-20T17:45:00+01:00",
            "modified": "2026-11-21",
            "dateline": "PORT ALDER",
            "language": "en_GB",
            "section": "City",
            "kind": "blog",
            "votes": 12,
            "image": "https://diario.example/ferry.png",
            "image_alt": "A ferry",
            "source": "The Gazette",
            "body": ["First paragraph.", "Second."],
        }
    )
    assert article == Article(
        url=URL,
        title="A ferry sails",
        author="Mara Lindqvist",
        published=datetime(2026, 11, 20, 17, 45, tzinfo=timezone(timedelta(hours=1))),
        modified=date(2026, 11, 21),
        dateline="PORT ALDER",
        language="en-gb",
        section="City",
        kind=Kind.BLOG,
        votes=12,
        image="https://diario.example/ferry.png",
        image_alt="A ferry",
        source="The Gazette",
        body=("First paragraph.", "Second."),
    )


@pytest.mark.parametrize(
    "told",
    [
        {"body": ["One.", "Two."]},
        {"body": "One.\n\nTwo."},
        {"body": "One.\r\n \r\nTwo."},
        {"text": "One.\n\n\nTwo."},
        {"html": "<p>One.</p><script>no()</script><p>Two.</p>"},
    ],
)
def test_the_body_may_be_paragraphs_text_or_html(told: dict[str, Any]) -> None:
    assert only({"title": "T", **told}).body == ("One.", "Two.")


def test_an_article_without_a_source_is_named_by_its_host_else_by_its_file() -> None:
    assert only({"title": "T", "url": "https://www.diario.example/a"}).source == "diario.example"
    assert only({"title": "T"}).source == "day"


def test_a_path_of_a_picture_stays_as_it_is_for_the_folder_to_find() -> None:
    assert only({"title": "T", "image": "images/ferry.png"}).image == "images/ferry.png"


@pytest.mark.parametrize(
    "image", ["javascript:alert(1)", "/etc/passwd", "../../x.png", "data:image/png;base64,AA"]
)
def test_a_picture_that_is_neither_on_the_web_nor_below_the_file_is_left_out(image: str) -> None:
    assert only({"title": "T", "image": image}).image is None


def test_an_opinion_section_makes_the_kind_where_none_is_given() -> None:
    assert only({"title": "T", "section": "Opinion"}).kind is Kind.OPINION


def test_a_moment_without_a_zone_is_in_utc() -> None:
    assert only({"title": "T", "published": "2026-11-20T10:00"}).published == datetime(
        2026, 11, 20, 10, tzinfo=UTC
    )


def test_json_lines_are_read_line_by_line() -> None:
    lines = '{"title": "One"}\n\n{"title": "Two"}\n'
    assert [a.title for a in read(lines, media_type="application/jsonl").articles] == ["One", "Two"]


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_a_broken_line_does_not_lose_the_others(broken: int) -> None:
    lines = ['{"title": "T"}'] * 3
    lines[broken] = '{"title": '
    read_ = read("\n".join(lines))
    assert len(read_.articles) == 2
    assert read_.problems == (f"news/day.json: line {broken + 1}, column 11: broken JSON: expecting value",)


def test_a_line_with_two_values_is_broken() -> None:
    problems = read('{"title": "T"}\n{"title": "U"} 7').problems
    assert problems == ("news/day.json: line 2, column 16: broken JSON: more text after its end",)


def test_a_list_keeps_what_stands_before_a_mistake() -> None:
    read_ = read('[\n{"title": "T"},\n{"title": }]')
    assert [a.title for a in read_.articles] == ["T"]
    assert read_.problems == ("news/day.json: line 3, column 11: broken JSON: expecting value",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[{"title": "T"} {"title": "U"}]', "line 1, column 17: broken JSON: expected , or ]"),
        ('[{"title": "T"}] x', "line 1, column 17: broken JSON: more text after the end of the list"),
    ],
)
def test_a_list_without_its_commas_or_with_a_tail_says_so(text: str, problem: str) -> None:
    assert problem in read(text).problems[0]


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"title": 7}, '"title" must be a string, not a number'),
        ({"title": ["T"]}, '"title" must be a string, not a list'),
        ({"title": "T", "author": {}}, '"author" must be a string, not an object'),
        ({"title": "T", "body": 1.5}, '"body" must be a list of paragraphs or a string, not a number'),
        ({"title": "T", "body": ["a", None]}, '"body" must hold strings, but paragraph 2 is null'),
        ({"title": "T", "votes": -1}, '"votes" must be a whole number, 0 or more'),
        ({"title": "T", "votes": True}, '"votes" must be a whole number, 0 or more'),
        ({"title": "T", "kind": "rumour"}, '"kind" must be one of news, blog, opinion'),
        (
            {"title": "T", "published": "yesterday"},
            '"published" must be a day or a moment as ISO 8601 writes it',
        ),
        ({"title": "T", "url": "javascript:alert(1)"}, '"url" must be an http or https address'),
        ({"author": "nobody"}, 'neither "title" nor "body"'),
        (True, "an article must be an object, not true or false"),
    ],
)
def test_a_wrong_value_is_named_with_its_file_line_and_key(told: Any, problem: str) -> None:
    problems = read("[" + json.dumps({"title": "A good one"}) + ",\n" + json.dumps(told) + "]").problems
    assert problems == (f"news/day.json: line 2: {problem}",)


def test_null_is_as_good_as_absent() -> None:
    assert only({"title": "T", "votes": None, "kind": None, "published": None, "body": None}).votes == 0


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"title": "T",\n "body": [}', "line 2, column 11: broken JSON"),
        ('{"title": "T"', "line 1, column 14: broken JSON"),
        ('{"a":' * 100_000, "line 1, column 1: JSON that no reader takes"),
        ('{"votes": ' + "1" * 5000 + "}", "line 1, column 1: JSON that no reader takes"),
        ("[]", "no article in it"),
        ("7", "an article must be an object, not a number"),
    ],
)
def test_a_file_that_holds_no_article_is_refused_with_line_and_column(text: str, where: str) -> None:
    with pytest.raises(ExtractError, match=where) as refused:
        read(text)
    assert str(refused.value).startswith("news/day.json: ")


JSON_FEED = {
    "version": "https://jsonfeed.org/version/1.1",
    "title": "Tidewater",
    "language": "en-GB",
    "authors": [{"name": "Wren Halloway"}],
    "items": [
        {
            "id": "1",
            "url": "/a?utm_source=feed",
            "title": "Starlings &amp; a bus",
            "content_html": "<p>They come.</p><p>They go.</p>",
            "date_published": "2026-11-20T17:30:00Z",
            "tags": ["Opinion"],
            "image": "/a.png",
        },
        {"id": "2", "content_text": "A note without a title.", "author": {"name": "A guest"}},
        "no object",
    ],
}


def test_a_json_feed_is_read() -> None:
    first, second = read(JSON_FEED, url="https://tide.example/feed.json").articles
    assert first.title == "Starlings & a bus"
    assert first.url == "https://tide.example/a"
    assert first.body == ("They come.", "They go.")
    assert (first.source, first.author, first.language) == ("Tidewater", "Wren Halloway", "en-gb")
    assert first.kind is Kind.OPINION
    assert first.image == "https://tide.example/a.png"
    assert first.published == datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
    assert (second.title, second.author) == ("A note without a title.", "A guest")


def test_an_item_of_a_json_feed_that_is_none_is_told() -> None:
    assert read(JSON_FEED, url="https://tide.example/feed.json").problems == (
        "news/day.json: item 3: an article must be an object, not a string",
    )


def test_a_json_feed_without_items_is_refused() -> None:
    with pytest.raises(ExtractError, match='"items" must be a list, not null'):
        read({"version": "https://jsonfeed.org/version/1.1"})
