"""A publisher with his readers: the real program in a folder, mails that readers write, and the letters they get.

room = Mailroom(folder)
room.gets(mail("subscribe weekly"))                    # from Ada, unless another is named
[question] = room.letters()
room.gets(reply(question, "yes"))
assert room.state() == "active"

room.gets(mail(to="digest+help@digest.example"), Envelope(sender="", recipients=(...)))
"""

import email.policy
import itertools
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from makers import shipped_press
from tables import lay
from terminal import STORY, read_mail

from digest.address import parse_address
from digest.app import App
from digest.config import load
from digest.correspondence import Door
from digest.model import Subscriber, SubscriberState
from digest.protocols import Transport
from digest.received import Envelope
from digest.store import notices, subscribers

US = "digest@digest.example"
ADA = "ada@mail.example"
EVE = "eve@elsewhere.example"

_SETTINGS = """
secret = "sealing wax"
[publisher]
name = "The Small Digest"
address = "{address}"
[web]
listen = ""
[sources.wire]
kind = "folder"
path = "articles"
title = "The Wire"
section = "City"
language = "en"
[lists.daily]
title = "The Small Digest"
[lists.daily.sections.city]
title = "City"
[lists.daily.sections.sport]
title = "Sport"
[lists.daily.sections.more]
title = "More"
[lists.weekend]
title = "The Weekend Digest"
[lists.staff]
title = "For the staff"
public = false
"""

_numbers = itertools.count(1)


def now() -> datetime:
    return datetime.now(UTC)


class Mailroom:
    """The program in a folder.

    `settings` are tables of config.toml, or lines of [publisher] where they begin with that. Letters lie in Maildirs,
    unless a test brings a transport.
    """

    def __init__(
        self,
        folder: Path,
        *settings: str,
        address: str = US,
        clock: Callable[[], datetime] = now,
        transport: Transport | None = None,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "config.toml"
        text = _SETTINGS.format(address=address)
        if settings[:1] == ("[publisher]",):
            text = text.replace("[publisher]", settings[0] + "\n" + settings[1])
            settings = settings[2:]
        text = text.replace("[sources.wire]", "\n".join((*settings, "[sources.wire]")))
        self.config.write_text(text, encoding="utf-8")
        self.app = App(load(self.config), clock=clock)
        lay(self.app.settings.database, folder)
        if not self.app.settings.templates:
            self.app.press = shipped_press()
        if transport is not None:
            self.app.transport = transport

    def gets(self, content: bytes, envelope: Envelope | None = None) -> str:
        """Handle a mail, send what answers it, and give what was said for the log."""
        said = self.app.inbound.handle(content, envelope or Envelope())
        self.app.notify()
        return said

    def letters(self, reader: str = ADA) -> list[EmailMessage]:
        """Give all letters that a reader got, oldest first."""
        folder = self.folder / "var/mail" / reader
        return [read_mail(path.read_bytes()) for path in sorted(folder.glob("new/*"), key=_age)]

    def all_letters(self) -> int:
        """Count the letters to everybody."""
        return len(list((self.folder / "var/mail").glob("*/new/*")))

    def last(self, reader: str = ADA) -> EmailMessage:
        """Give the newest letter that a reader got."""
        return self.letters(reader)[-1]

    def kinds(self, reader: str = ADA) -> list[str]:
        """Give which letters were written to a reader, oldest first."""
        with self.app.database.transaction() as connection:
            return [notice.kind.value for notice in notices.to_address(connection, parse_address(reader))]

    def reader(self, address: str = ADA, *, on: str = "daily") -> Subscriber | None:
        with self.app.database.transaction() as connection:
            return subscribers.find(connection, on, address)

    def state(self, address: str = ADA, *, on: str = "daily") -> str:
        """Give a reader's state, or nothing for a stranger."""
        found = self.reader(address, on=on)
        return found.state.value if found else ""

    def subscribed(self, address: str = ADA) -> None:
        """Let somebody subscribe and confirm, as people do."""
        self.gets(mail("subscribe", sender=address))
        self.gets(reply(self.last(address), "yes", sender=address))
        assert self.state(address) == "active"

    def adds(self, address: str = ADA, *, on: str = "daily") -> None:
        """Let the operator add a reader; he gets no letter."""
        with self.app.database.transaction() as connection:
            self.app.readers.set_state(
                connection, on, address, SubscriberState.ACTIVE, door=Door.OPERATOR, now=self.app.clock()
            )

    def publish(self, *titles: str) -> None:
        """Publish an issue of the daily list, and send it."""
        for number, title in enumerate(titles):
            path = self.folder / f"articles/{number}.txt"
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{title}\n\nBy Ada Writer\n\n{title}. {STORY}\n", encoding="utf-8")
        self.app.collect()
        assert self.app.publish("daily") is not None
        self.app.send()

    def close(self) -> None:
        self.app.database.close()


def _age(path: Path) -> tuple[int, str]:
    return path.stat().st_mtime_ns, path.name


def mail(
    subject: str = "",
    text: str = "",
    *,
    to: str = US,
    sender: str = ADA,
    html: str = "",
    **headers: str,
) -> bytes:
    """Write a mail; `Auto_Submitted="no"` is the header Auto-Submitted."""
    message = EmailMessage()
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    usual = {
        "From": sender,
        "To": to,
        "Subject": subject,
        "Date": format_datetime(now()),
        "Message-ID": f"<{next(_numbers)}.{id(message)}@mail.example>",
    }
    for name, value in {**usual, **given}.items():
        if value:
            message[name] = value
    if html:
        message.set_content(html, subtype="html")
    else:
        message.set_content(text)
    return message.as_bytes(policy=email.policy.SMTP.clone(max_line_length=998))


def reply(letter: EmailMessage, text: str, *, sender: str = ADA, subject: str | None = None) -> bytes:
    """Answer a letter as a mail program does: to its Reply-To, in its thread, quoting all of it."""
    quoted = "\n".join(f"> {line}" for line in letter.get_body(("plain",)).get_content().splitlines())
    return mail(
        f"Re: {letter['Subject']}" if subject is None else subject,
        f"{text}\n\nOn Wed, 21 Oct 2015 at 07:00, {letter['From']} wrote:\n\n{quoted}\n",
        to=str(letter["Reply-To"] or letter["From"]),
        sender=sender,
        In_Reply_To=letter["Message-ID"],
        References=letter["Message-ID"],
    )


def mailto(letter: EmailMessage, header: str = "List-Unsubscribe") -> tuple[str, str]:
    """Give the address and the subject of the mailto: link in a header of a letter."""
    found = re.search(r"<mailto:([^?>]+)(?:\?subject=([^>&]*))?", letter[header])
    assert found, letter[header]
    return found[1], (found[2] or "").replace("%20", " ")
