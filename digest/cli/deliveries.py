"""Who got what, and sending again: `digest deliveries [resend]`."""

import sys
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from digest.clean import clean_line
from digest.cli.screen import app, counted, note, open_app, out, print_json, say
from digest.errors import AddressError, DigestError, IssueError
from digest.model import DeliveryState
from digest.plain import to_json

if TYPE_CHECKING:
    from digest.app import App
    from digest.store.log import Entry, Missing

MANY = 10
"""Readers above which a resend is asked about first."""

SHOWN = 100
"""Rows that are shown where nobody says how many."""

BATCH = 500
"""Rows on one table of the screen, or changed in one transaction."""

FORGOTTEN = "(forgotten)"

COLUMNS = ("list", "date", "address", "state", "when (UTC)", "attempts", "answer")
MISSING_COLUMNS = ("list", "date", "address", "state", "why")

deliveries = typer.Typer(
    help="Show who got what, when, and what the server said.", invoke_without_command=True
)
app.add_typer(deliveries, name="deliveries")

Day = Annotated[
    datetime | None,
    typer.Option("--date", "-d", metavar="DATE", formats=["%Y-%m-%d"], help="The date of the issue."),
]
AddressOption = Annotated[str | None, typer.Option("--address", "-a", help="Only this reader.")]
OnlyList = Annotated[str | None, typer.Option("--list", "-l", help="Only this list.")]


@deliveries.callback()
def show(
    context: typer.Context,
    list_name: OnlyList = None,
    day: Day = None,
    address: AddressOption = None,
    state: Annotated[DeliveryState | None, typer.Option("--state", "-s", help="Only those.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            metavar="MOMENT",
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"],
            help="Only what has changed since this day or moment (UTC).",
        ),
    ] = None,
    missing: Annotated[
        bool,
        typer.Option(
            "--missing", help="Show whom an issue has not reached, and why. Default: the list's newest one."
        ),
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=0, help="At most so many lines; 0: all.")
    ] = SHOWN,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Show who got what, when, and what the server said, the newest issue first."""
    if command := context.invoked_subcommand:
        if list_name or day or address or state or since or missing or as_json:
            raise typer.BadParameter(f"options of `digest deliveries {command}` stand behind {command}")
        return
    program = open_app(context)
    if missing:
        if state or since:
            raise typer.BadParameter("--missing goes with --list, --date and --address")
        name = program.list_or_first(list_name)
        on, gone = _missing(program, name, day, address)
        rows = (_told_missing(name, on, one) for one in gone)
        if not _show(rows, MISSING_COLUMNS, limit=limit, as_json=as_json):
            note(f"{name}, {on}: nobody is missing it")
        return
    found = map(_told, _entries(program, list_name, day, address, state, since))
    if not (address or state or since):
        _note_under_way(program, list_name, day)
    if not _show(found, COLUMNS, limit=limit, as_json=as_json):
        note("the ledger has no such mail")


@deliveries.command()
def resend(
    context: typer.Context,
    day: Annotated[
        datetime,
        typer.Option("--date", "-d", metavar="DATE", formats=["%Y-%m-%d"], help="The date of the issue."),
    ],
    list_name: Annotated[
        str | None, typer.Option("--list", "-l", help="The list's name. Default: the first one.")
    ] = None,
    address: AddressOption = None,
    in_doubt: Annotated[
        bool, typer.Option("--in-doubt", help="Those that are in doubt: some may get it twice.")
    ] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Those that failed.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help=f"Do not ask, however many; else above {MANY}.")
    ] = False,
) -> None:
    """Send an issue again to readers whom it has not reached; without options, where it failed or was skipped.

    It is the same row and the same Message-ID. Who has left or is suppressed gets nothing, nor whose later letter has
    made up for this one.
    """
    from digest.store import claims  # noqa: PLC0415 - --help needs no database
    from digest.store.log import Why  # noqa: PLC0415

    program = open_app(context)
    name = program.list_or_first(list_name)
    named = {why for why, said in ((Why.IN_DOUBT, in_doubt), (Why.FAILED, failed)) if said}
    wanted = named or {Why.FAILED, Why.SKIPPED}
    on, gone = _missing(program, name, day, address)
    left: Counter[str] = Counter()
    count = 0
    for one in gone:
        why = _why_not(one, wanted)
        count += not why
        left[why] += 1
    for why in sorted(left.keys() - {""}):
        note(f"{counted(left[why], 'reader')} left alone: {why}")
    if address and not left:
        raise AddressError(
            f"{address} is not missing the issue of {on}; `digest deliveries --missing` shows who is"
        )
    _ask(count, on, yes=yes)
    ended = [DeliveryState(why) for why in wanted]
    lifetime = timedelta(hours=program.settings.delivery.give_up_hours)
    _, gone = _missing(program, name, day, address)
    ids = (one.delivery_id for one in gone if one.delivery_id is not None and not _why_not(one, wanted))
    done = 0
    while batch := list(islice(ids, BATCH)):
        with program.database.transaction() as connection:
            done += claims.put_back(connection, batch, ended=ended, now=program.clock(), lifetime=lifetime)
    say(f"{name}, {on}: {counted(done, 'mail')} put back into the queue; the next run sends them")


def _note_under_way(program: "App", list_name: str | None, day: datetime | None) -> None:
    """Say of each issue that has not left whole how much is left, and until when; or what stops it."""
    from digest.alarm import worded  # noqa: PLC0415
    from digest.govern.finish import forecast  # noqa: PLC0415
    from digest.store import stops  # noqa: PLC0415
    from digest.store.log import under_way  # noqa: PLC0415

    with program.database.reading() as connection:
        held = {stop.issue_id: stop for stop in stops.active(connection)}
        told = [
            (name, on, forecast(connection, program.settings, issue_id, now=program.clock()))
            for issue_id, name, on in under_way(connection, list_name, day.date() if day else None)
        ]
    for name, on, issue in told:
        stop = held.get(issue.issue_id) or held.get(None)
        note(f"{name}, {on}: {issue.waiting}; {worded(stop)}" if stop else f"{name}, {on}: {issue}")


def _entries(
    program: "App",
    list_name: str | None,
    day: datetime | None,
    address: str | None,
    state: DeliveryState | None,
    since: datetime | None,
) -> Iterator["Entry"]:
    from digest.address import read_address  # noqa: PLC0415
    from digest.store.log import Search, entries  # noqa: PLC0415

    if list_name is not None:
        program.settings.list_named(list_name)
    search = Search(
        list=list_name,
        on=day.date() if day else None,
        address=read_address(address).key if address else None,
        state=state,
        since=since.replace(tzinfo=UTC) if since else None,
    )
    return entries(program.database, search)


def _missing(
    program: "App", name: str, day: datetime | None, address: str | None
) -> tuple[date, Iterator["Missing"]]:
    """Give the date of a list's issue, by default its newest, and whom it has not reached."""
    from digest.address import read_address  # noqa: PLC0415
    from digest.store import issues  # noqa: PLC0415
    from digest.store.log import missing  # noqa: PLC0415

    with program.database.reading() as connection:
        on = day.date() if day else issues.last_date(connection, name, before=date.max)
        found = issues.find(connection, name, on) if on else None
    if on is None or found is None:
        raise IssueError(f"{name} has no issue of {on}" if on else f"{name} has no issue yet")
    return on, missing(program.database, found[0], address=read_address(address).key if address else None)


