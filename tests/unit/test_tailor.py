"""A reader's letter comes when he wishes, and holds what he wishes."""

import dataclasses
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from issues import TODAY, article, issue, section, story
from makers import wishes as list_settings

from digest import config
from digest.model import Issue, Reason, Story
from digest.tailor import covered, due, tailor, variant
from digest.wishes import ALL, Change, Format, Frequency, Stance, Topic, Wishes

SATURDAY, SUNDAY, MONDAY = date(2015, 10, 24), date(2015, 10, 25), date(2015, 10, 26)
SECTIONS = {"city": {"title": "City", "stories": 9}, "sport": {"title": "Sport", "stories": 9}, "more": {}}


def when(
    wanted: Wishes, *, on: date = TODAY, last: date | None = None, late: timedelta = timedelta()
) -> str | None:
    """Give when a reader of a list published at 07:00 in London gets its issue, in UTC."""
    own = config.List(at="07:00", timezone="Europe/London")
    now = datetime.combine(on, datetime.min.time(), ZoneInfo("Europe/London")) + timedelta(hours=7) + late
    moment = due(wanted, own, on=on, last=last, now=now)
    return None if moment is None else f"{moment.astimezone(UTC):%a %H:%M}"


def test_without_an_hour_the_letter_comes_when_it_is_published() -> None:
    assert when(Wishes()) == "Wed 06:00"
    assert when(Wishes(), late=timedelta(hours=3)) == "Wed 09:00"


@pytest.mark.parametrize(
    ("hour", "zone", "comes"),
    [
        ("07:00", None, "Wed 06:00"),  # the list's own hour: at once
        ("08:30", None, "Wed 07:30"),
        ("06:00", None, "Thu 05:00"),  # before the list's: the next morning
        ("08:00", "Europe/Paris", "Wed 06:00"),
        ("07:00", "America/New_York", "Wed 11:00"),
        ("07:00", "Asia/Tokyo", "Wed 22:00"),
    ],
)
def test_an_hour_is_the_first_such_hour_of_the_readers_zone_after_the_lists_own(
    hour: str, zone: str | None, comes: str
) -> None:
    assert when(Wishes(hour=hour, zone=zone)) == comes


def test_an_issue_that_is_late_comes_at_once_to_those_whose_hour_has_passed() -> None:
    assert when(Wishes(hour="07:00"), late=timedelta(hours=3)) == "Wed 09:00"
    assert when(Wishes(hour="11:00"), late=timedelta(hours=3)) == "Wed 10:00"


def test_an_hour_keeps_its_place_on_the_clock_when_the_clocks_go_back() -> None:
    assert when(Wishes(hour="07:00", zone="Europe/London"), on=SATURDAY) == "Sat 06:00"
    assert when(Wishes(hour="07:00", zone="Europe/London"), on=SUNDAY) == "Sun 07:00"


def test_who_reads_on_weekdays_gets_nothing_on_saturday_and_sunday() -> None:
    wanted = Wishes(frequency=Frequency.WEEKDAYS)

    assert [when(wanted, on=on) for on in (SATURDAY, SUNDAY)] == [None, None]
    assert when(wanted, on=MONDAY) == "Mon 07:00"


def test_who_reads_weekly_gets_the_first_issue_of_each_week_whichever_day_that_is() -> None:
    wanted = Wishes(frequency=Frequency.WEEKLY)

    assert when(wanted, on=MONDAY, last=SUNDAY) == "Mon 07:00"
    assert when(wanted, on=TODAY, last=date(2015, 10, 16)) == "Wed 06:00"
    assert when(wanted, on=TODAY, last=date(2015, 10, 20)) is None
    assert when(wanted, on=TODAY, last=None) == "Wed 06:00"


# --- which issues a letter holds


def of(*days: date) -> list[Issue]:
    return [issue(date=day) for day in days]


def days(found: tuple[Issue, ...]) -> list[date]:
    return [one.date for one in found]


def test_a_daily_letter_holds_its_own_issue() -> None:
    assert days(covered(of(SATURDAY, SUNDAY, MONDAY), Wishes())) == [MONDAY]


