"""What holds for any articles: each has one thread, in any order the same, and what was told keeps its name."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from makers import MORNING, UNTIMED, join

from digest.group import group
from digest.group.terms import words
from digest.model import Article

WORDS = st.sampled_from(
    [
        "storm",
        "barrier",
        "ferry",
        "strike",
        "bank",
        "rate",
        "reef",
        "coral",
        "chess",
        "girl",
        "the",
        "of",
        "7",
        "港口",
    ]
)
TEXTS = st.lists(WORDS, max_size=14).map(" ".join)
ARTICLES = st.builds(
    Article,
    source=st.sampled_from(["wire", "observer", "phare", ""]),
    title=TEXTS,
    body=st.lists(TEXTS.filter(bool), max_size=2).map(tuple),
    url=st.integers(0, 10**6).map("https://wire.example/{}".format),
    language=st.sampled_from(["en", "en-gb", "de", None]),
    published=st.none()
    | st.timedeltas(timedelta(days=-1), timedelta(days=400)).map(lambda age: MORNING - age),
)
DAYS = st.lists(ARTICLES, max_size=12, unique_by=lambda article: article.id)
SHUFFLED = DAYS.flatmap(lambda day: st.tuples(st.just(day), st.permutations(day)))


@UNTIMED
@given(DAYS)
def test_joining_loses_no_article_and_has_none_twice(day: list[Article]) -> None:
    assert sorted(article.id for story in join(day) for article in story) == sorted(a.id for a in day)
    assert all(join(day))


@UNTIMED
@given(SHUFFLED)
def test_the_order_in_which_articles_came_changes_nothing(days: tuple[list[Article], list[Article]]) -> None:
    one, other = days

    assert group(one) == group(other)


@UNTIMED
@given(DAYS)
def test_a_new_thread_is_called_by_one_of_its_own(day: list[Article]) -> None:
    threads = group(day)

    assert set(threads) == {article.id for article in day}
    assert all(threads[thread] == thread for thread in threads.values())


@UNTIMED
@given(DAYS, DAYS)
def test_what_was_told_keeps_its_thread_and_no_two_threads_become_one(
    yesterday: list[Article], today: list[Article]
) -> None:
    told = group(yesterday)
    known = {f"thread-{name}": [a for a in yesterday if told[a.id] == name] for name in set(told.values())}
    threads = group([*yesterday, *today], known)

    assert all(threads[article.id] == f"thread-{told[article.id]}" for article in yesterday)


@UNTIMED
@given(DAYS)
def test_grouping_what_is_all_known_again_gives_the_same(day: list[Article]) -> None:
    threads = group(day)
    known = {name: [a for a in day if threads[a.id] == name] for name in set(threads.values())}

    assert group(day, known) == threads


@UNTIMED
@given(DAYS, st.integers(0, 99))
def test_a_copy_word_for_word_is_in_the_thread_of_its_original(day: list[Article], which: int) -> None:
    told = [article for article in day if article.body]
    if not told:
        return
    original = told[which % len(told)]
    copy = Article(
        source="copy", title=original.title, body=original.body, url="https://copy.example/", language="fr"
    )

    threads = group([*day, copy])
    assert threads[copy.id] == threads[original.id]


@settings(UNTIMED, max_examples=300)
@given(st.text(), st.text())
def test_the_words_of_two_texts_are_the_words_of_each(one: str, other: str) -> None:
    assert words(f"{one}\n{other}") == words(one) + words(other)
