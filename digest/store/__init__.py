"""Everything that is kept, in one database; each module below holds the statements about one noun.

The seam is the connection: `Database` opens SQLite or PostgreSQL, and every statement is written once.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from digest.errors import SettingsError, StoreError

BUSY_SECONDS = 30
"""How long a statement waits for another process's transaction on SQLite."""


_SQLITE = (3, 38)  # the first that reads JSON with ->>


class Database:
    """A place to keep things; brought to the newest schema by `migrate`."""

    def __init__(self, url: str, *, base: Path) -> None:
        try:
            parsed = sa.make_url(url)
        except ArgumentError:
            raise SettingsError(
                f"database = {url!r} is no SQLAlchemy URL; an example: sqlite:///var/digest.db"
            ) from None
        if parsed.get_backend_name() == "sqlite" and sqlite3.sqlite_version_info < _SQLITE:
            raise SettingsError(f"SQLite here is {sqlite3.sqlite_version}; 3.38 or newer is needed")
        if parsed.get_backend_name() == "sqlite" and parsed.database:
            parsed = parsed.set(database=str(base / parsed.database))
        self.url = parsed
        try:
            self._engine = sa.create_engine(parsed, **_options(parsed))
        except (NoSuchModuleError, ImportError) as error:
            raise SettingsError(f"database = {url!r}: {error}") from None
        if parsed.get_backend_name() == "sqlite":
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
            sa.event.listen(self._engine, "begin", _begin_immediate)

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Give a connection whose work is committed at the end of the block, or undone by an exception.

        Raises:
            StoreError: the database is not there, is read-only, full, or busy for too long.

        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise StoreError(
                f"the database {self.name} cannot be used: {error.orig}{_advice(error)}"
            ) from error

    def migrate(self) -> None:
        """Make the tables, or bring those of an older version up to date; safe in two processes at once.

        Raises:
            StoreError: as `transaction`, or the tables are those of a newer version.

        """
        from alembic import command  # noqa: PLC0415 - slow to import, and only needed here
        from alembic.config import Config  # noqa: PLC0415
        from alembic.util import CommandError  # noqa: PLC0415

        if self.url.get_backend_name() == "sqlite" and self.url.database:
            _make_folder(Path(self.url.database).parent)
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        config.set_main_option("path_separator", "os")
        with self.transaction() as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:  # its tables are those of a revision that is not among ours
                raise StoreError(
                    f"the database {self.name} was made by a newer version: {error}; run that one, or set `database`"
                ) from None

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()

    @property
    def name(self) -> str:
        """The URL without its password."""
        return self.url.render_as_string(hide_password=True)


def _options(url: sa.URL) -> dict[str, Any]:
    if (
        url.get_backend_name() == "sqlite" and not url.database
    ):  # in memory: one connection, or each sees its own
        return {"poolclass": sa.StaticPool, "connect_args": {"check_same_thread": False}}
    return {}


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are ours to begin
    for pragma in (
        f"busy_timeout = {BUSY_SECONDS * 1000}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "secure_delete = ON",  # what is forgotten must not stay in the file
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: sa.Connection) -> None:
    """Take the write lock at once: a read that later writes could otherwise fail half-way as busy."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the database's folder {folder} cannot be made: {error.strerror}; mend that or set `database`"
        ) from None


def _advice(error: DBAPIError) -> str:
    text = str(error.orig)
    if "locked" in text:
        return "; another run holds it: try again when that has ended"
    if "readonly" in text or "unable to open" in text:
        return "; is the folder there, and may this user write to it?"
    if "full" in text or "disk I/O" in text:
        return "; make room on the disk and run again: nothing was lost"
    if "not a database" in text:
        return "; move that file away, or set `database` to another one"
    return ""
