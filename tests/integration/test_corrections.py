"""Corrections in the letter, in its text and on the page: the same, safe, and never too much of them."""

import dataclasses
import json
import re
from datetime import date
from typing import Any

import pytest
from issues import article, correction, issue, masthead, sample, section, slots, story
from lxml import html as lxml_html
from makers import shipped_press, wishes
from test_archive_pages import PAST, Pages, pages, publish, tree  # noqa: F401 - a fixture
from test_render import LANGUAGES, links, words

from digest.message import html_octets
from digest.model import Correction, Issue, Letter, Revision
from digest.pipeline import LARGEST_LETTER, print_letter, web_letter
from digest.plain import from_json, to_json
from digest.render import fill, render
from digest.render.pieces import excerpts
from digest.tailor import Variant, tailor
from digest.wishes import Frequency, Wishes

PRESS = shipped_press()
HOSTILE = "<b onload=alert(1)> {{ 7 * 7 }} &amp; \"'></td> %(num)s"
ALL = (
    correction(1),
    correction(2, now=""),
    correction(3, revision=Revision.RETITLED, was="Headline 3", now="Another headline 3"),
    correction(4, revision=Revision.GONE, was="", now=""),
    correction(
        5, source="minaret", title="مكتبة الميناء", was="كانت مفتوحة.", now="كانت مغلقة.", language="ar"
    ),
)


def corrected(*corrections: Correction) -> Issue:
    return issue(section("World", story(article(9))), corrections=corrections)


def printed(made: Issue, language: str = "en") -> Letter:
    return fill(render(made, masthead(language=language), environment=PRESS), slots())


def errata(page: Any) -> list[str]:
    return [words(each) for each in page.find_class("erratum")]


def flat(text: str) -> str:
    return " ".join(text.split())


def test_each_correction_tells_issue_source_headline_and_what_changed() -> None:
    page = lxml_html.document_fromstring(printed(corrected(*ALL)).html)

    assert errata(page) == [
        "Headline 1 No. 56 · 20 Oct 2015 · Northern Wire It said: It cost 1 million. Now it says: It cost 1 billion.",
        "Headline 2 No. 56 · 20 Oct 2015 · Northern Wire It said: It cost 2 million. That sentence is no longer there.",
        "Headline 3 No. 56 · 20 Oct 2015 · Northern Wire Its headline is now: Another headline 3",
        "Headline 4 No. 56 · 20 Oct 2015 · Northern Wire The article is no longer at its address.",
        "مكتبة الميناء No. 56 · 20 Oct 2015 · منارة الساحل It said: كانت مفتوحة. Now it says: كانت مغلقة.",
    ]
    [theirs] = page.xpath("//bdi[@lang='ar'][contains(., 'مغلقة')]")
    assert theirs.get("dir") == "rtl"


def test_an_issue_without_corrections_does_not_speak_of_them() -> None:
    letter = printed(corrected())
    assert "Corrections" not in letter.html + letter.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_letter_text_and_page_hold_the_same_corrections_in_every_language(
    language: str,
    pages: Pages,  # noqa: F811
) -> None:
    made = corrected(*ALL)
    letter = printed(made, language)
    html = lxml_html.document_fromstring(letter.html)
    told = [
        part
        for one in ALL
        for part in (one.title, one.was if one.revision is Revision.EDITED else "", one.now)
    ]
    whole = words(html.get_element_by_id("corrections").getroottree().getroot())
    heading = PRESS.speak(language)[2].gettext("Corrections")

    assert links(html) == re.findall(r"<(\S+:\S+)>", letter.text)
    assert (language == "en") == (heading == "Corrections") or language == "fr"
    for text in (whole, flat(letter.text)):
        position = text.index(f"{heading} ")
        for part in told:
            position = text.index(part, position)

    publish(pages, made)
    page = tree(pages.visitor().open(f"{PAST}?lang={language}").was(200))
    assert errata(page) == errata(html)


