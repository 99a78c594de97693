"""Run day after day: `digest serve`."""

import logging

import typer

from digest.cli.screen import app, open_app


@app.command()
def serve(context: typer.Context) -> None:
    """Collect, publish each list at its hour in its zone, send, read readers' mail and show their pages.

    It runs in the foreground until SIGTERM or Ctrl-C.
    """
    program = open_app(context)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z"
    )
    for chatty in ("apscheduler", "alembic", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    program.engine().run()
