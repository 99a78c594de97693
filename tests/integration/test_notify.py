"""Letters that answer readers: what stands in their mails, and what becomes of each after every kind of ending."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from issues import article
from lxml import etree
from makers import MORNING, Clock, Interrupted, Mailserver, store
from notices import (
    MADE,
    PRESS,
    READER,
    THREAD,
    TOKENS,
    closed_up,
    holding,
    notice,
    ours,
    page,
    plain,
    samples,
    written,
)
from smtp_server import Smtpd

from digest.address import parse_address
from digest.correspondence import Alarm, Answer, Notice, NoticeKind, Said, Thread
from digest.errors import MessageError, SettingsError, TransportError
from digest.model import DeliveryState, Mail, SubscriberState
from digest.notify import GIVE_UP, LEASE, WAITS, Correspondent, notify
from digest.protocols import Transport
from digest.render import environment
from digest.store import Database, notices
from digest.store.tables import notices as table
from digest.tokens import Purpose
from digest.transport.maildir import Maildir
from digest.transport.smtp import Smtp
from digest.wishes import Act, Command, Format, Wishes

LANGUAGES = ["en", "ar", "de", "es", "fr", "tr"]
SENT, QUEUED, FAILED = DeliveryState.SENT, DeliveryState.QUEUED, DeliveryState.FAILED
DEAD, ANOTHER = "dead", "another"  # workers
LIST_FIELDS = {"List-Id", "List-Help", "List-Owner", "List-Subscribe", "List-Archive", "List-Post"}
LEAVE_FIELDS = {"List-Unsubscribe", "List-Unsubscribe-Post"}

each_kind = pytest.mark.parametrize("kind", NoticeKind)
each_language = pytest.mark.parametrize("language", LANGUAGES)


# --- what a letter says


@each_language
def test_html_and_text_hold_the_same_links_in_the_same_order(language: str) -> None:
    for name, what in samples(language):
        mail = written(what)
        links = page(mail).xpath("//a/@href")
        assert links == re.findall(r"<(\S+:\S+)>", plain(mail)), name
        assert links or name in ("data", "stranger", "alarm"), name


@each_language
def test_html_and_text_say_the_same_in_the_same_order(language: str) -> None:
    """Headings, commands and the tables of what is set; sentences about a button speak of a link in the text."""
    marks = (
        "//h1 | //h2 | //h3 | //*[@class='ask' or @class='key' or @class='value' or @class='order']"
        " | //*[@class='typed']/bdi"
    )
    for name, what in samples(language):
        mail = written(what)
        text, position = closed_up(plain(mail)), 0
        said = [closed_up(element.text_content()).strip() for element in page(mail).xpath(marks)]
        assert len(said) > 1
        for phrase in said:
            position = text.find(phrase, position)
            assert position >= 0, (name, phrase)


@each_language
def test_a_line_of_text_has_at_most_72_columns_unless_it_is_a_link(language: str) -> None:
    for name, what in samples(language):
        for line in plain(written(what)).splitlines():
            assert len(line) <= 72 or line.startswith("<"), (name, line)
            assert line == line.rstrip(), (name, line)


@each_language
def test_each_letter_names_its_language_and_direction_and_is_made_for_screen_readers(language: str) -> None:
    for _, what in samples(language):
        tree = page(written(what))
        for element in (tree, tree.xpath("//*[@role='article']")[0]):
            assert (element.get("lang"), element.get("dir")) == (
                language,
                "rtl" if language == "ar" else "ltr",
            )
        assert tree.find(".//title").text_content().strip()
        assert all(table.get("role") == "presentation" for table in tree.iter("table"))
        levels = [int(heading.tag[1]) for heading in tree.iter("h1", "h2", "h3")]
        assert levels[:2] == [1, 2]
        assert levels.count(1) == levels.count(2) == 1
        assert all(a.text_content().strip() for a in tree.iter("a"))


@each_language
def test_each_letter_says_in_its_foot_who_sends_it_to_whom_and_why(language: str) -> None:
    for _, what in samples(language):
        mail = written(what)
        foot = closed_up(page(mail).find_class("foot")[0].text_content())
        text = closed_up(plain(mail).rpartition("-" * 72)[2])
        for whole in (foot, text):
            assert "The Port Alder Digest" in whole
            assert READER in whole
            assert "1 Harbour Street, Port Alder" in whole
        assert len(foot) > 120


@each_kind
def test_nothing_is_fetched_from_anywhere(kind: NoticeKind) -> None:
    tree = page(written(notice(kind)))
    assert not tree.xpath("//link | //script | //*[@background]")
    assert all(src.startswith("cid:") for src in tree.xpath("//@src"))
    assert "url(" not in etree.tostring(tree, encoding="unicode")


@each_kind
def test_the_preheader_has_its_own_words_and_ends_where_mail_programs_do(kind: NoticeKind) -> None:
    shown = page(written(notice(kind))).find_class("preheader")[0].text_content().partition("\u034f")[0]
    assert 35 <= len(shown) <= 130


@pytest.mark.parametrize(
    ("what", "subject"),
    [
        (
            notice(NoticeKind.CONFIRM, said=Said(commands=(Command(act=Act.SUBSCRIBE),))),
            "Confirm your subscription to The Port Alder Digest",
        ),
        (
            notice(NoticeKind.CONFIRM, said=Said(commands=(Command(act=Act.UNSUBSCRIBE),))),
            "Please confirm: Leave The Port Alder Digest",
        ),
        (notice(NoticeKind.WELCOME), "Welcome to The Port Alder Digest"),
        (notice(NoticeKind.GOODBYE), "You have left The Port Alder Digest"),
        (notice(NoticeKind.ANSWER), "What became of what you asked"),
        (notice(NoticeKind.HELP), "How to write to The Port Alder Digest"),
        (notice(NoticeKind.FOUND), "Your subscriptions"),
        (notice(NoticeKind.DATA), "All that is known about you"),
        (notice(NoticeKind.ERASED), "You are forgotten"),
        (notice(NoticeKind.STORY), "Night ferry to the islands returns after eleven years"),
    ],
)
def test_the_subject_says_what_the_letter_is_about(what: Notice, subject: str) -> None:
    assert written(what)["Subject"] == subject


def test_the_confirm_letter_has_one_link_and_says_that_nothing_happens_without_it() -> None:
    mail = written(notice(NoticeKind.CONFIRM))
    assert page(mail).xpath("//a/@href") == [
        f"https://digest.example/confirm/{TOKENS.make(Purpose.CONFIRM, 5)}"
    ]
    for whole in (plain(mail), page(mail).text_content()):
        assert "If not, do nothing and nothing happens." in closed_up(whole)


def test_a_reader_who_wishes_for_plain_text_gets_nothing_else() -> None:
    said = Said(holdings=(holding(wishes=Wishes(format=Format.TEXT)),))
    mail = written(notice(NoticeKind.HELP, said=said))
    assert mail.get_content_type() == "text/plain"
    assert "What you can ask" in mail.get_content()


def test_the_letter_is_in_the_readers_language_and_failing_that_in_the_lists() -> None:
    settings = ours(lists={"daily": {"title": "Hafenpost", "language": "de"}})
    assert written(notice(NoticeKind.ERASED), settings)["Subject"] == "Sie sind vergessen"
    assert written(notice(NoticeKind.ERASED, language="fr"), settings)["Subject"] == "Vous êtes oublié"


def test_what_is_known_comes_as_a_file_that_is_json_and_opens_on_a_phone() -> None:
    mail = written(notice(NoticeKind.DATA))
    [file] = mail.iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == ("my-data.txt", "text/plain")
    assert json.loads(file.get_content()) == {"address": READER}
    assert "my-data.txt" in plain(mail)


def test_data_in_any_script_arrives_as_it_was() -> None:
    known = json.dumps({"name": "Şule ليلى 日本", "lines": "a\r\nb\u2028.\n.\n"}, ensure_ascii=False)
    [file] = written(notice(NoticeKind.DATA, said=Said(data=known))).iter_attachments()
    assert file.get_payload(decode=True).decode() == known


def test_one_who_is_forgotten_gets_no_link_that_names_him() -> None:
    mail = written(notice(NoticeKind.ERASED))
    assert page(mail).xpath("//a/@href") == ["mailto:digest+owner@digest.example"]
    assert mail["Reply-To"] is None


def test_a_story_in_another_language_reads_in_its_own_direction() -> None:
    told = Said(article=article(title="مكتبة الميناء", body=("قالت المكتبة.",), language="ar"))
    tree = page(written(notice(NoticeKind.STORY, said=told)))
    wrapper = tree.find_class("note")[0]
    assert (wrapper.get("lang"), wrapper.get("dir")) == ("ar", "rtl")
    assert [p.get("dir") for p in tree.find_class("fine")] == ["ltr", "ltr"]


HOSTILE = [
    "<script>alert(1)</script>",
    "{{ ''.__class__.__mro__ }}{% for x in range(10**9) %}",
    "x =?UTF-8?Q?=0D=0ABcc:_victim=40evil.test?=",
    "\"><img src=x onerror='alert(1)'>",
    "x\r\nBcc: victim@evil.test",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_an_article_says_is_printed_and_never_interpreted(text: str) -> None:
    told = article(title=text, body=(text, "The end."), author=text, source=text, image_alt=text)
    mail = written(notice(NoticeKind.STORY, said=Said(article=told)))
    assert set(mail.keys()) == set(written(notice(NoticeKind.STORY, said=Said(article=article()))).keys())
    tree = page(mail)
    assert not tree.xpath("//script | //img | //@onerror")
    assert closed_up(text) in closed_up(tree.find_class("note")[0].text_content())


# --- what stands over it


@each_kind
def test_each_letter_comes_from_the_publisher_and_belongs_to_its_list(kind: NoticeKind) -> None:
    mail = written(notice(kind))
    assert mail["From"] == "The Port Alder Digest <digest@digest.example>"
    assert mail["To"] == READER
    assert mail["Date"].datetime == MADE
    assert mail["List-Id"] == "The Port Alder Digest <daily.digest.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert set(mail.keys()) >= LIST_FIELDS


@each_kind
def test_the_reply_to_is_where_that_very_reader_is_known(kind: NoticeKind) -> None:
    expected = f"digest+prefs-{TOKENS.make(Purpose.PREFERENCES, 7)}@digest.example"
    if kind is NoticeKind.CONFIRM:
        expected = f"digest+confirm-{TOKENS.make(Purpose.CONFIRM, 5)}@digest.example"
    nobodys = kind in (NoticeKind.ERASED, NoticeKind.ALARM)  # of one who is forgotten; to the operator
    assert written(notice(kind))["Reply-To"] == (None if nobodys else expected)


def test_an_alarm_says_what_has_stopped_since_when_why_and_how_it_goes_on() -> None:
    mail = written(notice(NoticeKind.ALARM))
    assert mail["Subject"] == "Sending has stopped – daily, 2015-10-21"
    told = closed_up(plain(mail))
    assert (
        "Stopped: the issue of Wednesday, 21 October 2015 Since: 10:30 (London) Reason: canary: 3 of" in told
    )
    assert "digest deliveries --list daily --date 2015-10-21" in told
    assert "digest deliveries resume 3" in told

    everything = Said(alarm=Alarm(stop=4, on=None, reason="our address is listed"))
    mail = written(notice(NoticeKind.ALARM, said=everything))
    assert mail["Subject"] == "Sending has stopped"
    told = plain(mail)
    assert "Stopped: all sending, of every list\n" in told
    assert "\n    digest deliveries\n" in told
    assert "\n    digest deliveries resume 4\n" in told


def test_what_a_stranger_answers_to_help_is_read_as_a_command_whoever_reads_the_rest() -> None:
    stranger = notice(NoticeKind.HELP, said=Said(), subscriber_id=None)
    assert written(stranger)["Reply-To"] == "digest@digest.example"
    desk = ours(publisher={"reply_to": "desk@digest.example"})
    assert written(stranger, desk)["Reply-To"] == "digest@digest.example"
    assert LEAVE_FIELDS.isdisjoint(written(stranger).keys())


@pytest.mark.parametrize("state", [SubscriberState.ACTIVE, SubscriberState.PAUSED])
def test_one_who_is_subscribed_can_leave_with_one_click(state: SubscriberState) -> None:
    mail = written(notice(NoticeKind.ANSWER, said=Said(holdings=(holding(state=state),))))
    token = TOKENS.make(Purpose.UNSUBSCRIBE, 7)
    assert mail["List-Unsubscribe"] == (
        f"<https://digest.example/unsubscribe/{token}>, "
        f"<mailto:digest+unsubscribe-{token}@digest.example?subject=unsubscribe>"
    )
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize(
    "what",
    [
        notice(NoticeKind.CONFIRM),
        notice(NoticeKind.GOODBYE),
        notice(NoticeKind.ERASED, said=Said(holdings=(holding(),))),
        notice(NoticeKind.ANSWER, said=Said(holdings=(holding(subscriber_id=8),))),
        notice(NoticeKind.HELP, said=Said(holdings=(holding(),)), subscriber_id=None),
    ],
    ids=["asked", "left", "forgotten", "another's", "unproven"],
)
def test_one_who_is_not_has_nothing_to_leave(what: Notice) -> None:
    assert LEAVE_FIELDS.isdisjoint(written(what).keys())


def test_a_letter_that_answers_a_mail_stands_in_its_thread_and_comes_from_nobody() -> None:
    answer = notice(NoticeKind.ANSWER, thread=THREAD)
    mail = written(answer)
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["In-Reply-To"] == "<asked@mail.example>"
    assert mail["References"] == "<one@mail.example> <two@mail.example> <asked@mail.example>"
    assert Correspondent(ours(), PRESS, TOKENS)(answer).envelope_from == ""


def test_a_letter_that_answers_none_comes_from_where_bounces_go() -> None:
    own = ours(publisher={"bounce_address": "bounces@digest.example"})
    assert Correspondent(ours(), PRESS, TOKENS)(notice(NoticeKind.WELCOME)).envelope_from == (
        "digest@digest.example"
    )
    assert Correspondent(own, PRESS, TOKENS)(notice(NoticeKind.WELCOME)).envelope_from == (
        "bounces@digest.example"
    )


@pytest.mark.parametrize(
    ("message_id", "references", "expected"),
    [
        ("", "", None),
        ("no brackets", "<a@b.example>", None),
        (
            "<a@b.example>",
            "junk <x@y.example> <> <s p@y> \r\nBcc: v@evil.test",
            "<x@y.example> <a@b.example>",
        ),
        ("<=?utf-8?q?=0D=0ABcc?=@b.example>", "", None),
        ("<a@b.example>", "<=?utf-8?q?x?=@b.example>", "<a@b.example>"),
        ("<[odd]!#$%&'*+/=^_`{|}~\"()@,;:\\>", "", "<[odd]!#$%&'*+/=^_`{|}~\"()@,;:\\>"),
        ("<a@b.example>", "<a@b.example>", "<a@b.example>"),
        ("<é@b.example>", "", None),
        (f"<{'x' * 900}@b.example>", "", None),
    ],
)
def test_of_a_strangers_thread_only_message_ids_are_taken(
    message_id: str, references: str, expected: str | None
) -> None:
    thread = Thread(message_id=message_id, references=references)
    mail = written(notice(NoticeKind.HELP, thread=thread))
    assert mail["References"] == expected
    assert (mail["In-Reply-To"] is None) == (expected is None)
    assert "Bcc" not in mail
    assert mail["Auto-Submitted"] == "auto-replied"


def test_a_thread_of_a_thousand_mails_is_cut_to_the_last_ones() -> None:
    thread = Thread(message_id="<z@b.example>", references=" ".join(f"<{n}@b.example>" for n in range(1000)))
    ids = written(notice(NoticeKind.HELP, thread=thread))["References"].split()
    assert (len(ids), ids[0], ids[-1]) == (11, "<990@b.example>", "<z@b.example>")


def test_the_same_notice_gives_the_same_bytes_and_another_one_another_message_id() -> None:
    write = Correspondent(ours(), PRESS, TOKENS)
    assert write(notice(NoticeKind.WELCOME)) == write(notice(NoticeKind.WELCOME, attempts=3))
    ids = {str(written(notice(NoticeKind.WELCOME, id=number))["Message-ID"]) for number in range(5)}
    assert len(ids) == 5


def test_a_list_that_the_settings_have_no_more_can_still_be_left() -> None:
    gone = notice(NoticeKind.GOODBYE, list="old", said=Said(holdings=(holding(list="old"),)))
    assert written(gone)["Subject"] == "You have left The Port Alder Digest"


@pytest.mark.parametrize(
    ("kind", "act", "state", "subject"),
    [
        (NoticeKind.WELCOME, Act.SUBSCRIBE, SubscriberState.ACTIVE, "Welcome to Harbour Notes"),
        (NoticeKind.GOODBYE, Act.UNSUBSCRIBE, SubscriberState.UNSUBSCRIBED, "You have left Harbour Notes"),
    ],
)
def test_who_names_another_list_hears_of_that_one(
    kind: NoticeKind, act: Act, state: SubscriberState, subject: str
) -> None:
    """A reader of one list may subscribe to another, or leave it, in a reply to the first one's letter."""
    said = Said(
        answers=(Answer(command=Command(act=act, list="harbour")),),
        holdings=(holding(), holding(subscriber_id=8, list="harbour", state=state)),
    )
    mail = written(notice(kind, said=said))
    assert mail["Subject"] == subject
    assert mail["List-Id"] == "Harbour Notes <harbour.digest.example>"
    assert mail["Reply-To"] == f"digest+prefs-{TOKENS.make(Purpose.PREFERENCES, 8)}@digest.example"
    assert LEAVE_FIELDS.isdisjoint(mail.keys()) == (kind is NoticeKind.GOODBYE)


