"""A turn that is taken beside the sending breaks no promise, whatever happens while it is at work. It is on PostgreSQL.

Claims are of six rows here; the turn after the first begins when its fifth mail is asked for.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from makers import (
    TAKEN,
    Clock,
    Mailserver,
    journals,
    leased,
    ledger,
    reader,
    rows,
    states,
    store,
    write,
    writes,
)
from postgres import Postgres

from digest import config, journal
from digest.deliver import deliver
from digest.deliver import run as running
from digest.deliver.run import Run
from digest.deliver.work import FLUSH, Work
from digest.errors import StoreError, TransportError
from digest.govern import Governor
from digest.model import Delivery, DeliveryState, Mail, Reply
from digest.protocols import Pause
from digest.store import Database, paces
from digest.store.tables import deliveries, leases

CLAIM, AHEAD = 6, 2
READERS = 20
PATIENCE = 30.0
TOO_FAST = Reply(code=421, enhanced="4.7.0", text="too many mails, slow down")
SENT, QUEUED = DeliveryState.SENT, DeliveryState.QUEUED
HOLD = config.Delivery()
FULL = StoreError("the disk is full")


class Beside(Database):
    """A database on which a turn in a thread of its own waits, all but committed, until it is let go."""

    def __init__(self, url: str, *, base: Path) -> None:
        super().__init__(url, base=base)
        self.turns = 0  # that were taken beside the sending
        self.reached, self.let_go = threading.Event(), threading.Event()
        self.at_the_end: Callable[[], object] = lambda: None
        self.once_committed: Callable[[], object] = lambda: None
        self.broken = False

    @contextmanager
    def transaction(self, *, alone: bool = True) -> Iterator[sa.Connection]:
        if threading.current_thread().name.startswith("turn"):
            self.turns += 1
            with super().transaction(alone=alone) as connection:
                yield connection
                self.reached.set()
                assert self.let_go.wait(PATIENCE)
                self.at_the_end()
            self.once_committed()
        else:
            if self.broken:
                raise FULL
            with super().transaction(alone=alone) as connection:
                yield connection

    def fail(self) -> None:
        raise FULL


class Told:
    """What follows for readers, written down."""

    def __init__(self) -> None:
        self.taken: list[int] = []

    def heard(
        self, _: sa.Connection, *, taken: Sequence[int], refused: Sequence[tuple[int, Reply]], now: Any
    ) -> None:
        assert not refused
        assert now
        self.taken += taken


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch.setattr)


def small(set_attribute: Callable[[Any, str, int], None]) -> None:
    """Let claims be small."""
    set_attribute(running, "BATCH", CLAIM)
    set_attribute(running, "AHEAD", AHEAD)


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    fresh = postgres.fresh()
    yield fresh
    postgres.drop(fresh)


@pytest.fixture
def database(tmp_path: Path, url: str) -> Iterator[Beside]:
    with store(tmp_path, kind=Beside, url=url) as opened:
        assert isinstance(opened, Beside)
        ledger(opened, READERS)
        yield opened
        assert not [one for one in threading.enumerate() if one.name.startswith("turn")]


def run(
    database: Database,
    server: Mailserver,
    told: Told | None = None,
    *,
    clock: Clock | None = None,
    governor: Governor | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> dict[DeliveryState, int]:
    outcome = deliver(
        database,
        server,
        HOLD,
        write=writes(letter),
        journals=journals(database),
        governor=governor or Governor(config.Settings()),
        clock=clock or Clock(),
        after=told,
        stopping=stopping,
    )
    return {state: count for state, count in outcome.items() if count}


def letter(delivery: Delivery) -> Mail:
    return write(delivery)._replace(variant_id=1)


def pages(folder: Path) -> list[Path]:
    return sorted((folder / "journal").iterdir())


def until(database: Database) -> list[datetime]:
    with database.transaction() as connection:
        return list(connection.scalars(sa.select(leases.c.until)))


def recipients(server: Mailserver) -> list[str]:
    return sorted(mail.recipient for mail in server.mails)


EACH = sorted(reader(number) for number in range(1, READERS + 1))


def in_turn(database: Database) -> list[int]:
    """Give the readers in the order in which their mails leave."""
    return [row.subscriber_id for row in rows(database)]


def a_server(*, fifth: Callable[[], object], sixth: Callable[[], object] = lambda: None) -> Mailserver:
    """Make one at which something happens while it takes the fifth mail, and the sixth."""
    return Mailserver().says(TAKEN, times=4).meanwhile(fifth).meanwhile(sixth)


def test_what_ends_while_a_turn_is_taken_is_marked_and_told_of_once(database: Beside, tmp_path: Path) -> None:
    told = Told()
    server = a_server(fifth=database.reached.wait, sixth=database.let_go.set)

    assert run(database, server, told) == {SENT: READERS}
    assert database.turns == 4  # of four, four, four and two rows
    assert recipients(server) == EACH
    assert states(database) == [SENT] * READERS
    assert sorted(told.taken) == sorted(in_turn(database))
    assert (pages(tmp_path), leased(database)) == ([], 0)


def test_of_a_turn_that_fails_nothing_is_forgotten(database: Beside, tmp_path: Path) -> None:
    """The ledger is there again when the run ends, and has all of it."""
    told = Told()
    database.at_the_end = database.fail
    server = a_server(fifth=database.reached.wait, sixth=database.let_go.set)

    with pytest.raises(StoreError, match="full"):
        run(database, server, told)
    assert states(database) == [SENT] * CLAIM + [QUEUED] * (READERS - CLAIM)
    assert told.taken == in_turn(database)[:4] + in_turn(database)[:CLAIM]  # the first four were undone
    assert (pages(tmp_path), leased(database)) == ([], 0)


def test_where_the_ledger_stays_away_after_it_the_journal_tells_the_next_run(
    database: Beside, tmp_path: Path
) -> None:
    def fail() -> None:
        database.broken = True
        database.fail()

    database.at_the_end = fail
    server = a_server(fifth=database.reached.wait, sixth=database.let_go.set)
    with pytest.raises(StoreError, match="full"):
        run(database, server)
    database.broken = False
    assert len(pages(tmp_path)) == 2
    assert states(database)[:CLAIM] == ["claimed"] * CLAIM

    told, again = Told(), Mailserver()
    database.at_the_end = lambda: None
    assert run(database, again, told) == {SENT: READERS - CLAIM}
    assert sorted(recipients(server) + recipients(again)) == EACH
    assert sorted(told.taken) == sorted(in_turn(database))


def test_what_was_claimed_beside_is_given_back_when_the_run_stops(database: Beside, tmp_path: Path) -> None:
    stops = threading.Event()

    def stop() -> None:
        database.reached.wait(PATIENCE)
        stops.set()
        database.let_go.set()

    server = a_server(fifth=stop)

    assert run(database, server, stopping=stops.is_set) == {SENT: 5}
    assert states(database) == [SENT] * 5 + [QUEUED] * (READERS - 5)
    assert (pages(tmp_path), leased(database)) == ([], 0)


def test_a_relay_that_breaks_while_a_turn_is_taken_is_heard_of_after_it(database: Beside) -> None:
    server = Mailserver().close(after=1).says(TAKEN, times=4).break_before_the_end()
    friend = threading.Thread(target=lambda: database.reached.wait(PATIENCE) and database.let_go.set())
    friend.start()

    with pytest.raises(TransportError):
        run(database, server)
    friend.join()
    assert database.turns == 1
    assert states(database) == [SENT] * 4 + [QUEUED] * (READERS - 4)
    with database.transaction() as connection:
        assert paces.get(connection, [paces.RELAY])[paces.RELAY].count == 1


class Ticking(Clock):
    """A time that goes on whenever it is asked."""

    def __call__(self) -> datetime:
        return self.forward(milliseconds=1)


def test_at_a_rate_no_claim_is_made_before_its_time(database: Beside) -> None:
    database.let_go.set()
    slow = Governor(config.Settings.model_validate({"rates": {"per_domain": "20/second"}}))

    assert run(database, Mailserver(), governor=slow, clock=Ticking()) == {SENT: READERS}
    assert database.turns == 0


@pytest.mark.parametrize("late", [0, 11])
def test_a_claim_that_was_made_beside_keeps_its_pace_however_late_it_comes(
    database: Beside, late: int
) -> None:
    """A domain complains, the next claim is spread out, and the last mails of the one before take longer than that."""
    clock = Clock()
    driven = a_run(database, clock)
    number = pauses = 0
    for mail in driven.mails():
        if isinstance(mail, Pause):
            pauses += 1
            clock.forward(seconds=mail.seconds)
            continue
        number += 1
        driven.ending(mail)
        driven.heard(mail, TOO_FAST if number == 1 else TAKEN)
        if number == CLAIM - 1:
            finish_turn(driven)
            clock.forward(seconds=late)
        if number == CLAIM + 3:
            break
    driven.finish()
    assert pauses


def test_what_comes_due_after_a_turn_that_found_nothing_leaves_in_the_same_run(database: Beside) -> None:
    clock = Clock()
    later = clock() + timedelta(minutes=1)
    first = [row.id for row in rows(database)][:CLAIM]
    with database.transaction() as connection:
        others = sa.update(deliveries).where(deliveries.c.id.not_in(first))
        connection.execute(others.values(due=later))
    driven = a_run(database, clock)
    for number, mail in enumerate(mails_of(driven), 1):
        driven.ending(mail)
        driven.heard(mail, TAKEN)
        if number == CLAIM - 1:
            finish_turn(driven)
        if number == CLAIM:
            clock.at = later
    driven.finish()
    assert states(database) == [SENT] * READERS


def test_while_a_turn_hangs_no_mail_leaves_whose_lease_may_be_over(database: Beside) -> None:
    """It is waited for once half of a lease has passed; here it is let go by whoever waits for it."""
    clock = Clock()
    work = a_work(database, clock)
    driven = Run(work)
    mails = mails_of(driven)
    for _ in range(CLAIM - 1):
        mail = next(mails)
        driven.ending(mail)
        driven.heard(mail, TAKEN)
    assert database.reached.wait(PATIENCE)
    clock.at += work.lease / 2
    waiting = driven._beside
    assert waiting
    asked = threading.Event()
    real = waiting.result

    def result(timeout: float | None = None) -> Any:
        asked.set()
        database.let_go.set()
        return real(timeout)

    waiting.result = result  # type: ignore[method-assign]
    next(mails)
    assert asked.is_set()
    driven.finish()


def test_on_sqlite_all_is_done_in_one_thread(tmp_path: Path) -> None:
    with store(tmp_path, kind=Beside) as database:
        assert isinstance(database, Beside)
        ledger(database, READERS)
        assert run(database, Mailserver()) == {SENT: READERS}
        assert database.turns == 0


def test_who_marks_every_few_seconds_does_not_wait_for_a_turn_that_does_it_too(database: Beside) -> None:
    """It would wait for the rows that the turn has locked, and the turn for it."""
    clock = Clock()

    def late() -> None:
        database.reached.wait(PATIENCE)
        clock.at += FLUSH

    assert run(database, a_server(fifth=late, sixth=database.let_go.set), clock=clock) == {SENT: READERS}


def test_the_rows_of_a_claim_that_waits_its_turn_keep_their_lease(database: Beside) -> None:
    """The last mails of the claim before leave slowly: what was claimed beside them must not run out."""
    clock = Clock()
    slow = a_run(database, clock)
    taken = []
    for number, mail in enumerate(mails_of(slow), 1):
        taken.append(mail.recipient)
        slow.ending(mail)
        slow.heard(mail, TAKEN)
        if number == CLAIM - 1:
            finish_turn(slow)
            assert states(database).count("claimed") == CLAIM
            clock.at += FLUSH
        if number == CLAIM:
            assert until(database) == [clock.at + timedelta(seconds=HOLD.lease_seconds)] * 2
    slow.finish()

    assert sorted(taken) == EACH


def test_what_was_begun_on_an_earlier_page_is_in_doubt_when_that_is_gone(
    database: Beside, tmp_path: Path
) -> None:
    killed = a_run(database, Clock())
    for number, mail in enumerate(mails_of(killed), 1):
        killed.ending(mail)
        if number != 3:
            killed.heard(mail, TAKEN)
        if number == CLAIM - 1:
            finish_turn(killed)
        if number == CLAIM + 1:
            break
    assert len(pages(tmp_path)) == 1
    killed._journal.close(remove=False)
    killed._thread.shutdown()

    assert run(database, Mailserver()) == {SENT: READERS - CLAIM - 1}
    assert states(database) == [SENT] * 2 + [DeliveryState.IN_DOUBT] + [SENT] * (READERS - 3)


def a_run(database: Beside, clock: Clock) -> Run:
    """Make one that the test drives itself, mail by mail."""
    database.let_go.set()
    return Run(a_work(database, clock))


def a_work(database: Database, clock: Clock) -> Work:
    return Work(
        database=database,
        settings=HOLD,
        write=writes(letter),
        journals=journals(database),
        governor=Governor(config.Settings()),
        clock=clock,
        resend=lambda _: False,
        after=None,
        stopping=lambda: False,
        on_settled=lambda _: None,
    )


def test_a_process_that_turns_its_page_just_then_is_not_taken_for_dead(
    database: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who looks for journals opens a page, and before he locks it, its process is on the next one."""
    clock = Clock()
    living = a_run(database, clock)
    living.ending(next(mails_of(living)))
    todo = [living._tend]
    lock = journal.fcntl.flock

    def flock(file: int, how: int) -> None:
        if how & journal.fcntl.LOCK_NB and todo:
            todo.pop()()
        lock(file, how)

    monkeypatch.setattr(journal.fcntl, "flock", flock)
    a_work(database, clock).recover()
    monkeypatch.undo()
    assert not todo
    assert states(database).count("claimed") == CLAIM
    living.finish()


