"""Fetching from a real server: what is asked, what is taken, and where it ends."""

import contextlib
import gzip
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from digest.errors import SourceError
from digest.model import Document, Validators
from digest.sources.feed import Feed
from digest.sources.page import Page
from digest.sources.web import Fetcher, RefusedError

Answer = Callable[[BaseHTTPRequestHandler], None]

MAX_BYTES = 100_000
DATE = "Wed, 21 Oct 2015 07:28:00 GMT"
LATER = "Wed, 21 Oct 2015 07:30:00 GMT"
VALIDATORS = Validators(etag='W/"a;\xe9"', last_modified="yesterday, more or less")


@dataclass
class Site:
    """A web server on this machine whose pages a test writes."""

    port: int = 0
    scheme: str = "http"
    pages: dict[str, Answer] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)  # TLS server names asked for

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def page(self, path: str, body: bytes = b"", *, status: int = 200, **headers: str) -> str:
        """Answer with a page; a header's name is written with _ for -."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response_only(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
            handler.wfile.write(body)

        self.pages[path] = answer
        return self.url(path)

    def raw(self, path: str, *pieces: bytes, again: bytes = b"", every_seconds: float = 0.02) -> str:
        """Answer with these bytes and then, at this pace, with `again` until the reader goes."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            gone = threading.Event()
            for piece in pieces:
                handler.wfile.write(piece)
            while again:
                handler.wfile.write(again)
                gone.wait(every_seconds)

        self.pages[path] = answer
        return self.url(path)


@contextlib.contextmanager
def serve(site: Site, tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            self.close_connection = True
            with contextlib.suppress(OSError):  # the reader may go whenever it likes
                site.pages[self.path](self)

        def log_message(self, *_arguments: object) -> None:
            """Keep the tests' output clean."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_arguments: object) -> None:
            """A handshake that is broken off is part of a test."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if tls:
            tls.sni_callback = lambda _socket, name, _context: site.names.append(name)
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        site.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    with serve(Site()) as running:
        yield running


def fetcher(**settings: object) -> Fetcher:
    defaults: dict[str, object] = {
        "timeout_seconds": 5,
        "total_seconds": 10,
        "max_bytes": MAX_BYTES,
        "user_agent": "digest/1 (+https://digest.example)",
        "allow_private": True,
        "trust": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    }
    return Fetcher(**(defaults | settings))  # type: ignore[arg-type]


# What is asked


def test_a_request_says_who_asks_and_nothing_more(site: Site) -> None:
    url = site.page("/a?b=%C3%BC#part")
    site.pages["/a?b=%C3%BC"] = site.pages.pop("/a?b=%C3%BC#part")

    fetched = fetcher().fetch(url)

    assert site.requests == [
        (
            "/a?b=%C3%BC",
            {
                "host": f"127.0.0.1:{site.port}",
                "user-agent": "digest/1 (+https://digest.example)",
                "accept": "*/*",
                "accept-encoding": "gzip",
            },
        )
    ]
    assert fetched.document
    assert fetched.document.url == url.removesuffix("#part")


def test_no_cookie_is_kept_and_no_page_is_told_where_one_comes_from(site: Site) -> None:
    site.page("/there", b"there")
    url = site.page("/here", status=302, Location="/there", Set_Cookie="id=1")

    fetcher().fetch(url)

    (_, first), (_, second) = site.requests
    assert first == second


def test_no_proxy_is_taken_from_the_environment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert fetcher().fetch_document(site.page("/a", b"direct")).content == b"direct"


# What is taken


@pytest.mark.parametrize(
    ("path", "content_type", "media_type", "charset"),
    [
        ("/a", "text/HTML; Charset=ISO-8859-1", "text/html", "iso-8859-1"),
        ("/a.xml", 'application/rss+xml; charset="utf-8"; x=y', "application/rss+xml", "utf-8"),
        ("/a", "text/plain", "text/plain", None),
        ("/a.html", "", "text/html", None),
        ("/a.json", "unknown; charset=utf-8", "application/json", None),
        ("/a", "", "application/octet-stream", None),
    ],
)
def test_media_type_and_charset_are_the_servers_or_else_by_the_ending(
    site: Site, path: str, content_type: str, media_type: str, charset: str | None
) -> None:
    url = site.page(path, b"\xe9", Content_Type=content_type)

    assert fetcher().fetch_document(url) == Document(
        content=b"\xe9", origin=url, media_type=media_type, charset=charset, url=url
    )


def test_an_answer_without_content_type_is_taken(site: Site) -> None:
    assert fetcher().fetch_document(site.page("/a.txt", b"a")).media_type == "text/plain"


@pytest.mark.parametrize("name", ["gzip", "x-gzip", "GZIP"])
def test_a_packed_answer_is_unpacked(site: Site, name: str) -> None:
    url = site.page("/a", gzip.compress(b"news" * 1000), Content_Encoding=name)

    assert fetcher().fetch_document(url).content == b"news" * 1000


def test_an_empty_answer_is_a_document_for_others_to_judge(site: Site) -> None:
    assert fetcher().fetch_document(site.page("/a", b"", Content_Encoding="gzip")).content == b""


def test_the_document_keeps_the_address_asked_for_and_the_one_it_came_from(site: Site) -> None:
    site.page("/b", b"there")
    url = site.page("/a", status=303, Location="b")

    document = fetcher().fetch_document(url)

    assert (document.origin, document.url) == (url, site.url("/b"))


def test_a_redirect_may_be_written_in_utf_8(site: Site) -> None:
    site.page("/%C3%BC", b"there")
    url = site.page("/a", status=302, Location="/ü".encode().decode("latin-1"))

    assert fetcher().fetch_document(url).content == b"there"


@pytest.mark.parametrize(
    ("statuses", "permanent"),
    [((301,), "/1"), ((308, 301), "/2"), ((301, 302), "/1"), ((302, 301), None), ((307,), None)],
)
def test_permanent_redirects_are_remembered_as_far_as_they_lead(
    site: Site, statuses: tuple[int, ...], permanent: str | None
) -> None:
    for number, status in enumerate(statuses):
        site.page(f"/{number}", status=status, Location=f"/{number + 1}")
    site.page(f"/{len(statuses)}", b"there")

    fetched = fetcher().fetch(site.url("/0"))

    assert fetched.permanent_url == (site.url(permanent) if permanent else None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Cache-Control": "public, max-age=3600"}, 3600),
        ({"Cache-Control": 'max-age="60"', "Expires": LATER, "Date": DATE}, 60),
        ({"Cache-Control": "no-cache, max-age=3600"}, None),
        ({"Cache-Control": "no-store", "Expires": LATER, "Date": DATE}, None),
        ({"Expires": LATER, "Date": DATE}, 120),
        ({"Expires": DATE, "Date": LATER}, 0),
        ({"Expires": LATER.replace("GMT", "-0000"), "Date": DATE}, 120),
        ({"Expires": LATER}, None),
        ({"Expires": "0", "Date": DATE}, None),
        ({}, None),
    ],
)
def test_how_long_an_answer_stays_fresh_is_passed_on(
    site: Site, headers: dict[str, str], seconds: int | None
) -> None:
    assert fetcher().fetch(site.page("/a", b"a", **headers)).wait_seconds == seconds


