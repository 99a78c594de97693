"""What a reader is sent is what is new to him: after a pause, after letters that failed, and of stories that go on."""

import dataclasses
import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest
from issues import article, issue, section, story
from makers import EXPIRY, become, rows
from newsroom import Newsroom

from digest.model import DeliveryState, Earlier, Story, SubscriberState
from digest.store import deliveries, issues, subscribers, variants
from digest.tailor import due
from digest.wishes import Frequency, Stance, Topic, Wishes

SINCE = "Since your last letter: the best from {} on."
NO_SPORT = Wishes(topics=(Topic(name="sport", stance=Stance.NONE),))


@pytest.fixture
def newsroom(tmp_path: Path, database_url: str) -> Iterator[Newsroom]:
    room = Newsroom(tmp_path, url=database_url)
    yield room
    room.app.database.close()


def day(room: Newsroom, number: int, section: str = "City") -> None:
    """Publish an issue of one story, send what is due, and let the day pass."""
    room.happens(number, section)
    room.publish()
    room.send()
    room.clock.forward(days=1)


def pause(room: Newsroom, name: str = "ada") -> None:
    become(room.app.database, f"{name}@mail.example", state=SubscriberState.PAUSED)


def resume(room: Newsroom, name: str = "ada") -> None:
    become(room.app.database, f"{name}@mail.example", state=SubscriberState.ACTIVE)


def told(room: Newsroom, name: str = "ada") -> set[int]:
    """Give the numbers of the stories in a reader's newest letter."""
    return {int(number) for number in re.findall(r"\bCity (\d+)", room.text(name))}


# --- after a pause


@pytest.mark.on_both
def test_after_a_pause_comes_one_letter_with_all_since_the_last_one_which_says_so(newsroom: Newsroom) -> None:
    newsroom.reader("ada", Wishes())
    newsroom.reader("bob", Wishes())
    day(newsroom, 1)
    pause(newsroom)
    for number in (2, 3):
        day(newsroom, number)
    resume(newsroom)
    day(newsroom, 4)

    assert len(newsroom.got("ada")) == 2
    assert told(newsroom) == {2, 3, 4}
    assert SINCE.format("22 October") in newsroom.text("ada")
    html = newsroom.got("ada")[-1].get_body(("html",))
    assert html is not None
    assert SINCE.format("22\N{NO-BREAK SPACE}October") in html.get_content()
    assert told(newsroom, "bob") == {4}
    assert "Since your last letter" not in newsroom.text("bob")
    day(newsroom, 5)
    assert told(newsroom) == {5}
    assert "Since your last letter" not in newsroom.text("ada")


def test_a_pause_in_which_nothing_came_leaves_no_trace(newsroom: Newsroom) -> None:
    newsroom.reader("ada", Wishes())
    newsroom.reader("bob", Wishes())
    day(newsroom, 1)
    pause(newsroom)
    resume(newsroom)
    day(newsroom, 2)

    assert "Since your last letter" not in newsroom.text("ada")
    assert len({row.variant_id for row in rows(newsroom.app.database)}) == 2  # an issue each


def test_a_letter_after_a_pause_has_the_room_of_one_issue_and_looks_back_so_far_and_no_further(
    newsroom: Newsroom,
) -> None:
    newsroom.reader("ada", Wishes())
    day(newsroom, 1)
    pause(newsroom)
    for number in range(2, 42):
        day(newsroom, number)
    resume(newsroom)
    day(newsroom, 42)

    assert len(told(newsroom)) == 9  # as the section says
    assert SINCE.format("28 October") in newsroom.text("ada")  # 35 issues


def test_after_a_pause_a_readers_minutes_and_topics_hold_as_ever(newsroom: Newsroom) -> None:
    newsroom.reader("ada", NO_SPORT)
    day(newsroom, 1)
    pause(newsroom)
    day(newsroom, 2)
    day(newsroom, 3, "Sport")
    resume(newsroom)
    day(newsroom, 4)

    assert told(newsroom) == {2, 4}
    assert "Sport 3" not in newsroom.text("ada")


