"""What is read from a mail, and what is believed of it: next to nothing."""

import base64
import importlib.util
import json
from collections import Counter
from itertools import product
from pathlib import Path
from types import ModuleType

import pytest

from digest.commands import read_commands
from digest.received import Envelope, Received, read

OWN = "digest@digest.example"
SERVER = "mx.digest.example"
READER = "reader@mail.example"


def mail(*fields: str, body: str = "", sender: str | None = READER) -> bytes:
    """Write a mail with CRLF line ends."""
    head = ([f"From: {sender}"] if sender else []) + list(fields)
    return "\r\n".join([*head, "", *body.split("\n")]).encode("utf-8", "surrogateescape")


def received(content: bytes, envelope: Envelope | None = None, authserv_id: str = SERVER) -> Received:
    return read(content, envelope=envelope or Envelope(), own_address=OWN, authserv_id=authserv_id)


def author(value: str) -> str | None:
    found = received(mail(f"From: {value}", sender=None)).author
    return None if found is None else str(found)


def text(body: str, *fields: str) -> str:
    return received(mail(*fields, body=body)).text


def markup(body: str) -> str:
    return text(body, "Content-Type: text/html; charset=utf-8")


def multipart(*parts: str, subtype: str = "mixed") -> bytes:
    body = "".join(f"--b\n{part}\n" for part in parts)
    return mail(f"Content-Type: multipart/{subtype}; boundary=b", body=f"preamble\n{body}--b--\nepilogue")


# Who wrote it


@pytest.mark.parametrize(
    "value",
    [
        "reader@mail.example",
        "<reader@mail.example>",
        "Reader <reader@mail.example>",
        "R. Eader <reader@mail.example>",
        "Reader<reader@mail.example>",
        '"Eader, Rea (\\"RE\\")" <reader@mail.example>',
        '"victim@bank.example" <reader@mail.example>',
        '"<victim@bank.example>" <reader@mail.example>',
        "reader@mail.example (Rea Eader)",
        "(a comment (in a comment)) reader@mail.example",
        "Reader (victim@bank.example, \\) and) <reader@mail.example>",
        "=?utf-8?q?victim=40bank.example?= <reader@mail.example>",
        "=?utf-8?b?PHZpY3RpbUBiYW5rLmV4YW1wbGU+?= <reader@mail.example>",
        "Lesér Ünlü <reader@mail.example>",
        "L\udce9ser <reader@mail.example>",
        "Reader\r\n\t<reader@mail.example>",
        "Reader <reader@MAIL.example>",
    ],
)
def test_a_display_name_is_thrown_away_whatever_it_pretends_to_be(value: str) -> None:
    assert author(value) == READER


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Reader",
        "alice@example.org)bob@evil.test",
        "alice@example.org(bob@evil.test",
        "alice@example.org bob@evil.test",
        "alice@example.org, bob@evil.test",
        "Alice <alice@example.org>, Bob <bob@evil.test>",
        "<alice@example.org> <bob@evil.test>",
        "<alice@example.org> bob@evil.test",
        "alice@example.org <bob@evil.test>",
        "<<alice@example.org>>",
        "Alice <alice@example.org",
        "Alice alice@example.org>",
        "team: alice@example.org;",
        "team:;",
        "<@relay.example:alice@example.org>",
        '"alice"@example.org',
        '"alice <alice@example.org>',
        "alice@[192.0.2.1]",
        "a b@example.org",
        "alice@@example.org",
        "alice@example.org;",
        "=?utf-8?q?alice?=@example.org",
        "=?utf-8?q?alice=40example.org?=",
        "=?utf-8?q?Alice_=3Calice=40example.org=3E?=",
        "alice\0@example.org",
        "Al\0ice <alice@example.org>",
        "alice@exa\0mple.org",
        "Alice\r<alice@example.org>",
        "al\udce9ce@example.org",
        "alice\u00a0@example.org",
        "alice\u200b@example.org",
        "alice@example.org\u2028bob@evil.test",
        f"{'x' * 5000} <alice@example.org>",
    ],
)
def test_what_two_programs_could_read_as_two_addresses_has_no_author(value: str) -> None:
    assert author(value) is None


def test_a_mail_of_two_authors_or_none_has_no_author() -> None:
    assert received(mail("From: bob@evil.test")).author is None
    assert received(mail(sender=None)).author is None
    assert received(b"").author is None


def test_an_international_address_is_read_as_it_is() -> None:
    assert author("Jürgen <jürgen@bücher.example>") == "jürgen@xn--bcher-kva.example"


def test_what_stands_behind_a_line_that_is_no_field_is_text_and_names_nobody() -> None:
    found = received(b"Subject: x\r\nno field\r\nFrom: bob@evil.test\r\n\r\nhello\r\n")
    assert found.author is None
    assert found.text.startswith("no field\nFrom: bob@evil.test")


