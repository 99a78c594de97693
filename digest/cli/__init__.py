"""The command line: `digest COMMAND`; each module here holds the commands of one kind.

Results go to standard output, all else to standard error. What goes wrong is one line; the exit status is 2 for
wrong settings and wrong usage, 1 for everything else.
"""

import signal
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit."""
    try:
        from digest.cli.start import start  # noqa: PLC0415 - half a second of imports, in which Ctrl-C may come

        status = start()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second one ends it at once
        sys.stderr.write(
            "digest: interrupted; what was done is kept, and the same command can be run again\n"
        )
        status = 128 + signal.SIGINT
    sys.exit(status)
