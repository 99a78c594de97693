"""Publishing is once for a list and date, and no article is lost between two issues or printed in both."""

import dataclasses
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from issues import article, issue, masthead, section, story
from makers import EXPIRY, MORNING, Clock, Interrupted, reader, rows, shipped_press, store, subscribe, wishes

from digest import config, pipeline
from digest.app import App
from digest.engine.local import LocalEngine
from digest.errors import MessageError, StoreError
from digest.message import html_octets
from digest.model import Article, Delivery, Issue, Mail
from digest.pipeline import Published, print_letter
from digest.render import environment
from digest.resources import shipped
from digest.store import Database, articles
from digest.store.tables import issues as issue_table
from digest.tokens import Tokens
from digest.wishes import USUAL
from digest.writer import Writer, one_off_mail

TODAY = date(2015, 10, 21)
TOMORROW = date(2015, 10, 22)
SUBJECTS = ("Barrier", "Ferry", "Reef", "Bank", "Chess", "Organ", "Tram", "Orchard")


@pytest.fixture
def database(tmp_path: Path, database_url: str) -> Iterator[Database]:
    with store(tmp_path, url=database_url) as opened:
        yield opened


def news(number: int, **changes: Any) -> Article:
    """Make an article that has nothing in common with those of other numbers."""
    word = f"{SUBJECTS[number % len(SUBJECTS)]}{number}"
    return article(number, title=word, body=(f"{word} {word}ish {word}ly {word}ness happened.",), **changes)


def ingest(database: Database, *found: Article, at: datetime = MORNING) -> None:
    with database.transaction() as connection:
        articles.put(connection, found, now=at)


def publish(
    database: Database, on: date = TODAY, *, at: datetime = MORNING, name: str = "daily", **changes: Any
) -> Published | None:
    wanted = wishes(method="lead", **changes)
    return pipeline.publish(name, wanted, ["northern-wire"], database, on=on, now=at, expiry=EXPIRY)


def published(database: Database, on: date = TODAY, **how: Any) -> Published:
    made = publish(database, on, **how)
    assert made is not None
    return made


def printed(made: Published) -> set[str]:
    return {telling.title for story in made.issue.stories for telling in story.articles}


def titles(*numbers: int) -> set[str]:
    return {news(number).title for number in numbers}


def count_issues(database: Database) -> int:
    with database.transaction() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(issue_table)) or 0


# --- once


@pytest.mark.on_both
def test_an_issue_is_published_with_a_row_for_each_reader(database: Database) -> None:
    subscribe(database, reader(1), reader(2))
    ingest(database, news(1), news(2))
    made = published(database)

    assert (made.new, made.readers, made.issue.number, made.issue.date) == (True, 2, 1, TODAY)
    assert printed(made) == titles(1, 2)
    assert [(row.issue_id, row.state, row.due) for row in rows(database)] == [
        (made.issue_id, "queued", MORNING)
    ] * 2
    assert {row.expires for row in rows(database)} == {MORNING + EXPIRY}


@pytest.mark.on_both
def test_publishing_the_same_list_and_date_again_gives_the_same_issue_and_no_further_rows(
    database: Database,
) -> None:
    subscribe(database, reader(1))
    ingest(database, news(1))
    first = published(database)
    subscribe(database, reader(2))
    ingest(database, news(2), at=MORNING + timedelta(hours=1))
    again = published(database, at=MORNING + timedelta(hours=2))

    assert (again.new, again.readers) == (False, 0)
    assert (again.issue_id, again.issue) == (first.issue_id, first.issue)
    assert len(rows(database)) == 1
    assert count_issues(database) == 1


def test_the_issue_that_is_published_is_the_one_that_could_be_previewed(database: Database) -> None:
    ingest(database, news(1), news(2))
    draft = pipeline.draft("daily", wishes(method="lead"), ["northern-wire"], database, on=TODAY, now=MORNING)

    assert count_issues(database) == 0
    assert published(database).issue == draft.issue


def publish_elsewhere(folder: Path, url: str) -> None:
    with store(folder, url=url) as database:
        publish(database)


@pytest.mark.on_both
def test_processes_that_publish_at_once_make_one_issue(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    subscribe(database, reader(1), reader(2))
    ingest(database, news(1))
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=publish_elsewhere, args=(tmp_path, database_url)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0, 0]
    assert (count_issues(database), len(rows(database))) == (1, 2)


