"""What comes back is told apart: bounces of all kinds of servers, complaints, automatic answers, and people's mails."""

import base64
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import UNTIMED

from digest.bounces import Kind, Reason, Report, reason_of
from digest.bounces.classify import classify

ANNA = "anna@reader.example"
OURS = "news+bounce-abc@digest.example"
LETTER = f"""\
Return-Path: <{OURS}>
Received: from digest.example by relay.example
From: The Digest <news@digest.example>
To: {ANNA}
Subject: The day
Message-ID: <17@digest.example>
List-Unsubscribe: <https://digest.example/u/token>

The ferries sail again. Write to somebody@elsewhere.example.
"""


def machine(
    text: str, *, sender: str = "MAILER-DAEMON@relay.example", subject: str = "failure notice"
) -> bytes:
    """Write what a mail server writes to people."""
    head = f"Return-Path: <>\nFrom: {sender}\nTo: {OURS}\nSubject: {subject}\n"
    return f"{head}\n{text}\n".encode()


def report(status: str, *, said: str = "", kind: str = "delivery-status", original: str = LETTER) -> bytes:
    """Write a multipart/report of three parts."""
    return (
        "Return-Path: <>\nFrom: Mail Delivery System <postmaster@relay.example>\n"
        f"To: {OURS}\nSubject: Undelivered Mail\n"
        f"Content-Type: multipart/report; report-type={kind}; boundary=b\n\n"
        f"--b\nContent-Type: text/plain\n\n{said}\n"
        f"--b\nContent-Type: message/{kind}\n\n{status}\n"
        f"--b\nContent-Type: message/rfc822\n\n{original}\n--b--\n"
    ).encode()


def recipients(given: Report) -> list[tuple[str, Reason]]:
    return [(one.address, one.reason) for one in given.recipients]


# Reports in due form


def test_a_report_tells_of_each_recipient_why_and_of_which_letter() -> None:
    told = classify(
        report(
            "Reporting-MTA: dns; relay.example\n\n"
            f"Final-Recipient: rfc822; {ANNA}\nAction: failed\nStatus: 5.1.1\n"
            "Diagnostic-Code: smtp; 550 5.1.1 <anna@reader.example>: User\n  unknown\n\n"
            "Original-Recipient: rfc822;bob@reader.example\nFinal-Recipient: rfc822;bob@reader.example\n"
            "Action: failed\nStatus: 5.2.2\n"
        )
    )
    assert told.kind is Kind.BOUNCE
    assert recipients(told) == [(ANNA, Reason.USERUNKNOWN), ("bob@reader.example", Reason.MAILBOXFULL)]
    assert [one.permanent for one in told.recipients] == [True, False]
    assert (told.recipients[0].code, told.recipients[0].enhanced) == (550, "5.1.1")
    assert (told.message_id, told.unsubscribe) == ("<17@digest.example>", "<https://digest.example/u/token>")


def test_a_report_of_a_delay_is_never_for_good() -> None:
    told = classify(report(f"Final-Recipient: rfc822; {ANNA}\nAction: delayed\nStatus: 4.4.1\n"))
    assert [one.permanent for one in told.recipients] == [False]
    late = classify(
        report(f"Final-Recipient: rfc822; {ANNA}\nAction: delayed\nDiagnostic-Code: smtp; 450 user unknown\n")
    )
    assert recipients(late) == [(ANNA, Reason.EXPIRED)]


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_a_report_of_arrival_is_none_of_a_failure(action: str) -> None:
    told = classify(report(f"Final-Recipient: rfc822; {ANNA}\nAction: {action}\nStatus: 2.0.0\n"))
    assert (told.kind, recipients(told)) == (Kind.DELIVERED, [(ANNA, Reason.DELIVERED)])


def test_of_a_report_that_tells_of_both_only_those_count_whom_it_did_not_reach() -> None:
    told = classify(
        report(
            f"Final-Recipient: rfc822; bob@reader.example\nAction: delivered\n\n"
            f"Final-Recipient: rfc822; {ANNA}\nAction: failed\nStatus: 5.1.2\n"
        )
    )
    assert recipients(told) == [(ANNA, Reason.HOSTUNKNOWN)]


