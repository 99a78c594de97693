"""Forms: whose they are, what they ask, what is read out of them; and who it is that sends them."""

from collections import Counter
from datetime import timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import MORNING, UNTIMED, Clock
from visitor import DAILY, PRESS, TOKENS

from digest import config
from digest.errors import SettingsError, TransportError
from digest.tokens import Purpose, Tokens
from digest.web import forms, question, security, server
from digest.web.fields import (
    Faults,
    Offer,
    Wrong,
    changed_topics,
    filled_in,
    read_address,
    read_change,
    read_wishes,
)
from digest.web.forms import VALID, Flaw, Stamp, new_nonce, new_stamp, read_stamp
from digest.web.pages import preferred
from digest.wishes import ALL, USUAL, Change, Format, Frequency, Stance, Topic, Wishes

NONCE = new_nonce()
OFFER = Offer(list=config.List.model_validate(DAILY), languages=("ar", "de", "en"))
CATALOGUES = PRESS.catalogues.values()
NUMBERS = range(1, 2 * question.LARGEST + 1)


def written(stamp: Stamp) -> str:
    return stamp.write(TOKENS, "subscribe", nonce=NONCE)


# stamps


def test_a_stamp_comes_back_as_it_was_written() -> None:
    stamp = new_stamp(now=MORNING)
    assert read_stamp(TOKENS, "subscribe", written(stamp), nonce=NONCE) == stamp


def test_a_stamp_is_good_for_its_own_form_cookie_and_secret_alone() -> None:
    text = written(new_stamp(now=MORNING))
    assert read_stamp(TOKENS, "find", text, nonce=NONCE) is None
    assert read_stamp(TOKENS, "subscribe", text, nonce=new_nonce()) is None
    assert read_stamp(Tokens("another secret"), "subscribe", text, nonce=NONCE) is None


@UNTIMED
@given(st.text(max_size=100))
def test_no_other_text_is_a_stamp(text: str) -> None:
    assert read_stamp(TOKENS, "subscribe", text, nonce=NONCE) is None


def test_no_character_of_a_stamp_can_be_another() -> None:
    text = written(new_stamp(now=MORNING))
    for place, character in enumerate(text):
        forged = text[:place] + ("1" if character == "0" else "0") + text[place + 1 :]
        assert read_stamp(TOKENS, "subscribe", forged, nonce=NONCE) is None


def test_a_stamp_has_a_youngest_and_an_oldest_age() -> None:
    stamp = new_stamp(now=MORNING)
    assert stamp.flaw(now=MORNING + timedelta(seconds=2), seconds_to_fill=3) is Flaw.EARLY
    assert stamp.flaw(now=MORNING + timedelta(seconds=3), seconds_to_fill=3) is None
    assert stamp.flaw(now=MORNING + VALID, seconds_to_fill=3) is None
    assert stamp.flaw(now=MORNING + VALID + timedelta(seconds=1)) is Flaw.OLD


def test_a_cookie_that_we_did_not_make_is_none() -> None:
    assert forms.is_nonce(new_nonce())
    assert not any(
        map(forms.is_nonce, ["", "x", new_nonce().upper() + "A", new_nonce() + "\n", "\u0661" * 32])
    )


# the question


def test_each_sum_is_asked_about_as_often_as_any_other() -> None:
    asked = Counter(question.draw(TOKENS, str(number)).answer for number in range(17_000))
    assert sorted(asked) == list(range(2, 19))
    assert max(asked.values()) < 1200  # 1000 are due of each


@pytest.mark.parametrize("number", range(50))
def test_both_numbers_of_a_question_are_small(number: int) -> None:
    asked = question.draw(TOKENS, str(number))
    assert 1 <= asked.first <= 9
    assert 1 <= asked.second <= 9


def test_the_form_does_not_hold_the_answer() -> None:
    stamp = new_stamp(now=MORNING)
    here = question.draw(TOKENS, stamp.number)
    others = {question.draw(Tokens(str(secret)), stamp.number) for secret in range(20)}
    assert others != {here}  # without the secret nothing follows from the number


def test_a_number_in_the_words_of_every_language_is_understood() -> None:
    for language, catalogue in PRESS.catalogues.items():
        for number in NUMBERS:
            word = question.in_words(number, catalogue)
            assert word, f"{language} has no word for {number}"
            assert "|" not in word
            assert question.read_number(f" {word.upper()}. ", CATALOGUES) == number, word


