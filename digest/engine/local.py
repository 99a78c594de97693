"""One process on one machine: APScheduler collects on an interval, publishes at each list's hour, sends and forgets.

Beside it run, each in a thread of its own, what may take long or waits for others: sending, the readers' pages and
their mail.

Due means due, never the exact minute. Every minute, the newest hour of each list that has passed is published if it
has not been, for as long as the list's catch-up time; publishing is once for a list and date, so it does not matter how
often or in how many processes one looks. Days missed altogether share one issue: it holds all that was ingested since
the last.
"""

import logging
import signal
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from digest import config
from digest.errors import DigestError

log = logging.getLogger(__name__)

FORGET_HOURS = 6
"""How often what has been kept long enough is looked for."""


class LocalEngine:
    """Runs the day's jobs until it is told to stop, and what stands beside them.

    Each job does whatever is due. What it raises is logged, and it is tried again at its next time. What stands beside
    runs until the event that it is given is set; where it cannot go on, the rest does. What is due is sent every minute
    and as soon as `publish_due` calls what it is given; `send_due` too is given the event that ends it.
    """

    def __init__(
        self,
        *,
        collect: Callable[[], None],
        every_minutes: int,
        publish_due: Callable[[Callable[[], None]], None],
        send_due: Callable[[threading.Event], None],
        forget_due: Callable[[], None],
        beside: Mapping[str, Callable[[threading.Event], None]],
    ) -> None:
        self._beside: Mapping[str, Callable[[threading.Event], None]] = {
            "send": partial(self._send_on, send_due),
            **beside,
        }
        self._stop = threading.Event()
        self._mails_due = threading.Event()
        self._scheduler = BackgroundScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        on_the_minute = CronTrigger(second=0, timezone=UTC)
        self._add("collect", collect, IntervalTrigger(minutes=every_minutes, timezone=UTC))
        self._add("publish", partial(publish_due, self._mails_due.set), on_the_minute)
        self._add("send", self._mails_due.set, on_the_minute)
        self._add("forget", forget_due, IntervalTrigger(hours=FORGET_HOURS, timezone=UTC))

    def run(self) -> None:
        """Run until SIGTERM or SIGINT; a job that is at work is let finish, but no further mail is begun."""
        stop = self._stop
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        threads = [
            threading.Thread(target=survive(name, partial(work, stop)), name=name)
            for name, work in self._beside.items()
        ]
        for thread in threads:
            thread.start()
        self._scheduler.start()
        stop.wait()
        log.info("stopping")
        self._scheduler.shutdown(wait=True)
        for thread in threads:
            thread.join()

    def _send_on(self, send_due: Callable[[threading.Event], None], stop: threading.Event) -> None:
        send = survive("send", partial(send_due, stop))
        while not stop.is_set():
            if self._mails_due.wait(1):
                self._mails_due.clear()
                send()

    def _add(self, name: str, job: Callable[[], None], trigger: BaseTrigger) -> None:
        self._scheduler.add_job(survive(name, job), trigger, id=name, next_run_time=datetime.now(UTC))


def due_date(wishes: config.List, *, now: datetime, since: datetime) -> date | None:
    """Give the date of the issue that a list's newest passed hour asks for, if it may still be made.

    `since` is when the list's last issue closed, or for a list without one when the program began: an hour before
    that asks for nothing.
    """
    zone = ZoneInfo(wishes.timezone)
    today = now.astimezone(zone).date()
    hours = (
        datetime.combine(day, time.fromisoformat(wishes.at), zone)
        for day in (today, today - timedelta(days=1), today - timedelta(days=2))
    )
    passed = next(hour for hour in hours if hour <= now)  # yesterday's may not be, where the clocks leap
    in_time = now - passed <= timedelta(hours=wishes.catch_up_hours)
    return passed.date() if in_time and since < passed else None


def survive(name: str, job: Callable[[], None]) -> Callable[[], None]:
    """Keep one failing job from ending the others: what it raises is logged."""

    def run() -> None:
        try:
            job()
        except DigestError as error:
            log.error("%s: %s", name, error)  # noqa: TRY400 - the message says it all; a traceback would mean a bug
        except Exception:
            log.exception("%s failed; this is a bug", name)

    return run
