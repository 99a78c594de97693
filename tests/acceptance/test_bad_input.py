"""What comes in broken: each is one line that says what to do, the day goes on where it can, and nothing is lost."""

import contextlib
import json
import sqlite3
import subprocess
import textwrap
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from smtp_server import Smtpd
from terminal import PATIENCE, PROGRAM, READER, SMALL_LIST, STORY, Finished, Terminal, part, read_mail

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
HUGE = 50_000_000  # octets

HIDDEN_HEADER = "=?UTF-8?Q?=0D=0ABcc:_x=40evil.test?="
"""What some versions of Python's email package write out as a header of its own (CVE-2024-6923)."""

HOSTILE_TITLE = f"Storm\x07\x1b[31m warning\x00\x85 {HIDDEN_HEADER} for the \u202eharbour\u2028 tonight"


class Site(BaseHTTPRequestHandler):
    """A web server of which every page is wrong in its own way."""

    def do_GET(self) -> None:
        if self.path == "/huge":  # without a length, so that it must be counted while it comes
            self._begin("text/html")
            try:
                for _ in range(HUGE // 100_000):
                    self.wfile.write(b"<p>water" + b" " * 99_992)
            except OSError:
                self.server.hung_up = True  # type: ignore[attr-defined]
        elif self.path == "/feed":
            self._begin("application/rss+xml")
            self.wfile.write(
                b"<?xml version='1.0'?><rss version='2.0'><channel><title>Broken</title><item><tit"
            )
        else:
            self.send_error(404)

    def _begin(self, media_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def bad_day(tmp_path_factory: pytest.TempPathFactory, site: ThreadingHTTPServer) -> tuple[Terminal, Finished]:
    """One run over everything that can be wrong with a source, and one good article among it."""
    terminal = Terminal(tmp_path_factory.mktemp("bad") / "desk", fetch__private_addresses="true")
    address = f"http://127.0.0.1:{site.server_port}"
    terminal.small_day()
    terminal.settings(
        *SMALL_LIST,
        *("[sources.huge]", 'kind = "page"', f'url = "{address}/huge"'),
        *("[sources.broken-feed]", 'kind = "feed"', f'url = "{address}/feed"'),
        *("[sources.gone]", 'kind = "feed"', f'url = "{address}/gone"'),
        *("[sources.nowhere]", 'kind = "folder"', 'path = "nowhere"'),
        *("[sources.closed]", 'kind = "page"', 'url = "http://127.0.0.1:1/"'),
    )
    terminal.write("articles/empty.txt", "")
    terminal.write("articles/picture.txt", PNG)
    terminal.write("articles/broken.json", '{"title": "Half a')
    with terminal.write("articles/huge.html", "<p>").open("r+b") as file:
        file.truncate(HUGE)
    wrong = "<!doctype html><meta charset=utf-8><title>Café</title><article><h1>Café an der Mole öffnet</h1><p>Das Café"
    terminal.write(
        "articles/latin.html", f"{wrong} öffnet früh. Die Gäste kommen über die Brücke.</p>".encode("latin-1")
    )
    terminal.digest("subscribers", "add", READER).succeeded()
    return terminal, terminal.digest("run")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("empty.txt", "the document is empty"),
        ("picture.txt", "this is a PNG image, not an article; give HTML, a feed, JSON or plain text"),
        ("broken.json", "broken JSON"),
        ("huge.html", "larger than 10,000,000 bytes"),
        ("/huge: ", "larger than 10,000,000 bytes"),
        ("/feed", "neither a title nor text"),
        ("/gone", "404 Not Found"),
        ("nowhere", "is no folder; it should hold articles"),
        ("http://127.0.0.1:1:", "Connection refused"),
    ],
)
def test_each_broken_source_is_one_line_that_names_it_and_says_why(
    bad_day: tuple[Terminal, Finished], source: str, says: str
) -> None:
    [complaint] = [line for line in bad_day[1].complaints if source in line]
    assert says in complaint


def test_the_day_goes_on_with_what_could_be_read(bad_day: tuple[Terminal, Finished]) -> None:
    terminal, run = bad_day
    assert (run.status, len(run.complaints)) == (0, 9)
    assert "Traceback" not in run.err
    [mail] = terminal.mails()
    text = part(mail, "plain").casefold()
    assert "the tide is high" in text
    assert "café an der mole öffnet" in text, "its bytes were Latin-1, whatever they said"


def test_a_server_that_sends_without_end_is_hung_up_on(
    bad_day: tuple[Terminal, Finished], site: ThreadingHTTPServer
) -> None:
    assert site.hung_up  # type: ignore[attr-defined]


