"""A socket that never waits: what is due leaves as far as it goes, in one call where it can."""

import selectors
import socket
import ssl
from collections import deque
from collections.abc import Sequence

_PIECE = 1 << 18  # octets handed over at once, or a little more
_READ = 1 << 16


class Wire:
    """The octets to and from a server, encrypted or not."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.encrypted = isinstance(connection, ssl.SSLSocket)
        self.interest = selectors.EVENT_READ  # what must happen before it can go on
        self.sent = 0  # octets, since the line is open
        self.queued = 0  # octets, those that were sent among them
        self._due: deque[memoryview] = deque()

    @property
    def idle(self) -> bool:
        """Whether nothing is to be written."""
        return not self._due

    def put(self, parts: Sequence[bytes]) -> None:
        """Queue octets."""
        if self.encrypted:  # each write is a record of its own
            parts = [b"".join(parts)]
        for part in parts:
            self.queued += len(part)
            rest = memoryview(part)
            while len(rest) > _PIECE:
                self._due.append(rest[:_PIECE])
                rest = rest[_PIECE:]
            if rest:
                self._due.append(rest)

    def next(self) -> Sequence[memoryview]:
        """Give what the next write hands over."""
        if self.encrypted:
            return [self._due[0]]
        size, parts = 0, []
        for part in self._due:
            parts.append(part)
            size += len(part)
            if size >= _PIECE:
                break
        return parts

    def write(self, parts: Sequence[memoryview]) -> bool:
        """Hand over what is next, once, and say whether more can be tried at once.

        Raises:
            OSError: the connection is broken.

        """
        try:
            left = self.connection.send(parts[0]) if self.encrypted else self.connection.sendmsg(parts)
        except (BlockingIOError, ssl.SSLWantWriteError):
            self.interest |= selectors.EVENT_WRITE
            return False
        except ssl.SSLWantReadError:
            return False
        except OSError:
            if self.encrypted:  # nobody knows how much of it left
                self.sent += len(parts[0])
            raise
        self.sent += left
        while self._due and left >= len(self._due[0]):
            left -= len(self._due.popleft())
        if left:
            self._due[0] = self._due[0][left:]
        return True

    def read(self) -> bytes:
        """Give what has come, if anything has.

        Raises:
            OSError: the connection is broken.
            EOFError: the server closed it.

        """
        try:
            octets = self.connection.recv(_READ)
        except (BlockingIOError, ssl.SSLWantReadError):
            return b""
        except ssl.SSLWantWriteError:
            self.interest |= selectors.EVENT_WRITE
            return b""
        if not octets:
            raise EOFError("the server closed it")
        return octets

    def more(self) -> bool:
        """Whether octets are here that no selector knows of."""
        return isinstance(self.connection, ssl.SSLSocket) and self.connection.pending() > 0


def said(error: OSError) -> str:
    """Give the words of what failed on the way to the server."""
    match error:
        case ssl.SSLCertVerificationError():
            return error.verify_message
        case OSError(strerror=str(reason)):
            return reason
        case _:
            return str(error)
