"""Each reader gets the issue once: what is recorded after each answer, each dead line and each dead worker."""

import json
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from makers import (
    EXPIRY,
    MORNING,
    TAKEN,
    Clock,
    Interrupted,
    Mailserver,
    become,
    journals,
    leased,
    ledger,
    reader,
    rows,
    shipped_press,
    states,
    store,
    write,
    writes,
)
from smtp_server import Smtpd

from digest import config
from digest.deliver import BATCH, JITTER, After, Settled, deliver
from digest.deliver.work import FLUSH
from digest.errors import MessageError, SettingsError, StoreError, TransportError
from digest.govern import Governor
from digest.journal import Journals
from digest.model import Delivery, DeliveryState, Mail, Reply, SubscriberState, SuppressionReason
from digest.protocols import Pause, Session, Transport
from digest.resources import shipped
from digest.store import Database, claims, paces, subscribers
from digest.tokens import Tokens
from digest.transport.maildir import Maildir
from digest.transport.smtp import Smtp
from digest.writer import Writer

HOLD = config.Delivery()
RESEND = config.Delivery(in_doubt="resend")
LEASE = timedelta(seconds=HOLD.lease_seconds)

SENT, QUEUED, FAILED = DeliveryState.SENT, DeliveryState.QUEUED, DeliveryState.FAILED
SKIPPED, IN_DOUBT = DeliveryState.SKIPPED, DeliveryState.IN_DOUBT


@pytest.fixture
def database(tmp_path: Path, database_url: str) -> Iterator[Database]:
    with store(tmp_path, url=database_url) as opened:
        yield opened


def run(
    database: Database,
    transport: Transport,
    clock: Clock | None = None,
    *,
    settings: config.Delivery = HOLD,
    writer: Callable[[Delivery], Mail] | Writer = write,
    machine: Journals | None = None,
    after: After | None = None,
) -> dict[DeliveryState, int]:
    outcome = deliver(
        database,
        transport,
        settings,
        write=writer if isinstance(writer, Writer) else writes(writer),
        journals=machine or journals(database),
        governor=Governor(config.Settings()),
        clock=clock or Clock(),
        after=after,
    )
    return {state: count for state, count in outcome.items() if count}


# --- what the server answers


def test_a_mail_that_is_taken_is_sent_and_never_again(database: Database) -> None:
    ledger(database, 2)
    server = Mailserver()

    assert run(database, server) == {SENT: 2}
    assert run(database, server) == {}
    assert [mail.recipient for mail in server.mails] == [reader(1), reader(2)]
    assert server.connections == 1
    [row, _] = rows(database)
    assert (row.state, row.code, row.enhanced, row.reply, row.attempts) == ("sent", 250, "2.0.0", "taken", 1)


def test_a_mail_that_is_refused_for_good_fails_and_the_others_leave(database: Database) -> None:
    ledger(database, 3)
    server = Mailserver().refuse(250, 550)

    assert run(database, server) == {SENT: 2, FAILED: 1}
    assert run(database, server) == {}
    assert states(database) == ["sent", "failed", "sent"]
    assert (rows(database)[1].code, rows(database)[1].reply) == (550, "as told")


@pytest.mark.on_both
def test_a_mail_that_is_refused_for_now_is_tried_again_and_not_before_its_time(database: Database) -> None:
    ledger(database)
    server, clock = Mailserver().refuse(451), Clock()

    assert run(database, server, clock) == {QUEUED: 1}
    clock.forward(minutes=4, seconds=59)
    assert run(database, server, clock) == {}
    clock.forward(minutes=1, seconds=1)
    assert run(database, server, clock) == {SENT: 1}


def test_the_waits_grow_and_the_last_one_repeats_until_the_mail_has_expired(database: Database) -> None:
    ledger(database)
    server, clock, waits = Mailserver().refuse(*[451] * 99), Clock(), []
    while run(database, server, clock) == {QUEUED: 1}:
        [row] = rows(database)
        waits.append((row.due - clock.at) / timedelta(minutes=1))
        clock.at = row.due

    for wait, longest in zip(waits, [5, 15, 60, *[240] * 99], strict=False):
        assert longest <= wait <= longest * (1 + JITTER)
    assert states(database) == ["failed"]
    assert EXPIRY - timedelta(minutes=240) * (1 + JITTER) < clock.at - MORNING <= EXPIRY
    assert (rows(database)[0].code, rows(database)[0].attempts) == (451, len(waits) + 1)


