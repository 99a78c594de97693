"""A reader's whole life with the digest, by mail alone: in her own language, typed as people type."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from mailroom import ADA, US, mail, mailto, reply
from terminal import Finished, Terminal, part


@dataclass(frozen=True, kw_only=True)
class Words:
    """What she types."""

    subscribe: str
    yes: str
    weekly: str
    pause: str
    resume: str
    data: str
    forget: str


WORDS = {
    "en": Words(
        subscribe="Subscribe, please",
        yes="Yes, that was me.\n\n-- \nAda",
        weekly="weekly",
        pause="pause 2 weeks",
        resume="Resume",
        data="my data",
        forget="forget me",
    ),
    "de": Words(
        subscribe="AW: Anmelden",
        yes="Ja, gerne!\n\nViele Grüße\nAda",
        weekly="Wöchentlich bitte",
        pause="Pause 2 Wochen",
        resume="Weiter",
        data="Meine Daten",
        forget="Vergiss mich",
    ),
    "ar": Words(
        subscribe="\u200fاشتراك",
        yes="نعم، شكرا",
        weekly="أسبوعيا",
        pause="إيقاف مؤقت أسبوعين",
        resume="استئناف",
        data="بياناتي",
        forget="انسني",
    ),
}


@pytest.mark.parametrize(("language", "door"), [("en", "maildir"), ("de", "pipe"), ("ar", "pipe")])
def test_a_reader_does_everything_by_mail_in_her_own_language(
    terminal: Terminal, language: str, door: str
) -> None:
    words = WORDS[language]
    terminal.small_day(
        "[publisher]", f'address = "{US}"', "[inbound]", 'kind = "maildir"', 'folder = "inbox"'
    )
    write = into_the_maildir(terminal) if door == "maildir" else into_the_pipe(terminal)

    write(mail(words.subscribe))
    [question] = terminal.mails(ADA)
    assert f'lang="{language}"' in part(question, "html")
    assert state(terminal) == "pending"
    write(reply(question, words.yes))
    assert state(terminal) == "active"
    terminal.digest("run").succeeded()
    [issue] = [letter for letter in terminal.mails(ADA) if "+letter-" in str(letter["Reply-To"])]

    write(reply(issue, f"{words.weekly}\n{words.pause}"))
    assert state(terminal) == "paused"
    write(reply(issue, words.resume))
    assert state(terminal) == "active"
    write(reply(issue, words.data))
    [data] = [letter for letter in terminal.mails(ADA) if list(letter.iter_attachments())]
    assert '"frequency": "weekly"' in next(iter(data.iter_attachments())).get_content()

    address, subject = mailto(issue)
    write(mail(subject, to=address))
    assert state(terminal) == "unsubscribed"
    write(reply(issue, words.forget))
    assert terminal.digest("subscribers", "list", "--json").succeeded().json == []
    assert len(terminal.mails(ADA)) == 8, "each mail had one answer, and the issue came"


def into_the_maildir(terminal: Terminal) -> Callable[[bytes], Finished]:
    def write(content: bytes) -> Finished:
        terminal.write("inbox/new/mail", content)
        done = terminal.digest("receive", "--mailbox").succeeded()
        assert done.out == "1 mail handled\n"
        return done

    return write


def into_the_pipe(terminal: Terminal) -> Callable[[bytes], Finished]:
    def write(content: bytes) -> Finished:
        return terminal.digest("receive", "--sender", ADA, stdin=content).succeeded()

    return write


def state(terminal: Terminal) -> str:
    [reader] = terminal.digest("subscribers", "list", "--json").succeeded().json
    assert reader["address"] == ADA
    return str(reader["state"])
