"""Readers' mail, by whichever door it comes: what it does, what answers it, and what is never answered.

The first half runs over all four doors, each a real one; the second asks the processor itself.
"""

import email.policy
import json
import logging
import os
import re
import smtplib
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

import pytest
import sqlalchemy as sa
from conftest import Need
from dovecot import PASSWORD, Dovecot
from hypothesis import given
from hypothesis import strategies as st
from mailroom import ADA, EVE, US, Mailroom, mail, mailto, reply
from makers import UNTIMED, Clock
from smtp_server import Smtpd
from terminal import read_mail
from typer.testing import CliRunner

from digest.app import App
from digest.cli.start import app as command_line
from digest.config import load
from digest.doors.imap import Mailbox
from digest.doors.lmtp import Listener
from digest.doors.maildir import Folder
from digest.errors import StoreError, TransportError
from digest.model import SuppressionReason
from digest.received import Envelope
from digest.store import subscribers
from digest.store.tables import metadata
from digest.tokens import Purpose
from digest.wishes import Frequency, Stance

DOORS = ("imap", "lmtp", "maildir", "pipe")
PATIENCE = 30


class Door(Protocol):
    """A way in for one mail; when it returns, the mail is handled."""

    def __call__(self, content: bytes, *, to: str, sender: str) -> None: ...


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Mailroom]:
    room = Mailroom(tmp_path / "digest")
    yield room
    room.close()


@pytest.fixture(scope="module")
def dovecot(need: Need) -> Iterator[Dovecot]:
    program = need("dovecot")
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("Dovecot must be started by root")
    with Dovecot(program) as running:
        yield running


def by_imap(room: Mailroom, dovecot: Dovecot) -> Iterator[Door]:
    dovecot.empty(US)
    mailbox = Mailbox(
        handle=room.app.inbound.handle,
        host="127.0.0.1",
        port=dovecot.port,
        username=US,
        password=PASSWORD,
        security="none",
    )

    def bring(content: bytes, *, to: str, sender: str) -> None:
        dovecot.deliver(content, to=to, sender=sender)
        mailbox.once()

    yield bring


def by_lmtp(room: Mailroom, path: Path) -> Iterator[Door]:
    listener = Listener(handle=room.app.inbound.handle, takes=room.app.inbound.takes, socket=path)
    stop = threading.Event()
    thread = threading.Thread(target=listener.run, args=(stop,))
    thread.start()
    with socket.socket(socket.AF_UNIX) as probe:
        while probe.connect_ex(str(path)):
            assert thread.is_alive()

    def bring(content: bytes, *, to: str, sender: str) -> None:
        with smtplib.LMTP(str(path)) as line:
            line.sendmail(sender, [to], content)

    yield bring
    stop.set()
    thread.join(PATIENCE)


def by_maildir(room: Mailroom, path: Path) -> Iterator[Door]:
    folder = Folder(handle=room.app.inbound.handle, path=path)
    folder.once()

    def bring(content: bytes, *, to: str, sender: str) -> None:
        trace = f"Return-Path: <{sender}>\r\nDelivered-To: {to}\r\n".encode()
        (path / "new/1").write_bytes(trace + content)
        folder.once()

    yield bring


def by_pipe(room: Mailroom) -> Iterator[Door]:
    def bring(content: bytes, *, to: str, sender: str) -> None:
        arguments = ["--config", str(room.config), "receive", "--sender", sender, "--recipient", to]
        done = CliRunner().invoke(command_line, arguments, input=content)
        assert done.exit_code == 0, done.output

    yield bring


class Post:
    """What readers send, by one of the doors."""

    def __init__(self, room: Mailroom, door: Door) -> None:
        self.room = room
        self._door = door

    def brings(self, content: bytes, *, sender: str | None = None) -> None:
        """Bring a mail to the address in its To; `sender` is that of the envelope, else the author's."""
        headers = read_mail(content)
        author = str(headers["From"].addresses[0].addr_spec) if sender is None else sender
        self._door(content, to=str(headers["To"].addresses[0].addr_spec), sender=author)
        self.room.app.notify()


@pytest.fixture(params=DOORS)
def post(request: pytest.FixtureRequest, room: Mailroom, tmp_path: Path) -> Iterator[Post]:
    match request.param:
        case "imap":
            ways = by_imap(room, request.getfixturevalue("dovecot"))
        case "lmtp":
            ways = by_lmtp(room, tmp_path / "lmtp")
        case "maildir":
            ways = by_maildir(room, tmp_path / "inbox")
        case _:
            ways = by_pipe(room)
    for door in ways:
        yield Post(room, door)


def joins(post: Post, address: str = ADA) -> None:
    """Subscribe and confirm."""
    post.brings(mail("subscribe", sender=address))
    post.brings(reply(post.room.last(address), "yes", sender=address))
    assert post.room.state(address) == "active"