def test_an_address_with_an_international_domain_is_shown_in_its_own_script() -> None:
    address = str(parse_address("ada@bücher.example"))
    mail = written(notice(NoticeKind.CONFIRM, address=address))
    assert mail["To"] == "ada@xn--bcher-kva.example"
    assert "ada@bücher.example" in plain(mail)


# --- sending


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with store(tmp_path) as opened:
        yield opened


def put(database: Database, *kinds: NoticeKind, address: str = READER, **of: Any) -> list[int]:
    """Write letters down, as `Readers` does."""
    where = parse_address(address)
    with database.transaction() as connection:
        return [
            notices.put(
                connection,
                kind,
                list_name="daily",
                address=address,
                mailbox=where.mailbox,
                domain=where.domain,
                said=notice(kind).said,
                now=MORNING,
                **({"request_id": 5} if kind is NoticeKind.CONFIRM else {"subscriber_id": 7}),
                **of,
            )
            for kind in kinds
        ]


def run(
    database: Database,
    transport: Transport,
    clock: Clock | None = None,
    *,
    write: Callable[[Notice], Mail] | None = None,
) -> Counter[DeliveryState]:
    writer = write or Correspondent(ours(), PRESS, TOKENS)
    return notify(database, transport, write=writer, clock=clock or Clock())


