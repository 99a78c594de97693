"""Rates, lessons, the breaker and the first wave in a real store: neither a restart nor a second worker resets one."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import issues as example
import pytest
import sqlalchemy as sa
from makers import (
    MORNING,
    Clock,
    Mailserver,
    journals,
    ledger,
    reader,
    rows,
    states,
    store,
    subscribe,
    wishes,
    write,
    writes,
)
from smtp_server import Smtpd

from digest import alarm, config
from digest.correspondence import Alarm
from digest.deliver import deliver
from digest.deliver.work import FLUSH
from digest.errors import TransportError
from digest.govern import SPREAD, Governor, Reserved
from digest.govern.finish import forecast
from digest.model import DeliveryState, FeedbackKind, Mark, Reply
from digest.pace.breaker import FAILURES, FIRST_WAIT
from digest.pace.learnt import QUIET
from digest.pipeline import _enqueue
from digest.protocols import Transport
from digest.store import Database, claims, deliveries, issues, notices, paces, stops
from digest.store.tables import deliveries as ledger_table
from digest.store.tables import paces as paces_table
from digest.transport.smtp import Smtp

HORIZON = timedelta(seconds=10)
LEASE = timedelta(minutes=5)
SLOW_DOWN = Reply(code=421, enhanced="4.7.28", text="unusual rate of mail")
TAKEN = Reply(code=250, text="taken")
POLICY = Reply(code=550, enhanced="5.7.1", text="not accepted by policy")


@pytest.fixture
def database(tmp_path: Path, database_url: str) -> Iterator[Database]:
    with store(tmp_path, url=database_url) as opened:
        yield opened


def settings(**tables: Any) -> config.Settings:
    return config.Settings(lists={"daily": wishes()}, **tables)


def claim(database: Database, governor: Governor, now: datetime) -> tuple[Reserved, int | None]:
    """Do what a worker does before it sends."""
    with database.transaction() as connection:
        allowed = governor.allowance(connection, now=now, horizon=HORIZON)
        batch, _ = claims.claim(
            connection,
            now=now,
            token=f"{now}",
            until=now + LEASE,
            limit=1000 if allowed.rows is None else allowed.rows,
            stopped=allowed.stopped,
        )
        return governor.reserve(connection, batch, now=now, horizon=HORIZON), allowed.rows


def send(database: Database, governor: Governor, server: Transport, clock: Clock) -> dict[str, int]:
    """Send what may leave now, and tell what became of it."""
    ended = deliver(
        database,
        server,
        config.Delivery(),
        write=writes(write),
        journals=journals(database),
        governor=governor,
        clock=clock,
    )
    return {state.value: count for state, count in ended.items() if count}


def learn(database: Database, governor: Governor, now: datetime, *heard: tuple[str, Reply]) -> None:
    with database.transaction() as connection:
        governor.learn(connection, heard, now=now)


def seconds(reserved: Reserved, since: datetime = MORNING) -> list[float]:
    return [(slot - since).total_seconds() for slot, _ in reserved.slots]


def kept(database: Database) -> dict[str, Any]:
    with database.transaction() as connection:
        return {row.key: row for row in connection.execute(sa.select(paces_table))}


# --- rates


def test_without_a_rate_all_leave_at_once_and_nothing_is_written(database: Database) -> None:
    ledger(database, 50)
    before = kept(database)
    governor = Governor(settings())
    reserved, allowed = claim(database, governor, MORNING)
    learn(database, governor, MORNING, *[("mail.example", TAKEN)] * 50)

    assert allowed is None
    assert seconds(reserved) == [0.0] * 50
    assert reserved.later == ()
    assert kept(database) == before


def test_no_more_are_claimed_than_can_leave_soon_and_each_has_its_moment(database: Database) -> None:
    ledger(database, 50)
    reserved, allowed = claim(database, Governor(settings(rates={"all": "2/second"})), MORNING)

    assert allowed == 21
    assert seconds(reserved) == [number / 2 for number in range(21)]
    assert Counter(states(database)) == {"claimed": 21, "queued": 29}


def test_a_restart_and_a_second_worker_go_on_where_the_rate_stands(database: Database) -> None:
    ledger(database, 50)
    slow = settings(rates={"all": "2/second"})
    first, _ = claim(database, Governor(slow), MORNING)
    [*_, last] = seconds(first)
    other, allowed = claim(database, Governor(slow), MORNING + timedelta(seconds=1))

    assert allowed == 2, "those of the horizon's last second"
    assert seconds(other) == [last + 0.5, last + 1]


def test_where_the_rate_is_used_up_it_is_said_when_to_come_again(database: Database) -> None:
    ledger(database, 3)
    governor = Governor(settings(rates={"all": "6/hour"}))
    claim(database, governor, MORNING)
    with database.transaction() as connection:
        none = governor.allowance(connection, now=MORNING, horizon=HORIZON)

    assert (none.rows, none.retry_at) == (0, MORNING + timedelta(minutes=10))
    assert none.reason == "the rate of all mails is used up"


def test_what_has_its_turn_later_goes_back_in_order_and_that_is_no_attempt(database: Database) -> None:
    ledger(database, 30)
    governor = Governor(settings(rates={"per_domain": "1/second"}))
    reserved, allowed = claim(database, governor, MORNING)

    assert allowed is None
    assert seconds(reserved) == list(range(11))
    back = [row for row in rows(database) if row.state == "queued"]
    assert [(row.due - MORNING).total_seconds() for row in back] == list(range(11, 30))
    assert {row.attempts for row in back} == {0}
    assert {row.claim for row in back} == {None}

    again, _ = claim(database, governor, MORNING + HORIZON + timedelta(seconds=5))
    assert seconds(again) == [15, 16, 17, 18, 19], "those that are due, from now on"


def test_what_goes_back_comes_again_soon_enough_for_a_rate_that_has_risen(database: Database) -> None:
    ledger(database, 30)
    claim(database, Governor(settings(rates={"per_domain": "1/minute"})), MORNING)

    assert max(row.due for row in rows(database)) == MORNING + SPREAD


def test_a_domain_may_have_a_rate_of_its_own(database: Database) -> None:
    ledger(database, 12)
    of_one = {"domains": {"Mail.example": "1/second"}, "per_domain": "5/second"}
    reserved, _ = claim(database, Governor(settings(rates=of_one)), MORNING)

    assert seconds(reserved) == list(range(11))


@pytest.mark.parametrize(
    "rates", [{"per_domain": "600/minute"}, {"all": "600/minute"}], ids=["domain", "all"]
)
def test_a_rate_is_reached_and_one_run_sends_all(database: Database, rates: dict[str, str]) -> None:
    ledger(database, 300)
    clock = Clock()
    governor = Governor(settings(rates=config.Rates(**rates)))
    assert send(database, governor, Mailserver(clock), clock) == {"sent": 300}
    assert 29 <= (clock() - MORNING).total_seconds() <= 33


def test_a_new_sending_domain_sends_more_each_day(database: Database) -> None:
    ledger(database, 50)
    warm = settings(rates={"warm_up_start": 4, "warm_up_growth": 2})
    day = timedelta(days=1)
    sent = [len(claim(database, Governor(warm), MORNING + day * number)[0].slots) for number in range(4)]
    with database.transaction() as connection:
        none = Governor(warm).allowance(connection, now=MORNING + 3 * day, horizon=HORIZON)

    assert sent == [4, 8, 16, 22]
    assert none.rows == 32 - 22
    assert "queued" not in states(database)


@pytest.mark.on_both
def test_what_did_not_leave_does_not_count_for_the_warm_up(database: Database) -> None:
    ledger(database, 10)
    governor, server, clock = Governor(settings(rates={"warm_up_start": 4})), Mailserver().close(), Clock()
    with pytest.raises(TransportError):
        send(database, governor, server, clock)
    server.open()
    assert send(database, governor, server, clock) == {"sent": 4}
    assert send(database, governor, server, clock) == {}


# --- what is learnt


def test_a_domain_that_complains_gets_a_rate_which_a_restart_keeps(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    ledger(database, 200)
    governor = Governor(settings())
    claim(database, governor, MORNING)
    now = MORNING + timedelta(seconds=4)
    learn(database, governor, now, *[("mail.example", TAKEN)] * 39, ("mail.example", SLOW_DOWN))

    assert kept(database)["@mail.example"].rate == 5, "half of 40 mails in 4 seconds"
    assert caplog.messages == [
        "mail.example complains of our speed (421 unusual rate of mail): 300 mails a minute from now on"
    ]
    with database.transaction() as connection:
        claims.release(connection, f"{MORNING}"[: claims.HOLDER_LENGTH], now=now)
    reserved, _ = claim(database, Governor(settings()), now)
    assert seconds(reserved, now) == [number / 5 for number in range(51)]


@pytest.mark.parametrize("verb", ["RCPT", "DATA", "END"])
def test_a_complaint_with_which_a_server_ends_the_session_is_learnt_from(
    database: Database, verb: str
) -> None:
    ledger(database, 12)
    with Smtpd() as server:
        server.answer(verb, *["421 4.7.28 unusual rate of mail"] * 4)
        smtp = Smtp(host="127.0.0.1", port=server.port, security="none", connections=1)
        assert send(database, Governor(settings()), smtp, Clock()) == {"queued": 4, "sent": 8}
    assert kept(database)["@mail.example"].rate == 6, "half of 12 mails in a second"


def test_the_speed_that_is_halved_is_that_of_the_last_batch_however_long_nothing_had_left(
    database: Database,
) -> None:
    ledger(database, 40)
    governor = Governor(settings())
    learn(database, governor, MORNING - timedelta(hours=1), ("mail.example", TAKEN))
    claim(database, governor, MORNING)
    learn(database, governor, MORNING + timedelta(seconds=4), *[("mail.example", SLOW_DOWN)] * 40)

    assert kept(database)["@mail.example"].rate == 5


def test_other_domains_go_on_as_before(database: Database) -> None:
    governor = Governor(settings())
    learn(database, governor, MORNING, ("slow.example", SLOW_DOWN), ("mail.example", TAKEN))
    ledger(database, 9)
    reserved, _ = claim(database, governor, MORNING)

    assert kept(database).keys() == {"all", "@slow.example"}
    assert seconds(reserved) == [0] * 9


def test_a_domain_that_has_been_quiet_for_long_is_forgotten(database: Database) -> None:
    governor, clock = Governor(settings()), Clock()
    learn(database, governor, clock(), *[("mail.example", SLOW_DOWN)] * 2)
    assert kept(database)["@mail.example"].rate == 1
    clock.forward(seconds=QUIET.total_seconds())
    minutes = 0
    while "@mail.example" in kept(database):
        minutes += 1
        worker = Governor(settings())  # each time a new process
        with database.transaction() as connection:
            worker.reserve(connection, (), now=clock(), horizon=HORIZON)
        learn(database, worker, clock(), *[("mail.example", TAKEN)] * 240)
        clock.forward(minutes=1)

    assert 10 < minutes < 30, (
        "from 60 a minute to 240 in steps of 6, at most one for each minute's worth of mails"
    )


def test_with_adaptive_off_nothing_is_learnt(database: Database) -> None:
    learn(
        database,
        Governor(settings(rates={"adaptive": False})),
        MORNING,
        ("mail.example", SLOW_DOWN),
    )
    assert kept(database).keys() == {"all"}


# --- the relay's breaker


def test_a_relay_that_does_not_answer_is_left_alone_and_tried_with_one_mail(database: Database) -> None:
    ledger(database, 5)
    for _ in range(FAILURES):
        with database.transaction() as connection:
            Governor(settings()).broke(connection, now=MORNING)  # each from a process of its own
    governor, later = Governor(settings()), MORNING + FIRST_WAIT

    with database.transaction() as connection:
        closed = governor.allowance(connection, now=MORNING, horizon=HORIZON)
    assert (closed.rows, closed.retry_at) == (0, later)
    assert closed.reason == "the relay did not answer 3 times and is left alone"
    assert claim(database, governor, later)[1] == 1
    assert claim(database, Governor(settings()), later)[1] == 0, "one is trying"

    learn(database, governor, later, ("mail.example", Reply(code=550, text="no such user")))
    assert claim(database, Governor(settings()), later)[1] is None, "any answer is one"


# --- stops


def test_a_stopped_issue_stays_where_it_is_until_the_stop_is_lifted(database: Database) -> None:
    issue_id = ledger(database, 2)
    governor, server, clock = Governor(settings()), Mailserver(), Clock()
    with database.transaction() as connection:
        assert alarm.stop(connection, settings(), issue_id, reason="refused", now=MORNING)
        assert not alarm.stop(connection, settings(), issue_id, reason="again", now=MORNING)

    assert send(database, governor, server, clock) == {}
    with database.transaction() as connection:
        [stop] = stops.active(connection)
        assert (stop.list, stop.reason, stop.at) == ("daily", "refused", MORNING)
        assert deliveries.count_due(connection, now=MORNING) == 0
        assert stops.lift(connection, stop.id, now=MORNING) == 1
        assert stops.lift(connection, now=MORNING) == 0
        assert stops.last_lift(connection) is None, "it was not of everything"
    assert send(database, governor, server, clock) == {"sent": 2}


def test_a_stop_of_everything_lets_nothing_be_claimed(database: Database) -> None:
    ledger(database, 2)
    with database.transaction() as connection:
        alarm.stop(connection, settings(), None, reason="our address is listed", now=MORNING)
        none = Governor(settings()).allowance(connection, now=MORNING, horizon=HORIZON)
        assert stops.last_lift(connection) is None
        stops.lift(connection, now=MORNING + LEASE)
        assert stops.last_lift(connection) == MORNING + LEASE

    assert none.rows == 0
    assert none.reason == (
        "all sending is stopped since 2015-10-21 06:00 UTC: our address is listed; "
        "`digest deliveries resume` lets it go on"
    )


@pytest.mark.on_both
@pytest.mark.parametrize("everything", [True, False])
def test_a_stop_holds_what_is_claimed_already(database: Database, everything: bool) -> None:
    """It is heard of when the ledger is next told what became of mails."""
    ledger(database, 20)
    clock, server = Clock(), Mailserver()
    issue_id = rows(database)[0].issue_id

    def stopped() -> None:
        clock.forward(seconds=FLUSH.total_seconds())
        with database.transaction() as connection:
            stops.put(connection, None if everything else issue_id, reason="a word", now=clock())

    server.meanwhile(lambda: None).meanwhile(stopped)
    governor = Governor(settings())
    assert send(database, governor, server, clock) == {"sent": 2}
    assert Counter(states(database)) == {"sent": 2, "queued": 18}
    with database.transaction() as connection:
        stops.lift(connection, now=clock())
    assert send(database, governor, server, clock) == {"sent": 18}


def test_a_stop_writes_one_letter_to_the_operator_where_the_settings_name_him(database: Database) -> None:
    issue_id = ledger(database, 1)
    named = settings(publisher={"reply_to": "desk@digest.example"})
    with database.transaction() as connection:
        for reason in ("refused", "again"):
            alarm.stop(connection, named, issue_id, reason=reason, now=MORNING)
        letters = notices.claim(connection, now=MORNING, token="t", lease=LEASE, limit=9)  # noqa: S106

    assert [(letter.kind, letter.address) for letter in letters] == [("alarm", "desk@digest.example")]
    assert letters[0].said.alarm == Alarm(stop=1, on=MORNING.date(), reason="refused")


# --- the first wave

TEN_PERCENT = {"share": 0.1, "fewest_readers": 100}
OTHERS = MORNING + timedelta(minutes=10)


def publish(database: Database, readers: int, **canary: Any) -> tuple[config.Settings, int]:
    """Make an issue and its readers' rows as publishing does."""
    ours = settings(canary=canary)
    issue_id = ledger(database, 0)
    subscribe(database, *(reader(number) for number in range(1, readers + 1)))
    with database.transaction() as connection:
        _enqueue(
            connection,
            issue_id,
            "daily",
            wishes(),
            on=MORNING.date(),
            now=MORNING,
            expiry=timedelta(hours=72),
            canary=ours.canary,
        )
    return ours, issue_id


