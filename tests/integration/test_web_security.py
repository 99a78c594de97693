"""The pages under attack: other sites' forms, forged hosts, floods, scripts in parameters, slow and endless lines."""

import contextlib
import logging
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from makers import MORNING
from visitor import DAILY, PUBLISHER, TOKENS, Form, Pages, Seen, Visitor, settings, site

from digest.address import read_address
from digest.correspondence import Door
from digest.model import SubscriberState
from digest.store import subscribers
from digest.subscribe import Asker, Readers
from digest.tokens import Purpose
from digest.web import security
from digest.wishes import Act, Command

ADA = "ada@mail.example"
SECRET = {"title": "The Board’s Digest", "public": False}
SCRIPTS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) '",
    "javascript:alert(1)",
    "{{1337*7331}}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{x}}{% endfor %}",
    "</textarea></select></script><svg onload=alert(1)>",
    "\u202eexe.gpj",
)


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    lists, web = {"daily": DAILY, "board": SECRET}, {"requests_a_minute": 100_000}
    with site(tmp_path, settings(lists=lists, web=web)) as served:
        with served.database.transaction() as connection:
            readers = Readers(settings=served.settings, tokens=TOKENS)
            subscribers.set_state(
                connection,
                "daily",
                ADA,
                key=ADA,
                state=SubscriberState.ACTIVE,
                consent="operator",
                now=MORNING,
            )
            readers.request(
                connection,
                "daily",
                read_address("bob@mail.example"),
                [Command(act=Act.SUBSCRIBE)],
                asker=Asker(door=Door.MAIL),
                now=MORNING,
            )
        yield served


def letter_paths(pages: Pages) -> list[str]:
    """Give every path that a letter of ours leads to, with what hangs below."""
    confirm = f"/confirm/{pages.token(Purpose.CONFIRM, 1)}"
    preferences = f"/preferences/{pages.token(Purpose.PREFERENCES, 1)}"
    deeds = [f"{preferences}/{deed}" for deed in ("pause", "resume", "leave", "back", "data", "forget")]
    unsubscribe = f"/unsubscribe/{pages.token(Purpose.UNSUBSCRIBE, 1)}"
    vote = f"/archive/daily?voter={pages.token(Purpose.VOTE, 1)}"
    return [confirm, preferences, *deeds, unsubscribe, vote, "/", "/find", "/archive", "/subscribe/daily"]


def raw(pages: Pages, request: bytes) -> bytes:
    """Send bytes and read to the end of the line."""
    with socket.create_connection(("127.0.0.1", pages.port), timeout=30) as line:
        answer = b""
        with contextlib.suppress(ConnectionResetError):  # it closes while we would still send
            line.sendall(request)
            while received := line.recv(65_536):
                answer += received
        return answer


# scanners


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_scanner_that_follows_every_link_changes_nothing(pages: Pages, method: str) -> None:
    before = pages.dump()
    for path in letter_paths(pages):
        for query in ("", "?done=left", "?List-Unsubscribe=One-Click", "?confirm=yes&lang=de"):
            pages.visitor().open(path if "?" in path else path + query, method=method)
    assert pages.dump() == before
    assert not pages.rung.is_set()


# another site's page


def forms(pages: Pages, visitor: Visitor) -> list[Form]:
    """Give every form that changes something for its reader, as the visitor sees it."""
    preferences = f"/preferences/{pages.token(Purpose.PREFERENCES, 1)}"
    page = visitor.open(preferences).was(200)
    return [
        visitor.open("/").form("/subscribe"),
        visitor.open("/find").form("/find"),
        visitor.open(f"/confirm/{pages.token(Purpose.CONFIRM, 1)}").form(),
        *(page.form(f"{preferences}{deed}") for deed in ("", "/pause", "/leave", "/data")),
        visitor.open(f"{preferences}/forget").form(),
    ]


