"""Laws of extraction: hostile bytes cost their document and nothing else, and what comes out can be printed."""

import contextlib
import json
import unicodedata
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.clean import clean_line, clean_text
from digest.errors import ExtractError
from digest.extract import canonical_url, extract
from digest.extract.decode import decode
from digest.model import Article, Document

SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

MEDIA_TYPES = st.sampled_from(
    [
        "text/html",
        "text/plain",
        "application/json",
        "application/jsonl",
        "application/rss+xml",
        "text/xml",
        "",
        "image/png",
    ]
)
CHARSETS = (
    st.none()
    | st.sampled_from(["utf-8", "windows-1252", "utf-16", "iso-2022-jp", "gb2312"])
    | st.text(max_size=9)
)
HOSTILE = st.text(
    st.characters() | st.sampled_from("\0\x07\x1b\x85\u202e\u2028\ufeff\ud800\r\n\t<>&"), max_size=80
)
PIECES = st.lists(
    HOSTILE
    | st.sampled_from(
        [
            "<p>",
            "</p>",
            "<h1>",
            "<title>",
            "<br>",
            "<table><tr><td>",
            "<li>",
            "<script>",
            "<!--",
            "-->",
            "<![CDATA[",
            "]]>",
            "<rss><channel>",
            "<item>",
            "</item>",
            "<link>",
            "<pubDate>",
            "<feed>",
            "<entry>",
            "<description>",
            "&lt;",
            "&#0;",
            '<meta property="og:title" content="',
            '<time datetime="',
            '<script type="application/ld+json">',
            '">',
            "{",
            "[",
            "A sentence that is long enough to be read as one. ",
            "2026-11-20T10:00:00Z",
            "https://x.example/a?b=c#d",
        ]
    ),
    max_size=12,
).map("".join)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | HOSTILE,
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(
    [
        "url",
        "title",
        "author",
        "published",
        "kind",
        "votes",
        "image",
        "image_alt",
        "source",
        "body",
        "text",
        "html",
        "section",
        "language",
    ]
)


def document(content: bytes, media_type: str = "", charset: str | None = None) -> Document:
    return Document(
        content=content, origin="here", media_type=media_type, charset=charset, url="https://x.example/"
    )


def printed(article: Article) -> list[str]:
    lines = [
        article.source,
        article.title,
        article.author,
        article.section,
        article.dateline,
        article.image_alt,
    ]
    return [
        line
        for line in (*lines, article.url, article.image, article.language, *article.body)
        if line is not None
    ]


def assert_fit_to_print(content: bytes, media_type: str) -> None:
    with contextlib.suppress(ExtractError):
        for article in extract(document(content, media_type)).articles:
            for line in printed(article):
                assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in line)
                assert line == clean_text(line)
            assert all(paragraph.strip() for paragraph in article.body)
            assert article.title == clean_line(article.title) != ""


@SOME
@given(st.binary(max_size=300), MEDIA_TYPES, CHARSETS)
def test_arbitrary_bytes_raise_nothing_but_an_extract_error(
    content: bytes, media_type: str, charset: str | None
) -> None:
    with contextlib.suppress(ExtractError):
        extract(document(content, media_type, charset))


@SOME
@given(PIECES, MEDIA_TYPES)
def test_no_control_character_comes_out_of_a_page_a_feed_or_a_text(text: str, media_type: str) -> None:
    assert_fit_to_print(text.encode(errors="surrogatepass"), media_type)


@SOME
@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_control_character_comes_out_of_a_whole_feed(title: str, link: str, text: str) -> None:
    item = f"<item><title>{title}</title><link>https://x.example/{link}</link><description>{text}</description></item>"
    feed = f"<rss><channel><title>{title}</title>{item}</channel></rss>"
    assert_fit_to_print(feed.encode(errors="replace"), "application/rss+xml")


@SOME
@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_no_control_character_comes_out_of_json(told: dict[str, Any]) -> None:
    assert_fit_to_print(json.dumps(told).encode(), "application/json")


@SOME
@given(PIECES, MEDIA_TYPES)
def test_the_same_document_gives_the_same_articles(text: str, media_type: str) -> None:
    content = text.encode(errors="replace")
    with contextlib.suppress(ExtractError):
        first, second = (extract(document(content, media_type)) for _ in range(2))
        assert first == second
        assert [a.id for a in first.articles] == [a.id for a in second.articles]


@given(
    st.text(max_size=60) | HOSTILE.map("https://x.example/".__add__),
    st.none() | st.just("https://x.example/a/b"),
)
def test_a_canonical_url_is_canonical_and_of_the_web(url: str, base: str | None) -> None:
    canonical = canonical_url(url, base)
    if canonical is not None:
        assert canonical_url(canonical) == canonical
        assert canonical.startswith(("http://", "https://"))
        assert canonical.isprintable()
        assert " " not in canonical


@given(st.text(max_size=80))
def test_text_survives_its_bytes_with_a_mark_or_as_utf_8(text: str) -> None:
    whole = text.encode(errors="replace").decode()
    assert decode(whole.encode("utf-8-sig")) == whole
    if not whole.startswith(("\ufeff", "\ufffe")) and "\0" not in whole:
        assert decode(whole.encode()) == whole
