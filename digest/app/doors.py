"""Choose the door that readers' mail comes in by."""

from collections.abc import Callable

from digest.config import Settings, read_secret
from digest.doors import Handle
from digest.doors.imap import Mailbox
from digest.doors.lmtp import Listener
from digest.doors.maildir import Folder

_MEGABYTE = 1_000_000
_USUAL_PORTS = {"lmtp": 24, "smtp": 25}
_IMAPS, _IMAP = 993, 143


def door(
    settings: Settings, handle: Handle, *, takes: Callable[[str], bool]
) -> Mailbox | Listener | Folder | None:
    """Give the door that the settings name, or None; `takes` tells whether an address is ours.

    Raises:
        SettingsError: they contradict each other.

    """
    wanted, base = settings.inbound, settings.base
    largest = wanted.max_megabytes * _MEGABYTE
    match wanted.kind:
        case "none":
            return None
        case "maildir":
            return Folder(
                handle=handle,
                path=base / wanted.folder,
                poll_seconds=wanted.poll_seconds,
                max_bytes=largest,
            )
        case "imap":
            return Mailbox(
                handle=handle,
                host=wanted.host,
                port=wanted.port or (_IMAPS if wanted.security == "tls" else _IMAP),
                username=wanted.username,
                password=read_secret(
                    wanted.password, wanted.password_file, base, setting="inbound.password_file"
                ),
                security=wanted.security,
                ca_file=base / wanted.ca_file if wanted.ca_file else None,
                mailbox=wanted.mailbox,
                done_mailbox=wanted.done_mailbox,
                poll_seconds=wanted.poll_seconds,
                max_bytes=largest,
            )
        case "lmtp" | "smtp":
            return Listener(
                handle=handle,
                takes=takes,
                protocol=wanted.kind,
                host=wanted.host,
                port=wanted.port or _USUAL_PORTS[wanted.kind],
                socket=base / wanted.socket if wanted.socket else None,
                max_bytes=largest,
            )
