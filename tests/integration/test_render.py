"""An issue becomes a letter: what it holds, in which words, and what it keeps from its readers' eyes."""

import base64
import dataclasses
import functools
import itertools
import json
import os
import quopri
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po
from issues import article, correction, issue, masthead, png, sample, section, slots, story
from jinja2.ext import babel_extract
from lxml import etree
from lxml import html as lxml_html
from makers import shipped_press

from digest.commands import read_commands
from digest.errors import SettingsError
from digest.model import Earlier, Issue, Kind, Letter
from digest.render import Press, Slot, environment, fill, render
from digest.render import words as words_module
from digest.wishes import Act, Command

TEMPLATES = Path(__file__).parents[2] / "templates"
LANGUAGES = ["ar", "de", "en", "es", "fr", "tr"]
CATALOGUES = sorted(TEMPLATES.glob("i18n/*.po"))

Write = Callable[[str, str], Press]


@pytest.fixture(scope="module")
def press() -> Press:
    return shipped_press()


@pytest.fixture
def operators(tmp_path: Path) -> Write:
    """Write one file into an operator's folder and give the press that puts it before ours."""

    def write(name: str, content: str) -> Press:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
        return environment([tmp_path, TEMPLATES])

    return write


@functools.cache
def printed(press: Press, what: Issue, **changes: Any) -> Letter:
    return fill(render(what, masthead(**changes), environment=press), slots())


def tree(letter: Letter) -> Any:
    return lxml_html.document_fromstring(letter.html)


def one(lead: Any, **changes: Any) -> Issue:
    return issue(section("World", story(dataclasses.replace(lead, **changes))))


def links(page: Any) -> list[str]:
    return [href for href in page.xpath("//a/@href") if not href.startswith("#")]


def words(element: Any) -> str:
    return " ".join(element.text_content().split())


# --- what a letter holds


def test_the_subject_is_the_first_headline_and_how_many_stories_follow(press: Press) -> None:
    assert printed(press, sample()).subject == (
        "Flood barrier opens two years early and under budget, and 7 more stories"
    )


def test_the_subject_of_a_single_story_is_its_headline(press: Press) -> None:
    assert printed(press, one(article())).subject == "Headline 1"


def test_an_issue_without_stories_says_so(press: Press) -> None:
    letter = printed(press, issue(section("World"), thin=True))
    assert letter.subject == "No stories today."
    for whole in (letter.html, letter.text):
        assert "No stories today." in whole
        for moot in ("little to tell", "0 stories", "minute", "word for word"):
            assert moot not in whole


def test_an_issue_of_a_thin_day_says_so_before_its_stories_and_any_other_does_not(press: Press) -> None:
    thin, full = (printed(press, dataclasses.replace(one(article()), thin=thin)) for thin in (True, False))
    for whole in (thin.html, thin.text):
        assert 0 < whole.index("A quiet day: there was little to tell.") < whole.rindex("Headline 1")
    assert "A quiet day" not in full.html + full.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_letter_that_makes_up_for_others_says_from_when_in_every_language(
    press: Press, language: str
) -> None:
    usual = printed(press, sample(), language=language)
    late = printed(
        press,
        dataclasses.replace(sample(), best_since=Earlier(date=date(2015, 5, 3), number=1)),
        language=language,
    )
    [line] = set(late.text.splitlines()) - set(usual.text.splitlines())
    said = [words(one) for one in tree(late).xpath("//td[@class='facts']")]

    assert [one.replace("\N{NO-BREAK SPACE}", " ") for one in said[1:2]] == [
        line.replace("\N{NO-BREAK SPACE}", " ")
    ]
    assert "3" in line or "٣" in line
    assert (language == "en") == (line == "Since your last letter: the best from 3 May on.")


@pytest.mark.parametrize("language", LANGUAGES)
def test_html_and_text_hold_the_same_links_in_the_same_order(press: Press, language: str) -> None:
    letter = printed(press, sample(), language=language)
    found = links(tree(letter))
    assert found == re.findall(r"<(\S+:\S+)>", letter.text)
    assert len(found) == 19  # two for each of seven stories, two more tellings, three in the footer


