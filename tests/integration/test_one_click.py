"""One-click unsubscribe (RFC 8058), as a mail provider's machine does it: over a socket, with nothing but the URL."""

import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from makers import MORNING
from visitor import PUBLISHER, Pages, settings, site

from digest.model import SubscriberState
from digest.store import subscribers
from digest.store.tables import consents
from digest.tokens import Purpose

FORM = "application/x-www-form-urlencoded"
BODY = b"List-Unsubscribe=One-Click"
BOUNDARY = "b0undary"
PARTS = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--{BOUNDARY}--\r\n'
).encode()
BOTH = pytest.mark.parametrize(
    ("kind", "body"),
    [(FORM, BODY), (f"multipart/form-data; boundary={BOUNDARY}", PARTS)],
    ids=["urlencoded", "multipart"],
)


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    with site(tmp_path) as served:
        subscribe(served, "ada@mail.example")
        yield served


def subscribe(pages: Pages, *addresses: str) -> None:
    with pages.database.transaction() as connection:
        for address in addresses:
            subscribers.set_state(
                connection,
                "daily",
                address,
                key=address,
                state=SubscriberState.ACTIVE,
                consent="operator",
                now=MORNING,
            )


def url(pages: Pages, number: int = 1) -> str:
    return f"/unsubscribe/{pages.token(Purpose.UNSUBSCRIBE, number)}"


