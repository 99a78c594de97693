"""Deliveries: the ledger. One row for each issue and subscriber, claimed by lease, moved only forward.

`enqueue` runs in the transaction that freezes the issue; who works on them and what became of them is told in claims.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from digest.model import LOOKS_BACK, DeliveryState, SubscriberState
from digest.pace import Wave
from digest.store import canaries, stops
from digest.store.tables import deliveries, issues, leases, of_readers, subscribers
from digest.wishes import Frequency, Wishes


def enqueue(
    connection: sa.Connection,
    issue_id: int,
    list_name: str,
    *,
    due: Callable[[Wishes], datetime | None],
    now: datetime,
    lifetime: timedelta,
    wave: Wave | None = None,
) -> int:
    """Make a row for each active subscriber of the list and give how many; a first wave leaves the others waiting.

    `due` says when one with such a frequency, hour and zone gets it, or None for not at all; it is asked once for
    each different three of them, however many readers share them. Each row keeps the date of the last issue that its
    reader had, so that his letter is the same whatever crashes or fails before it is written.
    """
    timing = (subscribers.c.frequency, subscribers.c.hour, subscribers.c.zone)
    active = (subscribers.c.list == list_name) & (subscribers.c.state == SubscriberState.ACTIVE.value)
    names = ["issue_id", "subscriber_id", "state", "due", "expires", "changed", "attempts", "since"]
    readers, last = _last_had(connection, issue_id, list_name)
    rows = 0
    for frequency, hour, zone in connection.execute(sa.select(*timing).where(active).distinct()).all():
        moment = due(Wishes(frequency=Frequency(frequency), hour=hour, zone=zone))
        if moment is None:
            continue
        alike = [
            column.is_not_distinct_from(value)
            for column, value in zip(timing, (frequency, hour, zone), strict=True)
        ]
        row = (
            sa.select(
                sa.literal(issue_id),
                subscribers.c.id,
                sa.literal(DeliveryState.QUEUED.value),
                _in_turn(wave, moment),
                sa.literal(moment + lifetime, deliveries.c.expires.type),
                sa.literal(now, deliveries.c.changed.type),
                sa.literal(0),
                last,
            )
            .select_from(readers)
            .where(active, *alike)
        )
        insert = sa.insert(deliveries).from_select(names, row).execution_options(preserve_rowcount=True)
        rows += connection.execute(insert).rowcount
    return rows


def _in_turn(wave: Wave | None, moment: datetime) -> sa.ColumnElement[datetime]:
    """Give when a subscriber who would get an issue at a moment gets it, with a first wave before the others."""
    at_once = sa.literal(moment, deliveries.c.due.type)
    if wave is None or moment >= wave.opens:
        return at_once
    opens = sa.literal(wave.opens, deliveries.c.due.type)
    return sa.case((canaries.among(wave, subscribers.c.id), at_once), else_=opens)


def left(
    connection: sa.Connection, issue_ids: Collection[int], *, until: datetime | None
) -> tuple[int, datetime | None]:
    """Count the rows of issues that are still to leave, of those due until a moment, and say when the last is due."""
    query = sa.select(sa.func.count(), sa.func.max(deliveries.c.due)).where(_to_leave(issue_ids, until))
    count, last = connection.execute(query).one()
    return count, last


def addresses_left(
    connection: sa.Connection, issue_ids: Collection[int], *, until: datetime | None
) -> Iterator[str]:
    """Give the address of each such row, a thousand at a time."""
    query = (
        sa.select(subscribers.c.address)
        .join(deliveries, deliveries.c.subscriber_id == subscribers.c.id)
        .where(_to_leave(issue_ids, until))
    )
    return iter(connection.scalars(query.execution_options(yield_per=1000)))


def sent_since(connection: sa.Connection, issue_ids: Collection[int], since: datetime) -> int:
    """Count the rows of issues that were sent since a moment."""
    sent = (deliveries.c.state == DeliveryState.SENT.value) & (deliveries.c.changed > since)
    theirs = deliveries.c.issue_id.in_(issue_ids)
    query = sa.select(sa.func.count()).select_from(deliveries).where(theirs, sent)
    return connection.scalar(query) or 0


def count_due(connection: sa.Connection, *, now: datetime) -> int:
    """Count the rows that could be claimed now."""
    due = (
        (deliveries.c.state == DeliveryState.QUEUED.value)
        & (deliveries.c.due <= now)
        & stops.nothing_stops_it()
    )
    return connection.scalar(sa.select(sa.func.count()).select_from(deliveries).where(due)) or 0


def had(of: sa.FromClause = deliveries) -> sa.ColumnElement[bool]:
    """Tell of which rows the reader has had the letter, or will, or missed nothing; see docs/adr/0014.

    Not had is what failed for good, and what was skipped since he had left or was away. What was skipped once it was
    looked at held nothing that he wants.
    """
    looked_at = (of.c.attempts > 0) & of.c.variant_id.is_(None)
    failed, skipped = (of.c.state == state.value for state in (DeliveryState.FAILED, DeliveryState.SKIPPED))
    return ~failed & (~skipped | looked_at)


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
        .where(of_readers([subscriber_id]))
        .order_by(deliveries.c.id)
    )
    return [dict(row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - public in spite of its name


def forget(connection: sa.Connection, *, before: datetime) -> int:
    """Remove the rows that ended before a moment, but never the newest, whose number must not be given again."""
    over = deliveries.c.state.in_(
        [state.value for state in (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.SKIPPED)]
    )
    newest = connection.scalar(sa.select(sa.func.max(deliveries.c.id)))
    connection.execute(sa.delete(leases).where(leases.c.until < before))
    old = over & (deliveries.c.changed < before) & (deliveries.c.id != newest)
    return connection.execute(sa.delete(deliveries).where(old)).rowcount


def _to_leave(issue_ids: Collection[int], until: datetime | None) -> sa.ColumnElement[bool]:
    ahead = (DeliveryState.QUEUED.value, DeliveryState.CLAIMED.value)
    left = deliveries.c.issue_id.in_(issue_ids) & deliveries.c.state.in_(ahead)
    return left if until is None else left & (deliveries.c.due <= until)


def _last_had(
    connection: sa.Connection, issue_id: int, list_name: str
) -> tuple[sa.FromClause, sa.ColumnElement[date | None]]:
    """Give the date of the last issue before one that a subscriber had, and what to select it from beside him.

    Whoever had one, but none for so long that no letter looks back so far, gets the day from which letters do. Nearly
    all have had the very last issue, so that is looked at first.
    """
    readers: sa.FromClause = subscribers
    on = connection.execute(sa.select(issues.c.date).where(issues.c.id == issue_id)).scalar_one()
    earlier = (issues.c.list == list_name) & (issues.c.date < on)
    newest = sa.select(issues.c.id, issues.c.date).where(earlier).order_by(issues.c.date.desc()).limit(1)
    last = connection.execute(newest).one_or_none()
    if last is None:
        return readers, sa.cast(sa.null(), sa.Date)
    before = (
        sa.select(issues.c.date)
        .join(deliveries, deliveries.c.issue_id == issues.c.id)
        .where(deliveries.c.subscriber_id == subscribers.c.id, had(), earlier)
        .correlate(subscribers)
    )
    begin = on - LOOKS_BACK
    found = before.where(issues.c.date > begin).order_by(issues.c.date.desc()).limit(1).scalar_subquery()
    his_last = deliveries.alias()
    its_row = (his_last.c.subscriber_id == subscribers.c.id) & (his_last.c.issue_id == last.id)
    return readers.outerjoin(his_last, its_row), sa.case(
        (his_last.c.id.is_not(None) & had(his_last), sa.literal(max(last.date, begin), sa.Date)),
        else_=sa.func.coalesce(found, sa.case((before.exists(), sa.literal(begin, sa.Date)))),
    )
