"""`digest step bounce|extract|group|summarise`: pure steps as filters, a line out for each line in, whatever comes."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from terminal import STORY, Terminal

HTML = "<!doctype html><html><body><article><h1>{title}</h1><p>{text}</p></article></body></html>"
ARABIC = (
    "قالت مكتبة الميناء يوم الثلاثاء إنها ستبقى مفتوحة حتى منتصف الليل. "
    "ويأمل مديرها أن يجد الطلاب فيها مكاناً دافئاً."
)

BROKEN = {
    b"": "no JSON",
    b"   ": "no JSON",
    b"{": "no JSON",
    b"[1, 2]": "no JSON object",
    b'"text"': "no JSON object",
    b"null": "no JSON object",
    b"\xff\xfe\x00": "no JSON",
    b"[" * 100_000: "no JSON",
    b"NaN": "no JSON object",
    b'{"id": "number", "html": 3, "text": 3}': "should be a str, not int",
    b'{"id": "nothing"}': "",
    b'{"id": "null", "html": null, "text": null}': "",
    b'{"id": "empty", "html": "", "text": ""}': "",
}
"""Lines that extract and summarise can do nothing with, and words of what they say."""


def filtered(
    terminal: Terminal, step: str, *lines: bytes | dict[str, Any], options: tuple[str, ...] = ()
) -> list[Any]:
    stdin = b"".join(
        (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines
    )
    done = terminal.digest("step", step, *options, stdin=stdin).succeeded()
    assert done.err == ""
    assert len(done.lines) == len(lines)
    return done.lines


def text_of(result: dict[str, Any]) -> str:
    return "\n\n".join(result["body"])


def test_extract_gives_the_article_of_each_document_in_order(terminal: Terminal) -> None:
    numbered = [
        {"id": f"page-{number}", "html": HTML.format(title=f"Gate number {number} is shut", text=STORY)}
        for number in range(5)
    ]
    found = filtered(terminal, "extract", *numbered, {"id": "plain", "text": f"A plain headline\n\n{STORY}"})
    assert [line["id"] for line in found] == [*(f"page-{number}" for number in range(5)), "plain"]
    assert [line["title"] for line in found[:5]] == [f"Gate number {number} is shut" for number in range(5)]
    assert set(found[0]) == {
        "id",
        "title",
        "author",
        "published",
        "modified",
        "dateline",
        "votes",
        "language",
        "body",
    }
    for line in found:
        assert "hinges. The old ones were forged in 1931." in " ".join(text_of(line).split())
        assert line["language"] == "en"


def test_extract_keeps_every_script_and_survives_half_characters(terminal: Terminal) -> None:
    lines = filtered(
        terminal,
        "extract",
        {"id": "عربي", "html": HTML.format(title="مكتبة الميناء تفتح أبوابها", text=ARABIC)},
        b'{"id": "lone \\ud83d surrogate", "html": "<h1>Half a smile \\ud83d here</h1><p>'
        + STORY.replace("\n", " ").encode()
        + b'</p>"}',
        {"id": 7, "text": f"Smile 🙂 at the gate\n\n{STORY}"},
    )
    assert lines[0]["id"] == "عربي"
    assert ARABIC in " ".join(text_of(lines[0]).split())
    assert (lines[0]["language"], lines[0]["title"]) == ("ar", "مكتبة الميناء تفتح أبوابها")
    assert lines[1]["title"].startswith("Half a smile")
    assert (lines[2]["id"], lines[2]["title"]) == (7, "Smile 🙂 at the gate")


def test_extract_gives_an_error_for_each_line_that_it_cannot_read_and_goes_on(terminal: Terminal) -> None:
    good = {"id": "good", "html": HTML.format(title="The last line is read", text=STORY)}
    both = {"id": "both", "html": "<p>a</p>", "text": "b"}
    lines = filtered(terminal, "extract", *BROKEN, both, good)
    for line, says in zip(lines, BROKEN.values(), strict=False):
        assert says in line["error"], line
        assert set(line) == {"id", "error"}
    assert [line["id"] for line in lines[-6:]] == ["number", "nothing", "null", "empty", "both", "good"]
    assert lines[-2]["error"] == "give either html or text"
    assert lines[-1]["title"] == "The last line is read"


@pytest.mark.parametrize("method", ["digest", "lead", "lexrank"])
def test_summarise_gives_spans_of_the_text_in_its_order(terminal: Terminal, method: str) -> None:
    texts = [
        STORY,
        ARABIC,
        "One sentence only.",
        f"A smile 🙂 first. {STORY}",
        "Half \ud83d of one. And a whole one.",
    ]
    given = [{"id": number, "title": "The tide", "text": text} for number, text in enumerate(texts)]
    options = ("--sentences", "2", "--method", method)
    lines = filtered(terminal, "summarise", *given, options=options)
    assert [line["id"] for line in lines] == list(range(len(texts)))
    for line, text in zip(lines[:4], texts, strict=False):
        spans = [(sentence["start"], sentence["end"]) for sentence in line["sentences"]]
        assert 1 <= len(spans) <= 2
        assert spans == sorted(spans)
        assert [text[start:end] for start, end in spans] == [
            sentence["text"] for sentence in line["sentences"]
        ]
    assert len(lines[0]["sentences"]) in ({1, 2} if method == "digest" else {2})
    assert lines[4]["sentences"]


def test_summarise_gives_an_error_for_each_line_that_it_cannot_read_and_goes_on(terminal: Terminal) -> None:
    lines = filtered(terminal, "summarise", *BROKEN, {"id": "good", "text": STORY, "lang": "en"})
    for line, (given, says) in zip(lines, BROKEN.items(), strict=False):
        if b"empty" in given:
            assert line == {"id": "empty", "sentences": []}
        else:
            assert says in line["error"], line
    assert len(lines[-1]["sentences"]) in {1, 2, 3}


BARRIER = {
    "title": "Flood barrier closes at Port Alder",
    "text": "The new flood barrier of Port Alder closed for the first time when the storm reached the harbour.",
}
BARRIER_TOO = {
    "title": "Port Alder shuts its barrier",
    "text": "Port Alder shut its flood barrier for the first time as the storm surge reached the harbour mouth.",
}
FERRY = {"title": "Ferry crews end their strike after nine days"}


def test_group_calls_a_story_by_its_earliest_article_in_whatever_line_it_comes(terminal: Terminal) -> None:
    given = [
        {"id": "undated", **BARRIER_TOO},
        {"id": 2, **FERRY, "source": "wire", "lang": "en"},
        {"id": ["later"], **BARRIER, "published": "2015-10-21T09:00:00+02:00"},
        {"id": "early", **BARRIER_TOO, "published": "2015-10-21"},
        {"id": 10, "title": "Ferry strike: crews end it", "text": None},
    ]
    stories = ["early", 2, "early", "early", 2]

    lines = filtered(terminal, "group", *given)
    assert lines == [{"id": one["id"], "story": story} for one, story in zip(given, stories, strict=True)]
    lines = filtered(terminal, "group", *given[::-1])
    assert [line["story"] for line in lines] == stories[::-1]


def test_group_takes_each_line_for_an_article_though_the_ids_are_the_same(terminal: Terminal) -> None:
    lines = filtered(
        terminal, "group", {"id": 1, **BARRIER}, {"id": 1, **FERRY}, {"id": None, **BARRIER_TOO}, {**FERRY}
    )

    assert [(line["id"], line["story"]) for line in lines] == [(1, 1), (1, 1), (None, 1), (None, 1)]


def test_group_gives_an_error_for_each_line_that_it_cannot_read_and_groups_the_others(
    terminal: Terminal,
) -> None:
    lines = filtered(
        terminal,
        "group",
        *BROKEN,
        {"id": "when", **BARRIER, "published": "yesterday"},
        {"id": "b", **BARRIER},
        {"id": "a", **BARRIER_TOO},
        b'{"id": "half", "title": "\\ud83d", "text": "\\ud83d"}',
    )

    for line, says in zip(lines, BROKEN.values(), strict=False):
        if line["id"] in {"nothing", "null", "empty"}:
            assert line == {"id": line["id"], "story": line["id"]}
        else:
            assert says in line["error"], line
    assert "published should be an ISO 8601 day or moment" in lines[-4]["error"]
    assert lines[-3:] == [
        {"id": "b", "story": "a"},
        {"id": "a", "story": "a"},
        {"id": "half", "story": "half"},
    ]


def test_one_filter_feeds_the_next(terminal: Terminal) -> None:
    """The article's paragraphs, joined as the documentation says, are what summarise takes."""
    [article] = filtered(terminal, "extract", {"id": "a", "html": HTML.format(title="The tide", text=STORY)})
    [summary] = filtered(
        terminal,
        "summarise",
        {"id": "a", "title": article["title"], "text": text_of(article), "lang": article["language"]},
    )
    assert all(sentence["text"] in text_of(article) for sentence in summary["sentences"])