# --- over all four doors


def test_a_reader_subscribes_by_the_subscribe_address_and_confirms_by_reply(
    post: Post, room: Mailroom
) -> None:
    post.brings(mail(to="digest+subscribe-weekend@digest.example"))
    assert room.state(on="weekend") == "pending"
    assert room.kinds() == ["confirm"]
    post.brings(reply(room.last(), "Yes, please!"))
    assert room.state(on="weekend") == "active"
    assert room.kinds() == ["confirm", "welcome"]
    assert room.state(on="daily") == ""


def test_a_reader_subscribes_by_subject_with_options(post: Post, room: Mailroom) -> None:
    post.brings(mail("AW: subscribe weekly 07:00 Europe/Paris +city -sport"))
    post.brings(reply(room.last(), "ok"))
    reader = room.reader()
    assert reader
    assert reader.state == "active"
    assert (reader.wishes.frequency, reader.wishes.hour, reader.wishes.zone) == (
        Frequency.WEEKLY,
        "07:00",
        "Europe/Paris",
    )
    assert reader.wishes.stance("city") is Stance.MORE
    assert reader.wishes.stance("sport") is Stance.NONE


def test_a_reader_changes_his_wishes_by_reply_to_a_letter(post: Post, room: Mailroom) -> None:
    joins(post)
    room.publish("Stop", "The tide is high")  # the first headline stands in the subject
    issue = room.last()
    assert "+letter-" in str(issue["Reply-To"])
    post.brings(reply(issue, "weekly\nless 1"))
    reader = room.reader()
    assert reader
    assert reader.state == "active", "a headline is no command"
    assert reader.wishes.frequency is Frequency.WEEKLY
    assert reader.wishes.stance("city") is Stance.LESS
    assert room.kinds()[-1] == "answer"


def test_a_reader_gets_the_whole_text_of_a_story(post: Post, room: Mailroom) -> None:
    joins(post)
    room.publish("The tide is high")
    post.brings(reply(room.last(), "full 1"))
    assert room.kinds()[-1] == "story"
    assert "The old ones were forged in 1931" in room.last().get_body(("plain",)).get_content()


def test_a_reader_pauses_and_resumes(post: Post, room: Mailroom) -> None:
    joins(post)
    post.brings(reply(room.last(), "pause 2w"))
    reader = room.reader()
    assert reader
    assert (reader.state, (reader.paused_until or reader.since) - reader.since) == (
        "paused",
        timedelta(days=14),
    )
    post.brings(reply(room.last(), "resume"))
    assert room.state() == "active"


def test_a_mail_programs_unsubscribe_button_works_at_once(post: Post, room: Mailroom) -> None:
    joins(post)
    room.publish("The tide is high")
    address, subject = mailto(room.last())
    post.brings(mail(subject, to=address))
    assert room.state() == "unsubscribed"
    assert room.kinds()[-1] == "goodbye"


def test_a_button_that_says_it_is_a_machine_works_too_and_is_not_answered(post: Post, room: Mailroom) -> None:
    joins(post)
    address, subject = mailto(room.last())
    letters = room.all_letters()
    post.brings(
        mail(subject, to=address, sender="robot@provider.example", Auto_Submitted="auto-generated"),
        sender="",
    )
    assert room.state() == "unsubscribed"
    assert room.all_letters() == letters


def test_who_wants_to_leave_without_a_token_is_asked_first(post: Post, room: Mailroom) -> None:
    room.adds()
    post.brings(mail("unsubscribe"))
    assert room.state() == "active"
    assert room.kinds()[-1] == "confirm"
    post.brings(reply(room.last(), "yes"))
    assert room.state() == "unsubscribed"
    assert room.kinds()[-1] == "goodbye"


def test_a_reader_gets_all_that_is_known_about_him(post: Post, room: Mailroom) -> None:
    joins(post)
    post.brings(reply(room.last(), "my data"))
    assert room.kinds()[-1] == "data"
    [file] = room.last().iter_attachments()
    known = json.loads(file.get_content())
    assert known["address"] == ADA
    assert [one["list"] for one in known["subscriptions"]] == ["daily"]


def test_a_reader_is_forgotten(post: Post, room: Mailroom) -> None:
    joins(post)
    post.brings(reply(room.last(), "forget me"))
    assert room.reader() is None
    assert "forgotten" in room.last()["Subject"]
    assert ADA not in everything(room)


def test_help_comes_once_a_day(post: Post, room: Mailroom) -> None:
    for question in ("help", "What is this?", "help me please"):
        post.brings(mail(question))
    assert room.kinds() == ["help"]


