"""What holds for the sentences and the summaries of any text whatever."""

import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.model import Article
from digest.sentences import sentences
from digest.summarise import Method, summarise, summarise_story
from digest.summarise.openings import leans_back

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
    assert min(count, len(found), 1) <= len(summary) <= min(count, len(found))
    assert method is Method.DIGEST or len(summary) == min(count, len(found))
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


@settings(max_examples=100, deadline=None)
@given(text=TEXTS, count=st.integers(1, 6), language=LANGUAGES)
def test_no_sentence_of_ours_leans_on_one_that_is_not_there(
    text: str, count: int, language: str | None
) -> None:
    found = sentences(text, language)
    chosen = summarise(text, sentences=count, language=language)
    for at, sentence in enumerate(found):
        if sentence in chosen[1:] and leans_back(sentence.text, language):
            assert found[at - 1] in chosen


ARTICLES = st.lists(TEXTS.filter(str.strip), min_size=1, max_size=4, unique=True).map(
    lambda texts: [
        Article(source=f"source-{at}", title="Flood closes bridge", body=(text,))
        for at, text in enumerate(texts)
    ]
)


@settings(max_examples=100, deadline=None)
@given(articles=ARTICLES, count=st.integers(0, 6), method=st.sampled_from([Method.DIGEST, Method.LEAD]))
def test_a_story_is_told_in_sentences_of_its_articles_in_their_order(
    articles: list[Article], count: int, method: Method
) -> None:
    chosen = summarise_story(articles, sentences=count, method=method)
    assert len(chosen) <= count
    assert chosen == summarise_story(articles, sentences=count, method=method)
    place = {None: 0} | {article.id: at for at, article in enumerate(articles) if at}
    spans = [(place[sentence.article], sentence.start, sentence.end) for sentence in chosen]
    assert spans == sorted(set(spans))
    for sentence, (at, start, end) in zip(chosen, spans, strict=True):
        assert articles[at].text[start:end] == sentence.text


@settings(max_examples=100, deadline=None)
@given(
    article=ARTICLES.map(lambda articles: articles[0]),
    count=st.integers(0, 6),
    method=st.sampled_from(Method),
)
def test_a_story_of_one_article_is_its_summary(article: Article, count: int, method: Method) -> None:
    alone = summarise(article.text, sentences=count, method=method, title=article.title)
    assert summarise_story([article], sentences=count, method=method) == alone


@settings(max_examples=100, deadline=None)
@given(articles=ARTICLES, count=st.integers(1, 4), method=st.sampled_from([Method.DIGEST, Method.LEAD]))
def test_what_was_told_is_not_told_again(articles: list[Article], count: int, method: Method) -> None:
    told: list[str] = []
    for _ in range(3):
        chosen = [
            sentence.text for sentence in summarise_story(articles, sentences=count, method=method, told=told)
        ]
        assert not told or not set(chosen) & set(told)
        told += chosen
