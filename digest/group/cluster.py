"""Join the nearest again and again: agglomerative clustering, with threads that are already there.

The link between two clusters is the sum of the cosines between their articles, divided by the norm of each. For
articles with a text a cluster's norm is its size, which makes the link their average (UPGMA, Sokal and Michener 1958).
Headlines of one event have few words in common, so that averages of many vanish; for them the norm is the length of
the sum of the cluster's vectors, which makes the link the cosine of the two centroids. In between, in proportion.
"""

import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from digest.model import Article

SAME_STORY = 0.12
"""The link from which on two clusters tell one story; docs/explanation/grouping.md says how it was chosen."""


@dataclass(slots=True, kw_only=True)
class _Cluster:
    members: list[int]
    thread: str | None
    languages: set[str]
    headlines: int  # articles without a text
    within: float  # the sum of the cosines of its articles with each other and themselves
    near: dict[int, float] = field(default_factory=dict)  # to other clusters: the sum of cosines
    norm: float = 1.0

    def measure(self) -> None:
        share = self.headlines / len(self.members)
        self.norm = float(len(self.members) ** (1 - share) * math.sqrt(self.within) ** share)

    def may_join(self, other: "_Cluster") -> bool:
        strangers = self.languages and other.languages and self.languages.isdisjoint(other.languages)
        return not strangers and (self.thread is None or other.thread is None)


def cluster(
    articles: Sequence[Article],
    threads: Sequence[str | None],
    seeds: Iterable[Sequence[int]],
    links: Iterable[tuple[int, int, float]],
    *,
    enough: float = SAME_STORY,
) -> Iterator[list[int]]:
    """Give the members of each cluster, in order; those that are in a thread already come first."""
    clusters = _seeded(articles, threads, seeds, links)
    heap: list[tuple[float, int, int]] = []
    for number in list(clusters):
        _push(heap, clusters, number, enough, below=True)
    number = len(clusters)
    while heap:
        _, a, b = heapq.heappop(heap)
        if a in clusters and b in clusters:
            clusters[number] = _joined(clusters, a, b, number)
            _push(heap, clusters, number, enough)
            number += 1
    return (sorted(one.members) for one in clusters.values())


def _seeded(
    articles: Sequence[Article],
    threads: Sequence[str | None],
    seeds: Iterable[Sequence[int]],
    links: Iterable[tuple[int, int, float]],
) -> dict[int, _Cluster]:
    clusters: dict[int, _Cluster] = {}
    home: dict[int, int] = {}
    for number, seed in enumerate(seeds):
        told = [articles[index] for index in seed]
        clusters[number] = _Cluster(
            members=list(seed),
            thread=threads[seed[0]],
            languages={article.language.partition("-")[0] for article in told if article.language},
            headlines=sum(not article.body for article in told),
            within=float(len(told)),
        )
        home |= dict.fromkeys(seed, number)
    for a, b, cosine in links:
        one, other = home[a], home[b]
        if one == other:
            clusters[one].within += 2 * cosine
        else:
            clusters[one].near[other] = clusters[other].near[one] = (
                clusters[one].near.get(other, 0.0) + cosine
            )
    return clusters


def _push(
    heap: list[tuple[float, int, int]],
    clusters: dict[int, _Cluster],
    number: int,
    enough: float,
    *,
    below: bool = False,
) -> None:
    """Put a cluster's links that are strong enough on the heap; `below`: only those to clusters before it."""
    one = clusters[number]
    for other, cosines in one.near.items():
        if below and other > number:
            continue
        norms = one.norm * clusters[other].norm
        if cosines >= enough * norms and one.may_join(clusters[other]):
            heapq.heappush(heap, (-cosines / norms, other, number))


def _joined(clusters: dict[int, _Cluster], a: int, b: int, number: int) -> _Cluster:
    """Take two clusters out and give the one that joins them."""
    one, other = clusters.pop(a), clusters.pop(b)
    if len(one.near) < len(other.near):
        one, other, a, b = other, one, b, a
    within = one.within + other.within + 2 * one.near.pop(b)
    del other.near[a]
    near = one.near
    for third, cosines in other.near.items():
        near[third] = near.get(third, 0.0) + cosines
        clusters[third].near.pop(b)
    for third, cosines in near.items():
        clusters[third].near.pop(a, None)
        clusters[third].near[number] = cosines
    joined = _Cluster(
        members=one.members + other.members,
        thread=one.thread or other.thread,
        languages=one.languages | other.languages,
        headlines=one.headlines + other.headlines,
        within=within,
        near=near,
    )
    joined.measure()
    return joined