def test_the_separator_of_an_mbox_is_no_part_of_the_mail() -> None:
    assert received(b"From reader Thu Jan  1 00:00:00 2015\n" + mail()).author is not None


# To whom


def test_the_envelope_says_to_whom() -> None:
    envelope = Envelope(sender=READER, recipients=("digest+help@digest.example",))
    content = mail("To: other@digest.example", "Delivered-To: third@digest.example")
    assert received(content, envelope).recipients == ("digest+help@digest.example",)


@pytest.mark.parametrize("field", ["Delivered-To", "X-Original-To", "Envelope-To"])
def test_without_an_envelope_the_trace_of_the_delivery_says_to_whom(field: str) -> None:
    content = mail(f"{field}: digest+help@digest.example", "To: somebody@else.example")
    assert received(content).recipients == ("digest+help@digest.example",)


def test_without_a_trace_to_and_cc_say_to_whom() -> None:
    content = mail("To: A <a@one.example>, b@two.example", "Cc: digest+help@digest.example, b@two.example")
    assert received(content).recipients == ("a@one.example", "b@two.example", "digest+help@digest.example")


def test_a_mailbox_that_notes_only_its_plain_address_does_not_hide_the_subaddress() -> None:
    content = mail("Delivered-To: digest@digest.example", "To: digest+confirm-ABC@digest.example")
    assert received(content).recipients == ("digest+confirm-ABC@digest.example",)


@pytest.mark.parametrize("value", ["undisclosed-recipients:;", "a@b@c", "", ",,", "\udcff"])
def test_recipients_that_are_none_are_left_out(value: str) -> None:
    assert received(mail(f"To: {value}", "Cc: a@one.example")).recipients == ("a@one.example",)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (None, None),
        ("<>", ""),
        ("< >", None),
        ("<MAILER-DAEMON>", ""),
        ("<reader@mail.example>", READER),
        ("reader@mail.example", READER),
        ("<a@b> <c@d.example>", None),
    ],
)
def test_the_return_path_is_what_the_last_server_noted(field: str | None, expected: str | None) -> None:
    fields = [] if field is None else [f"Return-Path: {field}"]
    assert received(mail(*fields)).return_path == expected


def test_the_envelope_counts_before_a_return_path() -> None:
    assert received(mail("Return-Path: <>"), Envelope(sender=READER)).return_path == READER


# What it refers to


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<1.2$x@mail.example>", "<1.2$x@mail.example>"),
        ("<a@[192.0.2.1]>", "<a@[192.0.2.1]>"),
        ("a@mail.example", ""),
        ("<a>", ""),
        ("<a@b> <c@d>", ""),
        ("<a@b\r\n Bcc: victim@bank.example>", ""),
        ("<a b@c>", ""),
        ("<a@b>\0", ""),
        (f"<{'x' * 500}@b>", ""),
        ("<é@b>", ""),
    ],
)
def test_only_a_message_id_that_may_stand_in_a_header_is_taken(value: str, expected: str) -> None:
    assert received(mail(f"Message-ID: {value}")).message_id == expected


def test_two_message_ids_are_none() -> None:
    assert received(mail("Message-ID: <a@b>", "Message-ID: <c@d>")).message_id == ""


def test_references_keep_the_last_dozen_of_message_ids_and_nothing_else() -> None:
    many = " ".join(f"<{number}@mail.example>" for number in range(40))
    found = received(mail(f"References: junk {many} <x@y\r\n> (c) X-Evil:1 <39@mail.example>")).references
    assert found == " ".join(f"<{number}@mail.example>" for number in range(28, 40))


def test_long_references_fit_one_line_of_a_header() -> None:
    many = " ".join(f"<{str(number) * 100}@mail.example>" for number in range(1, 10))
    found = received(mail(f"References: {many}")).references
    assert found.endswith(f"<{'9' * 100}@mail.example>")
    assert len(found) < 800


def test_without_references_the_mail_replied_to_is_the_reference() -> None:
    assert received(mail("In-Reply-To: <a@b>")).references == "<a@b>"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=?utf-8?q?K=C3=BCndigen?=", "Kündigen"),
        ("=?utf-8?b?2KXZhNi62KfYoQ==?=\r\n =?utf-8?b?INin2YTYp9i02KrYsdin2YM=?=", "إلغاء الاشتراك"),
        ("=?utf-8?q?stop=0D=0ABcc:_victim=40bank.example?=", "stop Bcc: victim@bank.example"),
        ("=?x-unknown?q?K=FCndigen?=", "Kündigen"),
        ("=?utf-8?b?!!?= x", "x"),
        ("=?utf-8?b?A?= x", "=?utf-8?b?A?= x"),
        ("K\udcfcndigen", "Kündigen"),
        ("Kündigen", "Kündigen"),
        ("\u200f\u202aإلغاء\u202c\u00a0الاشتراك", "إلغاء الاشتراك"),
        ("st\u00adop\u200b", "stop"),
        ("a\0b", "ab"),
        ("=?punycode?q?x?= =?rot13?q?fgbc?=", "xfgbc"),
    ],
)
def test_a_subject_is_one_line_of_what_can_be_seen(value: str, expected: str) -> None:
    assert received(mail(f"Subject: {value}")).subject == expected


