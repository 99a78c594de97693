"""Stop an issue, or everything, and tell the operator: in the log, and by a letter where the settings name a person."""

import logging
from datetime import UTC, datetime

import sqlalchemy as sa

from digest import config
from digest.address import parse_address
from digest.clean import clean_text
from digest.correspondence import Alarm, NoticeKind, Said
from digest.store import issues, notices, stops

log = logging.getLogger(__name__)


def stop(
    connection: sa.Connection, settings: config.Settings, issue_id: int | None, *, reason: str, now: datetime
) -> bool:
    """Stop an issue, or with None everything; False where that is stopped already, and nobody is told again.

    Nothing is lost: its mails stay in the ledger and leave once a person lifts the stop.
    """
    reason = clean_text(reason)
    number = stops.put(connection, issue_id, reason=reason, now=now)
    if number is None:
        return False
    on = None
    if issue_id is None:
        name, what = next(iter(settings.lists), ""), "all sending"
    else:
        name, on = issues.place(connection, issue_id)
        what = f"{name}, issue of {on}"
    log.error("%s is stopped: %s", what, reason)
    if settings.publisher.reply_to:
        operator = parse_address(settings.publisher.reply_to)
        notices.put(
            connection,
            NoticeKind.ALARM,
            list_name=name,
            address=operator.display,
            mailbox=operator.mailbox,
            domain=operator.domain,
            said=Said(alarm=Alarm(stop=number, on=on, reason=reason)),
            now=now,
            language=settings.lists[name].language if name in settings.lists else None,
        )
    return True


def worded(stopped: stops.Stop) -> str:
    """Say in one line what is stopped, since when and why."""
    what = "all sending" if stopped.issue_id is None else f"the issue {stopped.issue_id} of {stopped.list}"
    since = f"{stopped.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{what} is stopped since {since}: {stopped.reason}; `digest deliveries resume` lets it go on"
