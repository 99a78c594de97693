"""Look again, just before an issue is frozen, at the pages of its first stories and of those told last.

    stories ─ fetch ─▶ page ─ extract ─▶ article ─ reread ─▶ store

A page that its server says is not there any more leaves its article without text, so that no issue tells it; one that
is plainly the same article with other words gives those. Anything else is temporary and changes nothing: a server that
is silent or busy, a wall, a page in which nothing can be read. Each page is asked for once, `READERS` at a time, and
never within a transaction. A crash at any point leaves some articles newer than others, as a round of collecting does.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from digest import config
from digest.errors import DigestError
from digest.extract import extract
from digest.model import Article, Document, Issue
from digest.revise import quoted, reread
from digest.store import Database, articles

READERS = 8
"""Pages asked for at the same time."""

ROUNDS = 3
"""How often what took a fallen story's place is looked at in turn."""

_NOWHERE = config.Source(kind="folder", path=Path())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What a look at a page brought; neither, where it could not be read."""

    gone: bool = False
    page: Article | None = None


class Recheck:
    """One second look: at as many of the first stories of each issue as `stories` says."""

    def __init__(
        self,
        database: Database,
        sources: Mapping[str, config.Source],
        *,
        fetch: Callable[[str], Document | None],
        stories: int,
    ) -> None:
        self._database = database
        self._sources = sources
        self._fetch = fetch
        self._stories = stories
        self._rounds = ROUNDS
        self._asked: set[str] = set()

    def __call__(self, *issues: Issue) -> bool:
        """Look at what was not looked at yet, store what is otherwise, and tell whether anything is.

        Raises:
            StoreError: the database refused.

        """
        wanted = [article for article in self._quoted(issues) if article.id not in self._asked]
        if not wanted or not self._rounds:
            return False
        self._rounds -= 1
        self._asked |= {article.id for article in wanted}
        with ThreadPoolExecutor(READERS) as pool:
            seen = zip((article.id for article in wanted), pool.map(self._read, wanted), strict=True)
            pages = _without_moves(wanted, dict(seen))
        with self._database.transaction() as connection:
            stored = articles.get(connection, pages.keys())
            revised = [
                now for key, then in stored.items() if (now := self._as_it_is(then, pages[key])) != then
            ]
            for article in revised:
                articles.replace(connection, article)
        return bool(revised)

    def _quoted(self, issues: Iterable[Issue]) -> Iterator[Article]:
        """Give the articles on the web that the first stories quote, each once."""
        told = (story for issue in issues for story in issue.stories[: self._stories])
        found = {article.id: article for story in told for article in quoted(story) if article.url}
        return (article for article in found.values() if self._source(article).kind != "folder")

    def _source(self, article: Article) -> config.Source:
        """Give a source's settings; what settings do not name any more is as little on the web as a folder."""
        return self._sources.get(article.source, _NOWHERE)

    def _read(self, article: Article) -> _Seen:
        """Read an article's page."""
        try:
            document = self._fetch(str(article.url))
            if document is None:
                return _Seen(gone=True)
            return _Seen(page=extract(document, source=article.source).articles[0])
        except DigestError:
            return _Seen()

    def _as_it_is(self, stored: Article, seen: _Seen) -> Article:
        """Give an article as its page shows it; a feed's own text is not held against a page."""
        source = self._source(stored)
        if seen.gone:
            return dataclasses.replace(stored, body=())
        if seen.page is None or not (source.kind == "page" or source.full_text):
            return stored
        return reread(stored, seen.page, titled=source.kind == "page") or stored


def _without_moves(wanted: Sequence[Article], seen: Mapping[str, _Seen]) -> dict[str, _Seen]:
    """Leave out what a source says that has none of several pages any more: it has moved, or it turns us away."""
    pages: dict[str, list[str]] = defaultdict(list)
    for article in wanted:
        pages[article.source].append(article.id)
    moved = {source for source, ids in pages.items() if len(ids) > 1 and all(seen[key].gone for key in ids)}
    return {article.id: seen[article.id] for article in wanted if article.source not in moved}
