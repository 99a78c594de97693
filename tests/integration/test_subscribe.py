"""Readers come and go, and say how they want their letters: what each word does, and what each needs as proof."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from issues import article
from makers import MORNING, Clock, store

from digest import config
from digest.address import read_address
from digest.correspondence import Answer, Door, Holding, Notice, NoticeKind, Outcome, Thread
from digest.errors import AddressError
from digest.model import Article, Subscriber, SubscriberState, SuppressionReason
from digest.store import Database, consents, notices, subscribers
from digest.subscribe import Asker, Confirmed, Readers, report
from digest.tokens import Purpose, Tokens
from digest.wishes import ALL, USUAL, Act, Change, Command, Format, Frequency, Stance, Topic, Wishes

ACTIVE, PENDING, PAUSED = SubscriberState.ACTIVE, SubscriberState.PENDING, SubscriberState.PAUSED
UNSUBSCRIBED, ERASED = SubscriberState.UNSUBSCRIBED, SubscriberState.ERASED
LATER = MORNING + timedelta(hours=1)

ADA = "ada@mail.example"
JOIN = Command(act=Act.SUBSCRIBE)
LEAVE = Command(act=Act.UNSUBSCRIBE)
WEB = Asker(door=Door.WEB, network="somewhere", wording="v1")

SECTIONS = {
    "city": {"title": "City", "also": ["Transport"]},
    "science": {"title": "Science"},
    "sport": {"title": "Sport"},
}


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Readers over a real database, each call of which is one transaction."""

    database: Database
    readers: Readers
    clock: Clock

    def add(self, address: str = ADA, *, door: Door = Door.OPERATOR, to: str = "daily") -> Subscriber:
        return self.set_state(address, ACTIVE, door=door, to=to)

    def set_state(
        self, address: str, state: SubscriberState, *, door: Door = Door.OPERATOR, to: str = "daily"
    ) -> Subscriber:
        with self.database.transaction() as connection:
            return self.readers.set_state(connection, to, address, state, door=door, now=self.clock())

    def remove(self, address: str = ADA, *, door: Door = Door.OPERATOR, to: str = "daily") -> Subscriber:
        with self.database.transaction() as connection:
            return self.readers.remove(connection, to, address, door=door, now=self.clock())

    def request(
        self, *commands: Command, address: str = ADA, asker: Asker = WEB, to: str = "daily"
    ) -> int | None:
        with self.database.transaction() as connection:
            return self.readers.request(
                connection, to, read_address(address), commands, asker=asker, now=self.clock()
            )

    def ask(self, *commands: Command, address: str = ADA, asker: Asker = WEB, to: str = "daily") -> str:
        """Ask, and give the token that the letter carries to the mailbox."""
        letter = self.request(*commands, address=address, asker=asker, to=to)
        [notice] = [one for one in self.letters(address) if one.id == letter]
        assert notice.request_id is not None
        return self.readers.tokens.make(Purpose.CONFIRM, notice.request_id)

    def confirm(self, token: str, *, door: Door = Door.MAIL) -> Confirmed | None:
        with self.database.transaction() as connection:
            return self.readers.confirm(connection, token, door=door, now=self.clock())

    def act(
        self, *commands: Command, who: Subscriber | None = None, letter: Sequence[Article] = ()
    ) -> tuple[Answer, ...]:
        reader = who or self.reader()
        assert reader is not None
        with self.database.transaction() as connection:
            return self.readers.act(
                connection, reader, commands, door=Door.MAIL, now=self.clock(), letter=letter
            )

    def tell(self, *commands: Command, misread: bool = False, letter: Sequence[Article] = ()) -> list[Notice]:
        """Do commands and give the letters that report on them."""
        reader = self.reader()
        assert reader is not None
        before = {one.id for one in self.letters()}
        with self.database.transaction() as connection:
            answers = self.readers.act(
                connection, reader, commands, door=Door.MAIL, now=self.clock(), letter=letter
            )
            report(
                self.readers,
                connection,
                reader,
                answers,
                now=self.clock(),
                letter=letter,
                misread=misread,
                thread=Thread(message_id="<1@mail.example>"),
            )
        return [one for one in self.letters() if one.id not in before]

    def reader(self, address: str = ADA, *, of: str = "daily") -> Subscriber | None:
        with self.database.transaction() as connection:
            return subscribers.find(connection, of, read_address(address).key)

    def state(self, address: str = ADA, *, of: str = "daily") -> SubscriberState | None:
        found = self.reader(address, of=of)
        return found and found.state

    def letters(self, address: str = ADA) -> tuple[Notice, ...]:
        with self.database.transaction() as connection:
            return notices.to_address(connection, read_address(address))

    def suppress(self, reason: SuppressionReason, address: str = ADA, *, hashed: bool = False) -> None:
        key = read_address(address).key
        with self.database.transaction() as connection:
            mark = self.readers.fingerprint(read_address(address)) if hashed else key
            subscribers.suppress(connection, mark, reason=reason, now=self.clock())

    def log(self, address: str = ADA) -> list[tuple[str, str, str]]:
        """Give what the log of consent says: list, act, door."""
        with self.database.transaction() as connection:
            entries = consents.of(connection, self.readers.fingerprint(read_address(address)))
        return [(one.consent.list, one.consent.act, one.consent.door.value) for one in entries if one.consent]

    def count(self, table: str) -> int:
        with self.database.transaction() as connection:
            return connection.scalar(sa.text(f"SELECT COUNT(*) FROM {table}")) or 0  # noqa: S608 - our own names


