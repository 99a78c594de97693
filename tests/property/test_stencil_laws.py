"""Laws that hold for every letter and every reader of it."""

import dataclasses
import email
import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from makers import UNTIMED

from digest.address import parse_address
from digest.errors import MessageError
from digest.message import Headers, Stencil, message
from digest.render import Blank, Slot, fill

KEY = "0123456789abcdef" * 2
SLOTS = (Slot.ADDRESS, Slot.UNSUBSCRIBE_URL, Slot.PREFERENCES_URL, Slot.WEB_URL, Slot.REPLY_ADDRESS)
ATOMS = "abcXYZ019!#$%&'*+/=?^_`{|}~-"

plain = st.text(st.characters(exclude_categories=["Cs"]))
rough = st.lists(
    st.sampled_from(
        [".", "..", "\n", "\r\n", "\r", " ", "\t", "=", "=3D", "x" * 75, "é" * 30, "." * 90, "ab"]
    )
).map("".join)
pieces = st.lists(plain | rough | st.sampled_from([f"{KEY}-{slot}-" for slot in SLOTS])).map("".join)
blanks = st.builds(Blank, subject=st.just("Digest"), html=pieces, text=pieces, key=st.just(KEY))
atoms = st.text(ATOMS, min_size=1, max_size=20).filter(lambda text: "=?" not in text)
addresses = st.builds(lambda name, more: f"{name}.{more}@mail.example", atoms, atoms)
urls = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="<>"), min_size=1, max_size=200
).map("https://digest.example/".__add__)


@dataclasses.dataclass(frozen=True)
class Mine:
    """A reader, and what is his own."""

    headers: Headers
    slots: dict[Slot, str]


def mine(*, address: str, answer: str, leave: str, wish: str, web: str, message_id: str) -> Mine:
    headers = Headers(
        from_name="Digest",
        from_address="daily@digest.example",
        to_address=address,
        date=datetime(2026, 3, 2, tzinfo=UTC),
        message_id=f"<{message_id}@digest.example>",
        list_id="a.digest.example",
        list_name="Digest",
        reply_to=answer,
        unsubscribe_urls=(leave,),
        one_click=True,
    )
    return Mine(headers, dict(zip(SLOTS, (address, leave, wish, web, answer), strict=True)))


readers = st.builds(
    mine,
    address=addresses,
    answer=addresses,
    leave=urls.filter(lambda url: "=?" not in url),
    wish=urls,
    web=urls,
    message_id=atoms,
)


class Seal:
    """A signature that says which body was hashed."""

    names = ("From", "To", "From")

    def prepare(self, names: Sequence[str], when: datetime) -> "Seal":
        return self

    def field(self, canonical: bytes, body_hash: bytes) -> bytes:
        return b"DKIM-Signature: " + body_hash.hex().encode() + b"\r\n"


def decoded(wire: bytes) -> object:
    """Give the fields, but not the boundary, and what the parts decode to."""
    mail = email.message_from_bytes(wire)
    head = [(name, re.sub('boundary=".*"', "", value)) for name, value in mail.items()]
    leaves = [part for part in mail.walk() if not part.is_multipart()]
    return head, [(leaf.get_content_type(), leaf.get_payload(decode=True)) for leaf in leaves]


@UNTIMED
@given(blank=blanks, sample=readers, reader=readers)
def test_a_mail_says_what_one_made_for_its_reader_alone_would_say(
    blank: Blank, sample: Mine, reader: Mine
) -> None:
    stencil = Stencil(blank, sample.headers, sample.slots)
    wire = stencil(reader.headers, reader.slots)

    assert decoded(wire) == decoded(message(fill(blank, reader.slots), reader.headers))
    assert wire == stencil(reader.headers, reader.slots), "the same bytes on each attempt"
    assert wire == Stencil(blank, reader.headers, reader.slots).sample, "nothing of another reader's is in it"


@UNTIMED
@given(blank=blanks, sample=readers, reader=readers)
def test_lines_are_short_and_none_begins_with_a_dot(blank: Blank, sample: Mine, reader: Mine) -> None:
    wire = Stencil(blank, sample.headers, sample.slots)(reader.headers, reader.slots)
    head, _, body = wire.partition(b"\r\n\r\n")

    assert wire.isascii()
    assert wire.count(b"\r") == wire.count(b"\n") == wire.count(b"\r\n")
    assert b"\r\n." not in wire
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert max(map(len, body.split(b"\r\n"))) <= 76


@UNTIMED
@given(blank=blanks, sample=readers, reader=readers)
def test_the_hash_that_is_signed_is_that_of_the_whole_body_which_ends_with_one_line_end(
    blank: Blank, sample: Mine, reader: Mine
) -> None:
    wire = Stencil(blank, sample.headers, sample.slots, signers=(Seal(),))(reader.headers, reader.slots)
    body = wire.partition(b"\r\n\r\n")[2]

    assert wire.startswith(f"DKIM-Signature: {hashlib.sha256(body).hexdigest()}\r\n".encode())
    assert body.endswith(b"\r\n")
    assert not body.endswith(b"\r\n\r\n")


hostile = st.text() | st.lists(
    st.sampled_from(
        (
            *(
                "\r\n",
                "\n",
                "\r",
                "\0",
                " ",
                ":",
                ",",
                "<",
                ">",
                '"',
                "@",
                ".",
                "=?",
                "?=",
                "Bcc: a@evil.test",
            ),
            *("a@b.example", "https://a.example/", "mailto:", "é", "\u2028", "\ud800", "x" * 990),
        )
    )
).map("".join)
LETTER = Blank(subject="Digest", html="".join(f"<p>{KEY}-{slot}-" for slot in SLOTS), text="Hello\n", key=KEY)
HOME = "https://digest.example/"
SAMPLE = mine(address="a@b.example", answer="c@d.example", leave=HOME, wish=HOME, web=HOME, message_id="1")
STENCIL = Stencil(LETTER, SAMPLE.headers, SAMPLE.slots)


@given(field=st.sampled_from(["to_address", "message_id", "reply_to", "unsubscribe_urls"]), value=hostile)
def test_a_value_over_the_mail_stands_there_as_it_is_or_refuses_it(field: str, value: str) -> None:
    changed = {field: (value,) if field == "unsubscribe_urls" else value}
    try:
        wire = STENCIL(dataclasses.replace(SAMPLE.headers, **changed), SAMPLE.slots)
    except MessageError:
        return
    assert email.message_from_bytes(wire).keys() == email.message_from_bytes(STENCIL.sample).keys()
    asked = value if field in ("message_id", "unsubscribe_urls") else str(parse_address(value))
    assert asked in wire.decode()


@given(slot=st.sampled_from(SLOTS), value=hostile)
def test_a_value_in_the_letter_reads_as_it_is_or_refuses_the_mail(slot: Slot, value: str) -> None:
    slots = SAMPLE.slots | {slot: value}
    try:
        wire = STENCIL(SAMPLE.headers, slots)
    except MessageError:
        return
    assert decoded(wire) == decoded(message(fill(LETTER, slots), SAMPLE.headers))
