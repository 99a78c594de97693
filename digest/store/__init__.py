"""Everything that is kept, in one database; each module below holds the statements about one noun.

The seam is the connection: `Database` opens SQLite or PostgreSQL, and every statement is written once.

Transactions take turns, on both: SQLite has one writer at a time, and on PostgreSQL each takes the database's one
advisory lock first. So what is read at the beginning of a transaction is true until its end, and a statement that looks
before it writes (the next number of an issue, the last link of the chain of consent, a cap that counts, a key that
is taken once) needs nothing else, in however many processes. Sending is the exception, since many workers do it at
once: its transactions say `alone=False`. They hold on PostgreSQL because rows are claimed by FOR UPDATE SKIP LOCKED and
every later write names the claim. What they write beside the ledger does not look before (`put_row`), or takes a turn
of its own: for paces (`paces.hold`), and for a stop (`stops.put`).

Who only reads takes no turn: `reading` shows the database as it was at one moment, however long somebody else writes.
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
"""How long a statement waits for another process's transaction."""

TURN = 0x64696765737400
"""The number of the advisory lock; PostgreSQL keeps those of each database apart."""

POSTGRESQL = "postgresql+psycopg"

_READS = "digest_reads"
_PICTURE: dict[str, dict[str, Any]] = {
    "sqlite": {_READS: True},
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}

_MIGRATIONS = Path(__file__).parent / "migrations"
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
        backend = parsed.drivername.partition("+")[0]
        if backend == "postgresql":
            parsed = parsed.set(drivername=POSTGRESQL)
        elif backend != "sqlite":
            raise SettingsError(
                f"database = {url!r}: it can be sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME"
            )
        elif sqlite3.sqlite_version_info < _SQLITE:
            raise SettingsError(f"SQLite here is {sqlite3.sqlite_version}; 3.38 or newer is needed")
        elif parsed.database:
            parsed = parsed.set(database=str(base / parsed.database))
        self.url = parsed
        try:
            self._engine = sa.create_engine(parsed, **_options(parsed))
        except ModuleNotFoundError as error:
            raise SettingsError(
                f"database = {self.name!r}: {error}; `make env` installs it, or pip install '.[postgres]' in the clone"
            ) from None
        except (
            NoSuchModuleError,
            ImportError,
        ) as error:  # sqlite+something, or a library of the system's is missing
            raise SettingsError(f"database = {self.name!r}: {error}") from None
        if self.on_postgresql:
            sa.event.listen(self._engine, "connect", _prepare_postgresql)
        else:
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
            sa.event.listen(self._engine, "begin", _begin)

    @contextmanager
    def transaction(self, *, alone: bool = True) -> Iterator[sa.Connection]:
        """Give a connection whose work is committed at the end of the block, or undone by an exception.

        It begins when no other is at work, but for those that are not `alone`: these rely on no more than the rows
        that they lock. SQLite makes no difference.

        Raises:
            StoreError: the database is not there, is read-only, full, or busy for too long.

        """
        with self._refusals(), self._engine.begin() as connection:
            if alone and self.on_postgresql:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(TURN)))
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection that only reads, and all of it as it was when it first did; it waits for nobody.

        Raises:
            StoreError: the database is not there, or cannot be read.

        """
        options = _PICTURE[self.url.get_backend_name()]
        with (
            self._refusals(),
            self._engine.connect() as connection,
            connection.execution_options(**options).begin(),
        ):
            yield connection

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Turn what the database refuses into one sentence."""
        try:
            yield
        except DBAPIError as error:
            raise StoreError(
                f"the database {self.name} cannot be used: {_first_line(error)}{_advice(error)}"
            ) from error

    def migrate(self) -> None:
        """Make the tables, or bring those of an older version up to date; safe in two processes at once.

        Raises:
            StoreError: as `transaction`, or the tables are those of a newer version.

        """
        if self.url.get_backend_name() == "sqlite" and self.url.database:
            _make_folder(Path(self.url.database).parent)
        if self._is_newest():
            return
        from alembic import command  # noqa: PLC0415 - slow to import, and seldom needed
        from alembic.config import Config  # noqa: PLC0415
        from alembic.util import CommandError  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.set_main_option("path_separator", "os")
        with self.transaction() as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:  # its tables are those of a revision that is not among ours
                raise StoreError(
                    f"the database {self.name} was made by a newer version: {error}; run that one, or set `database`"
                ) from None

    def _is_newest(self) -> bool:
        """Tell whether the tables are those of the last migration, whose number its file name begins with."""
        last = max(path.name for path in (_MIGRATIONS / "versions").glob("[0-9]*.py")).partition("_")[0]
        with self.transaction() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return False
            made_by = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
            return bool(made_by == last)

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()

    @property
    def name(self) -> str:
        """The URL without its password."""
        return self.url.render_as_string(hide_password=True)

    @property
    def on_postgresql(self) -> bool:
        """Whether it is one that many machines can share."""
        return self.url.get_backend_name() == "postgresql"