def test_each_row_is_told_of_as_it_is_settled(database: Database) -> None:
    ledger(database, 3)
    heard: list[Settled] = []
    deliver(
        database,
        Mailserver().refuse(250, 550, 451),
        HOLD,
        write=writes(write),
        journals=journals(database),
        governor=Governor(config.Settings()),
        clock=Clock(),
        on_settled=heard.append,
    )

    assert [settled.state for settled in heard] == [SENT, FAILED, QUEUED]
    assert [settled.address for settled in heard] == [reader(1), reader(2), reader(3)]
    assert [settled.reply and settled.reply.code for settled in heard] == [250, 550, 451]


@pytest.mark.on_both
def test_more_mails_than_are_claimed_at_once_all_leave(database: Database) -> None:
    ledger(database, BATCH + 1)
    server = Mailserver()

    assert run(database, server) == {SENT: BATCH + 1}
    assert Counter(mail.recipient for mail in server.mails) == Counter(
        reader(number) for number in range(1, BATCH + 2)
    )


def test_where_nothing_is_due_nobody_connects(database: Database) -> None:
    server = Mailserver()

    assert run(database, server) == {}
    assert server.connections == 0


@pytest.mark.on_both
def test_readers_who_left_or_are_suppressed_since_get_nothing(database: Database) -> None:
    ledger(database, 3)
    become(database, reader(1), state=SubscriberState.UNSUBSCRIBED)
    with database.transaction() as connection:
        subscribers.suppress(connection, reader(2), reason=SuppressionReason.COMPLAINT, now=MORNING)
    server = Mailserver()

    assert run(database, server) == {SKIPPED: 2, SENT: 1}
    assert [mail.recipient for mail in server.mails] == [reader(3)]


# --- the line dies


@pytest.mark.on_both
def test_without_a_line_all_is_given_back_and_the_run_ends(database: Database) -> None:
    ledger(database, 2)
    server = Mailserver().close()

    with pytest.raises(TransportError, match="nobody answers"):
        run(database, server)
    assert states(database) == ["queued", "queued"]
    assert [row.attempts for row in rows(database)] == [0, 0]

    server.open()
    assert run(database, server) == {SENT: 2}


def test_a_line_that_dies_before_the_end_of_a_mail_puts_that_off_and_the_rest_leaves_over_a_new_one(
    database: Database,
) -> None:
    ledger(database, 3)
    server, clock = Mailserver().refuse(250).break_before_the_end(), Clock()

    assert run(database, server, clock) == {SENT: 2, QUEUED: 1}
    assert server.connections == 2
    assert (rows(database)[1].state, rows(database)[1].reply) == ("queued", "the line broke")
    clock.forward(minutes=6)
    assert run(database, server, clock) == {SENT: 1}
    assert len(server.mails) == 3


def test_a_line_that_dies_and_cannot_be_opened_again_gives_the_rest_back(database: Database) -> None:
    ledger(database, 3)
    server = Mailserver().refuse(250).break_before_the_end().close(after=1)

    with pytest.raises(TransportError, match="nobody answers"):
        run(database, server)
    assert states(database) == ["sent", "queued", "queued"]
    assert [row.attempts for row in rows(database)] == [1, 1, 0]


def test_a_mail_whose_line_died_after_its_end_is_held_in_doubt(database: Database) -> None:
    ledger(database, 2)
    server, clock = Mailserver().break_after_the_end(), Clock()

    assert run(database, server, clock) == {IN_DOUBT: 1, SENT: 1}
    clock.forward(days=9)
    assert run(database, server, clock) == {}
    assert Counter(mail.recipient for mail in server.mails) == {reader(1): 1, reader(2): 1}


@pytest.mark.on_both
def test_a_mail_in_doubt_is_sent_again_as_it_was_where_the_settings_say_so(database: Database) -> None:
    ledger(database)
    server, clock = Mailserver().break_after_the_end(), Clock()

    assert run(database, server, clock, settings=RESEND) == {QUEUED: 1}
    clock.forward(minutes=6)
    assert run(database, server, clock, settings=RESEND) == {SENT: 1}
    first, second = server.mails
    assert first == second


@pytest.mark.parametrize(("place", "state"), [("MAIL", QUEUED), ("DATA", QUEUED), ("END", IN_DOUBT)])
def test_a_real_server_that_hangs_up_costs_one_mail_at_most(
    database: Database, place: str, state: DeliveryState
) -> None:
    ledger(database, 2)
    with Smtpd() as server:
        server.hang_up(place)
        line = Smtp(
            host="127.0.0.1", port=server.port, security="none", hello_name="digest.test", timeout_seconds=5
        )

        assert run(database, line) == {state: 1, SENT: 1}
        assert server.connections == 2
        assert [mail.recipients for mail in server.mails] == [[reader(2)]]


