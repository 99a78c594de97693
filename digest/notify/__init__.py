"""Send the letters that answer readers: claim those that are due, write each, hand it over, record what was said.

What is true after a crash at each point, for the letter in hand:

    before it is handed over   the row is claimed; its lease ends and it comes due again: sent once, later
    after it, not recorded     the server may have it: when the lease ends it is sent again, the same bytes under the
                               same Message-ID, so that a mail program which looks at those shows it once
    after it is recorded       never again

So a reader may get such a letter twice, one for each crash, and never loses one; an issue's letter (see `deliver`) can
be held back instead. What the server refuses for now or for a fault of ours, or loses with the line, waits longer each
time and is given up after a day; what it refuses for good, or cannot be written, has failed with the reason in its row.

A letter that says that somebody is forgotten names his address, so its row is removed as soon as it is settled.

    letters    the mail of a notice
    contents   what each kind of letter says
    links      the addresses and pages that letters name
"""

import secrets
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.bounces import reason_for
from digest.correspondence import Notice, NoticeKind
from digest.errors import MessageError, TransportError
from digest.model import DeliveryState, Mail, Reply
from digest.notify.letters import Correspondent, masthead
from digest.notify.links import list_links
from digest.protocols import Session, Transport
from digest.store import Database, notices

__all__ = ["Correspondent", "list_links", "masthead", "notify"]

BATCH = 20
"""Rows claimed at once: few, since the lease must last for all of them."""

LEASE = timedelta(minutes=5)
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
"""Between one try and the next; the last one repeats."""

GIVE_UP = timedelta(days=1)


def notify(
    database: Database,
    transport: Transport,
    *,
    write: Callable[[Notice], Mail],
    clock: Callable[[], datetime],
    lease: timedelta = LEASE,
    waits: Sequence[timedelta] = WAITS,
) -> Counter[DeliveryState]:
    """Send every letter that is due and give how many rows ended in which state; QUEUED counts those that are put off.

    Raises:
        TransportError: the server cannot be reached; what was not begun is due again.
        SettingsError: a template is wrong; the same.
        StoreError: the database refused.

    """
    work = _Work(database=database, write=write, clock=clock, waits=waits)
    outcome: Counter[DeliveryState] = Counter()
    while True:
        token, now = secrets.token_hex(16), clock()
        with database.transaction() as connection:
            batch = notices.claim(connection, now=now, token=token, lease=lease, limit=BATCH)
        if not batch:
            return outcome
        try:
            outcome.update(_send_all(batch, transport, work, until=now + lease))
        finally:
            with database.transaction() as connection:
                notices.release(connection, token)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What sending one letter needs beside the line."""

    database: Database
    write: Callable[[Notice], Mail]
    clock: Callable[[], datetime]
    waits: Sequence[timedelta]


def _send_all(
    batch: Sequence[Notice], transport: Transport, work: _Work, *, until: datetime
) -> Iterator[DeliveryState]:
    """Send a batch over one line; one that dies is opened again for the rest, if it can be."""
    left = deque(batch)
    while left:
        with transport.connect() as session:
            alive = True
            while left and alive:
                if work.clock() >= until:
                    return  # the leases are over, and another worker may have the rest
                state, alive = _send(left.popleft(), session, work)
                yield state


def _send(notice: Notice, session: Session, work: _Work) -> tuple[DeliveryState, bool]:
    """Send one letter, record the outcome, and give it and whether the line still stands."""
    try:
        mail = work.write(notice)
    except MessageError as error:
        unfit = Reply(code=554, enhanced="5.6.0", text=str(error))
        return _settle(notice, DeliveryState.FAILED, unfit, work), True
    try:
        reply = session.send(envelope_from=mail.envelope_from, recipient=mail.recipient, message=mail.message)
    except TransportError as error:
        return _put_off(notice, Reply(code=451, enhanced="4.4.2", text=str(error)), work), False
    if reply.temporary or reason_for(reply).ours:
        return _put_off(notice, reply, work), True
    return _settle(notice, DeliveryState.SENT if reply.accepted else DeliveryState.FAILED, reply, work), True


def _settle(notice: Notice, state: DeliveryState, reply: Reply, work: _Work) -> DeliveryState:
    with work.database.transaction() as connection:
        if notice.kind is NoticeKind.ERASED:
            notices.remove(connection, notice)
        else:
            notices.settle(connection, notice, state, reply=reply)
    return state


def _put_off(notice: Notice, reply: Reply, work: _Work) -> DeliveryState:
    now = work.clock()
    if now - notice.made >= GIVE_UP:
        return _settle(notice, DeliveryState.FAILED, reply, work)
    wait = work.waits[min(notice.attempts, len(work.waits) - 1)]
    with work.database.transaction() as connection:
        notices.settle(connection, notice, DeliveryState.QUEUED, reply=reply, due=now + wait)
    return DeliveryState.QUEUED
