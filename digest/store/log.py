"""The ledger as people read it: who got what, when, what the server said, and whom an issue has not reached.

Nothing here writes. The ledger may have millions of rows: each statement gives one page, found by the keys of the page
before, and between two pages no transaction is open, however slowly somebody reads.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from digest.model import DeliveryState, SubscriberState, SuppressionReason
from digest.store.tables import deliveries, issues, of_readers, subscribers, suppressions
from digest.wishes import Frequency

if TYPE_CHECKING:
    from digest.store import Database

PAGE = 1000
"""Rows read in one transaction."""

_KEY = sa.tuple_(deliveries.c.issue_id, deliveries.c.subscriber_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row of the ledger, with the issue and the reader that it is about."""

    id: int
    issue_id: int
    subscriber_id: int
    list: str
    number: int
    date: date
    address: str  # empty: its reader is forgotten
    state: DeliveryState
    attempts: int
    due: datetime | None  # it did not leave before; None: it has ended for good
    changed: datetime
    code: int | None
    enhanced: str | None
    reply: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which rows are wanted; what is not said narrows nothing."""

    list: str | None = None
    on: date | None = None  # the issue's date
    address: str | None = None  # as it is compared: `Address.key`
    state: DeliveryState | None = None
    since: datetime | None = None  # changed then or later


class Why(StrEnum):
    """Why an issue has not reached a reader."""

    FAILED = "failed"  # refused for good, or for too long
    SKIPPED = "skipped"  # he was away or suppressed when it was due
    IN_DOUBT = "in-doubt"  # perhaps it has
    NO_ROW = "no-row"  # he should have got it, and the ledger knows nothing of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A reader whom an issue has not reached."""

    delivery_id: int | None
    subscriber_id: int
    address: str
    why: Why
    code: int | None
    reply: str | None
    suppressed: SuppressionReason | None  # he must not be mailed now
    in_letter_of: date | None  # a later letter of his holds what this one would


def entries(database: "Database", search: Search) -> Iterator[Entry]:
    """Give the rows, those of the newest issue first, within it those of the newest reader."""
    before: tuple[int, int] | None = None
    while True:
        with database.reading() as connection:
            page = _page(connection, search, before)
        yield from page
        if len(page) < PAGE:
            return
        before = (page[-1].issue_id, page[-1].subscriber_id)


def missing(database: "Database", issue_id: int, *, address: str | None = None) -> Iterator[Missing]:
    """Give the active readers whom an issue should have reached and has not, the oldest first, or one of them.

    Who subscribed later is none of them, nor who reads weekly or on weekdays and was not due, nor whose letter would
    have held nothing that he wants; what waits to be sent is not missing yet.
    """
    after = 0
    while True:
        with database.reading() as connection:
            page = _missing_page(connection, issue_id, address, after)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].subscriber_id


def under_way(
    connection: sa.Connection, list_name: str | None = None, on: date | None = None
) -> tuple[tuple[int, str, date], ...]:
    """Give the row id, list and date of each issue of which mails are still to leave, the newest first."""
    ahead = (DeliveryState.QUEUED.value, DeliveryState.CLAIMED.value)
    left = deliveries.c.due.is_not(None) & deliveries.c.state.in_(ahead)
    these = sa.select(deliveries.c.issue_id).where(left)
    query = sa.select(issues.c.id, issues.c.list, issues.c.date).where(issues.c.id.in_(these))
    if list_name is not None:
        query = query.where(issues.c.list == list_name)
    if on is not None:
        query = query.where(issues.c.date == on)
    return tuple(
        (row.id, row.list, row.date) for row in connection.execute(query.order_by(issues.c.id.desc()))
    )


def neighbours(connection: sa.Connection, entry: Entry, *, each_side: int) -> tuple[Entry, ...]:
    """Give the rows of the same issue that were sent and stand nearest to one, before and behind it."""
    own = deliveries.c.subscriber_id
    near = (own < entry.subscriber_id, own.desc()), (own > entry.subscriber_id, own)
    sent = (deliveries.c.issue_id == entry.issue_id) & (deliveries.c.state == DeliveryState.SENT.value)
    found: list[Entry] = []
    for side, order in near:
        rows = sa.select(deliveries).where(sent, side).order_by(order).limit(each_side)
        found += _entries(connection, rows)
    return tuple(found)