@pytest.mark.on_both
def test_threads_that_publish_at_once_make_one_issue(database: Database) -> None:
    subscribe(database, reader(1))
    ingest(database, news(1))
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: published(database), range(4)))

    assert len({one.issue_id for one in made}) == 1
    assert sorted(one.new for one in made) == [False, False, False, True]
    assert len(rows(database)) == 1


@pytest.mark.on_both
@pytest.mark.parametrize("transaction", [2, 3])  # 1 looks, 2 drafts, 3 freezes
def test_a_run_that_is_overtaken_gives_the_issue_of_the_faster_one(
    tmp_path: Path, database_url: str, transaction: int
) -> None:
    with store(tmp_path, Interrupted, url=database_url) as database:
        assert isinstance(database, Interrupted)
        ingest(database, news(1))
        database.before(transaction, lambda: publish(database))
        made = published(database)

        assert (made.new, made.issue.number) == (False, 1)
        assert count_issues(database) == 1


@pytest.mark.on_both
def test_a_run_that_another_dates_issue_overtakes_prints_none_of_its_articles(
    tmp_path: Path, database_url: str
) -> None:
    with store(tmp_path, Interrupted, url=database_url) as database:
        assert isinstance(database, Interrupted)
        ingest(database, news(1))

        def overtake() -> None:
            publish(database)
            ingest(database, news(2), at=MORNING + timedelta(minutes=1))

        database.before(3, overtake)
        made = published(database, TOMORROW, at=MORNING + timedelta(minutes=2))

        assert (made.new, made.issue.number) == (True, 2)
        assert printed(made) == titles(2)


# --- from one issue to the next


def test_what_is_ingested_after_an_issue_closed_is_in_the_next_one(database: Database) -> None:
    ingest(database, news(1))
    first = published(database)
    ingest(database, news(2), at=MORNING + timedelta(microseconds=1))
    second = published(database, TOMORROW, at=MORNING + timedelta(days=1))

    assert (printed(first), printed(second)) == (titles(1), titles(2))


def test_an_article_that_comes_again_is_not_printed_again(database: Database) -> None:
    ingest(database, news(1))
    published(database)
    ingest(database, news(1, votes=99), news(2), at=MORNING + timedelta(hours=1))

    assert printed(published(database, TOMORROW, at=MORNING + timedelta(days=1))) == titles(2)


@pytest.mark.on_both
def test_days_that_were_missed_share_the_next_issue(database: Database) -> None:
    ingest(database, news(1))
    published(database)
    for day in (1, 2, 3):
        ingest(database, news(1 + day), at=MORNING + timedelta(days=day))

    made = published(database, date(2015, 10, 24), at=MORNING + timedelta(days=3))
    assert printed(made) == titles(2, 3, 4)


def test_too_few_stories_are_kept_for_the_next_issue(database: Database) -> None:
    ingest(database, news(1))
    assert publish(database, fewest_stories=2) is None
    assert count_issues(database) == 0

    ingest(database, news(2), at=MORNING + timedelta(hours=1))
    made = published(database, TOMORROW, at=MORNING + timedelta(days=1), fewest_stories=2)
    assert (printed(made), made.issue.number) == (titles(1, 2), 1)


def test_without_news_there_is_no_issue(database: Database) -> None:
    assert publish(database) is None


def test_a_thin_day_that_is_to_say_so_has_an_issue_of_what_there_is_once(database: Database) -> None:
    subscribe(database, reader(1))
    ingest(database, news(1))
    made = published(database, fewest_stories=2, thin_day="say")
    again = published(database, fewest_stories=2, thin_day="say")

    assert (made.new, made.readers, made.issue.thin, printed(made)) == (True, 1, True, titles(1))
    assert (again.new, again.issue, len(rows(database))) == (False, made.issue, 1)


def test_a_day_without_news_that_is_to_say_so_has_an_empty_issue(database: Database) -> None:
    subscribe(database, reader(1))
    made = published(database, thin_day="say")

    assert (made.new, made.readers, made.issue.thin, made.issue.stories) == (True, 1, True, ())


