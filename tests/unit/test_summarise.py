import subprocess
import sys

import pytest

from digest.summarise import Method, summarise
from digest.summarise.words import words

RATING = [method for method in Method if method not in {Method.DIGEST, Method.LEAD}]
FULL = [
    method for method in Method if method is not Method.DIGEST
]  # those that give as many as are asked for

FLOOD = """Flood closes the bridge

The river Elbe rose above its banks on Monday night. The flood closed the old bridge and two schools.

What now?

Engineers of the city said that the flood had damaged the bridge badly. Many people slept in a sports hall.
The mayor promised help to all people whose houses the flood has reached. It was his birthday on that day.

Read more

Repairs of the bridge after the flood may take a year, the engineers of the city said."""


def texts(text: str, **wishes: object) -> list[str]:
    return [sentence.text for sentence in summarise(text, **wishes)]  # type: ignore[arg-type]


def test_lead_takes_the_first_sentences() -> None:
    assert texts(FLOOD, sentences=2, method=Method.LEAD) == [
        "The river Elbe rose above its banks on Monday night.",
        "The flood closed the old bridge and two schools.",
    ]


@pytest.mark.parametrize("method", Method)
def test_every_method_quotes_the_text_in_its_order(method: Method) -> None:
    summary = summarise(FLOOD, sentences=3, method=method, language="en")
    assert len(summary) in ({1, 2, 3} if method is Method.DIGEST else {3})
    assert all(FLOOD[sentence.start : sentence.end] == sentence.text for sentence in summary)
    assert sorted(summary, key=lambda sentence: sentence.start) == list(summary)


@pytest.mark.parametrize("method", RATING)
def test_every_method_of_sumy_looks_past_a_beside_the_point_beginning(method: Method) -> None:
    text = (
        "It was the warmest day of the year. The storm tore roofs in Bern. The flood closed schools in Basel."
        " The fire burnt barns in Chur. The storm, flood and fire cost Bern, Basel and Chur millions."
        " The fire burnt for days."
    )
    title = "Storm, flood and fire cost millions"
    best = {
        Method.SUMBASIC: "The fire burnt for days.",
        Method.KL: "The fire burnt barns in Chur.",
    }.get(method, "The storm, flood and fire cost Bern, Basel and Chur millions.")
    assert texts(text, sentences=1, method=method, title=title, language="en") == [best]


@pytest.mark.parametrize("method", Method)
def test_headings_fragments_and_questions_of_two_words_are_not_chosen(method: Method) -> None:
    chosen = texts(FLOOD, sentences=7, method=method, language="en")
    assert not {"Flood closes the bridge", "What now?", "Read more"} & set(chosen)


def test_what_is_unfit_fills_a_summary_that_would_be_too_short() -> None:
    text = "Really?\n\nIt rained on the whole of the coast.\n\nA heading"
    assert texts(text, sentences=2, method=Method.LEAD) == ["Really?", "It rained on the whole of the coast."]
    assert texts(text, sentences=2) == ["It rained on the whole of the coast."]


@pytest.mark.parametrize("count", [2, 3, 10])
def test_a_summary_is_never_longer_than_its_text(count: int) -> None:
    text = "It rained on the coast. It snowed in the hills."
    assert texts(text, sentences=count, method=Method.LEAD) == [
        "It rained on the coast.",
        "It snowed in the hills.",
    ]


@pytest.mark.parametrize("count", [0, -1])
def test_no_sentences_are_asked_for_and_none_given(count: int) -> None:
    assert summarise(FLOOD, sentences=count) == ()


@pytest.mark.parametrize("method", Method)
def test_a_sentence_said_twice_is_chosen_once_while_there_are_others(method: Method) -> None:
    said_twice = "The flood closed the bridge of the city."
    text = f"{said_twice} The mayor came to the bridge. {said_twice} The engineers of the city came too."
    assert texts(text, sentences=2, method=method, language="en").count(said_twice) <= 1
    if method in FULL:
        assert len(texts(text, sentences=4, method=method, language="en")) == 4


