"""Photograph the letter as its readers meet it: wide, narrow, dark, from right to left, without images.

    python bench/screenshots.py [issue.json] [--out bench/out]

Without a file it is the sample issue of the tests. Needs chromium in the PATH.
"""

import argparse
import html
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from issues import masthead, sample, slots  # noqa: E402 - found beside the tests

from digest.model import Issue  # noqa: E402
from digest.plain import from_json  # noqa: E402
from digest.render import environment, fill, render  # noqa: E402

QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
]
DARK = "--blink-settings=preferredColorScheme=0"
NO_IMAGES = "--blink-settings=imagesEnabled=false"
VIEWS = [  # name, width in pixels, language of the letter, further switches
    ("desk-640", 640, "en", []),
    ("desk-900", 900, "en", []),
    ("phone-360", 360, "en", []),
    ("dark-640", 640, "en", [DARK]),
    ("dark-phone-360", 360, "en", [DARK]),
    ("rtl-640", 640, "ar", []),
    ("rtl-phone-360", 360, "ar", []),
    ("images-off-640", 640, "en", [NO_IMAGES]),
]
NARROWEST = 500  # pixels; a window of chromium is no narrower, so a phone is a frame in it
FRAME = """<!DOCTYPE html><body style="margin:0;background:#888"><iframe srcdoc="{letter}" scrolling="no"
style="width:{width}px;height:{height}px;border:0;display:block"
onload="document.body.dataset.height=this.contentDocument.documentElement.scrollHeight"></iframe>"""


def main() -> None:
    arguments = argparse.ArgumentParser(description="Photograph the letter.")
    arguments.add_argument("issue", nargs="?", type=Path, help="an issue as JSON")
    arguments.add_argument("--out", type=Path, default=ROOT / "bench" / "out")
    chosen = arguments.parse_args()
    issue = from_json(Issue, json.loads(chosen.issue.read_text("utf-8"))) if chosen.issue else sample()
    chosen.out.mkdir(parents=True, exist_ok=True)
    press = environment([ROOT / "templates"])
    for name, width, language, switches in VIEWS:
        letter = fill(render(issue, masthead(language=language), environment=press), slots())
        picture = chosen.out / f"{name}.png"
        height = photograph(letter.html, width, picture, switches)
        print(f"{picture}  {width} × {height}  {len(letter.html.encode()):,} bytes of HTML")


def photograph(letter: str, width: int, picture: Path, switches: list[str]) -> int:
    """Write the whole letter, `width` pixels wide, to `picture`; give its height."""
    page = FRAME.format(letter=html.escape(letter), width=width, height="{height}")
    dom = browse(page.replace("{height}", "100"), ["--dump-dom", *switches])
    height = int(re.search(r'data-height="(\d+)"', dom)[1])
    window = f"--window-size={max(width, NARROWEST)},{height}"
    browse(page.replace("{height}", str(height)), [f"--screenshot={picture.absolute()}", window, *switches])
    return height


def browse(page: str, switches: list[str]) -> str:
    """Open `page` in a fresh chromium and give what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "page.html")
        path.write_text(page, "utf-8")
        command = ["chromium", *QUIET, f"--user-data-dir={folder}", *switches, path.as_uri()]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


if __name__ == "__main__":
    main()
