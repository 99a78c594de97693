"""A list with readers, whose mails a test reads.

room.reader("ada", Wishes())      a reader and her wishes
room.happens(1, "City")           an article of a section
room.publish(); room.send()       the day's issue, and the mails that are due
room.text("ada")                  what her newest letter says
"""

from collections import Counter
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from issues import article
from makers import Clock, Mailserver, shipped_press, subscribe
from tables import lay

from digest import config
from digest.app import App
from digest.deliver import deliver
from digest.model import DeliveryState
from digest.store import articles, subscribers
from digest.wishes import Wishes

SETTINGS = """
database = "{url}"
[publisher]
address = "digest@digest.example"
[web]
listen = ""
[sources.northern-wire]
kind = "folder"
path = "articles"
[lists.daily]
method = "lead"
at = "06:00"
top_stories = 0
[lists.daily.sections.city]
stories = 9
[lists.daily.sections.sport]
stories = 9
"""


class Newsroom:
    """A list with readers, whose mails a test reads; `more` are settings of the list."""

    def __init__(self, folder: Path, more: str = "", *, url: str = "sqlite:///digest.db") -> None:
        text = SETTINGS.format(url=url).replace("top_stories = 0", f"top_stories = 0\n{more}")
        (folder / "config.toml").write_text(text)
        self.clock = Clock()
        lay(url, folder)
        self.app = App(config.load(folder / "config.toml"), clock=self.clock)
        self.app.press = shipped_press()
        self.server = Mailserver()

    def reader(self, name: str, wishes: Wishes) -> None:
        address = f"{name}@mail.example"
        subscribe(self.app.database, address)
        with self.app.database.transaction() as connection:
            found = subscribers.find(connection, "daily", address)
            assert found is not None
            subscribers.set_wishes(connection, found.id, wishes)

    def happens(self, number: int, section: str) -> None:
        word = "".join("abcdefghij"[int(digit)] for digit in str(number))  # no two stories have one in common
        told = article(
            number,
            title=f"{section} {number}",
            body=(f"{word}ix {word}ed {word}ly in {word}ton. {word}ers {word}ing were {word}ish.",),
            section=section,
            published=self.clock(),
        )
        with self.app.database.transaction() as connection:
            articles.put(connection, [told], now=self.clock())

    def publish(self) -> None:
        assert self.app.publish("daily") is not None

    def send(self) -> Counter[DeliveryState]:
        return deliver(
            self.app.database,
            self.server,
            self.app.settings.delivery,
            write=self.app.writer,
            journals=self.app.journals,
            governor=self.app.governor,
            clock=self.clock,
        )

    def got(self, name: str) -> list[EmailMessage]:
        mails = [mail for mail in self.server.mails if mail.recipient == f"{name}@mail.example"]
        return [message_from_bytes(mail.message, policy=policy.default) for mail in mails]

    def text(self, name: str) -> str:
        body = self.got(name)[-1].get_body(("plain",))
        assert body is not None
        return str(body.get_content())
