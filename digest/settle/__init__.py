"""Resolve what is in doubt by those who know: the relay's log, or a mailbox that gets our mails.

    found                      the row is SENT, with what was said of it
    certainly not there        the row is due again: the same row, under the same Message-ID
    neither                    it stays in doubt, and the reason is said

A mailbox can only say that a mail is there. A log also says that one is not, but only where it can be believed: it
tells of the whole time in which the mail may have left, with some minutes on both sides for clocks that differ, and it
has the mails that were sent beside the missing one, as the ledger knows them. So the log of another machine, one with
a file left out, and Message-IDs made under an older secret make nobody get a second letter.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from digest.model import DeliveryState, Reply
from digest.settle.relay import RelayLog
from digest.store import Database, claims, log
from digest.store.log import Entry

MOST = 100_000
"""Rows that are settled at once; doubt is one mail a connection, so there are few."""

BESIDE = 3
"""Sent rows on each side of one in doubt that a log is tried by."""

CLOCKS_DIFFER = timedelta(minutes=5)

_TAKEN = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of a row that was in doubt, and why."""

    entry: Entry
    state: DeliveryState  # IN_DOUBT: it still is
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """The rows in doubt by their Message-IDs, and by a row's id those of the mails that were sent beside it."""

    entries: Mapping[str, Entry]
    beside: Mapping[int, tuple[tuple[str, Entry], ...]]

    @property
    def message_ids(self) -> frozenset[str]:
        """All Message-IDs that a log is asked about."""
        return frozenset(self.entries) | {one for sent in self.beside.values() for one, _ in sent}


def doubts(database: Database, message_id: Callable[[Entry], str]) -> Doubts:
    """Give what is in doubt, the newest first."""
    found = list(islice(log.entries(database, log.Search(state=DeliveryState.IN_DOUBT)), MOST))
    beside = {}
    for entry in found:
        with database.transaction() as connection:
            sent = log.neighbours(connection, entry, each_side=BESIDE)
        beside[entry.id] = tuple((message_id(one), one) for one in sent)
    return Doubts(entries={message_id(entry): entry for entry in found}, beside=beside)


def by_log(known: Doubts, relay: RelayLog) -> Iterator[Finding]:
    """Say what a relay's log makes of each row that is in doubt; pure."""
    for message_id, entry in known.entries.items():
        if queue_id := relay.taken.get(message_id):
            state, says = DeliveryState.SENT, f"the relay took it as {queue_id}"
        elif message_id in relay.begun:
            state, says = DeliveryState.IN_DOUBT, "the relay began to take it, and its log says no more"
        elif why := _disbelief(entry, known.beside[entry.id], relay, tried=message_id in relay.broken_off):
            state, says = DeliveryState.IN_DOUBT, why
        elif message_id in relay.broken_off:
            state, says = DeliveryState.QUEUED, "the relay did not get it to its end"
        else:
            state, says = DeliveryState.QUEUED, "the relay never had it"
        yield Finding(entry=entry, state=state, says=says)


def by_mailbox(known: Doubts, there: Collection[str]) -> Iterator[Finding]:
    """Say of which rows in doubt the Message-ID is in a mailbox; of the others nothing follows; pure."""
    for message_id, entry in known.entries.items():
        if message_id in there:
            yield Finding(entry=entry, state=DeliveryState.SENT, says="it is in the mailbox")
        else:
            yield Finding(entry=entry, state=DeliveryState.IN_DOUBT, says="it is not in the mailbox")


def record(
    database: Database, findings: Iterable[Finding], *, now: datetime, lifetime: timedelta
) -> Iterator[Finding]:
    """Write each finding into the ledger and give it; a row that somebody else has settled meanwhile is left alone."""
    for finding in findings:
        entry = finding.entry
        with database.transaction() as connection:
            if finding.state is DeliveryState.SENT:
                reply = Reply(code=_TAKEN, text=finding.says)
                changed = claims.arrived(connection, entry.id, reply=reply, now=now)
            elif finding.state is DeliveryState.QUEUED:
                doubtful = (DeliveryState.IN_DOUBT,)
                changed = claims.put_back(connection, [entry.id], ended=doubtful, now=now, lifetime=lifetime)
            else:
                changed = 1
        if changed:
            yield finding


def _disbelief(entry: Entry, beside: Iterable[tuple[str, Entry]], relay: RelayLog, *, tried: bool) -> str:
    """Say why it proves nothing that a log does not have a mail; `tried`: the log at least knows of it."""
    if relay.first is None or relay.last is None:
        return "no line of the log has a date that can be read"
    first, last = relay.first + CLOCKS_DIFFER, relay.last - CLOCKS_DIFFER
    if entry.due and first > entry.due:
        return f"the log begins at {_when(relay.first)}, and it was due at {_when(entry.due)}: name the file before"
    if last < entry.changed:
        return f"the log ends at {_when(relay.last)}, too soon after {_when(entry.changed)}: try again later"
    if tried:
        return ""
    known = {one for one, sent in beside if first <= sent.changed <= last}
    if lacking := len(known - relay.taken.keys()):
        return f"the log lacks {lacking} of {len(known)} mails that were sent beside it: is it this relay's, and whole?"
    return "" if known else "the log does not have it, and no mail was sent beside it to try the log by"


def _when(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
