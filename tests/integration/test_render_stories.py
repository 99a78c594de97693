"""A story of several sources that goes on: whose words they are, what is new, and why it stands there."""

import dataclasses
import re
from datetime import date
from typing import Any

import pytest
from issues import SENTENCE, article, issue, masthead, section, slots, story
from lxml import html as lxml_html
from makers import shipped_press

from digest.model import Article, Earlier, Issue, Letter, Reason, Sentence, Story
from digest.render import Press, fill, render

ARCHIVE = "https://digest.example/archive"
LANGUAGES = ["ar", "de", "en", "es", "fr", "tr"]
WIRE = article(1, source="northern-wire", title="The barrier holds")
PHARE = article(
    2,
    source="le-phare",
    url="https://phare.example/2",
    body=("Nobody was hurt, the prefect said at dawn. He thanked nobody by name.",),
)


@pytest.fixture(scope="module")
def press() -> Press:
    return shipped_press()


def quoted(telling: Article, place: int) -> Sentence:
    """Give a sentence of an article that does not lead its story."""
    span = list(SENTENCE.finditer(telling.text))[place]
    return Sentence(text=span[0], start=span.start(), end=span.end(), article=telling.id)


def told(**changes: Any) -> Story:
    """Tell the story by two sentences of the one source and one of the other."""
    plain = story(WIRE, also=[PHARE])
    plain = dataclasses.replace(plain, summary=(*plain.summary, quoted(PHARE, 0)))
    return dataclasses.replace(plain, **changes)


def top(*stories: Story) -> Issue:
    return issue(dataclasses.replace(section("Top", *stories), title=""))


def printed(press: Press, what: Issue, **changes: Any) -> Letter:
    return fill(render(what, masthead(archive=ARCHIVE, **changes), environment=press), slots())


def words(letter: Letter) -> list[str]:
    """Give what the HTML and the text say, without line breaks."""
    page = lxml_html.document_fromstring(letter.html).text_content()
    return [" ".join(page.replace("\xa0", " ").split()), " ".join(letter.text.split())]


def links(letter: Letter) -> list[str]:
    page = lxml_html.document_fromstring(letter.html)
    return [href for href in page.xpath("//a/@href") if not href.startswith("#")]


def reasons(**values: float) -> tuple[Reason, ...]:
    return tuple(Reason(term=term, value=value, weight=1.0) for term, value in values.items())


@pytest.mark.parametrize("language", LANGUAGES)
def test_html_and_text_hold_the_same_links_in_the_same_order(press: Press, language: str) -> None:
    since = Earlier(date=date(2015, 10, 19), number=55)
    letter = printed(press, top(told(since=since, reasons=reasons(sources=0.5))), language=language)

    found = links(letter)
    assert found == re.findall(r"<(\S+:\S+)>", letter.text)
    assert f"{ARCHIVE}/daily/2015-10-19" in found


def test_a_sentence_of_another_source_names_it_and_leads_to_its_place_there(press: Press) -> None:
    letter = printed(press, top(told()))

    for whole in words(letter):
        assert "The second one says why. Nobody was hurt, the prefect said at dawn. (Le Phare)" in whole
    assert (
        "https://phare.example/2#:~:text=Nobody%20was%20hurt%2C%20the%20prefect%20said%20at%20dawn."
        in links(letter)
    )


def test_a_sentence_of_the_source_that_leads_names_none(press: Press) -> None:
    letter = printed(press, top(story(WIRE)))

    assert all("(Northern Wire)" not in whole for whole in words(letter))


def test_a_sentence_that_names_the_article_that_leads_is_its_own(press: Press) -> None:
    """As in a letter that joins what several issues told of a story."""
    plain = told()
    named = tuple(
        dataclasses.replace(sentence, article=sentence.article or WIRE.id) for sentence in plain.summary
    )
    letter, same = (printed(press, top(told(summary=summary))) for summary in (plain.summary, named))

    assert (same.html, same.text) == (letter.html, letter.text)


def test_a_story_told_by_another_source_alone_reads_on_at_the_beginning_of_its_own(press: Press) -> None:
    letter = printed(press, top(told(summary=(quoted(PHARE, 1),))))

    assert "https://wire.example/1" in links(letter)
    assert not [link for link in links(letter) if link.startswith("https://wire.example/1#")]


def test_a_story_that_goes_on_says_since_when_and_links_the_issue(press: Press) -> None:
    letter = printed(press, top(told(since=Earlier(date=date(2015, 10, 19), number=55))))

    assert all("What is new since 19 Oct 2015" in whole for whole in words(letter))
    assert f"{ARCHIVE}/daily/2015-10-19" in links(letter)


def test_a_list_without_an_open_archive_says_since_when_and_links_nothing(press: Press) -> None:
    since = Earlier(date=date(2015, 10, 19), number=55)
    letter = fill(render(top(told(since=since)), masthead(), environment=press), slots())

    assert all("What is new since 19 Oct 2015" in whole for whole in words(letter))
    assert not [link for link in links(letter) if "archive" in link]


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"sources": 0.5, "pickup": 0.1}, "2 sources tell it"),
        ({"sources": 0.5, "pickup": 0.5}, "2 sources told it within hours"),
        ({"votes": 0.9, "rarity": 0.6}, "among the most voted for · its source seldom writes"),
        ({"rarity": 0.9, "votes": 0.85}, "its source seldom writes · among the most voted for"),
        ({"readers": 0.2}, "readers of this letter vote for its source"),
        ({"topic": 1.0}, "you wished for more of this"),
    ],
)
def test_a_top_story_says_in_words_what_speaks_for_it_most_of_all_first(
    press: Press, terms: dict[str, float], said: str
) -> None:
    letter = printed(press, top(told(reasons=reasons(**terms)), story(article(9))))

    assert all(f"Why it stands here: {said}" in whole for whole in words(letter))


def test_the_only_story_needs_no_reason(press: Press) -> None:
    letter = printed(press, top(told(reasons=reasons(votes=1.0))))

    assert all("Why it stands here" not in whole for whole in words(letter))


@pytest.mark.parametrize("terms", [{}, {"sources": 0.0, "votes": 0.7, "freshness": 1.0, "length": 1.0}])
def test_a_story_that_nothing_much_speaks_for_says_nothing(press: Press, terms: dict[str, float]) -> None:
    letter = printed(press, top(told(reasons=reasons(**terms)), story(article(9))))

    assert all("Why it stands here" not in whole for whole in words(letter))


def test_a_reason_that_the_list_gives_no_weight_is_none(press: Press) -> None:
    weightless = (Reason(term="votes", value=1.0, weight=0.0),)

    assert "Why it stands here" not in printed(press, top(told(reasons=weightless), story(article(9)))).text


def test_a_story_below_the_top_keeps_its_reasons_to_itself(press: Press) -> None:
    letter = printed(press, issue(section("World", told(reasons=reasons(votes=1.0)), story(article(9)))))

    assert "Why it stands here" not in letter.text


def test_the_name_of_another_source_cannot_break_out_of_its_place(press: Press) -> None:
    titles = {"le-phare": "<script>alert(1)</script> & Le Phare"}
    letter = printed(press, top(told()), source_titles=titles)

    assert "<script>" not in letter.html
    assert "(<script>alert(1)</script> & Le Phare)" in words(letter)[1]
