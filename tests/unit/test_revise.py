"""What counts as a change, what does not, and what of it readers hear."""

import dataclasses
from datetime import date
from typing import Any

import pytest
from issues import article, issue, section, story

from digest.model import Article, Correction, Earlier, Issue, Revision, Sentence, Story
from digest.revise import corrections_of, plain, quoted, recognises, reread

BODY = (
    "Twelve houses lost their roofs in the night. The mayor opened the school for 340 people.",
    "Power came back at noon on Tuesday. The ferry stays in port until the wind drops.",
)
WALL = ("We and our 812 partners store cookies on your device.", "Accept all to read on, or manage them.") * 9


def told(**changes: Any) -> Article:
    return article(1, **({"title": "Storm takes roofs", "body": BODY} | changes))


def sent(*stories: Story, **changes: Any) -> Issue:
    return issue(section("World", *stories), **changes)


def storm(*, sentences: int = 3) -> Issue:
    return sent(story(told(), sentences=sentences))


def changed(before: str, after: str, lead: Article | None = None) -> Article:
    lead = lead or told()
    return dataclasses.replace(lead, body=tuple(part.replace(before, after) for part in lead.body))


def found(now: Article, issues: tuple[Issue, ...] = ()) -> tuple[Correction, ...]:
    return corrections_of(issues or (storm(),), {told().id: now})


# --- the same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("He said “no”.", 'He said "no".'),
        ("Il a dit « non » !", "Il a dit «non»!"),
        ("It’s 12 000 – or more…", "It's 12000—or more..."),
        ("One  two\u00a0three", "One two three"),
        ("Flood\u00adbar\u200brier", "Floodbarrier"),
        ("Ships, boats, and rafts", "Ships, boats and rafts"),
        ("BARRIER OPENS", "Barrier opens"),
        ("Cafe\u0301 opens", "Café opens"),
    ],
)
def test_white_space_quotation_marks_dashes_commas_and_capitals_are_no_change(one: str, other: str) -> None:
    assert plain(one) == plain(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It cost 1.5 million.", "It cost 15 million."),
        ("It cost 1,5 million.", "It cost 15 million."),
        ("It cost one million.", "It cost one billion."),
        ("12 died.", "13 died."),
        ("He is now guilty.", "He is not guilty."),
        ("The “thief” left.", "The thief left."),
        ("Is it over?", "Is it over."),
        ("At -5 degrees", "At 5 degrees"),
    ],
)
def test_a_letter_a_digit_or_a_quotation_is_a_change(one: str, other: str) -> None:
    assert plain(one) != plain(other)


# --- recognised


def test_an_edited_text_is_recognised_and_a_wall_a_teaser_or_another_article_is_not() -> None:
    whole = told().text

    assert recognises(whole, changed("Twelve", "Nine").text)
    assert recognises(whole, f"{whole} A crane fell.")
    assert not recognises(whole, "\n\n".join(WALL))
    assert not recognises(whole, BODY[0])
    assert not recognises(BODY[0], f"{whole} {BODY[0]}")
    assert not recognises(whole, article(2, body=("Nothing of it is here.",) * 20).text)
    assert not recognises(whole, "")
    assert not recognises("", whole)


def test_a_text_as_long_as_a_book_is_not_compared() -> None:
    assert recognises("word " * 40_000, "word " * 40_000)
    assert not recognises("word " * 40_001, "word " * 40_001)


# --- reread


def test_a_page_that_says_the_same_in_other_marks_changes_nothing() -> None:
    page = dataclasses.replace(told(), title="STORM TAKES ROOFS", body=tuple(f" {part} " for part in BODY))
    assert reread(told(), page, titled=True) is None


def test_a_page_with_an_edited_sentence_gives_its_text_and_its_headline_only_where_that_was_the_pages() -> (
    None
):
    page = dataclasses.replace(changed("Twelve", "Nine"), title="Storm takes nine roofs")
    titled, untitled = (reread(told(), page, titled=way) for way in (True, False))

    assert titled
    assert untitled
    assert (titled.title, titled.body, titled.id) == (page.title, page.body, told().id)
    assert (untitled.title, untitled.body) == (told().title, page.body)


def test_a_page_that_only_says_more_changes_nothing() -> None:
    assert reread(told(), told(body=(*BODY, "Read also: the ferry.")), titled=True) is None


@pytest.mark.parametrize("body", [WALL, BODY[:1], ("Page not found.",)])
def test_a_page_that_is_not_plainly_the_article_changes_nothing(body: tuple[str, ...]) -> None:
    assert reread(told(), told(title="Before you continue", body=body), titled=True) is None


