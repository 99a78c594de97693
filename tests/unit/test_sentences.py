"""Where sentences end. In the cases a | stands at each boundary inside the text."""

import pytest

from digest.sentences import sentences


def split(text: str, language: str | None = None) -> list[str]:
    return [sentence.text for sentence in sentences(text, language)]


def check(marked: str, language: str | None = None) -> None:
    assert "|".join(split(marked.replace("|", ""), language)) == marked.replace("| ", "|")


def test_a_sentence_is_a_verbatim_span_without_white_space_around() -> None:
    text = "  One here.\n\n\tTwo there!  "
    assert [(s.text, s.start, s.end) for s in sentences(text)] == [
        ("One here.", 2, 11),
        ("Two there!", 14, 24),
    ]
    assert all(s.text == text[s.start : s.end] for s in sentences(text))


@pytest.mark.parametrize("text", ["", " \n\t \u2028 "])
def test_white_space_holds_no_sentence(text: str) -> None:
    assert sentences(text) == ()


@pytest.mark.parametrize(
    "marked",
    [
        "It rained.| Nobody minded!| Why?| Who knows",
        "What?!| No!!!| Then silence.",
        "It rose 3.5 percent to $4.20.| Then it fell by .5 points.",
        "Read it at example.com.| Then write to us.",
        "In 2015.| Five came in 2016.| 2017 was better.",
        "I like phones.| iPhone sales rose.",
        "It is known.[1]| So is this.[12][13]| And that.",
        "$5 is enough.| €4 is not.| #1 wins.",
    ],
)
def test_stops_before_white_space_end_sentences(marked: str) -> None:
    check(marked, "en")


@pytest.mark.parametrize(
    "marked",
    [
        "Mr. Smith met Dr. Jones at 5 p.m. on Friday.| They left.",
        "Use a tool, e.g. Excel, i.e. a sheet.| It works.",
        "He lives near the U.S. Senate.| She left the U.S.| The move was hard.",
        "See No. 7 on the list.| No.| I will not.",
        "St. Petersburg is cold.| He lives on Main St. near the park.",
        "Apple Inc. Chief Tim Cook spoke.| He left Apple Inc.| The firm grew.",
        "Sen. Marco Rubio (R-Fla.) spoke on Oct. 5 in Washington, D.C.| He was brief.",
        "She has a Ph.D. in art.| He works at Smith & Co., it is said.",
        "The State vs. Jones, Vol. II, pp. 5-7, is long.",
        "J. P. Marsh wrote it.| J.R.R. Tolkien did not.| George W. Bush read it.",
    ],
)
def test_an_english_abbreviation_or_initial_ends_none_unless_a_usual_opener_follows(marked: str) -> None:
    check(marked, "en")
    check(marked)


@pytest.mark.parametrize(
    ("language", "marked"),
    [
        ("de", "Das gilt z. B. in Berlin bzw. Bonn.| Nr. 7 kostet ca. 5 Euro.| Dr. Müller zahlt."),
        ("fr", "M. Dupont et Mme. Durand sont là, av. J.-C. Rien.| L'art. 5 le dit.| Ils partent."),
        ("es", "El Sr. García vive en EE. UU. desde 2010.| ¿Por qué?| ¡No sé!"),
        ("it", "L'art. 18 è noto.| Il dott. Rossi della Fiat S.p.A. Torino lo sa."),
        ("pt-br", "O Sr. Silva e a Dra. Costa foram para o n. 5.| Eles voltaram para ir.| Tudo bem."),
        ("tr", "Doç. Dr. Kaya M.Ö. 500 yılını anlattı.| Sen de gel."),
        ("ru", "В 2015 г. Москва росла, т. е. богатела.| А. С. Пушкин жил на ул. Ленина.| Он умер."),
        ("hi", "डॉ. शर्मा बी.सी. में हैं.| वे ठीक हैं।"),
    ],
)
def test_other_languages_have_abbreviations_of_their_own(language: str, marked: str) -> None:
    check(marked, language)


@pytest.mark.parametrize(
    ("language", "marked"),
    [
        (
            "de",
            "Am 3. Oktober feiert man.| Im 20. Jahrhundert war Ludwig XIV. König.| Das war 1715.| Vorbei.",
        ),
        ("tr", "Toplantı 5. Bölge'de yapıldı.| Bu 2015.| Bitti."),
        ("en", "He was 45.| Police came.| It was World War II.| Churchill spoke."),
        (None, "Am 3. Oktober war es.| He was 45.| The police came."),
    ],
)
def test_a_short_number_with_a_full_stop_is_an_ordinal_where_the_language_writes_them_so(
    language: str | None, marked: str
) -> None:
    check(marked, language)


