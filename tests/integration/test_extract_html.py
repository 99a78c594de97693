"""Web pages: the article's paragraphs and nothing around them, and what the page says about itself."""

import logging
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from digest.errors import ExtractError
from digest.extract import extract
from digest.model import Article, Document, Kind

PARAGRAPHS = (
    "The four steel gates at Sorrel Point closed against the sea for the first time on Friday evening, and held.",
    "The tide was the highest ever measured in the harbour, 26 centimetres above that of January 1987.",
    "Some 4,300 homes that had been flooded then stayed dry, said the harbour authority on Saturday morning.",
    "A faulty sensor stopped the third gate for six minutes; three people with a torch put it right.",
)
NAV = "<nav><ul><li><a href='/'>Home</a></li><li><a href='/city'>City</a></li></ul></nav>"
FOOT = "<footer><p>© 2026 The Gazette. All rights reserved.</p><a href='/privacy'>Privacy</a></footer>"


def page(
    *, head: str = "", before: str = "", body: str | None = None, after: str = "", lang: str = ""
) -> str:
    text = "".join(f"<p>{p}</p>" for p in PARAGRAPHS) if body is None else body
    return (
        f"<!DOCTYPE html><html{lang}><head>{head}</head><body>{NAV}{before}<article>{text}</article>{after}{FOOT}"
        "</body></html>"
    )


def read(html: str, *, url: str | None = "https://gazette.example/city/barrier-holds") -> Article:
    document = Document(content=html.encode(), origin="barrier.html", media_type="text/html", url=url)
    (article,) = extract(document).articles
    return article


def meta(name: str, content: str) -> str:
    return f'<meta property="{name}" content="{content}">'


def linked(data: str) -> str:
    return f'<script type="application/ld+json">{data}</script>'


def test_the_body_is_the_articles_paragraphs_and_nothing_around_them() -> None:
    assert read(page()).body == PARAGRAPHS


def test_headings_and_list_items_are_paragraphs_but_tables_and_captions_are_not() -> None:
    body = (
        f"<p>{PARAGRAPHS[0]}</p><h2>What it cost</h2><p>{PARAGRAPHS[1]}</p><ul><li>{PARAGRAPHS[2]}</li></ul>"
        "<table><tr><th>Year</th><th>Crowns</th></tr><tr><td>2026</td><td>1.18 billion</td></tr></table>"
        f"<figure><img src='a.png'><figcaption>The gates on Friday.</figcaption></figure><p>{PARAGRAPHS[3]}</p>"
    )
    assert read(page(body=body)).body == (PARAGRAPHS[0], "What it cost", *PARAGRAPHS[1:])


def test_a_page_that_is_laid_out_with_a_table_is_read() -> None:
    cell = "<br><br>".join(PARAGRAPHS)
    html = f"<html><body><table><tr><td>Home | City</td></tr><tr><td>{cell}</td></tr></table></body></html>"
    assert " ".join(read(html).body) == " ".join(PARAGRAPHS)


def test_line_breaks_split_only_where_a_sentence_ends() -> None:
    body = f"<p>{PARAGRAPHS[0]}<br>{PARAGRAPHS[1]}</p><p>{PARAGRAPHS[2]}</p><p>one line<br>goes on here.</p>"
    assert read(page(body=body)).body == (*PARAGRAPHS[:3], "one line goes on here.")


def test_a_headline_at_the_top_of_the_body_is_not_repeated() -> None:
    title = "Harbour barrier holds back the highest tide"
    body = f"<h1>{title}</h1>" + "".join(f"<p>{p}</p>" for p in PARAGRAPHS)
    article = read(page(body=body))
    assert (article.title, article.body) == (title, PARAGRAPHS)


def test_a_page_too_plain_for_the_extractor_is_read_as_text() -> None:
    (article,) = extract(
        Document(content=b"<p>Trams run again.", origin="a.html", media_type="text/html")
    ).articles
    assert "Trams run again." in (article.title, *article.body)


