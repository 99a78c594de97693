"""The program is killed with SIGKILL in the middle of sending, and no reader has too few copies or too many.

A small part of bench/crash.py; docs/explanation/delivery.md has the whole table.
"""

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "bench"))

import crash
from sink import DROP, Sink
from world import Made, Policy, Sqlite

KILLS = 6
SENDING = ("first octet", "mail", "answer", "page", "replay")
IN_SENDING = [one for one in crash.STEPS if any(part in one.name for part in SENDING)]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[crash.Bench]:
    folder = tmp_path_factory.mktemp("crash")
    databases = Sqlite()
    with Sink(folder / "taken", slowest=crash.SLOWEST) as sink:
        made = Made(folder, databases, readers=80)
        chance = random.Random(1)  # noqa: S311 - moments, not secrets
        yield crash.Bench(made=made, databases=databases, sink=sink, random=chance, most_between=15)


@pytest.mark.parametrize("policy", crash.POLICIES)
def test_killed_at_random_points_it_loses_nothing_and_repeats_only_what_is_in_doubt(
    bench: crash.Bench, policy: Policy
) -> None:
    tally = crash.at_random(KILLS)(bench, policy)
    assert tally.kills == KILLS
    assert tally.problems(policy) == []


@pytest.mark.parametrize("step", IN_SENDING, ids=lambda step: step.name)
def test_killed_at_a_step_of_sending_it_loses_nothing(bench: crash.Bench, step: crash.Step) -> None:
    tally = crash.step(step)(bench, "hold")
    assert tally.problems("hold") == []


def test_a_server_that_hangs_up_at_every_verb_leaves_in_doubt_only_what_it_may_have(
    bench: crash.Bench,
) -> None:
    assert crash.faulty(DROP)(bench, "resend").problems("resend") == []
