"""A reader's letter comes when he wishes, and holds what he wishes."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from issues import TODAY, article, issue, section, story
from makers import wishes as list_settings

from digest import config
from digest.model import Correction, Earlier, Issue, Reason, Revision, Story
from digest.tailor import MOST_TELLINGS, Behind, Variant, behind, due, tailor, usual, variant
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


# --- since which issue a letter holds


FRIDAY = date(2015, 10, 23)
WEEKDAYS, WEEKLY = Wishes(frequency=Frequency.WEEKDAYS), Wishes(frequency=Frequency.WEEKLY)


def test_a_daily_letter_goes_back_to_the_issue_before() -> None:
    assert usual([SATURDAY, SUNDAY, MONDAY], Wishes()) == SUNDAY


def test_mondays_letter_on_weekdays_goes_back_to_friday() -> None:
    assert usual([TODAY, FRIDAY, SATURDAY, SUNDAY, MONDAY], WEEKDAYS) == FRIDAY


def test_a_weekly_letter_goes_back_to_the_first_issue_of_the_last_week() -> None:
    assert usual([date(2015, 10, 20), TODAY, SUNDAY, MONDAY], WEEKLY) == date(2015, 10, 20)


def test_where_nothing_came_before_a_letter_goes_back_as_far_as_there_is() -> None:
    for wanted in (Wishes(), WEEKDAYS, WEEKLY):
        assert usual([MONDAY], wanted) == date.min
    assert usual([SATURDAY, MONDAY], WEEKDAYS) == date.min


def test_one_who_has_had_no_letter_gets_what_the_others_get() -> None:
    days = [FRIDAY, SATURDAY, SUNDAY, MONDAY]
    for wanted in (Wishes(), WEEKDAYS, WEEKLY):
        assert variant(wanted, days=days, since=None) == variant(wanted, days=days, since=usual(days, wanted))


def test_one_who_had_a_letter_gets_what_came_since_however_often_he_reads_now() -> None:
    days = [FRIDAY, SATURDAY, SUNDAY, MONDAY]

    assert variant(WEEKDAYS, days=days, since=SUNDAY) == Variant(wishes=WEEKDAYS, since=SUNDAY)
    assert variant(Wishes(), days=days, since=FRIDAY) == Variant(wishes=Wishes(), since=FRIDAY, away=True)


def test_those_whose_last_letter_is_too_long_ago_get_the_same_one() -> None:
    long_ago, longer_ago = (variant(Wishes(), days=[SUNDAY, MONDAY], since=day) for day in (TODAY, date.min))

    assert long_ago == longer_ago
    assert long_ago.away


@given(
    gaps=st.lists(st.integers(1, 9), min_size=1, max_size=30),
    frequencies=st.lists(st.sampled_from(Frequency), min_size=30, max_size=30),
)
def test_every_issue_reaches_every_reader_exactly_once(gaps: list[int], frequencies: list[Frequency]) -> None:
    """Whatever days have issues, and however often he changes how often: none is missing and none comes twice."""
    published: list[date] = []
    held: list[date] = []
    own = config.List()
    since: date | None = None
    for gap, frequency in zip(gaps, frequencies, strict=False):
        wanted = Wishes(frequency=frequency)
        on = (published[-1] if published else TODAY) + timedelta(days=gap)
        last = published[-1] if published else None
        published.append(on)
        if due(wanted, own, on=on, last=last, now=datetime.combine(on, datetime.min.time(), UTC)) is not None:
            back_to = variant(wanted, days=published, since=since).since
            held += [day for day in published if day > back_to]
            since = on

    assert len(set(held)) == len(held)
    assert held == [] or set(held) == {day for day in published if min(held) <= day <= max(held)}


@given(gaps=st.lists(st.integers(1, 9), min_size=1, max_size=30), frequency=st.sampled_from(Frequency))
def test_a_reader_who_misses_nothing_had_what_one_has_who_is_new(
    gaps: list[int], frequency: Frequency
) -> None:
    """So that both share one letter."""
    published: list[date] = []
    since: date | None = None
    wanted, own = Wishes(frequency=frequency), config.List()
    for gap in gaps:
        on = (published[-1] if published else TODAY) + timedelta(days=gap)
        last = published[-1] if published else None
        published.append(on)
        if due(wanted, own, on=on, last=last, now=datetime.combine(on, datetime.min.time(), UTC)) is not None:
            if since is not None:
                assert variant(wanted, days=published, since=since) == variant(
                    wanted, days=published, since=None
                )
            since = on


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


def letter(
    wanted: Wishes,
    *issues: Issue,
    since: date | None = None,
    missed: Sequence[Behind] = (),
    votes: Mapping[str, int] | None = None,
) -> Issue:
    """Give the letter of the last issue, as of a reader who has had those until `since`."""
    found = variant(wanted, days=[one.date for one in issues], since=since)
    return tailor(issues, dataclasses.replace(found, behind=tuple(missed)), OWN, votes=votes or {})


NEWS = (told(1, "City"), told(2, "Sport"), told(3, "City"), told(4, "Sport"), told(5, "Elsewhere"))
OWN = list_settings(sections=SECTIONS)
ROOMY = list_settings(sections=SECTIONS, sentences=99)


def shown(wanted: Wishes) -> list[str]:
    return titles(letter(wanted, morning(TODAY, *NEWS)))


def test_one_who_wishes_for_nothing_gets_the_issue_as_it_is() -> None:
    whole = morning(TODAY, *NEWS)

    assert letter(Wishes(hour="07:00", zone="Asia/Tokyo"), whole) is whole


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
    short = letter(Wishes(minutes=1), morning(TODAY, *many))

    assert 1 < len(short.stories) < 40
    assert titles(short) == [one.lead.title for one in many[: len(short.stories)]]


def test_a_topic_that_is_wanted_more_has_its_minutes_before_all_others() -> None:
    many = [told(number, ("City", "Sport")[number % 2], 1 / number) for number in range(1, 80)]
    wanted = Wishes(minutes=1, topics=(Topic(name="sport", stance=Stance.MORE),))
    short = letter(wanted, morning(TODAY, *many))

    assert {one.section for one in short.stories} == {"sport"}


def test_a_weekly_letter_holds_the_best_of_the_week_each_once() -> None:
    last_week = morning(date(2015, 10, 20), told(9, "City", 1.0))
    earlier = morning(SUNDAY, told(1, "City", 0.9), told(2, "Sport", 0.1))
    newest = morning(MONDAY, told(1, "City", 0.9), told(3, "City", 0.5))
    weekly = letter(WEEKLY, last_week, earlier, newest)

    assert titles(weekly) == ["City 1", "City 3", "Sport 2"]
    assert (weekly.date, weekly.number) == (MONDAY, newest.number)


def test_what_readers_voted_for_rises_in_a_letter_of_several_days() -> None:
    earlier = morning(SUNDAY, told(1, "City", 0.5), told(2, "City", 0.4))
    newest = morning(MONDAY, told(3, "City", 0.6))
    last_week = morning(date(2015, 10, 20), told(9, "City", 1.0))
    loved = told(2, "City").id
    weekly = letter(WEEKLY, last_week, earlier, newest, votes={loved: 9})

    assert titles(weekly) == ["City 2", "City 3", "City 1"]


def test_readers_whose_letters_differ_only_in_their_hour_share_one() -> None:
    early = Wishes(hour="05:00", zone="Asia/Tokyo", language="de")

    def found(wishes: Wishes) -> Variant:
        return variant(wishes, days=[TODAY], since=None)

    assert found(early) == found(Wishes(language="de"))
    assert found(early) != found(Wishes(language="fr"))
    assert found(Wishes(format=Format.TEXT)) != found(Wishes())


# --- stories that go on


DAYS = [date(2015, 10, 19) + timedelta(days=days) for days in range(8)]


def goes_on(
    day: int, *, since: int | None = None, thread: str = "ferry", score: float = 0.5, said: int = 2
) -> Story:
    """Tell what was new of a story on a day, since it was told last."""
    number = 100 * day + len(thread)
    plain = told(number, "City", score)
    lead = dataclasses.replace(
        plain.lead, body=tuple(f"On day {day} {thread} {what}." for what in ("came", "saw", "won"))
    )
    return dataclasses.replace(
        plain,
        lead=lead,
        summary=story(lead).summary,
        thread=thread,
        since=None if since is None else Earlier(date=DAYS[since], number=since),
    )


def edition(day: int, *stories: Story) -> Issue:
    return morning(DAYS[day], *stories)


def sentences(made: Issue) -> list[str]:
    return [sentence.text for one in made.stories for sentence in one.summary]


FIRST, SECOND, THIRD = goes_on(0), goes_on(2, since=0), goes_on(3, since=2)
ALL_DAYS = (edition(0, FIRST), edition(1), edition(2, SECOND), edition(3, THIRD))


def test_a_letter_of_several_issues_tells_a_story_once_what_came_first_before_what_came_later() -> None:
    made = letter(Wishes(), *ALL_DAYS, since=date.min)
    [one] = made.stories

    assert sentences(made) == [s.text for telling in (FIRST, SECOND, THIRD) for s in telling.summary]
    assert one.lead == THIRD.lead
    assert [telling.id for telling in one.articles] == [THIRD.id, SECOND.id, FIRST.id]
    assert [one.article_of(sentence) for sentence in one.summary[::2]] == [
        FIRST.lead,
        SECOND.lead,
        THIRD.lead,
    ]
    assert {sentence.article for sentence in one.summary} == {FIRST.id, SECOND.id, THIRD.id}
    assert (one.thread, one.since) == ("ferry", None)


def test_a_story_that_began_before_the_issues_of_the_letter_says_so() -> None:
    [one] = letter(Wishes(), *ALL_DAYS[1:], since=DAYS[1]).stories

    assert one.since == Earlier(date=DAYS[0], number=0)
    assert [sentence.text for sentence in one.summary] == [
        s.text for telling in (SECOND, THIRD) for s in telling.summary
    ]


def test_a_story_of_many_issues_is_cut_but_keeps_the_first_word_of_each_day() -> None:
    days = [edition(0, goes_on(0)), *(edition(day, goes_on(day, since=day - 1)) for day in range(1, 5))]
    made = letter(Wishes(), *days, since=date.min)

    assert len(sentences(made)) == MOST_TELLINGS * OWN.sentences == 6
    firsts = [one.stories[0].summary[0].text for one in days]
    assert [text for text in sentences(made) if text in firsts] == firsts
    assert sentences(made)[-1] == days[-1].stories[0].summary[1].text


def test_a_story_of_several_issues_ranks_as_the_best_of_them_and_as_the_most_that_voted_for_one() -> None:
    days = [
        edition(0, goes_on(0, score=0.9)),
        edition(1, goes_on(1, since=0, score=0.1), told(7, "City", 0.8)),
    ]

    assert titles(letter(Wishes(), *days, since=date.min)) == ["City 105", "City 7"]
    loved = {told(7, "City").id: 9, goes_on(0).id: 1, goes_on(1).id: 1}
    assert titles(letter(Wishes(), *days, since=date.min, votes=loved)) == ["City 7", "City 105"]


def test_a_sentence_that_its_article_has_moved_is_found_and_one_that_it_has_no_more_is_left_out() -> None:
    old = goes_on(0)
    moved = dataclasses.replace(old.lead, body=(f"Updated. {old.summary[1].text}",))
    new = dataclasses.replace(goes_on(1, since=0), others=(moved,))
    [one] = letter(Wishes(), edition(0, old), edition(1, new), since=date.min).stories

    assert [s.text for s in one.summary] == [old.summary[1].text, *(s.text for s in new.summary)]
    assert one.article_of(one.summary[0]) == moved


def test_a_letter_that_makes_up_for_others_says_from_when_and_no_other_does() -> None:
    assert letter(Wishes(), *ALL_DAYS, since=DAYS[0]).best_since == Earlier(date=DAYS[1], number=57)
    assert letter(Wishes(), *ALL_DAYS, since=DAYS[2]).best_since is None
    assert letter(WEEKLY, *ALL_DAYS).best_since is None


def test_the_corrections_of_all_issues_of_a_letter_stand_in_it() -> None:
    wrong = [
        Correction(
            revision=Revision.GONE, told=Earlier(date=DAYS[0], number=number), source="wire", title="Gone"
        )
        for number in (1, 2)
    ]
    days = [
        dataclasses.replace(one, corrections=(correction,))
        for one, correction in zip(ALL_DAYS[2:], wrong, strict=True)
    ]

    assert letter(Wishes(), *ALL_DAYS[:2], *days, since=DAYS[1]).corrections == (wrong[1], wrong[0])
    assert letter(Wishes(minutes=9), *ALL_DAYS[:2], *days, since=DAYS[2]).corrections == (wrong[1],)


# --- what a reader has missed of a story that goes on


def missed(
    *issues: Issue, since: int, told: Mapping[str, date] | None = None, until: date = date.min
) -> list[str]:
    """Give what a reader has missed, and since when."""
    found = behind(issues, DAYS[since], told=told or {}, until=until)
    return [f"{one.thread} {(one.until - DAYS[0]).days}" for one in found]


def test_one_whom_no_letter_told_of_a_story_that_goes_on_has_missed_all_of_it() -> None:
    assert missed(*ALL_DAYS, since=2) == ["ferry -1"]


def test_one_who_was_told_has_missed_only_what_came_between() -> None:
    assert missed(*ALL_DAYS, since=2, told={"ferry": DAYS[0]}) == ["ferry 1"]
    assert missed(*ALL_DAYS, since=2, told={"ferry": DAYS[1]}) == ["ferry 1"]
    assert missed(*ALL_DAYS, since=2, told={"ferry": DAYS[2]}) == []


def test_one_whose_letters_began_later_has_missed_nothing_of_what_came_before() -> None:
    assert missed(*ALL_DAYS, since=2, until=DAYS[0]) == ["ferry 1"]
    assert missed(*ALL_DAYS, since=2, until=DAYS[2]) == []


def test_of_a_story_that_does_not_go_on_nothing_is_made_up_for() -> None:
    assert missed(*ALL_DAYS[:3], edition(3, goes_on(3, since=2, thread="reef")), since=2) == []
    assert missed(*ALL_DAYS[:3], edition(3, told(4, "City")), since=2) == []


def test_what_a_reader_missed_of_a_story_stands_before_what_is_new_in_its_place() -> None:
    newest = edition(3, told(1, "City"), THIRD, told(2, "City"))
    gap = Behind(thread="ferry", until=DAYS[0] - timedelta(days=1))
    made = letter(Wishes(), *ALL_DAYS[:3], newest, since=DAYS[2], missed=[gap])

    assert titles(made) == ["City 1", "City 305", "City 2"]
    assert [s.text for s in made.stories[1].summary] == [
        s.text for telling in (FIRST, SECOND, THIRD) for s in telling.summary
    ]
    assert made.stories[1].since is None
    assert made.best_since is None


PAST = DAYS[0] - timedelta(days=1)


def spoken(one: Story) -> list[str]:
    return [sentence.text for sentence in one.summary]


@given(
    days=st.lists(
        st.tuples(st.sets(st.sampled_from(["ferry", "reef", "chess"])), st.booleans(), st.booleans()),
        max_size=len(DAYS),
    )
)
def test_a_story_comes_whole_and_once_whenever_its_reader_was_away_or_did_not_want_it(
    days: list[tuple[set[str], bool, bool]],
) -> None:
    """On each day the list tells some stories; a letter comes or does not; he wants the topic or does not."""
    issues: list[Issue] = []
    last: dict[str, int] = {}
    unread: dict[str, list[str]] = {}
    had: dict[str, Earlier | None] = defaultdict(lambda: None)
    told: dict[str, date] = {}
    since = PAST
    for day, (threads, comes, wants) in enumerate(days):
        stories = {thread: goes_on(day, since=last.get(thread), thread=thread) for thread in sorted(threads)}
        issues.append(edition(day, *stories.values()))
        for thread, one in stories.items():
            last[thread] = day
            unread[thread] = unread.get(thread, []) + spoken(one)
        if not comes:
            continue
        found = variant(Wishes() if wants else topics(city=Stance.NONE), days=DAYS[: day + 1], since=since)
        missing = behind(issues, found.since, told=told, until=PAST)
        made = tailor(issues, dataclasses.replace(found, behind=missing), ROOMY, votes={})
        since = DAYS[day]
        assert wants or not made.stories
        for one in made.stories:
            assert one.thread is not None
            told[one.thread] = DAYS[day]
            assert spoken(one) == unread.pop(one.thread)
            assert one.since == had[one.thread]
            had[one.thread] = Earlier(date=DAYS[last[one.thread]], number=last[one.thread])


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
