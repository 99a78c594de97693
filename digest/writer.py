"""Write the mail of each delivery: what its readers share is made once, what is one reader's own is spliced in.

    issue ─ tailor ─▶ … ─ print_letter ─▶ letter ─ Stencil (once a variant) ─▶ one mail's bytes, of each reader

The same delivery gives the same bytes whenever it is written: dates are the issue's, tokens and the Message-ID follow
from our secret.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from digest import config
from digest.curate import LIKED_SINCE
from digest.errors import MessageError
from digest.message import Headers, Signer, Stencil, message
from digest.model import Delivery, Issue, Letter, Mail
from digest.notify import list_links, masthead
from digest.pipeline import print_letter
from digest.plain import to_json
from digest.render import Press, Slot
from digest.shelf import Shelf
from digest.store import Database, variants, votes
from digest.tailor import Variant, tailor
from digest.tokens import Purpose, Tokens
from digest.wishes import Format

VARIANTS_KEPT = 64

_SAMPLE = "reader@example.org"  # whose mail is read back whole before any reader's is made


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """The letter of one variant, still without its reader."""

    issue: Issue
    stencil: Stencil
    variant_id: int


class Writer:
    """Writes the mails of deliveries."""

    def __init__(
        self,
        settings: config.Settings,
        database: Database,
        press: Press,
        tokens: Tokens,
        *,
        signers: Sequence[Signer] = (),
    ) -> None:
        self._settings = settings
        self._database = database
        self._press = press
        self._tokens = tokens
        self._signers = signers
        self._shelf = Shelf(database)
        self._form = lru_cache(VARIANTS_KEPT)(self._print)

    def __call__(self, deliveries: Sequence[Delivery]) -> Iterator[Mail | MessageError | None]:
        """Write the mails of a batch in its order, each when it is asked for, or give why one cannot be made.

        The database is asked once for all of them what decides their letters, and not again for a reader.

        Raises:
            SettingsError: a template is wrong.

        """
        for delivery, wanted in zip(deliveries, self._shelf.variants(deliveries), strict=True):
            try:
                mail = self._write(delivery, wanted)
            except MessageError as error:
                yield error
            else:
                yield mail

    def _write(self, delivery: Delivery, wanted: Variant) -> Mail | None:
        form = self._form(delivery.issue_id, wanted)
        if form is None:
            return None
        return Mail(
            envelope_from=self._envelope_from(delivery.id),
            recipient=delivery.address,
            message=form.stencil(
                delivery.address, self._own(form.issue, delivery.subscriber_id, delivery.id)
            ),
            variant_id=form.variant_id,
            delivery_id=delivery.id,
            by_stencil=True,
        )

    def _own(self, issue: Issue, subscriber_id: int, delivery_id: int) -> tuple[str, ...]:
        """Make the tokens of one reader's mail."""
        make = self._tokens.make
        return (
            make(Purpose.UNSUBSCRIBE, subscriber_id),
            make(Purpose.PREFERENCES, subscriber_id),
            make(Purpose.VOTE, subscriber_id),
            self._tokens.id_left(issue.list, issue.date, subscriber_id),
            *(() if self._settings.publisher.reply_to else (make(Purpose.LETTER, delivery_id),)),
        )

    def _envelope_from(self, delivery_id: int) -> str:
        """Give where the mail comes back to: an address that says which delivery it was, if we read what comes."""
        publisher = self._settings.publisher
        if publisher.bounce_address or self._settings.inbound.kind == "none":
            return publisher.bounce_address or publisher.address
        return publisher.own(f"bounce-{self._tokens.make(Purpose.BOUNCE, delivery_id)}")

    def _print(self, issue_id: int, wanted: Variant) -> _Form | None:
        """Print the letter of all readers who share a variant, and keep which stories it holds."""
        held = self._shelf.issues(issue_id, wanted)
        issue = held[-1]
        own = self._settings.lists.get(issue.list)
        if own is None:
            raise MessageError(f"config.toml has no list {issue.list!r} any more")
        ids = {story.id for one in held for story in one.stories} if len(held) > 1 else ()
        with self._database.transaction() as connection:
            cast = votes.by_story(connection, ids, since=issue.closed - LIKED_SINCE)
        fitted = tailor(held, wanted, own, votes=cast)
        alone = len(fitted.stories) <= len(issue.stories)  # else it holds other days as well
        fitted = dataclasses.replace(fitted, thin=issue.thin and alone)
        if not (fitted.stories or fitted.thin):
            return None
        stencil = self._stencil(issue, fitted, own, wanted)
        key = json.dumps(to_json(wanted), sort_keys=True)
        with self._database.transaction() as connection:
            variant_id = variants.put(connection, issue_id, key, fitted.stories)
        return _Form(issue=issue, stencil=stencil, variant_id=variant_id)

    def _stencil(self, issue: Issue, fitted: Issue, own: config.List, wanted: Variant) -> Stencil:
        """Cut a letter open where the tokens of a reader stand, the sample's at first."""
        publisher = self._settings.publisher
        head = masthead(self._settings, own, language=wanted.wishes.language)
        if not publisher.reply_to:  # else a person reads the answers
            head = dataclasses.replace(head, offers=head.offers | {Slot.REPLY_ADDRESS})
        blank = print_letter(fitted, head, self._press, letter=own.letter)
        if wanted.wishes.format is Format.TEXT:
            blank = dataclasses.replace(blank, html="")
        tokens = self._own(issue, 0, 0)
        leave, wish, vote, id_left, *letter = tokens
        unsubscribe = f"{publisher.url}/unsubscribe/{leave}"
        answer = publisher.reply_to or publisher.own(f"letter-{letter[0]}")
        slots = {
            Slot.ADDRESS: _SAMPLE,
            Slot.UNSUBSCRIBE_URL: unsubscribe,
            Slot.PREFERENCES_URL: f"{publisher.url}/preferences/{wish}",
            Slot.WEB_URL: f"{publisher.url}/archive/{issue.list}/{issue.date}?voter={vote}",
            Slot.REPLY_ADDRESS: answer,
        }
        headers = Headers(
            **_list_headers(self._settings, issue.list, issue.closed),
            to_address=_SAMPLE,
            message_id=f"<{id_left}@{publisher.domain}>",
            reply_to=answer,
            unsubscribe_urls=(
                unsubscribe,
                f"mailto:{publisher.own(f'unsubscribe-{leave}')}?subject=unsubscribe",
            ),
            one_click=True,
            list_links=list_links(self._settings, issue.list),
        )
        return Stencil(blank, headers, slots, tokens, signers=self._signers)


def one_off_mail(
    settings: config.Settings,
    issue: Issue,
    letter: Letter,
    address: str,
    *,
    signers: Sequence[Signer] = (),
) -> Mail:
    """Write a letter that belongs to no list; the same documents on the same day give the same Message-ID."""
    publisher = settings.publisher
    print_of_it = hashlib.sha256(f"{address}\0{issue.date}\0{letter.text}".encode()).hexdigest()[:32]
    headers = Headers(
        **_list_headers(settings, issue.list, issue.closed),
        to_address=address,
        reply_to=publisher.reply_to or None,
        message_id=f"<{print_of_it}@{publisher.domain}>",
    )
    return Mail(
        envelope_from=publisher.bounce_address or publisher.address,
        recipient=address,
        message=message(letter, headers, signers=signers),
    )


def _list_headers(settings: config.Settings, list_name: str, date: datetime) -> dict[str, Any]:
    """Give the headers that all mails of a list share."""
    publisher = settings.publisher
    wishes = settings.lists.get(list_name)
    return {
        "from_name": publisher.name,
        "from_address": publisher.address,
        "list_id": f"{list_name}.{publisher.domain}",
        "list_name": wishes.title if wishes else publisher.name,
        "date": date,
    }
