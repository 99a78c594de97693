"""The sign-up cannot be used against others: so many letters go out because somebody named an address, and no more."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from makers import MORNING, Clock, store

from digest import config
from digest.address import read_address
from digest.correspondence import Answer, Door, NoticeKind
from digest.model import SubscriberState, SuppressionReason
from digest.store import Database, notices, subscribers
from digest.subscribe import Asker, Readers, report
from digest.tokens import Purpose, Tokens
from digest.wishes import Act, Command

JOIN = Command(act=Act.SUBSCRIBE)
ADA = "ada@mail.example"
ROOMY = {
    "confirmations_per_address_a_day": 1000,
    "confirmations_per_network_an_hour": 1000,
    "confirmations_per_domain_an_hour": 1000,
    "confirmations_an_hour": 1000,
}


@dataclass(frozen=True, kw_only=True)
class Form:
    """A sign-up form that anybody may fill in."""

    database: Database
    readers: Readers
    clock: Clock

    def fill_in(
        self,
        address: str = ADA,
        *,
        network: str | None = "somewhere",
        trusted: bool = False,
        door: Door = Door.WEB,
        forward: float = 0,
    ) -> bool:
        """Ask to join, and tell whether a letter goes out; each time a second later."""
        asker = Asker(door=door, network=network, trusted=trusted, wording="v1")
        self.clock.forward(seconds=1, minutes=forward)
        with self.database.transaction() as connection:
            parsed = read_address(address)
            return (
                self.readers.request(connection, "daily", parsed, [JOIN], asker=asker, now=self.clock())
                is not None
            )

    def find(self, address: str = ADA) -> int:
        """Ask for one's subscriptions, and tell how many letters that made."""
        before = self.count("notices")
        asker = Asker(door=Door.WEB, network="somewhere")
        with self.database.transaction() as connection:
            self.readers.find(connection, read_address(address), asker=asker, now=self.clock())
        return self.count("notices") - before

    def answer(self, *acts: Act, address: str = ADA) -> list[NoticeKind]:
        """Let a reader write to us, and give the letters that answer him."""
        self.clock.forward(seconds=1)
        with self.database.transaction() as connection:
            reader = subscribers.find(connection, "daily", address)
            assert reader is not None
            answers = [Answer(command=Command(act=act)) for act in acts]
            known = {one.id for one in notices.to_address(connection, read_address(address))}
            report(self.readers, connection, reader, answers, now=self.clock())
            return [
                one.kind
                for one in notices.to_address(connection, read_address(address))
                if one.id not in known
            ]

    def say_yes(self) -> None:
        """Let the mailbox confirm what was asked for last."""
        with self.database.transaction() as connection:
            newest = connection.scalar(sa.text("SELECT MAX(id) FROM requests"))
            token = self.readers.tokens.make(Purpose.CONFIRM, newest)
            confirmed = self.readers.confirm(connection, token, door=Door.MAIL, now=self.clock())
        assert confirmed is not None
        assert confirmed.new

    def become(self, state: SubscriberState, address: str = ADA) -> None:
        with self.database.transaction() as connection:
            subscribers.set_state(
                connection, "daily", address, key=address, state=state, consent="operator", now=MORNING
            )

    def suppress(self, reason: SuppressionReason, address: str = ADA) -> None:
        with self.database.transaction() as connection:
            subscribers.suppress(connection, address, reason=reason, now=MORNING)

    def count(self, table: str) -> int:
        with self.database.transaction() as connection:
            return connection.scalar(sa.text(f"SELECT COUNT(*) FROM {table}")) or 0  # noqa: S608 - our own names

    def rows(self) -> dict[str, int]:
        return {name: self.count(name) for name in ("subscribers", "requests", "notices", "consents")}


Open = Callable[..., Form]


@pytest.fixture
def form(tmp_path: Path, database_url: str) -> Iterator[Open]:
    """Open a form with limits; what is not named is roomy."""
    with store(tmp_path, url=database_url) as database:

        def opened(**limits: object) -> Form:
            settings = config.Settings.model_validate({"lists": {"daily": {}}, "signup": ROOMY | limits})
            return Form(
                database=database,
                readers=Readers(settings=settings, tokens=Tokens("a secret")),
                clock=Clock(),
            )

        yield opened


@pytest.mark.on_both
def test_an_address_gets_one_question_a_day_however_often_it_is_typed(form: Open) -> None:
    desk = form(confirmations_per_address_a_day=1)

    assert [desk.fill_in() for _ in range(50)].count(True) == 1
    assert desk.rows() == {"subscribers": 1, "requests": 1, "notices": 1, "consents": 1}
    assert not desk.fill_in(forward=23 * 60)
    assert desk.fill_in(forward=60)


