"""`digest deliveries`: who got what, sending again to whom it has not reached, and settling what is in doubt."""

import contextlib
import gzip
import os
import pty
import re
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pytest
from conftest import Need
from postfix import Postfix
from smtp_server import Smtpd
from terminal import PATIENCE, Terminal

from digest.store import Database, stops

ADA, BOB, CY = "ada@mail.example", "bob@mail.example", "cy@mail.example"
MOMENT = "[-0-9]{10} [:0-9]{5} UTC"


def to(port: int, *more: str) -> tuple[str, ...]:
    """Give the settings that lead to a mail server on this machine."""
    lines = ("[transport]", 'kind = "smtp"', 'host = "127.0.0.1"', f"port = {port}", 'security = "none"')
    return (*lines, *more)


def states(terminal: Terminal, *options: str) -> dict[str, str]:
    shown = terminal.digest("deliveries", "--json", *options).succeeded().lines
    return {line["address"]: line["state"] for line in shown}


def today(terminal: Terminal) -> str:
    [line] = terminal.digest("deliveries", "--json", "--limit", "1").succeeded().lines
    return str(line["date"])


@pytest.fixture
def refused(terminal: Terminal) -> Terminal:
    """An issue that one of three readers has; the server refused the others, one for now."""
    with Smtpd() as server:
        terminal.small_day(*to(server.port))
        terminal.digest("subscribers", "add", ADA, BOB, CY).succeeded()
        server.answer("RCPT", "552 5.2.2 over\x07 its\tquota [red]", "451 4.7.1 greylisted")
        terminal.digest("run")
    return terminal


# --- who got what


def test_the_ledger_says_who_got_what_when_and_what_the_server_said(refused: Terminal) -> None:
    shown = refused.digest("deliveries").succeeded()
    rows = [line.split("\t") for line in shown.out.splitlines()]
    assert [(row[0], row[2], row[3], row[5]) for row in rows] == [
        ("daily", CY, "sent", "1"),
        ("daily", BOB, "queued", "1"),
        ("daily", ADA, "failed", "1"),
    ]
    assert [row[6].split()[0] for row in rows] == ["250", "451", "552"]
    assert len(rows[2]) == 7
    assert "\x07" not in shown.out


def test_of_an_issue_that_is_under_way_it_says_how_many_are_left_until_when_and_what_stops_it(
    refused: Terminal,
) -> None:
    """Where one has left within the last minute, that says how fast it goes; the one that is put off waits anyway."""
    issue = f"daily, {today(refused)}"
    told = refused.digest("deliveries").succeeded().err
    assert re.fullmatch(rf"{issue}: 1 mail is left, (due at|and will have left by) {MOMENT}\n", told)
    assert refused.digest("deliveries", "--state", "sent").succeeded().err == ""
    assert (
        refused.digest("deliveries", "--date", "2020-01-01").succeeded().err
        == "the ledger has no such mail\n"
    )

    refused.environment["DIGEST_LISTS__DAILY__FINISH_BY"] = "23:59"  # in a zone where it is about noon
    for rate, when in (("1/hour", "in time for"), ("1/day", "not by")):
        refused.environment["DIGEST_RATES__ALL"] = rate
        told = refused.digest("deliveries", "--json").succeeded().err
        left = rf"1 mail is left, and will have left by {MOMENT}, {when} {MOMENT} \(finish_by\)"
        assert re.fullmatch(rf"{issue}: {left}\n", told), told

    database = Database("sqlite:///var/digest.db", base=refused.folder)
    with closing(database), database.transaction() as connection:
        stops.put(connection, None, reason="a test", now=datetime.now(UTC))
    told = refused.digest("deliveries").succeeded().err
    assert told.startswith(f"{issue}: 1 mail is left; all sending is stopped since ")
    assert told.endswith(": a test; `digest deliveries resume` lets it go on\n")


def test_what_is_asked_for_narrows_it_and_a_limit_says_that_there_is_more(refused: Terminal) -> None:
    assert states(refused, "--state", "failed") == {ADA: "failed"}
    assert states(refused, "--address", BOB.upper(), "--date", today(refused)) == {BOB: "queued"}
    assert states(refused, "--list", "daily", "--since", "2020-01-01") == {
        ADA: "failed",
        BOB: "queued",
        CY: "sent",
    }
    first = refused.digest("deliveries", "--limit", "2").succeeded()
    assert (first.out.count("\n"), "first 2" in first.err) == (2, True)
    none = refused.digest("deliveries", "--date", "2020-01-01").succeeded()
    assert (none.out, "no such mail" in none.err) == ("", True)
    assert "no list is called 'weekly'" in refused.digest("deliveries", "--list", "weekly").complaint(
        status=2
    )