@pytest.fixture
def story(caplog: pytest.LogCaptureFixture) -> Callable[[], Sequence[str]]:
    """Give what the log says so far."""
    caplog.set_level(logging.INFO, logger="digest.govern")
    return lambda: caplog.messages


def test_a_small_list_has_no_first_wave(database: Database) -> None:
    publish(database, 99, **TEN_PERCENT)
    assert {row.due for row in rows(database)} == {MORNING}


def test_a_first_wave_of_some_readers_leaves_and_the_others_wait(database: Database) -> None:
    _, issue_id = publish(database, 120, **TEN_PERCENT)
    first = {row.subscriber_id for row in rows(database) if row.due == MORNING}

    assert len(first) == 12
    assert {number % 10 for number in first} == {issue_id % 10}, "the next issue has others"
    assert {row.due for row in rows(database)} == {MORNING, OTHERS}


def test_seeds_are_first_however_small_the_list_is(database: Database) -> None:
    publish(database, 9, seeds=["Reader3@mail.example", "stranger@mail.example"])
    assert [row.subscriber_id for row in rows(database) if row.due == MORNING] == [3]


def test_a_wave_that_is_refused_stops_its_issue(
    database: Database, story: Callable[[], Sequence[str]]
) -> None:
    ours, _ = publish(database, 120, **TEN_PERCENT)
    governor, server, clock = Governor(ours), Mailserver().refuse(250, 250, 250, *[550] * 9), Clock()
    assert send(database, governor, server, clock) == {"sent": 3, "failed": 9}
    clock.at = OTHERS

    assert send(database, governor, server, clock) == {}, "the other 108 stay where they are"
    assert Counter(states(database)) == {"sent": 3, "failed": 9, "queued": 108}
    assert story() == [
        "daily: canary: 12 of 120 readers get it first; the others wait until 06:10:00 UTC",
        "daily, issue of 2015-10-21 is stopped: canary: 3 of 12 taken, 9 refused, mostly with 550 as told",
    ]
    with database.transaction() as connection:
        assert stops.lift(connection, now=clock()) == 1
    assert send(database, governor, server, clock) == {"sent": 108}, "a person said so"