def test_what_a_correction_quotes_is_printed_literally_everywhere(pages: Pages) -> None:  # noqa: F811
    made = corrected(correction(1, title=HOSTILE, source=HOSTILE, was=HOSTILE, now=f"{HOSTILE}!"))
    letter = printed(made)
    publish(pages, made)
    page = tree(pages.visitor().open(PAST).was(200))

    for shown in (lxml_html.document_fromstring(letter.html), page):
        [erratum] = errata(shown)
        assert erratum.count(HOSTILE) == 4
        assert not shown.xpath("//*[@onload]")
    assert flat(letter.text).count(HOSTILE) == 4


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", None])
def test_a_correction_that_leads_not_to_the_web_is_no_link(url: str | None) -> None:
    page = lxml_html.document_fromstring(printed(corrected(correction(1, url=url))).html)
    assert not page.xpath("//h3/a[contains(., 'Headline 1')]")


def test_a_letter_prints_five_and_says_how_many_more_there_are_and_where() -> None:
    letter = printed(corrected(*map(correction, range(1, 201))))
    page = lxml_html.document_fromstring(letter.html)

    assert len(errata(page)) == 5
    [rest] = page.xpath("//a[contains(., '195 more corrections')]")
    assert rest.get("href") == "https://digest.example/issues/57#corrections"
    assert f"195 more corrections\n<{rest.get('href')}>" in letter.text


def test_what_everybody_may_see_has_them_all(pages: Pages) -> None:  # noqa: F811
    made = corrected(*map(correction, range(1, 21)))
    whole = lxml_html.document_fromstring(web_letter(made, masthead(), PRESS, letter="issue").html)
    publish(pages, made)

    assert len(errata(whole)) == len(errata(tree(pages.visitor().open(PAST).was(200)))) == 20


@pytest.mark.parametrize("letter", ["word ", "港", "👩‍👩‍👧‍👦", '&"<'])
def test_a_letter_with_two_hundred_long_corrections_still_fits_and_keeps_its_stories(letter: str) -> None:
    long = letter * 30_000
    many = [
        correction(
            number,
            title=long[:300],
            source=long[:300],
            was=long,
            now=f"{long}!",
            url=f"https://wire.example/{'x' * 1900}",
        )
        for number in range(200)
    ]
    blank = print_letter(
        dataclasses.replace(sample(), corrections=tuple(many)), masthead(), PRESS, letter="issue"
    )

    assert html_octets(blank) <= LARGEST_LETTER
    assert all(told.lead.title in blank.html for told in sample().stories)


def test_two_long_sentences_are_cut_to_where_they_part() -> None:
    long = "word " * 200
    was, now = excerpts(f"{long}cost 12 million. {long}", f"{long}cost 13 million. {long}")

    assert (len(was), was[0], was[-1]) == (302, "…", "…")
    assert "cost 12 million." in was
    assert "cost 13 million." in now
    assert excerpts("short", "shorter") == ("short", "shorter")
    assert all("港湾" in text for text in excerpts("港" * 999 + "港湾", "港" * 999 + "港湾港"))


def test_a_tailored_letter_keeps_the_corrections_whatever_its_reader_wishes() -> None:
    older = dataclasses.replace(corrected(correction(1)), number=56, date=sample().date.replace(day=20))
    newest = corrected(correction(2))
    alone = Variant(wishes=Wishes(minutes=1), since=older.date)
    both = Variant(wishes=Wishes(frequency=Frequency.WEEKLY), since=date.min)
    minutes = tailor([newest], alone, wishes(), votes={})
    weekly = tailor([older, newest], both, wishes(), votes={})

    assert minutes.corrections == newest.corrections
    assert weekly.corrections == (*newest.corrections, *older.corrections)


def test_a_frozen_issue_gives_its_corrections_back() -> None:
    made = corrected(*ALL)
    assert from_json(Issue, json.loads(json.dumps(to_json(made)))) == made
