"""Past issues on the pages: what a letter said, for everybody to read, in its own language, and nothing else."""

import dataclasses
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import feedparser
import lxml.etree
import lxml.html
import pytest
from conftest import ROOT
from issues import TODAY, article, issue, png, sample, section, story
from makers import MORNING
from visitor import DAILY, PRESS, Pages, Seen, settings, site

from digest import pipeline
from digest.extract.feed import read_feed
from digest.model import Issue, SubscriberState, SuppressionReason
from digest.notify import masthead
from digest.store import issues, subscribers
from digest.tokens import Purpose
from digest.wishes import Wishes

ATOM = "{http://www.w3.org/2005/Atom}"
PAST = f"/archive/daily/{TODAY}"
SOURCES = {
    name: {"kind": "page", "url": f"https://{name}.example/", "title": title}
    for name, title in {
        "northern-wire": "Northern Wire",
        "alder-observer": "The Alder Observer",
        "minaret": "منارة الساحل",
        "le-phare": "Le Phare",
    }.items()
}
SECRET = {"title": "The Board's Own Digest", "public": False, "description": "Not for everybody."}
LANGUAGES = ("de", "fr", "es", "tr", "ar")

ATTACKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</title></style></textarea><script>alert(1)</script>",
    "<!--><script>alert(1)</script>-->",
    "]]><script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "<a href='javascript:alert(1)'>x</a>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<p style='background:url(https://evil.example)'>x</p>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "{{ 7 * 7 }}{% include 'web/_layout.html.j2' %}{{ ''.__class__ }}",
    "%(num)s %s {0} ${7*7}",
    "x\u202eevil\u2028\u2029y",
)
BAD_LINKS = (
    "javascript:alert(1)",
    "JaVaScRiPt://wire.example/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "//evil.example/x",
    'https://wire.example/"onmouseover="alert(1)',
    "https://wire.example/'><script>alert(1)</script>",
)
BAD_PICTURES = (
    "javascript:alert(1)",
    "https://evil.example/pixel.gif",
    "data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9ImFsZXJ0KDEpIi8+",
    'data:image/png;base64,AAAA" onerror="alert(1)',
    "data:text/html;base64,PHNjcmlwdD4=",
)


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    """The pages, with a list that is public and one that is not."""
    with site(tmp_path, settings(sources=SOURCES, lists={"daily": DAILY, "board": SECRET})) as opened:
        yield opened


def publish(pages: Pages, *published: Issue) -> None:
    """Freeze issues."""
    with pages.database.transaction() as connection:
        for one in published:
            issues.freeze(connection, one)


def past(number: int, *, day: date, name: str = "daily") -> Issue:
    """Make an issue of one story."""
    told = section("World", story(article(number, title=f"What happened on day {number}")))
    closed = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
    return issue(told, list=name, number=number, date=day, closed=closed)


def run(count: int, **changes: Any) -> list[Issue]:
    """Make the issues of so many days up to today."""
    return [
        past(number, day=TODAY - timedelta(days=count - number), **changes) for number in range(1, count + 1)
    ]


def reader(
    pages: Pages, address: str = "ada@mail.example", *, name: str = "daily", state: str = "active"
) -> int:
    """Make a reader and give her row id."""
    with pages.database.transaction() as connection:
        made = subscribers.set_state(
            connection,
            name,
            address,
            key=address,
            state=SubscriberState(state),
            consent="operator",
            now=MORNING,
        )
    return made.id


def voter(pages: Pages, **changes: Any) -> str:
    """Make a reader and give what stands behind the path in her letter's link."""
    return f"?voter={pages.token(Purpose.VOTE, reader(pages, **changes))}"


def tree(seen: Seen) -> Any:
    return lxml.html.fromstring(seen.text)


def texts(seen: Seen, path: str) -> list[str]:
    return [" ".join(found.text_content().split()) for found in tree(seen).xpath(path)]


def links(page: Any) -> list[str]:
    """Give the links that lead away from our pages."""
    return [href for href in page.xpath("//a/@href") if href.startswith("http")]


# --- the list of issues


