"""An SMTP server that takes everything, writes down what it took before it says so, and misbehaves when it is told to.

    with Sink(Path("taken")) as sink:
        sink.misbehave("BODY", DROP)           # hang up in the middle of the next mail
        sink.watch("taken", killed, after=3)   # call it when the fourth mail is on record and not yet answered
        sink.wait_for(40)                      # until so many mails have been taken
    for recipient, message_id in sink.taken: ...

It offers PIPELINING, SIZE, 8BITMIME and SMTPUTF8. The record is a line for each recipient, in one write each, made
before the server answers 250: what stands there was taken, whether or not the client lived to hear of it.
"""

import asyncio
import contextlib
import os
import random
import re
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Self

DROP = "drop"
STALL = "stall"
GARBAGE = "\x00\xff nonsense"
"""Misbehaviour that is no reply; any other text is one, as "451 4.3.0 later"."""

Verb = Literal["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY", "END", "REPLY"]
"""When the server can misbehave: BODY is the first line of a mail, END the dot after its last one, REPLY the answer to
a mail that is on record already."""

Moment = Literal["first octet", "end", "taken", "answered"]
"""What can be watched: a mail begins to come; is here; is on record; and its sender has been told so."""

_LARGEST = 2**24
_END = b"\r\n.\r\n"
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(<[^>\r\n]*>)", re.MULTILINE | re.IGNORECASE)
_OFFERS = ("sink.test", "PIPELINING", "SIZE 16777216", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
_TAKEN = "250 2.0.0 taken"
_USUAL = {
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go on",
    "RSET": "250 2.0.0 ok",
    "NOOP": "250 2.0.0 ok",
    "QUIT": "221 2.0.0 bye",
}


class _GoneError(Exception):
    """The line is over."""


class Sink:
    """A server for the `with` block; `taken` are the recipient and Message-ID of every mail, in order."""

    def __init__(self, record: Path, *, slowest: float = 0.0, seed: int = 0) -> None:
        """`slowest` is how many seconds an answer takes at most; each waits for a random part of it."""
        self.taken: list[tuple[str, str]] = []
        self.port = 0
        self._record = record
        self._slowest = slowest
        self._random = random.Random(seed)  # noqa: S311 - delays, not secrets
        self._faults: defaultdict[str, deque[str]] = defaultdict(deque)
        self._watched: dict[str, tuple[int, Callable[[], None]]] = {}
        self._more = threading.Condition()
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    def misbehave(self, verb: Verb, *how: str) -> None:
        """Do so at the next occasions, one after another."""
        self._faults[verb].extend(how)

    def watch(self, moment: Moment, act: Callable[[], None], *, after: int = 0) -> None:
        """Call `act` once, in the server's thread, when the moment has passed `after` times and comes again."""
        self._watched[moment] = (after, act)

    def forget(self) -> None:
        """Behave again, watch nothing, and begin a new record."""
        self._faults.clear()
        self._watched.clear()
        self.taken.clear()
        self._record.write_bytes(b"")

    def wait_for(self, count: int, *, alive: Callable[[], bool], patience: float = 60.0) -> bool:
        """Wait until so many mails have been taken; False where the sender ended before."""
        with self._more:
            while len(self.taken) < count and alive() and patience > 0:
                self._more.wait(0.05)
                patience -= 0.05
        return len(self.taken) >= count

    def __enter__(self) -> Self:
        self._file = os.open(self._record, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC)
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()
        os.close(self._file)

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0, limit=_LARGEST)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError, _GoneError):
            line = _Line(self, reader, writer)
            await line.say("CONNECT", "220 sink.test ESMTP")
            while await line.obey():
                pass
        writer.close()

    def passed(self, moment: Moment) -> None:
        """Note a moment, and act where it is watched."""
        if moment not in self._watched:
            return
        after, act = self._watched.pop(moment)
        if after:
            self._watched[moment] = (after - 1, act)
        else:
            act()

    def fault(self, verb: str) -> str | None:
        """Give how to misbehave now, if at all."""
        return self._faults[verb].popleft() if self._faults[verb] else None

    def take(self, recipients: list[str], message: bytes) -> None:
        """Write down a mail."""
        found = _MESSAGE_ID.search(message)
        message_id = found[1].decode("ascii", "replace") if found else ""
        for recipient in recipients:
            os.write(self._file, f"{recipient} {message_id}\n".encode())
        with self._more:
            self.taken.extend((recipient, message_id) for recipient in recipients)
            self._more.notify_all()

    async def dawdle(self) -> None:
        """Let the client wait for a random part of the slowest answer."""
        if self._slowest:
            await asyncio.sleep(self._random.random() * self._slowest)


class _Line:
    """One connection."""

    def __init__(self, sink: Sink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._sink = sink
        self._reader = reader
        self._writer = writer
        self._recipients: list[str] = []

    async def obey(self) -> bool:
        """Do what the next command says; False at the end of the session."""
        line = (await self._reader.readline()).decode("utf-8", "replace")
        verb, _, rest = line.strip().partition(" ")
        verb = verb.upper()
        if verb in {"EHLO", "HELO"}:
            offers = [f"250-{offer}" for offer in _OFFERS[:-1]]
            return await self.say("EHLO", "\r\n".join([*offers, f"250 {_OFFERS[-1]}"]))
        usual = _USUAL.get(verb, "500 5.5.2 what?")
        if verb == "DATA" and not self._recipients:
            usual = "503 5.5.1 for whom?"
        plain = await self.say(verb, usual)
        if verb in {"MAIL", "RSET"} or not line:
            self._recipients = []
        if verb == "RCPT" and plain:
            self._recipients.append(rest.partition("<")[2].partition(">")[0])
        if verb == "DATA" and plain and usual.startswith("354"):
            await self._take()
        return bool(line) and verb != "QUIT"

    async def _take(self) -> None:
        message = await self._reader.readline()
        self._sink.passed("first octet")
        if fault := self._sink.fault("BODY"):
            await self._misbehave(fault)
        message += await self._reader.readuntil(_END)
        self._sink.passed("end")
        if fault := self._sink.fault("END"):
            await self._misbehave(fault)
            return
        await self._sink.dawdle()
        self._sink.take(self._recipients, message)
        self._sink.passed("taken")
        if fault := self._sink.fault("REPLY"):
            await self._misbehave(fault)
            return
        await self._say(_TAKEN)
        self._sink.passed("answered")

    async def say(self, verb: str, usual: str) -> bool:
        """Answer a command, or misbehave; True where the usual thing was said."""
        if fault := self._sink.fault(verb):
            await self._misbehave(fault)
            return False
        await self._say(usual)
        return True

    async def _say(self, text: str) -> None:
        self._writer.write(text.encode("latin-1") + b"\r\n")
        await self._writer.drain()

    async def _misbehave(self, how: str) -> None:
        if how == DROP:
            self._writer.transport.abort()
            raise _GoneError
        if how == STALL:
            await self._reader.read(-1)  # until the client has had enough
            raise _GoneError
        await self._say(how)
