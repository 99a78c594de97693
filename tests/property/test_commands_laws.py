"""What holds for every command and every mail: what we write is understood, and reading never fails."""

import unicodedata
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import UNTIMED

from digest.commands import read_commands, read_detail, spell
from digest.commands.lexicon import LANGUAGES, language_names, listed, zones
from digest.wishes import ALL, Act, Change, Command, Format, Frequency, Stance, Topic

DAYS = st.integers(1, 3650)
STORIES = st.integers(1, 999)
# Letters of any script, with what stands between words; dashes and quotation marks have other forms when typed.
_LETTERS = st.characters(categories=["Ll", "Lo", "Nd"], exclude_characters="ىةٱـ")
NAMES = (
    st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)
    | st.lists(st.text(_LETTERS, min_size=1, max_size=8), min_size=1, max_size=3).map(" ".join)
    | st.sampled_from(
        [
            word.casefold()
            for language in LANGUAGES
            for kind in ("daily", "only", "stop")
            for word in listed(language, kind)
        ]
    )
).map(lambda name: unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()))
TOPICS = st.lists(
    st.builds(
        Topic, name=st.just(ALL) | NAMES.filter(lambda name: name.strip("-")), stance=st.sampled_from(Stance)
    ),
    max_size=4,
    unique_by=lambda topic: topic.name,
).map(tuple)
HOURS = st.times().map(lambda time: f"{time:%H:%M}")
CHANGES = st.builds(
    Change,
    frequency=st.none() | st.sampled_from(Frequency),
    hour=st.none() | st.just("") | HOURS,
    zone=st.none() | st.just("") | st.sampled_from(sorted(zones().values())),
    topics=TOPICS,
    minutes=st.none() | st.integers(0, 999),
    language=st.none() | st.just("") | st.sampled_from([*LANGUAGES, "pt", "pt-br", "nl"]),
    format=st.none() | st.sampled_from(Format),
).filter(lambda change: change != Change())
COMMANDS = st.one_of(
    st.builds(Command, act=st.sampled_from([Act.UNSUBSCRIBE, Act.RESUME, Act.DATA, Act.ERASE, Act.HELP])),
    st.builds(Command, act=st.just(Act.SUBSCRIBE), change=st.none() | CHANGES),
    st.builds(Command, act=st.just(Act.CHANGE), change=CHANGES),
    st.builds(Command, act=st.just(Act.PAUSE), days=st.none() | DAYS),
    st.builds(Command, act=st.sampled_from([Act.MORE, Act.LESS, Act.FULL]), story=STORIES),
)
WORDS = st.sampled_from(
    [
        word
        for language in LANGUAGES
        for kind in [*Act, "polite", "at", "day", "filler"]
        if kind is not Act.CHANGE
        for word in listed(language, kind)
    ]
    + ["2", "7", ":", "+", "-", '"', "07:00", "Europe/Paris", "not", ",", "ß", "\u200f", "\n", "Re:", "["]
)
TEXTS = st.text(max_size=80) | st.lists(WORDS | st.text(max_size=3), max_size=12).map(" ".join)


@UNTIMED
@given(COMMANDS, st.sampled_from([*LANGUAGES, "pt", "de-AT"]))
def test_what_a_letter_says_is_understood(command: Command, language: str) -> None:
    written = spell(command, language)
    for reading in (
        read_commands(written, ""),
        read_commands(f"Re: {written}", ""),
        read_commands("", written),
    ):
        assert reading.commands == (command,)
        assert not reading.misread


@UNTIMED
@given(COMMANDS, st.sampled_from(LANGUAGES))
def test_case_and_punctuation_do_not_count(command: Command, language: str) -> None:
    written = spell(command, language)
    if command.change is None:
        assert read_commands(written.upper(), "").commands == (command,)
    assert read_commands(f"{written}!", "").commands == (command,)


@UNTIMED
@given(COMMANDS, st.sampled_from(LANGUAGES))
def test_what_is_written_fits_a_line(command: Command, language: str) -> None:
    written = spell(command, language)
    assert written.strip() == written
    assert written.isprintable()


@UNTIMED
@given(TEXTS, TEXTS, st.none() | st.dates())
def test_reading_never_fails_and_gives_what_makes_sense(subject: str, text: str, today: date | None) -> None:
    reading = read_commands(subject, text, today)

    assert len(reading.commands) <= 10
    assert len(set(reading.commands)) == len(reading.commands)
    assert reading.language in {None, *LANGUAGES} - {"en"}
    for command in reading.commands:
        assert command.days is None or timedelta(days=command.days) >= timedelta(days=1)
        assert command.story is None or command.story >= 1
        assert command.change is None or command.change != Change()
        if command.change and command.change.zone:
            assert command.change.zone in zones().values()


@UNTIMED
@given(COMMANDS, st.sampled_from(LANGUAGES), st.text("abcdefghij ", min_size=1).filter(str.strip))
def test_whoever_goes_on_writing_is_not_forgotten(command: Command, language: str, more: str) -> None:
    known = {
        " ".join(word.split()).casefold()
        for kind in ("polite",)
        for lang in LANGUAGES
        for word in listed(lang, kind)
    }
    if more.strip() in known:
        return
    erase = Command(act=Act.ERASE)
    assert erase not in read_commands(f"{spell(erase, language)} {more}", "").commands


@UNTIMED
@given(st.text(max_size=300))
def test_every_subaddress_has_a_verb_and_a_rest(detail: str) -> None:
    verb, rest = read_detail(detail)
    assert "-" not in verb
    assert len(verb + rest) <= 600


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_its_own_name_and_that_of_the_others(language: str) -> None:
    assert set(language_names().values()) == set(LANGUAGES)
    assert spell(Command(act=Act.CHANGE, change=Change(language=language)), language)
