"""Issues: one a list and date, frozen once published."""

from datetime import date, datetime

import sqlalchemy as sa

from digest.model import Issue, from_json, to_json
from digest.store.tables import issues


def find(connection: sa.Connection, list_name: str, on: date) -> tuple[int, Issue] | None:
    """Give a list's issue of one date with its row id, if there is one."""
    query = sa.select(issues.c.id, issues.c.content).where(issues.c.list == list_name, issues.c.date == on)
    row = connection.execute(query).one_or_none()
    return (row.id, from_json(Issue, row.content)) if row else None


def get(connection: sa.Connection, issue_id: int) -> Issue:
    """Give the issue of a row id that a delivery names."""
    content = connection.execute(sa.select(issues.c.content).where(issues.c.id == issue_id)).scalar_one()
    return from_json(Issue, content)


def last_closed(connection: sa.Connection, list_name: str) -> datetime | None:
    """Give the moment at which a list's newest issue closed."""
    return connection.execute(
        sa.select(issues.c.closed).where(issues.c.list == list_name).order_by(issues.c.number.desc()).limit(1)
    ).scalar_one_or_none()


def next_number(connection: sa.Connection, list_name: str) -> int:
    """Give the number of the list's next issue, counting from 1."""
    highest = connection.scalar(sa.select(sa.func.max(issues.c.number)).where(issues.c.list == list_name))
    return int(highest or 0) + 1


def freeze(connection: sa.Connection, issue: Issue) -> int:
    """Keep an issue for good and give its row id."""
    values = {
        "list": issue.list,
        "number": issue.number,
        "date": issue.date,
        "closed": issue.closed,
        "content": to_json(issue),
    }
    issue_id: int = connection.execute(sa.insert(issues).values(values).returning(issues.c.id)).scalar_one()
    return issue_id
