"""The letters that answer readers, in a real browser: narrow, dark, from right to left, and without their pictures."""

import contextlib
import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from issues import article
from notices import WISHES, holding, notice, ours, samples, source, written
from playwright.sync_api import Browser, Page, sync_playwright

from digest import config
from digest.correspondence import Alarm, Answer, Notice, NoticeKind, Outcome, Said
from digest.wishes import Act, Command

LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
NAMES = [name for name, _ in samples()]
LIGHT, DARK = {"color_scheme": "light"}, {"color_scheme": "dark"}
PAGES_ONLY = {"landmark-one-main", "region"}
"""A letter is shown within a mail program's own page."""

each_letter = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@contextlib.contextmanager
def look(
    browser: Browser, what: Notice, *, settings: config.Settings | None = None, width: int = 640, **how: Any
) -> Iterator[Page]:
    """Open a letter on a screen of some width; it asks nobody for anything."""
    viewport = {"width": width, "height": 800}
    with contextlib.closing(browser.new_context(viewport=viewport, **how)) as context:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.set_content(source(written(what, settings)))
        yield page
        assert [url for url in asked if not url.startswith("cid:")] == []


def sample(name: str, language: str = "en") -> Notice:
    return dict(samples(language))[name]


def wide(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth"))


@each_letter
@pytest.mark.parametrize("language", ["de", "ar"])
def test_no_letter_scrolls_sideways_on_the_narrowest_phone(
    browser: Browser, name: str, language: str
) -> None:
    with look(browser, sample(name, language), width=320) as page:
        assert wide(page) == 320


@pytest.mark.parametrize("kind", NoticeKind)
def test_words_without_end_break_and_push_nothing_aside(browser: Browser, kind: NoticeKind) -> None:
    sections = {LONG.lower()[:60].replace("ä", "a"): {"title": LONG}}
    settings = ours(
        lists={name: {"title": LONG, "sections": sections} for name in ("daily", "harbour")},
        publisher={"name": LONG, "address": "digest-of-alder@" + "sub." * 20 + "digest.example"},
    )
    said = Said(
        commands=(Command(act=Act.SUBSCRIBE),),
        answers=(Answer(command=Command(act=Act.PAUSE), undo=Command(act=Act.RESUME)),),
        holdings=(holding(wishes=WISHES),),
        article=article(title=LONG, body=(LONG * 3,), author=LONG, source=LONG),
        alarm=Alarm(stop=10**9, on=None, reason=LONG * 3),
        misread=True,
    )
    what = notice(kind, said=said, address="a" * 60 + "@mail.example", request_id=5)
    with look(browser, what, settings=settings, width=320) as page:
        assert wide(page) == 320


@each_letter
@pytest.mark.parametrize(("how", "language"), [(LIGHT, "en"), (DARK, "ar")], ids=["light", "dark"])
def test_axe_finds_nothing(browser: Browser, name: str, how: dict[str, str], language: str) -> None:
    """Contrast, language, direction, titles, headings, links with a name, pictures with a text."""
    with look(browser, sample(name, language), width=360, **how) as page:
        found = Axe().run(page).response["violations"]
        assert [rule["id"] for rule in found if rule["id"] not in PAGES_ONLY] == []


def test_in_the_dark_the_button_is_light_and_its_words_are_dark(browser: Browser) -> None:
    script = "a => [getComputedStyle(a.parentElement).backgroundColor, getComputedStyle(a).color]"
    for how, expected in (
        (LIGHT, ["rgb(155, 44, 28)", "rgb(255, 253, 249)"]),
        (DARK, ["rgb(240, 145, 125)", "rgb(29, 27, 25)"]),
    ):
        with look(browser, notice(NoticeKind.CONFIRM), **how) as page:
            assert page.locator(".button a").evaluate(script) == expected


def test_the_button_can_be_hit_with_a_thumb(browser: Browser) -> None:
    with look(browser, notice(NoticeKind.CONFIRM), width=320) as page:
        box = page.locator(".button a").bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["width"] >= 120


@each_letter
def test_arabic_begins_at_the_right_and_english_at_the_left(browser: Browser, name: str) -> None:
    """Where the heading's words stand; an article keeps to the direction of its own language."""
    script = """heading => {
        const range = document.createRange(); range.selectNodeContents(heading)
        const box = range.getBoundingClientRect()
        return [box.left, document.documentElement.clientWidth - box.right]
    }"""
    for language in ("en", "ar"):
        with look(browser, sample(name, language)) as page:
            before, after = page.locator("h2").evaluate(script)
            if language == "ar" and name != "story":
                assert after == 40 < before
            else:
                assert before == 40 < after


def test_a_command_keeps_its_own_direction_among_arabic_words(browser: Browser) -> None:
    with look(browser, sample("help", "ar")) as page:
        typed = page.locator("bdi", has_text="+city")
        assert typed.evaluate("bdi => getComputedStyle(bdi).unicodeBidi") == "isolate"
        assert typed.evaluate("bdi => bdi.matches(':dir(ltr)')") is True


@pytest.mark.parametrize("language", ["en", "ar"])
def test_what_the_operator_types_stands_as_he_types_it(browser: Browser, language: str) -> None:
    """From left to right, and no line ends within `--date`."""
    lines = "span => span.getClientRects().length"
    with look(browser, sample("alarm", language), width=360) as page:
        orders = page.locator(".order")
        assert orders.all_inner_texts() == [
            "digest deliveries --list daily --date 2015-10-21",
            "digest deliveries resume 3",
        ]
        assert orders.evaluate_all("all => all.map(one => getComputedStyle(one).direction)") == ["ltr", "ltr"]
        assert [option.evaluate(lines) for option in page.locator(".option").all()] == [1, 1]
        box = orders.first.bounding_box()
        assert box is not None
        assert box["height"] > 60, "it takes two lines, so one of them might have ended there"


@each_letter
def test_every_link_is_a_url_that_a_browser_takes_as_it_stands(browser: Browser, name: str) -> None:
    with look(browser, sample(name)) as page:
        links = page.eval_on_selector_all("a", "all => all.map(a => [a.getAttribute('href'), a.href])")
    for written_so, taken_as in links:
        assert written_so == taken_as
        assert re.match(r"https://|mailto:[^@\s]+@digest\.example(\?subject=\S+)?$", taken_as)


def test_without_its_pictures_a_story_says_what_they_show(browser: Browser) -> None:
    """The picture is a part of the mail, which this page has not: so it is missing here."""
    with look(browser, sample("story")) as page:
        picture = page.locator("img")
        assert picture.evaluate("img => img.naturalWidth") == 0
        assert picture.get_attribute("alt") == "The ferry at its berth"
        box = picture.bounding_box()
        assert box is not None
        assert (box["width"], box["height"]) == (560, 210)


def test_all_refusals_of_one_mail_fit_into_one_letter(browser: Browser) -> None:
    answers = tuple(
        Answer(command=Command(act=act, story=3), outcome=outcome) for act in Act for outcome in Outcome
    )
    what = notice(NoticeKind.ANSWER)
    many = dataclasses.replace(what, said=dataclasses.replace(what.said, answers=answers))
    with look(browser, many, width=320) as page:
        assert wide(page) == 320
        assert page.locator(".ask").count() == (len(Act) - 1) * len(Outcome)  # the help stands below, once
