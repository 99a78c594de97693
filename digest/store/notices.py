"""Notices: letters to single readers, written down in the transaction that they report on, then sent.

They are what the caps count: so many to a mailbox, a domain, for a network and in all, within a time.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from digest.address import Address, parse_address
from digest.correspondence import Notice, NoticeKind, Said, Thread
from digest.model import DeliveryState, Reply
from digest.plain import from_json, to_json
from digest.store.tables import notices, requests


def put(
    connection: sa.Connection,
    kind: NoticeKind,
    *,
    list_name: str,
    address: str,
    mailbox: str,
    domain: str,
    said: Said,
    now: datetime,
    language: str | None = None,
    subscriber_id: int | None = None,
    request_id: int | None = None,
    thread: Thread | None = None,
    network: str | None = None,
) -> int:
    """Keep a letter that is to be sent and give its row id; `mailbox`, `domain` and `network` are for counting."""
    values = {
        "kind": kind.value,
        "list": list_name,
        "address": address,
        "mailbox": mailbox,
        "domain": domain,
        "network": network,
        "language": language,
        "said": to_json(said),
        "subscriber_id": subscriber_id,
        "request_id": request_id,
        "thread": None if thread is None else to_json(thread),
        "made": now,
        "due": now,
        "state": DeliveryState.QUEUED.value,
        "attempts": 0,
    }
    notice_id: int = connection.execute(
        sa.insert(notices).values(values).returning(notices.c.id)
    ).scalar_one()
    return notice_id


def count(
    connection: sa.Connection,
    *,
    since: datetime,
    kinds: Sequence[NoticeKind],
    mailbox: str | None = None,
    domain: str | None = None,
    network: str | None = None,
    unanswered: bool = False,
) -> int:
    """Count the letters of some kinds that were written since a moment, to one mailbox or domain or for a network.

    With `unanswered`, one that asked and was told yes does not count.
    """
    query = (
        sa.select(sa.func.count())
        .select_from(notices)
        .where(notices.c.made > since, notices.c.kind.in_([kind.value for kind in kinds]))
    )
    for column, value in (
        (notices.c.mailbox, mailbox),
        (notices.c.domain, domain),
        (notices.c.network, network),
    ):
        if value is not None:
            query = query.where(column == value)
    if unanswered:
        confirmed = sa.select(requests.c.id).where(requests.c.confirmed.is_not(None))
        query = query.where(notices.c.request_id.is_(None) | notices.c.request_id.not_in(confirmed))
    return connection.scalar(query) or 0


def claim(
    connection: sa.Connection, *, now: datetime, token: str, lease: timedelta, limit: int
) -> tuple[Notice, ...]:
    """Lease up to `limit` letters that are due; one whose worker died is due again, under the same Message-ID."""
    queued = (notices.c.state == DeliveryState.QUEUED.value) & (notices.c.due <= now)
    lost = (notices.c.state == DeliveryState.CLAIMED.value) & (notices.c.leased_until < now)
    due = (
        sa.select(notices.c.id)
        .where(queued | lost)
        .order_by(notices.c.due, notices.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    leased = {"state": DeliveryState.CLAIMED.value, "claim": token, "leased_until": now + lease}
    rows = connection.execute(
        sa.update(notices)
        .where(notices.c.id.in_(list(connection.scalars(due))))
        .values(leased)
        .returning(notices)
    )
    return tuple(sorted(map(_notice, rows), key=lambda notice: notice.id))


def settle(
    connection: sa.Connection,
    notice: Notice,
    state: DeliveryState,
    *,
    reply: Reply | None,
    due: datetime | None = None,
) -> None:
    """Record how it ended, or when it is tried again, with what the server said."""
    held = (notices.c.id == notice.id) & (notices.c.claim == notice.claim)
    values: dict[str, Any] = {
        "state": state.value,
        "attempts": notices.c.attempts + 1,
        "claim": None,
        "leased_until": None,
        "code": reply.code if reply else None,
        "reply": reply.text if reply else None,
    }
    if due is not None:
        values["due"] = due
    connection.execute(sa.update(notices).where(held).values(values))


def outcome(connection: sa.Connection, notice_id: int) -> tuple[DeliveryState, str]:
    """Give where a letter stands, and what the server said of it."""
    row = connection.execute(
        sa.select(notices.c.state, notices.c.reply).where(notices.c.id == notice_id)
    ).one()
    return DeliveryState(row.state), row.reply or ""


def refusal(connection: sa.Connection, notice_id: int) -> Reply | None:
    """Give what a server said of a letter that has failed; None where it has not, or was forgotten."""
    failed = (notices.c.id == notice_id) & (notices.c.state == DeliveryState.FAILED.value)
    row = connection.execute(sa.select(notices.c.code, notices.c.reply).where(failed)).first()
    return None if row is None else Reply(code=row.code or 0, text=row.reply or "")


def release(connection: sa.Connection, token: str) -> None:
    """Give back what a worker claimed and did not send."""
    connection.execute(
        sa.update(notices)
        .where(notices.c.claim == token, notices.c.state == DeliveryState.CLAIMED.value)
        .values(state=DeliveryState.QUEUED.value, claim=None, leased_until=None)
    )


def remove(connection: sa.Connection, notice: Notice) -> None:
    """Remove a letter that is settled for good and must not be kept."""
    held = (notices.c.id == notice.id) & (notices.c.claim == notice.claim)
    connection.execute(sa.delete(notices).where(held))


def to_address(connection: sa.Connection, address: Address) -> tuple[Notice, ...]:
    """Give the letters to one address, however it was spelled in each, oldest first."""
    query = sa.select(notices).where(notices.c.mailbox == address.mailbox).order_by(notices.c.id)
    found = map(_notice, connection.execute(query))
    return tuple(notice for notice in found if parse_address(notice.address).key == address.key)


def forget(connection: sa.Connection, *, before: datetime) -> int:
    """Remove the letters that were settled and are older than a moment; give how many."""
    done = notices.c.state.not_in([DeliveryState.QUEUED.value, DeliveryState.CLAIMED.value])
    return connection.execute(sa.delete(notices).where(done, notices.c.made < before)).rowcount


def forget_address(connection: sa.Connection, address: Address) -> None:
    """Remove the letters to an address, sent or not."""
    ids = [notice.id for notice in to_address(connection, address)]
    connection.execute(sa.delete(notices).where(notices.c.id.in_(ids)))


def _notice(row: sa.Row[Any]) -> Notice:
    return Notice(
        id=row.id,
        kind=NoticeKind(row.kind),
        list=row.list,
        address=row.address,
        language=row.language,
        said=from_json(Said, row.said),
        made=row.made,
        subscriber_id=row.subscriber_id,
        request_id=row.request_id,
        thread=from_json(Thread, row.thread) if row.thread else None,
        attempts=row.attempts,
        claim=row.claim or "",
    )
