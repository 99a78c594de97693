"""Published issues as files that anyone can open: a web page, its text, and the frozen issue as JSON."""

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from digest.errors import StoreError
from digest.model import Issue, Letter
from digest.plain import to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where an issue was written."""

    html: Path
    text: Path
    json: Path


def write(folder: Path, issue: Issue, letter: Letter, *, name: str | None = None) -> Files:
    """Write an issue's three files into `folder`, named after its date or `name`; each appears whole or not at all.

    Raises:
        StoreError: the folder cannot be written to.

    """
    stem = name or issue.date.isoformat()
    files = Files(html=folder / f"{stem}.html", text=folder / f"{stem}.txt", json=folder / f"{stem}.json")
    frozen = json.dumps(to_json(issue), ensure_ascii=False, indent=1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in ((files.html, letter.html), (files.text, letter.text), (files.json, frozen)):
            _replace(path, content)
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be written to: {error.strerror}; nothing was lost, mend that and run again"
        ) from None
    return files


def _replace(path: Path, content: str) -> None:
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=".", delete=False
    ) as draft:
        try:
            draft.write(content)
            draft.flush()
            os.fchmod(draft.fileno(), 0o644)
            Path(draft.name).replace(path)
        except OSError:
            Path(draft.name).unlink(missing_ok=True)
            raise
