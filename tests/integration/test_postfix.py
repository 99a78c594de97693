"""A letter on its way through a real Postfix arrives as it was written."""

import base64
import email
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy

import pytest
from conftest import Need
from postfix import Postfix
from smtp_server import Smtpd, Taken

from digest.message import Headers, message
from digest.model import Letter, Reply
from digest.transport.smtp import Smtp

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
DATA_URI = f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"
SENDER = "bounces+7@digest.example"

LETTER = Letter(
    subject="Täglich: 河口のフェリーが再開 – البحر ⛴️ " * 4,
    html=f"""<p>.\n..\nFrom here
<img alt="⛴" src="{DATA_URI}">
<p>{"a very long line " * 200}""",
    text=f".\n..\nFrom here on  \n\tZeichen für Zeichen\n{'w' * 3000}\n\n",
)

HEADERS = Headers(
    from_name="The Alder Digest, täglich",
    from_address="daily@digest.example",
    to_address="reader+news@xn--bcher-kva.example",
    reply_to="daily+help@digest.example",
    date=datetime(2026, 3, 1, 6, 30, tzinfo=UTC),
    message_id="<7.20260301.9f8a@digest.example>",
    list_id="daily.digest.example",
    list_name="The Alder Digest",
    unsubscribe_urls=(
        "https://digest.example/u/" + "t" * 700,
        "mailto:daily+leave-" + "t" * 120 + "@digest.example",
    ),
    one_click=True,
    list_links=(
        ("List-Help", "mailto:daily+help@digest.example"),
        ("List-Archive", "https://digest.example/daily"),
    ),
)


@dataclass(frozen=True)
class Journey:
    """One letter's way: what was handed to Postfix, what it said, and what came out behind it."""

    sent: bytes
    reply: Reply
    taken: Taken


@pytest.fixture(scope="module")
def sink() -> Iterator[Smtpd]:
    with Smtpd() as running:
        yield running


@pytest.fixture(scope="module")
def postfix(need: Need, sink: Smtpd) -> Iterator[Postfix]:
    program = need("postfix")
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("Postfix must be started by root")
    with Postfix(program, next_hop=sink.port) as running:
        yield running


@pytest.fixture(scope="module")
def journey(postfix: Postfix, sink: Smtpd) -> Journey:
    sent = message(LETTER, HEADERS)
    reply = send(postfix, sent)
    deadline = time.monotonic() + 60
    while not sink.mails:
        assert time.monotonic() < deadline, f"nothing came out of Postfix: {postfix.log}"
        time.sleep(0.05)
    [taken] = sink.mails
    return Journey(sent, reply, taken)


def send(postfix: Postfix, mail: bytes) -> Reply:
    transport = Smtp(host="127.0.0.1", port=postfix.port, security="none", hello_name="digest.test")
    with transport.connect() as session:
        return session.send(envelope_from=SENDER, recipient=HEADERS.to_address, message=mail)


def test_postfix_takes_the_letter(journey: Journey) -> None:
    assert (journey.reply.code, journey.reply.enhanced) == (250, "2.0.0")


def test_a_letter_passes_through_postfix_byte_for_byte(journey: Journey) -> None:
    added, mail = journey.taken.content.split(b"From: ", 1)
    assert b"From: " + mail == journey.sent
    assert added.startswith(b"Received: from digest.test ")


def test_the_envelope_passes_through_postfix(journey: Journey) -> None:
    assert journey.taken.envelope_from == SENDER
    assert journey.taken.recipients == [HEADERS.to_address]


def test_a_receiver_behind_postfix_reads_the_headers_that_were_meant(journey: Journey) -> None:
    mail = email.message_from_bytes(journey.taken.content, policy=policy.default)
    assert mail["Subject"] == LETTER.subject.strip()
    assert mail["From"].addresses[0].display_name == HEADERS.from_name
    assert mail["From"].addresses[0].addr_spec == HEADERS.from_address
    assert mail["To"] == HEADERS.to_address
    assert mail["Reply-To"] == HEADERS.reply_to
    assert mail["Date"].datetime == HEADERS.date
    assert mail["Message-ID"] == HEADERS.message_id
    assert mail["List-Id"] == f"{HEADERS.list_name} <{HEADERS.list_id}>"
    assert mail["List-Unsubscribe"] == ", ".join(f"<{url}>" for url in HEADERS.unsubscribe_urls)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert [(name, mail[name].strip("<>")) for name, _ in HEADERS.list_links] == list(HEADERS.list_links)
    assert mail["List-Post"] == "NO"
    assert mail["Auto-Submitted"] == "auto-generated"


def test_a_receiver_behind_postfix_reads_the_parts_that_were_meant(journey: Journey) -> None:
    mail = email.message_from_bytes(journey.taken.content, policy=policy.default)
    text, html = (mail.get_body([kind]) for kind in ("plain", "html"))
    [picture] = mail.get_body(["related"]).iter_attachments()
    reference = f"cid:{picture['Content-ID'].strip('<>')}"

    assert text.get_payload(decode=True).decode() == LETTER.text.replace("\n", "\r\n")
    assert html.get_payload(decode=True).decode() == LETTER.html.replace(DATA_URI, reference).replace(
        "\n", "\r\n"
    )
    assert picture.get_content() == PICTURE


def test_what_postfix_refuses_is_a_reply_with_its_enhanced_code(postfix: Postfix) -> None:
    reply = send(postfix, b"Subject: more than the 10 MB that it takes\r\n\r\n" + b"\r\n" * 6_000_000)
    assert (reply.code, reply.enhanced) == (552, "5.3.4")
