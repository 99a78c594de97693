"""Deliver into Maildir folders on this machine, one per recipient: nothing leaves it.

A mail is written to tmp/, brought to the disk and only then renamed into new/, so that after a crash at any
point it is there as a whole or not at all. Its file name comes from its Message-ID: delivering the same
mail again, even after a mail program has moved it to cur/, leaves one file.
"""

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from pathlib import Path

from digest.errors import TransportError
from digest.model import Mail, Reply
from digest.protocols import Pause

_UNSAFE = re.compile(rb"[^A-Za-z0-9@._+-]|^\.")
_FOLDER_NAME_LENGTH = 200  # file systems stop at 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Maildir:
    """A transport that keeps every mail under `path`, as <path>/<recipient>/{tmp,new,cur}."""

    path: Path

    def connect(self) -> AbstractContextManager["Maildir"]:
        """Make sure that the folder is there; it is its own session."""
        with _disk(self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)  # its folders' names are addresses
        return nullcontext(self)

    def carry(
        self, mails: Iterator[Mail | Pause], *, ending: Callable[[Mail], None]
    ) -> Iterator[tuple[Mail, Reply | TransportError]]:
        """Deliver one mail after another."""
        alive = False
        for mail in mails:
            if isinstance(mail, Pause):
                time.sleep(mail.seconds)
                continue
            if not alive:
                self.connect()
            ending(mail)
            try:
                outcome: Reply | TransportError = self.send(
                    envelope_from=mail.envelope_from, recipient=mail.recipient, message=mail.message
                )
            except TransportError as error:
                outcome = error
            alive = not isinstance(outcome, TransportError)
            yield mail, outcome

    def check(self) -> str:
        """Write and remove an empty file."""
        with self.connect(), _disk(self.path), tempfile.TemporaryFile(dir=self.path):
            return f"mail is written to folders in {self.path}"

    def send(self, *, envelope_from: str, recipient: str, message: bytes) -> Reply:  # noqa: ARG002 - no bounces here
        """Deliver one mail, unless it has been already."""
        folder = self.path / _folder_name(recipient)
        name = _file_name(message)
        with _disk(folder):
            for part in ("tmp", "new", "cur"):
                (folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
            # A mail program that has seen it adds its flags to the name: <name>:2,S
            for earlier in (*folder.glob(f"new/{name}"), *folder.glob(f"cur/{name}*")):
                return Reply(code=250, text=f"delivered before to {earlier}")
            _write(message.replace(b"\r\n", b"\n"), folder / "tmp", folder / "new" / name)
        return Reply(code=250, text=f"delivered to {folder / 'new' / name}")


def _folder_name(address: str) -> str:
    """Give a name that can only be a folder directly below, different for different addresses."""
    octets = address.encode("utf-8", "surrogatepass")
    name = _UNSAFE.sub(lambda match: b"%%%02X" % ord(match[0]), octets).decode("ascii")
    if len(name) > _FOLDER_NAME_LENGTH:
        return f"{name[: _FOLDER_NAME_LENGTH - 33]}-{hashlib.sha256(octets).hexdigest()[:32]}"
    return name or "%"


def _file_name(message: bytes) -> str:
    """Give the same name for the same Message-ID; a mail without one is known by all its bytes."""
    message_id = BytesHeaderParser().parsebytes(message).get("Message-ID")
    key = str(message_id).strip().encode("utf-8", "replace") if message_id else message
    return f"{hashlib.sha256(key).hexdigest()[:32]}.eml"


def _write(content: bytes, scratch: Path, target: Path) -> None:
    """Make `target` appear with all of `content` on the disk, or not at all."""
    descriptor, draft = tempfile.mkstemp(prefix=target.name, dir=scratch)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).rename(target)
    except BaseException:
        with suppress(OSError):
            Path(draft).unlink()
        raise
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into one sentence."""
    try:
        yield
    except OSError as error:
        raise TransportError(
            f"cannot deliver into {error.filename or path}: {error.strerror}; free or mend it, then run again"
        ) from error
