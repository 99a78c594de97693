"""Ports for programs that must be told theirs before they start.

A port that the system has just given away and taken back, it gives to the next who asks for any, and that may be
another test's. These are from below the ones that Linux gives by itself, and none is given twice.
"""

import secrets
import socket

_FIRST, _LAST = 20_000, 32_000
_given = set[int]()


def free_port() -> int:
    """Give a port of the loopback at which nobody listens."""
    while True:
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        if port in _given:
            continue
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        _given.add(port)
        return port
