"""What a bounce, a complaint or a server's refusal does to a reader, and when it stops the sending.

    hard      no such mailbox, no such domain   suppressed at once
    soft      full, late, filtered, not said    a score; from a height on letters that warn, and when these come back
                                                too, suppressed
    ours      SPF, PTR, reputation, spam …      the reader keeps his letters; it is logged, and stops everything from
                                                a share on
    spam!     the reader's own word             suppressed and unsubscribed at once; logged, and stopping likewise

Whom a report is about only a token of ours says: that of the delivery, in the address that the report came to, or the
reader's own of the returned letter's List-Unsubscribe, with which he could leave anyway. The addresses that a report
names decide nothing, since forwarding changes them; a report without a token of ours changes nothing at all. One
delivery counts once, however often it comes back; a complaint still counts after a bounce. Once a person has let
everything go on, what left or came back before that stops nothing any more.

Each method works in the caller's transaction: after a crash all of it is there or none.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from digest import config
from digest.address import Address, read_address
from digest.alarm import stop
from digest.bounces import Kind, Reason, Recipient, Report, reason_for
from digest.correspondence import Door, NoticeKind, Said
from digest.model import (
    FeedbackKind,
    Reply,
    Subscriber,
    SubscriberState,
    SuppressionReason,
)
from digest.store import notices, returns, scores, stops, subscribers
from digest.store.returns import Sent
from digest.store.scores import Score
from digest.subscribe import Readers
from digest.tokens import Purpose

log = logging.getLogger(__name__)

OURS = frozenset(reason.value for reason in Reason if reason.ours)

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_LATEST = timedelta(days=30)  # after which nothing bounces any more: an old report that is sent again
_FEWEST = 3  # complaints or faults, below which no share of them says anything
_PER_MILLE = 1000
_TOKEN = re.compile(r"(?<![a-z2-7])[a-z2-7]{34}(?![a-z2-7])")
_MOST_TOKENS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """All that comes back."""

    readers: Readers

    def take(self, connection: sa.Connection, content: bytes, *, token: str, now: datetime) -> str:
        """Do what a report asks for, and say in a line what was done; an empty line: nothing, it is no report of ours.

        `token` stood in the address that it came to; empty: it came to the plain one.
        """
        from digest.bounces.classify import classify  # noqa: PLC0415 - its patterns are for mail that comes in alone

        report = classify(content)
        tokens = self.readers.tokens
        probed = tokens.read(Purpose.PROBE, token)
        if probed is not None:
            return self._probed(connection, report, probed, now=now)
        number = tokens.read(Purpose.BOUNCE, token)
        sent = None if number is None else returns.of(connection, number)
        sent = sent or self._by_letter(connection, report)
        reader = None if sent is None else subscribers.get(connection, sent.subscriber_id)
        if sent is None or reader is None or reader.state is SubscriberState.ERASED:
            return ""
        match report.kind:
            case Kind.COMPLAINT:
                return self._complained(connection, sent, reader, now=now)
            case Kind.BOUNCE:
                return self._came_back(connection, sent, reader, _about(report, reader), now=now)
            case Kind.AUTOREPLY if sent.feedback is None:
                kind, reason = FeedbackKind.AUTORESPONDED, Reason.VACATION
                returns.note(connection, sent.id, kind, reason=reason.value, now=now)
                return "an automatic answer"
        return f"nothing to be done: {report.kind}"

    def heard(
        self,
        connection: sa.Connection,
        *,
        taken: Sequence[int],
        refused: Sequence[tuple[int, Reply]],
        now: datetime,
    ) -> None:
        """Do what follows from servers' replies: mail that was taken for subscribers, and last words on deliveries."""
        scores.sent(connection, taken)
        reasons = [self._refused(connection, number, reply, now=now) for number, reply in refused]
        if faults := [reason for reason in reasons if reason and reason.ours]:
            self._weigh_faults(connection, faults[-1], now=now, fewest=_FEWEST)

    def _came_back(
        self, connection: sa.Connection, sent: Sent, reader: Subscriber, who: Recipient, *, now: datetime
    ) -> str:
        if passed := _passed(sent, now):
            return passed
        done = self._bounced(connection, sent, reader, who, now=now)
        if who.reason.ours:
            tried = returns.count_tried(connection, since=now - _DAY)
            self._weigh_faults(connection, who.reason, now=now, fewest=min(_FEWEST, tried))
        return done

    def _refused(
        self, connection: sa.Connection, delivery_id: int, reply: Reply, *, now: datetime
    ) -> Reason | None:
        """Do what follows from a server's last word, with a 4xx nothing hard; give its reason, if it is new."""
        sent = returns.of(connection, delivery_id)
        reader = None if sent is None else subscribers.get(connection, sent.subscriber_id)
        if sent is None or reader is None or reader.state is SubscriberState.ERASED or _passed(sent, now):
            return None
        reason = reason_for(reply)
        judged = Reason.EXPIRED if reply.temporary and reason.hard else reason
        who = Recipient(address="", reason=judged, text=reply.text)
        self._bounced(connection, sent, reader, who, now=now)
        return reason

    def _by_letter(self, connection: sa.Connection, report: Report) -> Sent | None:
        """Find the delivery by the letter that came back: the last one of the reader who may leave with it."""
        for token in _TOKEN.findall(report.unsubscribe.lower())[:_MOST_TOKENS]:
            reader = self.readers.tokens.read(Purpose.UNSUBSCRIBE, token)
            if reader is not None:
                return returns.newest(connection, reader)
        return None

    def _complained(self, connection: sa.Connection, sent: Sent, reader: Subscriber, *, now: datetime) -> str:
        if sent.feedback is FeedbackKind.COMPLAINED:
            return "a complaint that was heard before"
        kind, reason = FeedbackKind.COMPLAINED, Reason.FEEDBACK
        returns.note(connection, sent.id, kind, reason=reason.value, now=now)
        address = read_address(reader.address)
        for one in subscribers.holdings(connection, address.key):
            if one.state is not SubscriberState.UNSUBSCRIBED:
                left = SubscriberState.UNSUBSCRIBED
                self.readers.move(connection, one.list, address, left, door=Door.FEEDBACK, now=now)
        self._suppress(connection, address, SuppressionReason.COMPLAINT, now=now)
        self._weigh_complaints(connection, reader.list, now=now)
        return "a complaint: unsubscribed and suppressed"

    def _bounced(
        self, connection: sa.Connection, sent: Sent, reader: Subscriber, who: Recipient, *, now: datetime
    ) -> str:
        returns.note(connection, sent.id, FeedbackKind.BOUNCED, reason=who.reason.value, now=now)
        address = read_address(reader.address)
        if who.reason.hard:
            self._suppress(connection, address, SuppressionReason.HARD_BOUNCE, now=now)
            return f"a hard bounce, {who.reason}: suppressed"
        if who.reason.ours:
            log.warning(
                "refused for a fault of ours, %s: %s", who.reason, who.text or "see digest deliveries"
            )
            return f"a bounce for a fault of ours, {who.reason}"
        if who.reason.busy:
            return f"a bounce for too much mail at once, {who.reason}"
        return f"a soft bounce, {who.reason}: {self._soft(connection, reader, address, now=now)}"

    def _soft(self, connection: sa.Connection, reader: Subscriber, address: Address, *, now: datetime) -> str:
        """Add to an address's score, and warn its reader or give him up where that is high."""
        limits = self._limits
        held = scores.get(connection, address.key) or Score(address_key=address.key, score=0, at=now)
        held = replace(held, score=held.faded(now, timedelta(days=limits.half_life_days)) + 1, at=now)
        scores.put(connection, held)
        if held.score < limits.warn_score:
            return f"its score is {held.score:.1f}"
        if held.warned is not None and now - held.warned < timedelta(days=limits.warning_days):
            return "its reader was warned"
        returned = held.returned or self._was_refused(connection, held)
        if returned and held.warnings >= limits.warnings:
            self._suppress(connection, address, SuppressionReason.SOFT_BOUNCE, now=now)
            return "suppressed"
        return self._warn(connection, reader, address, held if returned else replace(held, warnings=0), now)

    def _warn(
        self, connection: sa.Connection, reader: Subscriber, address: Address, held: Score, now: datetime
    ) -> str:
        """Write to a reader that his mail comes back; whether that letter does is the test."""
        notice_id = self.readers.note(
            connection,
            NoticeKind.WARNING,
            reader.list,
            address,
            Said(holdings=self.readers.holdings(connection, address.key, first=reader.list)),
            now=now,
            language=reader.wishes.language,
            subscriber_id=reader.id,
        )
        warned = replace(held, warnings=held.warnings + 1, warned=now, notice_id=notice_id, returned=False)
        scores.put(connection, warned)
        return "its reader is warned"

    def _was_refused(self, connection: sa.Connection, held: Score) -> bool:
        refusal = None if held.notice_id is None else notices.refusal(connection, held.notice_id)
        return refusal is not None and not reason_for(refusal).ours

    def _probed(self, connection: sa.Connection, report: Report, number: int, *, now: datetime) -> str:
        """Take note that a letter that warned came back itself."""
        reader = subscribers.get(connection, number)
        if reader is None or reader.state is SubscriberState.ERASED or report.kind is not Kind.BOUNCE:
            return f"a letter that warned: {report.kind}"
        address = read_address(reader.address)
        held = scores.get(connection, address.key)
        reason = _about(report, reader).reason
        if held is None or reason.ours or reason.busy:
            return f"a letter that warned came back, {reason}: it says nothing of its reader"
        if reason.hard:
            self._suppress(connection, address, SuppressionReason.HARD_BOUNCE, now=now)
            return f"a letter that warned came back, {reason}: suppressed"
        if held.warnings >= self._limits.warnings:
            self._suppress(connection, address, SuppressionReason.SOFT_BOUNCE, now=now)
            return f"the last letter that warned came back, {reason}: suppressed"
        scores.put(connection, replace(held, returned=True))
        return f"a letter that warned came back, {reason}"

    def _suppress(
        self, connection: sa.Connection, address: Address, why: SuppressionReason, *, now: datetime
    ) -> None:
        subscribers.suppress(connection, address.key, reason=why, now=now)
        scores.remove(connection, address.key)

    def _weigh_complaints(self, connection: sa.Connection, list_name: str, *, now: datetime) -> None:
        """Log, and stop all sending, where too many of a list's readers call it spam, in a day or in a week."""
        kind, lifted = FeedbackKind.COMPLAINED, stops.last_lift(connection)
        for window in (_DAY, _WEEK):
            since = now - window
            count = returns.count(connection, kind, since=since, lifted=lifted, list_name=list_name)
            tried = returns.count_tried(connection, since=since, lifted=lifted, list_name=list_name)
            share = _PER_MILLE * count / max(1, tried)
            told = f"{count} of {tried} letters of {list_name} {_when(since, lifted, window)} are called spam"
            if share >= self._limits.complaint_alarm_per_mille:
                log.warning("complaints: %s", told)
            if share >= self._limits.complaint_stop_per_mille and count >= _FEWEST:
                stop(connection, self.readers.settings, None, reason=told, now=now)
            if lifted is not None and lifted > since:
                return  # a longer time is the same

    def _weigh_faults(self, connection: sa.Connection, last: Reason, *, now: datetime, fewest: int) -> None:
        """Stop all sending where servers refuse us too often: every further letter makes it worse."""
        since, lifted = now - _DAY, stops.last_lift(connection)
        count = returns.count(connection, FeedbackKind.BOUNCED, since=since, lifted=lifted, reasons=OURS)
        tried = returns.count_tried(connection, since=since, lifted=lifted)
        if count < fewest or not tried:
            return
        if _PER_MILLE * count / tried >= self._limits.fault_stop_per_mille:
            when = _when(since, lifted, _DAY)
            told = f"{count} of {tried} letters {when} were refused for a fault of ours, the last: {last}"
            stop(connection, self.readers.settings, None, reason=told, now=now)

    @property
    def _limits(self) -> config.Bounces:
        return self.readers.settings.bounces


def _passed(sent: Sent, now: datetime) -> str:
    """Say why what comes back of a delivery is passed over, if it is."""
    if sent.feedback in (FeedbackKind.BOUNCED, FeedbackKind.COMPLAINED):
        return "a bounce that was counted before"
    if now - sent.changed > _LATEST:
        return "a bounce of a letter that is too old"
    return ""


def _when(since: datetime, lifted: datetime | None, window: timedelta) -> str:
    """Say of which time letters are weighed."""
    if lifted is not None and lifted > since:
        return f"since all sending was resumed on {lifted:%Y-%m-%d %H:%M} UTC"
    return "in a day" if window == _DAY else f"in {window.days} days"


def _about(report: Report, reader: Subscriber) -> Recipient:
    """Give what a report says of a reader: by his address, else, where a forwarding names another, its first."""
    key = read_address(reader.address).key
    nobody = Recipient(address="", reason=Reason.UNDEFINED)
    first = next(iter(report.recipients), nobody)
    return next((one for one in report.recipients if one.address.casefold() == key), first)