def test_the_issues_of_a_list_stand_newest_first_each_with_its_number_date_and_first_headlines(
    pages: Pages,
) -> None:
    publish(pages, past(1, day=TODAY - timedelta(days=1)), dataclasses.replace(sample(), number=2))
    seen = pages.visitor().open("/archive/daily").was(200)

    assert texts(seen, "//main//h3") == ["Wednesday, 21 October 2015", "Tuesday, 20 October 2015"]
    assert texts(seen, "//ol//p") == ["No. 2 · 8 stories", "No. 1 · 1 story"]
    assert texts(seen, "//ol/li[1]//li") == [one.lead.title for one in sample().stories[:3]]
    assert tree(seen).xpath("//ol//h3/a/@href") == [PAST, f"/archive/daily/{TODAY - timedelta(days=1)}"]


def test_a_headline_in_another_language_says_so_and_runs_its_own_way(pages: Pages) -> None:
    publish(pages, sample())
    [arabic] = tree(pages.visitor().open("/archive/daily")).xpath("//ol//li[@lang]")

    assert (arabic.get("lang"), arabic.get("dir")) == ("ar", "rtl")


def test_a_page_has_thirty_issues_and_leads_to_the_next_and_back(pages: Pages) -> None:
    publish(pages, *run(61))
    visitor = pages.visitor()
    seen = [visitor.open(f"/archive/daily{query}").was(200) for query in ("", "?page=2", "?page=3")]

    assert [len(tree(page).xpath("//ol/li")) for page in seen] == [30, 30, 1]
    assert [tree(page).xpath("//link[@rel='prev']/@href") for page in seen] == [
        [],
        ["/archive/daily"],
        ["/archive/daily?page=2"],
    ]
    assert [tree(page).xpath("//a[@rel='next']/@href") for page in seen] == [
        ["/archive/daily?page=2"],
        ["/archive/daily?page=3"],
        [],
    ]
    assert [tree(page).xpath("//link[@rel='canonical']/@href") for page in seen] == [
        ["https://digest.example/archive/daily"],
        ["https://digest.example/archive/daily?page=2"],
        ["https://digest.example/archive/daily?page=3"],
    ]


@pytest.mark.parametrize("page", ["0", "-1", "2", "01", "1e0", "٢", "", "1 ", "9" * 400, "x"])
def test_a_page_that_is_not_there_is_not_found(pages: Pages, page: str) -> None:
    publish(pages, *run(2))

    assert pages.visitor().open(f"/archive/daily?page={page}").status == 404


def test_while_somebody_else_writes_for_long_every_page_can_be_looked_at(pages: Pages) -> None:
    """As while an issue is published for very many readers; what a page has to wait for would take half a minute."""
    publish(pages, sample())
    number = reader(pages)
    hers = {purpose: pages.token(purpose, number) for purpose in Purpose}
    paths = (
        "/archive",
        "/archive/daily",
        "/archive/daily/feed.atom",
        PAST,
        f"{PAST}?voter={hers[Purpose.VOTE]}",
        f"/preferences/{hers[Purpose.PREFERENCES]}",
        f"/preferences/{hers[Purpose.PREFERENCES]}/forget",
        f"/unsubscribe/{hers[Purpose.UNSUBSCRIBE]}",
    )
    with pages.database.transaction():
        assert {path: pages.visitor().open(path).status for path in paths} == dict.fromkeys(paths, 200)


def test_a_list_without_an_issue_says_so(pages: Pages) -> None:
    assert "There is no issue yet" in pages.visitor().open("/archive/daily").was(200).text


def test_where_one_list_is_public_the_archive_is_that_one(pages: Pages) -> None:
    publish(pages, *run(2))
    visitor = pages.visitor()

    assert visitor.open("/archive").was(200).text == visitor.open("/archive/daily").text


def test_where_several_are_public_the_archive_names_each_and_never_one_that_is_not(tmp_path: Path) -> None:
    lists = {"daily": DAILY, "weekly": {"title": "The Slow Digest"}, "board": SECRET}
    with site(tmp_path, settings(lists=lists)) as pages:
        publish(pages, *run(2), *run(3, name="board"))
        seen = pages.visitor().open("/archive").was(200)

        assert tree(seen).xpath("//main//h2/a/@href") == ["/archive/daily", "/archive/weekly"]
        assert texts(seen, "//main//li/p[@class='meta']") == ["2 issues", "0 issues"]
        assert seen.headers["Vary"] == "Accept-Language"
        assert "Ausgaben" in pages.visitor(Accept_Language="de").open("/archive").text


