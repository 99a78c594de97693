"""The queue of many workers: a job is there when what it is about is, waits once, and outlives its worker."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from makers import store
from postgres import Postgres
from procrastinate import App, PsycopgConnector

from digest.engine import jobs as queue
from digest.engine import many
from digest.engine.jobs import Jobs, prepare
from digest.engine.many import CLOCK, MAIL, SILENT, ManyEngine, Work, sweep
from digest.store import Database, sources


@pytest.fixture
def database(postgres: Postgres, tmp_path: Path) -> Iterator[Database]:
    url = postgres.fresh()
    with store(tmp_path, url=url) as opened:
        with opened.transaction() as connection:
            prepare(connection)
        yield opened
    postgres.drop(url)


def put(connection: sa.Connection, lane: int = 0) -> bool:
    return Jobs().put(connection, "send", queue=MAIL, once=f"send {lane}", lane=lane)


def waiting(database: Database) -> list[tuple[str, int]]:
    query = (
        "SELECT task_name, CAST(args->>'lane' AS INTEGER) FROM procrastinate.procrastinate_jobs "
        "WHERE status = 'todo' ORDER BY id"
    )
    with database.transaction() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_a_job_waits_once_however_often_it_is_put_there(database: Database) -> None:
    with database.transaction() as connection:
        assert put(connection) is True
        assert put(connection) is False
        sources.remember(connection, "wire", None, not_before=None)  # the transaction goes on
    with database.transaction() as connection:
        assert (put(connection), put(connection, 1)) == (False, True)
        assert sources.validators(connection, "wire") is not None

    assert waiting(database) == [("send", 0), ("send", 1)]


def test_a_job_is_there_exactly_when_what_it_is_about_is(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as connection:
            put(connection)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert waiting(database) == []


def test_the_queues_tables_are_made_once_and_kept_apart_from_ours(database: Database) -> None:
    with database.transaction() as connection:
        put(connection)
    with database.transaction() as connection:
        prepare(connection)
    with database.transaction() as connection:
        assert not [name for name in sa.inspect(connection).get_table_names() if "procrastinate" in name]

    assert len(waiting(database)) == 1


def test_tables_of_an_older_queue_are_brought_up_to_date(database: Database) -> None:
    """The last step makes a trigger anew, which shows whether it was taken."""
    trigger = "procrastinate_trigger_status_events_update_v1"
    older = f"COMMENT ON SCHEMA {queue.SCHEMA} IS '03.04.00_01_pre_add_retry_failed_job_procedure.sql'"
    with database.transaction() as connection:
        connection.exec_driver_sql(older)
        connection.exec_driver_sql(f"DROP TRIGGER {trigger} ON {queue.SCHEMA}.procrastinate_jobs")
    with database.transaction() as connection:
        prepare(connection)
        made = sa.text("SELECT COUNT(*) FROM pg_trigger WHERE tgname = :name")
        assert connection.scalar(made, {"name": trigger}) == 1


@pytest.mark.parametrize("another", [False, True])
def test_the_job_of_a_worker_that_fell_silent_waits_again_once(database: Database, another: bool) -> None:
    with database.transaction() as connection:
        put(connection)
        connection.execute(
            sa.text(
                "WITH silent AS (INSERT INTO procrastinate.procrastinate_workers (last_heartbeat) "
                "VALUES (now() - make_interval(secs => :silent)) RETURNING id) "
                "UPDATE procrastinate.procrastinate_jobs SET status = 'doing', worker_id = silent.id FROM silent"
            ),
            {"silent": SILENT + 1},
        )
    with database.transaction() as connection:
        if another:
            put(connection)
    asyncio.run(sweep_once(database))

    assert waiting(database) == [("send", 0)]


def test_a_worker_goes_on_when_the_database_has_been_away(database: Database, postgres: Postgres) -> None:
    done = threading.Semaphore(0)

    def happen() -> None:
        let_it_work(database, done)
        postgres.stop()
        postgres.start()
        let_it_work(database, done)

    run_a_worker(database, done, happen)


def test_a_worker_looks_for_a_database_that_is_away_until_it_is_back(
    database: Database, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, missed = threading.Semaphore(0), threading.Semaphore(0)

    def happen() -> None:
        found = missed.acquire(timeout=60) and missed.acquire(timeout=60)
        monkeypatch.undo()
        postgres.start()
        assert found
        let_it_work(database, done)

    monkeypatch.setattr(many.log, "error", lambda *_: missed.release())
    monkeypatch.setattr(many, "PATIENCE", 0.1)
    monkeypatch.setattr(many, "AGAIN", 0.1)
    postgres.stop()
    run_a_worker(database, done, happen)


def let_it_work(database: Database, done: threading.Semaphore) -> None:
    with database.transaction() as connection:
        Jobs().put(connection, "letters", queue=CLOCK, once="letters")
    assert done.acquire(timeout=60)


def run_a_worker(database: Database, done: threading.Semaphore, happen: Callable[[], None]) -> None:
    """Let one work, and say that it is done, until what happens beside it is over."""
    ended = threading.Event()

    def then_stop() -> None:
        try:
            happen()
        finally:
            if not ended.is_set():  # else the signal would end the tests
                os.kill(os.getpid(), signal.SIGTERM)

    nothing = Work(
        look=lambda _: None,
        collect=lambda _: None,
        publish=lambda *_: None,
        send=lambda *_: None,
        letters=done.release,
        forget=lambda: None,
    )
    with ThreadPoolExecutor(1) as pool:
        happening = pool.submit(then_stop)
        try:
            ManyEngine(at(database), nothing).run()
        finally:
            ended.set()
        happening.result()


def at(database: Database) -> str:
    return database.url.set(drivername="postgresql").render_as_string(hide_password=False)


async def sweep_once(database: Database) -> None:
    options = {"options": f"-c search_path={queue.SCHEMA}"}
    app = App(connector=PsycopgConnector(conninfo=at(database), kwargs=options))
    async with app.open_async():
        await sweep(app)
