"""Record a reader's conversation with `digest serve` through real servers: Dovecot for mailboxes, Postfix between.

    python bench/conversation.py [--door imap] [--door lmtp] [--markdown conversation.md]

Needs root, Postfix and Dovecot (on Debian: apt-get install postfix dovecot-imapd dovecot-lmtpd). With --door imap our
mail lies in a mailbox of that Dovecot, with lmtp Postfix hands it to us. Each mail is shown as it was received: From,
To, Subject, Reply-To and its first lines; after each answer, what `digest subscribers list` says of the reader.
"""

import argparse
import os
import shutil
import sys
import tempfile
from email.message import EmailMessage
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from mailroom import ADA, mail, mailto, reply
from postoffice import PostOffice
from terminal import read_mail

FIRST_LINES = 14
PROGRAMS = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"
DOORS = {"imap": "Dovecot, read over IMAP", "lmtp": "Postfix, over LMTP"}


class Transcript:
    """What was said, printed as it is."""

    def __init__(self, office: PostOffice) -> None:
        self.lines: list[str] = []
        self._office = office

    def step(self, title: str, content: bytes) -> EmailMessage:
        """Let Ada send a mail, and give the letter that answers it."""
        self._say(f"### {title}", "")
        self._show(read_mail(content))
        self._office.post(content)
        return self.answer()

    def answer(self) -> EmailMessage:
        """Show the next letter, and the reader's state after it."""
        letter = self._office.reads(ADA)
        self._show(letter)
        self._say(f"*{ADA} is now: {self._office.state(ADA) or 'nobody we know'}*", "")
        return letter

    def say(self, title: str) -> None:
        """Begin a step that is nobody's mail."""
        self._say(f"### {title}", "")

    def _show(self, letter: EmailMessage) -> None:
        names = ("From", "To", "Subject", "Reply-To", "List-Unsubscribe", "Auto-Submitted", "Return-Path")
        head = [f"{name}: {letter[name]}" for name in names if letter[name]]
        found = letter.get_body(("plain",))
        text = [
            line
            for line in (found.get_content() if found else "").splitlines()
            if line.strip() and line[0] != ">"
        ]
        more = [f"[… {len(text) - FIRST_LINES} more lines]"] if len(text) > FIRST_LINES else []
        files = [f"[attached: {part.get_filename()}]" for part in letter.iter_attachments()]
        self._say("```", *head, "", *text[:FIRST_LINES], *more, *files, "```", "")

    def _say(self, *lines: str) -> None:
        self.lines += lines
        print("\n".join(lines), flush=True)


def converse(office: PostOffice, transcript: Transcript) -> None:
    question = transcript.step("Ada subscribes", mail("subscribe 10 minutes"))
    welcome = transcript.step("She confirms by reply", reply(question, "Yes, that was me.\n\n-- \nAda"))
    transcript.say("The day's issue comes")
    office.terminal.digest("run").succeeded()
    issue = transcript.answer()
    transcript.step("She changes her wishes by replying to it", reply(issue, "weekdays\n07:30 Europe/Paris"))
    transcript.step("She goes on a holiday", reply(issue, "pause 2 weeks"))
    transcript.step("She is back", reply(issue, "resume"))
    transcript.step("She asks what is known about her", reply(welcome, "my data"))
    address, subject = mailto(issue)
    transcript.step("She presses her mail program's unsubscribe button", mail(subject, to=address))
    transcript.step("She wants to be forgotten", reply(welcome, "forget me"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Record a reader's conversation through real servers.")
    parser.add_argument("--door", action="append", choices=DOORS)
    parser.add_argument("--markdown", type=Path)
    arguments = parser.parse_args()
    postfix, dovecot = (shutil.which(name, path=PROGRAMS) for name in ("postfix", "dovecot"))
    if not postfix or not dovecot or os.geteuid() != 0:
        raise SystemExit("it needs root, Postfix and Dovecot")
    lines: list[str] = []
    for door in arguments.door or DOORS:
        title = f"## Our mail comes from {DOORS[door]}"
        print(f"{title}\n")
        with (
            tempfile.TemporaryDirectory() as desk,
            PostOffice(Path(desk), postfix, dovecot, door=door) as office,
        ):
            transcript = Transcript(office)
            converse(office, transcript)
        lines += [title, "", *transcript.lines]
    if arguments.markdown:
        arguments.markdown.write_text("\n".join(["# A recorded conversation", "", *lines]), encoding="utf-8")


if __name__ == "__main__":
    main()