# Once


def test_a_mail_has_one_key_on_whichever_way_it_comes() -> None:
    content = mail("Message-ID: <a@b>", "Subject: stop", body="please\n")
    ways = [
        content,
        content.replace(b"\r\n", b"\n"),
        b"Return-Path: <x@y.example>\r\nDelivered-To: d@digest.example\r\nReceived: by x; now\r\n" + content,
        content + b"\r\n\r\n",
    ]
    assert len({received(way).key for way in ways}) == 1
    assert received(content, Envelope(sender="", recipients=("x@y.example",))).key == received(content).key


@pytest.mark.parametrize(
    "other",
    [
        mail("Message-ID: <b@b>", "Subject: stop", body="please"),
        mail("Message-ID: <a@b>", "Subject: start", body="please"),
        mail("Message-ID: <a@b>", "Subject: stop", body="now"),
        mail("Message-ID: <a@b>", "Subject: stop", body="please", sender="other@mail.example"),
        mail("Message-ID: <a@b>", "Subject: stop", "Date: tomorrow", body="please"),
        mail("Subject: stop", body="please"),
    ],
)
def test_another_mail_has_another_key(other: bytes) -> None:
    assert received(other).key != received(mail("Message-ID: <a@b>", "Subject: stop", body="please")).key


def test_a_mail_without_a_message_id_has_a_key() -> None:
    found = received(mail(body="stop"))
    assert (found.message_id, len(found.key)) == ("", 64)


# A machine's


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("Auto-Submitted: auto-replied", "Auto-Submitted"),
        ("Auto-Submitted: auto-generated; x=y", "Auto-Submitted"),
        ("Auto-Submitted: (no) auto-notified", "Auto-Submitted"),
        ("Auto-Submitted:", "Auto-Submitted"),
        ("Auto-Submitted: no\r\nAuto-Submitted: auto-replied", "Auto-Submitted"),
        ("Precedence: bulk", "Precedence"),
        ("PRECEDENCE: List ", "Precedence"),
        ("Precedence: junk", "Precedence"),
        ("List-Id: <x.y.example>", "list mail"),
        ("List-Unsubscribe: <mailto:x@y.example>", "list mail"),
        ("Mailing-List: x", "list mail"),
        ("X-Loop: x@y.example", "list mail"),
        ("X-Auto-Response-Suppress: All", "responder's header"),
        ("X-Auto-Response-Suppress:", "responder's header"),
        ("X-Autoreply: yes", "responder's header"),
        ("X-Autorespond: x", "responder's header"),
        ("X-Auto-Reply-From: x@y.example", "responder's header"),
        ("X-POST-MessageClass: 9; Autoresponder", "responder's header"),
        ("Return-Path: <>", "null return path"),
        ("Content-Type: multipart/report; report-type=delivery-status; boundary=b", "report"),
        ("Content-Type: multipart/report; report-type=disposition-notification; boundary=b", "report"),
        ("Return-Path: <list-bounces@lists.example>", "machine's address"),
        ("Return-Path: <bounce+reader=mail.example@lists.example>", "machine's address"),
        ("Return-Path: <owner-list@lists.example>", "machine's address"),
    ],
)
def test_a_mail_that_says_so_is_a_machines(field: str, reason: str) -> None:
    assert received(mail(field)).automatic == reason


@pytest.mark.parametrize(
    "local",
    [
        *(
            "MAILER-DAEMON",
            "postmaster",
            "noreply",
            "no-reply",
            "No.Reply",
            "no_reply",
            "donotreply",
            "do-not-reply",
        ),
        *(
            "noreply+x",
            "bounces",
            "bounce-7",
            "bounces+abc",
            "list-bounces",
            "list-owner",
            "list-request",
            "majordomo",
        ),
    ],
)
def test_nobody_sits_behind_such_an_address(local: str) -> None:
    assert received(mail(sender=f"X <{local}@other.example>")).automatic == "machine's address"


@pytest.mark.parametrize("local", ["bouncer", "norep", "post.master", "owners", "requester"])
def test_a_person_may_be_called_nearly_so(local: str) -> None:
    assert received(mail(sender=f"{local}@other.example")).automatic == ""


@pytest.mark.parametrize("address", [OWN, "Digest@DIGEST.example", "digest+owner@digest.example"])
def test_what_comes_from_ourselves_is_a_machines(address: str) -> None:
    assert received(mail(sender=address)).automatic == "our own address"


