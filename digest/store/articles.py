"""Articles: each stored once, with the moment it was first ingested, and the thread it belongs to."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from digest.model import Article
from digest.plain import from_json, to_json
from digest.store.tables import articles

LEAST_LENGTH = 0.75
"""A source's new text may be so much shorter than its old one and still count as that one, corrected."""

ONE_DAY = timedelta(days=1)


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
        .where(*_between(sources, after, until))
        .order_by(articles.c.ingested, articles.c.id)
    )
    return tuple(from_json(Article, content) for content in connection.scalars(query))


def _between(
    sources: Sequence[str], after: datetime | None, until: datetime
) -> tuple[sa.ColumnElement[bool], ...]:
    conditions = (articles.c.source.in_(sources), articles.c.ingested <= until)
    return conditions if after is None else (*conditions, articles.c.ingested > after)


def unthreaded(connection: sa.Connection, *, since: datetime) -> tuple[Article, ...]:
    """Give the articles ingested since a moment of which nobody has said yet which story they tell."""
    query = sa.select(articles.c.content).where(articles.c.ingested > since, articles.c.thread.is_(None))
    return tuple(from_json(Article, content) for content in connection.scalars(query))


def threads(connection: sa.Connection, *, since: datetime) -> dict[str, list[Article]]:
    """Give the articles ingested since a moment by the thread they belong to."""
    query = sa.select(articles.c.thread, articles.c.content).where(
        articles.c.ingested > since, articles.c.thread.is_not(None)
    )
    found: dict[str, list[Article]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.thread].append(from_json(Article, row.content))
    return found


def set_threads(connection: sa.Connection, threads: Mapping[str, str]) -> None:
    """Say of articles which thread they belong to; one that has one keeps it."""
    statement = (
        sa.update(articles)
        .where(articles.c.id == sa.bindparam("article"), articles.c.thread.is_(None))
        .values(thread=sa.bindparam("name"))
    )
    if threads:
        rows = [{"article": article, "name": name} for article, name in threads.items()]
        connection.execute(statement, rows)


def threads_of(
    connection: sa.Connection, sources: Sequence[str], *, after: datetime | None, until: datetime
) -> dict[str, str]:
    """Give the threads of the same articles as `first_ingested`, by their ids."""
    query = sa.select(articles.c.id, articles.c.thread).where(
        *_between(sources, after, until), articles.c.thread.is_not(None)
    )
    return {row.id: row.thread for row in connection.execute(query)}


def a_day(connection: sa.Connection, *, since: datetime, now: datetime) -> dict[str, float]:
    """Say how many articles a day each source has given since a moment, or since its first one."""
    query = (
        sa.select(
            articles.c.source, sa.func.count().label("count"), sa.func.min(articles.c.ingested).label("first")
        )
        .where(articles.c.ingested > since, articles.c.ingested <= now)
        .group_by(articles.c.source)
    )
    return {row.source: row.count / max((now - row.first) / ONE_DAY, 1) for row in connection.execute(query)}
