"""Articles become stories: those that tell the same thing are joined, then ranked, then chosen.

Pure: the same articles, settings and moment give the same stories. What each term added to a story's score stays
with the story as its reasons.
"""

import dataclasses
import heapq
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from digest import config
from digest.group import join
from digest.model import Article, Kind, Reason, Story, instant

TOP = "top"

UNDATED_FRESHNESS = 0.5
REPETITION_WEIGHT = -0.5
ENOUGH_TEXT = 2000
"""Characters after which more text does not make an article a better one to lead a story."""

LIKED_SINCE = timedelta(days=30)
"""How long what a reader voted for speaks for its source."""

NOBODY_VOTED: Mapping[str, float] = MappingProxyType({})

_NORMAL_95 = 1.959964


def curate(
    articles: Iterable[Article],
    wishes: config.List,
    *,
    now: datetime,
    liked: Mapping[str, float] = NOBODY_VOTED,
) -> tuple[Story, ...]:
    """Give the stories of an issue, best first, each with its section and its reasons.

    A story without any text is left out, and so is one published longer ago than the list allows. `liked` says for a
    source, between 0 and 1, how sure it is that readers like what it leads; see `shares`.
    """
    fresh = [article for article in articles if article.body and not _too_old(article, wishes, now)]
    fresh.sort(key=lambda article: (article.id, article.source))  # it decides between equal similarities
    stories = [Story(lead=cluster[0], others=tuple(cluster[1:])) for cluster in map(_lead_first, join(fresh))]
    return tuple(choose(rank(stories, wishes, now=now, liked=liked), wishes))


def shares(voices: Mapping[str, int]) -> dict[str, float]:
    """Give each source's share of the voices that readers gave to any, as far as so few of them can be trusted.

    It is the lower bound of the share's 95 % interval after Wilson, with the correction for continuity (Newcombe 1998,
    method 4): the only voice there is counts 0.05, five of five 0.46, half of a thousand 0.47.
    """
    total = sum(voices.values())
    return {source: _surely(count, total) for source, count in voices.items() if count > 0}


def _surely(count: int, total: int) -> float:
    share, square = count / total, _NORMAL_95**2
    spread = math.sqrt(square - 2 - 1 / total + 4 * share * (total - count + 1))
    return max((2 * count + square - 1 - _NORMAL_95 * spread) / (2 * (total + square)), 0.0)


def rank(
    stories: Sequence[Story],
    wishes: config.List,
    *,
    now: datetime,
    liked: Mapping[str, float] = NOBODY_VOTED,
) -> list[Story]:
    """Give the stories best first, each with the terms of its score as `reasons` and with its section.

    Votes count by their logarithm against the day's most, freshness halves every `half_life_hours`, a section has
    its own weight, a story told by n sources gets 1 - 1/n, and one led by a source that readers voted for what `liked`
    says. The k-th story that one source leads loses a little for each before it, so that no source fills the head of
    the letter by its output alone.
    """
    most = max((story.votes for story in stories), default=0)
    scored = [
        dataclasses.replace(
            s, section=wishes.section_of(s.lead), reasons=_reasons(s, wishes, most, liked, now)
        )
        for s in stories
    ]
    ranked: list[Story] = []
    led: Counter[str] = Counter()
    queue = [(-story.score, story.lead.title, story.id, 0, story) for story in scored]
    heapq.heapify(queue)
    while queue:
        _, title, key, told, story = heapq.heappop(queue)
        before = led[story.lead.source]
        if told < before:  # its source has led more since this was scored: score it again
            repeated = Reason(
                term="source already told", value=1 - 1 / (1 + before), weight=REPETITION_WEIGHT
            )
            kept = tuple(reason for reason in story.reasons if reason.term != repeated.term)
            story = dataclasses.replace(story, reasons=(*kept, repeated))
            heapq.heappush(queue, (-story.score, title, key, before, story))
            continue
        led[story.lead.source] += 1
        ranked.append(story)
    return ranked


def choose(ranked: Iterable[Story], wishes: config.List) -> Iterator[Story]:
    """Keep what has room: the top stories first, then so many for each section and source."""
    taken: Counter[str] = Counter()
    led: Counter[str] = Counter()
    for story in ranked:
        if wishes.stories_per_source and led[story.lead.source] >= wishes.stories_per_source:
            continue
        is_top = story.lead.kind is Kind.NEWS and taken[TOP] < wishes.top_stories
        section = TOP if is_top else story.section
        if is_top or taken[section] < _room(section, wishes):
            taken[section] += 1
            led[story.lead.source] += 1
            yield dataclasses.replace(story, section=section)


def _room(section: str, wishes: config.List) -> int:
    return wishes.sections.get(section, config.Section()).stories


def _reasons(
    story: Story, wishes: config.List, most_votes: int, liked: Mapping[str, float], now: datetime
) -> tuple[Reason, ...]:
    published = [instant(article.when) for article in story.articles if article.when]
    age = max(now - max(published), timedelta(0)) if published else None
    sources = len({article.source for article in story.articles})
    section = wishes.sections.get(wishes.section_of(story.lead), config.Section())
    half_lives = age / timedelta(hours=wishes.half_life_hours) if age is not None else 0.0
    weights = wishes.weights
    return (
        Reason(
            term="votes", value=math.log1p(story.votes) / math.log1p(most_votes or 1), weight=weights.votes
        ),
        Reason(
            term="freshness",
            value=UNDATED_FRESHNESS if age is None else 0.5**half_lives,
            weight=weights.freshness,
        ),
        Reason(term="section", value=section.weight, weight=weights.section),
        Reason(term="sources", value=1 - 1 / sources, weight=weights.sources),
        Reason(term="readers", value=liked.get(story.lead.source, 0.0), weight=weights.readers),
    )


def _too_old(article: Article, wishes: config.List, now: datetime) -> bool:
    if not wishes.max_age_hours or article.when is None:
        return False
    return now - instant(article.when) > timedelta(hours=wishes.max_age_hours)


def _lead_first(cluster: Sequence[Article]) -> list[Article]:
    """Order the tellings of a story: reported news first, fuller text first, then the earlier one."""

    def merit(article: Article) -> tuple[bool, int, float, str]:
        begun = instant(article.when).timestamp() if article.when else math.inf
        return (article.kind is not Kind.NEWS, -min(len(article.text), ENOUGH_TEXT), begun, article.id)

    return sorted(cluster, key=merit)
