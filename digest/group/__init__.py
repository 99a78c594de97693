"""Articles that tell the same story get the same thread, day after day.

    articles ─ duplicates ─▶ seeds ─┐
             ─ links ───────────────┴─ cluster ─▶ threads

Pure: the same articles in any order, with the same memory, give the same threads. An article once in a thread stays
in it, and two threads never become one, since what was sent under two names cannot be taken back.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from digest.group.cluster import cluster
from digest.group.duplicates import duplicates
from digest.group.links import links
from digest.model import Article, instant

NOTHING_KNOWN: Mapping[str, Sequence[Article]] = MappingProxyType({})


def group(fresh: Sequence[Article], known: Mapping[str, Sequence[Article]] = NOTHING_KNOWN) -> dict[str, str]:
    """Give the thread of each fresh article, by the article's id.

    `known` are the threads of the last days with their articles. A fresh article joins one of them, or others that
    are fresh, or starts a thread; a new thread is called by the id of its earliest article.
    """
    thread_of = {article.id: thread for thread, articles in known.items() for article in articles}
    old = _in_order(article for articles in known.values() for article in articles)
    new = _in_order(article for article in fresh if article.id not in thread_of)
    told = {article.id: thread_of[article.id] for article in fresh if article.id in thread_of}
    articles = [*old, *new]
    threads = [thread_of.get(article.id) for article in articles]
    seeds = duplicates(articles, threads)
    for members in cluster(articles, threads, seeds, links(articles, threads)):
        name = threads[members[0]] or articles[members[0]].id
        told |= {articles[index].id: name for index in members if threads[index] is None}
    return told


def _in_order(articles: Iterable[Article]) -> list[Article]:
    """Sort by time, the undated last, and leave out what has the id of another."""

    def key(article: Article) -> tuple[bool, float, str, str]:
        when = article.when
        return (when is None, instant(when).timestamp() if when else 0.0, article.id, article.source)

    first: dict[str, Article] = {}
    for article in sorted(articles, key=key):
        first.setdefault(article.id, article)
    return list(first.values())
