"""Whatever the days bring, and whoever is away, fails or changes his mind: nobody reads a sentence twice."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from email import message_from_bytes, policy
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from issues import article, issue, section
from makers import EXPIRY, UNTIMED, Clock, Mailserver, become, reader, subscribe
from tables import in_memory

from digest import config
from digest.deliver import deliver
from digest.govern import Governor
from digest.journal import Journals
from digest.model import Earlier, Sentence, Story, SubscriberState
from digest.render import Press, environment
from digest.store import Database, deliveries, issues, subscribers
from digest.tailor import due
from digest.tokens import Tokens
from digest.wishes import Frequency, Stance, Topic, Wishes
from digest.writer import Writer

READERS = 2
EVENING = 17.5  # hours after the issue is out, when those who wish for 23:00 get it
SETTINGS = config.Settings.model_validate(
    {
        "lists": {
            "daily": {
                "sentences": 99,
                "top_stories": 0,
                "letter": "short",
                "sections": {"city": {"stories": 99}, "sport": {"stories": 99}},
            }
        },
        "delivery": {"retry_minutes": [60], "give_up_hours": 30},
    }
)
LIST = SETTINGS.lists["daily"]
TEMPLATES = {
    "subject.txt.j2": "{{ date }}",
    "body.html.j2": "<html><head></head><body>{{ date }}</body></html>",
    "body.txt.j2": (
        "{% for chapter in chapters %}{% for piece in chapter.pieces %}\n\n"
        "{{ piece.summary | wrap }}{% endfor %}{% endfor %}"
    ),
}
SPOKEN = re.compile(r"say-([a-e])-(\d+)-(\d)-")


@dataclass
class Paper:
    """A list of stories that go on, two of them sport; what each reader got of them."""

    database: Database
    press: Press
    journals: Journals
    clock: Clock = field(default_factory=Clock)
    server: Mailserver = field(default_factory=Mailserver)
    last: dict[str, Earlier] = field(default_factory=dict)
    days: list[date] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)

    def publish(self, threads: str) -> None:
        """Freeze an issue in which each of these stories says two things that it has not said before."""
        on, number = self.clock().date(), len(self.days) + 1
        city, sport = (
            [self._tell(name, number) for name in sorted(set(threads) & set(part))] for part in ("abe", "cd")
        )
        made = issue(
            section("City", *city), section("Sport", *sport), number=number, date=on, closed=self.clock()
        )
        for name in threads:
            self.last[name] = Earlier(date=on, number=number)
        last = self.days[-1] if self.days else None
        when = partial(due, list_wishes=LIST, on=on, last=last, now=self.clock())
        with self.database.transaction() as connection:
            subscribers.resume_due(connection, now=self.clock())
            issue_id = issues.freeze(connection, made)
            deliveries.enqueue(connection, issue_id, "daily", due=when, now=self.clock(), lifetime=EXPIRY)
        self.days.append(on)
        self.threads.append(threads)

    def _tell(self, name: str, number: int) -> Story:
        said = [f"We say-{name}-{number}-{place}- {'and so on ' * 12}now." for place in (1, 2)]
        lead = article(
            ord(name) * 1000 + number,
            title=name,
            body=(" ".join(said),),
            section="Sport" if name in "cd" else "City",
        )
        spans = (
            Sentence(text=one, start=lead.text.index(one), end=lead.text.index(one) + len(one))
            for one in said
        )
        return Story(
            lead=lead,
            section=lead.section.lower(),
            summary=tuple(spans),
            thread=name,
            since=self.last.get(name),
        )

    def send(self) -> None:
        writer = Writer(SETTINGS, self.database, self.press, Tokens("a secret"))
        deliver(
            self.database,
            self.server,
            SETTINGS.delivery,
            write=writer,
            journals=self.journals,
            governor=Governor(config.Settings()),
            clock=self.clock,
        )

    def wish(self, number: int, wishes: Wishes) -> None:
        with self.database.transaction() as connection:
            found = subscribers.find(connection, "daily", reader(number))
            assert found is not None
            subscribers.set_wishes(connection, found.id, wishes)

    def got(self, number: int) -> list[list[tuple[str, int, int]]]:
        """Give what each letter of a reader said: of which story, in which issue, in which place."""
        letters = []
        for mail in self.server.mails:
            if mail.recipient == reader(number):
                body = message_from_bytes(mail.message, policy=policy.default).get_body(("plain",))
                assert body is not None
                found = SPOKEN.findall(body.get_content())
                letters.append([(name, int(day), int(place)) for name, day, place in found])
        return letters


THREADS = st.sets(st.sampled_from("abcd"), min_size=1).map(lambda names: "".join(sorted(names)))
WHO = st.integers(1, READERS)
WISHES = st.builds(
    Wishes,
    frequency=st.sampled_from(Frequency),
    hour=st.sampled_from([None, "06:00", "23:00"]),
    topics=st.sampled_from(
        [
            (),
            *(
                (Topic(name=name, stance=stance),)
                for name in ("city", "sport")
                for stance in (Stance.NONE, Stance.LESS)
            ),
        ]
    ),
    minutes=st.sampled_from([None, None, 1]),
)
PAUSES = st.tuples(st.sampled_from(["pause", "resume"]), WHO)
ANSWERS = st.tuples(
    st.just("answers"), st.lists(st.sampled_from([250, 450, 550, "before", "after"]), min_size=1, max_size=2)
)
CHANGES = st.tuples(st.just("wish"), WHO, WISHES)
ACTS = st.one_of(
    CHANGES, PAUSES, CHANGES, ANSWERS, CHANGES, st.tuples(st.just("leave"), WHO), st.just(("idle",))
)
DAYS = st.lists(
    st.tuples(THREADS, st.sampled_from([1, 1, 1, 1, 2, 6, 40]), st.lists(ACTS, max_size=3)),
    min_size=4,
    max_size=12,
)


def live(paper: Paper, days: Sequence[tuple[str, int, Sequence[tuple[object, ...]]]]) -> None:
    """Let the days pass: on each an issue, where it has anything, what readers do, and the mails that are due."""
    subscribe(paper.database, *map(reader, range(1, READERS + 1)))
    for threads, later, acts in [*days, ("e", 1, ())]:
        if threads:
            paper.publish(threads)
        for act in acts:
            do(paper, *act)
        for hours in (EVENING, 24 * later - EVENING):
            if ("idle",) not in acts:
                paper.send()
            paper.clock.forward(hours=hours)


def do(paper: Paper, what: str, *which: object) -> None:
    states = {
        "pause": SubscriberState.PAUSED,
        "resume": SubscriberState.ACTIVE,
        "leave": SubscriberState.UNSUBSCRIBED,
    }
    match what, which:
        case "answers", [list(codes)]:
            for code in codes:
                if code == "before":
                    paper.server.break_before_the_end()
                elif code == "after":
                    paper.server.break_after_the_end()
                else:
                    paper.server.refuse(code)
        case "wish", [int(number), Wishes() as wishes]:
            paper.wish(number, wishes)
        case name, [int(number)]:
            become(paper.database, reader(number), state=states[name])


@pytest.fixture(scope="module")
def press(tmp_path_factory: pytest.TempPathFactory) -> Press:
    """A letter that has the sentences and nothing else, since it is printed so often here."""
    folder = tmp_path_factory.mktemp("templates")
    (folder / "email/short").mkdir(parents=True)
    for name, text in TEMPLATES.items():
        (folder / "email/short" / name).write_text(text)
    return environment([folder])


@contextmanager
def paper(press: Press) -> Iterator[Paper]:
    with in_memory() as database, TemporaryDirectory() as folder:
        yield Paper(database, press, Journals(Path(folder), database.name))


@settings(UNTIMED, max_examples=40)
@given(days=DAYS)
def test_no_reader_reads_a_sentence_twice_and_a_letter_tells_each_story_in_the_order_it_happened(
    press: Press,
    days: list[tuple[str, int, list[tuple[object, ...]]]],
) -> None:
    """Through pauses, leaving, coming back, other wishes, refusals, mails in doubt, and days on which none leaves."""
    with paper(press) as daily:
        live(daily, days)
        for number in range(1, READERS + 1):
            letters = daily.got(number)
            read = Counter(said for one in letters for said in one)
            assert [said for said, times in read.items() if times > 1] == []
            for one in letters:
                for name in "abcde":
                    told = [said for said in one if said[0] == name]
                    assert told == sorted(told)


@settings(UNTIMED, max_examples=20)
@given(
    days=st.lists(st.tuples(THREADS, st.sampled_from([1, 2, 3]), st.lists(PAUSES, max_size=2)), max_size=9),
    hour=st.sampled_from([None, "23:00"]),
)
def test_who_only_pauses_reads_in_the_end_all_that_was_told_since_his_first_letter(
    press: Press, days: list[tuple[str, int, list[tuple[object, ...]]]], hour: str | None
) -> None:
    with paper(press) as daily:
        subscribe(daily.database, *map(reader, range(1, READERS + 1)))
        for number in range(1, READERS + 1):
            daily.wish(number, Wishes(hour=hour))
        live(
            daily, [("abcd", 1, ()), *days, ("", 1, [("resume", number) for number in range(1, READERS + 1)])]
        )
        daily.send()
        told = {
            (name, number, place)
            for number, threads in enumerate(daily.threads, 1)
            for name in threads
            for place in (1, 2)
        }
        for number in range(1, READERS + 1):
            assert {said for one in daily.got(number) for said in one} == told