@pytest.mark.parametrize(
    "subject",
    [
        "Out of office",
        "OUT OF OFFICE: Re: The Port Alder Digest",
        "Out of Office Re: Confirm",
        "[Auto-Reply] away",
        "Automatic reply: your letter",
        "Autoreply",
        "Auto: Re: hello",
        "Abwesenheitsnotiz: Ihr Abo",
        "Automatische Antwort: x",
        "Réponse automatique : x",
        "=?utf-8?q?R=C3=A9ponse_automatique=C2=A0=3A?= x",
        "Respuesta automática: x",
        "Otomatik yanıt: x",
        "OTOMATİK YANIT: x",
        "رد تلقائي: x",
        "\u200fالرد التلقائي",
        "Automatisch antwoord: x",
        "Resposta automática",
        "Risposta automatica",
        "Автоматический ответ: x",
        "自動応答: x",
        "Undelivered Mail Returned to Sender",
        "Delivery Status Notification (Failure)",
        "failure notice",
    ],
)
def test_a_vacation_responder_that_sets_no_header_is_known_by_its_subject(subject: str) -> None:
    assert received(mail(f"Subject: {subject}")).automatic == "responder's subject"


@pytest.mark.parametrize(
    "fields",
    [
        ["Auto-Submitted: no"],
        ["Auto-Submitted: NO (a person)"],
        ["Precedence: first-class"],
        ["Feedback-ID: i1234567:Fastmail"],  # set by some providers on all that their people write
        ["Message-ID: <x@digest.example>"],  # a reader at our own domain
        ["Subject: Re: Automatic reply: x"],  # a person who answers a machine
        ["Subject: Automatically"],
        ["Subject: Out"],
        ["Return-Path: <SRS0=a=b=mail.example=reader@forwarder.example>"],
    ],
)
def test_a_persons_mail_is_a_persons(fields: list[str]) -> None:
    assert received(mail(*fields)).automatic == ""


# Vouched for


@pytest.mark.parametrize(
    "results",
    [
        "mx.digest.example; dmarc=pass header.from=mail.example",
        "MX.Digest.Example 1; dmarc=pass (p=none dis=none) header.from=Mail.Example",
        '"mx.digest.example"; dmarc=pass header.from="mail.example"',
        "mx.digest.example (our own) ; dkim=fail header.d=x.example;\r\n\tdmarc=pass\r\n header.from=mail.example",
        "mx.digest.example; dkim=pass (2048-bit key; unprotected) header.d=mail.example header.i=@mail.example",
        'mx.digest.example; dkim=pass reason="good; spf=fail" header.i=@mail.example',
        "mx.digest.example; dkim/1 = pass header.d = mail.example",
        "mx.digest.example; spf=pass smtp.mailfrom=bounce@mail.example",
        "mx.digest.example; spf=pass smtp.mailfrom=mail.example",
        "mx.digest.example; dmarc=none header.from=mail.example; spf=pass smtp.mailfrom=reader@mail.example",
    ],
)
def test_the_operators_server_vouches_for_the_authors_domain(results: str) -> None:
    found = received(mail(f"Authentication-Results: {results}"))
    assert (found.authenticated, found.rejected) == (True, False)


@pytest.mark.parametrize(
    "results",
    [
        "mx.digest.example; none",
        "mx.digest.example",
        "",
        "mx.digest.example.evil.test; dmarc=pass header.from=mail.example",
        "xmx.digest.example; dmarc=pass header.from=mail.example",
        "digest.example; dmarc=pass header.from=mail.example",
        "(mx.digest.example) evil.test; dmarc=pass header.from=mail.example",
        "evil.test; mx.digest.example; dmarc=pass header.from=mail.example",
        "mx.digest.example; dmarc=pass",
        "mx.digest.example; dmarc=pass header.from=evil.test",
        "mx.digest.example; dmarc=pass (header.from=mail.example)",
        "mx.digest.example; (dmarc=pass header.from=mail.example)",
        "mx.digest.example; dmarc=bestguesspass header.from=mail.example",
        "mx.digest.example; dkim=pass header.d=evil.test header.i=@mail.example",
        "mx.digest.example; dkim=pass header.d=sub.mail.example",  # below the author's domain
        "mx.digest.example; dkim=pass header.d=example",
        "mx.digest.example; dkim=pass header.d=ail.example",
        "mx.digest.example; dkim=neutral header.d=mail.example",
        'mx.digest.example; dkim=fail reason="x; dkim=pass header.d=mail.example"',
        "mx.digest.example; spf=pass smtp.mailfrom=mail.example@evil.test",
        "mx.digest.example; spf=pass smtp.helo=mail.example",
        "mx.digest.example; arc=pass header.d=mail.example",
        "mx.digest.example; x-dmarc=pass header.from=mail.example",
        "mx.digest.example; dmarc=fail header.from=mail.example; dkim=pass header.d=mail.example",
        "mx.digest.example; dmarc=pass header.from=mail.example (never closed; dmarc=pass",
    ],
)
def test_nothing_else_vouches_for_it(results: str) -> None:
    if results.endswith("dmarc=pass"):
        results = results.replace("header.from", "header.to")
    assert not received(mail(f"Authentication-Results: {results}")).authenticated


