"""One letter, encoded once: what each reader's mail of it holds, and what can never stand in one."""

import dataclasses
import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from digest.errors import MessageError
from digest.message import Headers, Signer, Stencil, message
from digest.message.reading import head_like
from digest.model import Letter
from digest.render import Blank, Slot, fill

KEY = "0123456789abcdef" * 2
WHEN = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)


def mark(slot: Slot) -> str:
    return f"{KEY}-{slot}-"


BLANK = Blank(
    subject="Monday's digest",
    html=f'<p>Hello<br><a href="{mark(Slot.WEB_URL)}#top">{mark(Slot.ADDRESS)}</a> {mark(Slot.WEB_URL)}\n',
    text=f"Hello {mark(Slot.ADDRESS)}.\n<{mark(Slot.UNSUBSCRIBE_URL)}>\n{mark(Slot.REPLY_ADDRESS)}\n",
    key=KEY,
)


def tokens(name: str = "ada") -> tuple[str, ...]:
    """Give a reader's tokens: to leave, to see it in a browser, to answer it, and the mail's own name."""
    return tuple(
        hashlib.sha256(f"{name} {use}".encode()).hexdigest()[:34] for use in ("leave", "web", "answer", "id")
    )


def headers(name: str = "ada", **changes: object) -> Headers:
    leave, _, answer, id_left = tokens(name)
    made = Headers(
        from_name="The Digest",
        from_address="daily@digest.example",
        to_address=f"{name}@example.org",
        date=WHEN,
        message_id=f"<{id_left}@digest.example>",
        list_id="daily.digest.example",
        list_name="The Daily Digest",
        reply_to=f"daily+letter-{answer}@digest.example",
        unsubscribe_urls=(f"https://digest.example/leave/{leave}", f"mailto:leave+{leave}@digest.example"),
        one_click=True,
    )
    return dataclasses.replace(made, **changes)


def slots(name: str = "ada") -> dict[Slot, str]:
    leave, web, answer, _ = tokens(name)
    return {
        Slot.ADDRESS: f"{name}@example.org",
        Slot.UNSUBSCRIBE_URL: f"https://digest.example/leave/{leave}",
        Slot.WEB_URL: f"https://digest.example/web?a={web}&b={'x' * 90}..y",
        Slot.REPLY_ADDRESS: f"daily+letter-{answer}@digest.example",
    }


def stencil(
    blank: Letter = BLANK, *, name: str = "ada", signers: Sequence[Signer] = (), **changes: object
) -> Stencil:
    return Stencil(blank, headers(name, **changes), slots(name), tokens(name), signers=signers)


def mail(made: Stencil, name: str) -> bytes:
    return made(f"{name}@example.org", tokens(name))


def parse(wire: bytes) -> EmailMessage:
    return message_from_bytes(wire, policy=policy.default)


def said(wire: bytes) -> list[tuple[str, str]]:
    """Give the header fields, without the boundary, which is that of the letter."""
    return [(name, re.sub('boundary=".*"', "", value)) for name, value in message_from_bytes(wire).items()]


def leaves(wire: bytes) -> list[tuple[str, bytes]]:
    found = (part for part in message_from_bytes(wire).walk() if not part.is_multipart())
    return [(part.get_content_type(), part.get_payload(decode=True)) for part in found]


class Notary:
    """Signs with the hashes that it was given, so that a test can make them anew from the bytes."""

    def __init__(self, *names: str, tail: bytes = b"") -> None:
        self.names, self.tail = names, tail
        self.prepared: list[tuple[list[str], datetime]] = []

    def prepare(self, names: Sequence[str], when: datetime) -> "Notary":
        self.prepared.append((list(names), when))
        return self

    def field(self, canonical: bytes, body_hash: bytes) -> bytes:
        bound = hashlib.sha256(canonical).hexdigest().encode()
        return b"DKIM-Signature: h=%s;\r\n bh=%s\r\n" % (bound, body_hash.hex().encode()) + self.tail


