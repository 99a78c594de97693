"""Claims: which worker has which deliveries, and what became of them; rows only move forward.

`claim` hands out rows that are due and reads consent and suppression again. Every later write names the claim token, so
that a worker whose lease ran out changes nothing. Until when a claim holds, and of which rows, stands once in `leases`.
Which of the claimed rows are on the wire, only the worker's journal knows (digest/journal.py).
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from digest.model import Begun, Delivery, DeliveryState, Mark, Reply, SubscriberState
from digest.store.subscribers import WISHES, wishes_of
from digest.store.tables import deliveries, issues, leases, subscribers, suppressions

_OVER = (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.SKIPPED)

HOLDER_LENGTH = 16
"""Characters that all claims of one process begin with."""

_CLAIMED = ("id", "issue_id", "subscriber_id", "since", "attempts", "expires")


def claim(
    connection: sa.Connection,
    *,
    now: datetime,
    token: str,
    until: datetime,
    limit: int,
    stopped: Collection[int] = (),
) -> tuple[tuple[Delivery, ...], int]:
    """Lease up to `limit` rows that are due `until` a moment, in order, and give them; those of `stopped` issues stay.

    Rows of those who left or are suppressed are skipped for good; the second value says how many.
    """
    given = {"now": now, "limit": limit}
    dialect = connection.dialect.name
    if dialect == "postgresql":
        connection.execute(_BY_INDEX)
    if stopped:
        rows = connection.execute(_DUE_BUT, given | {"stopped": list(stopped)}).all()
    else:
        rows = connection.execute(_DUE, given).all()
    claimed = tuple(_claimed(rows, token))
    if claimed:
        ids = [one.id for one in claimed]
        given = {"state": DeliveryState.CLAIMED.value, "token": token, "now": now, "rows": json.dumps(ids)}
        connection.execute(_TAKEN[dialect], given)
        connection.execute(_LEASE, {"claim": token, "until": until, "rows": ids})
    unwanted = [row.id for row in rows if not row.wanted]
    if unwanted:
        _move(connection, deliveries.c.id.in_(unwanted), DeliveryState.SKIPPED, now=now)
    return claimed, len(unwanted)


def next_due(connection: sa.Connection, *, stopped: Collection[int] = ()) -> datetime | None:
    """Give when the next row is due, but for those of `stopped` issues; asked after a claim, in its transaction."""
    query = (
        sa.select(deliveries.c.due)
        .where(_is(DeliveryState.QUEUED), deliveries.c.issue_id.not_in(stopped))
        .order_by(deliveries.c.due, deliveries.c.id)
        .limit(1)
    )
    return connection.scalar(query)


def prolong(connection: sa.Connection, holder: str, *, until: datetime) -> None:
    """Prolong the leases of all that a process has claimed; its claims begin with `holder`."""
    connection.execute(_PROLONG, {"holder": holder, "later": until})


def renew(connection: sa.Connection, holder: str, *, until: datetime) -> frozenset[int]:
    """Prolong them, and give the rows that are still claimed."""
    prolong(connection, holder, until=until)
    which = _held_by(connection, holder) & _is(DeliveryState.CLAIMED)
    return frozenset(connection.scalars(sa.select(deliveries.c.id).where(which)))


def end(connection: sa.Connection, holder: str, *, but: Collection[str]) -> None:
    """End the leases of a process, all of whose rows it has marked, but for those of some claims."""
    connection.execute(_END, {"holder": holder, "but": list(but)})


def mark(connection: sa.Connection, marks: Sequence[Mark], *, now: datetime) -> None:
    """Write down what became of rows; one whose claim is another by now stays as it is."""
    sent, others = list[Mark](), list[Mark]()
    for one in marks:
        (sent if one.state is DeliveryState.SENT else others).append(one)
    if sent:
        _mark_sent(connection, sent, now)
    for one in others:
        known: dict[str, Any] = {"due": one.due, "variant_id": one.variant_id}
        changes = {name: value for name, value in known.items() if value is not None}
        if one.reply:
            changes |= {"code": one.reply.code, "enhanced": one.reply.enhanced, "reply": one.reply.text}
        ours = (deliveries.c.id == one.delivery_id) & (deliveries.c.claim == one.claim)
        _move(connection, ours, one.state, now=now, attempts=deliveries.c.attempts + 1, **changes)


def suspect(connection: sa.Connection, rows: Collection[Begun], *, now: datetime) -> None:
    """Put rows of a process that is not heard of in doubt; they stay its own, so that its journal can settle them."""
    which = _among(connection, [row.delivery_id for row in rows])
    values = {"state": DeliveryState.IN_DOUBT.value, "changed": now}
    connection.execute(sa.update(deliveries).where(which).values(values))


def release(connection: sa.Connection, holder: str, *, now: datetime) -> int:
    """Give back all that a process has claimed and not begun, and give how many; that ends its leases."""
    given_back = _move(connection, _held_by(connection, holder), DeliveryState.QUEUED, now=now)
    end(connection, holder, but=())
    return given_back


def held_by(connection: sa.Connection, holder: str) -> tuple[Begun, ...]:
    """Give the rows that a process has claimed, those among them that others have put in doubt."""
    return _rows(connection, _held_by(connection, holder))


def readers_of(connection: sa.Connection, holder: str) -> dict[tuple[int, str], tuple[int, str]]:
    """Give of each row that a process has claimed, by its number and claim, the reader and his address.

    No other process moves these rows until the end of the transaction.
    """
    query = (
        sa.select(deliveries.c.id, deliveries.c.claim, deliveries.c.subscriber_id, subscribers.c.address)
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .where(_held_by(connection, holder))
        .order_by(deliveries.c.id)
        .with_for_update(of=deliveries)
    )
    return {(row.id, row.claim): (row.subscriber_id, row.address) for row in connection.execute(query)}


def overdue(connection: sa.Connection, *, now: datetime, alive: Collection[str]) -> tuple[Begun, ...]:
    """Give the rows whose lease is over, but for those of processes that are known to be alive.

    A lease of which no row is left, since others claimed them or they have ended, is ended too.
    """
    over = (leases.c.until < now) & _holder(leases).not_in(alive)
    tokens = connection.scalars(sa.select(leases.c.claim).where(over)).all()
    states = (DeliveryState.CLAIMED.value, DeliveryState.IN_DOUBT.value)
    theirs = _under(connection, over) & deliveries.c.claim.in_(tokens) & deliveries.c.state.in_(states)
    query = sa.select(deliveries.c.id, deliveries.c.claim, deliveries.c.state).where(theirs)
    rows = connection.execute(query).all()
    connection.execute(sa.delete(leases).where(over, leases.c.claim.not_in({row.claim for row in rows})))
    return tuple(
        Begun(delivery_id=row.id, claim=row.claim) for row in rows if row.state == DeliveryState.CLAIMED.value
    )


def lists_of(connection: sa.Connection, ids: Collection[int]) -> dict[int, str]:
    """Give the list that each row's issue is of."""
    query = (
        sa.select(deliveries.c.id, issues.c.list)
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .where(deliveries.c.id.in_(ids))
    )
    return {row.id: row.list for row in connection.execute(query)}


