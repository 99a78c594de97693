"""What comes back: of which reader only our tokens tell; what follows for him and for all sending."""

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from conftest import Need
from issues import article, issue, section, story
from mailroom import ADA, US, Mailroom
from makers import Clock
from postfix import Postfix
from smtp_server import Smtpd

from digest.address import parse_address
from digest.bounces import Reason
from digest.feedback import Feedback
from digest.model import DeliveryState, Reply, SubscriberState, SuppressionReason
from digest.received import Envelope
from digest.store import consents, issues, scores, stops, subscribers
from digest.store.tables import deliveries, metadata, notices
from digest.store.tables import issues as issues_table
from digest.tokens import Purpose, Tokens
from digest.transport.smtp import Smtp

BOB = "bob@mail.example"
WEEK = 7
INBOUND = '[inbound]\nkind = "maildir"'
HARD, SOFT = "550 5.1.1 user unknown", "452 4.2.2 mailbox full"
BLOCKED = Reply(code=550, enhanced="5.7.1", text="your host is on our block list")


class Room(Mailroom):
    """A publisher whose letters come back."""

    def token(self, address: str = ADA, *, purpose: Purpose = Purpose.BOUNCE) -> str:
        """Give the token of a reader's last delivery, or of himself."""
        reader = self.reader(address)
        assert reader is not None
        number = reader.id if purpose is not Purpose.BOUNCE else self.deliveries(address)[-1].id
        return self.app.readers.tokens.make(purpose, number)

    def deliveries(self, address: str = ADA) -> list[sa.Row[tuple[object, ...]]]:
        reader = self.reader(address)
        assert reader is not None
        query = sa.select(deliveries).where(deliveries.c.subscriber_id == reader.id).order_by(deliveries.c.id)
        with self.app.database.transaction() as connection:
            return list(connection.execute(query))

    def returns(self, said: str, *, token: str, named: str = ADA, original: str = "") -> str:
        """Let a server send a report to the address with a token, or to the plain one."""
        to = US.replace("@", f"+bounce-{token}@") if token else US
        status = f"Final-Recipient: rfc822; {named}\nAction: failed\nDiagnostic-Code: smtp; {said}"
        return self.comes(to, "delivery-status", status, original)

    def complains(self, *, token: str, original: str = "") -> str:
        to = US.replace("@", f"+bounce-{token}@") if token else US
        return self.comes(to, "feedback-report", "Feedback-Type: abuse\nVersion: 1", original)

    def comes(self, to: str, kind: str, fields: str, original: str) -> str:
        self.number = getattr(self, "number", 0) + 1
        content = (
            f"From: MAILER-DAEMON@mail.example\nTo: {to}\nSubject: Undelivered\n"
            f"Message-ID: <{self.number}@mail.example>\n"
            f"Content-Type: multipart/report; report-type={kind}; boundary=b\n\n"
            f"--b\nContent-Type: message/{kind}\n\n{fields}\n\n"
            f"--b\nContent-Type: message/rfc822\n\nFrom: {US}\n{original}\n\n--b--\n"
        )
        return self.gets(content.encode(), Envelope(sender="", recipients=(to,)))

    def tries(self, *addresses: str, refused: Reply | None = None) -> None:
        """Let the last letters to readers leave now, and their servers take or refuse them."""
        state = DeliveryState.QUEUED if refused else DeliveryState.SENT
        numbers = [self.deliveries(address)[-1].id for address in addresses]
        left = sa.update(deliveries).where(deliveries.c.id.in_(numbers))
        said = [(number, refused) for number in numbers if refused]
        with self.app.database.transaction() as connection:
            connection.execute(left.values(state=state.value, changed=self.clock()))
            Feedback(readers=self.app.readers).heard(connection, taken=(), refused=said, now=self.clock())

    def suppression(self, address: str = ADA) -> SuppressionReason | None:
        with self.app.database.transaction() as connection:
            return self.app.readers.suppression(connection, parse_address(address))

    def stopped(self) -> list[str]:
        with self.app.database.transaction() as connection:
            return [stop.reason for stop in stops.active(connection)]

    def day(self) -> None:
        """Let a day go by, with an issue that all active readers get."""
        now = self.clock.forward(days=1)
        with self.app.database.transaction() as connection:
            number = connection.scalar(sa.select(sa.func.count()).select_from(issues_table)) or 0
            one = issue(section("World", story(article(1))), number=number + 1, date=now.date())
            issue_id = issues.freeze(connection, one)
            for reader in subscribers.all_of(connection, "daily"):
                row = {"issue_id": issue_id, "subscriber_id": reader.id, "state": "sent", "attempts": 1}
                values = row | {"due": now, "expires": now, "changed": now}
                if reader.state is SubscriberState.ACTIVE:
                    connection.execute(sa.insert(deliveries).values(values))

    def everything(self) -> dict[str, list[tuple[object, ...]]]:
        """Give all that is kept, but which mails were handled."""
        with self.app.database.transaction() as connection:
            return {
                name: [tuple(row) for row in connection.execute(sa.select(table))]
                for name, table in metadata.tables.items()
                if name != "handled"
            }


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    clock = Clock()
    opened = Room(tmp_path, INBOUND, clock=clock)
    opened.clock = clock
    opened.adds(ADA)
    opened.adds(BOB)
    opened.day()
    yield opened
    opened.close()