def settings(**signup: object) -> config.Settings:
    lists = {
        "daily": {"sections": SECTIONS},
        "weekly": {"sections": SECTIONS},
        "staff": {"public": False, "sections": SECTIONS},
    }
    return config.Settings.model_validate({"lists": lists, "signup": signup})


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with store(tmp_path) as database:
        yield Desk(
            database=database,
            readers=Readers(settings=settings(), tokens=Tokens("a secret")),
            clock=Clock(),
        )


# --- the operator's word


def test_a_reader_who_is_added_is_active_from_now_on_on_the_word_of_whom(desk: Desk) -> None:
    added = desk.add(" Ada@Mail.Example ")

    assert (added.address, added.list, added.state) == ("Ada@mail.example", "daily", ACTIVE)
    assert (added.since, added.consent, added.wishes) == (MORNING, "operator", USUAL)
    assert desk.log() == [("daily", "active", "operator")]
    assert desk.letters() == ()


def test_an_address_is_one_reader_however_it_is_written_and_keeps_its_first_spelling(desk: Desk) -> None:
    first = desk.add("Ada@mail.example")
    again = desk.add("ADA@MAIL.EXAMPLE", door=Door.IMPORT)

    assert again == first
    assert desk.count("subscribers") == 1
    assert len(desk.log()) == 1


def test_an_international_domain_is_one_reader_in_its_own_script_and_in_ascii(desk: Desk) -> None:
    assert desk.add("ada@bücher.example") == desk.add("ada@xn--bcher-kva.example")


def test_a_reader_may_be_on_several_lists_and_leaves_them_one_by_one(desk: Desk) -> None:
    desk.add()
    desk.add(to="weekly")
    desk.remove()

    assert (desk.state(), desk.state(of="weekly")) == (UNSUBSCRIBED, ACTIVE)


def test_a_reader_who_leaves_is_kept_as_one_who_left_and_when(desk: Desk) -> None:
    desk.add()
    desk.clock.forward(days=1)
    left = desk.remove("ADA@mail.example")

    assert (left.state, left.since, left.consent) == (UNSUBSCRIBED, desk.clock(), "operator")
    assert desk.log()[1:] == [("daily", "unsubscribed", "operator")]


def test_leaving_twice_changes_nothing_the_second_time(desk: Desk) -> None:
    desk.add()
    left = desk.remove()
    desk.clock.forward(days=1)

    assert desk.remove() == left
    assert len(desk.log()) == 2