@pytest.mark.parametrize(
    ("head", "before", "title"),
    [
        ("<title>Barrier holds - The Gazette</title>", "<h1>Barrier holds</h1>", "Barrier holds"),
        (meta("og:title", "Barrier holds"), "<h1>The Gazette</h1><h1>Barrier holds</h1>", "Barrier holds"),
        (
            "<title>Barrier holds the sea | The Gazette</title>",
            "<h1>The Gazette</h1>",
            "Barrier holds the sea",
        ),
        (
            "<title>The Gazette | Barrier holds</title>" + meta("og:site_name", "The Gazette"),
            "",
            "Barrier holds",
        ),
        (meta("og:title", "Barrier holds"), "", "Barrier holds"),
        (
            "<title>Gazette</title>",
            "<h1>Harbour barrier passes its test</h1>",
            "Harbour barrier passes its test",
        ),
        ("", "<h1>Barrier <em>holds</em> &amp; how</h1>", "Barrier holds & how"),
        ("", "<h1></h1>", PARAGRAPHS[0][:79].rpartition(" ")[0] + "…"),
    ],
)
def test_the_title_is_the_headline_without_the_sites_name(head: str, before: str, title: str) -> None:
    assert read(page(head=head, before=before)).title == title


def test_a_moment_that_the_page_states_is_kept_with_its_zone() -> None:
    head = meta("article:published_time", "2026-11-20T20:05:00+01:00") + meta(
        "article:modified_time", "2026-11-21T04:25:00Z"
    )
    article = read(page(head=head))
    assert article.published == datetime(2026, 11, 20, 20, 5, tzinfo=timezone(timedelta(hours=1)))
    assert article.modified == datetime(2026, 11, 21, 4, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    "head",
    [
        meta("article:published_time", "2026-11-20"),
        meta("article:published_time", "2026-11-20T00:00:00Z"),
        meta("article:published_time", "2026-11-20T20:05:00"),
        linked('{"@type": "NewsArticle", "datePublished": "2026-11-20"}'),
    ],
)
def test_a_day_without_its_moment_or_a_moment_without_its_zone_stays_a_day(head: str) -> None:
    assert read(page(head=head)).published == date(2026, 11, 20)


def test_a_date_that_is_only_printed_is_found() -> None:
    assert read(page(before="<p class='date'>20 November 2026</p>")).published == date(2026, 11, 20)


def test_a_change_that_is_not_later_than_the_publication_is_no_change() -> None:
    same = "2026-11-20T20:05:00Z"
    head = meta("article:published_time", same) + meta("article:modified_time", same)
    assert read(page(head=head)).modified is None


def test_the_year_of_a_copyright_is_no_date() -> None:
    assert "© 2026" in page()
    assert read(page()).published is None


def test_the_first_of_january_is_a_date_where_the_page_states_it() -> None:
    assert read(page(head=meta("article:published_time", "2026-01-01"))).published == date(2026, 1, 1)


@pytest.mark.parametrize(
    ("head", "before", "author"),
    [
        (meta("author", "T. R. Osei").replace("property", "name"), "", "T. R. Osei"),
        (linked('{"@type": "Article", "author": [{"name": "Mara"}, {"name": "Ines"}]}'), "", "Mara, Ines"),
        (linked('{"@graph": [{"@type": ["BlogPosting"], "author": "Mara Li"}]}'), "", "Mara Li"),
        (meta("article:author", "https://facebook.example/mara"), "<p>By Ines Calloway</p>", "Ines Calloway"),
        (linked("{broken"), "", None),
    ],
)
def test_the_author_is_who_the_page_names(head: str, before: str, author: str | None) -> None:
    assert read(page(head=head, before=before)).author == author


@pytest.mark.parametrize(
    ("lang", "head", "language"),
    [
        (' lang="en-GB"', "", "en-gb"),
        ("", '<meta http-equiv="Content-Language" content="cy">', "cy"),
        ("", meta("og:locale", "en_US"), "en-us"),
        ("", "", "en"),
    ],
)
def test_the_language_is_declared_or_detected(lang: str, head: str, language: str) -> None:
    assert read(page(lang=lang, head=head)).language == language


