"""A document becomes articles by what it really is, whatever it is called; what holds none is refused in one line."""

from pathlib import Path

import pytest

from digest.errors import ExtractError
from digest.extract import MAX_BYTES, Extracted, canonical_url, extract
from digest.extract.article import build, image_url, kind_of
from digest.extract.language import detect, language_of, normalise
from digest.extract.urls import host_name
from digest.model import Document, Kind

SENTENCES = (
    "The council of Port Alder voted on Friday night to let the trams run until dawn at weekends.",
    "Twelve members were for it and eleven against, and the mayor did not vote.",
    "The first night tram is to leave the harbour in December, said the operator, if drivers can be found.",
)
PAGE = "<html><body><article>" + "".join(f"<p>{s}</p>" for s in SENTENCES) + "</article></body></html>"
ITEM = f"<item><title>T</title><description>{SENTENCES[0]}</description></item>"
RSS = f"<rss><channel><title>G</title>{ITEM}</channel></rss>"
JSON = '{"title": "T", "body": ["' + SENTENCES[0] + '"]}'
TEXT = "Night trams by a single vote\n\nBy Ines Calloway\n20 November 2026\n\n" + "\n\n".join(SENTENCES)


def read(content: str | bytes, media_type: str = "text/html", **how: str | None) -> Extracted:
    raw = content.encode() if isinstance(content, str) else content
    return extract(Document(content=raw, origin="inbox/a.bin", media_type=media_type, **how))


@pytest.mark.parametrize(
    "media_type", ["text/html", "text/plain", "application/octet-stream", "", "text/xml", "image/png"]
)
@pytest.mark.parametrize(
    ("content", "body"),
    [
        (PAGE, SENTENCES),
        ("<!DOCTYPE html>\n<!-- saved --><p>" + "</p><p>".join(SENTENCES), SENTENCES),
        (RSS, SENTENCES[:1]),
        ("<?xml version='1.0'?>\n<!-- by hand -->\n" + RSS, SENTENCES[:1]),
        ("\ufeff\n" + RSS, SENTENCES[:1]),
        (JSON, SENTENCES[:1]),
        (f"[{JSON}]", SENTENCES[:1]),
    ],
)
def test_a_document_is_read_as_what_it_is_whatever_its_media_type(
    media_type: str, content: str, body: tuple[str, ...]
) -> None:
    assert read(content, media_type).articles[0].body == body


def test_plain_text_is_read_as_a_page_without_its_markup() -> None:
    (article,) = read(TEXT, "text/plain", url="https://www.gazette.example/trams").articles
    assert article.body == SENTENCES
    assert (article.title, article.author) == ("Night trams by a single vote", "Ines Calloway")
    assert (article.source, article.language) == ("gazette.example", "en")


def test_plain_text_that_mentions_tags_or_begins_with_a_bracket_stays_text() -> None:
    for start in ("<p> is a tag, and so is <div>.", "[Updated] Trams run again."):
        text = start + "\n\n" + "\n\n".join(SENTENCES)
        assert SENTENCES[1] in read(text, "text/plain").articles[0].body


def test_untyped_text_without_markup_is_text() -> None:
    assert read(TEXT, "application/octet-stream").articles[0].body == SENTENCES


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the document is empty"),
        (b" \n\t\0 ", "the document is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0", "this is a PNG image, not an article"),
        (b"%PDF-1.7\n", "this is a PDF document"),
        (bytes(range(32)) * 9, "this is binary data"),
        (b"x" * (MAX_BYTES + 1), "bytes are more than the 10,485,760 that are read"),
        (b"<html><body></body></html>", "no article in it"),
        (b"<!-- nothing -->", "no article in it"),
        (b"{", "broken JSON"),
    ],
)
def test_a_document_without_an_article_is_refused_in_one_line_that_names_it(content: bytes, why: str) -> None:
    media_type = "application/json" if content == b"{" else "text/html"
    with pytest.raises(ExtractError, match=why) as refused:
        read(content, media_type)
    assert str(refused.value).startswith("inbox/a.bin: ")
    assert "\n" not in str(refused.value)


def test_xml_that_is_no_feed_is_refused() -> None:
    with pytest.raises(ExtractError, match="the feed has no entries"):
        read("<?xml version='1.0'?><urlset/>", "text/xml")


