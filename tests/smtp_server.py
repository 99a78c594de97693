"""A real SMTP server on this machine's loopback that can be told to refuse, to stall and to hang up.

with Smtpd() as server:
    server.answer("RCPT", "550 5.1.1 no such user")    # the next RCPT; later ones are taken
    server.hang_up("BODY")                             # in the middle of the next mail
    server.drip("END")                                 # an answer that begins, octet by octet, and never ends
    server.take_and_hang_up()                          # the next mail, without a word
    ...
    assert server.verbs == ["EHLO", "MAIL", "RCPT", ...]
    assert server.mails[0].content == message
"""

import asyncio
import socket
import ssl
import subprocess
import threading
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, AnyStr, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

_HANG_UP = "hang up"
_STALL = "stall"
_DRIP = "drip"
_TAKE = "take and hang up"
_MISBEHAVIOUR = (_HANG_UP, _STALL, _DRIP)
_VERBS = ("EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT")


@dataclass(frozen=True, kw_only=True)
class Taken:
    """One mail as it came over the wire, dots unstuffed."""

    envelope_from: str
    recipients: list[str]
    options: list[str]  # of MAIL
    content: bytes
    encrypted: bool
    user: str | None


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate for localhost, not for 127.0.0.1, that is its own authority."""

    file: Path
    key: Path

    @classmethod
    def make(cls, openssl: str, folder: Path) -> Self:
        made = cls(file=folder / "certificate.pem", key=folder / "key.pem")
        names = "subjectAltName=DNS:localhost"
        command = f"{openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        arguments = [
            "-subj",
            "/CN=localhost",
            "-addext",
            names,
            "-keyout",
            str(made.key),
            "-out",
            str(made.file),
        ]
        subprocess.run([*command.split(), *arguments], check=True, capture_output=True)
        return made

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        return context


class Smtpd:
    """A server for the `with` block; `mails` are those it has taken, `verbs` the commands it has heard."""

    def __init__(
        self,
        *,
        starttls: Certificate | None = None,
        tls: Certificate | None = None,
        accounts: dict[str, str] | None = None,
        smtputf8: bool = False,
        pipelining: bool = False,
        max_octets: int = 33_554_432,
    ) -> None:
        self.mails: list[Taken] = []
        self.verbs: list[str] = []
        self.connections = 0
        self._script: dict[str, deque[str]] = defaultdict(deque)
        self._accounts = accounts or {}
        self._starttls, self._tls, self._smtputf8 = starttls, tls, smtputf8
        self._pipelining, self._max_octets = pipelining, max_octets
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.conversations: set[_Scripted] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    @property
    def has_obeyed(self) -> bool:
        """Whether it has done all that it was told to."""
        return not any(self._script.values())

    def answer(self, verb: str, *replies: str) -> None:
        """Answer the next commands of this verb so; CONNECT is the greeting, END the end of a mail."""
        self._script[verb].extend(replies)

    def hang_up(self, verb: str) -> None:
        """Close the connection at the next such command; BODY is within a mail."""
        self._script[verb].append(_HANG_UP)

    def stall(self, verb: str) -> None:
        """Say nothing more after the next such command."""
        self._script[verb].append(_STALL)

    def drip(self, verb: str) -> None:
        """Answer the next such command with octets that come one by one and never end."""
        self._script[verb].append(_DRIP)

    def take_and_hang_up(self) -> None:
        """Take the next mail and close the connection instead of saying so."""
        self._script["END"].append(_TAKE)

    def heed(self, verb: str) -> None:
        """Do as usual at the next such command."""
        self._script[verb].append("")

    def scripted(self, verb: str) -> str | None:
        return (self._script[verb].popleft() if self._script[verb] else None) or None

    def __enter__(self) -> Self:
        ssl_context = self._tls.context() if self._tls else None
        listen = self._loop.create_server(self._protocol, sock=self._socket, ssl=ssl_context)
        self._server = self._loop.run_until_complete(listen)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        for conversation in tuple(self.conversations):
            if conversation.transport is not None and not conversation.transport.is_closing():
                conversation.transport.abort()
            await conversation.gone.wait()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)

    def _protocol(self) -> SMTP:
        server = _Scripted(
            self,
            hostname="mx.test",
            enable_SMTPUTF8=self._smtputf8,
            data_size_limit=self._max_octets,
            loop=self._loop,
            tls_context=self._starttls.context() if self._starttls else None,
            authenticator=self._authenticate,
            auth_require_tls=self._starttls is not None,
            auth_exclude_mechanism=() if self._accounts else ("LOGIN", "PLAIN"),
        )
        server.script = self
        return server

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: Any
    ) -> AuthResult:
        user, password = data.login.decode(), data.password.decode()
        return AuthResult(success=self._accounts.get(user) == password, handled=False, auth_data=data)

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [responses[0], *(["250-PIPELINING"] if self._pipelining else []), *responses[1:]]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.scripted("END")
        if answer in _MISBEHAVIOUR:
            await _misbehave(server, answer)
        if answer not in (None, _TAKE):
            return answer
        self.mails.append(
            Taken(
                envelope_from=(envelope.mail_from or "").strip("<>"),
                recipients=envelope.rcpt_tos,
                options=envelope.mail_options,
                content=bytes(envelope.content or b""),
                encrypted=session.ssl is not None or self._tls is not None,
                user=session.auth_data.login.decode() if session.auth_data else None,
            )
        )
        if answer == _TAKE:
            await _misbehave(server, _HANG_UP)
        return "250 2.0.0 taken"


class _Scripted(SMTP):
    """The protocol itself, with the script in front of each command."""

    script: Smtpd

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.gone = asyncio.Event()
        self.script.conversations.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.gone.set()
        self.script.conversations.discard(self)
        super().connection_lost(error)

    async def push(self, status: AnyStr) -> None:
        line = status.encode("utf-8", "surrogateescape") if isinstance(status, str) else status
        if line.endswith(self.__ident__.encode()):  # the greeting
            self.script.connections += 1
            answer = self.script.scripted("CONNECT")
            if answer in _MISBEHAVIOUR:
                await _misbehave(self, answer)
            line = answer.encode() if answer else line
        await super().push(line)


def _in_front_of(verb: str) -> Callable[[_Scripted, str | None], Awaitable[None]]:
    async def command(self: _Scripted, arg: str | None) -> None:
        self.script.verbs.append(verb)
        answer = self.script.scripted(verb)
        if verb == "DATA" and answer is None and (within := self.script.scripted("BODY")):
            await self.push("354 go on")
            await self._reader.readline()
            answer = within
        if answer in _MISBEHAVIOUR:
            await _misbehave(self, answer)
        elif answer is not None:
            await self.push(answer)
        else:
            await getattr(SMTP, f"smtp_{verb}")(self, arg)

    return command


for _verb in _VERBS:
    setattr(_Scripted, f"smtp_{_verb}", _in_front_of(_verb))


async def _misbehave(server: SMTP, how: str) -> None:
    if how == _HANG_UP and server.transport is not None:
        server.transport.abort()
    while how == _DRIP and server.transport is not None and not server.transport.is_closing():
        server.transport.write(b"2")
        await asyncio.sleep(0.02)
    await asyncio.Event().wait()  # until the connection is gone