@pytest.mark.parametrize("language", LANGUAGES)
def test_html_and_text_hold_the_same_headlines_and_summaries_in_the_same_order(
    press: Press, language: str
) -> None:
    letter = printed(press, sample(), language=language)
    html, text = (re.sub(r"\s+", " ", whole) for whole in (tree(letter).text_content(), letter.text))
    for whole in (html, text):
        position = 0
        for told in sample().stories:
            position = whole.index(told.lead.title, position)
            for sentence in told.summary:
                position = whole.index(sentence.text, position)


def test_the_masthead_tells_title_date_number_stories_and_minutes(press: Press) -> None:
    page = tree(printed(press, sample()))
    assert words(page.find(".//h1")) == "The Port Alder Digest"
    assert words(page.find_class("facts")[0]) == "Wednesday, 21 October 2015 · No. 57 · 8 stories · 2 minutes"


def test_the_list_of_top_stories_leads_to_their_places(press: Press) -> None:
    page = tree(printed(press, sample()))
    top = page.xpath("//ol/li/a")
    assert [words(a) for a in top] == [told.lead.title for told in sample().sections[0].stories]
    for anchor in page.xpath("//a/@href[starts-with(., '#')]"):
        assert len(page.xpath("//*[@id=$id]", id=anchor[1:])) == 1


def test_a_story_tells_its_source_author_day_reading_time_and_votes(press: Press) -> None:
    known = article(body=("word " * 1000,), votes=57)
    page = tree(printed(press, one(known)))
    assert words(page.find_class("meta")[0]) == (
        "Northern Wire · Ada Writer · 20 Oct 2015 · 5 min read · 57 votes"
    )


def test_what_is_not_known_of_a_story_is_not_mentioned(press: Press) -> None:
    unknown = article(author=None, published=None, source="somewhere", url=None)
    page = tree(printed(press, issue(section("World", story(unknown, sentences=0)))))
    assert words(page.find_class("meta")[0]) == "somewhere · 1 min read"
    assert not page.find_class("more")
    assert not page.xpath("//h3//a")


def test_an_opinion_is_labelled_in_html_and_text(press: Press) -> None:
    letter = printed(press, one(article(kind=Kind.OPINION)))
    assert words(tree(letter).find_class("label")[0]) == "Opinion"
    assert "[Opinion]" in letter.text


def test_other_tellings_are_named_and_linked(press: Press) -> None:
    others = [article(2, source="alder-observer"), article(3, source="le-phare", url=None)]
    letter = printed(press, issue(section("World", story(article(), also=others))))
    assert words(tree(letter).find_class("more")[0]) == (
        "Read on in Northern Wire · Also in: The Alder Observer · Le Phare"
    )
    assert "Also in:\n  The Alder Observer\n  <https://wire.example/2>\n  Le Phare\n" in letter.text


def test_the_footer_says_why_how_to_leave_and_who_sends(press: Press) -> None:
    letter = printed(press, sample())
    for whole in (words(tree(letter)), letter.text):
        for promise in (
            "Every sentence of a summary stands word for word in its article.",
            "You get this because you subscribed to The Port Alder Digest.",
            "Sent to reader@mail.example.",
            "Unsubscribe",
            "Preferences",
            "View in browser",
            "1 Harbour Street, Port Alder",
        ):
            assert promise in whole


@pytest.mark.parametrize("stories", [1, 2, 25])
def test_the_preheader_has_40_to_130_characters(press: Press, stories: int) -> None:
    many = issue(section("World", *(story(article(n)) for n in range(stories))))
    page = tree(printed(press, many))
    shown = page.find_class("preheader")[0].text_content().partition("\u034f")[0]
    assert 40 <= len(shown) <= 130


def test_the_preheader_goes_on_where_the_subject_ends(press: Press) -> None:
    page = tree(printed(press, sample()))
    assert page.find_class("preheader")[0].text_content().startswith("Night ferry to the islands")


def test_a_preheader_without_spaces_is_cut_all_the_same(press: Press) -> None:
    page = tree(printed(press, one(article(), body=("字" * 300 + ".",))))
    assert page.find_class("preheader")[0].text_content().startswith("字" * 129 + "…")


# --- days and hours