def test_a_line_is_answered_before_the_next_one_is_asked(terminal: Terminal) -> None:
    """Whoever talks to the filter through pipes must not wait for a buffer to fill."""
    with terminal.started("step", "summarise", "--method", "lead") as filtering:
        assert filtering.stdin
        assert filtering.stdout
        for number in range(2):
            filtering.stdin.write(json.dumps({"id": number, "text": STORY}).encode() + b"\n")
            filtering.stdin.flush()
            assert json.loads(filtering.stdout.readline())["id"] == number


def test_the_real_page_goes_through_both(terminal: Terminal, shared: Path) -> None:
    [page] = (shared / "data/seed").glob("*.txt")
    [article] = filtered(terminal, "extract", {"id": "seed", "text": page.read_text(encoding="utf-8")})
    assert (article["dateline"], article["published"]) == ("BAGHDAD", "2015-10-21")
    [summary] = filtered(terminal, "summarise", {"id": "seed", "text": text_of(article)})
    assert len(summary["sentences"]) in {2, 3}


def test_a_returned_mail_is_told_by_kind_and_recipient(terminal: Terminal) -> None:
    bounce = (
        b"Return-Path: <>\nFrom: MAILER-DAEMON@relay.example\nSubject: failure notice\n\n"
        b"It could not be delivered.\n\n<anna@reader.example>:\n550 5.1.1 no such user\n"
    )
    lines = [
        {"id": 1, "mail_base64": base64.b64encode(bounce).decode()},
        {"id": 2, "mail_base64": base64.b64encode(b"From: a@b.example\n\nHello\n").decode()},
        {"id": 3, "mail_base64": "no base64!"},
        {"id": 4},
    ]
    told = filtered(terminal, "bounce", *lines)
    assert told[:2] == [
        {
            "id": 1,
            "kind": "bounce",
            "recipients": [{"address": "anna@reader.example", "reason": "userunknown", "permanent": True}],
        },
        {"id": 2, "kind": "ordinary", "recipients": []},
    ]
    assert [line["error"] for line in told[2:]] == ["mail_base64 is no base64", "mail_base64 is missing"]
