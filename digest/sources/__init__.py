"""Where documents come from: folders, feeds, pages, the command line; the web only through `web`."""

from pathlib import PurePath

MEDIA_TYPES = {
    ".txt": "text/plain",
    ".htm": "text/html",
    ".html": "text/html",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".atom": "application/xml",
    ".rss": "application/xml",
    ".xml": "application/xml",
}
"""The endings that a folder is read for, and what they promise."""

UNKNOWN = "application/octet-stream"
"""The media type of what must be told by its first bytes."""


def media_type_of(name: str) -> str:
    """Tell a document's media type by the ending of its file name, `UNKNOWN` where it promises nothing."""
    return MEDIA_TYPES.get(PurePath(name).suffix.lower(), UNKNOWN)
