"""`digest receive` in the pipe of a mail server, and `digest serve` behind a real Postfix, beside a real Dovecot."""

import http.client
import os
import smtplib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Need
from mailroom import ADA, US, mail, mailto, reply
from postoffice import PostOffice
from terminal import Terminal

SETTINGS = ("[publisher]", f'address = "{US}"', 'name = "The Small Digest"')
HANDLED, NOBODY, LATER = 0, 67, 75  # of sysexits.h


@pytest.fixture
def desk(terminal: Terminal) -> Terminal:
    terminal.small_day(*SETTINGS)
    return terminal


# --- one mail from a pipe


def test_a_mail_from_standard_input_is_handled_and_answered(desk: Terminal) -> None:
    done = desk.digest("receive", stdin=mail("subscribe")).succeeded()
    assert done.out == "asked back: subscribe\n"
    [question] = desk.mails(ADA)
    assert question["Subject"] == "Confirm your subscription to The Small Digest"


def test_a_mail_from_a_file_is_handled(desk: Terminal) -> None:
    desk.write("mail.eml", mail("help"))
    desk.digest("receive", "mail.eml").succeeded()
    assert len(desk.mails(ADA)) == 1


def test_the_envelope_comes_from_the_options_or_the_environment(desk: Terminal) -> None:
    hidden = mail("subscribe", to="undisclosed@mail.example")
    said = desk.digest("receive", "--sender", ADA, "--recipient", US, stdin=hidden).succeeded()
    assert said.out == "asked back: subscribe\n"
    desk.environment |= {"SENDER": "bob@mail.example", "RECIPIENT": "digest+help@digest.example"}
    desk.digest("receive", stdin=mail(to="undisclosed@mail.example", sender="bob@mail.example")).succeeded()
    assert len(desk.mails("bob@mail.example")) == 1


@pytest.mark.parametrize("sender", ["", "<>", "MAILER-DAEMON"])
def test_a_mail_from_nobody_is_not_answered_however_the_pipe_writes_nobody(
    desk: Terminal, sender: str
) -> None:
    done = desk.digest("receive", "--sender", sender, stdin=mail("subscribe")).succeeded()
    assert done.out == "dropped: null return path\n"
    assert desk.mails(ADA) == []


def test_a_mail_that_comes_twice_is_answered_once(desk: Terminal) -> None:
    content = mail("subscribe")
    desk.digest("receive", stdin=content).succeeded()
    assert desk.digest("receive", stdin=content).succeeded().out == "it was handled before\n"
    assert len(desk.mails(ADA)) == 1


def test_a_mail_for_nobody_of_ours_has_no_user(desk: Terminal) -> None:
    done = desk.digest("receive", "--recipient", "other@digest.example", stdin=mail("subscribe"))
    assert done.complaint(status=NOBODY).startswith("nobody here reads mail to this address")


def test_where_the_database_refuses_the_mail_server_keeps_the_mail(desk: Terminal) -> None:
    content = mail("subscribe")
    desk.write("var/digest.db", b"this is no database, but it is longer than a hundred octets " * 3)
    refused = desk.digest("receive", stdin=content)
    assert "cannot be used: file is not a database" in refused.complaint(status=LATER)
    (desk.folder / "var/digest.db").unlink()
    desk.digest("receive", stdin=content).succeeded()
    assert len(desk.mails(ADA)) == 1


def test_a_slip_in_the_settings_sends_no_mail_back_to_its_reader(desk: Terminal) -> None:
    desk.settings("[publisher]", 'adress = "digest@digest.example"')
    assert "publisher.adress is no setting" in desk.digest("receive", stdin=mail()).complaint(status=LATER)


def test_what_cannot_be_answered_now_is_handled_and_answered_by_the_next_run(desk: Terminal) -> None:
    desk.small_day(*SETTINGS, "[transport]", 'kind = "smtp"', "port = 1")
    handled = desk.digest("receive", stdin=mail("subscribe"))
    assert "the mail is handled, but its answer waits: " in handled.complaint(status=HANDLED)
    desk.small_day(*SETTINGS)
    desk.digest("receive", stdin=mail("help", sender="bob@mail.example")).succeeded()
    assert len(desk.mails(ADA)) == 1


def test_a_mail_that_is_too_large_is_read_to_its_end_and_dropped(desk: Terminal) -> None:
    desk.small_day(*SETTINGS, "[inbound]", "max_megabytes = 1")
    done = desk.digest("receive", stdin=mail("subscribe") + b"x" * 5_000_000).succeeded()
    assert done.out == "dropped: it is larger than 1 MB\n"


def test_wrong_usage_is_told(desk: Terminal) -> None:
    assert "does not exist" in desk.digest("receive", "gone.eml").complaint(status=2)
    wrong = desk.digest("receive", "--mailbox", "--sender", ADA)
    assert "leave out the rest" in wrong.complaint(status=2)


# --- what waits in the mailbox


