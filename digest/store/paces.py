"""Paces: how fast mail may leave, kept so that a restart forgets nothing and several workers share one rate.

One row for all mail, which whoever changes any of them holds, so that it is never removed; one for each receiving
domain that has a rate; one for the relay's breaker; one for the warm-up of a sending domain.
"""

import dataclasses
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from digest.store.tables import paces, put_row

ALL = "all"
RELAY = "relay"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_AT_ONCE = 500
"""Keys in one statement: databases take so many parameters and no more."""

_HOLD = sa.select(paces.c.key).where(paces.c.key == ALL).with_for_update()
_THERE = put_row(paces, first_stays=True)
_PUT = put_row(paces)
_THESE = sa.select(paces).where(paces.c.key.in_(sa.bindparam("keys", expanding=True)))
_REMOVE = sa.delete(paces).where(paces.c.key.in_(sa.bindparam("keys", expanding=True)))
_LEARNT = sa.select(paces.c.key).where(paces.c.rate.is_not(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What is known of one key; what says nothing of it is None. See `digest.pace` for what the values mean."""

    key: str
    free: datetime | None = None
    taken: tuple[datetime, ...] = ()
    tail: datetime | None = None
    rate: float | None = None
    refused: float | None = None
    cut: datetime | None = None
    heard: datetime | None = None
    count: int = 0


def of_domain(domain: str) -> str:
    """Give the key of a receiving domain."""
    return f"@{domain}"


def of_warm_up(domain: str) -> str:
    """Give the key of a sending domain's first days."""
    return f"warm-up:{domain}"


def hold(connection: sa.Connection) -> None:
    """Let nobody else change any of them until the transaction ends."""
    if connection.execute(_HOLD).one_or_none() is None:
        connection.execute(_THERE, _row(Pace(key=ALL)))
        connection.execute(_HOLD)


def get(connection: sa.Connection, keys: Collection[str]) -> dict[str, Pace]:
    """Give those that are there, by their keys."""
    wanted, found = sorted(keys), dict[str, Pace]()
    for start in range(0, len(wanted), _AT_ONCE):
        rows = connection.execute(_THESE, {"keys": wanted[start : start + _AT_ONCE]})
        found |= {row.key: _pace(row) for row in rows}
    return found


def learnt(connection: sa.Connection) -> frozenset[str]:
    """Name the domains that have a rate of their own, as keys."""
    return frozenset(connection.scalars(_LEARNT))


def put(connection: sa.Connection, changed: Iterable[Pace]) -> None:
    """Keep them in place of what was there; the caller holds them."""
    if rows := [_row(pace) for pace in changed]:
        connection.execute(_PUT, rows)


def remove(connection: sa.Connection, keys: Collection[str]) -> None:
    """Forget some, which is done by one who holds them; never that of all mail, whose row others wait for."""
    known = sorted(get(connection, keys))
    if known:
        hold(connection)
    for start in range(0, len(known), _AT_ONCE):
        connection.execute(_REMOVE, {"keys": known[start : start + _AT_ONCE]})


def _row(pace: Pace) -> dict[str, object]:
    row = {field.name: getattr(pace, field.name) for field in dataclasses.fields(pace)}
    row["taken"] = [(slot - _EPOCH) // _MICROSECOND for slot in pace.taken] or None
    return row


def _pace(row: sa.Row[tuple[object, ...]]) -> Pace:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    values["taken"] = tuple(_EPOCH + slot * _MICROSECOND for slot in row.taken or ())
    return Pace(**values)
