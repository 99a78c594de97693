"""`digest serve`: one process that publishes at the hour, sends, and stops when it is told to."""

import signal
import socket
import sqlite3
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from ports import free_port
from terminal import EARLIEST, LATEST, READER, Terminal

PUBLISHING = 60  # seconds in which the first look at the clock must have come to its end


def test_serve_publishes_the_issue_whose_hour_has_passed_mails_it_and_stops_at_sigterm(
    terminal: Terminal,
) -> None:
    """Yesterday's issue is there; since then the hour has struck while nothing ran, and there is a new article."""
    terminal.small_day("[fetch]", "every_minutes = 1440")
    terminal.digest("subscribers", "add", READER).succeeded()
    terminal.environment["DIGEST_LISTS__DAILY__TIMEZONE"] = EARLIEST
    terminal.digest("run").succeeded()
    assert len(terminal.mails()) == 1
    terminal.article("articles/wind.txt", "The wind has turned")
    hour = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    terminal.environment["DIGEST_LISTS__DAILY__TIMEZONE"] = LATEST
    terminal.environment["DIGEST_LISTS__DAILY__AT"] = f"{hour.astimezone(ZoneInfo(LATEST)):%H:%M:%S}"
    time.sleep(max(0, (hour - datetime.now(UTC)).total_seconds()))
    with terminal.started("serve") as serving:
        _wait_for(lambda: len(terminal.mails()) == 2, "the second mail")
        serving.send_signal(signal.SIGTERM)
        out, err = serving.communicate(timeout=30)
    assert serving.returncode == 0, err.decode()
    assert out == b""
    assert b"daily: issue 2 of" in err
    assert b"published for 1 reader" in err
    assert b"stopping" in err
    assert b"Traceback" not in err
    assert sorted(mail["Subject"] for mail in terminal.mails()) == ["The tide is high", "The wind has turned"]
    assert len(list((terminal.folder / "var/issues/daily").glob("*.html"))) == 2


def test_serve_publishes_nothing_for_an_hour_that_passed_before_it_began(terminal: Terminal) -> None:
    """Whoever starts it at noon for the first time has not missed the morning's issue."""
    terminal.small_day()
    terminal.environment["DIGEST_LISTS__DAILY__AT"] = "00:00"
    terminal.digest("subscribers", "add", READER).succeeded()
    with terminal.started("serve") as serving:
        _wait_for(lambda: _count(terminal, "articles") == 1, "the first article")
        serving.send_signal(signal.SIGINT)
        _, err = serving.communicate(timeout=30)
    assert serving.returncode == 0, err.decode()
    assert _count(terminal, "issues") == 0
    assert terminal.mails() == []


def test_serve_answers_readers_on_their_pages_and_by_mail(terminal: Terminal) -> None:
    """One asks on the page's front door, one by a mail that a mail server drops into the inbox; both are asked back."""
    terminal.small_day("[inbound]", 'kind = "maildir"', 'folder = "inbox"', "poll_seconds = 1")
    place = f"127.0.0.1:{free_port()}"
    terminal.environment["DIGEST_WEB__LISTEN"] = place
    terminal.write("inbox/new/1", "")
    (terminal.folder / "inbox/new/1").write_bytes(
        b"From: ada@mail.example\r\nTo: digest+subscribe@digest.example\r\nSubject: weekly\r\n\r\n"
    )
    with terminal.started("serve") as serving:
        _wait_for(lambda: len(terminal.mails("ada@mail.example")) == 1, "the letter that asks back")
        _wait_for(lambda: _answers(place), "the page")
        with urllib.request.urlopen(f"http://{place}/") as page:
            assert 'name="address"' in page.read().decode()
        assert (terminal.folder / "inbox/cur").exists()
        serving.send_signal(signal.SIGTERM)
        _, err = serving.communicate(timeout=30)
    assert serving.returncode == 0, err.decode()
    assert b"Traceback" not in err
    assert b"ada" not in err  # no reader's address in the log
    [letter] = terminal.mails("ada@mail.example")
    assert letter["Reply-To"].startswith("digest+confirm-")
    assert _count(terminal, "requests") == 1


def test_serve_does_not_start_where_its_pages_have_no_place(terminal: Terminal) -> None:
    terminal.small_day()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        terminal.environment["DIGEST_WEB__LISTEN"] = place
        complaint = terminal.digest("serve").complaint(status=1)
    assert place in complaint
    assert "web.listen" in complaint


@pytest.mark.parametrize(
    ("settings", "says", "status"),
    [
        (
            {"DIGEST_DATABASE": "sqlite:////proc/digest.db"},
            "the database sqlite:////proc/digest.db cannot be used",
            1,
        ),
        ({"DIGEST_SECRET_FILE": "gone"}, "gone cannot be read", 2),
    ],
)
def test_serve_says_at_once_what_would_fail_at_the_hour(
    terminal: Terminal, settings: dict[str, str], says: str, status: int
) -> None:
    terminal.small_day()
    terminal.environment |= settings
    assert says in terminal.digest("serve").complaint(status=status)


def _wait_for(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PUBLISHING
    while not happened():
        assert time.monotonic() < deadline, f"{what} did not come in {PUBLISHING} seconds"
        time.sleep(0.2)


def _answers(place: str) -> bool:
    host, port = place.split(":")
    try:
        with socket.create_connection((host, int(port)), timeout=5):
            return True
    except OSError:
        return False


def _count(terminal: Terminal, table: str) -> int:
    path = terminal.folder / "var/digest.db"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        try:
            return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own names
        except sqlite3.OperationalError:  # no tables yet
            return 0
