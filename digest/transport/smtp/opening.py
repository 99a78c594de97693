"""Open a connection to a server: greet it, encrypt the line and sign in, with smtplib.

Each step has the time that is left of all, so that a server that speaks slowly takes no longer than a silent one.
"""

import smtplib
import socket
import ssl
import time
from typing import Any

from digest.errors import TransportError
from digest.transport.smtp.replies import ReplyReader, reply, shown
from digest.transport.smtp.wire import said

_READ = 1 << 12


class _Client(smtplib.SMTP):
    """smtplib's client, reading answers within bounds."""

    def __init__(
        self, host: str, port: int, hello_name: str | None, *, timeout: float, **context: Any
    ) -> None:
        self._ends_at = time.monotonic() + timeout
        super().__init__(host, port, hello_name, timeout=timeout, **context)

    def getreply(self) -> tuple[int, bytes]:
        """Read one answer and nothing behind it: what follows STARTTLS unencrypted was put there by a stranger."""
        reader, replies = ReplyReader(), list[tuple[int, bytes]]()
        try:
            while not replies:
                replies += reader.feed(self._read())
        except ValueError as error:
            self.close()
            raise smtplib.SMTPException(f"it answered {error}") from error
        except OSError:
            self.close()
            raise
        if len(replies) > 1 or reader.unfinished:
            self.close()
            raise smtplib.SMTPException("it spoke out of turn")
        return replies[0]

    def _read(self) -> bytes:
        left = self._ends_at - time.monotonic()
        if self.sock is None or left <= 0:
            raise TimeoutError("timed out")
        self.sock.settimeout(left)
        octets = self.sock.recv(_READ)
        if not octets:
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
        return octets


class _TlsClient(_Client, smtplib.SMTP_SSL):
    """The same, encrypted from the first octet."""


def open_connection(
    host: str,
    port: int,
    *,
    starttls: ssl.SSLContext | None,
    tls: ssl.SSLContext | None,
    login: tuple[str, str] | None,
    hello_name: str | None,
    timeout_seconds: float,
) -> tuple[socket.socket, dict[str, str]]:
    """Give an open connection, and what the server offers on it.

    Raises:
        TransportError: there is no line.

    """
    try:
        if tls:
            client: _Client = _TlsClient(host, port, hello_name, timeout=timeout_seconds, context=tls)
        else:
            client = _Client(host, port, hello_name, timeout=timeout_seconds)
        try:
            if starttls:
                client.starttls(context=starttls)
            client.ehlo_or_helo_if_needed()
            if login:
                client.login(*login)
        except BaseException:
            client.close()
            raise
    except (OSError, UnicodeError) as error:  # the latter for a host that is no name at all
        raise TransportError(f"cannot use the mail server {host}:{port}: {_cause(error)}") from error
    if client.sock is None:
        raise TransportError(f"cannot use the mail server {host}:{port}: the line is closed")
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client.sock, client.esmtp_features


def _cause(error: Exception) -> str:
    """Say in one line what stood in the way of a connection, and what to do."""
    match error:
        case smtplib.SMTPResponseException():
            words = shown(reply(error.smtp_code, _octets(error.smtp_error)))
        case OSError():
            words = said(error)
        case _:
            words = str(error)
    match error:
        case smtplib.SMTPAuthenticationError():
            advice = "it refused the user name or the password; check both"
        case smtplib.SMTPResponseException():
            advice = "it is not ready for us; check hello_name, or try again later"
        case smtplib.SMTPException():
            advice = "check the port and the security setting"
        case ssl.SSLCertVerificationError():
            advice = "its certificate is not trusted; check the host name, or set ca_file to its authority's"
        case ssl.SSLError():
            advice = "it does not speak TLS as we do; check the port and the security setting"
        case _:
            advice = "check that it runs, and the host and the port"
    return f"{words}; {advice}"


def _octets(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
