"""What strangers wrote becomes safe to carry: one line, no control characters, no hidden headers."""

import unicodedata
from encodings.aliases import aliases

import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import UNTIMED

from digest.clean import clean_line, clean_text

LINE_BREAKS = "\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"

ENCODED_WORDS = st.builds(
    "=?{}?{}?{}?=".format,
    st.sampled_from(["utf-8", "iso-8859-1", "unknown-8bit", "x", *sorted(aliases)]),
    st.sampled_from("bBqQ"),
    st.text("AQg=_0D0a\r\n+/é", max_size=12) | st.sampled_from(["=0D=0ABcc:=20a@b.test", "DQpCY2M6IGE="]),
)
TITLES = st.lists(ENCODED_WORDS | st.text(max_size=8) | st.sampled_from([" ", "=?", "?=", "\r\n"])).map(
    "".join
)


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("  a \t\r\n b\u2028c\u2029 ", "a b c"),
        ("nul\x00bell\x07escape\x1b[2Jdelete\x7fC1\x85", "nulbellescape[2JdeleteC1"),
        ("\ufeffbyte order mark", "byte order mark"),
        ("half a \ud83d pair", "half a pair"),
        ("turned \u202eround\u202c and \u2066shut in\u2069", "turned round and shut in"),
        ("\ufffe\uffff\ufdd0none", "none"),
        ("", ""),
    ],
)
def test_what_must_not_be_printed_goes_and_white_space_is_one_space(dirty: str, clean: str) -> None:
    assert clean_text(dirty) == clean


def test_spaces_that_do_not_break_and_joiners_stay() -> None:
    french, family = "Vraiment\u202f? « Oui\xa0»", "👩\u200d👩\u200d👧"

    assert clean_text(french) == french
    assert clean_text(family) == family


@pytest.mark.parametrize(
    ("title", "line"),
    [
        ("=?utf-8?q?Caf=C3=A9?=", "Café"),
        ("=?utf-8?b?Q2Fmw6k=?= by the sea", "Café by the sea"),
        ("=?iso-8859-1?Q?caf=E9?=", "café"),
        ("=?utf-8?q?Sale=0D=0ABcc:=20all@example.org?=", "Sale Bcc: all@example.org"),
        ("=?utf-8?b?U2FsZQ0KQmNjOiBhbGxAZXhhbXBsZS5vcmc=?=", "Sale Bcc: all@example.org"),
        ("what is =?", "what is =?"),
    ],
)
def test_an_encoded_word_is_decoded_before_it_is_made_one_line(title: str, line: str) -> None:
    assert clean_line(title) == line


@pytest.mark.parametrize(
    "title",
    ["=?no-such-charset?q?x?=", "=?utf-8?b?A?=", "=?utf-8?q?=FF=FE?=", "=?rot13?q?x?=", "=?utf-8*en?q?x?="],
)
def test_what_only_looks_like_an_encoded_word_becomes_plain_characters(title: str) -> None:
    assert clean_line(title) == title.replace("=?", "= ?")


@UNTIMED
@given(TITLES)
def test_a_clean_line_is_one_line_without_control_characters_whatever_it_was(title: str) -> None:
    line = clean_line(title)

    assert not set(line) & set(LINE_BREAKS)
    assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in line)
    assert line == line.strip(" ")


@UNTIMED
@given(st.text())
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean_text(clean_text(text)) == clean_text(text)