def test_a_wave_that_is_taken_lets_the_others_go(
    database: Database, story: Callable[[], Sequence[str]]
) -> None:
    ours, _ = publish(database, 120, **TEN_PERCENT)
    governor, server, clock = Governor(ours), Mailserver(), Clock()
    assert send(database, governor, server, clock) == {"sent": 12}
    clock.at = OTHERS - timedelta(seconds=1)
    assert send(database, governor, server, clock) == {}
    clock.at = OTHERS

    assert send(database, governor, server, clock) == {"sent": 108}
    assert story()[1:] == ["daily: canary: 12 of 12 taken; the others leave now"]


def test_while_most_of_a_wave_is_unanswered_the_others_wait_for_longer(
    database: Database, story: Callable[[], Sequence[str]]
) -> None:
    ours, _ = publish(database, 120, **TEN_PERCENT)
    governor, server, clock = Governor(ours), Mailserver().refuse(*[451] * 9), Clock()
    assert send(database, governor, server, clock) == {"sent": 3, "queued": 9}
    clock.at = OTHERS
    assert send(database, governor, server, clock) == {"sent": 9}, "those that were put off, and no other"

    assert {row.due for row in rows(database) if not row.attempts} == {OTHERS + timedelta(minutes=10)}
    assert "; ".join(story()[1:]) == (
        "daily: canary: 3 of 12 taken, 9 refused for now, mostly with 451 as told; "
        "the others wait until 06:20:00 UTC"
    )
    clock.forward(minutes=10)
    assert send(database, governor, server, clock) == {"sent": 108}