def test_on_a_terminal_it_is_a_table(refused: Terminal) -> None:
    status, shown = at_a_terminal(refused, "deliveries")
    assert status == 0
    assert all(word in shown for word in ("address", "attempts", "answer", ADA, "failed", "[red]"))
    assert "\x07" not in shown


def at_a_terminal(terminal: Terminal, *arguments: str, answer: str = "") -> tuple[int, str]:
    ours, its = pty.openpty()
    command = [*terminal.program, *arguments]
    environment = terminal.environment | {"COLUMNS": "200", "TERM": "xterm"}
    with subprocess.Popen(
        command, cwd=terminal.folder, env=environment, stdin=its, stdout=its, stderr=its
    ) as process:
        os.close(its)
        os.write(ours, answer.encode())
        shown = b""
        with contextlib.suppress(OSError):  # Linux's way to say that the other side has closed
            while more := os.read(ours, 4096):
                shown += more
        status = process.wait(PATIENCE)
    os.close(ours)
    return status, shown.decode()


def test_a_refusal_that_a_killed_run_heard_suppresses_its_reader_at_the_next_one(terminal: Terminal) -> None:
    with Smtpd() as server:
        terminal.small_day(*to(server.port, "connections = 1"))
        terminal.digest("subscribers", "add", ADA, BOB).succeeded()
        server.answer("RCPT", "550 5.1.1 no such user")
        server.stall("END")
        with terminal.started("run") as run:
            until(lambda: server.has_obeyed)
            run.kill()
        terminal.digest("run").succeeded()
    assert states(terminal) == {ADA: "failed", BOB: "in-doubt"}
    assert "suppressed, hard-bounce" in terminal.digest("deliveries", "--missing", "-a", ADA).succeeded().out


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# --- whom it has not reached


def test_missing_says_whom_it_has_not_reached_and_resend_sends_it_again(refused: Terminal) -> None:
    day = today(refused)
    missing = refused.digest("deliveries", "--missing").succeeded().out.split("\t")
    assert (missing[1:4], "552" in missing[4]) == ([day, ADA, "failed"], True)
    back = refused.digest("deliveries", "resend", "--date", day).succeeded()
    assert "1 mail put back" in back.out
    assert states(refused, "--address", ADA) == {ADA: "queued"}
    with Smtpd() as server:
        refused.small_day(*to(server.port))
        refused.digest("run").succeeded()
        assert [mail.recipients for mail in server.mails] == [[ADA]]
    none = refused.digest("deliveries", "--missing").succeeded()
    assert (none.out, "nobody is missing it" in none.err) == ("", True)


def test_resend_leaves_alone_who_is_suppressed_and_says_who_is_not_missing_it(refused: Terminal) -> None:
    day = today(refused)
    refused.digest("subscribers", "suppress", ADA).succeeded()
    assert "suppressed, manual" in refused.digest("deliveries", "--missing").succeeded().out
    back = refused.digest("deliveries", "resend", "--date", day).succeeded()
    assert ("0 mails put back" in back.out, "suppressed, manual" in back.err) == (True, True)
    other = refused.digest("deliveries", "resend", "--date", day, "--address", CY)
    assert f"{CY} is not missing the issue of {day}" in other.complaint(status=1)
    unknown = refused.digest("deliveries", "resend", "--date", "2020-01-01")
    assert "daily has no issue of 2020-01-01" in unknown.complaint(status=1)


def test_before_many_get_it_again_somebody_is_asked(terminal: Terminal) -> None:
    with Smtpd() as server:
        terminal.small_day(*to(server.port))
        terminal.digest(
            "subscribers", "add", *(f"r{number}@mail.example" for number in range(11))
        ).succeeded()
        server.answer("RCPT", *["552 5.2.2 mailbox full"] * 11)
        terminal.digest("run")
    again = ("deliveries", "resend", "--failed", "--date", today(terminal))
    assert "say --yes to send 11 mails again" in terminal.digest(*again).complaint(status=2)
    status, shown = at_a_terminal(terminal, *again, answer="n\n")
    assert (status, "nothing was put back" in shown) == (1, True)
    assert set(states(terminal).values()) == {"failed"}
    assert "11 mails put back" in terminal.digest(*again, "--yes").succeeded().out


# --- in doubt


