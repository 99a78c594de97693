"""Serve the pages over HTTP/1.1, behind the operator's own web server, which speaks TLS.

Lines that say nothing are closed: a request's head must come within `HEAD_SECONDS`, its body within
`security.BODY_SECONDS`. Nothing is logged of requests: their paths hold tokens.
"""

import asyncio
import contextlib
import errno
import socket
import threading
from collections.abc import Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from digest.errors import TransportError
from digest.web.security import LARGEST_HEAD

HEAD_SECONDS = 10
"""How long the head of a request may take to arrive."""

CONNECTIONS = 512
"""How many lines are open at once; to more we say that we are busy (503)."""

IDLE_SECONDS = 5
STOP_SECONDS = 10
"""How long what is being answered may take to end once we are asked to stop."""

_BACKLOG = 128


def serve(site: Starlette, listen: str, stop: threading.Event) -> None:
    """Answer on "host:port" until `stop` is set, and then finish what was begun; in any thread.

    Signals are left to the caller.

    Raises:
        TransportError: nobody can listen there.

    """
    with bind(listen) as listener:
        serve_on(site, listener, stop)


def bind(listen: str) -> socket.socket:
    """Listen on "host:port"; whoever connects from now on waits until he is served.

    Raises:
        TransportError: nobody can listen there.

    """
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        advice = "; is another `digest serve` running?" if error.errno == errno.EADDRINUSE else ""
        raise TransportError(
            f"the readers' pages cannot listen on {listen}: {error.strerror}{advice} Set web.listen to another place"
        ) from None
    return listener


def serve_on(
    site: Starlette, listener: socket.socket, stop: threading.Event, *, head_seconds: float = HEAD_SECONDS
) -> None:
    """Do what `serve` does on a socket that listens already; the head of a request must come in `head_seconds`."""
    settings = uvicorn.Config(
        site,
        http=type("Line", (_Line,), {"head_seconds": head_seconds}),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        backlog=_BACKLOG,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        h11_max_incomplete_event_size=LARGEST_HEAD,
    )
    _Server(settings, stop).run(sockets=[listener])


class _Server(uvicorn.Server):
    """A server that ends when an event says so, and leaves signals alone."""

    def __init__(self, config: uvicorn.Config, stop: threading.Event) -> None:
        super().__init__(config)
        self._stop = stop

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def on_tick(self, counter: int) -> bool:
        """Look, ten times a second, whether it is time to end."""
        self.should_exit = self.should_exit or self._stop.is_set()
        return await super().on_tick(counter)


class _Line(H11Protocol):
    """A line that is closed where no whole head of a request comes in time."""

    head_seconds: float
    _deadline: asyncio.TimerHandle | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.access_log = (
            False  # the setting of that name only quietens a logger, which others may wake again
        )

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._forget()

    def _watch(self) -> None:
        is_answering = not getattr(
            self.cycle, "response_complete", True
        )  # there is no cycle before the first
        if is_answering:
            self._forget()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.head_seconds, self.transport.abort)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
