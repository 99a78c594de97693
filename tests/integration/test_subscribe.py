"""Readers come and go on somebody's word, which is recorded."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from makers import MORNING, store

from digest import subscribe
from digest.errors import AddressError
from digest.model import Subscriber, SubscriberState, SuppressionReason
from digest.store import Database, subscribers

ACTIVE, PENDING, UNSUBSCRIBED = SubscriberState.ACTIVE, SubscriberState.PENDING, SubscriberState.UNSUBSCRIBED
LATER = MORNING + timedelta(days=1)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with store(tmp_path) as opened:
        yield opened


def add(database: Database, address: str, *, consent: str = "operator", name: str = "daily") -> Subscriber:
    return subscribe.set_state(database, name, address, ACTIVE, consent=consent, now=MORNING)


def suppress(database: Database, address: str) -> None:
    with database.transaction() as connection:
        subscribers.suppress(connection, address, reason=SuppressionReason.HARD_BOUNCE, now=MORNING)


def test_a_reader_who_is_added_is_active_from_now_on_on_the_word_of_whom(database: Database) -> None:
    added = add(database, " Ada@Mail.Example ")

    assert (added.address, added.list, added.state) == ("Ada@mail.example", "daily", ACTIVE)
    assert (added.since, added.consent) == (MORNING, "operator")
    assert subscribe.all_of(database) == [added]


def test_an_address_is_one_reader_however_it_is_written_and_keeps_its_first_spelling(
    database: Database,
) -> None:
    first = add(database, "Ada@mail.example")
    again = add(database, "ADA@MAIL.EXAMPLE", consent="import")

    assert again == first
    assert len(subscribe.all_of(database)) == 1


def test_an_international_domain_is_one_reader_in_its_own_script_and_in_ascii(database: Database) -> None:
    assert add(database, "ada@bücher.example") == add(database, "ada@xn--bcher-kva.example")


def test_a_reader_may_be_on_several_lists(database: Database) -> None:
    add(database, "ada@mail.example")
    add(database, "ada@mail.example", name="weekly")
    subscribe.remove(database, "daily", "ada@mail.example", consent="operator", now=LATER)

    assert [(one.list, one.state) for one in subscribe.all_of(database)] == [
        ("daily", UNSUBSCRIBED),
        ("weekly", ACTIVE),
    ]
    assert [one.list for one in subscribe.all_of(database, "weekly")] == ["weekly"]


def test_a_reader_who_leaves_is_kept_as_one_who_left_and_when(database: Database) -> None:
    add(database, "ada@mail.example")
    left = subscribe.remove(database, "daily", "ADA@mail.example", consent="one-click", now=LATER)

    assert (left.state, left.since, left.consent) == (UNSUBSCRIBED, LATER, "one-click")


def test_leaving_twice_changes_nothing_the_second_time(database: Database) -> None:
    add(database, "ada@mail.example")
    left = subscribe.remove(database, "daily", "ada@mail.example", consent="one-click", now=LATER)

    assert (
        subscribe.remove(database, "daily", "ada@mail.example", consent="operator", now=LATER + timedelta(1))
        == left
    )


def test_who_is_not_on_the_list_cannot_leave_it(database: Database) -> None:
    add(database, "ada@mail.example", name="weekly")

    with pytest.raises(
        AddressError, match=r"ada@mail\.example is not on daily; `digest subscribers list` shows who is"
    ):
        subscribe.remove(database, "daily", "ada@mail.example", consent="operator", now=LATER)


def test_who_asks_is_pending_until_he_confirms(database: Database) -> None:
    asked = subscribe.ask(database, "daily", "ada@mail.example", now=MORNING)

    assert (asked.state, asked.consent) == (PENDING, "asked")
    assert add(database, "ada@mail.example", consent="confirmed").state is ACTIVE


def test_who_is_active_already_stays_so_when_he_asks_again(database: Database) -> None:
    added = add(database, "ada@mail.example")

    assert subscribe.ask(database, "daily", "ADA@mail.example", now=LATER) == added


def test_who_left_may_ask_again(database: Database) -> None:
    add(database, "ada@mail.example")
    subscribe.remove(database, "daily", "ada@mail.example", consent="one-click", now=MORNING)

    assert subscribe.ask(database, "daily", "ada@mail.example", now=LATER).state is PENDING


def test_an_address_that_must_not_be_mailed_can_leave_but_neither_come_nor_ask(database: Database) -> None:
    add(database, "ada@mail.example")
    suppress(database, "ada@mail.example")

    with pytest.raises(AddressError, match=r"Ada@mail\.example must not be mailed: hard-bounce"):
        add(database, "Ada@mail.example")
    assert (
        subscribe.remove(database, "daily", "ada@mail.example", consent="operator", now=LATER).state
        is UNSUBSCRIBED
    )
    with pytest.raises(AddressError, match="must not be mailed"):
        subscribe.ask(database, "daily", "ada@mail.example", now=LATER)


def test_a_file_of_addresses_brings_back_nobody_who_has_left(database: Database) -> None:
    add(database, "ada@mail.example", consent=subscribe.IMPORT)
    left = subscribe.remove(database, "daily", "ada@mail.example", consent="one-click", now=LATER)

    with pytest.raises(AddressError, match=r"ada@mail\.example has left daily"):
        add(database, "ada@MAIL.example", consent=subscribe.IMPORT)
    assert subscribe.all_of(database) == [left]
    assert add(database, "ada@mail.example").state is ACTIVE


@pytest.mark.parametrize(
    "text", ["", "ada", "ada@", "ada@mail.example, bob@mail.example", "Ada <ada@mail.example>"]
)
def test_what_is_no_address_is_refused_by_everyone(database: Database, text: str) -> None:
    for refused in (
        lambda: add(database, text),
        lambda: subscribe.ask(database, "daily", text, now=MORNING),
        lambda: subscribe.remove(database, "daily", text, consent="operator", now=MORNING),
    ):
        with pytest.raises(AddressError, match="is not a mail address"):
            refused()
    assert subscribe.all_of(database) == []
