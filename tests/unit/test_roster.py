"""Files of readers: what other programs export is read row by row, and who must not be mailed is refused."""

import csv
import io
import tracemalloc
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import pytest

from digest.model import Subscriber, SubscriberState, SuppressionReason
from digest.roster import (
    CELL,
    COLUMNS,
    ROW,
    ROW_LINES,
    NotText,
    Refused,
    Row,
    harmless,
    read_rows,
    text_lines,
    write_rows,
)
from digest.wishes import Format, Frequency, Stance, Topic, Wishes

MORNING = datetime(2015, 10, 21, 6, tzinfo=UTC)


def rows(text: str, name: str = "readers.csv") -> list[Row | Refused]:
    return list(read_rows(text.splitlines(keepends=True), name=name))


def addresses(text: str, name: str = "readers.csv") -> list[str]:
    found = rows(text, name)
    assert [one for one in found if isinstance(one, Refused)] == []
    return [str(one.address) for one in found if isinstance(one, Row)]


def refusals(text: str, name: str = "readers.csv") -> list[tuple[int, str]]:
    return [(one.line, one.reason) for one in rows(text, name) if isinstance(one, Refused)]


def lines(content: bytes) -> tuple[list[str], list[str]]:
    """Give the lines of a file and what was said aloud of them."""
    said: list[str] = []
    return list(text_lines(io.BytesIO(content), note=said.append)), said


# --- whose export it is

LISTMONK = """\
uuid,email,name,attributes,status,created_at,updated_at
8c1,ann@mail.example,Ann,"{""city"": ""Bergen, NO""}",enabled,2024-01-02 03:04:05 +0000 UTC,2024-01-02 03:04:05 +0000
8c2,bob@mail.example,Bob,{},blocklisted,2024-01-02 03:04:05 +0000 UTC,2024-01-02 03:04:05 +0000 UTC
8c3,cyd@mail.example,"Dr, Cyd",{},disabled,2024-01-02 03:04:05 +0000 UTC,2024-01-02 03:04:05 +0000 UTC
"""

MAILCHIMP = """\
"Email Address","First Name","Last Name",Address,"Phone Number",MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,\
CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS
ann@mail.example,Ann,Lee,"1 Harbour St, Port Alder",,2,,,"2024-03-16 14:40:47",192.0.2.7,47.6,-122.2,-8,-7,\
America/Los_Angeles,US,WA,"2024-03-16 14:40:47",4487,c2cb,"called
twice","""
MAILCHIMP += '"""vip"", ""denver"""\n'


def test_listmonks_export_gives_its_enabled_readers_and_refuses_the_others_with_their_status() -> None:
    found = rows(LISTMONK)
    assert [str(one.address) for one in found if isinstance(one, Row)] == ["ann@mail.example"]
    assert refusals(LISTMONK) == [
        (3, "its status is 'blocklisted'; only active, confirmed, enabled, subscribed ones are imported"),
        (4, "its status is 'disabled'; only active, confirmed, enabled, subscribed ones are imported"),
    ]


def test_mailchimps_export_is_read_by_its_column_of_mail_addresses_and_not_the_postal_one() -> None:
    assert addresses(MAILCHIMP, "subscribed_members_export_15d1.csv") == ["ann@mail.example"]


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("UNSUB_TIME", "its UNSUB_TIME says that this reader left: '2024-02-03 10:00:00'"),
        ("CLEAN_TIME", "its CLEAN_TIME says that this reader could not be reached: '2024-02-03 10:00:00'"),
    ],
)
def test_mailchimps_rows_that_left_or_could_not_be_reached_are_refused(column: str, reason: str) -> None:
    text = f"Email Address,{column},LEID\nann@mail.example,2024-02-03 10:00:00,1\nbob@mail.example,,2\n"
    assert refusals(text) == [(2, reason)]
    assert [str(one.address) for one in rows(text) if isinstance(one, Row)] == ["bob@mail.example"]


@pytest.mark.parametrize(
    "name",
    [
        "unsubscribed_members_export_15d1.csv",
        "cleaned_email_audience_export_ab12.csv",
        "nonsubscribed_segment_export_1.csv",
        "Non-Subscribed_audience_export_1.csv",
    ],
)
def test_mailchimps_file_of_those_who_left_is_refused_by_its_name(name: str) -> None:
    [(line, reason)] = refusals(MAILCHIMP, name)
    assert (line, "the file's name says" in reason) == (2, True)


