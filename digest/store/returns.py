"""Returns: what came back of a delivery, kept in its row, and how much of it there was of late."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from digest.model import DeliveryState, FeedbackKind
from digest.store.tables import deliveries, issues, of_readers


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A delivery that something came back of."""

    id: int
    issue_id: int
    subscriber_id: int
    changed: datetime
    feedback: FeedbackKind | None  # that came before


def of(connection: sa.Connection, delivery_id: int) -> Sent | None:
    """Give a delivery by its number."""
    return _one(connection, deliveries.c.id == delivery_id)


def newest(connection: sa.Connection, subscriber_id: int) -> Sent | None:
    """Give the last delivery to a reader that was tried."""
    tried = of_readers([subscriber_id]) & (deliveries.c.attempts > 0)
    last = sa.select(sa.func.max(deliveries.c.id)).where(tried).scalar_subquery()
    return _one(connection, deliveries.c.id == last)


def note(
    connection: sa.Connection, delivery_id: int, kind: FeedbackKind, *, reason: str, now: datetime
) -> None:
    """Keep what came back of a delivery."""
    values = {"feedback": kind.value, "feedback_reason": reason, "feedback_at": now}
    connection.execute(sa.update(deliveries).where(deliveries.c.id == delivery_id).values(values))


def count(
    connection: sa.Connection,
    kind: FeedbackKind,
    *,
    since: datetime,
    lifted: datetime | None = None,
    list_name: str | None = None,
    reasons: Collection[str] | None = None,
) -> int:
    """Count what came back since a moment, of one list or of all, for some reasons or for any.

    With `lifted`, only what left and came back after that moment counts.
    """
    which = (deliveries.c.feedback == kind.value) & (deliveries.c.feedback_at > _later(since, lifted))
    if lifted is not None:
        which &= deliveries.c.changed > lifted
    if reasons is not None:
        which &= deliveries.c.feedback_reason.in_(reasons)
    return _count(connection, which, list_name)


def count_tried(
    connection: sa.Connection,
    *,
    since: datetime,
    lifted: datetime | None = None,
    list_name: str | None = None,
) -> int:
    """Count the letters that were sent or refused since a moment, and since it was `lifted`.

    One that waits for our fault to be mended is refused when that is first said of it, and not each time anew.
    """
    since = _later(since, lifted)
    ended = deliveries.c.state.in_([DeliveryState.SENT.value, DeliveryState.FAILED.value])
    tried = ended | (deliveries.c.feedback_at > since)
    return _count(connection, tried & (deliveries.c.changed > since), list_name)


def _later(since: datetime, lifted: datetime | None) -> datetime:
    return since if lifted is None else max(since, lifted)


def _count(connection: sa.Connection, which: sa.ColumnElement[bool], list_name: str | None) -> int:
    query = sa.select(sa.func.count()).select_from(deliveries).where(which)
    if list_name is not None:
        query = query.where(
            deliveries.c.issue_id.in_(sa.select(issues.c.id).where(issues.c.list == list_name))
        )
    return connection.scalar(query) or 0


def _one(connection: sa.Connection, which: sa.ColumnElement[bool]) -> Sent | None:
    columns = ("id", "issue_id", "subscriber_id", "changed", "feedback")
    query = sa.select(*(deliveries.c[name] for name in columns)).where(which)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    feedback = None if row.feedback is None else FeedbackKind(row.feedback)
    return Sent(
        id=row.id,
        issue_id=row.issue_id,
        subscriber_id=row.subscriber_id,
        changed=row.changed,
        feedback=feedback,
    )