# --- mails that cannot be made


def test_a_mail_that_cannot_be_made_fails_alone_with_the_reason_in_its_row(database: Database) -> None:
    ledger(database, 3)

    def second_is_wrong(delivery: Delivery) -> Mail:
        if delivery.address == reader(2):
            raise MessageError("the mail cannot be made")
        return write(delivery)

    assert run(database, Mailserver(), writer=second_is_wrong) == {SENT: 2, FAILED: 1}
    assert (rows(database)[1].code, rows(database)[1].reply) == (554, "the mail cannot be made")


def test_a_fault_of_ours_stops_the_run_and_gives_everything_back(database: Database) -> None:
    ledger(database, 3)

    def wrong_template(delivery: Delivery) -> Mail:
        raise SettingsError("a template is wrong")

    with pytest.raises(SettingsError):
        run(database, Mailserver(), writer=wrong_template)
    assert states(database) == ["queued"] * 3


# --- the same mail each time


def test_a_mail_is_the_same_bytes_with_the_same_message_id_on_every_attempt(database: Database) -> None:
    ledger(database, 2)
    settings = config.load(shipped("config.toml"))
    server, clock = Mailserver().refuse(451, 451), Clock()
    for _ in range(2):  # two processes, at two times
        writer = Writer(settings, database, shipped_press(), Tokens("one secret"))
        run(database, server, clock, writer=writer)
        clock.forward(minutes=6)

    first, first_again, second, second_again = sorted(server.tried, key=lambda mail: mail.recipient)
    assert (first, second) == (first_again, second_again)
    assert message_id(first) != message_id(second)
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in first.message


def message_id(mail: Mail) -> bytes:
    [line] = [line for line in mail.message.split(b"\r\n") if line.startswith(b"Message-ID: ")]
    return line


# --- many workers


@pytest.fixture
def elsewhere(database: Database, tmp_path: Path) -> Journals:
    """The journals of another machine, which cannot see ours."""
    return Journals(tmp_path / "another machine", database.name)


@pytest.mark.on_both
def test_a_worker_that_lost_its_lease_before_it_began_sends_nothing(
    database: Database, elsewhere: Journals
) -> None:
    ledger(database, 2)
    ours, theirs, clock = Mailserver(), Mailserver(), Clock()

    def slowly(delivery: Delivery) -> Mail:
        if not theirs.mails:
            clock.forward(seconds=HOLD.lease_seconds + 1)
            assert run(database, theirs, clock, settings=RESEND, machine=elsewhere) == {SENT: 2}
        return write(delivery)

    run(database, ours, clock, writer=slowly)
    assert [mail.recipient for mail in ours.tried] == [reader(1)], "it was being written when the lease ended"
    assert states(database) == ["sent", "sent"]


@pytest.mark.on_both
def test_what_a_silent_worker_had_not_begun_when_it_was_given_up_comes_back_from_it(
    database: Database, elsewhere: Journals
) -> None:
    ledger(database, 5)
    server, clock = Mailserver(), Clock()

    def stall() -> None:
        clock.forward(seconds=HOLD.lease_seconds + 1)
        assert run(database, Mailserver(), clock, machine=elsewhere) == {}
        assert states(database) == ["in-doubt"] * 5, "nobody else can know what it has begun"

    server.meanwhile(lambda: None).meanwhile(stall)
    assert run(database, server, clock) == {SENT: 2}
    assert run(database, server, clock) == {SENT: 3}
    assert [mail.recipient for mail in server.mails] == [reader(number) for number in range(1, 6)]


@pytest.mark.on_both
@pytest.mark.parametrize("settings", [HOLD, RESEND], ids=["hold", "resend"])
def test_the_lease_of_a_lost_machine_is_not_about_rows_that_others_have_claimed_since(
    database: Database, elsewhere: Journals, settings: config.Delivery
) -> None:
    ledger(database, 4)
    clock, lost = Clock(), journals(database).open()
    with database.transaction() as connection:
        batch, _ = claims.claim(
            connection, now=clock(), token=lost.new_claim(), until=clock() + LEASE, limit=9
        )
        later = [(clock() + timedelta(minutes=5), delivery) for delivery in batch]
        claims.defer(connection, later, now=clock())
    lost.close(remove=True)  # the machine is gone, with its disk
    server, theirs = Mailserver(), Mailserver()

    def look_elsewhere() -> None:
        clock.forward(minutes=10)
        run(database, theirs, clock, settings=settings, machine=elsewhere)

    clock.forward(minutes=6)
    server.meanwhile(look_elsewhere)
    assert run(database, server, clock, settings=settings) == {SENT: 4}
    assert theirs.tried == []
    assert leased(database) == 0