def test_without_a_public_list_there_is_no_archive(tmp_path: Path) -> None:
    with site(tmp_path, settings(lists={"board": SECRET})) as pages:
        assert pages.visitor().open("/archive").status == 404


# --- an issue


def test_the_page_of_an_issue_holds_what_its_letter_holds_in_the_same_order(pages: Pages) -> None:
    publish(pages, sample())
    head = masthead(pages.settings, pages.settings.lists["daily"])
    letter = pipeline.web_letter(sample(), head, PRESS, letter="issue")
    seen = pages.visitor().open(PAST).was(200)

    assert links(tree(seen)) == links(lxml.html.fromstring(letter.html))
    assert texts(seen, "//main//h3") == [one.lead.title for one in sample().stories]
    summaries = [" ".join(span.text for span in one.summary) for one in sample().stories]
    assert [told for told in summaries if told not in " ".join(texts(seen, "//main"))] == []
    assert texts(seen, "//main//h2")[:3] == ["Top stories", "Town", "Science"]
    [meta, *_] = texts(seen, "//article/p[@class='meta']")
    assert meta == "Northern Wire · Maren Holt · 06:30 · 2 min read"


def test_the_summary_leads_to_its_place_in_the_source(pages: Pages) -> None:
    publish(pages, sample())
    [onward, *_] = tree(pages.visitor().open(PAST)).xpath("//p[@class='onward']/a/@href")

    assert onward.startswith(
        "https://wire.example/2015/10/flood-barrier?edition=morning&from=digest#:~:text="
    )


def test_every_story_has_an_anchor_and_every_section_too(pages: Pages) -> None:
    publish(pages, sample())
    page = tree(pages.visitor().open(PAST))
    ids = page.xpath("//@id")

    assert page.xpath("//article/@id")[:4] == ["story-1-1", "story-1-2", "story-1-3", "story-2-1"]
    assert page.xpath("//nav//a[starts-with(@href, '#')]/@href") == ["#section-1", "#section-2", "#section-3"]
    assert len(ids) == len(set(ids))


def test_a_picture_that_came_with_the_text_is_shown_and_one_from_elsewhere_never(pages: Pages) -> None:
    ours = article(1, image=png(600, 300), image_alt="A barrier at dusk")
    theirs = article(2, image="https://evil.example/pixel.gif")
    publish(pages, issue(section("World", story(ours), story(theirs))))
    [image] = tree(pages.visitor().open(PAST)).xpath("//img")

    assert (image.get("src"), image.get("alt")) == (png(600, 300), "A barrier at dusk")
    assert (image.get("width"), image.get("height")) == ("560", "280")


def test_a_list_without_pictures_has_none_in_its_archive(tmp_path: Path) -> None:
    with site(tmp_path, settings(lists={"daily": {**DAILY, "images": False}})) as pages:
        publish(pages, sample())

        assert tree(pages.visitor().open(PAST).was(200)).xpath("//img") == []


def test_a_page_speaks_its_lists_language_whatever_the_browser_prefers(tmp_path: Path) -> None:
    with site(tmp_path, settings(lists={"daily": {**DAILY, "language": "ar"}})) as pages:
        publish(pages, sample())
        seen = pages.visitor(Accept_Language="fr").open(PAST).was(200)
        page = tree(seen)

        assert (page.get("lang"), page.get("dir")) == ("ar", "rtl")
        assert texts(seen, "//h1") == ["الأربعاء، 21 أكتوبر 2015"]
        assert {h3.get("lang"): h3.get("dir") for h3 in page.xpath("//h3")} == {"en": "ltr", None: None}


def test_a_visitor_may_choose_another_language_and_every_link_of_ours_keeps_it(pages: Pages) -> None:
    publish(pages, *run(3))
    seen = pages.visitor().open(f"/archive/daily/{TODAY - timedelta(days=1)}?lang=de").was(200)

    assert texts(seen, "//h1") == ["Dienstag, 20. Oktober 2015"]
    neighbours = tree(seen).xpath("//nav//a[@rel]/@href")
    assert neighbours == [f"/archive/daily/{TODAY - timedelta(days=2)}?lang=de", f"{PAST}?lang=de"]


