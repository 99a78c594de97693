"""What `digest serve` runs: the day's jobs, the door of readers' mail, their pages, and the letters to them."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa

from digest.collect import worded
from digest.doors import persist
from digest.engine.local import LocalEngine, due_date
from digest.errors import DigestError
from digest.model import DeliveryState
from digest.pipeline import Published
from digest.protocols import Engine
from digest.received import Envelope
from digest.store import issues

if TYPE_CHECKING:
    from digest.app import App

log = logging.getLogger("digest")

LOOK_SECONDS = 20
"""How often letters to single readers are looked for that nobody in this process has written."""


def engine(app: "App") -> Engine:
    """Put together what `digest serve` runs."""
    post = Post(app)
    beside: dict[str, Callable[[threading.Event], None]] = {"letters": post.run}
    if (door := app.door(handle=post.handle)) is not None:
        beside["inbound"] = door.run
    if app.settings.web.listen:
        from digest.web.server import bind, serve_on  # noqa: PLC0415 - the web framework, where there are pages

        log.info(
            "the readers' pages answer on %s, for %s", app.settings.web.listen, app.settings.publisher.url
        )
        beside["web"] = partial(serve_on, app.site(post.wake), bind(app.settings.web.listen))
    return LocalEngine(
        collect=partial(collect, app),
        every_minutes=app.settings.fetch.every_minutes,
        publish_due=partial(_publish, app, app.clock(), {}),
        send_due=partial(_send, app),
        forget_due=partial(forget, app),
        beside=beside,
    )


class Post:
    """Sends the letters to single readers as soon as they are written, by whichever thread."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._written = threading.Event()

    def wake(self) -> None:
        """Say that there may be letters."""
        self._written.set()

    def handle(self, content: bytes, envelope: Envelope) -> str:
        """Handle a mail, and see to the letters that answer it."""
        done = self._app.inbound.handle(content, envelope)
        self.wake()
        return done

    def run(self, stop: threading.Event) -> None:
        """Send what is due until `stop` is set; what cannot be sent now is tried again."""
        persist(partial(self._send, stop), stop, name="the letters to single readers")

    def _send(self, stop: threading.Event) -> None:
        self._written.clear()
        for state, count in self._app.notify().items():
            log.info("%d letters to single readers %s", count, state)
        for _ in range(LOOK_SECONDS):
            if stop.is_set() or self._written.wait(1):
                return


def collect(app: "App", names: Sequence[str] | None = None) -> None:
    """Read the named sources, or all, and log what was wrong with them."""
    collected = app.collect(names)
    for trouble in collected.troubles:
        log.warning("%s", worded(trouble))
    log.info("collected %d articles, %d of them new", collected.read, collected.new)


def _publish(app: "App", began: datetime, looked_for: dict[str, date], mails_due: Callable[[], None]) -> None:
    for name in app.settings.lists:
        try:
            _publish_list(app, name, began, looked_for, mails_due)
        except DigestError as error:  # the readers of the next list get theirs all the same
            log.error("%s: %s", name, error)  # noqa: TRY400 - the message says it all


def _publish_list(
    app: "App", name: str, began: datetime, looked_for: dict[str, date], mails_due: Callable[[], None]
) -> None:
    with app.database.transaction() as connection:
        on = due_now(app, connection, name, began)
    if on is None:
        return
    first_look = looked_for.get(name) != on
    looked_for[name] = on
    if first_look:  # later ones leave the collecting to its own interval
        app.collect(app.sources_of(name))
    published = app.publish(name, on=on)
    if published is not None:
        mails_due()
        app.write_files(published.issue)
    log_published(name, on, published, first_look=first_look)


def due_now(app: "App", connection: sa.Connection, name: str, began: datetime) -> date | None:
    """Give the date of the issue of a list that is to be published now, if one is."""
    since = issues.last_closed(connection, name) or began
    on = due_date(app.settings.list_named(name), now=app.clock(), since=since)
    done = on is None or issues.find(connection, name, on)  # `digest run` may have been there first
    return None if done else on


def log_published(name: str, on: date, published: Published | None, *, first_look: bool) -> None:
    """Say what came of a list's hour, and of one without enough stories only once."""
    if published is not None:
        number, readers = published.issue.number, published.readers
        log.info("%s: issue %d of %s published for %d readers", name, number, on, readers)
    elif first_look:
        log.info("%s: too few stories for an issue of %s yet", name, on)


def _send(app: "App", stop: threading.Event) -> None:
    log_states(app.send(stopping=stop.is_set))


def log_states(outcome: Counter[DeliveryState]) -> None:
    """Say how many mails ended how."""
    for state, count in outcome.items():
        log.info("%d mails %s", count, state)


def forget(app: "App") -> None:
    """Forget what was kept long enough, and log what."""
    for what, count in app.forget().items():
        if count:
            log.info("forgot %d %s", count, what)