def test_a_slow_batch_keeps_its_lease(database: Database, elsewhere: Journals) -> None:
    ledger(database, 2)
    clock = Clock()
    ours = Mailserver()
    ours.meanwhile(lambda: clock.forward(seconds=HOLD.lease_seconds - 1))
    ours.meanwhile(lambda: [clock.forward(seconds=2), run(database, Mailserver(), clock, machine=elsewhere)])

    assert run(database, ours, clock) == {SENT: 2}
    assert states(database) == ["sent", "sent"]


def test_a_living_process_on_the_same_machine_keeps_its_rows_however_the_clock_leaps(
    database: Database,
) -> None:
    ledger(database, 2)
    clock, ours, theirs = Clock(), Mailserver(), Mailserver()
    ours.meanwhile(lambda: [clock.forward(days=1), run(database, theirs, clock)])

    assert run(database, ours, clock) == {SENT: 2}
    assert theirs.tried == []


# --- a worker dies


class Fatal:
    """A mailbox folder that kills its process once it has a reader's mail."""

    def __init__(self, folder: Path, address: str) -> None:
        self._maildir, self._address = Maildir(path=folder), address

    def connect(self) -> AbstractContextManager[Session]:
        return self._maildir.connect()

    def check(self) -> str:
        return self._maildir.check()

    def carry(
        self, mails: Iterator[Mail | Pause], *, ending: Callable[[Mail], None]
    ) -> Iterator[tuple[Mail, Reply | TransportError]]:
        for mail, reply in self._maildir.carry(mails, ending=ending):
            if mail.recipient == self._address:
                os._exit(9)
            yield mail, reply


def die_after_the_end(folder: Path, url: str) -> None:
    with store(folder, url=url) as database:
        run(database, Fatal(folder / "mail", reader(2)))


def die_before_the_end(folder: Path, url: str) -> None:
    def fatal(delivery: Delivery) -> Mail:
        if delivery.address == reader(2):
            os._exit(9)
        return write(delivery)

    with store(folder, url=url) as database:
        run(database, Maildir(path=folder / "mail"), writer=fatal)


def in_another_process(work: Callable[[Path, str], None], folder: Path, url: str) -> None:
    process = multiprocessing.get_context("spawn").Process(target=work, args=(folder, url))
    process.start()
    process.join()
    assert process.exitcode == 9


def mailboxes(folder: Path) -> dict[str, int]:
    return {box.name: len(list(box.glob("new/*"))) for box in (folder / "mail").iterdir()}


ONE_EACH = {reader(1): 1, reader(2): 1, reader(3): 1}