def test_one_who_pauses_before_his_hour_gets_that_issue_too_when_he_is_back(newsroom: Newsroom) -> None:
    newsroom.reader("ada", Wishes())
    day(newsroom, 1)
    with newsroom.app.database.transaction() as connection:
        found = subscribers.find(connection, "daily", "ada@mail.example")
        assert found is not None
        subscribers.set_wishes(connection, found.id, Wishes(hour="20:00"))
    newsroom.happens(2, "City")
    newsroom.publish()
    pause(newsroom)
    newsroom.clock.forward(hours=15)
    assert newsroom.send() == {DeliveryState.SKIPPED: 1}
    resume(newsroom)
    newsroom.clock.forward(hours=9)
    day(newsroom, 3)
    newsroom.send()

    assert told(newsroom) == {2, 3}


# --- for other reasons


def test_a_letter_that_was_refused_for_good_is_made_up_for(newsroom: Newsroom) -> None:
    newsroom.reader("ada", Wishes())
    day(newsroom, 1)
    newsroom.server.refuse(552)
    day(newsroom, 2)
    day(newsroom, 3)

    assert told(newsroom) == {2, 3}


def test_a_letter_that_may_have_arrived_is_not_sent_in_another_one(newsroom: Newsroom) -> None:
    newsroom.reader("ada", Wishes())
    day(newsroom, 1)
    newsroom.server.break_after_the_end()
    day(newsroom, 2)
    day(newsroom, 3)

    assert told(newsroom) == {3}


def test_one_of_whose_topics_there_was_nothing_for_days_has_missed_nothing(newsroom: Newsroom) -> None:
    newsroom.reader("ada", NO_SPORT)
    day(newsroom, 1)
    day(newsroom, 2, "Sport")
    day(newsroom, 3)

    assert told(newsroom) == {3}
    assert "Since your last letter" not in newsroom.text("ada")


def test_one_who_reads_daily_instead_of_weekly_loses_no_day(newsroom: Newsroom) -> None:
    """21 October 2015 is a Wednesday."""
    newsroom.reader("ada", Wishes(frequency=Frequency.WEEKLY))
    for number in (1, 2):
        day(newsroom, number)
    newsroom.reader("ada", Wishes())
    day(newsroom, 3)

    assert told(newsroom) == {2, 3}


def test_a_list_that_rested_owes_nobody_anything(newsroom: Newsroom) -> None:
    newsroom.reader("ada", Wishes())
    day(newsroom, 1)
    newsroom.clock.forward(days=20)
    day(newsroom, 2)

    assert told(newsroom) == {2}
    assert "Since your last letter" not in newsroom.text("ada")


@pytest.mark.on_both
def test_a_mail_that_is_tried_again_says_the_same_though_another_letter_came_between(
    newsroom: Newsroom,
) -> None:
    newsroom.reader("ada", Wishes())
    day(newsroom, 1)
    pause(newsroom)
    day(newsroom, 2)
    resume(newsroom)
    newsroom.server.refuse(450)
    newsroom.happens(3, "City")
    newsroom.publish()
    newsroom.send()
    first = newsroom.server.tried[-1]
    newsroom.clock.forward(days=1)
    day(newsroom, 4)

    assert newsroom.server.mails[-2].message == first.message
    assert told(newsroom) == {4}


# --- stories that go on


def goes_on(number: int, *, since: Earlier | None = None) -> Story:
    """Tell the story of the cup, which is sport."""
    lead = article(
        number, title=f"Cup {number}", section="Sport", body=(f"Round {number} was won. It was cold.",)
    )
    return dataclasses.replace(story(lead, sentences=1), section="sport", thread="cup", since=since)


def freeze(room: Newsroom, *stories: Story) -> Earlier:
    """Publish an issue of these stories, send it, and let the day pass."""
    on, own = room.clock().date(), room.app.settings.lists["daily"]
    with room.app.database.transaction() as connection:
        number = issues.next_number(connection, "daily")
        last = issues.last_date(connection, "daily", before=on)
        made = issue(section("Sport", *stories), number=number, date=on, closed=room.clock())
        issue_id = issues.freeze(connection, made)
        when = partial(due, list_wishes=own, on=on, last=last, now=room.clock())
        deliveries.enqueue(connection, issue_id, "daily", due=when, now=room.clock(), lifetime=EXPIRY)
    room.send()
    room.clock.forward(days=1)
    return Earlier(date=on, number=number)


