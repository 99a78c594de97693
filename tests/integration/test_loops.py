"""No machine is ever answered: not another digest, not a responder, not our own letters come back."""

import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from mailroom import ADA, US, Mailroom, mail, mailto, reply
from makers import Clock, Mailserver
from terminal import read_mail

from digest.model import Mail
from digest.received import Envelope

ONE, TWO = "digest@one.example", "digest@two.example"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Mailroom]:
    room = Mailroom(tmp_path / "digest")
    yield room
    room.close()


# --- two digests


class Pair:
    """Two digests, each with the other's letters carried to it by hand."""

    def __init__(self, folder: Path, *, with_envelope: bool) -> None:
        self._servers = {address: Mailserver() for address in (ONE, TWO)}
        self._with_envelope = with_envelope
        self.rooms = {
            address: Mailroom(folder / address, address=address, transport=self._servers[address])
            for address in (ONE, TWO)
        }

    def carry(self) -> list[Mail]:
        """Carry letters to and fro until nobody writes any more, and give them all."""
        carried: list[Mail] = []
        while True:
            written = [mail for server in self._servers.values() for mail in server.mails]
            for server in self._servers.values():
                server.mails.clear()
            if not written:
                return carried
            assert len(carried) < 50, "they would go on for ever"
            for one in written:
                carried.append(one)
                local, _, domain = one.recipient.partition("@")
                room = self.rooms[f"{local.partition('+')[0]}@{domain}"]
                envelope = Envelope(sender=one.envelope_from, recipients=(one.recipient,))
                room.gets(one.message, envelope if self._with_envelope else Envelope())

    def close(self) -> None:
        for room in self.rooms.values():
            room.close()


