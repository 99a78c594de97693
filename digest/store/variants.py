"""Variants: the letters that an issue became, each for all readers whose wishes lead to it."""

import json
from collections.abc import Sequence

import sqlalchemy as sa

from digest.model import Article, from_json, to_json
from digest.store.tables import articles, variants
from digest.wishes import Wishes


def put(connection: sa.Connection, issue_id: int, wishes: Wishes, stories: Sequence[str]) -> int:
    """Keep which stories, by the ids of the articles that lead them, a letter held in which order; give its row id."""
    key = json.dumps(to_json(wishes), sort_keys=True)
    same = (variants.c.issue_id == issue_id) & (variants.c.wishes == key)
    known: int | None = connection.execute(sa.select(variants.c.id).where(same)).scalar_one_or_none()
    if known is not None:
        return known
    values = {"issue_id": issue_id, "wishes": key, "stories": list(stories)}
    new: int = connection.execute(sa.insert(variants).values(values).returning(variants.c.id)).scalar_one()
    return new


def stories(connection: sa.Connection, variant_id: int) -> tuple[Article, ...]:
    """Give the articles that led the stories of a letter, in its order; as they are stored now."""
    query = sa.select(variants.c.stories).where(variants.c.id == variant_id)
    ids = connection.execute(query).scalar_one_or_none() or []
    rows = connection.execute(sa.select(articles.c.id, articles.c.content).where(articles.c.id.in_(ids)))
    found = {row.id: from_json(Article, row.content) for row in rows}
    return tuple(found[key] for key in ids)  # articles are never removed
