"""Rates as settings write them, and what servers' replies mean."""

from datetime import timedelta

import pytest

from digest.model import Reply
from digest.pace import Rate, Tally, Verdict, domain_of, interval, judge, read_rate, too_fast


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("20/second", Rate(mails=20, seconds=1)),
        ("600/minute", Rate(mails=600, seconds=60)),
        ("5000 / hour", Rate(mails=5000, seconds=3600)),
        ("20000/day", Rate(mails=20_000, seconds=86_400)),
        ("", None),
    ],
)
def test_a_rate_is_read_as_it_is_written(text: str, rate: Rate | None) -> None:
    assert read_rate(text) == rate


@pytest.mark.parametrize("text", ["20", "0/second", "20/week", "-1/hour", "1.5/second", "many/second", "1/0"])
def test_what_is_no_rate_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="20/second"):
        read_rate(text)


@pytest.mark.parametrize(
    ("a_second", "expected"),
    [(20, 50_000), (7, 142_858), (5000 / 3600, 720_000), (1 / 6, 6_000_000), (1_000_000, 1)],
)
def test_the_interval_is_exact_or_rounded_up(a_second: float, expected: int) -> None:
    assert interval(a_second) == timedelta(microseconds=expected)


def test_the_domain_is_what_stands_after_the_last_at() -> None:
    assert domain_of('"odd@local"@Mail.Example') == "mail.example"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(code=421, enhanced="4.7.28", text="Our system has detected an unusual rate of mail from you"),
        Reply(code=421, text="Service not available"),
        Reply(code=451, enhanced="4.7.650", text="The mail server has been temporarily rate limited"),
        Reply(code=452, enhanced="4.5.3", text="Too many recipients received this hour"),
        Reply(code=450, text="Requested action aborted: try again, you are sending too fast"),
    ],
)
def test_what_complains_of_our_speed_is_heard(reply: Reply) -> None:
    assert too_fast(reply)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(code=250, text="slow down? no, taken"),
        Reply(code=450, enhanced="4.7.1", text="Greylisted, please come again"),
        Reply(code=452, enhanced="4.2.2", text="The mailbox is over its quota"),
        Reply(code=451, enhanced="4.4.2", text="the line broke"),
        Reply(code=421, enhanced="4.3.2", text="this server shuts down"),
        Reply(code=550, enhanced="5.7.1", text="too many complaints"),  # final: slower would not help
    ],
)
def test_what_does_not_is_not(reply: Reply) -> None:
    assert not too_fast(reply)


@pytest.mark.parametrize(
    ("tally", "verdict"),
    [
        (Tally(sent=12), Verdict.GOOD),
        (Tally(sent=11, failed=1), Verdict.GOOD),  # one is bad luck
        (Tally(sent=11, failed=1, faults=1), Verdict.GOOD),
        (Tally(sent=10, failed=2), Verdict.BAD),
        (Tally(sent=95, failed=5), Verdict.GOOD),  # addresses die
        (Tally(sent=95, failed=5, faults=5), Verdict.BAD),  # but not by policy
        (Tally(sent=95, waiting=5, faults=5), Verdict.BAD),  # nor for now
        (Tally(sent=100, complaints=3), Verdict.BAD),
        (Tally(sent=3, waiting=9), Verdict.OPEN),
        (Tally(), Verdict.GOOD),  # nobody was due in it
    ],
)
def test_a_wave_is_judged_by_what_became_of_it(tally: Tally, verdict: Verdict) -> None:
    assert judge(tally, most_failed=0.1, most_faults=0.02) is verdict