def test_who_is_not_on_the_list_cannot_be_taken_off_it(desk: Desk) -> None:
    desk.add(to="weekly")

    with pytest.raises(
        AddressError, match=r"ada@mail\.example is not on daily; `digest subscribers list` shows who is"
    ):
        desk.remove()


@pytest.mark.parametrize("reason", SuppressionReason)
@pytest.mark.parametrize("hashed", [False, True])
def test_an_address_that_must_not_be_mailed_can_leave_but_not_come(
    desk: Desk, reason: SuppressionReason, *, hashed: bool
) -> None:
    desk.add()
    desk.suppress(reason, hashed=hashed)

    with pytest.raises(AddressError, match=rf"mailed: {reason}; `digest subscribers release` lets"):
        desk.add(door=Door.OPERATOR)
    with pytest.raises(AddressError, match=rf"ada@mail\.example must not be mailed: {reason}$"):
        desk.add(door=Door.IMPORT)
    assert desk.remove().state is UNSUBSCRIBED


@pytest.mark.parametrize("hashed", [False, True])
def test_those_who_must_not_be_mailed_are_told_from_all_others(desk: Desk, *, hashed: bool) -> None:
    ada = desk.add()
    desk.add("grace@mail.example")
    with desk.database.transaction() as connection:
        assert desk.readers.suppressed(connection) == {}
    desk.suppress(SuppressionReason.LEFT, hashed=hashed)

    with desk.database.transaction() as connection:
        assert desk.readers.suppressed(connection) == {ada.id: SuppressionReason.LEFT}


def test_a_file_of_addresses_brings_back_nobody_who_has_left_and_the_operator_does(desk: Desk) -> None:
    desk.add(door=Door.IMPORT)
    left = desk.remove(door=Door.ONE_CLICK)

    with pytest.raises(AddressError, match=r"ada@mail\.example has left daily; if he asked to come back"):
        desk.add("ada@MAIL.example", door=Door.IMPORT)
    assert desk.reader() == left
    assert desk.add().state is ACTIVE


def test_one_who_left_stays_so_for_a_file_when_a_stranger_has_typed_his_address(desk: Desk) -> None:
    desk.add(door=Door.IMPORT)
    desk.act(LEAVE)
    assert desk.request(JOIN) is not None

    assert desk.state() is UNSUBSCRIBED
    with pytest.raises(AddressError, match="has left daily"):
        desk.add(door=Door.IMPORT)


@pytest.mark.parametrize(
    "text", ["", "ada", "ada@", "ada@mail.example, bob@mail.example", "Ada <ada@mail.example>"]
)
def test_what_is_no_address_is_refused(desk: Desk, text: str) -> None:
    for refused in (desk.add, desk.remove):
        with pytest.raises(AddressError, match="is not a mail address"):
            refused(text)
    assert desk.count("subscribers") == 0


# --- a request: what somebody asks who has proved nothing


def test_who_asks_to_join_is_pending_and_one_letter_asks_the_mailbox(desk: Desk) -> None:
    desk.request(JOIN, asker=Asker(door=Door.WEB, wording="v1", language="fr"))

    assert desk.state() is PENDING
    [letter] = desk.letters()
    assert (letter.kind, letter.language, letter.said.commands) == (NoticeKind.CONFIRM, "fr", (JOIN,))
    assert letter.subscriber_id is None
    assert desk.log() == [("daily", "pending", "web")]


def test_nothing_is_done_before_the_mailbox_says_yes(desk: Desk) -> None:
    desk.add()
    before = desk.reader()
    for command in (LEAVE, Command(act=Act.PAUSE), Command(act=Act.ERASE), Command(act=Act.DATA)):
        desk.request(command)
        desk.clock.forward(days=2)

    assert desk.reader() == before
    assert {one.kind for one in desk.letters()} == {NoticeKind.CONFIRM}


def test_a_request_for_a_reader_changes_nothing_about_him(desk: Desk) -> None:
    desk.add()
    desk.act(Command(act=Act.PAUSE))
    before = desk.reader()
    desk.request(Command(act=Act.SUBSCRIBE, change=Change(frequency=Frequency.WEEKLY)))

    assert desk.reader() == before


