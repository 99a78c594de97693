"""What is known about a reader is given whole and forgotten whole; the rest is forgotten in its time."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import issues as example
import pytest
import sqlalchemy as sa
from makers import MORNING, Clock, store

from digest import config, privacy
from digest.address import read_address
from digest.correspondence import Door, NoticeKind, Said, Thread
from digest.model import DeliveryState, Mark, Reply, SubscriberState, SuppressionReason
from digest.store import (
    Database,
    claims,
    consents,
    deliveries,
    handled,
    issues,
    notices,
    scores,
    subscribers,
    votes,
)
from digest.store.scores import Score
from digest.store.tables import metadata, suppressions
from digest.subscribe import Asker, Readers
from digest.tokens import Purpose, Tokens
from digest.wishes import Act, Change, Command, Frequency, Stance, Topic

ADA, BOB = "Ada.Lovelace@Mail.Example", "bob@mail.example"
NORSE = "JÖrg@bücher.example"
JOIN = Command(act=Act.SUBSCRIBE)
STORY = example.story(example.article(1))
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class House:
    """A database in a file, and all that is done to readers."""

    file: Path
    database: Database
    readers: Readers
    clock: Clock

    def live(self, address: str, *, to: str = "daily") -> None:
        """Let a reader do all that readers do, so that every table knows of him."""
        parsed = read_address(address)
        asker = Asker(
            door=Door.WEB, network="n" * 32, wording="v1", thread=Thread(message_id="<1@x.example>")
        )
        now = self.clock()
        with self.database.transaction() as connection:
            self.readers.request(connection, to, parsed, [JOIN], asker=asker, now=now)
            reader = self.readers.move(
                connection, to, parsed, SubscriberState.ACTIVE, door=Door.MAIL, now=now
            )
            wish = Change(frequency=Frequency.WEEKLY, topics=(Topic(name="more", stance=Stance.MORE),))
            self.readers.act(
                connection, reader, [Command(act=Act.CHANGE, change=wish)], door=Door.MAIL, now=now
            )
            votes.put(connection, reader.id, to, STORY, now=now, network=f"{reader.id:x}" * 32)
            said = Said(data=f"all about {address}")
            self.readers.note(connection, NoticeKind.DATA, to, parsed, said, now=now, subscriber_id=reader.id)
            handled.take(connection, f"a mail from {reader.id}", now=now)
            scores.put(connection, Score(address_key=parsed.key, score=1.5, at=now, notice_id=1))
        self.send(to)

    def send(self, to: str = "daily") -> None:
        """Publish an issue and hand it over; the server's answer names the reader."""
        now = self.clock()
        with self.database.transaction() as connection:
            count = connection.scalar(sa.text("SELECT COUNT(*) FROM issues")) or 0
            one = example.issue(
                example.section("World", STORY),
                list=to,
                number=count + 1,
                date=(MORNING + count * DAY).date(),
            )
            issue_id = issues.freeze(connection, one)
            deliveries.enqueue(connection, issue_id, to, due=lambda _: now, now=now, lifetime=DAY)
            batch, _ = claims.claim(connection, now=now, token="t", until=now + DAY, limit=99)  # noqa: S106 - no password
            marks = [
                Mark(
                    delivery_id=one.id,
                    claim=one.claim,
                    state=DeliveryState.SENT,
                    reply=Reply(code=250, text=f"<{one.address}> taken"),
                )
                for one in batch
            ]
            claims.mark(connection, marks, now=now)

    def suppress(self, address: str, reason: SuppressionReason) -> None:
        key = read_address(address).key
        with self.database.transaction() as connection:
            subscribers.suppress(connection, key, reason=reason, now=self.clock())

    def export(self, address: str) -> str:
        with self.database.transaction() as connection:
            return self.readers.export(connection, read_address(address))

    def erase(self, address: str) -> None:
        with self.database.transaction() as connection:
            self.readers.erase(connection, read_address(address), now=self.clock())

    def knows(self, address: str) -> bool:
        with self.database.transaction() as connection:
            return self.readers.knows(connection, read_address(address))

    def rows(self, table: str) -> list[Any]:
        with self.database.transaction() as connection:
            return list(connection.execute(sa.select(metadata.tables[table])).mappings())

    def marks(self, address: str) -> dict[str, str]:
        """Give what a row may know an address by."""
        parsed = read_address(address)
        return {
            "address": str(parsed),
            "display": parsed.display,
            "key": parsed.key,
            "local part": parsed.local,
            "local part of the key": parsed.key.partition("@")[0],
            "mailbox": parsed.mailbox,
            "fingerprint": self.readers.fingerprint(parsed),
        }

    def expire(self, **days: int) -> Counter[str]:
        """Forget what is old; what no setting is given for is kept for good."""
        keep = {
            "deliveries_days": 0,
            "left_days": 0,
            "consent_days": 0,
            "pending_days": 9999,
            "notices_days": 9999,
        }
        with self.database.transaction() as connection:
            return +privacy.expire(
                connection,
                config.Retention.model_validate(keep | days),
                fingerprint=self.readers.fingerprint,
                now=self.clock(),
            )

    def fault(self) -> str | None:
        with self.database.transaction() as connection:
            return consents.first_fault(connection)


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    with store(tmp_path, url=database_url) as database:
        roomy = {"confirmations_per_address_a_day": 99}
        settings = config.Settings.model_validate(
            {"lists": {"daily": {"sections": {"more": {}}}, "weekly": {}}, "signup": roomy}
        )
        yield House(
            file=tmp_path / "digest.db",
            database=database,
            readers=Readers(settings=settings, tokens=Tokens("a secret")),
            clock=Clock(),
        )