def rows(database: Database) -> list[Any]:
    with database.transaction() as connection:
        return list(connection.execute(sa.select(table).order_by(table.c.id)))


def states(database: Database) -> list[str]:
    return [row.state for row in rows(database)]


def read(mail: Mail) -> EmailMessage:
    return message_from_bytes(mail.message, policy=policy.default)


def test_all_that_is_due_goes_out_in_its_order_over_one_connection(database: Database) -> None:
    kinds = [kind for kind in NoticeKind if kind is not NoticeKind.ERASED]
    put(database, *kinds)
    server = Mailserver()

    assert run(database, server) == {SENT: len(kinds)}
    assert server.connections == 1
    assert [mail.recipient for mail in server.mails] == [READER] * len(kinds)
    assert states(database) == ["sent"] * len(kinds)
    assert run(database, server) == {}


def test_more_than_one_batch_goes_out_in_one_run(database: Database) -> None:
    put(database, *[NoticeKind.HELP] * 25)
    assert run(database, Mailserver()) == {SENT: 25}


def test_where_nothing_is_due_nobody_connects(database: Database) -> None:
    server = Mailserver().close()
    assert run(database, server) == {}
    assert server.connections == 0


def test_what_is_refused_for_good_has_failed_with_the_servers_words(database: Database) -> None:
    put(database, NoticeKind.WELCOME, NoticeKind.HELP)
    assert run(database, Mailserver().refuse(550)) == {FAILED: 1, SENT: 1}
    failed, _ = rows(database)
    assert (failed.state, failed.code, failed.reply) == ("failed", 550, "as told")


