"""How the command line speaks: help, versions, exit statuses, and what it does not import to say so."""

import itertools
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from terminal import PROGRAM, READER, STORY, Terminal

import digest
from digest.cli.start import app

SLOW = (
    "numpy",
    "sumy",
    "trafilatura",
    "sqlalchemy",
    "alembic",
    "feedparser",
    "premailer",
    "py3langid",
    "httpx",
)


def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give every command there is below one, with its name."""
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from walk(child, (*path, name))


def commands() -> Iterator[tuple[str, ...]]:
    """Name every command there is: (), (run,), …, (subscribers, add), …"""
    return (path for path, _ in walk(typer.main.get_command(app)))


HELPED = """
import contextlib, io, json, sys
from digest.cli import main

helped = []
for command in json.load(sys.stdin):
    sys.argv, out = ["digest", *command, "--help"], io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            main()
        except SystemExit as end:
            status = end.code
    helped.append([status, out.getvalue(), [name for name in sys.modules if "." not in name]])
json.dump(helped, sys.stdout)
"""


@pytest.fixture(scope="module")
def helped(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], tuple[int, str, set[str]]]:
    """Ask every command for help, one after another in one Python: the status, the help, and all imported so far."""
    terminal = Terminal(tmp_path_factory.mktemp("help") / "desk")
    terminal.environment["COLUMNS"] = "200"
    asked = list(commands())
    done = terminal.run(sys.executable, "-c", HELPED, stdin=json.dumps(asked).encode()).succeeded()
    return {
        command: (status, out, set(imported))
        for command, (status, out, imported) in zip(asked, done.json, strict=True)
    }


@pytest.mark.parametrize("command", list(commands()), ids=" ".join)
def test_every_command_has_help_that_names_its_options_and_imports_nothing_slow(
    helped: dict[tuple[str, ...], tuple[int, str, set[str]]], command: tuple[str, ...]
) -> None:
    status, out, imported = helped[command]
    assert status == 0
    assert f"Usage: digest {' '.join(command)}".strip() in out
    assert "--help" in out
    assert "typer" in imported, "the check sees what is imported"
    assert imported.isdisjoint(SLOW), sorted(imported & set(SLOW))


def test_help_loses_no_word_in_brackets(
    helped: dict[tuple[str, ...], tuple[int, str, set[str]]],
) -> None:
    """Rich takes one that is not escaped for a style."""
    said = re.compile(r"(?<!\\)\[[a-z#/@][^\[\]]*\]")
    lost = [
        (path, said.findall(text))
        for path, command in walk(typer.main.get_command(app))
        for text in (command.help, *(getattr(one, "help", None) for one in command.params))
        if text and said.search(text)
    ]
    assert lost == []
    assert "The IMAP mailbox or Maildir of [inbound]." in helped["deliveries", "settle"][1]


def test_help_comes_from_the_program_itself(terminal: Terminal) -> None:
    terminal.environment |= {"PYTHONPROFILEIMPORTTIME": "1", "COLUMNS": "200"}
    helped = terminal.digest("run", "--help")
    assert helped.status == 0
    assert "Usage: digest run" in helped.out
    imported = set(re.findall(r"^import time:.*\| +(\w+)$", helped.err, re.MULTILINE))
    assert "typer" in imported, "the check sees what is imported"
    assert imported.isdisjoint(SLOW), sorted(imported & set(SLOW))


@pytest.mark.parametrize(
    "arguments",
    [("--version",), (), ("run", "--nosuch"), ("run", "-"), ("subscribers", "list"), ("doctor", "--json")],
    ids=" ".join,
)
def test_a_command_that_is_forked_from_the_imported_program_does_what_one_that_is_started_does(
    terminal: Terminal, arguments: tuple[str, ...]
) -> None:
    """Most tests at a terminal fork theirs (warm.py); this is why they may."""
    terminal.small_day()
    text = f"The tide is high\n\n{STORY}\n".encode()
    started = terminal.run(PROGRAM, *arguments, stdin=text)
    assert terminal.digest(*arguments, stdin=text) == started


def test_the_version_is_the_packages(terminal: Terminal) -> None:
    assert terminal.digest("--version").succeeded().out == f"{digest.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "says", "helps"),
    [
        (("publish",), "No such command 'publish'", "digest"),
        (("run", "--nosuch"), "No such option", "digest run"),
        (("run", "--method", "guess"), "'guess' is not one of", "digest run"),
        (("run", "--sentences", "0", "-"), "--sentences", "digest run"),
        (("run", "--out", "x"), "need a PATH, URL or -", "digest run"),
        (("run", "--list", "daily", "tide.txt"), "leave out --list", "digest run"),
        (("subscribers", "add"), "ADDRESS", "digest subscribers add"),
    ],
)
def test_wrong_usage_ends_with_status_2_and_says_what_is_wrong(
    terminal: Terminal, arguments: tuple[str, ...], says: str, helps: str
) -> None:
    wrong = terminal.digest(*arguments)
    assert wrong.out == ""
    assert says in wrong.complaint(status=2)
    assert f"; `{helps} --help` tells more" in wrong.err
    assert len(wrong.err.splitlines()) == 1
    assert list(terminal.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "--list", "dayly"), "no list is called 'dayly'; did you mean 'daily'?"),
        (("subscribers", "add", "--list", "dayly", "ada@mail.example"), "did you mean 'daily'?"),
    ],
)
def test_a_list_that_is_not_in_the_settings_is_a_wrong_setting(
    terminal: Terminal, arguments: tuple[str, ...], says: str
) -> None:
    assert says in terminal.digest(*arguments).complaint(status=2)


def test_whoever_stops_reading_the_output_gets_no_complaint(terminal: Terminal) -> None:
    addresses = itertools.islice((f"reader-{n}@mail.example" for n in itertools.count()), 2_000)
    terminal.small_day()
    terminal.write("many.txt", "\n".join(addresses))
    terminal.digest("subscribers", "import", "many.txt").succeeded()
    piped = terminal.run("sh", "-c", f"{{ '{PROGRAM}' subscribers export; echo $? >status; }} | head -1")
    assert piped.out.startswith("address,list,state,since,consent,")
    assert piped.out.count("\n") == 1
    assert piped.err == ""
    assert terminal.read("status") == "0\n"


@pytest.mark.parametrize(
    "arguments",
    ["--help", "run --json", "doctor", "subscribers export"],
)
def test_output_that_cannot_be_written_is_one_line_and_status_1(terminal: Terminal, arguments: str) -> None:
    terminal.small_day()
    full = terminal.run("sh", "-c", f"'{PROGRAM}' {arguments} >/dev/full")
    assert full.complaint(status=1) == "standard output cannot be written to: No space left on device"


INTERRUPTED = """
import os, signal, sys