def rounds(room: Newsroom, name: str) -> list[int]:
    """Give the rounds of the cup in a reader's newest letter, as they stand there."""
    text = room.text(name)
    return sorted(
        (n for n in range(1, 99) if f"Round {n} was" in text), key=lambda n: text.index(f"Round {n} was")
    )


def weather(number: int) -> Story:
    """Tell of something that nobody minds, so that there is a letter."""
    return story(article(number, title=f"City {number}", section="City"))


def test_a_topic_that_was_not_wanted_is_told_from_its_beginning_and_only_to_whom_it_is_new(
    newsroom: Newsroom,
) -> None:
    newsroom.reader("ada", NO_SPORT)
    newsroom.reader("bob", Wishes())
    began = freeze(newsroom, goes_on(1), weather(51))
    newsroom.reader("ada", Wishes())
    freeze(newsroom, goes_on(2, since=began), weather(52))

    assert rounds(newsroom, "ada") == [1, 2]
    assert rounds(newsroom, "bob") == [2]
    freeze(newsroom, goes_on(3, since=began), weather(53))
    assert rounds(newsroom, "ada") == rounds(newsroom, "bob") == [3]
    assert len({row.variant_id for row in rows(newsroom.app.database)[-2:]}) == 1


def test_one_who_is_new_gets_a_story_that_goes_on_as_the_list_has_it(newsroom: Newsroom) -> None:
    newsroom.reader("bob", Wishes())
    began = freeze(newsroom, goes_on(1))
    newsroom.reader("ada", Wishes())
    freeze(newsroom, goes_on(2, since=began))

    assert rounds(newsroom, "ada") == [2]
    assert len({row.variant_id for row in rows(newsroom.app.database)[-2:]}) == 1


def test_one_whose_wishes_are_new_has_had_what_he_had(newsroom: Newsroom) -> None:
    newsroom.reader("ada", Wishes())
    newsroom.reader("bob", NO_SPORT)
    began = freeze(newsroom, goes_on(1), weather(51))
    newsroom.reader("ada", Wishes(minutes=9))
    freeze(newsroom, goes_on(2, since=began), weather(52))

    assert rounds(newsroom, "ada") == [2]


def test_a_weekly_letter_tells_a_story_of_the_week_once_and_in_order(newsroom: Newsroom) -> None:
    """21 October 2015 is a Wednesday, and the first letter holds what there is."""
    newsroom.reader("ada", Wishes(frequency=Frequency.WEEKLY))
    began = freeze(newsroom, goes_on(1))
    for number in range(2, 7):
        freeze(newsroom, goes_on(number, since=began))

    assert len(newsroom.got("ada")) == 2
    assert rounds(newsroom, "ada") == [2, 3, 4, 5, 6]
    assert newsroom.text("ada").count("Cup 6") == 1


def days_before(on: date) -> list[date]:
    return [on - timedelta(days=days) for days in range(1, 35)]


@pytest.mark.on_both
def test_what_a_letter_on_its_way_may_hold_counts_as_told(newsroom: Newsroom) -> None:
    """Two workers may write two letters to one reader at once."""
    newsroom.reader("ada", Wishes(hour="23:00"))
    began = freeze(newsroom, goes_on(1))
    freeze(newsroom, goes_on(2, since=began))
    [_, row] = rows(newsroom.app.database)
    with newsroom.app.database.transaction() as connection:
        on = date(2015, 10, 23)
        [(had, readers)] = variants.had(
            connection, [row.subscriber_id], dates=days_before(on), after=on - timedelta(days=35)
        )

    assert readers == [row.subscriber_id]
    assert (had.told, had.until) == ({"cup": date(2015, 10, 21)}, date(2015, 10, 22))


def test_a_letter_of_an_older_version_told_what_its_stories_are_called_after(newsroom: Newsroom) -> None:
    newsroom.reader("ada", Wishes())
    freeze(newsroom, weather(51))
    [row] = rows(newsroom.app.database)
    with newsroom.app.database.transaction() as connection:
        connection.exec_driver_sql("UPDATE variants SET threads = NULL")
        on = date(2015, 10, 22)
        [(had, readers)] = variants.had(
            connection, [row.subscriber_id], dates=days_before(on), after=on - timedelta(days=35)
        )

    assert readers == [row.subscriber_id]
    assert had.told == {article(51).id: date(2015, 10, 21)}
