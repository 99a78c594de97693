"""Send what is due: claim some, stream them through the transport, record what the server said.

What is true after kill -9 at each point, for each mail of the claim:

    before its end was sent    nothing of it has arrived: it comes due again, as soon as a run finds the journal
    after that, no answer yet  the server may have it: at most one mail for each connection. The list's policy decides:
                               it is held in doubt, or sent again under the same Message-ID
    after the answer           the journal has it, and the next run writes it into its row: never again

A process that cannot be seen from here, since it runs on another machine, keeps its rows until its lease ends; then all
of them are in doubt, and so they are where the machine itself went down (see digest/journal.py). Those that are held
are settled exactly once a run on that machine finds the journal.

A server's refusal of one mail is a `Reply`: 4xx is tried again later, 5xx is final for this issue, unless the fault is
ours (digest/bounces): then the mail waits, since its reader cannot help it. A line that cannot be opened stops the run
and gives everything back.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

import sqlalchemy as sa

from digest import config
from digest.bounces import reason_of
from digest.errors import MessageError, TransportError
from digest.govern import Allowance, Governor
from digest.journal import Journals, Remains
from digest.model import Begun, Delivery, DeliveryState, Mail, Mark, Reply
from digest.pace import Slots, domain_of
from digest.protocols import Pause, Transport
from digest.store import Database, deliveries

log = logging.getLogger(__name__)

Write: TypeAlias = Callable[[Sequence[Delivery]], Iterator[Mail | MessageError | None]]

BATCH = 500
"""Rows claimed at once."""

FLUSH = timedelta(seconds=5)
"""After which the ledger hears what became of mails, however slowly they leave."""

HORIZON = timedelta(seconds=10)
"""How far ahead moments are given out; what has none by then waits in the ledger."""

PATIENCE = timedelta(minutes=1)
"""Where nothing may leave for longer than this, the run ends, and a later one goes on."""

JITTER = 0.2
"""Waits are longer by up to this share, so that what was refused together does not come again together."""

_NO_TIME = timedelta(0)
_GOLDEN = (5**0.5 - 1) / 2  # its multiples lie apart in the unit interval (Knuth, volume 3, section 6.4)
_LOST = Reply(code=451, enhanced="4.4.2", text="the sender died before the answer came")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How one mail of a run ended, and what the server said, where it was asked."""

    address: str
    state: DeliveryState
    reply: Reply | None


def deliver(
    database: Database,
    transport: Transport,
    settings: config.Delivery,
    *,
    write: Write,
    journals: Journals,
    governor: Governor,
    clock: Callable[[], datetime],
    resend: Callable[[str], bool] | None = None,
    after: "After | None" = None,
    stopping: Callable[[], bool] = lambda: False,
    on_settled: Callable[[Settled], None] = lambda _: None,
) -> Counter[DeliveryState]:
    """Send every mail that is due and give how many rows ended in which state.

    QUEUED counts those that are put off. `write` makes the mails of a claim, each when it is asked for; None, where it
    would hold nothing that its reader wants, skips it, and one that cannot be made right fails with the reason in its
    row. `governor` says how many leave when. `resend` tells of a list whether mails in doubt are sent again. `after`
    does what follows for readers. `on_settled` hears of each mail. Once it is `stopping`, no mail is begun.

    Raises:
        TransportError: the server cannot be reached; all rows that were not begun are due again.
        StoreError: the database refused.

    """
    work = _Work(
        database=database,
        settings=settings,
        write=write,
        journals=journals,
        governor=governor,
        clock=clock,
        resend=resend or (lambda _: settings.in_doubt == "resend"),
        after=after,
        stopping=stopping,
        on_settled=on_settled,
    )
    work.recover()
    run = _Run(work)
    try:
        for mail, outcome in transport.carry(run.mails(), ending=run.ending):
            run.heard(mail, outcome)
    except TransportError:
        with database.transaction(alone=False) as connection:
            governor.broke(connection, now=clock())
        raise
    finally:
        run.finish()
    return run.outcome


