"""The command line: `digest COMMAND`; each module here holds the commands of one kind.

Results go to standard output, all else to standard error. What goes wrong is one line; the exit status is 2 for
wrong settings and wrong usage, 1 for everything else.
"""

import io
import os
import signal
import sys

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
from digest.cli.screen import app, complain
from digest.errors import DigestError

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line and exit."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal of an older charset shows what it can
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = app(standalone_mode=False)
    except DigestError as error:
        complain(str(error))
        status = error.exit_status
    except TyperException as error:  # wrong usage
        if said := error.format_message().rstrip("."):  # else it has printed the help
            complain(f"{said}; `digest --help` tells more")
        status = error.exit_code
    except Abort:
        complain("stopped; what was done is kept, the same command goes on")
        status = 128 + signal.SIGINT
    except BrokenPipeError:
        # Whoever read our output has seen enough; closing it once more must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status or 0)
