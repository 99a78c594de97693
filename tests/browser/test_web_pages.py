"""The readers' pages in a real browser: keys alone, a narrow screen, the dark, right to left, and no JavaScript."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import NARROW, Browser, scrolls_sideways, tab_stops, tab_to, wrong_for_some
from makers import MORNING
from playwright.sync_api import Page
from visitor import DAILY, PRESS, TOKENS, Pages, settings, site

from digest.address import read_address
from digest.correspondence import Door
from digest.model import SubscriberState
from digest.store import subscribers
from digest.subscribe import Asker, Readers
from digest.tokens import Purpose
from digest.web.question import draw
from digest.wishes import Act, Change, Command, Frequency, Stance, Topic, Wishes

ADA = "ada@mail.example"
WEEKLY = {
    "title": "The Weekly Digest of Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbau",
    "sections": {},
}
TARGET = 44  # CSS pixels

CONDITIONS: dict[str, dict[str, Any]] = {
    "keys": {},
    "narrow": {"width": NARROW},
    "dark": {"dark": True},
    "right-to-left": {"width": NARROW, "language": "ar"},
}
in_every_condition = pytest.mark.parametrize("condition", CONDITIONS)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with Browser(chromium) as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """Pages with a reader of each kind; the tests that look at them change nothing."""
    wanted = settings(lists={"daily": DAILY, "weekly": WEEKLY}, web={"requests_a_minute": 100_000})
    with site(tmp_path_factory.mktemp("pages"), wanted) as served:
        people(served)
        yield served


def people(pages: Pages) -> None:
    """Make readers 1 to 4: active, paused, gone, and one who reads the other list too; and a request."""
    states = (
        SubscriberState.ACTIVE,
        SubscriberState.PAUSED,
        SubscriberState.UNSUBSCRIBED,
        SubscriberState.ACTIVE,
    )
    readers = Readers(settings=pages.settings, tokens=TOKENS)
    with pages.database.transaction() as connection:
        for number, state in enumerate(states, 1):
            address = read_address(f"reader{number}@mail.example")
            readers.move(connection, "daily", address, state, door=Door.OPERATOR, now=MORNING)
        readers.move(connection, "weekly", address, SubscriberState.ACTIVE, door=Door.OPERATOR, now=MORNING)
        subscribers.set_wishes(connection, 1, Wishes(zone="Europe/Paris", hour="07:30", language="ar"))
        change = Change(frequency=Frequency.WEEKLY, hour="07:30", zone="Europe/Paris", topics=(_NO_SPORT,))
        for command in (Command(act=Act.SUBSCRIBE, change=change), Command(act=Act.CHANGE, change=change)):
            address = read_address(f"{command.act}@mail.example")
            asker = Asker(door=Door.MAIL)
            readers.request(connection, "daily", address, [command], asker=asker, now=MORNING)


_NO_SPORT = Topic(name="sport", stance=Stance.NONE)


def places() -> dict[str, str]:
    """Give the path of every page by its name, for the readers that `people` has made."""

    def of(number: int) -> str:
        return f"/preferences/{TOKENS.make(Purpose.PREFERENCES, number)}"

    return {
        "lists": "/",
        "subscribe": "/subscribe/daily",
        "check": "/check",
        "find": "/find",
        "confirm": f"/confirm/{TOKENS.make(Purpose.CONFIRM, 1)}",
        "preferences": f"{of(1)}?done=changed",
        "preferences-paused": f"{of(2)}?done=paused",
        "preferences-left": f"{of(3)}?done=left",
        "preferences-others": of(4),
        "forget": f"{of(1)}/forget",
        "forgotten": "/forgotten",
        "unsubscribe": f"/unsubscribe/{TOKENS.make(Purpose.UNSUBSCRIBE, 1)}",
        "left": f"/unsubscribe/{TOKENS.make(Purpose.UNSUBSCRIBE, 3)}",
        "problem": "/nowhere",
    }


def open_up(page: Page) -> None:
    """Open what is folded."""
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")


@in_every_condition
@pytest.mark.parametrize("name", places())
def test_a_page_is_for_everybody(browser: Browser, pages: Pages, name: str, condition: str) -> None:
    language = CONDITIONS[condition].get("language", "en")
    with browser.page(pages.url + places()[name], **CONDITIONS[condition]) as page:
        assert page.evaluate("document.documentElement.lang") == language
        assert not scrolls_sideways(page)
        open_up(page)
        assert not scrolls_sideways(page)
        assert wrong_for_some(page) == []
        stops = tab_stops(page)
    assert stops[0].text == PRESS.speak(language)[2].gettext("Skip to the content")
    for stop in stops:
        assert stop.seen, stop
        assert stop.outline >= 2, stop
        assert stop.height >= TARGET - 1, stop  # rounding


@in_every_condition
def test_what_was_wrong_has_the_focus_and_leads_to_its_field(
    browser: Browser, pages: Pages, condition: str
) -> None:
    with browser.page(f"{pages.url}/subscribe/daily", **CONDITIONS[condition]) as page:
        pages.clock.forward(seconds=10)
        page.fill("#address", "ada@nowhere")
        page.fill("#answer", "99")
        page.keyboard.press("Enter")
        page.wait_for_selector("#summary")
        assert page.locator("#summary:focus").count() == 1
        assert wrong_for_some(page) == []
        assert not scrolls_sideways(page)
        tab_to(page, 'a[href="#address"]')
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")  # a link to a field: the next stop is in it or behind it
        assert page.locator("#address:focus, [name=frequency]:focus").count() == 1
        assert page.input_value("#address") == "ada@nowhere"


def answer_of(page: Page) -> str:
    """Answer the question as a person would, who has no secret: by reading it."""
    number = page.input_value("[name=stamp]").split(".")[1]
    return str(draw(TOKENS, number).answer)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_whole_way_with_keys_alone_and_without_javascript(
    browser: Browser, tmp_path: Path, language: str
) -> None:
    with site(tmp_path) as pages, browser.page(pages.url, script=False, language=language) as page:
        # sign up, weekly, without sport
        tab_to(page, "#address")
        page.keyboard.type(ADA)
        tab_to(page, "[name=frequency]")
        page.keyboard.press("ArrowUp")  # from the first one round to the last
        tab_to(page, "summary")
        page.keyboard.press("Enter")
        tab_to(page, "[name=topic-sport]")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        tab_to(page, "#answer")
        page.keyboard.type(answer_of(page))
        pages.clock.forward(seconds=10)
        tab_to(page, "main button")
        page.keyboard.press("Enter")
        page.wait_for_url("**/check")

        # say yes
        page.goto(f"{pages.url}/confirm/{pages.token(Purpose.CONFIRM, 1)}")
        assert pages.reader().state is SubscriberState.PENDING
        tab_to(page, "main button")
        page.keyboard.press("Space")
        page.wait_for_selector("main:not(:has(button))")
        assert pages.reader().state is SubscriberState.ACTIVE
        assert pages.reader().wishes == Wishes(frequency=Frequency.WEEKLY, topics=(_NO_SPORT,))

        # change
        preferences = f"{pages.url}/preferences/{pages.token(Purpose.PREFERENCES, 1)}"
        page.goto(preferences)
        tab_to(page, "#hour")
        page.keyboard.type("0730AM")
        tab_to(page, "#minutes")
        page.keyboard.type("5")
        page.keyboard.press("Enter")
        page.wait_for_url("**?done=changed")
        assert (pages.reader().wishes.hour, pages.reader().wishes.minutes) == ("07:30", 5)

        # pause, resume, leave, come back
        for place, done, state in (
            ("form[action$='/pause'] button", "paused", SubscriberState.PAUSED),
            ("form[action$='/resume'] button", "resumed", SubscriberState.ACTIVE),
            ("form[action$='/leave'] button", "left", SubscriberState.UNSUBSCRIBED),
            ("form[action$='/back'] button", "back", SubscriberState.ACTIVE),
        ):
            tab_to(page, place)
            page.keyboard.press("Enter")
            page.wait_for_url(f"**?done={done}")
            assert pages.reader().state is state
            assert page.locator("[role=status]").count() == 1

        # leave from a letter's link
        page.goto(f"{pages.url}/unsubscribe/{pages.token(Purpose.UNSUBSCRIBE, 1)}")
        tab_to(page, "main button")
        page.keyboard.press("Enter")
        page.wait_for_selector("main:not(:has(button))")
        assert pages.reader().state is SubscriberState.UNSUBSCRIBED

        # be forgotten
        page.goto(f"{preferences}/forget")
        tab_to(page, "main button")
        page.keyboard.press("Enter")
        page.wait_for_url("**/forgotten")
        assert pages.reader().state is SubscriberState.ERASED


def test_a_reader_who_comes_from_his_web_mail_is_no_stranger(browser: Browser, tmp_path: Path) -> None:
    with site(tmp_path) as pages:
        people_of = Readers(settings=pages.settings, tokens=TOKENS)
        with pages.database.transaction() as connection:
            people_of.move(
                connection,
                "daily",
                read_address(ADA),
                SubscriberState.ACTIVE,
                door=Door.OPERATOR,
                now=MORNING,
            )
        link = f"http://localhost:{pages.port}/preferences/{pages.token(Purpose.PREFERENCES, 1)}"
        with browser.page(f"{pages.url}/check") as page:  # another site, which has a link to us
            page.set_content(f'<a href="{link}">preferences</a>')
            page.click("a")
            page.click("form[action$='/leave'] button")
            page.wait_for_url("**?done=left")
        assert pages.reader().state is SubscriberState.UNSUBSCRIBED


def test_another_sites_form_does_nothing_in_a_readers_browser(browser: Browser, tmp_path: Path) -> None:
    with site(tmp_path) as pages:
        readers = Readers(settings=pages.settings, tokens=TOKENS)
        with pages.database.transaction() as connection:
            readers.move(
                connection,
                "daily",
                read_address(ADA),
                SubscriberState.ACTIVE,
                door=Door.OPERATOR,
                now=MORNING,
            )
        path = f"/preferences/{pages.token(Purpose.PREFERENCES, 1)}"
        with browser.page(f"http://localhost:{pages.port}{path}") as page:
            stamp = page.input_value("[name=stamp] >> nth=0")
            page.goto("data:text/html,<title>evil</title>")
            page.set_content(
                f'<form method=post action="http://localhost:{pages.port}{path}/leave">'
                f'<input name=stamp value="{stamp}"><button>win a prize</button></form>'
            )
            page.click("button")
            page.wait_for_selector("h1")
            assert "That came from another page" in page.inner_text("main")
        assert pages.reader().state is SubscriberState.ACTIVE
