"""One of many workers, on as many machines as wanted, that share the work through PostgreSQL.

    every minute      one worker, whichever is first, looks at the clock and puts there what is due
    jobs              collect a source, publish a list, send a share of what is due, letters to single readers, forget
    every few seconds each worker says that it lives, and gives the jobs of those that are silent to the next

What is true after a worker was killed: what it was at is a job again within `SILENT` seconds. What it had published is
published; what it had sent stands in the ledger, and the mails it had only claimed come due when their lease ends.
When the database is away, work stops and goes on when it is back.
"""

import asyncio
import logging
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Status
from psycopg_pool import AsyncConnectionPool

from digest.engine.jobs import SCHEMA
from digest.engine.local import survive

log = logging.getLogger(__name__)

CLOCK, DAY, MAIL = "clock", "day", "mail"
"""The queues: nothing waits behind a slow source, and short letters not behind an issue's."""

SLOTS = {CLOCK: 1, DAY: 4, MAIL: 1}
"""How many jobs of each a worker does at once."""

ALIVE, SILENT, AGAIN = 2, 10, 5
"""Seconds: between two signs of life; after which a worker is thought dead; until a lost database is tried again."""

PATIENCE = 10
"""Seconds that a connection may take to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the jobs do; `stopping` is asked by those that may take long."""

    look: Callable[[datetime], None]  # puts there what is due at a full minute
    collect: Callable[[str], None]
    publish: Callable[[str, date], None]
    send: Callable[[int, Callable[[], bool]], None]
    letters: Callable[[], None]
    forget: Callable[[], None]


class ManyEngine:
    """Does jobs until it is told to stop; those that are at work are let finish."""

    def __init__(self, conninfo: str, work: Work) -> None:
        """`conninfo` is the URL of the database as PostgreSQL's own library reads it."""
        self._conninfo = conninfo
        self._work = work
        self._stopping = threading.Event()

    def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        told = asyncio.Event()

        def stop() -> None:
            log.info("stopping")
            self._stopping.set()
            told.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        while not told.is_set():
            try:
                await self._work_until(told)
            except (ConnectorException, psycopg.Error, OSError) as error:
                log.error("the database is away: %s", error.__cause__ or error)  # noqa: TRY400 - it comes back
            if not told.is_set():
                _, waiting = await asyncio.wait([asyncio.create_task(told.wait())], timeout=AGAIN)
                for task in waiting:
                    task.cancel()

    async def _work_until(self, told: asyncio.Event) -> None:
        """Work until told to stop, or until the database is lost."""
        pool = AsyncConnectionPool(
            self._conninfo,
            kwargs={"options": f"-c search_path={SCHEMA}"},
            min_size=len(SLOTS) + 1,
            max_size=3 * len(SLOTS),
            timeout=PATIENCE,
            check=AsyncConnectionPool.check_connection,
            open=False,
        )
        app = App(connector=PsycopgConnector())
        self._register(app)
        async with pool, app.open_async(pool):
            await pool.wait(PATIENCE)  # by itself it would open for half a minute, and try ever more seldom
            tasks = [asyncio.create_task(told.wait()), asyncio.create_task(_sweep_on(app))]
            tasks += [
                asyncio.create_task(
                    app.run_worker_async(
                        queues=[queue],
                        concurrency=slots,
                        name=queue,
                        install_signal_handlers=False,
                        delete_jobs="always",
                        update_heartbeat_interval=ALIVE,
                        stalled_worker_timeout=SILENT,
                    )
                )
                for queue, slots in SLOTS.items()
            ]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            for ended in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended

    def _register(self, app: App) -> None:
        """Say which function does each task; one that fails is logged, and what it left is due again."""
        work = self._work

        def publish(name: str, on: str) -> None:
            work.publish(name, date.fromisoformat(on))

        def look(timestamp: int) -> None:
            work.look(datetime.fromtimestamp(timestamp, UTC))

        tasks: dict[str, Callable[..., None]] = {
            "collect": work.collect,
            "publish": publish,
            "send": self._send,
            "letters": work.letters,
            "forget": work.forget,
        }
        for name, task in tasks.items():
            app.task(name=name)(_surviving(name, task))
        looking = app.task(name="look", queue=CLOCK, queueing_lock="look")(_surviving("look", look))
        app.periodic(cron="* * * * *")(looking)

    def _send(self, lane: int) -> None:
        self._work.send(lane, self._stopping.is_set)


def _surviving(name: str, task: Callable[..., None]) -> Callable[..., None]:
    def run(**arguments: Any) -> None:
        survive(name, partial(task, **arguments))()

    return run


async def _sweep_on(app: App) -> None:
    while True:
        await sweep(app)
        await asyncio.sleep(ALIVE)


async def sweep(app: App) -> None:
    """Give the jobs of silent workers to the next."""
    jobs = app.job_manager
    for job in await jobs.get_stalled_jobs(seconds_since_heartbeat=SILENT):
        log.warning("a worker fell silent at %s; another takes it", job.call_string)
        try:
            await jobs.retry_job(job)
        except UniqueViolation:  # the next of its kind waits already
            await jobs.finish_job(job, Status.FAILED, delete_job=True)
        except (
            ConnectorException
        ):  # another worker's sweep was faster; if the database is away, that shows soon
            log.debug("could not retry %s", job.call_string)
