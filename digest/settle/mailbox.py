"""Find Message-IDs in a Maildir, in those mails' own headers; nothing in it is changed."""

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from digest.errors import DigestError

_HEAD = 262_144
"""Octets of a mail that its Message-ID must stand in; relays put their fields before it."""

_MESSAGE_ID = re.compile(rb"^message-id:[ \t\r\n]*(<[^<>\s]+>)", re.IGNORECASE | re.MULTILINE)
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


def there(folder: Path, wanted: Collection[str]) -> frozenset[str]:
    """Give those of the Message-IDs that mails in new/ or cur/ have.

    Raises:
        DigestError: it is no Maildir, or cannot be read.

    """
    return frozenset(wanted).intersection(_message_ids(folder))


def _message_ids(folder: Path) -> Iterator[str]:
    parts = [folder / name for name in ("new", "cur") if (folder / name).is_dir()]
    if not parts:
        raise DigestError(f"{folder} is no Maildir: it has neither new/ nor cur/")
    for part in parts:
        try:
            with os.scandir(part) as found:
                for one in found:
                    if one.is_file(follow_symlinks=False):
                        yield from _message_id(Path(one.path))
        except OSError as error:
            raise DigestError(f"{part} cannot be read: {error.strerror}") from None


def _message_id(mail: Path) -> Iterator[str]:
    try:
        with mail.open("rb") as file:
            head = _END_OF_HEAD.split(file.read(_HEAD), maxsplit=1)[0]
    except FileNotFoundError:  # a mail program has moved it
        return
    for found in _MESSAGE_ID.finditer(head):
        yield found[1].decode("ascii", "replace")
