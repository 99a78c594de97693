"""Build issues for tests: `issue(section("World", story(article(1))))`, or the whole `sample()`."""

import base64
import dataclasses
import functools
import re
import struct
import zlib
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from digest.model import Article, Correction, Earlier, Issue, Kind, Revision, Section, Sentence, Story
from digest.render import Masthead, Slot

TODAY = date(2015, 10, 21)
# Events that have nothing in common, the first of them told twice.
BARRIER = "The new flood barrier of Port Alder closed for the first time when the storm reached the harbour."
BARRIER_TOO = (
    "Port Alder shut its flood barrier for the first time as the storm surge reached the harbour mouth."
)
FERRY = "Ferry crews ended their strike after nine days and boats to the islands sail again from Monday."
BANK = "The central bank of Carrow held its interest rate at four percent, saying prices rise slowly."
REEF = "Divers mapped a cold water coral reef on Hallow Bank that nobody had described before."
CHESS = "A girl of eleven won the chess championship against a grandmaster in forty moves."
SWIM = "A swimmer broke the record for fifteen hundred metres freestyle by two seconds."
DAY = (BARRIER, FERRY, BANK, REEF, CHESS, SWIM)

SENTENCE = re.compile(r"\S[^.!?؟]*[.!?؟]")


def article(number: int = 1, **changes: Any) -> Article:
    """Make the article of that number, with `changes` to its fields."""
    plain = Article(
        source="northern-wire",
        title=f"Headline {number}",
        body=(f"The first sentence of article {number} says what. The second one says why.", "It ends here."),
        url=f"https://wire.example/{number}",
        author="Ada Writer",
        language="en",
        published=date(2015, 10, 20),
    )
    return dataclasses.replace(plain, **changes)


def story(lead: Article, *, also: Iterable[Article] = (), sentences: int = 2) -> Story:
    """Tell a story by `lead`, summarised by its first sentences."""
    spans = list(SENTENCE.finditer(lead.text))[:sentences]
    summary = tuple(Sentence(text=span[0], start=span.start(), end=span.end()) for span in spans)
    return Story(lead=lead, others=tuple(also), summary=summary)


def section(title: str, *stories: Story) -> Section:
    """Head some stories with a title."""
    return Section(name=title.lower().replace(" ", "-"), title=title, stories=stories)


def issue(*sections: Section, **changes: Any) -> Issue:
    """Bind sections into the issue of Wednesday, 21 October 2015."""
    plain = Issue(
        list="daily", number=57, date=TODAY, closed=datetime(2015, 10, 21, 6, tzinfo=UTC), sections=sections
    )
    return dataclasses.replace(plain, **changes)


def masthead(**changes: Any) -> Masthead:
    """Make the masthead of The Port Alder Digest, with `changes` to its fields."""
    plain = Masthead(
        title="The Port Alder Digest",
        description="What the harbour, the town and the world did yesterday",
        postal_address="The Port Alder Digest\n1 Harbour Street, Port Alder",
        language="en",
        timezone="Europe/London",
        source_titles={
            "northern-wire": "Northern Wire",
            "alder-observer": "The Alder Observer",
            "minaret": "منارة الساحل",
            "le-phare": "Le Phare",
        },
    )
    return dataclasses.replace(plain, **changes)


def slots(**changes: str) -> dict[Slot, str]:
    """Give what one reader's letter is filled with."""
    plain = {
        "unsubscribe_url": "https://digest.example/leave/abc?list=daily&reader=7",
        "preferences_url": "https://digest.example/wishes/abc",
        "web_url": "https://digest.example/issues/57",
        "address": "reader@mail.example",
    }
    return {Slot(name): value for name, value in (plain | changes).items()}


