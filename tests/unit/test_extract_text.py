"""A page saved as text: the story comes out whole and verbatim, the furniture stays behind."""

import textwrap
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digest.clean import clean_text
from digest.extract import lines
from digest.extract.page import Page
from digest.extract.text import read_text

STORY = (
    """SALTMERE — The harbour council voted on Monday to rebuild the old lighthouse, which had been dark \
since the storm of three winters ago, and to pay for it with a toll on pleasure boats.""",
    """“We have waited long enough for somebody else to do it,” said Marta Quill, who has led the council \
for nine years and had opposed the plan when it was first put forward.""",
    """The work is to begin in the spring and will take about two years, according to the engineers, who \
found that the foundations were sounder than they had been led to expect.""",
    """Boat owners were less pleased. Their club said that it had not been asked, and that most of its \
members would rather moor in the next bay than pay what the council wants from them.""",
    "The toll comes before the full council again in December, when the amount is to be settled.",
)
HEADLINE = "Lighthouse to shine again as council votes for a toll"
PAGE = f"""Skip to content

Home » News » Harbour

{HEADLINE}

By Ada Finch - Mar 3,2024 - Last updated at Mar 4,2024

STORY

57 users have voted.

Add new comment

What is 4 + 6?

Related articles

How to tie a bowline

Friday 7 June 2025

Subscribe to our newsletter
""".replace("STORY", "\n\n".join(STORY))

GERMAN = """Sie sind hier: Startseite › Region

Der Leuchtturm wird wieder leuchten

Von Ada Fink - 3.4.2024 - Aktualisiert am 4.4.2024

SALZMEER — Der Hafenrat hat am Montag beschlossen, den alten Leuchtturm wieder aufzubauen, der seit dem \
Sturm vor drei Wintern dunkel geblieben ist, und dafür eine Abgabe auf Sportboote zu erheben.

„Wir haben lange genug darauf gewartet, dass es ein anderer tut“, sagte Marta Kiel, die den Rat seit neun \
Jahren leitet und anfangs gegen den Plan gewesen war.

Die Arbeiten sollen im Frühjahr beginnen und nach Angaben der Ingenieure etwa zwei Jahre dauern, weil die \
Fundamente besser erhalten sind, als man erwartet hatte.

34 Leser haben abgestimmt.

Kommentar schreiben

Freitag, 7. Juni 2025

Newsletter abonnieren
"""


def test_a_page_becomes_its_article() -> None:
    assert read_text(PAGE) == Page(
        title=HEADLINE,
        author="Ada Finch",
        published=date(2024, 3, 3),
        modified=date(2024, 3, 4),
        dateline="SALTMERE",
        votes=57,
        section="Harbour",
        body=STORY,
    )


@pytest.mark.parametrize(
    "line", ["12 people liked this.", "Fifty users have voted.", "Be the first to comment."]
)
def test_a_label_below_the_story_is_no_part_of_it(line: str) -> None:
    assert read_text(PAGE.replace("57 users have voted.", line)).body == STORY


def test_a_german_page_becomes_its_article() -> None:
    page = read_text(GERMAN)
    assert (page.title, page.author) == ("Der Leuchtturm wird wieder leuchten", "Ada Fink")
    assert (page.published, page.modified) == (date(2024, 4, 3), date(2024, 4, 4))
    assert (page.dateline, page.votes, page.section) == ("SALZMEER", 34, "Region")
    assert [paragraph.split()[0] for paragraph in page.body] == ["SALZMEER", "„Wir", "Die"]


def test_language_settles_an_ambiguous_date() -> None:
    page = PAGE.replace("Mar 3,2024 - Last updated at Mar 4,2024", "03/04/2024")
    assert read_text(page).published == date(2024, 3, 4)
    assert read_text(page, language="en-gb").published == date(2024, 4, 3)


def test_a_date_below_the_story_is_never_the_storys() -> None:
    page = read_text(PAGE.replace(" - Mar 3,2024 - Last updated at Mar 4,2024", ""))
    assert (page.published, page.modified, page.author) == (None, None, "Ada Finch")


def test_a_date_above_the_headline_serves_when_none_is_nearer() -> None:
    page = "March 5, 2024\n\nHome\n\nNews\n\nSport\n\nWeather\n\n" + PAGE.replace(
        "Mar 3,2024 - Last updated at Mar 4,2024", ""
    )
    assert read_text(page).published == date(2024, 3, 5)


