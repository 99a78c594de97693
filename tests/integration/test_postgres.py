"""What SQLite gives by itself, on a PostgreSQL that many share: turns, one line for what goes wrong, and a restart."""

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from makers import MORNING, Clock, Mailserver, journals, ledger, reader, rows, states, store, write, writes
from postgres import Postgres

from digest import alarm, config
from digest.correspondence import Consent, Door
from digest.deliver import deliver
from digest.errors import SettingsError, StoreError
from digest.govern import Governor
from digest.model import DeliveryState, SuppressionReason
from digest.store import Database, claims, consents, handled, paces, scores, sources, stops, subscribers
from digest.store.paces import ALL, RELAY, Pace
from digest.store.scores import Score
from digest.store.tables import notices as notice_table
from digest.store.tables import sources as source_table

SETTINGS = config.Delivery()


@pytest.fixture
def database(postgres: Postgres, tmp_path: Path) -> Iterator[Database]:
    url = postgres.fresh()
    with store(tmp_path, url=url) as opened:
        yield opened
    postgres.drop(url)


# --- turns


def test_the_chain_of_consent_has_one_end_however_many_write_to_it(database: Database) -> None:
    def agree(number: int) -> None:
        said = Consent(list="daily", address=reader(number), act="active", door=Door.WEB, wording="v1")
        with database.transaction() as connection:
            consents.append(connection, said, subject=str(number), now=MORNING)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(agree, range(12)))

    with database.transaction() as connection:
        assert consents.count(connection) == 12
        assert consents.first_fault(connection) is None


def test_a_key_is_taken_once_however_many_want_it(database: Database) -> None:
    def take(_: int) -> bool:
        with database.transaction() as connection:
            return handled.take(connection, "a mail", now=MORNING)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(take, range(8))) == [False] * 7 + [True]