def test_a_signature_of_the_domain_above_counts() -> None:
    content = mail(
        "Authentication-Results: mx.digest.example; dkim=pass header.d=mail.example",
        sender="a@x.mail.example",
    )
    assert received(content).authenticated


def test_a_mail_that_fails_dmarc_is_rejected_by_the_operators_server_alone() -> None:
    result = "dmarc=fail (p=reject) header.from=mail.example"
    assert received(mail(f"Authentication-Results: {SERVER}; {result}")).rejected
    assert not received(mail(f"Authentication-Results: evil.test; {result}")).rejected


VOUCHED = "Authentication-Results: mx.digest.example; dmarc=pass header.from=mail.example"
BY_US = "Received: from x by mx.digest.example (Postfix) with ESMTPS; now"
BY_OTHERS = "Received: from y by relay.evil.test with ESMTP; now"
BY_THE_MAILBOX = "Received: from mx.digest.example by imap.internal with LMTP; now"


@pytest.mark.parametrize(
    "fields",
    [
        [VOUCHED, BY_US, BY_OTHERS],  # as milters put it
        [BY_US, VOUCHED, BY_OTHERS],  # as others do
        [BY_THE_MAILBOX, BY_US, VOUCHED, BY_OTHERS],
        ["Authentication-Results: mx.digest.example; spf=none smtp.mailfrom=x.example", VOUCHED, BY_US],
        ["Return-Path: <reader@mail.example>", "X-Spam: no", VOUCHED],
    ],
)
def test_the_topmost_results_of_the_operators_server_are_believed(fields: list[str]) -> None:
    assert received(mail(*fields)).authenticated


@pytest.mark.parametrize(
    "fields",
    [
        ["Authentication-Results: mx.digest.example; dmarc=none", BY_US, VOUCHED],
        [BY_US, "Authentication-Results: mx.digest.example; dmarc=none", BY_OTHERS, VOUCHED],
        ["Authentication-Results: other.example; dmarc=none", VOUCHED],
        [BY_US, BY_OTHERS, VOUCHED],
        [BY_THE_MAILBOX, BY_US, BY_OTHERS, VOUCHED],
        ["ARC-Authentication-Results: i=1; mx.digest.example; dmarc=pass header.from=mail.example"],
        ["X-Authentication-Results: mx.digest.example; dmarc=pass header.from=mail.example"],
    ],
)
def test_forged_results_further_down_are_not_believed(fields: list[str]) -> None:
    assert not received(mail(*fields)).authenticated


@pytest.mark.parametrize("authserv_id", ["", " "])
def test_where_no_server_is_named_nothing_is_believed(authserv_id: str) -> None:
    found = received(
        mail("Authentication-Results: ; dmarc=pass header.from=mail.example", VOUCHED),
        authserv_id=authserv_id,
    )
    assert not found.authenticated


def test_nobody_can_be_vouched_for_without_an_author() -> None:
    assert not received(mail(VOUCHED, "From: second@mail.example")).authenticated


# What he says


def test_the_first_lines_are_the_readers_own() -> None:
    assert text("\n  pause\u00a02w \n\n\u200e+science\u200b\0\nthanks") == "pause 2w\n+science\nthanks"


