"""Send what is due: claim a few, hand each to the transport, record what the server said.

What is true after a crash at each point, for the mail in hand:

    before `transmitting`   the row is claimed; its lease ends and it comes due again: sent once, later
    after it                the server may have the mail: the row is in doubt, and the settings decide whether it
                            is held or sent again under the same Message-ID
    after `settle`          it is recorded: never again

A server's refusal of one mail is a `Reply`: 4xx is tried again later, 5xx is final. A line that cannot be opened
stops the run and gives everything back.
"""

import secrets
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest import config
from digest.errors import MessageError, TransportError
from digest.model import Delivery, DeliveryState, Mail, Reply
from digest.protocols import Session, Transport
from digest.store import Database, deliveries

BATCH = 100
"""Rows claimed at once."""


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
    write: Callable[[Delivery], Mail | None],
    clock: Callable[[], datetime],
    on_settled: Callable[[Settled], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> Counter[DeliveryState]:
    """Send every mail that is due and give how many rows ended in which state.

    QUEUED counts those that are put off. `write` makes a delivery's mail, or gives None where it would hold nothing
    that the reader wants, which skips it; a mail that cannot be made right fails with the reason in its row.
    `on_settled` hears of each mail; `stop` is asked before each claim, and ends the run where it says so.

    Raises:
        TransportError: the server cannot be reached; all rows that were not begun are due again.
        StoreError: the database refused.

    """
    lease = timedelta(seconds=settings.lease_seconds)
    work = _Work(database=database, settings=settings, write=write, clock=clock)
    outcome: Counter[DeliveryState] = Counter()
    while not stop():
        token, now = secrets.token_hex(16), clock()
        with database.transaction(alone=False) as connection:
            deliveries.expire_leases(connection, now=now, resend=settings.in_doubt == "resend")
            batch, skipped = deliveries.claim(connection, now=now, token=token, lease=lease, limit=BATCH)
        if not batch and not skipped:
            return outcome
        outcome[DeliveryState.SKIPPED] += skipped
        try:
            for settled in _send_all(batch, transport, work):
                outcome[settled.state] += 1
                on_settled(settled)
        finally:
            with database.transaction(alone=False) as connection:
                deliveries.release(connection, token, now=clock())
    return outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What sending one mail needs beside the line."""

    database: Database
    settings: config.Delivery
    write: Callable[[Delivery], Mail | None]
    clock: Callable[[], datetime]


def _send_all(batch: Sequence[Delivery], transport: Transport, work: _Work) -> Iterator[Settled]:
    """Send a batch over one line; one that dies is opened again for the rest, if it can be."""
    left = deque(batch)
    while left:
        with transport.connect() as session:
            alive = True
            while left and alive:
                settled, alive = _send(left.popleft(), session, work)
                yield settled


def _send(delivery: Delivery, session: Session, work: _Work) -> tuple[Settled, bool]:
    """Send one mail, record the outcome, and give it and whether the line still stands."""
    try:
        mail = work.write(delivery)
    except MessageError as error:
        unfit = Reply(code=554, enhanced="5.6.0", text=str(error))
        return _record(delivery, DeliveryState.FAILED, unfit, work), True
    if mail is None:
        return _record(delivery, DeliveryState.SKIPPED, None, work), True
    return _hand_over(delivery, mail, session, work)


def _hand_over(delivery: Delivery, mail: Mail, session: Session, work: _Work) -> tuple[Settled, bool]:
    with work.database.transaction(alone=False) as connection:
        lease = timedelta(seconds=work.settings.lease_seconds)
        if not deliveries.transmitting(
            connection, delivery, now=work.clock(), lease=lease, variant_id=mail.variant_id
        ):
            # The lease is over and the row is another worker's.
            return Settled(address=delivery.address, state=DeliveryState.QUEUED, reply=None), True
    try:
        reply = session.send(envelope_from=mail.envelope_from, recipient=mail.recipient, message=mail.message)
    except TransportError as error:
        lost = Reply(code=451, enhanced="4.4.2", text=str(error))
        if error.in_doubt and work.settings.in_doubt == "hold":
            return _record(delivery, DeliveryState.IN_DOUBT, lost, work), False
        return _put_off(delivery, lost, work), False
    if reply.temporary:
        return _put_off(delivery, reply, work), True
    state = DeliveryState.SENT if reply.accepted else DeliveryState.FAILED
    return _record(delivery, state, reply, work), True


def _record(delivery: Delivery, state: DeliveryState, reply: Reply | None, work: _Work) -> Settled:
    with work.database.transaction(alone=False) as connection:
        deliveries.settle(connection, delivery, state, reply=reply, now=work.clock())
    return Settled(address=delivery.address, state=state, reply=reply)


def _put_off(delivery: Delivery, reply: Reply, work: _Work) -> Settled:
    """Wait for the next of the retry times, the last of which repeats, until the row expires."""
    waits = work.settings.retry_minutes
    wait = timedelta(minutes=waits[min(delivery.attempts, len(waits) - 1)])
    now = work.clock()
    with work.database.transaction(alone=False) as connection:
        state = deliveries.postpone(connection, delivery, reply=reply, due=now + wait, now=now)
    return Settled(address=delivery.address, state=state, reply=reply)
