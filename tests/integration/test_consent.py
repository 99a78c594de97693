"""The log of consent proves itself: whatever is changed, added or taken out is seen, and forgetting a reader is not."""

import hashlib
import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from makers import MORNING, UNTIMED, store

from digest.correspondence import Consent, Door
from digest.store import Database, consents
from digest.store.tables import consents as table

ADA, BOB = "a" * 32, "b" * 32  # keyed hashes of addresses


@pytest.fixture
def database(tmp_path: Path, database_url: str) -> Iterator[Database]:
    with store(tmp_path, url=database_url) as opened:
        yield opened


def log(
    database: Database,
    act: str = "active",
    *,
    subject: str = ADA,
    name: str = "daily",
    at: datetime = MORNING,
    **more: str,
) -> str:
    """Add an entry and give its link."""
    consent = Consent(list=name, address="ada@mail.example", act=act, door=Door.WEB, **more)
    with database.transaction() as connection:
        consents.append(connection, consent, subject=subject, now=at)
        return consents.last_link(connection)


def fault(database: Database, *, head: str | None = None) -> str | None:
    with database.transaction() as connection:
        return consents.first_fault(connection, head=head)


def change(database: Database, statement: str) -> None:
    """Do to the table what somebody with a database browser can do."""
    with database.transaction() as connection:
        connection.execute(sa.text(statement))


def said(database: Database, subject: str = ADA) -> list[Consent | None]:
    with database.transaction() as connection:
        return [entry.consent for entry in consents.of(connection, subject)]


@pytest.mark.on_both
def test_an_entry_says_who_agreed_to_what_when_how_and_to_which_words(database: Database) -> None:
    log(database, "pending", wording="v1", at=MORNING)
    log(database, "active", wording="v1", at=MORNING + timedelta(minutes=5))
    log(database, subject=BOB)

    with database.transaction() as connection:
        first, second = consents.of(connection, ADA)
    assert first.consent == Consent(
        list="daily", address="ada@mail.example", act="pending", door=Door.WEB, wording="v1"
    )
    assert (first.at, second.at) == (MORNING, MORNING + timedelta(minutes=5))
    assert fault(database) is None


def test_an_empty_log_holds(database: Database) -> None:
    assert fault(database) is None
    with database.transaction() as connection:
        assert consents.last_link(connection) == consents.FIRST_LINK
    assert fault(database, head=consents.FIRST_LINK) is None


@pytest.mark.on_both
def test_the_moment_of_an_entry_is_the_same_in_every_zone(database: Database) -> None:
    log(database, at=datetime.fromisoformat("2015-10-21T08:00:00.123456+02:00"))

    assert fault(database) is None


TAMPERING = {
    "another word": "UPDATE consents SET content = replace(content, 'active', 'paused') WHERE id = 2",
    "another address": "UPDATE consents SET content = replace(content, 'ada@', 'eve@') WHERE id = 2",
    "another subject": "UPDATE consents SET subject = 'eeee' WHERE id = 2",
    "another salt": "UPDATE consents SET salt = 'ffff' WHERE id = 2",
    "another hash": "UPDATE consents SET hash = lower(hex(zeroblob(32))) WHERE id = 2",
    "another link": "UPDATE consents SET link = lower(hex(zeroblob(32))) WHERE id = 2",
    "another moment": "UPDATE consents SET at = '2014-01-01 00:00:00.000000' WHERE id = 2",
    "no subject": "UPDATE consents SET subject = NULL WHERE id = 2",
    "no salt": "UPDATE consents SET salt = NULL WHERE id = 2",
    "no content": "UPDATE consents SET content = NULL WHERE id = 2",
    "an empty content": "UPDATE consents SET content = '' WHERE id = 2",
    "gone": "DELETE FROM consents WHERE id = 2",
    "the first one gone": "DELETE FROM consents WHERE id = 1",
    "two changed places": "UPDATE consents SET id = CASE id WHEN 2 THEN -3 WHEN 3 THEN -2 END WHERE id IN (2, 3)",
    "one twice": (
        "INSERT INTO consents (at, subject, content, salt, hash, link)"
        " SELECT at, subject, content, salt, hash, link FROM consents WHERE id = 2"
    ),
    "one put before": (
        "INSERT INTO consents (id, at, subject, content, salt, hash, link)"
        " SELECT 0, at, subject, content, salt, hash, link FROM consents WHERE id = 1"
    ),
}


