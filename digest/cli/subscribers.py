"""Who gets it: `digest subscribers add|list|remove|import|export`."""

import csv
import io
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from digest.cli.screen import app, complain, counted, note, open_app, print_json, say
from digest.errors import DigestError
from digest.model import Subscriber, to_json

COLUMNS = ("address", "list", "state", "since", "consent", "language")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet run a cell instead of showing it (OWASP: CSV injection)."""

subscribers = typer.Typer(help="Add, list, remove, import and export subscribers.", no_args_is_help=True)
app.add_typer(subscribers, name="subscribers")

ListOption = Annotated[
    str | None, typer.Option("--list", "-l", help="The list's name. Default: the first one.")
]


@subscribers.command()
def add(
    context: typer.Context,
    addresses: Annotated[list[str], typer.Argument(metavar="ADDRESS...")],
    list_name: ListOption = None,
    pending: Annotated[
        bool, typer.Option("--pending", help="Ask the reader first: active only once confirmed.")
    ] = False,
) -> None:
    """Make readers active on your word, which is recorded as such, or ask them first."""
    program = open_app(context)
    name = program.list_or_first(list_name)
    for address in addresses:
        subscriber = (
            program.invite(name, address)
            if pending
            else program.add_subscriber(name, address, consent="operator")
        )
        say(f"{subscriber.address}: {subscriber.state} on {name}")


@subscribers.command("list")
def list_(
    context: typer.Context,
    list_name: Annotated[str | None, typer.Option("--list", "-l", help="Only this list.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """Show each address and its state."""
    found = open_app(context).subscribers(list_name)
    if as_json:
        print_json([to_json(subscriber) for subscriber in found])
        return
    for subscriber in found:
        say(f"{subscriber.list:<12} {subscriber.state:<12} {subscriber.address}")
    if not found:
        note("nobody yet; `digest subscribers add ADDRESS` adds a reader")


@subscribers.command()
def remove(
    context: typer.Context,
    addresses: Annotated[list[str], typer.Argument(metavar="ADDRESS...")],
    list_name: ListOption = None,
) -> None:
    """Unsubscribe readers."""
    program = open_app(context)
    name = program.list_or_first(list_name)
    for address in addresses:
        subscriber = program.remove_subscriber(name, address)
        say(f"{subscriber.address}: {subscriber.state} on {name}")


@subscribers.command("import")
def import_(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with a column called address or email, or one address a line; - is standard input."
        ),
    ],
    list_name: ListOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would happen.")] = False,
) -> None:
    """Add the readers of a file on your word; each row that is refused is named with the reason."""
    from digest.subscribe import IMPORT, read_address  # noqa: PLC0415

    program = open_app(context)
    name = program.list_or_first(list_name)
    added = refused = 0
    for number, address in _rows(file):
        try:
            if dry_run:
                read_address(address)
            else:
                program.add_subscriber(name, address, consent=IMPORT)
            added += 1
        except DigestError as error:
            refused += 1
            complain(f"{file}:{number}: {error}")
    done = "would be added" if dry_run else "added"
    say(f"{counted(added, 'reader')} {done} to {name}, {counted(refused, 'row')} refused")
    if refused:
        raise typer.Exit(1)


@subscribers.command()
def export(
    context: typer.Context,
    list_name: Annotated[str | None, typer.Option("--list", "-l", help="Only this list.")] = None,
) -> None:
    """Write all subscribers as CSV to standard output."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for subscriber in open_app(context).subscribers(list_name):
        writer.writerow([_cell(subscriber, column) for column in COLUMNS])


def _cell(subscriber: Subscriber, column: str) -> str:
    value = getattr(subscriber, column)
    text = "" if value is None else value.isoformat() if column == "since" else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _rows(file: Path) -> Iterator[tuple[int, str]]:
    """Give each address with its line, from a CSV with a header or from plain lines.

    Raises:
        DigestError: the file cannot be read.

    """
    try:
        if str(file) == "-":
            yield from _addresses(io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", newline=""))
        else:
            with file.open(encoding="utf-8-sig", newline="") as lines:
                yield from _addresses(lines)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DigestError(f"{file} cannot be read: {error}") from None


def _addresses(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    reader = csv.reader(lines)
    column = 0
    for row in reader:
        cells = [cell.strip() for cell in row]
        if reader.line_num == 1:
            names = [cell.casefold() for cell in cells]
            found = [
                index
                for index, cell in enumerate(names)
                if cell in ("address", "email", "e-mail", "email address")
            ]
            if found:
                column = found[0]
                continue
        if any(cells):
            yield reader.line_num, cells[column].removeprefix("'") if column < len(cells) else ""
