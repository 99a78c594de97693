"""Variants: the letters that an issue became, each for all readers whose wishes and past letters lead to it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa

from digest.model import Article, DeliveryState, Story
from digest.plain import from_json
from digest.store import deliveries
from digest.store.tables import articles, issues, subscribers, variants
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


def had(
    connection: sa.Connection, subscriber_ids: Collection[int], *, dates: Collection[date], after: date
) -> list[tuple[Had, list[int]]]:
    """Give what readers' letters of some dates, all after `after`, told; those who have had the same come together.

    All that was told before a reader's first letter counts as told, since he has missed nothing of it; so does all that
    stands in an issue whose letter is still on its way, since it may hold anything.
    """
    letters: dict[int, list[tuple[date, str, int | None]]] = {reader: [] for reader in subscriber_ids}
    of_issues = sa.join(ledger, issues, issues.c.id == ledger.c.issue_id)
    rows = connection.execute(
        sa.select(ledger.c.subscriber_id, issues.c.date, ledger.c.state, ledger.c.variant_id)
        .select_from(of_issues)
        .where(ledger.c.subscriber_id.in_(letters), deliveries.had(), issues.c.date.in_(dates))
        .order_by(issues.c.date)
    )
    for reader, on, state, variant_id in rows:
        letters[reader].append((on, state, variant_id))
    alike: dict[tuple[date, tuple[tuple[date, str, int | None], ...]], list[int]] = {}
    for reader, first in _first_letters(connection, letters):
        until = max(after, first - timedelta(days=1))
        alike.setdefault((until, tuple(letters.pop(reader))), []).append(reader)
    if letters:  # who has no letter at all
        alike.setdefault((after, ()), []).extend(letters)
    threads = _threads(
        connection, {variant for _, his in alike for *_, variant in his if variant is not None}
    )
    return [(_had(his, until, threads), readers) for (until, his), readers in alike.items()]


def _first_letters(connection: sa.Connection, subscriber_ids: Iterable[int]) -> list[tuple[int, date]]:
    """Give the date of each reader's first issue."""
    his = ledger.alias()
    first = sa.select(sa.func.min(his.c.id)).where(his.c.subscriber_id == subscribers.c.id).scalar_subquery()
    letters = subscribers.join(ledger, ledger.c.id == first).join(issues, issues.c.id == ledger.c.issue_id)
    query = (
        sa.select(subscribers.c.id, issues.c.date)
        .select_from(letters)
        .where(subscribers.c.id.in_(subscriber_ids))
    )
    return [(row.id, row.date) for row in connection.execute(query)]


def _threads(connection: sa.Connection, variant_ids: Collection[int]) -> dict[int, Sequence[str]]:
    """Give what the stories of letters are called from day to day."""
    query = sa.select(variants.c.id, variants.c.stories, variants.c.threads)
    rows = connection.execute(query.where(variants.c.id.in_(variant_ids)))
    return {row.id: row.threads or row.stories for row in rows}


def _had(
    letters: Iterable[tuple[date, str, int | None]], until: date, threads: Mapping[int, Sequence[str]]
) -> Had:
    told: dict[str, date] = {}
    for on, state, variant_id in letters:
        if variant_id is not None and variant_id in threads:
            told |= dict.fromkeys(threads[variant_id], on)
        elif state != DeliveryState.SKIPPED.value:
            until = max(until, on)
    return Had(told=told, until=until)