def _options(url: sa.URL) -> dict[str, Any]:
    if url.drivername == POSTGRESQL:
        return {
            "isolation_level": "READ COMMITTED",  # who has had to wait for its turn must see what was done before it
            "pool_pre_ping": True,  # a server that was restarted is found at once
            "connect_args": {"options": _SESSION},
        }
    if (
        url.get_backend_name() == "sqlite" and not url.database
    ):  # in memory: one connection, or each sees its own
        return {"poolclass": sa.StaticPool, "connect_args": {"check_same_thread": False}}
    return {}


_SESSION = " ".join(
    f"-c {setting}"
    for setting in (
        f"lock_timeout={BUSY_SECONDS}s",
        "tcp_keepalives_idle=30",  # a machine that vanishes with its turn loses it within a minute
        "tcp_keepalives_interval=10",
        "tcp_keepalives_count=3",
    )
)


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    from psycopg.types.string import StrDumperUnknown  # noqa: PLC0415 - only there with the extra

    class Dumper(StrDumperUnknown):
        """Leaves out NUL, which PostgreSQL's text cannot hold and nothing that we keep means."""

        def dump(self, text: str) -> Any:
            return super().dump(text.replace("\0", ""))

    connection.adapters.register_dumper(str, Dumper)


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


def _begin(connection: sa.Connection) -> None:
    """Take the write lock at once, unless it only reads: a read that later writes could else fail half-way as busy."""
    reads = connection.get_execution_options().get(_READS, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the database's folder {folder} cannot be made: {error.strerror}; mend that or set `database`"
        ) from None


_BUSY = "another run holds it: try again when that has ended"
_NO_ROOM = "make room on the disk and run again: nothing was lost"
_NOT_THERE = "is the server running, and is `database` right? Run again when it is: nothing was lost"

_ADVICE = (  # what a message of SQLite or of PostgreSQL's library says → what to do
    ("locked", _BUSY),
    ("readonly", "is the folder there, and may this user write to it?"),
    ("unable to open", "is the folder there, and may this user write to it?"),
    ("full", _NO_ROOM),
    ("disk I/O", _NO_ROOM),
    ("not a database", "move that file away, or set `database` to another one"),
    ("authentication", "mend the user and the password in `database`"),
    ("does not exist", "make it with `createdb`, or mend its name or user in `database`"),
    ("too many clients", "let the server take more connections (max_connections), or run fewer workers"),
    ("connection", _NOT_THERE),
    ("resolve", _NOT_THERE),
)

_ADVICE_ON_STATES = {  # SQLSTATE, which PostgreSQL gives in every language → what to do
    "55P03": _BUSY,
    "40P01": _BUSY,
    "53100": _NO_ROOM,
    "25006": "it is a copy that only reads: name the one that writes",
    "42501": "let its user make and write tables there",
    "57P01": _NOT_THERE,
    "57P02": _NOT_THERE,
    "57P03": _NOT_THERE,
}


def _advice(error: DBAPIError) -> str:
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        advice = next((advice for part, advice in _ADVICE if part in str(error.orig)), None)
    else:
        advice = _ADVICE_ON_STATES.get(state)
    return f"; {advice}" if advice else ""


def _first_line(error: DBAPIError) -> str:
    """Say what went wrong; PostgreSQL's further lines quote what was to be written, which no log should."""
    return str(error.orig).partition("\n")[0]
