"""Jobs for whichever worker is free: kept by Procrastinate on PostgreSQL, beside our own tables.

A job is put there through the application's own connection, so it is there exactly when what it is about is. Of jobs
with the same name in `once` only one waits at a time: however many processes look at the clock, the work is in the
queue once. A job may be run twice, by a worker that was thought dead and by the next; that what it does happens once is
the business of the store, not of the queue.

Procrastinate's tables have a schema of their own, of its name. `prepare` makes it, or brings that of an older
Procrastinate up to date; its comment remembers how far it is.
"""

from importlib.resources import files
from typing import Any

import sqlalchemy as sa
from procrastinate import App, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.schema import SchemaManager

from digest.errors import StoreError

SCHEMA = "procrastinate"


class Jobs:
    """The queue, as those who put jobs into it see it."""

    def __init__(self) -> None:
        self._app = App(connector=SyncPsycopgConnector())  # never opened: each job comes with a connection

    def put(self, connection: sa.Connection, task: str, *, queue: str, once: str, **arguments: Any) -> bool:
        """Put a job there in this transaction; False means that it waits there already.

        Jobs with the same `once` are also run one after the other.

        Raises:
            StoreError: the database refused.

        """
        _find_tables(connection)
        job = self._app.configure_task(
            task,
            queue=queue,
            lock=once,
            queueing_lock=once,
            connection=connection.connection.driver_connection,
        )
        try:
            with connection.begin_nested():
                job.defer(**arguments)
        except AlreadyEnqueued:
            return False
        except ConnectorException as error:
            raise StoreError(
                f"the queue refused a job: {error.__cause__ or error}; nothing was lost"
            ) from error
        return True


def prepare(connection: sa.Connection) -> None:
    """Make the queue's tables, or bring them up to date."""
    names = sorted(path.name for path in files("procrastinate.sql.migrations").iterdir())
    steps = [name for name in names if name.endswith(".sql")]
    has = sa.text("SELECT obj_description(to_regnamespace(:name)::oid, 'pg_namespace')")
    done = connection.scalar(has, {"name": SCHEMA})
    if done is None:
        connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
        scripts = [SchemaManager.get_schema()]
    else:
        scripts = [_migration(name) for name in steps if name > done]
    _find_tables(connection, first=True)
    for script in scripts:
        connection.exec_driver_sql(script.replace("%", "%%"))
    connection.exec_driver_sql(f"COMMENT ON SCHEMA {SCHEMA} IS '{steps[-1]}'")


def _migration(name: str) -> str:
    return (files("procrastinate.sql.migrations") / name).read_text("utf-8")


def _find_tables(connection: sa.Connection, *, first: bool = False) -> None:
    """Let names be looked for among the queue's tables too, until the end of the transaction."""
    path = f"{SCHEMA}, public" if first else sa.func.current_setting("search_path").concat(f", {SCHEMA}")
    connection.execute(sa.select(sa.func.set_config("search_path", path, True)))