@pytest.mark.parametrize("name", ["cleaned_list.csv", "subscribed_members_export_1.csv", "export.csv"])
def test_another_name_says_nothing(name: str) -> None:
    assert addresses(MAILCHIMP, name) == ["ann@mail.example"]


def test_mailmans_csv_is_a_column_without_a_header() -> None:
    """Postorius writes nothing but the addresses."""
    assert addresses("ann@mail.example\r\nbob@mail.example\r\n") == ["ann@mail.example", "bob@mail.example"]


def test_mailmans_list_of_members_has_names_before_the_addresses() -> None:
    text = (
        "Ann Lee <ann@mail.example>\n"
        '"Person, Bob" <bob@mail.example>\n'
        "=?utf-8?q?J=C3=B6rg?= <cyd@mail.example>\n"
        "dee@mail.example <dee@mail.example>\n"
        "<eve@mail.example>\n"
        "Fay O'Neil <fay@mail.example>\n"
    )
    assert addresses(text) == [f"{name}@mail.example" for name in ("ann", "bob", "cyd", "dee", "eve", "fay")]


@pytest.mark.parametrize(
    "header", ["email", "E-Mail", "Email Address", "address", " e-mail address ", "EMAIL"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_column_of_addresses_is_found_by_its_name_whatever_parts_the_cells(
    header: str, delimiter: str
) -> None:
    text = f"Name{delimiter}{header}{delimiter}x@y\nAnn{delimiter}ann@mail.example{delimiter}b@c.example\n"
    assert addresses(text) == ["ann@mail.example"]


def test_a_comma_in_the_header_of_a_file_with_semicolons_is_no_delimiter() -> None:
    assert addresses("E-Mail;Name, Vorname\nann@mail.example;Lee, Ann\n") == ["ann@mail.example"]


@pytest.mark.parametrize("header", ["Adresse électronique,Nom", "Name;E-Mail-Adresse", "E-Mail-Adresse"])
def test_a_header_in_words_that_we_do_not_know_is_one_and_is_told(header: str) -> None:
    said: list[str] = []
    row = "Ann;ann@mail.example" if ";" in header else "ann@mail.example"
    found = list(read_rows([f"{header}\n", f"{row}\n"], note=said.append))
    assert [str(one.address) for one in found if isinstance(one, Row)] == ["ann@mail.example"]
    assert len(found) == 1
    assert said == ["line 1 is read as a header: it holds no mail address"]


def test_such_a_header_names_the_other_columns_all_the_same() -> None:
    text = "E-Mail-Adresse;Status;frequency\nann@mail.example;active;weekly\nbob@mail.example;gone;\n"
    [ann, bob] = rows(text)
    assert isinstance(ann, Row)
    assert ann.wishes.frequency is Frequency.WEEKLY
    assert isinstance(bob, Refused)
    assert "its status is 'gone'" in bob.reason


def test_a_first_row_without_an_address_is_no_header_where_none_follows() -> None:
    no_address = "it holds no mail address; is there a column called email?"
    assert refusals("nobody\n") == [(1, no_address)]
    assert sorted(refusals("[a]\nb = 1\n")) == [(1, no_address), (2, no_address)]
    said: list[str] = []
    list(read_rows(["email\n", "ann@mail.example\n"], note=said.append))
    assert said == []


def test_blank_lines_are_no_rows() -> None:
    assert addresses("\n\n  \nann@mail.example\n,,\n\nbob@mail.example") == [
        "ann@mail.example",
        "bob@mail.example",
    ]


def test_a_file_with_nothing_in_it_has_no_rows() -> None:
    assert rows("") == rows("\n\n") == rows("email\n") == []


# --- what is refused, and that nothing is lost in silence


def test_each_refused_row_has_its_line_and_what_stood_there() -> None:
    [_, second, third] = rows("name,email\nAnn,ann@mail.example\nBob,nobody\nCyd\n")
    assert second == Refused(line=3, reason="'nobody' is not a mail address: it has no @", address="nobody")
    assert third == Refused(line=4, reason="it holds no mail address; is there a column called email?")


@pytest.mark.parametrize(
    "row",
    [
        "ann@mail.example, bob@mail.example",
        "ann@mail.example; bob@mail.example",
        "ann@mail.example\tbob@mail.example",
        '"ann@mail.example, bob@mail.example"',
        "ann@mail.example bob@mail.example",
        '"ann@mail.example" <bob@mail.example>',
        "Ann <ann@mail.example>, Bob <bob@mail.example>",
    ],
)
def test_several_addresses_in_a_row_are_refused_and_not_only_the_first_one_taken(row: str) -> None:
    assert len(refusals(row)) == 1


@pytest.mark.parametrize(
    "text",
    ["ann@mail.example\0", "ann\u200b@mail.example", "ann@mail.example)bob@evil.test", "J�rg@mail.example"],
)
def test_what_hides_in_an_address_is_refused(text: str) -> None:
    [(_, reason)] = refusals(f"email\n{text}\n")
    assert reason.isprintable()


def test_an_address_that_lost_a_character_is_refused_with_a_hint() -> None:
    assert "saved in another encoding?" in refusals("j\N{REPLACEMENT CHARACTER}rg@mail.example")[0][1]


def test_a_quotation_mark_that_is_not_closed_costs_its_own_row_only() -> None:
    text = 'name,email\n"Ann,ann@mail.example\n' + "".join(
        f"Reader {n},reader{n}@mail.example\n" for n in range(500)
    )
    found = rows(text)
    assert [(one.line, one.reason) for one in found if isinstance(one, Refused)] == [
        (2, "a quotation mark in it is not closed")
    ]
    assert len(found) == 501


def test_one_that_is_not_closed_near_the_end_does_not_swallow_the_end() -> None:
    found = rows('name,email\nAnn,ann@mail.example\n"Bob,bob@mail.example\nCyd,cyd@mail.example')
    assert [type(one).__name__ for one in found] == ["Row", "Refused", "Row"]
    assert isinstance(found[1], Refused)
    assert found[1].line == 3


def test_one_that_another_row_closes_takes_nobody_with_it_in_silence() -> None:
    [refused, last] = rows(
        'name,email\n"Ann,ann@mail.example\n"Bob",bob@mail.example\nCyd,cyd@mail.example\n'
    )
    assert isinstance(refused, Refused)
    assert refused == Refused(
        line=2,
        reason="it runs on to line 3, which holds an address too; is a quotation mark missing?",
        address="bob@mail.example",
    )
    assert isinstance(last, Row)


def test_a_cell_may_run_over_several_lines_and_the_next_row_has_its_right_number() -> None:
    text = 'email,notes\nann@mail.example,"called\ntwice"\nnobody,\n'
    assert refusals(text) == [(4, "'nobody' is not a mail address: it has no @")]


def test_a_row_that_is_too_long_too_wide_or_has_too_long_a_cell_is_refused_and_the_next_one_read() -> None:
    long = "x" * (ROW + 10)
    wide = "," * (COLUMNS + 1)
    cell = "x" * (CELL + 1)
    deep = '"' + "\n" * (ROW_LINES + 5) + '"'
    for bad in (long, wide, cell, deep):
        found = rows(f"email,notes\nann@mail.example,{bad}\nbob@mail.example,\n")
        assert isinstance(found[0], Refused), bad[:3]
        assert isinstance(found[-1], Row), bad[:3]
        assert all(len(one.reason) < 200 for one in found if isinstance(one, Refused))


def test_a_status_that_says_nothing_of_consent_is_refused() -> None:
    assert refusals(
        "email,status\nann@mail.example,VIP\nbob@mail.example,Subscribed\ncyd@mail.example,\n"
    ) == [(2, "its status is 'VIP'; only active, confirmed, enabled, subscribed ones are imported")]


def test_what_a_cell_says_reaches_the_terminal_without_its_escape_sequences() -> None:
    text = "email,status,UNSUB_TIME\nann@mail.example,\x1b[2J,\nbob@mail.example,,\x1b]0;x\x07\nx\x1b[2J,,\n"
    assert all(reason.isprintable() for _, reason in refusals(text))
    assert len(refusals(text)) == 3


# --- wishes

WISHES = "email,frequency,hour,zone,topics,minutes,language,format\n"


def test_wishes_stand_in_columns_of_their_names() -> None:
    [row] = rows(f"{WISHES}ann@mail.example,weekly,7:00,Europe/Paris,sport=none science=more,5,de,text\n")
    assert isinstance(row, Row)
    assert row.wishes == Wishes(
        frequency=Frequency.WEEKLY,
        hour="07:00",
        zone="Europe/Paris",
        topics=(Topic(name="science", stance=Stance.MORE), Topic(name="sport", stance=Stance.NONE)),
        minutes=5,
        language="de",
        format=Format.TEXT,
    )


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("often,,,,,,", "its frequency is 'often' and not one of daily, weekdays, weekly"),
        (",25:00,,,,,", "its hour is '25:00'; write it as 07:00"),
        (",seven,,,,,", "its hour is 'seven'"),
        (",,Paris,,,,", "its zone is 'Paris'; use a name such as Europe/Paris"),
        (",,../../etc/passwd,,,,", "its zone is '../../etc/passwd'"),
        (",,,science,,,", "its topics are 'science'; write them as science=more sport=none"),
        (",,,science=adored,,,", "its topic is 'adored' and not one of more, usual, less, none"),
        (",,,,0,,", "its minutes are '0'"),
        (",,,,1000000000,,", "its minutes are '1000000000'"),
        (",,,,٣,,", "its minutes are '٣'"),
        (",,,,,English,", "its language is 'English'; write it as en or pt-br"),
        (",,,,,,pdf", "its format is 'pdf' and not one of html, text"),
    ],
)
def test_a_wish_that_cannot_be_read_is_refused_with_the_way_to_write_it(cells: str, reason: str) -> None:
    [(line, said)] = refusals(f"{WISHES}ann@mail.example,{cells}\n")
    assert (line, said[: len(reason)]) == (2, reason)