def test_a_wave_that_a_relay_which_is_down_never_took_keeps_the_others_waiting(database: Database) -> None:
    ours, _ = publish(database, 120, **TEN_PERCENT)
    reserved, _ = claim(database, Governor(ours), OTHERS)

    assert len(reserved.slots) == 12


def test_two_faults_of_ours_in_a_wave_are_too_many(database: Database) -> None:
    ours, _ = publish(database, 120, **TEN_PERCENT)
    reserved, _ = claim(database, Governor(ours), MORNING)
    ends = [
        Mark(
            delivery_id=one.id,
            claim=one.claim,
            state=DeliveryState.SENT if number > 2 else DeliveryState.FAILED,
            reply=TAKEN if number > 2 else POLICY,
        )
        for number, (_, one) in enumerate(reserved.slots, 1)
    ]
    with database.transaction() as connection:
        claims.mark(connection, ends, now=MORNING)
        Governor(ours).allowance(connection, now=MORNING, horizon=HORIZON)
        [stop] = stops.active(connection)

    assert stop.reason == (
        "canary: 10 of 12 taken, 2 refused, 2 of them for a fault of ours, "
        "mostly with 550 5.7.1 not accepted by policy"
    )


def test_complaints_about_a_wave_count_as_faults_do(database: Database) -> None:
    ours, _ = publish(database, 120, **TEN_PERCENT)
    assert send(database, Governor(ours), Mailserver(), Clock()) == {"sent": 12}
    with database.transaction() as connection:
        spam = {"feedback": FeedbackKind.COMPLAINED.value}
        connection.execute(sa.update(ledger_table).where(ledger_table.c.id <= 20).values(spam))

    assert send(database, Governor(ours), Mailserver(), Clock(OTHERS)) == {}
    with database.transaction() as connection:
        [stop] = stops.active(connection)
    assert stop.reason == "canary: 12 of 12 taken, 2 complained of"


