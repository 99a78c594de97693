"""Sources: what their servers told us, so that an unchanged feed need not be served again, or too soon."""

from datetime import datetime

import sqlalchemy as sa

from digest.model import Validators
from digest.store.tables import sources


def validators(connection: sa.Connection, name: str) -> Validators | None:
    """Give what the server of a source sent with its last answer."""
    query = sa.select(sources.c.etag, sources.c.last_modified).where(sources.c.name == name)
    row = connection.execute(query).one_or_none()
    return Validators(etag=row.etag, last_modified=row.last_modified) if row else None


def resting(connection: sa.Connection, *, now: datetime) -> set[str]:
    """Name the sources whose servers asked to be left alone until later than `now`."""
    return set(connection.scalars(sa.select(sources.c.name).where(sources.c.not_before > now)))


def remember(
    connection: sa.Connection, name: str, validators: Validators | None, *, not_before: datetime | None
) -> None:
    """Keep what a server said last, in place of what it said before."""
    known = validators or Validators()
    values = {"etag": known.etag, "last_modified": known.last_modified, "not_before": not_before}
    if not connection.execute(sa.update(sources).where(sources.c.name == name).values(values)).rowcount:
        connection.execute(sa.insert(sources).values(name=name, **values))
