"""What the method of our own chooses, from one article and from several."""

import pytest

from digest.model import Article, Method
from digest.sentences import sentences
from digest.summarise import summarise, summarise_story
from digest.summarise.novelty import Known
from digest.summarise.openings import is_torn, leans_back

HARBOUR = """The harbour of Port Alder will close for two weeks in May while its gates are rebuilt, the council said on
Monday. It is the first closure since 1978. Ferries will leave from Saltmarsh instead, and fishing boats may use the
old quay. Coffee was served. “We know that this is hard for the boats,” said Ines Okoro, who leads the council. “But
the gates are worn out.” The work costs four million and is paid by the county. Fishermen had asked for a later date,
because May is the best month for mackerel. A spokesman for the county declined to comment."""

BLOCKADE = """Fishermen will block the harbour of Port Alder on Friday to protest against the closure of its gates in
May. Forty boats have signed up for the blockade, said their union. The harbour closes for two weeks in May while its
gates are rebuilt. The union wants the county to pay each boat for the catch that it loses."""

RADIO = """The council of Port Alder met on Monday. The fishermen's union says that forty boats will join Friday's
blockade of the harbour. Rain is expected for the weekend."""


def article(text: str, source: str) -> Article:
    return Article(source=source, title="Harbour to close", body=(text.replace("\n", " "),), language="en")


LEAD, OTHER, THIRD = article(HARBOUR, "gazette"), article(BLOCKADE, "phare"), article(RADIO, "radio")


def test_it_takes_what_matters_and_passes_over_what_does_not() -> None:
    chosen = [sentence.text for sentence in summarise(LEAD.text, sentences=3, language="en")]
    assert chosen[0].startswith("The harbour of Port Alder will close")
    assert "Coffee was served." not in chosen


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 50])
def test_the_number_of_sentences_is_a_ceiling(count: int) -> None:
    assert 1 <= len(summarise(LEAD.text, sentences=count, language="en")) <= count


def test_more_sentences_may_be_asked_for_than_a_set_has() -> None:
    assert len(summarise(LEAD.text, sentences=6, language="en")) > 3


@pytest.mark.parametrize(
    ("sentence", "language"),
    [
        ("It is the first closure since 1978.", "en"),
        ("“But the gates are worn out.”", "en"),
        ("THIS IS IT.", "en"),
        ("Er kam zu spät.", "de"),
        ("Cependant, la mer monte.", "fr"),
        ("Но море спокойно.", "ru"),
        ("هذا هو اليوم الأول.", "ar"),
        ("He came late.", None),
    ],
)
def test_a_sentence_that_points_back_leans(sentence: str, language: str | None) -> None:
    assert leans_back(sentence, language)


@pytest.mark.parametrize(
    ("sentence", "language"),
    [
        ("Items were sold.", "en"),
        ("The harbour closes.", "en"),
        ("He kauhanga moana.", "mi"),
        ("Die Stadt schläft.", "de"),
        ("42.", None),
        ("", "en"),
    ],
)
def test_another_sentence_does_not_lean(sentence: str, language: str | None) -> None:
    assert not leans_back(sentence, language)


@pytest.mark.parametrize(
    ("sentence", "torn"),
    [
        ('It was cheap," said the cook.', True),
        ("“We know that this is hard.", True),
        ("the gates are worn out.”", True),
        ("„Wir wissen das.", True),
        ("“We know,” she said, “that it is hard.”", False),
        ("„So ist es“, sagte sie.", False),
        ("”Så är det”, sade hon.", False),
        ("»So ist es«, sagte sie.", False),
        ("The baker's oven.", False),
    ],
)
def test_a_quotation_that_is_cut_is_known(sentence: str, torn: bool) -> None:
    assert is_torn(sentence) is torn


@pytest.mark.parametrize("count", [2, 3])
def test_of_a_long_text_more_than_one_sentence_is_told(count: int) -> None:
    for text in (HARBOUR, " ".join(f"Boat {name} left the quay of {name}ton." for name in "ABCDEF")):
        assert len(summarise(text, sentences=count, language="en")) > 1


def test_every_sentence_leaning_leaves_the_beginning() -> None:
    text = "Late\n\nHe came home late. She was asleep by then. They had not talked for days."
    (only,) = summarise(text, sentences=3, language="en")
    assert only.text == "He came home late."


def test_a_story_of_several_articles_adds_what_the_lead_does_not_say() -> None:
    chosen = summarise_story([LEAD, OTHER, THIRD], sentences=4, method=Method.DIGEST)
    assert {sentence.article for sentence in chosen} > {None}
    added = " ".join(sentence.text for sentence in chosen if sentence.article)
    assert "block" in added
    assert "closes for two weeks" not in added