# What has not changed


def test_validators_are_sent_back_byte_by_byte_and_an_unchanged_feed_gives_nothing(site: Site) -> None:
    url = site.page("/feed", status=304, ETag='"other"', Cache_Control="max-age=60")
    feed = Feed("feed", url, fetcher=fetcher(), validators=VALIDATORS)

    assert list(feed.read()) == []

    (_, headers) = site.requests[0]
    assert headers["if-none-match"] == VALIDATORS.etag
    assert headers["if-modified-since"] == VALIDATORS.last_modified
    assert feed.validators == VALIDATORS
    assert feed.wait_seconds == 60


def test_a_changed_feed_replaces_both_validators_even_by_none(site: Site) -> None:
    url = site.page("/feed", b"<rss/>", ETag='"new"')
    feed = Feed("feed", url, fetcher=fetcher(), validators=VALIDATORS)

    (document,) = feed.read()

    assert isinstance(document, Document)
    assert document.content == b"<rss/>"
    assert feed.validators == Validators(etag='"new"', last_modified=None)


def test_a_feed_read_for_the_first_time_sends_no_validators_and_keeps_those_it_gets(site: Site) -> None:
    url = site.page("/feed", b"<rss/>", ETag=VALIDATORS.etag or "", Last_Modified="yesterday, more or less")
    feed = Feed("feed", url, fetcher=fetcher())

    assert len(list(feed.read())) == 1

    assert not {"if-none-match", "if-modified-since"} & site.requests[0][1].keys()
    assert feed.validators == VALIDATORS


