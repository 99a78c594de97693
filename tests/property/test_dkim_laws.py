"""Laws of signatures, with dkimpy as the receiver."""

import re

import pytest
from dkim.canonicalization import Relaxed
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import UNTIMED
from signers import KEYS, WHEN, letter, verdicts

from digest.dkim import Key, read_fields, relaxed, sign

FEW = settings(UNTIMED, max_examples=30)  # a receiver in Python takes its time
BOTH = pytest.mark.parametrize("key", KEYS, ids=lambda key: key.algorithm)

names = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,20}", fullmatch=True)
white = st.sampled_from([" ", "\t", "  ", " \t ", "\r\n ", "\r\n\t", " \r\n \r\n "])
words = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x24F, exclude_categories=["C", "Z"]))
values = st.lists(words | white).map(lambda parts: "".join(parts).encode())
"""What may stand in a field: words, and white space of every kind, folded or not."""

heads = st.dictionaries(names.map(str.title), values, max_size=8)
bodies = st.lists(st.sampled_from([b"\r\n", b"a", b" ", b"\t", b".", b"From ", b"\xc3\xa4"])).map(b"".join)
octets = st.integers(0, 255)

MAIL = letter()
SIGNED = {key: sign(MAIL, [key], WHEN) for key in KEYS}
HEAD = MAIL.partition(b"\r\n\r\n")[0]
PRINTED = [
    at
    for field in re.finditer(rb"^[A-Za-z-]+:(.*)", HEAD, re.MULTILINE)
    for at in range(*field.span(1))
    if MAIL[at] not in b" \t\r\n"
]
"""Where the characters of the fields' values stand, from the beginning of what was signed."""


def written(fields: dict[str, bytes], body: bytes) -> bytes:
    """Write a mail, in whatever order and spelling."""
    fields = {"From": b" a@digest.example"} | fields
    return b"".join(b"%b:%b\r\n" % (name.encode(), value) for name, value in fields.items()) + b"\r\n" + body


@given(name=names, value=values)
def test_a_relaxed_field_is_the_one_that_dkimpy_makes(name: str, value: bytes) -> None:
    [(known, text)] = Relaxed.canonicalize_headers([(name.encode(), value + b"\r\n")])
    assert relaxed(name, value) == known + b":" + text


@BOTH
@FEW
@given(fields=heads, body=bodies)
def test_whatever_a_mail_holds_its_signature_is_right(
    key: Key, fields: dict[str, bytes], body: bytes
) -> None:
    fields.pop("Dkim-Signature", None)
    assert verdicts(sign(written(fields, body), [key], WHEN)) == [True]


@BOTH
@FEW
@given(data=st.data())
def test_a_second_field_of_any_name_that_is_signed_breaks_the_signature(
    key: Key, data: st.DataObject
) -> None:
    mail = SIGNED[key]
    signed = re.sub(rb"\s", b"", dict(read_fields(mail))["DKIM-Signature"]).split(b"h=")[1].split(b";")[0]
    name = data.draw(st.sampled_from(sorted(set(signed.split(b":")))))
    added = b"%b: %b\r\n" % (name, data.draw(st.sampled_from([b"<mailto:evil@evil.test>", b""])))
    below = mail.index(b"\r\nFrom: ") + 2
    assert verdicts(added + mail) == [False]
    assert verdicts(mail[:below] + added + mail[below:]) == [False]


@BOTH
@FEW
@given(data=st.data())
def test_one_octet_of_the_body_breaks_the_signature(key: Key, data: st.DataObject) -> None:
    mail = SIGNED[key]
    start = mail.index(b"\r\n\r\n") + 4
    at = data.draw(st.integers(start, len(mail) - 3))  # before the last line's end
    other = data.draw(octets.filter(lambda octet: octet != mail[at] and octet not in b"\r\n"))
    assert verdicts(mail[:at] + bytes([other]) + mail[at + 1 :]) == [False]


@BOTH
@FEW
@given(data=st.data())
def test_one_character_of_a_field_breaks_the_signature(key: Key, data: st.DataObject) -> None:
    mail = SIGNED[key]
    at = len(mail) - len(MAIL) + data.draw(st.sampled_from(PRINTED))
    other = data.draw(st.integers(0x21, 0x7E).filter(lambda octet: octet != mail[at]))
    assert verdicts(mail[:at] + bytes([other]) + mail[at + 1 :]) == [False]
