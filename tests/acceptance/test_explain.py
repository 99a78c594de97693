"""`digest explain` says of every story what became of it, and why."""

import pytest
from terminal import Terminal, far_from_midnight


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    made = Terminal(
        tmp_path_factory.mktemp("explain") / "desk",
        lists__daily__timezone=far_from_midnight(),
        lists__daily__top_stories="1",
        lists__daily__stories_per_source="2",
    )
    made.digest("run").succeeded()
    return made


def test_the_table_has_a_row_a_story_and_a_column_a_term(terminal: Terminal) -> None:
    head, names, *rows = terminal.digest("explain").succeeded().out.splitlines()

    assert head.startswith("daily, ")
    assert head.endswith(f": {len(rows)} stories weighed, the best first")
    assert names.split()[:9] == [
        "score", "votes", "freshness", "section", "sources", "pickup", "rarity", "length", "readers",
    ]  # fmt: skip
    scores = [float(row.split()[0]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert "chosen" in rows[0]
    assert " top " in rows[0]
    assert sum("source full" in row for row in rows) > 1


def test_the_terms_of_the_json_add_up_to_the_score(terminal: Terminal) -> None:
    report = terminal.digest("explain", "--json").succeeded().json

    assert len(report["candidates"]) > 30
    for one in report["candidates"]:
        total = sum(reason["value"] * reason["weight"] for reason in one["reasons"])
        assert one["score"] == pytest.approx(total)


def test_a_date_without_an_issue_is_one_line_and_status_1(terminal: Terminal) -> None:
    assert terminal.digest("explain", "2001-01-01").complaint(status=1) == (
        "daily has no issue of 2001-01-01; `digest explain` without a date tells of today's"
    )


def test_a_word_that_is_no_date_is_wrong_usage(terminal: Terminal) -> None:
    assert terminal.digest("explain", "yesterday").status == 2