def send(visitor: Visitor, form: Form, **headers: str) -> Seen:
    filled = {"address": "eve@mail.example", "frequency": "weekly"}
    filled = {name: value for name, value in filled.items() if name in form.fields}
    if "answer" in form.fields:
        filled["answer"] = visitor.solve(form)
    return visitor.send(form, headers=headers, **filled)


@pytest.mark.parametrize("number", range(8))
def test_a_form_without_its_cookie_is_refused_and_changes_nothing(pages: Pages, number: int) -> None:
    visitor, stranger = pages.visitor(), pages.visitor()
    form = forms(pages, visitor)[number]
    pages.clock.forward(seconds=10)
    before = pages.dump()
    assert "did not send back the cookie" in send(stranger, form).was(403).text
    stranger.open("/find")  # now he has one of his own
    assert send(stranger, form).was(403)
    assert pages.dump() == before
    assert send(visitor, form).was(303)
    assert pages.dump() != before


@pytest.mark.parametrize("number", range(8))
def test_a_form_without_its_stamp_or_with_anothers_is_refused(pages: Pages, number: int) -> None:
    visitor = pages.visitor()
    all_of_them = forms(pages, visitor)
    pages.clock.forward(seconds=10)
    before = pages.dump()
    form = all_of_them[number]
    other = "/find" if form.action != "/find" else "/subscribe"
    [stolen] = [one.fields["stamp"] for one in all_of_them if one.action == other]
    for stamp in ("", "x", stolen, form.fields["stamp"][:-1], form.fields["stamp"] + "0"):
        visitor.send(form, stamp=stamp, address="eve@mail.example").was(403)
    assert pages.dump() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "http://digest.example.evil.test"},
        {"Origin": "https://digest.example@evil.test"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    ],
)
def test_what_another_site_made_a_browser_send_is_refused(pages: Pages, headers: dict[str, str]) -> None:
    visitor = pages.visitor()
    every = forms(pages, visitor)
    pages.clock.forward(seconds=10)
    before = pages.dump()
    for form in every:
        assert "That came from another page" in send(visitor, form, **headers).was(403).text
    assert pages.dump() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": f"https://{PUBLISHER}"},
        {"Origin": "null"},  # as our Referrer-Policy has it
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_what_a_browser_says_of_our_own_pages_is_taken(pages: Pages, headers: dict[str, str]) -> None:
    visitor = pages.visitor()
    form = visitor.open("/find").form()
    pages.clock.forward(seconds=10)
    assert send(visitor, form, **headers).was(303)


def test_the_cookie_is_for_forms_alone(pages: Pages) -> None:
    visitor = pages.visitor()
    preferences = f"/preferences/{pages.token(Purpose.PREFERENCES, 1)}"
    quiet = [
        "/check",
        f"/unsubscribe/{pages.token(Purpose.UNSUBSCRIBE, 1)}",
        "/robots.txt",
        "/nowhere",
        "/forgotten",
    ]
    assert not any("set-cookie" in visitor.open(path).headers for path in quiet)
    cookie = visitor.open(preferences).headers["set-cookie"]
    assert re.fullmatch(r"form=[0-9a-f]{32}; HttpOnly; Path=/; SameSite=strict", cookie)
    assert "set-cookie" not in visitor.open("/find").headers  # one is enough


def test_behind_https_the_cookie_and_the_host_are_bound_to_it(pages: Pages) -> None:
    for headers in ({"Host": PUBLISHER}, {"X_Forwarded_Proto": "https"}):
        answer = pages.visitor(**headers).open("/find").was(200)
        assert re.fullmatch(
            r"__Host-form=[0-9a-f]{32}; HttpOnly; Path=/; SameSite=strict; Secure",
            answer.headers["set-cookie"],
        )
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
    for headers in ({}, {"Host": PUBLISHER, "X_Forwarded_Proto": "http"}):
        answer = pages.visitor(**headers).open("/find").was(200)
        assert "strict-transport-security" not in answer.headers
        assert "Secure" not in answer.headers["set-cookie"]


# hosts and headers