class Impatient:
    def find_spec(self, name, *_):
        if name == sys.argv[0]:
            os.kill(os.getpid(), signal.SIGINT)

sys.argv = [sys.stdin.read(), "explain"]
sys.meta_path.insert(0, Impatient())
from digest.cli import main

main()
"""


@pytest.mark.parametrize("imported", ["typer", "digest.cli.worker", "digest.app"])
def test_ctrl_c_is_one_line_and_status_130_also_while_the_program_is_imported(
    terminal: Terminal, imported: str
) -> None:
    stopped = terminal.run(sys.executable, "-c", INTERRUPTED, stdin=imported.encode())
    assert stopped.complaint(status=130).startswith("interrupted; what was done is kept")
    assert len(stopped.err.splitlines()) == 1


@pytest.mark.parametrize(("where", "status"), [(">/dev/full", 1), ("2>&1 | true", 0), (">&- 2>&-", 0)])
def test_mails_leave_also_where_nothing_can_be_printed(terminal: Terminal, where: str, status: int) -> None:
    terminal.small_day()
    terminal.digest("subscribers", "add", READER).succeeded()
    program = f"{{ '{PROGRAM}' run; echo $? >status; }}"
    assert "Traceback" not in terminal.run("sh", "-c", f"{program} {where}").err
    assert terminal.read("status") == f"{status}\n"
    assert len(terminal.mails()) == 1
