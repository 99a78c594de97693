"""Due means due, never the exact minute: which issue an hour asks for, in every zone, and what runs the jobs."""

import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import UNTIMED, wishes

from digest.engine.local import LocalEngine, due_date, survive
from digest.errors import SourceError


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}:00+00:00")


def due(now: str, *, since: str = "2001-01-01T00:00", **changes: Any) -> date | None:
    return due_date(wishes(**{"at": "07:00", **changes}), now=utc(now), since=utc(since))


# --- what is due


def test_an_issue_is_due_from_its_hour_on_and_not_before() -> None:
    assert due("2015-10-21T06:59", since="2015-10-20T07:00") is None
    assert due("2015-10-21T07:00", since="2015-10-20T07:00") == date(2015, 10, 21)
    assert due("2015-10-21T07:17", since="2015-10-20T07:00") == date(2015, 10, 21)


def test_an_issue_that_closed_at_its_hour_or_later_is_not_due_again() -> None:
    assert due("2015-10-21T07:01", since="2015-10-21T07:00") is None
    assert due("2015-10-21T23:59", since="2015-10-21T07:09") is None


def test_the_first_start_asks_for_no_hour_before_it() -> None:
    began = "2015-10-21T08:00"

    assert due("2015-10-21T08:00", since=began) is None
    assert due("2015-10-22T06:59", since=began) is None
    assert due("2015-10-22T07:00", since=began) == date(2015, 10, 22)


def test_a_missed_issue_is_made_within_the_catch_up_time_and_not_after_it() -> None:
    assert due("2015-10-21T10:00", catch_up_hours=3) == date(2015, 10, 21)
    assert due("2015-10-21T10:01", catch_up_hours=3) is None


def test_of_several_missed_issues_the_newest_is_made() -> None:
    assert due("2015-10-21T09:00", since="2015-10-14T07:00") == date(2015, 10, 21)


def test_yesterdays_late_issue_is_still_due_after_midnight() -> None:
    assert due("2015-10-22T00:30", at="23:00") == date(2015, 10, 21)


@pytest.mark.parametrize(
    ("timezone", "hour", "on"),
    [
        ("Asia/Tokyo", "2015-10-20T22:00", date(2015, 10, 21)),
        ("America/Los_Angeles", "2015-10-21T14:00", date(2015, 10, 21)),
        ("Asia/Kathmandu", "2015-10-21T01:15", date(2015, 10, 21)),
        ("Pacific/Kiritimati", "2015-10-20T17:00", date(2015, 10, 21)),
    ],
)
def test_the_hour_and_the_date_are_those_of_the_lists_zone(timezone: str, hour: str, on: date) -> None:
    list_there, since = wishes(at="07:00", timezone=timezone), utc(hour) - timedelta(hours=12)

    assert due_date(list_there, now=utc(hour), since=since) == on
    assert due_date(list_there, now=utc(hour) - timedelta(minutes=1), since=since) is None


def test_an_hour_that_the_clocks_leap_over_is_due_as_much_later() -> None:
    in_new_york = {"timezone": "America/New_York", "at": "02:30", "since": "2015-03-07T12:00"}

    assert due("2015-03-08T07:29", **in_new_york) is None
    assert due("2015-03-08T07:30", **in_new_york) == date(2015, 3, 8)  # 03:30 there


def test_an_hour_that_comes_twice_is_due_the_first_time_only() -> None:
    in_new_york = {"timezone": "America/New_York", "at": "01:30"}

    assert due("2015-11-01T05:29", since="2015-10-31T12:00", **in_new_york) is None
    assert due("2015-11-01T05:30", since="2015-10-31T12:00", **in_new_york) == date(2015, 11, 1)
    assert due("2015-11-01T06:30", since="2015-11-01T05:30", **in_new_york) is None


