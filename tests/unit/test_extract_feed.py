"""Feeds in the wild: RSS, RDF and Atom with everything that their authors leave out or get wrong."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from digest.errors import ExtractError
from digest.extract import Extracted, extract
from digest.model import Article, Document, Kind

FEED_URL = "https://gazette.example/rss.xml"


def rss(items: str, *, head: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:media="http://search.yahoo.com/mrss/">'
        f"<channel><title>The Gazette</title>{head}{items}</channel></rss>"
    )


def read(
    feed: str | bytes, *, url: str | None = FEED_URL, media_type: str = "application/rss+xml"
) -> Extracted:
    content = feed.encode() if isinstance(feed, str) else feed
    return extract(Document(content=content, origin="the feed", media_type=media_type, url=url))


def only(item: str, **how: Any) -> Article:
    (article,) = read(rss(f"<item>{item}</item>"), **how).articles
    return article


def test_an_entry_becomes_an_article() -> None:
    article = only(
        "<title>A ferry sails</title><link>/ferry?utm_source=rss#top</link><dc:creator>Mara Lindqvist</dc:creator>"
        "<pubDate>Sat, 21 Nov 2026 06:10:00 +0100</pubDate><category>City</category>"
        "<description>&lt;p&gt;It &lt;b&gt;sailed&lt;/b&gt;.&lt;/p&gt;&lt;p&gt;At dawn.&lt;/p&gt;</description>"
    )
    assert article == Article(
        source="The Gazette",
        title="A ferry sails",
        url="https://gazette.example/ferry",
        author="Mara Lindqvist",
        published=datetime(2026, 11, 21, 5, 10, tzinfo=UTC),
        section="City",
        body=("It sailed.", "At dawn."),
        language=article.language,
    )


def test_atom_is_read_with_its_update_as_the_modified_date() -> None:
    (article,) = read(
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de-AT"><title>Blatt</title><entry><title>Titel</title>'
        '<link href="https://blatt.example/a"/><published>2026-11-20T10:00:00Z</published>'
        "<updated>2026-11-20T12:00:00Z</updated><author><name>Meike</name></author><author><name>Jannis</name></author>"
        '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Ein Satz.</p></div></content>'
        "</entry></feed>"
    ).articles
    assert (article.source, article.language, article.author) == ("Blatt", "de-at", "Meike, Jannis")
    assert article.published == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert article.modified == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert article.body == ("Ein Satz.",)


def test_an_entry_that_has_only_an_update_was_published_then() -> None:
    (article,) = read(
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>T</title><updated>2026-11-20T12:00:00Z</updated>'
        "</entry></feed>"
    ).articles
    assert (article.published, article.modified) == (datetime(2026, 11, 20, 12, tzinfo=UTC), None)


def test_a_bare_day_stays_a_day() -> None:
    assert only("<title>T</title><dc:date>2026-11-20</dc:date>").published == date(2026, 11, 20)


@pytest.mark.parametrize("when", ["", "soon", "0001-01-01T00:00:00Z", "Thu, 99 Foo 2026"])
def test_a_date_that_is_none_is_left_out(when: str) -> None:
    assert only(f"<title>T</title><pubDate>{when}</pubDate>").published is None


def test_the_longer_of_content_and_summary_is_the_body() -> None:
    long, short = "A long text that says it all.", "A teaser."
    for content, summary in ((long, short), (short, long)):
        item = f"<title>T</title><description>{summary}</description><content:encoded>{content}</content:encoded>"
        assert only(item).body == (long,)


def test_an_entry_without_a_body_is_kept_for_its_page_to_be_fetched() -> None:
    article = only("<title>Only a headline</title><link>https://gazette.example/a</link>")
    assert (article.title, article.body) == ("Only a headline", ())


def test_an_entry_without_a_title_is_named_by_its_beginning() -> None:
    text = (
        "The council of Port Alder met on Friday night and voted by 12 to 11 to let the trams run until dawn."
    )
    assert only(f"<description>{text}</description>").title == text[:79].rstrip() + "…"


def test_an_entry_that_says_nothing_is_told_and_does_not_lose_the_others() -> None:
    read_ = read(
        rss("<item><title>One</title></item><item><link>/x</link></item><item><title>Three</title></item>")
    )
    assert [article.title for article in read_.articles] == ["One", "Three"]
    assert read_.problems == ("the feed: entry 2: neither a title nor text",)


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("&lt;b&gt;Bold&lt;/b&gt; &amp;amp; more", "Bold & more"),
        ("A &amp; B &lt; C", "A & B < C"),
        ("<![CDATA[<i>Runa</i> &#8217;26]]>", "Runa ’26"),
        ("  two\n\n lines ", "two lines"),
        ("bell\x07 and\x00 nul", "bell and nul"),
        ("=?utf-8?q?evil=0D=0ABcc:_x@y.example?=", "evil Bcc: x@y.example"),
        ("Fish & chips < 5 crowns", "Fish & chips < 5 crowns"),
    ],
)
def test_a_title_is_one_plain_line(written: str, title: str) -> None:
    assert only(f"<title>{written}</title>").title == title


def test_markup_never_reaches_the_body() -> None:
    hostile = (
        "<![CDATA[<p onclick='x()'>Text<script>alert(1)</script><style>p{}</style></p><iframe src='//e'>no</iframe>"
        "<img src=x onerror=alert(1)><svg><text>no</text></svg><p>more <a href='javascript:x'>text</a></p>]]>"
    )
    assert only(f"<title>T</title><description>{hostile}</description>").body == ("Text", "more text")


def test_blocks_and_whole_sentences_before_a_line_break_make_paragraphs() -> None:
    html = "<![CDATA[<div>One<br>goes on.<br/>Two.<ul><li>a</li><li>b</li></ul><h2>Head</h2>tail<br> <br>three</div>]]>"
    body = only(f"<title>T</title><description>{html}</description>").body
    assert body == ("One goes on.", "Two.", "a", "b", "Head", "tail", "three")


def test_plain_text_is_split_at_its_blank_lines() -> None:
    assert only("<title>T</title><description>One &amp;amp; all.\n\nTwo.</description>").body == (
        "One & all.",
        "Two.",
    )


def test_what_blog_engines_add_below_is_left_out() -> None:
    html = "<![CDATA[<p>Text.</p><p>The post <a href='x'>T</a> appeared first on <a href='y'>Blog</a>.</p>]]>"
    assert only(f"<title>T</title><description>{html}</description>").body == ("Text.",)


@pytest.mark.parametrize(
    ("item", "image"),
    [
        ('<media:content url="/a.png" medium="image"/>', "https://gazette.example/a.png"),
        ('<enclosure url="b.jpg" type="image/jpeg" length="1"/>', "https://gazette.example/b.jpg"),
        ('<media:thumbnail url="https://x.example/t.png"/>', "https://x.example/t.png"),
        ('<enclosure url="c.mp3" type="audio/mpeg" length="1"/>', None),
        ('<media:content url="https://0.gravatar.com/avatar/1" medium="image"/>', None),
        ('<media:content url="javascript:alert(1)" medium="image"/>', None),
        ('<media:content url="https://[bad/a.png" medium="image"/>', None),
    ],
)
def test_a_picture_is_found_and_its_address_made_whole(item: str, image: str | None) -> None:
    assert only(f"<title>T</title>{item}").image == image


def test_a_picture_beside_a_feed_in_a_folder_keeps_its_path_and_its_description() -> None:
    item = (
        '<title>T</title><media:content url="images/a.png" medium="image"><media:description>Waves</media:description>'
        "</media:content><description>The text.</description>"
    )
    article = only(item, url=None)
    assert (article.image, article.image_alt, article.body) == ("images/a.png", "Waves", ("The text.",))


def test_a_film_that_has_nothing_but_a_description_is_told_by_it() -> None:
    told = "<media:description>What it shows.\n\nAnd more.</media:description>"
    assert only(f"<title>T</title><media:group>{told}</media:group>").body == ("What it shows.", "And more.")


@pytest.mark.parametrize(
    ("author", "name"),
    [
        ("mara@x.example (Mara Lindqvist)", "Mara Lindqvist"),
        ("Mara Lindqvist", "Mara Lindqvist"),
        ("mara@x.example", None),
        ("", None),
    ],
)
def test_an_author_is_a_name_and_never_an_address(author: str, name: str | None) -> None:
    assert only(f"<title>T</title><author>{author}</author>").author == name


def test_the_first_category_that_is_a_word_is_the_section() -> None:
    item = "<title>T</title><category>http://blogger.example/kind#post</category><category>Sea</category>"
    assert only(item).section == "Sea"


def test_any_opinion_category_makes_an_opinion() -> None:
    assert only("<title>T</title><category>City</category><category>Opinion</category>").kind is Kind.OPINION
    assert only("<title>T</title><category>Public opinion polls</category>").kind is Kind.NEWS


def test_the_feeds_language_counts_else_it_is_detected() -> None:
    french = "<item><title>Le conseil a voté vendredi soir la reprise des trams de nuit</title></item>"
    assert read(rss(french)).articles[0].language == "fr"
    assert read(rss(french, head="<language>en-us</language>")).articles[0].language == "en-us"


def test_a_feed_without_a_title_is_named_by_its_host_else_by_its_file() -> None:
    feed = "<rss><channel><item><title>T</title></item></channel></rss>"
    assert read(feed).articles[0].source == "gazette.example"
    assert read(feed, url=None).articles[0].source == "the feed"


def test_a_source_that_is_given_wins() -> None:
    document = Document(
        content=rss("<item><title>T</title></item>").encode(), origin="f", media_type="text/xml"
    )
    assert extract(document, source="Ours").articles[0].source == "Ours"


def test_windows_1252_bytes_in_a_feed_that_says_utf_8_are_read() -> None:
    feed = rss("<item><title>Café “Zürich” – déjà</title></item>").encode("cp1252")
    assert read(feed).articles[0].title == "Café “Zürich” – déjà"


def test_an_entry_without_a_link_has_no_url_and_an_id_by_its_text() -> None:
    one, two = read(rss("<item><title>One</title></item><item><title>Two</title></item>")).articles
    assert one.url is None
    assert one.id != two.id


def test_a_truncated_feed_gives_the_entries_that_are_whole() -> None:
    assert len(read(rss("<item><title>T</title></item>" * 50)[:1200]).articles) > 20


def test_a_feed_that_names_a_file_or_a_url_opens_neither() -> None:
    for name in (b"/etc/hostname", b"https://localhost:1/feed"):
        with pytest.raises(ExtractError):
            extract(Document(content=name, origin="x", media_type="application/rss+xml"))


@pytest.mark.parametrize("feed", ["<rss><channel><title>T</title></channel></rss>", "<feed></feed>"])
def test_a_feed_without_entries_is_refused(feed: str) -> None:
    with pytest.raises(ExtractError, match=r"the feed: the feed has no entries$"):
        read(feed)


@pytest.mark.parametrize(
    ("feed", "why"),
    [
        ("\nNot here.", "syntax error in line 2"),
        ("<?xml version='1.0'?>\n<rss>\n</channel>", "mismatched tag in line 3"),
        ("<rss>\n<channel>", "it breaks off in line 2"),
        ("<rss", "it breaks off in line 1"),
    ],
)
def test_a_broken_feed_is_refused_with_what_is_wrong_and_in_which_line(feed: str, why: str) -> None:
    with pytest.raises(ExtractError) as refused:
        read(feed)
    assert str(refused.value) == f"the feed: this is no feed that can be read: {why}"


def test_a_feed_that_its_parser_cannot_cope_with_is_refused() -> None:
    with pytest.raises(ExtractError, match="the feed: this feed cannot be read: OverflowError"):
        read("<rss><channel><item><title>&#99999999999; unclosed")


def test_entities_are_neither_fetched_nor_expanded_without_end() -> None:
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "ha"}">' for i in range(9))
    for doctype, entity in ((laughs, "l8"), ('<!ENTITY x SYSTEM "file:///etc/hostname">', "x")):
        feed = f"<!DOCTYPE r [{doctype}]><rss><channel><item><title>a &{entity}; b</title></item></channel></rss>"
        assert len(read(feed).articles[0].title) < 20