def test_a_mail_of_html_alone_is_read(post: Post, room: Mailroom) -> None:
    post.brings(
        mail(
            "Hello",
            html="<html><body><div dir='ltr'><b>Subscribe</b> weekly<br></div></body></html>",
        )
    )
    assert room.kinds() == ["confirm"]
    post.brings(reply(room.last(), "yes"))
    reader = room.reader()
    assert reader
    assert reader.wishes.frequency is Frequency.WEEKLY


def test_an_arabic_mail_is_answered_in_arabic(post: Post, room: Mailroom) -> None:
    post.brings(mail("\u200fاشتراك"))
    question = room.last().get_body(("html",)).get_content()
    assert 'lang="ar"' in question
    assert 'dir="rtl"' in question
    post.brings(reply(room.last(), "\u200fنعم"))
    assert room.state() == "active"
    assert 'lang="ar"' in room.last().get_body(("html",)).get_content()


MACHINES = {
    "our own address": (mail("subscribe", sender=US), US),
    "a null sender": (mail("subscribe"), ""),
    "list mail": (mail("subscribe", List_Id="<talk.mail.example>"), ADA),
    "a vacation responder": (
        mail("Automatic reply: subscribe", Auto_Submitted="auto-replied", X_Auto_Response_Suppress="All"),
        ADA,
    ),
    "bulk mail": (mail("subscribe", Precedence="bulk"), ADA),
    "a mailer daemon": (mail("subscribe", sender="MAILER-DAEMON@mail.example"), "mailer-daemon@mail.example"),
}


def test_a_machine_changes_nothing_and_is_not_answered(post: Post, room: Mailroom) -> None:
    for machine, (content, sender) in MACHINES.items():
        post.brings(content, sender=sender)
        assert (room.state(), room.all_letters()) == ("", 0), machine


def test_a_vacation_responder_confirms_nothing(post: Post, room: Mailroom) -> None:
    post.brings(mail("subscribe"))
    post.brings(
        reply(room.last(), "I am on the beach.").replace(
            b"Subject: ", b"Auto-Submitted: auto-replied\r\nSubject: "
        )
    )
    assert room.state() == "pending"
    assert room.kinds() == ["confirm"]


def test_the_report_that_our_own_letter_bounced_is_not_answered(post: Post, room: Mailroom) -> None:
    joins(post)
    room.publish("The tide is high")
    issue = room.last()
    letters = room.all_letters()
    post.brings(bounce(issue), sender="")
    assert room.all_letters() == letters
    assert room.state() == "active"


def test_who_writes_in_another_readers_name_changes_nothing(post: Post, room: Mailroom) -> None:
    room.adds()
    for text in ("unsubscribe", "forget me", "weekly", "pause"):
        post.brings(mail(text, sender=ADA), sender=EVE)
        post.brings(mail(text, sender=ADA))  # the envelope is forged, too
    reader = room.reader()
    assert reader
    assert (reader.state, reader.wishes.frequency) == ("active", Frequency.DAILY)
    assert room.kinds() == ["confirm"], "he is asked once a day"
    assert room.letters(EVE) == []


def test_the_same_mail_is_handled_once(post: Post, room: Mailroom) -> None:
    content = mail("subscribe")
    for _ in range(3):
        post.brings(content)
    assert room.kinds() == ["confirm"]


def test_a_mail_that_another_door_brought_before_is_not_handled_again(post: Post, room: Mailroom) -> None:
    content = mail("subscribe")
    room.gets(content)
    post.brings(b"Received: by another server\r\nX-Spam-Score: 0\r\n" + content)
    assert room.kinds() == ["confirm"]


def everything(room: Mailroom) -> str:
    """Give all that the database holds, as text."""
    with room.app.database.transaction() as connection:
        return "\n".join(
            str(tuple(row))
            for table in metadata.sorted_tables
            for row in connection.execute(sa.select(table))
        )