def test_the_opening_of_another_article_is_told_only_where_the_lead_has_nothing_new() -> None:
    opening = (
        "Prosecutors in Skarn searched the offices of two shipyards and took away eleven boxes of contracts."
    )
    raid = article(opening, "wire")
    told = [sentence.text for sentence in sentences(LEAD.text, "en")]

    beside = summarise_story([LEAD, raid], sentences=9, method=Method.DIGEST)
    alone = summarise_story([LEAD, raid], sentences=9, method=Method.DIGEST, told=told)
    assert all(sentence.article is None for sentence in beside)
    assert [sentence.text for sentence in alone] == [opening]


def test_at_least_half_of_a_full_summary_is_the_leads() -> None:
    chosen = summarise_story([LEAD, OTHER, THIRD], sentences=2, method=Method.DIGEST)
    assert sum(sentence.article is None for sentence in chosen) * 2 >= len(chosen) > 0


def test_the_same_article_twice_is_told_once() -> None:
    copy = article(HARBOUR, "echo")
    assert summarise_story([LEAD, copy], sentences=5, method=Method.DIGEST) == summarise(
        LEAD.text, sentences=5, title=LEAD.title, language="en"
    )


def test_other_methods_summarise_the_leading_article_alone() -> None:
    chosen = summarise_story([LEAD, OTHER], sentences=3, method=Method.LEAD)
    assert chosen == summarise(LEAD.text, sentences=3, method=Method.LEAD, language="en")


@pytest.mark.parametrize("method", [Method.DIGEST, Method.LEAD, Method.LEXRANK])
def test_nothing_new_is_nothing_said(method: Method) -> None:
    told = [sentence.text for sentence in sentences(LEAD.text, "en")]
    assert summarise_story([LEAD, article(HARBOUR, "echo")], sentences=3, method=method, told=told) == ()


def test_a_developing_story_tells_what_is_new() -> None:
    told = [sentence.text for sentence in sentences(LEAD.text, "en")]
    chosen = summarise_story([LEAD, OTHER], sentences=3, method=Method.DIGEST, told=told)
    assert chosen
    assert {sentence.article for sentence in chosen} == {OTHER.id}
    assert all("closes for two weeks" not in sentence.text for sentence in chosen)


def test_a_new_number_is_news() -> None:
    known = Known(["Twelve boats sank in the storm, and 12 men are missing."], "en")
    assert known.has("In the storm, twelve boats sank; 12 men are missing.")
    assert known.has("Twelve boats sank.")
    assert not known.has("Twelve boats sank in the storm, and 15 men are missing.")
    assert not known.has("The owner of the boats was arrested after the storm.")


def test_an_article_in_another_language_adds_nothing() -> None:
    text = "Die Fischer sperren am Freitag den Hafen. Vierzig Boote nehmen an der Blockade teil."
    german = Article(source="bote", title="Hafen gesperrt", body=(text,), language="de")
    chosen = summarise_story([LEAD, german], sentences=7, method=Method.DIGEST)
    assert chosen
    assert all(sentence.article is None for sentence in chosen)


def test_no_articles_are_no_story() -> None:
    assert summarise_story([], sentences=3, method=Method.DIGEST) == ()


LONG = "The bear of the forest ate all the honey of the bees. "


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("word " * 20_000 + "end.", 1),
        ("x" * 100_000 + ".", 1),
        (("x" * 25_000 + " ") * 4 + "x.", 1),
        (LONG * 50_000, 1),
        ("".join(f"Bear {at} met wolf {at * 7} in the wood. " for at in range(50_000)), 3),
        ("", 0),
        (" \n\n ", 0),
        ("1 2 3 4 5. 6 7 8 9 10. 11 12.", 3),
        ("Milk\n\nBread\n\nEggs\n\nButter", 3),
        ("a | b | c\n1 | 2 | 3\n4 | 5 | 6", 3),
        ("THE HARBOUR IS CLOSED. BOATS STAY AT THE QUAY. THE COUNCIL MEETS ON MONDAY. RAIN IS EXPECTED.", 3),
        (
            "The harbour closed. Гавань закрыта на две недели. 港口关闭两个星期。 أغلق الميناء أسبوعين كاملين.",
            3,
        ),
    ],
    ids=[
        "one sentence",
        "one word",
        "long words",
        "all the same",
        "50,000 sentences",
        "empty",
        "blank",
        "numbers",
        "list",
        "table",
        "capitals",
        "scripts",
    ],
)
def test_any_text_gives_a_bounded_verbatim_summary(text: str, count: int) -> None:
    chosen = summarise(text, sentences=3, title="x " * 50)
    assert min(count, 1) <= len(chosen) <= count
    assert all(text[sentence.start : sentence.end] == sentence.text for sentence in chosen)


def test_what_stands_far_back_in_a_very_long_text_is_not_read() -> None:
    text = "".join(f"Bear number {at} met a wolf in the wood. " for at in range(5_000))
    assert summarise(text, sentences=3, language="en")[-1].start < 100_000