JSON_FEED = (
    '{"version": "https:\\/\\/jsonfeed.org\\/version\\/1.1", "items": [\n{"id": "1", "title": "T"}\n]}'
)
ATOM = '<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>T</title></entry></feed>'
RDF = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
    "<item><title>T</title></item></rdf:RDF>"
)


@pytest.mark.parametrize("media_type", ["text/html", "application/octet-stream", "text/xml"])
@pytest.mark.parametrize("feed", [RSS, ATOM, RDF, JSON_FEED])
def test_where_only_a_feed_will_do_any_feed_does(feed: str, media_type: str) -> None:
    document = Document(content=feed.encode(), origin="the feed", media_type=media_type)
    assert [article.title for article in extract(document, only_feed=True).articles] == ["T"]


@pytest.mark.parametrize(
    ("content", "media_type", "why"),
    [
        (PAGE, "text/html", "this is a web page, not a feed"),
        (PAGE, "application/rss+xml", "this is a web page, not a feed"),
        (TEXT, "text/plain", "this is plain text, not a feed"),
        (JSON, "application/json", "this is JSON, but no JSON Feed"),
        (f"[{JSON}]", "application/json", "this is JSON, but no JSON Feed"),
        (JSON_FEED[:-1], "application/json", "broken JSON"),
    ],
)
def test_where_only_a_feed_will_do_anything_else_is_refused(content: str, media_type: str, why: str) -> None:
    with pytest.raises(ExtractError, match=f"^the feed: .*{why}"):
        extract(Document(content=content.encode(), origin="the feed", media_type=media_type), only_feed=True)


@pytest.mark.parametrize(
    ("link", "names"),
    [
        ('rel="alternate" type="application/atom+xml" href="/a.xml"', "; it names https://n.example/a.xml"),
        (
            'rel="ALTERNATE home" type="application/feed+json" href="f.json"',
            "; it names https://n.example/f.json",
        ),
        ('rel="alternate" type="application/rss+xml" href="/rss"', ""),
        ('rel="alternate" type="application/rss+xml" href="javascript:x"', ""),
        ('rel="alternate" type="text/html" hreflang="de" href="/de"', ""),
        ('rel="stylesheet" href="/a.css"', ""),
    ],
)
def test_a_web_page_that_is_refused_as_no_feed_tells_which_it_names(link: str, names: str) -> None:
    page = f"<html><head><link {link}></head><body><p>Please sign in.</p></body></html>"
    document = Document(
        content=page.encode(), origin="the feed", media_type="text/html", url="https://n.example/rss"
    )
    with pytest.raises(ExtractError) as refused:
        extract(document, only_feed=True)
    assert str(refused.value) == f"the feed: this is a web page, not a feed{names}"


def test_a_text_that_is_all_furniture_is_refused() -> None:
    with pytest.raises(ExtractError, match="no article in it"):
        read("Home\n\nLog in\n\nSubscribe", "text/plain")


def test_a_log_of_endless_lines_is_refused() -> None:
    with pytest.raises(ExtractError, match="30,000 lines are no article"):
        read("word\n" * 30_000, "text/plain")


def test_the_same_document_gives_the_same_ids() -> None:
    for content in (PAGE, RSS, JSON):
        assert [a.id for a in read(content).articles] == [a.id for a in read(content).articles]


def test_a_text_of_unknown_origin_is_named_by_its_file(tmp_path: Path) -> None:
    assert read(JSON).articles[0].source == "a"


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTPS://News.Example:443/A?b=1#part", "https://news.example/A?b=1"),
        ("http://news.example:80", "http://news.example/"),
        ("http://news.example:8080/", "http://news.example:8080/"),
        ("https://news.example/a?utm_source=x&id=7&UTM_Medium=y&fbclid=z", "https://news.example/a?id=7"),
        ("https://news.example/a?gclid=1", "https://news.example/a"),
        ("https://news.example/a?b=2&a=1&empty=", "https://news.example/a?b=2&a=1&empty="),
        ("https://reader:secret@news.example/", "https://news.example/"),
        (" https://news.example/new\nline ", "https://news.example/new%20line"),
        ("https://news.example/è/%C3%A8?q=è", "https://news.example/%C3%A8/%C3%A8?q=%C3%A8"),
        ("https://[2001:DB8::1]:443/", "https://[2001:db8::1]/"),
        ("https://news.example./", "https://news.example/"),
        ("//cdn.example/a", None),
        ("/a", None),
        ("", None),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("file:///etc/passwd", None),
        ("mailto:a@b.example", None),
        ("https://", None),
        ("https://a b/", None),
        ("https://[bad/", None),
        ("https://news.example:99999/", None),
        ("https://news.example/\ud800", None),
        ("https://news.example/" + "a" * 2000, None),
    ],
)
def test_a_url_has_one_spelling_or_is_none(url: str, canonical: str | None) -> None:
    assert canonical_url(url) == canonical


