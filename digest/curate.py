"""Articles become stories: those that tell the same thing are joined, then ranked, then chosen.

Pure: the same articles, settings and moment give the same stories. What each term added to a story's score stays
with the story as its reasons.
"""

import dataclasses
import heapq
import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from digest import config
from digest.extract.lexicon import FUNCTION
from digest.model import Article, Kind, Reason, Story, instant

TOP = "top"

SAME_STORY = 0.14
"""Cosine from which on two articles tell the same story; chosen on two corpora of news events for its precision."""

LEAD_CHARACTERS = 1200
UNDATED_FRESHNESS = 0.5
REPETITION_WEIGHT = -0.5
ENOUGH_TEXT = 2000
"""Characters after which more text does not make an article a better one to lead a story."""

LIKED_SINCE = timedelta(days=30)
"""How long what a reader voted for speaks for its source."""

NOBODY_VOTED: Mapping[str, float] = MappingProxyType({})

_NORMAL_95 = 1.959964

_WORD = re.compile(r"\w+")


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


def join(articles: Sequence[Article]) -> list[list[Article]]:
    """Group the articles that tell the same story in the same language, each group in the order given.

    Average-link agglomeration over tf-idf vectors of the title (counted twice) and the lead.
    """
    groups: list[list[int]] = []
    for indices in _by_language(articles):
        texts = [
            f"{articles[i].title} {articles[i].title} {articles[i].text[:LEAD_CHARACTERS]}" for i in indices
        ]
        groups += ([indices[member] for member in sorted(cluster)] for cluster in _cluster(_vectors(texts)))
    return [[articles[index] for index in group] for group in sorted(groups)]


def _by_language(articles: Sequence[Article]) -> Iterable[list[int]]:
    indices: dict[str, list[int]] = defaultdict(list)
    for index, article in enumerate(articles):
        indices[(article.language or "").partition("-")[0]].append(index)
    return indices.values()


def _cluster(vectors: Sequence[Mapping[str, float]]) -> Iterable[list[int]]:
    """Join the two nearest clusters again and again, until none are as near as `SAME_STORY`."""
    clusters = {index: [index] for index in range(len(vectors))}
    links = _similarities(vectors)
    heap = [
        (-value, a, b)
        for a, near in links.items()
        for b, value in near.items()
        if a < b and value >= SAME_STORY
    ]
    heapq.heapify(heap)
    number = len(vectors)
    while heap:
        _, a, b = heapq.heappop(heap)
        if a not in clusters or b not in clusters:
            continue
        links[number] = _average(links, clusters, a, b)
        clusters[number] = clusters.pop(a) + clusters.pop(b)
        for other, near in links[number].items():
            links[other][number] = near
            if near >= SAME_STORY:
                heapq.heappush(heap, (-near, other, number))
        number += 1
    return clusters.values()


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


def _vectors(texts: Sequence[str]) -> list[dict[str, float]]:
    """Give each text's tf-idf vector of length 1, without function words."""
    counts = [Counter(w for w in _WORD.findall(text.casefold()) if w not in FUNCTION) for text in texts]
    documents = Counter(itertools.chain.from_iterable(counts))
    vectors = []
    for count in counts:
        vector = {w: n * math.log((1 + len(texts)) / documents[w]) for w, n in count.items()}
        length = math.sqrt(sum(value * value for value in vector.values())) or 1.0
        vectors.append({word: value / length for word, value in vector.items()})
    return vectors


def _similarities(vectors: Sequence[Mapping[str, float]]) -> dict[int, dict[int, float]]:
    """Give the cosine of each pair that shares a word, by way of an inverted index."""
    links: dict[int, dict[int, float]] = {index: defaultdict(float) for index in range(len(vectors))}
    postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for index, vector in enumerate(vectors):
        for word, value in vector.items():
            for other, weight in postings[word]:
                links[index][other] += value * weight
                links[other][index] += value * weight
            postings[word].append((index, value))
    return links


def _average(
    links: Mapping[int, Mapping[int, float]], clusters: Mapping[int, Sequence[int]], a: int, b: int
) -> dict[int, float]:
    """Give the links of the cluster that joins a and b: means weighted by their sizes (Lance and Williams 1967)."""
    of_a, of_b = len(clusters[a]), len(clusters[b])
    near = (set(links[a]) | set(links[b])) & clusters.keys() - {a, b}
    return {
        other: (of_a * links[a].get(other, 0.0) + of_b * links[b].get(other, 0.0)) / (of_a + of_b)
        for other in near
    }