@pytest.fixture(params=[True, False], ids=["envelope", "headers alone"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    """Headers alone: a mailbox that keeps no envelope."""
    pair = Pair(tmp_path, with_envelope=request.param)
    yield pair
    pair.close()


@pytest.mark.parametrize("subject", ["subscribe", "help", "blah", "unsubscribe"])
def test_two_digests_that_somebody_sets_against_each_other_fall_silent(pair: Pair, subject: str) -> None:
    pair.rooms[ONE].gets(mail(subject, to=ONE, sender=TWO))
    pair.rooms[TWO].gets(mail(subject, to=TWO, sender=ONE))
    carried = pair.carry()
    assert sorted(one.recipient for one in carried) == [ONE, TWO], "one letter each, and no answer"
    assert {one.envelope_from for one in carried} == {""}
    assert [pair.rooms[ONE].state(TWO), pair.rooms[TWO].state(ONE)] in (["pending"] * 2, [""] * 2)


def test_two_digests_that_subscribe_to_each_other_read_and_say_nothing(pair: Pair) -> None:
    for room, other in ((pair.rooms[ONE], TWO), (pair.rooms[TWO], ONE)):
        room.adds(other)
        room.publish("The tide is high")
    assert len(pair.carry()) == 2, "the issues"
    assert [pair.rooms[ONE].state(TWO), pair.rooms[TWO].state(ONE)] == ["active", "active"]


def test_a_digest_whose_address_is_written_as_its_own_readers_is_not_asked(room: Mailroom) -> None:
    for sender in (US, "Digest+help@Digest.Example", f"digest+subscribe <{US}>"):
        room.gets(mail("subscribe", sender=sender), Envelope(sender=ADA, recipients=(US,)))
    assert room.all_letters() == 0


# --- our own letters, come back


def every_letter(room: Mailroom) -> list[EmailMessage]:
    """Have one letter of each kind written to Ada, and give them."""
    room.gets(mail("help"))
    room.gets(mail("subscribe"))
    room.gets(reply(room.last(), "yes"))
    welcome = room.last()
    room.publish("The tide is high")
    issue = room.last()
    for text in ("weekly", "full 1"):
        room.gets(reply(issue, text))
    room.gets(reply(welcome, "my data"))
    room.gets(reply(welcome, "unsubscribe"))
    kinds = {"help", "confirm", "welcome", "answer", "story", "data", "goodbye"}
    assert set(room.kinds()) == kinds
    assert len(room.letters()) == len(kinds) + 1, "and the issue"
    room.gets(reply(welcome, "subscribe"))
    return room.letters()


@pytest.mark.parametrize("sender", [ADA, "", None], ids=["Ada's", "null", "unknown"])
def test_a_letter_of_ours_that_comes_back_is_never_answered(room: Mailroom, sender: str | None) -> None:
    letters = every_letter(room)
    before = room.all_letters()
    for letter in letters:
        for to in (US, str(letter["Reply-To"] or US)):
            room.gets(letter.as_bytes(policy=email.policy.SMTP), Envelope(sender=sender, recipients=(to,)))
    assert room.all_letters() == before
    assert room.state() == "active"


RESPONDERS = [
    {"Auto_Submitted": "auto-replied"},
    {"Auto_Submitted": "auto-replied; owner-email=ada@mail.example"},
    {"Auto_Submitted": "auto-generated (vacation)"},
    {"Precedence": "bulk"},
    {"Precedence": "junk"},
    {"Precedence": "auto_reply"},
    {"X_Autoreply": "yes"},
    {"X_Autorespond": "vacation"},
    {"X_Auto_Response_Suppress": "DR, OOF, AutoReply"},
    {"X_Vacation": "yes"},
    {"List_Id": "<talk.mail.example>"},
    {"Return_Path": "<>"},
    {"From": "MAILER-DAEMON@mail.example"},
    {"From": "noreply@mail.example"},
    {"Subject": "Automatic reply: your letter"},
    {"Subject": "Abwesenheitsnotiz: Ihr Brief"},
    {"Subject": "Réponse automatique : votre lettre"},
]


def test_a_responder_that_answers_each_of_our_letters_gets_no_answer_and_changes_nothing(
    room: Mailroom,
) -> None:
    room.gets(mail("subscribe"))
    room.adds("bob@mail.example")
    room.publish("The tide is high")
    letters = [room.last(), room.last("bob@mail.example")]
    for marks in RESPONDERS:
        for letter in letters:
            answer = read_mail(
                mail(f"Re: {letter['Subject']}", "yes\n\nunsubscribe\n", to=str(letter["Reply-To"]))
            )
            for name, value in marks.items():
                del answer[name.replace("_", "-")]
                answer[name.replace("_", "-")] = value
            room.gets(answer.as_bytes(policy=email.policy.SMTP))
        assert room.all_letters() == len(letters), marks
        assert (room.state(), room.state("bob@mail.example")) == ("pending", "active"), marks


def test_a_responder_without_any_mark_falls_silent_in_a_few_letters(tmp_path: Path) -> None:
    """It breaks every rule: it answers mails from nobody, and says not what it is."""
    clock = Clock()
    room = Mailroom(tmp_path / "digest", clock=clock)
    room.gets(mail("hello"))
    answered = 0
    while answered < room.all_letters():
        assert answered < 50, "it would go on for ever"
        letter = room.letters()[answered]
        answered += 1
        room.gets(reply(letter, "Thank you for your mail! I read it once a week."))
        clock.forward(minutes=1)
    assert answered <= 10
    room.close()


# --- many mails


def test_a_thousand_identical_mails_are_answered_once(room: Mailroom) -> None:
    content = mail("subscribe")
    for _ in range(1000):
        room.app.inbound.handle(content, Envelope())
    room.app.notify()
    assert room.kinds() == ["confirm"]


def test_any_number_of_mails_in_one_readers_name_bring_him_one_question_and_one_help(room: Mailroom) -> None:
    for number in range(50):
        for subject in ("subscribe", "blah"):
            tagged = ADA.replace("@", f"+{number}@")  # all of them one mailbox
            room.app.inbound.handle(mail(subject, sender=tagged), Envelope())
    room.app.notify()
    assert room.all_letters() == 2


def test_a_readers_own_commands_are_answered_ten_times_a_day_and_all_obeyed(room: Mailroom) -> None:
    room.adds()
    room.publish("The tide is high")
    letter = room.last()
    for number in range(30):
        room.gets(reply(letter, ("weekly", "daily")[number % 2]))
    assert room.kinds() == ["answer"] * 10
    reader = room.reader()
    assert reader
    assert reader.wishes.frequency == "daily"


def test_many_clicks_on_an_unsubscribe_button_are_one_goodbye(room: Mailroom) -> None:
    room.adds()
    room.publish("The tide is high")
    address, subject = mailto(room.last())
    for _ in range(20):
        room.gets(mail(subject, to=address))
    assert room.state() == "unsubscribed"
    assert room.kinds() == ["goodbye"]