@pytest.mark.parametrize(
    ("published", "language", "expected"),
    [
        (date(2015, 10, 20), "en", "20 Oct 2015"),
        (date(2015, 10, 21), "en", "21 Oct 2015"),
        (datetime(2015, 10, 21, 6, 30, tzinfo=UTC), "en", "07:30"),
        (datetime(2015, 10, 20, 23, 30, tzinfo=UTC), "en", "00:30"),
        (datetime(2015, 10, 20, 22, 30, tzinfo=UTC), "en", "20 Oct 2015"),
        (datetime(2015, 10, 21, 6, 30, tzinfo=UTC), "en-US", "7:30 AM"),
        (date(2015, 10, 20), "en-US", "Oct 20, 2015"),
        (date(2015, 10, 20), "de-AT", "20. Okt. 2015"),
        (date(2015, 10, 20), "tlh", "20 Oct 2015"),
    ],
)
def test_a_day_is_printed_as_the_reader_writes_it_and_today_by_its_hour(
    press: Press, published: date, language: str, expected: str
) -> None:
    page = tree(
        printed(press, one(article(published=published)), language=language, timezone="Europe/London")
    )
    assert expected in words(page.find_class("meta")[0])


# --- links


def test_read_on_points_at_the_first_and_last_words_of_the_first_sentence(press: Press) -> None:
    told = article(body=("Well-known gulls, terns & crows came back on Monday night with the tide.",))
    assert (
        "https://wire.example/1#:~:text=Well%2Dknown%20gulls%2C%20terns%20%26%20crows%20came,night%20with%20the%20tide."
        in links(tree(printed(press, one(told))))
    )


def test_a_short_sentence_is_pointed_at_whole_and_a_fragment_kept(press: Press) -> None:
    told = article(body=("Gulls came back.",), url="https://wire.example/1#tides")
    found = links(tree(printed(press, one(told))))
    assert "https://wire.example/1#tides:~:text=Gulls%20came%20back." in found


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "//wire.example/1", "mailto:a@b.example"]
)
def test_what_does_not_lead_to_the_web_is_no_link(press: Press, url: str) -> None:
    letter = printed(press, issue(section("World", story(article(url=url), also=[article(2, url=url)]))))
    assert url not in letter.html
    assert url not in letter.text


def test_a_url_is_the_same_in_html_and_text_whatever_characters_it_has(press: Press) -> None:
    letter = printed(press, one(article(url='https://wire.example/é "x" <y>?a=1&b=[2]%20')))
    (headline, _, *_) = links(tree(letter))
    assert headline == "https://wire.example/%C3%A9%20%22x%22%20%3Cy%3E?a=1&b=[2]%20"
    assert f"<{headline}>" in letter.text


# --- slots


def test_filling_leaves_no_mark_behind(press: Press) -> None:
    blank = render(sample(), masthead(), environment=press)
    letter = fill(blank, slots())
    assert blank.key in blank.html
    assert blank.key in blank.text
    assert blank.key not in letter.html + letter.text + letter.subject


def test_a_slot_is_escaped_in_html_and_plain_in_text(press: Press) -> None:
    hostile = '"><script>&x=1'
    letter = fill(render(sample(), masthead(), environment=press), slots(unsubscribe_url=hostile))
    assert '<a href="&quot;&gt;&lt;script&gt;&amp;x=1"' in letter.html
    assert f"<{hostile}>" in letter.text


def test_a_slot_that_nobody_fills_is_an_error(press: Press) -> None:
    with pytest.raises(KeyError, match="web_url"):
        fill(
            render(sample(), masthead(), environment=press),
            {k: v for k, v in slots().items() if k != Slot.WEB_URL},
        )


def test_a_list_without_web_pages_or_readers_prints_no_slot(press: Press) -> None:
    letter = fill(render(sample(), masthead(offers=frozenset()), environment=press), {})
    for absent in ("Unsubscribe", "Preferences", "View in browser", "Sent to"):
        assert absent not in letter.html + letter.text


def test_an_article_cannot_hold_the_mark_of_a_slot(press: Press) -> None:
    stolen = render(sample(), masthead(), environment=press)
    mark = re.search(rf"{stolen.key}-unsubscribe_url-", stolen.html)
    assert mark
    forged = one(article(title=mark[0], url=f"https://evil.example/{mark[0]}"))
    letter = printed(press, forged)
    assert mark[0] in letter.subject
    assert f"https://evil.example/{mark[0]}" in links(tree(letter))


