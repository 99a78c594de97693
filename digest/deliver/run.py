"""One run over all that is due: claims, the mails of each at their moments, and what became of them.

A *turn* marks what has come back and claims what is due, in one transaction. On PostgreSQL, where mails leave as fast
as they can, the next turn is taken in a thread while the last mails of a claim leave, so that the mail server need not
wait for the database; a rate has time enough between two claims. The thread has a snapshot of what came back, and
nothing else does with the ledger or the governor what a turn does, while it is at work.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

import sqlalchemy as sa

from digest.bounces import reason_for
from digest.deliver.work import FLUSH, Settled, Work
from digest.errors import StoreError, TransportError
from digest.govern import Allowance
from digest.model import Begun, Delivery, DeliveryState, Mail, Mark, Reply
from digest.pace import Slots
from digest.protocols import Pause
from digest.store import claims, stops

log = logging.getLogger(__name__)

BATCH = 500
"""Rows claimed at most, by one run."""

AHEAD = 100
"""Rows of a claim that are still to leave when the next one is made."""

ROUND = timedelta(minutes=1)
"""After which it is looked again for rows of other machines whose lease is over."""

HORIZON = timedelta(seconds=10)
"""How far ahead moments are given out; what has none by then waits in the ledger."""

PATIENCE = timedelta(minutes=1)
"""Where nothing may leave for longer than this, or is due, the run ends, and a later one goes on."""

GATHER = timedelta(seconds=1)
"""How long at least it is waited where a rate keeps all back, so that those that come due one by one leave together."""

JITTER = 0.2
"""Waits are longer by up to this share, so that what was refused together does not come again together."""

_NO_TIME = timedelta(0)
_GOLDEN = (5**0.5 - 1) / 2  # its multiples lie apart in the unit interval (Knuth, volume 3, section 6.4)


_Heard: TypeAlias = tuple[Delivery, Reply, DeliveryState]


class Run:
    """One run over all that is due."""

    def __init__(self, work: Work) -> None:
        self.outcome: Counter[DeliveryState] = Counter()
        self._work = work
        self._database, self._clock = work.database, work.clock
        self._journal = work.journals.open()
        self._alarm = _Alarm(work.clock, FLUSH)
        self._round = _Alarm(work.clock, ROUND)
        self._late = _Alarm(work.clock, work.lease / 2)
        self._held: frozenset[int] | None = None  # of the claim, since it was last prolonged; None: all
        self._stopped: frozenset[int | None] = frozenset()  # issues; None: everything
        self._passed_over = set[str]()  # claims of which rows did not leave; they are given back at the end
        self._under_way: dict[int, Delivery] = {}  # handed to the transport, not come back
        self._heard: list[_Heard] = []  # from servers, not yet told of
        self._told: list[_Heard] = []  # those of them that a turn tells of
        self._thread = ThreadPoolExecutor(1, "turn")
        self._beside: Future[_Turn] | None = None  # a turn that is taken while mails leave
        self._taken: _Turn | None = None  # one that was, and whose claim comes next

    def mails(self) -> Iterator[Mail | Pause]:
        """Give the mails of all that is due, claim by claim, each at its moment."""
        while not self._work.stopping():
            turn = self._next_turn()
            if turn.allowed.rows == 0:
                again = turn.allowed.retry_at
                if again is None or again - self._clock() > PATIENCE:
                    log.warning("nothing leaves now: %s", turn.allowed.reason)
                    return
                yield from self._wait_until(again)
            elif turn.claimed:
                yield from self._of(turn)
            elif turn.again and turn.again - self._clock() <= PATIENCE:
                now = self._clock()
                yield from self._wait_until(min(max(turn.again, now + GATHER), now + FLUSH))
            else:
                return

    def _of(self, turn: "_Turn") -> Iterator[Mail | Pause]:
        batch = [delivery for _, delivery in turn.slots]
        written = self._work.write(batch)
        ahead = batch[-AHEAD] if self._goes_on(turn) else None
        for delivery in self._in_turn(turn):
            if isinstance(delivery, Pause):
                yield delivery
                continue
            if self._work.stopping():
                return
            if self._alarm.rings:
                self._tend()
            if delivery is ahead:
                snapshot = self._snapshot(delivery.claim)
                self._beside = self._thread.submit(self._turn, *snapshot, most=BATCH - AHEAD)
            mail = next(written)
            if not self._may_leave(delivery):
                self._passed_over.add(delivery.claim)
                continue
            if isinstance(mail, Mail):
                self._under_way[delivery.id] = delivery
                yield mail
            elif mail is None:
                self._end(delivery, DeliveryState.SKIPPED, None)
            else:
                unfit = Reply(code=554, enhanced="5.6.0", text=str(mail))
                self._end(delivery, DeliveryState.FAILED, unfit)

    def _may_leave(self, delivery: Delivery) -> bool:
        """Tell whether a row is still ours, since a lease may have ended, and whether nothing has stopped it."""
        held = self._held is None or delivery.id in self._held
        return held and self._stopped.isdisjoint((None, delivery.issue_id))

    def _in_turn(self, turn: "_Turn") -> Iterator[Delivery | Pause]:
        """Give each delivery at its moment; where the turn was taken long before, all of them move with it."""
        if turn.at_once:
            yield from (delivery for _, delivery in turn.slots)
            return
        slots = Slots(turn.slots)
        while slots:
            now = self._clock()
            if (wait := slots.wait(now)) > _NO_TIME:
                yield from self._wait_until(now + wait)
            yield slots.take(self._clock())

    def _wait_until(self, moment: datetime) -> Iterator[Pause]:
        """Let the transport go on without a new mail until a moment."""
        while not self._work.stopping() and (left := moment - self._clock()) > _NO_TIME:
            yield Pause(min(left.total_seconds(), 1.0))
            if self._alarm.rings:
                self._tend()

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
        if outcome.accepted or not (outcome.temporary or reason_for(outcome).ours):
            self._end(delivery, state, outcome, letter)
        else:
            state = self._put_off(delivery, outcome, letter)
        self._heard.append((delivery, outcome, state))

    def broke(self) -> None:
        """Hear that no line could be opened."""
        self._wait()
        with self._database.transaction(alone=False) as connection:
            self._work.governor.broke(connection, now=self._clock())

    def finish(self) -> None:
        """Mark what has come back, doubt what was begun and has not, and give back the rest.

        Where the ledger cannot be written, the journal stays, and the next run does it.
        """
        done = False
        try:
            self._wait()
            with self._database.transaction(alone=False) as connection:
                doubtful = self._work.close(connection, self._journal.remains)
                self._tell(connection, [*self._told, *self._heard])
            self.outcome.update(mark.state for mark in doubtful)
            done = True
        finally:
            self._thread.shutdown()
            self._journal.close(remove=done)

    def _goes_on(self, turn: "_Turn") -> bool:
        """Tell whether the turn after one is better taken while its mails leave: all can at once, and more are due.

        SQLite works in this process, so that nothing is won.
        """
        unlimited = turn.allowed.rows is None and turn.at_once and len(turn.slots) > AHEAD
        return unlimited and turn.more and self._database.on_postgresql

    def _next_turn(self) -> "_Turn":
        """Give the turn that was taken beside the sending; where there is none, or more is due by now, take one."""
        if self._beside:
            self._taken = self._take()
        turn, self._taken = self._taken, None
        return turn if turn and turn.claimed else self._take()

    def _take(self) -> "_Turn":
        """Take a turn, or wait for the one that is being taken beside."""
        turn = self._beside.result() if self._beside else self._turn(*self._snapshot(), most=BATCH)
        self._beside = None
        self._marked()
        self._stopped = turn.allowed.stopped
        if turn.skipped:
            self.outcome[DeliveryState.SKIPPED] += turn.skipped
        return turn

    def _wait(self) -> None:
        """Wait until nothing happens beside any more; what a turn could not write down is still known."""
        try:
            if self._beside:
                self._take()
        except StoreError as error:
            log.warning("%s", error)

    def _snapshot(self, *claimed: str) -> tuple[tuple[Mark, ...], list[_Heard], Collection[str]]:
        """Give what a turn is about: what has ended, what servers said, and the claims that go on."""
        self._told, self._heard = self._heard, []
        going_on = {one.claim for one in self._under_way.values()} | self._passed_over
        return self._journal.turn_over(), self._told, going_on.union(claimed)

    def _turn(
        self, ended: Sequence[Mark], heard: Sequence[_Heard], going_on: Collection[str], *, most: int
    ) -> "_Turn":
        """Mark what has come back and claim what is due, in one transaction."""
        governor = self._work.governor
        with self._database.transaction(alone=False) as connection:
            now = self._clock()
            claims.mark(connection, ended, now=now)
            self._tell(connection, heard)
            if self._round.rings:
                self._round.reset()
                self._work.doubt_overdue(connection)
            until = now + self._work.lease
            holder = self._journal.remains.name
            claims.end(connection, holder, but=going_on)
            claims.prolong(connection, holder, until=until)
            allowed = governor.allowance(connection, now=now, horizon=HORIZON)
            batch, skipped = claims.claim(
                connection,
                now=now,
                token=self._journal.new_claim(),
                until=until,
                limit=most if allowed.rows is None else min(most, allowed.rows),
                stopped=allowed.stopped,
            )
            reserved = governor.reserve(connection, batch, now=now, horizon=HORIZON)
            waits = governor.limits and not (batch or skipped)
            again = claims.next_due(connection, stopped=allowed.stopped) if waits else None
        return _Turn(
            allowed=allowed,
            slots=reserved.slots,
            at_once=not reserved.slots or reserved.slots[-1][0] <= now,
            claimed=len(batch) + skipped,
            skipped=skipped,
            more=len(batch) + skipped == most,
            again=again,
        )

    def _tend(self) -> None:
        """Mark what has come back, see what was stopped, and prolong the lease of what is ours, unless a turn does.

        A turn that takes half as long as a lease is waited for, since nothing may leave whose lease is over.
        """
        if self._beside:
            if not (self._beside.done() or self._late.rings):
                return
            self._taken = self._take()
        ended, heard, _ = self._snapshot()
        with self._database.transaction(alone=False) as connection:
            now = self._clock()
            claims.mark(connection, ended, now=now)
            self._tell(connection, heard)
            held = claims.renew(connection, self._journal.remains.name, until=now + self._work.lease)
            stopped = frozenset(stop.issue_id for stop in stops.active(connection))
        self._marked()
        self._held, self._stopped = held, stopped

    def _tell(self, connection: sa.Connection, heard: Sequence[_Heard]) -> None:
        """Say what servers said to those who draw conclusions."""
        now = self._clock()
        said = [(delivery.address, reply) for delivery, reply, _ in heard]
        self._work.governor.learn(connection, said, now=now)
        outcomes = [(one.id, one.subscriber_id, reply, state) for one, reply, state in heard]
        self._work.follow(connection, outcomes, now=now)

    def _marked(self) -> None:
        """Hear that the ledger has all that the last snapshot says; what it has claimed is held."""
        self._told = []
        self._held = None
        self._journal.marked()
        self._alarm.reset()
        self._late.reset()

    def _is_sent_again(self, delivery: Delivery) -> bool:
        with self._database.reading() as connection:
            return self._work.resend(claims.lists_of(connection, [delivery.id])[delivery.id])

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
    at_once: bool  # none had to wait for its moment when the turn was taken
    claimed: int  # rows, those that were skipped or come later among them
    skipped: int
    more: bool  # as many as were to be claimed
    again: datetime | None  # where none was and a rate may be why, when the next is due


def _share(number: int) -> float:
    """Give a number from 0 to 1, the same for a row each time, and another for its neighbours."""
    return number * _GOLDEN % 1


def _row_of(mail: Mail) -> int:
    assert mail.delivery_id is not None  # noqa: S101 - the writer of deliveries says so
    return mail.delivery_id


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
