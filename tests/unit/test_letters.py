"""What the letters to single readers say: in our words, in the reader's language, and nothing that a stranger wrote."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from notices import ALL_WISHES, PRESS, TOKENS, WISHES, contents, holding, notice, ours

from digest.commands import read_commands
from digest.correspondence import Answer, NoticeKind, Outcome, Said
from digest.errors import MessageError
from digest.model import SubscriberState
from digest.notify import list_links
from digest.notify.contents import first_letter
from digest.notify.links import mailto
from digest.render.words import Row, Words
from digest.tokens import Purpose
from digest.wishes import Act, Change, Command, Frequency, Stance, Topic, Wishes

LANGUAGES = ["en", "ar", "de", "es", "fr", "tr"]


def words(language: str = "en") -> Words:
    return Words(PRESS, language, ours().lists)


def asked(act: Act, language: str = "en", **of: object) -> str:
    return words(language).asked(Command(act=act, **of), "daily").title


def rows(change: Change, language: str = "en") -> list[tuple[str, str]]:
    said = words(language).asked(Command(act=Act.CHANGE, change=change), "daily").rows
    return [(row.label, row.value) for row in said]


# --- what is asked


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (Command(act=Act.SUBSCRIBE), "Subscribe to The Port Alder Digest"),
        (Command(act=Act.SUBSCRIBE, list="harbour"), "Subscribe to Harbour Notes"),
        (Command(act=Act.UNSUBSCRIBE), "Leave The Port Alder Digest"),
        (Command(act=Act.CHANGE), "Change how The Port Alder Digest comes"),
        (Command(act=Act.PAUSE), "Pause The Port Alder Digest until you resume it"),
        (Command(act=Act.PAUSE, days=14), "Pause The Port Alder Digest: 2 weeks"),
        (Command(act=Act.PAUSE, days=10), "Pause The Port Alder Digest: 10 days"),
        (Command(act=Act.RESUME), "Resume The Port Alder Digest"),
        (Command(act=Act.MORE, story=3), "More like story 3"),
        (Command(act=Act.LESS, story=3), "Less like story 3"),
        (Command(act=Act.FULL, story=3), "The whole text of story 3"),
        (Command(act=Act.DATA), "All that is known about you, by mail"),
        (Command(act=Act.ERASE), "Be forgotten, with all that is known about you"),
        (Command(act=Act.HELP), "What you can ask"),
    ],
)
def test_each_command_is_said_in_words(command: Command, said: str) -> None:
    assert words().asked(command, "daily").title == said


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_commands_are_said_alike(language: str) -> None:
    said = [asked(act, language, story=3) for act in Act]
    assert len(set(said)) == len(Act)


def test_every_wish_has_its_line() -> None:
    assert rows(ALL_WISHES) == [
        ("How often", "once a week"),
        ("When", "07:00 (Paris)"),
        ("More of", "Science"),
        ("As usual", "World"),
        ("Less of", "Business"),
        ("Nothing of", "everything else"),
        ("Length", "about 10 minutes"),
        ("Language", "French"),
        ("Format", "plain text"),
    ]


def test_going_back_to_what_the_list_has_is_said_as_what_that_is() -> None:
    assert rows(Change(hour="", zone="", minutes=0, language="")) == [
        ("When", "as soon as the issue is out: about 07:00 (London)"),
        ("Length", "the whole issue"),
        ("Language", "English"),
    ]


def test_a_zone_alone_is_a_line_of_its_own() -> None:
    assert rows(Change(zone="America/New_York")) == [("Time zone", "New York")]


def test_hours_places_and_languages_are_written_as_the_reader_writes_them() -> None:
    change = Change(hour="19:30", zone="Europe/Istanbul", language="fr")
    assert rows(change, "ar") == [("متى", "7:30 م (إسطنبول)"), ("اللغة", "الفرنسية")]
    assert rows(change, "tr") == [("Ne zaman", "19:30 (İstanbul)"), ("Dil", "Fransızca")]
    assert rows(change, "en-US") == [("When", "7:30\u202fPM (Istanbul)"), ("Language", "French")]


def test_arabic_counts_two_weeks_in_one_word() -> None:
    assert asked(Act.PAUSE, "ar", days=14).endswith("أسبوعان")


HOSTILE = [
    "<script>alert(1)</script>",
    "Buy at https://evil.example now",
    "x\r\nBcc: v@evil.test",
    "{{ 7*7 }}",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_a_stranger_wrote_is_repeated(text: str) -> None:
    """Whoever fills in a form chooses these; the letter goes to somebody else."""
    change = Change(
        hour=text,
        zone=text,
        language=text,
        topics=tuple(Topic(name=text, stance=stance) for stance in Stance),
    )
    for command in (
        Command(act=Act.SUBSCRIBE, list=text, change=change),
        Command(act=Act.CHANGE, change=change),
    ):
        said = words().asked(command, "daily")
        assert said.rows == ()
        assert text not in said.title
        answer = Answer(command=command, outcome=Outcome.NO_LIST)
        assert text not in words().outcome(answer, "daily")


@pytest.mark.parametrize(
    "zone", ["../../../etc/passwd", "/etc/passwd", "x" * 5000, "a\0b", "Europe", "", "."]
)
def test_what_is_no_time_zone_is_not_looked_for_elsewhere(zone: str) -> None:
    assert rows(Change(zone=zone, hour="07:00")) == [("When", "07:00")]


def test_a_list_that_is_none_of_ours_has_no_name() -> None:
    assert asked(Act.SUBSCRIBE, list="nosuch") == "Subscribe to …"


# --- what became of it


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_outcome_says_something_else(language: str) -> None:
    said = {
        words(language).outcome(Answer(command=Command(act=Act.CHANGE), outcome=outcome), "daily")
        for outcome in Outcome
    }
    assert len(said) == len(Outcome)


def test_a_refusal_says_what_there_is_instead() -> None:
    def said(outcome: Outcome) -> str:
        return words().outcome(Answer(command=Command(act=Act.SUBSCRIBE), outcome=outcome), "daily")

    assert said(Outcome.NO_LIST) == "Not done: there is no list of that name. There is: daily, harbour."
    assert said(Outcome.NO_TOPIC) == (
        "Not done: The Port Alder Digest has no topic of that name. "
        "There is: City, World, Business, Science, Sport."
    )


def test_a_list_that_the_operator_fills_by_hand_is_not_offered() -> None:
    assert "desk" not in words().lists()


def test_where_there_is_nothing_to_name_the_refusal_ends_there() -> None:
    none = Words(PRESS, "en", {})
    answer = Answer(command=Command(act=Act.SUBSCRIBE), outcome=Outcome.NO_LIST)
    assert none.outcome(answer, "daily") == "Not done: there is no list of that name."


# --- how it stands


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": SubscriberState.ACTIVE}, "Subscribed"),
        ({"state": SubscriberState.PAUSED}, "Paused"),
        (
            {"state": SubscriberState.PAUSED, "paused_until": datetime(2015, 11, 3, 22, tzinfo=UTC)},
            "Paused until Tuesday, 3 November 2015",
        ),
        (
            {
                "state": SubscriberState.PAUSED,
                "paused_until": datetime(2015, 11, 3, 22, tzinfo=UTC),
                "wishes": WISHES,  # it is midnight in Istanbul
            },
            "Paused until Wednesday, 4 November 2015",
        ),
        ({"state": SubscriberState.PENDING}, "Not confirmed yet"),
        ({"state": SubscriberState.UNSUBSCRIBED}, "Not subscribed"),
    ],
)
def test_a_subscription_says_whether_letters_come(changes: dict[str, object], said: str) -> None:
    assert words().set(holding(**changes))[0] == Row(label="State", value=said)


def test_a_subscription_says_how_its_letters_come() -> None:
    assert [(row.label, row.value) for row in words().set(holding(wishes=WISHES))] == [
        ("State", "Subscribed"),
        ("How often", "Monday to Friday"),
        ("When", "07:30 (Istanbul)"),
        ("More of", "Science"),
        ("Nothing of", "Sport"),
        ("Length", "about 5 minutes"),
        ("Language", "English"),
        ("Format", "with layout and pictures"),
    ]


def test_one_who_has_left_has_no_wishes_to_print() -> None:
    gone = holding(state=SubscriberState.UNSUBSCRIBED, wishes=WISHES)
    assert [row.label for row in words().set(gone)] == ["State"]


def test_a_list_that_the_settings_have_no_more_is_called_by_its_name() -> None:
    said = contents(notice(NoticeKind.FOUND, said=Said(holdings=(holding(list="old"),)))).said()
    assert (said["held"][0].title, len(said["held"][0].rows)) == ("old", 1)


# --- undo


def undo(answer: Answer, language: str = "en", **changes: object) -> object:
    said = Said(answers=(answer,), holdings=(holding(**changes), holding(subscriber_id=8, list="harbour")))
    [told] = contents(notice(NoticeKind.ANSWER, said=said, language=language)).said()["told"]
    return told.undo


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "back",
    [
        Command(act=Act.RESUME),
        Command(act=Act.SUBSCRIBE),
        Command(act=Act.CHANGE, change=Change(hour="", zone="", minutes=0)),
        Command(act=Act.CHANGE, change=Change(topics=(Topic(name="sport", stance=Stance.USUAL),))),
    ],
    ids=str,
)
def test_what_takes_a_command_back_is_a_mail_that_we_understand(back: Command, language: str) -> None:
    found = undo(Answer(command=Command(act=Act.PAUSE), undo=back), language)
    url = urlsplit(found.url)
    assert parse_qs(url.query)["subject"] == [found.words]
    assert read_commands(found.words, "").commands == (back,)
    token = unquote(url.path).removeprefix("digest+prefs-").removesuffix("@digest.example")
    assert TOKENS.read(Purpose.PREFERENCES, token) == 7


def test_what_was_done_to_another_list_is_taken_back_by_its_own_link_and_not_by_a_reply() -> None:
    """A reply to this letter would leave the list that this letter is about."""
    done = Answer(command=Command(act=Act.SUBSCRIBE, list="harbour"), undo=Command(act=Act.UNSUBSCRIBE))
    found = undo(done)
    assert found.words == ""
    assert f"prefs-{TOKENS.make(Purpose.PREFERENCES, 8)}@" in found.url
    assert found.url.endswith("?subject=unsubscribe")


def test_what_cannot_be_taken_back_has_no_link() -> None:
    assert undo(Answer(command=Command(act=Act.SUBSCRIBE, list="nosuch"), undo=Command(act=Act.HELP))) is None
    assert undo(Answer(command=Command(act=Act.FULL, story=3))) is None


# --- what can be asked


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_example_is_a_command_that_we_understand(language: str) -> None:
    examples = contents(notice(NoticeKind.HELP, language=language)).said()["commands"]
    spelled = [text for example in examples for text in example.spelled]
    assert len(spelled) == len(set(spelled)) == 21
    read = [read_commands(text, "") for text in spelled]
    assert all(len(reading.commands) == 1 and not reading.misread for reading in read)
    assert {reading.commands[0].act for reading in read} == set(Act)


def test_the_examples_speak_of_the_lists_own_topics_and_of_the_readers_own_zone() -> None:
    own = Said(holdings=(holding(wishes=WISHES),))
    examples = contents(notice(NoticeKind.HELP, said=own)).said()["commands"]
    spelled = [text for example in examples for text in example.spelled]
    assert {"+city", "07:30 Europe/Istanbul"} <= set(spelled)


def test_a_list_without_topics_has_no_example_of_one() -> None:
    settings = ours(lists={"daily": {"sections": {"opinion": {}, "blog": {}, "more": {}}}})
    examples = contents(notice(NoticeKind.HELP), settings).said()["commands"]
    assert not any("+" in text for example in examples for text in example.spelled)


def test_topics_and_lists_are_named_as_they_can_be_asked_for() -> None:
    named = contents(notice(NoticeKind.HELP)).said()["named"]
    assert [(row.label, row.value) for row in named] == [
        ("Topics", "City, World, Business, Science, Sport"),
        ("Lists", "daily, harbour"),
    ]


# --- the first letter


@pytest.mark.parametrize(
    ("wishes", "after", "expected"),
    [
        (Wishes(), "2015-10-21T05:59+00:00", "2015-10-21T07:00+01:00"),
        (Wishes(), "2015-10-21T06:00+00:00", "2015-10-22T07:00+01:00"),
        (Wishes(), "2015-10-24T12:00+00:00", "2015-10-25T07:00+00:00"),  # the clocks go back in between
        (Wishes(frequency=Frequency.WEEKDAYS), "2015-10-23T12:00+00:00", "2015-10-26T07:00+00:00"),
        (Wishes(frequency=Frequency.WEEKLY), "2015-10-21T12:00+00:00", "2015-10-26T07:00+00:00"),
        (Wishes(frequency=Frequency.WEEKLY), "2015-10-26T06:00+00:00", "2015-10-26T07:00+00:00"),
        (Wishes(hour="18:30"), "2015-10-21T12:00+00:00", "2015-10-22T18:30+01:00"),
        (Wishes(hour="06:00"), "2015-10-21T12:00+00:00", "2015-10-23T06:00+01:00"),
        (Wishes(hour="07:00"), "2015-10-21T12:00+00:00", "2015-10-22T07:00+01:00"),
        (Wishes(hour="07:00", zone="Asia/Tokyo"), "2015-10-21T12:00+00:00", "2015-10-23T07:00+09:00"),
        (Wishes(hour="23:30", zone="Pacific/Honolulu"), "2015-10-21T12:00+00:00", "2015-10-21T23:30-10:00"),
    ],
)
def test_the_first_letter_is_that_of_the_next_issue_at_the_readers_hour(
    wishes: Wishes, after: str, expected: str
) -> None:
    found = first_letter(wishes, ours().lists["daily"], after=datetime.fromisoformat(after))
    assert found == datetime.fromisoformat(expected)


def test_the_welcome_says_the_day_and_the_hour_in_the_readers_zone() -> None:
    said = contents(notice(NoticeKind.WELCOME)).said()["first"]
    assert (said.day, said.hour) == ("Friday, 23 October 2015", "07:30 (Istanbul)")


# --- confirm


@pytest.mark.parametrize(
    ("commands", "joins"),
    [
        ((Command(act=Act.SUBSCRIBE),), True),
        ((Command(act=Act.SUBSCRIBE, change=ALL_WISHES),), True),
        ((Command(act=Act.UNSUBSCRIBE),), False),
        ((Command(act=Act.SUBSCRIBE), Command(act=Act.ERASE)), False),
    ],
)
def test_only_what_is_a_subscription_and_nothing_else_is_called_one(
    commands: tuple[Command, ...], joins: bool
) -> None:
    said = contents(notice(NoticeKind.CONFIRM, said=Said(commands=commands))).said()
    assert said["joins"] is joins
    assert len(said["asked"]) == len(commands)


def test_the_button_names_the_request_and_the_day_until_which_it_works() -> None:
    said = contents(notice(NoticeKind.CONFIRM)).said()
    assert said["confirm_url"] == f"https://digest.example/confirm/{TOKENS.make(Purpose.CONFIRM, 5)}"
    assert said["until"] == "Wednesday, 28 October 2015"


def test_a_letter_that_asks_to_confirm_nothing_is_refused() -> None:
    with pytest.raises(MessageError, match="the letter 42 asks to confirm no request"):
        contents(notice(NoticeKind.CONFIRM, request_id=None)).said()


# --- links


def test_a_lists_links_are_those_that_any_mail_client_has_buttons_for() -> None:
    assert list_links(ours(), "daily") == (
        ("List-Help", "mailto:digest+help@digest.example?subject=help"),
        ("List-Subscribe", "mailto:digest+subscribe-daily@digest.example?subject=subscribe"),
        ("List-Owner", "mailto:digest+owner@digest.example?subject=daily"),
        ("List-Archive", "https://digest.example/archive/daily"),
    )


@pytest.mark.parametrize("name", ["desk", "nosuch"])
def test_a_list_that_nobody_may_join_by_himself_offers_neither_that_nor_its_past_issues(name: str) -> None:
    assert [field for field, _ in list_links(ours(), name)] == ["List-Help", "List-Owner"]


def test_without_an_archive_there_is_no_link_to_it() -> None:
    settings = ours(web={"archive": False})
    assert "List-Archive" not in dict(list_links(settings, "daily"))
    assert contents(notice(NoticeKind.WELCOME), settings).said()["archive_url"] == ""


@pytest.mark.parametrize(
    "address", ["a?b@digest.example", "a&b%c#d@digest.example", "o'neil+x@digest.example"]
)
def test_a_mailto_link_leads_to_the_address_whatever_characters_it_has(address: str) -> None:
    url = urlsplit(mailto(address, "+sport & -tea?"))
    assert unquote(url.path) == address
    assert unquote(url.query.removeprefix("subject=")) == "+sport & -tea?"


def test_a_subscription_that_was_left_has_no_link_to_leave_but_one_to_come_back() -> None:
    held = contents(notice(NoticeKind.FOUND)).said()["held"]
    assert [bool(one.unsubscribe_url) for one in held] == [True, True, False]
    gone = Said(holdings=(holding(state=SubscriberState.UNSUBSCRIBED),))
    [left] = contents(notice(NoticeKind.FOUND, said=gone)).said()["held"]
    assert (left.unsubscribe_url, left.subscribe_url) == ("", "https://digest.example/subscribe/daily")