@pytest.mark.parametrize(
    "host",
    ["evil.test", "digest.example.evil.test", "evil.test:8080", f"{PUBLISHER}@evil.test", "", "127.0.0.2"],
)
def test_another_host_is_refused_and_never_in_a_link(pages: Pages, host: str) -> None:
    request = f"GET / HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: evil.test\r\nConnection: close\r\n\r\n"
    answer = raw(pages, request.encode())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"evil.test" not in answer


@pytest.mark.parametrize("host", [PUBLISHER, f"{PUBLISHER}:443", "localhost:8080", "127.0.0.1", "[::1]:80"])
def test_our_own_hosts_are_answered(pages: Pages, host: str) -> None:
    assert pages.visitor(Host=host).open("/check").was(200)


def test_every_answer_has_the_headers_that_keep_browsers_safe(pages: Pages) -> None:
    visitor = pages.visitor()
    answers = [visitor.open(path) for path in [*letter_paths(pages), "/nowhere", "/robots.txt", "/check"]]
    answers += [visitor.open("/", Host="evil.test").was(400), visitor.open("/find", method="PUT").was(405)]
    answers += [send(visitor, form) for form in forms(pages, visitor)]
    for answer in answers:
        for name, value in security.HEADERS.items():
            if name != "Cache-Control":
                assert answer.headers[name] == value, answer.answer.url
        assert "server" not in answer.headers
        if re.search(r"/(confirm|preferences|unsubscribe)/|/check|/find|voter=", str(answer.answer.url)):
            assert answer.headers["cache-control"] == "no-store", answer.answer.url


def test_no_page_holds_a_script_or_a_style_of_its_own(pages: Pages) -> None:
    visitor = pages.visitor()
    for path in [*letter_paths(pages), "/nowhere", "/check", "/forgotten"]:
        text = visitor.open(path).text
        assert not re.search(
            r"<(script|style|iframe|object|embed|base)\b|\son\w+=|\sstyle=|javascript:", text
        ), path
        links = re.findall(r'(?:href|src|action)="([^"]*)"', text)
        ours = ("/", "#", f"https://{PUBLISHER}/", "mailto:digest+")
        assert all(link.startswith(ours) and not link.startswith("//") for link in links), path


# scripts and ways out


def test_nothing_that_stands_in_a_url_stands_in_the_page_as_markup(pages: Pages) -> None:
    visitor = pages.visitor()
    for script in SCRIPTS:
        for path in [*letter_paths(pages), "/nowhere", "/check"]:
            clean = path.partition("?")[0]
            names = ("lang", "done", "address", "list", "next", "page", script)
            _is_harmless(visitor.open(str(httpx.URL(clean, params=dict.fromkeys(names, script)))))
            _is_harmless(visitor.open(str(httpx.URL(clean, params={"voter": script}))))
        for path in ("/confirm/", "/preferences/", "/unsubscribe/", "/subscribe/", "/archive/", "/"):
            quoted = httpx.URL(f"http://x/?{script}").query.decode().replace("/", "%2F")
            _is_harmless(visitor.open(path + quoted).was(404))


def test_nothing_that_was_filled_in_stands_in_the_page_as_markup(pages: Pages) -> None:
    visitor = pages.visitor(
        Accept_Language=SCRIPTS[0], User_Agent=SCRIPTS[0], Referer=f"https://x/{SCRIPTS[0]}"
    )
    for script in SCRIPTS:
        page = visitor.open(f"/preferences/{pages.token(Purpose.PREFERENCES, 1)}")
        wishes = next(form for form in page.forms() if "hour" in form.fields)
        for form in (visitor.open("/").form("/subscribe"), visitor.open("/find").form(), wishes):
            kept = {"stamp": form.fields["stamp"], "list": "daily"}
            answer = visitor.send(Form(form.action, "post", dict.fromkeys(form.fields, script) | kept))
            _is_harmless(answer.was(422))