def test_mondays_letter_on_weekdays_holds_the_weekend() -> None:
    friday = date(2015, 10, 23)
    found = covered(of(TODAY, friday, SATURDAY, SUNDAY, MONDAY), Wishes(frequency=Frequency.WEEKDAYS))

    assert days(found) == [MONDAY, SUNDAY, SATURDAY]


def test_a_weekly_letter_holds_what_came_after_the_first_issue_of_the_last_week() -> None:
    tuesday = date(2015, 10, 20)
    found = covered(of(tuesday, TODAY, SUNDAY, MONDAY), Wishes(frequency=Frequency.WEEKLY))

    assert days(found) == [MONDAY, SUNDAY, TODAY]


def test_the_first_letter_holds_all_there_is() -> None:
    for frequency in (Frequency.WEEKLY, Frequency.WEEKDAYS):
        assert days(covered(of(MONDAY), Wishes(frequency=frequency))) == [MONDAY]
    assert days(covered(of(SATURDAY, MONDAY), Wishes(frequency=Frequency.WEEKDAYS))) == [MONDAY, SATURDAY]


@given(
    gaps=st.lists(st.integers(1, 9), min_size=1, max_size=30),
    frequency=st.sampled_from(Frequency),
)
def test_every_issue_reaches_every_reader_exactly_once(gaps: list[int], frequency: Frequency) -> None:
    """Whatever days have issues: of those before the last letter, none is missing and none comes twice."""
    published: list[date] = []
    held: list[date] = []
    wanted, own = Wishes(frequency=frequency), config.List()
    for gap in gaps:
        on = (published[-1] if published else TODAY) + timedelta(days=gap)
        last = published[-1] if published else None
        published.append(on)
        if due(wanted, own, on=on, last=last, now=datetime.combine(on, datetime.min.time(), UTC)) is not None:
            held += days(covered(of(*published), wanted))

    assert len(set(held)) == len(held)
    assert set(published[: published.index(max(held)) + 1] if held else []) == set(held)


# --- which stories


def told(number: int, topic: str, score: float = 0.5) -> Story:
    lead = article(number, title=f"{topic} {number}", section=topic)
    return dataclasses.replace(
        story(lead), section=topic.lower(), reasons=(Reason(term="freshness", value=score, weight=1),)
    )


def morning(on: date = TODAY, *stories: Story) -> Issue:
    return issue(section("City", *stories), date=on)


def titles(made: Issue) -> list[str]:
    return [one.lead.title for one in made.stories]


def topics(**stances: Stance) -> Wishes:
    return Wishes(topics=tuple(Topic(name=name, stance=stance) for name, stance in stances.items()))


NEWS = (told(1, "City"), told(2, "Sport"), told(3, "City"), told(4, "Sport"), told(5, "Elsewhere"))
OWN = list_settings(sections=SECTIONS)


def shown(wanted: Wishes) -> list[str]:
    return titles(tailor([morning(TODAY, *NEWS)], wanted, OWN, votes={}))


def test_one_who_wishes_for_nothing_gets_the_issue_as_it_is() -> None:
    whole = morning(TODAY, *NEWS)

    assert tailor([whole], Wishes(hour="07:00", zone="Asia/Tokyo"), OWN, votes={}) is whole


def test_a_topic_that_is_not_wanted_is_left_out() -> None:
    assert shown(topics(sport=Stance.NONE)) == ["City 1", "City 3", "Elsewhere 5"]


def test_of_a_topic_that_is_less_wanted_the_best_story_stays() -> None:
    assert [title for title in shown(topics(sport=Stance.LESS)) if "Sport" in title] == ["Sport 2"]


def test_a_topic_that_is_wanted_more_comes_first() -> None:
    assert shown(topics(sport=Stance.MORE))[:2] == ["Sport 2", "Sport 4"]


def test_only_the_named_topics_stay_where_all_others_are_not_wanted() -> None:
    assert shown(topics(all=Stance.NONE, sport=Stance.MORE)) == ["Sport 2", "Sport 4"]
    assert topics(all=Stance.NONE).stance("city") is Stance.NONE
    assert ALL == "all"