def test_a_claim_reads_its_index_in_order_whatever_the_statistics_say(database: Database) -> None:
    """There are none yet of this ledger, and by what PostgreSQL then takes for granted it would sort all of it."""
    ledger(database, 40)
    plan: list[str] = []

    def explain(_c: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "SKIP LOCKED" in statement and not plan:
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plan.extend(row[0] for row in cursor.fetchall())

    with database.transaction(alone=False) as connection:
        sa.event.listen(connection, "before_cursor_execute", explain)
        claims.claim(connection, now=MORNING, token="ours", until=MORNING, limit=9)  # noqa: S106 - no password

    [scan] = [line.strip(" ->") for line in plan if "on deliveries" in line]
    assert scan.startswith("Index Scan using ix_deliveries_due_id")


def test_the_ledgers_work_waits_for_nobodys_turn(database: Database) -> None:
    with database.transaction(), database.transaction(alone=False) as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1


Work = Callable[[sa.Connection], object]


def overlap(database: Database, first: Work, second: Work, then: Work = lambda _: None) -> list[object]:
    """Let two workers do something at once, the first one `then` something more, and give what came of each.

    The second one begins when the first is done, and goes on once that has ended its transaction, if it must wait.
    """

    def work() -> object:
        with database.transaction(alone=False) as connection:
            return second(connection)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction(alone=False) as connection:
            done = first(connection)
            other = pool.submit(work)
            while not (other.done() or somebody_waits(database)):
                time.sleep(0.01)
            then(connection)
        return [done, other.result()]


def somebody_waits(database: Database) -> bool:
    waiting = sa.text(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with database.reading() as connection:
        return connection.execute(waiting).first() is not None


def test_who_waits_for_the_paces_holds_them_when_another_has_changed_that_of_all_mail(
    database: Database,
) -> None:
    seen: list[Pace] = []

    def hold_and_look(connection: sa.Connection) -> None:
        paces.hold(connection)
        seen.extend(paces.get(connection, [ALL]).values())
        paces.put(connection, [Pace(key=ALL, count=2)])

    overlap(
        database,
        paces.hold,
        hold_and_look,
        then=lambda connection: paces.put(connection, [Pace(key=ALL, count=1)]),
    )

    assert seen == [Pace(key=ALL, count=1)]
    with database.transaction() as connection:
        assert paces.get(connection, [ALL])[ALL].count == 2


def test_who_forgets_that_the_relay_failed_holds_the_paces_before_another_who_hears_that_it_did(
    database: Database,
) -> None:
    with database.transaction() as connection:
        paces.put(connection, [Pace(key=RELAY, count=1)])

    def fail(connection: sa.Connection) -> None:
        paces.hold(connection)
        paces.put(connection, [Pace(key=RELAY, count=2)])

    overlap(database, lambda connection: paces.remove(connection, [RELAY]), fail, then=paces.hold)

    with database.transaction() as connection:
        assert paces.get(connection, [RELAY])[RELAY].count == 2


def test_workers_may_find_out_at_once_that_an_address_takes_no_mail(database: Database) -> None:
    def refuse(connection: sa.Connection) -> None:
        subscribers.suppress(connection, reader(1), reason=SuppressionReason.HARD_BOUNCE, now=MORNING)
        scores.put(connection, Score(address_key=reader(2), score=1, at=MORNING))

    overlap(database, refuse, refuse)

    with database.transaction() as connection:
        assert subscribers.suppression(connection, reader(1)) is SuppressionReason.HARD_BOUNCE
        assert scores.get(connection, reader(2)) == Score(address_key=reader(2), score=1, at=MORNING)


@pytest.mark.parametrize("everything", [True, False])
def test_workers_that_stop_the_same_at_once_stop_it_once_and_write_one_letter(
    database: Database, everything: bool
) -> None:
    issue_id = ledger(database)
    settings = config.Settings.model_validate({"publisher": {"reply_to": "editor@digest.example"}})

    def stop(connection: sa.Connection) -> bool:
        return alarm.stop(
            connection, settings, None if everything else issue_id, reason="refused", now=MORNING
        )

    assert overlap(database, stop, stop) == [True, False]

    with database.transaction() as connection:
        assert len(stops.active(connection)) == 1
        assert connection.scalar(sa.select(sa.func.count()).select_from(notice_table)) == 1


def test_who_stops_everything_waits_for_nobody_who_stops_an_issue(database: Database) -> None:
    issue_id = ledger(database)

    with database.transaction(alone=False) as one, database.transaction(alone=False) as other:
        stops.put(one, issue_id, reason="refused", now=MORNING)
        assert stops.put(other, None, reason="refused", now=MORNING)


def test_nothing_can_be_written_where_it_is_only_read(database: Database) -> None:
    with pytest.raises(StoreError, match="read-only transaction"), database.reading() as connection:
        sources.remember(connection, "wire", None, not_before=None)
    with database.transaction() as connection:  # the same connection, as it was
        sources.remember(connection, "wire", None, not_before=None)


# --- what is kept


def test_a_text_with_nul_is_kept_without_it(database: Database) -> None:
    with database.transaction() as connection:
        sources.remember(connection, "wi\0re", None, not_before=None)

        assert list(connection.scalars(sa.select(source_table.c.name))) == ["wire"]


def test_the_ledger_goes_on_after_two_billion_mails(database: Database) -> None:
    last = 2**31 - 1
    with database.transaction() as connection:
        connection.execute(sa.text(f"SELECT setval('deliveries_id_seq', {last})"))
    ledger(database, 2)

    ended = deliver(
        database,
        Mailserver(),
        SETTINGS,
        write=writes(write),
        journals=journals(database),
        governor=Governor(config.Settings()),
        clock=Clock(),
    )

    assert ended == {DeliveryState.SENT: 2}
    assert [row.id for row in rows(database)] == [last + 1, last + 2]


# --- when it cannot be used


def refusal(database: Database) -> str:
    twice = [{"name": "secret@mail.example"}] * 2
    try:
        with pytest.raises(StoreError) as refused, database.transaction() as connection:
            connection.execute(sa.insert(source_table), twice)
    finally:
        database.close()
    assert "\n" not in str(refused.value)
    return str(refused.value).partition(" cannot be used: ")[2]


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    said = refusal(Database("postgresql://ada:pw@127.0.0.1:1/digest", base=tmp_path))

    assert "Connection refused" in said
    assert said.endswith(
        "is the server running, and is `database` right? Run again when it is: nothing was lost"
    )


def test_a_database_that_is_not_there_is_one_line(postgres: Postgres, tmp_path: Path) -> None:
    said = refusal(Database(f"postgresql://postgres@127.0.0.1:{postgres.port}/nosuch", base=tmp_path))

    assert 'database "nosuch" does not exist' in said
    assert said.endswith("; make it with `createdb`, or mend its name or user in `database`")


def test_a_turn_that_does_not_come_is_one_line(database: Database, tmp_path: Path) -> None:
    hasty = with_setting(database, tmp_path, "lock_timeout = '1ms'")
    with database.transaction():
        assert refusal(hasty).endswith("; another run holds it: try again when that has ended")


def test_a_copy_that_only_reads_is_one_line(database: Database, tmp_path: Path) -> None:
    copy = with_setting(database, tmp_path, "default_transaction_read_only = on")

    assert refusal(copy).endswith("; it is a copy that only reads: name the one that writes")


def with_setting(database: Database, folder: Path, setting: str) -> Database:
    """Open it once more, with a server's setting for that one alone."""
    other = Database(database.url.render_as_string(hide_password=False), base=folder)

    @sa.event.listens_for(other._engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.execute(f"SET {setting}")
        connection.commit()

    return other


def test_what_was_to_be_written_is_not_in_the_line(database: Database) -> None:
    said = refusal(database)

    assert said.startswith("duplicate key value violates unique constraint")
    assert "secret" not in said


def test_a_missing_driver_is_one_line_that_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(
        SettingsError, match=r"`make env` installs it, or pip install '\.\[postgres\]'"
    ) as refused:
        Database("postgresql://ada:pw@host/digest", base=tmp_path)
    assert "pw@" not in str(refused.value)


# --- the server dies and returns


def test_a_server_that_was_restarted_is_used_on(database: Database, postgres: Postgres) -> None:
    ledger(database)
    postgres.stop()
    try:
        with pytest.raises(StoreError, match="nothing was lost"):
            rows(database)
    finally:
        postgres.start()

    assert len(rows(database)) == 1


def test_a_server_that_dies_while_a_mail_leaves_ends_the_run_and_the_next_goes_on(
    database: Database, postgres: Postgres
) -> None:
    ledger(database, 3)
    server, clock = Mailserver().refuse(250), Clock()
    server.meanwhile(postgres.stop)
    try:
        with pytest.raises(StoreError, match="cannot be used") as refused:
            deliver(
                database,
                server,
                SETTINGS,
                write=writes(write),
                journals=journals(database),
                governor=Governor(config.Settings()),
                clock=clock,
            )
        assert "\n" not in str(refused.value)
    finally:
        postgres.start()

    assert states(database) == ["claimed"] * 3
    again = deliver(
        database,
        server,
        SETTINGS,
        write=writes(write),
        journals=journals(database),
        governor=Governor(config.Settings()),
        clock=clock,
    )
    assert +again == {}, "the journal knows what became of them"
    assert states(database) == ["sent"] * 3
    assert [mail.recipient for mail in server.mails] == [reader(1), reader(2), reader(3)]
