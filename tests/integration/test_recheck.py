"""What a source takes back before an issue is out is not told, and what it takes back later is in the next one."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from issues import article
from makers import EXPIRY, Clock, Newsstand, store, subscribe, wishes
from test_fetch import Site, fetcher, serve

from digest import config, pipeline
from digest.collect import Inlet, PageReader, collect
from digest.compose import check_verbatim
from digest.model import Article, Issue, Revision
from digest.pipeline import Published
from digest.recheck import Recheck
from digest.sources.page import Page
from digest.store import Database, articles, issues

TITLE = "Storm takes roofs"
TEXT = (
    "Twelve houses lost their roofs in the storm on Monday night. The mayor opened the school for 340 people. "
    "Power came back at noon on Tuesday, said the harbour office. The ferry stays in port until the wind drops."
)
WALL = "We and our partners store cookies on your device. Accept all of them to read on, or manage them one by one. "


@pytest.fixture
def site() -> Iterator[Site]:
    with serve(Site()) as running:
        yield running


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with store(tmp_path) as opened:
        subscribe(opened, "reader@mail.example")
        yield opened


class House:
    """A list whose sources are on a server of this machine, day after day."""

    def __init__(self, database: Database, site: Site, *, stories: int = 3, **changes: Any) -> None:
        self.database, self.site, self.stories = database, site, stories
        self.wishes = wishes(method="lead", **changes)
        self.clock = Clock()
        self.sources: dict[str, config.Source] = {}

    def prints(self, path: str, text: str = TEXT, title: str = TITLE) -> str:
        """Put an article's page on the server."""
        body = "".join(f"<p>{part}</p>" for part in text.split("\n"))
        page = f"<html lang=en><head><title>{title}</title></head><body><article><h1>{title}</h1>{body}</article>"
        return self.site.page(path, page.encode(), Content_Type="text/html; charset=utf-8")

    def collects_page(self, name: str, url: str) -> None:
        """Read a page that is a source."""
        self.sources[name] = config.Source(kind="page", url=url)
        self._collect(Inlet(source=Page(name, url, fetcher=fetcher()), settings=self.sources[name]))

    def collects(self, name: str, *found: Article, kind: str = "feed", **settings: Any) -> None:
        """Read what a feed or a folder offers."""
        where = {"path": "there"} if kind == "folder" else {"url": "https://wire.example"}
        self.sources[name] = config.Source.model_validate({"kind": kind} | where | settings)
        as_json = self.sources[name].model_copy(update={"kind": "folder"})  # a feed takes only a feed
        self._collect(Inlet(source=Newsstand(name).offers(*found), settings=as_json))

    def _collect(self, inlet: Inlet) -> None:
        self.clock.forward(minutes=1)
        pages = PageReader(fetch=fetcher().fetch_document, limit=9)
        assert collect([inlet], self.database, pages, clock=self.clock).troubles == ()

    def publishes(self) -> Published | None:
        """Publish the next day's issue."""
        now = self.clock.forward(days=1)
        recheck = Recheck(self.database, self.sources, fetch=fetcher().fetch_again, stories=self.stories)
        made = pipeline.publish(
            "daily",
            self.wishes,
            list(self.sources),
            self.database,
            on=now.date(),
            now=now,
            expiry=EXPIRY,
            recheck=recheck,
        )
        if made:
            check_verbatim(made.issue)
        return made

    def issue(self) -> Issue:
        made = self.publishes()
        assert made is not None
        return made.issue

    def stored(self, title: str) -> Article:
        with self.database.transaction() as connection:
            found = articles.first_ingested(
                connection, list(self.sources), after=None, until=self.clock.forward(seconds=1)
            )
        return next(one for one in found if one.title == title)


@pytest.fixture
def house(database: Database, site: Site) -> House:
    return House(database, site)


def told(made: Issue) -> list[str]:
    return [story.lead.title for story in made.stories]


def quotes(made: Issue) -> str:
    return " ".join(sentence.text for story in made.stories for sentence in story.summary)


def other(number: int, **changes: Any) -> Article:
    """Make an article that has nothing in common with those of other numbers."""
    word = f"word{number}"
    return article(
        number, title=word, body=(f"{word} {word}a {word}b {word}c happened.",), url=None, **changes
    )


# --- before an issue is out


def test_a_story_whose_page_was_edited_is_told_in_its_new_sentences(house: House) -> None:
    house.collects_page("page", house.prints("/storm"))
    house.prints("/storm", TEXT.replace("Twelve", "Nine"), "Storm takes nine roofs")
    made = house.issue()

    assert told(made) == ["Storm takes nine roofs"]
    assert quotes(made).startswith("Nine houses lost their roofs")
    assert house.stored("Storm takes nine roofs").body[0].startswith("Nine houses")


