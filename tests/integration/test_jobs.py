"""The queue of many workers: a job is there when what it is about is, waits once, and outlives its worker."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from makers import store
from postgres import Postgres
from procrastinate import App, PsycopgConnector

from digest.engine import jobs as queue
from digest.engine.jobs import Jobs, prepare
from digest.engine.many import MAIL, SILENT, sweep
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
    """Its last steps are taken again: they replace functions, so that what they make shows."""
    comment = f"COMMENT ON SCHEMA {queue.SCHEMA} IS '03.04.00_01_pre_add_retry_failed_job_procedure.sql'"
    gone = "DROP FUNCTION procrastinate.procrastinate_retry_job_v1"
    with database.transaction() as connection:
        connection.exec_driver_sql(comment)
        connection.exec_driver_sql(gone)
    with database.transaction() as connection:
        prepare(connection)
        assert connection.scalar(sa.text("SELECT to_regproc('procrastinate.procrastinate_retry_job_v1')"))


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


async def sweep_once(database: Database) -> None:
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    options = {"options": f"-c search_path={queue.SCHEMA}"}
    app = App(connector=PsycopgConnector(conninfo=url, kwargs=options))
    async with app.open_async():
        await sweep(app)
