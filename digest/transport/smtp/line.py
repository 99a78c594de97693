"""One connection to a server, driven without waiting: what is due is written, what was said is read.

A line has at most two mails under way: one whose end was handed over, and the next, whose MAIL, RCPT and DATA
left in the same write (RFC 2920), where the server offers PIPELINING. Without it, each command waits for the answer
to the one before. A refused mail leaves the line as it was; a 421, an answer out of place, silence for too long and
a connection that breaks close it, and each mail under way comes back with the error; but that of which a server said
421 when it knew whom it is for has this answer. It is in doubt only if octets of its end may have left and no answer to
it came.
"""

import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from digest.errors import TransportError
from digest.model import Mail, Reply
from digest.transport.smtp.envelope import END, Offers, content
from digest.transport.smtp.replies import ReplyReader, reply, shown
from digest.transport.smtp.wire import Wire, said

Outcome: TypeAlias = tuple[Mail, Reply | TransportError]

_CLOSING = 421  # RFC 5321 section 3.8: the server shuts the connection
_REFUSALS = (4, 5)  # classes of replies


class _Verb(StrEnum):
    """What an answer is awaited to."""

    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    END = "END"  # of a mail
    RSET = "RSET"
    QUIT = "QUIT"


@dataclass(slots=True, kw_only=True, eq=False)
class _Transaction:
    """A mail under way."""

    mail: Mail
    settled: bool = False  # what became of it is known
    end_at: int | None = None  # where its last CRLF.CRLF begins, counted in octets of this connection