def test_a_reader_reads_the_archive_in_the_language_of_her_letters(pages: Pages) -> None:
    publish(pages, sample())
    who = reader(pages)
    with pages.database.transaction() as connection:
        subscribers.set_wishes(connection, who, Wishes(language="tr"))
    seen = pages.visitor().open(f"{PAST}?voter={pages.token(Purpose.VOTE, who)}").was(200)

    assert texts(seen, "//h1") == ["21 Ekim 2015 Çarşamba"]


def test_an_issue_leads_to_the_one_before_and_the_one_after(pages: Pages) -> None:
    publish(pages, *run(3))
    visitor = pages.visitor()

    def around(days: int) -> list[str]:
        return list(
            tree(visitor.open(f"/archive/daily/{TODAY - timedelta(days=days)}")).xpath("//a[@rel]/@href")
        )

    first, middle, last = (f"/archive/daily/{TODAY - timedelta(days=days)}" for days in (2, 1, 0))
    assert (around(2), around(1), around(0)) == ([middle], [first, last], [middle])


def test_an_issue_says_how_to_subscribe_by_page_by_mail_and_by_feed(pages: Pages) -> None:
    publish(pages, sample())
    seen = pages.visitor().open(PAST)

    assert "Get top stories and blog posts emailed to you each day" in seen.text
    assert tree(seen).xpath("//aside//a/@href") == [
        "/subscribe/daily",
        "mailto:digest+subscribe-daily@digest.example",
        "/archive/daily/feed.atom",
    ]
    assert tree(seen).xpath("//link[@rel='alternate']/@href") == ["/archive/daily/feed.atom"]


def test_an_issue_without_a_story_says_so(pages: Pages) -> None:
    publish(pages, issue())

    assert "No stories today." in pages.visitor().open(PAST).was(200).text
    assert pages.visitor().open("/archive/daily").was(200)
    assert pages.visitor().open("/archive/daily/feed.atom").was(200)


def test_an_issue_of_a_thin_day_says_so_on_its_page_and_in_the_feed(pages: Pages) -> None:
    publish(pages, issue(section("World", story(article())), thin=True))

    for path in (PAST, "/archive/daily/feed.atom"):
        assert "A quiet day: there was little to tell." in pages.visitor().open(path).was(200).text


# --- who may see what


NOWHERE = (
    "/archive/nothing",
    "/archive/board",
    "/archive/board?page=2",
    "/archive/nothing/2015-10-21",
    "/archive/board/2015-10-21",
    "/archive/board/1999-01-01",
    "/archive/daily/1999-01-01",
    "/archive/daily/20151021",
    "/archive/daily/2015-W43-3",
    "/archive/daily/2015-10-32",
    "/archive/daily/٢٠١٥-١٠-٢١",
    "/archive/daily/2015-10-21%0A",
    "/archive/daily/today",
    "/archive/nothing/feed.atom",
    "/archive/board/feed.atom",
    "/archive/DAILY",
    "/archive/..%2fdaily",
    "/nowhere",
)


def test_a_list_or_a_date_that_is_not_there_and_one_that_is_not_public_are_the_same_answer(
    pages: Pages,
) -> None:
    publish(pages, sample(), past(1, day=TODAY, name="board"))
    visitor = pages.visitor()
    answers = {path: visitor.open(path) for path in NOWHERE}

    def face(seen: Seen) -> tuple[int, str, list[tuple[str, str]]]:
        return seen.status, seen.text, sorted((k, v) for k, v in seen.headers.items() if k != "date")

    assert {path for path, seen in answers.items() if seen.status != 404} == set()
    assert [path for path, seen in answers.items() if face(seen) != face(answers["/nowhere"])] == []


def test_a_closed_archive_is_not_there_at_all(tmp_path: Path) -> None:
    with site(tmp_path, settings(web={"archive": False})) as pages:
        publish(pages, sample())
        token = voter(pages)
        visitor = pages.visitor()

        for path in ("/archive", "/archive/daily", PAST, PAST + token, "/archive/daily/feed.atom"):
            assert visitor.open(path).status == 404, path
        assert visitor.open("/vote", method="POST").status == 404