@pytest.mark.parametrize(
    ("head", "before", "section"),
    [
        (meta("article:section", "City"), "", "City"),
        (linked('{"@type": "NewsArticle", "articleSection": ["City", "Sea"]}'), "", "City"),
        ("", "<div class='breadcrumb'><a href='/'>Home</a> › <a href='/city'>City</a></div>", "City"),
        ("", "<div class='crumbs'><a href='/'>Home</a><a href='https://[x'>?</a></div>", None),
        (meta("article:section", "https://x.example/city"), "", None),
    ],
)
def test_the_section_is_stated_or_stands_in_the_breadcrumb(
    head: str, before: str, section: str | None
) -> None:
    assert read(page(head=head, before=before)).section == section


@pytest.mark.parametrize(
    ("head", "url", "kind"),
    [
        (linked('{"@type": "OpinionNewsArticle"}'), "https://g.example/a", Kind.OPINION),
        (linked('{"@type": "BlogPosting"}'), "https://g.example/a", Kind.BLOG),
        (meta("article:section", "Kommentar"), "https://g.example/a", Kind.OPINION),
        ("", "https://g.example/2026/opinion/a", Kind.OPINION),
        ("", "https://g.example/blog/a", Kind.BLOG),
        (linked('{"@type": "NewsArticle"}'), "https://g.example/blog-of-the-year", Kind.NEWS),
    ],
)
def test_the_kind_follows_from_its_type_its_section_or_its_folder(head: str, url: str, kind: Kind) -> None:
    assert read(page(head=head), url=url).kind is kind


def test_the_picture_is_the_one_that_the_page_shows_to_others() -> None:
    head = meta("og:image", "/gates.png") + meta("og:image:alt", "Closed gates")
    article = read(page(head=head))
    assert (article.image, article.image_alt) == ("https://gazette.example/gates.png", "Closed gates")
    assert read(page(head=meta("og:image", "images/gates.png")), url=None).image == "images/gates.png"


def test_a_page_from_a_folder_gets_the_address_that_it_names_itself() -> None:
    canonical = '<link rel="canonical" href="https://gazette.example/a?utm_source=x">'
    assert read(page(head=canonical), url=None).url == "https://gazette.example/a"
    assert (
        read(page(head=meta("og:url", "https://gazette.example/b")), url=None).url
        == "https://gazette.example/b"
    )
    assert read(page(head='<link rel="canonical" href="/a">'), url=None).url is None


def test_a_fetched_page_cannot_claim_another_address() -> None:
    head = '<link rel="canonical" href="https://elsewhere.example/">'
    assert read(page(head=head)).url == "https://gazette.example/city/barrier-holds"


@pytest.mark.parametrize(
    ("head", "url", "source"),
    [
        (meta("og:site_name", "The Gazette"), "https://gazette.example/a", "The Gazette"),
        (linked('{"@type": "Article", "publisher": {"name": "The Gazette"}}'), None, "The Gazette"),
        (linked('{"@type": "Article", "publisher": []}'), "https://www.gazette.example/a", "gazette.example"),
        ("", None, "barrier"),
    ],
)
def test_the_source_is_what_the_site_calls_itself_else_its_host_else_the_file(
    head: str, url: str | None, source: str
) -> None:
    assert read(page(head=head), url=url).source == source


def test_votes_and_dateline_are_read_from_what_is_printed() -> None:
    body = f"<p>PORT ALDER — {PARAGRAPHS[0]}</p>" + "".join(f"<p>{p}</p>" for p in PARAGRAPHS[1:])
    article = read(page(body=body, after="<div class='votes'>41 users have voted.</div>"))
    assert (article.votes, article.dateline) == (41, "PORT ALDER")


def test_control_characters_do_not_stop_the_parser() -> None:
    assert read(page().replace("The four", "The\x00 fo\x0bur")).body == PARAGRAPHS


def test_a_page_with_an_xml_declaration_is_a_page() -> None:
    assert read('<?xml version="1.0" encoding="utf-8"?>' + page()).body == PARAGRAPHS


