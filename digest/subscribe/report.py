"""Choose the letters that tell a proven reader what became of his commands."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from digest.address import read_address
from digest.correspondence import Answer, NoticeKind, Outcome, Said, Thread
from digest.model import Article, Subscriber
from digest.store import subscribers
from digest.subscribe.caps import may_be_answered
from digest.subscribe.work import story
from digest.wishes import Act

if TYPE_CHECKING:
    from digest.subscribe import Readers

_OWN_LETTER = {
    Act.ERASE: NoticeKind.ERASED,
    Act.DATA: NoticeKind.DATA,
    Act.FULL: NoticeKind.STORY,
}
_ALONE = {
    Act.SUBSCRIBE: NoticeKind.WELCOME,
    Act.UNSUBSCRIBE: NoticeKind.GOODBYE,
    Act.HELP: NoticeKind.HELP,
}


def report(
    readers: "Readers",
    connection: sa.Connection,
    subscriber: Subscriber,
    answers: Sequence[Answer],
    *,
    now: datetime,
    letter: Sequence[Article] = (),
    misread: bool = False,
    thread: Thread | None = None,
    language: str | None = None,
) -> None:
    """Write down the letters that tell a reader what became of his commands, as many as he may get in a day.

    `subscriber` is who he was before they were done.
    """
    address = read_address(subscriber.address)
    acts = [answer.command.act for answer in answers if answer.outcome is Outcome.DONE]
    kinds = [kind for act, kind in _OWN_LETTER.items() if act in acts]
    rest = [
        answer
        for answer in answers
        if answer.command.act not in _OWN_LETTER or answer.outcome is not Outcome.DONE
    ]
    if Act.ERASE not in acts and (rest or misread or not kinds):
        kinds.append(_kind_of(rest))
    current = subscribers.get(connection, subscriber.id)
    if language is None:
        language = (current or subscriber).wishes.language
    for kind in kinds:
        if not may_be_answered(
            connection,
            address,
            kind,
            limits=readers.settings.signup,
            suppressed=readers.suppression(connection, address),
            now=now,
        ):
            continue
        said = Said(
            answers=tuple(rest),
            misread=misread,
            holdings=readers.holdings(connection, address.key, first=subscriber.list),
            data=readers.export(connection, address) if kind is NoticeKind.DATA else "",
        )
        stories = _articles(answers, letter) if kind is NoticeKind.STORY else [None]
        for article in stories:
            readers.note(
                connection,
                kind,
                subscriber.list,
                address,
                said if article is None else dataclasses.replace(said, article=article, answers=()),
                now=now,
                subscriber_id=None if kind is NoticeKind.ERASED else subscriber.id,
                language=language,
                thread=thread,
            )


def _kind_of(answers: Sequence[Answer]) -> NoticeKind:
    """Choose the letter for what has none of its own."""
    if not answers:
        return NoticeKind.HELP
    if len(answers) == 1 and answers[0].outcome is Outcome.DONE:
        return _ALONE.get(answers[0].command.act, NoticeKind.ANSWER)
    return NoticeKind.ANSWER


def _articles(answers: Sequence[Answer], letter: Sequence[Article]) -> list[Article]:
    found = (story(answer.command, letter) for answer in answers if answer.command.act is Act.FULL)
    return [article for article in found if article is not None]
