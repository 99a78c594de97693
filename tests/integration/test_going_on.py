"""A story that goes on is one story from day to day, and what a list has told of it is not told again."""

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from issues import article
from makers import EXPIRY, MORNING, store, wishes

from digest import pipeline
from digest.collect import REMEMBERED, thread
from digest.curate import RHYTHM_SINCE
from digest.model import Article, Candidate, Earlier, Issue, Story
from digest.store import Database, articles, issues
from digest.store.tables import articles as article_table

TODAY = date(2015, 10, 21)
DAY = timedelta(days=1)
STORM = "Storm Runa reached Port Alder at noon and the flood barrier closed behind the last ferry. "
SURGE = "The barrier held a surge of three metres and forty seven centimetres through the night. "
REPAIR = "Engineers found a bent bolt in gate three of the barrier and sent for another from Skarn. "


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with store(tmp_path) as opened:
        yield opened


def storm(number: int, *sentences: str, source: str = "northern-wire", **changes: object) -> Article:
    """Make an article on the storm."""
    plain = article(
        number,
        source=source,
        title="Storm Runa tries the flood barrier of Port Alder",
        body=("".join(sentences).strip(),),
        url=f"https://{source}.example/storm-{number}",
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def other(number: int) -> Article:
    """Make an article on something else each time."""
    word = ("Chess", "Orchard", "Organ", "Library", "Bicycle", "Lighthouse")[number % 6]
    return article(
        number,
        title=f"{word} {word}ist {number}",
        body=(f"{word}s {word}ed by {word}ers were {word}ish on that {word}day.",),
        url=f"https://wire.example/other-{number}",
    )


def ingest(database: Database, *found: Article, at: datetime = MORNING) -> None:
    with database.transaction() as connection:
        articles.put(connection, found, now=at)


def publish(database: Database, days: int = 0) -> Issue:
    made = pipeline.publish(
        "daily",
        wishes(method="lead"),
        ["northern-wire", "observer"],
        database,
        on=TODAY + days * DAY,
        now=MORNING + days * DAY,
        expiry=EXPIRY,
    )
    assert made is not None
    return made.issue


def threads(database: Database) -> dict[str, str | None]:
    with database.transaction() as connection:
        return {
            row.id: row.thread
            for row in connection.execute(sa.select(article_table.c.id, article_table.c.thread))
        }


def the_storm(issue: Issue) -> Story:
    [story] = [story for story in issue.stories if "Storm" in story.lead.title]
    return story


def told(story: Story) -> Sequence[str]:
    return [sentence.text + " " for sentence in story.summary]


def test_an_article_of_the_next_day_joins_the_story_of_the_day_before(database: Database) -> None:
    first, second = storm(1, STORM, SURGE), storm(2, STORM, REPAIR, source="observer")
    ingest(database, first, other(1), other(2))
    thread(database, now=MORNING)
    ingest(database, second, at=MORNING + DAY)
    thread(database, now=MORNING + DAY)

    found = threads(database)
    assert found[second.id] == found[first.id] == first.id
    assert len(set(found.values())) == 3


def test_an_article_keeps_the_thread_it_was_given(database: Database) -> None:
    ingest(database, storm(1, STORM))
    thread(database, now=MORNING)
    before = threads(database)
    thread(database, now=MORNING + DAY)
    with database.transaction() as connection:
        articles.set_threads(connection, dict.fromkeys(before, "another"))

    assert threads(database) == before


def test_a_story_that_nobody_told_for_long_begins_anew(database: Database) -> None:
    first, second = storm(1, STORM, SURGE), storm(2, STORM, SURGE, source="observer")
    ingest(database, first)
    thread(database, now=MORNING)
    later = MORNING + REMEMBERED + timedelta(seconds=1)
    ingest(database, second, at=later)
    thread(database, now=later)

    assert threads(database)[second.id] == second.id


def test_a_story_told_again_says_nothing_that_was_said_and_since_when(database: Database) -> None:
    ingest(database, storm(1, STORM, SURGE), other(1))
    first = publish(database)
    ingest(database, storm(2, STORM, SURGE, REPAIR, source="observer"), other(2), at=MORNING + DAY)
    second = publish(database, 1)

    assert (the_storm(first).since, told(the_storm(first))) == (None, [STORM, SURGE])
    assert told(the_storm(second)) == [REPAIR]
    assert the_storm(second).since == Earlier(date=TODAY, number=1)
    assert the_storm(second).thread == the_storm(first).thread


def test_since_names_the_last_issue_that_told_it_and_nothing_of_any_comes_again(database: Database) -> None:
    ingest(database, storm(1, STORM))
    publish(database)
    ingest(database, storm(2, STORM, SURGE), at=MORNING + DAY)
    publish(database, 1)
    ingest(database, storm(3, STORM, SURGE, REPAIR), at=MORNING + 2 * DAY)
    third = the_storm(publish(database, 2))

    assert told(third) == [REPAIR]
    assert third.since == Earlier(date=TODAY + DAY, number=2)


def test_a_story_with_nothing_new_leaves_its_place_to_another_and_says_why(database: Database) -> None:
    ingest(database, storm(1, STORM, SURGE))
    publish(database)
    ingest(database, storm(2, STORM, SURGE, source="observer"), other(1), at=MORNING + DAY)
    second = publish(database, 1)

    assert [story.lead.title for story in second.stories] == [other(1).title]
    assert verdicts(database, 1) == {other(1).title: "chosen", storm(2).title: "nothing new"}


def test_another_list_tells_the_story_from_its_beginning(database: Database) -> None:
    ingest(database, storm(1, STORM, SURGE))
    publish(database)
    ingest(database, storm(2, STORM, SURGE, REPAIR), at=MORNING + DAY)
    draft = pipeline.draft(
        "weekly", wishes(method="lead"), ["northern-wire"], database, on=TODAY + DAY, now=MORNING + DAY
    )

    assert the_storm(draft.issue).since is None


def test_every_story_that_was_weighed_is_kept_with_the_issue_as_it_was_weighed(database: Database) -> None:
    ingest(database, *map(other, range(3)), storm(1, STORM))
    draft = pipeline.draft("daily", wishes(method="lead"), ["northern-wire"], database, on=TODAY, now=MORNING)
    publish(database)

    assert candidates(database, 0) == draft.candidates
    assert [one.score for one in draft.candidates] == sorted(
        (one.score for one in draft.candidates), reverse=True
    )
    assert {one.verdict for one in draft.candidates} == {"chosen"}


def test_an_issue_from_before_stories_were_weighed_has_no_candidates(database: Database) -> None:
    assert candidates(database, 0) == ()


def test_the_rhythm_of_a_source_is_what_it_gave_a_day_since_its_first_article(database: Database) -> None:
    ingest(database, *map(other, range(4)), at=MORNING - 2 * DAY)
    ingest(database, storm(1, STORM, source="observer"), at=MORNING - timedelta(hours=1))
    ingest(database, storm(2, STORM, source="forgotten"), at=MORNING - RHYTHM_SINCE)
    with database.transaction() as connection:
        rhythm = articles.a_day(connection, since=MORNING - RHYTHM_SINCE, now=MORNING)

    assert rhythm == pytest.approx({"northern-wire": 2, "observer": 1})


def verdicts(database: Database, days: int) -> dict[str, str]:
    return {one.title: one.verdict.value for one in candidates(database, days)}


def candidates(database: Database, days: int) -> tuple[Candidate, ...]:
    with database.transaction() as connection:
        return issues.candidates(connection, "daily", TODAY + days * DAY)