# --- ours


def reader(address: str, state: SubscriberState = SubscriberState.ACTIVE, **more: object) -> Subscriber:
    known = {"id": 1, "list": "daily", "since": MORNING, "consent": "operator"}
    return Subscriber(address=address, state=state, **(known | more))  # type: ignore[arg-type]


def written(*subscribers: Subscriber, suppressed: SuppressionReason | None = None) -> str:
    file = io.StringIO()
    write_rows([(one, suppressed) for one in subscribers], file)
    return file.getvalue()


def test_no_cell_that_is_written_is_a_formula_to_a_spreadsheet() -> None:
    starts = ["=cmd|'/c calc'!a", "+1", "-2", "@sum", "＝1", "'=1", "''-1"]
    text = written(*(reader(f"{start}@mail.example".replace("|'/c calc'!a", "")) for start in starts))
    for row in csv.DictReader(io.StringIO(text)):
        assert all(not cell.startswith(tuple("=+-@\t\r\n＝＋－＠")) for cell in row.values())


@pytest.mark.parametrize("cell", ["\tx", "\rx", "\nx", "=x", "'=x"])
def test_what_begins_as_a_formula_gets_an_apostrophe(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


def test_why_one_must_not_be_mailed_is_written_and_not_read() -> None:
    text = written(reader("ann@mail.example"), suppressed=SuppressionReason.HARD_BOUNCE)
    assert [row["suppressed"] for row in csv.DictReader(io.StringIO(text))] == ["hard-bounce"]
    assert rows(text) == rows(written(reader("ann@mail.example")))
    header, cells, _ = (line.rpartition(",")[0] for line in text.split("\n"))  # as it was written before
    assert rows(text) == rows(f"{header}\n{cells}\n")


def test_an_apostrophe_of_the_address_itself_stays() -> None:
    assert addresses("email\n'tis@mail.example\n'=x@mail.example\n''=x@mail.example\n") == [
        "'tis@mail.example",
        "=x@mail.example",
        "'=x@mail.example",
    ]


def test_our_own_file_gives_the_state_the_list_and_the_end_of_a_pause() -> None:
    until = MORNING.replace(month=12)
    text = written(
        reader("ann@mail.example"),
        reader("bob@mail.example", SubscriberState.PAUSED, paused_until=until, list="weekly"),
        reader("cyd@mail.example", SubscriberState.UNSUBSCRIBED),
        reader("dee@mail.example", SubscriberState.PENDING),
    )
    found = [one for one in rows(text) if isinstance(one, Row)]
    assert [(one.state.value, one.list, one.paused_until) for one in found] == [
        ("active", "daily", None),
        ("paused", "weekly", until),
        ("unsubscribed", "daily", None),
        ("pending", "daily", None),
    ]


def test_a_list_that_another_program_names_is_not_ours() -> None:
    [row] = rows("email,list,state\nann@mail.example,members@lists.example,active\n")
    assert isinstance(row, Row)
    assert row.list is None


@pytest.mark.parametrize(
    ("state", "reason"),
    [("erased", "its reader is forgotten"), ("gone", "its state is 'gone' and not one of")],
)
def test_a_state_in_our_own_file_that_is_none_is_refused(state: str, reason: str) -> None:
    text = written(reader("ann@mail.example")).replace(",active,", f",{state},")
    assert refusals(text)[0][1].startswith(reason)


def test_a_pause_whose_end_cannot_be_read_is_refused() -> None:
    text = "address,list,state,since,paused_until\nann@mail.example,daily,paused,,soon\n"
    assert refusals(text)[0][1].startswith("its paused_until is 'soon'")


# --- bytes

NAMES = "email\njörg@mail.example\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_utf_8_and_utf_16_are_read_with_and_without_a_byte_order_mark(encoding: str) -> None:
    assert lines(NAMES.encode(encoding)) == (["email\n", "jörg@mail.example\n"], [])


def test_latin_1_is_the_last_resort_and_said_aloud_once() -> None:
    content = "email\njörg@mail.example\nbjörn@mail.example\n".encode("latin-1")
    assert lines(content) == (
        ["email\n", "jörg@mail.example\n", "björn@mail.example\n"],
        ["line 2 is not UTF-8: it, and others like it, are read as Latin-1"],
    )


def test_one_broken_line_does_not_change_how_the_others_are_read() -> None:
    found, _ = lines(
        "jörg@mail.example\n".encode() + b"bj\xf6rn@mail.example\n" + "åse@mail.example\n".encode()
    )
    assert found == ["jörg@mail.example\n", "björn@mail.example\n", "åse@mail.example\n"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_on_unix_on_windows_and_on_old_macs(end: str) -> None:
    assert lines(f"email{end}ann@mail.example{end}".encode()) == (["email\n", "ann@mail.example\n"], [])


def test_a_last_line_without_an_end_is_read() -> None:
    assert lines(b"ann@mail.example\nbob@mail.example")[0] == ["ann@mail.example\n", "bob@mail.example\n"]


@pytest.mark.parametrize(
    "magic", [b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a"]
)
def test_an_archive_is_refused_with_what_to_do_and_never_opened(magic: bytes) -> None:
    with pytest.raises(NotText, match=r"unpack it, or save the sheet as CSV, and import that"):
        lines(magic + b"../../etc/cron.d/x" * 99)


@pytest.mark.parametrize("content", [b"", b"\n \r\n\t\n", b"\xef\xbb\xbf", "\n".encode("utf-16")])
def test_what_is_empty_is_refused(content: bytes) -> None:
    with pytest.raises(NotText, match="it is empty"):
        lines(content)


@pytest.mark.parametrize(
    "content",
    [b"\x89PNG\r\n\x1a\n\0\0", b"SQLite format 3\0", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", bytes(500)],
)
def test_what_is_no_text_is_refused(content: bytes) -> None:
    with pytest.raises(NotText, match="it is no text: save it as CSV, and import that"):
        lines(content)


def test_a_line_without_an_end_is_cut_and_counted_as_one_line() -> None:
    content = b"ann@mail.example\n" + b"x" * 1_000_000 + b"\nbob@mail.example\n"
    found, _ = lines(content)
    assert [len(line) for line in found] == [17, ROW + 2, 17]
    assert [type(one).__name__ for one in read_rows(found)] == ["Row", "Refused", "Row"]


class Endless(io.RawIOBase):
    """A file of so many rows, made while it is read."""

    def __init__(self, rows: Iterable[bytes]) -> None:
        self._rows, self._rest = iter(rows), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while len(self._rest) < len(buffer) and (row := next(self._rows, None)):
            self._rest += row
        taken, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def ten_thousand() -> Iterator[bytes]:
    yield b"email,name,notes\n"
    for number in range(10_000):
        yield b"reader%d@mail.example,Reader,%b\n" % (number, b"x" * 100)


def test_a_long_file_is_never_in_memory_as_a_whole() -> None:
    tracemalloc.start()
    try:
        file = io.BufferedReader(Endless(ten_thousand()))
        count = sum(1 for _ in read_rows(text_lines(file, note=lambda _: None)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 10_000
    assert peak < 600_000  # octets; the file has 1.4 million