@pytest.mark.on_both
def test_one_who_has_said_yes_may_ask_for_something_else_the_same_day(form: Open) -> None:
    desk = form(confirmations_per_address_a_day=1)
    assert desk.fill_in()
    assert not desk.fill_in()

    desk.say_yes()

    assert desk.fill_in()
    assert not desk.fill_in()


def test_a_day_is_the_last_twenty_four_hours_and_not_a_date(form: Open) -> None:
    desk = form(confirmations_per_address_a_day=1)
    desk.clock.at = MORNING.replace(hour=23, minute=59)
    assert desk.fill_in()

    assert not desk.fill_in(forward=10)


def test_what_is_refused_does_not_count_so_that_nobody_can_keep_a_cap_full(form: Open) -> None:
    desk = form(confirmations_per_address_a_day=1)
    desk.fill_in()
    for _ in range(31):
        desk.fill_in(forward=47)

    assert desk.count("notices") == 2  # one more when the first was a day old


@pytest.mark.parametrize(
    "spelling", ["ADA@mail.example", "ada+news@mail.example", "Ada+1+2@MAIL.example", "ada+@mail.example"]
)
def test_spellings_and_subaddresses_of_one_mailbox_count_as_one(form: Open, spelling: str) -> None:
    desk = form(confirmations_per_address_a_day=1)
    assert desk.fill_in()

    assert not desk.fill_in(spelling)


def test_at_gmail_dots_and_its_other_name_count_for_nothing(form: Open) -> None:
    desk = form(confirmations_per_address_a_day=1)
    assert desk.fill_in("ada.b@gmail.com")

    assert not desk.fill_in("a.d.a.b@gmail.com")
    assert not desk.fill_in("adab+x@gmail.com")
    assert desk.fill_in("adabc@gmail.com")


def test_elsewhere_a_dot_makes_another_mailbox(form: Open) -> None:
    desk = form(confirmations_per_address_a_day=1)

    assert desk.fill_in("ada.b@mail.example")
    assert desk.fill_in("adab@mail.example")


def test_spellings_that_count_as_one_are_kept_apart_for_delivery(form: Open) -> None:
    desk = form()
    given = ["a.da@gmail.com", "ada@gmail.com", "ada+news@gmail.com"]
    assert [desk.fill_in(address) for address in given] == [True] * 3

    with desk.database.transaction() as connection:
        assert {one.address for one in subscribers.all_of(connection)} == set(given)


@pytest.mark.on_both
def test_a_network_has_so_many_an_hour_and_another_one_its_own(form: Open) -> None:
    desk = form(confirmations_per_network_an_hour=3)

    assert [desk.fill_in(f"r{n}@d{n}.example") for n in range(6)].count(True) == 3
    assert desk.fill_in("else@where.example", network="elsewhere")
    assert desk.fill_in("r9@d9.example", forward=60)


def test_mail_comes_from_no_network_and_has_the_other_caps(form: Open) -> None:
    desk = form(confirmations_per_network_an_hour=1, confirmations_an_hour=5)

    asked = [desk.fill_in(f"r{n}@d{n}.example", network=None, door=Door.MAIL) for n in range(9)]
    assert asked.count(True) == 5


def test_a_domain_has_so_many_an_hour_whoever_asks(form: Open) -> None:
    desk = form(confirmations_per_domain_an_hour=3)

    asked = [desk.fill_in(f"r{n}@mail.example", network=f"net {n}") for n in range(8)]
    assert asked == [True] * 3 + [False] * 5
    assert desk.fill_in("r@other.example")
    assert desk.fill_in("r9@MAIL.example", forward=60)


def test_whom_his_own_mail_server_vouches_for_is_not_kept_out_by_others_of_his_domain(form: Open) -> None:
    desk = form(confirmations_per_domain_an_hour=1)
    desk.fill_in("r1@mail.example")

    assert not desk.fill_in("r2@mail.example")
    assert desk.fill_in("r2@mail.example", trusted=True)


def test_being_vouched_for_lifts_no_other_cap(form: Open) -> None:
    desk = form(
        confirmations_per_address_a_day=1, confirmations_an_hour=3, confirmations_per_network_an_hour=2
    )

    assert [desk.fill_in(trusted=True) for _ in range(5)].count(True) == 1
    assert [desk.fill_in(f"b{n}@x.example", trusted=True) for n in range(5)].count(True) == 1
    others = [desk.fill_in(f"c{n}@x.example", trusted=True, network=f"net {n}") for n in range(5)]
    assert others.count(True) == 1


@pytest.mark.on_both
def test_all_together_get_so_many_an_hour(form: Open) -> None:
    desk = form(confirmations_an_hour=4)

    asked = [desk.fill_in(f"r{n}@d{n}.example", network=f"net {n}") for n in range(9)]
    assert asked.count(True) == 4
    assert desk.fill_in("r@d.example", forward=60)


