"""Let naive bots sign up at a real server on loopback, and count the letters that they get sent.

    python bench/signup_bot.py [--json] [--seconds 10]

A person, who reads the question and takes his time, goes first: he must get through. Every bot uses an address that
nobody has used before for each try, comes from a network of its own, and keeps its cookies as a browser does.
"""

import argparse
import contextlib
import itertools
import json
import logging
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from visitor import Form, Pages, Visitor, settings, site  # noqa: E402 - found beside the tests

REPLAYS = 1000
WAIT = 10  # seconds on the server's clock
GENEROUS = {
    "web": {"requests_a_minute": 1_000_000},
    "signup": {"confirmations_per_network_an_hour": 1_000_000},
}
"""Without the caps that stop bots anyhow, so that what the form itself does is seen."""

addresses = (f"victim{number}@mail{number}.example" for number in itertools.count())


@dataclass(frozen=True, kw_only=True)
class Row:
    """What became of one bot."""

    bot: str
    limits: str
    tries: int
    letters: int
    statuses: dict[int, int]
    seconds: float


class Try:
    """One visitor, who may send forms until the time is up."""

    def __init__(self, pages: Pages, seconds: float) -> None:
        self.pages = pages
        self.visitor: Visitor = pages.visitor(X_Forwarded_For="198.51.100.7")
        self.statuses: dict[int, int] = {}
        self._until = time.monotonic() + seconds

    def times(self, most: int) -> Iterator[int]:
        """Count up to `most`, but stop when the time is up."""
        for number in range(most):
            if time.monotonic() > self._until:
                return
            yield number

    def form(self) -> Form:
        """Open the page and give its form."""
        return self.visitor.open("/").form("/subscribe")

    def send(self, form: Form, **filled: str) -> None:
        """Send a form and write down how that was answered."""
        status = self.visitor.send(form, **filled).status
        self.statuses[status] = self.statuses.get(status, 0) + 1


def person(one: Try) -> None:
    form = one.form()
    one.pages.clock.forward(seconds=WAIT)
    one.send(form, address=next(addresses), answer=one.visitor.solve(form))


def posts_blindly(one: Try) -> None:
    """Know the names of the fields from elsewhere, and never open the page."""
    for _ in one.times(200):
        one.send(Form("/subscribe", "post", {"list": "daily", "frequency": "daily"}), address=next(addresses))


def posts_at_once(one: Try) -> None:
    """Scrape the form and send it back with an address."""
    for _ in one.times(200):
        one.send(one.form(), address=next(addresses))


def fills_every_field(one: Try) -> None:
    """Put an address into its field and a word into all others that are empty; take some time."""
    for _ in one.times(200):
        form = one.form()
        one.pages.clock.forward(seconds=WAIT)
        filled = {name: "hello" for name, value in form.fields.items() if not value}
        one.send(form, **(filled | {"address": next(addresses)}))


def replays(one: Try) -> None:
    """Have a person solve one form, and send it again and again."""
    form = one.form()
    one.pages.clock.forward(seconds=WAIT)
    answer = one.visitor.solve(form)
    for _ in one.times(REPLAYS):
        one.send(form, address=next(addresses), answer=answer)


def waits_and_guesses(one: Try) -> None:
    """Take some time, leave the trap empty, and answer with some number."""
    dice = random.Random(1)  # noqa: S311 - a bot
    for _ in one.times(200):
        form = one.form()
        one.pages.clock.forward(seconds=WAIT)
        one.send(form, address=next(addresses), answer=str(dice.randint(2, 18)))


def tries_every_answer(one: Try) -> None:
    """Send one form with each possible answer in turn."""
    for _ in one.times(20):
        form = one.form()
        one.pages.clock.forward(seconds=WAIT)
        for answer in range(2, 19):
            one.send(form, address=next(addresses), answer=str(answer))


BOTS: tuple[Callable[[Try], None], ...] = (
    person,
    posts_blindly,
    posts_at_once,
    fills_every_field,
    replays,
    waits_and_guesses,
    tries_every_answer,
)


def main() -> None:
    arguments = argparse.ArgumentParser(description="Let naive bots sign up.")
    arguments.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments.add_argument("--seconds", type=float, default=10, help="at most so long for each bot")
    chosen = arguments.parse_args()
    logging.disable(logging.INFO)
    rows = [
        run(bot, chosen.seconds, limits=limits) for limits in ("form alone", "as shipped") for bot in BOTS
    ]
    if chosen.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return
    print(f"{'limits':<12}{'who':<20}{'tries':>7}{'letters':>9}{'seconds':>9}  answers")
    for row in rows:
        answers = ", ".join(f"{count} × {status}" for status, count in sorted(row.statuses.items()))
        print(f"{row.limits:<12}{row.bot:<20}{row.tries:>7}{row.letters:>9}{row.seconds:>9.1f}  {answers}")


def run(bot: Callable[[Try], None], seconds: float, *, limits: str) -> Row:
    """Let one bot loose on a server with an empty database."""
    wanted = settings(**GENEROUS) if limits == "form alone" else settings()
    with tempfile.TemporaryDirectory() as folder, site(Path(folder), wanted) as pages:
        one = Try(pages, seconds)
        began = time.monotonic()
        with contextlib.suppress(
            AssertionError, ValueError, KeyError
        ):  # the page is refused to it: it gives up
            bot(one)
        return Row(
            bot=re.sub("_", " ", bot.__name__),
            limits=limits,
            tries=sum(one.statuses.values()),
            letters=len(pages.rows("notices")),
            statuses=one.statuses,
            seconds=round(time.monotonic() - began, 1),
        )


if __name__ == "__main__":
    main()
