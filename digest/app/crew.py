"""What `digest worker` runs: one of many workers that share a PostgreSQL database.

Sending goes in lanes, of each of which at most one job waits and one runs. A job sends a share of what is due; where
there is more it puts the next of its lane there, and those of two further lanes: so a single look that finds a
million mails has all workers at it in a moment, and one that finds none costs one job.
"""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

import sqlalchemy as sa

from digest.app.daemon import collect, due_now, forget, log_published, log_states
from digest.engine.jobs import Jobs, prepare
from digest.engine.local import FORGET_HOURS
from digest.engine.many import CLOCK, DAY, MAIL, ManyEngine, Work
from digest.errors import SettingsError
from digest.protocols import Engine
from digest.store import handled

if TYPE_CHECKING:
    from digest.app import App
    from digest.model import DeliveryState

log = logging.getLogger("digest")

SHARE = 2_000
"""Mails that one job sends before another kind of work may have its turn; a job costs about ten milliseconds."""

LANES = 32
"""Workers that can send at once."""

WOKEN = 20
"""Readers of a new issue for each worker that is woken at once."""


def engine(app: "App") -> Engine:
    """Put together what `digest worker` runs.

    Raises:
        SettingsError: each machine would sign with a secret of its own.

    """
    settings = app.settings
    if not (settings.secret.get_secret_value() or settings.secret_file):
        raise SettingsError(
            "`digest worker` needs `secret` or `secret_file`: all workers must sign with the same"
        )
    with app.database.transaction() as connection:
        prepare(connection)
    crew = _Crew(app)
    conninfo = app.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    work = Work(
        look=crew.look,
        collect=lambda source: collect(app, [source]),
        publish=crew.publish,
        send=crew.send,
        letters=crew.letters,
        forget=partial(forget, app),
    )
    return ManyEngine(conninfo, work)


class _Crew:
    """What each job does."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._jobs = Jobs()
        self._began = app.clock()

    def look(self, minute: datetime) -> None:
        """Put what is due at a full minute into the queue."""
        app = self._app
        since_midnight = minute.hour * 60 + minute.minute
        with app.database.transaction() as connection:
            put = partial(self._jobs.put, connection)
            if since_midnight % app.settings.fetch.every_minutes == 0:
                for source in app.settings.sources:
                    put("collect", queue=DAY, once=f"collect {source}", source=source)
            for name in app.settings.lists:
                if on := due_now(app, connection, name, self._began):
                    put("publish", queue=DAY, once=f"publish {name}", name=name, on=on.isoformat())
            if since_midnight % (FORGET_HOURS * 60) == 0:
                put("forget", queue=DAY, once="forget")
            put("letters", queue=CLOCK, once="letters")
            self._put_lane(connection, 0)

    def publish(self, name: str, on: date) -> None:
        """Publish a list's issue, with the jobs that send it; at the first look its sources are read before."""
        app = self._app
        with app.database.transaction() as connection:
            first_look = handled.take(connection, f"look for {name} {on}", now=app.clock())
        if first_look:
            app.collect(app.sources_of(name))
        published = app.publish(name, on=on, frozen=self._put_lanes)
        if published is not None:
            app.write_files(published.issue)
        log_published(name, on, published, first_look=first_look)

    def send(self, lane: int, stopping: Callable[[], bool]) -> None:
        """Send a share of what is due, and see to it that others help where there is more."""
        sent: Counter[DeliveryState] = Counter()
        log_states(
            self._app.send(
                on_settled=lambda settled: sent.update([settled.state]),
                stopping=lambda: sent.total() >= SHARE or stopping(),
            )
        )
        if sent.total() >= SHARE:
            with self._app.database.transaction() as connection:
                for further in (lane, 2 * lane + 1, 2 * lane + 2):
                    self._put_lane(connection, further)

    def letters(self) -> None:
        """Send the letters to single readers that nobody has sent yet."""
        for state, number in self._app.notify().items():
            log.info("%d letters to single readers %s", number, state)

    def _put_lanes(self, connection: sa.Connection, readers: int) -> None:
        """Wake as many workers as an issue for so many readers can use."""
        for lane in range(min(ceil(readers / WOKEN), LANES)):
            self._put_lane(connection, lane)

    def _put_lane(self, connection: sa.Connection, lane: int) -> None:
        if lane < LANES:
            self._jobs.put(connection, "send", queue=MAIL, once=f"send {lane}", lane=lane)
