"""Tokens: what a link carries proves who follows it, and nothing else does."""

import base64
import hashlib
import hmac
import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import UNTIMED

from digest.tokens import Purpose, Tokens

OURS = Tokens("correct horse battery staple")
IDS = st.integers(0, 2**40 - 1)
PURPOSES = st.sampled_from(Purpose)


@UNTIMED
@given(IDS, PURPOSES)
def test_a_token_gives_back_its_subscriber_for_its_purpose(number: int, purpose: Purpose) -> None:
    token = OURS.make(purpose, number)

    assert re.fullmatch("[a-z2-7]{34}", token)
    assert OURS.read(purpose, token) == number
    assert OURS.make(purpose, number) == token


@UNTIMED
@given(IDS, PURPOSES, st.text("abc é", min_size=1))
def test_its_mac_is_that_of_the_standard_library(number: int, purpose: Purpose, secret: str) -> None:
    octets = number.to_bytes(5, "big")
    key = hashlib.sha256(secret.encode()).digest()
    mac = hmac.digest(key, f"{purpose}\0".encode() + octets, "sha256")[:16]

    token = Tokens(secret).make(purpose, number)

    assert token == base64.b32encode(octets + mac).decode().rstrip("=").lower()


@UNTIMED
@given(IDS, PURPOSES)
def test_a_token_survives_a_mail_programs_capitals(number: int, purpose: Purpose) -> None:
    assert OURS.read(purpose, OURS.make(purpose, number).upper()) == number


@UNTIMED
@given(IDS, PURPOSES, PURPOSES)
def test_a_token_is_good_for_one_purpose_only(number: int, purpose: Purpose, other: Purpose) -> None:
    assert (OURS.read(other, OURS.make(purpose, number)) is not None) == (purpose is other)


@UNTIMED
@given(IDS, PURPOSES)
def test_a_token_made_with_another_secret_is_none_of_ours(number: int, purpose: Purpose) -> None:
    assert OURS.read(purpose, Tokens("another secret").make(purpose, number)) is None


@UNTIMED
@given(IDS, st.integers(0, 32), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_token_with_one_character_changed_is_none_of_ours(number: int, place: int, character: str) -> None:
    """The 34th character is left out: two of its five bits say nothing."""
    token = OURS.make(Purpose.UNSUBSCRIBE, number)
    changed = token[:place] + character + token[place + 1 :]

    assert OURS.read(Purpose.UNSUBSCRIBE, changed) == (number if changed == token else None)


@UNTIMED
@given(st.text() | st.text("abcdefghijklmnopqrstuvwxyz234567=", max_size=60))
def test_any_other_text_is_no_token_and_no_error(text: str) -> None:
    assert OURS.read(Purpose.UNSUBSCRIBE, text) is None


@pytest.mark.parametrize("cut", [0, 8, 26, 32])
def test_a_token_that_was_cut_is_none_of_ours(cut: int) -> None:
    assert OURS.read(Purpose.CONFIRM, OURS.make(Purpose.CONFIRM, 7)[:cut]) is None


def test_a_fingerprint_is_bound_to_the_secret_the_purpose_and_the_text() -> None:
    made = {
        tokens.fingerprint(purpose, text)
        for tokens in (OURS, Tokens("another secret"))
        for purpose in (Purpose.MESSAGE_ID, Purpose.CONFIRM)
        for text in ("daily/2015-10-21/1", "daily/2015-10-21/11")
    }

    assert len(made) == 8
    assert OURS.fingerprint(Purpose.MESSAGE_ID, "a") == OURS.fingerprint(Purpose.MESSAGE_ID, "a")
    assert all(re.fullmatch("[0-9a-f]{32}", text) for text in made)


def test_a_message_id_is_the_same_for_a_reader_of_an_issue_and_another_for_every_other() -> None:
    day = date(2026, 3, 1)
    ours = OURS.message_id("daily", day, 7, domain="digest.example")
    assert re.fullmatch(r"<[0-9a-f]{32}@digest\.example>", ours)
    others = {
        OURS.message_id("weekly", day, 7, domain="digest.example"),
        OURS.message_id("daily", date(2026, 3, 2), 7, domain="digest.example"),
        OURS.message_id("daily", day, 8, domain="digest.example"),
        Tokens("another secret").message_id("daily", day, 7, domain="digest.example"),
    }
    assert len(others | {ours}) == 5
    assert OURS.message_id("daily", day, 7, domain="digest.example") == ours