def test_no_word_stands_for_two_numbers() -> None:
    seen: dict[str, int] = {}
    for catalogue in CATALOGUES:
        for number in NUMBERS:
            for word in catalogue.pgettext("number", question.WORDS[number - 1]).split("|"):
                assert seen.setdefault(word, number) == number
    assert len(seen) > len(NUMBERS) * 5


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("7", 7),
        (" 12 ", 12),
        ("٧", 7),
        ("۱۲", 12),
        ("七", None),
        ("Fuenf", 5),
        ("FÜNF", 5),
        ("alti", 6),
        ("ALTI", 6),
        ("Altı!", 6),
        ("İki", 2),
        ("dieciseis", 16),
        ("dix sept", 17),
        ("اربعه", None),
        ("اربعة", 4),
        ("أَرْبَعَة", 4),
        ("eighteen", 18),
        ("zwo", 2),
        ("", None),
        ("007", None),
        ("1e1", None),
        ("-7", 7),  # as "7." is: what is no letter and no digit does not count
        ("⑦", 7),
        ("9" * 5000, None),
        ("fivefive", None),
    ],
)
def test_an_answer_is_read_as_it_is_meant(said: str, meant: int | None) -> None:
    assert question.read_number(said, CATALOGUES) == meant


# what was filled in


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", Wrong.EMPTY),
        ("   ", Wrong.EMPTY),
        ("ada", Wrong.NO_AT),
        ("ada@mail@example.org", Wrong.MANY_ATS),
        ("alice@example.org)bob@evil.test", Wrong.MANY_ATS),
        ("ada lovelace@mail.example", Wrong.SPACE),
        ("ada@gmail", Wrong.NO_DOT),
        ("ada@", Wrong.NO_DOT),
        ("ada.@mail.example", Wrong.ADDRESS),
        ('"ada"@mail.example', Wrong.ADDRESS),
        ("ada@mail.example,", Wrong.ADDRESS),
        ("ada@[127.0.0.1]", Wrong.ADDRESS),
    ],
)
def test_what_is_wrong_with_an_address_is_said(text: str, wrong: Wrong) -> None:
    faults: Faults = {}
    assert read_address(text, faults) is None
    assert faults == {"address": wrong}


def test_an_address_is_read_with_what_spaces_a_telephone_puts_around_it() -> None:
    faults: Faults = {}
    assert str(read_address(" Ada@Mail.example ", faults)) == "Ada@mail.example"
    assert not faults


def test_an_untouched_form_says_nothing_but_how_often() -> None:
    faults: Faults = {}
    assert read_wishes(filled_in(USUAL, OFFER.list.sections), OFFER, faults) == Change(
        frequency=Frequency.DAILY
    )
    assert not faults


STANCES = st.sampled_from(Stance)
WISHES = st.builds(
    Wishes,
    frequency=st.sampled_from(Frequency),
    hour=st.none() | st.sampled_from(["00:00", "07:30", "23:59"]),
    zone=st.none() | st.sampled_from(["UTC", "Europe/Paris", "Asia/Kolkata"]),
    topics=st.dictionaries(st.sampled_from([*DAILY["sections"], ALL]), STANCES).map(
        lambda stances: tuple(
            Topic(name=name, stance=stance)
            for name, stance in sorted(stances.items())
            if stance is not Stance.USUAL
        )
    ),
    minutes=st.none() | st.integers(1, 120),
    language=st.none() | st.sampled_from(["ar", "de", "en"]),
    format=st.sampled_from(Format),
)


@UNTIMED
@given(WISHES)
def test_a_form_that_is_sent_back_untouched_changes_nothing(wishes: Wishes) -> None:
    faults: Faults = {}
    asked = read_change(filled_in(wishes, OFFER.list.sections), OFFER, faults)
    assert not faults
    assert changed_topics(asked.topics, wishes) == ()
    assert Change(minutes=asked.minutes, hour=asked.hour, zone=asked.zone).applied(wishes) == wishes


@UNTIMED
@given(WISHES, st.fixed_dictionaries(dict.fromkeys(DAILY["sections"], STANCES)))
def test_what_is_filled_in_for_a_topic_is_what_holds_then(wishes: Wishes, wanted: dict[str, Stance]) -> None:
    topics = tuple(Topic(name=name, stance=stance) for name, stance in wanted.items())
    after = Change(topics=changed_topics(topics, wishes)).applied(wishes)
    assert {name: after.stance(name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("field", "text", "wrong"),
    [
        ("frequency", "hourly", Wrong.CHOICE),
        ("format", "pdf", Wrong.CHOICE),
        ("topic-sport", "loads", Wrong.CHOICE),
        ("zone", "Europe/Atlantis", Wrong.CHOICE),
        ("zone", "../../etc/passwd", Wrong.CHOICE),
        ("language", "tlh", Wrong.CHOICE),
        ("hour", "25:00", Wrong.HOUR),
        ("hour", "7", Wrong.HOUR),
        ("hour", "٠٧:٠٠", Wrong.HOUR),
        ("minutes", "-1", Wrong.MINUTES),
        ("minutes", "121", Wrong.MINUTES),
        ("minutes", "ten", Wrong.MINUTES),
        ("minutes", "1" * 5000, Wrong.MINUTES),
        ("minutes", "²", Wrong.MINUTES),
    ],
)
def test_what_was_not_offered_is_not_taken(field: str, text: str, wrong: Wrong) -> None:
    faults: Faults = {}
    read_change({field: text}, OFFER, faults)
    assert faults == {field: wrong}


def test_a_topic_that_the_list_does_not_have_is_nothing() -> None:
    faults: Faults = {}
    assert read_change({"topic-crime": "more", "topic-all": "none"}, OFFER, faults).topics == ()
    assert not faults


# whose request it is

PROXIES = security.trusted(["127.0.0.1", "::1", "10.0.0.0/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "who"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        (
            "203.0.113.9",
            "198.51.100.1",
            "203.0.113.9",
        ),  # a stranger says for whom he asks: he asks for himself
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "192.0.2.66, 198.51.100.1", "198.51.100.1"),  # what stands before was the visitor's own
        ("127.0.0.1", "192.0.2.66, 198.51.100.1, 10.1.2.3", "198.51.100.1"),
        ("127.0.0.1", "10.1.2.3", "10.1.2.3"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("127.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("::1", "2001:db8::1", "2001:db8::1"),
        ("127.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "," * 5000, "127.0.0.1"),
    ],
)
def test_who_asks_is_who_the_proxies_say_and_nobody_else(peer: str, forwarded: str, who: str) -> None:
    assert security.visitor(ip_address(peer), forwarded.split(","), PROXIES) == ip_address(who)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("198.51.100.1", "198.51.100.254", True),
        ("198.51.100.1", "198.51.101.1", False),
        ("2001:db8:0:ab00::1", "2001:db8:0:abff::2", True),
        ("2001:db8:0:ab00::1", "2001:db8:0:ac00::1", False),
    ],
)
def test_a_network_is_an_ipv4_24_or_an_ipv6_56(one: str, other: str, *, same: bool) -> None:
    networks = {security.network_of(ip_address(text), TOKENS) for text in (one, other)}
    assert (len(networks) == 1) is same


