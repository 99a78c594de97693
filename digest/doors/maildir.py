"""Read a Maildir: what a mail server or a mail program drops into new/ is handled and moved to cur/.

A mail that was handled is marked as read (:2,S); one that is not ours, or is too large, is moved there unread, as a
mail program would do that has seen it and shown it to nobody. A crash leaves a mail in new/, where it is found again.
"""

import logging
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from digest.doors import Handle, persist
from digest.errors import DigestError, StoreError, TransportError
from digest.received import Envelope

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A Maildir that is looked into every `poll_seconds`; it is made where there is none."""

    handle: Handle
    path: Path
    poll_seconds: float = 60
    max_bytes: int = 25_000_000

    def run(self, stop: threading.Event) -> None:
        """Handle what comes until `stop` is set."""

        def look() -> None:
            self._empty(stop)
            stop.wait(self.poll_seconds)

        persist(look, stop, name=self._name)

    def once(self) -> int:
        """Handle what is there and give how many mails that were.

        Raises:
            StoreError: the database refused; the mail stays in new/.
            TransportError: the folder cannot be used.

        """
        return self._empty(threading.Event())

    def check(self) -> str:
        """Say in one line where it is."""
        return f"{self._name} is looked into every {self.poll_seconds:g} seconds"

    @property
    def _name(self) -> str:
        return f"the Maildir {self.path}"

    def _empty(self, stop: threading.Event) -> int:
        try:
            for name in ("tmp", "new", "cur"):
                (self.path / name).mkdir(parents=True, exist_ok=True)
            mails = list(self._mails())
        except OSError as error:
            raise TransportError(f"{self._name} cannot be used: {error.strerror}") from error
        handled = 0
        for mail, size in mails:
            if stop.is_set():
                break
            handled += self._one(mail, size)
        return handled

    def _mails(self) -> Iterator[tuple[Path, int]]:
        """Give the mails in new/ with their sizes, the oldest first; only plain files are mails."""
        found = []
        for path in (self.path / "new").iterdir():
            if path.name.startswith("."):
                continue
            try:
                status = path.lstat()
            except FileNotFoundError:  # somebody else was faster
                continue
            if stat.S_ISREG(status.st_mode):
                found.append((status.st_mtime_ns, path, status.st_size))
        for _, path, size in sorted(found):
            yield path, size

    def _one(self, mail: Path, size: int) -> bool:
        if size > self.max_bytes:
            log.warning("%s: a mail of %d octets is too large and left alone", self._name, size)
            return self._move(mail, read=False)
        try:
            content = mail.read_bytes()
        except FileNotFoundError:
            return False
        try:
            said = self.handle(content, Envelope())
        except StoreError:
            raise
        except DigestError as error:
            log.warning("%s: a mail is put off: %s", self._name, error)
            return False
        except Exception:
            log.exception(
                "%s: a mail could not be handled; this is a bug; it stays: %s", self._name, mail.name
            )
            return False
        return self._move(mail, read=bool(said))

    def _move(self, mail: Path, *, read: bool) -> bool:
        name, _, _ = mail.name.partition(":")
        try:
            mail.rename(self.path / "cur" / f"{name}:2,{'S' if read else ''}")
        except FileNotFoundError:
            return False
        except OSError as error:
            raise TransportError(f"{self._name}: {mail.name} cannot be moved: {error.strerror}") from error
        return read