def test_a_readers_own_language_is_that_of_the_question_whatever_the_asker_speaks(desk: Desk) -> None:
    desk.add()
    desk.act(Command(act=Act.CHANGE, change=Change(language="de")))
    desk.request(LEAVE, asker=Asker(door=Door.WEB, language="tr"))

    assert [one.language for one in desk.letters()] == ["de"]


def test_looking_at_a_request_changes_nothing(desk: Desk) -> None:
    """A link scanner follows every link within seconds."""
    token = desk.ask(JOIN)
    for _ in range(3):
        with desk.database.transaction() as connection:
            request = desk.readers.look_up(connection, token)
        assert request is not None
        assert (request.address, request.commands, request.confirmed) == (ADA, (JOIN,), None)
    assert desk.state() is PENDING


def test_the_token_from_the_mailbox_makes_him_a_reader_and_the_log_says_to_which_words(desk: Desk) -> None:
    token = desk.ask(Command(act=Act.SUBSCRIBE, change=Change(frequency=Frequency.WEEKLY, hour="07:00")))
    confirmed = desk.confirm(token, door=Door.WEB)

    assert confirmed is not None
    assert confirmed.new
    assert confirmed.subscriber == desk.reader()
    assert [one.outcome for one in confirmed.answers] == [Outcome.DONE]
    reader = desk.reader()
    assert reader is not None
    assert (reader.state, reader.wishes) == (ACTIVE, Wishes(frequency=Frequency.WEEKLY, hour="07:00"))
    with desk.database.transaction() as connection:
        entries = consents.of(connection, desk.readers.fingerprint(read_address(ADA)))
    assert [(one.consent.act, one.consent.wording) for one in entries if one.consent] == [
        ("pending", "v1"),
        ("active", "v1"),
        ("changed", ""),
    ]


def test_a_confirmation_is_done_once_and_the_second_time_says_so(desk: Desk) -> None:
    token = desk.ask(JOIN)
    desk.confirm(token)
    desk.act(LEAVE)
    again = desk.confirm(token)

    assert again is not None
    assert (again.new, again.answers, desk.state()) == (False, (), UNSUBSCRIBED)


def test_a_confirmation_survives_the_capitals_of_a_mail_program(desk: Desk) -> None:
    assert desk.confirm(desk.ask(JOIN).upper()) is not None
    assert desk.state() is ACTIVE


def test_a_confirmation_that_comes_too_late_does_nothing(desk: Desk) -> None:
    token = desk.ask(JOIN)
    desk.clock.forward(days=7)

    assert desk.confirm(token) is None
    assert desk.state() is PENDING


@pytest.mark.parametrize("purpose", [one for one in Purpose if one is not Purpose.CONFIRM])
def test_no_other_token_confirms(desk: Desk, purpose: Purpose) -> None:
    desk.ask(JOIN)

    assert desk.confirm(desk.readers.tokens.make(purpose, 1)) is None
    assert desk.confirm("") is None
    assert desk.state() is PENDING


def test_a_number_that_was_never_given_confirms_nothing(desk: Desk) -> None:
    desk.ask(JOIN)

    assert desk.confirm(desk.readers.tokens.make(Purpose.CONFIRM, 2)) is None


def test_a_request_to_leave_that_is_confirmed_is_done(desk: Desk) -> None:
    desk.add()
    desk.confirm(desk.ask(LEAVE))

    assert desk.state() is UNSUBSCRIBED
    assert desk.log()[-1] == ("daily", "unsubscribed", "mail")


def test_a_stranger_who_confirms_that_he_leaves_is_told_that_he_reads_nothing(desk: Desk) -> None:
    confirmed = desk.confirm(desk.ask(LEAVE))

    assert confirmed is not None
    assert [one.outcome for one in confirmed.answers] == [Outcome.NOT_SUBSCRIBED]
    assert confirmed.subscriber is None
    assert desk.count("subscribers") == 0