@pytest.mark.parametrize("tag", ["div", "b", "blockquote", "ul><li", "table><tr><td"])
def test_elements_nested_without_end_do_not_crash(tag: str) -> None:
    nest = f"<{tag}>" * 20_000
    assert read(page(after=nest + "<p>too deep</p>")).body[: len(PARAGRAPHS)] == PARAGRAPHS
    with pytest.raises(ExtractError, match=r"barrier.html: .*no article"):
        read(f"<html><body>{nest}</body></html>")


def test_a_page_of_endless_elements_is_refused() -> None:
    with pytest.raises(ExtractError, match=r"barrier\.html: 60,00\d elements are no article"):
        read("<html><body>" + "<i>a</i>" * 60_000)


def test_a_page_of_a_megabyte_is_read() -> None:
    long = " ".join(PARAGRAPHS * 30)
    article = read(page(body="".join(f"<p>No. {number}: {long}</p>" for number in range(84))))
    assert article.body[0] == f"No. 0: {long}"
    assert len(article.text) > 980_000


def test_json_ld_that_is_hostile_is_passed_over() -> None:
    for data in (
        "[" * 100_000,
        "7",
        '{"@type": 7}',
        "[" + "{}," * 20_000 + '{"@type": "Article", "headline": "x"}]',
    ):
        assert read(page(head=linked(data))).body == PARAGRAPHS


def test_the_libraries_say_nothing_of_their_own(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(ExtractError):
        read("<html><body></body></html>")
    assert not [r for r in caplog.records if r.name.startswith(("trafilatura", "htmldate", "courlan"))]


APACHE = (
    "<html><head><title>Index of /files</title></head><body><h1>Index of /files</h1><table><tr><th></th>"
    '<th><a href="?C=N;O=D">Name</a></th><th><a href="?C=M;O=A">Last modified</a></th></tr><tr><td></td><td>'
    '<a href="/">Parent Directory</a></td><td>&nbsp;</td></tr><tr><td></td><td><a href="a.pdf">a.pdf</a></td><td>'
    "2026-11-20 10:00</td></tr></table><address>Apache/2.4.58 Server at x.example</address></body></html>"
)
NGINX = (
    "<html>\r\n<head><title>Index of /files/</title></head>\r\n<body>\r\n<h1>Index of /files/</h1><hr><pre>"
    '<a href="../">../</a>\r\n<a href="a.pdf">a.pdf</a>       20-Nov-2026 10:00     1234\r\n</pre><hr></body></html>'
)
PYTHON = (
    "<!DOCTYPE HTML>\n<html><head><title>Directory listing for /</title></head>\n<body>\n<h1>Directory listing for "
    '/</h1>\n<hr>\n<ul>\n<li><a href="a.pdf">a.pdf</a></li>\n</ul>\n<hr>\n</body></html>'
)
LINKS = "".join(f'<li><a href="/{p[:9]}">{p}</a></li>' for p in PARAGRAPHS)


@pytest.mark.parametrize(
    "html", [APACHE, NGINX, PYTHON, f"<title>Archive</title><h1>Archive</h1><ul>{LINKS}</ul>"]
)
def test_a_mere_list_of_links_is_refused(html: str) -> None:
    with pytest.raises(ExtractError, match=r"^barrier\.html: this is a list of links, not an article$"):
        read(html)


def test_an_article_with_many_links_is_none_the_less_one() -> None:
    linked = "".join(f'<p><a href="/{i}">{p[:60]}</a>{p[60:]}</p>' for i, p in enumerate(PARAGRAPHS))
    assert read(page(body=linked, after=f"<ul>{LINKS.replace('the', 'a')}</ul>")).body == PARAGRAPHS
    assert read(page(body=f'<a href="/">{PARAGRAPHS[0]} {" ".join(PARAGRAPHS[1:])}</a>')).body
    about = page(
        head="<title>Index of / is what servers call it</title>", before="<h1>What servers call it</h1>"
    )
    assert read(about).body == PARAGRAPHS
