"""Articles become stories, which are ranked, and the best of them chosen.

Pure: the same articles, settings and memory give the same stories. What each term added to a story's score stays
with the story as its reasons.

    curate    articles ─ by thread ─▶ stories ─ rank ─▶ candidates, best first
    choose    candidates ─▶ those that have room in the issue
"""

import dataclasses
import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from digest import config
from digest.group import group
from digest.model import Article, Kind, Reason, Story, Told, Verdict, instant

TOP = "top"

UNDATED_FRESHNESS = 0.5
REPETITION_WEIGHT = -0.5
ENOUGH_TEXT = 2000
"""Characters after which more text does not make an article a better one."""

PICKUP_HALF_LIFE = timedelta(hours=12)
"""A source that follows so much later than the first counts half for how early a story was told."""

LIKED_SINCE = timedelta(days=30)
"""How long what a reader voted for speaks for its source."""

RHYTHM_SINCE = timedelta(days=28)
"""How long a source's output is watched to know its usual rhythm."""

_NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is known beside the day's articles; by default nothing."""

    threads: Mapping[str, str] = field(default_factory=dict)  # an article's id → its thread
    told: Mapping[str, Told] = field(default_factory=dict)  # a thread → what the list's issues told of it
    liked: Mapping[str, float] = field(
        default_factory=dict
    )  # a source → how surely readers like it; `shares`
    rhythm: Mapping[str, float] = field(default_factory=dict)  # a source → articles a day


NOTHING = Memory()


def curate(
    articles: Iterable[Article], wishes: config.List, *, now: datetime, memory: Memory = NOTHING
) -> list[Story]:
    """Give every story that could stand in an issue, best first, each with its thread, its section and its reasons.

    An article without any text makes none, nor does one published longer ago than the list allows, or in a language
    that it does not speak. Articles that `memory` knows no thread of are grouped among themselves.
    """
    fresh = [article for article in articles if article.body and _is_for(article, wishes, now)]
    fresh.sort(key=lambda article: (article.id, article.source))
    return rank(list(_stories(fresh, memory)), wishes, now=now, memory=memory)


def _stories(articles: Sequence[Article], memory: Memory) -> Iterator[Story]:
    """Bind the articles of each thread into a story."""
    strays = [article for article in articles if article.id not in memory.threads]
    threads = group(strays) | dict(memory.threads)
    tellings: dict[str, list[Article]] = defaultdict(list)
    for article in articles:
        tellings[threads[article.id]].append(article)
    for thread, told in tellings.items():
        lead, *others = _lead_first(told)
        before = memory.told.get(thread)
        yield Story(lead=lead, others=tuple(others), thread=thread, since=before.last if before else None)


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
    stories: Sequence[Story], wishes: config.List, *, now: datetime, memory: Memory = NOTHING
) -> list[Story]:
    """Give the stories best first, each with the terms of its score as `reasons` and with its section.

    The terms and their values are listed in docs/explanation/ranking.md. The k-th story that one source leads loses a
    little for each before it, so that no source fills the head of the letter by its output alone.
    """
    most = max((story.votes for story in stories), default=0)
    scored = [
        dataclasses.replace(
            s, section=wishes.section_of(s.lead), reasons=tuple(_reasons(s, wishes, most, memory, now))
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
    return (story for story, verdict in decide(ranked, wishes) if verdict is Verdict.CHOSEN)


def decide(ranked: Iterable[Story], wishes: config.List) -> Iterator[tuple[Story, Verdict]]:
    """Say of each story whether it has room, those that have it with the section they stand in."""
    taken: Counter[str] = Counter()
    led: Counter[str] = Counter()
    for story in ranked:
        if wishes.stories_per_source and led[story.lead.source] >= wishes.stories_per_source:
            yield story, Verdict.SOURCE_FULL
            continue
        is_top = story.lead.kind is Kind.NEWS and taken[TOP] < wishes.top_stories
        section = TOP if is_top else story.section
        if not is_top and taken[section] >= _room(section, wishes):
            yield story, Verdict.SECTION_FULL
            continue
        taken[section] += 1
        led[story.lead.source] += 1
        yield dataclasses.replace(story, section=section), Verdict.CHOSEN


def _room(section: str, wishes: config.List) -> int:
    return wishes.sections.get(section, config.Section()).stories


def _reasons(
    story: Story, wishes: config.List, most_votes: int, memory: Memory, now: datetime
) -> Iterator[Reason]:
    lead, weights = story.lead, wishes.weights
    section = wishes.sections.get(wishes.section_of(lead), config.Section())
    sources = len({article.source for article in story.articles})
    terms = {
        "votes": math.log1p(story.votes) / math.log1p(most_votes or 1),
        "freshness": _freshness(story, timedelta(hours=wishes.half_life_hours), now),
        "section": section.weight,
        "sources": 1 - 1 / sources,
        "pickup": _pickup(story),
        "rarity": 1 / (1 + memory.rhythm[lead.source]) if lead.source in memory.rhythm else 0.0,
        "length": min(len(lead.text), ENOUGH_TEXT) / ENOUGH_TEXT,
        "readers": memory.liked.get(lead.source, 0.0),
    }
    for term, value in terms.items():
        yield Reason(term=term, value=value, weight=getattr(weights, term))


def _freshness(story: Story, half_life: timedelta, now: datetime) -> float:
    published = [instant(article.when) for article in story.articles if article.when]
    if not published:
        return UNDATED_FRESHNESS
    return float(0.5 ** (max(now - max(published), timedelta(0)) / half_life))


def _pickup(story: Story) -> float:
    """Say how many other sources followed the first one, and how early; a bare day says nothing of it."""
    first: dict[str, datetime] = {}
    for article in story.articles:
        if isinstance(article.when, datetime):
            first[article.source] = min(article.when, first.get(article.source, article.when))
    if not first:
        return 0.0
    begun, *followed = sorted(first.values())
    early = sum(float(0.5 ** ((moment - begun) / PICKUP_HALF_LIFE)) for moment in followed)
    return 1 - 1 / (1 + early)


def _is_for(article: Article, wishes: config.List, now: datetime) -> bool:
    """Tell whether an article is young enough for a list, and in a language that it speaks, if that is known."""
    language = (article.language or "").partition("-")[0]
    if wishes.languages and language and language not in wishes.languages:
        return False
    if not wishes.max_age_hours or article.when is None:
        return True
    return now - instant(article.when) <= timedelta(hours=wishes.max_age_hours)


def _lead_first(tellings: Sequence[Article]) -> list[Article]:
    """Order the tellings of a story: reported news first, fuller text first, then the earlier one."""

    def merit(article: Article) -> tuple[bool, int, float, str]:
        begun = instant(article.when).timestamp() if article.when else math.inf
        return (article.kind is not Kind.NEWS, -min(len(article.text), ENOUGH_TEXT), begun, article.id)

    return sorted(tellings, key=merit)