@pytest.mark.parametrize(
    ("timezone", "at", "now"),
    [("America/Nuuk", "23:30", "2024-03-31T01:10"), ("Pacific/Apia", "07:00", "2011-12-30T12:00")],
)
def test_where_the_clocks_leap_over_midnight_nothing_is_due_until_the_hour_has_passed(
    timezone: str, at: str, now: str
) -> None:
    assert due(now, timezone=timezone, at=at, catch_up_hours=3) is None


ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Paris",
        "America/New_York",
        "America/Nuuk",
        "Australia/Lord_Howe",
        "Asia/Beirut",
        "Africa/Casablanca",
    ]
)
HOURS = st.times().map(lambda time: f"{time:%H:%M}")
STARTS = st.datetimes(datetime(2023, 1, 1), datetime(2025, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001


@settings(UNTIMED, max_examples=60)
@given(timezone=ZONES, at=HOURS, start=STARTS, every=st.integers(5, 90))
def test_who_looks_again_and_again_makes_one_issue_for_each_date(
    timezone: str, at: str, start: datetime, every: int
) -> None:
    wanted, since, made = wishes(timezone=timezone, at=at), start, []
    for number in range(5 * 24 * 60 // every):
        now = start + timedelta(minutes=number * every)
        if (on := due_date(wanted, now=now, since=since)) is not None:
            made.append(on)
            since = now

    assert len(made) in {4, 5}
    assert made == [made[0] + timedelta(days=number) for number in range(len(made))]


# --- what runs the jobs


def test_a_job_that_fails_is_reported_in_one_line_and_a_bug_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def trouble() -> None:
        raise SourceError("the wire is silent")

    def bug() -> None:
        raise ZeroDivisionError

    survive("collect", trouble)()
    survive("send", bug)()

    one, other = caplog.records
    assert (one.levelno, one.getMessage(), one.exc_info) == (
        logging.ERROR,
        "collect: the wire is silent",
        None,
    )
    assert (other.getMessage(), other.exc_info is not None) == ("send failed; this is a bug", True)


PROGRAM = r"""
import os
import sys
from digest.engine.local import LocalEngine
from digest.errors import SourceError

def collect():
    os.write(1, b"collecting\n")
    raise SourceError("the wire is silent")

def publish(mails_due, seen=[]):
    if not seen:  # and not again where a full minute comes meanwhile
        seen.append(os.write(1, b"publishing\n"))
    raise ZeroDivisionError

def send(stop):
    os.write(1, b"sending\n")
    sys.stdin.readline()
    stop.wait()
    os.write(1, b"sent\n")

def forget():
    os.write(1, b"forgetting\n")

def watch(stop):
    os.write(1, b"watching\n")
    stop.wait()
    os.write(1, b"watched\n")

def fail(stop):
    raise SourceError("the door is locked")

LocalEngine(
    collect=collect,
    every_minutes=60,
    publish_due=publish,
    send_due=send,
    forget_due=forget,
    beside={"watch": watch, "fail": fail},
).run()
os.write(1, b"stopped\n")
"""


@contextmanager
def serving() -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_jobs_run_at_the_start_and_a_signal_lets_the_one_at_work_finish(number: signal.Signals) -> None:
    with serving() as process:
        assert process.stdin
        assert process.stdout
        begun = {process.stdout.readline().strip() for _ in range(5)}
        process.send_signal(number)
        process.stdin.write("go on\n")
        process.stdin.flush()
        rest = process.stdout.read().split()

        assert begun == {"collecting", "publishing", "sending", "forgetting", "watching"}
        assert sorted(rest[:-1]) == ["sent", "watched"]
        assert rest[-1] == "stopped"
        assert process.wait() == 0


def test_what_was_published_is_sent_without_a_wait_for_the_next_minute() -> None:
    stop, sent = threading.Event(), threading.Event()
    engine = LocalEngine(
        collect=lambda: None,
        every_minutes=60,
        publish_due=lambda mails_due: mails_due(),
        send_due=lambda _: sent.set(),
        forget_due=lambda: None,
        beside={},
    )
    sending = threading.Thread(target=engine._beside["send"], args=(stop,))
    sending.start()
    engine._scheduler.get_job("publish").func()  # the scheduler does not run: no minute passes
    try:
        assert sent.wait(30)
    finally:
        stop.set()
        sending.join()