# --- corrections


def test_a_quoted_sentence_that_was_edited_is_listed_with_the_one_in_its_place() -> None:
    assert found(changed("Twelve", "Nine")) == (
        Correction(
            revision=Revision.EDITED,
            told=Earlier(date=date(2015, 10, 21), number=57),
            source="northern-wire",
            title="Storm takes roofs",
            url="https://wire.example/1",
            was="Twelve houses lost their roofs in the night.",
            now="Nine houses lost their roofs in the night.",
            language="en",
        ),
    )


def test_a_sentence_that_no_issue_quoted_is_not_listed() -> None:
    assert found(changed("ferry", "boat"), (storm(sentences=2),)) == ()


def test_a_quoted_sentence_that_is_gone_is_listed_without_another() -> None:
    [correction] = found(told(body=(BODY[0], BODY[1].replace("Power came back at noon on Tuesday. ", ""))))
    assert (correction.was, correction.now) == ("Power came back at noon on Tuesday.", "")


def test_a_sentence_that_is_only_part_of_another_stands_there_no_more() -> None:
    [correction] = found(changed("Power came back at", "It is not true that power came back at"))
    assert correction.now == "It is not true that power came back at noon on Tuesday."


def test_sentences_that_stand_in_other_paragraphs_still_stand() -> None:
    assert found(told(body=(" ".join(BODY),))) == ()
    assert found(told(body=tuple(f"{part}." for part in " ".join(BODY)[:-1].split(". ")))) == ()


def test_a_new_headline_is_listed_and_one_in_capitals_is_not() -> None:
    [correction] = found(told(title="Storm takes nine roofs"))

    assert (correction.revision, correction.was, correction.now) == (
        Revision.RETITLED,
        "Storm takes roofs",
        "Storm takes nine roofs",
    )
    assert found(told(title="STORM TAKES ROOFS")) == ()


def test_an_article_without_text_is_gone_and_nothing_else_is_said_of_it() -> None:
    [correction] = found(told(title="Removed", body=()))
    assert (correction.revision, correction.title, correction.was, correction.now) == (
        Revision.GONE,
        "Storm takes roofs",
        "",
        "",
    )


def test_a_text_that_is_not_plainly_the_article_says_nothing_about_its_headline_either() -> None:
    assert found(told(title="Before you continue", body=WALL)) == ()


def test_what_is_not_stored_any_more_is_not_listed() -> None:
    assert corrections_of((storm(),), {}) == ()


def test_what_an_issue_has_listed_is_not_listed_again_even_where_it_changes_once_more() -> None:
    first = found(changed("Twelve", "Nine"))
    later = dataclasses.replace(sent(number=58, date=date(2015, 10, 22)), corrections=first)

    assert found(changed("Twelve", "Nine"), (storm(), later)) == ()
    assert found(changed("Twelve", "Ten"), (storm(), later)) == ()


def test_what_two_issues_told_is_listed_once_for_the_later_one() -> None:
    again = dataclasses.replace(storm(), number=58, date=date(2015, 10, 22))
    [correction] = found(changed("Twelve", "Nine"), (storm(), again))
    assert correction.told.number == 58


def test_what_is_gone_comes_before_what_is_edited_and_that_before_new_headlines() -> None:
    leads = [told(url=f"https://wire.example/{number}") for number in (1, 2, 3)]
    stored = {
        leads[0].id: dataclasses.replace(leads[0], title="Another"),
        leads[1].id: changed("Twelve", "Nine", leads[1]),
        leads[2].id: dataclasses.replace(leads[2], body=()),
    }
    listed = corrections_of((sent(*map(story, leads)),), stored)
    assert [correction.revision for correction in listed] == ["gone", "edited", "retitled"]


def test_a_sentence_of_another_telling_is_held_against_that_one() -> None:
    other = article(2, source="observer", body=("The observer counted ninety roofs on the quay.",))
    text = other.body[0]
    quote = Sentence(text=text, start=0, end=len(text), article=other.id)
    lead = story(told(), also=[other], sentences=1)
    whole = dataclasses.replace(lead, summary=(*lead.summary, quote))
    now = dataclasses.replace(other, title="Other", body=(text.replace("ninety", "nine"),))

    assert quoted(whole) == (told(), other)
    assert quoted(lead) == (told(),)
    [correction] = corrections_of((sent(whole),), {told().id: told(), other.id: now})
    assert (correction.source, correction.title, correction.url) == ("observer", told().title, other.url)
    assert correction.now == "The observer counted nine roofs on the quay."
