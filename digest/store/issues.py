"""Issues: one a list and date, frozen once published."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa

from digest.model import Candidate, Earlier, Issue, Told
from digest.plain import from_json, to_json
from digest.store.tables import issues


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """What stands over a story."""

    title: str
    language: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """An issue as a list of issues shows it."""

    number: int
    date: date
    headlines: tuple[Headline, ...]  # the first ones
    stories: int  # in all


def find(connection: sa.Connection, list_name: str, on: date) -> tuple[int, Issue] | None:
    """Give a list's issue of one date with its row id, if there is one."""
    query = sa.select(issues.c.id, issues.c.content).where(issues.c.list == list_name, issues.c.date == on)
    row = connection.execute(query).one_or_none()
    return (row.id, from_json(Issue, row.content)) if row else None


def place(connection: sa.Connection, issue_id: int) -> tuple[str, date]:
    """Give the list and the date of the issue of a row id that a delivery names."""
    row = connection.execute(sa.select(issues.c.list, issues.c.date).where(issues.c.id == issue_id)).one()
    return row.list, row.date


def closed(connection: sa.Connection, issue_id: int) -> tuple[str, datetime]:
    """Give the list of the issue of a row id, and when it closed."""
    row = connection.execute(sa.select(issues.c.list, issues.c.closed).where(issues.c.id == issue_id)).one()
    return row.list, row.closed


def newest_id(connection: sa.Connection, list_name: str) -> int | None:
    """Give the row id of the issue of a list that was published last."""
    query = sa.select(issues.c.id).where(issues.c.list == list_name).order_by(issues.c.number.desc()).limit(1)
    return connection.execute(query).scalar_one_or_none()


def dates(connection: sa.Connection, list_name: str, *, after: date, until: date) -> tuple[date, ...]:
    """Give the dates of a list's issues after one date and until another, in order."""
    query = (
        sa.select(issues.c.date)
        .where(issues.c.list == list_name, issues.c.date > after, issues.c.date <= until)
        .order_by(issues.c.date)
    )
    return tuple(connection.scalars(query))


def between(connection: sa.Connection, list_name: str, first: date, last: date) -> tuple[Issue, ...]:
    """Give a list's issues of the dates from `first` to `last`, oldest first."""
    query = (
        sa.select(issues.c.content)
        .where(issues.c.list == list_name, issues.c.date >= first, issues.c.date <= last)
        .order_by(issues.c.date)
    )
    return tuple(from_json(Issue, content) for content in connection.scalars(query))


def newest(connection: sa.Connection, list_name: str, *, limit: int) -> tuple[Issue, ...]:
    """Give the issues of a list that were published last, the last one first."""
    query = (
        sa.select(issues.c.content)
        .where(issues.c.list == list_name)
        .order_by(issues.c.number.desc())
        .limit(limit)
    )
    return tuple(from_json(Issue, content) for content in connection.scalars(query))


def outlines(
    connection: sa.Connection, list_name: str, *, offset: int, limit: int, headlines: int
) -> tuple[Outline, ...]:
    """Give some of a list's issues, the newest date first, with the first headlines of each.

    They are read out of the JSON as it is: an issue holds all its articles, and to build those for thirty issues takes
    longer than a reader waits.
    """
    query = (
        sa.select(issues.c.number, issues.c.date, issues.c.content)
        .where(issues.c.list == list_name)
        .order_by(issues.c.date.desc())
        .offset(offset)
        .limit(limit)
    )
    return tuple(
        Outline(
            number=row.number,
            date=row.date,
            headlines=tuple(islice(_headlines(row.content), headlines)),
            stories=sum(len(section["stories"]) for section in row.content["sections"]),
        )
        for row in connection.execute(query)
    )


def count(connection: sa.Connection, list_name: str) -> int:
    """Count a list's issues."""
    return (
        connection.scalar(sa.select(sa.func.count()).select_from(issues).where(issues.c.list == list_name))
        or 0
    )


def first_date(connection: sa.Connection, list_name: str, *, after: date) -> date | None:
    """Give the date of a list's oldest issue after a date."""
    query = sa.select(sa.func.min(issues.c.date)).where(issues.c.list == list_name, issues.c.date > after)
    return connection.execute(query).scalar_one_or_none()


def last_date(connection: sa.Connection, list_name: str, *, before: date) -> date | None:
    """Give the date of a list's newest issue before a date."""
    query = sa.select(sa.func.max(issues.c.date)).where(issues.c.list == list_name, issues.c.date < before)
    return connection.execute(query).scalar_one_or_none()


def last_closed(connection: sa.Connection, list_name: str) -> datetime | None:
    """Give the moment at which a list's newest issue closed."""
    return connection.execute(
        sa.select(issues.c.closed).where(issues.c.list == list_name).order_by(issues.c.number.desc()).limit(1)
    ).scalar_one_or_none()


def next_number(connection: sa.Connection, list_name: str) -> int:
    """Give the number of the list's next issue, counting from 1."""
    highest = connection.scalar(sa.select(sa.func.max(issues.c.number)).where(issues.c.list == list_name))
    return int(highest or 0) + 1


def freeze(connection: sa.Connection, issue: Issue, candidates: Sequence[Candidate] = ()) -> int:
    """Keep an issue for good, with every story that was weighed for it, and give its row id."""
    values = {
        "list": issue.list,
        "number": issue.number,
        "date": issue.date,
        "closed": issue.closed,
        "content": to_json(issue),
        "candidates": to_json(tuple(candidates)),
    }
    issue_id: int = connection.execute(sa.insert(issues).values(values).returning(issues.c.id)).scalar_one()
    return issue_id


def candidates(connection: sa.Connection, list_name: str, on: date) -> tuple[Candidate, ...]:
    """Give every story that was weighed for a list's issue of one date, best first."""
    query = sa.select(issues.c.candidates).where(issues.c.list == list_name, issues.c.date == on)
    return from_json(tuple[Candidate, ...], connection.execute(query).scalar_one_or_none() or [])


def told(connection: sa.Connection, list_name: str, *, since: datetime) -> dict[str, Told]:
    """Give what a list's issues closed since a moment told of each thread."""
    query = (
        sa.select(issues.c.number, issues.c.date, issues.c.content)
        .where(issues.c.list == list_name, issues.c.closed > since)
        .order_by(issues.c.number)
    )
    found: dict[str, Told] = {}
    for row in connection.execute(query):
        for section in row.content["sections"]:
            for story in section["stories"]:
                if thread := story.get("thread"):
                    sentences = frozenset(sentence["text"] for sentence in story["summary"])
                    before = found[thread].sentences if thread in found else frozenset()
                    last = Earlier(date=row.date, number=row.number)
                    found[thread] = Told(last=last, sentences=before | sentences)
    return found


def _headlines(content: dict[str, Any]) -> Iterator[Headline]:
    for section in content["sections"]:
        for story in section["stories"]:
            yield Headline(title=story["lead"]["title"], language=story["lead"].get("language"))