def test_one_whose_pending_row_is_gone_meanwhile_can_still_confirm(desk: Desk) -> None:
    token = desk.ask(JOIN)
    with desk.database.transaction() as connection:
        connection.execute(sa.text("DELETE FROM subscribers"))

    desk.confirm(token)
    assert desk.state() is ACTIVE


def test_who_left_comes_back_by_his_own_word(desk: Desk) -> None:
    desk.add()
    desk.act(LEAVE)
    desk.suppress(SuppressionReason.LEFT, hashed=True)
    desk.confirm(desk.ask(JOIN))

    assert desk.state() is ACTIVE
    assert desk.add() == desk.reader()  # nothing says any more that he must not be mailed


def test_the_operator_may_ask_whom_he_likes_in_any_number(desk: Desk) -> None:
    asker = Asker(door=Door.OPERATOR)

    assert [desk.request(JOIN, asker=asker) is not None for _ in range(30)] == [True] * 30


# --- find my subscriptions


def find(desk: Desk, address: str) -> None:
    with desk.database.transaction() as connection:
        desk.readers.find(connection, read_address(address), asker=WEB, now=desk.clock())


def test_who_asks_for_his_subscriptions_gets_them_by_mail_alone(desk: Desk) -> None:
    desk.add()
    desk.add(to="weekly")
    desk.remove(to="weekly")
    find(desk, "ADA@mail.example")

    [letter] = desk.letters()
    assert letter.kind is NoticeKind.FOUND
    assert [(one.list, one.state) for one in letter.said.holdings] == [
        ("daily", ACTIVE),
        ("weekly", UNSUBSCRIBED),
    ]


def test_nothing_goes_to_an_address_that_has_none(desk: Desk) -> None:
    desk.request(JOIN, address="bob@mail.example")
    for address in (ADA, "bob@mail.example"):
        find(desk, address)

    assert desk.letters() == ()
    assert [one.kind for one in desk.letters("bob@mail.example")] == [NoticeKind.CONFIRM]


# --- commands of a reader who has proved that he is one


def outcomes(answers: Sequence[Answer]) -> list[Outcome]:
    return [one.outcome for one in answers]


def test_a_reader_leaves_pauses_and_comes_back_at_once(desk: Desk) -> None:
    desk.add()
    seen = []
    for command in (Command(act=Act.PAUSE, days=14), Command(act=Act.RESUME), LEAVE, JOIN):
        assert outcomes(desk.act(command)) == [Outcome.DONE]
        reader = desk.reader()
        assert reader is not None
        seen.append((reader.state, reader.paused_until))

    assert seen == [
        (PAUSED, MORNING + timedelta(days=14)),
        (ACTIVE, None),
        (UNSUBSCRIBED, None),
        (ACTIVE, None),
    ]
    assert [act for _, act, _ in desk.log()] == ["active", "paused", "active", "unsubscribed", "active"]


@pytest.mark.parametrize(
    "command",
    [
        Command(act=Act.PAUSE),
        Command(act=Act.PAUSE, days=3),
        LEAVE,
        Command(
            act=Act.CHANGE, change=Change(frequency=Frequency.WEEKDAYS, minutes=5, hour="06:30", zone="UTC")
        ),
        Command(act=Act.CHANGE, change=Change(language="de", format=Format.TEXT)),
        Command(act=Act.CHANGE, change=Change(topics=(Topic(name="sport", stance=Stance.NONE),))),
        Command(act=Act.MORE, story=1),
        Command(act=Act.LESS, story=2),
    ],
    ids=lambda command: f"{command.act}",
)
def test_what_a_reader_does_is_undone_by_the_command_that_he_is_told(desk: Desk, command: Command) -> None:
    desk.add()
    desk.act(
        Command(act=Act.CHANGE, change=Change(minutes=9, topics=(Topic(name="city", stance=Stance.MORE),)))
    )
    before = desk.reader()
    [answer] = desk.act(command, letter=LETTER)
    assert answer.outcome is Outcome.DONE
    assert answer.undo is not None
    after = desk.reader()
    desk.act(answer.undo)

    undone = desk.reader()
    assert before is not None
    assert undone is not None
    assert after != before
    assert (undone.state, undone.paused_until, undone.wishes) == (ACTIVE, None, before.wishes)