# --- all of it given

TRACES: dict[str, Callable[[Any], Sequence[object]]] = {
    "subscribers": lambda row: (
        row["id"],
        row["list"],
        row["state"],
        row["since"].isoformat(),
        row["frequency"],
    ),
    "suppressions": lambda row: (row["reason"],),
    "deliveries": lambda row: (
        row["state"],
        row["changed"].isoformat(),
        row["reply"],
        row["since"] or "null",
    ),
    "requests": lambda row: (row["id"], row["address"], row["made"].isoformat(), row["door"]),
    "notices": lambda row: (row["kind"], row["address"], row["made"].isoformat()),
    "consents": lambda row: (row["link"],),
    "scores": lambda row: (row["score"], row["at"].isoformat()),
    "votes": lambda row: (row["article_id"], row["at"].isoformat(), row["network"]),
}
"""What of a row must stand in its reader's export, table by table."""

ABOUT_READERS = {
    "address",
    "address_key",
    "mailbox",
    "subscriber_id",
    "subject",
    "recipient",
    "reader",
    "author",
}


def tables_about_readers() -> set[str]:
    """Name the tables that have a column for a reader, or refer to one that has."""
    found = {name for name, table in metadata.tables.items() if ABOUT_READERS & set(table.columns.keys())}
    return found | {
        name
        for name, table in metadata.tables.items()
        if any(key.column.table.name == "subscribers" for key in table.foreign_keys)
    }


def test_every_table_that_can_know_a_reader_is_known_here() -> None:
    """Whoever adds one adds it to the export, to what is forgotten, and to the tests below."""
    assert tables_about_readers() == set(TRACES)


def rows_about(house: House, address: str) -> Iterator[tuple[str, Any]]:
    """Find every row of every table that has one of his marks in any cell, or his number."""
    marks = set(house.marks(address).values())
    numbers = {row["id"] for row in house.rows("subscribers") if row["address_key"] in marks}
    for name in metadata.tables:
        for row in house.rows(name):
            his = row.get("subscriber_id") in numbers or (name == "subscribers" and row["id"] in numbers)
            if his or any(mark in str(cell) for cell in row.values() for mark in marks):
                yield name, row