def test_minutes_leave_out_the_lowest_stories() -> None:
    many = [told(number, "City") for number in range(1, 80)]
    short = tailor([morning(TODAY, *many)], Wishes(minutes=1), OWN, votes={})

    assert 1 < len(short.stories) < 40
    assert titles(short) == [one.lead.title for one in many[: len(short.stories)]]


def test_a_topic_that_is_wanted_more_has_its_minutes_before_all_others() -> None:
    many = [told(number, ("City", "Sport")[number % 2], 1 / number) for number in range(1, 80)]
    wanted = Wishes(minutes=1, topics=(Topic(name="sport", stance=Stance.MORE),))
    short = tailor([morning(TODAY, *many)], wanted, OWN, votes={})

    assert {one.section for one in short.stories} == {"sport"}


def test_a_weekly_letter_holds_the_best_of_the_week_each_once() -> None:
    last_week = morning(date(2015, 10, 20), told(9, "City", 1.0))
    earlier = morning(SUNDAY, told(1, "City", 0.9), told(2, "Sport", 0.1))
    newest = morning(MONDAY, told(1, "City", 0.9), told(3, "City", 0.5))
    weekly = tailor([last_week, earlier, newest], Wishes(frequency=Frequency.WEEKLY), OWN, votes={})

    assert titles(weekly) == ["City 1", "City 3", "Sport 2"]
    assert (weekly.date, weekly.number) == (MONDAY, newest.number)


def test_what_readers_voted_for_rises_in_a_letter_of_several_days() -> None:
    earlier = morning(SUNDAY, told(1, "City", 0.5), told(2, "City", 0.4))
    newest = morning(MONDAY, told(3, "City", 0.6))
    last_week = morning(date(2015, 10, 20), told(9, "City", 1.0))
    loved = told(2, "City").id
    weekly = tailor([last_week, earlier, newest], Wishes(frequency=Frequency.WEEKLY), OWN, votes={loved: 9})

    assert titles(weekly) == ["City 2", "City 3", "City 1"]


def test_readers_whose_letters_differ_only_in_their_hour_share_one() -> None:
    early = Wishes(hour="05:00", zone="Asia/Tokyo", language="de")

    assert variant(early) == variant(Wishes(language="de"))
    assert variant(early) != variant(Wishes(language="fr"))
    assert variant(Wishes(format=Format.TEXT)) != variant(Wishes())


# --- changes

STANCES = st.sampled_from(Stance)
HOURS = st.none() | st.sampled_from(["", "07:00", "18:30"])
CHANGES = st.builds(
    Change,
    frequency=st.none() | st.sampled_from(Frequency),
    hour=HOURS,
    zone=st.none() | st.sampled_from(["", "Europe/Paris"]),
    topics=st.lists(
        st.builds(Topic, name=st.sampled_from(["city", "sport", "all"]), stance=STANCES),
        max_size=3,
        unique_by=lambda topic: topic.name,
    ).map(tuple),
    minutes=st.none() | st.integers(0, 60),
    language=st.none() | st.sampled_from(["", "de"]),
    format=st.none() | st.sampled_from(Format),
)


@given(before=CHANGES, change=CHANGES)
def test_every_change_can_be_undone(before: Change, change: Change) -> None:
    wanted = before.applied(Wishes())

    assert change.undone(wanted).applied(change.applied(wanted)) == wanted


@given(first=CHANGES, second=CHANGES)
def test_two_changes_at_once_are_the_one_and_then_the_other(first: Change, second: Change) -> None:
    assert first.then(second).applied(Wishes()) == second.applied(first.applied(Wishes()))


@given(before=CHANGES, change=CHANGES)
def test_a_change_leaves_alone_what_it_does_not_name(before: Change, change: Change) -> None:
    wanted = before.applied(Wishes())
    changed = change.applied(wanted)

    for name in ("frequency", "hour", "zone", "minutes", "language", "format"):
        if getattr(change, name) is None:
            assert getattr(changed, name) == getattr(wanted, name)
    assert change.applied(changed) == changed
    assert all(topic.stance is not Stance.USUAL for topic in changed.topics)
