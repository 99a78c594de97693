"""Share the work with other machines: `digest worker`."""

import typer

from digest.cli.screen import app, log_to_screen, open_app


@app.command()
def worker(context: typer.Context) -> None:
    """Do jobs beside other workers, on as many machines as wanted; the database is PostgreSQL.

    Each collects, publishes and sends what is due and no other has taken. It runs in the foreground until SIGTERM or
    Ctrl-C, and lets finish what it is at.
    """
    program = open_app(context)
    log_to_screen()
    program.worker().run()
