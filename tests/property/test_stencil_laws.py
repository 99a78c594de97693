"""Laws that hold for every letter and every reader of it."""

import dataclasses
import email
import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import UNTIMED

from digest.address import parse_address
from digest.errors import MessageError
from digest.message import Headers, Signer, Stencil, message
from digest.render import Blank, Slot, fill

KEY = "0123456789abcdef" * 2
SLOTS = (Slot.ADDRESS, Slot.UNSUBSCRIBE_URL, Slot.PREFERENCES_URL, Slot.WEB_URL, Slot.REPLY_ADDRESS)
ATOMS = "abcXYZ019!#$%&'*+/=?^_`{|}~-"

plain = st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: KEY not in text)
rough = st.lists(
    st.sampled_from(
        [".", "..", "\n", "\r\n", "\r", " ", "\t", "=", "=3D", "x" * 75, "é" * 30, "." * 90, "ab"]
    )
).map("".join)
pieces = st.lists(plain | rough | st.sampled_from([f"{KEY}-{slot}-" for slot in SLOTS])).map("".join)
blanks = st.builds(Blank, subject=st.just("Digest"), html=pieces, text=pieces, key=st.just(KEY))
atoms = st.text(ATOMS, min_size=1, max_size=20).filter(lambda text: "=?" not in text)
addresses = st.builds(lambda name, more: f"{name}.{more}@mail.example", atoms, atoms)
urls = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="<>"), max_size=200).map(
    "https://digest.example/{}/".format
)
between = urls.filter(lambda url: "=?" not in url)


@dataclasses.dataclass(frozen=True)
class Reader:
    """An address, and what is its reader's own: to leave, his wishes, to see it in a browser, the mail's name."""

    address: str
    tokens: tuple[str, ...]


def tokens(number: int) -> tuple[str, ...]:
    """Give what nobody could have guessed, since links that hold the sample's tokens by chance obey no law."""
    return tuple(hashlib.sha256(f"{number} {use}".encode()).hexdigest()[:30] for use in range(4))


readers = st.builds(Reader, address=addresses, tokens=st.integers(0, 1 << 40).map(tokens))


@dataclasses.dataclass(frozen=True)
class Links:
    """What all readers' links begin with."""

    leave: str = "https://digest.example/"
    wish: str = "https://digest.example/"
    web: str = "https://digest.example/"

    def headers(self, reader: Reader) -> Headers:
        leave, _, web, id_left = reader.tokens
        return Headers(
            from_name="Digest",
            from_address="daily@digest.example",
            to_address=reader.address,
            date=datetime(2026, 3, 2, tzinfo=UTC),
            message_id=f"<{id_left}@digest.example>",
            list_id="a.digest.example",
            list_name="Digest",
            reply_to=f"daily+{web}@digest.example",
            unsubscribe_urls=(self.leave + leave,),
            one_click=True,
        )

    def slots(self, reader: Reader) -> dict[Slot, str]:
        leave, wish, web, _ = reader.tokens
        values = (
            reader.address,
            self.leave + leave,
            f"{self.wish}{wish}..",
            self.web + web,
            f"daily+{web}@digest.example",
        )
        return dict(zip(SLOTS, values, strict=True))

    def stencil(self, blank: Blank, sample: Reader, signers: Sequence[Signer] = ()) -> Stencil:
        return Stencil(blank, self.headers(sample), self.slots(sample), sample.tokens, signers=signers)


links = st.builds(Links, leave=between, wish=urls, web=urls)


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
@given(blank=blanks, links=links, sample=readers, reader=readers)
def test_a_mail_says_what_one_made_for_its_reader_alone_would_say(
    blank: Blank, links: Links, sample: Reader, reader: Reader
) -> None:
    stencil = links.stencil(blank, sample)
    wire = stencil(reader.address, reader.tokens)

    assert decoded(wire) == decoded(message(fill(blank, links.slots(reader)), links.headers(reader)))
    assert wire == stencil(reader.address, reader.tokens), "the same bytes on each attempt"
    assert wire == links.stencil(blank, reader).sample, "nothing of another reader's is in it"


@UNTIMED
@given(blank=blanks, links=links, sample=readers, reader=readers)
def test_lines_are_short_and_none_begins_with_a_dot(
    blank: Blank, links: Links, sample: Reader, reader: Reader
) -> None:
    wire = links.stencil(blank, sample)(reader.address, reader.tokens)
    head, _, body = wire.partition(b"\r\n\r\n")

    assert wire.isascii()
    assert wire.count(b"\r") == wire.count(b"\n") == wire.count(b"\r\n")
    assert b"\r\n." not in wire
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert max(map(len, body.split(b"\r\n"))) <= 76


@UNTIMED
@given(blank=blanks, links=links, sample=readers, reader=readers)
def test_the_hash_that_is_signed_is_that_of_the_whole_body_which_ends_with_one_line_end(
    blank: Blank, links: Links, sample: Reader, reader: Reader
) -> None:
    wire = links.stencil(blank, sample, (Seal(),))(reader.address, reader.tokens)
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
SAMPLE = Reader("a@b.example", ("a" * 30, "b" * 30, "c" * 30, "d" * 30))
STENCIL = Links().stencil(LETTER, SAMPLE)


@given(address=hostile)
def test_an_address_stands_over_the_mail_and_in_it_as_it_is_or_refuses_it(address: str) -> None:
    try:
        wire = STENCIL(address, SAMPLE.tokens)
    except MessageError:
        return
    reader = Reader(address, SAMPLE.tokens)
    assert decoded(wire) == decoded(message(fill(LETTER, Links().slots(reader)), Links().headers(reader)))
    assert str(parse_address(address)) in wire.decode()


@given(place=st.integers(0, 3), token=hostile)
def test_no_token_is_taken_that_is_not_like_the_samples(place: int, token: str) -> None:
    own = list(SAMPLE.tokens)
    own[place] = token
    with pytest.raises(MessageError, match="are not tokens"):
        STENCIL(SAMPLE.address, own)


@given(field=st.sampled_from(["to_address", "message_id", "reply_to", "unsubscribe_urls"]), value=hostile)
def test_a_value_over_the_mail_stands_there_as_it_is_or_refuses_it(field: str, value: str) -> None:
    changed = {field: (value,) if field == "unsubscribe_urls" else value}
    headers, slots = Links().headers(SAMPLE), Links().slots(SAMPLE)
    try:
        wire = Stencil(LETTER, dataclasses.replace(headers, **changed), slots).sample
    except MessageError:
        return
    assert email.message_from_bytes(wire).keys() == email.message_from_bytes(STENCIL.sample).keys()
    asked = value if field in ("message_id", "unsubscribe_urls") else str(parse_address(value))
    assert asked in wire.decode()


@given(slot=st.sampled_from(SLOTS), value=hostile)
def test_a_value_in_the_letter_reads_as_it_is_or_refuses_the_mail(slot: Slot, value: str) -> None:
    headers, slots = Links().headers(SAMPLE), Links().slots(SAMPLE) | {slot: value}
    try:
        wire = Stencil(LETTER, headers, slots).sample
    except MessageError:
        return
    assert decoded(wire) == decoded(message(fill(LETTER, slots), headers))