@pytest.mark.parametrize(
    "command",
    [
        JOIN,
        Command(act=Act.RESUME),
        Command(act=Act.CHANGE, change=Change(frequency=Frequency.DAILY)),
        Command(act=Act.CHANGE),
    ],
    ids=lambda command: f"{command.act}",
)
def test_what_is_so_already_changes_nothing_and_is_not_logged(desk: Desk, command: Command) -> None:
    desk.add()
    before = desk.reader()

    assert outcomes(desk.act(command)) == [Outcome.ALREADY]
    assert desk.reader() == before
    assert len(desk.log()) == 1


def test_a_second_leave_and_a_second_pause_are_so_already(desk: Desk) -> None:
    desk.add()
    for command in (Command(act=Act.PAUSE), LEAVE):
        assert outcomes(desk.act(command, command)) == [Outcome.DONE, Outcome.ALREADY]


def test_a_pause_without_an_end_takes_the_place_of_one_that_has_an_end(desk: Desk) -> None:
    desk.add()
    desk.act(Command(act=Act.PAUSE, days=3))

    assert outcomes(desk.act(Command(act=Act.PAUSE))) == [Outcome.DONE]
    reader = desk.reader()
    assert reader is not None
    assert (reader.state, reader.paused_until) == (PAUSED, None)


@pytest.mark.parametrize("act", [Act.PAUSE, Act.RESUME])
@pytest.mark.parametrize("state", [PENDING, UNSUBSCRIBED])
def test_who_is_no_reader_cannot_pause_or_resume(desk: Desk, act: Act, state: SubscriberState) -> None:
    desk.add()
    desk.set_state(ADA, state)

    assert outcomes(desk.act(Command(act=act))) == [Outcome.NOT_SUBSCRIBED]
    assert desk.state() is state


def test_a_pause_ends_by_itself_and_not_before(desk: Desk) -> None:
    desk.add()
    desk.act(Command(act=Act.PAUSE, days=2))

    def resumed() -> int:
        with desk.database.transaction() as connection:
            return subscribers.resume_due(connection, now=desk.clock())

    desk.clock.forward(days=2, seconds=-1)
    assert (resumed(), desk.state()) == (0, PAUSED)
    desk.clock.forward(seconds=1)
    assert (resumed(), desk.state()) == (1, ACTIVE)


def test_only_what_is_named_changes_and_an_empty_wish_is_the_lists_own(desk: Desk) -> None:
    desk.add()
    desk.act(Command(act=Act.CHANGE, change=Change(hour="07:00", zone="Europe/Paris", minutes=5)))
    desk.act(Command(act=Act.CHANGE, change=Change(hour="", minutes=0)))

    reader = desk.reader()
    assert reader is not None
    assert reader.wishes == Wishes(zone="Europe/Paris")


def test_a_topic_is_found_by_its_title_or_its_other_names_and_an_unknown_one_changes_nothing(
    desk: Desk,
) -> None:
    desk.add()

    def wish(*names: str) -> Command:
        topics = tuple(Topic(name=name, stance=Stance.NONE) for name in names)
        return Command(act=Act.CHANGE, change=Change(topics=topics, minutes=5))

    assert outcomes(desk.act(wish("TRANSPORT", ALL))) == [Outcome.DONE]
    before = desk.reader()
    assert before is not None
    assert [topic.name for topic in before.wishes.topics] == ["all", "city"]
    assert outcomes(desk.act(wish("science", "alchemy"))) == [Outcome.NO_TOPIC]
    assert desk.reader() == before


LETTER = (article(1, section="Science"), article(2, section="Transport"), article(3))