@pytest.mark.on_both
@pytest.mark.parametrize("address", [ADA, NORSE])
def test_the_export_has_a_trace_of_every_row_about_a_reader_and_of_no_other(
    house: House, address: str
) -> None:
    for one in (address, BOB):
        house.live(one)
    house.live(address, to="weekly")
    house.suppress(address, SuppressionReason.COMPLAINT)
    with house.database.transaction() as connection:  # a file of addresses was warned off too
        mark = house.readers.fingerprint(read_address(address))
        subscribers.suppress(connection, mark, reason=SuppressionReason.LEFT, now=house.clock())
    exported = house.export(address)

    found = list(rows_about(house, address))
    assert {name for name, _ in found} == set(TRACES)
    for name, row in found:
        assert [trace for trace in TRACES[name](row) if str(trace) not in exported] == [], name
    assert "bob" not in exported
    json.loads(exported)


@pytest.mark.parametrize(
    ("spelling", "again"), [(ADA, "ADA.LOVELACE@MAIL.EXAMPLE"), (NORSE, "jöRG@xn--bcher-kva.example")]
)
def test_it_is_found_by_any_spelling_of_the_address(house: House, spelling: str, again: str) -> None:
    house.live(spelling)

    whole = json.loads(house.export(again))
    assert whole | {"address": ""} == json.loads(house.export(spelling)) | {"address": ""}
    assert len(whole["letters"]) == 2


def test_a_mailbox_that_counts_as_the_same_is_another_readers(house: House) -> None:
    house.live("ada@gmail.com")
    for other in ("a.da@gmail.com", "ada+x@gmail.com"):
        known = json.loads(house.export(other))
        assert [name for name, what in known.items() if what] == ["address"]


def test_of_one_who_is_unknown_it_says_that_nothing_is_known(house: House) -> None:
    house.live(BOB)

    assert json.loads(house.export(ADA)) == {
        "address": "Ada.Lovelace@mail.example",
        "suppressed": [],
        "returned": None,
        "subscriptions": [],
        "requests": [],
        "letters": [],
        "consent": [],
    }


# --- all of it forgotten


def dump(house: House) -> str:
    return "\n".join(str(dict(row)) for name in metadata.tables for row in house.rows(name))


@pytest.mark.on_both
@pytest.mark.parametrize("address", [ADA, NORSE])
def test_a_forgotten_reader_leaves_a_keyed_hash_and_a_blank_row(house: House, address: str) -> None:
    house.live(address)
    house.live(address, to="weekly")
    house.live(BOB)
    house.suppress(address, SuppressionReason.HARD_BOUNCE)
    house.erase(address.swapcase())

    left = list(rows_about(house, address))
    mark = house.readers.fingerprint(read_address(address))
    assert [(name, row["address_key"], row["reason"]) for name, row in left] == [
        ("suppressions", mark, "erased")
    ]
    text = dump(house).casefold()
    assert [
        name
        for name, value in house.marks(address).items()
        if name != "fingerprint" and value.casefold() in text
    ] == []
    blank = [row for row in house.rows("subscribers") if row["state"] == "erased"]
    assert len(blank) == 2
    for row in blank:
        told = {
            name: value for name, value in row.items() if name not in ("id", "list", "since", "address_key")
        }
        assert {name: value for name, value in told.items() if value} == {
            "state": "erased",
            "frequency": "daily",
            "format": "html",
        }
    assert {row["address"] for row in house.rows("subscribers") if row["address"]} == {BOB}


def test_the_chain_of_consent_holds_when_a_reader_is_forgotten(house: House) -> None:
    for address in (ADA, BOB, NORSE):
        house.live(address)
    house.erase(ADA)
    house.live(BOB, to="weekly")

    assert house.fault() is None


def test_others_lose_nothing(house: House) -> None:
    house.live(ADA)
    house.live(BOB)
    before = house.export(BOB)
    house.erase(ADA)

    assert house.export(BOB) == before