def test_a_list_that_is_not_public_is_shown_to_its_own_readers_alone_and_kept_by_nobody(pages: Pages) -> None:
    publish(pages, *run(2, name="board"), sample())
    hers, other = voter(pages, name="board"), voter(pages)
    visitor = pages.visitor()

    for path in ("/archive/board", f"/archive/board/{TODAY}"):
        seen = visitor.open(path + hers).was(200)
        assert seen.headers["Cache-Control"] == "no-store"
        assert seen.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert "ETag" not in seen.headers
        assert tree(seen).xpath("//meta[@name='robots']/@content") == ["noindex, nofollow"]
        assert tree(seen).xpath("//link[@rel='canonical' or @rel='alternate']") == []
        assert visitor.open(path + other).status == 404
    assert visitor.open(f"/archive/board/feed.atom{hers}").status == 404


def test_the_links_of_a_page_that_is_a_readers_own_carry_her_token(pages: Pages) -> None:
    publish(pages, *run(2, name="board"))
    hers = voter(pages, name="board")
    visitor = pages.visitor()
    [yesterday] = tree(visitor.open(f"/archive/board/{TODAY}{hers}")).xpath("//a[@rel='prev']/@href")

    visitor.open(yesterday).was(200)
    paths = tree(visitor.open(f"/archive/board{hers}")).xpath("//ol//a/@href")
    assert [visitor.open(path).status for path in paths] == [200, 200]


@pytest.mark.parametrize("state", ["pending", "unsubscribed", "erased"])
def test_who_is_no_reader_sees_no_list_that_is_not_public(pages: Pages, state: str) -> None:
    publish(pages, *run(1, name="board"))

    assert pages.visitor().open(f"/archive/board{voter(pages, name='board', state=state)}").status == 404


def test_who_must_not_be_mailed_sees_none_either(pages: Pages) -> None:
    publish(pages, *run(1, name="board"))
    hers = voter(pages, name="board")
    with pages.database.transaction() as connection:
        subscribers.suppress(connection, "ada@mail.example", reason=SuppressionReason.COMPLAINT, now=MORNING)

    assert pages.visitor().open(f"/archive/board{hers}").status == 404


@pytest.mark.parametrize("token", ["", "x", "é", "a" * 34, "A" * 9000, "%00", "../../x", "1"])
def test_a_token_that_is_none_of_ours_opens_nothing_and_breaks_nothing(pages: Pages, token: str) -> None:
    publish(pages, *run(1, name="board"), sample())
    visitor = pages.visitor()

    assert visitor.open(f"/archive/board?voter={token}").status == 404
    seen = visitor.open(f"{PAST}?voter={token}").was(200)
    assert tree(seen).xpath("//form") == []
    assert seen.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("purpose", [p for p in Purpose if p is not Purpose.VOTE])
def test_a_token_for_anything_else_does_not_open_the_archive(pages: Pages, purpose: Purpose) -> None:
    publish(pages, *run(1, name="board"))
    token = pages.token(purpose, reader(pages, name="board"))

    assert pages.visitor().open(f"/archive/board?voter={token}").status == 404


def test_a_page_with_a_token_is_not_to_be_found_by_machines_and_names_the_page_without(pages: Pages) -> None:
    publish(pages, sample())
    seen = pages.visitor().open(PAST + voter(pages)).was(200)

    assert seen.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert seen.headers["Referrer-Policy"] == "no-referrer"
    assert tree(seen).xpath("//link[@rel='canonical']/@href") == [f"https://digest.example{PAST}"]


def test_a_page_without_a_token_may_be_found(pages: Pages) -> None:
    publish(pages, sample())
    for path in ("/archive", "/archive/daily", PAST):
        seen = pages.visitor().open(path).was(200)

        assert "X-Robots-Tag" not in seen.headers
        assert tree(seen).xpath("//meta[@name='robots']") == []
        assert "Set-Cookie" not in seen.headers


# --- asked again