def bounce(letter: EmailMessage) -> bytes:
    """Write the report of a mail server that a letter could not be delivered (RFC 3464)."""
    return (
        (
            f"From: Mail Delivery System <MAILER-DAEMON@mail.example>\r\nTo: {US}\r\n"
            "Subject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\n"
            "Message-ID: <bounce@mail.example>\r\n"
            'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
            "--b\r\n\r\nunsubscribe\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
            f"Reporting-MTA: dns; mail.example\r\n\r\nFinal-Recipient: rfc822; {ADA}\r\nAction: failed\r\n"
            "Status: 5.1.1\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        ).encode()
        + letter.as_bytes(policy=email.policy.SMTP)
        + b"\r\n--b--\r\n"
    )


# --- what a mail without proof asks for


def text(letter: EmailMessage) -> str:
    return letter.get_body(("plain",)).get_content()


def test_one_letter_asks_about_all_that_a_mail_asks_for(room: Mailroom) -> None:
    room.adds()
    assert room.gets(mail("weekly", "pause 2 weeks\n\nmy data\n")) == "asked back: change, pause, data"
    assert room.kinds() == ["confirm"]
    room.gets(reply(room.last(), "yes"))
    reader = room.reader()
    assert reader
    assert (reader.state, reader.wishes.frequency) == ("paused", Frequency.WEEKLY)
    assert sorted(room.kinds()) == ["answer", "confirm", "data"]


def test_options_in_a_mail_to_the_subscribe_address_belong_to_the_subscription(room: Mailroom) -> None:
    room.gets(mail("weekly", "5 minutes\n+city", to="digest+subscribe-daily@digest.example"))
    room.gets(reply(room.last(), "yes"))
    reader = room.reader()
    assert reader
    assert (reader.wishes.frequency, reader.wishes.minutes) == (Frequency.WEEKLY, 5)
    assert reader.wishes.stance("city") is Stance.MORE
    assert room.kinds() == ["confirm", "welcome"]


def test_words_outweigh_the_subscribe_address_where_they_say_the_opposite(room: Mailroom) -> None:
    room.adds()
    room.gets(mail("unsubscribe", to="digest+subscribe@digest.example"))
    room.gets(reply(room.last(), "yes"))
    assert room.state() == "unsubscribed"


def test_a_mail_without_a_list_is_about_the_one_that_its_author_reads(room: Mailroom) -> None:
    room.adds(on="weekend")
    room.gets(mail("unsubscribe"))
    assert "The Weekend Digest" in text(room.last())
    room.gets(reply(room.last(), "yes"))
    assert room.state(on="weekend") == "unsubscribed"


def test_a_list_that_is_not_there_and_one_that_is_not_public_are_the_same(tmp_path: Path) -> None:
    answers = []
    for name, list_name in (("one", "staff"), ("two", "no-such-list")):
        room = Mailroom(tmp_path / name)
        said = room.gets(mail(to=f"digest+subscribe-{list_name}@digest.example"))
        answers.append((said, room.kinds(), text(room.last()), room.state(on=list_name)))
        room.close()
    assert answers[0] == answers[1]
    assert answers[0][1] == ["help"]


@pytest.mark.parametrize("subject", ["subscribe", "unsubscribe", "my data", "forget me", "help", "blah"])
def test_an_answer_does_not_tell_whether_the_address_is_a_readers(tmp_path: Path, subject: str) -> None:
    answers = []
    for name in ("reader", "stranger"):
        clock = Clock()
        room = Mailroom(tmp_path / name, clock=clock)
        if name == "reader":
            room.adds()
            clock.forward(days=1)
        else:
            clock.forward(days=1)
        said = room.gets(mail(subject))
        token = re.compile(r"[a-z2-7]{34}")
        answers.append((said, room.kinds(), token.sub("…", text(room.last()))))
        room.close()
    assert answers[0] == answers[1]


def test_a_stranger_who_asks_for_his_data_learns_after_a_confirmation_that_there_is_none(
    room: Mailroom,
) -> None:
    room.gets(mail("my data"))
    room.gets(reply(room.last(), "yes"))
    assert room.kinds() == ["confirm", "answer"]
    assert room.state() == ""


def test_a_reader_is_forgotten_without_a_token_after_a_confirmation(room: Mailroom) -> None:
    room.adds()
    room.gets(mail("forget me"))
    assert room.state() == "active"
    room.gets(reply(room.last(), "yes"))
    assert "forgotten" in room.last()["Subject"]
    assert ADA not in everything(room)


def test_a_token_that_is_not_ours_proves_nothing(room: Mailroom) -> None:
    room.adds()
    other = room.app.tokens.make(Purpose.VOTE, 1)
    for verb in ("unsubscribe", "prefs", "letter"):
        assert room.gets(mail("unsubscribe", verb, to=f"digest+{verb}-{other}@digest.example"))
    assert room.state() == "active"
    assert room.kinds() == ["confirm"], "he is asked"
    room.gets(mail(to=f"digest+confirm-{other}@digest.example"))
    assert room.kinds() == ["confirm", "help"]


# --- confirming


def test_a_confirmation_may_come_from_anywhere_and_with_the_token_in_its_subject(room: Mailroom) -> None:
    """People forward their mail; it is the token that proves it."""
    room.gets(mail("subscribe"))
    address = str(room.last()["Reply-To"])
    token = address.partition("-")[2].partition("@")[0]
    room.gets(mail(f"Re: confirm {token.upper()}", sender="ada@home.example"))
    assert room.state() == "active"
    assert room.letters("ada@home.example") == []


@pytest.mark.parametrize("words", ["No", "no.", "nein!", "unsubscribe", "stop", "forget me", "لا"])
def test_a_reply_that_says_no_is_no_confirmation(room: Mailroom, words: str) -> None:
    room.gets(mail("subscribe"))
    assert room.gets(reply(room.last(), words)) == "no was said to a request; it runs out"
    assert room.state() == "pending"


@pytest.mark.parametrize(
    "words", ["", "yes", "I did not know that this exists, thank you!", "unsubscribe me"]
)
def test_any_other_reply_is_a_confirmation(room: Mailroom, words: str) -> None:
    room.adds()
    room.gets(mail("unsubscribe"))
    room.gets(reply(room.last(), words))
    assert room.state() == "unsubscribed"


def test_a_second_yes_does_nothing(room: Mailroom) -> None:
    room.gets(mail("subscribe"))
    question = room.last()
    room.gets(reply(question, "yes"))
    assert room.gets(reply(question, "yes, yes!")) == "a request that was confirmed before"
    assert room.kinds() == ["confirm", "welcome"]


def test_a_confirmation_that_comes_too_late_is_answered_with_help(tmp_path: Path) -> None:
    clock = Clock()
    room = Mailroom(tmp_path, clock=clock)
    room.gets(mail("subscribe"))
    clock.forward(days=8)
    assert room.gets(reply(room.last(), "yes")) == "a request that is over; help"
    assert (room.state(), room.kinds()) == ("pending", ["confirm", "help"])
    room.close()


# --- who may write, and where answers go


ALICE = "alice@mail.example"


def test_what_comes_from_another_domain_than_its_author_is_not_answered(room: Mailroom) -> None:
    for subject in ("subscribe", "help"):
        said = room.gets(mail(subject), Envelope(sender=EVE))
        assert "dropped" in said or "no help" in said
    assert room.all_letters() == 0


def test_between_neighbours_the_question_goes_to_the_author_and_help_to_the_return_path(
    room: Mailroom,
) -> None:
    room.gets(mail("subscribe"), Envelope(sender=ALICE))
    room.gets(mail("help"), Envelope(sender=ALICE))
    assert (room.kinds(ADA), room.kinds(ALICE)) == (["confirm"], ["help"])


def test_an_author_whom_our_own_mail_server_vouches_for_is_answered(tmp_path: Path) -> None:
    room = Mailroom(tmp_path, "[inbound]", 'authserv_id = "mx.digest.example"')
    vouched = "mx.digest.example; dmarc=pass header.from=mail.example"
    for subject in ("subscribe", "help"):
        room.gets(mail(subject, Authentication_Results=vouched), Envelope(sender="ada-7@sender.example"))
    assert room.kinds() == ["confirm", "help"]
    room.close()


def test_another_servers_word_for_an_author_counts_nothing(tmp_path: Path) -> None:
    room = Mailroom(tmp_path, "[inbound]", 'authserv_id = "mx.digest.example"')
    forged = "mx.elsewhere.example; dmarc=pass header.from=mail.example"
    room.gets(mail("subscribe", Authentication_Results=forged), Envelope(sender=EVE))
    assert room.all_letters() == 0
    room.close()


def test_what_our_own_mail_server_calls_forged_is_dropped(tmp_path: Path) -> None:
    room = Mailroom(tmp_path, "[inbound]", 'authserv_id = "mx.digest.example"')
    forged = "mx.digest.example; dmarc=fail header.from=mail.example"
    assert room.gets(mail("subscribe", Authentication_Results=forged)).startswith("dropped: forged")
    assert room.all_letters() == 0
    room.close()


@pytest.mark.parametrize("reason", [SuppressionReason.COMPLAINT, SuppressionReason.ERASED])
def test_who_must_not_be_mailed_is_not_answered(room: Mailroom, reason: SuppressionReason) -> None:
    with room.app.database.transaction() as connection:
        subscribers.suppress(connection, ADA, reason=reason, now=room.app.clock())
    for subject in ("subscribe", "help"):
        room.gets(mail(subject))
    assert room.all_letters() == 0


def test_strangers_of_one_domain_get_so_many_letters_an_hour_and_no_more(tmp_path: Path) -> None:
    room = Mailroom(tmp_path, "[signup]", "confirmations_per_domain_an_hour = 5")
    for number in range(8):
        for subject in ("subscribe", "blah"):
            room.gets(mail(subject, sender=f"victim{number}@mail.example"))
    assert 5 <= room.all_letters() < 10, "so many questions, and fewer helps"
    room.gets(mail("blah", sender=EVE))
    assert len(room.letters(EVE)) == 1
    room.close()


def test_all_strangers_together_get_so_many_letters_an_hour_and_no_more(tmp_path: Path) -> None:
    room = Mailroom(tmp_path, "[signup]", "confirmations_an_hour = 5")
    for number in range(8):
        for subject in ("subscribe", "blah"):
            room.gets(mail(subject, sender=f"victim@mail{number}.example"))
    assert 5 <= room.all_letters() < 10
    room.close()


def test_no_answer_quotes_what_came_in(room: Mailroom) -> None:
    poison = "cheappills"
    room.adds()
    room.publish("The tide is high")
    letter = room.last()
    asked = [
        mail(f"subscribe {poison}", poison),
        mail(poison, f"weekly\n{poison}", sender=f"{poison} <alice@mail.example>"),
        mail("subscribe", f"+{poison}", sender="carol@mail.example"),
        mail("pause", f"{poison}\n{poison}\n", sender="dave@mail.example"),
        reply(letter, f"full 7\n{poison}"),
        reply(letter, f"+{poison}"),
    ]
    for content in asked:
        room.gets(content)
    letters = [path.read_text("utf-8") for path in (room.folder / "var/mail").glob("*/new/*")]
    assert len(letters) >= len(asked)
    assert not [letter for letter in letters if poison in letter.replace("=\n", "")]


def test_an_answer_comes_from_nobody_and_says_that_a_machine_wrote_it(tmp_path: Path) -> None:
    """RFC 3834: so that nothing answers it."""
    with Smtpd() as server:
        room = Mailroom(
            tmp_path, "[transport]", 'kind = "smtp"', f"port = {server.port}", 'security = "none"'
        )
        room.gets(mail("subscribe", Message_ID="<asked@mail.example>"))
        [taken] = server.mails
        room.close()
    letter = read_mail(taken.content)
    assert (taken.envelope_from, taken.recipients) == ("", [ADA])
    assert letter["Auto-Submitted"] == "auto-replied"
    assert letter["In-Reply-To"] == "<asked@mail.example>"


def test_the_log_says_what_was_done_and_names_nobody(
    room: Mailroom, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    room.gets(mail("subscribe", "secret words"))
    room.gets(reply(room.last(), "yes"))
    room.gets(mail("subscribe", to="other@digest.example"))
    said = [record.getMessage() for record in caplog.records if record.name == "digest.inbound"]
    assert [line.partition(": ")[2] for line in said] == [
        "asked back: subscribe",
        "confirmed: subscribe",
        "none of ours, left alone",
    ]
    assert ADA not in caplog.text
    assert "Ada" not in caplog.text
    assert "secret" not in caplog.text


# --- the operator's mail


OWNER = "owner@home.example"


@pytest.mark.parametrize("to", ["postmaster", "Abuse", "digest+owner"])
def test_the_operators_mail_is_passed_on_as_it_came_and_once(tmp_path: Path, to: str) -> None:
    room = Mailroom(tmp_path, "[publisher]", f'reply_to = "{OWNER}"')
    address = f"{to}@digest.example"
    content = mail("Your digest", "It is great.", to=address)
    assert room.app.inbound.takes(address)
    assert room.gets(content) == "passed on to the operator"
    assert room.gets(content) == "it was passed on before"
    [passed] = room.letters(OWNER)
    assert (passed["From"], passed["Subject"], passed.get_content()) == (ADA, "Your digest", "It is great.\n")
    assert room.letters(ADA) == [], "nobody but the operator answers"
    room.close()


@pytest.mark.parametrize("reply_to", ["", US, "digest+owner@digest.example", "postmaster@digest.example"])
def test_where_nobody_reads_the_operators_mail_it_is_left_where_it_lies(
    tmp_path: Path, reply_to: str
) -> None:
    room = Mailroom(tmp_path, "[publisher]", f'reply_to = "{reply_to}"')
    assert room.gets(mail(to="postmaster@digest.example")) == ""
    assert not room.app.inbound.takes("postmaster@digest.example")
    room.close()


def test_the_operators_mail_waits_where_it_cannot_leave_now(tmp_path: Path) -> None:
    with Smtpd() as server:
        room = Mailroom(
            tmp_path,
            "[publisher]",
            f'reply_to = "{OWNER}"',
            "[transport]",
            'kind = "smtp"',
            f"port = {server.port}",
            'security = "none"',
        )
        server.answer("RCPT", "451 4.7.1 greylisted", "550 5.7.1 not here")
        content = mail(to="postmaster@digest.example")
        with pytest.raises(TransportError, match="put off: 451"):
            room.gets(content)
        assert room.gets(content) == "", "refused for good: whoever reads the mailbox finds it there"
        assert room.gets(content) == "passed on to the operator"
        [taken] = server.mails
        assert (taken.envelope_from, taken.recipients) == (US, [OWNER])
        room.close()


# --- what is ours


@pytest.mark.parametrize(
    ("to", "ours"),
    [
        (US, True),
        ("DIGEST@Digest.Example", True),
        ("digest+help@digest.example", True),
        ("Digest+Confirm-ABC@digest.example", True),
        ("digest+@digest.example", True),
        ("digester@digest.example", False),
        ("digest@digest.example.evil.example", False),
        ("digest@elsewhere.example", False),
        ("digest@sub.digest.example", False),
        ("@digest.example", False),
        ("digest", False),
        ("", False),
        ("<digest@digest.example>", False),
        ("digest@digest.example\r\nRCPT TO:<x@y.example>", False),
    ],
)
def test_which_addresses_are_ours(room: Mailroom, to: str, ours: bool) -> None:
    assert room.app.inbound.takes(to) is ours


def test_mail_to_nobody_of_ours_is_left_alone(room: Mailroom) -> None:
    assert room.gets(mail("subscribe", to="other@digest.example")) == ""
    assert room.gets(mail("subscribe"), Envelope(sender=ADA, recipients=("other@digest.example",))) == ""
    assert room.all_letters() == 0


def test_of_several_addresses_of_ours_the_one_that_says_the_most_is_meant(room: Mailroom) -> None:
    room.adds()
    room.publish("The tide is high")
    letter = str(room.last()["Reply-To"])
    room.gets(mail("weekly"), Envelope(sender=ADA, recipients=(US, letter, "digest+help@digest.example")))
    reader = room.reader()
    assert reader
    assert reader.wishes.frequency is Frequency.WEEKLY
    assert room.kinds() == ["answer"]


def test_a_list_that_is_no_more_can_still_be_left_and_nothing_else(tmp_path: Path) -> None:
    room = Mailroom(tmp_path)
    room.adds(on="weekend")
    reader = room.reader(on="weekend")
    assert reader
    leave, change = (
        room.app.tokens.make(purpose, reader.id) for purpose in (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES)
    )
    room.close()
    room.config.write_text(
        room.config.read_text("utf-8").replace('[lists.weekend]\ntitle = "The Weekend Digest"', ""), "utf-8"
    )
    room.app = App(load(room.config))
    said = room.gets(mail("weekly", to=f"digest+prefs-{change}@digest.example"))
    assert said.startswith("it cannot be done: no list is called 'weekend'")
    room.gets(mail(to=f"digest+unsubscribe-{leave}@digest.example"))
    assert room.state(on="weekend") == "unsubscribed"
    room.close()


# --- once


def test_where_the_database_refuses_nothing_is_done_and_the_mail_can_come_again(room: Mailroom) -> None:
    content = mail("subscribe")
    file = room.folder / "var/digest.db"
    with room.app.database.transaction() as connection:
        connection.execute(sa.text("ALTER TABLE notices RENAME TO away"))
    with pytest.raises(StoreError):
        room.app.inbound.handle(content, Envelope())
    with room.app.database.transaction() as connection:
        connection.execute(sa.text("ALTER TABLE away RENAME TO notices"))
    assert file.exists()
    assert room.state() == ""
    assert room.gets(content) == "asked back: subscribe"
    assert room.kinds() == ["confirm"]


def test_two_doors_with_the_same_mail_at_the_same_moment_handle_it_once(room: Mailroom) -> None:
    content = mail("subscribe")
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda _: room.app.inbound.handle(content, Envelope()), range(16)))
    assert sorted(said) == ["asked back: subscribe"] + ["it was handled before"] * 15