def test_the_mails_that_he_was_sent_are_still_counted(house: House) -> None:
    house.live(ADA)
    house.erase(ADA)

    [row] = house.rows("deliveries")
    assert (row["state"], row["reply"]) == ("sent", None)


def test_a_second_time_there_is_nothing_to_forget(house: House) -> None:
    house.live(ADA)
    house.erase(ADA)
    before = dump(house)
    house.erase(ADA)

    assert len(before.splitlines()) == len(dump(house).splitlines())


def test_one_who_had_left_long_ago_and_is_forgotten_is_one_who_is_forgotten(house: House) -> None:
    """LEFT lets a stranger ask him again; ERASED does not."""
    with house.database.transaction() as connection:
        mark = house.readers.fingerprint(read_address(ADA))
        subscribers.suppress(connection, mark, reason=SuppressionReason.LEFT, now=MORNING)
    house.erase(ADA)

    assert [row["reason"] for row in house.rows("suppressions")] == ["erased"]


def test_a_strangers_address_can_be_forgotten_before_it_was_ever_known(house: House) -> None:
    assert not house.knows(ADA)
    house.erase(ADA)

    assert [row["reason"] for row in house.rows("suppressions")] == ["erased"]
    assert not house.knows(ADA)


def test_one_is_known_until_he_is_forgotten_be_it_only_that_mail_to_him_is_stopped(house: House) -> None:
    house.live(ADA)
    house.suppress(BOB, SuppressionReason.COMPLAINT)
    for address in (ADA, BOB):
        assert house.knows(address)
        house.erase(address)
        assert not house.knows(address)


@pytest.mark.on_both
@pytest.mark.parametrize("purpose", [Purpose.UNSUBSCRIBE, Purpose.PREFERENCES, Purpose.VOTE, Purpose.CONFIRM])
def test_the_old_links_of_a_forgotten_reader_meet_nobody(house: House, purpose: Purpose) -> None:
    house.live(ADA)
    tokens = house.readers.tokens
    table = "requests" if purpose is Purpose.CONFIRM else "subscribers"
    old = [tokens.make(purpose, row["id"]) for row in house.rows(table)]
    house.erase(ADA)
    for address in (BOB, NORSE):
        house.live(address)

    for token in old:
        number = tokens.read(purpose, token)
        assert number is not None
        with house.database.transaction() as connection:
            found = subscribers.get(connection, number)
            assert purpose is Purpose.CONFIRM or (
                found is not None and (found.state.value, found.address) == ("erased", "")
            )
            assert house.readers.look_up(connection, token) is None
            assert house.readers.confirm(connection, token, door=Door.MAIL, now=house.clock()) is None


def raw(file: Path) -> bytes:
    """Give the bytes of the database as they lie on the disk, its write-ahead log with them."""
    return b"".join(path.read_bytes() for path in sorted(file.parent.glob(f"{file.name}*")))


def test_the_disk_keeps_no_byte_of_a_forgotten_address(house: House) -> None:
    """Neither in pages that SQLite has given up, nor in the write-ahead log once that is written back."""
    for address in (BOB, ADA, NORSE):
        house.live(address)
    assert b"lovelace" in raw(house.file)
    house.erase(ADA)
    house.database.close()

    for name, value in house.marks(ADA).items():
        assert name == "fingerprint" or value.encode() not in raw(house.file), name


# --- how long it is kept


def pending(house: House, address: str = ADA) -> None:
    with house.database.transaction() as connection:
        house.readers.request(
            connection, "daily", read_address(address), [JOIN], asker=Asker(door=Door.WEB), now=house.clock()
        )


def leave(house: House, address: str = ADA, *, to: str = "daily") -> None:
    with house.database.transaction() as connection:
        house.readers.remove(connection, to, address, door=Door.MAIL, now=house.clock())


