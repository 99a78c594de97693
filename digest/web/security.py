"""What stands before every page: whom we answer, how often, how much we read, and the headers of every answer.

A request is refused before any page sees it where its Host is not ours, where another site's page sent it, where its
network asks too often, or where its body is too large or too slow. A one-click POST (RFC 8058) comes from a mail
provider's own machines for many readers: it counts apart, and is refused only beyond many times the usual number.

What a page raises ends here as an answer in the visitor's language; a traceback goes to the log and means a bug.
Neither addresses nor tokens are ever written there.
"""

import asyncio
import ipaddress
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digest.errors import DigestError, SettingsError
from digest.tokens import Purpose, Tokens
from digest.web.desk import Desk

log = logging.getLogger(__name__)

LARGEST_HEAD = 16_384
LARGEST_BODY = 65_536
BODY_SECONDS = 20
"""How long a form may take to arrive."""

ONE_CLICK_FACTOR = 50
"""How many times more one-click requests than others a network may send."""

NETWORKS_KEPT = 10_000
"""How many networks are remembered; the one that has been quiet the longest is forgotten first."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": (
        "browsing-topics=(), camera=(), geolocation=(), microphone=(), payment=(), usb=()"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""On every answer; a page may say otherwise of itself."""

_HSTS = "max-age=31536000"
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?")
_SAME_SITE = frozenset({"same-origin", "none"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, as far as the line tells."""

    network: str  # a keyed hash: nobody can learn the address from it
    secure: bool  # the browser speaks https


class RefusedError(Exception):
    """A request that is not answered as it wished; `status` says why."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Buckets:
    """Counts requests: each network may send so many a minute, or as many at once."""

    def __init__(self, a_minute: int) -> None:
        self._size = float(a_minute)
        self._left: OrderedDict[str, tuple[float, datetime]] = OrderedDict()

    def take(self, network: str, *, now: datetime) -> int:
        """Count a request and give 0, or if there were too many in how many seconds the next one is welcome."""
        left, since = self._left.pop(network, (self._size, now))
        passed = max(0.0, (now - since).total_seconds())
        left = min(self._size, left + passed * self._size / 60)
        wait = 0 if left >= 1 else int((1 - left) * 60 / self._size) + 1
        self._left[network] = (left if wait else left - 1, now)
        if len(self._left) > NETWORKS_KEPT:
            self._left.popitem(last=False)
        return wait


class Guard:
    """Stands around the pages; `problem` makes the page that says what is wrong."""

    def __init__(
        self, app: ASGIApp, desk: Desk, problem: Callable[[Request, int], Response], body_seconds: float
    ) -> None:
        self._app = app
        self._body_seconds = body_seconds
        self._desk = desk
        self._problem = problem
        web = desk.settings.web
        self._proxies = trusted(web.trusted_proxies)
        self._hosts = _LOCAL | {desk.host, host_of(web.listen)}
        self._buckets = Buckets(web.requests_a_minute)
        self._one_click = Buckets(web.requests_a_minute * ONE_CLICK_FACTOR)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":  # the server's own beginning and end
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        caller = self._caller(scope, headers)
        scope.setdefault("state", {})["caller"] = caller
        began = False

        async def send_on(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                _complete(MutableHeaders(scope=message), secure=caller.secure)
            await send(message)

        try:
            answer = self._refusal(scope, headers, caller)
            if answer is None:
                await self._app(scope, _bounded(receive, self._body_seconds), send_on)
                return
        except ClientDisconnect:
            return
        except RefusedError as error:
            answer = self._closing(scope, error.status)
        except DigestError as error:
            log.error("a page: %s", error)  # noqa: TRY400 - the message says it all
            answer = self._closing(scope, 503)
        except Exception:
            log.exception("a page failed; this is a bug")
            answer = self._closing(scope, 500)
        if not began:
            await answer(scope, receive, send_on)

    def _refusal(self, scope: Scope, headers: Headers, caller: Caller) -> Response | None:
        """Give the answer to what no page shall see, if it is so."""
        if fault := self._fault(headers):
            return self._closing(scope, fault)
        one_click = scope["method"] == "POST" and scope["path"].startswith("/unsubscribe/")
        buckets = self._one_click if one_click else self._buckets
        if wait := buckets.take(caller.network, now=self._desk.clock()):
            answer = self._closing(scope, 429)
            answer.headers["Retry-After"] = str(wait)
            return answer
        if scope["method"] not in _READING and not one_click and not self._is_ours(headers):
            return self._closing(scope, 403)
        return None

    def _fault(self, headers: Headers) -> int:
        """Give the status that says what is wrong with a request's head, or 0."""
        # Where both say how long the body is, one reader sees two requests and another sees one (RFC 9112, 6.1).
        two_lengths = "content-length" in headers and "transfer-encoding" in headers
        if two_lengths or host_of(headers.get("host", "")) not in self._hosts:
            return 400
        if sum(len(name) + len(value) for name, value in headers.raw) > LARGEST_HEAD:
            return 431
        return 413 if _length(headers) > LARGEST_BODY else 0

    def _is_ours(self, headers: Headers) -> bool:
        """Tell whether a form came from one of our own pages, as far as the browser says.

        The stamp is what counts. With our Referrer-Policy a browser names the origin of its own form as "null".
        """
        if (site := headers.get("sec-fetch-site")) is not None:
            return site in _SAME_SITE
        origin = headers.get("origin", "null")
        return origin == "null" or urlsplit(origin).netloc in (
            headers.get("host"),
            urlsplit(self._desk.settings.publisher.url).netloc,
        )

    def _closing(self, scope: Scope, status: int) -> Response:
        """Make a page that says what is wrong, after which nothing more is read from this line."""
        answer = self._problem(Request(scope), status)
        answer.headers["Connection"] = "close"
        return answer

    def _caller(self, scope: Scope, headers: Headers) -> Caller:
        peer = _address(scope["client"][0] if scope.get("client") else "")
        believed = peer is None or _within(peer, self._proxies)  # None: a Unix socket, which is ours
        forwarded = headers.get("x-forwarded-proto", "") if believed else ""
        named = headers.get("x-forwarded-for", "") if believed else ""
        address = visitor(peer, named.split(","), self._proxies)
        return Caller(
            network=network_of(address, self._desk.tokens),
            secure=forwarded == "https"
            or scope["scheme"] == "https"
            or (not forwarded and host_of(headers.get("host", "")) == self._desk.host),
        )


def host_of(text: str) -> str:
    """Give the host of "host" or "host:port" in lower case, without brackets; empty where it is anything else."""
    match = _HOST.fullmatch(text.lower())
    return match[1].strip("[]") if match else ""


def trusted(names: Sequence[str]) -> tuple[IPNetwork, ...]:
    """Read the addresses and networks of proxies from the settings.

    Raises:
        SettingsError: one is neither.

    """
    try:
        return tuple(ipaddress.ip_network(name, strict=False) for name in names)
    except ValueError as error:
        raise SettingsError(
            f"web.trusted_proxies: {error}; write addresses or networks, such as 10.0.0.0/8"
        ) from None


def visitor(
    peer: IPAddress | None, forwarded: Sequence[str], proxies: Sequence[IPNetwork]
) -> IPAddress | None:
    """Give the address of who asks: the last one in X-Forwarded-For that is no proxy of ours, else the peer's.

    What stands before that one was written by the visitor himself and is worth nothing.
    """
    nearest = peer
    for text in reversed(forwarded):
        if nearest is not None and not _within(nearest, proxies):
            break
        address = _address(text)
        if address is None:
            break
        nearest = address
    return nearest


def network_of(address: IPAddress | None, tokens: Tokens) -> str:
    """Give a keyed hash of the network that an address belongs to: an IPv4 /24, an IPv6 /56."""
    if address is None:
        return tokens.fingerprint(Purpose.NETWORK, "local")
    prefix = 24 if address.version == 4 else 56  # noqa: PLR2004 - the version of the protocol
    network = ipaddress.ip_network((address, prefix), strict=False)
    return tokens.fingerprint(Purpose.NETWORK, str(network))


def _address(text: str) -> IPAddress | None:
    """Read an address, also one with a port or in brackets; IPv4 in IPv6 (RFC 4291 section 2.5.5.2) is IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _within(address: IPAddress, networks: Sequence[IPNetwork]) -> bool:
    return any(address in network for network in networks)


def _length(headers: Headers) -> int:
    text = headers.get("content-length", "0")
    return int(text) if text.isdecimal() and len(text) < 20 else LARGEST_BODY + 1  # noqa: PLR2004 - digits


def _complete(headers: MutableHeaders, *, secure: bool) -> None:
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    if secure:
        headers["Strict-Transport-Security"] = _HSTS


def _bounded(receive: Receive, seconds: float) -> Receive:
    """Read a body only so far and for so long.

    Raises:
        RefusedError: while it is read, that it is too large or too slow.

    """
    size = 0
    until: float | None = None
    ended = False

    async def receive_some() -> Message:
        nonlocal size, until, ended
        if ended:  # what comes now is that the visitor has gone, whenever that may be
            return await receive()
        loop = asyncio.get_running_loop()
        until = until or loop.time() + seconds
        try:
            message = await asyncio.wait_for(receive(), until - loop.time())
        except TimeoutError:
            raise RefusedError(408) from None
        size += len(message.get("body", b""))
        if size > LARGEST_BODY:
            raise RefusedError(413)
        ended = not message.get("more_body", False)
        return message

    return receive_some