def test_a_report_within_a_mail_of_a_server_and_a_quoted_one_are_read() -> None:
    fields = f"Final-Recipient: rfc822; {ANNA}\nAction: failed\nStatus: 5.1.1\n"
    wrapped = machine("", subject="Undelivered").replace(
        b"Subject:", b"Content-Type: multipart/mixed; boundary=c\nSubject:"
    )
    wrapped += b"--c\nContent-Type: message/rfc822\n\n" + report(fields) + b"\n--c--\n"
    assert recipients(classify(wrapped)) == [(ANNA, Reason.USERUNKNOWN)]
    quoted = machine("Your mail could not be delivered:\n\n> " + fields.replace("\n", "\n> "))
    assert recipients(classify(quoted)) == [(ANNA, Reason.USERUNKNOWN)]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (">>> DATA\n<<< 550 User unknown\n", Reason.FILTERED),  # it had taken the address
        (">>> DATA\n<<< 550 User unknown\n<<< 503 need RCPT\n", Reason.USERUNKNOWN),  # all at once, RFC 2920
        (">>> MAIL From:<news@digest.example>\n<<< 550 unknown user\n", Reason.REJECTED),  # it meant ours
    ],
)
def test_an_unknown_user_is_one_only_where_the_address_was_answered(said: str, reason: Reason) -> None:
    fields = f"Final-Recipient: rfc822; {ANNA}\nAction: failed\nDiagnostic-Code: smtp; 550 User unknown\n"
    assert recipients(classify(report(fields, said=said))) == [(ANNA, reason)]


# Letters of servers; each in the shape of one program, in our own words where it leaves a choice

