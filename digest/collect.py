"""Read every source and keep what is new; one that fails is reported, and the day goes on.

    sources ─ read ─▶ documents ─ extract ─▶ articles ─ adapt ─▶ store ─ group ─▶ threads

A source is read and its articles are made in a thread of its own; only this module's caller's thread writes.
An article is stored before its source's validators are, so a crash between the two reads the feed once more and
loses nothing. It gets its thread last: a crash before that leaves it without, and the next round finds it.
"""

import dataclasses
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest import config
from digest.errors import DigestError, SourceError
from digest.extract import extract
from digest.group import group
from digest.model import Article, Collected, Document, Gathered, Kind, Trouble
from digest.protocols import Illustrated, Revalidating, Source
from digest.store import Database, articles, sources

READERS = 8
"""Sources read at the same time; most of it is waiting."""

LONGEST_REST = timedelta(days=1)
"""A server that asks to be left alone for longer is asked again after this all the same."""

TEASER_CHARACTERS = 1500
"""A feed's entry with more text than this is taken for the full article."""


REMEMBERED = timedelta(days=14)
"""How long a story is remembered that may go on; an article that comes later begins a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inlet:
    """A source and what the settings say about its articles."""

    source: Source
    settings: config.Source


@dataclass(frozen=True, slots=True, kw_only=True)
class PageReader:
    """How the pages behind a feed's teasers are read: the fetching, and at most so many for a source."""

    fetch: Callable[[str], Document]
    limit: int


def collect(
    inlets: Sequence[Inlet],
    database: Database,
    pages: PageReader,
    *,
    clock: Callable[[], datetime],
    on_read: Callable[[Gathered], None] = lambda _: None,
) -> Collected:
    """Read each source that its server does not want left alone, and store what it gave.

    An article is ingested when it is stored, not when the round began: an issue may have closed in between.
    `on_read` hears of each source as it is done.

    Raises:
        StoreError: the database refused; what was stored before stays.

    """
    with database.transaction() as connection:
        resting = sources.resting(connection, now=clock())
    awake = [inlet for inlet in inlets if inlet.source.name not in resting]
    read = new = 0
    troubles: list[Trouble] = []
    with ThreadPoolExecutor(READERS) as pool:
        for inlet, gathered in zip(
            awake, pool.map(lambda inlet: gather(inlet.source, inlet.settings), awake), strict=True
        ):
            whole = _with_pages(gathered, inlet, database, pages)
            with database.transaction() as connection:
                now = clock()
                new += articles.put(connection, whole.articles, now=now)
                if isinstance(inlet.source, Revalidating):
                    rest = min(timedelta(seconds=inlet.source.wait_seconds or 0), LONGEST_REST)
                    # An answer in which nothing could be read must not come back as "not modified".
                    validators = inlet.source.validators if whole.articles or not whole.troubles else None
                    sources.remember(connection, whole.source, validators, not_before=now + rest)
            read += len(whole.articles)
            troubles += whole.troubles
            on_read(whole)
    thread(database, now=clock())
    return Collected(read=read, new=new, troubles=tuple(troubles))


def thread(database: Database, *, now: datetime) -> None:
    """Say of each new article which story it tells: one of the last days, or a new one.

    The comparing is done outside any transaction. Where two processes do it at once, the first answer stays.
    """
    with database.transaction() as connection:
        fresh = articles.unthreaded(connection, since=now - REMEMBERED)
        known = articles.threads(connection, since=now - REMEMBERED) if fresh else {}
    if fresh:
        threads = group(fresh, known)
        with database.transaction() as connection:
            articles.set_threads(connection, threads)


def gather(source: Source, settings: config.Source | None = None) -> Gathered:
    """Read one source to its end: its articles, and what could not be read of it.

    Without settings, as for what the command line names, each article's source is what it says of itself.
    """
    found: list[Article] = []
    troubles: list[Trouble] = []

    def report(origin: str, problem: str) -> None:
        troubles.append(Trouble(source=source.name, origin=origin, problem=problem))

    try:
        for item in source.read():
            if isinstance(item, SourceError):
                report(source.name, str(item))
                continue
            try:
                extracted = extract(
                    item,
                    source=source.name if settings else None,
                    only_feed=settings is not None and settings.kind == "feed",
                )
            except DigestError as error:
                report(item.origin, str(error))
                continue
            for problem in extracted.problems:
                report(item.origin, problem)
            found += (_adapt(article, item, source, settings) for article in extracted.articles)
    except SourceError as error:
        report(source.name, str(error))
    # Where it led to nothing that could be read, a wall say, it is no address to write down.
    if isinstance(source, Revalidating) and source.moved_to and (found or not troubles):
        report(source.name, f"has moved for good to {source.moved_to}: write that into config.toml")
    return Gathered(source=source.name, articles=tuple(found), troubles=tuple(troubles))


def _adapt(article: Article, document: Document, source: Source, settings: config.Source | None) -> Article:
    """Fill in what the settings know about a source's articles, and take in the picture beside them."""
    image = article.image
    if image and not image.startswith(("http://", "https://", "data:")):
        image = source.image(document.origin, image) if isinstance(source, Illustrated) else None
    article = dataclasses.replace(article, image=image)
    if settings is None:
        return article
    return dataclasses.replace(
        article,
        section=article.section or settings.section or None,
        kind=Kind(settings.article_kind) if settings.article_kind else article.kind,
        language=settings.language or article.language,
    )


def _with_pages(gathered: Gathered, inlet: Inlet, database: Database, pages: PageReader) -> Gathered:
    """Put the text of its page in place of each new teaser, where the source's settings ask for it."""
    if not inlet.settings.full_text:
        return gathered
    teasers = [
        article for article in gathered.articles if article.url and len(article.text) < TEASER_CHARACTERS
    ]
    with database.transaction() as connection:
        known = articles.get(connection, [article.id for article in teasers])
    wanted = [article for article in teasers if article.id not in known][: pages.limit]
    troubles = list(gathered.troubles)
    full = {article.id: _retold(article, known[article.id]) for article in teasers if article.id in known}
    for article in wanted:
        try:
            full[article.id] = _fuller(article, pages.fetch(str(article.url)))
        except DigestError as error:
            troubles.append(Trouble(source=gathered.source, origin=str(article.url), problem=str(error)))
    merged = tuple(full.get(article.id, article) for article in gathered.articles)
    return dataclasses.replace(gathered, articles=merged, troubles=tuple(troubles))


def _fuller(teaser: Article, document: Document) -> Article:
    """Give the teaser with its page's body where that is longer, and what only the page says."""
    (page, *_) = extract(document, source=teaser.source).articles
    if len(page.text) <= len(teaser.text):
        return teaser
    return dataclasses.replace(
        teaser,
        body=page.body,
        dateline=page.dateline or teaser.dateline,
        author=teaser.author or page.author,
        published=teaser.published or page.published,
        language=teaser.language or page.language,
        votes=max(teaser.votes, page.votes),
    )


def _retold(teaser: Article, stored: Article) -> Article:
    """Give what is stored of a page with the headline that its teaser has now."""
    if stored.source != teaser.source or len(stored.text) <= len(teaser.text):
        return teaser
    return dataclasses.replace(stored, title=teaser.title)


def worded(trouble: Trouble) -> str:
    """Say a trouble in one line that names its source first; an address may have the same word in it."""
    return f"{trouble.source}: {trouble.problem}"