def _is_harmless(answer: Seen) -> None:
    text = re.sub(r'value="[^"<>]*"', "", answer.text)  # what was filled in stands there, escaped
    for danger in ("<script", "<img", "<svg", "onerror", "onfocus", "onload", "javascript:", "\u202e"):
        assert danger not in text
    assert str(1337 * 7331) not in text
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    "target", ["https://evil.test/", "//evil.test/", "/\\evil.test", "%0d%0aLocation:%20//evil.test"]
)
def test_no_parameter_leads_a_browser_away(pages: Pages, target: str) -> None:
    visitor = pages.visitor()
    preferences = f"/preferences/{pages.token(Purpose.PREFERENCES, 1)}"
    form = visitor.open(preferences).form("/pause")
    for name in ("next", "lang", "done", "return", "url"):
        away = Form(f"{form.action}?{name}={target}", "post", form.fields | {name: target})
        assert visitor.send(away).was(303).headers["location"] == f"{preferences}?done=paused"
    for path in (f"//evil.test/{preferences}", f"{preferences}/", "//evil.test", "/find/"):
        answer = raw(pages, f"GET {path} HTTP/1.1\r\nHost: {PUBLISHER}\r\nConnection: close\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 404 ")
        assert b"location:" not in answer.lower()


def test_what_a_charset_can_smuggle_in_breaks_nothing(pages: Pages) -> None:
    visitor = pages.visitor()
    form = visitor.open("/").form("/subscribe")
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (form.fields | {"address": "\\ud800\\x00@x", "hour": "\\udfff"}).items()
    )
    for charset in ("unicode_escape", "utf-16", "utf-7", "idna", "zlib_codec", "no such", "rot13"):
        kind = f'multipart/form-data; boundary=b; charset="{charset}"'
        answer = visitor.client.post(
            "/subscribe", content=f"{parts}--b--\r\n", headers={"Content-Type": kind}
        )
        assert answer.status_code in (400, 403, 404, 422)
    encoded = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = visitor.client.post(
        "/subscribe", content=b"list=daily&address=%ff%fe%00&hour=%ed%a0%80", headers=encoded
    )
    assert answer.status_code == 403


def test_a_file_is_no_field(pages: Pages) -> None:
    answer = pages.visitor().client.post("/subscribe", data={"list": "daily"}, files={"address": b"x" * 100})
    assert answer.status_code == 400


# floods


def test_a_network_that_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    with site(tmp_path, settings(web={"requests_a_minute": 5})) as pages:
        visitor = pages.visitor()
        assert [visitor.open("/check").status for _ in range(6)] == [200] * 5 + [429]
        answer = visitor.open("/check").was(429)
        assert "Very many requests come from your network" in answer.text
        pages.clock.forward(seconds=int(answer.headers["retry-after"]))
        assert visitor.open("/check").was(200)


def test_each_visitor_behind_our_proxy_is_counted_by_himself(tmp_path: Path) -> None:
    with site(tmp_path, settings(web={"requests_a_minute": 2})) as pages:
        for number in range(5):
            visitor = pages.visitor(X_Forwarded_For=f"198.51.{number}.1")
            assert [visitor.open("/check").status for _ in range(3)] == [200, 200, 429]


def test_one_who_lies_about_where_he_is_gains_nothing(tmp_path: Path) -> None:
    with site(tmp_path, settings(web={"requests_a_minute": 2})) as pages:
        lies = [f"203.0.{number}.9, 198.51.100.7" for number in range(4)]
        assert [pages.visitor(X_Forwarded_For=lie).open("/check").status for lie in lies] == [
            200,
            200,
            429,
            429,
        ]


def test_a_stranger_is_no_proxy_of_ours(tmp_path: Path) -> None:
    with site(tmp_path, settings(web={"requests_a_minute": 2, "trusted_proxies": ["10.0.0.1"]})) as pages:
        seen = [pages.visitor(X_Forwarded_For=f"198.51.{number}.1").open("/check") for number in range(4)]
        assert [one.status for one in seen] == [200, 200, 429, 429]
        claim = pages.visitor(X_Forwarded_Proto="https").open("/nowhere")
        assert "strict-transport-security" not in claim.headers


