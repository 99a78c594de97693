"""All commands, and how they end."""

import signal
import sys
from contextlib import suppress

from typer.exceptions import Abort, TyperException

from digest.cli import (  # noqa: F401 - importing them registers their commands
    consent,
    deliveries,
    dkim,
    explain,
    receive,
    run,
    serve,
    settle,
    setup,
    step,
    stops,
    subscribers,
    worker,
)
from digest.cli.screen import UnprintedError, app, complain, output, over_stream
from digest.errors import DigestError

__all__ = ["app", "start"]

_INTERRUPTED = 128 + signal.SIGINT  # as Typer says it


def start() -> int:
    """Run the command line and give its exit status.

    Raises:
        KeyboardInterrupt: somebody wants it to end.

    """
    sys.stdout = over_stream(sys.stdout)
    sys.stderr = over_stream(sys.stderr, patient=True)  # where that is gone, nobody can be told
    try:
        status = app(standalone_mode=False)
    except DigestError as error:
        complain(str(error))
        status = error.exit_status
    except TyperException as error:  # wrong usage
        if said := error.format_message().rstrip("."):  # else it has printed the help
            complain(f"{said}; `{_command(error)} --help` tells more")
        status = error.exit_code
    except Abort:
        status = _INTERRUPTED
    except UnprintedError:
        status = 0
    if status == _INTERRUPTED:
        raise KeyboardInterrupt
    return _printed() or status or 0


def _command(error: TyperException) -> str:
    """Name the command that was used wrongly."""
    context = getattr(error, "ctx", None)
    words = context.command_path.removeprefix(context.find_root().info_name).split() if context else ()
    return " ".join(["digest", *words])


def _printed() -> int:
    """Give the status of what was printed: it is an error that it cannot be, but none that its reader has seen enough.

    Where it is one, that is said.
    """
    with suppress(UnprintedError):
        sys.stdout.flush()
    stream = output()
    if stream is None or stream.lost is None:
        return 0
    stream.patient = True  # Python flushes it once more
    if isinstance(stream.lost, BrokenPipeError):
        return 0
    complain(f"standard output cannot be written to: {stream.lost.strerror}")
    return 1
