"""Run day after day: `digest serve`."""

import typer

from digest.cli.screen import app, log_to_screen, open_app


@app.command()
def serve(context: typer.Context) -> None:
    """Collect, publish each list at its hour in its zone, send, read readers' mail and show their pages.

    It runs in the foreground until SIGTERM or Ctrl-C.
    """
    program = open_app(context)
    log_to_screen()
    program.engine().run()
