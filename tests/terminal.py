"""A person at a terminal: runs the real `digest` in a folder of its own and reads what comes back.

    terminal.settings('[sources.wire]', 'kind = "folder"', 'path = "articles"', '[lists.daily]')
    terminal.article("articles/tide.txt", "The tide is high")
    terminal.digest("run").succeeded()
    assert terminal.digest("run", "--list", "weekly").complaint(status=2) == "no list is called 'weekly'; …"
    [mail] = terminal.mails("reader@mail.example")

Nothing of this process's environment reaches the program but PATH and LANG, so that a developer's own settings
change nothing.
"""

import contextlib
import email
import email.policy
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self

import warm

PROGRAM = Path(sys.executable).with_name("digest")
PATIENCE = 120  # seconds for one command, on a machine that does much else

READER = "reader@mail.example"

EARLIEST, LATEST = "Etc/GMT+12", "Etc/GMT-14"
"""Time zones that are 26 hours apart: at no moment have they the same date."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed with --json."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """What a filter printed, a value a line."""
        return [json.loads(line) for line in self.out.split("\n")[:-1]]

    @property
    def complaints(self) -> list[str]:
        """What went wrong, each on one line; beside these lines standard error has only notes."""
        return [
            line.removeprefix("digest: ") for line in self.err.splitlines() if line.startswith("digest: ")
        ]

    def succeeded(self) -> Self:
        assert self.status == 0, f"exit status {self.status}\n{self.err}\n{self.out}"
        assert not self.complaints, self.err
        return self

    def complaint(self, *, status: int) -> str:
        """Give the one line that says why it failed; it is the last one, and there is no traceback."""
        assert self.status == status, f"exit status {self.status}\n{self.err}\n{self.out}"
        assert "Traceback" not in self.err, self.err
        assert len(self.complaints) == 1, self.err
        assert self.err.splitlines()[-1].removeprefix("digest: ") == self.complaints[0], self.err
        return self.complaints[0]


class Terminal:
    """A folder, an environment and the program."""

    def __init__(self, folder: Path, *, program: Sequence[str | Path] = (PROGRAM,), **settings: str) -> None:
        """`settings` are those of the environment: `transport__port="25"`."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.program = program
        self.environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(folder),
            "DIGEST_WEB__LISTEN": "",  # a test that wants the pages chooses a port
            **{f"DIGEST_{name.upper()}": value for name, value in settings.items()},
        }

    def digest(self, *arguments: str | Path, stdin: bytes = b"") -> Finished:
        """Run `digest` to its end; where nothing in the environment is for Python itself, without the imports."""
        if self.program != (PROGRAM,) or not warm.fits(self.environment):
            return self.run(*self.program, *arguments, stdin=stdin)
        ended = warm.run(
            arguments,
            program=PROGRAM,
            folder=self.folder,
            environment=self.environment,
            stdin=stdin,
            patience=PATIENCE,
        )
        return Finished(status=ended.status, out=ended.out.decode(), err=ended.err.decode())

    def run(self, *command: str | Path, stdin: bytes = b"") -> Finished:
        """Run any command in the folder to its end."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        return Finished(status=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())

    @contextlib.contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start `digest` and leave it running; at the end of the block it is gone."""
        pipe = subprocess.PIPE
        command = [*self.program, *arguments]
        with subprocess.Popen(
            command, cwd=self.folder, env=self.environment, stdin=pipe, stdout=pipe, stderr=pipe
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def settings(self, *lines: str) -> Path:
        """Write config.toml."""
        return self.write("config.toml", "\n".join(lines) + "\n")

    def small_day(self, *more: str) -> None:
        """Write one article and the settings of a list that is made of its folder, with `more` lines before them."""
        self.article("articles/tide.txt", "The tide is high")
        self.settings(*more, *SMALL_LIST)

    def article(self, name: str, title: str) -> Path:
        """Write a plain-text article."""
        return self.write(name, f"{title}\n\nBy Ada Writer\n\n{STORY}\n")

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def mails(self, reader: str = READER, *, folder: str = "var/mail") -> list[EmailMessage]:
        """Read the mails that came to a reader."""
        return [
            read_mail(path.read_bytes()) for path in sorted((self.folder / folder / reader).glob("new/*"))
        ]


def read_mail(content: bytes) -> EmailMessage:
    """Read a mail as a mail program does."""
    return email.message_from_bytes(content, policy=email.policy.default)


def part(mail: EmailMessage, kind: str) -> str:
    """Give a mail's "html" or its "plain" text."""
    found = mail.get_body((kind,))
    assert found is not None, f"the mail has no {kind} part"
    return found.get_content()


def far_from_midnight() -> str:
    """Name a time zone in which it is about noon now, so that no test's two runs fall on two days."""
    offset = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-offset:+d}" if offset else "Etc/GMT"  # POSIX counts westwards


PUBLISHER = (
    "[publisher]",
    'address = "news@example.org"',
    'postal_address = "2 Quay Lane"',
    'url = "https://news.example.org"',
)
"""Who may send real mail: nothing of it is the sample's."""

SMALL_LIST = (
    "[sources.wire]",
    'kind = "folder"',
    'path = "articles"',
    'title = "The Wire"',
    'language = "en"',
    "[lists.daily]",
    'title = "The Small Digest"',
    f'timezone = "{far_from_midnight()}"',
)

STORY = """\
PORT ALDER — The water stood two hands below the quay on Monday evening, and nobody in the harbour office could
remember it higher. The harbour master closed both gates an hour early. She said that the pumps had been tested in
May and again in September.

Fishermen moved their boats behind the inner wall before dark. The ferry to the islands stayed where it was, with
eleven passengers who had slept on board. A baker brought them bread at six in the morning and would not take money.

The council meets on Thursday to decide whether the gates need new hinges. The old ones were forged in 1931."""