def test_what_a_thin_day_printed_is_not_printed_again_and_the_next_day_is_like_any(
    database: Database,
) -> None:
    ingest(database, news(1))
    published(database, fewest_stories=2, thin_day="say")
    ingest(database, news(2), news(3), at=MORNING + timedelta(hours=1))
    made = published(database, TOMORROW, at=MORNING + timedelta(days=1), fewest_stories=2, thin_day="say")

    assert (made.issue.number, made.issue.thin, printed(made)) == (2, False, titles(2, 3))


def test_few_minutes_make_no_thin_day(database: Database) -> None:
    plain = [news(number) for number in (1, 2)]
    ingest(database, *(dataclasses.replace(one, body=(f"{one.title} " * 120 + "said.",)) for one in plain))
    made = published(database, fewest_stories=2, minutes=1)

    assert (len(made.issue.stories), made.issue.thin) == (1, False)


@pytest.mark.on_both
def test_the_issues_of_a_list_are_numbered_from_1(database: Database) -> None:
    numbers = []
    for day in range(3):
        at = MORNING + timedelta(days=day)
        ingest(database, news(day), at=at)
        numbers.append(published(database, TODAY + timedelta(days=day), at=at).issue.number)

    assert numbers == [1, 2, 3]


def test_lists_have_their_own_issues_numbers_and_readers_of_the_same_articles(database: Database) -> None:
    subscribe(database, reader(1), reader(2))
    subscribe(database, reader(1), list_name="weekly")
    ingest(database, news(1))
    daily, weekly = published(database), published(database, name="weekly")

    assert (daily.issue.number, weekly.issue.number) == (1, 1)
    assert (daily.readers, weekly.readers) == (2, 1)
    assert printed(daily) == printed(weekly)


def test_articles_of_other_sources_are_not_printed(database: Database) -> None:
    ingest(database, news(1), news(2, source="observer"))

    assert printed(published(database)) == titles(1)


# --- when it fails


def test_a_failure_between_the_issue_and_its_rows_leaves_neither(database: Database) -> None:
    subscribe(database, reader(1))
    ingest(database, news(1))
    with database.transaction() as connection:
        connection.execute(
            sa.text(
                "CREATE TRIGGER full BEFORE INSERT ON deliveries BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
            )
        )
    with pytest.raises(StoreError, match="disk is full"):
        publish(database)
    assert count_issues(database) == 0

    with database.transaction() as connection:
        connection.execute(sa.text("DROP TRIGGER full"))
    made = published(database)
    assert (made.new, made.readers, made.issue.number, printed(made)) == (True, 1, 1, titles(1))


# --- when its hour has come


def newsroom(folder: Path, *tables: str) -> tuple[App, Clock]:
    """Put the program together over a folder with one article."""
    (folder / "articles").mkdir()
    (folder / "articles" / "one.txt").write_text("One\n\nIt is the first article of this day.")
    text = "\n".join(
        (
            "[web]",
            "listen = ''",
            "[sources.wire]",
            "kind = 'folder'",
            "path = 'articles'",
            *tables,
        )
    )
    (folder / "config.toml").write_text(text)
    clock = Clock()
    return App(config.load(folder / "config.toml"), clock=clock), clock


def publish_job(app: App) -> Callable[[], None]:
    """Give what the engine of a program that begins now will call every minute."""
    engine = app.engine()
    assert isinstance(engine, LocalEngine)
    job: Callable[[], None] = engine._scheduler.get_job("publish").func
    return job


def test_what_came_in_before_the_hour_is_published_when_that_comes_and_once(tmp_path: Path) -> None:
    app, clock = newsroom(tmp_path, "[lists.daily]")
    look = publish_job(app)
    look()
    assert not (tmp_path / "var" / "issues").exists()

    clock.forward(hours=1)
    look()
    files = sorted((tmp_path / "var" / "issues" / "daily").iterdir())
    assert [path.name for path in files] == ["2015-10-21.html", "2015-10-21.json", "2015-10-21.txt"]
    clock.forward(minutes=1)
    look()
    assert count_issues(app.database) == 1
    app.database.close()


def test_without_news_the_sources_are_read_at_the_hour_and_then_at_their_own_interval(tmp_path: Path) -> None:
    app, clock = newsroom(tmp_path, "[lists.daily]", "fewest_stories = 2")
    look = publish_job(app)
    clock.forward(hours=1)
    look()
    (tmp_path / "articles" / "two.txt").write_text("Two\n\nFerries sail to the islands on Monday.")
    clock.forward(minutes=1)
    look()
    assert count_issues(app.database) == 0

    assert app.collect().new == 1
    clock.forward(minutes=1)
    look()
    assert count_issues(app.database) == 1
    app.database.close()