class After(Protocol):
    """What follows for readers from what servers say, in the transaction that marks it."""

    def taken(self, connection: sa.Connection, subscriber_ids: Sequence[int]) -> None:
        """Hear for which readers mail was taken."""

    def refused(self, connection: sa.Connection, delivery_id: int, reply: Reply, *, now: datetime) -> object:
        """Hear a server's last word on a delivery, or that it refuses us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What a run needs beside the transport."""

    database: Database
    settings: config.Delivery
    write: Write
    journals: Journals
    governor: Governor
    clock: Callable[[], datetime]
    resend: Callable[[str], bool]
    after: After | None
    stopping: Callable[[], bool]
    on_settled: Callable[[Settled], None]

    @property
    def lease(self) -> timedelta:
        """How long a claim holds."""
        return timedelta(seconds=self.settings.lease_seconds)

    def recover(self) -> None:
        """Finish what dead processes of this machine left behind."""
        for remains in self.journals.left_behind():
            with self.database.transaction(alone=False) as connection:
                self.close(connection, remains)

    def close(self, connection: sa.Connection, remains: Remains) -> tuple[Mark, ...]:
        """Mark what a journal knows, give back what was not begun, and give the marks of what is in doubt."""
        now = self.clock()
        deliveries.mark(connection, remains.ended, now=now)
        begun = remains.begun.values() if remains.exact else deliveries.held_by(connection, remains.name)
        doubtful = self.doubt(connection, begun)
        deliveries.release(connection, remains.name, now=now)
        return doubtful

    def doubt(self, connection: sa.Connection, rows: Collection[Begun]) -> tuple[Mark, ...]:
        """Mark rows whose mail may have arrived: in doubt, or due again where their list wants that."""
        again, now = self._sent_again(connection, rows), self.clock()
        marks = tuple(
            Mark(
                delivery_id=row.delivery_id,
                claim=row.claim,
                state=DeliveryState.QUEUED if row.delivery_id in again else DeliveryState.IN_DOUBT,
                due=now if row.delivery_id in again else None,
                reply=_LOST,
                variant_id=row.variant_id,
            )
            for row in rows
        )
        deliveries.mark(connection, marks, now=now)
        return marks

    def doubt_overdue(self, connection: sa.Connection) -> None:
        """Mark so all rows of processes on other machines whose lease is over."""
        now = self.clock()
        rows = deliveries.overdue(connection, now=now, alive=self.journals.alive())
        if rows:
            again = self._sent_again(connection, rows)
            self.doubt(connection, [row for row in rows if row.delivery_id in again])
            held = [row for row in rows if row.delivery_id not in again]
            deliveries.suspect(connection, held, now=now)

    def _sent_again(self, connection: sa.Connection, rows: Collection[Begun]) -> frozenset[int]:
        lists = deliveries.lists_of(connection, [row.delivery_id for row in rows]) if rows else {}
        return frozenset(number for number, name in lists.items() if self.resend(name))


