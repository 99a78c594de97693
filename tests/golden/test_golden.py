"""The issue of the sample day stays as it is until somebody means to change it."""

import difflib
from datetime import UTC, datetime

import pytest
from regenerate import GOLDEN, sample_issue, written

from digest.model import Issue


@pytest.fixture(scope="module")
def issue() -> Issue:
    return sample_issue()


def test_the_sample_day_makes_the_issue_that_was_written_down(issue: Issue) -> None:
    known, now = GOLDEN.read_text(encoding="utf-8"), written(issue)
    if known != now:
        diff = difflib.unified_diff(
            known.splitlines(), now.splitlines(), "written down", "now", lineterm="", n=4
        )
        pytest.fail("\n".join(["if it is better: python tests/golden/regenerate.py", *diff]), pytrace=False)


def test_the_days_great_stories_lead_it_each_told_once_by_all_its_sources(issue: Issue) -> None:
    """What the sample day's own table of events says, whatever else changes."""
    barrier, ferries, reef = (
        {article.source for article in story.articles} for story in issue.sections[0].stories
    )
    assert barrier == {"harbour-gazette", "northern-wire", "alder-observer"}
    assert ferries == {"harbour-gazette", "northern-wire", "alder-observer"}
    assert reef == {"northern-wire", "alder-observer"}


def test_the_same_day_makes_the_same_issue_to_the_last_byte(issue: Issue) -> None:
    assert sample_issue() == issue
    assert issue.closed == datetime(2026, 11, 21, 7, tzinfo=UTC)
