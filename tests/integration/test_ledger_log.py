"""The ledger as people read it: who got what, whom an issue has not reached, and what is put back into the queue."""

import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import issues as example
import pytest
import sqlalchemy as sa
from makers import EXPIRY, MORNING, become, ledger, reader, rows, store, subscribe

from digest.model import Delivery, DeliveryState, Mark, Reply, SubscriberState, SuppressionReason
from digest.store import Database, claims, deliveries, issues, log, subscribers
from digest.store.log import Search, Why
from digest.store.tables import deliveries as table
from digest.wishes import Frequency, Wishes

SENT, FAILED = DeliveryState.SENT, DeliveryState.FAILED
SKIPPED, IN_DOUBT = DeliveryState.SKIPPED, DeliveryState.IN_DOUBT
LATER = MORNING + timedelta(hours=3)
TODAY = example.TODAY
OURS = "ours"  # a claim's token


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with store(tmp_path) as opened:
        yield opened


def end(database: Database, *states: DeliveryState, code: int = 250) -> None:
    """End the first rows that are due so, each in a state."""
    with database.transaction() as connection:
        claimed, _ = claims.claim(
            connection,
            now=MORNING,
            token=OURS,
            until=MORNING + timedelta(minutes=5),
            limit=len(states),
        )
        for delivery, state in zip(claimed, states, strict=True):
            _end(connection, delivery, state, code)


def _end(connection: sa.Connection, delivery: Delivery, state: DeliveryState, code: int) -> None:
    reply = Reply(code=code, enhanced="2.0.0", text="as told")
    done = Mark(delivery_id=delivery.id, claim=delivery.claim, state=state, reply=reply, variant_id=1)
    claims.mark(connection, [done], now=MORNING)


def publish(database: Database, day: int, list_name: str = "daily") -> int:
    """Publish another issue, so many days later."""
    issue = example.issue(list=list_name, number=57 + day, date=TODAY + timedelta(days=day))
    with database.transaction() as connection:
        issue_id = issues.freeze(connection, issue)
        deliveries.enqueue(
            connection, issue_id, list_name, due=lambda _: MORNING, now=MORNING, lifetime=EXPIRY
        )
    return issue_id


def found(database: Database, **search: Any) -> list[tuple[int, str]]:
    return [(entry.number, entry.address) for entry in log.entries(database, Search(**search))]


def gone(database: Database, issue_id: int) -> dict[str, Why]:
    return {one.address: one.why for one in log.missing(database, issue_id)}


# --- who got what


def test_a_row_says_who_got_what_when_and_what_the_server_said(database: Database) -> None:
    ledger(database)
    end(database, SENT)
    [entry] = log.entries(database, Search())
    assert (entry.list, entry.number, entry.date, entry.address) == ("daily", 57, TODAY, reader(1))
    assert (entry.state, entry.changed, entry.attempts) == (SENT, MORNING, 1)
    assert (entry.code, entry.enhanced, entry.reply) == (250, "2.0.0", "as told")


def test_the_newest_issue_comes_first_and_each_search_narrows(database: Database) -> None:
    ledger(database, 2)
    subscribe(database, reader(1), list_name="weekly")
    end(database, SENT, FAILED)
    publish(database, 1)
    publish(database, 1, "weekly")

    assert found(database) == [
        (58, reader(1)),
        (58, reader(2)),
        (58, reader(1)),
        (57, reader(2)),
        (57, reader(1)),
    ]
    assert found(database, list="weekly") == [(58, reader(1))]
    assert found(database, on=TODAY, list="daily") == [(57, reader(2)), (57, reader(1))]
    assert found(database, address=reader(2)) == [(58, reader(2)), (57, reader(2))]
    assert found(database, state=FAILED) == [(57, reader(2))]
    assert found(database, since=LATER) == []
    assert found(database, list="weekly", on=TODAY) == found(database, address="nobody@mail.example") == []


