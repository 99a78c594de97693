"""Listen for mail over LMTP (RFC 2033) on a Unix socket or over SMTP (RFC 5321), behind a mail server.

Who is written to is answered at once: 550 5.1.1 for what is not ours, so that the server in front of it takes no mail
that nobody reads and sends no report to a forged sender. A mail is taken, 250, only once `handle` has returned and all
is committed; where it raises, 451 4.3.0 lets the server keep the mail and try again. A client that breaks off before
it hears that tries again too, and `handle` does nothing twice. LMTP answers once for each recipient.

There is no AUTH, no TLS and no rate for a client: those are the business of the server in front. What is bounded here
is what a client may cost: connections, recipients, octets, and mails at work at once.
"""

import asyncio
import logging
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as Taken

from digest.doors import Handle, persist
from digest.errors import DigestError, TransportError
from digest.received import Envelope

_RECIPIENTS = 100  # RFC 5321 section 4.5.3.1.8: at least
_CONNECTIONS = 20  # what Postfix opens to one destination
_AT_WORK = 4
_SECONDS = 300  # RFC 5321 section 4.5.3.2.7
_SLACK = 1_000_000  # octets beside the mails
_SOCKET_MODE = 0o660  # its folder's group says who may connect

_NOT_OURS = "550 5.1.1 nobody here reads mail to this address"
_LATER = "451 4.3.0 it cannot be handled now, try again later"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A server on a Unix socket, or without one on `host` and `port`; `takes` tells whether an address is ours."""

    handle: Handle
    takes: Callable[[str], bool]
    protocol: Literal["lmtp", "smtp"] = "lmtp"
    socket: Path | None = None
    host: str = "localhost"
    port: int = 0
    max_bytes: int = 25_000_000

    def run(self, stop: threading.Event) -> None:
        """Take mail until `stop` is set; what is at work then is finished."""
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd's own log names people's addresses
        persist(lambda: asyncio.run(self._listen(stop)), stop, name=self.name)

    def check(self) -> str:
        """Say in one line where it listens."""
        return f"{self.name} is opened by `digest serve`"

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"the {self.protocol.upper()} listener on {self.socket or f'{self.host}:{self.port}'}"

    async def _listen(self, stop: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        line = _bind(self)
        with ThreadPoolExecutor(_AT_WORK, thread_name_prefix="inbound") as pool:
            desk = _Desk(self, pool)
            create = loop.create_server if self.socket is None else loop.create_unix_server
            server = await create(desk.converse, sock=line)
            try:
                await loop.run_in_executor(None, stop.wait)
            finally:
                server.close()
                await desk.close()
                if self.socket is not None:
                    self.socket.unlink(missing_ok=True)


class _Desk:
    """Where the conversations of one listener meet: aiosmtpd calls its `handle_` methods."""

    def __init__(self, listener: Listener, pool: ThreadPoolExecutor) -> None:
        self._listener = listener
        self._pool = pool
        self._conversations: set[_Conversation] = set()
        self.closing = False

    def converse(self) -> "_Conversation":
        kind = _Lmtp if self._listener.protocol == "lmtp" else _Smtp
        return kind(
            self,
            loop=asyncio.get_running_loop(),
            hostname=socket.gethostname(),
            ident="digest",
            data_size_limit=self._listener.max_bytes,
            enable_SMTPUTF8=True,
            timeout=_SECONDS,
            auth_exclude_mechanism=("LOGIN", "PLAIN"),
        )

    def enter(self, conversation: "_Conversation") -> bool:
        """Tell whether there is room for one more."""
        self._conversations.add(conversation)
        return len(self._conversations) <= _CONNECTIONS

    def leave(self, conversation: "_Conversation") -> None:
        self._conversations.discard(conversation)

    async def close(self) -> None:
        """End all conversations, those with a mail at work once that is answered."""
        self.closing = True
        for conversation in tuple(self._conversations):
            conversation.end()
        while self._conversations:
            await next(iter(self._conversations)).gone.wait()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Taken, address: str, _options: list[str]
    ) -> str:
        if not self._listener.takes(_printable(address)):
            return _NOT_OURS
        if len(envelope.rcpt_tos) >= _RECIPIENTS:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ours"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: "_Conversation", _session: Session, taken: Taken
    ) -> str:
        sender = _printable(taken.mail_from or "")
        envelope = Envelope(
            sender="" if sender == "<>" else sender, recipients=tuple(map(_printable, taken.rcpt_tos))
        )
        work = partial(self._listener.handle, taken.original_content or b"", envelope)
        try:
            with server.at_work():
                said = await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except DigestError as error:
            log.warning("a mail is put off: %s", error)
            return _LATER
        except Exception:
            log.exception("a mail could not be handled; this is a bug; its server keeps it")
            return _LATER
        return "250 2.0.0 handled" if said else _NOT_OURS

    async def handle_exception(self, error: Exception) -> str:
        log.warning("a client said what could not be read: %s", type(error).__name__)
        return "500 5.5.2 that could not be read"


class _Conversation(SMTP):
    """One client's connection."""

    _busy = False
    _octets = 0  # since the last mail

    def __init__(self, desk: _Desk, **settings: Any) -> None:
        super().__init__(desk, **settings)
        self._desk = desk
        self.gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        there_is_room = self._desk.enter(self)
        super().connection_made(transport)
        if not there_is_room and isinstance(transport, asyncio.WriteTransport):
            transport.write(b"421 4.3.2 too many connections\r\n")
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._desk.leave(self)
        super().connection_lost(error)
        self.gone.set()

    def data_received(self, data: bytes) -> None:
        """Cut off one who goes on and on: aiosmtpd drops what is too much, but keeps a line without an end."""
        self._octets += len(data)
        if self._octets > 2 * (self.data_size_limit or 0) + _SLACK and self.transport is not None:
            self.transport.close()
            return
        super().data_received(data)

    def end(self) -> None:
        if not self._busy and self.transport is not None:
            self.transport.close()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        await super().smtp_DATA(arg)
        if self._desk.closing:
            self.end()

    def _set_post_data_state(self) -> None:
        super()._set_post_data_state()  # type: ignore[no-untyped-call]
        self._octets = 0