@pytest.mark.parametrize(
    "introduction",
    [
        "On Mon, 2 Feb 2026 at 10:00, The Port Alder Digest <digest@digest.example> wrote:",
        "On Mon, 2 Feb 2026 at 10:00, The Port Alder Digest\n<digest@digest.example> wrote:",
        "On Mon, 2 Feb 2026\nThe Port Alder Digest\n<digest@digest.example>\nwrote:",
        "Digest <digest@digest.example> wrote on 2 Feb 2026:",
        "digest@digest.example writes:",
        "Am Mo., 2. Feb. 2026 um 10:00 Uhr schrieb Digest <digest@digest.example>:",
        "Am 02.02.26 um 10:00 schrieb Digest:",
        "Am Montag, 2. Februar 2026 hat Digest geschrieben:",
        "Digest schrieb am 02.02.2026:",
        "Le lun. 2 févr. 2026 à 10:00, Digest <digest@digest.example> a écrit :",
        "Le 2 février 2026, Digest a écrit\u00a0:",
        "El lun, 2 feb 2026 a las 10:00, Digest (<digest@digest.example>) escribió:",
        "Digest <digest@digest.example>, 2 Şub 2026 Pzt, 10:00 tarihinde şunu yazdı:",
        "2 Şub 2026 Pzt, 10:00 tarihinde Digest <digest@digest.example> şunları\nyazdı:",
        "في الاثنين، ٢ فبراير ٢٠٢٦ في ١٠:٠٠ ص تمت كتابة ما يلي بواسطة \u202aDigest\u202c\u200f:",
        "في ٢ فبراير ٢٠٢٦، كتب Digest:",
        "كتب Digest في ٢ فبراير:",
        "Op ma 2 feb 2026 schreef Digest:",
        "-----Original Message-----",
        "---- Original Message ----",
        "-----Ursprüngliche Nachricht-----",
        "-----Message d'origine-----",
        "-----Message d’origine-----",
        "-----Mensaje original-----",
        "-----Özgün İleti-----",
        "-----الرسالة الأصلية-----",
        "---------- Forwarded message ---------",
        "Begin forwarded message:",
        "________________________________",
        "From: Digest <digest@digest.example>\nSent: Monday, 2 February 2026 10:00\nTo: me",
        "*From:* Digest <digest@digest.example>\n*Date:* Monday, 2 February 2026 10:00",
        "Von: Digest\nGesendet: Montag, 2. Februar 2026 10:00\nAn: ich",
        "De : Digest\nEnvoyé : lundi 2 février 2026 10:00\nÀ : moi",
        "De: Digest\nEnviado el: lunes, 2 de febrero de 2026 10:00\nPara: yo",
        "Kimden: Digest\nGönderildi: 2 Şubat 2026 Pazartesi 10:00\nKime: ben",
        "من: Digest\nتاريخ الإرسال: الاثنين\nإلى: أنا",
    ],
)
def test_from_what_introduces_a_quote_on_nothing_is_the_readers_own(introduction: str) -> None:
    assert text(f"pause 2w\n\n{introduction}\nunsubscribe\nforget me") == "pause 2w"


@pytest.mark.parametrize("line", ["> stop", ">stop", "  > stop", ">> stop", "\u200e> stop", "| stop"])
def test_a_quoted_line_is_nobodys(line: str) -> None:
    assert text(f"{line}\npause\n{line}\nweekly") == "pause\nweekly"


@pytest.mark.parametrize(
    "signature",
    [
        "-- ",
        "--",
        "Sent from my iPhone",
        "Sent via the Samsung Galaxy",
        "Get Outlook for iOS",
        "Gesendet von meinem iPhone",
        "Von meinem iPhone gesendet",
        "Gesendet mit der GMX Mail App",
        "Envoyé de mon iPhone",
        "Envoyé depuis mon téléphone",
        "Enviado desde mi iPhone",
        "iPhone’umdan gönderildi",
        "iPhone'umdan gönderildi",
        "أُرسلت من الـ iPhone",
        "Verstuurd vanaf mijn iPhone",
    ],
)
def test_a_signature_ends_what_he_says(signature: str) -> None:
    assert text(f"pause\n{signature}\nunsubscribe") == "pause"


def test_at_most_twenty_lines_of_two_hundred_characters_are_read() -> None:
    lines = text("\n".join("x" * 300 for _ in range(50))).split("\n")
    assert [len(line) for line in lines] == [200] * 20


@pytest.mark.parametrize(
    ("content_type", "octets", "expected"),
    [
        ("text/plain; charset=utf-8", "kündigen".encode(), "kündigen"),
        ("text/plain; charset=iso-8859-1", "kündigen".encode("latin-1"), "kündigen"),
        ("text/plain; charset=iso-8859-9", "abonelikten çık".encode("iso-8859-9"), "abonelikten çık"),
        ("text/plain; charset=windows-1256", "إلغاء".encode("windows-1256"), "إلغاء"),
        ("text/plain; charset=koi8-r", "стоп".encode("koi8-r"), "стоп"),
        ("text/plain; charset=iso-2022-jp", "停止".encode("iso-2022-jp"), "停止"),
        ("text/plain; charset=us-ascii", "kündigen".encode(), "kündigen"),
        ("text/plain; charset=utf-8", "kündigen".encode("latin-1"), "kündigen"),
        ("text/plain; charset=x-no-such", b"stop", "stop"),
        ("text/plain; charset=rot13", b"stop", "stop"),
        ("text/plain; charset=idna", b"stop", "stop"),
        ('text/plain; charset="utf\0-8"', b"stop", "stop"),
        (f"text/plain; charset={'x' * 5000}", b"stop", "stop"),
        ("text/plain; charset*=utf-8''latin1", "kündigen".encode("latin-1"), "kündigen"),
        ("text/plain; charset*0=ut; charset*1=f-8", b"stop", "stop"),
        ("text/plain; charset*0=a; charset*=b''c", b"stop", "stop"),  # `email` cannot sort these
        ("text", b"stop", "stop"),
        ("", b"stop", "stop"),
        ("TEXT/PLAIN", b"stop", "stop"),
        ("text/plain; charset=\udce9\u00a7", b"stop", "stop"),  # the fuzzer's: `email` raises
        ("text/plain; format=flowed", b"subscribe daily \r\n7am\r\n", "subscribe daily 7am"),
        ("text/plain; format=flowed; delsp=yes", b"sub \r\nscribe\r\n", "subscribe"),
    ],
)
def test_a_text_is_decoded_as_well_as_it_can_be(content_type: str, octets: bytes, expected: str) -> None:
    assert received(mail(f"Content-Type: {content_type}") + octets).text == expected


