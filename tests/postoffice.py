"""A whole post office: readers with mailboxes in a Dovecot, a Postfix between them and us, and `digest serve`.

    with PostOffice(desk, postfix, dovecot, door="lmtp") as office:
        office.post(mail("subscribe"))              # from Ada, through Postfix
        question = office.reads(ADA)                # her next mail, read over IMAP; waits until it is there

Our mail comes in by LMTP from Postfix, or by IMAP out of a mailbox of our own in that Dovecot; letters leave through
Postfix. All of it lives on loopback and ends with the block.
"""

import contextlib
import shutil
import smtplib
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Literal, Self

from dovecot import PASSWORD, Dovecot
from mailroom import US
from ports import free_port
from postfix import Postfix
from terminal import Terminal, read_mail

PATIENCE = 90  # seconds, on a machine that does much else


class PostOffice:
    """A digest at work among its readers."""

    def __init__(
        self, desk: Path, postfix: str, dovecot: str, *, door: Literal["lmtp", "imap"] = "lmtp"
    ) -> None:
        self.terminal = Terminal(desk)
        self.pages = f"127.0.0.1:{free_port()}"  # where the readers' pages answer
        self.terminal.environment["DIGEST_WEB__LISTEN"] = self.pages
        self._door = door
        # Only what is in the group of a folder may use a socket there: that is Postfix.
        self._folder = Path(tempfile.mkdtemp(prefix="digest-"))
        shutil.chown(self._folder, group="postfix")
        self._folder.chmod(0o2750)
        self.socket = self._folder / "lmtp"
        self.dovecot = Dovecot(dovecot)
        readers = f"inet:127.0.0.1:{self.dovecot.lmtp_port}"
        ours = f"unix:{self.socket}" if door == "lmtp" else readers
        self.postfix = Postfix(
            postfix,
            lmtp={"digest.example": ours, "mail.example": readers},
            recipients=(US, "@mail.example"),
        )
        self._read: dict[str, int] = {}
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as opening:
            opening.callback(shutil.rmtree, self._folder)
            opening.enter_context(self.dovecot)
            opening.enter_context(self.postfix)
            self._settings()
            self.process = opening.enter_context(self.terminal.started("serve"))
            self._said: list[bytes] = []
            listening = threading.Thread(target=lambda: self._said.extend(self.process.stderr or ()))
            listening.start()
            opening.callback(listening.join)
            opening.callback(self.process.terminate)
            if self._door == "lmtp":
                self.until(self._listens)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def log(self) -> str:
        """What `digest serve` has said."""
        return b"".join(self._said).decode()

    def post(self, content: bytes, *, sender: str | None = None) -> None:
        """Hand a mail to Postfix, for the address in its To."""
        headers = read_mail(content)
        author = headers["From"].addresses[0].addr_spec if sender is None else sender
        with smtplib.SMTP("127.0.0.1", self.postfix.port) as line:
            line.sendmail(author, [headers["To"].addresses[0].addr_spec], content)

    def reads(self, reader: str) -> EmailMessage:
        """Give the next mail of a reader, as it lies in his mailbox."""
        number = self._read.get(reader, 0)
        self.until(lambda: len(self.dovecot.inbox(reader)) > number)
        self._read[reader] = number + 1
        return read_mail(self.dovecot.inbox(reader)[number])

    def state(self, reader: str) -> str:
        """Give a reader's state as `digest subscribers list` has it; nothing for a stranger."""
        listed = self.terminal.digest("subscribers", "list", "--json").succeeded().json
        return {one["address"]: one["state"] for one in listed}.get(reader, "")

    def _settings(self) -> None:
        inbound = (
            ('kind = "lmtp"', f'socket = "{self.socket}"')
            if self._door == "lmtp"
            else (
                'kind = "imap"',
                'host = "127.0.0.1"',
                f"port = {self.dovecot.port}",
                'security = "none"',
                f'username = "{US}"',
                f'password = "{PASSWORD}"',
            )
        )
        self.terminal.small_day(
            "[publisher]",
            'name = "The Small Digest"',
            f'address = "{US}"',
            "[transport]",
            'kind = "smtp"',
            'host = "127.0.0.1"',
            f"port = {self.postfix.port}",
            'security = "none"',
            "[inbound]",
            *inbound,
        )

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as line:
            return line.connect_ex(str(self.socket)) == 0

    def until(self, done: Callable[[], bool]) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + PATIENCE
        while not done():
            if time.monotonic() > deadline:
                raise AssertionError(f"it never came\n{self.log}\n{self.postfix.log}")
            time.sleep(0.05)
