"""What all commands share: the application, the settings they start from, and how they speak."""

import io
import json
import logging
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from digest import __version__

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    from digest.app import App

app = typer.Typer(
    help="A daily email digest: collects articles, summarises them in their own sentences, sends one letter.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

out = Console(soft_wrap=True, highlight=False, emoji=False)
err = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)


class UnprintedError(Exception):
    """Standard output cannot be written to."""


class Stream(io.FileIO):
    """Where standard output or standard error goes; `lost` is why nothing goes there any more.

    One that is patient drops what it cannot write, so that whoever prints goes on with his work.
    """

    def __init__(self, number: int, *, patient: bool) -> None:
        super().__init__(number, "w", closefd=False)
        self.patient = patient
        self.lost: OSError | None = None

    def write(self, octets: "ReadableBuffer") -> int:
        """Write what can be written.

        Raises:
            UnprintedError: nothing can, and it is not patient.

        """
        if self.lost is None:
            try:
                return super().write(octets)
            except OSError as error:
                self.lost = error
        if not self.patient:
            raise UnprintedError
        return memoryview(octets).nbytes


def over_stream(file: IO[str] | None, *, patient: bool = False) -> IO[str]:
    """Give a standard file of Python's over a `Stream`; its charset shows what it can; a closed one shows nothing."""
    if file is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    if not isinstance(file, io.TextIOWrapper):
        return file
    return io.TextIOWrapper(
        io.BufferedWriter(Stream(file.fileno(), patient=patient)),
        encoding=file.encoding,
        errors="backslashreplace",
        line_buffering=file.line_buffering,
        write_through=file.write_through,
    )


def output() -> Stream | None:
    """Give what standard output goes to, unless that is no file."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw if isinstance(raw, Stream) else None


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


def open_app(context: typer.Context, *, keeps: bool = True) -> "App":
    """Read the settings and put the program together; say so where what is kept goes by the sample's.

    It does its work even where nothing can be printed.

    Raises:
        SettingsError: they are wrong.

    """
    from digest.app import App  # noqa: PLC0415 - a second of imports that --help does not need
    from digest.config import load  # noqa: PLC0415

    settings = load(context.obj)
    program = App(settings)
    if keeps and settings.are_shipped:
        note("there is no config.toml here, so the sample's settings are used; `digest init` writes one")
    if stream := output():
        stream.patient = True
    return program


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
