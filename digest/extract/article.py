"""The one gate into `Article`: whatever a document says is cleaned, completed and judged here."""

import re
from collections.abc import Iterable
from datetime import MAXYEAR, MINYEAR
from urllib.parse import urljoin, urlsplit

from digest.clean import clean_line, clean_text
from digest.extract.language import language_of
from digest.extract.urls import canonical_url
from digest.model import PARAGRAPH_BREAK, Article, Kind, When

_LONGEST_LINE = 300  # characters of a title, a name or a section; more is body text in the wrong place
_HEADLINE = 80  # characters of the beginning that stands for a missing title

_OPINION = frozenset(
    """
    opinion opinions commentary comment editorial editorials op-ed op-eds column columns columnist columnists
    letters leader leaders viewpoint viewpoints perspective perspectives
    kommentar kommentare meinung leitartikel kolumne kolumnen glosse leserbriefe
    tribune tribunes éditorial éditoriaux édito éditos chronique chroniques
    opinión opiniones editoriales columnas tribuna opinioni editoriale editoriali commenti
    opinião opiniões colunas мнение мнения yorum yorumlar görüş رأي آراء 评论 社论 社説 오피니언 사설
    """.split()  # noqa: SIM905 - a page of quotation marks says no more
)
_BLOG = frozenset(["blog", "blogs", "weblog", "weblogs"])
_BETWEEN_LABELS = re.compile(r"[/|&,;:>›»·]| and | und | et | y ")


def build(
    *,
    source: str,
    title: str | None,
    body: Iterable[str],
    url: str | None = None,
    author: str | None = None,
    language: str | None = None,
    published: When | None = None,
    modified: When | None = None,
    dateline: str | None = None,
    section: str | None = None,
    kind: Kind | None = None,
    votes: int = 0,
    image: str | None = None,
    image_alt: str | None = None,
) -> Article | None:
    """Make an article of what a document says, as it says it; None where that is neither title nor text.

    A missing title is the beginning of the text, a missing language is detected, a missing kind follows from
    the section. `url` and `image` are resolved already; a `url` that is no web address is left out.
    """
    paragraphs = tuple(text for text in map(clean_text, body) if text.strip())
    title = _line(title) or _beginning(paragraphs)
    if not title:
        return None
    section = _line(section)
    return Article(
        source=_line(source) or "unknown",
        title=title,
        body=paragraphs,
        url=canonical_url(url) if url else None,
        author=_line(author),
        language=language_of(PARAGRAPH_BREAK.join((title, *paragraphs)), declared=language),
        published=_within_calendar(published),
        modified=_within_calendar(modified),
        dateline=_line(dateline),
        section=section,
        kind=kind or kind_of(section),
        votes=max(votes, 0),
        image=image,
        image_alt=_line(image_alt) or "",
    )


def kind_of(section: str | None) -> Kind:
    """Tell from the name of its section what sort of piece an article is: "Opinion & Analysis" is opinion."""
    labels = {label.strip() for label in _BETWEEN_LABELS.split((section or "").lower())}
    if labels & _OPINION:
        return Kind.OPINION
    return Kind.BLOG if labels & _BLOG else Kind.NEWS


def image_url(address: str | None, base: str | None = None) -> str | None:
    """Give an http(s) address of a picture; without a `base`, a path below the document stays as it is.

    Whoever reads such a path must still keep to the document's folder.
    """
    address = clean_text(address or "")
    try:
        address = urljoin(base or "", address) if address else ""
        scheme = urlsplit(address).scheme
    except ValueError:
        return None
    if scheme:
        return address if canonical_url(address) and " " not in address else None
    below = address and not address.startswith("/") and "\\" not in address and ".." not in address.split("/")
    return address if below else None


def _within_calendar(when: When | None) -> When | None:
    """Leave out the years in which a change of time zone could fall off the calendar: they mean "unknown"."""
    return when if when and MINYEAR < when.year < MAXYEAR else None


def _line(text: str | None) -> str | None:
    """Make one clean line, cut at a word where it is far too long."""
    line = clean_line(text or "")
    return _cut(line, _LONGEST_LINE) or None


def _beginning(paragraphs: tuple[str, ...]) -> str | None:
    return _cut(clean_line(paragraphs[0]), _HEADLINE) if paragraphs else None


def _cut(line: str, most: int) -> str:
    if len(line) <= most:
        return line
    return (line[:most].rpartition(" ")[0] or line[: most - 1]) + "…"