def test_a_sign_up_counts_for_the_network_that_it_came_from(pages: Pages) -> None:
    visitor = pages.visitor(X_Forwarded_For="198.51.100.7")
    visitor.sign_up("carol@mail.example").was(303)
    row = pages.rows("notices")[-1]
    assert row["network"] == TOKENS.fingerprint(Purpose.NETWORK, "198.51.100.0/24")
    assert "198.51" not in str(pages.dump())


def test_a_form_can_only_ask_for_so_many_letters(pages: Pages) -> None:
    for number in range(25):
        pages.visitor().sign_up(f"reader{number}@mail{number}.example").was(303)
    assert len(pages.rows("notices")) - 1 == pages.settings.signup.confirmations_per_network_an_hour


# lines without end


def test_a_body_that_is_too_large_is_refused_before_it_is_read(pages: Pages) -> None:
    head = f"POST /subscribe HTTP/1.1\r\nHost: {PUBLISHER}\r\nContent-Length: 1000000000\r\n\r\n"
    assert raw(pages, head.encode()).startswith(b"HTTP/1.1 413 ")


def test_a_body_without_end_is_refused_when_it_is_too_large(pages: Pages) -> None:
    head = (
        f"POST /subscribe HTTP/1.1\r\nHost: {PUBLISHER}\r\nTransfer-Encoding: chunked\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", pages.port), timeout=30) as line:
        line.sendall(head.encode() + chunk * 5)
        assert line.recv(1000).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "body", ["&".join(f"f{n}=1" for n in range(5000)), "address=" + "a" * 60_000, "=" * 1000, "&" * 60_000]
)
def test_a_body_of_many_fields_or_long_ones_is_bounded(pages: Pages, body: str) -> None:
    encoded = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = pages.visitor().client.post("/subscribe", content=body, headers=encoded)
    assert answer.status_code in (400, 404)
    assert len(answer.content) < 20_000


@pytest.mark.parametrize("length", ["-1", "x", "1" * 40, "10, 20"])
def test_a_length_that_is_none_is_refused(pages: Pages, length: str) -> None:
    head = f"POST /find HTTP/1.1\r\nHost: {PUBLISHER}\r\nContent-Length: {length}\r\n\r\n"
    assert re.match(rb"HTTP/1\.1 4\d\d ", raw(pages, head.encode()))


def test_a_head_that_is_too_large_is_refused(pages: Pages) -> None:
    head = f"GET / HTTP/1.1\r\nHost: {PUBLISHER}\r\nX-Long: {{}}\r\n\r\n"
    for size in (2, 30):  # times; it is read at once, or in pieces
        request = head.format("x" * size * security.LARGEST_HEAD).encode()
        assert not raw(pages, request).startswith(b"HTTP/1.1 2")
    assert raw(pages, head.format("x" * 2 * security.LARGEST_HEAD).encode()).startswith(b"HTTP/1.1 431 ")


def test_two_requests_in_one_are_not_two_to_us_and_one_to_a_proxy(pages: Pages) -> None:
    smuggled = (
        f"POST /find HTTP/1.1\r\nHost: {PUBLISHER}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        f"0\r\n\r\nGET /check HTTP/1.1\r\nHost: {PUBLISHER}\r\nConnection: close\r\n\r\n"
    )
    for request in (smuggled, smuggled.replace("Transfer-Encoding", "Transfer-Encoding\t")):
        assert raw(pages, request.encode()).count(b"HTTP/1.1 200") == 0


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: dig"])
def test_a_line_that_says_nothing_is_closed(tmp_path: Path, sent: bytes) -> None:
    with site(tmp_path, head_seconds=0.2) as pages:
        assert raw(pages, sent) == b""