def test_the_sites_name_is_cut_off_the_headline_where_it_also_stands_alone() -> None:
    top = f"{HEADLINE} | The Saltmere Post"
    assert read_text(top + "\n\n" + PAGE).title == HEADLINE
    assert (
        read_text(PAGE.replace(f"\n{HEADLINE}\n", f"\n{top}\n").replace("Related articles", HEADLINE)).title
        == HEADLINE
    )


def test_a_dumped_headings_mark_is_no_part_of_the_headline() -> None:
    assert read_text(PAGE.replace(HEADLINE, f"# {HEADLINE}")).title == HEADLINE


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_text_without_furniture_comes_out_whole(count: int) -> None:
    page = read_text("\n\n".join(STORY[:count]))
    assert page.body == STORY[:count]
    assert page.title is None


def test_a_headline_over_a_plain_text_is_found() -> None:
    page = read_text("\n\n".join((HEADLINE, *STORY)))
    assert (page.title, page.body) == (HEADLINE, STORY)


@pytest.mark.parametrize(
    "text",
    [
        "The mayor resigned on Monday.",
        "市长周一宣布辞职，市政府表示将在下周选举新的市长。\n\n选举将于下周举行。",
        "महापौर ने सोमवार को इस्तीफा दे दिया और परिषद ने कहा कि चुनाव होगा।\n\nयह निर्णय लंबी चर्चा के बाद लिया गया।",
        "أعلن رئيس البلدية استقالته يوم الاثنين.\n\nوقالت البلدية إن الانتخابات ستجرى في ديسمبر المقبل.",
    ],
)
def test_short_and_unfamiliar_texts_are_not_thrown_away(text: str) -> None:
    assert read_text(text).body == tuple(text.split("\n\n"))


@pytest.mark.parametrize("width", [60, 72, 100])
def test_paragraphs_filled_to_a_width_are_joined(width: int) -> None:
    filled = "\n\n".join(textwrap.fill(paragraph, width) for paragraph in (HEADLINE, *STORY))
    assert read_text(filled).body == STORY


def test_filled_paragraphs_need_no_empty_line_between_them() -> None:
    filled = "\n".join(textwrap.fill(paragraph, 72, break_on_hyphens=False) for paragraph in STORY)
    assert read_text(filled).body == STORY


def test_items_of_a_filled_text_stay_apart() -> None:
    text = "\n".join((textwrap.fill(" ".join(STORY), 72), "* " + "a" * 70, "* " + "b" * 70))
    assert [block.text[:3] for block in lines.split_blocks(text)][-2:] == ["* a", "* b"]


@pytest.mark.parametrize(
    "text",
    ["", " \n\t\n", "\x00\ufeff\n", "Home\nMenu\nLog in\n© 2024 All rights reserved", "57 users have voted."],
)
def test_a_page_that_is_all_furniture_has_no_story(text: str) -> None:
    assert read_text(text) == Page()


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000,
        "ab cd. " * 15_000,
        "\u00a0" * 100_000,
        "By A " * 20_000,
        '."' * 50_000,
        "Read more about this\n" * 5_000,
        "\n\n".join(f"{i} {STORY[0]}" for i in range(500)),
    ],
    ids=["letters", "words", "no-break spaces", "names", "ends", "many lines", "many paragraphs"],
)
def test_a_hostile_size_is_read_all_the_same(text: str) -> None:
    assert isinstance(read_text(text), Page)


def test_the_model_has_a_weight_for_each_feature() -> None:
    own, places = lines.describe(lines.split_blocks(PAGE))
    around = lines.around(lines.split_blocks(PAGE), [0.5] * len(own))
    weights = lines._weights()
    assert (
        {len(row) for row in own}
        == {len(lines.OWN)}
        == {len(weights[k]) for k in ("own", "before", "after", "own2")}
    )
    assert (
        {len(row) for row in places} == {len(lines.PLACE)} == {len(weights["place"]), len(weights["place2"])}
    )
    assert {len(row) for row in around} == {len(lines.AROUND)} == {len(weights["around"])}


@given(
    st.lists(st.one_of(st.text(), st.sampled_from([*STORY, *PAGE.split("\n")])), max_size=12),
    st.sampled_from("\n\r\u2028"),
)
@example(["\x00a\r\nb", "c\u2029d"], "\n")
def test_every_paragraph_stands_verbatim_and_in_order_in_the_text(pieces: list[str], end: str) -> None:
    text = end.join(pieces)
    rest = clean_text(text)
    for paragraph in read_text(text).body:
        assert paragraph.strip(" ")
        _, found, rest = rest.partition(paragraph)
        assert found
