"""Several processes send from one ledger: each reader gets one mail, whoever sends it, and whoever dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from makers import MORNING, ledger, states

from digest import config
from digest.app import App
from digest.app.fleet import beside
from digest.model import DeliveryState

READERS = 600
"""More than one claim."""


@contextmanager
def program(folder: Path) -> Iterator[App]:
    (folder / "config.toml").write_text("[lists.daily]\n")
    app = App(config.load(folder / "config.toml"), clock=lambda: MORNING)
    try:
        yield app
    finally:
        app.database.close()


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
