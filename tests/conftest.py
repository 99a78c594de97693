"""What every ring shares: the real material, the programs a test needs, and the rule for skipping."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from terminal import Terminal

ROOT = Path(__file__).parent.parent

Need = Callable[[str], str]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real material beside a developer's checkout; a newcomer's clone has none."""
    path = Path(os.environ.get("DIGEST_SHARED", ROOT.parent / "shared"))
    if not (path / "data").is_dir():
        pytest.skip(f"the real material is not at {path} (set DIGEST_SHARED to where it is)")
    return path


@pytest.fixture(scope="session")
def need() -> Need:
    """Give a program's path; without it the test skips, and on CI, where it must be, fails."""

    def find(program: str) -> str:
        path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if path is None:
            problem = f"{program} is not installed (on Debian: apt-get install {program})"
            if os.environ.get("CI") == "true":
                pytest.fail(problem)
            pytest.skip(problem)
        return path

    return find


@pytest.fixture(scope="session")
def chromium(need: Need) -> str:
    return need("chromium")


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """A person at a terminal in an empty folder."""
    return Terminal(tmp_path / "desk")