def test_the_number_of_a_list_stays_with_its_item() -> None:
    check("1. Buy milk.| 2. Go home.| IV. Sleep.", "en")


@pytest.mark.parametrize(
    "marked",
    [
        "“I will go,” he said.| “You stay.”| She stayed.",
        '"Is it true?" she asked.| "Yes!" he cried.| "Good."| The end.',
        'He wrote (and I quote: "No way!").| Then he left.',
        "(He paid.)| She left [in haste.]| All was well.",
        "Er sagte: „Ich gehe.“| Dann ging er.",
        "»Ich gehe.«| Dann ging er.| »Und du?« fragte sie.",
        "« Où va-t-il ? » demanda-t-elle.| « Ici. »| Elle partit.",
        "«Где он?» — спросил Иван.| Никто не ответил.",
        "彼は「行く。」と言った。|「はい。」|終わり。",
        "“我不知道。”|他走了。|“好！”",
        '他说："好。"|她走了。',
    ],
)
def test_a_closing_quote_or_bracket_belongs_to_the_sentence_before_it(marked: str) -> None:
    check(marked)


@pytest.mark.parametrize(
    "marked",
    [
        "Well... maybe it is… or not.| Yahoo! is a firm.| And then . . . nothing.",
        "Is it?| Really...| Yes…| No.",
    ],
)
def test_a_lower_case_word_goes_on_even_after_an_ellipsis_or_an_exclamation_mark(marked: str) -> None:
    check(marked)


@pytest.mark.parametrize(
    "marked",
    [
        "هل هذا صحيح؟| نعم.| ما تفعله... في الواقع لا يصدق.",
        "یہ ایک جملہ ہے۔| یہ دوسرا ہے۔",
        "यह एक वाक्य है।| यह दूसरा है॥",
        "他来了。|她走了！|为什么？|好",
        "ეს წინადადებაა.| ეს მეორეა.",
        "Սա նախադասություն է։| Սա երկրորդն է։",
    ],
)
def test_scripts_without_capitals_end_sentences_with_stops_of_their_own(marked: str) -> None:
    check(marked)


def test_a_blank_line_ends_a_sentence_even_before_a_lower_case_letter() -> None:
    assert split("A heading\n \nand a text\r\n\r\nof three parts") == [
        "A heading",
        "and a text",
        "of three parts",
    ]


def test_a_single_line_break_ends_a_sentence_where_lines_are_paragraphs() -> None:
    assert split("A heading\nThe text of it.\nBy Jane Smith") == [
        "A heading",
        "The text of it.",
        "By Jane Smith",
    ]


def test_a_single_line_break_before_a_lower_case_letter_is_soft() -> None:
    assert split("The President went\nto Washington.\nThen he left") == [
        "The President went\nto Washington.",
        "Then he left",
    ]


def test_a_single_line_break_in_a_hard_wrapped_block_is_soft() -> None:
    wrapped = (
        "The committee of the city council met on Monday with\n"
        "President Jones, who had come from the other side of\n"
        "Lake Erie. It agreed."
    )
    assert split(wrapped) == [wrapped.removesuffix(" It agreed."), "It agreed."]


def test_short_lines_are_not_taken_for_a_hard_wrapped_block() -> None:
    assert split("北京\n" + "今天天气很好我们去公园" * 6) == ["北京", "今天天气很好我们去公园" * 6]


def test_a_stray_quote_or_dash_at_the_end_stays_with_the_last_sentence() -> None:
    assert split('He left. "') == ['He left. "']


@pytest.mark.parametrize(
    "text",
    [
        "word " * 20_000,
        "." * 100_000 + "a",
        "a." * 50_000,
        "a" + " " * 100_000 + "b",
        ". (" * 20_000,
        "。" + " " * 100_000 + "x",
        ".[1]" * 25_000,
        '."' * 50_000,
        "a\n" * 50_000,
    ],
    ids=["words", "dots", "dotted", "spaces", "brackets", "wide", "footnotes", "quotes", "lines"],
)
def test_monotonous_text_is_split_without_backtracking(text: str) -> None:
    assert "".join("".join(split(text)).split()) == "".join(text.split())
