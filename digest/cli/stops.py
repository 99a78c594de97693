"""What has been stopped, and letting it go on: `digest deliveries stops`, `digest deliveries resume`."""

from typing import Annotated

import typer

from digest.cli.deliveries import deliveries
from digest.cli.screen import counted, note, open_app, say


@deliveries.command()
def stops(context: typer.Context) -> None:
    """Show what keeps mails from leaving, each with its number, since when and why."""
    from digest.alarm import worded  # noqa: PLC0415 - it knows the store, which help does not need

    found = open_app(context).stops()
    for stop in found:
        say(f"{stop.id}: {worded(stop)}")
    if not found:
        note("nothing is stopped")


@deliveries.command()
def resume(
    context: typer.Context,
    number: Annotated[
        int | None, typer.Argument(metavar="[NUMBER]", help="Of one stop. Default: all.", show_default=False)
    ] = None,
) -> None:
    """Let the mails go on that were stopped, once the cause is mended; they leave at the next run."""
    lifted = open_app(context).lift(number)
    if not lifted and number is not None:
        raise typer.BadParameter(f"no stop that holds has the number {number}; see `digest deliveries stops`")
    say(counted(lifted, "stop") + " lifted")
