"""Canaries: which readers are the first wave of an issue, and what has become of their mails."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from digest.model import DeliveryState, FeedbackKind, Reply
from digest.pace import Tally, Verdict, Wave
from digest.store.tables import canaries, deliveries, issues, subscribers

_WATCHED = (
    sa.select(canaries, issues.c.list)
    .join(issues, issues.c.id == canaries.c.issue_id)
    .where(canaries.c.verdict.is_(None))
    .order_by(canaries.c.issue_id)
)


def seeds_of(connection: sa.Connection, list_name: str, keys: Collection[str]) -> tuple[int, ...]:
    """Give the subscriptions to a list of some addresses, by their keys."""
    query = sa.select(subscribers.c.id).where(
        subscribers.c.list == list_name, subscribers.c.address_key.in_(keys)
    )
    return tuple(connection.scalars(query.order_by(subscribers.c.id)))


def among(wave: Wave, subscriber_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Tell which subscribers are in a wave; with another issue, it is others."""
    named = subscriber_id.in_(wave.seeds)
    if not wave.every:
        return named
    return named | (subscriber_id % wave.every == wave.issue_id % wave.every)


def put(connection: sa.Connection, wave: Wave) -> Wave:
    """Keep a wave that is to be watched, and give it with the numbers of its readers as they are in the ledger."""
    rows = sa.select(sa.func.count()).select_from(deliveries).where(deliveries.c.issue_id == wave.issue_id)
    readers, size = connection.scalar(rows) or 0, connection.scalar(rows.where(_first(wave))) or 0
    values = {
        "issue_id": wave.issue_id,
        "began": wave.began,
        "opens": wave.opens,
        "every": wave.every,
        "seeds": list(wave.seeds),
        "readers": readers,
        "size": size,
    }
    connection.execute(sa.insert(canaries).values(values))
    return dataclasses.replace(wave, readers=readers, size=size)


def watched(connection: sa.Connection) -> tuple[tuple[Wave, str], ...]:
    """Give the waves that nobody has judged yet, each with the list of its issue."""
    return tuple((_wave(row), row.list) for row in connection.execute(_WATCHED))


def tally(connection: sa.Connection, wave: Wave, *, at_fault: Callable[[Reply], bool]) -> Tally:
    """Count what has become of a wave's mails."""
    complained = deliveries.c.feedback == FeedbackKind.COMPLAINED.value
    query = (
        sa.select(
            deliveries.c.state,
            deliveries.c.code,
            deliveries.c.enhanced,
            deliveries.c.reply,
            sa.func.count().label("mails"),
            sa.func.count().filter(complained).label("complaints"),
        )
        .where(deliveries.c.issue_id == wave.issue_id, _first(wave))
        .group_by(deliveries.c.state, deliveries.c.code, deliveries.c.enhanced, deliveries.c.reply)
    )
    ended = (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.SKIPPED, DeliveryState.IN_DOUBT)
    states, said = Counter[str](), Counter[str]()
    faults = put_off = complaints = 0
    for row in connection.execute(query):
        states[row.state] += row.mails
        complaints += row.complaints
        if row.code is None or row.state == DeliveryState.SENT:
            continue
        reply = Reply(code=row.code, enhanced=row.enhanced, text=row.reply or "")
        faults += row.mails * at_fault(reply)
        put_off += row.mails * (row.state not in ended)
        said[" ".join(filter(None, (str(reply.code), reply.enhanced, reply.text)))] += row.mails
    return Tally(
        sent=states[DeliveryState.SENT],
        failed=states[DeliveryState.FAILED],
        faults=faults,
        waiting=states.total() - sum(states[state] for state in ended),
        put_off=put_off,
        complaints=complaints,
        said=said.most_common(1)[0][0] if said else "",
    )


def settle(connection: sa.Connection, wave: Wave, verdict: Verdict) -> None:
    """Keep what was decided about a wave."""
    connection.execute(
        sa.update(canaries).where(canaries.c.issue_id == wave.issue_id).values(verdict=verdict.value)
    )


def extend(connection: sa.Connection, wave: Wave, opens: datetime) -> None:
    """Let the other readers wait for longer."""
    connection.execute(sa.update(canaries).where(canaries.c.issue_id == wave.issue_id).values(opens=opens))
    others = (
        (deliveries.c.issue_id == wave.issue_id)
        & (deliveries.c.state == DeliveryState.QUEUED.value)
        & (deliveries.c.due < opens)
        & ~among(wave, deliveries.c.subscriber_id)
    )
    connection.execute(sa.update(deliveries).where(others).values(due=opens))


def _first(wave: Wave) -> sa.ColumnElement[bool]:
    """Tell which rows are those of the wave that are watched: readers who wish for a later hour are not."""
    tried = deliveries.c.attempts > 0
    return among(wave, deliveries.c.subscriber_id) & (tried | (deliveries.c.due < wave.opens))


def _wave(row: sa.Row[Any]) -> Wave:
    return Wave(
        issue_id=row.issue_id,
        began=row.began,
        opens=row.opens,
        every=row.every,
        seeds=tuple(row.seeds),
        readers=row.readers,
        size=row.size,
    )
