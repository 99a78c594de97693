"""What was handled once and must not be again: mails by their hash, forms by their number."""

from datetime import datetime

import sqlalchemy as sa

from digest.store.tables import handled


def take(connection: sa.Connection, key: str, *, now: datetime) -> bool:
    """Take a key for good; False means that it had been taken.

    In the transaction of what is done about it, so that both are true after a crash or neither is.
    """
    if connection.execute(sa.select(handled.c.key).where(handled.c.key == key)).one_or_none():
        return False
    connection.execute(sa.insert(handled).values(key=key, at=now))
    return True


def forget(connection: sa.Connection, *, before: datetime) -> int:
    """Remove the keys that were taken before a moment; give how many."""
    return connection.execute(sa.delete(handled).where(handled.c.at < before)).rowcount
