"""Write the mail of a notice: print its letter, and say in its headers what it is, what it answers and how to leave."""

import dataclasses
import re
from collections.abc import Sequence
from functools import cached_property

from digest import config
from digest.address import parse_address
from digest.correspondence import Notice, NoticeKind, Thread
from digest.message import Attachment, Headers, Signer, message
from digest.model import Letter, Mail
from digest.notify.contents import FILE_NAME, SUBSCRIBED, Contents
from digest.notify.links import confirm_token, list_links, preferences_url, unsubscribe_urls, wishes_address
from digest.render import Masthead, Press, Slot, render_notice
from digest.render.words import Words
from digest.tokens import Purpose, Tokens
from digest.wishes import Format

_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,240}>")  # as `message` takes it
_THREAD_LENGTH = 10  # Message-IDs of those before; more of them help no mail program


class Correspondent:
    """Writes the mail of each notice; the same notice gives the same bytes."""

    def __init__(
        self, settings: config.Settings, press: Press, tokens: Tokens, *, signers: Sequence[Signer] = ()
    ) -> None:
        self._settings = settings
        self._press = press
        self._tokens = tokens
        self._signers = signers

    def __call__(self, notice: Notice) -> Mail:
        """Write the mail of one notice; what answers a mail comes from nobody (RFC 3834 section 3.3).

        Raises:
            MessageError: it cannot be made as it should be.
            SettingsError: a template is wrong.

        """
        notice = _on_its_list(notice)
        sheet = _Sheet(self._settings, self._press, self._tokens, notice)
        attachment = None
        if notice.kind is NoticeKind.DATA:
            attachment = Attachment(name=FILE_NAME, text=notice.said.data)
        return Mail(
            envelope_from=self._return_path(notice),
            recipient=notice.address,
            message=message(sheet.letter(), sheet.headers(), attachment=attachment, signers=self._signers),
        )

    def _return_path(self, notice: Notice) -> str:
        """Give where the letter comes back to; one that warns says whom it warned, if we read what comes."""
        publisher = self._settings.publisher
        if notice.thread:
            return ""
        reads = self._settings.inbound.kind != "none" and not publisher.bounce_address
        if notice.kind is NoticeKind.WARNING and reads and notice.subscriber_id is not None:
            return publisher.own(f"bounce-{self._tokens.make(Purpose.PROBE, notice.subscriber_id)}")
        return publisher.bounce_address or publisher.address


def masthead(settings: config.Settings, wanted: config.List, *, language: str | None = None) -> Masthead:
    """Give what the letters of a list print about it."""
    return Masthead(
        title=wanted.title,
        description=wanted.description,
        postal_address=settings.publisher.postal_address,
        language=language or wanted.language,
        timezone=wanted.timezone,
        source_titles={name: source.title or name for name, source in settings.sources.items()},
        archive=f"{settings.publisher.url}/archive" if wanted.public and settings.web.archive else "",
        images=wanted.images,
    )


class _Sheet:
    """One notice on its way to being a mail."""

    def __init__(self, settings: config.Settings, press: Press, tokens: Tokens, notice: Notice) -> None:
        self._settings, self._press, self._tokens, self._notice = settings, press, tokens, notice
        gone = config.List(title=settings.publisher.name, description="", public=False)
        self._list = settings.lists.get(notice.list, gone)

    def letter(self) -> Letter:
        """Print it."""
        notice = self._notice
        head = masthead(self._settings, self._list, language=notice.language)
        words = Words(self._press, head.language, self._settings.lists)
        contents = Contents(
            settings=self._settings, tokens=self._tokens, notice=notice, list=self._list, words=words
        )
        letter = render_notice(
            notice.kind.value,
            head,
            environment=self._press,
            made=notice.made,
            slots=self._slots(),
            said={"publisher": self._settings.publisher.name, **contents.said()},
            article=notice.said.article,
        )
        plain = contents.holding is not None and contents.holding.wishes.format is Format.TEXT
        return Letter(subject=letter.subject, html="" if plain else letter.html, text=letter.text)

    def headers(self) -> Headers:
        """Say what stands over it."""
        publisher, notice = self._settings.publisher, self._notice
        message_id = self._tokens.fingerprint(Purpose.MESSAGE_ID, f"notice/{notice.id}")
        thread = _message_ids(notice.thread)
        return Headers(
            from_name=publisher.name,
            from_address=publisher.address,
            to_address=notice.address,
            date=notice.made,
            message_id=f"<{message_id}@{publisher.domain}>",
            list_id=f"{notice.list}.{publisher.domain}",
            list_name=self._list.title,
            reply_to=self._reply_to(),
            unsubscribe_urls=self._leave,
            one_click=bool(self._leave),
            list_links=list_links(self._settings, notice.list),
            auto_submitted="auto-replied" if notice.thread else "auto-generated",
            in_reply_to=thread[-1] if thread else None,
            references=" ".join(thread) or None,
        )

    @property
    def _reader(self) -> int | None:
        """The row of the reader, unless he has proved nothing or is forgotten."""
        return None if self._notice.kind is NoticeKind.ERASED else self._notice.subscriber_id

    @cached_property
    def _leave(self) -> tuple[str, ...]:
        """Where the reader leaves at once, if he is subscribed."""
        for holding in self._notice.said.holdings:
            if holding.subscriber_id == self._reader and holding.state in SUBSCRIBED:
                return unsubscribe_urls(self._settings, self._tokens, holding.subscriber_id)
        return ()

    def _slots(self) -> dict[Slot, str]:
        slots = {Slot.ADDRESS: parse_address(self._notice.address).display}
        if self._notice.kind is not NoticeKind.FOUND:  # there each subscription has links of its own
            if self._leave:
                slots[Slot.UNSUBSCRIBE_URL] = self._leave[0]
            if self._reader is not None:
                slots[Slot.PREFERENCES_URL] = preferences_url(self._settings, self._tokens, self._reader)
        return slots

    def _reply_to(self) -> str | None:
        publisher = self._settings.publisher
        if self._notice.kind is NoticeKind.CONFIRM:
            return publisher.own(f"confirm-{confirm_token(self._tokens, self._notice)}")
        if self._reader is not None:
            return wishes_address(self._settings, self._tokens, self._reader)
        if (
            self._notice.kind is NoticeKind.HELP
        ):  # what a stranger replies is a command, not a word to a person
            return publisher.address
        return publisher.reply_to or None


def _on_its_list(notice: Notice) -> Notice:
    """Let a welcome or a goodbye speak of the list that was named, which may be another than the one written from."""
    if notice.kind not in (NoticeKind.WELCOME, NoticeKind.GOODBYE):
        return notice
    named = {answer.command.list for answer in notice.said.answers}
    for holding in notice.said.holdings:
        if holding.list in named:
            return dataclasses.replace(notice, list=holding.list, subscriber_id=holding.subscriber_id)
    return notice


def _message_ids(thread: Thread | None) -> tuple[str, ...]:
    """Give the Message-IDs of the thread, oldest first, that may stand in a header of ours; the last is answered."""
    if thread is None:
        return ()
    known = [one for one in _MESSAGE_ID.findall(thread.references) if "=?" not in one]
    answered = [one for one in _MESSAGE_ID.findall(thread.message_id) if "=?" not in one][:1]
    return (*(one for one in known[-_THREAD_LENGTH:] if one not in answered), *answered) if answered else ()
