"""Who agreed to what: `digest consent show|verify|export`."""

import re
import sys
from typing import Annotated, Any

import typer

from digest.cli.screen import app, counted, note, open_app, print_json, say
from digest.errors import DigestError

PAGE = 1000
"""Entries read in one transaction."""

consent = typer.Typer(help="Show, verify and export the log of consent.", no_args_is_help=True)
app.add_typer(consent, name="consent")


@consent.command()
def show(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS")],
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """Print what the reader of an address agreed to: when, in which way, and to which words."""
    from digest.address import read_address  # noqa: PLC0415 - --help needs no addresses
    from digest.store import consents  # noqa: PLC0415

    program = open_app(context)
    parsed = read_address(address)
    with program.database.transaction() as connection:
        entries = consents.of(connection, program.readers.fingerprint(parsed))
    if as_json:
        print_json([_told(entry) for entry in entries])
        return
    for entry in entries:
        if (said := entry.consent) is not None:
            words = f", to the words {said.wording}" if said.wording else ""
            detail = f", {said.detail}" if said.detail else ""
            say(
                f"{entry.at:%Y-%m-%d %H:%M:%S} UTC  {said.list:<12} {said.act:<12} by {said.door}{words}{detail}"
            )
    if not entries:
        note(f"the log says nothing of {parsed.display}")


@consent.command()
def verify(
    context: typer.Context,
    head: Annotated[
        str | None,
        typer.Option(
            "--head", metavar="LINK", help="A link that `export` printed; the log must still hold it."
        ),
    ] = None,
) -> None:
    """Check that no entry of the log was changed, added or taken out; status 1 and the place where one was."""
    from digest.store import consents  # noqa: PLC0415

    if head is not None and not re.fullmatch("[0-9a-f]{64}", head):
        raise typer.BadParameter("--head is no link: it has 64 digits of 0-9a-f")
    with open_app(context).database.transaction() as connection:
        fault = consents.first_fault(connection, head=head)
        entries, last = consents.count(connection), consents.last_link(connection)
    if fault is not None:
        raise DigestError(f"the log of consent does not hold: {fault}")
    say(f"the log of consent holds: {counted(entries, 'entry', 'entries')}, the last link is {last}")


@consent.command()
def export(context: typer.Context) -> None:
    """Write the log as JSON lines; its last link goes to standard error, to be kept elsewhere."""
    from digest.store import consents  # noqa: PLC0415

    database = open_app(context).database
    last, link = 0, consents.FIRST_LINK
    while True:
        with database.transaction() as connection:
            page = consents.page(connection, after=last, limit=PAGE)
        if not page:
            break
        for entry in page:
            print_json(_told(entry))
        last, link = page[-1].id, page[-1].link
    sys.stdout.flush()
    note(f"the last link is {link}; `digest consent verify --head {link}` checks that nothing is cut off")


def _told(entry: Any) -> dict[str, Any]:
    """Give an entry with all that its hash and its link are made of."""
    from digest.plain import to_json  # noqa: PLC0415

    return {
        "id": entry.id,
        "at": entry.at.isoformat(),
        "subject": entry.subject,
        "consent": None if entry.consent is None else to_json(entry.consent),
        "salt": entry.salt,
        "hash": entry.hash,
        "link": entry.link,
    }