def relaxed(wire: bytes, names: Sequence[str]) -> bytes:
    """Write the fields of finished bytes in the relaxed form of RFC 6376 section 3.4.2, each once."""
    head = re.sub(rb"\r\n(?=[ \t])", b"", wire.partition(b"\r\n\r\n")[0])
    fields = dict(line.split(b":", 1) for line in head.split(b"\r\n") if not line.startswith(b"DKIM"))
    lowered = {name.lower(): re.sub(rb"[ \t]+", b" ", value).strip() for name, value in fields.items()}
    hashed = dict.fromkeys(name.lower().encode() for name in names)
    return b"".join(b"%s:%s\r\n" % (name, lowered[name]) for name in hashed if name in lowered)


@pytest.mark.parametrize("html", [BLANK.html, ""])
def test_a_readers_mail_says_what_a_mail_made_for_him_alone_would_say(html: str) -> None:
    blank = dataclasses.replace(BLANK, html=html)
    wire = mail(stencil(blank), "bob")
    alone = message(fill(blank, slots("bob")), headers("bob"))

    assert said(wire) == said(alone)
    assert leaves(wire) == leaves(alone)


def test_a_mail_has_nothing_of_another_reader_in_it() -> None:
    one, other = stencil(name="ada"), stencil(name="bob")
    assert mail(one, "bob") == other.sample
    assert not any(own.encode() in other.sample for own in ("ada", *tokens("ada")))
    assert mail(one, "ada") == one.sample


def test_a_value_is_escaped_in_html_and_stands_in_text_as_it_is() -> None:
    blank = dataclasses.replace(BLANK, text=mark(Slot.WEB_URL), html=f'<a href="{mark(Slot.WEB_URL)}">')
    address = """https://digest.example/?a="b"&c='d'"""
    wire = Stencil(blank, headers(), {Slot.WEB_URL: address}).sample
    assert leaves(wire) == [
        ("text/plain", address.encode()),
        ("text/html", b'<a href="https://digest.example/?a=&quot;b&quot;&amp;c=&#x27;d&#x27;">'),
    ]


def test_a_slot_may_stand_anywhere_and_any_number_of_times() -> None:
    text = f"{mark(Slot.WEB_URL) * 3}\n.{mark(Slot.ADDRESS)}.\n.\n{mark(Slot.ADDRESS)}"
    blank = dataclasses.replace(BLANK, text=text, html=mark(Slot.ADDRESS))
    wire = Stencil(blank, headers(), slots()).sample
    expected = fill(blank, slots()).text.replace("\n", "\r\n").encode()
    assert leaves(wire) == [("text/plain", expected), ("text/html", b"ada@example.org")]
    assert b"\r\n." not in wire


def test_pictures_of_a_letter_travel_with_each_mail() -> None:
    blank = dataclasses.replace(BLANK, html=BLANK.html + '<img alt="" src="data:image/gif;base64,R0lGODlh">')
    wire = mail(stencil(blank), "bob")
    assert leaves(wire) == leaves(message(fill(blank, slots("bob")), headers("bob")))
    assert leaves(wire)[-1] == ("image/gif", b"GIF89a")


def test_a_reader_outside_ascii_has_his_address_in_to_and_in_the_letter() -> None:
    wire = stencil()("用户@example.org", tokens())
    assert [line.decode() for line in wire.split(b"\r\n") if not line.isascii()] == ["To: 用户@example.org"]
    assert "用户@example.org" in parse(wire).get_body(("plain",)).get_content()


# ------------------------------------------------------------------- refusals