def test_a_hostile_title_reaches_the_mail_as_harmless_words(terminal: Terminal) -> None:
    title = HOSTILE_TITLE.replace("\x00", "&#0;").replace("\x07", "&#7;").replace("\x1b", "&#27;")
    terminal.write(
        "articles/page.html", f"<!doctype html><title>{title}</title><h1>{title}</h1><p>{STORY}</p>"
    )
    with Smtpd() as server:
        transport = ("[transport]", 'kind = "smtp"', f"port = {server.port}", 'security = "none"')
        terminal.settings(*transport, *SMALL_LIST)
        terminal.digest("subscribers", "add", READER).succeeded()
        run = terminal.digest("run").succeeded()
        shown = terminal.digest("run", "--dry-run").succeeded()
        [taken] = server.mails
    head = taken.content.partition(b"\r\n\r\n")[0]
    assert not [line for line in head.split(b"\n") if line.lower().startswith(b"bcc")]
    mail = read_mail(taken.content)
    assert taken.recipients == [READER]
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith("Storm")
    assert mail["Subject"].isprintable()
    assert "harbour" in mail["Subject"]
    for words in (part(mail, "plain"), part(mail, "html"), run.out, run.err, shown.out):
        assert not set("\x00\x07\x1b\x85\u202e\u2028") & set(words)


MISTAKES = {
    "email/issue/body.html.j2": ("<p>\n{% for piece in chapters %}", "line 2"),
    "email/issue/subject.txt.j2": ("{{ headline }}", "'headline' is undefined"),
    "email/issue/body.txt.j2": ("{{ ''.__class__.__mro__ }}", "unsafe"),
}
"""Templates of an operator's own that are wrong, and words of what is said of them."""


def test_a_template_with_a_mistake_is_named_and_the_issue_waits_until_it_is_mended(
    terminal: Terminal,
) -> None:
    terminal.small_day('templates = "mine"')
    (terminal.folder / "mine").mkdir()
    terminal.digest("subscribers", "add", READER).succeeded()
    for template, (content, says) in MISTAKES.items():
        wrong = terminal.write(f"mine/{template}", content)
        complaint = terminal.digest("run").complaint(status=2)
        assert f"{wrong}, line " in complaint
        assert says in complaint
        wrong.unlink()
    assert terminal.mails() == []
    terminal.digest("run").succeeded()
    assert len(terminal.mails()) == 1


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("", "var/secret cannot be read: Is a directory; "),
        ("transport__password_file", "digest: transport.password_file: "),
        ("secret_file", "digest: secret_file: "),
        ("dkim__keys__one", "gone cannot be read"),
    ],
)
def test_a_secret_that_cannot_be_read_is_found_before_the_issue_is_published(
    terminal: Terminal, setting: str, says: str
) -> None:
    terminal.small_day("[transport]", 'kind = "smtp"', 'host = "mx.example"')
    if setting:
        terminal.environment[f"DIGEST_{setting.upper()}"] = "gone"
    else:
        (terminal.folder / "var/secret").mkdir(parents=True)
    run = terminal.digest("run")
    run.complaint(status=2)
    assert says in run.err
    assert not (terminal.folder / "var/issues").exists()
    assert "has no such mail" in terminal.digest("deliveries").err
    assert "would hold 1 story" in terminal.digest("run", "--dry-run").succeeded().out


def test_two_runs_at_once_make_one_issue_and_one_mail_a_reader(terminal: Terminal) -> None:
    readers = [f"reader-{number}@mail.example" for number in range(8)]
    terminal.small_day()
    _at_once(terminal, ("subscribers", "add", *readers[:4]), ("subscribers", "add", *readers[4:]))
    told = _at_once(terminal, ("run", "--json"), ("run", "--json"))
    assert sorted(issue["new"] for report in told for issue in json.loads(report)["issues"]) == [False, True]
    assert sum(json.loads(report)["mails"].get("sent", 0) for report in told) == len(readers)
    assert [len(terminal.mails(reader)) for reader in readers] == [1] * len(readers)


def test_a_database_that_is_none_is_named_and_left_as_it_is(terminal: Terminal) -> None:
    terminal.small_day()
    path = terminal.write("var/digest.db", b"Dear diary, " * 1000)
    complaint = terminal.digest("run").complaint(status=1)
    assert f"the database sqlite:///{path} cannot be used: file is not a database; " in complaint
    assert path.read_bytes() == b"Dear diary, " * 1000


