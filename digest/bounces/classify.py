"""Read a returned mail: formal reports first, then what machines write to people."""

from digest.bounces import said
from digest.bounces.complaint import complaints
from digest.bounces.failed import by_heart, of_notification, reported, written
from digest.bounces.lexicon import words
from digest.bounces.notification import notified
from digest.bounces.pieces import Pieces, take_apart
from digest.bounces.report import Kind, Recipient, Report
from digest.bounces.status import is_quoted
from digest.received.fields import plain
from digest.received.mailboxes import return_path

_MOST = 100  # recipients of one report
_NOTIFIED = {"Bounce": Kind.BOUNCE, "Complaint": Kind.COMPLAINT, "Delivery": Kind.DELIVERED}


def classify(content: bytes) -> Report:
    """Read a mail."""
    pieces = take_apart(content)
    kind, found = _formal(pieces, content) or _in_words(pieces, content)
    original = pieces.original
    return Report(
        kind=kind,
        recipients=tuple(found[:_MOST]),
        message_id=original.first("message-id") if original else "",
        unsubscribe=original.first("list-unsubscribe") if original else "",
    )


def _formal(pieces: Pieces, content: bytes) -> tuple[Kind, list[Recipient]] | None:
    """Read what one machine writes to another."""
    if told := notified(pieces.said):
        return _NOTIFIED[told[0].kind], [of_notification(one) for one in told]
    if (complaining := complaints(pieces)) is not None:
        return Kind.COMPLAINT, complaining
    if pieces.feedback:
        return Kind.ORDINARY, []
    return reported(pieces, content) if pieces.status else None


def _in_words(pieces: Pieces, content: bytes) -> tuple[Kind, list[Recipient]]:
    """Read what a machine writes to people; an answer of a person's own machine is not taken for a server's letter."""
    subject = plain(pieces.fields.first("subject"))
    answers = words("answers").match(subject) is not None
    sender = pieces.fields.first("from")
    letter = said.is_letter(
        sender, subject, return_path(pieces.fields), pieces.said, among_people=pieces.is_among_people
    )
    if letter and not answers:
        if not pieces.status and is_quoted(pieces.said):
            pieces.status = pieces.said
            if found := reported(pieces, content):
                return found
        if recipients := written(pieces, content):
            return Kind.BOUNCE, recipients
    elif (pieces.failed or (said.might_be_letter(subject, pieces.said) and by_heart(pieces, content))) and (
        recipients := written(pieces, content)
    ):
        return Kind.BOUNCE, recipients
    if answers or pieces.is_answer:
        return Kind.AUTOREPLY, []
    return (Kind.BOUNCE if pieces.status else Kind.ORDINARY), []