class _Smtp(_Conversation):
    """SMTP."""


class _Lmtp(_Conversation, LMTP):
    """LMTP: the end of a mail is answered once for each recipient (RFC 2033 section 4.2)."""

    _answers = 1

    async def push(self, status: str | bytes) -> None:
        line = status.encode() if isinstance(status, str) else status
        answers, self._answers = self._answers, 1
        if line.startswith(b"354") and self.envelope is not None:
            self._answers = len(self.envelope.rcpt_tos)
        await super().push(b"\r\n".join([line] * answers))


def _bind(listener: Listener) -> socket.socket:
    """Open what it listens on.

    Raises:
        TransportError: that cannot be.

    """
    try:
        if listener.socket is None:
            return socket.create_server((listener.host, listener.port))
        _clear(listener.socket)
        with ExitStack() as failing:
            line = failing.enter_context(socket.socket(socket.AF_UNIX))
            line.bind(str(listener.socket))
            listener.socket.chmod(_SOCKET_MODE)  # before anybody can connect, which is from `listen` on
            failing.pop_all()
    except (OSError, UnicodeError) as error:
        raise TransportError(f"{listener.name} cannot be opened: {error}") from error
    return line


def _clear(path: Path) -> None:
    """Remove the socket that a run has left behind, if it is one and nobody listens there."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise FileExistsError(f"{path} is there and is no socket")
    with socket.socket(socket.AF_UNIX) as line:
        if line.connect_ex(str(path)) == 0:
            raise FileExistsError("another process listens there")
    path.unlink()


def _printable(text: str) -> str:
    """Give what an address says as text that can be encoded, whatever octets were sent."""
    return text.encode("utf-8", "replace").decode()