def test_a_wave_that_meets_a_fault_of_ours_costs_no_reader_his_letter(
    database: Database, story: Callable[[], Sequence[str]]
) -> None:
    ours, _ = publish(database, 120, **TEN_PERCENT)
    server, clock = Mailserver().says(POLICY, times=9), Clock()
    assert send(database, Governor(ours), server, clock) == {"queued": 9, "sent": 3}
    clock.at = OTHERS
    assert send(database, Governor(ours), server, clock) == {}
    assert story()[1] == (
        "daily, issue of 2015-10-21 is stopped: canary: 3 of 12 taken, 9 refused for now, "
        "9 of them for a fault of ours, mostly with 550 5.7.1 not accepted by policy"
    )
    with database.transaction() as connection:
        stops.lift(connection, now=clock())
    assert send(database, Governor(ours), server, clock) == {"sent": 117}


# --- finish by


def late(database: Database, **rates: str) -> list[Any]:
    ours = config.Settings(lists={"daily": wishes(finish_by="06:30")}, rates=rates)
    governor = Governor(ours)
    with database.transaction() as connection:
        governor.allowance(connection, now=MORNING, horizon=HORIZON)
        governor.allowance(connection, now=MORNING + timedelta(minutes=5), horizon=HORIZON)
        issue_id = issues.newest_id(connection, "daily")
        assert issue_id is not None
        told = forecast(connection, ours, issue_id, now=MORNING)
    return [told.left, told.done and (told.done - MORNING) / timedelta(minutes=1), told.late]


