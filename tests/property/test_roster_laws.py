"""What holds for every file of readers: ours comes back as the same readers, and no file at all breaks the reading."""

import csv
import io
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from makers import UNTIMED

from digest.address import parse_address
from digest.model import Subscriber, SubscriberState
from digest.roster import NotText, Refused, Row, harmless, read_rows, text_lines, write_rows
from digest.wishes import Format, Frequency, Stance, Topic, Wishes

ATEXT = "abzAZ059!#$%&'*+-/=?^_`{|}~"
LOCALS = st.text(ATEXT, min_size=1, max_size=12) | st.text("'=+-äß", min_size=1, max_size=6)
ADDRESSES = st.builds("{}@{}".format, LOCALS, st.sampled_from(["mail.example", "bücher.example"])).map(
    lambda text: str(parse_address(text))
)
NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,8}", fullmatch=True)
STANCES = st.sampled_from([Stance.MORE, Stance.LESS, Stance.NONE])
TOPICS = st.dictionaries(NAMES, STANCES, max_size=4).map(
    lambda found: tuple(Topic(name=name, stance=stance) for name, stance in sorted(found.items()))
)
WISHES = st.builds(
    Wishes,
    frequency=st.sampled_from(Frequency),
    hour=st.none() | st.times().map(lambda time: f"{time:%H:%M}"),
    zone=st.none() | st.sampled_from(["Europe/Paris", "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT-14"]),
    topics=TOPICS,
    minutes=st.none() | st.integers(1, 999),
    language=st.none() | st.sampled_from(["en", "pt-br", "ar"]),
    format=st.sampled_from(Format),
)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - naive bounds, aware values


@st.composite
def subscribers(draw: st.DrawFn) -> Subscriber:
    state = draw(st.sampled_from([one for one in SubscriberState if one is not SubscriberState.ERASED]))
    return Subscriber(
        id=draw(st.integers(1)),
        list=draw(NAMES),
        address=draw(ADDRESSES),
        state=state,
        since=draw(MOMENTS),
        consent=draw(st.sampled_from(["operator", "web", "=import"])),
        wishes=draw(WISHES),
        paused_until=draw(st.none() | MOMENTS) if state is SubscriberState.PAUSED else None,
    )


def told(row: Row | Refused) -> tuple[object, ...]:
    assert isinstance(row, Row), row
    return str(row.address), row.list, row.state, row.paused_until, row.wishes


@UNTIMED
@given(st.lists(subscribers(), max_size=5), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_what_we_write_comes_back_as_the_same_readers(found: list[Subscriber], encoding: str) -> None:
    file = io.StringIO()
    write_rows([(one, None) for one in found], file)
    content = file.getvalue().encode(encoding)
    said: list[str] = []
    back = list(read_rows(text_lines(io.BytesIO(content), note=said.append)))
    assert said == []
    assert [told(row) for row in back] == [
        (one.address, one.list, one.state, one.paused_until, one.wishes) for one in found
    ]


@UNTIMED
@given(st.lists(subscribers(), max_size=5))
def test_no_cell_that_we_write_is_a_formula(found: list[Subscriber]) -> None:
    file = io.StringIO()
    write_rows([(one, None) for one in found], file)
    cells = (cell for row in csv.reader(io.StringIO(file.getvalue())) for cell in row)
    assert not any(cell.startswith(tuple("=+-@\t\r\n＝＋－＠")) for cell in cells)


@UNTIMED
@given(st.lists(ADDRESSES, min_size=1, max_size=6), st.sampled_from([",", ";", "\t"]), st.data())
def test_a_plain_list_gives_its_addresses_in_order(
    found: list[str], delimiter: str, data: st.DataObject
) -> None:
    """Whatever else stands in the other columns."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter)
    other = st.text(st.characters(codec="utf-8", exclude_characters="\0@"), max_size=8)
    writer.writerow(["Name", "E-Mail", "Notes"])
    for address in found:
        writer.writerow([data.draw(other), harmless(address), data.draw(other)])
    rows = list(read_rows(io.StringIO(file.getvalue(), newline="")))
    assert [str(row.address) for row in rows if isinstance(row, Row)] == found


HOSTILE = st.text(st.sampled_from("\"\n,;\t@a.'=<>\r\0"), max_size=60)


@UNTIMED
@given(HOSTILE | st.text(max_size=60))
def test_any_text_is_read_to_its_end_and_each_row_is_a_reader_or_has_its_reason(text: str) -> None:
    lines = text.split("\n")
    for row in read_rows(lines):
        assert 1 <= row.line <= len(lines)
        assert isinstance(row, Row) or row.reason


@UNTIMED
@given(st.binary(max_size=200))
def test_any_bytes_are_text_or_refused(content: bytes) -> None:
    try:
        lines = list(text_lines(io.BytesIO(content), note=lambda _: None))
    except NotText:
        return
    assert all(line.endswith("\n") and "\n" not in line[:-1] for line in lines)
    "".join(lines).encode()  # no surrogate is left


@UNTIMED
@given(st.lists(st.sampled_from(['"', "a@b.example", ",", "x", '""']), max_size=30), st.integers(0, 30))
def test_a_good_row_after_any_broken_ones_is_never_lost_in_silence(parts: list[str], cut: int) -> None:
    broken = "".join(parts[:cut]) + "\n" + "".join(parts[cut:]) + "\n"
    rows = list(read_rows(f"name,email\n{broken}Zoe,zoe@mail.example\n".splitlines(keepends=True)))
    last = rows[-1]
    if isinstance(last, Row):
        assert str(last.address) == "zoe@mail.example"
    else:
        assert last.line <= 4
