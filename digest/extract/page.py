"""What a reader makes of one saved page, before its source's name turns it into an article."""

from dataclasses import dataclass

from digest.model import When


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page with its furniture told apart from its story; what the page does not say is None."""

    title: str | None = None
    author: str | None = None  # as printed, several names in one string
    published: When | None = None
    modified: When | None = None
    dateline: str | None = None  # as printed: BAGHDAD
    votes: int = 0
    section: str | None = None
    body: tuple[str, ...] = ()  # paragraphs, verbatim, never empty ones
