"""Several processes send from one ledger: each reader gets one mail, whoever sends it, and whoever dies."""

import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from makers import MORNING, ledger, states

from digest import config
from digest.app import App
from digest.app.fleet import beside
from digest.model import DeliveryState

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "bench"))

from sink import Sink

READERS = 600
"""More than one claim."""

FEW, SOME = 90, 30
"""Readers where something happens, and mails that have left before it does."""

ALONE = """
import threading
from pathlib import Path
from digest import config
from digest.app.fleet import beside

if __name__ == "__main__":
    with beside(config.load(Path("config.toml")), 1, stopping=lambda: False):
        threading.Event().wait()
"""
"""A process that waits for another, which sends."""


@contextmanager
def program(folder: Path, *settings: str) -> Iterator[App]:
    (folder / "config.toml").write_text("\n".join(["[lists.daily]", *settings, ""]))
    app = App(config.load(folder / "config.toml"), clock=lambda: MORNING)
    try:
        yield app
    finally:
        app.database.close()


def to(sink: Sink) -> tuple[str, ...]:
    smtp = ('kind = "smtp"', 'host = "127.0.0.1"', 'security = "none"', "connections = 1")
    return ("[transport]", *smtp, f"port = {sink.port}")


def test_all_that_is_due_leaves_once_and_is_counted(tmp_path: Path) -> None:
    with program(tmp_path) as app:
        ledger(app.database, READERS)
        with beside(app.settings, 2, stopping=lambda: False) as outcome:
            pass

        assert outcome[DeliveryState.SENT] == READERS
        assert states(app.database) == ["sent"] * READERS
    assert len(list((tmp_path / "var/mail").glob("*/new/*"))) == READERS
    assert list((tmp_path / "var/journal").iterdir()) == []


def test_they_stop_where_this_one_does(tmp_path: Path) -> None:
    with program(tmp_path) as app:
        ledger(app.database, READERS)
        with pytest.raises(KeyboardInterrupt), beside(app.settings, 1, stopping=lambda: False):
            raise KeyboardInterrupt

        assert "claimed" not in states(app.database)
        assert "queued" in states(app.database)


def test_a_signal_to_all_of_them_at_once_is_left_to_the_one_that_started_them(tmp_path: Path) -> None:
    """It comes when the server has a mail and has not yet said so."""

    def stop() -> None:
        [child] = multiprocessing.active_children()
        child.terminate()

    with Sink(tmp_path / "taken") as sink, program(tmp_path, *to(sink)) as app:
        sink.watch("taken", stop, after=SOME)
        ledger(app.database, FEW)
        with beside(app.settings, 1, stopping=lambda: False) as outcome:
            pass

        assert outcome == {DeliveryState.SENT: FEW}


def test_they_stop_where_this_one_is_told_to_when_it_has_nothing_more_to_do_itself(tmp_path: Path) -> None:
    """The server answers no more until they must have heard of it."""
    told, asked = threading.Event(), threading.Semaphore(0)

    def stop() -> None:
        told.set()
        for _ in range(2):
            asked.acquire(timeout=5)

    def stopping() -> bool:
        if told.is_set():
            asked.release()
        return told.is_set()

    with Sink(tmp_path / "taken") as sink, program(tmp_path, *to(sink)) as app:
        sink.watch("taken", stop, after=SOME)
        ledger(app.database, FEW)
        with beside(app.settings, 1, stopping=stopping) as outcome:
            pass

        assert SOME < outcome[DeliveryState.SENT] < FEW
        assert set(states(app.database)) == {"sent", "queued"}


def test_they_stop_when_the_one_that_started_them_is_killed(tmp_path: Path) -> None:
    with Sink(tmp_path / "taken") as sink, program(tmp_path, *to(sink)) as app:
        ledger(app.database, FEW)
        (tmp_path / "alone.py").write_text(ALONE)
        pipe = subprocess.PIPE
        with subprocess.Popen([sys.executable, "alone.py"], cwd=tmp_path, stdout=pipe, stderr=pipe) as alone:

            def kill() -> None:
                alone.kill()
                alone.wait()

            sink.watch("taken", kill, after=SOME)
            _, said = alone.communicate(timeout=60)  # until the last of them is gone

        assert set(states(app.database)) == {"sent", "queued"}
    assert b"Traceback" not in said, said.decode()
