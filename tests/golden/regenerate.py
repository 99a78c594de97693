"""Write down the issue of the sample day anew; read the diff before you keep it: python tests/golden/regenerate.py."""

import contextlib
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from digest.app import App
from digest.config import load
from digest.model import Issue, Story

GOLDEN = Path(__file__).with_name("seeds-issue.txt")
MORNING = datetime(2026, 11, 21, 7, tzinfo=UTC)
"""The hour of the letter on the day after the sample day's evening."""


def sample_issue() -> Issue:
    """Make the issue of seeds/ as the shipped settings say, in an empty folder, on that morning."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        app = App(load(), clock=lambda: MORNING)
        collected = app.collect()
        assert not collected.troubles, collected.troubles
        issue = app.preview("daily")
        app.database.close()
        return issue


def written(issue: Issue) -> str:
    """Say of each story where it stands, who tells it, why it stands there, and how its summary begins."""
    return (
        "\n".join(line for section in issue.sections for line in _section(section.title, section.stories))
        + "\n"
    )


def _section(title: str, stories: tuple[Story, ...]) -> Iterator[str]:
    yield f"== {title or 'Top'}"
    for story in stories:
        sources = ", ".join(article.source for article in story.articles)
        yield ""
        yield f"{story.lead.title}"
        yield f"    {story.score:.2f}  {sources}  {story.lead.published or 'undated'}"
        yield from (f"    | {sentence.text}" for sentence in story.summary[:1])
    yield ""


if __name__ == "__main__":
    GOLDEN.write_text(written(sample_issue()), encoding="utf-8")