@pytest.mark.parametrize(
    ("encoding", "body", "expected"),
    [
        ("base64", "c3RvcAo=", "stop"),
        ("BASE64 ", "c3Rv\n cAo=", "stop"),
        ("base64", "c3RvcA", "stop"),  # cut short
        ("base64", "c3RvcAo=\nnot base 64 = at all", "stop"),
        ("base64", "\u00e9!!", ""),
        ("quoted-printable", "k=C3=BCndigen=20=\nbitte", "kündigen bitte"),
        ("quoted-printable", "stop=ZZ =", "stop=ZZ"),
        ("x-uuencode", "stop", "stop"),
        ("8bit", "kündigen", "kündigen"),
    ],
)
def test_the_transfer_encoding_is_undone_as_far_as_it_holds(encoding: str, body: str, expected: str) -> None:
    assert text(body, f"Content-Transfer-Encoding: {encoding}").startswith(expected)


def test_the_first_plain_text_that_is_no_attachment_is_read() -> None:
    content = multipart(
        "Content-Type: text/html\n\n<p>markup</p>",
        "Content-Type: text/plain\nContent-Disposition: attachment\n\nattached",
        "Content-Type: text/plain\nContent-Disposition: inline; filename=x.txt\n\na file",
        "Content-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\neJ8+",
        "Content-Type: application/zip\nContent-Transfer-Encoding: base64\n\nUEsDBA==",
        "Content-Type: text/plain\n\nstop",
        "Content-Type: text/plain\n\nthe list's footer",
    )
    assert received(content).text == "stop"


def test_a_part_without_a_header_is_plain_text() -> None:
    assert received(multipart("\nstop")).text == "stop"


def test_without_plain_text_the_markup_is_read() -> None:
    assert (
        received(multipart("Content-Type: text/html\n\n<b>stop</b>", "Content-Type: image/png\n\nx")).text
        == "stop"
    )


def test_the_text_of_parts_within_parts_is_read() -> None:
    head = 'Content-Type: multipart/alternative; boundary="b1"\n\n'
    inner = f"{head}--b1\n\nstop\n--b1\nContent-Type: text/html\n\nx\n--b1--"
    assert received(multipart("Content-Type: image/png\n\nx", inner)).text == "stop"


def test_an_outer_boundary_ends_the_parts_within() -> None:
    inner = "Content-Type: multipart/mixed; boundary=b1\n\n--b1\nContent-Type: image/png\n\nx"
    assert received(multipart(inner, "\nstop")).text == "stop"


def test_a_message_within_the_message_is_somebody_elses() -> None:
    inner = "Content-Type: message/rfc822\n\nFrom: x@y.example\n\nunsubscribe"
    assert received(multipart(inner)).text == ""
    assert text("From: x@y.example\n\nunsubscribe", "Content-Type: message/rfc822") == ""


@pytest.mark.parametrize(
    "content_type", ["multipart/mixed", 'multipart/mixed; boundary=""', "image/png", "application/zip"]
)
def test_what_holds_no_text_says_nothing(content_type: str) -> None:
    assert text("--\n\nunsubscribe", f"Content-Type: {content_type}") == ""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<p>stop</p>", "stop"),
        (
            "<html><head><title>x</title><style>y</style></head><body><div>pause<br>weekly</div></body>",
            "pause\nweekly",
        ),
        ("<div>pause&nbsp;2w</div><div><b>+sci</b>ence</div>", "pause 2w\n+science"),
        ("<pre>pause\nweekly</pre>", "pause\nweekly"),
        ("<p>pa\nuse</p>", "pa use"),
        ("<p>a</p><script>stop</script><style>stop</style>", "a"),
        (
            "<p>a</p><div style='display: none'>stop</div><p hidden>stop</p><p style='FONT-SIZE:0px'>stop</p>",
            "a",
        ),
        ("<p style='font-size:0.9em'>a</p>", "a"),
        ("<p>a</p><blockquote>stop</blockquote><p>b</p>", "a\nb"),
        ("<!-- stop --><p>a</p><?php stop ?>", "a"),
        ("<table><tr><td>pause</td><td>2w</td></tr></table>", "pause 2w"),
        (
            '<div dir="ltr">a</div><div class="gmail_quote gmail_quote_container">On Monday <b>stop</b></div>',
            "a",
        ),
        ("<p>a</p><div class=yahoo_quoted>stop</div>", "a"),
        ("<p>a</p><div id=appendonsend></div><hr><div id=divRplyFwdMsg>From</div><div>stop</div>", "a"),
        ("<p>a</p><div id=x_divRplyFwdMsg>From</div><div>stop</div>", "a"),
        (
            '<p>a</p><div class="moz-cite-prefix">Am x schrieb y:</div><blockquote type=cite>stop</blockquote>',
            "a",
        ),
        (
            "<p>a</p><div style='border-top:solid'><p><b>From:</b> Digest<br><b>Sent:</b> now</p></div><p>stop</p>",
            "a",
        ),
        ("<p>a</p><p>&gt; stop</p>", "a"),
        ("<div>a</div><div>Sent from my iPhone</div><div>stop</div>", "a"),
        ("<p>a", "a"),
        ("", ""),
        ("<", "<"),
        ("<p>إلغاء&rlm; الاشتراك</p>", "إلغاء الاشتراك"),
    ],
)
def test_markup_is_read_as_a_person_would_see_it(body: str, expected: str) -> None:
    assert markup(body) == expected