def test_what_is_refused_for_now_is_tried_again_later_as_the_same_mail(database: Database) -> None:
    put(database, NoticeKind.WELCOME)
    server, clock = Mailserver().refuse(451, 421), Clock()

    assert run(database, server, clock) == {QUEUED: 1}
    assert run(database, server, clock) == {}
    clock.at += WAITS[0]
    assert run(database, server, clock) == {QUEUED: 1}
    clock.at += WAITS[0]
    assert run(database, server, clock) == {}
    clock.at += WAITS[1]
    assert run(database, server, clock) == {SENT: 1}
    assert len({mail.message for mail in server.tried}) == 1
    assert len(server.tried) == 3


def test_after_a_day_of_refusals_it_is_given_up(database: Database) -> None:
    put(database, NoticeKind.WELCOME)
    server, clock = Mailserver().refuse(*[451] * 50), Clock()
    outcomes: Counter[DeliveryState] = Counter()
    while states(database) == ["queued"]:
        outcomes += run(database, server, clock)
        clock.at = max(clock.at, rows(database)[0].due)
    assert outcomes == {QUEUED: 10, FAILED: 1}
    assert clock.at - MORNING >= GIVE_UP
    assert rows(database)[0].code == 451


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_line_that_breaks_puts_that_letter_off_and_the_rest_goes_over_another(
    database: Database, when: str
) -> None:
    put(database, NoticeKind.WELCOME, NoticeKind.HELP)
    server, clock = Mailserver(), Clock()
    server.break_before_the_end() if when == "before" else server.break_after_the_end()

    assert run(database, server, clock) == {QUEUED: 1, SENT: 1}
    assert server.connections == 2
    clock.at += WAITS[0]
    assert run(database, server, clock) == {SENT: 1}
    first, _, again = server.tried
    assert first.message == again.message


