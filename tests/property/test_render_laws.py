"""Whatever an article says, the letter prints it, word for word, and nothing else happens."""

import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from issues import article, issue, masthead, section, slots
from lxml import html as lxml_html
from makers import shipped_press

from digest.clean import clean_line
from digest.model import Issue, Sentence, Story
from digest.render import Slot, fill, render
from digest.render.pieces import passage
from digest.render.press import wrap

PRESS = shipped_press()

HOSTILE = [
    "{{ 7 * 7 }}",
    "{% for x in range(10**9) %}x{% endfor %}",
    "{# gone #}",
    "{{ ''.__class__.__mro__ }}",
    "<script>alert(1)</script>",
    "</td></tr></table><h1>",
    "<!--[if mso]>",
    "<![CDATA[ x ]]>",
    "\"><img src=x onerror='alert(1)'>",
    "&lt;b&gt; &amp;amp; &nbsp;",
    "%(num)s %s %",
    "${x} $(id) \\0 \\g<0>",
    "عربي ثم English ثم עברית",
    "👩‍👩‍👧‍👦 e\u0301",
    "« mot »",
]
pieces = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20))
lines = st.lists(pieces, min_size=1, max_size=4).map(" ".join).map(clean_line).filter(bool)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """A story in the words of a stranger, as it comes over the border."""
    body = tuple(draw(st.lists(lines, min_size=1, max_size=3)))
    lead = article(
        title=draw(lines),
        body=body,
        author=draw(st.none() | lines),
        source=draw(lines),
        language=draw(st.sampled_from([None, "en", "ar", "he", "zz"]) | lines),
        url=draw(st.none() | lines | lines.map("https://wire.example/{}".format)),
    )
    return Story(lead=lead, summary=(Sentence(text=body[0], start=0, end=len(body[0])),))


issues = st.lists(stories(), min_size=1, max_size=3).map(lambda told: issue(section("World", *told)))


def closed_up(text: str) -> str:
    """The same without white space, which is the one thing that printing may change."""
    return "".join(text.split())


def texts(page: Any, path: str) -> list[str]:
    return [element.text_content() for element in page.xpath(path)]


@settings(max_examples=40, deadline=None)
@given(issues, st.sampled_from(["en", "ar"]))
def test_what_an_article_says_is_printed_literally_and_never_interpreted(what: Issue, language: str) -> None:
    letter = fill(render(what, masthead(language=language), environment=PRESS), slots())
    page = lxml_html.document_fromstring(letter.html)
    assert texts(page, "//h3") == [told.lead.title for told in what.stories]
    assert texts(page, "//td[contains(@class, 'story')]/p[not(@class)]") == [
        told.summary[0].text for told in what.stories
    ]
    text = closed_up(letter.text)
    for told in what.stories:
        assert closed_up(told.lead.title) in text
        assert closed_up(told.summary[0].text) in text
    assert "\n" not in letter.subject
    assert not page.xpath("//script | //img | //@onerror | //h1[2]")
    assert all(re.match("https?://|#", href) for href in page.xpath("//@href"))


@settings(max_examples=15, deadline=None)
@given(issues, st.dictionaries(st.sampled_from(Slot), lines))
def test_filling_leaves_no_mark_and_says_what_it_was_given(what: Issue, values: dict[Slot, str]) -> None:
    blank = render(what, masthead(), environment=PRESS)
    letter = fill(blank, slots() | values)
    assert blank.key not in letter.html + letter.text
    page = lxml_html.document_fromstring(letter.html)
    hrefs = page.xpath("//td[@class='foot']//a/@href")
    assert hrefs == [(slots() | values)[slot] for slot in list(Slot)[:3]]


@given(st.text())
def test_wrapping_loses_no_word_and_only_a_long_word_is_wider_than_72_columns(text: str) -> None:
    wrapped = wrap(text)
    assert closed_up(wrapped) == closed_up(text)
    for line in wrapped.split("\n"):
        assert len(line) <= 72 or not re.search("[ \t]", line)


@given(lines)
def test_a_text_fragment_has_at_most_one_comma_and_no_dash_or_ampersand_of_the_text(sentence: str) -> None:
    url = passage("https://wire.example/", Sentence(text=sentence, start=0, end=len(sentence)))
    directive = url.removeprefix("https://wire.example/#:~:text=")
    assert re.fullmatch(r"[A-Za-z0-9._~%]+(,[A-Za-z0-9._~%]+)?", directive)