def mails_of(driven: Run) -> Iterator[Mail]:
    for mail in driven.mails():
        assert isinstance(mail, Mail)
        yield mail


def finish_turn(driven: Run) -> None:
    """Wait until the turn beside is over, and not yet looked at."""
    assert driven._beside
    wait([driven._beside])


def die(folder: Path, url: str, *, committed: bool) -> None:
    small(setattr)
    with store(folder, kind=Beside, url=url) as database:
        assert isinstance(database, Beside)
        deadly = "once_committed" if committed else "at_the_end"
        setattr(database, deadly, lambda: os._exit(9))
        run(database, a_server(fifth=database.reached.wait, sixth=lambda: wait_for_ever(database)), Told())


def wait_for_ever(database: Beside) -> None:
    database.let_go.set()
    threading.Event().wait()


@pytest.mark.parametrize("committed", [False, True])
def test_killed_in_a_turn_both_pages_of_the_journal_are_read(
    database: Beside, url: str, tmp_path: Path, committed: bool
) -> None:
    """Five mails have ended, the fifth on the new page; the sixth is in doubt."""
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=die, args=(tmp_path, url), kwargs={"committed": committed})
    process.start()
    process.join()
    assert process.exitcode == 9
    assert len(pages(tmp_path)) == 2
    assert states(database).count("sent") == (4 if committed else 0)

    told, server = Told(), Mailserver()
    database.let_go.set()
    assert run(database, server, told) == {SENT: READERS - CLAIM}
    assert states(database) == [SENT] * 5 + [DeliveryState.IN_DOUBT] + [SENT] * (READERS - CLAIM)
    readers = in_turn(database)
    assert told.taken == readers[4 if committed else 0 : 5] + readers[CLAIM:]
    assert (pages(tmp_path), leased(database)) == ([], 0)
