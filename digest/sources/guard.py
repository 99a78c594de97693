"""Open lines to public addresses only, and end every wait on them at a deadline.

Each host is resolved once, every address that it has must be public, and the line goes to an address that
was checked. So neither a redirect, nor an odd spelling of 127.0.0.1, nor a second and different DNS answer
(rebinding) leads inside. The Host header and the TLS server name are none of the guard's business: they
stay the host's.
"""

import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

import httpcore

# Addresses that look public and are not: 192.0.0.0/24 is for protocols (Oracle's metadata service is in it;
# Python knows since 3.11.10), 168.63.129.16 is the inside of every Azure machine.
_NOT_PUBLIC = (IPv4Network("192.0.0.0/24"), IPv4Network("168.63.129.16/32"))
_NAT64 = IPv6Network("64:ff9b::/96")


def resolve(host: str) -> list[str]:
    """Give the addresses of a host as the system knows them; waits as long as the system's resolver does."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the open internet; one that wraps another counts as that one."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        wrapped = IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else ip.ipv4_mapped or ip.sixtofour
        if wrapped is not None:
            return is_public(str(wrapped))
        if ip.is_site_local:
            return False
    elif any(ip in network for network in _NOT_PUBLIC):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The moment at which all must be over, however slowly the bytes drip."""

    at: float  # on `clock`, in seconds
    clock: Callable[[], float]

    @property
    def has_passed(self) -> bool:
        """Whether it is too late."""
        return self.clock() >= self.at

    def cap(self, timeout: float | None) -> float:
        """Shorten a wait to what is left.

        Raises:
            httpcore.ReadTimeout: nothing is left.

        """
        left = self.at - self.clock()
        if left <= 0:
            raise httpcore.ReadTimeout
        return left if timeout is None else min(timeout, left)


class GuardedNetwork(httpcore.NetworkBackend):
    """A network in which private addresses cannot be reached and no line outlives the deadline."""

    def __init__(
        self,
        network: httpcore.NetworkBackend,
        *,
        resolver: Callable[[str], list[str]],
        allow_private: bool,
        deadline: Deadline,
    ) -> None:
        self._network = network
        self._resolver = resolver
        self._allow_private = allow_private
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Open a line to the first address of `host` that takes one.

        Raises:
            httpcore.ConnectError, httpcore.TimeoutException: none does, or one of them is private.

        """
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._addresses(host):
            wait = self._deadline.cap(timeout)
            try:
                line = self._network.connect_tcp(address, port, wait, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(line, self._deadline)
        raise failure

    def _addresses(self, host: str) -> list[str]:
        try:
            addresses = self._resolver(host)
        except (OSError, UnicodeError):  # idna cannot spell every name
            raise httpcore.ConnectError(f"{host} is not known to the DNS") from None
        for address in addresses:
            if not self._allow_private and not is_public(address):
                raise httpcore.ConnectError(
                    f"{host} is at {address}, a private address; set fetch.private_addresses if it is meant"
                )
        return addresses


class _TimedStream(httpcore.NetworkStream):
    """A line on which every wait ends at the deadline."""

    def __init__(self, line: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._line = line
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._line.read(max_bytes, self._deadline.cap(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._line.write(buffer, self._deadline.cap(timeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        line = self._line.start_tls(ssl_context, server_hostname, self._deadline.cap(timeout))
        return _TimedStream(line, self._deadline)

    def close(self) -> None:
        self._line.close()

    def get_extra_info(self, info: str) -> Any:
        return self._line.get_extra_info(info)
