"""What holds of corrections whatever a source says, and whatever it makes of it later."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st
from issues import article, issue, section
from makers import UNTIMED

from digest.clean import clean_text
from digest.model import Article, Issue, Revision, Story
from digest.revise import corrections_of, plain, recognises, reread
from digest.sentences import sentences

WORDS = st.sampled_from(
    ["roof", "ferry", "12", "1,5", "“quay”", "l’eau", "الميناء", "港", "not", "—", "the", "a.b"]
)
SENTENCES = st.lists(WORDS, min_size=1, max_size=9).map(lambda words: f"{' '.join(words)}.")
BODIES = st.lists(SENTENCES | st.text(max_size=30).map(clean_text), min_size=1, max_size=6).map(
    lambda parts: tuple(part for part in parts if part.strip())
)
ARTICLES = st.builds(lambda title, body: article(1, title=title, body=body), SENTENCES, BODIES)


def sent(told: Article) -> Issue:
    """Tell an article by its first sentences."""
    summary = sentences(told.text, told.language)[:4]
    return issue(section("World", Story(lead=told, summary=summary)))


@UNTIMED
@given(st.text())
def test_the_one_spelling_is_its_own(text: str) -> None:
    assert plain(plain(text)) == plain(text)


@UNTIMED
@given(ARTICLES)
def test_what_did_not_change_has_no_corrections_and_nothing_to_read_again(told: Article) -> None:
    same = dataclasses.replace(told, body=tuple(f"{part}\u200b" for part in told.body))

    assert corrections_of((sent(told),), {told.id: same}) == ()
    assert reread(told, same, titled=True) is None


@UNTIMED
@given(ARTICLES, ARTICLES)
def test_a_correction_quotes_what_was_told_and_what_stands_there_now(told: Article, now: Article) -> None:
    listed = corrections_of((sent(told),), {told.id: now})
    quoted = {sentence.text for sentence in sent(told).stories[0].summary}

    for correction in listed:
        if correction.revision is Revision.EDITED:
            assert correction.was in quoted
            assert not correction.now or correction.now in {one.text for one in sentences(now.text, "en")}
            assert plain(correction.was) != plain(correction.now)
    assert not listed or not now.body or recognises(told.text, now.text)


@UNTIMED
@given(ARTICLES, st.lists(ARTICLES, min_size=1, max_size=4))
def test_nothing_is_listed_twice_however_often_the_source_changes_it(
    told: Article, later: list[Article]
) -> None:
    issues = [sent(told)]
    for number, now in enumerate(later, 58):
        corrections = corrections_of(issues, {told.id: now})
        issues.append(issue(number=number, corrections=corrections))
    listed = [(one.revision, one.url, one.was) for made in issues for one in made.corrections]

    assert len(listed) == len(set(listed))


@UNTIMED
@given(ARTICLES, ARTICLES)
def test_what_is_read_again_is_the_same_article_and_does_not_change_once_more(
    stored: Article, page: Article
) -> None:
    now = reread(stored, page, titled=True)

    if now is not None:
        assert now.id == stored.id
        assert recognises(stored.text, page.text)
        assert reread(now, page, titled=True) is None