def test_a_hard_bounce_suppresses_its_reader_at_once_and_nobody_else(room: Room) -> None:
    assert "suppressed" in room.returns(HARD, token=room.token())
    assert room.suppression() is SuppressionReason.HARD_BOUNCE
    assert room.suppression(BOB) is None
    assert room.state() == "active"  # he has not left
    assert room.deliveries()[-1].feedback_reason == "userunknown"


@pytest.mark.parametrize("forge", ["none", "another secret", "another purpose", "cut"])
def test_a_forged_report_with_a_bad_token_changes_nothing(room: Room, forge: str) -> None:
    token = {
        "none": "",
        "another secret": Tokens("guessed").make(Purpose.BOUNCE, room.deliveries()[-1].id),
        "another purpose": room.token(purpose=Purpose.VOTE),
        "cut": room.token()[:-2],
    }[forge]
    before = room.everything()
    for said in (HARD, SOFT, "550 5.7.26 DMARC"):
        room.returns(said, token=token)
    room.complains(token=token)
    assert room.everything() == before


def test_the_token_says_whose_it_is_whoever_the_report_names(room: Room) -> None:
    """Forwarding makes them differ; and who names another reader cannot harm him."""
    room.returns(HARD, token=room.token(), named=BOB)
    assert room.suppression(BOB) is None
    assert room.suppression() is SuppressionReason.HARD_BOUNCE


def test_a_letter_that_comes_back_to_the_plain_address_is_known_by_its_own_token(room: Room) -> None:
    leave = room.token(purpose=Purpose.UNSUBSCRIBE)
    original = f"List-Unsubscribe: <https://digest.example/unsubscribe/{leave}>"
    assert "suppressed" in room.returns(HARD, token="", original=original)
    assert room.suppression() is SuppressionReason.HARD_BOUNCE


def test_a_complaint_unsubscribes_from_every_list_and_suppresses_at_once(room: Room) -> None:
    room.adds(ADA, on="weekend")
    leave = room.token(purpose=Purpose.UNSUBSCRIBE)
    room.complains(token="", original=f"List-Unsubscribe: <https://digest.example/unsubscribe/{leave}>")
    assert room.suppression() is SuppressionReason.COMPLAINT
    assert (room.state(), room.state(on="weekend")) == ("unsubscribed", "unsubscribed")
    with room.app.database.transaction() as connection:
        log = consents.of(connection, room.app.readers.fingerprint(parse_address(ADA)))
    assert [entry.consent.door for entry in log if entry.consent][-2:] == ["feedback", "feedback"]
    assert room.letters() == []  # no goodbye


def test_a_letter_counts_once_however_often_it_comes_back(room: Room) -> None:
    token = room.token()
    assert "score is 1.0" in room.returns(SOFT, token=token)
    for _ in range(9):
        assert "before" in room.returns(SOFT, token=token)
    with room.app.database.transaction() as connection:
        assert scores.get(connection, ADA).score == 1
    assert "unsubscribed" in room.complains(token=token)  # which is another matter
    assert "before" in room.complains(token=token)


def test_an_old_report_that_is_sent_again_bears_on_nobody(room: Room) -> None:
    token = room.token()
    room.clock.forward(days=31)
    assert "too old" in room.returns(HARD, token=token)
    assert room.suppression() is None