def defer(connection: sa.Connection, later: Sequence[tuple[datetime, Delivery]], *, now: datetime) -> None:
    """Give back claimed rows whose turn is later, each with the moment at which it is due; that is no attempt."""
    if not later:
        return
    held = (deliveries.c.id == sa.bindparam("row")) & (deliveries.c.claim == sa.bindparam("held_by"))
    values = {
        "state": DeliveryState.QUEUED.value,
        "due": sa.bindparam("turn", type_=deliveries.c.due.type),
        "claim": None,
        "changed": now,
    }
    rows = [{"row": one.id, "held_by": one.claim, "turn": due} for due, one in later]
    connection.execute(sa.update(deliveries).where(held, _is(DeliveryState.CLAIMED)).values(values), rows)


def put_back(
    connection: sa.Connection,
    ids: Collection[int],
    *,
    ended: Collection[DeliveryState],
    now: datetime,
    lifetime: timedelta,
) -> int:
    """Make rows that ended so due again, on an operator's word, and give how many; their attempts stay counted."""
    which = deliveries.c.id.in_(ids) & deliveries.c.state.in_([state.value for state in ended])
    return _move(connection, which, DeliveryState.QUEUED, now=now, due=now, expires=now + lifetime)


def arrived(connection: sa.Connection, delivery_id: int, *, reply: Reply, now: datetime) -> int:
    """Record that a mail in doubt has arrived, and by whose word; 0 where it is in doubt no more."""
    which = (deliveries.c.id == delivery_id) & _is(DeliveryState.IN_DOUBT)
    answer = {"code": reply.code, "enhanced": reply.enhanced, "reply": reply.text}
    return _move(connection, which, DeliveryState.SENT, now=now, **answer)