def test_a_hundred_thousand_rows_are_read_a_page_at_a_time_and_each_once(database: Database) -> None:
    ledger(database)
    with database.transaction() as connection:
        for statement in MULTIPLY:
            connection.execute(sa.text(statement))
    entries = log.entries(database, Search())
    tracemalloc.start()
    try:
        first = [next(entries).subscriber_id for _ in range(2 * log.PAGE)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000
    assert [*first, *(entry.subscriber_id for entry in entries)] == list(range(100_000, 0, -1))


MULTIPLY = (
    """
    WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
    INSERT INTO subscribers (id, list, address, address_key, state, consent, since, frequency, format)
    SELECT i, list, i || address, i || address, state, consent, since, frequency, format
    FROM n, subscribers WHERE id = 1
    """,
    """
    WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
    INSERT INTO deliveries (issue_id, subscriber_id, state, due, expires, attempts, changed)
    SELECT issue_id, i, state, due, expires, attempts, changed
    FROM n, deliveries WHERE subscriber_id = 1
    """,
)
"""Give the issue a hundred thousand readers."""


# --- whom it has not reached


def test_missing_is_who_should_have_it_and_has_not_and_why(database: Database) -> None:
    issue_id = ledger(database, 5)
    end(database, SENT, FAILED, IN_DOUBT, SKIPPED)
    assert gone(database, issue_id) == {
        reader(2): Why.FAILED,
        reader(3): Why.IN_DOUBT,
        reader(4): Why.SKIPPED,
    }


def test_missing_is_nobody_who_has_left_came_later_was_not_due_or_wanted_nothing_of_it(
    database: Database,
) -> None:
    issue_id = ledger(database, 3)
    end(database, FAILED, FAILED)
    become(database, reader(1), state=SubscriberState.PAUSED)
    with database.transaction() as connection:
        connection.execute(
            sa.update(table).where(table.c.id == 2).values(state="skipped", attempts=1, variant_id=None)
        )
        weekly = subscribers.set_state(
            connection,
            "daily",
            "weekly@mail.example",
            key="weekly@mail.example",
            state=SubscriberState.ACTIVE,
            consent="mail",
            now=MORNING - timedelta(days=9),
        )
        subscribers.set_wishes(connection, weekly.id, Wishes(frequency=Frequency.WEEKLY))
    become(database, "later@mail.example", state=SubscriberState.ACTIVE)
    with database.transaction() as connection:
        connection.execute(
            sa.text("UPDATE subscribers SET since = :later WHERE address LIKE 'later%'"), {"later": LATER}
        )
    assert gone(database, issue_id) == {}


def test_a_daily_reader_of_before_whom_the_ledger_does_not_know_is_missing_it(database: Database) -> None:
    issue_id = ledger(database, 2)
    end(database, SENT, SENT)
    with database.transaction() as connection:
        connection.execute(sa.delete(table).where(table.c.id == 2))
    [one] = log.missing(database, issue_id)
    assert (one.address, one.why, one.delivery_id) == (reader(2), Why.NO_ROW, None)


def test_missing_says_who_is_suppressed_and_whose_later_letter_makes_up_for_it(database: Database) -> None:
    first = ledger(database, 2)
    end(database, SENT, SENT)
    second = publish(database, 1)
    end(database, FAILED, FAILED)
    publish(database, 2)
    with database.transaction() as connection:
        subscribers.suppress(connection, reader(1), reason=SuppressionReason.HARD_BOUNCE, now=MORNING)
    one, two = log.missing(database, second)
    assert (one.suppressed, two.suppressed) == (SuppressionReason.HARD_BOUNCE, None)
    assert one.in_letter_of == two.in_letter_of == TODAY + timedelta(days=2)
    assert gone(database, first) == {}


def test_one_reader_can_be_asked_for(database: Database) -> None:
    issue_id = ledger(database, 2)
    end(database, FAILED, FAILED)
    [one] = log.missing(database, issue_id, address=reader(2))
    assert (one.address, one.code) == (reader(2), 250)


# --- put back


def test_what_is_put_back_is_the_same_row_due_now_for_as_long_as_a_new_one(database: Database) -> None:
    ledger(database, 2)
    end(database, FAILED, SENT, code=550)
    with database.transaction() as connection:
        back = claims.put_back(connection, [1, 2], ended=(FAILED, SKIPPED), now=LATER, lifetime=EXPIRY)
    first, second = rows(database)
    assert (back, second.state) == (1, "sent")
    assert (first.id, first.state, first.due, first.expires, first.attempts) == (
        1,
        "queued",
        LATER,
        LATER + EXPIRY,
        1,
    )


def test_who_has_left_since_gets_nothing_though_it_is_put_back(database: Database) -> None:
    ledger(database)
    end(database, FAILED)
    with database.transaction() as connection:
        claims.put_back(connection, [1], ended=(FAILED,), now=LATER, lifetime=EXPIRY)
    become(database, reader(1), state=SubscriberState.UNSUBSCRIBED)
    with database.transaction() as connection:
        claimed, skipped = claims.claim(
            connection,
            now=LATER,
            token=OURS,
            until=LATER + timedelta(minutes=5),
            limit=9,
        )
    assert (claimed, skipped) == ((), 1)
