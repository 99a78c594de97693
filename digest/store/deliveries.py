"""Deliveries: the ledger. One row for each issue and subscriber, claimed by lease, moved only forward.

`enqueue` runs in the transaction that freezes the issue. `claim` hands out rows that are due and reads consent
and suppression again. Every later write names the claim token, so that a worker whose lease ran out
changes nothing.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from digest.model import LOOKS_BACK, Delivery, DeliveryState, Reply, SubscriberState
from digest.store.subscribers import WISHES, wishes_of
from digest.store.tables import deliveries, issues, subscribers, suppressions
from digest.wishes import Frequency, Wishes


def enqueue(
    connection: sa.Connection,
    issue_id: int,
    list_name: str,
    *,
    due: Callable[[Wishes], datetime | None],
    now: datetime,
    lifetime: timedelta,
) -> int:
    """Make a row for each active subscriber of the list and give how many.

    `due` says when one with such a frequency, hour and zone gets it, or None for not at all; it is asked once for
    each different three of them, however many readers share them. Each row keeps the date of the last issue that its
    reader had, so that his letter is the same whatever crashes or fails before it is written.
    """
    timing = (subscribers.c.frequency, subscribers.c.hour, subscribers.c.zone)
    active = (subscribers.c.list == list_name) & (subscribers.c.state == SubscriberState.ACTIVE.value)
    names = ["issue_id", "subscriber_id", "state", "due", "expires", "changed", "attempts", "since"]
    last = _last_had(connection, issue_id, list_name)
    rows = 0
    for frequency, hour, zone in connection.execute(sa.select(*timing).where(active).distinct()).all():
        moment = due(Wishes(frequency=Frequency(frequency), hour=hour, zone=zone))
        if moment is None:
            continue
        alike = [
            column.is_not_distinct_from(value)
            for column, value in zip(timing, (frequency, hour, zone), strict=True)
        ]
        row = sa.select(
            sa.literal(issue_id),
            subscribers.c.id,
            sa.literal(DeliveryState.QUEUED.value),
            sa.literal(moment, deliveries.c.due.type),
            sa.literal(moment + lifetime, deliveries.c.expires.type),
            sa.literal(now, deliveries.c.changed.type),
            sa.literal(0),
            last,
        ).where(active, *alike)
        rows += connection.execute(sa.insert(deliveries).from_select(names, row)).rowcount
    return rows


def expire_leases(connection: sa.Connection, *, now: datetime, resend: bool) -> None:
    """Take back the rows of workers that died.

    One that was only claimed comes due again. One that was being transmitted may or may not have arrived: it is
    in doubt, or with `resend` comes due again, under the same Message-ID.
    """
    over = deliveries.c.leased_until < now
    doubtful = DeliveryState.QUEUED if resend else DeliveryState.IN_DOUBT
    _move(connection, over & _is(DeliveryState.TRANSMITTING), doubtful, now=now)
    _move(connection, over & _is(DeliveryState.CLAIMED), DeliveryState.QUEUED, now=now)


def claim(
    connection: sa.Connection, *, now: datetime, token: str, lease: timedelta, limit: int
) -> tuple[tuple[Delivery, ...], int]:
    """Lease up to `limit` rows that are due, in order, and give them.

    Rows of those who left or are suppressed are skipped for good; the second value says how many.
    """
    due = (
        sa.select(deliveries.c.id)
        .where(_is(DeliveryState.QUEUED), deliveries.c.due <= now)
        .order_by(deliveries.c.due, deliveries.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(connection.scalars(due))
    if not ids:
        return (), 0
    leased = {
        "state": DeliveryState.CLAIMED.value,
        "claim": token,
        "leased_until": now + lease,
        "changed": now,
    }
    connection.execute(sa.update(deliveries).where(deliveries.c.id.in_(ids)).values(leased))
    wanted = (subscribers.c.state == SubscriberState.ACTIVE.value) & suppressions.c.address_key.is_(None)
    rows = connection.execute(
        sa.select(
            deliveries,
            subscribers.c.address,
            *(subscribers.c[name] for name in WISHES),
            wanted.label("wanted"),
        )
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .outerjoin(suppressions, suppressions.c.address_key == subscribers.c.address_key)
        .where(deliveries.c.id.in_(ids))
        .order_by(deliveries.c.due, deliveries.c.id)
    ).all()
    unwanted = [row.id for row in rows if not row.wanted]
    _move(connection, deliveries.c.id.in_(unwanted), DeliveryState.SKIPPED, now=now)
    return tuple(_delivery(row) for row in rows if row.wanted), len(unwanted)


def transmitting(
    connection: sa.Connection,
    delivery: Delivery,
    *,
    now: datetime,
    lease: timedelta,
    variant_id: int | None = None,
) -> bool:
    """Record that the mail is about to be sent; False means the lease was lost and it must not be.

    Its lease begins anew, so that a slow mail before it in the batch does not put this one in doubt.
    """
    ours = _held(delivery) & _is(DeliveryState.CLAIMED)
    values = {"leased_until": now + lease, "variant_id": variant_id}
    return bool(_move(connection, ours, DeliveryState.TRANSMITTING, now=now, **values))


def settle(
    connection: sa.Connection, delivery: Delivery, state: DeliveryState, *, reply: Reply | None, now: datetime
) -> None:
    """Record how it ended, with what the server said."""
    answer = {"code": reply.code, "enhanced": reply.enhanced, "reply": reply.text} if reply else {}
    _move(connection, _held(delivery), state, now=now, attempts=deliveries.c.attempts + 1, **answer)


def postpone(
    connection: sa.Connection, delivery: Delivery, *, reply: Reply | None, due: datetime, now: datetime
) -> DeliveryState:
    """Make a temporarily refused row due again later, or fail it where that is past its time; give which."""
    expires = connection.scalar(sa.select(deliveries.c.expires).where(deliveries.c.id == delivery.id))
    state = DeliveryState.QUEUED if expires is not None and due <= expires else DeliveryState.FAILED
    answer = {"code": reply.code, "enhanced": reply.enhanced, "reply": reply.text} if reply else {}
    _move(connection, _held(delivery), state, now=now, due=due, attempts=deliveries.c.attempts + 1, **answer)
    return state


def release(connection: sa.Connection, token: str, *, now: datetime) -> int:
    """Give back what a worker claimed and did not begin to send."""
    held = (deliveries.c.claim == token) & _is(DeliveryState.CLAIMED)
    return _move(connection, held, DeliveryState.QUEUED, now=now)


def count_due(connection: sa.Connection, *, now: datetime) -> int:
    """Count the rows that could be claimed now."""
    due = _is(DeliveryState.QUEUED) & (deliveries.c.due <= now)
    return connection.scalar(sa.select(sa.func.count()).select_from(deliveries).where(due)) or 0


def had() -> sa.ColumnElement[bool]:
    """Tell of which rows the reader has had the letter, or will, or missed nothing; see docs/adr/0014.

    Not had is what failed for good, and what was skipped since he had left or was away. What was skipped once it was
    looked at held nothing that he wants.
    """
    looked_at = (deliveries.c.attempts > 0) & deliveries.c.variant_id.is_(None)
    return ~_is(DeliveryState.FAILED) & (~_is(DeliveryState.SKIPPED) | looked_at)


def counts(connection: sa.Connection, issue_id: int) -> Counter[DeliveryState]:
    """Count an issue's rows by state."""
    query = (
        sa.select(deliveries.c.state, sa.func.count())
        .where(deliveries.c.issue_id == issue_id)
        .group_by(deliveries.c.state)
    )
    return Counter({DeliveryState(state): count for state, count in connection.execute(query).all()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What the letter of a delivery was."""

    issue_id: int
    subscriber_id: int
    variant_id: int | None  # None: it has not been written yet


def about(connection: sa.Connection, delivery_id: int) -> Subject | None:
    """Give what the letter was of a row that a token names."""
    query = sa.select(deliveries.c.issue_id, deliveries.c.subscriber_id, deliveries.c.variant_id)
    row = connection.execute(query.where(deliveries.c.id == delivery_id)).one_or_none()
    if row is None:
        return None
    return Subject(issue_id=row.issue_id, subscriber_id=row.subscriber_id, variant_id=row.variant_id)


def history(connection: sa.Connection, subscriber_id: int) -> list[dict[str, Any]]:
    """Give what a reader was sent, oldest first: the issue's date, the last one he had, and how it ended."""
    told = (
        *(deliveries.c[name] for name in ("since", "state", "changed", "reply")),
        *(deliveries.c[name] for name in ("feedback", "feedback_reason", "feedback_at")),
    )
    query = (
        sa.select(issues.c.list, issues.c.date, *told)
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .where(deliveries.c.subscriber_id == subscriber_id)
        .order_by(deliveries.c.id)
    )
    return [dict(row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - public in spite of its name


def forget(connection: sa.Connection, *, before: datetime) -> int:
    """Remove the rows that ended before a moment, but never the newest, whose number must not be given again."""
    over = deliveries.c.state.in_(
        [state.value for state in (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.SKIPPED)]
    )
    newest = connection.scalar(sa.select(sa.func.max(deliveries.c.id)))
    old = over & (deliveries.c.changed < before) & (deliveries.c.id != newest)
    return connection.execute(sa.delete(deliveries).where(old)).rowcount


def _last_had(connection: sa.Connection, issue_id: int, list_name: str) -> sa.ColumnElement[date | None]:
    """Give the date of the last issue before one that a subscriber had, in a query that has the subscriber.

    Whoever had one, but none for so long that no letter looks back so far, gets the day from which letters do.
    """
    on = connection.execute(sa.select(issues.c.date).where(issues.c.id == issue_id)).scalar_one()
    his = (deliveries.c.subscriber_id == subscribers.c.id) & had()
    before = (
        sa.select(issues.c.date)
        .join(deliveries, deliveries.c.issue_id == issues.c.id)
        .where(his, issues.c.list == list_name, issues.c.date < on)
        .correlate(subscribers)
    )
    last = (
        before.where(issues.c.date > on - LOOKS_BACK)
        .order_by(issues.c.date.desc())
        .limit(1)
        .scalar_subquery()
    )
    return sa.func.coalesce(last, sa.case((before.exists(), sa.literal(on - LOOKS_BACK, sa.Date))))


def _is(state: DeliveryState) -> sa.ColumnElement[bool]:
    return deliveries.c.state == state.value


def _held(delivery: Delivery) -> sa.ColumnElement[bool]:
    return (deliveries.c.id == delivery.id) & (deliveries.c.claim == delivery.claim)


def _move(
    connection: sa.Connection,
    which: sa.ColumnElement[bool],
    state: DeliveryState,
    *,
    now: datetime,
    **values: Any,
) -> int:
    """Move rows to a state and give how many; the claim ends where work on them ends."""
    if state is not DeliveryState.TRANSMITTING:
        values |= {"claim": None, "leased_until": None}
    values |= {"state": state.value, "changed": now}
    return connection.execute(sa.update(deliveries).where(which).values(values)).rowcount


def _delivery(row: sa.Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        issue_id=row.issue_id,
        subscriber_id=row.subscriber_id,
        address=row.address,
        wishes=wishes_of(row),
        since=row.since,
        attempts=row.attempts,
        claim=row.claim,
    )