@pytest.mark.on_both
def test_killed_between_sending_and_recording_the_mail_is_in_doubt_and_nobody_gets_a_second(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    ledger(database, 3)
    in_another_process(die_after_the_end, tmp_path, database_url)
    assert states(database) == ["claimed"] * 3

    assert run(database, Maildir(path=tmp_path / "mail")) == {SENT: 1}
    assert states(database) == ["sent", "in-doubt", "sent"]
    assert mailboxes(tmp_path) == ONE_EACH


def test_killed_there_where_the_settings_say_resend_the_same_mail_is_sent_again(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    ledger(database, 3)
    in_another_process(die_after_the_end, tmp_path, database_url)

    assert run(database, Maildir(path=tmp_path / "mail"), settings=RESEND) == {SENT: 2}
    assert mailboxes(tmp_path) == ONE_EACH, "the mailbox knows the Message-ID"


def test_killed_before_sending_every_mail_is_sent_once_by_the_next_run(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    ledger(database, 3)
    in_another_process(die_before_the_end, tmp_path, database_url)
    assert states(database) == ["claimed"] * 3

    assert run(database, Maildir(path=tmp_path / "mail")) == {SENT: 2}
    assert states(database) == ["sent"] * 3
    assert mailboxes(tmp_path) == ONE_EACH


@pytest.mark.on_both
def test_rows_of_a_worker_elsewhere_that_is_not_heard_of_are_in_doubt_until_its_journal_settles_them(
    database: Database, database_url: str, tmp_path: Path, elsewhere: Journals
) -> None:
    ledger(database, 3)
    in_another_process(die_after_the_end, tmp_path, database_url)
    server, clock = Mailserver(), Clock(MORNING + LEASE)
    assert run(database, server, clock, machine=elsewhere) == {}, "the lease still holds"
    clock.forward(seconds=1)
    assert run(database, server, clock, machine=elsewhere) == {}
    assert states(database) == ["in-doubt"] * 3

    assert run(database, server, clock) == {SENT: 1}
    assert states(database) == ["sent", "in-doubt", "sent"]
    assert [mail.recipient for mail in server.mails] == [reader(3)]


@pytest.mark.on_both
def test_where_such_mails_are_sent_again_they_are_once_the_lease_is_over(
    database: Database, database_url: str, tmp_path: Path, elsewhere: Journals
) -> None:
    ledger(database, 3)
    in_another_process(die_after_the_end, tmp_path, database_url)
    server, clock = Mailserver(), Clock(MORNING + LEASE + timedelta(seconds=1))

    assert run(database, server, clock, settings=RESEND, machine=elsewhere) == {SENT: 3}
    assert run(database, server, clock, settings=RESEND) == {}, "the journal is of no avail any more"


def test_after_the_machine_went_down_all_of_the_claim_is_in_doubt_that_had_not_ended(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    ledger(database, 3)
    in_another_process(die_before_the_end, tmp_path, database_url)
    [page] = (tmp_path / "journal").iterdir()
    head, *lines = page.read_bytes().partition(b"\0")[0].splitlines()
    _, name = json.loads(head)
    page.write_bytes(b"\n".join([json.dumps(["another boot", name]).encode(), *lines]) + b"\n")

    assert run(database, Mailserver()) == {}
    assert states(database) == ["sent", "in-doubt", "in-doubt"]


def test_a_journal_that_was_torn_while_it_was_written_is_read_as_far_as_it_goes(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    ledger(database, 3)
    in_another_process(die_after_the_end, tmp_path, database_url)
    [page] = (tmp_path / "journal").iterdir()
    content = page.read_bytes().partition(b"\0")[0]
    page.write_bytes(content[: content.rindex(b"\n", 0, -1) + 5])  # in the middle of the last line

    assert run(database, Mailserver()) == {SENT: 2}
    assert states(database) == ["sent"] * 3
    assert list((tmp_path / "journal").iterdir()) == []


def test_the_journal_of_another_database_is_left_alone(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    ledger(database, 3)
    in_another_process(die_after_the_end, tmp_path, database_url)
    other = Journals(tmp_path / "journal", "sqlite:///another.db")

    assert list(other.left_behind()) == []
    assert [
        len(remains.begun) for remains in Journals(tmp_path / "journal", database.name).left_behind()
    ] == [1]


# --- what follows from what a dead process has heard


class Told:
    """What follows for readers, written down; or a database that refuses just then."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.taken: list[int] = []
        self.refused: list[tuple[int, Reply]] = []
        self._refuses = refuses

    def heard(
        self,
        connection: sa.Connection,
        *,
        taken: Sequence[int],
        refused: Sequence[tuple[int, Reply]],
        now: datetime,
    ) -> None:
        if self._refuses:
            raise StoreError("the disk is full")
        self.taken += taken
        self.refused += refused


NOBODY = Reply(code=550, enhanced="5.1.1", text="no such user")
OUR_FAULT = Reply(code=550, enhanced="5.7.1", text="not accepted by policy", of_sender=True)
TOO_FAST = Reply(code=421, enhanced="4.7.0", text="too many mails, slow down")


def letter(delivery: Delivery) -> Mail:
    """Write a mail that knows which letter it is, as the program does."""
    return Mail(
        envelope_from="digest@digest.example",
        recipient=delivery.address,
        message=write(delivery).message,
        delivery_id=delivery.id,
        variant_id=1,
    )


def die_of_the_fifth(folder: Path, url: str) -> None:
    server = Mailserver()
    for reply in (NOBODY, TAKEN, OUR_FAULT, TOO_FAST):
        server.says(reply)
    server.meanwhile(lambda: os._exit(9))
    with store(folder, url=url) as database:
        run(database, server, writer=letter)


@pytest.mark.on_both
def test_what_a_dead_process_has_heard_counts_for_its_readers_and_the_rates_once(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    ledger(database, 5)
    in_another_process(die_of_the_fifth, tmp_path, database_url)
    [page] = (tmp_path / "journal").iterdir()
    written = page.read_bytes()

    with pytest.raises(StoreError):  # killed again, before it is recorded
        run(database, Mailserver(), after=Told(refuses=True))
    assert states(database) == ["claimed"] * 5

    told = Told()
    assert run(database, Mailserver(), after=told) == {}
    assert states(database) == ["failed", "sent", "queued", "queued", "in-doubt"]
    assert told.taken == [2]
    assert told.refused == [(1, NOBODY), (3, OUR_FAULT)]
    with database.transaction() as connection:
        [pace] = paces.get(connection, paces.learnt(connection)).values()
    assert (pace.key, pace.rate) == ("@mail.example", 4 / FLUSH.total_seconds() / 2)

    page.write_bytes(written)  # killed once more, before the journal was removed
    again = Told()
    assert run(database, Mailserver(), after=again) == {}
    assert list((tmp_path / "journal").iterdir()) == []
    assert (again.taken, again.refused) == ([], [])


def die_of_the_third(folder: Path, url: str) -> None:
    def unfit(delivery: Delivery) -> Mail:
        if delivery.address == reader(1):
            raise MessageError("its To would not read as meant")
        return letter(delivery)

    server = Mailserver().break_before_the_end().meanwhile(lambda: os._exit(9))
    with store(folder, url=url) as database:
        run(database, server, Clock(MORNING + EXPIRY), writer=unfit)


def test_what_no_server_said_counts_for_nobody(database: Database, database_url: str, tmp_path: Path) -> None:
    """A mail that cannot be made fails, and so does one whose line broke where its time is over."""
    ledger(database, 3)
    in_another_process(die_of_the_third, tmp_path, database_url)

    told = Told()
    assert run(database, Mailserver(), Clock(MORNING + EXPIRY), after=told) == {}
    assert states(database) == ["failed", "failed", "in-doubt"]
    assert (told.taken, told.refused) == ([], [])


class Mortal(Database):
    """A database that kills its process after a transaction, once it is told to."""

    dies = False

    @contextmanager
    def transaction(self, *, alone: bool = True) -> Iterator[sa.Connection]:
        with super().transaction(alone=alone) as connection:
            yield connection
        if self.dies:
            os._exit(9)


def die_once_it_is_marked(folder: Path, url: str) -> None:
    with store(folder, kind=Mortal, url=url) as database:
        server = Mailserver().says(NOBODY).meanwhile(lambda: setattr(database, "dies", True))
        run(database, server, writer=letter, after=Told())


@pytest.mark.on_both
def test_what_a_process_has_told_of_is_not_told_again_though_its_journal_still_has_it(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    ledger(database, 2)
    in_another_process(die_once_it_is_marked, tmp_path, database_url)
    assert states(database) == ["failed", "sent"]
    pages = [page.read_bytes() for page in (tmp_path / "journal").iterdir()]
    assert [page.count(NOBODY.text.encode()) for page in sorted(pages, key=len)] == [0, 1]

    again = Told()
    assert run(database, Mailserver(), after=again) == {}
    assert (again.taken, again.refused) == ([], [])


def test_where_the_ledger_dies_in_mid_run_the_journal_tells_the_next_one(tmp_path: Path) -> None:
    with store(tmp_path, kind=Interrupted) as database:
        assert isinstance(database, Interrupted)
        ledger(database, 3)
        server = Mailserver()

        def die() -> None:
            database.before(1, die)
            raise StoreError("the disk is full")

        server.meanwhile(lambda: None)
        server.meanwhile(lambda: None)
        server.meanwhile(lambda: database.before(1, die))
        with pytest.raises(StoreError):
            run(database, server)
        database.before(0, die)  # there is room again
        assert states(database) == ["claimed"] * 3
        assert run(database, server) == {}
        assert states(database) == ["sent"] * 3
        assert len(server.mails) == 3


def test_while_it_is_stopping_no_mail_is_begun_and_what_is_left_is_due(database: Database) -> None:
    ledger(database, 3)
    server = Mailserver()
    outcome = deliver(
        database,
        server,
        HOLD,
        write=writes(write),
        journals=journals(database),
        governor=Governor(config.Settings()),
        clock=Clock(),
        stopping=lambda: len(server.mails) == 1,
    )

    assert outcome[SENT] == 1
    assert states(database) == ["sent", "queued", "queued"]
