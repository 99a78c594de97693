"""Hand mails to an SMTP server, many over one connection (RFC 5321, with STARTTLS, TLS and AUTH).

What the server refuses is a `Reply`; the line stays open for the next mail. A line that breaks, or a 421, is
a `TransportError` for what was under way; `carry` goes on over another line, and who has a session connects again. A
mail is in doubt only from the moment in which octets of its end may have left until the answer to it is here.
Certificates are always checked, and a password never crosses an unencrypted line except within this machine.
"""

import ipaddress
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from digest.errors import SettingsError, TransportError
from digest.model import Mail, Reply
from digest.protocols import Pause
from digest.transport.smtp.line import Line
from digest.transport.smtp.lines import Lines
from digest.transport.smtp.opening import open_connection

_ANOTHER_SECONDS = 10  # to open a line beside others, which wait meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Smtp:
    """A transport to one mail server.

    A `timeout_seconds` shorter than the ten minutes of RFC 5321 section 4.5.3.2.6 can leave in doubt a mail
    which the server was still about to take.

    Raises:
        SettingsError: the user name and password do not go with the rest.

    """

    host: str
    port: int
    security: Literal["none", "starttls", "tls"] = "starttls"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_seconds: float = 60
    connections: int = 4  # lines at once
    hello_name: str | None = None  # what we call ourselves; None: this machine's own name
    ca_file: Path | None = None  # a private authority instead of the system's, PEM

    def __post_init__(self) -> None:
        if not self.username and not self.password:
            return
        if not self.username or not self.password:
            raise SettingsError(f"{self.where}: the user name and the password must be set together")
        if not (self.username + self.password).isascii():
            raise SettingsError(f"{self.where}: the user name and the password must be ASCII")
        if self.security == "none" and not _is_loopback(self.host):
            raise SettingsError(
                f"{self.where}: the password would be sent unencrypted; set security to starttls or tls"
            )

    @property
    def where(self) -> str:
        """The server as messages name it."""
        return f"{self.host}:{self.port}"

    @contextmanager
    def connect(self) -> Iterator["SmtpSession"]:
        """Greet the server, encrypt the line and sign in, as the settings say."""
        lines = self._lines(limit=1, ending=lambda _: None)
        try:
            lines.open()
            yield SmtpSession(lines=lines, where=self.where)
        finally:
            lines.close()

    def carry(
        self, mails: Iterator[Mail | Pause], *, ending: Callable[[Mail], None]
    ) -> Iterator[tuple[Mail, Reply | TransportError]]:
        """Send a stream of mails over `connections` lines at most."""
        lines = self._lines(limit=self.connections, ending=ending)
        try:
            yield from lines.carry(mails)
        finally:
            lines.close()

    def check(self) -> str:
        """Connect and sign in."""
        with self.connect():
            user = f", signed in as {self.username}" if self.username else ""
            return f"the mail server {self.where} answers (security: {self.security}{user})"

    def _lines(self, *, limit: int, ending: Callable[[Mail], None]) -> Lines:
        try:
            # Reading the system's authorities takes a tenth of a second.
            context = None if self.security == "none" else ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise TransportError(f"cannot read the certificates in {self.ca_file}: {error}") from error
        return Lines(partial(self._open, context), limit=limit, ending=ending)

    def _open(
        self,
        context: ssl.SSLContext | None,
        *,
        first: bool,
        settle: Callable[[Mail, Reply | TransportError], None],
        ending: Callable[[Mail], None],
    ) -> Line:
        connection, extensions = open_connection(
            self.host,
            self.port,
            starttls=context if self.security == "starttls" else None,
            tls=context if self.security == "tls" else None,
            login=(self.username, self.password) if self.username and self.password else None,
            hello_name=self.hello_name,
            timeout_seconds=self.timeout_seconds if first else min(self.timeout_seconds, _ANOTHER_SECONDS),
        )
        return Line(
            connection,
            extensions,
            where=self.where,
            timeout_seconds=self.timeout_seconds,
            settle=settle,
            ending=ending,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSession:
    """An open line to a server."""

    lines: Lines
    where: str

    def send(self, *, envelope_from: str, recipient: str, message: bytes) -> Reply:
        """Hand over one mail; an empty `envelope_from` is the null reverse-path of a notice."""
        if not self.lines.up:
            raise TransportError(f"the line to {self.where} broke before; connect again")
        mail = Mail(envelope_from=envelope_from, recipient=recipient, message=message)
        [(_, outcome)] = self.lines.carry(iter([mail]))
        if isinstance(outcome, TransportError):
            raise outcome
        return outcome


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
