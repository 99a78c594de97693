"""What a reader wishes for is what he is sent: at his hour, as often as he likes, what interests him, in his format."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from makers import MORNING, rows
from newsroom import Newsroom

from digest.model import DeliveryState, SubscriberState
from digest.store import deliveries, subscribers, variants
from digest.tokens import Purpose
from digest.wishes import Format, Frequency, Stance, Topic, Wishes


@pytest.fixture
def newsroom(tmp_path: Path) -> Iterator[Newsroom]:
    room = Newsroom(tmp_path)
    yield room
    room.app.database.close()


@pytest.fixture
def frank(tmp_path: Path) -> Iterator[Newsroom]:
    """Open a newsroom that says so on a day with fewer than two stories."""
    room = Newsroom(tmp_path, 'fewest_stories = 2\nthin_day = "say"')
    yield room
    room.app.database.close()


def test_letters_leave_at_the_hours_of_their_readers(newsroom: Newsroom) -> None:
    newsroom.reader("now", Wishes())
    newsroom.reader("paris", Wishes(hour="09:30", zone="Europe/Paris"))
    newsroom.reader("tokyo", Wishes(hour="07:00", zone="Asia/Tokyo"))
    newsroom.happens(1, "City")
    newsroom.publish()

    assert [row.due for row in rows(newsroom.app.database)] == [
        MORNING,
        MORNING + timedelta(hours=1, minutes=30),
        MORNING + timedelta(hours=16),
    ]
    newsroom.send()
    assert [len(newsroom.got(name)) for name in ("now", "paris", "tokyo")] == [1, 0, 0]
    newsroom.clock.forward(hours=2)
    newsroom.send()
    assert [len(newsroom.got(name)) for name in ("now", "paris", "tokyo")] == [1, 1, 0]


def test_a_late_hour_does_not_shorten_the_time_in_which_a_mail_is_tried_again(newsroom: Newsroom) -> None:
    newsroom.reader("tokyo", Wishes(hour="07:00", zone="Asia/Tokyo"))
    newsroom.happens(1, "City")
    newsroom.publish()
    [row] = rows(newsroom.app.database)

    assert row.expires - row.due == timedelta(hours=newsroom.app.settings.delivery.give_up_hours)


def test_a_letter_without_a_topic_and_a_letter_with_all_of_them(newsroom: Newsroom) -> None:
    newsroom.reader("plain", Wishes())
    newsroom.reader("quiet", Wishes(topics=(Topic(name="sport", stance=Stance.NONE),)))
    newsroom.happens(1, "City")
    newsroom.happens(2, "Sport")
    newsroom.publish()
    newsroom.send()

    assert "Sport 2" in newsroom.text("plain")
    assert "City 1" in newsroom.text("quiet")
    assert "Sport 2" not in newsroom.text("quiet")


def test_a_reader_of_whose_topics_there_is_nothing_gets_no_letter(newsroom: Newsroom) -> None:
    newsroom.reader("fan", Wishes(topics=(Topic(name="all", stance=Stance.NONE),)))
    newsroom.happens(1, "City")
    newsroom.publish()

    assert newsroom.send() == {DeliveryState.SKIPPED: 1}
    assert newsroom.server.tried == []


def test_the_letter_of_a_thin_day_says_so_to_every_reader_once(frank: Newsroom) -> None:
    frank.reader("plain", Wishes())
    frank.reader("quick", Wishes(minutes=1))
    frank.reader("german", Wishes(language="de"))
    frank.reader("fan", Wishes(topics=(Topic(name="all", stance=Stance.NONE),)))
    frank.happens(1, "City")
    frank.publish()

    assert frank.send()[DeliveryState.SENT] == 4
    assert frank.send().total() == 0
    for name in ("plain", "quick"):
        assert "A quiet day: there was little to tell." in frank.text(name)
        assert "City 1" in frank.text(name)
    assert "Ein ruhiger Tag: Es gab wenig zu berichten." in frank.text("german")
    assert "No stories today." in frank.text("fan")
    assert "City 1" not in frank.text("fan")


def test_the_letter_of_an_empty_day_says_so(frank: Newsroom) -> None:
    frank.reader("plain", Wishes())
    frank.reader("weekly", Wishes(frequency=Frequency.WEEKLY))
    frank.publish()
    frank.send()

    for name in ("plain", "weekly"):
        [mail] = frank.got(name)
        assert mail["Subject"] == "No stories today."
        assert "No stories today." in frank.text(name)


def test_a_full_day_says_nothing_of_the_kind_and_leaves_out_whom_it_does_not_concern(frank: Newsroom) -> None:
    frank.reader("plain", Wishes())
    frank.reader("fan", Wishes(topics=(Topic(name="all", stance=Stance.NONE),)))
    frank.happens(1, "City")
    frank.happens(2, "Sport")
    frank.publish()

    assert frank.send() == {DeliveryState.SENT: 1, DeliveryState.SKIPPED: 1}
    assert "A quiet day" not in frank.text("plain")


def test_a_weekly_letter_that_comes_on_a_thin_day_is_not_called_thin(frank: Newsroom) -> None:
    frank.reader("weekly", Wishes(frequency=Frequency.WEEKLY))
    for day in range(6):  # from Wednesday to Monday
        if day < 5:
            frank.happens(2 * day, "City")
            frank.happens(2 * day + 1, "Sport")
        frank.publish()
        frank.send()
        frank.clock.forward(days=1)

    assert len(frank.got("weekly")) == 2
    assert "City 8" in frank.text("weekly")
    assert "A quiet day" not in frank.text("weekly")


def test_plain_text_alone_is_one_part(newsroom: Newsroom) -> None:
    newsroom.reader("html", Wishes())
    newsroom.reader("text", Wishes(format=Format.TEXT))
    newsroom.happens(1, "City")
    newsroom.publish()
    newsroom.send()

    assert newsroom.got("html")[0].get_content_type() == "multipart/alternative"
    assert newsroom.got("text")[0].get_content_type() == "text/plain"
    assert "City 1" in newsroom.text("text")


def test_a_weekly_reader_gets_one_letter_with_the_best_of_the_week(newsroom: Newsroom) -> None:
    """21 October 2015 is a Wednesday; an issue a day from then to the next Tuesday."""
    newsroom.reader("weekly", Wishes(frequency=Frequency.WEEKLY))
    newsroom.reader("weekdays", Wishes(frequency=Frequency.WEEKDAYS))
    newsroom.reader("daily", Wishes())
    for number in range(1, 8):
        newsroom.happens(number, "City")
        newsroom.publish()
        newsroom.send()
        newsroom.clock.forward(days=1)

    assert len(newsroom.got("daily")) == 7
    assert len(newsroom.got("weekdays")) == 5
    assert len(newsroom.got("weekly")) == 2
    assert all(f"City {number}" in newsroom.text("weekly") for number in (2, 3, 4, 5, 6))
    assert "City 7" not in newsroom.text("weekly")


def test_what_a_letter_held_is_known_when_its_reader_answers(newsroom: Newsroom) -> None:
    newsroom.reader("fan", Wishes(topics=(Topic(name="sport", stance=Stance.MORE),)))
    newsroom.happens(1, "City")
    newsroom.happens(2, "Sport")
    newsroom.publish()
    newsroom.send()
    local, _, detail = newsroom.got("fan")[0]["Reply-To"].partition("@")[0].partition("+letter-")
    delivery_id = newsroom.app.tokens.read(Purpose.LETTER, detail)

    assert local == "digest"
    assert delivery_id is not None
    with newsroom.app.database.transaction() as connection:
        subject = deliveries.about(connection, delivery_id)
        assert subject is not None
        assert subject.variant_id is not None
        held = variants.stories(connection, subject.variant_id)
        fan = subscribers.get(connection, subject.subscriber_id)
    assert [one.title for one in held] == ["Sport 2", "City 1"]
    assert fan is not None
    assert fan.address == "fan@mail.example"


def test_a_pause_with_an_end_ends_by_itself(newsroom: Newsroom) -> None:
    newsroom.reader("away", Wishes())
    with newsroom.app.database.transaction() as connection:
        until = MORNING + timedelta(days=2)
        subscribers.set_state(
            connection,
            "daily",
            "away@mail.example",
            key="away@mail.example",
            state=SubscriberState.PAUSED,
            consent="mail",
            now=MORNING,
            paused_until=until,
        )
    for number in range(1, 5):
        newsroom.happens(number, "City")
        newsroom.publish()
        newsroom.send()
        newsroom.clock.forward(days=1)

    dates = [datetime.strptime(mail["Date"], "%a, %d %b %Y %H:%M:%S %z") for mail in newsroom.got("away")]
    assert [day.astimezone(UTC).date() for day in dates] == [
        (MORNING + timedelta(days=days)).date() for days in (2, 3)
    ]