def _is(state: DeliveryState) -> sa.ColumnElement[bool]:
    return deliveries.c.state == state.value


def _holder(table: sa.Table) -> sa.ColumnElement[str]:
    return sa.func.substr(table.c.claim, 1, HOLDER_LENGTH)


def _of(holder: str | sa.BindParameter[str]) -> sa.ColumnElement[bool]:
    """Tell which leases are a process's."""
    return _holder(leases) == holder


def _held_by(connection: sa.Connection, holder: str) -> sa.ColumnElement[bool]:
    """Tell of which rows the claim is a process's, those among them that others have put in doubt."""
    states = (DeliveryState.CLAIMED.value, DeliveryState.IN_DOUBT.value)
    ours = deliveries.c.state.in_(states) & (_holder(deliveries) == holder)
    return _under(connection, _of(holder)) & ours


def _under(connection: sa.Connection, which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Tell which rows some leases were made for; their claim may be another by now."""
    found = connection.scalars(sa.select(leases.c.rows).where(which))
    return _among(connection, [number for rows in found for number in rows])


def _among(connection: sa.Connection, ids: Sequence[int]) -> sa.ColumnElement[bool]:
    """Tell which rows have one of these numbers, however many they are."""
    each = _EACH[connection.dialect.name](sa.literal(ids, sa.JSON)).table_valued("value")
    return deliveries.c.id.in_(sa.select(sa.cast(each.c.value, sa.BigInteger)))


def _rows(connection: sa.Connection, which: sa.ColumnElement[bool]) -> tuple[Begun, ...]:
    query = sa.select(deliveries.c.id, deliveries.c.claim).where(which)
    return tuple(Begun(delivery_id=row.id, claim=row.claim) for row in connection.execute(query))


def _mark_sent(connection: sa.Connection, marks: Sequence[Mark], now: datetime) -> None:
    """Write down that rows are sent, all in one statement; row by row takes four times as long."""
    rows = [(one.delivery_id, one.claim, one.variant_id, *(one.reply or ())) for one in marks]
    given = {"state": DeliveryState.SENT.value, "now": now, "rows": json.dumps(rows)}
    connection.execute(_SENT[connection.dialect.name], given)


def _sent(rows: str) -> sa.TextClause:
    """Give the statement for a database that reads the rows out of JSON so."""
    return sa.text(
        f"""
        UPDATE deliveries SET state = :state, changed = :now, attempts = attempts + 1, claim = NULL,
            due = NULL, variant_id = CAST(done.value ->> 2 AS INTEGER),
            code = CAST(done.value ->> 3 AS INTEGER), reply = done.value ->> 4, enhanced = done.value ->> 5
        FROM {rows}
        WHERE deliveries.id = CAST(done.value ->> 0 AS BIGINT) AND deliveries.claim = done.value ->> 1
        """  # noqa: S608 - of our own words alone
    ).bindparams(sa.bindparam("now", type_=deliveries.c.changed.type))


def _taken(rows: str) -> sa.TextClause:
    """Give the statement that claims rows, for a database that reads their ids out of JSON so."""
    return sa.text(
        f"""
        UPDATE deliveries SET state = :state, claim = :token, changed = :now
        FROM {rows} WHERE deliveries.id = CAST(done.value AS BIGINT)
        """  # noqa: S608 - of our own words alone
    ).bindparams(sa.bindparam("now", type_=deliveries.c.changed.type))


def _due(*further: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Give the statement that holds the first rows that are due and reads all that a claim tells of them."""
    moment = sa.bindparam("now", type_=deliveries.c.due.type)
    first = (
        sa.select(deliveries)
        .where(_is(DeliveryState.QUEUED), deliveries.c.due <= moment, *further)
        .order_by(deliveries.c.due, deliveries.c.id)
        .limit(sa.bindparam("limit", type_=sa.Integer))
        .with_for_update(skip_locked=True)
        .subquery("first")
    )
    wanted = (subscribers.c.state == SubscriberState.ACTIVE.value) & suppressions.c.address_key.is_(None)
    topics, *wishes = (subscribers.c[name] for name in WISHES)
    return (
        sa.select(
            wanted.label("wanted"),
            *(first.c[name] for name in _CLAIMED),
            subscribers.c.address,
            sa.cast(topics, sa.Text),  # as they are kept, so that equal ones are found without reading them
            *wishes,
        )
        .join(subscribers, subscribers.c.id == first.c.subscriber_id)
        .outerjoin(suppressions, suppressions.c.address_key == subscribers.c.address_key)
        .order_by(first.c.due, first.c.id)
    )


_DUE = _due()
_DUE_BUT = _due(deliveries.c.issue_id.not_in(sa.bindparam("stopped", expanding=True)))

_HELD = _of(sa.bindparam("holder"))
_LEASE = sa.insert(leases)
_PROLONG = sa.update(leases).where(_HELD).values(until=sa.bindparam("later", type_=leases.c.until.type))
_END = sa.delete(leases).where(_HELD, leases.c.claim.not_in(sa.bindparam("but", expanding=True)))

_BY_INDEX = sa.select(
    *(sa.func.set_config(f"enable_{scan}", "off", sa.true()) for scan in ("seqscan", "bitmapscan"))
)
"""Lets PostgreSQL read the queue in order, in this transaction: by its last statistics the queue may be short, and then
it would sort it whole, every time."""

_ROWS = {
    "sqlite": "json_each(:rows) AS done",
    "postgresql": "jsonb_array_elements(CAST(:rows AS jsonb)) AS done (value)",
}
_SENT = {name: _sent(rows) for name, rows in _ROWS.items()}
_TAKEN = {name: _taken(rows) for name, rows in _ROWS.items()}
_EACH: dict[str, Any] = {"sqlite": sa.func.json_each, "postgresql": sa.func.json_array_elements_text}


def _move(
    connection: sa.Connection,
    which: sa.ColumnElement[bool],
    state: DeliveryState,
    *,
    now: datetime,
    **values: Any,
) -> int:
    """Move rows to a state, which ends their claim, and give how many; what has ended for good is not due any more."""
    if state in _OVER:
        values |= {"due": None}
    values |= {"state": state.value, "claim": None, "changed": now}
    return connection.execute(sa.update(deliveries).where(which).values(values)).rowcount


def _claimed(rows: Iterable[Sequence[Any]], token: str) -> Iterator[Delivery]:
    """Give the deliveries of those rows whose readers want them."""
    known = {}  # most readers wish the same
    for wanted, number, issue_id, subscriber_id, since, attempts, expires, address, *rest in rows:
        if wanted:
            key = tuple(rest)
            if key not in known:
                topics, *others = rest
                known[key] = wishes_of((json.loads(topics or "[]"), *others))
            yield Delivery(
                id=number,
                issue_id=issue_id,
                subscriber_id=subscriber_id,
                address=address,
                wishes=known[key],
                since=since,
                attempts=attempts,
                expires=expires,
                claim=token,
            )
