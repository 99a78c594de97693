"""Fetch one document over http(s): politely, within bounds, and never from a private address.

Bounds: bytes as sent and as unpacked, seconds for each wait and for the whole, redirects. Every hop is
checked by `guard`. No cookies, no Referer, no proxy from the environment, no line kept open in between.
"""

import re
import ssl
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime

import httpcore
import httpx

from digest.errors import SourceError
from digest.model import Document, Validators
from digest.sources import media_type_of
from digest.sources.guard import Deadline, GuardedNetwork, resolve

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})
_GONE = frozenset({404, 410})
_GZIP = 16 + zlib.MAX_WBITS  # tells zlib to expect the header of gzip
_MAX_AGE = re.compile(r"\bmax-age=\"?(\d{1,9})\b")
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A server's answer; `document` is None where nothing has changed (304)."""

    status: int
    document: Document | None
    validators: Validators  # for the next time: both new, or both those sent
    permanent_url: str | None = None  # where permanent redirects led, to be asked from now on
    wait_seconds: int | None = None  # the answer stays fresh so long: max-age, or Expires


class RefusedError(SourceError):
    """A server answered, but gave no document; `status` 410 says that there never will be one again."""

    def __init__(self, message: str, *, status: int, wait_seconds: int | None) -> None:
        super().__init__(message)
        self.status = status
        self.wait_seconds = wait_seconds  # Retry-After


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetcher:
    """Fetches documents; may be shared by threads."""

    timeout_seconds: float  # to connect, and between two pieces of an answer
    total_seconds: float  # for one document with all its redirects; names are resolved at the system's pace
    max_bytes: int  # as sent, and as unpacked
    user_agent: str
    allow_private: bool = False
    max_redirects: int = 5
    resolver: Callable[[str], list[str]] = resolve
    network: httpcore.NetworkBackend = field(default_factory=httpcore.SyncBackend)
    trust: ssl.SSLContext = field(default_factory=httpx.create_ssl_context)  # certifi, or $SSL_CERT_FILE
    clock: Callable[[], float] = time.monotonic

    def fetch_document(self, url: str) -> Document:
        """Fetch what is at `url`, known or not.

        Raises:
            SourceError: as `fetch`.

        """
        document = self.fetch(url).document
        if document is None:
            raise SourceError(f"{url}: says that it has not changed, but was never read before")
        return document

    def fetch_again(self, url: str) -> Document | None:
        """Fetch what was at `url` before; None where its server says that it is not there any more (404, 410).

        Raises:
            SourceError: as `fetch`, for any other reason.

        """
        try:
            return self.fetch_document(url)
        except RefusedError as refusal:
            if refusal.status in _GONE:
                return None
            raise

    def fetch(self, url: str, *, validators: Validators | None = None) -> Fetched:
        """Fetch what is at `url`, unless it has not changed since the server gave `validators`.

        Raises:
            RefusedError: the server answered with a status that is no success.
            SourceError: the address cannot be fetched from, or what it sends breaks a bound.

        """
        deadline = Deadline(at=self.clock() + self.total_seconds, clock=self.clock)
        network = GuardedNetwork(
            self.network, resolver=self.resolver, allow_private=self.allow_private, deadline=deadline
        )
        hop = _Hop(asked=url, target=_parse(url), known=validators or Validators())
        with httpcore.ConnectionPool(ssl_context=self.trust, network_backend=network) as pool:
            for _ in range(self.max_redirects + 1):
                answer = self._ask(pool, hop, deadline)
                if isinstance(answer, Fetched):
                    return replace(answer, permanent_url=hop.permanent_url)
                hop = answer
        raise SourceError(f"{hop.place}: more than {self.max_redirects} redirects")

    def _ask(self, pool: httpcore.ConnectionPool, hop: "_Hop", deadline: Deadline) -> "Fetched | _Hop":
        """Send one request and read the answer, or tell where it points to."""
        target = hop.target
        address = httpcore.URL(
            scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path
        )
        waits = {"timeout": dict.fromkeys(("connect", "read", "write"), self.timeout_seconds)}
        try:
            with pool.stream("GET", address, headers=self._headers(hop), extensions=waits) as response:
                headers = httpx.Headers(response.headers, encoding="latin-1")  # loses no byte
                if response.status in _REDIRECTS and "location" in headers:
                    return hop.follow(response.status, headers["location"])
                if response.status == httpx.codes.NOT_MODIFIED:
                    wait_seconds = _fresh_seconds(headers)
                    return Fetched(status=304, document=None, validators=hop.known, wait_seconds=wait_seconds)
                if not httpx.codes.is_success(response.status):
                    raise _refusal(hop, response.status, headers)
                content = _read_body(hop, response.iter_stream(), headers, self.max_bytes)
                return _accept(hop, response.status, headers, content)
        except httpcore.TimeoutException:
            if deadline.has_passed:
                raise SourceError(f"{hop.place}: not complete after {self.total_seconds:g} seconds") from None
            raise SourceError(f"{hop.place}: silent for {self.timeout_seconds:g} seconds") from None
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise SourceError(f"{hop.place}: {_reason(error)}") from error

    def _headers(self, hop: "_Hop") -> list[tuple[bytes, bytes]]:
        headers = {
            b"Host": hop.target.netloc.decode(),
            b"User-Agent": self.user_agent,
            b"Accept": "*/*",
            b"Accept-Encoding": "gzip",  # what `_read_body` unpacks within bounds
            b"If-None-Match": hop.known.etag,
            b"If-Modified-Since": hop.known.last_modified,
        }
        return [(name, value.encode("latin-1")) for name, value in headers.items() if value is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hop:
    """One stop on the way from what was asked for."""

    asked: str
    target: httpx.URL
    known: Validators
    redirects: tuple[int, ...] = ()  # their statuses
    permanent_url: str | None = None

    @property
    def place(self) -> str:
        """Name it in a message."""
        return f"{self.asked} (redirected to {self.target})" if self.redirects else self.asked

    def follow(self, status: int, location: str) -> "_Hop":
        """Go where a Location header points; some servers write it in UTF-8."""
        text = location.encode("latin-1").decode(errors="replace")
        try:
            joined = str(self.target.join(text))
        except (httpx.InvalidURL, ValueError):
            joined = text  # `_parse` says what is wrong with it
        target = _parse(joined, f"{self.place}: redirects to ")
        redirects = (*self.redirects, status)
        permanent_url = str(target) if _PERMANENT.issuperset(redirects) else self.permanent_url
        return replace(self, target=target, redirects=redirects, permanent_url=permanent_url)


def _parse(text: str, prefix: str = "") -> httpx.URL:
    """Read an address that may be asked; a fragment is no server's business."""
    try:
        url = httpx.URL(text).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError):
        raise SourceError(f"{prefix}{text!r:.200}: cannot be read as an address") from None
    if url.scheme not in ("http", "https"):
        raise SourceError(f"{prefix}{url!s:.200}: only http and https are fetched")
    if url.userinfo:
        bare = url.copy_with(userinfo=b"")
        raise SourceError(f"{prefix}{bare!s:.200}: an address with a name and password is not fetched")
    if not url.host or not 0 < (1 if url.port is None else url.port) <= _LAST_PORT:
        raise SourceError(f"{prefix}{url!s:.200}: names no host, or a port that cannot be")
    return url


