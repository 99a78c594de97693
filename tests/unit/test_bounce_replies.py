"""What servers say when they refuse is told apart: gone for good, or not.

`replies.txt` holds how servers of many makers and languages are generally known to word it, written down from memory,
not from mails; each line says first whether whoever is meant is `gone` or `stays`.
"""

from pathlib import Path

import pytest

from digest.bounces import Reason, reason_of
from digest.bounces.classify import classify

REPLIES = [
    tuple(line.split("\t"))
    for line in Path(__file__).with_name("replies.txt").read_text("utf-8").splitlines()
]


def answered(reply: str) -> bytes:
    """Write a report in due form, whose status says nothing."""
    return (
        "Return-Path: <>\nFrom: MAILER-DAEMON@relay.example\nTo: news@digest.example\nSubject: Undelivered Mail\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        "--b\nContent-Type: message/delivery-status; charset=utf-8\n\nReporting-MTA: dns; relay.example\n\n"
        f"Final-Recipient: rfc822; anna@reader.example\nAction: failed\nDiagnostic-Code: smtp; {reply}\n--b--\n"
    ).encode()


@pytest.mark.parametrize(("outcome", "reply"), REPLIES)
def test_a_reply_tells_whether_the_reader_is_gone(outcome: str, reply: str) -> None:
    (told,) = classify(answered(reply)).recipients
    assert told.permanent == (outcome == "gone")


@pytest.mark.parametrize("name", ["user-unknown", "mailboxfull", "spam", "no-such-user", "does.not.exist"])
def test_names_of_readers_and_servers_are_no_reasons(name: str) -> None:
    said = f"host {name}.mx.example[192.0.2.1] said: 550 <{name}@{name}.example>: refused"
    assert reason_of(550, None, said) is Reason.UNDEFINED


@pytest.mark.parametrize(
    ("code", "status", "reply", "reason"),
    [
        ("failed", "5.1.1", "550 5.1.1 not allowed here, by our policy", Reason.USERUNKNOWN),
        ("failed", "5.7.1", "550 5.7.1 not allowed here, by our policy", Reason.POLICYVIOLATION),
        ("failed", "4.3.2", "421 4.3.2 does not accept mail", Reason.NETWORKERROR),
        ("delayed", "4.1.1", "450 4.1.1 user unknown", Reason.EXPIRED),
    ],
)
def test_a_code_for_the_address_is_plainer_than_vague_words_and_a_passing_trouble_is_none_for_good(
    code: str, status: str, reply: str, reason: Reason
) -> None:
    mail = answered(reply).replace(b"Action: failed\n", f"Action: {code}\nStatus: {status}\n".encode())
    (told,) = classify(mail).recipients
    assert told.reason is reason


def test_of_several_each_is_judged_by_his_own_step() -> None:
    text = (
        "Return-Path: <>\nFrom: Mailer-Daemon@relay.example\nTo: news@digest.example\nSubject: Mail delivery failed\n\n"
        "A message could not be delivered. The following addresses failed:\n\n"
        "  anna@reader.example\n    after RCPT TO:<anna@reader.example>: 550 unknown user\n"
        "  bob@other.example\n    after MAIL FROM:<news@digest.example>: 550 unknown user\n"
    )
    told = {one.address: one.permanent for one in classify(text.encode()).recipients}
    assert told == {"anna@reader.example": True, "bob@other.example": False}


@pytest.mark.parametrize(
    "step",
    [
        "after initial connection:",
        "after EHLO relay.example:",
        "after MAIL FROM:<news@digest.example>:",
        "after pipelined MAIL FROM:<news@digest.example>:",
    ],
)
def test_what_was_answered_before_the_address_was_named_says_nothing_of_it(step: str) -> None:
    reply = f"SMTP error from remote mail server {step} 550 unknown host"
    (told,) = classify(answered(reply)).recipients
    assert not told.permanent
