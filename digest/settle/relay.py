"""Read in a relay's log which of some mails it took: Postfix's and Exim's, gzip'd or not, of any size.

A line of a log is strangers' text in parts, but nobody can make up one of our Message-IDs: they are keyed hashes. What
counts as taken:

    Postfix     cleanup names the Message-ID with the queue's id, and qmgr later names that id: the mail is in the
                queue. Until then its end may not have come. Where smtpd says that the line broke after DATA, or
                cleanup that the mail was rejected, it was not taken.
    Exim        a line with <= and the Message-ID: it is written once the mail is in the spool.

A stamp without a year is of the last twelve months; one without a zone is of the zone that is given, else of this
machine's.
"""

import gzip
import re
import zlib
from collections import OrderedDict
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, tzinfo
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from digest.errors import DigestError

_LONGEST_LINE = 16_384
_CLIENTS = 10_000  # that a relay talks to at once

_STAMP = re.compile(
    rb"(?:<\d{1,3}>)?(?:(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)(?: ?(Z|[+-]\d\d:?\d\d))?"
    rb"|([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d))[ :]"
)
_POSTFIX = re.compile(rb" [\w.-]+(?:/[\w.-]+)*/(cleanup|qmgr|smtpd)\[(\d+)\]: (?:([0-9A-Za-z]{5,32}): )?(.*)")
_POSTFIX_ID = re.compile(rb"message-id=<([^<>\s]+)>$")
_BROKEN_OFF = re.compile(rb"(?:lost connection|timeout) after DATA \([1-9]\d* bytes\)")
_REFUSED = (b"reject: ", b"milter-reject: ")
_EXIM = re.compile(rb" ([0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}) <= .* id=([^<>\s]+)(?: |$)")


class RelayLog:
    """What a relay's log says of some mails, named by their Message-IDs.

    `taken` are those that it has, with the ids in its queue; `broken_off` those that it began to receive and has not;
    `begun` those of which it says no more. `first` and `last` are the moments of which it tells.
    """

    def __init__(self, wanted: Collection[str], *, now: datetime, zone: tzinfo | None) -> None:
        self._wanted = {message_id.strip("<>").encode(): message_id for message_id in wanted}
        self._now, self._zone = now, zone
        self._queued: dict[bytes, str] = {}  # by the id in the queue
        self._clients: OrderedDict[bytes, bytes] = OrderedDict()  # the id in the queue, by smtpd's process
        self._broken: OrderedDict[bytes, None] = (
            OrderedDict()
        )  # ids whose lines broke; cleanup may name them later
        self.taken: dict[str, str] = {}
        self.broken_off: set[str] = set()
        self.begun: set[str] = set()
        self.first: datetime | None = None
        self.last: datetime | None = None

    def read(self, file: BufferedIOBase) -> None:
        """Take in a file, or a stream to its end."""
        newest = b""
        for line in _lines(file):
            if _STAMP.match(line):
                if not newest:
                    self._saw(line)
                newest = line
            if found := _POSTFIX.search(line):
                self._postfix(*found.groups())
            elif (found := _EXIM.search(line)) and (message_id := self._wanted.get(found[2])):
                self.taken[message_id] = found[1].decode("ascii")
        self._saw(newest)

    def _postfix(self, program: bytes, process: bytes, queue_id: bytes | None, said: bytes) -> None:
        match program:
            case b"smtpd" if queue_id and said.startswith(b"client="):
                self._broken.pop(queue_id, None)  # an id is used again, in time
                _remember(self._clients, process, queue_id)
            case b"smtpd" if queue_id is None and _BROKEN_OFF.match(said):
                if broken := self._clients.pop(process, None):
                    self._break_off(broken)
            case b"cleanup" if queue_id and (named := _POSTFIX_ID.match(said)):
                self._queued.pop(queue_id, None)
                if message_id := self._wanted.get(named[1]):
                    self._queued[queue_id] = message_id
                    self.begun.add(message_id)
                if queue_id in self._broken:
                    self._break_off(queue_id)
            case b"cleanup" if queue_id and said.startswith(_REFUSED):
                self._break_off(queue_id)
            case b"qmgr" if queue_id and said.startswith(b"from=<") and queue_id in self._queued:
                self.taken[self._queued.pop(queue_id)] = queue_id.decode("ascii")

    def _break_off(self, queue_id: bytes) -> None:
        _remember(self._broken, queue_id, None)
        if message_id := self._queued.pop(queue_id, None):
            self.broken_off.add(message_id)
            self.begun.discard(message_id)

    def _saw(self, line: bytes) -> None:
        moment = _moment(line, self._now, self._zone)
        if moment is not None:
            self.first = min(self.first or moment, moment)
            self.last = max(self.last or moment, moment)


def _remember(known: OrderedDict[bytes, Any], key: bytes, value: object) -> None:
    """Keep the newest ones only: a log has no end."""
    known[key] = value
    known.move_to_end(key)
    if len(known) > _CLIENTS:
        known.popitem(last=False)


@contextmanager
def opened(path: Path) -> Iterator[BufferedIOBase]:
    """Open a log, unpacked where it is gzip'd; - is standard input.

    Raises:
        DigestError: it cannot be read to its end.

    """
    try:
        with open(0, "rb", closefd=False) if str(path) == "-" else path.open("rb") as file:
            packed = file.peek(2)[:2] == b"\x1f\x8b"
            yield gzip.GzipFile(fileobj=file) if packed else file
    except (EOFError, zlib.error) as error:
        raise DigestError(f"{path} cannot be unpacked: {error}") from None
    except OSError as error:
        raise DigestError(f"{path} cannot be read: {error.strerror or error}") from None


def _lines(file: BufferedIOBase) -> Iterator[bytes]:
    """Give each line without its end, of one that is too long the beginning."""
    whole = True
    while piece := file.readline(_LONGEST_LINE):
        if whole:
            yield piece.rstrip(b"\r\n")
        whole = piece.endswith(b"\n")


def _moment(line: bytes, now: datetime, zone: tzinfo | None) -> datetime | None:
    """Read a line's stamp; None where it is no moment after all."""
    found = _STAMP.match(line)
    if found is None:
        return None
    full, offset, short = (part.decode("ascii") if part else "" for part in found.groups())
    if full:
        with suppress(ValueError):
            moment = datetime.fromisoformat(full.replace(",", ".") + offset)
            return moment if moment.tzinfo else _at(moment, zone)
        return None
    newest = now.astimezone(zone) + timedelta(days=1)
    for year in (newest.year, newest.year - 1):
        with suppress(ValueError):  # 29 February is in one of them only
            moment = _at(datetime.strptime(f"{year} {short}", "%Y %b %d %H:%M:%S"), zone)  # noqa: DTZ007 - _at gives it one
            if moment <= newest:
                return moment
    return None


def _at(moment: datetime, zone: tzinfo | None) -> datetime:
    return moment.replace(tzinfo=zone) if zone else moment.astimezone()