@pytest.mark.parametrize("said", ["550 5.7.515 access denied", "554 on a blocklist", "550 looks like spam"])
def test_a_fault_of_ours_never_removes_a_reader_and_stops_everything(room: Room, said: str) -> None:
    room.returns(said, token=room.token())
    assert room.stopped() == []  # one of two says little, but is logged
    room.returns(said, token=room.token(BOB))
    assert len(room.stopped()) == 1
    for _ in range(3):
        room.day()
    with room.app.database.transaction() as connection:
        assert scores.get(connection, ADA) is None
    assert (room.suppression(), room.state()) == (None, "active")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("530 5.7.0 Authentication required", Reason.SECURITYERROR),
        ("553 who are you?", Reason.SENDERREFUSED),
        ("450 mailbox unavailable", Reason.SENDERREFUSED),
    ],
)
def test_a_server_that_takes_no_mail_of_ours_harms_no_reader_and_stops_everything(
    room: Room, said: str, reason: Reason
) -> None:
    room.adds("carl@mail.example")
    room.day()
    last_try = {"state": "queued", "due": room.clock(), "expires": room.clock() + timedelta(minutes=1)}
    with room.app.database.transaction() as connection:
        connection.execute(sa.update(deliveries).values(last_try))
    with Smtpd() as server:
        server.answer("MAIL", *[said] * 5)
        room.app.transport = Smtp(host="127.0.0.1", port=server.port, security="none")
        assert room.app.send() == {DeliveryState.FAILED: 5}
    assert {row.feedback_reason for row in room.deliveries()} == {reason}
    assert len(room.stopped()) == 1
    with room.app.database.transaction() as connection:
        assert scores.get(connection, ADA) is None


@pytest.mark.parametrize(
    ("said", "gone"), [("mailbox full", True), ("your server is on a blocklist", False)], ids=["his", "ours"]
)
def test_a_warning_that_is_refused_counts_if_that_is_the_readers_matter(
    room: Room, said: str, gone: bool
) -> None:
    refused = sa.update(notices).values(state="failed", code=550, reply=said)
    for _ in range(5 * WEEK):
        room.day()
        room.returns(SOFT, token=room.token())
        with room.app.database.transaction() as connection:
            connection.execute(refused)
    assert (room.suppression() is SuppressionReason.SOFT_BOUNCE) == gone


def test_a_mailbox_that_stays_full_is_warned_then_tried_then_given_up(room: Room) -> None:
    days = 0
    while "warned" not in (said := room.returns(SOFT, token=room.token())):
        room.day()
        days += 1
    assert "its reader is warned" in said
    assert 3 <= days <= 5
    assert room.kinds() == ["warning"]
    probe = room.token(purpose=Purpose.PROBE)
    assert "came back" in room.returns(SOFT, token=probe)
    assert room.suppression() is None  # one warning more
    for _ in range(WEEK):
        room.day()
        room.returns(SOFT, token=room.token())
    assert room.kinds() == ["warning", "warning"]
    assert "suppressed" in room.returns(SOFT, token=probe)
    assert room.suppression() is SuppressionReason.SOFT_BOUNCE


def test_a_warning_that_arrives_begins_the_count_of_warnings_anew(room: Room) -> None:
    for _ in range(40):
        room.day()
        room.returns(SOFT, token=room.token())
    assert room.kinds().count("warning") > 2
    assert room.suppression() is None


def test_a_score_fades_with_time_and_with_letters_that_are_taken(room: Room) -> None:
    room.returns(SOFT, token=room.token())
    with room.app.database.transaction() as connection:
        reader = subscribers.find(connection, "daily", ADA)
        scores.sent(connection, [reader.id, 999])
        assert scores.get(connection, ADA).score == 0.75
        for _ in range(9):
            scores.sent(connection, [reader.id])
        assert scores.get(connection, ADA).score == 0
    room.clock.forward(days=29)
    room.day()
    room.returns(SOFT, token=room.token())
    room.clock.forward(days=29)
    room.day()
    assert "score is 1.5" in room.returns(SOFT, token=room.token())


@pytest.mark.parametrize(
    ("reply", "reason", "suppressed"),
    [
        (Reply(code=550, enhanced="5.1.1", text="no such user"), Reason.USERUNKNOWN, True),
        (Reply(code=450, enhanced="4.1.1", text="no such user, yet"), Reason.EXPIRED, False),
        (Reply(code=552, enhanced="5.2.2", text="full"), Reason.MAILBOXFULL, False),
        (Reply(code=550, enhanced="5.7.26", text="no DMARC"), Reason.AUTHFAILURE, False),
    ],
)
def test_what_a_server_says_at_once_counts_like_what_comes_back(
    room: Room, reply: Reply, reason: Reason, suppressed: bool
) -> None:
    feedback, number = Feedback(readers=room.app.readers), room.deliveries()[-1].id
    with room.app.database.transaction() as connection:
        feedback.heard(connection, taken=(), refused=[(number, reply)], now=room.clock())
    assert room.deliveries()[-1].feedback_reason == reason
    assert (room.suppression() is not None) == suppressed


