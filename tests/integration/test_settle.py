"""Mails in doubt, resolved by a relay's log, a Maildir or an IMAP mailbox; what proves nothing changes nothing."""

import io
import os
import smtplib
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import Need
from dovecot import PASSWORD, Dovecot
from makers import EXPIRY, MORNING, ledger, rows, store
from postfix import Postfix
from smtp_server import Smtpd

from digest.doors.imap import Mailbox
from digest.errors import DigestError
from digest.model import DeliveryState, Mark, Reply
from digest.settle import by_log, by_mailbox, doubts, mailbox, record
from digest.settle.relay import RelayLog
from digest.store import Database, claims
from digest.store.log import Entry
from digest.tokens import Tokens

SENT, QUEUED, IN_DOUBT = DeliveryState.SENT, DeliveryState.QUEUED, DeliveryState.IN_DOUBT
TOKENS = Tokens("one secret")
LATER = MORNING + timedelta(hours=3)
AT = MORNING.isoformat()
TELLS = ("2015-10-21T05:50:00Z", "2015-10-21T06:10:00Z")
"""The first and the last stamp of a log that covers the morning's mails."""


def message_id(entry: Entry) -> str:
    return TOKENS.message_id(entry.list, entry.date, entry.subscriber_id, domain="digest.example")