@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "!!! ??? ...",
        "1 2 3 4. 5 6 7 8. 9 10 11 12.",
        "One. Two. Three. Four.",
        "It rained on the coast. It snowed in the hills.",
        "That is what it is. It is what that was. So it was and is.",
        "Yes yes yes yes yes. Yes yes yes yes yes yes. Yes yes yes yes.",
    ],
    ids=["empty", "marks", "numbers", "words", "two sentences", "stop words", "one word"],
)
def test_what_cannot_be_rated_is_left_in_the_order_of_the_text(text: str, method: Method) -> None:
    found = summarise(text, sentences=100, method=Method.LEAD, language="en")
    assert summarise(text, sentences=1, method=method, language="en") in {(one,) for one in found} | {()}


@pytest.mark.parametrize("method", [Method.LEXRANK, Method.LSA])
def test_stop_words_alone_leave_the_lead(method: Method) -> None:
    text = "That is what it is. It is what that was. So it was and is."
    assert texts(text, sentences=1, method=method, language="en") == ["That is what it is."]


def test_edmundson_looks_for_the_words_of_the_title() -> None:
    text = "The sun shone on the sea. The bear ate all the honey. The sea was calm again. The moon rose late."
    wishes = {"sentences": 1, "method": Method.EDMUNDSON, "language": "en"}
    assert texts(text, title="A bear and his honey", **wishes) == ["The bear ate all the honey."]
    assert texts(text, **wishes) == ["The sun shone on the sea."]


def test_only_the_first_sentences_of_a_long_text_are_rated() -> None:
    long = " ".join(f"Sentence {'x' * n} has these {'y' * n} words." for n in range(1, 400))
    last = summarise(long, sentences=3, method=Method.LEXRANK, language="en")[-1]
    assert last.start < len(long) / 2


def test_asked_for_more_than_is_rated_the_lead_is_given() -> None:
    long = " ".join(f"This is the {'x' * n} of it." for n in range(1, 200))
    wishes = {"sentences": 150, "language": "en"}
    assert texts(long, method=Method.KL, **wishes) == texts(long, method=Method.LEAD, **wishes)


@pytest.mark.parametrize("language", ["pt-br", "pl", "el", "th", "ru", "tr", "ar", "zh", "xx", None])
@pytest.mark.parametrize("method", RATING)
def test_a_language_without_stemmer_or_stop_words_is_summarised_all_the_same(
    language: str | None, method: Method
) -> None:
    assert len(summarise(FLOOD, sentences=3, method=method, language=language)) == 3


@pytest.mark.parametrize("language", ["cs", "sk"])
def test_a_foreign_word_in_a_czech_or_slovak_text_is_no_trouble(language: str) -> None:
    text = "Město 東京 leží u moře. Praha leží na řece jménem Vltava. Obě města leží u vody."
    assert len(texts(text, sentences=2, method=Method.LEXRANK, language=language)) == 2


def test_chinese_is_rated_by_pairs_of_characters() -> None:
    text = "河水昨天晚上上涨了。洪水关闭了城里的老桥和学校。今天天气非常好。工程师说洪水损坏了城里的老桥。"
    assert texts(text, sentences=2, language="zh", method=Method.REDUCTION) == [
        "洪水关闭了城里的老桥和学校。",
        "工程师说洪水损坏了城里的老桥。",
    ]
    assert words("Uber在北京 2015 का प्रयोग") == ("Uber", "在北", "北京", "का", "प्रयोग")


def test_portuguese_stop_words_with_accents_are_known() -> None:
    from digest.summarise.language import stop_words  # noqa: PLC0415 - sumy is slow to import

    assert {"à", "éramos"} <= stop_words("portuguese")


def test_nothing_heavy_is_imported_until_a_text_is_rated() -> None:
    program = (
        "import sys; from digest.summarise import Method, summarise;"
        "summarise('It rained here all day. It snowed there all day.', sentences=1, method=Method.LEAD);"
        "print(sorted({'sumy', 'numpy', 'nltk'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"