def test_an_issue_that_was_published_before_its_hour_is_left_alone_when_that_comes(tmp_path: Path) -> None:
    app, clock = newsroom(tmp_path, "[lists.daily]")
    app.collect()
    assert app.publish("daily")
    (tmp_path / "articles" / "two.txt").write_text("Two\n\nIt came before the hour of the issue.")
    look = publish_job(app)
    clock.forward(hours=2)
    look()

    assert app.collect().new == 1, "no source was read"
    assert count_issues(app.database) == 1
    app.database.close()


def test_a_list_that_cannot_be_published_does_not_hold_up_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app, clock = newsroom(tmp_path, "[lists.broken]", "letter = 'none'", "[lists.daily]")
    look = publish_job(app)
    clock.forward(hours=2)
    look()

    assert (tmp_path / "var" / "issues" / "daily" / "2015-10-21.html").is_file()
    [error] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert error.startswith("broken: ")
    app.database.close()


# --- the letter of an issue


def long_issue(stories: int, words: int = 90) -> Issue:
    def long(number: int) -> Article:
        return article(number, body=(" ".join([f"Sentence {number} {'goes on ' * words}."] * 3),))

    return issue(section("World", *(story(long(number), sentences=3) for number in range(stories))))


def test_a_letter_that_would_be_cut_off_is_shortened_until_it_fits() -> None:
    whole, short = long_issue(3), long_issue(70)

    assert (
        html_octets(print_letter(whole, masthead(), shipped_press(), letter="issue"))
        <= pipeline.LARGEST_LETTER
    )
    blank = print_letter(short, masthead(), shipped_press(), letter="issue")
    assert pipeline.LARGEST_LETTER * 0.95 < html_octets(blank) <= pipeline.LARGEST_LETTER
    assert "Headline 0" in blank.text


def test_a_template_that_is_too_large_by_itself_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "email" / "huge"
    folder.mkdir(parents=True)
    for name in ("subject.txt.j2", "body.txt.j2"):
        (folder / name).write_text("Digest")
    (folder / "body.html.j2").write_text(f"<html><head></head><body>{'<p>large</p>' * 9000}</body></html>")

    with pytest.raises(MessageError, match="over 90000 octets with a single headline: shorten its template"):
        print_letter(long_issue(2), masthead(), environment([tmp_path, shipped("templates")]), letter="huge")


def test_the_page_of_an_issue_holds_all_of_it_and_nothing_of_any_readers() -> None:
    page = pipeline.web_letter(long_issue(70), masthead(), shipped_press(), letter="issue")

    assert html_octets(page) > pipeline.LARGEST_LETTER
    assert "unsubscribe" not in page.html.lower()


def test_one_documents_letter_has_one_message_id_for_an_address_and_a_day() -> None:
    settings = config.load(shipped("config.toml"))
    made = long_issue(1)
    letter = pipeline.one_off_letter(made, masthead(), shipped_press(), letter="issue")
    mails = [
        one_off_mail(settings, on, letter, address)
        for on, address in (
            (made, reader(1)),
            (dataclasses.replace(made, closed=made.closed + timedelta(hours=1)), reader(1)),
            (made, reader(2)),
            (dataclasses.replace(made, date=TOMORROW), reader(1)),
        )
    ]
    ids = [parsed(mail)["Message-ID"] for mail in mails]

    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    assert parsed(mails[0])["List-Unsubscribe"] is None


def parsed(mail: Mail) -> EmailMessage:
    return message_from_bytes(mail.message, policy=policy.default)


def test_a_reader_of_a_list_that_the_settings_lost_gets_no_broken_mail(database: Database) -> None:
    subscribe(database, reader(1))
    ingest(database, news(1))
    made = published(database)
    [row] = rows(database)
    delivery = Delivery(
        id=row.id,
        issue_id=made.issue_id,
        subscriber_id=row.subscriber_id,
        address=reader(1),
        wishes=USUAL,
        since=None,
        attempts=0,
        expires=MORNING,
        claim="",
    )
    writer = Writer(config.Settings(), database, shipped_press(), Tokens("one secret"))

    [error] = writer([delivery])
    assert isinstance(error, MessageError)
    assert str(error) == "config.toml has no list 'daily' any more"