def test_that_an_issue_will_be_late_is_said_once(
    database: Database, story: Callable[[], Sequence[str]]
) -> None:
    ledger(database, 50)
    assert late(database, all="1/minute") == [50, 50, True]
    assert [line.split(" (")[0] for line in story()] == [
        "daily: 50 mails are left, and will have left by 2015-10-21 06:50 UTC, not by 2015-10-21 06:30 UTC"
    ]


@pytest.mark.parametrize(
    ("rates", "minutes"), [({"all": "2/minute"}, 25), ({"per_domain": "5/minute"}, 10), ({}, None)]
)
def test_an_issue_that_will_be_in_time_is_not_spoken_of(
    database: Database, story: Callable[[], Sequence[str]], rates: dict[str, str], minutes: float | None
) -> None:
    ledger(database, 50)
    assert late(database, **rates) == [50, minutes, False]
    assert story() == []


@pytest.mark.on_both
@pytest.mark.parametrize(
    ("due", "at", "rates", "told"),
    [
        (0, 0, {"all": "2/minute"}, "10 mails are left, and will have left by 06:05, in time for 06:30 (finish_by)"),
        (0, 0, {"all": "6/hour"}, "10 mails are left, and will have left by 07:40, not by 06:30 (finish_by)"),
        (0, 0, {}, "10 mails are left, and none has left within a minute"),
        (0, 31, {}, "10 mails are left, and none has left within a minute, after 06:30 (finish_by)"),
        (20, 0, {}, "10 mails are left, the last due at 06:20"),
        (20, 0, {"all": "2/minute"}, "10 mails are left, and will have left by 06:20, in time for 06:30 (finish_by)"),
        (60, 0, {}, "no mail is left that was due by 06:30 (finish_by); 10 mails are due later"),
    ],
)  # fmt: skip
def test_the_forecast_says_how_many_are_left_until_when_and_whether_that_is_in_time(
    database: Database, due: int, at: int, rates: dict[str, str], told: str
) -> None:
    """Not before the last is due, and where nothing has left by then, nobody need ask how fast it goes."""
    issue_id = ledger(database, 10, due=MORNING + timedelta(minutes=due))
    ours = config.Settings(lists={"daily": wishes(finish_by="06:30")}, rates=rates)
    with database.transaction() as connection:
        said = forecast(connection, ours, issue_id, now=MORNING + timedelta(minutes=at))
    assert str(said).replace("2015-10-21 ", "").replace(" UTC", "") == told