def test_a_server_that_nobody_reaches_leaves_all_letters_due(database: Database) -> None:
    put(database, NoticeKind.WELCOME, NoticeKind.HELP)
    server = Mailserver().close()
    with pytest.raises(TransportError, match="nobody answers"):
        run(database, server)
    assert [(row.state, row.attempts, row.claim) for row in rows(database)] == [("queued", 0, None)] * 2
    server.open()
    assert run(database, server) == {SENT: 2}


def test_a_letter_that_cannot_be_written_has_failed_with_the_reason(database: Database) -> None:
    put(database, NoticeKind.WELCOME)
    put(database, NoticeKind.HELP)
    write = Correspondent(ours(), PRESS, TOKENS)

    def refuse_welcomes(notice: Notice) -> Mail:
        if notice.kind is NoticeKind.WELCOME:
            raise MessageError("the finished headers say something else")
        return write(notice)

    assert run(database, Mailserver(), write=refuse_welcomes) == {FAILED: 1, SENT: 1}
    assert "say something else" in rows(database)[0].reply


def test_a_template_that_is_wrong_stops_the_run_and_loses_nothing(database: Database, tmp_path: Path) -> None:
    wrong = tmp_path / "own/email/welcome/body.txt.j2"
    wrong.parent.mkdir(parents=True)
    wrong.write_text("{{ nothing }}", "utf-8")
    press = environment([tmp_path / "own", *PRESS.folders])
    put(database, NoticeKind.WELCOME)
    with pytest.raises(SettingsError, match=r"welcome/body\.txt\.j2, line 1"):
        run(database, Mailserver(), write=Correspondent(ours(), press, TOKENS))
    assert states(database) == ["queued"]


