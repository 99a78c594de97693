"""Every source is read, what is new is kept, and one that fails stops nobody else."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from issues import article, png
from makers import EXPIRY, MORNING, Clock, Newsstand, store, wishes
from test_fetch import Site, serve

from digest import config, pipeline
from digest.collect import Inlet, PageReader, collect, gather, worded
from digest.errors import SourceError
from digest.model import Article, Collected, Document, Gathered, Kind, Trouble, Validators
from digest.protocols import Source
from digest.sources.feed import Feed
from digest.sources.folder import Folder
from digest.sources.web import Fetcher
from digest.store import Database, articles, sources

FETCHER = Fetcher(
    timeout_seconds=5, total_seconds=5, max_bytes=100_000, user_agent="digest test", allow_private=True
)
TEXT = "The barrier closed at noon. The water rose outside. The harbour stayed as flat as a plate. "


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with store(tmp_path) as opened:
        yield opened


@pytest.fixture
def site() -> Iterator[Site]:
    with serve(Site()) as running:
        yield running


def inlet(source: Source, **settings: Any) -> Inlet:
    return Inlet(source=source, settings=config.Source(kind="folder", path=Path("there"), **settings))


def run(database: Database, *inlets: Inlet, clock: Clock | None = None, pages: int = 30) -> Collected:
    reader = PageReader(fetch=FETCHER.fetch_document, limit=pages)
    return collect(inlets, database, reader, clock=clock or Clock())


def stored(database: Database, *names: str) -> dict[str, Article]:
    with database.transaction() as connection:
        found = articles.first_ingested(connection, names, after=None, until=MORNING + timedelta(days=99))
    return {one.title: one for one in found}


def problems(collected: Collected) -> list[str]:
    return [trouble.problem for trouble in collected.troubles]


# --- what is kept


def test_every_source_is_read_and_what_is_new_is_counted(database: Database) -> None:
    wire = Newsstand("wire").offers(article(1), article(2))
    observer = Newsstand("observer").offers(article(3))

    assert run(database, inlet(wire), inlet(observer)) == Collected(read=3, new=3)
    wire.offers(article(4))
    assert run(database, inlet(wire), inlet(observer)) == Collected(read=4, new=1)
    assert stored(database, "wire").keys() == {"Headline 1", "Headline 2", "Headline 4"}


def test_each_source_is_told_of_when_it_is_done(database: Database) -> None:
    heard: list[Gathered] = []
    inlets = [inlet(Newsstand("wire").offers(article(1))), inlet(Newsstand("observer").closes("closed"))]
    collect(
        inlets,
        database,
        PageReader(fetch=FETCHER.fetch_document, limit=1),
        clock=Clock(),
        on_read=heard.append,
    )

    assert [(one.source, len(one.articles), len(one.troubles)) for one in heard] == [
        ("wire", 1, 0),
        ("observer", 0, 1),
    ]


def test_what_a_sources_articles_do_not_say_the_settings_do(database: Database) -> None:
    silent = article(1, section=None, language=None, body=(TEXT,))
    telling = article(2, section="Sport", language="fr", kind=Kind.OPINION)
    wanted = inlet(Newsstand("wire").offers(silent, telling), section="City")
    run(database, wanted)
    found = stored(database, "wire")

    assert (found["Headline 1"].section, found["Headline 1"].language) == ("City", "en")
    assert (found["Headline 2"].section, found["Headline 2"].language) == ("Sport", "fr")
    assert found["Headline 2"].kind is Kind.OPINION


def test_the_settings_decide_the_kind_and_the_language_of_a_source(database: Database) -> None:
    run(
        database,
        inlet(Newsstand("wire").offers(article(1, kind=Kind.NEWS)), article_kind="blog", language="de"),
    )
    [found] = stored(database, "wire").values()

    assert (found.kind, found.language) == (Kind.BLOG, "de")


def test_what_was_read_before_an_issue_closed_and_stored_after_it_is_in_the_next_one(
    database: Database,
) -> None:
    clock = Clock()

    def publish(day: int) -> set[str]:
        made = pipeline.publish(
            "daily",
            wishes(method="lead"),
            ["wire", "observer"],
            database,
            on=MORNING.date() + timedelta(days=day),
            now=clock.forward(minutes=1),
            expiry=EXPIRY,
        )
        clock.forward(minutes=1)
        return {story.lead.title for story in made.issue.stories} if made else set()

    run(database, inlet(Newsstand("observer").offers(article(1))), clock=clock)
    slow = Newsstand("wire").offers(article(2)).meanwhile(lambda: publish(0))
    run(database, inlet(slow), clock=clock)

    assert publish(1) == {"Headline 2"}


# --- what fails


def test_a_source_that_fails_is_reported_and_the_others_are_kept(database: Database) -> None:
    collected = run(
        database,
        inlet(Newsstand("wire").closes("the wire is silent")),
        inlet(Newsstand("observer").offers(article(1))),
    )

    assert collected == Collected(
        read=1, new=1, troubles=(Trouble(source="wire", origin="wire", problem="the wire is silent"),)
    )
    assert stored(database, "observer").keys() == {"Headline 1"}


def test_a_source_that_fails_half_way_keeps_what_it_gave(database: Database) -> None:
    wire = (
        Newsstand("wire")
        .offers(article(1))
        .spoils("2.txt: Permission denied")
        .offers(article(3))
        .closes("gone")
    )

    assert problems(run(database, inlet(wire))) == ["2.txt: Permission denied", "gone"]
    assert stored(database, "wire").keys() == {"Headline 1", "Headline 3"}


def test_a_document_that_holds_no_article_is_reported_with_where_it_came_from(database: Database) -> None:
    wire = Newsstand("wire").shows(b"\x89PNG\r\n\x1a\n" + bytes(99), "image/png").offers(article(1))
    collected = run(database, inlet(wire))

    assert [(trouble.source, trouble.origin) for trouble in collected.troubles] == [("wire", "wire/raw")]
    assert collected.new == 1


def test_a_part_of_a_document_that_cannot_be_read_is_reported_and_the_rest_is_kept(
    database: Database,
) -> None:
    lines = b'{"title": "One", "body": ["It is."]}\n{broken\n{"title": "Three", "body": ["It is."]}\n'
    collected = run(database, inlet(Newsstand("wire").shows(lines, "application/jsonl")))

    assert ["line 2" in problem for problem in problems(collected)] == [True]
    assert stored(database, "wire").keys() == {"One", "Three"}


@pytest.mark.parametrize("problem", ["gone", "https://wire.example/feed.xml: 404 Not Found"])
def test_a_trouble_is_worded_with_the_name_of_its_source_first(problem: str) -> None:
    assert worded(Trouble(source="wire", origin="x", problem=problem)) == f"wire: {problem}"


# --- feeds


def feed(*entries: tuple[str, str, str]) -> bytes:
    """Write an RSS feed of (title, url, text)."""
    items = "".join(
        f"<item><title>{title}</title><link>{url}</link><description>{text}</description></item>"
        for title, url, text in entries
    )
    return f"<rss version='2.0'><channel><title>Wire</title>{items}</channel></rss>".encode()


def page(title: str, text: str) -> bytes:
    paragraphs = "".join(f"<p>{text} It was number {number}.</p>" for number in range(6))
    return f"<html><body><h1>{title}</h1><article>{paragraphs}</article></body></html>".encode()


def test_a_server_is_asked_only_for_what_is_new_since_its_last_answer(database: Database, site: Site) -> None:
    url = site.page("/feed", feed(("One", site.url("/1"), TEXT)), ETag='"v1"')
    run(database, inlet(Feed("wire", url, fetcher=FETCHER)))
    with database.transaction() as connection:
        remembered = sources.validators(connection, "wire")
    assert remembered == Validators(etag='"v1"')

    site.page("/feed", status=304)
    assert run(database, inlet(Feed("wire", url, fetcher=FETCHER, validators=remembered))) == Collected()
    assert [headers.get("if-none-match") for _, headers in site.requests] == [None, '"v1"']
    with database.transaction() as connection:
        assert sources.validators(connection, "wire") == remembered


def test_an_answer_in_which_nothing_could_be_read_is_asked_for_again(database: Database, site: Site) -> None:
    url = site.page("/feed", b"<rss><channel>", ETag='"broken"')

    assert len(run(database, inlet(Feed("wire", url, fetcher=FETCHER))).troubles) == 1
    with database.transaction() as connection:
        assert sources.validators(connection, "wire") == Validators()


def test_a_source_is_left_alone_for_as_long_as_its_server_asks(database: Database, site: Site) -> None:
    url = site.page("/feed", feed(("One", site.url("/1"), TEXT)), Cache_Control="max-age=3600")
    clock = Clock()
    run(database, inlet(Feed("wire", url, fetcher=FETCHER)), clock=clock)

    clock.forward(minutes=59)
    assert run(database, inlet(Feed("wire", url, fetcher=FETCHER)), clock=clock) == Collected()
    assert len(site.requests) == 1
    clock.forward(minutes=1)
    run(database, inlet(Feed("wire", url, fetcher=FETCHER)), clock=clock)
    assert len(site.requests) == 2


def test_a_server_that_is_too_busy_is_left_alone_for_a_day_at_most(database: Database, site: Site) -> None:
    url = site.page("/feed", status=429, Retry_After=str(30 * 24 * 3600))
    clock = Clock()

    [problem] = problems(run(database, inlet(Feed("wire", url, fetcher=FETCHER)), clock=clock))
    assert "429" in problem
    clock.forward(hours=23)
    assert run(database, inlet(Feed("wire", url, fetcher=FETCHER)), clock=clock) == Collected()
    clock.forward(hours=1)
    assert len(run(database, inlet(Feed("wire", url, fetcher=FETCHER)), clock=clock).troubles) == 1


def test_a_feed_that_has_moved_for_good_is_read_and_reported(database: Database, site: Site) -> None:
    new = site.page("/new", feed(("One", site.url("/1"), TEXT)))
    old = site.page("/old", status=301, Location=new)
    collected = run(database, inlet(Feed("wire", old, fetcher=FETCHER)))

    assert collected.new == 1
    assert problems(collected) == [f"has moved for good to {new}: write that into config.toml"]


def test_a_web_page_in_place_of_a_feed_is_reported_and_no_article(database: Database, site: Site) -> None:
    wall = page("Checking your browser", TEXT).replace(
        b"<body>", b"<head><link rel=alternate type=application/rss+xml href=/feed.xml></head><body>"
    )
    url = site.page("/wall", wall, Content_Type="text/html")
    moved = site.page("/moved", status=301, Location=url)
    settings = config.Source(kind="feed", url=url)
    walled = [
        Inlet(source=Feed(name, at, fetcher=FETCHER), settings=settings)
        for name, at in (("wire", url), ("post", moved))
    ]
    collected = run(database, *walled, inlet(Newsstand("observer").offers(article(1))))

    assert collected.new == 1
    assert [worded(trouble) for trouble in collected.troubles] == [
        f"{name}: {at}: this is a web page, not a feed; it names {site.url('/feed.xml')}"
        for name, at in (("wire", url), ("post", moved))
    ]


# --- pages behind teasers


def teasers(site: Site, *numbers: int) -> Feed:
    """Offer a feed of teasers, each with its page."""
    for number in numbers:
        site.page(f"/{number}", page(f"Title {number}", TEXT), Content_Type="text/html")
    entries = [(f"Title {number}", site.url(f"/{number}"), f"Teaser number {number}.") for number in numbers]
    return Feed("wire", site.page("/feed", feed(*entries)), fetcher=FETCHER)


def asked_pages(site: Site) -> list[str]:
    return [path for path, _ in site.requests if path != "/feed"]


def test_the_text_of_its_page_takes_the_place_of_a_teaser(database: Database, site: Site) -> None:
    run(database, inlet(teasers(site, 1), full_text=True))
    [found] = stored(database, "wire").values()

    assert found.title == "Title 1"
    assert "It was number 5." in found.text
    assert "Teaser" not in found.text


def test_without_full_text_no_page_is_asked_for(database: Database, site: Site) -> None:
    run(database, inlet(teasers(site, 1)))

    assert asked_pages(site) == []
    assert stored(database, "wire")["Title 1"].text == "Teaser number 1."


def test_pages_of_known_articles_are_not_asked_for_again(database: Database, site: Site) -> None:
    run(database, inlet(teasers(site, 1), full_text=True))
    collected = run(database, inlet(teasers(site, 1, 2), full_text=True))

    assert (collected.read, collected.new) == (2, 1)
    assert asked_pages(site) == ["/1", "/2"]
    assert "It was number 5." in stored(database, "wire")["Title 1"].text


def test_no_more_pages_are_asked_for_in_one_round_than_the_settings_allow(
    database: Database, site: Site
) -> None:
    run(database, inlet(teasers(site, 1, 2, 3), full_text=True), pages=2)

    assert asked_pages(site) == ["/1", "/2"]
    assert len(stored(database, "wire")) == 3


def test_an_entry_that_is_long_itself_needs_no_page(database: Database, site: Site) -> None:
    url = site.page("/feed", feed(("Long", site.url("/long"), TEXT * 20)))
    run(database, inlet(Feed("wire", url, fetcher=FETCHER), full_text=True))

    assert asked_pages(site) == []


def test_a_page_that_cannot_be_read_leaves_the_teaser_and_is_reported(database: Database, site: Site) -> None:
    source = teasers(site, 1, 2)
    site.page("/1", status=500)
    collected = run(database, inlet(source, full_text=True))

    [trouble] = collected.troubles
    assert (trouble.source, trouble.origin) == ("wire", site.url("/1"))
    assert stored(database, "wire")["Title 1"].text == "Teaser number 1."
    assert "It was number 5." in stored(database, "wire")["Title 2"].text


def test_a_page_that_says_less_than_the_teaser_leaves_the_teaser(database: Database, site: Site) -> None:
    url = site.page("/feed", feed(("One", site.url("/1"), TEXT * 8)))
    site.page(
        "/1",
        b"<html><body><article><p>Please sign in to read on.</p></article></body></html>",
        Content_Type="text/html",
    )
    run(database, inlet(Feed("wire", url, fetcher=FETCHER), full_text=True))

    assert stored(database, "wire")["One"].text.startswith("The barrier closed at noon.")


# --- pictures


def picture(folder: Path) -> str:
    content = base64.b64decode(png(2, 2).partition(",")[2])
    (folder / "barrier.png").write_bytes(content)
    return "barrier.png"


def test_a_picture_that_lies_beside_its_article_in_a_folder_is_taken_in(tmp_path: Path) -> None:
    name = picture(tmp_path)
    (tmp_path / "one.json").write_text(f'{{"title": "One", "body": ["It is."], "image": "{name}"}}')
    gathered = gather(Folder("wire", tmp_path, max_bytes=9999), config.Source(kind="folder", path=tmp_path))

    assert gathered.articles[0].image == png(2, 2)


def test_a_picture_that_anything_but_a_folder_names_by_path_is_left_out(tmp_path: Path) -> None:
    source = (
        Newsstand("wire")
        .offers(article(1, image=str(tmp_path / picture(tmp_path))))
        .offers(article(2, image="barrier.png"), article(3, image="https://wire.example/barrier.png"))
    )
    gathered = gather(source, config.Source(kind="folder", path=tmp_path))

    assert [one.image for one in gathered.articles] == [None, None, "https://wire.example/barrier.png"]


# --- what the command line names


def test_without_settings_an_article_says_itself_where_it_is_from() -> None:
    document = Document(
        content=b'{"title": "One", "body": ["It is."], "source": "The Wire"}',
        origin="one.json",
        media_type="application/json",
    )

    class Desk:
        name = "command line"

        def read(self) -> Iterator[Document | SourceError]:
            yield document

    [found] = gather(Desk()).articles
    assert (found.source, found.kind, found.section) == ("The Wire", Kind.NEWS, None)