def test_a_network_is_kept_as_a_hash_that_needs_our_secret() -> None:
    address = ip_address("198.51.100.1")
    ours, theirs = security.network_of(address, TOKENS), security.network_of(address, Tokens("guessed"))
    assert ours == TOKENS.fingerprint(Purpose.NETWORK, "198.51.100.0/24") != theirs


def test_a_proxy_that_is_no_address_is_said_in_one_line() -> None:
    with pytest.raises(SettingsError, match=r"web\.trusted_proxies: 'nginx' does not appear"):
        security.trusted(["nginx"])


def test_a_bucket_empties_and_fills_again() -> None:
    clock, buckets = Clock(), security.Buckets(3)
    assert [buckets.take("a", now=clock()) for _ in range(4)] == [0, 0, 0, 21]
    assert buckets.take("b", now=clock()) == 0
    assert buckets.take("a", now=clock.forward(seconds=19)) == 1 + 1
    assert buckets.take("a", now=clock.forward(seconds=2)) == 0
    assert [buckets.take("a", now=clock.forward(hours=1)) for _ in range(3)] == [0, 0, 0]


def test_a_clock_that_is_set_back_empties_no_bucket() -> None:
    buckets = security.Buckets(2)
    assert buckets.take("a", now=MORNING) == 0
    assert buckets.take("a", now=MORNING - timedelta(hours=1)) == 0
    assert buckets.take("a", now=MORNING - timedelta(hours=1)) > 0


def test_only_so_many_networks_are_remembered() -> None:
    buckets = security.Buckets(1)
    for number in range(security.NETWORKS_KEPT + 100):
        buckets.take(str(number), now=MORNING)
    assert len(buckets._left) == security.NETWORKS_KEPT


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("digest.example", "digest.example"),
        ("DIGEST.example:443", "digest.example"),
        ("[::1]:8080", "::1"),
        ("", ""),
        ("digest.example/evil", ""),
        ("user@digest.example", ""),
        ("digest.example:80:80", ""),
        ("evil.test\\digest.example", ""),
        ("digest.example\n", ""),
    ],
)
def test_a_host_is_read_strictly(header: str, host: str) -> None:
    assert security.host_of(header) == host


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("nl,fr;q=0.5,de;q=0.7", "de"),
        ("de;q=0, fr", "fr"),
        ("nl", "en"),
        ("*", "en"),
        ("fr;q=abc, de;q=0.1", "de"),
        ("fr;q=" + "9" * 400, "fr"),
        ("de;q=nan, fr;q=inf", "en"),
        (",;=,;q=;" * 1000, "en"),
        ("AR", "ar"),
    ],
)
def test_the_language_is_the_one_that_the_browser_prefers(header: str, language: str) -> None:
    assert preferred(header, ["ar", "de", "en", "fr"]) == language


# the socket


def test_a_place_that_is_taken_is_said_in_one_line() -> None:
    with server.bind("127.0.0.1:0") as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(
            TransportError, match=r"cannot listen on 127\.0\.0\.1:\d+: Address already in use; "
        ):
            server.bind(place)
    with server.bind(place):  # it is free again at once
        pass


def test_a_place_that_is_none_is_said_in_one_line() -> None:
    with pytest.raises(TransportError, match=r"cannot listen on 192\.0\.2\.1:80: Cannot assign"):
        server.bind("192.0.2.1:80")
    with pytest.raises(TransportError, match="cannot listen on no such host:80"):
        server.bind("no such host:80")