class Killed(BaseException):
    """The process ends here."""


def die() -> None:
    raise Killed


def test_killed_after_the_server_took_it_the_same_mail_is_sent_once_more_when_the_lease_is_over(
    database: Database,
) -> None:
    put(database, NoticeKind.WELCOME)
    server, clock = Mailserver(), Clock()
    with database.transaction() as connection:  # a worker claims it, sends it, and is gone
        [lost] = notices.claim(connection, now=clock(), token=DEAD, lease=LEASE, limit=1)
    first = Correspondent(ours(), PRESS, TOKENS)(lost)

    assert run(database, server, clock) == {}
    clock.at += LEASE + timedelta(seconds=1)
    assert run(database, server, clock) == {SENT: 1}
    assert [mail.message for mail in server.mails] == [first.message]
    assert run(database, server, clock) == {}


def test_killed_while_the_server_takes_it_what_was_begun_is_due_again(database: Database) -> None:
    put(database, NoticeKind.WELCOME, NoticeKind.HELP)
    server = Mailserver().meanwhile(die)
    with pytest.raises(Killed):
        run(database, server)
    assert run(database, server) == {SENT: 2}
    assert [read(mail)["Message-ID"] for mail in server.tried] == [
        read(server.tried[at])["Message-ID"] for at in (1, 1, 2)
    ]


