"""Carry a stream of mails over several lines at once, in one loop, so that none waits for another.

A mail is asked for when a line is free for it; with PIPELINING a line is free as soon as the content of the mail before
is due, and both leave in one write. Lines are opened as there is work for them. One that dies is replaced while there
is work; where new ones die one after another before they carried anything, the stream ends with an error, once
what is under way on the others is done.
"""

import math
import selectors
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from digest.errors import TransportError
from digest.model import Mail, Reply
from digest.protocols import Pause
from digest.transport.smtp.envelope import commands
from digest.transport.smtp.line import Line, Outcome

_BARREN = 3  # new lines in a row that died before they carried anything
_PARTING_SECONDS = 5.0


class Open(Protocol):
    """What opens a line."""

    def __call__(
        self,
        *,
        first: bool,
        settle: Callable[[Mail, Reply | TransportError], None],
        ending: Callable[[Mail], None],
    ) -> Line:
        """Open one whose outcomes and ends are told so; `first` if there is no other."""


class Lines:
    """The lines to one server, `limit` at most."""

    def __init__(self, open_line: Open, *, limit: int, ending: Callable[[Mail], None]) -> None:
        self.up: list[Line] = []
        self._open_line, self._limit, self._ending = open_line, limit, ending
        self._selector = selectors.DefaultSelector()
        self._outcomes: deque[Outcome] = deque()
        self._barren = 0
        self._over: TransportError | None = None  # why nothing more may be begun
        self._patience = math.inf  # until when, by the monotonic clock, no line is silent for too long

    def open(self) -> None:
        """Open one more.

        Raises:
            TransportError: it cannot be.

        """
        line = self._open_line(first=not self.up, settle=self._settle, ending=self._ending)
        self.up.append(line)
        line.watched = line.wire.interest
        self._selector.register(line.wire.connection, line.watched, line)

    def carry(self, mails: Iterator[Mail | Pause]) -> Iterator[Outcome]:
        """Send a stream of mails, as `Transport.carry` says; the lines stay open."""
        stream, self._over, self._barren = _Stream(mails), None, 0
        lines: Sequence[Line] = tuple(self.up)
        while True:
            while self._outcomes:
                yield self._outcomes.popleft()
            self._feed(stream, lines)
            growing = self._grow(stream)
            if self._outcomes:  # of mails that were not even begun, so that other lines may be free
                lines = tuple(self.up)
                continue
            if not any(line.busy for line in self.up):
                if self._over:
                    raise self._over
                if stream.ended:
                    return
            stirred = self._wait(0.0 if growing else stream.resumes_at)
            lines = stirred if stream.resumes_at is None else tuple(self.up)

    def close(self) -> None:
        """Part from the server; a line with a mail under way is cut."""
        for line in self.up:
            if not line.busy:
                line.quit()
        self._tend(self.up)
        latest = time.monotonic() + _PARTING_SECONDS
        while waiting := [line.deadline for line in self.up if line.parting]:
            left = min(latest, *waiting) - time.monotonic()
            if left <= 0:
                break
            for key, _ in self._selector.select(left):
                key.data.pump()
            self._tend(self.up)
        for line in self.up:
            line.close()
        self._selector.close()

    def _feed(self, stream: "_Stream", lines: Sequence[Line]) -> None:
        """Write what is due on these lines, and begin new mails where that is possible."""
        for line in lines:
            mail = self._next(stream) if line.free else None
            ready = line.ready
            begun = mail is not None and self._begin(mail, line)
            if ready and not begun:
                line.proceed()
        self._tend(lines)

    def _grow(self, stream: "_Stream") -> bool:
        """Open one more line where a mail waits for one, and say whether it did; the others go on between two."""
        if len(self.up) >= self._limit or self._outcomes or not (mail := self._next(stream)):
            return False
        try:
            self.open()
        except TransportError:
            if not self.up:
                raise
            self._limit = len(self.up)
            stream.put_back(mail)
            return False
        self._begin(mail, self.up[-1])
        self._tend(self.up[-1:])
        return True

    def _next(self, stream: "_Stream") -> Mail | None:
        return None if self._over else stream.take()

    def _begin(self, mail: Mail, line: Line) -> bool:
        """Begin a mail, unless it needs no asking how the server would answer."""
        try:
            lines = commands(mail, line.offers, line.where)
        except TransportError as error:
            self._over = error
            return False
        if isinstance(lines, Reply):
            self._outcomes.append((mail, lines))
            return False
        line.proceed(mail, lines)
        return True

    def _wait(self, resumes_at: float | None) -> Sequence[Line]:
        """Let the lines go on, until something happens or a time is over, and give those to which something did."""
        if self._patience == math.inf:
            self._patience = min([line.deadline for line in self.up if line.busy], default=math.inf)
        until = self._patience if resumes_at is None else min(self._patience, resumes_at)
        ready = self._selector.select(max(until - time.monotonic(), 0.0))
        now = time.monotonic()
        stirred = [key.data for key, _ in ready]
        for line in stirred:
            line.pump()
        if now >= self._patience:  # later than it was reckoned, if a line has spoken since
            self._patience = math.inf
            silent = [line for line in self.up if line.busy and line.deadline <= now]
            for line in silent:
                line.silent()
            stirred += silent
        self._tend(stirred)
        return stirred

    def _tend(self, lines: Sequence[Line]) -> None:
        """Take away those of these lines that died, and watch the others for what they wait for."""
        for line in tuple(lines):
            if line.broken and line in self.up:
                self._selector.unregister(line.wire.connection)
                line.close()
                self.up.remove(line)
                self._barren += not line.answered
                if self._barren >= _BARREN:
                    self._over = line.broken
            elif not line.broken and line.watched != line.wire.interest:
                line.watched = line.wire.interest
                self._selector.modify(line.wire.connection, line.watched, line)

    def _settle(self, mail: Mail, outcome: Reply | TransportError) -> None:
        self._outcomes.append((mail, outcome))
        if isinstance(outcome, Reply):
            self._barren = 0


class _Stream:
    """The mails that are still to come."""

    def __init__(self, mails: Iterator[Mail | Pause]) -> None:
        self.resumes_at: float | None = None  # by the monotonic clock
        self._mails = mails
        self._back: Mail | None = None
        self._exhausted = False

    @property
    def ended(self) -> bool:
        """Whether none will come any more."""
        return self._exhausted and self._back is None

    def take(self) -> Mail | None:
        """Give the next, if there is one now."""
        if self._back:
            mail, self._back = self._back, None
            return mail
        if self._exhausted or (self.resumes_at is not None and time.monotonic() < self.resumes_at):
            return None
        self.resumes_at = None
        given = next(self._mails, None)
        if isinstance(given, Pause):
            self.resumes_at = time.monotonic() + given.seconds
            return None
        self._exhausted = given is None
        return given

    def put_back(self, mail: Mail) -> None:
        """Keep a mail for the next that asks."""
        self._back = mail
