"""Send what is due: claim some, stream them through the transport, record what the server said.

What is true after kill -9 at each point, for each mail of the claim:

    before its end was sent    nothing of it has arrived: it comes due again, as soon as a run finds the journal
    after that, no answer yet  the server may have it: at most one mail for each connection. The list's policy decides:
                               it is held in doubt, or sent again under the same Message-ID
    after the answer           the journal has it, and the next run writes it into its row: never again

A process that cannot be seen from here, since it runs on another machine, keeps its rows until its lease ends; then all
of them are in doubt, and so they are where the machine itself went down (see digest/journal.py). Those that are held
are settled exactly once a run on that machine finds the journal.

A server's refusal of one mail is a `Reply`: 4xx is tried again later, 5xx is final. A line that cannot be opened
stops the run and gives everything back.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

import sqlalchemy as sa

from digest import config
from digest.errors import MessageError, TransportError
from digest.journal import Journals, Remains
from digest.model import Begun, Delivery, DeliveryState, Mail, Mark, Reply
from digest.protocols import Pause, Transport
from digest.store import Database, deliveries

Write: TypeAlias = Callable[[Sequence[Delivery]], Iterator[Mail | MessageError | None]]

BATCH = 500
"""Rows claimed at once."""

FLUSH = timedelta(seconds=5)
"""After which the ledger hears what became of mails, however slowly they leave."""

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
    clock: Callable[[], datetime],
    resend: Callable[[str], bool] | None = None,
    stopping: Callable[[], bool] = lambda: False,
    on_settled: Callable[[Settled], None] = lambda _: None,
) -> Counter[DeliveryState]:
    """Send every mail that is due and give how many rows ended in which state.

    QUEUED counts those that are put off. `write` makes the mails of a claim, each when it is asked for; None, where it
    would hold nothing that its reader wants, skips it, and one that cannot be made right fails with the reason in its
    row. `resend` tells of a list whether mails in doubt are sent again. `on_settled` hears of each mail. Once it is
    `stopping`, no mail is begun.

    Raises:
        TransportError: the server cannot be reached; all rows that were not begun are due again.
        StoreError: the database refused.

    """
    work = _Work(
        database=database,
        settings=settings,
        write=write,
        journals=journals,
        clock=clock,
        resend=resend or (lambda _: settings.in_doubt == "resend"),
        stopping=stopping,
        on_settled=on_settled,
    )
    work.recover()
    run = _Run(work)
    try:
        for mail, outcome in transport.carry(run.mails(), ending=run.ending):
            run.heard(mail, outcome)
    finally:
        run.finish()
    return run.outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What a run needs beside the transport."""

    database: Database
    settings: config.Delivery
    write: Write
    journals: Journals
    clock: Callable[[], datetime]
    resend: Callable[[str], bool]
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

    def mails(self) -> Iterator[Mail | Pause]:
        """Give the mails of all that is due, claim by claim."""
        while not self._work.stopping():
            batch, skipped = self._turn()
            if not batch and not skipped:
                return
            yield from self._of(batch)

    def _of(self, batch: Sequence[Delivery]) -> Iterator[Mail]:
        lost: frozenset[int] = frozenset()
        written = self._work.write(batch)
        for delivery in batch:
            if self._work.stopping():
                return
            if self._half_lease.rings:
                lost = frozenset(one.id for one in batch) - self._renew()
            mail = next(written)
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
        elif outcome.temporary:
            self._put_off(delivery, outcome, letter)
        else:
            state = DeliveryState.SENT if outcome.accepted else DeliveryState.FAILED
            self._end(delivery, state, outcome, letter)

    def finish(self) -> None:
        """Mark what has come back, doubt what was begun and has not, and give back the rest.

        Where the ledger cannot be written, the journal stays, and the next run does it.
        """
        done = False
        try:
            with self._database.transaction(alone=False) as connection:
                doubtful = self._work.close(connection, self._journal.remains)
            self.outcome.update(mark.state for mark in doubtful)
            done = True
        finally:
            self._journal.close(remove=done)

    def _turn(self) -> tuple[tuple[Delivery, ...], int]:
        """Mark what has come back and claim what is due, in one transaction."""
        with self._database.transaction(alone=False) as connection:
            now = self._clock()
            deliveries.mark(connection, self._journal.remains.ended, now=now)
            self._work.doubt_overdue(connection)
            until = now + self._work.lease
            deliveries.renew(connection, self._journal.remains.name, until=until)
            batch, skipped = deliveries.claim(
                connection, now=now, token=self._journal.new_claim(), until=until, limit=BATCH
            )
        self._half_lease.reset()
        self._marked()
        self.outcome[DeliveryState.SKIPPED] += skipped
        return batch, skipped

    def _flush_if_due(self) -> None:
        if self._flush.rings:
            with self._database.transaction(alone=False) as connection:
                deliveries.mark(connection, self._journal.remains.ended, now=self._clock())
            self._marked()

    def _marked(self) -> None:
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

    def _put_off(self, delivery: Delivery, reply: Reply, letter: int | None) -> None:
        """Wait for the next of the retry times, the last of which repeats, until the row expires."""
        waits = self._work.settings.retry_minutes
        due = self._clock() + timedelta(minutes=waits[min(delivery.attempts, len(waits) - 1)])
        if due <= delivery.expires:
            self._end(delivery, DeliveryState.QUEUED, reply, letter, due=due)
        else:
            self._end(delivery, DeliveryState.FAILED, reply, letter)

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


def _row_of(mail: Mail) -> int:
    assert mail.delivery_id is not None  # noqa: S101 - the writer of deliveries says so
    return mail.delivery_id