def test_a_worker_whose_lease_is_over_leaves_the_rest_to_others(database: Database) -> None:
    put(database, NoticeKind.WELCOME, NoticeKind.HELP, NoticeKind.FOUND)
    clock = Clock()
    slow = Mailserver().meanwhile(lambda: clock.forward(seconds=LEASE.total_seconds() + 1))
    assert run(database, slow, clock) == {SENT: 3}
    assert (slow.connections, len(slow.tried)) == (2, 3)


def test_what_another_worker_has_claimed_is_left_alone(database: Database) -> None:
    put(database, NoticeKind.WELCOME, NoticeKind.HELP)
    inner = Mailserver()
    outer = Mailserver().meanwhile(lambda: run(database, inner))
    assert run(database, outer) == {SENT: 2}
    assert inner.tried == []


def test_a_late_word_of_a_worker_whose_claim_is_gone_changes_nothing(tmp_path: Path) -> None:
    with store(tmp_path, Interrupted) as database:
        put(database, NoticeKind.WELCOME)
        clock = Clock()

        def another() -> None:
            clock.at += LEASE + timedelta(seconds=1)
            with database.transaction() as connection:
                notices.claim(connection, now=clock(), token=ANOTHER, lease=LEASE, limit=1)

        database.before(2, another)  # after the claim, before what the server said is recorded
        run(database, Mailserver().refuse(550), clock)
        assert [(row.state, row.claim) for row in rows(database)] == [("claimed", ANOTHER)]


@pytest.mark.parametrize("code", [250, 550])
def test_the_row_of_one_who_is_forgotten_is_gone_once_the_letter_is(database: Database, code: int) -> None:
    put(database, NoticeKind.ERASED)
    assert run(database, Mailserver().refuse(code)) == {SENT if code == 250 else FAILED: 1}
    assert rows(database) == []


def test_until_then_it_is_kept_and_tried_again(database: Database) -> None:
    put(database, NoticeKind.ERASED)
    server, clock = Mailserver().refuse(451), Clock()
    assert run(database, server, clock) == {QUEUED: 1}
    clock.at += WAITS[0]
    assert run(database, server, clock) == {SENT: 1}
    assert rows(database) == []


def test_given_up_it_is_gone_as_well(database: Database) -> None:
    put(database, NoticeKind.ERASED)
    clock = Clock()
    clock.at += GIVE_UP
    assert run(database, Mailserver().refuse(451), clock) == {FAILED: 1}
    assert rows(database) == []


# --- over a real line


def test_an_answer_leaves_with_the_null_sender_and_other_letters_with_ours(database: Database) -> None:
    put(database, NoticeKind.ANSWER, thread=THREAD)
    put(database, NoticeKind.WELCOME)
    with Smtpd() as server:
        smtp = Smtp(host="127.0.0.1", port=server.port, security="none", timeout_seconds=20)
        assert run(database, smtp) == {SENT: 2}
    assert [mail.envelope_from for mail in server.mails] == ["", "digest@digest.example"]
    assert server.connections == 1
    taken = [message_from_bytes(mail.content, policy=policy.default) for mail in server.mails]
    assert [mail["Auto-Submitted"] for mail in taken] == ["auto-replied", "auto-generated"]
    assert taken[0]["In-Reply-To"] == THREAD.message_id


def test_a_server_that_takes_no_null_sender_keeps_that_letter_alone_waiting(database: Database) -> None:
    put(database, NoticeKind.ANSWER, thread=THREAD)
    put(database, NoticeKind.WELCOME)
    with Smtpd() as server:
        server.answer("MAIL", "550 5.1.8 who are you")
        smtp = Smtp(host="127.0.0.1", port=server.port, security="none", timeout_seconds=20)
        assert run(database, smtp) == {QUEUED: 1, SENT: 1}
    assert [mail.recipients for mail in server.mails] == [[READER]]


def test_a_maildir_keeps_an_answer_once_however_often_it_is_sent(database: Database, tmp_path: Path) -> None:
    put(database, NoticeKind.ANSWER, thread=THREAD)
    folder = Maildir(path=tmp_path / "mail")
    assert run(database, folder) == {SENT: 1}
    with database.transaction() as connection:  # the record was lost
        connection.execute(sa.update(table).values(state="queued"))
    assert run(database, folder) == {SENT: 1}
    [file] = (tmp_path / "mail" / READER / "new").iterdir()
    assert read(Mail(envelope_from="", recipient=READER, message=file.read_bytes()))["To"] == READER