def test_a_line_is_closed_too_that_stops_in_its_second_request(tmp_path: Path) -> None:
    with site(tmp_path, head_seconds=0.2) as pages:
        whole = f"GET /favicon.ico HTTP/1.1\r\nHost: {PUBLISHER}\r\n\r\n"
        answer = raw(pages, (whole + whole[:20]).encode())
        assert answer.count(b"HTTP/1.1 200 ") == 1


def test_a_form_that_comes_too_slowly_is_refused(tmp_path: Path) -> None:
    head = (
        f"POST /find HTTP/1.1\r\nHost: {PUBLISHER}\r\nContent-Length: 100\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\naddress="
    )
    with site(tmp_path, body_seconds=0.2) as pages:
        assert raw(pages, head.encode()).startswith(b"HTTP/1.1 408 ")


def test_a_visitor_who_hangs_up_in_the_middle_is_no_bug(pages: Pages) -> None:
    head = (
        f"POST /find HTTP/1.1\r\nHost: {PUBLISHER}\r\nContent-Length: 100\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\naddress="
    )
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", pages.port), timeout=30) as line:
            line.sendall(head.encode())
    assert pages.visitor().open("/check").was(200)  # and nothing is in the log, which the fixture looks at


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00\x01\x00", b"\r\n\r\n\r\n", b"GET\r\n\r\n", b"\x00" * 100]
)
def test_what_is_no_http_ends_the_line_and_nothing_else(pages: Pages, garbage: bytes) -> None:
    with socket.create_connection(("127.0.0.1", pages.port), timeout=30) as line:
        line.sendall(garbage)
        line.shutdown(socket.SHUT_WR)
        line.recv(1000)
    assert pages.visitor().open("/check").was(200)


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=30).close()
    except ConnectionError:
        return False
    return True


def test_what_was_begun_is_finished_when_the_server_is_told_to_stop(pages: Pages) -> None:
    body = b"address=ada"
    head = (
        f"POST /find HTTP/1.1\r\nHost: {PUBLISHER}\r\nContent-Length: {len(body)}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", pages.port), timeout=30) as line:
        line.sendall(head.encode())
        assert line.recv(1000).startswith(b"HTTP/1.1 100 ")  # the page is reading now
        pages.stop.set()
        while is_open(pages.port):
            pass
        line.sendall(body)
        assert line.recv(1000).startswith(b"HTTP/1.1 403 ")


# what is broken, and what is written down


def test_a_database_that_fails_is_one_line_in_the_log_and_a_kind_page(pages: Pages) -> None:
    path = f"/preferences/{pages.token(Purpose.PREFERENCES, 1)}"
    with pages.database.transaction() as connection:
        connection.execute(sa.text("ALTER TABLE subscribers RENAME TO elsewhere"))
    answer = pages.visitor().open(path).was(503)
    assert "We are busy" in answer.text
    assert answer.headers["content-security-policy"] == security.HEADERS["Content-Security-Policy"]
    [complaint] = pages.complaints
    assert complaint.startswith("a page: the database ")
    assert "\n" not in complaint
    assert path not in complaint
    pages.complaints.clear()


def test_a_bug_is_a_traceback_in_the_log_and_a_kind_page(pages: Pages) -> None:
    pages.clock.at = "no time"  # type: ignore[assignment]
    answer = pages.visitor().open("/check").was(500)
    assert "It was us and not you" in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["content-security-policy"] == security.HEADERS["Content-Security-Policy"]
    [complaint] = pages.complaints
    assert complaint.startswith("a page failed; this is a bug\nTraceback")
    pages.complaints.clear()


def test_nothing_that_a_visitor_sends_is_logged(pages: Pages, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        visitor = pages.visitor()
        for path in letter_paths(pages):
            visitor.open(path)
        visitor.sign_up("carol@mail.example").was(303)
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    said = " ".join(record.getMessage() for record in ours)
    for secret in ("carol", "/preferences/", "/confirm/", "/unsubscribe/", "127.0.0.1"):
        assert secret not in said