SHAPES = {
    "qmail": (
        (
            f"Hi. This is the qmail-send program.\nI was not able to deliver it.\n\n<{ANNA}>:\n"
            "192.0.2.1 does not like recipient.\nRemote host said: 550 no such user\n\n"
            f"--- Below this line is a copy of the message.\n\n{LETTER}"
        ),
        Reason.USERUNKNOWN,
    ),
    "Exim": (
        (
            "This message was created automatically by mail delivery software.\nThe following address(es) failed:\n\n"
            f"  {ANNA}\n    host mx.reader.example: 552 5.2.2 mailbox full\n\n"
            f"------ This is a copy of the message, including all the headers. ------\n\n{LETTER}"
        ),
        Reason.MAILBOXFULL,
    ),
    "Postfix without a report": (
        (
            "This is the mail system at host relay.example.\nIt could not be delivered.\n\n"
            f"<{ANNA}>: host mx.reader.example[192.0.2.1] said: 550 5.7.1 rejected,\n    no PTR record"
            " (in reply to RCPT TO command)\n"
        ),
        Reason.REQUIREPTR,
    ),
    "sendmail": (
        (
            f"   ----- The following addresses had permanent fatal errors -----\n<{ANNA}>\n\n"
            "   ----- Transcript of session follows -----\n>>> RCPT To:<anna@reader.example>\n"
            f"<<< 550 5.1.1 no such person\n\n   ----- Original message follows -----\n\n{LETTER}"
        ),
        Reason.USERUNKNOWN,
    ),
    "Exchange": (
        (
            f"Your message did not reach the following recipient(s):\n\n{ANNA} on Thu, 1 Jan 2015 00:00:00 +0000\n"
            "    The recipient name is not recognized\n    MSEXCH:IMS:A:B 0 (000C05A6) Unknown Recipient\n"
        ),
        Reason.USERUNKNOWN,
    ),
    "DragonFly": (
        (
            f"There was an error delivering your mail to <{ANNA}>.\n\n550 5.1.1 user unknown\n\n"
            f"Message headers follow.\n\n{LETTER}"
        ),
        Reason.USERUNKNOWN,
    ),
    "OpenSMTPD": (
        (
            "    Hi!\n\n    An error has occurred while attempting to deliver a message for\n"
            f"    the following list of recipients:\n\n{ANNA}: 450 4.2.2 over quota\n\n"
            f"    Below is a copy of the original message:\n\n{LETTER}"
        ),
        Reason.MAILBOXFULL,
    ),
    "Notes": (
        (
            f"------- Failure Reasons  --------\n\nUser not listed in directory\n{ANNA}\n\n"
            f"------- Returned Message --------\n\n{LETTER}"
        ),
        Reason.USERUNKNOWN,
    ),
    "MailMarshal": (
        (
            "Your message:\n   From:    news@digest.example\n   Subject: The day\n\n"
            "Could not be delivered because of\n\n550 5.1.1 User unknown\n\n"
            f"The following recipients were affected:\n    {ANNA}\n"
        ),
        Reason.USERUNKNOWN,
    ),
    "Yahoo": (
        (
            f"Message from mail.example.\nUnable to deliver message to the following address(es).\n\n<{ANNA}>:\n"
            f"This user doesn't have a mail.example account ({ANNA}) [0]\n\n--- Original message follows.\n{LETTER}"
        ),
        Reason.USERUNKNOWN,
    ),
    "German": (
        f"Ihre Nachricht konnte nicht zugestellt werden.\n\nEmpfänger: {ANNA}\n\nDie Adresse ist unbekannt.\n",
        Reason.USERUNKNOWN,
    ),
    "Chinese": (
        f"抱歉,您的邮件被退回来了\n收件人：{ANNA}\n退信原因：550 User not found: {ANNA}\n",
        Reason.USERUNKNOWN,
    ),
    "a domain's mail being late": (
        f"Delivery to the following recipient has been delayed:\n\n     {ANNA}\n\nIt will be retried.\n",
        Reason.EXPIRED,
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_the_letters_of_servers_are_read_whatever_program_wrote_them(shape: str, line_end: str) -> None:
    text, reason = SHAPES[shape]
    told = classify(machine(text).replace(b"\n", line_end.encode()))
    assert (told.kind, recipients(told)) == (Kind.BOUNCE, [(ANNA, reason)])


def test_an_older_form_that_names_the_local_part_alone_is_read_by_flufl_bounce() -> None:
    told = classify(
        machine(
            "Your mail to the following recipients could not be delivered because they are not accepting mail"
            " from news@digest.example:\n\tanna\n",
            sender="MAILER-DAEMON@aol.com",
        )
    )
    assert recipients(told) == [("anna@aol.com", told.recipients[0].reason)]
    assert not told.recipients[0].permanent


def test_amazons_notification_is_read() -> None:
    told = {"emailAddress": ANNA, "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}
    value = {"notificationType": "Bounce", "bounce": {"bouncedRecipients": [told]}}
    assert recipients(classify(machine(json.dumps(value)))) == [(ANNA, Reason.USERUNKNOWN)]
    value = {"notificationType": "Complaint", "complaint": {"complainedRecipients": [{"emailAddress": ANNA}]}}
    assert classify(machine(json.dumps(value))).kind is Kind.COMPLAINT


# Complaints


@pytest.mark.parametrize("feedback", ["abuse", "fraud", "virus", "other", "opt-out"])
def test_a_report_of_abuse_is_a_complaint_of_whom_it_names(feedback: str) -> None:
    fields = f"Feedback-Type: {feedback}\nUser-Agent: x/1\nVersion: 1\nOriginal-Rcpt-To: <{ANNA}>\n"
    told = classify(report(fields, kind="feedback-report"))
    assert (told.kind, recipients(told)) == (Kind.COMPLAINT, [(ANNA, Reason.FEEDBACK)])
    assert told.unsubscribe == "<https://digest.example/u/token>"


def test_a_complaint_that_names_nobody_is_of_whom_the_letter_was_for() -> None:
    told = classify(report("Feedback-Type: abuse\nVersion: 1\n", kind="feedback-report"))
    assert recipients(told) == [(ANNA, Reason.FEEDBACK)]


@pytest.mark.parametrize("feedback", ["auth-failure", "not-spam", "dmarc"])
def test_a_failed_authentication_and_not_spam_complain_of_nothing(feedback: str) -> None:
    told = classify(report(f"Feedback-Type: {feedback}\nOriginal-Rcpt-To: {ANNA}\n", kind="feedback-report"))
    assert (told.kind, told.recipients) == (Kind.ORDINARY, ())


# What is neither


@pytest.mark.parametrize(
    "head",
    [
        "Subject: Out of office: The day",
        "Subject: Re: The day\nAuto-Submitted: auto-replied",
        "Subject: Abwesenheitsnotiz",
        "Subject: The day\nX-Autoreply: yes",
    ],
)
def test_an_automatic_answer_is_no_bounce(head: str) -> None:
    told = classify(f"From: {ANNA}\n{head}\n\nI am away. My mailbox is full of sand.\n".encode())
    assert (told.kind, told.recipients) == (Kind.AUTOREPLY, ())


@pytest.mark.parametrize(
    "text",
    [
        "Could you tell me why my mail to bob@reader.example was rejected? It said 550 user unknown.",
        f"> <{ANNA}>: 550 5.1.1 user unknown\n\nWhat does this mean? It could not be delivered.",
        f"Final-Recipient: rfc822; {ANNA}\nAction: failed\nStatus: 5.1.1\n\nWhat is this?",
    ],
)
def test_a_person_who_asks_about_a_bounce_is_a_person(text: str) -> None:
    told = classify(f"From: Carla <carla@people.example>\nSubject: A question\n\n{text}\n".encode())
    assert (told.kind, told.recipients) == (Kind.ORDINARY, ())


# Hostile mails


def hostile() -> Iterator[tuple[str, bytes]]:
    head = machine("")
    yield "empty", b""
    yield "25 MB of addresses", head + b"it failed\n" + b"<a@b.example>: 550 no such user\n" * 800_000
    yield "one line", head + b"it failed " + b"a@b.example " * 500_000
    yield "signs", head + b"it failed\n" + b"@" * 200_000
    part = b"--q\nContent-Type: text/plain\n\nerror a@b.example: 550 x\n"
    multipart = head.replace(b"Subject:", b"Content-Type: multipart/report; boundary=q\nSubject:")
    yield "10,000 parts", multipart + part * 10_000
    yield "100 within each other", (multipart + b"--q\nContent-Type: message/rfc822\n\n") * 100
    nonsense = b"Content-Type: text/plain; charset=nonsense\nSubject:"
    yield (
        "a charset that is none",
        head.replace(b"Subject:", nonsense) + b"error \xff\xfe<a@b.example>: 550\n",
    )
    markup = head.replace(b"Subject:", b"Content-Type: text/html\nSubject:")
    yield "tags without end", markup + b"<style>" * 100_000 + b"<" + b"a " * 100_000
    yield "brackets", head + b'{"notificationType":' + b"[" * 100_000
    status = multipart + b"--q\nContent-Type: message/delivery-status\n\n"
    fields = b"Final-Recipient: rfc822; %d@b.example\nAction: failed\nStatus: 5.1.1\n\n"
    yield "100,000 recipients", status + b"".join(fields % number for number in range(100_000))


HOSTILE = dict(hostile())


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_makes_it_raise_or_tell_of_too_many(name: str) -> None:
    assert len(classify(HOSTILE[name]).recipients) <= 100


@UNTIMED
@given(st.binary(max_size=2000), st.sampled_from([machine(""), report(""), b""]), st.integers(0, 400))
def test_nothing_that_comes_raises(noise: bytes, around: bytes, at: int) -> None:
    classify(around[:at] + noise + around[at:])


# Reasons


@pytest.mark.parametrize(
    ("code", "enhanced", "text", "reason"),
    [
        (550, "5.1.1", "mailbox is full", Reason.MAILBOXFULL),  # words before codes
        (550, "5.7.1", "user unknown", Reason.USERUNKNOWN),
        (550, "5.7.515", "Access denied, sending domain does not meet the level", Reason.AUTHFAILURE),
        (550, "5.7.26", "unauthenticated mail is prohibited", Reason.AUTHFAILURE),
        (550, "5.7.25", "", Reason.REQUIREPTR),
        (554, "5.7.1", "client host blocked using zen.example; on a blocklist", Reason.BLOCKED),
        (550, "5.7.1", "we think that this is spam", Reason.SPAMDETECTED),
        (550, "5.7.1", "relaying denied", Reason.NORELAYING),
        (421, "4.7.0", "too many connections from your host", Reason.TOOMANYCONN),
        (451, "4.7.1", "you are sending too fast, rate limited", Reason.SPEEDING),
        (550, "5.2.1", "", Reason.SUSPEND),
        (552, "5.2.2", "", Reason.MAILBOXFULL),
        (452, "4.2.2", "", Reason.MAILBOXFULL),
        (552, None, "", Reason.MAILBOXFULL),
        (556, "5.1.10", "", Reason.NOTACCEPT),
        (550, "5.4.4", "", Reason.HOSTUNKNOWN),
        (550, "5.4.7", "", Reason.EXPIRED),
        (550, None, "", Reason.UNDEFINED),
        (550, "5.0.0", "no", Reason.UNDEFINED),
        (550, None, "sender address rejected: domain not found", Reason.SENDERREFUSED),
        (
            553,
            "5.7.1",
            "<digest@x.example>: Sender address rejected: not owned by user news",
            Reason.SENDERREFUSED,
        ),
        (550, "5.7.60", "Client does not have permissions to send as this sender", Reason.SENDERREFUSED),
        (554, None, "Transaction failed: Sending paused for this account", Reason.SENDERREFUSED),
        (530, "5.7.0", "Authentication required", Reason.SECURITYERROR),
        (535, None, "nein", Reason.SECURITYERROR),
        (550, "5.4.5", "Daily user sending limit exceeded", Reason.SPEEDING),
    ],
)
def test_words_decide_then_enhanced_codes_and_the_class_never(
    code: int, enhanced: str | None, text: str, reason: Reason
) -> None:
    assert reason_of(code, enhanced, text) is reason


def test_no_reason_is_both_the_readers_and_ours() -> None:
    assert not [reason for reason in Reason if reason.hard + reason.ours + reason.busy > 1]


@UNTIMED
@given(st.text(max_size=3000), st.integers(400, 599))
def test_any_reply_has_a_reason(text: str, code: int) -> None:
    assert reason_of(code, None, text) in Reason
    assert classify(base64.b64encode(text.encode())).kind is Kind.ORDINARY
