"""Stops: what ended the sending of an issue, or of everything, until a person says that it may go on."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from digest.store.tables import deliveries, issues, stops

TURN = 0x73746F70
"""The number of the advisory locks: one for each issue, and one, of 0, for everything. No issue has that id."""

_ACTIVE = (
    sa.select(stops, issues.c.list)
    .outerjoin(issues, issues.c.id == stops.c.issue_id)
    .where(stops.c.lifted.is_(None))
    .order_by(stops.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Why an issue does not leave, or nothing does."""

    id: int
    issue_id: int | None  # None: everything
    list: str | None
    reason: str
    at: datetime


def put(connection: sa.Connection, issue_id: int | None, *, reason: str, now: datetime) -> int | None:
    """Stop an issue, or with None everything, and give the row id; None where that is stopped already.

    Those who stop the same take turns, to the end of their transactions: the first one's stop is there for the second.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(TURN, issue_id or 0)))
    same = stops.c.lifted.is_(None) & stops.c.issue_id.is_not_distinct_from(issue_id)
    if connection.execute(sa.select(stops.c.id).where(same)).first():
        return None
    values = {"issue_id": issue_id, "reason": reason, "at": now}
    stop_id: int = connection.execute(sa.insert(stops).values(values).returning(stops.c.id)).scalar_one()
    return stop_id


def active(connection: sa.Connection) -> tuple[Stop, ...]:
    """Give the stops that hold, oldest first."""
    return tuple(
        Stop(id=row.id, issue_id=row.issue_id, list=row.list, reason=row.reason, at=row.at)
        for row in connection.execute(_ACTIVE)
    )


def lift(connection: sa.Connection, stop_id: int | None = None, *, now: datetime) -> int:
    """Let go on what one stop holds, or with None what any does, and give how many were lifted."""
    holding = sa.update(stops).where(stops.c.lifted.is_(None)).values(lifted=now)
    if stop_id is not None:
        holding = holding.where(stops.c.id == stop_id)
    return connection.execute(holding).rowcount


def last_lift(connection: sa.Connection) -> datetime | None:
    """Tell when a person last let everything go on; None: nobody has had to."""
    query = sa.select(sa.func.max(stops.c.lifted)).where(stops.c.issue_id.is_(None))
    last: datetime | None = connection.scalar(query)
    return last


def nothing_stops_it() -> sa.ColumnElement[bool]:
    """Tell of which rows of the ledger neither their issue nor everything is stopped."""
    held = stops.c.lifted.is_(None)
    everything = sa.select(stops.c.id).where(held, stops.c.issue_id.is_(None)).exists()
    stopped = sa.select(stops.c.issue_id).where(held, stops.c.issue_id.is_not(None))
    return ~everything & deliveries.c.issue_id.not_in(stopped)