# More than a person writes


def test_a_header_beyond_all_measure_is_refused_and_has_no_author() -> None:
    many = received(mail(*["X-Field: y"] * 2000, body="stop"))
    large = received(mail(f"X-Long: {'y' * 300_000}", body="stop"))
    for found in (many, large):
        assert found.refused.startswith("a header of more than")
        assert (found.author, found.text) == (None, "")


def test_a_mail_larger_than_any_server_takes_is_refused() -> None:
    found = received(mail("Message-ID: <a@b>") + bytes(64 * 2**20))
    assert (found.refused, found.author, found.text) == ("larger than 64 MB", None, "")


def test_parts_beyond_all_measure_are_refused() -> None:
    assert received(multipart(*["Content-Type: image/png\n\nx"] * 101)).refused == "more than 100 parts"


def test_parts_too_deep_are_refused() -> None:
    deep = "".join(f"--b{n}\nContent-Type: multipart/mixed; boundary=b{n + 1}\n\n" for n in range(20))
    content = mail("Content-Type: multipart/mixed; boundary=b0", body=f"{deep}--b20\n\nstop\n")
    assert received(content).refused == "parts more than 10 deep"


def test_a_text_before_the_limit_is_read() -> None:
    parts = ["Content-Type: image/png\n\nx"] * 500
    assert received(multipart("\nstop", *parts)).text == "stop"
    found = received(multipart("Content-Type: text/html\n\nstop", *parts))
    assert (found.text, found.refused) == ("stop", "")


def test_a_part_with_an_endless_header_is_passed_over() -> None:
    assert received(multipart("X: y\n" * 5000 + "\nweekly", "\nstop")).text == "stop"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "fuzz_mail", Path(__file__).parents[2] / "bench" / "fuzz_mail.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_worst_mails_are_read_or_refused(bench: ModuleType) -> None:
    found = {name: bench.handle(content) for name, content in bench.hostile().items()}
    assert {name for name, one in found.items() if one.refused} == {
        "10,000 parts",
        "100 nested parts over 25 MB",
        "25 MB of lines like a boundary",
        "100,000 header fields",
        "25 MB of one header field",
    }
    assert found["25 MB attached before the text"].text == "stop"
    assert all(len(one.text) <= 20 * 201 for one in found.values())


# Real material


def test_real_machines_are_known_and_real_mail_is_no_command(shared: Path) -> None:
    folder = shared / "data" / "bounces"
    seen: Counter[tuple[str, bool]] = Counter()
    commands = []
    for line in (folder / "index.jsonl").read_text("utf-8").splitlines():
        known = json.loads(line)
        found = received((folder / known["file"]).read_bytes())
        seen[known["kind"], bool(found.automatic)] += 1
        reading = read_commands(found.subject, found.text)
        if not found.automatic and (reading.commands or reading.token):
            commands.append(known["file"])
    assert commands == []
    assert seen["autoreply", False] == 0
    assert seen["bounce", True] > 0.98 * (seen["bounce", True] + seen["bounce", False])


def test_every_word_list_is_clean() -> None:
    from digest.received.lexicon import listed  # noqa: PLC0415 - the package's own

    lists = [("automatic", ""), *product(["machines"], ["names", "starts", "ends"])]
    lists += [
        *product(["quote"], ["introductions", "bars", "senders", "others"]),
        *product(["signature"], ["starts", "ends"]),
    ]
    for table, name in lists:
        words = listed(table, name)
        assert all(word and word == word.strip() for word in words)
        assert len(set(words)) == len(words)


def test_an_empty_base64_text_is_empty() -> None:
    assert text(base64.b64encode(b"").decode(), "Content-Transfer-Encoding: base64") == ""
