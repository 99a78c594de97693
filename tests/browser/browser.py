"""A real Chromium, as readers use it: with keys alone, on a narrow screen, in the dark, from right to left.

with Browser(chromium) as browser:
    with browser.page(url, width=320, dark=True) as page:    a page in a context of its own
        wrong_for_some(page)                                 what axe finds
        scrolls_sideways(page)
        [stop.name for stop in tab_stops(page)]              what Tab reaches, in order

`script=False` turns JavaScript off in the page, as some readers do; axe and the others that look inside need none of
the page's, but Playwright runs them in it, so axe has to be asked in a page that has JavaScript.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

NARROW = 320
WIDE = 1024
HEIGHT = 800
MOST_STOPS = 200

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

_FOCUS = """() => {
  const here = document.activeElement, look = getComputedStyle(here), box = here.getBoundingClientRect()
  const label = here.labels && here.labels[0]
  const target = label && label.contains(here) ? label.getBoundingClientRect() : box
  return {
    tag: here.tagName.toLowerCase(),
    name: here.name || here.id || '',
    text: (here.innerText || here.value || '').trim().slice(0, 80),
    outline: look.outlineStyle === 'none' ? 0 : parseFloat(look.outlineWidth),
    seen: box.top < innerHeight && box.bottom > 0 && box.left < innerWidth && box.right > 0,
    height: target.height,
  }
}"""


@dataclass(frozen=True)
class Stop:
    """A place that the keyboard reaches."""

    tag: str
    name: str
    text: str
    outline: float  # CSS pixels
    seen: bool  # it is on the screen
    height: float  # of what one may press, CSS pixels


class Browser:
    """A Chromium that runs for as long as the block."""

    def __init__(self, chromium: str) -> None:
        self._chromium = chromium

    def __enter__(self) -> Self:
        self._stack = contextlib.ExitStack()
        playwright = self._stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=self._chromium, args=["--no-sandbox", "--disable-background-networking"]
        )
        self._stack.callback(browser.close)
        self._browser = browser
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextlib.contextmanager
    def page(
        self,
        url: str = "about:blank",
        *,
        width: int = WIDE,
        dark: bool = False,
        language: str = "en",
        script: bool = True,
        sharpness: float = 1,
    ) -> Iterator[Page]:
        """Open a page; what it tries to load from elsewhere, or to run against its policy, fails the test."""
        context = self._browser.new_context(
            viewport={"width": width, "height": HEIGHT},
            color_scheme="dark" if dark else "light",
            locale=language,
            java_script_enabled=script,
            device_scale_factor=sharpness,
        )
        complaints: list[str] = []
        try:
            page = context.new_page()
            page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
            page.goto(url)
            yield page
        finally:
            context.close()
        policy = [said for said in complaints if "Content Security Policy" in said or "Refused" in said]
        assert not policy, policy


def wrong_for_some(page: Page) -> list[str]:
    """Name what axe finds on a page: the rule, and where."""
    found = Axe().run(page, options=RULES | {"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{one['id']}: {node['html'][:200]} ({node['failureSummary'][:200]})"
        for one in found
        for node in one["nodes"]
    ]


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def tab_stops(page: Page) -> list[Stop]:
    """Press Tab from the top of the page until it is left, and give where one stopped."""
    stops: list[Stop] = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = Stop(**page.evaluate(_FOCUS))
        if stop.tag == "body":
            return stops
        stops.append(stop)
    raise AssertionError(f"Tab does not come to an end: {stops[-3:]}")


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until what `selector` names has the focus."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if page.locator(f"{selector}:focus").count():
            return
    raise AssertionError(f"Tab does not come to {selector}")