def _read_body(hop: _Hop, chunks: Iterable[bytes], headers: httpx.Headers, max_bytes: int) -> bytes:
    """Read at most `max_bytes`, and unpack to at most as many."""
    too_large = SourceError(f"{hop.place}: larger than {max_bytes:,} bytes")
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):  # gzip within gzip is how bombs are built
        raise SourceError(f"{hop.place}: is packed as {encoding!r:.40}, which was not asked for")
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > max_bytes:
        raise too_large
    unpack = zlib.decompressobj(_GZIP) if "gzip" in encoding else None
    content, sent = bytearray(), 0
    for chunk in chunks:
        sent += len(chunk)
        try:
            content += unpack.decompress(chunk, max_bytes + 1 - len(content)) if unpack else chunk
        except zlib.error:
            raise SourceError(f"{hop.place}: is said to be gzip and is not") from None
        if max(sent, len(content)) > max_bytes:
            raise too_large
    if unpack and sent and not unpack.eof:
        raise SourceError(f"{hop.place}: broke off in the middle")
    return bytes(content)


def _accept(hop: _Hop, status: int, headers: httpx.Headers, content: bytes) -> Fetched:
    """Put a server's words into ours; where it names no media type, the ending does."""
    header = Message()
    header["Content-Type"] = headers.get("content-type", "")
    named = "/" in header["Content-Type"]
    return Fetched(
        status=status,
        document=Document(
            content=content,
            origin=hop.asked,
            media_type=header.get_content_type() if named else media_type_of(hop.target.path),
            charset=header.get_content_charset() if named else None,
            url=str(hop.target),
        ),
        validators=Validators(etag=headers.get("etag"), last_modified=headers.get("last-modified")),
        wait_seconds=_fresh_seconds(headers),
    )


def _refusal(hop: _Hop, status: int, headers: httpx.Headers) -> RefusedError:
    """Word a refusal ourselves; a server's own phrase could be anything."""
    wait_seconds = _retry_seconds(headers)
    wait = "" if wait_seconds is None else f", asks to wait {wait_seconds} seconds"
    message = f"{hop.place}: {status} {httpx.codes.get_reason_phrase(status)}".rstrip() + wait
    return RefusedError(message, status=status, wait_seconds=wait_seconds)


def _reason(error: Exception) -> str:
    """Say why a line failed, in a few words."""
    cause = error.args[0] if error.args else None  # httpcore wraps the system's error, and cuts its __cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate cannot be trusted: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return f"TLS fails: {cause.reason or cause}"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return f"{error!s:.200}"


def _retry_seconds(headers: httpx.Headers) -> int | None:
    """Read Retry-After, seconds or a date (RFC 9110 section 10.2.3)."""
    value = headers.get("retry-after", "").strip()
    return int(value[:9]) if value.isdecimal() else _seconds_until(value, headers)


def _fresh_seconds(headers: httpx.Headers) -> int | None:
    """Tell how long an answer stays fresh (RFC 9111 section 4.2.1)."""
    control = headers.get("cache-control", "").lower()
    if "no-cache" in control or "no-store" in control:
        return None
    if max_age := _MAX_AGE.search(control):
        return int(max_age[1])
    return _seconds_until(headers.get("expires", ""), headers)


def _seconds_until(date: str, headers: httpx.Headers) -> int | None:
    """Count from the answer's own Date, so that a wrong clock on either side does no harm."""
    try:
        then, now = (_moment(text) for text in (date, headers.get("date", "")))
    except (ValueError, OverflowError):
        return None
    return max(0, int((then - now).total_seconds()))


def _moment(text: str) -> datetime:
    when = parsedate_to_datetime(text)
    return when if when.tzinfo else when.replace(tzinfo=UTC)