def test_a_canonical_url_is_its_own() -> None:
    for url in ("https://news.example/a b?c=d e&f", "http://x.example:81/%7Euser/"):
        assert canonical_url(canonical_url(url) or "") == canonical_url(url)


def test_http_and_https_are_two_addresses() -> None:
    assert canonical_url("http://news.example/") != canonical_url("https://news.example/")


def test_a_relative_url_is_resolved_against_its_base() -> None:
    assert canonical_url("../b?x#y", "https://news.example/a/c") == "https://news.example/b?x"
    assert canonical_url("", "https://news.example/a") is None


def test_a_host_is_named_without_its_www() -> None:
    assert host_name("https://www.News.example/a") == "news.example"
    assert host_name(None) is host_name("no url") is None


@pytest.mark.parametrize(
    ("tag", "normal"),
    [
        ("en", "en"),
        ("en_US", "en-us"),
        (" pt-BR ", "pt-br"),
        ("de_DE.UTF-8", "de-de"),
        ("zh-Hant-TW", "zh-hant-tw"),
        ("und", None),
        ("english", None),
        ("x-default", None),
        ("*", None),
        ("", None),
        (None, None),
    ],
)
def test_a_language_tag_is_written_as_bcp_47_in_lower_case(tag: str | None, normal: str | None) -> None:
    assert normalise(tag) == normal


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (SENTENCES[0], "en"),
        ("Le conseil a voté vendredi soir la reprise des trams de nuit.", "fr"),
        ("Bei der Reinigung der Orgel von St. Katharinen hat man eine Leiter gefunden.", "de"),
        ("Akçakıyı balık halinde yüz yıldır sabahın dördünde çalan mezat çanı.", "tr"),
        ("منذ أربعة أشهر يشرب سكان القرية", "ar"),
        ("政府は新しい経済対策を発表した", "ja"),
        ("Too short", None),
        ("1234567890 1234567890 1234567890", None),
        ("", None),
    ],
)
def test_a_language_is_detected_where_there_are_letters_enough(text: str, language: str | None) -> None:
    assert detect(text) == language


def test_a_declared_language_goes_before_a_detected_one() -> None:
    assert language_of(SENTENCES[0], declared="cy") == "cy"
    assert language_of(SENTENCES[0], declared="und") == "en"


@pytest.mark.parametrize(
    ("section", "kind"),
    [
        ("Opinion", Kind.OPINION),
        ("Opinion & Analysis", Kind.OPINION),
        ("op-ed", Kind.OPINION),
        ("Politik / Kommentar", Kind.OPINION),
        ("Blogs", Kind.BLOG),
        ("Public opinion research", Kind.NEWS),
        ("City", Kind.NEWS),
        (None, Kind.NEWS),
    ],
)
def test_the_name_of_a_section_tells_the_kind(section: str | None, kind: Kind) -> None:
    assert kind_of(section) is kind


def test_an_article_of_neither_title_nor_text_is_none() -> None:
    assert build(source="s", title=" \0 ", body=("", "\xa0", "\u200b\ufeff"[1:])) is None


def test_a_line_that_is_far_too_long_is_cut_at_a_word() -> None:
    article = build(source="s", title="word " * 200, body=(), author="x" * 500)
    assert article is not None
    assert article.title == ("word " * 60).strip() + "…"
    assert article.author == "x" * 299 + "…"


def test_a_picture_on_the_web_keeps_every_parameter_of_its_address() -> None:
    assert image_url("/i?utm_source=1&w=2", "https://n.example/a/b") == "https://n.example/i?utm_source=1&w=2"
    assert image_url(None) is image_url("") is image_url("https://[bad/") is image_url("a\\b.png") is None
