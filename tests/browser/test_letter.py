"""The letter in a real browser: on the narrowest screens, in the dark, and from right to left."""

import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Browser
from issues import article, correction, issue, masthead, png, sample, section, slots, story
from makers import shipped_press

from digest.model import Issue, Letter
from digest.render import fill, render

PRESS = shipped_press()
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"

# The letter stands in a frame as wide as a screen, for no window is so narrow; the title is the answer.
PAGE = """<!DOCTYPE html><meta charset="utf-8"><title></title>
<iframe srcdoc="{letter}" style="width:{width}px;height:900px;border:0" onload="
  const page = this.contentDocument, range = page.createRange()
  range.selectNodeContents(page.querySelector('.section h2'))
  const text = range.getBoundingClientRect()
  document.title = JSON.stringify({{
    width: page.documentElement.scrollWidth,
    ground: getComputedStyle(page.querySelector('.sheet')).backgroundColor,
    ink: getComputedStyle(page.querySelector('h1')).color,
    pictures: [...page.images].map(image => [image.clientWidth, image.clientHeight]),
    before: text.left, after: page.documentElement.clientWidth - text.right,
  }})"></iframe>"""


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with Browser(chromium) as opened:
        yield opened


@pytest.fixture
def look(browser: Browser, tmp_path: Path) -> Any:
    """Open a letter on a screen of some width and say what is seen."""

    def look(letter: Letter, *, width: int, dark: bool = False) -> dict[str, Any]:
        path = tmp_path / "page.html"
        path.write_text(PAGE.format(letter=html.escape(letter.html), width=width), "utf-8")
        with browser.page(path.as_uri(), dark=dark) as page:
            page.wait_for_function("document.title")
            return dict(json.loads(page.title()))

    return look


def printed(what: Issue, language: str = "en") -> Letter:
    return fill(render(what, masthead(language=language), environment=PRESS), slots())


def unwieldy() -> Issue:
    """What makes a letter wide: words without end, in every place that holds words, and a large picture."""
    lead = article(
        title=LONG * 2,
        body=(f"https://wire.example/{LONG * 3}.",),
        author=LONG,
        source=LONG,
        language="de",
        image=png(2000, 1000),
        image_alt=LONG,
    )
    told = story(lead, also=[article(2, source=LONG)])
    wrong = correction(4, title=LONG * 2, source=LONG, was=LONG * 3, now=f"{LONG * 3}!")
    return issue(section(LONG, told, story(article(3, language="ar"))), corrections=(wrong,))


@pytest.mark.parametrize("width", [320, 360])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_letter_never_scrolls_sideways(look: Any, width: int, language: str) -> None:
    assert look(printed(sample(), language), width=width)["width"] == width
    assert look(printed(unwieldy(), language), width=width)["width"] == width


def test_a_picture_shrinks_with_the_screen_and_keeps_its_shape(look: Any) -> None:
    assert look(printed(sample()), width=700)["pictures"] == [[560, 280]]
    assert look(printed(sample()), width=320)["pictures"] == [[288, 144]]


def test_in_the_dark_light_ink_stands_on_a_dark_sheet(look: Any) -> None:
    day, night = look(printed(sample()), width=640), look(printed(sample()), width=640, dark=True)
    assert (day["ground"], day["ink"]) == ("rgb(255, 253, 249)", "rgb(33, 30, 26)")
    assert (night["ground"], night["ink"]) == ("rgb(29, 27, 25)", "rgb(243, 237, 227)")


def test_arabic_begins_at_the_right_and_english_at_the_left(look: Any) -> None:
    english, arabic = look(printed(sample()), width=640), look(printed(sample(), "ar"), width=640)
    assert english["before"] == 40 < english["after"]
    assert arabic["after"] == 40 < arabic["before"]
