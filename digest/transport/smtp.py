"""Hand mails to an SMTP server, many over one connection (RFC 5321, with STARTTLS, TLS and AUTH).

What the server refuses is a `Reply`; the line stays open for the next mail. A line that breaks, or a 421, is
a `TransportError`: after it the connection is closed and the caller connects again. It is in doubt only from
the moment in which all of the mail was handed over until the answer to it is here. Certificates are always
checked, and a password never crosses an unencrypted line except within this machine.
"""

import ipaddress
import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from digest.address import parse_address
from digest.clean import clean_text
from digest.errors import SettingsError, TransportError
from digest.model import Reply

_CLOSING = 421  # RFC 5321 section 3.8: the server shuts the connection
_REFUSALS = (4, 5)  # classes of replies
_TEXT_LENGTH = 500
_ENHANCED = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})(?:[ \t]+|$)", re.MULTILINE)  # RFC 3463, RFC 2034


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
        server = self._open()
        try:
            yield SmtpSession(server=server, where=self.where)
        finally:
            with suppress(OSError):  # what was taken is taken, however the parting goes
                server.quit()
            server.close()

    def check(self) -> str:
        """Connect and sign in."""
        with self.connect():
            user = f", signed in as {self.username}" if self.username else ""
            return f"the mail server {self.where} answers (security: {self.security}{user})"

    def _open(self) -> smtplib.SMTP:
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise TransportError(f"cannot read the certificates in {self.ca_file}: {error}") from error
        try:
            if self.security == "tls":
                return self._greet(
                    smtplib.SMTP_SSL(
                        self.host, self.port, self.hello_name, timeout=self.timeout_seconds, context=context
                    )
                )
            server = smtplib.SMTP(self.host, self.port, self.hello_name, timeout=self.timeout_seconds)
            return self._greet(server, context if self.security == "starttls" else None)
        except (OSError, UnicodeError) as error:  # the latter for a host that is no name at all
            raise TransportError(f"cannot use the mail server {self.where}: {_cause(error)}") from error

    def _greet(self, server: smtplib.SMTP, context: ssl.SSLContext | None = None) -> smtplib.SMTP:
        try:
            if context:
                server.starttls(context=context)
            server.ehlo_or_helo_if_needed()
            if self.username and self.password:
                server.login(self.username, self.password)
        except BaseException:
            server.close()
            raise
        return server


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSession:
    """An open line to a server."""

    server: smtplib.SMTP
    where: str

    def send(self, *, envelope_from: str, recipient: str, message: bytes) -> Reply:
        """Hand over one mail; an empty `envelope_from` is the null reverse-path of a notice.

        It goes through MAIL, RCPT and DATA until the first refusal (RFC 5321 section 3.3).
        """
        try:
            reverse_path = str(parse_address(envelope_from)) if envelope_from else ""
        except ValueError as error:
            raise TransportError(f"no mail can leave: the envelope sender {error}") from error
        try:
            forward_path = parse_address(recipient)
        except ValueError as error:  # as a server would say it (RFC 3463: bad destination mailbox address)
            return Reply(code=553, enhanced="5.1.3", text=str(error))
        options = f" SIZE={len(message)}" if self.server.has_extn("size") else ""
        if forward_path.needs_smtputf8:
            if not self.server.has_extn("smtputf8"):  # as RFC 6531 section 3.5 has servers say it
                text = f"{recipient!r:.80} is not ASCII before the @, and {self.where} offers no SMTPUTF8"
                return Reply(code=553, enhanced="5.6.7", text=text)
            self.server.command_encoding = "utf-8"
            options += " BODY=8BITMIME SMTPUTF8"
        for verb, argument, wanted in (
            ("MAIL", f"FROM:<{reverse_path}>{options}", 2),
            ("RCPT", f"TO:<{forward_path}>", 2),
            ("DATA", "", 3),
        ):
            with self._line():
                reply = _read_reply(*self.server.docmd(verb, argument))
            if reply.code // 100 != wanted:
                return self._refused(reply)
        with self._line():
            self.server.send(_data(message))
        with self._line(in_doubt=True):
            reply = _read_reply(*self.server.getreply())
        return reply if reply.accepted else self._refused(reply, in_doubt=reply.code != _CLOSING)

    @contextmanager
    def _line(self, *, in_doubt: bool = False) -> Iterator[None]:
        """Close a line that breaks."""
        try:
            yield
        except OSError as error:
            self.server.close()
            raise TransportError(
                f"the line to {self.where} broke: {_said(error)}; connect again", in_doubt=in_doubt
            ) from error

    def _refused(self, reply: Reply, *, in_doubt: bool = False) -> Reply:
        """Clear the server's buffers for the next mail; what is no refusal of this one ends the session."""
        if reply.code == _CLOSING or reply.code // 100 not in _REFUSALS:
            self.server.close()
            raise TransportError(
                f"{self.where} ended the session: {_shown(reply)}; connect again", in_doubt=in_doubt
            )
        with suppress(OSError):  # if the line is dead by now, the next mail will say so
            self.server.rset()
        return reply


def _data(message: bytes) -> bytes:
    """Stuff the dots at the beginnings of lines and end the mail (RFC 5321 section 4.5.2)."""
    stuffed = re.sub(rb"^\.", b"..", message, flags=re.MULTILINE)
    return stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n")


def _read_reply(code: int, text: bytes | str) -> Reply:
    """Take the enhanced code out of a reply's lines and make the rest one safe line."""
    plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    enhanced = _ENHANCED.search(plain)
    return Reply(
        code=code,
        text=clean_text(_ENHANCED.sub("", plain))[:_TEXT_LENGTH],
        enhanced=enhanced[1] if enhanced else None,
    )


def _cause(error: Exception) -> str:
    """Say in one line what stood in the way of a connection, and what to do."""
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
    return f"{_said(error)}; {advice}"


def _said(error: Exception) -> str:
    """Give the words of the server, or of whatever failed on the way to it."""
    match error:
        case smtplib.SMTPResponseException():
            return _shown(_read_reply(error.smtp_code, error.smtp_error))
        case ssl.SSLCertVerificationError():
            return error.verify_message
        case OSError(strerror=str(reason)):
            return reason
        case _:
            return clean_text(str(error))[:_TEXT_LENGTH]


def _shown(reply: Reply) -> str:
    return " ".join(part for part in (str(reply.code), reply.enhanced, reply.text) if part)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
