"""Subscribers and suppressions: what a reader wants, and what an address can take."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from digest.model import Subscriber, SubscriberState, SuppressionReason
from digest.store.tables import subscribers, suppressions


def find(connection: sa.Connection, list_name: str, key: str) -> Subscriber | None:
    """Give the subscriber of a list whose address compares equal to `key`."""
    query = sa.select(subscribers).where(subscribers.c.list == list_name, subscribers.c.address_key == key)
    row = connection.execute(query).one_or_none()
    return None if row is None else _subscriber(row)


def get(connection: sa.Connection, subscriber_id: int) -> Subscriber:
    """Give the subscriber of a row id that a delivery names."""
    return _subscriber(
        connection.execute(sa.select(subscribers).where(subscribers.c.id == subscriber_id)).one()
    )


def all_of(connection: sa.Connection, list_name: str | None = None) -> Iterator[Subscriber]:
    """Give the subscribers of one list or of all, by list and address."""
    query = sa.select(subscribers).order_by(subscribers.c.list, subscribers.c.address_key)
    if list_name is not None:
        query = query.where(subscribers.c.list == list_name)
    return map(_subscriber, connection.execute(query))


def set_state(
    connection: sa.Connection,
    list_name: str,
    address: str,
    *,
    key: str,
    state: SubscriberState,
    consent: str,
    now: datetime,
) -> None:
    """Write what a reader wants now, and by what word it came to be so; the first spelling of an address stays."""
    values: dict[str, Any] = {"state": state.value, "consent": consent, "since": now}
    same = (subscribers.c.list == list_name) & (subscribers.c.address_key == key)
    if not connection.execute(sa.update(subscribers).where(same).values(values)).rowcount:
        values |= {"list": list_name, "address": address, "address_key": key}
        connection.execute(sa.insert(subscribers).values(values))


def suppress(connection: sa.Connection, key: str, *, reason: SuppressionReason, now: datetime) -> None:
    """Stop all mail to an address; the first reason stays."""
    if suppression(connection, key) is None:
        values = {"address_key": key, "reason": reason.value, "since": now}
        connection.execute(sa.insert(suppressions).values(values))


def suppression(connection: sa.Connection, key: str) -> SuppressionReason | None:
    """Tell why an address must not be mailed, if so."""
    query = sa.select(suppressions.c.reason).where(suppressions.c.address_key == key)
    reason = connection.execute(query).scalar_one_or_none()
    return None if reason is None else SuppressionReason(reason)


def _subscriber(row: sa.Row[Any]) -> Subscriber:
    return Subscriber(
        id=row.id,
        list=row.list,
        address=row.address,
        state=SubscriberState(row.state),
        since=row.since,
        consent=row.consent,
        language=row.language,
    )