EVIL = "\r\nBcc: victim@evil.test"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"to_address": f"ada@example.org{EVIL}"}, "is not a mail address"),
        ({"to_address": "ada"}, "is not a mail address"),
        ({"message_id": f"<a@digest.example>{EVIL}"}, "is not a Message-ID"),
        ({"message_id": f"<{'a' * 999}@digest.example>"}, "a line is longer than 998 octets"),
        ({"reply_to": f"a@digest.example{EVIL}"}, "is not a mail address"),
        ({"unsubscribe_urls": ()}, "one-click needs exactly one https URL"),
        ({"unsubscribe_urls": (f"https://digest.example/{EVIL}",)}, "is not an https: or mailto: URL"),
        ({"unsubscribe_urls": ("https://digest.example/?a=?b",)}, "holds =?, with which an encoded-word"),
    ],
)
def test_a_header_that_cannot_stand_over_a_mail_refuses_the_letter(
    changes: dict[str, object], problem: str
) -> None:
    with pytest.raises(MessageError, match=r"^the mail to '.*' cannot be made: ") as refused:
        stencil(**changes)
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("slot", "value", "problem"),
    [
        (Slot.WEB_URL, "javascript:alert(1)", "is not an https: or mailto: URL"),
        (Slot.WEB_URL, "https://digest.example/\r\n\r\nbody", "is not an https: or mailto: URL"),
        (Slot.WEB_URL, "https://digest.example/<b>", "is not an https: or mailto: URL"),
        (Slot.ADDRESS, "bob@example.org", "do not decode to the letter"),
        (Slot.REPLY_ADDRESS, "", "is not a mail address"),
    ],
)
def test_a_value_that_is_no_address_or_link_refuses_the_letter(slot: Slot, value: str, problem: str) -> None:
    with pytest.raises(MessageError, match=re.escape(problem)):
        Stencil(BLANK, headers(), slots() | {slot: value}, tokens())


@pytest.mark.parametrize("around", ["a{}", "{}0", "https/x{}"])
def test_a_token_that_runs_into_other_letters_refuses_the_letter(around: str) -> None:
    url = f"https://digest.example/{around.format(tokens()[1])}"
    with pytest.raises(MessageError, match="has a token beside other letters or digits"):
        Stencil(BLANK, headers(), slots() | {Slot.WEB_URL: url}, tokens())


def test_an_address_of_ours_that_is_the_samples_too_stays_ours() -> None:
    ours = {Slot.REPLY_ADDRESS: "ada@example.org"}
    made = Stencil(BLANK, headers(), slots() | ours, tokens())
    [(_, text), _] = leaves(mail(made, "bob"))
    assert text.endswith(b"\r\nada@example.org\r\n")


@pytest.mark.parametrize(
    "address",
    ["", "ada", f"ada@example.org{EVIL}", "ada@example.org\n.\n", "\ud800@example.org", "a b@example.org"],
)
def test_a_reader_without_an_address_gets_no_mail_and_the_next_one_does(address: str) -> None:
    made = stencil()
    with pytest.raises(MessageError, match=r"cannot be made: .* is not a mail address"):
        made(address, tokens())
    assert mail(made, "ada") == made.sample


@pytest.mark.parametrize(
    "instead", ["", "a", "A" * 34, "a" * 33, "a" * 35, "é" * 34, "a" * 32 + "\r\n", "a" * 33 + ","]
)
def test_a_token_unlike_the_samples_refuses_the_mail(instead: str) -> None:
    made = stencil()
    with pytest.raises(MessageError, match="are not tokens like those of the sample"):
        made("bob@example.org", (*tokens("bob")[:-1], instead))
    with pytest.raises(MessageError, match="are not tokens like those of the sample"):
        made("bob@example.org", (instead, *tokens("bob")))


@pytest.mark.parametrize(
    "sample", [("x" * 15,), ("x" * 65,), ("X" * 34,), ("x y" * 8,), ("x" * 34, "x" * 34)]
)
def test_what_could_stand_in_a_letter_by_chance_is_no_token(sample: tuple[str, ...]) -> None:
    with pytest.raises(MessageError, match="is not a token of its own"):
        Stencil(BLANK, headers(), slots(), sample)


def test_a_letter_with_a_place_that_nothing_fills_is_refused() -> None:
    with pytest.raises(MessageError, match="has a place for web_url, and nothing is to stand there"):
        Stencil(BLANK, headers(), {slot: value for slot, value in slots().items() if slot != Slot.WEB_URL})