def test_a_feed_that_moved_for_good_says_where(site: Site) -> None:
    site.page("/new", b"<rss/>")
    feed = Feed("feed", site.page("/old", status=301, Location="/new"), fetcher=fetcher())

    assert len(list(feed.read())) == 1

    assert feed.moved_to == site.url("/new")


def test_a_page_gives_one_document(site: Site) -> None:
    (document,) = Page("page", site.page("/a", b"hi"), fetcher=fetcher()).read()

    assert isinstance(document, Document)
    assert document.content == b"hi"


def test_a_page_that_claims_to_be_unchanged_though_never_read_is_an_error(site: Site) -> None:
    with pytest.raises(SourceError, match="never read before"):
        list(Page("page", site.page("/a", status=304), fetcher=fetcher()).read())


# Where it ends


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, "404 Not Found"),
        (410, "410 Gone"),
        (500, "500 Internal Server Error"),
        (302, "302 Found"),
        (799, "799"),
    ],
)
def test_a_refusal_is_told_by_status_and_reason(site: Site, status: int, message: str) -> None:
    url = site.page("/a", b"<h1>Sorry", status=status)

    with pytest.raises(RefusedError) as caught:
        fetcher().fetch(url)

    assert str(caught.value) == f"{url}: {message}"
    assert caught.value.status == status
    assert caught.value.wait_seconds is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "120"}, 120),
        ({"Retry_After": LATER, "Date": DATE}, 120),
        ({"Retry_After": "soon", "Date": DATE}, None),
    ],
)
def test_a_refused_feed_passes_on_how_long_to_wait(
    site: Site, headers: dict[str, str], seconds: int | None
) -> None:
    feed = Feed("feed", site.page("/a", status=429, **headers), fetcher=fetcher(), validators=VALIDATORS)

    with pytest.raises(
        RefusedError, match="429 Too Many Requests" + (", asks to wait 120" if seconds else "$")
    ):
        list(feed.read())

    assert feed.wait_seconds == seconds
    assert feed.validators == VALIDATORS


def test_a_loop_of_redirects_ends(site: Site) -> None:
    site.page("/b", status=302, Location="/a")
    url = site.page("/a", status=302, Location="/b")

    with pytest.raises(SourceError, match=r"redirected to .*/b\): more than 4 redirects"):
        fetcher(max_redirects=4).fetch(url)

    assert len(site.requests) == 5


def test_an_error_behind_a_redirect_names_both_addresses(site: Site) -> None:
    site.page("/b", status=404)
    url = site.page("/a", status=302, Location="/b")

    with pytest.raises(SourceError) as caught:
        fetcher().fetch(url)

    assert str(caught.value) == f"{url} (redirected to {site.url('/b')}): 404 Not Found"


def test_a_private_server_is_not_reached_unless_that_is_allowed(site: Site) -> None:
    url = site.page("/a", b"secret")

    with pytest.raises(SourceError, match=r"127\.0\.0\.1, a private address; set fetch\.private_addresses"):
        fetcher(allow_private=False).fetch(url)

    assert site.requests == []


def test_an_answer_of_exactly_the_allowed_size_is_taken_and_one_byte_more_is_not(site: Site) -> None:
    for size in (MAX_BYTES, MAX_BYTES + 1):
        site.page(f"/{size}", bytes(size))
        site.page(f"/packed/{size}", gzip.compress(bytes(size)), Content_Encoding="gzip")

    for path in ("", "/packed"):
        assert len(fetcher().fetch_document(site.url(f"{path}/{MAX_BYTES}")).content) == MAX_BYTES
        with pytest.raises(SourceError, match="larger than 100,000 bytes"):
            fetcher().fetch(site.url(f"{path}/{MAX_BYTES + 1}"))