def state(house: House, address: str = ADA, *, of: str = "daily") -> str | None:
    with house.database.transaction() as connection:
        found = subscribers.find(connection, of, read_address(address).key)
    return found and found.state.value


@pytest.mark.on_both
def test_who_never_confirmed_leaves_nothing_at_all(house: House) -> None:
    house.live(BOB)
    pending(house)
    house.clock.forward(days=7)
    assert house.expire(pending_days=7) == {}
    house.clock.forward(seconds=1)

    assert house.expire(pending_days=7) == {"requests": 2, "pending readers": 1}
    assert list(rows_about(house, ADA)) == []
    assert house.fault() is None
    assert house.expire(pending_days=7) == {}


@pytest.mark.on_both
def test_the_number_of_the_newest_who_never_confirmed_is_not_given_to_another(house: House) -> None:
    pending(house)
    house.clock.forward(days=8)
    house.expire(pending_days=7)
    house.live(BOB)

    assert [(row["id"], row["address"]) for row in house.rows("subscribers")] == [(1, ""), (2, BOB)]


def test_one_who_asked_again_has_his_time_from_then_on(house: House) -> None:
    pending(house)
    house.clock.forward(days=6)
    pending(house)
    house.clock.forward(days=2)

    assert house.expire(pending_days=7)["pending readers"] == 0
    house.clock.forward(days=6)
    assert house.expire(pending_days=7)["pending readers"] == 1


def test_who_never_confirmed_on_two_lists_is_forgotten_on_both(house: House) -> None:
    for name in ("daily", "weekly"):
        with house.database.transaction() as connection:
            house.readers.request(
                connection, name, read_address(ADA), [JOIN], asker=Asker(door=Door.WEB), now=house.clock()
            )
    house.clock.forward(days=8)

    assert house.expire(pending_days=7)["pending readers"] == 2
    assert list(rows_about(house, ADA)) == []


def test_a_reader_of_one_list_who_never_confirmed_another_loses_nothing_else(house: House) -> None:
    house.live(ADA, to="weekly")
    pending(house)
    house.clock.forward(days=8)
    house.expire(pending_days=7)

    assert (state(house), state(house, of="weekly")) == (None, "active")
    assert json.loads(house.export(ADA))["consent"] != []


def test_a_link_that_works_no_longer_is_forgotten_and_one_that_works_is_kept(house: House) -> None:
    pending(house)
    pending(house, BOB)
    house.clock.forward(days=6, hours=23)
    assert house.expire()["requests"] == 0
    house.clock.forward(hours=1, seconds=1)

    assert house.expire()["requests"] == 2


@pytest.mark.on_both
@pytest.mark.parametrize(
    ("setting", "what", "table"),
    [
        ("notices_days", "letters", "notices"),
        ("deliveries_days", "deliveries", "deliveries"),
        ("notices_days", None, "handled"),
    ],
)
def test_letters_deliveries_and_what_was_handled_are_kept_so_many_days(
    house: House, setting: str, what: str | None, table: str
) -> None:
    house.live(ADA)
    house.send()
    with house.database.transaction() as connection:
        batch = notices.claim(connection, now=house.clock(), token="t", lease=DAY, limit=9)  # noqa: S106 - no password
        for notice in batch:
            notices.settle(connection, notice, DeliveryState.SENT, reply=None)
    rows = len(house.rows(table))
    house.clock.forward(days=30)
    assert house.expire(**{setting: 30})[what or ""] == 0
    assert len(house.rows(table)) == rows
    house.clock.forward(seconds=1)
    done = house.expire(**{setting: 30})

    kept = 1 if table == "deliveries" else 0  # the newest one's number must not be given again
    assert len(house.rows(table)) == kept
    assert what is None or done[what] == rows - kept


def test_a_letter_that_is_not_sent_yet_is_not_forgotten(house: House) -> None:
    pending(house)
    house.clock.forward(days=99)
    house.expire(notices_days=1)

    assert len(house.rows("notices")) == 1


