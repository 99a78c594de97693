"""No private address is ever connected to, however it is spelt or reached."""

import socket
import ssl
from collections.abc import Callable, Iterable

import httpcore
import pytest

from digest.errors import SourceError
from digest.sources.guard import is_public, resolve
from digest.sources.web import Fetcher

PUBLIC = "93.184.215.14"
PUBLIC_6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"


class RecordedNetwork(httpcore.MockBackend):
    """A network that answers the same on every line and remembers where lines were opened to."""

    def __init__(self, answer: bytes, *, dead: Iterable[str] = ()) -> None:
        super().__init__([answer])
        self.opened: list[str] = []
        self._dead = set(dead)

    def connect_tcp(self, host: str, *arguments: object, **options: object) -> httpcore.NetworkStream:
        self.opened.append(host)
        if host in self._dead:
            raise httpcore.ConnectError(host)
        return super().connect_tcp(host, 80)


def answer(status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"{name}: {value}" for name, value in {"Content-Length": "0", **headers}.items()]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()


def fetcher(
    *resolved: list[str], network: httpcore.NetworkBackend, resolver: Callable[[str], list[str]] | None = None
) -> Fetcher:
    """Give one that learns another list of addresses each time it asks, and the last for ever."""
    answers = list(resolved)

    def scripted(_host: str) -> list[str]:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    return Fetcher(
        timeout_seconds=1,
        total_seconds=5,
        max_bytes=100,
        user_agent="test",
        network=network,
        resolver=resolver or scripted,
        trust=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    )


@pytest.mark.parametrize(
    "address", [PUBLIC, PUBLIC_6, f"::ffff:{PUBLIC}", "64:ff9b::5db8:d70e", "2002:5db8:d70e::"]
)
def test_an_address_of_the_open_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - nobody binds to it here
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.192",
        "192.168.1.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:0:7f00:1",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2001:0:7f00:1::",
        "2001:db8::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_an_address_of_another_kind_is_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "localhost",
        "LOCALHOST",
        "169.254.169.254",
        "10.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
    ],
)
def test_a_private_address_is_refused_in_every_spelling_and_behind_a_redirect(host: str) -> None:
    def resolver(name: str) -> list[str]:
        return [PUBLIC] if name == "open.example" else resolve(name)

    network = RecordedNetwork(answer("302 Found", Location=f"http://{host}/"))
    guarded = fetcher(network=network, resolver=resolver)

    with pytest.raises(SourceError, match="a private address"):
        guarded.fetch(f"http://{host}/")
    assert network.opened == []

    with pytest.raises(SourceError, match="a private address"):
        guarded.fetch("http://open.example/")
    assert network.opened == [PUBLIC]


def test_one_private_address_among_public_ones_is_refused() -> None:
    network = RecordedNetwork(answer())

    with pytest.raises(SourceError, match=r"mixed\.example is at 10\.0\.0\.1, a private address"):
        fetcher([PUBLIC, "10.0.0.1"], network=network).fetch("http://mixed.example/")

    assert network.opened == []


def test_the_line_goes_to_the_address_that_was_checked_not_to_a_second_answer() -> None:
    network = RecordedNetwork(answer())

    fetched = fetcher([PUBLIC], ["127.0.0.1"], network=network).fetch("http://rebinding.example/")

    assert fetched.status == 200
    assert network.opened == [PUBLIC]


def test_each_hop_is_resolved_and_checked_anew() -> None:
    network = RecordedNetwork(answer("302 Found", Location="/again"))

    with pytest.raises(SourceError, match="a private address"):
        fetcher([PUBLIC], ["127.0.0.1"], network=network).fetch("http://rebinding.example/")

    assert network.opened == [PUBLIC]


def test_the_next_address_is_tried_where_one_takes_no_line() -> None:
    network = RecordedNetwork(answer(), dead=[PUBLIC_6])

    fetcher([PUBLIC_6, PUBLIC], network=network).fetch("http://two.example/")

    assert network.opened == [PUBLIC_6, PUBLIC]


@pytest.mark.parametrize("failure", [socket.gaierror("no"), UnicodeError("label too long"), None])
def test_a_host_without_address_is_named(failure: Exception | None) -> None:
    def resolver(_host: str) -> list[str]:
        if failure:
            raise failure
        return []

    nowhere = fetcher(network=RecordedNetwork(answer()), resolver=resolver)

    with pytest.raises(
        SourceError, match=r"^http://no\.example/a: no\.example (is not known|has no address)"
    ):
        nowhere.fetch("http://no.example/a")


ELSEWHERE = [
    "file:///etc/passwd",
    "gopher://a.example/",
    "ftp://a.example/",
    "javascript:alert(1)",
    "http://a.example:0/",
    "http://a.example:99999/",
    "http://0177.0.0.1/",
    "http://[::1/",
]


@pytest.mark.parametrize(
    "url", [*ELSEWHERE, "", "a.example/x", "//a.example/x", "http://", "http:///x", "http://a\n.example/"]
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    network = RecordedNetwork(answer())

    with pytest.raises(SourceError):
        fetcher([PUBLIC], network=network).fetch(url)

    assert network.opened == []


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_redirect_to_what_is_no_web_address_is_refused(url: str) -> None:
    network = RecordedNetwork(answer("302 Found", Location=url))

    with pytest.raises(SourceError, match=r"^http://open\.example/: redirects to "):
        fetcher([PUBLIC], network=network).fetch("http://open.example/")

    assert network.opened == [PUBLIC]


def test_a_password_in_an_address_is_neither_sent_nor_shown() -> None:
    network = RecordedNetwork(answer())

    with pytest.raises(SourceError) as caught:
        fetcher([PUBLIC], network=network).fetch("http://me:hunter2@open.example/")

    assert "hunter2" not in str(caught.value)
    assert network.opened == []
