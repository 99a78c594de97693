"""The letters of many more mail servers are read, each written by hand in the shape that its program gives them.

They stand in `letters_of_servers.toml`. No real one is among them: these tell whether the rules hold for what they were
not written with.
"""

import re
import textwrap
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from digest.bounces import Kind
from digest.bounces.classify import classify

ANNA, BOB = "anna@reader.example", "bob.b@other.example"
OURS = "news+bounce-abc@digest.example"
LETTER = f"""\
Received: from digest.example (digest.example [192.0.2.7])
	by relay.example with ESMTP id A1; Thu, 1 Jan 2015 00:00:00 +0000
From: The Digest <news@digest.example>
To: {ANNA}
Subject: The day
Message-ID: <17@digest.example>

The ferries sail again. Write to somebody@elsewhere.example.
"""
GONE, STAYS = True, False

LETTERS = tomllib.loads(Path(__file__).with_name("letters_of_servers.toml").read_text("utf-8"))


def letter(shape: str) -> tuple[str, str, str, dict[str, bool]]:
    """Give who sends it, what stands over it, what it says, and who is gone for good or not."""
    one = LETTERS[shape]
    wanted = dict.fromkeys(one["gone"], GONE) | dict.fromkeys(one["stays"], STAYS)
    return one["sender"], one["subject"], one["text"].replace("{letter}", LETTER), wanted


def machine(sender: str, subject: str, text: str, *, kind: str = "text/plain; charset=utf-8") -> bytes:
    head = f"Return-Path: <>\nFrom: {sender}\nTo: {OURS}\nSubject: {subject}\nContent-Type: {kind}\n"
    return f"{head}\n{text}".encode()


@pytest.mark.parametrize("shape", LETTERS)
def test_letters_in_the_shape_of_many_programs_are_read(shape: str) -> None:
    sender, subject, text, wanted = letter(shape)
    told = classify(machine(sender, subject, text))
    assert told.kind is Kind.BOUNCE
    assert {one.address: one.permanent for one in told.recipients} == wanted


def as_markup(text: str) -> str:
    shown = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "<html><body><p>" + "<br>\n".join(shown.split("\n")) + "</p></body></html>"


@pytest.mark.parametrize("shape", LETTERS)
def test_they_are_read_as_html_alone(shape: str) -> None:
    sender, subject, text, wanted = letter(shape)
    told = classify(machine(sender, subject, as_markup(text), kind="text/html; charset=utf-8"))
    assert {one.address: one.permanent for one in told.recipients} == wanted


@pytest.mark.parametrize("shape", LETTERS)
def test_they_are_read_with_the_letter_attached(shape: str) -> None:
    sender, subject, text, wanted = letter(shape)
    said = text.partition("Received: from digest")[0]
    whole = (
        f"--b\nContent-Type: text/plain; charset=utf-8\n\n{said}\n"
        f"--b\nContent-Type: message/rfc822\n\n{LETTER}\n--b--\n"
    )
    told = classify(machine(sender, subject, whole, kind="multipart/mixed; boundary=b"))
    assert {one.address: one.permanent for one in told.recipients} == wanted


# The same letters, as they look after other hands


def wrapped(text: str, width: int) -> str:
    return "\n".join(
        textwrap.fill(
            line,
            width,
            subsequent_indent=line[: len(line) - len(line.lstrip())],
            break_long_words=False,
            break_on_hyphens=False,
        )
        if len(line) > width
        else line
        for line in text.split("\n")
    )


HANDS: dict[str, Callable[[str], str]] = {
    "cut at 70": lambda text: wrapped(text, 70),
    "cut at 50": lambda text: wrapped(text, 50),
    "in capitals": lambda text: re.sub(
        r"(\S+@\S+)|([a-z]+)", lambda found: found[1] or found[2].upper(), text
    ),
    "indented": lambda text: re.sub(r"(?m)^(?=.)", "   ", text),
    "with empty lines between": lambda text: text.replace("\n", "\n\n"),
    "without empty lines": lambda text: re.sub(r"\n{2,}", "\n", text),
    "without what it returns": lambda text: text.partition("Received: from digest")[0],
    "with an offer of help": lambda text: f"For help write to\nhelpdesk@isp.example\nor call us.\n\n{text}",
    "with a signature": lambda text: (
        text.partition("Received: from digest")[0]
        + "\n-- \nThe mail team. Questions? Write to helpdesk@isp.example\n"
    ),
    "without angle brackets": lambda text: re.sub(r"<([\w.+-]+@[\w.-]+)>", r"\1", text),
}