def test_who_left_is_after_his_time_a_keyed_hash_that_keeps_files_of_addresses_off(house: House) -> None:
    house.live(ADA)
    leave(house)
    house.clock.forward(days=365)
    assert house.expire(left_days=365) == {"requests": 1}
    house.clock.forward(seconds=1)

    assert house.expire(left_days=365) == {"readers who had left": 1}
    assert state(house) is None
    [kept] = house.rows("suppressions")
    assert (kept["address_key"], kept["reason"]) == (house.marks(ADA)["fingerprint"], "left")
    assert house.rows("votes") == []
    assert house.expire(left_days=365) == {}


def test_who_left_one_list_and_reads_another_is_no_stranger(house: House) -> None:
    house.live(ADA)
    house.live(ADA, to="weekly")
    leave(house)
    house.clock.forward(days=999)
    house.expire(left_days=365)

    assert (state(house), state(house, of="weekly")) == ("unsubscribed", "active")
    assert house.rows("suppressions") == []


def test_who_left_two_lists_is_forgotten_when_the_second_is_long_ago_too(house: House) -> None:
    for name in ("daily", "weekly"):
        house.live(ADA, to=name)
        leave(house, to=name)
        house.clock.forward(days=300)
    assert house.expire(left_days=365)["readers who had left"] == 0
    house.clock.forward(days=70)

    assert house.expire(left_days=365)["readers who had left"] == 2
    assert (state(house), state(house, of="weekly")) == (None, None)


def test_one_who_left_and_was_asked_in_vain_is_still_one_who_left(house: House) -> None:
    house.live(ADA)
    leave(house)
    house.clock.forward(days=1)
    pending(house)
    house.clock.forward(days=8)
    house.expire(pending_days=7)

    assert state(house) == "unsubscribed"


def test_one_who_left_before_there_was_a_log_is_still_one_who_left(house: House) -> None:
    house.live(ADA)
    leave(house)
    with house.database.transaction() as connection:
        connection.execute(sa.text("DELETE FROM consents"))
        subscribers.set_state(
            connection,
            "daily",
            ADA,
            key=read_address(ADA).key,
            state=SubscriberState.PENDING,
            consent="web",
            now=house.clock(),
        )
    house.clock.forward(days=8)
    house.expire(pending_days=7)

    assert state(house) == "unsubscribed"


@pytest.mark.on_both
def test_what_one_who_left_had_agreed_to_is_kept_so_many_days(house: House) -> None:
    house.live(BOB)
    house.live(ADA)
    leave(house)
    entries = len(json.loads(house.export(ADA))["consent"])
    house.clock.forward(days=1095)
    assert house.expire(consent_days=1095)["entries of consent"] == 0
    house.clock.forward(seconds=1)

    assert house.expire(consent_days=1095)["entries of consent"] == entries > 0
    assert json.loads(house.export(ADA))["consent"] == []
    assert len(json.loads(house.export(BOB))["consent"]) > 0
    assert house.fault() is None


@pytest.mark.parametrize("setting", ["deliveries_days", "left_days", "consent_days"])
def test_0_days_keep_it_for_good(house: House, setting: str) -> None:
    house.live(ADA)
    leave(house)
    house.clock.forward(days=100_000)

    assert house.expire(**{setting: 0}) == {"requests": 1}


def test_what_a_day_forgets_is_forgotten_once(house: House) -> None:
    house.live(ADA)
    leave(house)
    pending(house, BOB)
    house.clock.at = datetime.fromisoformat("2040-01-01T00:00:00+00:00")
    everything = {
        "pending_days": 7,
        "notices_days": 30,
        "deliveries_days": 365,
        "left_days": 365,
        "consent_days": 1095,
    }

    assert sum(house.expire(**everything).values()) > 0
    assert house.expire(**everything) == {}
    assert house.fault() is None
    assert suppressions.name in {name for name, _ in rows_about(house, ADA)}
