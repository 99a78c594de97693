"""What is kept, in a real SQLite file and on a real PostgreSQL: the tables, what they remember, the ledger's leases."""

import multiprocessing
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from issues import article, issue
from makers import MORNING, become, ledger, reader, rows, states, store, subscribe

from digest import store as store_package
from digest.errors import SettingsError, StoreError
from digest.model import Delivery, DeliveryState, Mark, Reply, SubscriberState, SuppressionReason, Validators
from digest.store import Database, articles, claims, deliveries, issues, log, returns, sources, subscribers
from digest.store.tables import articles as article_table
from digest.store.tables import metadata

pytestmark = pytest.mark.on_both

LEASE = timedelta(minutes=5)
AFTER_IT = MORNING + LEASE + timedelta(seconds=1)
REPLY = Reply(code=250, text="taken", enhanced="2.0.0")


@pytest.fixture
def database(tmp_path: Path, database_url: str) -> Iterator[Database]:
    with store(tmp_path, url=database_url) as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Database]:
    """One on SQLite."""
    with store(tmp_path) as opened:
        yield opened


# --- the tables


def test_the_migrations_make_the_tables_that_the_program_uses(database: Database) -> None:
    with database.transaction() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_migrations_give_every_column_and_index_as_the_program_names_it(
    database: Database, database_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if database.on_postgresql:
        bare = Database(request.getfixturevalue("postgres").empty(), base=tmp_path)
    else:
        bare = Database("sqlite:///bare.db", base=tmp_path)
    with bare.transaction() as connection:
        metadata.create_all(connection)

    assert shape(database) == shape(bare)
    bare.close()


def shape(database: Database) -> dict[str, object]:
    """Ask the database for each table's columns with types, its keys, its indexes and what it refers to."""
    with database.transaction() as connection:
        inspector = sa.inspect(connection)
        found: dict[str, object] = {}
        for name in inspector.get_table_names():
            columns = [{**column, "type": str(column["type"])} for column in inspector.get_columns(name)]
            found[f"{name} columns"] = sorted(columns, key=itemgetter("name"))
            found[f"{name} key"] = inspector.get_pk_constraint(name)
            found[f"{name} indexes"] = sorted(
                map(worded, inspector.get_indexes(name)), key=itemgetter("name")
            )
            for what in (inspector.get_unique_constraints, inspector.get_foreign_keys):
                found[f"{name} {what.__name__}"] = sorted(what(name), key=itemgetter("name"))
            if database.on_postgresql:
                options = sa.text("SELECT reloptions FROM pg_class WHERE oid = CAST(:name AS regclass)")
                found[f"{name} storage"] = connection.scalar(options, {"name": name})
            else:
                table = sa.text("SELECT sql LIKE '%AUTOINCREMENT%' FROM sqlite_master WHERE name = :name")
                found[f"{name} counts on"] = connection.scalar(table, {"name": name})
    return {name: value for name, value in found.items() if not name.startswith("alembic_version")}


def worded(index: Mapping[str, Any]) -> dict[str, Any]:
    """Give an index with its condition as text, which compares by what it says."""
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return {**index, "dialect_options": options}


def test_who_only_reads_waits_for_nobody_and_sees_one_moment(database: Database) -> None:
    def known(connection: sa.Connection) -> list[str]:
        return list(connection.scalars(sa.select(metadata.tables["sources"].c.name)))

    with database.transaction() as connection:
        sources.remember(connection, "wire", None, not_before=None)
        with database.reading() as beside:
            assert known(beside) == []
    with database.reading() as connection:
        assert known(connection) == ["wire"]
        with database.transaction() as beside:
            sources.remember(beside, "post", None, not_before=None)
        assert known(connection) == ["wire"]


OF_BEFORE = """
INSERT INTO issues (id, list, number, date, closed, content)
    VALUES (1, 'daily', 1, '2015-10-21', '2015-10-21 06:00', '{}');
INSERT INTO subscribers (id, list, address, address_key, state, since, consent)
    VALUES (7, 'daily', 'ada@mail.example', 'ada@mail.example', 'active', '2015-10-20 06:00', 'web');
INSERT INTO deliveries (id, issue_id, subscriber_id, state, due, expires, attempts, changed, reply)
    VALUES (5, 1, 7, 'sent', '2015-10-21 06:00', '2015-10-23 06:00', 1, '2015-10-21 06:01', 'taken');
INSERT INTO issues (id, list, number, date, closed, content)
    VALUES (2, 'daily', 2, '2015-10-22', '2015-10-22 06:00', '{}');
INSERT INTO deliveries (id, issue_id, subscriber_id, state, due, expires, attempts, changed, claim, leased_until)
    VALUES (6, 2, 7, 'claimed', '2015-10-22 06:00', '2015-10-24 06:00', 0, '2015-10-22 06:01',
            'their process:16 and its claim 1', '2015-10-22 06:11');
INSERT INTO notices (id, kind, list, address, said, mailbox, domain, made, state, due, attempts)
    VALUES (1, 'confirm', 'daily', 'bob@mail.example', '{"alarm": ""}', 'bob@mail.example', 'mail.example',
            '2015-10-21 06:00', 'queued', '2015-10-21 06:00', 0)
"""


def test_what_was_kept_before_the_last_migration_is_kept(
    database_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The ledger is made anew on the way, and notices forget what they no longer say."""
    if database_url.startswith("sqlite"):
        older = Database("sqlite:///older.db", base=tmp_path)
    else:
        older = Database(request.getfixturevalue("postgres").empty(), base=tmp_path)
    steps = Config()
    steps.set_main_option("script_location", str(Path(store_package.__file__).parent / "migrations"))
    steps.set_main_option("path_separator", "os")
    with older.transaction() as connection:
        steps.attributes["connection"] = connection
        command.upgrade(steps, "0007")
        for row in OF_BEFORE.split(";"):
            connection.exec_driver_sql(row)

    older.migrate()

    with older.transaction() as connection:
        [kept, claimed] = deliveries.history(connection, 7)
        assert (kept["state"], kept["reply"], claimed["state"]) == ("sent", "taken", "claimed")
        over = datetime(2015, 10, 22, 6, 12, tzinfo=UTC)
        assert [row.delivery_id for row in claims.overdue(connection, now=over, alive=())] == [6]
        assert claims.release(connection, THEIRS, now=over) == 1
        [again], _ = claims.claim(connection, now=over, token=OURS, until=over, limit=9)
        assert again.id == 6
        assert connection.scalar(sa.select(metadata.tables["notices"].c.said)) == {}
        assert sa.inspect(connection).get_foreign_keys("deliveries") == []
    older.close()


def test_migrating_again_changes_nothing(database: Database) -> None:
    ledger(database, 2)
    database.migrate()

    assert len(rows(database)) == 2


def test_a_database_of_a_newer_version_is_refused_in_one_line(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(
        StoreError, match=r"was made by a newer version: .*9999.*; run that one, or set `database`"
    ):
        database.migrate()


def migrate(folder: Path, url: str = "sqlite:///digest.db") -> None:
    with closing(Database(url, base=folder)) as database:
        database.migrate()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_processes_may_migrate_at_once(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    url = "sqlite:///digest.db"
    if kind == "postgresql":
        url = request.getfixturevalue("postgres").empty()
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=migrate, args=(tmp_path / "new", url)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0, 0, 0]


def test_a_moment_without_a_zone_is_refused_and_others_come_back_in_utc(database: Database) -> None:
    with database.transaction() as connection:
        articles.put(connection, [article(1)], now=datetime.fromisoformat("2015-10-21T09:28:00+02:00"))
        ingested = connection.scalar(sa.select(article_table.c.ingested))

    assert ingested == datetime.fromisoformat("2015-10-21T07:28:00+00:00")
    assert ingested.utcoffset() == timedelta(0)
    with pytest.raises(sa.exc.StatementError, match="has no time zone"), database.transaction() as connection:
        articles.put(connection, [article(2)], now=MORNING.replace(tzinfo=None))


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as connection:
            articles.put(connection, [article(1)], now=MORNING)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    with database.transaction() as connection:
        assert articles.get(connection, [article(1).id]) == {}


def test_a_database_in_memory_is_one_for_all_threads(tmp_path: Path) -> None:
    database = Database("sqlite://", base=tmp_path)
    database.migrate()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(subscribe, database, reader(1)).result()

    with database.transaction() as connection:
        assert [found.address for found in subscribers.all_of(connection)] == [reader(1)]
    assert list(tmp_path.iterdir()) == []
    database.close()


# --- when it cannot be used


def refusal(database: Database) -> str:
    try:
        with pytest.raises(StoreError) as refused, database.transaction() as connection:
            connection.execute(sa.text("CREATE TABLE more AS SELECT zeroblob(1000000)"))
    finally:
        database.close()
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_file_that_may_not_be_written_is_one_line(tmp_path: Path) -> None:
    migrate(tmp_path)
    (tmp_path / "digest.db").chmod(0o444)
    if os.access(tmp_path / "digest.db", os.W_OK):
        pytest.skip("this user (root) may write to every file")

    assert refusal(Database("sqlite:///digest.db", base=tmp_path)) == (
        f"the database sqlite:///{tmp_path}/digest.db cannot be used: attempt to write a readonly database; "
        "is the folder there, and may this user write to it?"
    )


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    assert refusal(Database("sqlite:///none/digest.db", base=tmp_path)) == (
        f"the database sqlite:///{tmp_path}/none/digest.db cannot be used: unable to open database file; "
        "is the folder there, and may this user write to it?"
    )


@pytest.mark.parametrize(
    ("pragma", "says"),
    [
        ("query_only = ON", "attempt to write a readonly database; is the folder there"),
        (
            "max_page_count = 1",
            "database or disk is full; make room on the disk and run again: nothing was lost",
        ),
    ],
)
def test_a_disk_that_refuses_is_one_line(file: Database, pragma: str, says: str) -> None:
    file.close()
    sa.event.listen(file._engine, "connect", lambda connection, _: connection.execute(f"PRAGMA {pragma}"))

    assert says in refusal(file)


def test_a_file_that_another_holds_for_too_long_is_one_line(file: Database, tmp_path: Path) -> None:
    file.close()
    sa.event.listen(
        file._engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 1")
    )
    with closing(sqlite3.connect(tmp_path / "digest.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        assert refusal(file).endswith(
            "database is locked; another run holds it: try again when that has ended"
        )


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "digest.db").write_text("a shopping list " * 100)

    told = refusal(Database("sqlite:///digest.db", base=tmp_path))
    assert "file is not a database; move that file away, or set `database` to another one" in told


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")
    database = Database("sqlite:///var/sub/digest.db", base=tmp_path)

    with pytest.raises(
        StoreError, match=r"var/sub cannot be made: Not a directory; mend that or set `database`"
    ):
        database.migrate()


@pytest.mark.parametrize(
    "url", ["digest.db", "nosuch://host/digest", "mysql://host/digest", "sqlite+nosuch:///digest.db", ""]
)
def test_what_is_no_address_of_a_database_is_a_wrong_setting(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="database = "):
        Database(url, base=tmp_path)


def test_a_path_is_relative_to_the_base_and_an_absolute_one_is_not(tmp_path: Path) -> None:
    assert Database("sqlite:///var/digest.db", base=tmp_path).name == f"sqlite:///{tmp_path}/var/digest.db"
    assert Database("sqlite:////srv/digest.db", base=tmp_path).name == "sqlite:////srv/digest.db"


# --- articles


def stored(database: Database, *, until: datetime = MORNING, after: datetime | None = None) -> list[object]:
    with database.transaction() as connection:
        return list(articles.first_ingested(connection, ["northern-wire"], after=after, until=until))


def test_an_article_is_new_once_and_keeps_the_moment_it_was_first_ingested(database: Database) -> None:
    later = MORNING + timedelta(hours=1)
    with database.transaction() as connection:
        assert articles.put(connection, [article(1), article(2), article(1)], now=MORNING) == 2
        assert articles.put(connection, [article(1), article(3)], now=later) == 1

    assert stored(database, after=MORNING, until=later) == [article(3)]
    assert len(stored(database, until=MORNING)) == 2


def test_an_article_that_comes_again_brings_its_new_votes_and_corrections(database: Database) -> None:
    corrected = article(1, title="Corrected", votes=12)
    with database.transaction() as connection:
        articles.put(connection, [article(1)], now=MORNING)
        articles.put(connection, [corrected], now=MORNING)

    assert stored(database) == [corrected]


def test_a_correction_that_makes_the_text_a_little_shorter_counts(database: Database) -> None:
    shorter = article(1, body=tuple(part.replace("says why", "says") for part in article(1).body))
    with database.transaction() as connection:
        articles.put(connection, [article(1)], now=MORNING)
        articles.put(connection, [shorter], now=MORNING)

    assert stored(database) == [shorter]


def test_a_teaser_does_not_replace_the_full_text(database: Database) -> None:
    with database.transaction() as connection:
        articles.put(connection, [article(1)], now=MORNING)
        articles.put(connection, [article(1, body=("The first sentence.",))], now=MORNING)

    assert stored(database) == [article(1)]


def test_a_full_text_replaces_the_teaser(database: Database) -> None:
    with database.transaction() as connection:
        articles.put(connection, [article(1, body=())], now=MORNING)
        articles.put(connection, [article(1)], now=MORNING)

    assert stored(database) == [article(1)]


def test_an_article_that_two_sources_give_stays_the_one_that_gave_it_first(database: Database) -> None:
    with database.transaction() as connection:
        articles.put(connection, [article(1)], now=MORNING)
        assert articles.put(connection, [article(1, source="observer", title="Copied")], now=MORNING) == 0

    assert stored(database) == [article(1)]


def test_articles_are_given_by_source_and_by_when_they_were_first_ingested(database: Database) -> None:
    hours = [MORNING + timedelta(hours=number) for number in range(4)]
    with database.transaction() as connection:
        for number, hour in enumerate(hours):
            articles.put(connection, [article(number)], now=hour)
        articles.put(connection, [article(9, source="observer")], now=hours[2])

    assert stored(database, after=hours[0], until=hours[2]) == [article(1), article(2)]
    assert stored(database, until=hours[3]) == [article(number) for number in range(4)]


def test_articles_are_found_by_their_ids(database: Database) -> None:
    with database.transaction() as connection:
        articles.put(connection, [article(1)], now=MORNING)

        assert articles.get(connection, [article(1).id, article(2).id]) == {article(1).id: article(1)}
        assert articles.get(connection, []) == {}


# --- sources


def test_what_a_server_said_last_takes_the_place_of_what_it_said_before(database: Database) -> None:
    with database.transaction() as connection:
        assert sources.validators(connection, "wire") is None
        sources.remember(connection, "wire", Validators(etag="one", last_modified="then"), not_before=None)
        sources.remember(connection, "wire", Validators(etag="two"), not_before=None)
        sources.remember(connection, "observer", None, not_before=None)

        assert sources.validators(connection, "wire") == Validators(etag="two")
        assert sources.validators(connection, "observer") == Validators()


def test_a_source_rests_until_the_moment_its_server_named(database: Database) -> None:
    with database.transaction() as connection:
        sources.remember(connection, "wire", None, not_before=MORNING + timedelta(hours=1))
        sources.remember(connection, "observer", None, not_before=MORNING)
        sources.remember(connection, "phare", None, not_before=None)

        assert sources.resting(connection, now=MORNING) == {"wire"}
        assert sources.resting(connection, now=MORNING + timedelta(hours=1)) == set()


# --- issues


def test_an_issue_is_found_by_its_list_and_date_and_by_its_row(database: Database) -> None:
    with database.transaction() as connection:
        issue_id = issues.freeze(connection, issue())

        assert issues.find(connection, "daily", date(2015, 10, 21)) == (issue_id, issue())
        assert issues.find(connection, "daily", date(2015, 10, 22)) is None
        assert issues.find(connection, "weekly", date(2015, 10, 21)) is None
        assert issues.place(connection, issue_id) == ("daily", date(2015, 10, 21))


def test_the_numbers_of_a_list_count_on_and_its_newest_issue_says_when_it_closed(database: Database) -> None:
    with database.transaction() as connection:
        assert (issues.next_number(connection, "daily"), issues.last_closed(connection, "daily")) == (1, None)
        issues.freeze(connection, issue(number=1, date=date(2015, 10, 22), closed=MORNING))
        issues.freeze(connection, issue(number=2, date=date(2015, 10, 21), closed=AFTER_IT))

        assert (issues.next_number(connection, "daily"), issues.last_closed(connection, "daily")) == (
            3,
            AFTER_IT,
        )
        assert issues.next_number(connection, "weekly") == 1


@pytest.mark.parametrize("second", [{"number": 58}, {"date": date(2015, 10, 22)}])
def test_a_second_issue_of_a_date_or_a_number_is_refused(
    database: Database, second: dict[str, object]
) -> None:
    with database.transaction() as connection:
        issues.freeze(connection, issue())

    with pytest.raises(StoreError, match=r"(?i)unique"), database.transaction() as connection:
        issues.freeze(connection, issue(**second))


# --- readers


def test_readers_are_given_by_list_and_address(database: Database) -> None:
    subscribe(database, "b@mail.example", "a@mail.example")
    subscribe(database, "c@mail.example", list_name="afternoon")

    with database.transaction() as connection:
        assert [found.address[0] for found in subscribers.all_of(connection)] == ["c", "a", "b"]
        assert [found.address[0] for found in subscribers.all_of(connection, "daily")] == ["a", "b"]
        first = next(subscribers.all_of(connection, "daily"))
        assert subscribers.get(connection, first.id) == first


def test_the_first_reason_to_mail_an_address_no_more_stays(database: Database) -> None:
    with database.transaction() as connection:
        assert subscribers.suppression(connection, reader(1)) is None
        subscribers.suppress(connection, reader(1), reason=SuppressionReason.COMPLAINT, now=MORNING)
        subscribers.suppress(connection, reader(1), reason=SuppressionReason.MANUAL, now=MORNING)

        assert subscribers.suppression(connection, reader(1)) is SuppressionReason.COMPLAINT


# --- the ledger


OURS, THEIRS = "our process: 16 ", "their process:16"
"""What the claims of a process begin with."""


def claim(
    database: Database, worker: str = OURS, *, now: datetime = MORNING, limit: int = 9
) -> tuple[Delivery, ...]:
    with database.transaction(alone=False) as connection:
        return claims.claim(connection, now=now, token=worker, until=now + LEASE, limit=limit)[0]


def end(
    database: Database, delivery: Delivery, state: DeliveryState = DeliveryState.SENT, **values: Any
) -> None:
    values = {"reply": REPLY, "variant_id": 7} | values
    done = Mark(delivery_id=delivery.id, claim=delivery.claim, state=state, **values)
    with database.transaction() as connection:
        claims.mark(connection, [done], now=MORNING)


def overdue(database: Database, *, now: datetime, alive: Sequence[str] = ()) -> list[int]:
    with database.transaction() as connection:
        return [row.delivery_id for row in claims.overdue(connection, now=now, alive=alive)]


def test_an_issue_gets_a_row_for_each_active_reader_of_its_list(database: Database) -> None:
    become(database, "pending@mail.example", state=SubscriberState.PENDING)
    become(database, "paused@mail.example", state=SubscriberState.PAUSED)
    become(database, "gone@mail.example", state=SubscriberState.UNSUBSCRIBED)
    subscribe(database, "other@mail.example", list_name="weekly")
    ledger(database, 2)

    assert [delivery.address for delivery in claim(database)] == [reader(1), reader(2)]
    assert len(rows(database)) == 2


def test_a_reader_gets_no_second_row_of_an_issue(database: Database) -> None:
    issue_id = ledger(database)

    with pytest.raises(StoreError, match=r"(?i)unique"), database.transaction() as connection:
        deliveries.enqueue(
            connection, issue_id, "daily", due=lambda _: MORNING, now=MORNING, lifetime=AFTER_IT - MORNING
        )


def test_a_claim_takes_so_many_rows_that_are_due_in_order(database: Database) -> None:
    ledger(database, 3, due=MORNING)

    assert claim(database, now=MORNING - timedelta(seconds=1)) == ()
    assert [delivery.address for delivery in claim(database, limit=2)] == [reader(1), reader(2)]
    assert states(database) == ["claimed", "claimed", "queued"]


def test_what_could_be_claimed_is_counted(database: Database) -> None:
    issue_id = ledger(database, 3)
    claim(database, limit=1)

    with database.transaction() as connection:
        assert deliveries.count_due(connection, now=MORNING) == 2
        assert deliveries.count_due(connection, now=MORNING - timedelta(seconds=1)) == 0
        assert deliveries.counts(connection, issue_id) == {DeliveryState.QUEUED: 2, DeliveryState.CLAIMED: 1}


def test_workers_at_once_never_claim_the_same_row(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    ledger(database, 40)

    def work(token: str) -> list[int]:
        own = Database(database_url, base=tmp_path)
        claimed = []
        while batch := claim(own, token, limit=3):
            claimed += [delivery.id for delivery in batch]
        own.close()
        return claimed

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(work, ["one", "two", "three", "four"]))

    assert sorted(row for share in shares for row in share) == [row.id for row in rows(database)]


def test_a_lease_holds_until_it_ends_or_is_renewed(database: Database) -> None:
    ledger(database, 2)
    first, second = claim(database)

    assert overdue(database, now=MORNING + LEASE) == []
    assert overdue(database, now=AFTER_IT) == [first.id, second.id]
    with database.transaction() as connection:
        assert claims.renew(connection, OURS, until=AFTER_IT) == {first.id, second.id}
    assert overdue(database, now=AFTER_IT) == []


def test_a_lease_ends_with_its_claim_and_only_then(database: Database) -> None:
    ledger(database, 3)
    claim(database, f"{OURS} 1", limit=1)
    [second] = claim(database, f"{OURS} 2", limit=1)
    [theirs] = claim(database, THEIRS)
    with database.transaction() as connection:
        claims.end(connection, OURS, but=[second.claim])

    assert overdue(database, now=AFTER_IT) == [second.id, theirs.id]


def test_leases_of_processes_that_never_came_back_are_forgotten_with_the_rows(database: Database) -> None:
    ledger(database, 2)
    claim(database, THEIRS, limit=1)
    claim(database, OURS, now=AFTER_IT)
    with database.transaction() as connection:
        deliveries.forget(connection, before=AFTER_IT)
        kept = connection.scalars(sa.select(metadata.tables["leases"].c.claim)).all()

    assert kept == [OURS]


def test_the_rows_of_a_process_that_is_alive_are_never_overdue(database: Database) -> None:
    ledger(database, 2)
    claim(database, OURS, limit=1)
    [theirs] = claim(database, THEIRS)

    assert overdue(database, now=AFTER_IT, alive=[OURS]) == [theirs.id]
    assert overdue(database, now=AFTER_IT, alive=[OURS, THEIRS]) == []


@pytest.mark.parametrize("taken_over", [False, True])
def test_a_stale_worker_changes_nothing(database: Database, taken_over: bool) -> None:
    ledger(database)
    [stale] = claim(database, THEIRS)
    with database.transaction() as connection:
        claims.release(connection, THEIRS, now=AFTER_IT)
    if taken_over:
        claim(database, OURS, now=AFTER_IT)
    before = rows(database)

    for state in (DeliveryState.SENT, DeliveryState.FAILED):
        end(database, stale, state)
    with database.transaction() as connection:
        claims.defer(connection, [(AFTER_IT, stale)], now=AFTER_IT)
        assert claims.renew(connection, THEIRS, until=AFTER_IT) == frozenset()
        assert claims.release(connection, THEIRS, now=AFTER_IT) == 0
    assert rows(database) == before


def test_what_others_put_in_doubt_its_own_worker_can_still_settle(database: Database) -> None:
    ledger(database, 3)
    first, _, _ = claim(database, THEIRS)
    with database.transaction() as connection:
        lost = claims.overdue(connection, now=AFTER_IT, alive=())
        claims.suspect(connection, lost, now=AFTER_IT)
    assert states(database) == ["in-doubt"] * 3
    assert claim(database, now=AFTER_IT) == ()

    end(database, first)
    with database.transaction() as connection:
        assert len(claims.held_by(connection, THEIRS)) == 2
        claims.release(connection, THEIRS, now=AFTER_IT)
    assert states(database) == ["sent", "queued", "queued"]


@pytest.mark.parametrize("state", [DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.IN_DOUBT])
def test_a_marked_row_says_what_the_server_said_and_is_never_claimed_again(
    database: Database, state: DeliveryState
) -> None:
    ledger(database)
    [delivery] = claim(database)
    end(database, delivery, state)

    [row] = rows(database)
    assert (row.state, row.code, row.enhanced, row.reply, row.attempts) == (state, 250, "2.0.0", "taken", 1)
    assert (row.claim, row.changed, row.variant_id) == (None, MORNING, 7)
    assert (row.due is None) == (state is not DeliveryState.IN_DOUBT)
    assert overdue(database, now=AFTER_IT) == []
    assert claim(database, now=AFTER_IT) == ()


def test_many_rows_are_marked_at_once_each_with_its_own_answer(database: Database) -> None:
    ledger(database, 7)
    batch = claim(database)
    marks = [
        Mark(
            delivery_id=one.id,
            claim=one.claim,
            state=DeliveryState.SENT,
            reply=Reply(
                code=250, text=f"queued as {one.id}: 'x' ü", enhanced=None if one.id % 2 else "2.0.0"
            ),
            variant_id=one.id if one.id % 3 else None,
        )
        for one in batch
    ]
    with database.transaction() as connection:
        claims.mark(connection, marks, now=MORNING)

    assert [(row.reply, row.enhanced, row.variant_id) for row in rows(database)] == [
        (done.reply and done.reply.text, done.reply and done.reply.enhanced, done.variant_id)
        for done in marks
    ]


def test_a_row_that_is_put_off_is_due_at_its_new_moment(database: Database) -> None:
    ledger(database)
    [delivery] = claim(database)
    end(database, delivery, DeliveryState.QUEUED, due=AFTER_IT)

    assert claim(database, now=AFTER_IT - timedelta(seconds=1)) == ()
    [again] = claim(database, now=AFTER_IT)
    assert again.attempts == 1


def test_a_row_whose_turn_comes_later_was_not_tried(database: Database) -> None:
    ledger(database)
    [delivery] = claim(database)
    with database.transaction() as connection:
        claims.defer(connection, [(AFTER_IT, delivery)], now=MORNING)

    assert claim(database, now=AFTER_IT - timedelta(seconds=1)) == ()
    [again] = claim(database, now=AFTER_IT)
    assert again.attempts == 0


def test_what_was_claimed_and_not_begun_can_be_given_back(database: Database) -> None:
    ledger(database, 3)
    first, _ = claim(database, limit=2)
    end(database, first)
    claim(database, THEIRS)
    with database.transaction() as connection:
        assert claims.release(connection, OURS, now=MORNING) == 1

    assert states(database) == ["sent", "queued", "claimed"]


def test_of_an_issue_that_is_stopped_nothing_is_claimed(database: Database) -> None:
    issue_id = ledger(database, 2)
    with database.transaction() as connection:
        until = MORNING + LEASE
        claimed = claims.claim(connection, now=MORNING, token=OURS, until=until, limit=9, stopped=[issue_id])
    assert claimed == ((), 0)
    assert states(database) == ["queued"] * 2


@pytest.mark.parametrize(
    "state", [SubscriberState.UNSUBSCRIBED, SubscriberState.PAUSED, SubscriberState.PENDING]
)
def test_a_reader_who_left_after_the_issue_was_published_is_skipped(
    database: Database, state: SubscriberState
) -> None:
    ledger(database, 2)
    become(database, reader(1), state=state)

    assert [delivery.address for delivery in claim(database)] == [reader(2)]
    assert states(database) == ["skipped", "claimed"]


def test_an_address_that_was_suppressed_after_the_issue_was_published_is_skipped(database: Database) -> None:
    ledger(database, 2)
    with database.transaction() as connection:
        subscribers.suppress(connection, reader(2), reason=SuppressionReason.HARD_BOUNCE, now=MORNING)

        batch, skipped = claims.claim(connection, now=MORNING, token=OURS, until=MORNING + LEASE, limit=9)
    assert ([delivery.address for delivery in batch], skipped) == ([reader(1)], 1)
    assert states(database) == ["claimed", "skipped"]


def test_a_skipped_row_stays_skipped_when_the_reader_comes_back(database: Database) -> None:
    ledger(database)
    become(database, reader(1), state=SubscriberState.UNSUBSCRIBED)
    claim(database)
    become(database, reader(1), state=SubscriberState.ACTIVE)

    assert claim(database) == ()
    assert states(database) == ["skipped"]


def test_a_reader_of_whom_the_ledger_has_a_mail_is_not_removed(database: Database) -> None:
    """It has no foreign keys (docs/adr/0023)."""
    ledger(database, 2)
    subscribe(database, reader(3))
    with database.transaction() as connection:
        ids = [found.id for found in subscribers.all_of(connection)]
        subscribers.forget_pending(connection, ids[:1])
        left = [found.id for found in subscribers.all_of(connection)]
    assert (len(ids), left) == (3, ids)


def test_what_is_asked_of_one_reader_or_of_what_is_due_never_walks_the_whole_ledger(file: Database) -> None:
    """Each statement that names deliveries is explained by SQLite as it comes; years of rows must not slow it down."""
    ledger(file, 3)
    plans: list[tuple[str, str]] = []

    def explain(_c: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "deliveries" in statement and not statement.startswith("EXPLAIN"):
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend((statement, row[-1]) for row in cursor.fetchall())

    with file.transaction() as connection:
        sa.event.listen(connection, "before_cursor_execute", explain)
        [first, *_], _ = claims.claim(connection, now=MORNING, token=OURS, until=MORNING, limit=2)
        claims.renew(connection, OURS, until=MORNING)
        claims.overdue(connection, now=AFTER_IT, alive=())
        sent = Mark(delivery_id=first.id, claim=OURS, state=DeliveryState.SENT, reply=REPLY)
        claims.mark(connection, [sent], now=MORNING)
        claims.release(connection, OURS, now=MORNING)
        deliveries.count_due(connection, now=MORNING)
        deliveries.history(connection, first.subscriber_id)
        returns.newest(connection, first.subscriber_id)
        log.under_way(connection)
        subscribers.forget_pending(connection, [first.subscriber_id])
        subscribers.erase(connection, first.subscriber_id)

    assert len(plans) > 11
    assert [(what, how) for what, how in plans if how.startswith("SCAN deliveries")] == []