def test_the_same_issue_gives_the_same_bytes_in_another_process(press: Press) -> None:
    here = render(sample(), masthead(), environment=press)
    program = (
        "import dataclasses, json, pathlib, sys; from issues import *; from digest.render import *;"
        "blank = render(sample(), masthead(), environment=environment([pathlib.Path(sys.argv[1])]));"
        "print(json.dumps(dataclasses.asdict(blank)))"
    )
    there = subprocess.run(
        [sys.executable, "-c", program, str(TEMPLATES)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"},
        check=True,
        capture_output=True,
    )
    assert json.loads(there.stdout) == dataclasses.asdict(here)


# --- numbers and answers


def answerable(press: Press, what: Issue, language: str = "en") -> Letter:
    """Print a letter that says how it can be answered."""
    offers = masthead().offers | {Slot.REPLY_ADDRESS}
    filled = slots(reply_address="digest+letter-abc@digest.example")
    return fill(render(what, masthead(offers=offers, language=language), environment=press), filled)


@pytest.mark.parametrize("language", LANGUAGES)
def test_stories_are_numbered_in_the_order_of_reading_across_sections(press: Press, language: str) -> None:
    letter = answerable(press, sample(), language)
    page = tree(letter)
    assert [words(meta.find("b")) for meta in page.find_class("meta")] == list("12345678")
    told = [story.lead.title for story in sample().stories]
    assert [words(h3) for h3 in page.iter("h3")] == told
    text = " ".join(letter.text.split())
    for number, title in enumerate(told, 1):
        assert f" {number}. {title}" in text


def test_the_list_of_top_stories_keeps_to_the_same_numbers(press: Press) -> None:
    letter = answerable(press, sample())
    top = [story.lead.title for story in sample().sections[0].stories]
    assert [words(item) for item in tree(letter).xpath("//ol/li")] == top
    assert re.findall(r"^ (\d)\. ", letter.text, re.MULTILINE) == ["1", "2", "3"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_foot_offers_to_answer_is_understood(press: Press, language: str) -> None:
    letter = answerable(press, sample(), language)
    spelled = [
        words(bdi) for bdi in tree(letter).xpath("//td[@class='foot']//p[a[contains(@href, 'mailto')]]/bdi")
    ]
    assert [read_commands(text, "").commands for text in spelled] == [
        (Command(act=act, story=3),) for act in (Act.MORE, Act.LESS, Act.FULL)
    ]
    assert all(text in " ".join(letter.text.split()) for text in spelled)


def test_the_example_is_a_story_that_the_letter_has(press: Press) -> None:
    assert "“more 1”" in answerable(press, one(article())).text
    assert "mailto:" not in answerable(press, issue(section("World"))).html


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answerable_letter_has_the_same_links_in_html_and_text(press: Press, language: str) -> None:
    letter = answerable(press, sample(), language)
    found = links(tree(letter))
    assert found == re.findall(r"<(\S+:\S+)>", letter.text)
    assert found.count("mailto:digest+letter-abc@digest.example") == 1


def test_a_letter_that_nobody_can_answer_has_no_numbers_and_says_nothing_of_answers(press: Press) -> None:
    letter = printed(press, sample())
    assert not tree(letter).xpath("//*[contains(@class, 'meta')]/b")
    assert "mailto:" not in letter.html + letter.text


def test_numbers_and_answers_weigh_less_than_a_kilobyte(press: Press) -> None:
    heavy, light = (
        len(letter.html.encode()) for letter in (answerable(press, sample()), printed(press, sample()))
    )
    assert heavy - light < 1000


# --- pictures


def pictures(letter: Letter) -> list[tuple[str, str, str]]:
    return [(i.get("width"), i.get("height"), i.get("alt")) for i in tree(letter).iter("img")]


def test_a_picture_that_came_with_the_text_is_shown_in_the_first_section_only(press: Press) -> None:
    told = story(article(image=png(1120, 560), image_alt="A gull"))
    assert pictures(
        printed(press, issue(section("Empty"), section("Top", told), section("World", told)))
    ) == [("560", "280", "A gull")]


def test_a_list_without_images_shows_none(press: Press) -> None:
    assert pictures(printed(press, sample(), images=False)) == []


def data(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


JPEG = b"\xff\xd8\xff\xe0\x00\x04JF\xff\xc0\x00\x0b\x08\x00\x0a\x00\x14\x01\x01\x11\x00"


@pytest.mark.parametrize(
    ("image", "size"),
    [
        (png(300, 200), ("300", "200")),
        (png(1000, 1), ("560", "1")),
        (data("image/gif", b"GIF89a\x03\x00\x02\x00"), ("3", "2")),
        (data("image/jpeg", JPEG), ("20", "10")),
    ],
)
def test_a_picture_has_its_own_size_but_no_more_than_the_column(
    press: Press, image: str, size: tuple[str, str]
) -> None:
    assert pictures(printed(press, one(article(image=image)))) == [(*size, "")]


@pytest.mark.parametrize(
    "image",
    [
        "https://tracker.example/pixel.png",
        data("image/svg+xml", b"<svg/>"),
        data("image/png", b"\x89PNG\r\n\x1a\n"),
        data("image/jpeg", JPEG[:-12]),
        data("image/gif", b"GIF89a\x00\x00\x00\x00"),
        png(1, 3),
        "data:image/png;base64,AAAAA",
        'data:image/png;base64,AA" onerror="x',
    ],
)
def test_a_picture_from_elsewhere_or_of_no_known_size_is_not_shown(press: Press, image: str) -> None:
    assert pictures(printed(press, one(article(image=image)))) == []


# --- languages


def test_a_story_in_another_language_says_so_to_screen_readers_and_to_eyes(press: Press) -> None:
    page = tree(printed(press, one(article(language="ar"))))
    wrapper = page.find_class("story")[0]
    assert (wrapper.get("lang"), wrapper.get("dir")) == ("ar", "rtl")
    label = page.find_class("label")[0]
    assert (words(label), label.get("lang"), label.get("dir")) == ("Arabic", "en", "ltr")


@pytest.mark.parametrize(
    ("article_language", "letter_language"), [("en", "en-GB"), ("pt-br", "pt-pt"), (None, "en")]
)
def test_a_story_in_the_letters_language_does_not_say_so(
    operators: Write, article_language: str | None, letter_language: str
) -> None:
    press = operators("i18n/pt.po", 'msgid ""\nmsgstr "Language: pt\\n"\n')
    page = tree(printed(press, one(article(language=article_language)), language=letter_language))
    assert not page.find_class("label")
    assert page.find_class("story")[0].get("lang") is None


def test_a_language_nobody_knows_is_called_by_its_tag(press: Press) -> None:
    page = tree(printed(press, one(article(language="xx-weird"))))
    assert words(page.find_class("label")[0]) == "xx-weird"


@pytest.mark.parametrize(
    ("asked", "printed_in", "direction"),
    [
        ("ar", "ar", "rtl"),
        ("de-AT", "de-AT", "ltr"),
        ("en-US", "en-US", "ltr"),
        ("tlh", "en", "ltr"),
        ("xx", "en", "ltr"),
    ],
)
def test_the_letter_names_the_language_it_is_in(
    press: Press, asked: str, printed_in: str, direction: str
) -> None:
    page = tree(printed(press, sample(), language=asked))
    for element in (page, page.xpath("//*[@role='article']")[0]):
        assert (element.get("lang"), element.get("dir")) == (printed_in, direction)


def test_a_letter_without_a_catalogue_is_english_throughout(press: Press) -> None:
    assert printed(press, sample(), language="sv").text == printed(press, sample(), language="en").text


@pytest.mark.parametrize(
    ("votes", "expected"),
    [(1, "صوت واحد"), (2, "صوتان"), (3, "3 أصوات"), (11, "11 صوتًا"), (100, "100 صوت")],
)
def test_arabic_has_a_plural_for_each_kind_of_number(press: Press, votes: int, expected: str) -> None:
    page = tree(printed(press, one(article(votes=votes)), language="ar"))
    assert words(page.find_class("meta")[0]).endswith(f"· {expected}")


def messages() -> Iterator[str | tuple[str, ...]]:
    """Give every phrase that a letter may say, of the templates and of words.py."""
    options = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
    for path in sorted(TEMPLATES.glob("email/**/*.j2")):
        with path.open("rb") as file:
            for _, _, message, _ in babel_extract(file, ("_", "gettext", "ngettext"), (), options):
                yield phrase(message)
    with Path(words_module.__file__).open("rb") as file:
        for _, _, message, _ in extract_python(file, ("_", "_counted"), (), {}):
            yield phrase(message)


def phrase(found: str | tuple[str | None, ...]) -> str | tuple[str, ...]:
    texts = (found,) if isinstance(found, str) else tuple(filter(None, found))
    return texts[0] if len(texts) == 1 else texts


def test_there_are_catalogues_for_five_languages() -> None:
    assert [path.stem for path in CATALOGUES] == ["ar", "de", "es", "fr", "tr"]


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_every_phrase_of_the_templates_is_translated_in_all_its_plurals(path: Path) -> None:
    with path.open("rb") as file:
        catalogue = read_po(file, abort_invalid=True)
    asked = set(messages())
    assert {message.id for message in catalogue if message.id} == asked
    for message in catalogue:
        if not message.id:
            continue
        one, *many = [message.id] if isinstance(message.id, str) else message.id
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(forms)
        assert len(forms) == (catalogue.num_plurals if many else 1)
        known = set(re.findall(r"%\(\w+\)s", one))
        for form in forms:
            assert set(re.findall(r"%\(\w+\)s", form)) <= known
            assert "%" not in re.sub(r"%\(\w+\)s", "", form)


# --- the version of the words


CONFIRM = "email/confirm/body.txt.j2"


def test_a_version_is_12_digits_and_stays_while_the_words_stay(press: Press) -> None:
    version = press.version(CONFIRM, "de")
    assert re.fullmatch("[0-9a-f]{12}", version)
    assert environment([TEMPLATES]).version(CONFIRM, "de") == version


def test_each_template_and_each_language_has_its_own_version(press: Press) -> None:
    names = [CONFIRM, "email/welcome/body.txt.j2", "email/confirm/body.html.j2"]
    versions = {press.version(name, language) for name in names for language in LANGUAGES}
    assert len(versions) == len(names) * len(LANGUAGES)


def test_without_a_catalogue_the_words_are_the_english_ones(press: Press) -> None:
    assert press.version(CONFIRM, "sv") == press.version(CONFIRM, "en")
    assert press.version(CONFIRM, "de-AT") == press.version(CONFIRM, "de")


@pytest.mark.parametrize(
    ("name", "changed", "same"),
    [
        (CONFIRM, ["de", "en"], []),
        ("email/_notice.txt.j2", ["de", "en"], []),  # it extends this
        ("email/_layout.txt.j2", ["de", "en"], []),  # which extends this
        ("email/_rows.txt.j2", ["de", "en"], []),  # and it includes this
        ("i18n/de.po", ["de"], ["en", "fr"]),
        ("i18n/pages/de.po", ["de"], ["en", "fr"]),
        ("email/welcome/body.txt.j2", [], ["de", "en"]),
    ],
)
def test_a_version_changes_with_whatever_its_words_come_from(
    press: Press, operators: Write, name: str, changed: list[str], same: list[str]
) -> None:
    ours = TEMPLATES / name
    content = ours.read_text("utf-8") if ours.exists() else 'msgid ""\nmsgstr "Language: de\\n"\n'
    theirs = operators(name, content + "\n")
    for language in changed:
        assert theirs.version(CONFIRM, language) != press.version(CONFIRM, language)
    for language in same:
        assert theirs.version(CONFIRM, language) == press.version(CONFIRM, language)


@pytest.mark.parametrize(
    ("source", "problem"),
    [("{% if %}", "line 1: Expected"), ('{% include "nowhere" %}', "no template nowhere in")],
)
def test_a_template_that_is_wrong_has_no_version(operators: Write, source: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        operators(CONFIRM, source).version(CONFIRM, "en")


def test_templates_that_include_each_other_have_a_version_all_the_same(operators: Write) -> None:
    operators("email/a.j2", '{% include "email/b.j2" %}')
    assert operators("email/b.j2", '{% include "email/a.j2" %}').version("email/a.j2", "en")


# --- the operator's own templates and catalogues


def test_a_catalogue_in_a_folder_of_its_own_goes_behind_the_letters_own(operators: Write) -> None:
    head = 'msgid ""\nmsgstr "Language: pt\\n"\n\n'
    operators(
        "i18n/web/pt.po", head + 'msgid "More"\nmsgstr "Ver mais"\n\nmsgid "Preferences"\nmsgstr "Opções"\n'
    )
    press = operators("i18n/pt.po", head + 'msgid "More"\nmsgstr "Mais"\n')
    _, _, catalogue = press.speak("pt-BR")
    assert (catalogue.gettext("More"), catalogue.gettext("Preferences")) == ("Mais", "Opções")


def test_an_operators_template_replaces_ours_and_the_rest_stays(operators: Write) -> None:
    letter = printed(operators("email/issue/subject.txt.j2", "Mine: {{ issue.number }}"), sample())
    assert letter.subject == "Mine: 57"
    assert "The Port Alder Digest" in letter.html


def test_an_operators_catalogue_goes_before_ours_phrase_by_phrase(operators: Write) -> None:
    head = 'msgid ""\nmsgstr "Language: de\\n"\n\n'
    press = operators("i18n/de.po", head + 'msgid "Unsubscribe"\nmsgstr "Tschüss"\n')
    letter = printed(press, sample(), language="de")
    assert "Tschüss" in letter.text
    assert "Einstellungen" in letter.text


@pytest.mark.parametrize(
    ("template", "line", "problem"),
    [
        ("one\n{% if %}", 2, "Expected an expression"),
        ("one\n\n{{ nothing }}", 3, "'nothing' is undefined"),
        ("{{ masthead.colour }}", 1, "has no attribute 'colour'"),
        ("{{ 1 / 0 }}", 1, "ZeroDivisionError"),
        ("{{ issue.__class__.__mro__ }}", 1, "unsafe"),
        ("\n{{ chapters.append(1) }}", 2, "unsafe"),
    ],
)
def test_a_mistake_in_a_template_names_the_file_and_the_line(
    operators: Write, tmp_path: Path, template: str, line: int, problem: str
) -> None:
    press = operators("email/issue/body.txt.j2", template)
    with pytest.raises(SettingsError) as refused:
        printed(press, sample())
    assert str(refused.value).startswith(f"{tmp_path}/email/issue/body.txt.j2, line {line}: ")
    assert problem in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_template_is_named_with_where_it_was_looked_for(press: Press) -> None:
    with pytest.raises(SettingsError, match=r"email/weekly/subject\.txt\.j2 in .*templates; write it there"):
        render(sample(), masthead(), environment=press, letter="weekly")


def test_a_catalogue_that_cannot_be_read_is_named(operators: Write) -> None:
    with pytest.raises(SettingsError, match=r"de\.po: .*; correct the catalogue"):
        operators("i18n/de.po", "this is no catalogue")


# --- the craft of the HTML


def test_html_of_25_stories_has_less_than_60_kilobytes_quoted_printable(press: Press) -> None:
    sentence = (
        "The harbour board said on Tuesday that the night ferry would sail again from the first of May. "
    )
    many = [
        story(article(n, title=sentence[:70], body=(sentence * 40,)), also=[article(n + 100)], sentences=3)
        for n in range(25)
    ]
    letter = printed(
        press, issue(section("Top", *many[:5]), section("World", *many[5:15]), section("Town", *many[15:]))
    )
    assert len(quopri.encodestring(letter.html.encode())) < 60_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_made_for_screen_readers(press: Press, language: str) -> None:
    page = tree(printed(press, sample(), language=language))
    assert words(page.find(".//title"))
    assert page.xpath("//*[@role='article']/@aria-label") == ["The Port Alder Digest"]
    assert all(table.get("role") == "presentation" for table in page.iter("table"))
    assert all(
        img.get("alt") is not None and img.get("width") and img.get("height") for img in page.iter("img")
    )
    levels = [int(h.tag[1]) for h in page.iter("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert all(words(a) for a in page.iter("a"))


def test_the_style_is_in_the_elements_and_only_what_depends_on_the_reader_in_the_head(press: Press) -> None:
    letter = printed(press, sample())
    page = tree(letter)
    (style,) = page.iter("style")
    assert "prefers-color-scheme: dark" in style.text
    assert "max-width: 480px" in style.text
    assert "Georgia" in page.find(".//h1").get("style")
    assert "Georgia" not in style.text
    assert letter.html.startswith("<!DOCTYPE html>\n")
    assert "<!--[if mso]><table" in letter.html


def test_nothing_is_fetched_from_anywhere(press: Press) -> None:
    page = tree(printed(press, sample()))
    assert not page.xpath("//link | //script | //*[@background]")
    assert all(src.startswith("data:") for src in page.xpath("//@src"))
    assert "url(" not in etree.tostring(page, encoding="unicode")


def luminance(colour: str) -> float:
    def linear(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def paint(page: Any, *, dark: bool) -> None:
    """Note on each element the colours it has of its own: from its style, or in the dark from the head."""
    for element in page.xpath("//*[@style]"):
        for name, value in re.findall(r"(?:^|; ?)((?:background-)?color):(#\w{6})", element.get("style")):
            element.set(f"own-{name}", value)
    if dark:
        sheet = page.find(".//style").text.partition("@media (prefers-color-scheme: dark) {")[2]
        for selector, rules in re.findall(r"([^{}]+)\{([^}]+)\}", sheet):
            for name, value in re.findall(r"(?<![\w-])((?:background-)?color): (#\w{6}) !important", rules):
                for element in page.cssselect(selector):
                    element.set(f"own-{name}", value)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_all_text_stands_out_from_its_ground_as_wcag_aa_demands(press: Press, dark: bool) -> None:
    page = tree(printed(press, dataclasses.replace(sample(), corrections=tuple(map(correction, range(9))))))
    paint(page, dark=dark)
    grounds = set()
    for element in page.find("body").iter():
        if not isinstance(element.tag, str) or not (element.text or "").strip():
            continue
        ink = element.xpath("string((ancestor-or-self::*/@own-color)[last()])")
        ground = element.xpath("string((ancestor-or-self::*/@own-background-color)[last()])")
        if "preheader" not in element.get("class", ""):
            bright, dim = sorted((luminance(ink), luminance(ground)), reverse=True)
            assert (bright + 0.05) / (dim + 0.05) >= 4.5, (words(element), ink, ground)
            grounds.add(ground)
    assert grounds.isdisjoint({"#000000", "#ffffff"})


# --- the craft of the text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_line_of_text_has_at_most_72_columns_unless_it_is_a_link(press: Press, language: str) -> None:
    for line in printed(press, sample(), language=language).text.splitlines():
        assert len(line) <= 72 or line.lstrip().startswith("<http"), line
        assert line == line.rstrip()


def test_the_text_reads_like_a_letter(press: Press) -> None:
    told = story(article(kind=Kind.OPINION, votes=1204), also=[article(2, source="le-phare")])
    text = printed(
        press, issue(section("World", told, story(article(3), sentences=1))), description="Daily"
    ).text
    assert text == TEXT


TEXT = """\
The Port Alder Digest
=====================
Daily

Wednesday, 21 October 2015 · No. 57
2 stories · 1 minute

In today’s issue

 1. Headline 1
 2. Headline 3

World
-----

[Opinion]
Headline 1
Northern Wire · Ada Writer · 20 Oct 2015 · 1 min read · 1,204 votes
<https://wire.example/1>

The first sentence of article 1 says what. The second one says why.

Read on in Northern Wire
<https://wire.example/1#:~:text=The%20first%20sentence%20of%20article%201%20says%20what.>
Also in:
  Le Phare
  <https://wire.example/2>

* * *

Headline 3
Northern Wire · Ada Writer · 20 Oct 2015 · 1 min read
<https://wire.example/3>

The first sentence of article 3 says what.

Read on in Northern Wire
<https://wire.example/3#:~:text=The%20first%20sentence%20of%20article%203%20says%20what.>

------------------------------------------------------------------------

Every sentence of a summary stands word for word in its article.

You get this because you subscribed to The Port Alder Digest.
Sent to reader@mail.example.

Unsubscribe
<https://digest.example/leave/abc?list=daily&reader=7>
Preferences
<https://digest.example/wishes/abc>
View in browser
<https://digest.example/issues/57>

The Port Alder Digest
1 Harbour Street, Port Alder
"""
