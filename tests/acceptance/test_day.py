"""`digest run` and `digest preview` over the sample articles, in an empty folder, as a newcomer meets them."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
from terminal import EARLIEST, LATEST, Finished, Terminal, far_from_midnight, part

from digest.model import Article
from digest.plain import from_json

READERS = ("ada@mail.example", "grace@mail.example")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Day:
    """What two readers, a run and a second run have left behind."""

    terminal: Terminal
    first: Finished
    second: Finished

    @property
    def issue_file(self) -> Path:
        (file,) = (self.terminal.folder / "var/issues/daily").glob("*.json")
        return file


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    terminal = Terminal(tmp_path_factory.mktemp("day") / "desk", lists__daily__timezone=far_from_midnight())
    terminal.digest("subscribers", "add", *READERS).succeeded()
    first = terminal.digest("run").succeeded()
    return Day(terminal=terminal, first=first, second=terminal.digest("run", "--json").succeeded())


def test_the_first_run_publishes_the_sample_day_for_its_readers(day: Day) -> None:
    assert "41 articles from 9 sources, 41 of them new" in day.first.err
    assert re.search(
        r"^The Port Alder Digest, issue 1 of \S+: \d+ stories, published for 2 readers$",
        day.first.out,
        re.MULTILINE,
    )
    assert "2 sent" in day.first.out


def test_every_reader_has_one_mail_of_his_own(day: Day) -> None:
    for reader in READERS:
        [mail] = day.terminal.mails(reader)
        assert mail["To"] == reader
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert len({day.terminal.mails(reader)[0]["List-Unsubscribe"] for reader in READERS}) == len(READERS)


def test_the_mail_holds_every_story_of_the_issue_in_html_and_in_text(day: Day) -> None:
    [mail] = day.terminal.mails(READERS[0])
    frozen = json.loads(day.issue_file.read_text(encoding="utf-8"))
    titles = [story["lead"]["title"] for section in frozen["sections"] for story in section["stories"]]
    assert len(titles) > 20
    words = re.sub(r"\s+", " ", part(mail, "plain")).casefold()
    assert [title for title in titles if title.casefold() not in words] == []
    assert part(mail, "html").count('id="story-') == len(titles)


def test_a_second_run_sends_nothing_twice(day: Day) -> None:
    report = day.second.json
    assert report["collected"] == {"articles": 41, "new": 0, "problems": []}
    assert [issue["new"] for issue in report["issues"]] == [False]
    assert report["mails"] == {}
    assert [len(day.terminal.mails(reader)) for reader in READERS] == [1, 1]


def test_the_issue_lies_beside_it_as_web_page_text_and_json(day: Day) -> None:
    files = day.second.json["issues"][0]["files"]
    assert Path(files["json"]) == day.issue_file
    page = Path(files["html"]).read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html")
    assert "unsubscribe" not in page.casefold(), "everybody may see it, so it has no reader's links"
    assert "The Port Alder Digest" in Path(files["text"]).read_text(encoding="utf-8")


def test_every_sentence_of_the_issue_stands_in_its_article_where_it_says(day: Day) -> None:
    frozen = json.loads(day.issue_file.read_text(encoding="utf-8"))
    stories = [story for section in frozen["sections"] for story in section["stories"]]
    articles = {
        from_json(Article, told).id: told for story in stories for told in (story["lead"], *story["others"])
    }
    spans = [
        (
            "\n\n".join(articles.get(sentence.get("article"), story["lead"])["body"])[
                sentence["start"] : sentence["end"]
            ],
            sentence["text"],
        )
        for story in stories
        for sentence in story["summary"]
    ]
    assert len(spans) > 50
    assert [pair for pair in spans if pair[0] != pair[1]] == []


def test_preview_after_the_run_shows_what_is_published_and_prints_its_path(day: Day) -> None:
    preview = day.terminal.digest("preview", "--no-open").succeeded()
    assert "daily: published, " in preview.err
    published = day.issue_file.with_suffix(".html").read_text(encoding="utf-8")
    assert Path(preview.out.strip()).read_text(encoding="utf-8") == published


def test_preview_before_any_run_shows_what_would_be_and_publishes_nothing(terminal: Terminal) -> None:
    terminal.small_day()
    terminal.digest("subscribers", "add", "ada@mail.example").succeeded()
    preview = terminal.digest("preview").succeeded()
    assert "daily: not yet published, 1 story" in preview.err
    assert "The tide is high" in Path(preview.out.strip()).read_text(encoding="utf-8")
    assert not (terminal.folder / "var/issues").exists()
    assert not (terminal.folder / "var/mail").exists()


def test_a_dry_run_says_what_would_be_published_and_neither_publishes_nor_sends(terminal: Terminal) -> None:
    terminal.small_day()
    terminal.digest("subscribers", "add", "ada@mail.example").succeeded()
    told = terminal.digest("run", "--dry-run").succeeded()
    assert re.fullmatch(r"daily, \S+: would hold 1 story\n +\d\.\d\d  The tide is high\n", told.out)
    assert not (terminal.folder / "var/issues").exists()
    assert not (terminal.folder / "var/mail").exists()


def test_a_dry_run_after_the_days_issue_says_that_it_is_published(terminal: Terminal) -> None:
    terminal.small_day()
    terminal.digest("run").succeeded()
    told = terminal.digest("run", "--dry-run").succeeded()
    assert re.fullmatch(r"daily, \S+: issue 1 is published already, with 1 story\n", told.out)
    [draft] = terminal.digest("run", "--dry-run", "--json").succeeded().json["drafts"]
    assert (draft["number"], draft["published"], draft["stories"]) == (1, True, ["The tide is high"])


def test_only_the_lists_that_are_named_are_published_and_each_goes_to_its_own_readers(
    terminal: Terminal,
) -> None:
    terminal.article("articles/tide.txt", "The tide is high")
    zone = f'timezone = "{far_from_midnight()}"'
    terminal.settings(
        "[sources.wire]",
        'kind = "folder"',
        'path = "articles"',
        "[lists.morning]",
        zone,
        "[lists.evening]",
        zone,
    )
    terminal.digest("subscribers", "add", "--list", "morning", "ada@mail.example").succeeded()
    terminal.digest("subscribers", "add", "--list", "evening", "grace@mail.example").succeeded()
    report = terminal.digest("run", "--list", "evening", "--json").succeeded().json
    assert [issue["list"] for issue in report["issues"]] == ["evening"]
    assert (len(terminal.mails("grace@mail.example")), terminal.mails("ada@mail.example")) == (1, [])
    report = terminal.digest("run", "--json").succeeded().json
    assert {issue["list"]: issue["new"] for issue in report["issues"]} == {"morning": True, "evening": False}
    assert (len(terminal.mails("grace@mail.example")), len(terminal.mails("ada@mail.example"))) == (1, 1)


def test_a_reader_who_has_left_gets_nothing_more(terminal: Terminal) -> None:
    terminal.small_day()
    terminal.digest("subscribers", "add", *READERS).succeeded()
    terminal.digest("subscribers", "remove", READERS[0]).succeeded()
    terminal.digest("run").succeeded()
    assert (terminal.mails(READERS[0]), len(terminal.mails(READERS[1]))) == ([], 1)


def test_a_reader_who_wants_nothing_of_the_issue_gets_none_which_is_no_trouble(terminal: Terminal) -> None:
    terminal.small_day()
    wish = b"email,topics\nada@mail.example,more=none\n"
    terminal.digest("subscribers", "import", "-", stdin=wish).succeeded()
    report = terminal.digest("run").succeeded().out
    assert "1 story, published for 1 reader" in report
    assert "1 skipped" in report
    assert terminal.mails("ada@mail.example") == []


def test_a_day_without_anything_new_has_no_issue_and_says_so(terminal: Terminal) -> None:
    terminal.small_day()
    terminal.environment["DIGEST_LISTS__DAILY__TIMEZONE"] = EARLIEST
    assert "issue 1" in terminal.digest("run").succeeded().out
    terminal.environment["DIGEST_LISTS__DAILY__TIMEZONE"] = LATEST
    assert "nothing new since the last issue" in terminal.digest("run").succeeded().err
    assert len(list((terminal.folder / "var/issues/daily").glob("*.html"))) == 1


def test_a_list_that_was_never_published_has_no_last_issue_to_speak_of(terminal: Terminal) -> None:
    terminal.small_day()
    (terminal.folder / "articles/tide.txt").unlink()
    told = terminal.digest("run").err
    assert "daily: nothing to publish yet, so there is no issue today" in told


def test_too_few_stories_are_counted_and_said_to_wait(terminal: Terminal) -> None:
    terminal.small_day()
    terminal.environment["DIGEST_LISTS__DAILY__FEWEST_STORIES"] = "3"
    thin = "a thin day (fewest_stories = 3): no issue, what there is waits for the next one"

    assert f"daily: not yet published, 1 story; {thin}" in terminal.digest("preview").succeeded().err
    assert f"would hold 1 story; {thin}" in terminal.digest("run", "--dry-run").succeeded().out
    assert f"daily: 1 story; {thin}" in terminal.digest("run").succeeded().err
    assert not (terminal.folder / "var/issues").exists()


def test_a_thin_day_that_is_to_say_so_is_published_and_announced(terminal: Terminal) -> None:
    terminal.small_day()
    terminal.environment |= {
        "DIGEST_LISTS__DAILY__TIMEZONE": EARLIEST,
        "DIGEST_LISTS__DAILY__THIN_DAY": "say",
    }
    terminal.digest("run").succeeded()
    terminal.digest("subscribers", "add", "ada@mail.example").succeeded()
    terminal.environment["DIGEST_LISTS__DAILY__TIMEZONE"] = LATEST
    thin = "a thin day (fewest_stories = 1): the letter says so"

    preview = terminal.digest("preview").succeeded()
    assert f"daily: not yet published, 0 stories; {thin}" in preview.err
    assert "No stories today." in Path(preview.out.strip()).read_text(encoding="utf-8")
    assert f"0 stories, published for 1 reader; {thin}" in terminal.digest("run").succeeded().out
    assert f"0 stories, was published before; {thin}" in terminal.digest("run").succeeded().out
    assert [mail["Subject"] for mail in terminal.mails("ada@mail.example")] == ["No stories today."]
