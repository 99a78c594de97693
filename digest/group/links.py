"""How near articles are to each other: cosines of tf-idf vectors, by way of an inverted index.

An index lists for each term the articles that have it, so that only those are compared that share a term, and terms
of many articles are left out of it; the time grows with the articles times the longest such list.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from digest.group.terms import TITLE_CHARACTERS, terms, words
from digest.model import Article, instant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]

Link = tuple[int, int, float]

FLOOR = 0.03
"""A cosine below this is chance."""

BACKGROUND = 3
"""Articles of each language that are imagined to have none of a word, lest two alone have no rare word at all."""

IMAGINED = 30
"""The same for each source: what it always writes about says little, but a few articles do not tell what that is."""

UNSAID = 100.0
"""The square of the length of what is imagined unsaid: two headlines of two words are not the same for one of them."""

LONGEST_LIST = 500
LONGEST_SHARE = 0.05
"""A term is left out of the index that is in more articles than both of these say."""

MOST_LINKS = 1_000_000
FEWEST_NEIGHBOURS = 32
"""Each article is linked to its nearest only, so many at least, and else as many as make so many links."""

FADING_FRESH = (180.0, 90.0)
FADING_KNOWN = (1.0, 4.0)
FADED = 0.5
"""How nearness fades with the days between two articles: it begins after so many, halves in so many, and ends here.

What came together is compared nearly as it is, since the dates of articles are often wrong; what was told on another
day must be nearer to go on, or the weather would.
"""

COLUMN_HOURS = 18.0
"""What one source prints under the same title, so far apart, in other words, is a column: the weather, no story."""

SILENCE_DAYS = 14.0
"""What one source writes so long after the last time is not the same story; the archive of a new feed is full of it."""

_HOUR = 3600.0
_DAY = 24 * _HOUR


def links(articles: Sequence[Article], threads: Sequence[str | None]) -> Iterator[Link]:
    """Give (a, b, nearness), a below b, for the pairs that are near.

    What is in threads already comes first, and is compared within its thread only.
    """
    if not articles:
        return
    import numpy as np  # noqa: PLC0415 - heavy, and not needed to ask for --help

    languages = _numbered([(article.language or "").partition("-")[0] for article in articles])
    sources = _numbered([article.source for article in articles])
    index = _Index([terms(article) for article in articles], languages, sources)
    moments = np.array([instant(a.when).timestamp() if a.when else np.nan for a in articles])
    columns = _numbered([_column(article) for article in articles])
    told = _numbered([thread or "" for thread in threads])
    room = max(FEWEST_NEIGHBOURS, MOST_LINKS // len(articles))
    for b in range(len(articles)):
        same_thread = told[:b] == told[b]
        if told[b] and not same_thread.any():
            continue
        cosines = index.cosines(b)
        apart = np.nan_to_num(np.abs(moments[:b] - moments[b]), nan=0.0)
        comparable = (languages[:b] == languages[b]) | (languages[:b] == 0) | (languages[b] == 0)
        if told[b]:
            comparable &= same_thread
        else:
            comparable &= (columns[:b] != columns[b]) | (columns[b] == 0) | (apart < COLUMN_HOURS * _HOUR)
            comparable &= (sources[:b] != sources[b]) | (sources[b] == 0) | (apart <= SILENCE_DAYS * _DAY)
            cosines *= np.where(told[:b] == 0, _faded(apart, *FADING_FRESH), _faded(apart, *FADING_KNOWN))
        near = np.flatnonzero(comparable & (cosines >= FLOOR))
        if len(near) > room:
            near = near[np.argsort(-cosines[near], kind="stable")[:room]]
        for a, cosine in zip(near.tolist(), cosines[near].tolist(), strict=True):
            yield a, b, cosine


def _faded(apart: "Floats", grace: float, half_life: float) -> "Floats":
    import numpy as np  # noqa: PLC0415

    days = np.maximum(apart / _DAY - grace, 0.0)
    return np.maximum(0.5 ** (days / half_life), FADED)


def _column(article: Article) -> str:
    """Name what the article may be an instalment of: its source and its title without numbers."""
    title = " ".join(word for word in words(article.title[:TITLE_CHARACTERS]) if not word.isdigit())
    return f"{article.source}\n{title}" if article.source and title else ""


def _numbered(names: Sequence[str]) -> "Indices":
    """Give each name a number; 0 is none."""
    import numpy as np  # noqa: PLC0415

    numbers = {"": 0}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.intp)


class _Index:
    """The articles' vectors, of length 1 or, where there are few words, less; and each term's articles."""

    def __init__(
        self, counted: Sequence[Mapping[str, float]], languages: "Indices", sources: "Indices"
    ) -> None:
        import numpy as np  # noqa: PLC0415

        numbers: dict[str, int] = {}
        sizes = np.array([len(counts) for counts in counted], dtype=np.intp)
        self._terms = np.array(
            [numbers.setdefault(t, len(numbers)) for c in counted for t in c], dtype=np.intp
        )
        owners = np.repeat(np.arange(len(counted)), sizes)
        articles = np.bincount(self._terms, minlength=len(numbers))
        values = np.array([n for counts in counted for n in counts.values()], dtype=np.float64)
        have, all_of_them = _counted(languages, owners, self._terms)
        rare = np.log((all_of_them + BACKGROUND) / have)
        have, all_of_them = _counted(sources, owners, self._terms)
        others = np.where(sources[owners] == 0, 0.0, (have - 1) / (all_of_them + IMAGINED))
        values *= np.minimum(rare, -np.log(np.maximum(others, np.finfo(np.float64).tiny)))
        lengths = np.sqrt(np.bincount(owners, values**2, minlength=len(counted)) + UNSAID)
        self._values = values / lengths[owners]
        self._ends = np.concatenate(([0], np.cumsum(sizes)))
        order = np.argsort(self._terms, kind="stable")
        self._owners, self._weights = owners[order], self._values[order]
        self._starts = np.concatenate(([0], np.cumsum(articles)))[:-1]
        self._listed = np.where(articles > max(LONGEST_LIST, LONGEST_SHARE * len(counted)), 0, articles)

    def cosines(self, article: int) -> "Floats":
        """Give the cosine with each article before this one."""
        import numpy as np  # noqa: PLC0415

        own = slice(self._ends[article], self._ends[article + 1])
        found, lengths = self._terms[own], self._listed[self._terms[own]]
        total = int(lengths.sum())
        offsets = np.repeat(self._starts[found] - np.cumsum(lengths) + lengths, lengths)
        listed = offsets + np.arange(total)
        products = self._weights[listed] * np.repeat(self._values[own], lengths)
        return np.bincount(self._owners[listed], products, minlength=article + 1)[:article].astype(np.float64)


def _counted(kinds: "Indices", owners: "Indices", terms: "Indices") -> tuple["Indices", "Indices"]:
    """Give for each article's terms how many articles of its kind have them, and how many there are."""
    import numpy as np  # noqa: PLC0415

    kind = kinds[owners]
    _, which, counts = np.unique(
        kind * (terms.max(initial=0) + 1) + terms, return_inverse=True, return_counts=True
    )
    return counts[which], np.bincount(kinds)[kind]