def test_a_maildir_is_read_once_for_cron(desk: Terminal) -> None:
    desk.small_day(*SETTINGS, "[inbound]", 'kind = "maildir"', 'folder = "inbox"')
    assert desk.digest("receive", "--mailbox").succeeded().out == "0 mails handled\n"
    for number, subject in enumerate(("subscribe", "help")):
        desk.write(f"inbox/new/{number}", mail(subject))
    assert desk.digest("receive", "--mailbox").succeeded().out == "2 mails handled\n"
    assert len(desk.mails(ADA)) == 2
    assert desk.digest("receive", "--mailbox").succeeded().out == "0 mails handled\n"


@pytest.mark.parametrize("kind", ["none", "lmtp"])
def test_without_a_mailbox_there_is_nothing_to_read(desk: Terminal, kind: str) -> None:
    desk.small_day(*SETTINGS, "[inbound]", f'kind = "{kind}"')
    refused = desk.digest("receive", "--mailbox")
    assert refused.complaint(status=2) == (
        f"inbound.kind is '{kind}': --mailbox reads an IMAP mailbox or a Maildir"
    )


# --- `digest serve` in a post office


@pytest.fixture(params=["lmtp", "imap"])
def office(request: pytest.FixtureRequest, need: Need, tmp_path: Path) -> Iterator[PostOffice]:
    programs = need("postfix"), need("dovecot")
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("they must be started by root")
    with PostOffice(tmp_path / "desk", *programs, door=request.param) as office:
        yield office


def test_a_reader_comes_and_goes_by_mail_through_real_servers(office: PostOffice) -> None:
    office.post(mail("subscribe weekly"))
    question = office.reads(ADA)
    assert question["Return-Path"] == "<>"
    office.post(reply(question, "yes"))
    welcome = office.reads(ADA)
    assert welcome["Subject"] == "Welcome to The Small Digest"
    assert office.state(ADA) == "active"

    raw = welcome["List-Unsubscribe"]
    assert welcome["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    https, by_mail = raw.split(", ")
    assert https.startswith("<https://digest.example/unsubscribe/")
    assert by_mail.startswith("<mailto:digest+unsubscribe-")
    address, subject = mailto(welcome)
    office.post(mail(subject, to=address))
    assert office.reads(ADA)["Subject"].startswith("You have left")
    assert office.state(ADA) == "unsubscribed"


def test_one_click_on_a_letter_as_it_was_received_ends_it(office: PostOffice) -> None:
    """RFC 8058: what a mail provider does with the header of a mail that came through real servers."""
    office.post(mail("subscribe"))
    office.post(reply(office.reads(ADA), "yes"))
    https = office.reads(ADA)["List-Unsubscribe"].split(", ")[0].strip("<>")
    provider = http.client.HTTPConnection(office.pages, timeout=30)
    provider.request(
        "POST",
        https.removeprefix("https://digest.example"),
        b"List-Unsubscribe=One-Click",
        {"Host": "digest.example", "Content-Type": "application/x-www-form-urlencoded"},
    )
    answer = provider.getresponse()
    answer.read()
    provider.close()

    assert answer.status == 200
    assert office.state(ADA) == "unsubscribed"


def test_every_button_of_a_letter_works_by_mail(office: PostOffice) -> None:
    """RFC 2369: each mailto: in a header of a letter as it was received."""
    office.post(mail("subscribe"))
    question = office.reads(ADA)
    for header in ("List-Help", "List-Subscribe"):
        address, subject = mailto(question, header)
        office.post(mail(subject, to=address, sender=f"{header.lower()}@mail.example"))
        assert office.reads(f"{header.lower()}@mail.example")["List-Id"] == question["List-Id"]


def test_postfix_refuses_who_is_not_ours_before_the_mail(office: PostOffice) -> None:
    with smtplib.SMTP("127.0.0.1", office.postfix.port) as line:
        line.ehlo()
        line.mail(ADA)
        said = {to: line.rcpt(to)[0] for to in (US, "digest+help@digest.example", "nobody@digest.example")}
    assert list(said.values()) == [250, 250, 550]


def test_a_mail_waits_with_postfix_until_the_database_is_there_again(need: Need, tmp_path: Path) -> None:
    programs = need("postfix"), need("dovecot")
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("they must be started by root")
    with PostOffice(tmp_path / "desk", *programs) as office:
        file = office.terminal.folder / "var/digest.db"
        with sqlite3.connect(file) as database:
            database.execute("ALTER TABLE handled RENAME TO away")
        office.post(mail("subscribe"))
        office.until(lambda: "status=deferred" in office.postfix.log)
        assert "451 4.3.0 it cannot be handled now, try again later" in office.postfix.log
        with sqlite3.connect(file) as database:
            database.execute("ALTER TABLE away RENAME TO handled")
        office.postfix.flush()
        assert office.reads(ADA)["Subject"].startswith("Confirm")
    database.close()


def test_a_mail_waits_with_postfix_until_we_run_again(need: Need, tmp_path: Path) -> None:
    programs = need("postfix"), need("dovecot")
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("they must be started by root")
    with PostOffice(tmp_path / "desk", *programs) as office:
        office.process.kill()
        office.process.wait()
        office.post(mail("subscribe"))
        office.until(lambda: "status=deferred" in office.postfix.log)
        with office.terminal.started("serve"):
            office.postfix.flush()
            assert office.reads(ADA)["Subject"].startswith("Confirm")