def _page(connection: sa.Connection, search: Search, before: tuple[int, int] | None) -> tuple[Entry, ...]:
    rows = sa.select(deliveries).order_by(deliveries.c.issue_id.desc(), deliveries.c.subscriber_id.desc())
    if before is not None:
        rows = rows.where(sa.tuple_(*before) > _KEY)
    if search.on is not None:
        these = sa.select(issues.c.id).where(issues.c.date == search.on)
        rows = rows.where(deliveries.c.issue_id.in_(connection.scalars(these).all()))
    if search.list is not None:  # asked of each row, so that the rows stay in the order of their index
        of_list = (issues.c.id == deliveries.c.issue_id) & (issues.c.list == search.list)
        rows = rows.where(sa.exists().where(of_list))
    if search.address is not None:
        his = sa.select(subscribers.c.id).where(subscribers.c.address_key == search.address)
        rows = rows.where(of_readers(connection.scalars(his).all()))
    if search.state is not None:
        rows = rows.where(deliveries.c.state == search.state.value)
    if search.since is not None:
        rows = rows.where(deliveries.c.changed >= search.since)
    return _entries(connection, rows.limit(PAGE))


def _entries(connection: sa.Connection, rows: sa.Select[Any]) -> tuple[Entry, ...]:
    """Read rows with what they are about; they are chosen first, and joined afterwards."""
    chosen = rows.subquery()
    query = (
        sa.select(chosen, subscribers.c.address, issues.c.list, issues.c.number, issues.c.date)
        .outerjoin(subscribers, subscribers.c.id == chosen.c.subscriber_id)
        .outerjoin(issues, issues.c.id == chosen.c.issue_id)
        .order_by(chosen.c.issue_id.desc(), chosen.c.subscriber_id.desc())
    )
    return tuple(map(_entry, connection.execute(query)))


def _missing_page(
    connection: sa.Connection, issue_id: int, address: str | None, after: int
) -> tuple[Missing, ...]:
    issue = connection.execute(
        sa.select(issues.c.list, issues.c.date, issues.c.closed).where(issues.c.id == issue_id)
    ).one()
    own = (deliveries.c.issue_id == issue_id) & (deliveries.c.subscriber_id == subscribers.c.id)
    not_looked_at = (deliveries.c.attempts == 0) | deliveries.c.variant_id.is_not(None)
    ended = deliveries.c.state.in_([DeliveryState.FAILED.value, DeliveryState.IN_DOUBT.value]) | (
        (deliveries.c.state == DeliveryState.SKIPPED.value) & not_looked_at
    )
    unknown = (
        deliveries.c.id.is_(None)
        & (subscribers.c.since <= issue.closed)
        & (subscribers.c.frequency == Frequency.DAILY.value)
    )
    query = (
        sa.select(
            deliveries.c.id.label("delivery_id"),
            deliveries.c.state,
            deliveries.c.code,
            deliveries.c.reply,
            subscribers.c.id,
            subscribers.c.address,
            suppressions.c.reason,
            _held_later(issue.list, issue.date).label("in_letter_of"),
        )
        .outerjoin(deliveries, own)
        .outerjoin(suppressions, suppressions.c.address_key == subscribers.c.address_key)
        .select_from(subscribers)
        .where(subscribers.c.list == issue.list, subscribers.c.state == SubscriberState.ACTIVE.value)
        .where(subscribers.c.id > after, ended | unknown)
        .order_by(subscribers.c.id)
        .limit(PAGE)
    )
    if address is not None:
        query = query.where(subscribers.c.address_key == address)
    return tuple(map(_missing, connection.execute(query)))


def _held_later(list_name: str, on: date) -> sa.ScalarSelect[date | None]:
    """Give the date of the first later issue whose letter makes up for the one of a date; see docs/adr/0014."""
    later, its = deliveries.alias(), issues.alias()
    return (
        sa.select(sa.func.min(its.c.date))
        .join(later, later.c.issue_id == its.c.id)
        .where(later.c.subscriber_id == subscribers.c.id, later.c.since < on)
        .where(its.c.list == list_name, its.c.date > on)
        .correlate(subscribers)
        .scalar_subquery()
    )


def _entry(row: sa.Row[Any]) -> Entry:
    return Entry(
        id=row.id,
        issue_id=row.issue_id,
        subscriber_id=row.subscriber_id,
        list=row.list,
        number=row.number,
        date=row.date,
        address=row.address,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        due=row.due,
        changed=row.changed,
        code=row.code,
        enhanced=row.enhanced,
        reply=row.reply,
    )


def _missing(row: sa.Row[Any]) -> Missing:
    why = Why(row.state) if row.state else Why.NO_ROW
    return Missing(
        delivery_id=row.delivery_id,
        subscriber_id=row.id,
        address=row.address,
        why=why,
        code=row.code,
        reply=row.reply,
        suppressed=SuppressionReason(row.reason) if row.reason else None,
        in_letter_of=row.in_letter_of if why in (Why.FAILED, Why.SKIPPED) else None,
    )
