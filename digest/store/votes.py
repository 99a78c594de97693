"""Votes: each reader has one for each story.

A row is one subscription's; who reads two lists with one address counts once where a story stood in both.

What pages show are readers. What ranking hears are voices: of the n readers of one network, as many as the root of n,
rounded up (see `heard`). Why so is in docs/adr/0014; `bench/votes.py` plays it through.
"""

import math
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from digest.model import Story
from digest.store.tables import subscribers, votes


def put(
    connection: sa.Connection,
    subscriber_id: int,
    list_name: str,
    story: Story,
    *,
    now: datetime,
    network: str | None = None,
) -> bool:
    """Count a reader's vote for a story; False means that it counts already. `network` is a keyed hash of it."""
    same = (votes.c.subscriber_id == subscriber_id) & (votes.c.article_id == story.id)
    if connection.execute(sa.select(votes.c.at).where(same)).one_or_none():
        return False
    values = {
        "subscriber_id": subscriber_id,
        "article_id": story.id,
        "list": list_name,
        "source": story.lead.source,
        "at": now,
        "network": network,
    }
    connection.execute(sa.insert(votes).values(values))
    return True


def take_back(connection: sa.Connection, subscriber_id: int, article_id: str) -> bool:
    """Let a reader's vote for a story count no longer; False means that there was none."""
    same = (votes.c.subscriber_id == subscriber_id) & (votes.c.article_id == article_id)
    return bool(connection.execute(sa.delete(votes).where(same)).rowcount)


def of(connection: sa.Connection, subscriber_id: int) -> list[dict[str, Any]]:
    """Give a reader's votes, oldest first: the story, when, and the keyed hash of the network while that is kept."""
    columns = (votes.c.article_id.label("story"), votes.c.at, votes.c.network)
    query = sa.select(*columns).where(votes.c.subscriber_id == subscriber_id)
    rows = connection.execute(query.order_by(votes.c.at, votes.c.article_id))
    return [dict(row._mapping) for row in rows]  # noqa: SLF001 - public in spite of its name


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
    """Count the voices of a list's readers who since a moment voted for stories that each source led.

    One who voted for twenty stories of a source is one reader, as one who voted for one of them.
    """
    lately = (votes.c.list == list_name) & (votes.c.at > since)
    return _voices(connection, votes.c.source, votes.c.subscriber_id, lately)


def by_story(connection: sa.Connection, article_ids: Iterable[str], *, since: datetime) -> dict[str, int]:
    """Count the voices of the readers who since a moment voted for some stories, by the article that leads each."""
    lately = votes.c.article_id.in_(list(article_ids)) & (votes.c.at > since)
    return _voices(connection, votes.c.article_id, subscribers.c.address_key, lately)


def heard(readers: int) -> int:
    """Give how many of so many readers of one network are heard: the root of their number, rounded up."""
    return math.isqrt(readers - 1) + 1 if readers else 0


def forget_networks(connection: sa.Connection, *, before: datetime) -> int:
    """Forget from which networks the votes before a moment came, and give how many."""
    old = (votes.c.at < before) & votes.c.network.is_not(None)
    return connection.execute(sa.update(votes).where(old).values(network=None)).rowcount


def _voices(
    connection: sa.Connection,
    what: sa.ColumnElement[str],
    reader: sa.ColumnElement[Any],
    which: sa.ColumnElement[bool],
) -> dict[str, int]:
    """Count the voices for each value of `what`; a reader who voted from two networks is in one of them."""
    each = (
        sa.select(what.label("what"), sa.func.min(votes.c.network).label("network"))
        .join(subscribers, subscribers.c.id == votes.c.subscriber_id)
        .where(which)
        .group_by(what, reader)
        .subquery()
    )
    found: Counter[str] = Counter()
    query = sa.select(each, sa.func.count().label("readers")).group_by(each.c.what, each.c.network)
    for row in connection.execute(query):
        found[row.what] += row.readers if row.network is None else heard(row.readers)
    return dict(found)
