r"""Read a mailbox over IMAP (RFC 9051): at once where the server offers IDLE (RFC 2177), else every so often.

Read is what is unseen and does not bear our keyword. A mail that was handled becomes \Seen, or moves to another
mailbox; one that is not ours, or is too large, gets the keyword alone and stays unread for the people who read there.
A crash between the two brings the mail again, and `handle` does nothing twice. Where the server keeps no keywords,
what was left alone is looked at again by the next connection, to the same end.

Numbers of mails are kept in memory only, together with the UIDVALIDITY that they belong to. Certificates are always
checked, and a password never crosses an unencrypted line except within this machine.
"""

import ipaddress
import logging
import selectors
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientError, LoginError

from digest.clean import clean_line
from digest.doors import Handle, persist
from digest.errors import DigestError, SettingsError, StoreError, TransportError
from digest.received import Envelope

KEYWORD = "DigestHandled"
"""The flag that a mail gets which was looked at."""

_IDLE_SECONDS = 29 * 60  # RFC 2177: a server may end a longer one
_TIMEOUT = SocketTimeout(connect=30, read=120)
_NUMBERS = 100_000  # UIDs in one search: its answer is one line, and imaplib takes none over a megabyte
_TEXT_LENGTH = 200

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """A mailbox on a server.

    `poll_seconds` is the longest time between two looks, with IDLE too: lines die without a word.

    Raises:
        SettingsError: the settings contradict each other.

    """

    handle: Handle
    host: str
    port: int
    username: str
    password: str = field(repr=False)
    security: Literal["none", "starttls", "tls"] = "tls"
    ca_file: Path | None = None  # a private authority instead of the system's, PEM
    mailbox: str = "INBOX"
    done_mailbox: str = ""  # empty: what is done stays and is marked as read
    poll_seconds: float = 60
    max_bytes: int = 25_000_000
    _passed_over: set[tuple[int, int]] = field(default_factory=set, init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.username or not self.password:
            raise SettingsError(f"{self._name}: set a user name and a password")
        if not (self.username + self.password).isascii():
            raise SettingsError(f"{self._name}: the user name and the password must be ASCII")
        if self.security == "none" and not _is_loopback(self.host):
            raise SettingsError(
                f"{self._name}: the password would be sent unencrypted; set security to starttls or tls"
            )
        if self.done_mailbox == self.mailbox:
            raise SettingsError(f"{self._name}: done_mailbox must be another one than mailbox")

    def run(self, stop: threading.Event) -> None:
        """Handle what comes until `stop` is set."""
        with _bell(stop) as bell:
            persist(partial(self._stay, stop, bell), stop, name=self._name)

    def once(self) -> int:
        """Handle what is there and give how many mails that were.

        Raises:
            StoreError: the database refused; the mail stays unread.
            TransportError: the mailbox cannot be read.

        """
        with self._line() as client:
            return self._empty(client, threading.Event())

    def check(self) -> str:
        """Say in one line that the mailbox can be read, without marking anything.

        Raises:
            TransportError: it cannot.

        """
        with self._line() as client:
            client.select_folder(self.mailbox, readonly=True)
        return f"{self._name} can be read"

    def holding(self, message_ids: Iterable[str]) -> frozenset[str]:
        """Give those of the Message-IDs that are there, or in `done_mailbox`, without marking anything.

        Raises:
            TransportError: the mailbox cannot be read.

        """
        wanted, found = list(message_ids), set()
        with self._line() as client:
            for name in filter(None, (self.mailbox, self.done_mailbox)):
                client.select_folder(name, readonly=True)
                found |= {one for one in wanted if client.search(["HEADER", "Message-ID", one])}
        return frozenset(found)

    @property
    def _name(self) -> str:
        return f"the mailbox {self.mailbox} of {self.username} at {self.host}:{self.port}"

    def _stay(self, stop: threading.Event, bell: socket.socket) -> None:
        with self._line() as client:
            while not stop.is_set():
                if not self._empty(client, stop):  # else look again: more may have come meanwhile
                    self._wait(client, bell)

    @contextmanager
    def _line(self) -> Iterator[IMAPClient]:
        """Connect, encrypt and sign in as the settings say; whatever fails on the line is a TransportError."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            with IMAPClient(
                self.host,
                self.port,
                ssl=self.security == "tls",
                ssl_context=context,
                timeout=_TIMEOUT,
            ) as client:
                if self.security == "starttls":
                    client.starttls(context)
                client.login(self.username, self.password)
                if self.done_mailbox and not client.folder_exists(self.done_mailbox):
                    client.create_folder(self.done_mailbox)
                yield client
        except (
            OSError,
            IMAPClientError,
            UnicodeError,
        ) as error:  # the last for a host that is no name at all
            raise TransportError(f"{self._name} cannot be read: {_cause(error)}") from error

    def _empty(self, client: IMAPClient, stop: threading.Event) -> int:
        """Handle the mails that are new, the oldest first."""
        found = client.select_folder(self.mailbox)
        if b"READ-ONLY" in found:
            raise TransportError(f"{self._name} may not be written to, so that nothing can be marked as done")
        keeps_keywords = bool({b"\\*", KEYWORD.encode()} & set(found.get(b"PERMANENTFLAGS", ())))
        handled = 0
        for number in self._new(client, found):
            if stop.is_set():
                break
            if (found[b"UIDVALIDITY"], number) not in self._passed_over:
                said = self._one(client, number)
                handled += bool(said)
                if said is not None:
                    self._mark(client, number, done=bool(said), keyword=keeps_keywords)
                if said == "" and not keeps_keywords:
                    self._passed_over.add((found[b"UIDVALIDITY"], number))
        return handled

    def _new(self, client: IMAPClient, found: dict[bytes, Any]) -> Iterator[int]:
        end = found.get(b"UIDNEXT")
        parts = [f"{n}:{n + _NUMBERS - 1}" for n in range(1, end, _NUMBERS)] if end else ["1:*"]
        for numbers in parts if found.get(b"EXISTS") else ():
            yield from sorted(client.search(["UNSEEN", "UNDELETED", "UNKEYWORD", KEYWORD, "UID", numbers]))

    def _one(self, client: IMAPClient, number: int) -> str | None:
        """Handle one mail and give what was said; None: it stays as it is, and is looked at again."""
        size = client.fetch([number], ["RFC822.SIZE"]).get(number, {}).get(b"RFC822.SIZE")
        if size is None:  # somebody has taken it away
            return None
        content = None
        if size <= self.max_bytes:  # and no more than that is fetched, whatever the server says of its size
            part = client.fetch([number], [f"BODY.PEEK[]<0.{self.max_bytes + 1}>"])
            content = part.get(number, {}).get(b"BODY[]<0>", b"")
            size = len(content)
        if content is None or size > self.max_bytes:
            log.warning("%s: a mail of %d octets is too large and left alone", self._name, size)
            return ""
        try:
            return self.handle(content, Envelope())
        except StoreError:
            raise
        except DigestError as error:
            log.warning("%s: a mail is put off: %s", self._name, error)
        except Exception:
            log.exception("%s: mail %d could not be handled; this is a bug; it stays", self._name, number)
        return None

    def _mark(self, client: IMAPClient, number: int, *, done: bool, keyword: bool) -> None:
        flags = [rb"\Seen"] * done + [KEYWORD.encode()] * keyword
        if flags:
            client.add_flags([number], flags, silent=True)
        if not (done and self.done_mailbox):
            return
        if client.has_capability("MOVE"):
            client.move([number], self.done_mailbox)
            return
        client.copy([number], self.done_mailbox)
        client.add_flags([number], [rb"\Deleted"], silent=True)
        if client.has_capability("UIDPLUS"):  # a plain EXPUNGE would remove what other people have deleted
            client.uid_expunge([number])

    def _wait(self, client: IMAPClient, bell: socket.socket) -> None:
        """Wait for the server's word, for the bell, or for the time of the next look."""
        if not client.has_capability("IDLE"):
            _first_of([bell], self.poll_seconds)
            return
        client.idle()
        line = client.socket()
        if not (isinstance(line, ssl.SSLSocket) and line.pending()):
            _first_of([line, bell], min(self.poll_seconds, _IDLE_SECONDS))
        client.idle_done()


@contextmanager
def _bell(stop: threading.Event) -> Iterator[socket.socket]:
    """Give a socket that can be read from once `stop` is set: an event cannot be waited for beside a line."""
    near, far = socket.socketpair()

    def ring() -> None:
        stop.wait()
        far.close()

    threading.Thread(target=ring, daemon=True, name="the mailbox's bell").start()
    with near:
        yield near


def _first_of(sockets: list[socket.socket], seconds: float) -> None:
    with selectors.DefaultSelector() as selector:
        for one in sockets:
            selector.register(one, selectors.EVENT_READ)
        selector.select(seconds)


def _cause(error: Exception) -> str:
    """Say in one line what stood in the way, and what to do."""
    match error:
        case LoginError():
            return f"{_said(error)}; check the user name and the password"
        case ssl.SSLCertVerificationError():
            return (
                f"{error.verify_message}; check the host name, or set ca_file to its authority's certificate"
            )
        case ssl.SSLError():
            return f"{_said(error)}; check the port and the security setting"
        case IMAPClientError():
            return _said(error)
        case OSError(strerror=str(reason)):
            return f"{reason}; check that the server runs, and the host and the port"
        case _:
            return _said(error)


def _said(error: Exception) -> str:
    text = clean_line(str(error))
    if text.startswith("b'"):  # imaplib gives the server's words as the text of a bytes literal
        text = text[2:].removesuffix("'")
    return text[:_TEXT_LENGTH]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
