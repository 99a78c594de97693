"""Subscribers and suppressions: what a reader wants, and what an address can take."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from digest.model import Subscriber, SubscriberState, SuppressionReason
from digest.plain import from_json, to_json
from digest.store.tables import deliveries, of_readers, put_row, subscribers, suppressions, votes
from digest.wishes import Format, Frequency, Topic, Wishes

WISHES = ("topics", "frequency", "hour", "zone", "minutes", "language", "format")
"""The columns that `wishes_of` reads."""

_SUPPRESS = put_row(suppressions, first_stays=True)


def find(connection: sa.Connection, list_name: str, key: str) -> Subscriber | None:
    """Give the subscriber of a list whose address compares equal to `key`."""
    query = sa.select(subscribers).where(subscribers.c.list == list_name, subscribers.c.address_key == key)
    row = connection.execute(query).one_or_none()
    return None if row is None else _subscriber(row)


def get(connection: sa.Connection, subscriber_id: int) -> Subscriber | None:
    """Give the subscriber of a row id that a token or a delivery names."""
    row = connection.execute(sa.select(subscribers).where(subscribers.c.id == subscriber_id)).one_or_none()
    return None if row is None else _subscriber(row)


def holdings(connection: sa.Connection, key: str) -> tuple[Subscriber, ...]:
    """Give the subscriptions of one address, by list."""
    query = sa.select(subscribers).where(subscribers.c.address_key == key).order_by(subscribers.c.list)
    return tuple(map(_subscriber, connection.execute(query)))


def all_of(connection: sa.Connection, list_name: str | None = None) -> Iterator[Subscriber]:
    """Give the subscribers of one list or of all, by list and address; not those who are forgotten."""
    query = (
        sa.select(subscribers)
        .where(subscribers.c.state != SubscriberState.ERASED.value)
        .order_by(subscribers.c.list, subscribers.c.address_key)
    )
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
    paused_until: datetime | None = None,
) -> Subscriber:
    """Write what a reader wants now, and by what word it came to be so; the first spelling of an address stays."""
    values: dict[str, Any] = {
        "state": state.value,
        "consent": consent,
        "since": now,
        "paused_until": paused_until,
    }
    same = (subscribers.c.list == list_name) & (subscribers.c.address_key == key)
    row = connection.execute(
        sa.update(subscribers).where(same).values(values).returning(subscribers)
    ).one_or_none()
    if row is None:
        values |= {"list": list_name, "address": address, "address_key": key}
        row = connection.execute(sa.insert(subscribers).values(values).returning(subscribers)).one()
    return _subscriber(row)


def set_wishes(connection: sa.Connection, subscriber_id: int, wishes: Wishes) -> Subscriber:
    """Write how a reader wants his letters."""
    values = {
        "frequency": wishes.frequency.value,
        "hour": wishes.hour,
        "zone": wishes.zone,
        "topics": to_json(wishes.topics),
        "minutes": wishes.minutes,
        "language": wishes.language,
        "format": wishes.format.value,
    }
    one = sa.update(subscribers).where(subscribers.c.id == subscriber_id)
    return _subscriber(connection.execute(one.values(values).returning(subscribers)).one())


def resume_due(connection: sa.Connection, *, now: datetime) -> int:
    """End the pauses whose time has come, and give how many."""
    over = (subscribers.c.state == SubscriberState.PAUSED.value) & (subscribers.c.paused_until <= now)
    values = {
        "state": SubscriberState.ACTIVE.value,
        "since": subscribers.c.paused_until,
        "paused_until": None,
    }
    return connection.execute(sa.update(subscribers).where(over).values(values)).rowcount


def erase(connection: sa.Connection, subscriber_id: int) -> None:
    """Leave nothing of a reader but the number of his row, and the counts of the mails that he was sent."""
    nothing = Wishes()
    set_wishes(connection, subscriber_id, nothing)
    blank = {
        "state": SubscriberState.ERASED.value,
        "address": "",
        "address_key": f"erased {subscriber_id}",  # no address: it has a space and no @
        "consent": "",
        "paused_until": None,
    }
    connection.execute(sa.update(subscribers).where(subscribers.c.id == subscriber_id).values(blank))
    his = of_readers([subscriber_id])
    connection.execute(sa.update(deliveries).where(his).values(reply=None))  # it may name the address
    connection.execute(sa.delete(votes).where(votes.c.subscriber_id == subscriber_id))


def forget_pending(connection: sa.Connection, ids: Sequence[int]) -> None:
    """Remove readers who never said yes, so that no mail was ever for them.

    The newest row only loses its contents, so that its number stays taken.
    """
    newest = connection.scalar(sa.select(sa.func.max(subscribers.c.id)))
    for subscriber_id in ids:
        if subscriber_id == newest:
            erase(connection, subscriber_id)
        else:
            had_mail = sa.exists().where(of_readers([subscriber_id]))
            connection.execute(sa.delete(subscribers).where(subscribers.c.id == subscriber_id, ~had_mail))


def in_state(
    connection: sa.Connection, state: SubscriberState, *, before: datetime
) -> tuple[Subscriber, ...]:
    """Give those who have been in a state since before a moment."""
    query = sa.select(subscribers).where(subscribers.c.state == state.value, subscribers.c.since < before)
    return tuple(map(_subscriber, connection.execute(query)))


def count(connection: sa.Connection, list_name: str, state: SubscriberState) -> int:
    """Count the subscribers of a list in a state."""
    those = (subscribers.c.list == list_name) & (subscribers.c.state == state.value)
    return connection.scalar(sa.select(sa.func.count()).select_from(subscribers).where(those)) or 0


def suppress(connection: sa.Connection, key: str, *, reason: SuppressionReason, now: datetime) -> None:
    """Stop all mail to an address; the first reason stays. A forgotten one's key is a keyed hash."""
    connection.execute(_SUPPRESS, {"address_key": key, "reason": reason.value, "since": now})