def test_a_database_of_a_newer_version_is_not_touched(terminal: Terminal) -> None:
    terminal.small_day()
    terminal.digest("subscribers", "add", READER).succeeded()
    with contextlib.closing(sqlite3.connect(terminal.folder / "var/digest.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    complaint = terminal.digest("run").complaint(status=1)
    assert (
        "was made by a newer version: Can't locate revision identified by '9999'; run that one" in complaint
    )


class Disk:
    """Runs a script in which `disk/` is a small disk of its own, that only the script can see."""

    def __init__(self, terminal: Terminal) -> None:
        (terminal.folder / "disk").mkdir(parents=True)
        self._terminal = terminal

    def run(self, script: str) -> Finished:
        """Run a shell script; it begins with `disk SIZE` and may call `disk` again with other mount options."""
        prelude = """
        set -u
        mount -t tmpfs -o size=16m tmpfs disk
        disk() { mount -o "remount,$1" disk; }
        """
        lines = textwrap.dedent(prelude + textwrap.dedent(script)).replace("digest ", f"'{PROGRAM}' ")
        return self._terminal.run("unshare", "--map-root-user", "--mount", "sh", "-c", lines)


@pytest.fixture
def disk(terminal: Terminal) -> Disk:
    """Needs a Linux that lets this user have a mount namespace of his own, as most do."""
    mount = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/tmp"]  # noqa: S108 - nobody sees it
    try:
        subprocess.run(mount, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no disk can be mounted here: {getattr(error, 'stderr', '') or error}")
    return Disk(terminal)


def test_on_a_read_only_disk_the_run_says_so_and_loses_nothing(terminal: Terminal, disk: Disk) -> None:
    terminal.small_day(
        'folder = "disk"', 'database = "sqlite:///disk/digest.db"', "[transport]", 'folder = "disk/mail"'
    )
    told = disk.run(f"""
        digest subscribers add {READER} || exit 9
        disk ro
        digest run
        test $? = 1 || exit 8
        disk rw
        echo "--- it can be written to again" >&2
        digest run || exit 7
        cp -r disk/mail mail
    """)
    assert told.status == 0, told.err
    before, _, after = told.err.partition("---")
    [complaint] = [line for line in before.splitlines() if line.startswith("digest: ")]
    assert "may this user write to it?" in complaint
    assert "Traceback" not in told.err
    assert "digest: " not in after
    assert len(terminal.mails(folder="mail")) == 1


def test_mails_that_a_full_disk_does_not_take_are_put_off_and_sent_when_there_is_room(
    terminal: Terminal, disk: Disk
) -> None:
    readers = [f"reader-{number:02}@mail.example" for number in range(12)]
    terminal.small_day("[transport]", 'folder = "disk/mail"')
    terminal.digest("subscribers", "add", *readers).succeeded()
    told = disk.run("""
        disk size=80k
        digest run
        cp -r disk/mail mail
    """)
    assert told.status == 0, told.err
    assert "Traceback" not in told.err
    assert "is put off: 451 cannot deliver into" in told.err
    some = sum(len(terminal.mails(reader, folder="mail")) for reader in readers)
    assert 0 < some < len(readers), "the disk was full in the middle"
    assert f"{some} sent, {len(readers) - some} queued" in told.out
    assert not list((terminal.folder / "mail").rglob("tmp/*")), "no half of a mail is left"
    _six_minutes_later(terminal)
    terminal.environment["DIGEST_TRANSPORT__FOLDER"] = "mail"
    assert f"{len(readers) - some} sent" in terminal.digest("run").succeeded().out
    assert [len(terminal.mails(reader, folder="mail")) for reader in readers] == [1] * len(readers)


def test_a_database_on_a_full_disk_keeps_what_it_has(terminal: Terminal, disk: Disk) -> None:
    terminal.small_day(
        'folder = "disk"', 'database = "sqlite:///disk/digest.db"', "[transport]", 'folder = "mail"'
    )
    told = disk.run(f"""
        digest subscribers add {READER} || exit 9
        dd if=/dev/zero of=disk/ballast bs=4k 2>/dev/null
        digest run
        test $? = 1 || exit 8
        rm disk/ballast
        echo "--- there is room again" >&2
        digest run || exit 7
    """)
    assert told.status == 0, told.err
    before, _, after = told.err.partition("---")
    [complaint] = [line for line in before.splitlines() if line.startswith("digest: ")]
    assert "make room on the disk and run again: nothing was lost" in complaint
    assert "Traceback" not in told.err
    assert "digest: " not in after
    assert len(terminal.mails(folder="mail")) == 1


def _at_once(terminal: Terminal, *commands: tuple[str, ...]) -> list[bytes]:
    """Run commands side by side; give what they print."""
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(terminal.started(*command)) for command in commands]
        told = [process.communicate(timeout=PATIENCE) for process in running]
    assert [process.returncode for process in running] == [0] * len(commands), told
    return [out for out, _ in told]


def _six_minutes_later(terminal: Terminal) -> None:
    """Make what was put off come due, as the first of the retry times does."""
    with contextlib.closing(sqlite3.connect(terminal.folder / "var/digest.db")) as database, database:
        database.execute("UPDATE deliveries SET due = datetime(due, '-6 minutes') WHERE state = 'queued'")