@pytest.mark.parametrize("status", [404, 410])
def test_a_story_whose_page_is_gone_is_not_told(house: House, status: int) -> None:
    house.collects_page("page", house.prints("/storm"))
    house.collects("wire", other(1))
    house.site.page("/storm", status=status)

    assert told(house.issue()) == ["word1"]


def test_where_nothing_else_is_there_no_issue_is_made(house: House) -> None:
    house.collects_page("page", house.prints("/storm"))
    house.site.page("/storm", status=410)

    assert house.publishes() is None


def test_where_the_lead_of_a_story_is_gone_another_telling_leads_it(house: House) -> None:
    longer = article(1, url=house.prints("/a"), title=TITLE, body=(f"{TEXT} So it ended.",))
    shorter = article(2, url=house.prints("/b"), title=TITLE, body=(TEXT,))
    house.collects("wire", longer)
    house.collects("observer", shorter)
    house.site.page("/a", status=410)
    [story] = house.issue().stories

    assert (story.lead.source, story.others) == ("observer", ())
    assert {story.article_of(sentence).source for sentence in story.summary} == {"observer"}


def test_a_story_that_takes_the_place_of_a_fallen_one_is_looked_at_too(
    database: Database, site: Site
) -> None:
    house = House(database, site, stories=1)
    for number in range(1, 6):
        found = article(
            number,
            title=f"word{number}",
            body=(f"word{number} a{number} b{number} is{number}.",),
            url=site.url(f"/{number}"),
        )
        site.page(f"/{number}", status=404)
        house.collects(f"wire{number}", found)

    assert len(house.issue().stories) == 2  # three rounds, one story each; then it is told as it is
    assert len(site.requests) == 3


@pytest.mark.parametrize("trouble", ["500", "403", "wall", "short", "front page", "nothing", "silence"])
def test_whatever_else_a_page_answers_changes_nothing(house: House, trouble: str) -> None:
    house.collects_page("page", house.prints("/storm"))
    before = house.stored(TITLE)
    match trouble:
        case "500" | "403":
            house.site.page("/storm", b"<html>gone fishing", status=int(trouble), Content_Type="text/html")
        case "wall":
            house.prints("/storm", WALL * 9, "Before you continue")
        case "short":
            house.prints("/storm", TEXT.split(". ", maxsplit=1)[0].replace("Twelve", "Nine") + ".")
        case "front page":
            front = house.prints("/", "\n".join(f"Story {n} is another one and not this." for n in range(40)))
            house.site.page("/storm", status=302, Location=front)
        case "nothing":
            house.site.page("/storm", b"", Content_Type="text/html")
        case "silence":
            del house.site.pages["/storm"]
    made = house.issue()

    assert told(made) == [TITLE]
    assert quotes(made).startswith("Twelve houses lost their roofs")
    assert house.stored(TITLE) == before


def test_a_page_that_has_moved_is_followed(house: House) -> None:
    house.collects_page("page", house.prints("/storm"))
    there = house.prints("/there", TEXT.replace("Twelve", "Nine"))
    house.site.page("/storm", status=301, Location=there)

    assert quotes(house.issue()).startswith("Nine houses")


def test_a_feeds_own_text_is_not_held_against_the_page(house: House) -> None:
    url = house.prints("/storm", TEXT.replace("Twelve", "Nine"))
    house.collects("wire", article(1, url=url, title=TITLE, body=(TEXT,)))

    assert quotes(house.issue()).startswith("Twelve houses")


def test_a_feeds_full_text_is_its_pages_and_keeps_the_feeds_headline(house: House) -> None:
    url = house.prints("/storm", TEXT * 2, "The page's own headline")
    teaser = article(1, url=url, title=TITLE, body=(TEXT.split(". ", maxsplit=1)[0] + ".",))
    house.collects("wire", teaser, full_text=True)
    house.prints("/storm", (TEXT * 2).replace("Twelve", "Nine"), "Another headline")
    made = house.issue()

    assert told(made) == [TITLE]
    assert quotes(made).startswith("Nine houses")


def test_a_source_none_of_whose_pages_is_there_is_taken_to_have_moved(house: House) -> None:
    found = [
        article(n, title=f"word{n}", body=(f"word{n} a{n} b{n} is{n}.",), url=house.site.url(f"/{n}"))
        for n in (1, 2)
    ]
    for n in (1, 2):
        house.site.page(f"/{n}", status=404)
    house.collects("wire", *found)

    assert sorted(told(house.issue())) == ["word1", "word2"]


def test_only_pages_of_the_first_stories_are_asked_for_and_each_once(database: Database, site: Site) -> None:
    house = House(database, site, stories=2)
    for n in range(4):
        url = house.prints(f"/{n}", f"word{n} a{n} b{n} is{n}.")
        house.collects(f"wire{n}", article(n, title=f"word{n}", body=(f"word{n} a{n} b{n} is{n}.",), url=url))
    house.issue()

    assert len(site.requests) == len({path for path, _ in site.requests}) == 2


