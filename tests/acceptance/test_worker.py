"""`digest worker`: several processes that share a PostgreSQL, and what is true when one of them is killed.

Each process has a mail server of its own, which writes down every mail before it says so: what came twice, and from
whom, is counted on the wire.
"""

import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from subprocess import Popen
from typing import Literal

import issues as example
import psycopg
import pytest
from makers import subscribe
from postgres import Postgres
from terminal import Terminal

from digest.store import Database, issues

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "bench"))

from sink import Sink

PATIENCE = 90  # seconds until all mails must be there, on a machine that does much else
CONNECTIONS = 3
SLOWEST = 0.02  # seconds of an answer, so that the first worker has not all of them before the next one is up
READERS = [f"reader{number}@mail.example" for number in range(900)]
"""More than a batch, so that several workers have some in hand; fewer than have a first wave."""

SOME = 30
"""Mails that a worker has been told of before it is killed."""

Mails = Counter[tuple[str, str]]
"""How many copies came, by recipient and Message-ID."""


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
        "DIGEST_TRANSPORT__KIND": "smtp",
        "DIGEST_TRANSPORT__HOST": "127.0.0.1",
        "DIGEST_TRANSPORT__SECURITY": "none",
        "DIGEST_TRANSPORT__CONNECTIONS": str(CONNECTIONS),
        "DIGEST_TRANSPORT__TIMEOUT_SECONDS": "2",
        "DIGEST_LISTS__DAILY__TIMEZONE": "UTC",
        "DIGEST_LISTS__DAILY__AT": f"{datetime.now(UTC) - timedelta(minutes=1):%H:%M}",
    }
    with closing(Database(url, base=terminal.folder)) as database:
        subscribe(database, *READERS)
        with database.transaction() as connection:
            issues.freeze(connection, example.issue(number=1))
    return terminal


@pytest.fixture
def sinks(tmp_path: Path) -> Iterator[list[Sink]]:
    with ExitStack() as open_:
        yield [open_.enter_context(Sink(tmp_path / f"taken{n}", slowest=SLOWEST, seed=n)) for n in range(3)]


@pytest.mark.parametrize("policy", ["resend", "hold"])
def test_of_three_workers_one_is_killed_and_no_mail_but_those_on_its_lines_is_in_doubt(
    desk: Terminal, url: str, sinks: list[Sink], policy: Literal["resend", "hold"]
) -> None:
    """It is killed when its server has a mail and has not yet said so, so that there is one in doubt at least."""
    desk.environment["DIGEST_DELIVERY__IN_DOUBT"] = policy
    ends = ("sent",) if policy == "resend" else ("sent", "in-doubt")
    workers, dead, first = list[Popen[bytes]](), list[int](), threading.Lock()

    def kill(number: int) -> None:
        if first.acquire(blocking=False):
            workers[number].kill()
            dead.append(number)

    for number, sink in enumerate(sinks):
        sink.watch("taken", partial(kill, number), after=SOME)
    with ExitStack() as running:
        workers += [running.enter_context(_sending(desk, sink, "worker")) for sink in sinks]
        _wait_for(lambda: sum(_states(url)[end] for end in ends) == len(READERS), "the last mail")
        assert dead
        said = [_stopped(worker) for number, worker in enumerate(workers) if number not in dead]
    assert not any("Traceback" in told for told in said), said

    [killed] = dead
    mails = _taken(sinks)
    doubtful = _tried_twice(url) if policy == "resend" else _listed_in_doubt(desk)
    assert 1 <= len(doubtful) <= CONNECTIONS
    assert {reader for reader, _ in mails} | doubtful == set(READERS), "a mail is lost"
    assert len({reader for reader, _ in mails}) == len(mails), "a second copy has another Message-ID"
    twice = {mail for mail, copies in mails.items() if copies > 1}
    if policy == "hold":
        assert not twice
    else:
        assert twice <= set(sinks[killed].taken), "a second copy of what another worker sent"
        assert twice
        assert {reader for reader, _ in twice} <= doubtful
        assert max(mails.values()) == 2


def test_a_worker_and_digest_serve_make_one_issue_and_mail_it_once(
    desk: Terminal, url: str, sinks: list[Sink]
) -> None:
    with _sending(desk, sinks[0], "worker") as worker, _sending(desk, sinks[1], "serve") as serving:
        _wait_for(lambda: _states(url)["sent"] == len(READERS), "the last mail")
        said = [_stopped(process) for process in (worker, serving)]
    mails = _taken(sinks)
    assert Counter(reader for reader, _ in mails.elements()) == Counter(READERS)
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


def _sending(desk: Terminal, sink: Sink, command: str) -> AbstractContextManager[Popen[bytes]]:
    """Start a process that sends to this server."""
    desk.environment["DIGEST_TRANSPORT__PORT"] = str(sink.port)
    return desk.started(command)


def _taken(sinks: list[Sink]) -> Mails:
    return Counter(mail for sink in sinks for mail in sink.taken)


def _tried_twice(url: str) -> set[str]:
    """Give the readers whose mail the ledger has sent again."""
    query = (
        "SELECT address FROM deliveries JOIN subscribers ON subscribers.id = subscriber_id WHERE attempts > 1"
    )
    with psycopg.connect(url) as connection:
        return {address for (address,) in connection.execute(query)}


def _listed_in_doubt(desk: Terminal) -> set[str]:
    listed = desk.digest("deliveries", "--state", "in-doubt", "--json").succeeded()
    return {one["address"] for one in listed.lines}


def _states(url: str) -> Counter[str]:
    with psycopg.connect(url) as connection:
        return Counter(state for (state,) in connection.execute("SELECT state FROM deliveries"))


def _wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.1)
