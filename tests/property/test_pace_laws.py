"""What holds of every rate, every lesson and every wait, whatever comes in which order."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import MORNING, UNTIMED

from digest.govern import _schedule
from digest.model import Delivery
from digest.pace import (
    Breaker,
    Lane,
    Learnt,
    Rate,
    Slots,
    Tally,
    Verdict,
    faster,
    interval,
    judge,
    quota,
    slower,
)
from digest.pace.breaker import FAILURES, LONGEST_WAIT
from digest.pace.lane import CATCH_UP
from digest.pace.learnt import DEAF, QUIET
from digest.wishes import USUAL

RATES = st.builds(Rate, mails=st.integers(1, 10_000), seconds=st.sampled_from([1, 60, 3600]))
WAITS = st.timedeltas(timedelta(0), timedelta(seconds=30))
DOMAINS = ("big.example", "small.example", "slow.example")
HORIZON = timedelta(seconds=10)


def most_in_a_window(moments: Iterable[datetime], window: timedelta) -> int:
    """Count the most moments that lie in any window that is closed at one end."""
    sorted_moments, most, first = sorted(moments), 0, 0
    for last, moment in enumerate(sorted_moments):
        while moment - sorted_moments[first] >= window:
            first += 1
        most = max(most, last - first + 1)
    return most


def mail(number: int, domain: str) -> Delivery:
    return Delivery(
        id=number,
        issue_id=1,
        subscriber_id=number,
        address=f"reader{number}@{domain}",
        wishes=USUAL,
        since=None,
        attempts=0,
        expires=MORNING,
        claim="",
    )


# --- rates


@UNTIMED
@given(RATES, st.lists(st.tuples(WAITS, st.integers(0, 40)), max_size=8))
def test_no_window_of_the_unit_holds_more_mails_than_the_rate_says_whenever_batches_come(
    rate: Rate, batches: Sequence[tuple[timedelta, int]]
) -> None:
    now, left = MORNING, list[datetime]()
    free = MORNING
    for wait, mails in batches:
        now += wait
        lane = Lane(interval=interval(rate.a_second), free=free)  # as if the process had been started anew
        lane.wake(now)
        for _ in range(mails):
            slot = lane.place(now)
            lane.take(slot)
            left.append(slot)
        free = lane.free
    assert most_in_a_window(left, timedelta(seconds=rate.seconds)) <= rate.mails


@UNTIMED
@given(RATES, st.integers(1, 2000))
def test_a_rate_is_also_reached(rate: Rate, mails: int) -> None:
    lane = Lane(interval=interval(rate.a_second), free=MORNING)
    for _ in range(mails):
        lane.take(lane.place(MORNING))
    took = lane.free - MORNING
    assert took <= timedelta(seconds=mails / rate.a_second) + timedelta(microseconds=mails)


@UNTIMED
@given(
    RATES,
    st.dictionaries(st.sampled_from(DOMAINS), RATES),
    st.lists(st.tuples(WAITS, st.lists(st.sampled_from(DOMAINS), max_size=30)), max_size=6),
)
def test_neither_all_mails_nor_those_of_a_domain_leave_faster_than_they_may(
    whole: Rate, rates: dict[str, Rate], batches: Sequence[tuple[timedelta, list[str]]]
) -> None:
    now, number = MORNING, 0
    left = list[tuple[datetime, Delivery]]()
    every = Lane(interval=interval(whole.a_second), free=now)
    lanes = {f"@{domain}": Lane(interval=interval(rate.a_second), free=now) for domain, rate in rates.items()}
    for wait, domains in batches:
        now += wait
        every.wake(now)
        for lane in lanes.values():
            lane.wake(now)
        batch = [mail(number := number + 1, domain) for domain in domains]
        reserved = _schedule(batch, every, lanes, now=now, until=now + HORIZON)

        assert {one.id for _, one in (*reserved.slots, *reserved.later)} == {one.id for one in batch}
        assert all(now <= slot <= now + HORIZON for slot, _ in reserved.slots)
        assert all(due > now for due, _ in reserved.later)
        left += reserved.slots

    assert most_in_a_window((slot for slot, _ in left), timedelta(seconds=whole.seconds)) <= whole.mails
    for domain, rate in rates.items():
        to_it = (slot for slot, one in left if one.address.endswith(f"@{domain}"))
        assert most_in_a_window(to_it, timedelta(seconds=rate.seconds)) <= rate.mails


@UNTIMED
@given(st.integers(1, 200), st.integers(2, 50), st.integers(1, 60))
def test_a_slow_domain_holds_up_nobody_else(overall: int, slow: int, others: int) -> None:
    every = Lane(interval=interval(overall), free=MORNING)
    lanes = {"@slow.example": Lane(interval=timedelta(seconds=1), free=MORNING)}
    batch = [mail(number, "slow.example") for number in range(slow)]
    batch += [mail(slow + number, "big.example") for number in range(others)]
    reserved = _schedule(batch, every, lanes, now=MORNING, until=MORNING + timedelta(days=1))

    last = max(slot for slot, one in reserved.slots if one.address.endswith("@big.example"))
    # A gap that one slow mail leaves may be too short for one more: so at most two turns for each of those between.
    between = sum(one.address.endswith("@slow.example") and slot < last for slot, one in reserved.slots)
    assert last - MORNING <= (others + 2 * between) * every.interval


@UNTIMED
@given(RATES, st.lists(st.integers(0, 2000), max_size=25))
def test_where_mails_are_late_the_rest_moves_with_them(rate: Rate, delays: Sequence[int]) -> None:
    lane = Lane(interval=interval(rate.a_second), free=MORNING)
    planned = list[tuple[datetime, int]]()
    for number in range(len(delays)):
        slot = lane.place(MORNING)
        lane.take(slot)
        planned.append((slot, number))
    slots, now, left = Slots(planned), MORNING, list[datetime]()
    for delay in delays:
        now += timedelta(milliseconds=delay)  # the line was busy
        now += max(slots.wait(now), timedelta(0))
        slots.take(now)
        left.append(now)
    assert not slots
    window = timedelta(seconds=rate.seconds)
    assert most_in_a_window(left, window - CATCH_UP) <= rate.mails, (
        "but for the jitter that is caught up with"
    )


# --- what is learnt

LESSONS = st.lists(st.tuples(st.timedeltas(timedelta(0), timedelta(hours=1)), st.integers(0, 5000)))


@UNTIMED
@given(st.floats(0.01, 5000), st.floats(0.01, 10), LESSONS)
def test_a_domains_rate_falls_by_half_rises_in_equal_steps_and_stays_above_the_floor(
    speed: float, floor: float, lessons: list[tuple[timedelta, int]]
) -> None:
    now = MORNING
    learnt: Learnt | None = slower(None, speed=speed, floor=floor, now=now)
    for wait, accepted in lessons:
        if learnt is None:
            return
        now += wait
        before = learnt
        if accepted == 0:
            learnt = slower(before, speed=speed, floor=floor, now=now)
            assert learnt.rate <= max(before.rate, floor)
            assert learnt.rate in (before.rate, max(before.rate / 2, floor))
            assert learnt.rate >= floor
        else:
            learnt = faster(before, accepted, now=now)
            if learnt is not None:
                steps = (learnt.rate - before.rate) / (before.refused / 20)
                assert steps == pytest.approx(round(steps), abs=1e-6)
                assert steps >= 0
                assert learnt.rate < 2 * before.refused


@given(st.floats(1, 1000))
def test_a_domain_that_takes_everything_for_long_is_no_longer_slowed_down(speed: float) -> None:
    learnt: Learnt | None = slower(None, speed=speed, floor=0.1, now=MORNING)
    minutes = 0
    while learnt is not None:
        minutes += 1
        assert minutes < 100
        learnt = faster(learnt, int(learnt.rate * 60) + 1, now=MORNING + QUIET + timedelta(minutes=minutes))


def test_several_complaints_about_one_burst_are_one() -> None:
    first = slower(None, speed=80, floor=1, now=MORNING)
    second = slower(first, speed=80, floor=1, now=MORNING + DEAF / 2)
    third = slower(second, speed=80, floor=1, now=MORNING + DEAF)

    assert (first.rate, second.rate, third.rate) == (40, 40, 20)
    assert faster(third, 10_000, now=third.heard + QUIET - timedelta(seconds=1)) == third, (
        "it is not quiet yet"
    )


# --- the breaker


@given(st.lists(st.timedeltas(timedelta(0), timedelta(hours=2)), max_size=40))
def test_each_wait_is_twice_the_one_before_up_to_the_longest(pauses: list[timedelta]) -> None:
    breaker, now, waits = Breaker(), MORNING, list[timedelta]()
    for pause in pauses:
        now = max(now + pause, breaker.until or now)
        breaker = breaker.failed(now)
        if breaker.until:
            waits.append(breaker.until - now)
            assert breaker.allows(breaker.until - timedelta(microseconds=1)) == 0
            assert breaker.allows(breaker.until) == 1
    assert len(waits) == max(0, len(pauses) - FAILURES + 1)
    assert waits == sorted(waits)
    assert all(later in (2 * wait, LONGEST_WAIT) for wait, later in pairwise(waits))


def test_while_one_mail_tries_the_relay_no_other_does() -> None:
    breaker = Breaker().failed(MORNING).failed(MORNING).failed(MORNING)
    assert breaker.until is not None
    assert breaker.trying(breaker.until).allows(breaker.until) == 0


# --- the first wave

TALLIES = st.builds(
    Tally,
    sent=st.integers(0, 1000),
    failed=st.integers(0, 1000),
    faults=st.just(0),
    waiting=st.integers(0, 1000),
)


@given(TALLIES, st.floats(0, 1), st.floats(0, 1))
def test_one_more_refusal_never_makes_a_wave_better(tally: Tally, failed: float, faults: float) -> None:
    worse = replace(tally, failed=tally.failed + 1, faults=tally.faults + 1)
    if judge(tally, most_failed=failed, most_faults=faults) is Verdict.BAD:
        assert judge(worse, most_failed=failed, most_faults=faults) is Verdict.BAD


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_a_wave_without_refusals_goes_on_once_most_of_it_is_answered(sent: int, waiting: int) -> None:
    verdict = judge(Tally(sent=sent, waiting=waiting), most_failed=0.1, most_faults=0.02)
    assert verdict is (Verdict.OPEN if waiting > sent else Verdict.GOOD)


# --- warm-up


@given(st.integers(1, 10_000), st.floats(1, 3), st.integers(0, 10_000))
def test_a_new_domain_may_send_more_each_day(start: int, growth: float, day: int) -> None:
    assert quota(start, growth, 0) == start
    assert quota(start, growth, day) <= quota(start, growth, day + 1)
