"""What all commands share: the application, the settings they start from, and how they speak."""

import json
import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from digest import __version__

if TYPE_CHECKING:
    from digest.app import App

app = typer.Typer(
    help="A daily email digest: collects articles, summarises them in their own sentences, sends one letter.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

out = Console(soft_wrap=True, highlight=False, emoji=False)
err = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def start(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", help="The settings; else $DIGEST_CONFIG, ./config.toml, the shipped ones."
        ),
    ] = None,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Remember which settings are meant; they are read by the commands that need them."""
    context.obj = config


def open_app(context: typer.Context) -> "App":
    """Read the settings and put the program together.

    Raises:
        SettingsError: they are wrong.

    """
    from digest.app import App  # noqa: PLC0415 - a second of imports that --help does not need
    from digest.config import load  # noqa: PLC0415

    return App(load(context.obj))


def log_to_screen() -> None:
    """Let what runs until it is stopped say on standard error what it does."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z"
    )
    for chatty in ("apscheduler", "alembic", "procrastinate", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def say(text: str) -> None:
    """Print a line of the result, its text as it is."""
    out.print(text, markup=False)


def note(text: str) -> None:
    """Print a line beside the result."""
    err.print(text, markup=False, style="dim")


def complain(text: str) -> None:
    """Print one line on what went wrong."""
    err.print(f"digest: {' '.join(text.split())}", markup=False, style="red" if err.is_terminal else None)


def print_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")


def table(rows: Iterable[tuple[str, str]]) -> None:
    """Print pairs in two columns."""
    for name, value in rows:
        say(f"  {name:<10} {value}")


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """Say a number with its noun."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"