@pytest.mark.parametrize("hand", HANDS)
@pytest.mark.parametrize("shape", LETTERS)
def test_they_are_read_however_their_lines_stand(shape: str, hand: str) -> None:
    sender, subject, text, wanted = letter(shape)
    told = classify(machine(sender, subject, HANDS[hand](text)))
    assert {one.address.casefold(): one.permanent for one in told.recipients} == wanted


@pytest.mark.parametrize("shape", LETTERS)
def test_they_are_read_from_a_sender_of_any_name(shape: str) -> None:
    _, subject, text, wanted = letter(shape)
    told = classify(machine("noreply@isp.example", subject, text))
    assert {one.address: one.permanent for one in told.recipients} == wanted


NAMING = {
    "a numbered list": f"It could not be delivered:\n\n 1. {ANNA} - user unknown\n 2. {BOB} - user unknown\n",
    "a list with marks": f"Delivery to these recipients failed:\n\n  * {ANNA}\n  * {BOB}\n\nReason: no such user\n",
    "one sentence": f"Your message could not be delivered to: {ANNA}, {BOB}\n\nReason: user unknown\n",
    "names": f"Delivery failed for:\n\n  \"Anna A.\" <{ANNA}>: user unknown\n  'Bob' <{BOB}>: user unknown\n",
    "links": f"Delivery failed for:\n\nAnna A.<mailto:{ANNA}>\nBob<mailto:{BOB}>\n\nuser unknown\n",
}


@pytest.mark.parametrize("naming", NAMING)
def test_several_are_found_however_they_are_named(naming: str) -> None:
    told = classify(machine("MAILER-DAEMON@relay.example", "Undelivered Mail", NAMING[naming]))
    assert {one.address: one.permanent for one in told.recipients} == {ANNA: GONE, BOB: GONE}


ONE = {
    "the mailbox in quotes": f"Sorry, the mailbox '{ANNA}' is full. For help, contact helpdesk@relay.example.\n",
    "the fields of the mail": (
        f"Your message\n\n  From:    news@digest.example\n  To:      {ANNA}\n  Subject: The day\n"
        "  Sent:    1 Jan 2015\n\ncould not be delivered because the mailbox is full.\n"
    ),
    "a notice of a virus": (
        f"Our content checker found a virus in your mail to the following recipient:\n-> {ANNA}\n\n"
        "Delivery was stopped!\n"
    ),
    "one who was made from another": (
        f"A message that you sent could not be delivered. The following address failed:\n\n  {ANNA}\n"
        f"    (generated from {BOB})\n    mailbox is full\n"
    ),
    "a half sentence of help": (
        f"Your message could not be delivered. If you need any further assistance with\nhelp@isp.example\n\n{ANNA}:"
        " mailbox is full\n"
    ),
}


@pytest.mark.parametrize("naming", ONE)
def test_one_is_found_beside_others_who_did_not_fail(naming: str) -> None:
    told = classify(machine("MAILER-DAEMON@relay.example", "Undelivered Mail", ONE[naming]))
    assert {one.address: one.permanent for one in told.recipients} == {ANNA: STAYS}


# People, and machines that mean something else

QUOTED = f"Delivery to the following recipient failed:\n  {ANNA}\n550 user unknown\n"
PEOPLE = {
    "asked on a list": ("[talk] Undeliverable mail", "List-Id: <talk.lists.example>\n"),
    "answered": ("Re: Undeliverable mail", "In-Reply-To: <1@people.example>\n"),
    "passed on": ("Fwd: failure notice", ""),
}


@pytest.mark.parametrize("how", PEOPLE)
def test_people_who_show_each_other_such_letters_are_people(how: str) -> None:
    subject, field = PEOPLE[how]
    mail = f"From: Carl <carl@people.example>\nTo: talk@lists.example\nSubject: {subject}\n{field}\nLook:\n\n{QUOTED}"
    told = classify(mail.encode())
    assert (told.kind, told.recipients) == (Kind.ORDINARY, ())


@pytest.mark.parametrize(
    "command", ["talk-owner", "talk-request", "talk-bounces", "owner-talk", "postmaster"]
)
def test_the_addresses_that_a_list_is_run_by_are_no_readers(command: str) -> None:
    text = f"Your mail could not be delivered:\n\n{command}@lists.example\n"
    assert not classify(machine("MAILER-DAEMON@relay.example", "Undelivered Mail", text)).recipients
