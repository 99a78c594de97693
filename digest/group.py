"""Which articles tell the same story."""

import heapq
import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from digest.extract.lexicon import FUNCTION
from digest.model import Article

SAME_STORY = 0.14
LEAD_CHARACTERS = 1200
_WORD = re.compile(r"\w+")


def group(fresh: Sequence[Article], known: Mapping[str, Sequence[Article]] = {}) -> dict[str, str]:
    """Give the thread of each fresh article."""
    threads = {article.id: thread for thread, told in known.items() for article in told}
    found = {}
    for cluster in join([*(a for told in known.values() for a in told), *fresh]):
        name = next((threads[a.id] for a in cluster if a.id in threads), cluster[0].id)
        found |= {a.id: name for a in cluster}
    return {a.id: found[a.id] for a in fresh}


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