def id_of(number: int) -> str:
    """Give the Message-ID of the reader of that number."""
    return TOKENS.message_id(
        "daily", datetime(2015, 10, 21, tzinfo=UTC).date(), number, domain="digest.example"
    )


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Open a ledger of three mails: the second is in doubt, the others were sent."""
    with store(tmp_path) as opened:
        ledger(opened, 3)
        with opened.transaction() as connection:
            until, taken = MORNING + timedelta(minutes=5), Reply(code=250, text="taken")
            claimed, _ = claims.claim(connection, now=MORNING, token="ours", until=until, limit=3)  # noqa: S106
            marks = [
                Mark(delivery_id=one.id, claim=one.claim, state=state, reply=taken)
                for one, state in zip(claimed, (SENT, IN_DOUBT, SENT), strict=True)
            ]
            claims.mark(connection, marks, now=MORNING)
        yield opened


def log_of(*numbers: int, first: str = TELLS[0], last: str = TELLS[1], more: tuple[str, ...] = ()) -> bytes:
    """Write the log of a Postfix that took the mails of these readers."""
    lines = [f"{first} relay postfix/qmgr[1]: start"]
    for number in numbers:
        lines += [
            f"{AT} relay postfix/cleanup[2]: A{number:04}: message-id={id_of(number)}",
            f"{AT} relay postfix/qmgr[1]: A{number:04}: from=<d@d.example>, size=1, nrcpt=1 (queue active)",
        ]
    return "".join(f"{line}\n" for line in [*lines, *more, f"{last} relay postfix/qmgr[1]: end"]).encode()


def settled(database: Database, *logs: bytes) -> tuple[DeliveryState, str]:
    """Settle by a log and give what became of the one mail in doubt, and why."""
    known = doubts(database, message_id)
    relay = RelayLog(known.message_ids, now=LATER, zone=UTC)
    for content in logs:
        relay.read(io.BytesIO(content))
    [finding] = record(database, by_log(known, relay), now=LATER, lifetime=EXPIRY)
    assert rows(database)[1].state == finding.state
    return finding.state, finding.says


# --- by a log


def test_what_the_relay_took_is_sent_and_the_row_says_by_whose_word(database: Database) -> None:
    assert settled(database, log_of(2)) == (SENT, "the relay took it as A0002")
    row = rows(database)[1]
    assert (row.code, row.reply, row.changed) == (250, "the relay took it as A0002", LATER)


def test_what_a_log_that_can_be_believed_has_not_is_due_again_under_the_same_row(database: Database) -> None:
    assert settled(database, log_of(1, 3)) == (QUEUED, "the relay never had it")
    row = rows(database)[1]
    assert (row.id, row.due, row.expires) == (2, LATER, LATER + EXPIRY)


def test_what_was_broken_off_is_due_again(database: Database) -> None:
    broken = (
        f"{AT} relay postfix/smtpd[9]: B0001: client=a[10.0.0.1]",
        f"{AT} relay postfix/cleanup[2]: B0001: message-id={id_of(2)}",
        f"{AT} relay postfix/smtpd[9]: lost connection after DATA (512 bytes) from a[10.0.0.1]",
    )
    assert settled(database, log_of(more=broken)) == (QUEUED, "the relay did not get it to its end")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no line of the log has a date"),
        (log_of(1, 3, first="2015-10-21T05:56:00Z"), "the log begins at 2015-10-21 05:56 UTC"),
        (log_of(1, 3, last="2015-10-21T06:04:00Z"), "the log ends at 2015-10-21 06:04 UTC"),
        (log_of(), "the log lacks 2 of 2 mails"),
        (log_of(1), "the log lacks 1 of 2 mails"),
        (
            log_of(1, 3, more=(f"{AT} r postfix/cleanup[2]: C0001: message-id={id_of(2)}",)),
            "began",
        ),
    ],
    ids=["empty", "begins late", "ends early", "another relay's", "a part left out", "only begun"],
)
def test_a_log_that_proves_nothing_leaves_it_in_doubt(database: Database, content: bytes, says: str) -> None:
    state, why = settled(database, content)
    assert (state, says in why) == (IN_DOUBT, True), why


def test_without_a_mail_sent_beside_it_a_log_that_has_it_not_is_not_believed(database: Database) -> None:
    with database.transaction() as connection:
        claims.put_back(connection, [1, 3], ended=(SENT,), now=MORNING, lifetime=EXPIRY)
    state, why = settled(database, log_of())
    assert (state, "no mail was sent beside it" in why) == (IN_DOUBT, True)


def test_several_files_in_any_order_are_one_log(database: Database) -> None:
    assert settled(database, log_of(3), log_of(1))[0] is QUEUED


def test_an_older_secret_makes_nobody_get_two(database: Database) -> None:
    known = doubts(database, lambda entry: f"<{entry.id}@digest.example>")
    relay = RelayLog(known.message_ids, now=LATER, zone=UTC)
    relay.read(io.BytesIO(log_of(1, 2, 3)))
    [finding] = by_log(known, relay)
    assert finding.state is IN_DOUBT


def test_what_was_settled_meanwhile_is_left_alone(database: Database) -> None:
    known = doubts(database, message_id)
    with database.transaction() as connection:
        claims.put_back(connection, [2], ended=(IN_DOUBT,), now=MORNING, lifetime=EXPIRY)
    relay = RelayLog(known.message_ids, now=LATER, zone=UTC)
    relay.read(io.BytesIO(log_of(2)))
    assert list(record(database, by_log(known, relay), now=LATER, lifetime=EXPIRY)) == []
    assert rows(database)[1].state == "queued"


# --- by the log of a real Postfix


@pytest.fixture
def postfix(need: Need) -> Iterator[Postfix]:
    program = need("postfix")
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("Postfix must be started by root")
    with Smtpd() as sink, Postfix(program, next_hop=sink.port) as running:
        yield running


def until(postfix: Postfix, says: str) -> bytes:
    deadline = time.monotonic() + 60
    while says not in (content := postfix.log):
        assert time.monotonic() < deadline, content
        time.sleep(0.05)
    return content.encode()


def test_a_real_postfix_says_what_it_took_and_what_broke_off(postfix: Postfix) -> None:
    took, broke = id_of(1), id_of(2)
    with smtplib.SMTP("127.0.0.1", postfix.port) as line:
        line.sendmail("d@digest.example", "ada@mail.example", f"Message-ID: {took}\r\n\r\nHello\r\n")
    with socket.create_connection(("127.0.0.1", postfix.port)) as line, line.makefile("rb") as said:
        for command in ("EHLO a.example", "MAIL FROM:<d@d.example>", "RCPT TO:<ada@mail.example>", "DATA"):
            said.readline()
            line.sendall(f"{command}\r\n".encode())
        while not said.readline().startswith(b"354"):
            pass
        line.sendall(f"Message-ID: {broke}\r\n\r\n{'Hello' * 2000}\r\n".encode())
        line.shutdown(socket.SHUT_WR)
        said.read()
    until(postfix, "(queue active)")
    until(postfix, "lost connection after DATA")
    content = until(postfix, broke)
    relay = RelayLog([took, broke], now=datetime.now(UTC), zone=None)
    relay.read(io.BytesIO(content))
    assert (relay.taken.keys(), relay.broken_off) == ({took}, {broke})
    assert relay.last is not None
    assert abs(relay.last - datetime.now(UTC)) < timedelta(minutes=5)


# --- by a mailbox


def test_a_mail_that_lies_in_a_maildir_is_sent_and_of_others_nothing_follows(
    database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "seed"
    for part in ("new", "cur"):
        (folder / part).mkdir(parents=True)
    (folder / "cur" / "1:2,S").write_bytes(
        f"Received: from a\r\n\tby b\r\nmessage-id:\r\n {id_of(2)}\r\n\r\nHello".encode()
    )
    (folder / "new" / "2").write_bytes(f"Subject: x\n\nMessage-ID: {id_of(1)}\n".encode())
    (folder / "new" / "3").symlink_to(folder / "cur" / "1:2,S")
    known = doubts(database, message_id)

    assert mailbox.there(folder, [id_of(1), id_of(2)]) == {id_of(2)}
    [finding] = record(database, by_mailbox(known, {id_of(2)}), now=LATER, lifetime=EXPIRY)
    assert (finding.state, rows(database)[1].state) == (SENT, "sent")
    [nothing] = by_mailbox(known, ())
    assert nothing.state is IN_DOUBT


def test_a_folder_that_is_no_maildir_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DigestError, match="no Maildir"):
        mailbox.there(tmp_path, [id_of(1)])


def test_an_imap_mailbox_says_which_it_holds_and_nothing_is_marked(need: Need) -> None:
    program = need("dovecot")
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("Dovecot must be started by root")
    seed = "seed@digest.example"
    with Dovecot(program) as dovecot:
        dovecot.deliver(f"Message-ID: {id_of(2)}\r\nSubject: x\r\n\r\nHello\r\n".encode(), to=seed)
        door = Mailbox(
            handle=lambda _content, _envelope: "",
            host="127.0.0.1",
            port=dovecot.port,
            username=seed,
            password=PASSWORD,
            security="none",
        )
        assert door.holding([id_of(1), id_of(2)]) == {id_of(2)}
        with dovecot.client(seed) as client:
            assert len(client.search("UNSEEN")) == 1
