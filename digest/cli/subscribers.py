"""Who gets it: `digest subscribers add|list|remove|import|export|show|erase|suppress|release|pause|resume`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from digest.cli.intake import Intake, report_to
from digest.cli.screen import app, note, open_app, print_json, say
from digest.correspondence import Door
from digest.errors import AddressError, DigestError
from digest.model import Subscriber, SubscriberState, SuppressionReason
from digest.plain import to_json
from digest.wishes import Act, Command

if TYPE_CHECKING:
    from digest.app import App

subscribers = typer.Typer(
    help="Add, list, remove, import and export subscribers; tell, and forget, what is known of one.",
    no_args_is_help=True,
)
app.add_typer(subscribers, name="subscribers")

Addresses = Annotated[list[str], typer.Argument(metavar="ADDRESS...")]
Address = Annotated[str, typer.Argument(metavar="ADDRESS")]
ListOption = Annotated[
    str | None, typer.Option("--list", "-l", help="The list's name. Default: the first one.")
]
OnlyList = Annotated[str | None, typer.Option("--list", "-l", help="Only this list.")]


@subscribers.command()
def add(
    context: typer.Context,
    addresses: Addresses,
    list_name: ListOption = None,
    pending: Annotated[
        bool, typer.Option("--pending", help="Ask the reader by mail: active only once confirmed.")
    ] = False,
) -> None:
    """Make readers active on your word, which is recorded as such, or ask them first."""
    program = open_app(context)
    name = program.list_or_first(list_name)
    for address in addresses:
        if pending:
            subscriber = program.invite(name, address)
        else:
            with program.database.transaction() as connection:
                subscriber = program.readers.set_state(
                    connection,
                    name,
                    address,
                    SubscriberState.ACTIVE,
                    door=Door.OPERATOR,
                    now=program.clock(),
                )
        say(f"{subscriber.address}: {subscriber.state} on {name}")


@subscribers.command("list")
def list_(
    context: typer.Context,
    list_name: OnlyList = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON array, with wishes and pauses.")
    ] = False,
    suppressed: Annotated[
        bool, typer.Option("--suppressed", help="Only those who must not be mailed.")
    ] = False,
) -> None:
    """Show each address and its state, and why no mail goes there where it is suppressed."""
    found = [pair for pair in _all_of(open_app(context), list_name) if pair[1] or not suppressed]
    if as_json:
        print_json([_as_json(*pair) for pair in found])
        return
    for subscriber, reason in found:
        stopped = f"  suppressed: {reason}" if reason else ""
        say(f"{subscriber.list:<12} {subscriber.state:<12} {subscriber.address}{stopped}")
    if not found:
        nobody = "nobody yet; `digest subscribers add ADDRESS` adds a reader"
        note("no subscriber is suppressed" if suppressed else nobody)


@subscribers.command()
def remove(context: typer.Context, addresses: Addresses, list_name: ListOption = None) -> None:
    """Unsubscribe readers."""
    program = open_app(context)
    name = program.list_or_first(list_name)
    for address in addresses:
        with program.database.transaction() as connection:
            subscriber = program.readers.remove(
                connection, name, address, door=Door.OPERATOR, now=program.clock()
            )
        say(f"{subscriber.address}: {subscriber.state} on {name}")


@subscribers.command()
def pause(
    context: typer.Context,
    addresses: Addresses,
    list_name: ListOption = None,
    days: Annotated[
        int | None, typer.Option("--days", min=1, max=3650, help="Default: until resumed.")
    ] = None,
) -> None:
    """Send readers no issues for a while."""
    _act(context, addresses, list_name, Command(act=Act.PAUSE, days=days))


@subscribers.command()
def resume(context: typer.Context, addresses: Addresses, list_name: ListOption = None) -> None:
    """End readers' pauses."""
    _act(context, addresses, list_name, Command(act=Act.RESUME))


