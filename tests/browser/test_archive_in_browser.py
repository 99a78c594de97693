"""Past issues in a real browser: by keyboard alone, at 320 pixels, in the dark, from right to left, without scripts."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import NARROW, Browser, scrolls_sideways, tab_to, wrong_for_some
from issues import TODAY, article, issue, png, sample, section, story
from makers import MORNING
from playwright.sync_api import Page
from visitor import DAILY, Pages, settings, site

from digest.model import Issue, SubscriberState
from digest.store import issues, subscribers
from digest.tokens import Purpose

LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
PAST = f"/archive/daily/{TODAY}"
CONDITIONS: dict[str, dict[str, Any]] = {"wide": {}, "narrow": {"width": NARROW}, "dark": {"dark": True}}


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with Browser(chromium) as opened:
        yield opened


@contextlib.contextmanager
def archive(folder: Path, *published: Issue, **daily: Any) -> Iterator[Pages]:
    """Serve the archive of some issues, and make a reader."""
    with site(folder, settings(lists={"daily": {**DAILY, **daily}})) as pages:
        with pages.database.transaction() as connection:
            for one in published:
                issues.freeze(connection, one)
            subscribers.set_state(
                connection,
                "daily",
                "ada@mail.example",
                key="ada@mail.example",
                state=SubscriberState.ACTIVE,
                consent="operator",
                now=MORNING,
            )
        yield pages


def token(pages: Pages) -> str:
    return pages.token(Purpose.VOTE, 1)


def unwieldy() -> Issue:
    """What makes a page wide: words without end wherever there are words, and a large picture."""
    lead = article(
        title=LONG * 2,
        body=(f"https://wire.example/{LONG * 3}.",),
        author=LONG,
        source=LONG,
        language="de",
        image=png(2000, 1000),
        image_alt=LONG,
        votes=10**15,
    )
    return issue(section(LONG, story(lead, also=[article(2, source=LONG)]), story(article(3, language="ar"))))


def paths(pages: Pages) -> tuple[str, ...]:
    return "/archive/daily", PAST, f"{PAST}?voter={token(pages)}"


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("published", [sample, unwieldy])
def test_no_page_scrolls_sideways_at_320_pixels(
    browser: Browser, tmp_path: Path, published: Any, language: str
) -> None:
    with archive(tmp_path, published(), language=language, title=f"{LONG} {LONG}") as pages:
        for path in paths(pages):
            with browser.page(pages.url + path, width=NARROW) as page:
                assert not scrolls_sideways(page), path


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("language", ["en", "ar"])
def test_axe_finds_nothing(browser: Browser, tmp_path: Path, condition: str, language: str) -> None:
    days = [sample(), issue(section("World", story(article(1))), number=58, date=TODAY.replace(day=22))]
    with archive(tmp_path, *days, language=language) as pages:
        for path in paths(pages):
            with browser.page(pages.url + path, **CONDITIONS[condition]) as page:
                assert wrong_for_some(page) == [], path


def test_a_reader_votes_by_keyboard_alone_and_is_led_back_to_the_story(
    browser: Browser, tmp_path: Path
) -> None:
    with archive(tmp_path, sample()) as pages:
        with browser.page(pages.url + f"{PAST}?voter={token(pages)}", script=False) as page:
            tab_to(page, "#story-1-2-vote")
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            with page.expect_navigation():
                page.keyboard.press("Enter")

            assert outline == "solid"
            assert page.url == f"{pages.url}{PAST}?voter={token(pages)}#story-1-2"
            assert page.evaluate("document.activeElement.id") in ("story-1-2", "")
            page.keyboard.press("Tab")  # one goes on from the story, not from the top of the page
            assert page.evaluate("document.activeElement.closest('article').id") == "story-1-2"
            assert page.get_by_role("button", name="Take my vote back Night ferry").count() == 1
        assert [row["article_id"] for row in pages.rows("votes")] == [sample().stories[1].id]


def test_a_vote_and_its_taking_back_need_no_script(browser: Browser, tmp_path: Path) -> None:
    with (
        archive(tmp_path, sample()) as pages,
        browser.page(pages.url + f"{PAST}?voter={token(pages)}", script=False) as page,
    ):
        page.locator("#story-1-1-vote").click()
        assert "1 reader of this letter has voted." in page.locator("#story-1-1").inner_text()
        assert len(pages.rows("votes")) == 1
        page.locator("#story-1-1-vote").click()
        assert "reader of this letter" not in page.locator("#story-1-1").inner_text()
        assert pages.rows("votes") == []


def test_a_button_is_named_after_its_story(browser: Browser, tmp_path: Path) -> None:
    with (
        archive(tmp_path, sample()) as pages,
        browser.page(pages.url + f"{PAST}?voter={token(pages)}") as page,
    ):
        for told in sample().stories:
            assert page.get_by_role("button", name=f"Vote {told.lead.title}", exact=True).count() == 1


def test_the_headings_and_landmarks_tell_what_is_where(browser: Browser, tmp_path: Path) -> None:
    with archive(tmp_path, sample()) as pages, browser.page(pages.url + PAST) as page:
        assert page.get_by_role("heading", level=1).all_inner_texts() == ["Wednesday, 21 October 2015"]
        assert page.get_by_role("region").count() == len(sample().sections)
        assert page.get_by_role("article").count() == len(sample().stories)
        assert page.get_by_role("navigation", name="In this issue").get_by_role("link").count() == 3


def test_an_issue_is_read_through_page_by_page(browser: Browser, tmp_path: Path) -> None:
    with archive(tmp_path, sample()) as pages, browser.page(pages.url + "/archive", script=False) as page:
        page.get_by_role("link", name="Wednesday, 21 October 2015").click()
        page.get_by_role("link", name="Science").click()
        assert page.url == f"{pages.url}{PAST}#section-3"
        page.get_by_role("link", name="Past issues").last.click()
        assert page.url == f"{pages.url}/archive"


def test_in_the_dark_light_ink_stands_on_a_dark_sheet(browser: Browser, tmp_path: Path) -> None:
    def brightness(page: Page, selector: str, colour: str) -> int:
        script = f"e => getComputedStyle(e).{colour}.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0)"
        return int(page.locator(selector).first.evaluate(script))

    with archive(tmp_path, sample()) as pages:
        for is_dark in (False, True):
            with browser.page(pages.url + PAST, dark=is_dark) as page:
                ground = brightness(page, "main", "backgroundColor")
                assert (ground < 150) is is_dark
                for ink in ("h1", "article h3 a", "article > p", ".votes", ".offer p"):
                    assert (brightness(page, ink, "color") > ground) is is_dark, ink


def test_arabic_begins_at_the_right_and_a_story_in_english_at_its_left(
    browser: Browser, tmp_path: Path
) -> None:
    gap = """e => { const r = document.createRange(); r.selectNodeContents(e);
                    const t = r.getClientRects()[0], p = e.parentElement.getBoundingClientRect();
                    return [t.left - p.left < 2, p.right - t.right < 2] }"""
    with archive(tmp_path, sample(), language="ar") as pages, browser.page(pages.url + PAST) as page:
        at_left, at_right = page.locator("#story-1-3 .meta").evaluate(gap)
        assert (at_left, at_right) == (False, True)
        at_left, at_right = page.locator("#story-1-2 h3").evaluate(gap)
        assert (at_left, at_right) == (True, False)


def test_what_is_pressed_is_large_enough_for_a_thumb(browser: Browser, tmp_path: Path) -> None:
    with (
        archive(tmp_path, sample()) as pages,
        browser.page(pages.url + f"{PAST}?voter={token(pages)}", width=NARROW) as page,
    ):
        boxes = [button.bounding_box() for button in page.get_by_role("button").all()]
        assert len(boxes) == len(sample().stories)
        assert min(box["height"] for box in boxes if box) >= 44
        assert min(box["width"] for box in boxes if box) >= 44