def test_more_and_less_of_a_story_are_more_and_less_of_its_section(desk: Desk) -> None:
    desk.add()
    answers = desk.act(Command(act=Act.MORE, story=1), Command(act=Act.LESS, story=2), letter=LETTER)

    assert outcomes(answers) == [Outcome.DONE, Outcome.DONE]
    reader = desk.reader()
    assert reader is not None
    assert {topic.name: topic.stance for topic in reader.wishes.topics} == {
        "science": Stance.MORE,
        "city": Stance.LESS,
    }


@pytest.mark.parametrize("act", [Act.MORE, Act.LESS, Act.FULL])
@pytest.mark.parametrize("story", [None, 0, -1, 4, 10**9])
def test_a_story_that_the_letter_has_not_is_said_to_be_none(desk: Desk, act: Act, story: int | None) -> None:
    desk.add()
    before = desk.reader()

    assert outcomes(desk.act(Command(act=act, story=story), letter=LETTER)) == [Outcome.NO_STORY]
    assert outcomes(desk.act(Command(act=act, story=1))) == [Outcome.NO_STORY]  # no letter was replied to
    assert desk.reader() == before


def test_a_command_about_another_list_is_done_there(desk: Desk) -> None:
    desk.add()
    joined = desk.act(Command(act=Act.SUBSCRIBE, list="weekly"))

    assert outcomes(joined) == [Outcome.DONE]
    assert (desk.state(), desk.state(of="weekly")) == (ACTIVE, ACTIVE)
    desk.act(Command(act=Act.UNSUBSCRIBE, list="weekly"))
    assert (desk.state(), desk.state(of="weekly")) == (ACTIVE, UNSUBSCRIBED)


def test_what_was_done_on_another_list_is_undone_there(desk: Desk) -> None:
    desk.add()
    desk.add(to="weekly")
    [answer] = desk.act(Command(act=Act.UNSUBSCRIBE, list="weekly"))
    assert answer.undo is not None
    desk.act(answer.undo)

    assert (desk.state(), desk.state(of="weekly")) == (ACTIVE, ACTIVE)


@pytest.mark.parametrize("name", ["nightly", "staff", "daily'; DROP TABLE subscribers"])
def test_a_list_that_is_not_there_or_not_public_cannot_be_joined(desk: Desk, name: str) -> None:
    desk.add()

    assert outcomes(desk.act(Command(act=Act.SUBSCRIBE, list=name))) == [Outcome.NO_LIST]
    assert desk.count("subscribers") == 1


def test_one_whom_the_operator_put_on_a_private_list_may_leave_it(desk: Desk) -> None:
    desk.add()
    desk.add(to="staff")

    assert outcomes(desk.act(Command(act=Act.UNSUBSCRIBE, list="staff"))) == [Outcome.DONE]


def test_one_who_is_forgotten_is_known_nowhere_and_no_command_after_that_is_done(desk: Desk) -> None:
    reader = desk.add()
    desk.add(to="weekly")
    answers = desk.act(Command(act=Act.ERASE), JOIN)

    assert [one.command.act for one in answers] == [Act.ERASE]
    assert (desk.reader(), desk.reader(of="weekly"), desk.log()) == (None, None, [])
    assert outcomes(desk.act(LEAVE, who=reader)) == [Outcome.NOT_SUBSCRIBED]
    assert desk.request(JOIN) is None
    with pytest.raises(AddressError, match="must not be mailed: erased"):
        desk.add()


# --- what a reader is told


def test_what_was_done_is_told_with_what_is_set_now_and_how_to_undo_it(desk: Desk) -> None:
    desk.add()
    desk.add(to="weekly")
    command = Command(act=Act.CHANGE, change=Change(frequency=Frequency.WEEKLY))
    [letter] = desk.tell(command)

    assert letter.kind is NoticeKind.ANSWER
    assert letter.subscriber_id == 1
    assert letter.thread == Thread(message_id="<1@mail.example>")
    [answer] = letter.said.answers
    assert (answer.command, answer.outcome) == (command, Outcome.DONE)
    assert answer.undo == Command(act=Act.CHANGE, change=Change(frequency=Frequency.DAILY))
    assert letter.said.holdings == (
        Holding(subscriber_id=1, list="daily", state=ACTIVE, wishes=Wishes(frequency=Frequency.WEEKLY)),
        Holding(subscriber_id=2, list="weekly", state=ACTIVE),
    )