def test_without_a_second_look_and_for_folders_nothing_is_asked_for(database: Database, site: Site) -> None:
    url = site.page("/storm", status=410)
    found = article(1, url=url, title=TITLE, body=(TEXT,))
    blind = House(database, site, stories=0)
    blind.collects("wire", found)
    assert told(blind.issue()) == [TITLE]

    house = House(database, site)
    house.clock.forward(days=2)
    house.collects("here", dataclasses.replace(other(2), url=url + "?2"), kind="folder")
    assert told(house.issue()) == ["word2"]
    assert site.requests == []


def test_a_list_with_too_few_stories_is_not_looked_at(database: Database, site: Site) -> None:
    house = House(database, site, fewest_stories=2)
    house.collects("wire", article(1, url=site.page("/storm", status=410), title=TITLE, body=(TEXT,)))

    assert house.publishes() is None
    assert site.requests == []


# --- after it was sent


def test_what_a_source_edits_later_is_listed_in_the_next_issue_and_in_no_other(house: House) -> None:
    url = house.site.page("/storm", status=503)
    house.collects("wire", article(1, url=url, title=TITLE, body=(TEXT,)))
    first = house.issue()
    house.collects(
        "wire",
        article(1, url=url, title="Storm takes nine roofs", body=(TEXT.replace("Twelve", "Nine"),)),
        other(2),
    )
    second = house.issue()
    house.collects("wire", other(3))
    third = house.issue()

    assert first.corrections == ()
    assert [(one.revision, one.was, one.now) for one in second.corrections] == [
        (
            Revision.EDITED,
            "Twelve houses lost their roofs in the storm on Monday night.",
            "Nine houses lost their roofs in the storm on Monday night.",
        ),
        (Revision.RETITLED, TITLE, "Storm takes nine roofs"),
    ]
    assert {(one.told.number, one.told.date) for one in second.corrections} == {(1, first.date)}
    assert third.corrections == ()
    with house.database.transaction() as connection:
        kept = issues.find(connection, "daily", second.date)
    assert kept is not None
    assert kept[1] == second


def test_a_top_story_of_the_last_issue_that_is_gone_is_listed_once(house: House) -> None:
    house.collects_page("page", house.prints("/storm"))
    house.issue()
    house.site.page("/storm", status=410)
    house.collects("wire", other(2))
    second = house.issue()
    house.collects("wire", other(3))

    assert [(one.revision, one.title) for one in second.corrections] == [(Revision.GONE, TITLE)]
    assert told(second) == ["word2"]
    assert house.issue().corrections == ()


def test_a_page_of_the_last_issue_that_was_edited_is_listed(house: House) -> None:
    house.collects_page("page", house.prints("/storm"))
    house.issue()
    house.prints("/storm", TEXT.replace("340", "34"))
    house.collects("wire", other(2))
    [correction] = house.issue().corrections

    assert correction.now == "The mayor opened the school for 34 people."


def test_what_lies_further_back_than_the_settings_say_is_not_listed(database: Database, site: Site) -> None:
    url = site.url("/storm")
    for days, listed in ((0, 0), (2, 0), (3, 1)):
        house = House(database, site, corrections_days=days)
        house.clock.forward(days=20 * days)  # long enough to tell the same story again
        site.page(f"/storm{days}", status=503)
        house.collects("wire", article(1, url=f"{url}{days}", title=TITLE, body=(TEXT,)))
        house.issue()
        house.clock.forward(days=2)
        edited = article(1, url=f"{url}{days}", title=TITLE, body=(TEXT.replace("Twelve", "Nine"),))
        house.collects("wire", edited, other(days + 5))
        assert len(house.issue().corrections) == listed


def test_a_full_text_feed_that_only_brings_its_teaser_again_brings_its_new_headline(house: House) -> None:
    url = house.prints("/storm", TEXT * 2)
    teaser = article(1, url=url, title=TITLE, body=(TEXT.split(". ", maxsplit=1)[0] + ".",))
    house.collects("wire", teaser, full_text=True)
    house.issue()
    house.collects("wire", article(1, url=url, title="Storm, day two", body=teaser.body), full_text=True)
    house.collects("observer", other(2))
    [correction] = house.issue().corrections

    assert (correction.revision, correction.now) == (Revision.RETITLED, "Storm, day two")
    assert len(house.stored("Storm, day two").text) > 2 * len(teaser.text)


def test_a_draft_has_the_corrections_of_the_issue_that_it_becomes(house: House) -> None:
    url = house.site.page("/storm", status=503)
    house.collects("wire", article(1, url=url, title=TITLE, body=(TEXT,)))
    house.issue()
    house.collects("wire", article(1, url=url, title="Storm over", body=(TEXT,)), other(2))
    now = house.clock() + timedelta(days=1)
    draft = pipeline.draft("daily", house.wishes, ["wire"], house.database, on=now.date(), now=now)

    assert draft.issue == house.issue()
    assert len(draft.issue.corrections) == 1