class Wire:
    """A line to a mail server; where the server has taken so many mails, something happens and nobody hears of it."""

    def __init__(self, port: int, *, taken: int, happens: Callable[[], object]) -> None:
        self._port, self._left, self._happens = port, taken, happens
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                threading.Thread(target=self._copy, args=(near, far), daemon=True).start()
                threading.Thread(target=self._answer, args=(far, near), daemon=True).start()

    def _copy(self, near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while octets := near.recv(65536):
                far.sendall(octets)
            far.shutdown(socket.SHUT_WR)

    def _answer(self, far: socket.socket, near: socket.socket) -> None:
        with contextlib.suppress(OSError), near, far, far.makefile("rb") as lines:
            for line in lines:
                self._left -= b"queued as" in line
                if self._left == 0:
                    self._happens()
                    near.shutdown(socket.SHUT_RDWR)
                    return
                near.sendall(line)


@pytest.fixture
def relay(need: Need) -> Iterator[tuple[Postfix, Smtpd]]:
    program = need("postfix")
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("Postfix must be started by root")
    with Smtpd() as sink, Postfix(program, next_hop=sink.port) as running:
        yield running, sink


def test_a_worker_dies_after_the_end_of_a_mail_and_the_relays_log_says_that_it_is_sent(
    terminal: Terminal, relay: tuple[Postfix, Smtpd]
) -> None:
    postfix, sink = relay
    worker: list[subprocess.Popen[bytes]] = []

    def die() -> None:
        worker[0].kill()

    with Wire(postfix.port, taken=2, happens=die) as wire:
        more = ("connections = 1",)
        terminal.small_day(*to(wire.port, *more))
        terminal.digest("subscribers", "add", ADA, BOB, CY).succeeded()
        with terminal.started("run") as process:
            worker.append(process)
            process.communicate(timeout=PATIENCE)
        assert process.returncode == -9
    terminal.small_day(*to(postfix.port, *more))
    terminal.digest("run").succeeded()
    assert states(terminal, "--state", "in-doubt") == {BOB: "in-doubt"}
    assert "may have arrived" in terminal.digest("deliveries", "--missing").succeeded().out

    folder = terminal.folder
    terminal.write("strange.log", "2020-01-01T00:00:00Z relay postfix/qmgr[1]: hello\n")
    strange = terminal.digest("deliveries", "settle", "--relay-log", "strange.log").succeeded()
    assert "1 still in doubt" in strange.out
    (folder / "relay.gz").write_bytes(gzip.compress(postfix.log.encode()))
    by_log = ("deliveries", "settle", "--relay-log", "strange.log", "relay.gz")
    tried = terminal.digest(*by_log, "--dry-run").succeeded()
    assert states(terminal, "--state", "in-doubt") == {BOB: "in-doubt"}
    said = terminal.digest(*by_log).succeeded()
    assert said.out == tried.out
    assert "1 mail sent, 0 queued again, 0 still in doubt" in said.out
    assert states(terminal) == {ADA: "sent", BOB: "sent", CY: "sent"}
    terminal.digest("run").succeeded()
    arrived = Counter(recipient for mail in sink.mails for recipient in mail.recipients)
    assert arrived == {ADA: 1, BOB: 1, CY: 1}


def test_a_mail_in_doubt_is_sent_where_the_seed_mailbox_has_it_else_again_if_the_operator_says_so(
    terminal: Terminal,
) -> None:
    with Smtpd() as server:
        terminal.small_day(*to(server.port))
        terminal.digest("subscribers", "add", ADA, BOB).succeeded()
        server.hang_up("END")
        server.hang_up("END")
        terminal.digest("run")
    day = today(terminal)
    assert states(terminal) == {ADA: "in-doubt", BOB: "in-doubt"}
    assert "0 mails put back" in terminal.digest("deliveries", "resend", "--date", day).succeeded().out
    with Smtpd() as server:
        terminal.small_day(*to(server.port))
        again = terminal.digest("deliveries", "resend", "--date", day, "--in-doubt", "--address", ADA)
        assert "1 mail put back" in again.succeeded().out
        terminal.digest("run").succeeded()
        [mail] = server.mails
    assert states(terminal) == {ADA: "sent", BOB: "in-doubt"}
    seed = terminal.folder / "seed"
    (seed / "new").mkdir(parents=True)
    (seed / "new" / "1").write_bytes(mail.content)
    settled = terminal.digest("deliveries", "settle", "--mailbox", seed).succeeded()
    assert "1 still in doubt" in settled.out, "Ada's mail says nothing of Bob's"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("settle",), "say one of --relay-log"),
        (("settle", "--inbox", "--relay-log", "a"), "say one of --relay-log"),
        (("settle", "--inbox"), "inbound.kind is 'none'"),
        (("settle", "--relay-log", "a", "--timezone", "Mars/Base"), "no time zone is called 'Mars/Base'"),
        (("--missing", "--state", "sent"), "--missing goes with"),
        (("--json", "resend", "--date", "2026-01-01"), "stand behind resend"),
        (("resend",), "Missing option '--date'"),
    ],
)
def test_what_is_asked_wrongly_is_said(terminal: Terminal, arguments: tuple[str, ...], says: str) -> None:
    assert says in terminal.digest("deliveries", *arguments).complaint(status=2)


def test_a_log_that_is_not_there_is_named(terminal: Terminal, tmp_path: Path) -> None:
    wrong = terminal.digest("deliveries", "settle", "--relay-log", "nowhere.log")
    assert wrong.complaint(status=1) == "nowhere.log cannot be read: No such file or directory"
