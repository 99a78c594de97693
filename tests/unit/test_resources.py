"""What ships with the program is found, and an operator's own file goes before it."""

from pathlib import Path

import pytest

from digest.resources import locate, shipped


@pytest.mark.parametrize("name", ["config.toml", "templates/email/issue/body.html.j2", "seeds/README.md"])
def test_what_ships_is_there(name: str) -> None:
    assert shipped(name).is_file()


def test_a_path_from_the_settings_is_the_operators_own_where_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "seeds").mkdir()

    assert locate(Path("seeds"), tmp_path) == tmp_path / "seeds"


def test_a_path_that_is_not_there_may_name_what_ships(tmp_path: Path) -> None:
    assert locate(Path("seeds/le-phare"), tmp_path) == shipped("seeds") / "le-phare"


def test_a_path_that_is_nowhere_is_given_as_the_operators_own(tmp_path: Path) -> None:
    assert locate(Path("articles"), tmp_path) == tmp_path / "articles"
    assert locate(Path("/nowhere/articles"), tmp_path) == Path("/nowhere/articles")