def test_many_complaints_of_a_list_stop_everything_and_one_in_ten_does_not(room: Room) -> None:
    readers = [f"reader{number}@mail.example" for number in range(8)]
    for address in readers:
        room.adds(address)
    room.day()
    room.complains(token=room.token(readers[0]))
    room.complains(token=room.token(readers[1]))
    assert room.stopped() == []
    room.complains(token=room.token(readers[2]))
    assert [reason.split(" letters")[0] for reason in room.stopped()] == ["3 of 10"]


def test_a_stop_that_was_lifted_comes_back_by_what_is_refused_anew_alone(room: Room) -> None:
    readers = [f"reader{number}@mail.example" for number in range(8)]
    for address in readers:
        room.adds(address)
    room.day()
    room.tries(*readers[:3], refused=BLOCKED)
    assert [reason.split(" were")[0] for reason in room.stopped()] == ["3 of 10 letters in a day"]
    room.app.lift()

    room.clock.forward(minutes=5)
    room.tries(*readers[:3], refused=BLOCKED)
    assert room.stopped() == [], "the same letters, tried again"
    assert "fault of ours" in room.returns(f"550 5.7.1 {BLOCKED.text}", token=room.token(readers[3]))
    assert room.stopped() == [], "a letter that had left before"
    room.tries(*readers[4:6], refused=BLOCKED)
    assert room.stopped() == []
    room.tries(readers[6], refused=BLOCKED)
    assert [reason.split(" were")[0] for reason in room.stopped()] == [
        "3 of 3 letters since all sending was resumed on 2015-10-23 06:00 UTC"
    ]


def test_complaints_of_before_a_stop_was_lifted_do_not_bring_it_back(room: Room) -> None:
    readers = [f"reader{number}@mail.example" for number in range(8)]
    for address in readers:
        room.adds(address)
    room.day()
    for address in readers[:3]:
        room.complains(token=room.token(address))
    assert len(room.stopped()) == 1
    room.app.lift()

    room.clock.forward(minutes=5)
    room.tries(*readers[4:])
    room.complains(token=room.token(readers[3]))
    room.complains(token=room.token(readers[4]))
    room.complains(token=room.token(readers[5]))
    assert room.stopped() == []
    room.complains(token=room.token(readers[6]))
    assert [reason.split(" are")[0] for reason in room.stopped()] == [
        "3 of 4 letters of daily since all sending was resumed on 2015-10-23 06:00 UTC"
    ]


def test_an_automatic_answer_and_a_command_to_such_an_address_do_nothing_to_a_reader(room: Room) -> None:
    to = US.replace("@", f"+bounce-{room.token()}@")
    away = f"From: {ADA}\nTo: {to}\nSubject: Out of office\nMessage-ID: <a@x.example>\n\nunsubscribe\n"
    assert room.gets(away.encode()) == "an automatic answer"
    typed = f"From: {ADA}\nTo: {to}\nSubject: unsubscribe\nMessage-ID: <b@x.example>\n\n"
    assert "nothing" in room.gets(typed.encode())
    assert (room.state(), room.suppression()) == ("active", None)
    assert room.deliveries()[-1].feedback == "autoresponded"


def test_the_report_of_a_real_postfix_suppresses_the_reader_whom_it_could_not_reach(
    room: Room, need: Need
) -> None:
    program = need("postfix")
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("Postfix must be started by root")
    back = US.replace("@", f"+bounce-{room.token()}@")
    with Smtpd() as server, Postfix(program, next_hop=server.port) as postfix:
        server.answer("RCPT", "550 5.1.1 no such user here")
        transport = Smtp(host="127.0.0.1", port=postfix.port, security="none", hello_name="digest.test")
        with transport.connect() as session:
            session.send(envelope_from=back, recipient=ADA, message=f"To: {ADA}\r\n\r\nNews\r\n".encode())
        deadline = time.monotonic() + 60
        while not server.mails:
            assert time.monotonic() < deadline, postfix.log
            time.sleep(0.05)
        [report] = server.mails
    assert (report.envelope_from, report.recipients) == ("", [back])
    said = room.gets(report.content, Envelope(sender="", recipients=tuple(report.recipients)))
    assert said == "a hard bounce, userunknown: suppressed"
    assert room.suppression() is SuppressionReason.HARD_BOUNCE
    assert room.gets(report.content, Envelope(sender="", recipients=(back,))) == "it was handled before"
