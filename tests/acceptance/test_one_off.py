"""`digest run PATH|URL|-`: a digest of any documents, for no list and no reader."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from terminal import Terminal, part

FIRST_SENTENCE = "could remember it higher."


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """A web server on this machine that has one page."""

    class OnePage(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(_page("A page from the web", "lighthouse").encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), OnePage) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/lighthouse"
        server.shutdown()


def test_a_file_is_digested_to_the_screen_and_leaves_nothing_behind(terminal: Terminal) -> None:
    terminal.article("tide.txt", "The tide is high")
    text = terminal.digest("run", "tide.txt").succeeded().out
    assert "the tide is high" in text.casefold()
    assert FIRST_SENTENCE in text
    assert "unsubscribe" not in text.casefold()
    assert [path.name for path in terminal.folder.iterdir()] == ["tide.txt"]


def test_a_file_a_folder_a_page_and_standard_input_make_one_digest(terminal: Terminal, site: str) -> None:
    terminal.article("tide.txt", "The tide is high")
    terminal.write(
        "wires/one.json", json.dumps({"title": "A wire from the islands", "body": _about("islands")})
    )
    terminal.environment["DIGEST_FETCH__PRIVATE_ADDRESSES"] = "true"
    piped = _page("What came through the pipe", "quarry").encode()
    report = terminal.digest("run", "--json", "tide.txt", "wires", site, "-", stdin=piped).succeeded().json
    assert set(report["stories"]) == {
        "The tide is high",
        "A wire from the islands",
        "A page from the web",
        "What came through the pipe",
    }


def test_an_articles_text_is_shown_as_it_is(terminal: Terminal) -> None:
    """Rich would make a picture of :warning: and a colour of [red]."""
    terminal.write(
        "sign.txt", "The sign says :warning: [red]\n\nThe council put up a :smile: sign in [bold] letters.\n"
    )
    text = " ".join(terminal.digest("run", "sign.txt").succeeded().out.split())
    assert "a :smile: sign in [bold] letters." in text


def test_a_terminal_of_an_older_charset_shows_what_it_can(terminal: Terminal) -> None:
    terminal.article("tide.txt", "The tide is high")
    terminal.environment["PYTHONIOENCODING"] = "ascii"
    assert "PORT ALDER \\u2014 The water stood" in terminal.digest("run", "tide.txt").succeeded().out


def test_a_page_on_the_own_network_is_refused_unless_the_settings_allow_it(
    terminal: Terminal, site: str
) -> None:
    refused = terminal.digest("run", site)
    assert refused.status == 1
    assert "fetch.private_addresses" in refused.complaints[0]
    assert refused.out == ""


def test_what_cannot_be_read_is_named_and_the_rest_is_digested(terminal: Terminal) -> None:
    terminal.article("tide.txt", "The tide is high")
    made = terminal.digest("run", "gone.txt", "tide.txt")
    assert made.status == 0
    assert "the tide is high" in made.out.casefold()
    [complaint] = made.complaints
    assert "gone.txt: No such file or directory" in complaint


def test_out_writes_the_web_page_the_text_and_json_as_the_options_wish_and_nothing_else(
    terminal: Terminal,
) -> None:
    terminal.article("tide.txt", "The tide is high")
    wishes = ("--title", "My harbour", "--sentences", "1", "--method", "lead")
    terminal.digest("run", "tide.txt", "--out", "made/here", *wishes).succeeded()
    made = terminal.folder / "made/here"
    assert sorted(path.name for path in made.iterdir()) == ["digest.html", "digest.json", "digest.txt"]
    assert "My harbour" in (made / "digest.html").read_text(encoding="utf-8")
    [section] = json.loads((made / "digest.json").read_text(encoding="utf-8"))["sections"]
    [sentence] = section["stories"][0]["summary"]
    assert sentence["text"].endswith(FIRST_SENTENCE)
    assert not (terminal.folder / "var").exists()


def test_to_mails_it_once_to_each_address_without_a_way_to_leave_a_list(terminal: Terminal) -> None:
    terminal.article("tide.txt", "The tide is high")
    sent = terminal.digest(
        "run", "tide.txt", "--to", "ada@mail.example", "--to", "grace@mail.example"
    ).succeeded()
    assert "ada@mail.example: 250" in sent.out
    for reader in ("ada@mail.example", "grace@mail.example"):
        [mail] = terminal.mails(reader)
        assert mail["To"] == reader
        assert "The tide is high" in mail["Subject"]
        assert mail["List-Unsubscribe"] is None
        assert FIRST_SENTENCE in " ".join(part(mail, "plain").split())
        assert "Harbour Street" not in part(mail, "plain") + part(mail, "html")  # an address that nobody set


def test_a_postal_address_that_was_set_stands_under_it(terminal: Terminal) -> None:
    terminal.article("tide.txt", "The tide is high")
    terminal.settings("[publisher]", 'postal_address = "2 Quay Lane"')
    terminal.digest("run", "tide.txt", "--to", "ada@mail.example").succeeded()
    [mail] = terminal.mails("ada@mail.example")
    assert "2 Quay Lane" in part(mail, "plain")
    assert "2 Quay Lane" in part(mail, "html")


def test_a_dry_run_shows_the_letter_and_neither_sends_nor_writes(terminal: Terminal) -> None:
    terminal.article("tide.txt", "The tide is high")
    shown = terminal.digest(
        "run", "tide.txt", "--to", "ada@mail.example", "--out", "made", "--dry-run"
    ).succeeded()
    assert "the tide is high" in shown.out.casefold()
    assert "would go to ada@mail.example, made: " in shown.err
    assert [path.name for path in terminal.folder.iterdir()] == ["tide.txt"]


def test_an_address_that_is_none_is_refused_before_anything_is_sent(terminal: Terminal) -> None:
    terminal.article("tide.txt", "The tide is high")
    wrong = terminal.digest("run", "tide.txt", "--to", "ada@mail.example", "--to", "nobody")
    assert "nobody" in wrong.complaint(status=1)
    assert not (terminal.folder / "var/mail").exists()


def test_the_real_page_is_read_as_its_source_meant_it(terminal: Terminal, shared: Path) -> None:
    """A saved page of 2015 between breadcrumbs, a rating form and a captcha."""
    [page] = (shared / "data/seed").glob("*.txt")
    terminal.digest("run", page, "--out", "made").succeeded()
    [section] = json.loads(terminal.read("made/digest.json"))["sections"]
    [story] = section["stories"]
    assert story["lead"]["title"].startswith("Iraq’s ruling alliance")
    assert story["lead"]["published"].startswith("2015-10-21")
    assert "Reuters" in story["lead"]["author"]
    assert story["lead"]["body"][0].startswith("BAGHDAD")
    assert 1 <= len(story["summary"]) <= 3
    assert not any(
        "CAPTCHA" in paragraph or "You are here" in paragraph for paragraph in story["lead"]["body"]
    )


def _page(title: str, subject: str) -> str:
    return f"<!doctype html><title>{title}</title><article><h1>{title}</h1><p>{_about(subject)}</p></article>"


def _about(subject: str) -> str:
    """Tell a story that shares no words with another subject's but the small ones."""
    return {
        "islands": "Two islands will share one school. Their eleven pupils voted for it by raising hands.",
        "lighthouse": "Painters have begun on the lighthouse. They need four hundred litres of white.",
        "quarry": "A geologist found amber in the old quarry. Its owner had been about to fill the pit with rubble.",
    }[subject]
