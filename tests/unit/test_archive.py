"""A published issue as three files, each there whole or not at all."""

import json
from pathlib import Path

import pytest
from issues import article, issue, section, story

from digest.archive import Files, write
from digest.errors import StoreError
from digest.model import Issue, Letter
from digest.plain import from_json

LETTER = Letter(subject="Flood — and more", html="<p>Überschwemmung</p>", text="طوفان\n")


def an_issue() -> Issue:
    return issue(section("World", story(article(1))))


def test_an_issue_is_written_as_a_page_as_text_and_as_json_named_by_its_date(tmp_path: Path) -> None:
    files = write(tmp_path / "issues" / "daily", an_issue(), LETTER)

    folder = tmp_path / "issues" / "daily"
    assert files == Files(
        html=folder / "2015-10-21.html", text=folder / "2015-10-21.txt", json=folder / "2015-10-21.json"
    )
    assert files.html.read_text(encoding="utf-8") == LETTER.html
    assert files.text.read_text(encoding="utf-8") == LETTER.text
    assert from_json(Issue, json.loads(files.json.read_text(encoding="utf-8"))) == an_issue()


def test_another_name_may_be_given(tmp_path: Path) -> None:
    write(tmp_path, an_issue(), LETTER, name="digest")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["digest.html", "digest.json", "digest.txt"]


def test_writing_again_replaces_what_was_there_and_leaves_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, an_issue(), LETTER)
    files = write(tmp_path, an_issue(), Letter(subject="", html="", text="anew"))

    assert files.text.read_text() == "anew"
    assert len(list(tmp_path.iterdir())) == 3


def test_anyone_may_read_the_files(tmp_path: Path) -> None:
    files = write(tmp_path, an_issue(), LETTER)

    assert files.html.stat().st_mode & 0o777 == 0o644


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "issues").write_text("a file")

    with pytest.raises(
        StoreError, match="issues/daily cannot be written to: Not a directory; nothing was lost"
    ):
        write(tmp_path / "issues" / "daily", an_issue(), LETTER)


def test_a_file_that_cannot_be_put_in_place_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "2015-10-21.html").mkdir()

    with pytest.raises(StoreError, match="cannot be written to: Is a directory"):
        write(tmp_path, an_issue(), LETTER)
    assert [path.name for path in tmp_path.iterdir()] == ["2015-10-21.html"]