@pytest.mark.parametrize("statement", TAMPERING.values(), ids=TAMPERING)
def test_what_is_changed_added_or_taken_out_is_found(database: Database, statement: str) -> None:
    for number in range(4):
        log(database, at=MORNING + timedelta(hours=number))
    assert fault(database) is None
    change(database, statement)
    change(database, "UPDATE consents SET id = -id WHERE id < 0")

    found = fault(database)
    assert found is not None
    assert found.startswith("entry ")


def test_the_place_that_is_named_is_where_it_no_longer_holds(database: Database) -> None:
    for number in range(9):
        log(database, at=MORNING + timedelta(hours=number))
    change(database, "UPDATE consents SET content = content || ' ' WHERE id = 5")
    assert fault(database) == "entry 5 says something else than when it was written"
    change(database, "DELETE FROM consents WHERE id = 3")
    assert fault(database) == "entry 4 does not follow from the one before it"


@pytest.mark.on_both
def test_a_log_that_was_cut_off_is_found_by_a_link_kept_elsewhere_alone(database: Database) -> None:
    log(database)
    kept = log(database)
    log(database)
    assert fault(database, head=kept) is None
    change(database, "DELETE FROM consents WHERE id >= 2")

    assert fault(database) is None
    assert fault(database, head=kept) == "it does not contain the given link: entries at its end are gone"


def test_a_log_that_was_written_anew_is_found_by_a_link_kept_elsewhere(database: Database) -> None:
    kept = log(database)
    change(database, "DELETE FROM consents")
    log(database)

    assert fault(database) is None
    assert fault(database, head=kept) is not None


@pytest.mark.on_both
def test_the_number_of_an_entry_that_is_gone_is_not_given_again(database: Database) -> None:
    log(database)
    change(database, "DELETE FROM consents")
    log(database)

    with database.transaction() as connection:
        assert [entry.id for entry in consents.page(connection, after=0, limit=9)] == [2]


@pytest.mark.on_both
def test_forgetting_a_reader_keeps_the_chain_and_nothing_that_he_said(database: Database) -> None:
    for subject in (ADA, BOB, ADA, BOB):
        log(database, subject=subject)
    with database.transaction() as connection:
        assert consents.blank(connection, ADA) == 2
    last = log(database, subject=BOB)

    assert fault(database, head=last) is None
    assert (said(database), len(said(database, BOB))) == ([], 3)
    with database.transaction() as connection:
        blank = [row for row in connection.execute(sa.select(table)) if row.id in (1, 3)]
    assert all((row.subject, row.content, row.salt) == (None, None, None) for row in blank)


def test_the_hash_that_stays_cannot_be_guessed_from_what_is_known_of_a_reader(database: Database) -> None:
    """Twice the same words have two hashes: each has a salt of 128 bits, which goes with the words."""
    log(database)
    log(database)

    with database.transaction() as connection:
        rows = list(connection.execute(sa.select(table.c.salt, table.c.hash)))
    assert len({row.hash for row in rows}) == len({row.salt for row in rows}) == 2
    assert all(len(row.salt) == 32 for row in rows)


@pytest.mark.on_both
def test_the_log_is_given_in_pages_and_whole(database: Database) -> None:
    for number in range(7):
        log(database, at=MORNING + timedelta(hours=number))
    found, after = [], 0
    while True:
        with database.transaction() as connection:
            page = consents.page(connection, after=after, limit=3)
        if not page:
            break
        found += page
        after = page[-1].id

    assert [entry.id for entry in found] == list(range(1, 8))
    with database.transaction() as connection:
        assert consents.count(connection) == 7