def png(width: int, height: int, colour: tuple[int, int, int] = (79, 121, 135)) -> str:
    """Paint a picture of one colour, as a data: URI."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\x00" + bytes(colour) * width) * height
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    content += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


@functools.cache
def sample() -> Issue:
    """Make an issue that has one of everything a letter must be able to print."""
    return issue(
        section("Top stories", _barrier(), _ferry(), _arabic()),
        section("Town", story(_plain("The fish market moves back under its old roof")), _opinion()),
        section("Science", *(story(_plain(title), sentences=1) for title in _SCIENCE)),
    )


_SCIENCE = (
    "A reef off the cape grew for the first time in nine years",
    "Students print a working tide clock",
    "Why gulls know what time the chip shop closes, and what that says about memory",
)


def _plain(title: str) -> Article:
    body = (
        f"{title}, they said on Tuesday. They had expected the opposite, and checked it twice.",
        "Nobody in the hall clapped at first. Then everybody did.",
    ) * 8
    slug = "-".join(title.lower().split()[:4])
    return Article(
        source="northern-wire",
        title=title,
        body=body,
        url=f"https://news.example/{slug}",
        language="en",
        published=datetime(2015, 10, 20, 16, 5, tzinfo=UTC),
    )


def _barrier() -> Story:
    lead = Article(
        source="northern-wire",
        title="Flood barrier opens two years early and under budget",
        body=(
            "The flood barrier at the mouth of the Alder closed for the first time on Tuesday night. "
            "Engineers watched the water rise outside while the harbour stayed as flat as a plate. "
            "The project cost 212 million, nine million less than planned. " * 6,
            "Its gates weigh 400 tonnes each and take eleven minutes to shut. " * 6,
        ),
        url="https://wire.example/2015/10/flood-barrier?edition=morning&from=digest",
        author="Maren Holt",
        language="en",
        published=datetime(2015, 10, 21, 6, 30, tzinfo=UTC),
        image=png(1120, 560),
        image_alt="The gates of the barrier at dusk, with the sea high behind them",
    )
    also = [
        article(2, source="alder-observer", url="https://observer.example/barrier"),
        article(3, source="le-phare", url="https://phare.example/barrage"),
    ]
    return story(lead, also=also, sentences=3)


def _ferry() -> Story:
    lead = Article(
        source="alder-observer",
        title="Night ferry to the islands returns after eleven years",
        body=(
            "The night ferry will sail again from the first of May. "
            "Tickets cost 24 for a berth and 9 for a chair. " * 5,
        ),
        url="https://observer.example/night-ferry",
        author="Tom Abara",
        language="en",
        published=date(2015, 10, 20),
        votes=1204,
    )
    return story(lead)


def _arabic() -> Story:
    lead = Article(
        source="minaret",
        title="مكتبة الميناء تفتح أبوابها ليلاً طوال الشتاء",
        body=(
            "قالت مكتبة الميناء يوم الثلاثاء إنها ستبقى مفتوحة حتى منتصف الليل طوال فصل الشتاء. "
            "ويأمل مديرها أن يجد الطلاب فيها مكاناً دافئاً وهادئاً. " * 4,
        ),
        url="https://minaret.example/مكتبة",
        author="ليلى حداد",
        language="ar",
        published=date(2015, 10, 19),
    )
    return story(lead)


def _opinion() -> Story:
    lead = Article(
        source="alder-observer",
        title="Let the old crane stand",
        body=("Nobody needs the crane any more. That is the best reason to keep it.",) * 9,
        author="The editors",
        language="en",
        kind=Kind.OPINION,
        published=date(2015, 10, 20),
        votes=57,
    )
    return story(lead)


def correction(number: int = 1, **changes: Any) -> Correction:
    """Make what was told wrong of the article of that number, with `changes` to its fields."""
    plain = Correction(
        revision=Revision.EDITED,
        told=Earlier(date=date(2015, 10, 20), number=56),
        source="northern-wire",
        title=f"Headline {number}",
        url=f"https://wire.example/{number}",
        was=f"It cost {number} million.",
        now=f"It cost {number} billion.",
        language="en",
    )
    return dataclasses.replace(plain, **changes)
