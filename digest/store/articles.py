"""Articles: each stored once, with the moment it was first ingested."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from digest.model import Article, from_json, to_json
from digest.store.tables import articles


def put(connection: sa.Connection, found: Iterable[Article], *, now: datetime) -> int:
    """Keep each article and give how many were new.

    One that is known keeps its moment of ingestion and the source that gave it first. That source may replace its
    content, as votes and corrections come later, unless the new text is shorter: a feed's teaser does not undo the
    page's full text.
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
            and len(article.text) >= len(from_json(Article, row.content).text)
        ):
            connection.execute(sa.update(articles).where(articles.c.id == article.id).values(content=content))
    return new


def known(connection: sa.Connection, ids: Sequence[str]) -> set[str]:
    """Tell which of the ids are stored."""
    return set(connection.scalars(sa.select(articles.c.id).where(articles.c.id.in_(ids))))


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