@pytest.mark.parametrize(
    ("commands", "kinds"),
    [
        ([LEAVE], ["goodbye"]),
        ([LEAVE, JOIN], ["answer"]),
        ([JOIN], ["answer"]),  # he was one already
        ([Command(act=Act.HELP)], ["help"]),
        ([], ["help"]),
        ([Command(act=Act.DATA)], ["data"]),
        ([Command(act=Act.DATA), Command(act=Act.PAUSE)], ["data", "answer"]),
        ([Command(act=Act.FULL, story=2)], ["story"]),
        ([Command(act=Act.FULL, story=9)], ["answer"]),
        ([Command(act=Act.FULL, story=1), Command(act=Act.FULL, story=3)], ["story", "story"]),
        ([Command(act=Act.ERASE)], ["erased"]),
        ([Command(act=Act.PAUSE), Command(act=Act.ERASE)], ["erased"]),
    ],
    ids=lambda value: "+".join(str(getattr(one, "act", one)) for one in value) or "nothing",
)
def test_each_command_is_answered_by_its_own_letter(
    desk: Desk, commands: list[Command], kinds: list[str]
) -> None:
    desk.add()

    assert [one.kind.value for one in desk.tell(*commands, letter=LETTER)] == kinds


def test_a_welcome_goes_to_him_who_has_come_back(desk: Desk) -> None:
    desk.add()
    desk.act(LEAVE)

    assert [one.kind for one in desk.tell(JOIN)] == [NoticeKind.WELCOME]


def test_what_was_not_understood_is_said_and_not_quoted(desk: Desk) -> None:
    desk.add()
    [letter] = desk.tell(Command(act=Act.DATA), misread=True)[1:]

    assert (letter.kind, letter.said.misread) == (NoticeKind.HELP, True)


def test_my_data_is_all_that_is_known_as_json(desk: Desk) -> None:
    desk.add()
    [letter] = desk.tell(Command(act=Act.DATA))

    known = json.loads(letter.said.data)
    assert known["address"] == ADA
    assert [one["list"] for one in known["subscriptions"]] == ["daily"]


def test_the_whole_text_is_that_of_the_story(desk: Desk) -> None:
    desk.add()
    [letter] = desk.tell(Command(act=Act.FULL, story=2), letter=LETTER)

    assert letter.said.article == LETTER[1]


def test_the_last_letter_to_one_who_is_forgotten_names_no_number_of_his(desk: Desk) -> None:
    desk.add()
    [letter] = desk.tell(Command(act=Act.ERASE))

    assert (letter.subscriber_id, letter.said.holdings, letter.said.data) == (None, (), "")


def test_a_letter_speaks_the_language_that_he_has_just_chosen(desk: Desk) -> None:
    desk.add()

    assert [one.language for one in desk.tell(Command(act=Act.CHANGE, change=Change(language="ar")))] == [
        "ar"
    ]


def test_what_was_done_and_the_letter_about_it_are_there_together_or_not_at_all(desk: Desk) -> None:
    reader = desk.add()

    def fail() -> None:
        with desk.database.transaction() as connection:
            answers = desk.readers.act(connection, reader, [LEAVE], door=Door.MAIL, now=LATER)
            report(desk.readers, connection, reader, answers, now=LATER)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert (desk.state(), desk.letters(), len(desk.log())) == (ACTIVE, (), 1)


def test_the_moments_that_are_written_are_those_of_the_clock(desk: Desk) -> None:
    desk.clock.at = datetime.fromisoformat("2030-02-03T04:05:06+02:00")
    desk.request(JOIN)

    [letter] = desk.letters()
    reader = desk.reader()
    assert reader is not None
    assert letter.made == reader.since == desk.clock()
