"""What is printed around a story: dates, authors, datelines, votes."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.extract.byline import find_dates, read_author, read_dateline, read_dates, read_votes

DAY = date(2015, 10, 21)


def days(line: str, language: str | None = None) -> list[object]:
    return [found.when for found in find_dates(line, language=language)]


@pytest.mark.parametrize(
    "line",
    [
        "2015-10-21",
        "2015/10/21",
        "Oct 21,2015",
        "Oct. 21, 2015",
        "October 21st, 2015",
        "21 October 2015",
        "21st of October 2015",
        "21-Oct-2015",
        "21.10.2015",
        "10/21/2015",
        "21/10/2015",
        "2015年10月21日",
        "2015년 10월 21일",
        "Mittwoch, 21. Oktober 2015",
        "le 21 octobre 2015",
        "21 de octubre de 2015",
        "21 ottobre 2015",
        "21 de outubro de 2015",
        "21 oktober 2015",
        "21 Ekim 2015",
        "٢١ أكتوبر ٢٠١٥",
        "21 تشرين الأول 2015",
        "21 октября 2015",
        "21 października 2015",
    ],
)
def test_a_day_is_read_however_it_is_printed(line: str) -> None:
    assert days(line) == [DAY]


def test_a_moment_with_its_offset_stays_a_moment() -> None:
    assert days("2015-10-21T10:30:00+03:00") == [
        datetime(2015, 10, 21, 10, 30, tzinfo=timezone(timedelta(hours=3)))
    ]
    assert days("2015-10-21 10:30 Z") == [datetime(2015, 10, 21, 10, 30, tzinfo=UTC)]
    assert days("2015-10-21 10:30 -0530") == [
        datetime(2015, 10, 21, 10, 30, tzinfo=timezone(-timedelta(hours=5, minutes=30)))
    ]


def test_a_time_without_an_offset_leaves_the_day_alone() -> None:
    assert days("2015-10-21T10:30:00") == [DAY]


def test_language_settles_which_number_is_the_month() -> None:
    assert days("03/04/2026") == [date(2026, 3, 4)]
    assert days("03/04/2026", "en-us") == [date(2026, 3, 4)]
    assert days("03/04/2026", "en-gb") == [date(2026, 4, 3)]
    assert days("03/04/2026", "fr") == [date(2026, 4, 3)]
    assert days("3.4.2026") == [date(2026, 4, 3)]


@pytest.mark.parametrize(
    "line",
    ["31 February 2015", "2015-13-40", "21 bananas 2015", "Oct 21", "21 October 0015", "2015-10-21T99:99Z 1"],
)
def test_what_is_no_day_of_the_calendar_is_no_date(line: str) -> None:
    assert [when for when in days(line) if not isinstance(when, date) or when != DAY] == []


def test_a_word_like_updated_makes_a_date_the_modified_one() -> None:
    assert read_dates(["By Reuters - Oct 21,2015 - Last updated at Oct 22,2015"]) == (DAY, date(2015, 10, 22))
    assert read_dates(["Aktualisiert am 22.10.2015, veröffentlicht am 21.10.2015"]) == (
        DAY,
        date(2015, 10, 22),
    )
    assert read_dates(["Publié le 21 octobre 2015", "Mis à jour le 22 octobre 2015"]) == (
        DAY,
        date(2015, 10, 22),
    )
    assert read_dates(["آخر تحديث 21 أكتوبر 2015"]) == (None, DAY)


def test_the_second_date_of_a_line_is_the_modified_one_even_without_a_word() -> None:
    assert read_dates(["Oct 21, 2015 | Oct 23, 2015", "Jan 1, 2019"]) == (DAY, date(2015, 10, 23))


def test_lines_without_a_date_give_none() -> None:
    assert read_dates(["By Reuters", ""]) == (None, None)


@pytest.mark.parametrize(
    ("line", "author"),
    [
        ("By Reuters - Oct 21,2015 - Last updated at Oct 21,2015", "Reuters"),
        ("BY JANE DOE", "JANE DOE"),
        ("By Jane Doe and John Smith", "Jane Doe and John Smith"),
        ("By Ana de la Cruz, John Smith and Al B. Cee | World", "Ana de la Cruz, John Smith and Al B. Cee"),
        ("By Jane Doe, Staff Writer", "Jane Doe"),
        ("By Jane Doe on Monday", "Jane Doe"),
        ("By Gazette correspondent - Nov 20,2026", "Gazette correspondent"),
        ("Published August 7, 2023 by Nicole Burke", "Nicole Burke"),
        ("Written by Nicole Burke", "Nicole Burke"),
        ("Von Dr. Almut Reimers - 20.11.2026", "Dr. Almut Reimers"),
        ("Par Jean Dupont, publié le 3 octobre 2015", "Jean Dupont"),
        ("Por María López y Juan Pérez | 21 de octubre de 2015", "María López y Juan Pérez"),
        ("di Mario Rossi 3 gennaio 2020", "Mario Rossi"),
        ("16 augustus 2019 door Piet de Vries", "Piet de Vries"),
        ("20 Kasım 2026 Ali Veli tarafından", "Ali Veli"),
        ("21 أكتوبر 2015 بقلم محمد علي", "محمد علي"),
        ("Автор: Иван Петров, 21 октября 2015", "Иван Петров"),
        ("Reuters November 18, 2019 11:03 PM", "Reuters"),
    ],
)
def test_a_byline_names_its_authors_as_printed(line: str, author: str) -> None:
    assert read_author(line) == author


def test_a_byline_may_go_on_in_the_next_line() -> None:
    assert read_author("By", "Jane Doe") == "Jane Doe"
    assert read_author("Written by:", "") is None


@pytest.mark.parametrize(
    "line",
    [
        "By the end of the day the council had voted.",
        "By 2030, half of them will be gone",
        "By subscribing you agree",
        "By Jove!",
        "The mayor resigned.",
        "",
        "By " + "Jane " * 100,
        "By " + "Jane " * 20,
    ],
)
def test_what_names_nobody_gives_no_author(line: str) -> None:
    assert read_author(line) is None


@pytest.mark.parametrize(
    ("paragraph", "place"),
    [
        ("BAGHDAD — The alliance", "BAGHDAD"),
        ("BAGHDAD—The alliance", "BAGHDAD"),
        ("WASHINGTON (AP) - The", "WASHINGTON"),
        ("WASHINGTON, D.C. — The", "WASHINGTON, D.C."),
        ("PARIS, Oct 3 (Reuters) - The", "PARIS"),
        ("NEW YORK, Nov. 3, 2015 /PRNewswire/ -- The", "NEW YORK"),
        ("KUALA LUMPUR, Malaysia (AP) — The", "KUALA LUMPUR, Malaysia"),
        ("PORT-SAINT-ORME — The", "PORT-SAINT-ORME"),
        ("ST. LOUIS — A", "ST. LOUIS"),
        ("İSTANBUL – Bir", "İSTANBUL"),
        ("Hamburg (dpa) – Der", "Hamburg"),
        ("Hamburg (dpa/lno) – Der", "Hamburg"),
        ("London — The mayor", "London"),
        ("بغداد (رويترز) - قال", "بغداد"),
    ],
)
def test_a_dateline_gives_its_place_as_printed(paragraph: str, place: str) -> None:
    assert read_dateline(paragraph) == place


@pytest.mark.parametrize(
    "paragraph",
    [
        "The mayor resigned on Monday.",
        "He — who had waited — left",
        "Well-known fact - The mayor",
        "Hamburg – Der Bürgermeister",
        "Four Very Long Words — The",
        "(Reuters) — The",
        "PHOTO — The harbour",
        "WASHINGTON: The",
        "the city (AP) - The",
        "A — The",
        "2015 — The year",
        "",
    ],
)
def test_a_paragraph_that_opens_otherwise_has_no_dateline(paragraph: str) -> None:
    assert read_dateline(paragraph) is None


@pytest.mark.parametrize(
    ("line", "votes"),
    [
        ("57 users have voted.", 57),
        ("12 votes", 12),
        ("Votes: 1,204", 1204),
        ("Average: 4.5 (12 votes)", 12),
        ("34 Leser haben abgestimmt.", 34),
        ("1.204 Stimmen", 1204),
        ("57 lecteurs ont voté", 57),
        ("57 lectores han votado", 57),
        ("57 utenti hanno votato", 57),
        ("57 leitores votaram", 57),
        ("57 lezers hebben gestemd", 57),
        ("57 kişi oy verdi", 57),
        ("صوّت 57 قارئا", 57),
        ("Проголосовало 57 человек", 57),
    ],
)
def test_votes_are_counted_in_many_languages(line: str, votes: int) -> None:
    assert read_votes(line) == votes


@pytest.mark.parametrize(
    "line",
    [
        "The bill passed with 50 votes",
        "Fifty users have voted",
        "57 users",
        "9" * 40 + " votes",
        "votes " * 40 + "1",
        "",
    ],
)
def test_other_lines_count_no_votes(line: str) -> None:
    assert read_votes(line) is None


@given(st.text())
def test_no_line_breaks_the_readers(line: str) -> None:
    assert all(line[date.start : date.end].strip() for date in find_dates(line))
    for found in (read_author(line, line), read_dateline(line)):
        assert found is None or found.strip()
    assert (read_votes(line) or 0) >= 0
