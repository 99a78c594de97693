"""Laws that hold for every mail, whatever strangers wrote into it."""

import email
import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from digest.address import parse_address
from digest.clean import clean_line
from digest.errors import MessageError
from digest.message import Headers, message
from digest.model import Letter

NAMES = [
    *("From", "To", "Subject", "Date", "Message-ID", "List-Id", "List-Unsubscribe", "List-Post"),
    *("Auto-Submitted", "MIME-Version", "Content-Type"),
]

# Any text, and texts built from what breaks headers.
hostile = st.text() | st.lists(
    st.sampled_from(
        (
            *("\r\n", "\n", "\r", "\0", " ", "\t", ":", ",", "<", ">", '"', "\\", "_", "@", "."),
            *("=?utf-8?q?", "=0D=0A", "?=", "=?", "Bcc: a@evil.test", "\u2028", "\x85", "\ud800"),
            *("é", "語", "👩‍👧", "x" * 80, "word "),
        )
    )
).map("".join)
bodies = st.text(st.characters(exclude_categories=["Cs"]))


def made(
    subject: str = "Digest", name: str = "Digest", text: str = "", html: str = "<p>", **changes: str
) -> bytes:
    standard = {
        "to_address": "reader@example.org",
        "message_id": "<1@digest.example>",
        "list_id": "a.digest.example",
    }
    url = changes.pop("url", "https://digest.example/leave")
    headers = Headers(
        from_name=name,
        from_address="daily@digest.example",
        date=datetime(2026, 3, 2, tzinfo=UTC),
        list_name=name,
        unsubscribe_urls=(url,),
        **{**standard, **changes},
    )
    return message(Letter(subject=subject, html=html, text=text), headers)


@given(subject=hostile.filter(clean_line), name=hostile)
def test_whatever_the_subject_and_the_names_are_the_headers_are_ours_alone(subject: str, name: str) -> None:
    wire = made(subject=subject, name=name)
    assert email.message_from_bytes(wire).keys() == NAMES


@given(subject=hostile.filter(clean_line), name=hostile)
def test_lines_are_short_and_words_are_encoded_within_their_limits(subject: str, name: str) -> None:
    wire = made(subject=subject, name=name)
    for line in wire.split(b"\r\n"):
        assert len(line) <= 998
        assert b"\r" not in line
        assert b"\n" not in line
        if words := re.findall(rb"=\?utf-8\?[bq]\?[^?]*\?=", line):
            assert len(line) <= 76
            assert max(map(len, words)) <= 75


@given(text=bodies, html=bodies.filter(bool))
def test_both_bodies_decode_to_what_was_given(text: str, html: str) -> None:
    parts = email.message_from_bytes(made(text=text, html=html)).get_payload()
    for part, given_text in zip(parts, (text, html), strict=True):
        lines = given_text.replace("\r\n", "\n").replace("\r", "\n")
        assert part.get_payload(decode=True).decode() == lines.replace("\n", "\r\n")


@given(
    field=st.sampled_from(["to_address", "message_id", "list_id", "url"]),
    around=st.tuples(
        st.sampled_from(["", "a@", "<a@", "a.", "https://a/"]), st.sampled_from(["", "@b.example", ">"])
    ),
    value=hostile,
)
def test_a_field_for_programs_holds_what_was_asked_or_the_mail_is_refused(
    field: str, around: tuple[str, str], value: str
) -> None:
    value = value.join(around)
    try:
        wire = made(**{field: value})
    except MessageError:
        return
    assert email.message_from_bytes(wire).keys() == NAMES
    asked = str(parse_address(value)) if field == "to_address" else value
    assert asked in wire.decode()
    assert wire.isascii() or field == "to_address"


@given(st.emails())
def test_an_address_survives_being_read_again(text: str) -> None:
    try:
        address = parse_address(text)
    except ValueError:
        return
    assert parse_address(str(address)) == address
    assert parse_address(address.display) == address