def test_anybody_can_check_the_chain_with_a_sha_256_of_his_own(database: Database) -> None:
    """From the columns alone, as docs/howto/privacy.md says."""
    for subject in (ADA, BOB, ADA):
        log(database, subject=subject, wording="v1 — “ja”")
    with database.transaction() as connection:
        consents.blank(connection, ADA)
        entries = consents.page(connection, after=0, limit=9)

    before = "0" * 64
    for entry in entries:
        if entry.consent is not None:
            told = {"act": "active", "address": "ada@mail.example", "detail": "", "door": "web"}
            words = json.dumps(told | {"list": "daily", "wording": "v1 — “ja”"}, ensure_ascii=False)
            assert (
                hashlib.sha256(f"{entry.salt}\n{entry.subject}\n{words}".encode()).hexdigest() == entry.hash
            )
        moment = entry.at.astimezone(UTC).isoformat()
        before = hashlib.sha256(f"{before}\n{moment}\n{entry.hash}".encode()).hexdigest()
        assert before == entry.link


# --- how long it is kept

DAY = timedelta(days=1)


def expire(database: Database, *, before: datetime) -> int:
    with database.transaction() as connection:
        return consents.expire(connection, before=before)


@pytest.mark.on_both
@pytest.mark.parametrize(
    ("acts", "kept"),
    [
        ("daily active, daily unsubscribed", False),
        ("daily pending", False),
        ("daily active, daily unsubscribed, daily changed", False),
        ("daily active", True),
        ("daily active, daily paused", True),
        ("daily active, daily changed", True),
        ("weekly active, daily active, daily unsubscribed", True),  # he still reads the other
        ("weekly active, daily pending, daily unsubscribed, weekly unsubscribed", False),
        ("daily active, daily unsubscribed, daily active", True),
    ],
)
def test_what_somebody_agreed_to_is_kept_as_long_as_he_reads_any_list(
    database: Database, acts: str, *, kept: bool
) -> None:
    entries = [words.split() for words in acts.split(", ")]
    for number, (name, act) in enumerate(entries):
        log(database, act, name=name, at=MORNING + number * DAY)
    end = MORNING + len(entries) * DAY

    assert expire(database, before=end) == (0 if kept else len(entries))
    assert bool(said(database)) is kept
    assert fault(database) is None


def test_it_is_kept_until_the_last_of_his_entries_is_old_enough(database: Database) -> None:
    log(database, "active", at=MORNING)
    log(database, "unsubscribed", at=MORNING + DAY)

    assert expire(database, before=MORNING + DAY) == 0
    assert expire(database, before=MORNING + DAY + timedelta(seconds=1)) == 2
    assert expire(database, before=MORNING + 9 * DAY) == 0


# --- laws

COUNTER = itertools.count()
ENTRIES = st.lists(
    st.tuples(
        st.sampled_from([ADA, BOB, "c" * 32]),
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
        st.integers(0, 10**7),
    ),
    min_size=1,
    max_size=6,
)


@settings(UNTIMED, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ENTRIES, st.sets(st.sampled_from([ADA, BOB])), st.data())
def test_any_log_holds_whoever_is_forgotten_and_no_character_can_be_changed(
    tmp_path: Path, entries: list[tuple[str, str, int]], forgotten: set[str], data: st.DataObject
) -> None:
    with store(tmp_path / str(next(COUNTER))) as database:
        links = [
            log(
                database,
                subject=subject,
                wording=words,
                detail=words,
                at=MORNING + timedelta(microseconds=at),
            )
            for subject, words, at in entries
        ]
        with database.transaction() as connection:
            for subject in forgotten:
                consents.blank(connection, subject)
        for link in links:
            assert fault(database, head=link) is None
        number = data.draw(st.integers(1, len(entries)))
        with database.transaction() as connection:
            row = connection.execute(sa.select(table).where(table.c.id == number)).one()
        column = data.draw(
            st.sampled_from([c for c in ("content", "salt", "hash", "link") if row._mapping[c]])
        )
        text = row._mapping[column]
        place = data.draw(st.integers(0, len(text) - 1))
        other = data.draw(
            st.characters(codec="utf-8", exclude_characters="\0").filter(lambda c: c != text[place])
        )
        changed = text[:place] + other + text[place + 1 :]
        with database.transaction() as connection:
            connection.execute(sa.update(table).where(table.c.id == number).values({column: changed}))
        assert fault(database) is not None