MEANT = [b"From: a@b.example\r\nTo: ", 0, b"\r\nSubject: one\r\n two\r\n"]


@pytest.mark.parametrize(
    ("found", "instead"),
    [
        (b"To", b"Bcc: v@evil.test\r\nTo"),
        (b"c@d.example", b"c@d.example\r\nBcc: v@evil.test"),
        (b"c@d.example", b"c@d.example v@evil.test"),
        (b"c@d.example", b"c@d.example\n"),
        (b"c@d.example", b""),
        (b"\r\n\r\n", b"\r\nX-Last: 1\r\n\r\n"),
        (b"a@b", b"e@b"),
        (b"To: c@d.example\r\n", b""),
        (b"one\r\n two", b"one\n two"),
        (b"one", b"\xc3\xa9"),
        (b"one\r\n two", b"one\r\n\r\n two"),
        (b"DKIM-Signature", b"X-Other"),
        (b"v=1;", b"v=1;\r\n."),
        (b"v=1", b"v=1\r\nDKIM-Signature: v=2"),
        (b"v=1", b"v" * 999),
        (b"v=1", b"\xff"),
    ],
)
def test_a_head_that_is_not_as_it_was_meant_is_not_like_it(found: bytes, instead: bytes) -> None:
    head = b"From: a@b.example\r\nTo: c@d.example\r\nSubject: one\r\n two\r\n"
    wire = b"DKIM-Signature: v=1;\r\n b=x\r\n" + head + b"\r\nTo: all\r\n"
    like = head_like(MEANT, signatures=1)
    assert like.match(wire)
    assert like.match(wire.replace(b"c@d", "é@d".encode()))
    assert not like.match(wire.replace(found, instead, 1))


# ------------------------------------------------------------------- signatures


@pytest.mark.parametrize("html", [BLANK.html, ""])
def test_each_signer_is_given_the_relaxed_fields_that_it_names_and_the_hash_of_the_body(html: str) -> None:
    blank = dataclasses.replace(BLANK, html=html, subject="é " * 90)
    first = Notary("From", "to", "List-Unsubscribe", "Subject", "Reply-To", "from", "Date", "X-Absent", "To")
    second = Notary("message-id", "content-type", "list-id", "list-post")
    made = stencil(blank, signers=(first, second))
    for name in ("ada", "bob"):
        wire = mail(made, name)
        body_hash = hashlib.sha256(wire.partition(b"\r\n\r\n")[2]).digest()
        signatures = b"".join(
            notary.field(relaxed(wire, notary.names), body_hash) for notary in (first, second)
        )
        assert wire.startswith(signatures + b"From: ")


def test_a_signer_hears_once_which_fields_there_are_and_the_letters_date() -> None:
    notary = Notary("From")
    made = stencil(signers=(notary,))
    mail(made, "bob")
    assert notary.prepared == [([name for name, _ in said(made.sample)][1:], WHEN)]


def test_a_single_mail_is_signed_alike() -> None:
    notary = Notary("From", "To")
    wire = message(Letter(subject="Hi", html="", text="Hello\n"), headers(), signers=(notary,))
    bound = hashlib.sha256(b"from:The Digest <daily@digest.example>\r\nto:ada@example.org\r\n").hexdigest()
    assert wire.startswith(b"DKIM-Signature: h=%s;" % bound.encode())
    assert hashlib.sha256(b"Hello\r\n").hexdigest().encode() in wire


@pytest.mark.parametrize(
    "tail", [b"Bcc: victim@evil.test\r\n", b"DKIM-Signature: x\r\n", b"\r\nbody", b"\n", b" \xff\r\n"]
)
def test_a_signature_that_is_more_than_itself_refuses_the_mail(tail: bytes) -> None:
    with pytest.raises(MessageError, match="cannot be made: the "):
        stencil(signers=(Notary("From", tail=tail),))
