"""Run the `digest` command in a process that can be killed at a named function, by a clock that a file moves.

    sender = start(folder, "run", stop=Stop("digest.store.claims:claim", "exit"))
    sender.kill()

Each is a process of its own, forked from one that has imported the program (preloaded.py): what is killed is the real
command but for the size of its claims, without the seconds that importing it takes. It runs in its folder, whose file
`clock` holds the seconds by which the program's clock is ahead, and leaves what it said in the file `said`.
"""

import functools
import importlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal

BATCH, AHEAD = 40, 15
"""Claims are small here, so that between two kills there are many; on PostgreSQL most are made beside the sending."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a sender kills itself: at the nth call of a function, named as module:function or module:Class.method."""

    function: str
    when: Literal["entry", "exit"]
    nth: int = 1


def start(folder: Path, *arguments: str, stop: Stop | None = None) -> BaseProcess:
    """Start `digest ARGUMENTS` in a folder, in a new process."""
    process = _context().Process(target=_digest, args=(folder, arguments, stop))
    process.start()
    return process


def started(what: Callable[..., Any], *arguments: object) -> BaseProcess:
    """Start a function of ours in such a process instead."""
    process = _context().Process(target=what, args=arguments)
    process.start()
    return process


_BENCH = Path(__file__).parent
_PLACES = (_BENCH, _BENCH.parent, _BENCH.parent / "tests")


@functools.cache
def _context() -> Any:
    theirs = {
        "PYTHONPATH": os.pathsep.join(str(folder) for folder in _PLACES),
        "OPENBLAS_NUM_THREADS": "1",
        "DIGEST_WEB__LISTEN": "",
    }
    ours = dict(os.environ)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sender", "preloaded"])
    os.environ |= theirs
    try:
        forkserver.ensure_running()  # it has this environment for good, and whoever imports this module does not
    finally:
        os.environ.clear()
        os.environ |= ours
    return context


def _digest(folder: Path, arguments: tuple[str, ...], stop: Stop | None) -> None:
    os.chdir(folder)
    said = os.open("said", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)
    from digest import cli  # noqa: PLC0415 - the harness itself needs none of it
    from digest.app import App  # noqa: PLC0415
    from digest.deliver import run  # noqa: PLC0415

    App.__init__.__kwdefaults__["clock"] = functools.partial(moved, Path("clock"))
    run.BATCH, run.AHEAD = BATCH, AHEAD
    if stop:
        _arm(stop)
    sys.argv = ["digest", *arguments]
    cli.main()


def moved(file: Path) -> datetime:
    """Give the moment by a clock that is as many seconds ahead as stand in a file."""
    return datetime.now(UTC) + timedelta(seconds=float(file.read_text(encoding="ascii")))


def _find(function: str) -> tuple[Any, str, Callable[..., Any]]:
    module, _, path = function.partition(":")
    owner: Any = importlib.import_module(module)
    *classes, name = path.split(".")
    for one in classes:
        owner = getattr(owner, one)
    return owner, name, getattr(owner, name)


def _arm(stop: Stop) -> None:
    """Put the deadly function in the place of the real one, wherever the program holds it."""
    owner, name, real = _find(stop.function)
    calls = 0

    @functools.wraps(real)
    def deadly(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == stop.nth and stop.when == "entry":
            os.kill(os.getpid(), signal.SIGKILL)
        value = real(*arguments, **named)
        if calls == stop.nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return value

    setattr(owner, name, deadly)
    for module in [one for key, one in sys.modules.items() if key.partition(".")[0] == "digest"]:
        for key in [key for key, value in vars(module).items() if value is real]:
            setattr(module, key, deadly)