class Line:
    """An open, greeted and signed-in connection.

    `settle` hears what became of each mail, and `ending` of each whose end is about to leave.
    """

    def __init__(
        self,
        connection: socket.socket,
        extensions: Mapping[str, str],
        *,
        where: str,
        timeout_seconds: float,
        settle: Callable[[Mail, Reply | TransportError], None],
        ending: Callable[[Mail], None],
    ) -> None:
        self.wire, self.offers, self.where = Wire(connection), Offers.among(extensions), where
        self.watched = 0  # what a selector watches the connection for
        self.answered = False  # whether it ever said what became of a mail
        self.parting = False
        self.broken: TransportError | None = None
        self.deadline = 0.0  # by the monotonic clock; it counts while the line is busy
        self._timeout_seconds = timeout_seconds
        self._settle, self._ending = settle, ending
        self._pipelining = self.offers.pipelining
        self._replies = ReplyReader()
        self._under_way: deque[_Transaction] = deque()
        self._awaited: deque[tuple[_Verb, _Transaction | None]] = deque()
        # Commands that wait for the answer to the one before.
        self._held: deque[tuple[_Verb, bytes, _Transaction | None]] = deque()
        self._ready: _Transaction | None = None  # the server waits for its content
        self._unannounced: _Transaction | None = None  # its content is to be written
        self._unclean = False  # a refused mail is to be forgotten by the server

    @property
    def busy(self) -> bool:
        """Whether something is to be written or an answer awaited."""
        return bool(self._awaited or self._ready or not self.wire.idle)

    @property
    def free(self) -> bool:
        """Whether the next mail may be begun."""
        return not self.broken and (not self.busy or (self._ready is not None and self._pipelining))

    @property
    def ready(self) -> bool:
        """Whether the server waits for a mail's content."""
        return self._ready is not None and not self.broken

    def proceed(self, mail: Mail | None = None, commands: tuple[bytes, bytes] | None = None) -> None:
        """Write the content that is waited for, and with it the commands of the next mail, if there is one."""
        parts: Sequence[bytes] = ()
        if self._ready:
            parts = self._content(self._ready)
            self._ready = None
        if mail is not None and commands is not None:
            transaction = _Transaction(mail=mail)
            self._under_way.append(transaction)
            if self._unclean:
                self._held.append((_Verb.RSET, b"RSET\r\n", None))
                self._unclean = False
            self._held += (
                (_Verb.MAIL, commands[0], transaction),
                (_Verb.RCPT, commands[1], transaction),
                (_Verb.DATA, b"DATA\r\n", transaction),
            )
        self._write(parts)

    def quit(self) -> None:
        """Say good-bye; the line is `parting` until the server has answered."""
        self.parting = True
        self._held.append((_Verb.QUIT, b"QUIT\r\n", None))
        self._write()

    def pump(self) -> None:
        """Write and read as much as goes without waiting."""
        self.wire.interest = selectors.EVENT_READ
        self._flush()
        self._receive()
        if self._held and not self.broken:
            self._write()

    def silent(self) -> None:
        """Close: the server took too long."""
        self._break("timed out")

    def close(self) -> None:
        """Close the connection."""
        self.wire.connection.close()

    def _content(self, transaction: _Transaction) -> Sequence[bytes]:
        self._awaited.append((_Verb.END, transaction))
        if transaction.settled:  # RFC 2920 section 3.1: DATA was taken although no recipient was
            return [END[2:]]
        parts = content(transaction.mail)
        transaction.end_at = self.wire.queued + sum(map(len, parts)) - len(END)
        self._unannounced = transaction
        return parts

    def _write(self, parts: Sequence[bytes] = ()) -> None:
        commands = []
        while self._held and (self._pipelining or not self._awaited):
            verb, octets, transaction = self._held.popleft()
            self._awaited.append((verb, transaction))
            commands.append(octets)
        if parts or commands:
            self.wire.put([*parts, b"".join(commands)])
            self.deadline = time.monotonic() + self._timeout_seconds
            self._flush()

    def _flush(self) -> None:
        while not self.wire.idle and not self.broken:
            parts, ending = self.wire.next(), self._unannounced
            reach = self.wire.sent + sum(map(len, parts))
            if ending and ending.end_at is not None and ending.end_at < reach:
                self._unannounced = None
                self._ending(ending.mail)
            try:
                if not self.wire.write(parts):
                    return
            except OSError as error:
                self._receive()  # the server may have said why
                self._break(said(error))
            else:
                self.deadline = time.monotonic() + self._timeout_seconds

    def _receive(self) -> None:
        more, deadline = True, time.monotonic() + self._timeout_seconds
        while more and not self.broken:
            try:
                for code, text in self._replies.feed(self.wire.read()):
                    self.deadline = deadline
                    self._hear(code, text)
                    if self.broken:
                        return
            except ValueError as error:
                self._end(str(error))
            except OSError as error:
                self._break(said(error))
            except EOFError as error:
                self._break(str(error))
            more = self.wire.more()

    def _hear(self, code: int, text: bytes) -> None:
        """Take one answer."""
        if not self._awaited:
            self._end(shown(reply(code, text)))
            return
        verb, transaction = self._awaited.popleft()
        kind, wanted = code // 100, 3 if verb is _Verb.DATA else 2
        if transaction and verb is _Verb.END:
            self._hear_end(transaction, code, text)
        elif transaction and code == _CLOSING and verb is not _Verb.MAIL:
            self._close_with(transaction, reply(code, text))
        elif code == _CLOSING or not (kind == wanted or (transaction and kind in _REFUSALS)):
            self._end(shown(reply(code, text)))
        elif transaction and kind in _REFUSALS:
            refusal = reply(code, text)._replace(of_sender=verb is _Verb.MAIL)
            self._refuse(transaction, refusal, last=verb is _Verb.DATA or not self._pipelining)
        elif verb is _Verb.QUIT:
            self.parting = False
        elif verb is _Verb.DATA:
            self._ready = transaction

    def _refuse(self, transaction: _Transaction, refusal: Reply, *, last: bool) -> None:
        """Take a refusal before the content; `last` if no more is awaited for this mail."""
        self._unclean = True
        self._say(transaction, refusal)
        if last:
            self._held.clear()
            self._under_way.remove(transaction)

    def _hear_end(self, transaction: _Transaction, code: int, text: bytes) -> None:
        """Take the answer to the end of a mail."""
        answer = reply(code, text)
        early = transaction.end_at is not None and self.wire.sent <= transaction.end_at
        if answer.accepted and not early:
            self._under_way.remove(transaction)
            self._say(transaction, answer)
        elif code == _CLOSING or (early and code // 100 in _REFUSALS):
            self._close_with(transaction, answer)  # early: would the rest be read as a mail or as commands?
        elif code // 100 in _REFUSALS:
            self._under_way.remove(transaction)
            self._say(transaction, answer)
        else:
            self._end(shown(answer))

    def _close_with(self, transaction: _Transaction, answer: Reply) -> None:
        """Take an answer after which the line is of no use."""
        self._say(transaction, answer)
        self._end(shown(answer))

    def _say(self, transaction: _Transaction, outcome: Reply | TransportError) -> None:
        if not transaction.settled:
            transaction.settled = True
            self.answered |= isinstance(outcome, Reply)
            self._settle(transaction.mail, outcome)

    def _end(self, answer: str) -> None:
        self._fail(f"{self.where} ended the session: {answer}; connect again")

    def _break(self, reason: str) -> None:
        self._fail(f"the line to {self.where} broke: {reason}; connect again")

    def _fail(self, problem: str) -> None:
        """Give back what is under way."""
        if self.broken:
            return
        self.broken = TransportError(problem)
        for transaction in self._under_way:
            in_doubt = transaction.end_at is not None and self.wire.sent > transaction.end_at
            self._say(transaction, TransportError(problem, in_doubt=in_doubt))
