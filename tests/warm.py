"""Run commands in processes forked from one that has imported the program, so that each takes no second to import it.

    ended = warm.run(["subscribers", "list"], folder=desk, environment=..., stdin=b"", patience=120)
    ended.status, ended.out, ended.err

Each is a process of its own with its own folder, environment, arguments and pipes, which ends as any Python does: what
it says and how it ends is what `digest` itself says. Only what Python reads of the environment while it starts and
imports it has from the first process; `fits` tells of an environment that nothing of it would be missed.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

READ_BY_THE_PROGRAM = ("PATH", "HOME", "LANG")
LANG = "C.UTF-8"
NEEDED = (
    "alembic.command",
    "alembic.config",
    "digest.app.daemon",
    "digest.cli.start",
    "feedparser",
    "numpy",
    "premailer",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "sumy",
    "trafilatura",
)
ARTICLE = """The tide is high

By Ada Writer

The water stood two hands below the quay on Monday. The harbour master closed both gates an hour early.

Fishermen moved their boats behind the inner wall before dark. The ferry stayed where it was.
"""
_LARGEST = 2**20  # of what is asked, in octets
_PIPES = 3
_READY = b"!"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What a command has left."""

    status: int
    out: bytes
    err: bytes


def fits(environment: Mapping[str, str]) -> bool:
    """Tell whether all that differs in an environment is read when a command runs."""
    return environment.get("LANG") == LANG and all(
        name in READ_BY_THE_PROGRAM or name.startswith("DIGEST_") for name in environment
    )


def run(
    arguments: Sequence[str | Path],
    *,
    program: Path,
    folder: Path,
    environment: Mapping[str, str],
    stdin: bytes,
    patience: float,
) -> Ended:
    """Run a command to its end.

    Raises:
        subprocess.TimeoutExpired: it took longer than `patience` seconds, and was killed.

    """
    asked = {
        "argv": [str(program), *map(str, arguments)],
        "folder": str(folder),
        "environment": dict(environment),
    }
    ours, theirs = socket.socketpair()
    with closing(ours), ThreadPoolExecutor(_PIPES) as pool:
        with closing(theirs):
            given, taken = os.pipe()
            out, to_out = os.pipe()
            err, to_err = os.pipe()
            pipes = (given, to_out, to_err)
            _ask(json.dumps(asked).encode(), theirs.fileno(), *pipes)
            for pipe in pipes:
                os.close(pipe)
        said = [pool.submit(_read, pipe) for pipe in (out, err)]
        pool.submit(_write, taken, stdin)
        ours.settimeout(patience)
        number = int(_line(ours))
        try:
            status = int(_line(ours))
        except TimeoutError:
            os.kill(number, signal.SIGKILL)
            raise subprocess.TimeoutExpired(asked["argv"], patience) from None
        return Ended(status=status, out=said[0].result(), err=said[1].result())


def _read(pipe: int) -> bytes:
    with open(pipe, "rb") as file:
        return file.read()


def _write(pipe: int, content: bytes) -> None:
    with suppress(BrokenPipeError), open(pipe, "wb") as file:
        file.write(content)


def _line(channel: socket.socket) -> bytes:
    """Read a line, an octet at a time, so that nothing of the next is taken."""
    line = b""
    while not line.endswith(b"\n"):
        got = channel.recv(1)
        if not got:
            raise RuntimeError("the process that runs the commands is gone")
        line += got
    return line


# --- the process that is forked from

_TURN = threading.Lock()


def _ask(what: bytes, *files: int) -> None:
    with _TURN:
        control = _started()
        socket.send_fds(control, [len(what).to_bytes(4, "big")], files)
        control.sendall(what)


@functools.cache
def _started() -> socket.socket:
    """Start it when the first command is asked for; it ends when this process does."""
    ours, theirs = socket.socketpair()
    environment = {"PATH": os.environ["PATH"], "LANG": LANG, "OPENBLAS_NUM_THREADS": "1"}
    with closing(theirs):
        process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=environment,
            cwd="/",
            stdin=subprocess.PIPE,  # pipes, as those that take their places are
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    if ours.recv(1) != _READY:
        raise RuntimeError(process.communicate()[1].decode())

    def end() -> None:
        ours.close()
        process.communicate(timeout=30)

    atexit.register(end)
    return ours


def _serve(control: socket.socket) -> bool:
    """Fork for each that is asked; return True in the process that is to be the command, and False when all is done."""
    control.sendall(_READY)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait
    while True:
        size, files, _, _ = socket.recv_fds(control, 4, 1 + _PIPES)
        if not size:
            return False
        what = b""
        while len(what) < int.from_bytes(size, "big"):
            what += control.recv(_LARGEST)
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            number = os.fork()
            if not number:
                control.close()
                _become(json.loads(what), files)
                return True
            _wait(number, files)
        for file in files:
            os.close(file)


def _wait(number: int, files: Sequence[int]) -> NoReturn:
    """Say the number of the process, and how it ended."""
    channel, *pipes = files
    for pipe in pipes:
        os.close(pipe)
    with socket.socket(fileno=channel) as line:
        line.sendall(b"%d\n" % number)
        _, status = os.waitpid(number, 0)
        line.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _become(asked: dict[str, object], files: Sequence[int]) -> None:
    channel, *pipes = files
    os.close(channel)
    for number, pipe in enumerate(pipes):
        os.dup2(pipe, number)
        os.close(pipe)
    os.chdir(str(asked["folder"]))
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv[:] = asked["argv"]


def _warm_up() -> None:
    """Import what commands import, and let a letter be made and thrown away, since the rest is imported by that.

    What stays of it is what the libraries remember of style sheets and patterns.
    """
    for name in NEEDED:
        importlib.import_module(name)
    from digest.app import App  # noqa: PLC0415 - who only asks needs none of it
    from digest.config import List, Section, Settings  # noqa: PLC0415

    made_of = List(sections={"more": Section(stories=9)})
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        (Path(folder) / "article.txt").write_text(ARTICLE, encoding="utf-8")
        program = App(Settings.model_validate({"lists": {"daily": {}}}))
        issue = program.one_off([f"{folder}/article.txt"], made_of).issue
        assert issue
        program.print_one_off(issue, made_of)


if __name__ == "__main__":
    sys.path.pop(0)  # the folder of the tests, which the program does not see
    _warm_up()
    gc.freeze()  # what is shared with the forked stays shared
    if _serve(socket.socket(fileno=int(sys.argv[1]))):
        from digest.cli import main

        sys.exit(main())