@pytest.mark.parametrize("path", ["/archive", "/archive/daily", PAST, "/archive/daily/feed.atom"])
def test_what_has_not_changed_is_not_sent_again(pages: Pages, path: str) -> None:
    publish(pages, sample())
    visitor = pages.visitor()
    first = visitor.open(path).was(200)
    tag, modified = first.headers["ETag"], first.headers["Last-Modified"]

    for headers in (
        {"If_None_Match": tag},
        {"If_None_Match": f'W/"other", W/{tag}'},
        {"If_None_Match": "*"},
        {"If_Modified_Since": modified},
        {"If_None_Match": tag, "If_Modified_Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
    ):
        again = visitor.open(path, **headers).was(304)
        assert again.text == ""
        assert again.headers["ETag"] == tag
        assert again.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "headers",
    [
        {"If_None_Match": '"other"'},
        {"If_None_Match": ""},
        {"If_None_Match": '"other"', "If_Modified_Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
        {"If_Modified_Since": "Wed, 21 Oct 2015 05:59:59 GMT"},
        {"If_Modified_Since": "yesterday"},
        {"If_Modified_Since": "Wed, 21 Oct 2015 06:00:00"},
        {"If_Modified_Since": "Wed, 99 Oct 99999 06:00:00 GMT"},
    ],
)
def test_what_the_visitor_does_not_have_is_sent(pages: Pages, headers: dict[str, str]) -> None:
    publish(pages, sample())

    assert pages.visitor().open(PAST, **headers).status == 200


def test_the_next_issue_changes_the_page_before_it_the_list_and_the_feed(pages: Pages) -> None:
    publish(pages, past(1, day=TODAY))
    visitor = pages.visitor()
    paths = ("/archive/daily", PAST, "/archive/daily/feed.atom")
    before = {path: visitor.open(path).headers for path in paths}
    publish(pages, past(2, day=TODAY + timedelta(days=1)))

    for path in paths:
        asked = {"If_None_Match": before[path]["ETag"]}
        assert (
            visitor.open(path, **asked).was(200).headers["Last-Modified"] == "Thu, 22 Oct 2015 06:00:00 GMT"
        )
        visitor.open(path, If_Modified_Since=before[path]["Last-Modified"]).was(200)


# --- the feed


def atom(seen: Seen) -> Any:
    return lxml.etree.fromstring(seen.answer.content)


def test_the_feed_is_whole_atom(pages: Pages) -> None:
    publish(pages, *run(2))
    seen = pages.visitor().open("/archive/daily/feed.atom").was(200)
    feed = atom(seen)

    assert seen.headers["Content-Type"] == "application/atom+xml"
    assert feed.tag == f"{ATOM}feed"
    assert feed.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
    assert {
        child.tag.removeprefix(ATOM): child.text for child in feed if not len(child) and not child.get("rel")
    } == {
        "id": "https://digest.example/archive/daily",
        "title": "The Small Digest",
        "subtitle": "All that happened.",
        "updated": "2015-10-21T06:00:00+00:00",
    }
    assert feed.findtext(f"{ATOM}author/{ATOM}name") == "The Port Alder Digest"
    assert {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")} == {
        "self": "https://digest.example/archive/daily/feed.atom",
        "alternate": "https://digest.example/archive/daily",
    }
    [newest, _] = feed.findall(f"{ATOM}entry")
    assert {child.tag.removeprefix(ATOM): child.text for child in newest} | {"content": None} == {
        "id": "tag:digest.example,2015-10-21:daily",
        "title": "What happened on day 2",
        "published": "2015-10-21T06:00:00+00:00",
        "updated": "2015-10-21T06:00:00+00:00",
        "link": None,
        "content": None,
    }
    assert newest.find(f"{ATOM}link").get("href") == f"https://digest.example{PAST}"


def test_the_feed_holds_the_newest_thirty_issues_and_each_has_an_id_of_its_own(pages: Pages) -> None:
    publish(pages, *run(31))
    ids = [
        entry.findtext(f"{ATOM}id")
        for entry in atom(pages.visitor().open("/archive/daily/feed.atom")).iter(f"{ATOM}entry")
    ]

    assert len(set(ids)) == len(ids) == 30
    assert ids[0] == "tag:digest.example,2015-10-21:daily"
    assert ids[-1] == "tag:digest.example,2015-09-22:daily"


@pytest.mark.parametrize("path", [PAST, "/archive/daily/feed.atom"])
def test_a_sentence_of_another_source_names_it_and_leads_there(pages: Pages, path: str) -> None:
    other = article(
        2, source="phare", url="https://phare.example/2", body=("Nobody was hurt, said the prefect.",)
    )
    quoted = dataclasses.replace(story(other).summary[0], article=other.id)
    told = story(article(1), also=[other])
    publish(pages, issue(section("World", dataclasses.replace(told, summary=(*told.summary, quoted)))))
    seen = pages.visitor().open(path).was(200)
    words = atom(seen).findtext(f".//{ATOM}content") if path.endswith("atom") else seen.text
    page = lxml.html.fromstring(str(words))
    [cited] = page.xpath("//span[@class='cite']")

    assert cited.text_content() == "(phare)"
    assert cited.xpath("a/@href")[0].startswith("https://phare.example/2#:~:text=")


def test_an_issue_for_an_older_date_that_is_published_later_reaches_the_feed(pages: Pages) -> None:
    publish(pages, *run(31))
    pages.visitor().open("/archive/daily/feed.atom").was(200)
    publish(pages, dataclasses.replace(past(32, day=date(2014, 1, 1)), closed=MORNING + timedelta(hours=1)))
    feed = atom(pages.visitor().open("/archive/daily/feed.atom"))

    assert feed.findtext(f"{ATOM}entry/{ATOM}id") == "tag:digest.example,2014-01-01:daily"
    assert feed.findtext(f"{ATOM}updated") == "2015-10-21T07:00:00+00:00"


def test_other_programs_read_the_feed_and_so_does_ours(pages: Pages) -> None:
    publish(pages, sample())
    seen = pages.visitor().open("/archive/daily/feed.atom")
    parsed = feedparser.parse(seen.answer.content)

    assert not parsed.bozo
    [entry] = parsed.entries
    title = "Flood barrier opens two years early and under budget, and 7 more stories"
    assert (entry.title, entry.link) == (title, f"https://digest.example{PAST}")
    [read], problems = read_feed(seen.text, source="daily", fallback="daily")
    assert (read.title, read.url, read.published, problems) == (title, entry.link, MORNING, [])
    told = " ".join(read.body)
    for one in sample().stories:
        assert one.lead.title in told
        assert " ".join(span.text for span in one.summary) in told


def test_the_feed_of_a_list_without_issues_is_a_feed_too(pages: Pages) -> None:
    feed = atom(pages.visitor().open("/archive/daily/feed.atom").was(200))

    assert feed.findall(f"{ATOM}entry") == []
    assert feed.findtext(f"{ATOM}updated") == MORNING.isoformat()


def test_characters_that_xml_does_not_know_do_not_break_the_feed(pages: Pages) -> None:
    wild = "Tab\tBell\x07Nul\x00Escape\x1b[31m\ufffeNone\uffff\x85End & < > \" ' ]]> 🚢"
    publish(
        pages, issue(section(wild, story(article(1, title=wild, author=wild, body=(f"{wild}. It ends.",)))))
    )
    feed = atom(pages.visitor().open("/archive/daily/feed.atom").was(200))

    assert feed.findtext(f"{ATOM}entry/{ATOM}title") == re.sub("[\x00\x07\x1b\ufffe\uffff]", "", wild)


def test_the_feed_speaks_its_lists_language(tmp_path: Path) -> None:
    with site(tmp_path, settings(lists={"daily": {**DAILY, "language": "de"}})) as pages:
        publish(pages, sample())
        feed = atom(pages.visitor(Accept_Language="fr").open("/archive/daily/feed.atom?lang=es"))

        assert feed.get("{http://www.w3.org/XML/1998/namespace}lang") == "de"
        assert "Auch bei:" in feed.findtext(f"{ATOM}entry/{ATOM}content")


# --- hostile stories


def hostile(attack: str) -> Issue:
    """Put a payload wherever a feed could put it."""
    lead = article(
        1,
        title=attack,
        author=attack,
        body=(f"{attack}. It ends here.",),
        source=attack,
        section=attack,
        language=None,
        image=png(60, 30),
        image_alt=attack,
        url=f"https://wire.example/{attack}",
    )
    return issue(
        section(attack, story(lead, also=[dataclasses.replace(lead, url=f"https://x.example/{attack}")]))
    )


def harmless(page: Any) -> None:
    """Nothing runs, nothing is fetched from elsewhere, and every link leads to the web, to us or to a mail."""
    assert (
        page.xpath("//script|//iframe|//object|//embed|//svg|//math|//base|//style|//body//link|//body//meta")
        == []
    )
    names = {name.lower() for element in page.iter() for name in element.attrib}
    assert not [name for name in names if name.startswith("on") or name in {"style", "srcdoc", "formaction"}]
    for href in page.xpath("//@href"):
        assert re.match(r"https?://|mailto:|/(?!/)|#", href), href
        assert not re.search(r"[\s\"'<>]", href.partition("#")[0].replace("'", "")), href
    for source in page.xpath("//@src"):
        assert re.fullmatch(r"data:image/(png|gif|jpeg);base64,[A-Za-z0-9+/=]+", source)


@pytest.mark.parametrize("attack", ATTACKS)
def test_markup_in_what_a_feed_says_stays_text_on_pages_and_in_the_feed(tmp_path: Path, attack: str) -> None:
    daily = {**DAILY, "title": attack, "description": attack}
    with site(tmp_path, settings(lists={"daily": daily, "other": daily})) as pages:
        publish(pages, hostile(attack))
        visitor = pages.visitor()
        for path in ("/archive", "/archive/daily", PAST, PAST + voter(pages)):
            seen = visitor.open(path).was(200)
            harmless(tree(seen))
            assert "49" not in re.sub(r"[0-9a-f]{8,}|[a-z0-9]{34}", "", " ".join(texts(seen, "//main")))
        shown = texts(visitor.open(PAST), "//h3")
        feed = atom(visitor.open("/archive/daily/feed.atom").was(200))

    assert shown == [" ".join(attack.split())]
    assert feed.findtext(f"{ATOM}entry/{ATOM}title") == attack
    assert feed.findtext(f"{ATOM}title") == attack
    content = lxml.html.fromstring(f"<div>{feed.findtext(f'{ATOM}entry/{ATOM}content')}</div>")
    harmless(content)
    assert " ".join(content.xpath("string(//h3)").split()) == " ".join(attack.split())


@pytest.mark.parametrize("url", BAD_LINKS)
def test_a_link_that_leads_not_to_the_web_is_no_link(pages: Pages, url: str) -> None:
    publish(pages, issue(section("World", story(article(1, url=url), also=[article(2, url=url)]))))
    seen = pages.visitor().open(PAST).was(200)
    harmless(tree(seen))
    feed = atom(pages.visitor().open("/archive/daily/feed.atom"))
    harmless(lxml.html.fromstring(f"<div>{feed.findtext(f'{ATOM}entry/{ATOM}content')}</div>"))


@pytest.mark.parametrize("picture", BAD_PICTURES)
def test_a_picture_that_is_none_is_not_shown(pages: Pages, picture: str) -> None:
    publish(pages, issue(section("World", story(article(1, image=picture, image_alt='x" onload="alert(1)')))))
    page = tree(pages.visitor().open(PAST).was(200))

    assert page.xpath("//img") == []
    harmless(page)


def test_what_the_address_line_says_is_printed_nowhere(pages: Pages) -> None:
    publish(pages, sample())
    mark = "zzmarkzz%22%3E%3Cscript%3E"
    for path in (f"/archive/daily?voter={mark}", f"{PAST}?voter={mark}&x={mark}", f"{PAST}?lang={mark}"):
        assert "zzmarkzz" not in pages.visitor().open(path).was(200).text


# --- words


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["archive.html.j2", "issue.html.j2", "feed.atom.j2"])
def test_every_word_of_the_archive_is_there_in_every_language(name: str, language: str) -> None:
    template = (ROOT / "templates/web" / name).read_text("utf-8")
    words = [
        told if isinstance(told, str) else told[0] for _, _, told in PRESS.extract_translations(template)
    ]
    known: set[str] = set()
    layer: Any = PRESS.speak(language)[2]
    while layer is not None:  # each catalogue falls back on another
        known |= {key if isinstance(key, str) else key[0] for key in layer._catalog}
        layer = layer._fallback

    assert words
    assert [word for word in words if word not in known] == []
