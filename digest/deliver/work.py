"""What a run needs beside the transport, and what is done about the rows of processes that are no more."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol, TypeAlias

import sqlalchemy as sa

from digest import config
from digest.errors import MessageError
from digest.govern import Governor
from digest.journal import Journals, Remains
from digest.model import Begun, Delivery, DeliveryState, Mail, Mark, Reply
from digest.store import Database, claims

Write: TypeAlias = Callable[[Sequence[Delivery]], Iterator[Mail | MessageError | None]]

FLUSH = timedelta(seconds=5)
"""After which the ledger hears what became of mails, and the lease is prolonged, however slowly they leave."""

_LOST = Reply(code=451, enhanced="4.4.2", text="the sender died before the answer came")


class Settled(NamedTuple):
    """How one mail of a run ended, and what the server said, where it was asked."""

    address: str
    state: DeliveryState
    reply: Reply | None


class After(Protocol):
    """What follows for readers from what servers say, in the transaction that marks it."""

    def heard(
        self,
        connection: sa.Connection,
        *,
        taken: Sequence[int],
        refused: Sequence[tuple[int, Reply]],
        now: datetime,
    ) -> None:
        """Hear for whom mail was taken, and of which deliveries it was refused, for good or for a fault of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
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
        """Finish what dead processes of this machine left behind, and doubt what others have kept for too long."""
        for remains in self.journals.left_behind():
            with self.database.transaction(alone=False) as connection:
                readers = claims.readers_of(connection, remains.name)
                self.close(connection, remains)
                self._tell(connection, remains.ended, readers)
        with self.database.transaction(alone=False) as connection:
            self.doubt_overdue(connection)

    def close(self, connection: sa.Connection, remains: Remains) -> tuple[Mark, ...]:
        """Mark what a journal knows, give back what was not begun, and give the marks of what is in doubt."""
        now = self.clock()
        claims.mark(connection, remains.ended, now=now)
        begun = remains.begun
        if not remains.exact:  # but of some it knows which letter they were
            held = claims.held_by(connection, remains.name)
            begun = {row.delivery_id: row for row in held} | begun
        doubtful = self.doubt(connection, begun.values())
        given_back = claims.release(connection, remains.name, now=now)
        self.governor.unsent(connection, given_back, now=now)
        return doubtful

    def _tell(
        self,
        connection: sa.Connection,
        ended: Sequence[Mark],
        readers: Mapping[tuple[int, str], tuple[int, str]],
    ) -> None:
        """Say what servers said to a process that is no more, of the rows that were still its own.

        What it has marked itself, it has told of in the same transaction, even where its journal still says so.
        """
        now = self.clock()
        said = [
            (one, one.reply, *readers[one.delivery_id, one.claim])
            for one in ended
            if (one.delivery_id, one.claim) in readers and one.reply and _is_from_a_server(one, one.reply)
        ]
        heard = [(address, reply) for _, reply, _, address in said]
        self.governor.recall(connection, heard, over=FLUSH, now=now)
        outcomes = [(one.delivery_id, reader, reply, one.state) for one, reply, reader, _ in said]
        self.follow(connection, outcomes, now=now)

    def follow(
        self,
        connection: sa.Connection,
        outcomes: Sequence[tuple[int, int, Reply, DeliveryState]],
        *,
        now: datetime,
    ) -> None:
        """Let follow for readers what servers said, of each delivery with its subscriber and how it ended."""
        if self.after and outcomes:
            self.after.heard(
                connection,
                taken=[reader for _, reader, reply, _ in outcomes if reply.accepted],
                refused=[
                    (number, reply)
                    for number, _, reply, state in outcomes
                    if state is DeliveryState.FAILED or not (reply.accepted or reply.temporary)
                ],
                now=now,
            )

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
        claims.mark(connection, marks, now=now)
        return marks

    def doubt_overdue(self, connection: sa.Connection) -> None:
        """Mark so all rows of processes on other machines whose lease is over."""
        now = self.clock()
        rows = claims.overdue(connection, now=now, alive=self.journals.alive())
        if rows:
            again = self._sent_again(connection, rows)
            self.doubt(connection, [row for row in rows if row.delivery_id in again])
            held = [row for row in rows if row.delivery_id not in again]
            claims.suspect(connection, held, now=now)

    def _sent_again(self, connection: sa.Connection, rows: Collection[Begun]) -> frozenset[int]:
        lists = claims.lists_of(connection, [row.delivery_id for row in rows]) if rows else {}
        return frozenset(number for number, name in lists.items() if self.resend(name))


def _is_from_a_server(mark: Mark, reply: Reply) -> bool:
    """Tell whether a server said it: a mail that could not be made is of no letter, and a broken line says 4.4.2."""
    broken = (reply.code, reply.enhanced) == (_LOST.code, _LOST.enhanced)
    return mark.variant_id is not None and not broken