class _Alarm:
    """Tells when so long has passed, by whichever of the two clocks says so first."""

    def __init__(self, clock: Callable[[], datetime], after: timedelta) -> None:
        self._clock, self._after = clock, after
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self._at = self._clock() + self._after
        self._ticks = time.monotonic() + self._after.total_seconds()

    @property
    def rings(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self._ticks or self._clock() >= self._at


class _Run:
    """One run over all that is due."""

    def __init__(self, work: _Work) -> None:
        self.outcome: Counter[DeliveryState] = Counter()
        self._work = work
        self._database, self._clock = work.database, work.clock
        self._journal = work.journals.open()
        self._half_lease = _Alarm(work.clock, work.lease / 2)
        self._under_way: dict[int, Delivery] = {}  # handed to the transport, not come back
        self._flush = _Alarm(work.clock, FLUSH)
        self._heard: list[tuple[Delivery, Reply, DeliveryState]] = []  # from servers, not yet told of

    def mails(self) -> Iterator[Mail | Pause]:
        """Give the mails of all that is due, claim by claim, each at its moment."""
        while not self._work.stopping():
            turn = self._turn()
            if turn.allowed.rows == 0:
                again = turn.allowed.retry_at
                if again is None or again - self._clock() > PATIENCE:
                    log.warning("nothing leaves now: %s", turn.allowed.reason)
                    return
                yield from self._wait_until(again)
            elif turn.claimed:
                yield from self._of(turn.slots)
            else:
                return

    def _of(self, reserved: Sequence[tuple[datetime, Delivery]]) -> Iterator[Mail | Pause]:
        lost: frozenset[int] = frozenset()
        batch = [delivery for _, delivery in reserved]
        slots, written = Slots(reserved), self._work.write(batch)
        while slots:
            now = self._clock()
            if (wait := slots.wait(now)) > _NO_TIME:
                yield from self._wait_until(now + wait)
            if self._work.stopping():
                return
            if self._half_lease.rings:
                lost = frozenset(one.id for one in batch) - self._renew()
            delivery, mail = slots.take(self._clock()), next(written)
            if delivery.id in lost:
                continue  # the lease had ended, and the row is another worker's
            if isinstance(mail, Mail):
                self._under_way[delivery.id] = delivery
                yield mail
            elif mail is None:
                self._end(delivery, DeliveryState.SKIPPED, None)
            else:
                unfit = Reply(code=554, enhanced="5.6.0", text=str(mail))
                self._end(delivery, DeliveryState.FAILED, unfit)
            self._flush_if_due()

    def _wait_until(self, moment: datetime) -> Iterator[Pause]:
        """Let the transport go on without a new mail until a moment."""
        while not self._work.stopping() and (left := moment - self._clock()) > _NO_TIME:
            yield Pause(min(left.total_seconds(), 1.0))
            self._flush_if_due()

    def ending(self, mail: Mail) -> None:
        """Write down that the server is about to have a mail."""
        delivery = self._under_way[_row_of(mail)]
        self._journal.begin(Begun(delivery_id=delivery.id, claim=delivery.claim, variant_id=mail.variant_id))

    def heard(self, mail: Mail, outcome: Reply | TransportError) -> None:
        """Write down what became of a mail."""
        delivery, letter = self._under_way.pop(_row_of(mail)), mail.variant_id
        if isinstance(outcome, TransportError):
            lost = Reply(code=451, enhanced="4.4.2", text=str(outcome))
            if outcome.in_doubt and not self._is_sent_again(delivery):
                self._end(delivery, DeliveryState.IN_DOUBT, lost, letter)
            else:
                self._put_off(delivery, lost, letter)
            return
        state = DeliveryState.SENT if outcome.accepted else DeliveryState.FAILED
        if outcome.accepted or not (outcome.temporary or _ours(outcome)):
            self._end(delivery, state, outcome, letter)
        else:
            state = self._put_off(delivery, outcome, letter)
        self._heard.append((delivery, outcome, state))

    def finish(self) -> None:
        """Mark what has come back, doubt what was begun and has not, and give back the rest.

        Where the ledger cannot be written, the journal stays, and the next run does it.
        """
        done = False
        try:
            with self._database.transaction(alone=False) as connection:
                self._tell(connection)
                doubtful = self._work.close(connection, self._journal.remains)
            self.outcome.update(mark.state for mark in doubtful)
            done = True
        finally:
            self._journal.close(remove=done)

    def _turn(self) -> "_Turn":
        """Mark what has come back and claim what is due, in one transaction."""
        governor = self._work.governor
        with self._database.transaction(alone=False) as connection:
            now = self._clock()
            self._mark(connection, now=now)
            self._work.doubt_overdue(connection)
            until = now + self._work.lease
            deliveries.renew(connection, self._journal.remains.name, until=until)
            allowed = governor.allowance(connection, now=now, horizon=HORIZON)
            batch, skipped = deliveries.claim(
                connection,
                now=now,
                token=self._journal.new_claim(),
                until=until,
                limit=BATCH if allowed.rows is None else min(BATCH, allowed.rows),
                stopped=allowed.stopped,
            )
            reserved = governor.reserve(connection, batch, now=now, horizon=HORIZON)
        self._half_lease.reset()
        self._marked()
        self.outcome[DeliveryState.SKIPPED] += skipped
        return _Turn(allowed=allowed, slots=reserved.slots, claimed=len(batch) + skipped)

    def _flush_if_due(self) -> None:
        if self._flush.rings:
            with self._database.transaction(alone=False) as connection:
                self._mark(connection, now=self._clock())
            self._marked()

    def _mark(self, connection: sa.Connection, *, now: datetime) -> None:
        deliveries.mark(connection, self._journal.remains.ended, now=now)
        self._tell(connection)

    def _tell(self, connection: sa.Connection) -> None:
        """Say what servers said to those who draw conclusions."""
        now, after = self._clock(), self._work.after
        said = ((domain_of(delivery.address), reply) for delivery, reply, _ in self._heard)
        self._work.governor.learn(connection, said, now=now)
        if after:
            sent = DeliveryState.SENT
            after.taken(connection, [one.subscriber_id for one, _, state in self._heard if state is sent])
            for delivery, reply, state in self._heard:
                if state is DeliveryState.FAILED or not (reply.accepted or reply.temporary):
                    after.refused(connection, delivery.id, reply, now=now)

    def _marked(self) -> None:
        self._heard.clear()
        self._journal.marked()
        self._flush.reset()

    def _renew(self) -> frozenset[int]:
        """Prolong the lease and give the rows that this process still holds."""
        with self._database.transaction(alone=False) as connection:
            until = self._clock() + self._work.lease
            held = deliveries.renew(connection, self._journal.remains.name, until=until)
        self._half_lease.reset()
        return held

    def _is_sent_again(self, delivery: Delivery) -> bool:
        with self._database.transaction(alone=False) as connection:
            return self._work.resend(deliveries.lists_of(connection, [delivery.id])[delivery.id])

    def _put_off(self, delivery: Delivery, reply: Reply, letter: int | None) -> DeliveryState:
        """Wait for the next of the retry times, the last of which repeats, until the row expires; give the state."""
        waits = self._work.settings.retry_minutes
        wait = timedelta(minutes=waits[min(delivery.attempts, len(waits) - 1)])
        due = self._clock() + wait * (1 + JITTER * _share(delivery.id))
        in_time = due <= delivery.expires
        state = DeliveryState.QUEUED if in_time else DeliveryState.FAILED
        self._end(delivery, state, reply, letter, due=due if in_time else None)
        return state

    def _end(
        self,
        delivery: Delivery,
        state: DeliveryState,
        reply: Reply | None,
        letter: int | None = None,
        *,
        due: datetime | None = None,
    ) -> None:
        self._journal.end(
            Mark(
                delivery_id=delivery.id,
                claim=delivery.claim,
                state=state,
                due=due,
                reply=reply,
                variant_id=letter,
            )
        )
        self.outcome[state] += 1
        self._work.on_settled(Settled(address=delivery.address, state=state, reply=reply))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """What may leave now."""

    allowed: Allowance
    slots: tuple[tuple[datetime, Delivery], ...]
    claimed: int  # rows, those that were skipped or come later among them


def _ours(reply: Reply) -> bool:
    """Tell whether a refusal is for a fault of ours."""
    return reason_of(reply.code, reply.enhanced, reply.text).ours


def _share(number: int) -> float:
    """Give a number from 0 to 1, the same for a row each time, and another for its neighbours."""
    return number * _GOLDEN % 1


def _row_of(mail: Mail) -> int:
    assert mail.delivery_id is not None  # noqa: S101 - the writer of deliveries says so
    return mail.delivery_id
