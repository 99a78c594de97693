"""The tables of a new SQLite database, made once in this process by the migrations and copied wherever a test begins.

    lay("sqlite:///digest.db", tmp_path)        a database with its tables, unless one is there already
    with in_memory() as database: ...           the same in memory

The migrations take a hundred times as long as the copy. What they do themselves is the matter of
tests/integration/test_store.py, and of each command at a terminal, whose folder has no database yet.
"""

import functools
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from digest.store import Database


@functools.cache
def _pattern() -> bytes:
    """Give the file of a database that was migrated and closed, so that nothing is left in a log beside it."""
    with TemporaryDirectory(prefix="pattern-") as folder:
        with closing(Database("sqlite:///digest.db", base=Path(folder))) as database:
            database.migrate()
        (file,) = Path(folder).iterdir()
        return file.read_bytes()


def lay(url: str, base: Path) -> None:
    """Put a database with its tables where a SQLite URL says, relative to a folder; leave any other URL alone."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return
    file = base / parsed.database
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_pattern())


@contextmanager
def in_memory() -> Iterator[Database]:
    """Open a database in memory, with its tables."""
    with closing(Database("sqlite://", base=Path())) as database:
        with closing(database._engine.raw_connection()) as held, closing(_pattern_in_memory()) as pattern:
            pattern.backup(held.driver_connection)
        yield database


def _pattern_in_memory() -> sqlite3.Connection:
    content = bytearray(_pattern())
    content[18:20] = b"\x01\x01"  # the file format's versions: no write-ahead log, which memory cannot have
    connection = sqlite3.connect(":memory:")
    connection.deserialize(bytes(content))
    return connection