def test_an_answer_that_announces_too_much_is_not_read(site: Site) -> None:
    url = site.raw("/a", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", again=b"x")

    with pytest.raises(SourceError, match="larger than 100,000 bytes"):
        fetcher().fetch(url)


def test_an_endless_answer_is_cut(site: Site) -> None:
    url = site.raw("/a", b"HTTP/1.1 200 OK\r\n\r\n", again=bytes(10_000), every_seconds=0)

    with pytest.raises(SourceError, match="larger than 100,000 bytes"):
        fetcher().fetch(url)


def test_a_bomb_is_not_unpacked(site: Site) -> None:
    url = site.page("/a", gzip.compress(bytes(20_000_000)), Content_Encoding="gzip")

    with pytest.raises(SourceError, match="larger than 100,000 bytes"):
        fetcher().fetch(url)


def test_bytes_after_the_packed_ones_count_as_well(site: Site) -> None:
    url = site.raw(
        "/a",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"a"),
        again=bytes(10_000),
        every_seconds=0,
    )

    with pytest.raises(SourceError, match="larger than 100,000 bytes"):
        fetcher().fetch(url)


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "deflate"])
def test_what_was_not_asked_for_is_not_unpacked(site: Site, encoding: str) -> None:
    url = site.page("/a", gzip.compress(gzip.compress(b"a")), Content_Encoding=encoding)

    with pytest.raises(SourceError, match=f"is packed as '{encoding}'"):
        fetcher().fetch(url)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>", "is said to be gzip and is not"),
        (gzip.compress(b"news", mtime=0)[:-4], "broke off in the middle"),
    ],
)
def test_a_badly_packed_answer_is_an_error(site: Site, body: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        fetcher().fetch(site.page("/a", body, Content_Encoding="gzip"))


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "])
def test_an_answer_that_drips_ends_at_the_deadline(site: Site, start: bytes) -> None:
    url = site.raw("/a", start, again=b"x")

    with pytest.raises(SourceError, match=r": not complete after 0\.3 seconds"):
        fetcher(total_seconds=0.3).fetch(url)


def test_slow_redirects_end_at_the_deadline_too(site: Site) -> None:
    now = iter(range(100))
    url = site.page("/a", status=302, Location="/a")

    with pytest.raises(SourceError, match="not complete after 10 seconds"):
        fetcher(total_seconds=10, max_redirects=50, clock=lambda: next(now)).fetch(url)


def test_a_server_that_falls_silent_is_left(site: Site) -> None:
    url = site.raw("/a", b"HTTP/1.1 200 OK\r\n\r\n", b"x", again=b"x", every_seconds=1)

    with pytest.raises(SourceError, match=r": silent for 0\.1 seconds"):
        fetcher(timeout_seconds=0.1).fetch(url)


@pytest.mark.parametrize(
    "answer",
    [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"],
)
def test_an_answer_that_is_no_whole_http_is_an_error(site: Site, answer: bytes) -> None:
    url = site.raw("/a", answer)

    with pytest.raises(SourceError) as caught:
        fetcher().fetch(url)

    assert str(caught.value).startswith(f"{url}: ")
    assert "\n" not in str(caught.value)


def test_a_closed_port_is_named_as_such() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(SourceError, match=rf"^http://127\.0\.0\.1:{port}/: Connection refused$"):
        fetcher().fetch(f"http://127.0.0.1:{port}/")


# TLS


@pytest.fixture(scope="module")
def certificate(need: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for news.example, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    command = [need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += [
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=news.example",
        "-addext",
        "subjectAltName=DNS:news.example",
    ]
    command += ["-keyout", str(folder / "key"), "-out", str(folder / "cert")]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "both.pem").write_bytes((folder / "key").read_bytes() + (folder / "cert").read_bytes())
    return folder / "both.pem"


@pytest.fixture
def secure_site(certificate: Path) -> Iterator[Site]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with serve(Site(scheme="https"), tls) as running:
        yield running


def test_a_certificate_is_checked_against_the_hosts_name_though_the_line_goes_to_an_address(
    secure_site: Site, certificate: Path
) -> None:
    secure_site.page("/a", b"hello")
    trusting = fetcher(
        trust=ssl.create_default_context(cafile=certificate), resolver=lambda _host: ["127.0.0.1"]
    )

    document = trusting.fetch_document(secure_site.url("/a", host="news.example"))

    assert document.content == b"hello"
    assert secure_site.names == ["news.example"]
    assert secure_site.requests[0][1]["host"] == f"news.example:{secure_site.port}"
    with pytest.raises(SourceError, match="certificate cannot be trusted: Hostname mismatch"):
        trusting.fetch(secure_site.url("/a", host="other.example"))


def test_a_certificate_that_nobody_vouches_for_is_refused(secure_site: Site) -> None:
    with pytest.raises(SourceError, match="certificate cannot be trusted: self-signed certificate"):
        fetcher(trust=httpx.create_ssl_context()).fetch(secure_site.page("/a", b"hello"))


def test_a_server_that_speaks_no_tls_is_an_error(site: Site) -> None:
    with pytest.raises(SourceError, match="TLS fails"):
        fetcher().fetch(site.page("/a").replace("http:", "https:"))