def post(pages: Pages, path: str, kind: str = FORM, body: bytes = BODY) -> bytes:
    """Send no header that is not needed, and read to the end of the line."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {PUBLISHER}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return raw(pages, head.encode() + body)


def raw(pages: Pages, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", pages.port), timeout=30) as line:
        line.sendall(request)
        answer = b""
        while received := line.recv(65_536):
            answer += received
        return answer


def doors(pages: Pages) -> list[str]:
    with pages.database.transaction() as connection:
        contents = connection.scalars(sa.select(consents.c.content).order_by(consents.c.id))
        return [re.search(r'"door": "([^"]+)"', content)[1] for content in contents]


@BOTH
def test_one_post_is_enough_in_both_encodings(pages: Pages, kind: str, body: bytes) -> None:
    answer = post(pages, url(pages), kind, body)
    assert answer.startswith(b"HTTP/1.1 200 ")
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert b"location:" not in head
    assert b"set-cookie:" not in head
    assert pages.reader().state is SubscriberState.UNSUBSCRIBED
    assert doors(pages) == ["one-click"]
    assert not pages.rows("notices")  # no letter


@BOTH
def test_it_may_come_as_often_as_it_likes(pages: Pages, kind: str, body: bytes) -> None:
    answers = {post(pages, url(pages), kind, body).partition(b"\r\n\r\n")[2] for _ in range(3)}
    assert len(answers) == 1
    assert doors(pages) == ["one-click"]


def test_many_at_once_are_one(pages: Pages) -> None:
    answers: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: answers.append(post(pages, url(pages)).partition(b"\r\n")[0]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [b"HTTP/1.1 200 OK"] * 8
    assert doors(pages) == ["one-click"]


def test_it_ends_the_one_subscription_that_the_url_names(pages: Pages) -> None:
    subscribe(pages, "bob@mail.example")
    post(pages, url(pages, 2))
    assert pages.reader(1).state is SubscriberState.ACTIVE
    assert pages.reader(2).state is SubscriberState.UNSUBSCRIBED


@pytest.mark.parametrize(
    "body",
    [b"List-Unsubscribe=One-Click\r\n", b"list-unsubscribe=one-click", b"a=1&List-Unsubscribe=One-Click"],
)
def test_small_deviations_do_not_keep_a_reader(pages: Pages, body: bytes) -> None:
    assert post(pages, url(pages), body=body).startswith(b"HTTP/1.1 200 ")
    assert pages.reader().state is SubscriberState.UNSUBSCRIBED


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (FORM, b""),
        (FORM, b"List-Unsubscribe="),
        (FORM, b"One-Click"),
        ("text/plain", BODY),
        ("application/json", b'{"List-Unsubscribe": "One-Click"}'),
    ],
)
def test_what_does_not_say_so_changes_nothing_and_shows_the_button(
    pages: Pages, kind: str, body: bytes
) -> None:
    answer = post(pages, url(pages), kind, body)
    assert answer.startswith(b"HTTP/1.1 422 ")
    assert b"Yes, I want to leave" in answer
    assert pages.reader().state is SubscriberState.ACTIVE


def test_a_broken_multipart_body_changes_nothing(pages: Pages) -> None:
    for kind in ("multipart/form-data", "multipart/form-data; boundary=another"):
        assert re.match(rb"HTTP/1\.1 4\d\d ", post(pages, url(pages), kind, PARTS))
    assert pages.reader().state is SubscriberState.ACTIVE


def test_no_character_of_the_token_can_be_another(pages: Pages) -> None:
    token = pages.token(Purpose.UNSUBSCRIBE, 1)
    for place in range(len(token) - 1):  # the last one holds two bits that mean nothing
        other = "b" if token[place] != "b" else "c"
        forged = f"/unsubscribe/{token[:place]}{other}{token[place + 1 :]}"
        assert post(pages, forged).startswith(b"HTTP/1.1 404 ")
    for purpose in (Purpose.PREFERENCES, Purpose.CONFIRM, Purpose.VOTE, Purpose.LETTER):
        assert post(pages, f"/unsubscribe/{pages.token(purpose, 1)}").startswith(b"HTTP/1.1 404 ")
    assert pages.reader().state is SubscriberState.ACTIVE


def test_one_who_is_forgotten_is_told_the_same(pages: Pages) -> None:
    with pages.database.transaction() as connection:
        subscribers.erase(connection, 1)
    answer = post(pages, url(pages))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"You have left" in answer
    assert pages.reader().state is SubscriberState.ERASED


def test_one_who_has_a_pause_leaves_too(pages: Pages) -> None:
    with pages.database.transaction() as connection:
        subscribers.set_state(
            connection,
            "daily",
            "ada@mail.example",
            key="ada@mail.example",
            state=SubscriberState.PAUSED,
            consent="web",
            now=MORNING,
        )
    post(pages, url(pages))
    assert pages.reader().state is SubscriberState.UNSUBSCRIBED


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_whoever_only_looks_changes_nothing(pages: Pages, method: str) -> None:
    before = pages.dump()
    request = f"{method} {url(pages)} HTTP/1.1\r\nHost: {PUBLISHER}\r\nConnection: close\r\n\r\n"
    assert raw(pages, request.encode()).startswith(b"HTTP/1.1 200 ")
    assert pages.dump() == before


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_not_allowed(pages: Pages, method: str) -> None:
    before = pages.dump()
    request = (
        f"{method} {url(pages)} HTTP/1.1\r\nHost: {PUBLISHER}\r\nContent-Type: {FORM}\r\n"
        f"Content-Length: {len(BODY)}\r\nConnection: close\r\n\r\n"
    )
    assert raw(pages, request.encode() + BODY).startswith(b"HTTP/1.1 405 ")
    assert pages.dump() == before


def test_a_person_sees_whom_it_is_about_but_a_stranger_does_not(pages: Pages) -> None:
    text = pages.visitor().open(url(pages)).was(200).text
    assert "Leave The Small Digest?" in text
    assert "a…@mail.example" in text
    assert "ada@" not in text


def test_a_person_leaves_with_the_button_without_any_cookie(pages: Pages) -> None:
    visitor = pages.visitor()
    page = visitor.open(url(pages))
    assert "set-cookie" not in page.headers
    form = page.form()
    visitor.client.cookies.clear()
    left = visitor.send(form).was(200)
    assert "You have left" in left.text
    assert 'href="/subscribe/daily"' in left.text  # and may come back
    assert 'href="/find"' in left.text  # or pause instead
    assert pages.reader().state is SubscriberState.UNSUBSCRIBED
    assert doors(pages) == ["web"]


def test_the_token_leaves_and_does_nothing_else(pages: Pages) -> None:
    token = pages.token(Purpose.UNSUBSCRIBE, 1)
    visitor = pages.visitor()
    visitor.open(f"/preferences/{token}").was(404)
    visitor.open(f"/confirm/{token}").was(404)
    text = visitor.open(url(pages)).text + post(pages, url(pages)).decode()
    assert pages.token(Purpose.PREFERENCES, 1) not in text


def test_a_providers_machines_may_ask_much_more_often_than_others(tmp_path: Path) -> None:
    with site(tmp_path, settings(web={"requests_a_minute": 2})) as pages:
        subscribe(pages, *(f"reader{number}@mail.example" for number in range(1, 51)))
        for number in range(1, 51):
            assert post(pages, url(pages, number)).startswith(b"HTTP/1.1 200 ")
        for _ in range(60):
            last = post(pages, url(pages))
        assert last.startswith(b"HTTP/1.1 429 ")
