"""Votes: each reader has one for each story.

A row is one subscription's; who reads two lists with one address counts once where a story stood in both.
"""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from digest.model import Story
from digest.store.tables import subscribers, votes


def put(
    connection: sa.Connection, subscriber_id: int, list_name: str, story: Story, *, now: datetime
) -> bool:
    """Count a reader's vote for a story; False means that it counts already."""
    same = (votes.c.subscriber_id == subscriber_id) & (votes.c.article_id == story.id)
    if connection.execute(sa.select(votes.c.at).where(same)).one_or_none():
        return False
    values = {
        "subscriber_id": subscriber_id,
        "article_id": story.id,
        "list": list_name,
        "source": story.lead.source,
        "at": now,
    }
    connection.execute(sa.insert(votes).values(values))
    return True


def take_back(connection: sa.Connection, subscriber_id: int, article_id: str) -> bool:
    """Let a reader's vote for a story count no longer; False means that there was none."""
    same = (votes.c.subscriber_id == subscriber_id) & (votes.c.article_id == article_id)
    return bool(connection.execute(sa.delete(votes).where(same)).rowcount)


def of(connection: sa.Connection, subscriber_id: int) -> dict[str, datetime]:
    """Give when a reader voted for which stories."""
    rows = connection.execute(
        sa.select(votes.c.article_id, votes.c.at).where(votes.c.subscriber_id == subscriber_id)
    )
    return {row.article_id: row.at for row in rows}


def counts(connection: sa.Connection, article_ids: Iterable[str]) -> dict[str, int]:
    """Count the readers who voted for some stories; a story without any is left out."""
    rows = connection.execute(
        sa.select(votes.c.article_id, sa.func.count(subscribers.c.address_key.distinct()).label("readers"))
        .join(subscribers, subscribers.c.id == votes.c.subscriber_id)
        .where(votes.c.article_id.in_(list(article_ids)))
        .group_by(votes.c.article_id)
    )
    return {row.article_id: row.readers for row in rows}


def last(connection: sa.Connection, article_ids: Iterable[str]) -> datetime | None:
    """Give the moment of the newest vote for one of some stories."""
    query = sa.select(sa.func.max(votes.c.at)).where(votes.c.article_id.in_(list(article_ids)))
    return connection.execute(query).scalar_one_or_none()


def by_source(connection: sa.Connection, list_name: str, *, since: datetime) -> dict[str, int]:
    """Count the readers of a list who since a moment voted for stories that each source led.

    One who voted for twenty stories of a source is one, as one who voted for one of them.
    """
    rows = connection.execute(
        sa.select(votes.c.source, sa.func.count(votes.c.subscriber_id.distinct()).label("readers"))
        .where(votes.c.list == list_name, votes.c.at > since)
        .group_by(votes.c.source)
    )
    return {row.source: row.readers for row in rows}
