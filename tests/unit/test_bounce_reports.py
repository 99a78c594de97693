"""Reports in due form are read although hardly any server keeps to the form."""

import base64
import quopri

import pytest

from digest.bounces import Kind, Reason
from digest.bounces.classify import classify

ANNA, BOB = "anna@reader.example", "bob.b@other.example"
OF_ANNA = f"""\
Final-Recipient: rfc822; {ANNA}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown
"""
OF_BOB = f"""\
Final-Recipient: rfc822; {BOB}
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp; 552 5.2.2 mailbox full
"""


def report(
    status: str,
    *,
    kind: str = "message/delivery-status",
    outer: str = "multipart/report; report-type=delivery-status",
    encoding: str = "7bit",
    said: str = "Your message could not be delivered.\n",
) -> bytes:
    return (
        "Return-Path: <>\nFrom: Mail Delivery System <MAILER-DAEMON@relay.example>\nTo: news@digest.example\n"
        f'Subject: Undelivered Mail\nMIME-Version: 1.0\nContent-Type: {outer};\n boundary="b=_1"\n\n'
        f"--b=_1\nContent-Type: text/plain\n\n{said}\n"
        f"--b=_1\nContent-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n\n{status}\n"
        f"--b=_1\nContent-Type: message/rfc822\n\nFrom: news@digest.example\nTo: {ANNA}\nSubject: The day\n\n"
        "Hello\n--b=_1--\n"
    ).encode()


def outcomes(mail: bytes) -> dict[str, bool]:
    """Give who failed, and whether for good."""
    return {one.address: one.permanent for one in classify(mail).recipients}


FORMS = {
    "in base64": report(base64.encodebytes(OF_ANNA.encode()).decode(), encoding="base64"),
    "quoted-printable": report(quopri.encodestring(OF_ANNA.encode()).decode(), encoding="quoted-printable"),
    "in capitals": report(OF_ANNA.upper().replace(ANNA.upper(), ANNA)),
    "as plain text": report(OF_ANNA, kind="text/plain"),
    "as octets": report(OF_ANNA, kind="application/octet-stream"),
    "as another kind of text": report(OF_ANNA, kind="text/delivery-status"),
    "in a mail of another kind": report(OF_ANNA, outer="multipart/mixed"),
    "without a line between": report(f"Reporting-MTA: dns; relay.example\n{OF_ANNA}"),
    "of an unknown type": report(OF_ANNA.replace("rfc822", "unknown")),
    "of no type": report(OF_ANNA.replace("rfc822; ", "")),
    "in angle brackets": report(OF_ANNA.replace(ANNA, f"<{ANNA}>")),
    "with a name": report(OF_ANNA.replace(ANNA, f'"Anna" <{ANNA}>')),
    "known to the server alone": report(
        OF_ANNA.replace(f"rfc822; {ANNA}", f"LOCAL; <anna>\nOriginal-Recipient: rfc822; {ANNA}")
    ),
    "in X.400": report(
        OF_ANNA.replace(f"rfc822; {ANNA}", f"x400; /G=anna/O=y/\nOriginal-Recipient: rfc822; {ANNA}")
    ),
    "in X.400 alone": report(
        OF_ANNA.replace(f"rfc822; {ANNA}", "x400; /G=anna/O=y/"),
        said=f"It could not be delivered:\n\n  {ANNA}\n",
    ),
    "by another word for failed": report(OF_ANNA.replace("failed", "error")),
    "with remarks": report(OF_ANNA.replace("failed", "failed (in vain)").replace("5.1.1\n", "5.1.1 (bad)\n")),
    "with a torn reply": report(
        OF_ANNA.replace("5.1.1", "5.0.0").replace(
            "550 5.0.0 User", "550-Requested action\n550 not taken: user"
        )
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_report_is_read_in_any_form(form: str) -> None:
    assert outcomes(FORMS[form]) == {ANNA: True}


@pytest.mark.parametrize("between", ["\n", ""])
def test_of_several_each_has_his_own_reason(between: str) -> None:
    assert outcomes(report(OF_ANNA + between + OF_BOB)) == {ANNA: True, BOB: False}


@pytest.mark.parametrize("arrived", ["Action: relayed\nStatus: 2.0.0", "Action: delivered", "Status: 2.1.5"])
def test_whom_it_reached_did_not_fail(arrived: str) -> None:
    reached = f"Final-Recipient: rfc822; {BOB}\n{arrived}\n"
    assert outcomes(report(f"{OF_ANNA}\n{reached}")) == {ANNA: True}
    assert classify(report(reached)).kind is Kind.DELIVERED


def test_the_alias_that_the_mail_was_for_failed_and_not_what_it_was_made_into() -> None:
    status = OF_ANNA.replace("Action", f"X-Actual-Recipient: rfc822; {BOB}\nAction")
    assert outcomes(report(status)) == {ANNA: True}


def test_a_code_speaks_before_a_letter_that_says_only_what_might_be() -> None:
    said = "It could not be delivered. The address may be unknown, or the mailbox full.\n"
    status = f"Final-Recipient: rfc822; {ANNA}\nAction: failed\nStatus: 4.4.7\n"
    (told,) = classify(report(status, said=said)).recipients
    assert told.reason is Reason.EXPIRED
