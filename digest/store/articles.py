"""Articles: each stored once, with the moment it was first ingested."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from digest.model import Article, from_json, to_json
from digest.store.tables import articles

LEAST_LENGTH = 0.75
"""A source's new text may be so much shorter than its old one and still count as that one, corrected."""


def put(connection: sa.Connection, found: Iterable[Article], *, now: datetime) -> int:
    """Keep each article and give how many were new.

    One that is known keeps its moment of ingestion and the source that gave it first. That source may replace its
    content, as votes and corrections come later, unless the new text is much shorter: a feed's teaser does not undo
    the page's full text.
    """
    new = 0
    for article in found:
        content = to_json(article)
        row = connection.execute(
            sa.select(articles.c.source, articles.c.content).where(articles.c.id == article.id)
        ).one_or_none()
        if row is None:
            values = {"id": article.id, "source": article.source, "ingested": now, "content": content}
            connection.execute(sa.insert(articles).values(values))
            new += 1
        elif (
            row.source == article.source
            and row.content != content
            and len(article.text) >= LEAST_LENGTH * len(from_json(Article, row.content).text)
        ):
            connection.execute(sa.update(articles).where(articles.c.id == article.id).values(content=content))
    return new


def get(connection: sa.Connection, ids: Collection[str]) -> dict[str, Article]:
    """Give those of the articles that are stored, by their ids."""
    query = sa.select(articles.c.id, articles.c.content).where(articles.c.id.in_(ids))
    return {row.id: from_json(Article, row.content) for row in connection.execute(query)}


def replace(connection: sa.Connection, article: Article) -> None:
    """Keep an article as it is now in place of what was stored under its id."""
    connection.execute(
        sa.update(articles).where(articles.c.id == article.id).values(content=to_json(article))
    )


def first_ingested(
    connection: sa.Connection, sources: Sequence[str], *, after: datetime | None, until: datetime
) -> tuple[Article, ...]:
    """Give the sources' articles first ingested after `after` and up to `until`, oldest first."""
    query = (
        sa.select(articles.c.content)
        .where(articles.c.source.in_(sources), articles.c.ingested <= until)
        .order_by(articles.c.ingested, articles.c.id)
    )
    if after is not None:
        query = query.where(articles.c.ingested > after)
    return tuple(from_json(Article, content) for content in connection.scalars(query))