@subscribers.command("import")
def import_(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV of ours, listmonk's, Mailman's or Mailchimp's, or one address a line; - is standard input."
        ),
    ],
    list_name: Annotated[
        str | None,
        typer.Option("--list", "-l", help="The list. Default: the one that a row names, else the first."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would happen.")] = False,
    pending: Annotated[
        bool, typer.Option("--pending", help="Ask each by mail; without this no mail is sent.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write the refused rows as CSV.")
    ] = None,
) -> None:
    """Add the readers of a file on your word; each row that is refused is named with the reason."""
    program = open_app(context)
    first = program.list_or_first(list_name)
    if report is not None and report.exists() and file.exists() and report.samefile(file):
        raise typer.BadParameter(f"{report} is the file to import: write the report to another one")
    intake = Intake(
        program=program,
        file=file,
        list_name=list_name,
        first=first,
        dry_run=dry_run,
        pending=pending,
    )
    with report_to(report) as writer:
        intake.take(writer)
    intake.say_what_became()
    if pending and not dry_run:
        program.notify()
    if intake.refused:
        raise typer.Exit(1)


@subscribers.command()
def export(
    context: typer.Context,
    list_name: OnlyList = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a line.")] = False,
) -> None:
    """Write all subscribers as CSV to standard output; `import` reads it back."""
    from digest.roster import write_rows  # noqa: PLC0415 - --help needs no CSV

    found = _all_of(open_app(context), list_name)
    if not as_json:
        write_rows(found, sys.stdout)
    else:
        for pair in found:
            print_json(_as_json(*pair))


@subscribers.command()
def show(context: typer.Context, address: Address) -> None:
    """Print all that is known about an address, as JSON: what its reader gets who asks for his data."""
    from digest.address import read_address  # noqa: PLC0415 - --help needs no addresses

    program = open_app(context)
    with program.database.transaction() as connection:
        known = program.readers.export(connection, read_address(address))
    sys.stdout.write(f"{known}\n")


@subscribers.command()
def erase(
    context: typer.Context,
    address: Address,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for the address again.")] = False,
) -> None:
    """Forget an address for good; a keyed hash of it stays, so that no file of addresses brings it back."""
    from digest.address import read_address  # noqa: PLC0415

    program = open_app(context)
    parsed = read_address(address)
    if not yes:
        if not sys.stdin.isatty():
            raise typer.BadParameter("nobody is there to ask: say --yes to forget an address for good")
        again = typer.prompt(f"This cannot be undone. To forget {parsed.display}, type it again", err=True)
        if read_address(again).key != parsed.key:
            raise DigestError(f"that is another address; {parsed.display} is not forgotten")
    with program.database.transaction() as connection:
        known = program.readers.knows(connection, parsed)
        program.readers.erase(connection, parsed, now=program.clock())
    if not known:
        raise AddressError(
            f"nothing was kept of {parsed.display}, nobody is forgotten; no mail goes there from now on, "
            "and if it is misspelled, `digest subscribers release` lifts that"
        )
    say(f"{parsed.display}: forgotten")


@subscribers.command()
def suppress(
    context: typer.Context,
    address: Address,
    reason: Annotated[
        Literal["hard-bounce", "complaint", "manual", "invalid"], typer.Option(help="Why.")
    ] = "manual",
) -> None:
    """Stop all mail to an address, whatever its reader wants, until you release it."""
    from digest.address import read_address  # noqa: PLC0415
    from digest.store import subscribers as kept  # noqa: PLC0415

    program = open_app(context)
    parsed = read_address(address)
    with program.database.transaction() as connection:
        known = program.readers.suppression(connection, parsed)
        if known is None:
            kept.suppress(connection, parsed.key, reason=SuppressionReason(reason), now=program.clock())
    say(f"{parsed.display}: " + (f"suppressed, {reason}" if known is None else f"was suppressed, {known}"))


@subscribers.command()
def release(context: typer.Context, address: Address) -> None:
    """Let mail go to an address again, and say what had stopped it."""
    from digest.address import read_address  # noqa: PLC0415
    from digest.store import subscribers as kept  # noqa: PLC0415

    program = open_app(context)
    parsed = read_address(address)
    with program.database.transaction() as connection:
        keys = program.readers.keys(parsed)
        reasons = [reason for key in keys if (reason := kept.suppression(connection, key))]
        kept.release(connection, *keys)
    if not reasons:
        raise AddressError(f"{parsed.display} is not suppressed; `digest subscribers list` shows its state")
    say(f"{parsed.display}: released, it was {' and '.join(reasons)}")


def _all_of(program: "App", list_name: str | None) -> list[tuple[Subscriber, SuppressionReason | None]]:
    """Give the subscribers, each with why he must not be mailed, if so.

    All before the first is printed: whoever reads slowly must not hold the database.
    """
    from digest.store import subscribers as kept  # noqa: PLC0415

    if list_name is not None:
        program.settings.list_named(list_name)
    with program.database.transaction() as connection:
        reasons = program.readers.suppressed(connection)
        return [(one, reasons.get(one.id)) for one in kept.all_of(connection, list_name)]


def _as_json(subscriber: Subscriber, reason: SuppressionReason | None) -> dict[str, Any]:
    """Give a subscriber as JSON data; what is not set is left out."""
    return {**to_json(subscriber), **({"suppressed": reason.value} if reason else {})}


def _act(context: typer.Context, addresses: list[str], list_name: str | None, command: Command) -> None:
    """Do for readers what they could ask for themselves, on the operator's word."""
    from digest.address import read_address  # noqa: PLC0415
    from digest.correspondence import Outcome  # noqa: PLC0415
    from digest.store import subscribers as kept  # noqa: PLC0415

    program = open_app(context)
    name = program.list_or_first(list_name)
    for address in addresses:
        parsed = read_address(address)
        with program.database.transaction() as connection:
            known = kept.find(connection, name, parsed.key)
            answers = known and program.readers.act(
                connection, known, [command], door=Door.OPERATOR, now=program.clock()
            )
            now = kept.find(connection, name, parsed.key)
        if now is None or not answers or answers[0].outcome not in (Outcome.DONE, Outcome.ALREADY):
            raise AddressError(
                f"{parsed.display} does not read {name}; `digest subscribers list` shows who does"
            )
        until = f" until {now.paused_until:%Y-%m-%d %H:%M %Z}" if now.paused_until else ""
        say(f"{now.address}: {now.state} on {name}{until}")