def release(connection: sa.Connection, *keys: str) -> bool:
    """Let mail go to an address again; False where nothing had stopped it."""
    return bool(
        connection.execute(sa.delete(suppressions).where(suppressions.c.address_key.in_(keys))).rowcount
    )


def suppression(connection: sa.Connection, *keys: str) -> SuppressionReason | None:
    """Tell why an address must not be mailed, if so; `keys` are its own and that of one who is forgotten."""
    query = sa.select(suppressions.c.reason).where(suppressions.c.address_key.in_(keys)).limit(1)
    reason = connection.execute(query).scalar_one_or_none()
    return None if reason is None else SuppressionReason(reason)


def suppressed(
    connection: sa.Connection, *, fingerprint: Callable[[str], str]
) -> dict[int, SuppressionReason]:
    """Tell why subscribers must not be mailed, by their row ids; `fingerprint` makes the keyed hash of a key."""
    rows = connection.execute(sa.select(suppressions.c.address_key, suppressions.c.reason))
    reasons = {row.address_key: row.reason for row in rows}
    hashed = any("@" not in key for key in reasons)
    found = {}
    for row in connection.execute(sa.select(subscribers.c.id, subscribers.c.address_key)) if reasons else ():
        key = row.address_key
        if reason := reasons.get(key) or (hashed and reasons.get(fingerprint(key))):
            found[row.id] = SuppressionReason(reason)
    return found


def wishes_of(values: Iterable[Any]) -> Wishes:
    """Make wishes of the values of the columns `WISHES`, in their order."""
    topics, frequency, hour, zone, minutes, language, form = values
    return Wishes(
        frequency=Frequency(frequency),
        hour=hour,
        zone=zone,
        topics=tuple(from_json(Topic, topic) for topic in topics or ()),
        minutes=minutes,
        language=language,
        format=Format(form),
    )


def _subscriber(row: sa.Row[Any]) -> Subscriber:
    return Subscriber(
        id=row.id,
        list=row.list,
        address=row.address,
        state=SubscriberState(row.state),
        since=row.since,
        consent=row.consent,
        wishes=wishes_of(getattr(row, name) for name in WISHES),
        paused_until=row.paused_until,
    )
