"""Photograph every page of the readers' as they meet it: at a desk, on a narrow screen, in the dark, right to left.

    python bench/screenshots_web.py [--out bench/out/web] [name …]

Without names all of them, each in the four conditions of tests/browser/test_web_pages.py. Needs chromium in the PATH.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

from browser import Browser  # noqa: E402 - found beside the tests
from test_web_pages import CONDITIONS, WEEKLY, people, places  # noqa: E402
from visitor import settings, site  # noqa: E402

from digest.config import load  # noqa: E402

WRONG = "subscribe-wrong"


def main() -> None:
    arguments = argparse.ArgumentParser(description="Photograph the readers' pages.")
    arguments.add_argument("names", nargs="*", help=f"of {', '.join([*places(), WRONG])}")
    arguments.add_argument("--out", type=Path, default=ROOT / "bench" / "out" / "web")
    chosen = arguments.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    real = load(ROOT / "config.toml").lists["daily"].model_dump()
    wanted = settings(lists={"daily": real, "weekly": WEEKLY}, web={"requests_a_minute": 100_000})
    with (
        tempfile.TemporaryDirectory() as folder,
        site(Path(folder), wanted) as pages,
        Browser(shutil.which("chromium") or "chromium") as browser,
    ):
        people(pages)
        for name, path in (places() | {WRONG: "/subscribe/daily"}).items():
            if chosen.names and name not in chosen.names:
                continue
            for condition, view in CONDITIONS.items():
                with browser.page(pages.url + path, **view, sharpness=1) as page:
                    if name == WRONG:
                        page.fill("#address", "ada lovelace@mail.example")
                        page.fill("#answer", "99")
                        page.keyboard.press("Enter")
                        page.wait_for_selector("#summary")
                    picture = chosen.out / f"{name}-{condition}.png"
                    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
                    page.screenshot(path=picture, full_page=True)
                    print(picture)


if __name__ == "__main__":
    main()
