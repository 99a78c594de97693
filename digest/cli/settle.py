"""What became of the mails in doubt, by those who know: `digest deliveries settle`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from digest.cli.deliveries import FORGOTTEN, deliveries
from digest.cli.screen import counted, open_app, say
from digest.errors import SettingsError
from digest.model import DeliveryState

if TYPE_CHECKING:
    from digest.app import App
    from digest.settle import Doubts, Finding
    from digest.store.log import Entry


@deliveries.command()
def settle(
    context: typer.Context,
    relay_log: Annotated[
        list[Path] | None,
        typer.Option(
            "--relay-log", metavar="FILE", help="The mail server's log, also gzip'd; - is standard input."
        ),
    ] = None,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="More of that log.", show_default=False)
    ] = None,
    mailbox: Annotated[
        list[Path] | None, typer.Option("--mailbox", metavar="FOLDER", help="A Maildir; repeatable.")
    ] = None,
    inbox: Annotated[
        bool, typer.Option("--inbox", help=r"The IMAP mailbox or Maildir of \[inbound].")
    ] = False,
    zone: Annotated[
        str | None,
        typer.Option(
            "--timezone", help="That of the log's times, where they name none. Default: this machine's."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would be.")] = False,
) -> None:
    """Find out what became of mails in doubt: sent where the log or the mailbox has them.

    Where a log covers the moment and does not have one, it is put back into the queue; else it stays in doubt, and the
    reason is said.
    """
    from digest import settle as settling  # noqa: PLC0415

    if bool(relay_log) + bool(mailbox or inbox) != 1 or (files and not relay_log):
        raise typer.BadParameter("say one of --relay-log FILE..., or --mailbox FOLDER and --inbox")
    program = open_app(context)
    domain = program.settings.publisher.domain

    def message_id(entry: "Entry") -> str:
        return program.tokens.message_id(entry.list, entry.date, entry.subscriber_id, domain=domain)

    known = settling.doubts(program.database, message_id)
    if relay_log:
        findings = _ask_log(program, known, [*relay_log, *(files or ())], zone)
    else:
        findings = settling.by_mailbox(known, _there(program, known, mailbox or [], inbox=inbox))
    if not dry_run:
        lifetime = timedelta(hours=program.settings.delivery.give_up_hours)
        findings = settling.record(program.database, findings, now=program.clock(), lifetime=lifetime)
    became: Counter[DeliveryState] = Counter()
    for one in findings:
        became[one.state] += 1
        where = f"{one.entry.list}, {one.entry.date}, {one.entry.address or FORGOTTEN}"
        say(f"{where}: {one.state}; {one.says}")
    say(
        f"{counted(became[DeliveryState.SENT], 'mail')} sent, {became[DeliveryState.QUEUED]:,} queued again, "
        f"{became[DeliveryState.IN_DOUBT]:,} still in doubt"
    )


def _ask_log(program: "App", known: "Doubts", files: Sequence[Path], zone: str | None) -> Iterator["Finding"]:
    from digest.settle import by_log  # noqa: PLC0415
    from digest.settle.relay import RelayLog, opened  # noqa: PLC0415

    try:
        local = ZoneInfo(zone) if zone else None
    except (ValueError, OSError, KeyError):
        raise typer.BadParameter(f"no time zone is called {zone!r}") from None
    relay = RelayLog(known.message_ids, now=program.clock(), zone=local)
    for path in files:
        with opened(path) as file:
            relay.read(file)
    return by_log(known, relay)


def _there(program: "App", known: "Doubts", folders: Sequence[Path], *, inbox: bool) -> set[str]:
    """Give the Message-IDs in doubt that are in the mailboxes."""
    from digest.doors.imap import Mailbox  # noqa: PLC0415
    from digest.doors.maildir import Folder  # noqa: PLC0415
    from digest.settle.mailbox import there  # noqa: PLC0415

    found: set[str] = set()
    if inbox:
        match program.door():
            case Mailbox() as door:
                found |= door.holding(known.entries)
            case Folder(path=path):
                folders = [*folders, path]
            case _:
                kind = program.settings.inbound.kind
                raise SettingsError(f"inbound.kind is {kind!r}: --inbox reads an IMAP mailbox or a Maildir")
    for folder in folders:
        found |= there(folder, known.entries)
    return found
