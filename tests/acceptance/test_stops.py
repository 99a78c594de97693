"""What is stopped stays so until a person looks, and every command that meets it says so."""

from contextlib import closing
from datetime import UTC, datetime

from terminal import READER, Terminal

from digest.store import Database, issues, stops

FIRST_DAY = datetime(2015, 10, 21, 7, tzinfo=UTC)


def test_a_stop_is_named_by_doctor_and_run_which_end_with_1(terminal: Terminal) -> None:
    terminal.small_day()
    terminal.digest("subscribers", "add", READER).succeeded()
    terminal.digest("run").succeeded()
    database = Database("sqlite:///var/digest.db", base=terminal.folder)
    with closing(database), database.transaction() as connection:
        newest = issues.newest_id(connection, "daily")
        stops.put(connection, newest, reason="the canary was refused", now=FIRST_DAY)
    said = "the issue 1 of daily is stopped since 2015-10-21 07:00 UTC: the canary was refused; "
    said += "`digest deliveries resume` lets it go on"

    assert terminal.digest("run").complaint(status=1) == said
    doctor = terminal.digest("doctor", "--json")
    assert doctor.status == 1
    assert {one["check"]: one["says"] for one in doctor.json if not one["ok"]} == {"stops": said}

    assert terminal.digest("deliveries", "stops").out.strip() == f"1: {said}"
    assert terminal.digest("deliveries", "resume").out.strip() == "1 stop lifted"
    terminal.digest("run").succeeded()
    assert "nothing is stopped" in terminal.digest("deliveries", "stops").err