def test_an_hour_ends_a_second_after_and_not_a_second_before(form: Open) -> None:
    desk = form(confirmations_an_hour=1)
    desk.fill_in("a@x.example")
    desk.clock.forward(minutes=59, seconds=58)

    assert not desk.fill_in("b@x.example")
    assert desk.fill_in("b@x.example")


def test_the_letter_with_ones_subscriptions_counts_like_a_question(form: Open) -> None:
    desk = form(confirmations_per_address_a_day=1)
    desk.become(SubscriberState.ACTIVE)

    assert [desk.find() for _ in range(5)] == [1, 0, 0, 0, 0]
    assert not desk.fill_in()


def test_a_refused_domain_is_never_mailed_in_whatever_way_it_is_written(form: Open) -> None:
    desk = form(refused_domains=["throwaway.example", "xn--bcher-kva.example"])

    for address in ("a@throwaway.example", "a@Throwaway.EXAMPLE", "a@bücher.example"):
        for door in (Door.WEB, Door.MAIL, Door.OPERATOR):
            assert not desk.fill_in(address, door=door)
    assert desk.rows() == {"subscribers": 0, "requests": 0, "notices": 0, "consents": 0}


@pytest.mark.parametrize("reason", [one for one in SuppressionReason if one is not SuppressionReason.LEFT])
def test_an_address_that_must_not_be_mailed_is_not_asked_by_anybody(
    form: Open, reason: SuppressionReason
) -> None:
    desk = form()
    desk.become(SubscriberState.ACTIVE)
    desk.suppress(reason)

    assert not desk.fill_in()
    assert not desk.fill_in(door=Door.OPERATOR)
    assert desk.find() == 0
    assert desk.answer(Act.HELP) == []
    assert desk.rows() == {"subscribers": 1, "requests": 0, "notices": 0, "consents": 0}


def test_who_left_long_ago_may_ask_himself(form: Open) -> None:
    desk = form()
    desk.suppress(SuppressionReason.LEFT)

    assert desk.fill_in()


def test_known_unknown_and_suppressed_addresses_leave_the_asker_the_same_row_to_see_which_is_none(
    form: Open,
) -> None:
    """What is returned says only whether there is a letter to send; whoever asked sees neither that nor a row."""
    desk = form()
    desk.become(SubscriberState.ACTIVE, "known@mail.example")
    desk.become(SubscriberState.UNSUBSCRIBED, "left@mail.example")
    desk.suppress(SuppressionReason.COMPLAINT, "never@mail.example")
    before = desk.rows()
    went_out = {name: desk.fill_in(f"{name}@mail.example") for name in ("known", "left", "unknown", "never")}

    assert went_out == {"known": True, "left": True, "unknown": True, "never": False}
    after = desk.rows()
    assert after["requests"] - before["requests"] == after["notices"] - before["notices"] == 3


def test_a_reader_is_answered_so_many_times_a_day(form: Open) -> None:
    desk = form(answers_per_address_a_day=4)
    desk.become(SubscriberState.ACTIVE)

    assert [len(desk.answer(Act.PAUSE)) for _ in range(8)] == [1] * 4 + [0] * 4
    desk.clock.forward(days=1)
    assert len(desk.answer(Act.PAUSE)) == 1


def test_questions_count_among_the_answers_of_a_day(form: Open) -> None:
    desk = form(answers_per_address_a_day=2)
    desk.become(SubscriberState.ACTIVE)
    desk.fill_in()

    assert [len(desk.answer(Act.PAUSE)) for _ in range(3)] == [1, 0, 0]


@pytest.mark.on_both
def test_help_comes_once_a_day(form: Open) -> None:
    desk = form()
    desk.become(SubscriberState.ACTIVE)

    assert [desk.answer(Act.HELP) for _ in range(4)] == [[NoticeKind.HELP], [], [], []]
    assert desk.answer(Act.PAUSE) == [NoticeKind.ANSWER]
    desk.clock.forward(days=1)
    assert desk.answer(Act.HELP) == [NoticeKind.HELP]


def test_one_reader_cannot_use_up_the_answers_of_another(form: Open) -> None:
    desk = form(answers_per_address_a_day=1)
    for address in (ADA, "bob@mail.example"):
        desk.become(SubscriberState.ACTIVE, address)
        assert len(desk.answer(Act.PAUSE, address=address)) == 1


def test_a_clock_that_is_set_back_opens_no_gate(form: Open) -> None:
    desk = form(confirmations_per_address_a_day=1)
    desk.fill_in()
    desk.clock.at -= timedelta(hours=3)

    assert not desk.fill_in()
