"""What holds for the sentences and the summaries of any text whatever."""

import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.sentences import sentences
from digest.summarise import Method, summarise

LANGUAGES = st.sampled_from([None, "en", "de", "pt-br", "cs", "tr", "ar", "hi", "zh", "xx"])

# Text with much of what matters here: stops, quotes, breaks, abbreviations, repeated words, several scripts.
PIECES = st.sampled_from(
    [
        *(
            ". ",
            "? ",
            "! ",
            "... ",
            "。",
            "؟ ",
            "। ",
            '"',
            "”",
            "« ",
            " »",
            ")",
            "\n",
            "\n\n",
            " ",
            "\u2028",
            "\x1c",
        ),
        *(
            "1",
            "3. ",
            "Dr. ",
            "U.S. ",
            "e.g. ",
            "J. ",
            "The ",
            "the ",
            "flood ",
            "Flood ",
            "closed ",
            "bridge ",
        ),
        *("city ", "of ", "洪水关闭老桥", "طفل ", "बाढ़ ", "ß", "İ", "a\u0301 "),
    ]
)
PROSE = st.lists(PIECES, max_size=120).map("".join)
TEXTS = PROSE | st.text(max_size=200)


@given(text=TEXTS, language=LANGUAGES)
def test_sentences_are_verbatim_spans_in_order(text: str, language: str | None) -> None:
    end = 0
    for sentence in sentences(text, language):
        assert end <= sentence.start < sentence.end
        assert sentence.text == text[sentence.start : sentence.end] == sentence.text.strip()
        end = sentence.end


@given(text=TEXTS, language=LANGUAGES)
def test_sentences_leave_out_nothing_but_white_space(text: str, language: str | None) -> None:
    left, position = "", 0
    for sentence in sentences(text, language):
        left += text[position : sentence.start]
        position = sentence.end
    assert not (left + text[position:]).strip()


@given(text=TEXTS, language=LANGUAGES)
def test_no_sentence_runs_over_a_blank_line(text: str, language: str | None) -> None:
    assert not any("\n\n" in sentence.text for sentence in sentences(text, language))


@pytest.mark.parametrize("method", Method)
@settings(max_examples=60, deadline=None)
@given(text=TEXTS, title=st.text(max_size=30), count=st.integers(0, 6), language=LANGUAGES)
def test_a_summary_is_a_choice_from_the_sentences_in_their_order(
    method: Method, text: str, title: str, count: int, language: str | None
) -> None:
    found = sentences(text, language)
    summary = summarise(text, sentences=count, method=method, title=title, language=language)
    assert len(summary) == min(count, len(found))
    assert [sentence for sentence in found if sentence in summary] == list(summary)
    assert summary == summarise(text, sentences=count, method=method, title=title, language=language)


def test_a_summary_is_the_same_whatever_the_order_of_sets() -> None:
    program = (
        "from digest.summarise import Method, summarise;"
        "text = ' '.join(f'The {a} met the {b} in the {c}.' for a in ('mayor', 'old king', 'cat')"
        "                for b in ('queen', 'wolf', 'young fox') for c in ('city', 'deep wood'));"
        "print([[s.start for s in summarise(text, sentences=4, method=m, language='en')] for m in Method])"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1
