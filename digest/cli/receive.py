"""Take one reader's mail from standard input, or what waits in the mailbox: `digest receive`."""

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from digest.cli.screen import app, complain, counted, open_app, say
from digest.errors import DigestError, SettingsError

if TYPE_CHECKING:
    from digest.app import App

log = logging.getLogger(__name__)

_NOBODY, _LATER = 67, 75  # EX_NOUSER and EX_TEMPFAIL of sysexits.h, as Postfix, Exim and procmail read them
_NULL_SENDERS = ("", "<>", "MAILER-DAEMON")  # as Postfix's pipe(8) and Exim write it
_MEGABYTE = 1_000_000


@app.command()
def receive(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            help="One mail; standard input without it.", exists=True, dir_okay=False, show_default=False
        ),
    ] = None,
    sender: Annotated[
        str | None, typer.Option(help="Its envelope sender; else $SENDER, else what its headers say.")
    ] = None,
    recipient: Annotated[
        list[str] | None,
        typer.Option(
            help="Whom it is for, repeatable; else $ORIGINAL_RECIPIENT, $RECIPIENT, else its headers."
        ),
    ] = None,
    mailbox: Annotated[
        bool, typer.Option("--mailbox", help="Read the IMAP mailbox or Maildir that the settings name, once.")
    ] = False,
) -> None:
    """Handle one reader's mail, for the pipe of a mail server, and send the letters that answer it.

    The exit status is 0 where it was handled, or dropped on purpose; 75 where that cannot be done now, so that the mail
    server tries again; 67 where nobody here reads mail to that address.
    """
    if mailbox:
        if file or sender or recipient:
            raise typer.BadParameter("--mailbox reads mails where they lie: leave out the rest")
        program = open_app(context)
        say(f"{counted(_read_mailbox(program), 'mail')} handled")
        _send(program)
        return
    try:
        program = open_app(context)
        said = _handle(program, file, sender, recipient or [])
    except DigestError as error:  # even wrong settings: the reader's mail must not go back to him
        complain(str(error))
        raise typer.Exit(_LATER) from None
    except Exception:
        log.exception("the mail could not be handled; this is a bug; its server keeps it")
        raise typer.Exit(_LATER) from None
    if not said:
        complain("nobody here reads mail to this address; it is none of publisher.address's")
        raise typer.Exit(_NOBODY)
    say(said)
    _send(program)


def _handle(program: "App", file: Path | None, sender: str | None, recipients: list[str]) -> str:
    from digest.received import Envelope  # noqa: PLC0415 - for this command alone

    if sender is None:
        sender = os.environ.get("SENDER")
    if not recipients:
        given = os.environ.get("ORIGINAL_RECIPIENT") or os.environ.get("RECIPIENT")
        recipients = [given] if given else []
    if sender is not None:
        sender = "" if sender in _NULL_SENDERS else sender.strip("<>")
    envelope = Envelope(sender=sender, recipients=tuple(one.strip("<>") for one in recipients))
    largest = program.settings.inbound.max_megabytes * _MEGABYTE
    if file is None:
        content = _read(sys.stdin.buffer, largest)
    else:
        with file.open("rb") as opened:
            content = _read(opened, largest)
    if len(content) > largest:
        return f"dropped: it is larger than {program.settings.inbound.max_megabytes} MB"
    return program.inbound.handle(content, envelope)


def _read(file: BinaryIO, largest: int) -> bytes:
    """Read a mail, or the beginning of one that is too large; the rest is taken too, so that no pipe breaks."""
    content = file.read(largest + 1)
    while file.read(_MEGABYTE):
        pass
    return content


def _read_mailbox(program: "App") -> int:
    from digest.doors.lmtp import Listener  # noqa: PLC0415 - for this command alone

    door = program.door()
    if door is None or isinstance(door, Listener):
        raise SettingsError(
            f"inbound.kind is {program.settings.inbound.kind!r}: --mailbox reads an IMAP mailbox or a Maildir"
        )
    return door.once()


def _send(program: "App") -> None:
    """Send what is due; what cannot be sent now is written down and sent by the next run."""
    try:
        program.notify()
    except DigestError as error:
        complain(f"the mail is handled, but its answer waits: {error}")
