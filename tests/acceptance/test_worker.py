"""`digest worker`: several processes that share a PostgreSQL, and what is true when one of them is killed."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from subprocess import Popen

import issues as example
import psycopg
import pytest
from makers import subscribe
from postgres import Postgres
from terminal import Terminal

from digest.store import Database, issues

PATIENCE = 90  # seconds until all mails must be there, on a machine that does much else
READERS = [f"reader{number}@mail.example" for number in range(240)]
"""More than two batches: several workers have some in hand at once."""


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    url = postgres.fresh()
    yield url
    postgres.drop(url)


@pytest.fixture
def desk(terminal: Terminal, url: str) -> Terminal:
    """A list that had an issue long ago; the hour of its next one has just struck."""
    terminal.small_day(f'database = "{url}"')
    terminal.environment |= {
        "DIGEST_SECRET": "the same for all workers",
        "DIGEST_DELIVERY__LEASE_SECONDS": "5",
        "DIGEST_TRANSPORT__TIMEOUT_SECONDS": "2",
        "DIGEST_DELIVERY__IN_DOUBT": "resend",  # into a Maildir: the same mail lies there once
        "DIGEST_LISTS__DAILY__TIMEZONE": "UTC",
        "DIGEST_LISTS__DAILY__AT": f"{datetime.now(UTC) - timedelta(minutes=1):%H:%M}",
    }
    with closing(Database(url, base=terminal.folder)) as database:
        subscribe(database, *READERS)
        with database.transaction() as connection:
            issues.freeze(connection, example.issue(number=1))
    return terminal


def test_of_three_workers_one_is_killed_and_every_reader_gets_one_letter(desk: Terminal, url: str) -> None:
    with ExitStack() as running:
        workers = [running.enter_context(desk.started("worker")) for _ in range(3)]
        _wait_for(lambda: _mails(desk) > 9, "the first mails")
        workers[0].kill()
        _wait_for(lambda: _states(url)["sent"] == len(READERS), "the last mail")
        said = [_stopped(worker) for worker in workers[1:]]
    assert {reader: len(desk.mails(reader)) for reader in READERS} == dict.fromkeys(READERS, 1)
    assert _states(url) == {"sent": len(READERS)}
    assert not any("Traceback" in told for told in said), said


def test_a_worker_and_digest_serve_make_one_issue_and_mail_it_once(desk: Terminal, url: str) -> None:
    with desk.started("worker") as worker, desk.started("serve") as serving:
        _wait_for(lambda: _states(url)["sent"] == len(READERS), "the last mail")
        said = [_stopped(process) for process in (worker, serving)]
    assert {reader: len(desk.mails(reader)) for reader in READERS} == dict.fromkeys(READERS, 1)
    assert sum(f"published for {len(READERS)} readers" in told for told in said) == 1, said
    assert not any("Traceback" in told for told in said), said


def test_on_sqlite_there_is_no_queue(terminal: Terminal) -> None:
    terminal.small_day()

    assert terminal.digest("worker").complaint(status=2) == (
        "`digest worker` needs a database on PostgreSQL; SQLite has no queue, `digest serve` does it all there"
    )


def test_workers_must_sign_with_one_secret(terminal: Terminal, url: str) -> None:
    terminal.small_day(f'database = "{url}"')

    assert terminal.digest("worker").complaint(status=2) == (
        "`digest worker` needs `secret` or `secret_file`: all workers must sign with the same"
    )


def _stopped(process: Popen[bytes]) -> str:
    """Tell a process to stop, and give what it said when it has."""
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said.decode()
    return said.decode()


def _mails(desk: Terminal) -> int:
    return sum(1 for _ in (desk.folder / "var/mail").glob("*/new/*"))


def _states(url: str) -> Counter[str]:
    with psycopg.connect(url) as connection:
        return Counter(state for (state,) in connection.execute("SELECT state FROM deliveries"))


def _wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.1)