@pytest.mark.on_both
@pytest.mark.parametrize(("due", "stopped", "minutes"), [(0, False, 40), (1, False, 30), (0, True, 30)])
def test_what_leaves_before_it_of_other_issues_counts_in_a_forecast(
    database: Database, due: int, stopped: bool, minutes: int
) -> None:
    """Ten mails of another list share the rate, if they are due as soon and nothing holds them back."""
    ours = config.Settings(rates={"all": "1/minute"})
    issue_id = ledger(database, 30)
    subscribe(database, *(reader(number) for number in range(10)), list_name="weekly")
    moment = MORNING + timedelta(minutes=due)
    with database.transaction() as connection:
        other = issues.freeze(connection, example.issue(list="weekly"))
        deliveries.enqueue(connection, other, "weekly", due=lambda _: moment, now=MORNING, lifetime=LEASE)
        if stopped:
            stops.put(connection, other, reason="canary: 1 of 10 taken", now=MORNING)
        told = forecast(connection, ours, issue_id, now=MORNING)
    assert (told.left, told.done) == (30, MORNING + timedelta(minutes=minutes))


def test_the_forecast_of_a_warm_up_counts_days(database: Database) -> None:
    ledger(database, 50)
    ours = settings(rates={"warm_up_start": 4, "warm_up_growth": 2})
    with database.transaction() as connection:
        issue_id = issues.newest_id(connection, "daily")
        assert issue_id is not None
        told = forecast(connection, ours, issue_id, now=MORNING)

    assert told.done == MORNING.replace(hour=0) + timedelta(days=3)
    assert not told.late


def test_what_is_kept_of_a_pace_comes_back_as_it_was(database: Database) -> None:
    one = paces.Pace(
        key="@mail.example",
        free=MORNING,
        taken=(MORNING + timedelta(microseconds=1), MORNING + timedelta(seconds=5)),
        tail=MORNING + timedelta(minutes=1),
        rate=0.5,
        refused=1.0,
        cut=MORNING,
        heard=MORNING,
        count=7,
    )
    with database.transaction() as connection:
        paces.hold(connection)
        paces.put(connection, [one])
        assert paces.get(connection, ["@mail.example", "@other.example"]) == {one.key: one}
        assert paces.learnt(connection) == {one.key}