def _why_not(one: "Missing", wanted: Collection[str]) -> str:
    """Say why a reader is sent nothing again, or nothing where he is."""
    if one.delivery_id is None:
        return "the ledger has no row of theirs"
    if one.suppressed:
        return f"suppressed, {one.suppressed}"
    if one.in_letter_of:
        return "a later letter has made up for it"
    if one.why not in wanted:
        return "in doubt; --in-doubt sends again what may have arrived" if one.why == "in-doubt" else one.why
    return ""


def _ask(count: int, on: date, *, yes: bool) -> None:
    """Ask before many get a mail."""
    if count <= MANY or yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"nobody is there to ask: say --yes to send {count:,} mails again")
    if not typer.confirm(f"Send the issue of {on} to {counted(count, 'reader')} again?", err=True):
        raise DigestError("nothing was put back")


def _show(
    rows: Iterator[tuple[dict[str, Any], Sequence[str]]],
    columns: Sequence[str],
    *,
    limit: int,
    as_json: bool,
) -> int:
    """Print rows, given as JSON data and as cells, and say how many: tables on a terminal, else a line each."""
    shown = 0
    wanted = islice(rows, limit or None)
    while batch := list(islice(wanted, BATCH)):
        shown += len(batch)
        if as_json:
            for told, _ in batch:
                print_json(told)
        elif out.is_terminal:
            table = Table(box=None, pad_edge=False, header_style="bold")
            for column in columns:
                table.add_column(column, overflow="fold")
            for _, cells in batch:
                table.add_row(*map(Text, cells))
            out.print(table, soft_wrap=False)
        else:
            sys.stdout.writelines("\t".join(cells) + "\n" for _, cells in batch)
    if limit and shown == limit and next(rows, None):
        note(f"these are the first {shown:,}; --limit says how many, 0: all")
    return shown


def _told(entry: "Entry") -> tuple[dict[str, Any], Sequence[str]]:
    """Give a row of the ledger as JSON data, and as cells."""
    answer = " ".join(filter(None, (str(entry.code or ""), entry.enhanced, entry.reply)))
    cells = (
        entry.list,
        str(entry.date),
        entry.address or FORGOTTEN,
        entry.state,
        f"{entry.changed:%Y-%m-%d %H:%M:%S}",
        str(entry.attempts),
        clean_line(answer),
    )
    return to_json(entry), cells


def _told_missing(name: str, on: date, one: "Missing") -> tuple[dict[str, Any], Sequence[str]]:
    reasons = {
        "failed": f"refused: {one.code or ''} {one.reply or ''}",
        "skipped": "he was away, or must not be mailed, when it was due",
        "in-doubt": "it may have arrived; `digest deliveries settle` finds out",
        "no-row": "the ledger has no row of it",
    }
    why = reasons[one.why]
    if one.suppressed:
        why = f"suppressed, {one.suppressed}; {why}"
    if one.in_letter_of:
        why = f"the letter of {one.in_letter_of} makes up for it; {why}"
    return {"list": name, "date": on, **to_json(one)}, (name, str(on), one.address, one.why, clean_line(why))
