"""Variants: the letters that an issue became, each for all readers whose wishes and past letters lead to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa

from digest.model import Article, DeliveryState, Story
from digest.plain import from_json
from digest.store import deliveries
from digest.store.tables import articles, issues, variants
from digest.store.tables import deliveries as ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Had:
    """What a reader's letters have told him."""

    told: dict[str, date]  # what a story is called from day to day → the last issue whose letter had it
    until: date  # what issues up to then told counts as told


def put(connection: sa.Connection, issue_id: int, key: str, stories: Sequence[Story]) -> int:
    """Keep which stories a letter held in which order; give its row id. `key` is the same for all who get it."""
    same = (variants.c.issue_id == issue_id) & (variants.c.wishes == key)
    known: int | None = connection.execute(sa.select(variants.c.id).where(same)).scalar_one_or_none()
    if known is not None:
        return known
    values = {
        "issue_id": issue_id,
        "wishes": key,
        "stories": [story.id for story in stories],
        "threads": [story.thread or story.id for story in stories],
    }
    new: int = connection.execute(sa.insert(variants).values(values).returning(variants.c.id)).scalar_one()
    return new


def stories(connection: sa.Connection, variant_id: int) -> tuple[Article, ...]:
    """Give the articles that led the stories of a letter, in its order; as they are stored now."""
    query = sa.select(variants.c.stories).where(variants.c.id == variant_id)
    ids = connection.execute(query).scalar_one_or_none() or []
    rows = connection.execute(sa.select(articles.c.id, articles.c.content).where(articles.c.id.in_(ids)))
    found = {row.id: from_json(Article, row.content) for row in rows}
    return tuple(found[key] for key in ids)  # articles are never removed


def had(connection: sa.Connection, subscriber_id: int, *, after: date, before: date) -> Had:
    """Give what a reader's letters between two dates told.

    All that was told before his first letter counts as told, since he has missed nothing of it; so does all that stands
    in an issue whose letter is still on its way, since it may hold anything.
    """
    his = ledger.c.subscriber_id == subscriber_id
    of_issues = sa.join(ledger, issues, issues.c.id == ledger.c.issue_id)
    first = connection.scalar(
        sa.select(issues.c.date).select_from(of_issues).where(his).order_by(ledger.c.id).limit(1)
    )
    rows = connection.execute(
        sa.select(issues.c.date, ledger.c.state, variants.c.stories, variants.c.threads)
        .select_from(of_issues.outerjoin(variants, variants.c.id == ledger.c.variant_id))
        .where(his, deliveries.had(), issues.c.date > after, issues.c.date < before)
        .order_by(issues.c.date)
    )
    told: dict[str, date] = {}
    until = after if first is None else max(after, first - timedelta(days=1))
    for row in rows:
        if row.stories is not None:
            told |= dict.fromkeys(row.threads or row.stories, row.date)
        elif row.state != DeliveryState.SKIPPED.value:
            until = max(until, row.date)
    return Had(told=told, until=until)