@pytest.mark.parametrize("door", ["imap", "maildir"])
def test_a_run_that_is_killed_between_handling_and_marking_a_mail_answers_once(
    room: Mailroom, door: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    def handle(content: bytes, envelope: Envelope) -> str:
        room.app.inbound.handle(content, envelope)
        raise SystemExit

    content = mail("subscribe")
    if door == "imap":
        dovecot = request.getfixturevalue("dovecot")
        dovecot.empty(US)
        account = {"host": "127.0.0.1", "port": dovecot.port, "username": US}
        rest = {"password": PASSWORD, "security": "none"}
        dovecot.deliver(content, to=US)
        killed, next_run = (
            Mailbox(handle=one, **account, **rest) for one in (handle, room.app.inbound.handle)
        )
    else:
        killed, next_run = (
            Folder(handle=one, path=tmp_path / "box") for one in (handle, room.app.inbound.handle)
        )
        killed.once()
        (tmp_path / "box/new/1").write_bytes(content)
    with pytest.raises(SystemExit):
        killed.once()
    assert next_run.once() == 1, "it is found again"
    assert next_run.once() == 0
    room.app.notify()
    assert room.kinds() == ["confirm"]


# --- hostile mails


def nested(depth: int) -> bytes:
    wrapped = mail("subscribe")
    for _ in range(depth):
        wrapped = (
            b"From: ada@mail.example\r\nTo: digest@digest.example\r\nContent-Type: message/rfc822\r\n\r\n"
            + wrapped
        )
    return wrapped


def parts(count: int) -> bytes:
    head = mail("hello").partition(b"Content-Type")[0]
    part = b"--b\r\nContent-Type: application/octet-stream\r\n\r\nx\r\n"
    return head + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + part * count + b"--b--\r\n"


def headed(*lines: str, body: bytes = b"subscribe\r\n") -> bytes:
    return "\r\n".join((*lines, f"To: {US}", "", "")).encode("utf-8", "surrogateescape") + body


HOSTILE = {
    "nothing": b"",
    "no header": b"\r\n\r\nsubscribe",
    "octets": bytes(range(256)) * 100,
    "25 MB": mail("hello", "x" * 70 + "\n") + b"y" * 25_000_000,
    "10,000 parts": parts(10_000),
    "100 nested messages": nested(100),
    "10,000 recipients": headed(f"To: {'x@mail.example, ' * 10_000}{US}", "From: ada@mail.example"),
    "100,000 fields": headed("From: ada@mail.example", *(f"X-{n}: y" for n in range(100_000))),
    "two authors": headed("From: ada@mail.example, bob@mail.example"),
    "two From": headed("From: ada@mail.example", "From: bob@mail.example"),
    "a group": headed("From: friends: ada@mail.example, bob@mail.example;"),
    "an address for a name": headed('From: "bob@mail.example" <ada@mail.example'),
    "no author": headed("Subject: subscribe"),
    "an author in an encoded word": headed("From: =?utf-8?q?ada=40mail=2Eexample?="),
    "a bad charset": headed("From: ada@mail.example", "Content-Type: text/plain; charset=no-such-charset"),
    "a broken encoded word": headed("From: ada@mail.example", "Subject: =?utf-8?b?\udcff\udcfe?="),
    "an encoded line break": headed("From: ada@mail.example", "Subject: =?utf-8?q?help=0D=0ABcc:_eve=40x.example?="),
    "a null octet": headed("From: ada@mail.example", "Subject: subs\0cribe", "Message-ID: <\0@x>"),
    "a header in a Message-ID": headed("From: ada@mail.example", "Message-ID: <a@b>\r\n\tBcc: eve@x.example"),
    "a very long subject": headed("From: ada@mail.example", "Subject: " + "help " * 20_000),
    "a zip": headed("From: ada@mail.example", "Content-Type: application/zip", body=b"PK\x03\x04" + bytes(1000)),
    "winmail.dat": headed("From: ada@mail.example", "Content-Type: application/ms-tnef", body=b"\x78\x9f\x3e\x22" * 99),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_mail_breaks_nothing_and_reaches_nobody_else(room: Mailroom, name: str) -> None:
    said = room.gets(HOSTILE[name], Envelope(sender=ADA, recipients=(US,)))
    assert said
    everybody = {path.name for path in (room.folder / "var/mail").glob("*")}
    assert everybody <= {ADA}
    assert room.all_letters() <= 1
    if everybody:
        assert "Bcc" not in room.last()
    room.gets(mail("subscribe", sender="bob@mail.example"))
    assert room.kinds("bob@mail.example") == ["confirm"]


@pytest.fixture(scope="module")
def everlasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailroom]:
    room = Mailroom(tmp_path_factory.mktemp("room"))
    yield room
    room.close()


@given(
    content=st.binary(max_size=500),
    envelope=st.builds(
        Envelope,
        sender=st.none() | st.text(max_size=80),
        recipients=st.lists(st.text(max_size=80) | st.just(US), max_size=3).map(tuple),
    ),
)
@UNTIMED
def test_whatever_comes_is_handled_or_left_alone(
    everlasting: Mailroom, content: bytes, envelope: Envelope
) -> None:
    assert isinstance(everlasting.app.inbound.handle(content, envelope), str)


@given(
    verb=st.sampled_from(["unsubscribe", "confirm", "prefs", "letter", "subscribe", "help", "owner", ""]),
    rest=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=40),
    subject=st.text(max_size=60),
    body=st.text(max_size=200),
)
@UNTIMED
def test_no_address_and_no_words_prove_anything_without_a_token_of_ours(
    everlasting: Mailroom, verb: str, rest: str, subject: str, body: str
) -> None:
    everlasting.adds()
    to = f"digest+{verb}-{rest}@digest.example"
    content = f"From: {ADA}\r\nTo: {US}\r\nSubject: {' '.join(subject.split())}\r\n\r\n{body}".encode(
        "utf-8", "replace"
    )
    everlasting.app.inbound.handle(content, Envelope(sender=ADA, recipients=(to,)))
    assert everlasting.state() == "active"
