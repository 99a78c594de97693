"""Send with several processes at once, where signing takes longer than the mail server: each is a run over the ledger.

The claims of runs are disjoint, so they need to know nothing of each other. One that is killed leaves its journal to
the next, as ever. They are stopped by the process that started them, or when it is no more.
"""

import logging
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event

from digest.config import Settings
from digest.errors import DigestError
from digest.model import DeliveryState

log = logging.getLogger("digest")

FEWEST = 2_000
"""Mails below which no further process is worth its start, which takes a second or two."""

ASK = 0.2
"""Seconds: how often it is asked, while they are waited for, whether they are to stop."""


@contextmanager
def beside(
    settings: Settings, number: int, *, stopping: Callable[[], bool]
) -> Iterator[Counter[DeliveryState]]:
    """Let so many processes send what is due while the block does; what they did is counted once it is over."""
    context = multiprocessing.get_context(
        "spawn"
    )  # this one has threads and connections, which a fork would share
    stop = context.Event()
    ends = [context.Pipe(duplex=False) for _ in range(number)]
    processes = [context.Process(target=_send, args=(settings, stop, ours, os.getpid())) for _, ours in ends]
    outcome: Counter[DeliveryState] = Counter()
    for process, (_, ours) in zip(processes, ends, strict=True):
        process.start()
        ours.close()
    try:
        yield outcome
        for theirs, _ in ends:
            while not theirs.poll(ASK):
                if stopping():
                    stop.set()
    except BaseException:
        stop.set()
        raise
    finally:
        for process, (theirs, _) in zip(processes, ends, strict=True):
            try:
                outcome.update(theirs.recv())
            except EOFError:
                log.warning("a process that sent mail died; what it had begun is settled by the next run")
            process.join()


def _send(settings: Settings, stop: Event, answer: Connection, parent: int) -> None:
    from digest.app import App  # noqa: PLC0415 - which names this module

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # it is told by `stop`
    program = App(settings)
    try:
        outcome = program.send_here(stopping=lambda: stop.is_set() or os.getppid() != parent)
    except DigestError as error:
        log.error("%s", error)  # noqa: TRY400 - the message says it all
        outcome = Counter()
    finally:
        program.database.close()
    with suppress(BrokenPipeError):  # nobody is there to hear it
        answer.send(outcome)
