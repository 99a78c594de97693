"""Articles that tell the same story share a thread, and others do not; threads go on from day to day."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from issues import BARRIER, BARRIER_TOO, DAY, FERRY, REEF
from makers import join

from digest.group import group
from digest.group.terms import stem, words
from digest.model import Article

MORNING = datetime(2015, 10, 21, 6, tzinfo=UTC)


LONG = " ".join(
    f"In the {place} the {who} found {number} {what} and kept them for the {whom}."
    for number, (place, who, what, whom) in enumerate(
        [
            ("cellar", "keeper", "lamps", "harbour master"),
            ("attic", "widow", "letters", "archive of the town"),
            ("boathouse", "carpenter", "oars", "rowing club"),
            ("school", "teacher", "atlases", "younger children"),
            ("mill", "apprentice", "sieves", "museum across the river"),
            ("chapel", "organist", "pipes", "restorer from Carrow"),
            ("market", "baker", "tins", "feast in August"),
            ("quarry", "geologist", "fossils", "university on the hill"),
        ]
    )
)
"""An invented text long enough to have parts."""


def telling(text: str, source: str = "wire", **changes: Any) -> Article:
    """Make an article of one sentence whose headline is its first words."""
    values = {
        "title": " ".join(text.split()[:6]),
        "body": (text,) if text else (),
        "url": f"https://{source}.example/{'-'.join(text.lower().split()[:9]).strip('.,')}",
        "language": "en",
        "published": MORNING,
    }
    return Article(source=source, **(values | changes))


def headline(title: str, source: str = "wire", **changes: Any) -> Article:
    return telling("", source, title=title, url=f"https://{source}.example/{title}", **changes)


def together(one: Article, other: Article, *others: Article, **known: Any) -> bool:
    threads = group([one, other, *others], **known)
    return threads[one.id] == threads[other.id]


OTHERS = [telling(text) for text in DAY[1:]]


# --- events


def test_articles_on_one_event_become_one_story_and_others_stay_apart() -> None:
    told = [telling(text) for text in DAY]
    again = telling(BARRIER_TOO, "observer")

    assert join([*told, again]) == [[told[0], again], *([one] for one in told[1:])]


def test_two_articles_alone_are_enough_to_tell_the_same_from_another() -> None:
    assert together(telling(BARRIER), telling(BARRIER_TOO, "observer"))
    assert not together(telling(BARRIER), telling(REEF, "observer"))


def test_headlines_alone_tell_the_same_event() -> None:
    told = [
        headline("Flood barrier at Port Alder shut for first time", "wire"),
        headline("Port Alder closes flood barrier as storm nears", "observer"),
        headline("Storm: Port Alder's barrier closes", "phare"),
    ]
    others = [headline(" ".join(text.split()[:8])) for text in DAY[1:]]

    assert join([*told, *others]) == [told, *([one] for one in others)]


def test_a_headline_joins_the_article_with_the_text() -> None:
    assert together(
        headline("Port Alder shuts its flood barrier", "ticker"), telling(BARRIER_TOO, "observer"), *OTHERS
    )


def test_words_that_every_article_has_join_nothing() -> None:
    tellings = [telling(text + " Subscribe to our newsletter today") for text in DAY]

    assert len(join(tellings)) == len(tellings)


def test_what_a_source_always_writes_about_is_no_story() -> None:
    notes = [
        telling(f"Gardening with Maud: {what}.", "garden")
        for what in (
            "roses want pruning before the frost",
            "slugs and how to keep them off lettuce",
            "a shed built out of pallets",
            "compost needs turning twice a month",
            "tools oiled over winter last longer",
            "seeds swapped at the village hall",
        )
    ]

    assert len(join(notes)) == len(notes)


def test_words_that_only_hold_a_sentence_together_join_nothing() -> None:
    assert not together(
        telling("It was on and it is in, so that we have been with them."),
        telling("They have been on, and that is with it so that we was in."),
    )


def test_nothing_joins_to_nothing() -> None:
    assert join([]) == []
    assert group([]) == {}


def test_a_story_is_called_by_its_earliest_article_whatever_the_order() -> None:
    early = telling(BARRIER_TOO, "observer", published=MORNING - timedelta(hours=3))
    tellings = [telling(BARRIER, "wire"), early, telling(BARRIER, "undated", published=None)]

    assert set(group(tellings).values()) == set(group(tellings[::-1]).values()) == {early.id}


# --- languages


def test_articles_in_different_languages_are_not_one_story_unless_they_are_the_same_text() -> None:
    english = telling(BARRIER, "wire", language="en")

    assert not together(english, telling(BARRIER_TOO, "blatt", language="de"), *OTHERS)
    assert together(english, telling(BARRIER, "blatt", language="de"), *OTHERS)


def test_an_article_of_unknown_language_is_compared_with_all() -> None:
    assert together(telling(BARRIER), telling(BARRIER_TOO, "blog", language=None), *OTHERS)


def test_an_article_of_unknown_language_does_not_join_two_languages() -> None:
    tellings = [
        telling(BARRIER, "wire", language="en"),
        telling(
            "Port Alder: the flood barrier shut when the storm reached the harbour.", "blog", language=None
        ),
        telling(BARRIER_TOO, "blatt", language="de"),
    ]

    assert not together(tellings[0], tellings[2], tellings[1])


def test_a_language_with_few_articles_is_not_one_story() -> None:
    french = [
        telling(text, "phare", language="fr")
        for text in (
            "La vieille horloge de la place sonne encore deux fois par jour depuis le printemps dernier.",
            "Une exposition de cartes marines ouvre ses portes depuis hier soir dans la grande salle.",
            "Les apiculteurs de la vallée attendent encore la pluie, deux fois promise depuis mardi.",
        )
    ]

    assert len(join([*french, *OTHERS])) == 3 + len(OTHERS)


def test_articles_in_the_variants_of_one_language_may_be_one_story() -> None:
    assert together(
        telling(BARRIER, "wire", language="en-gb"), telling(BARRIER_TOO, "observer", language="en-us")
    )


def test_a_script_without_spaces_is_compared_by_pairs_of_characters() -> None:
    assert words("港口 storm 防洪闸门") == ["港口", "storm", "防洪", "洪闸", "闸门"]
    assert together(
        telling("港口城市的防洪闸门在风暴来临时首次关闭。", "wire", language="zh", title="防洪闸门首次关闭"),
        telling("风暴抵达港口,防洪闸门首次关闭。", "ribao", language="zh", title="港口关闭防洪闸门"),
        telling("渡轮工人结束了九天的罢工。", "wire", language="zh", title="渡轮罢工结束"),
    )


def test_vowel_signs_do_not_break_a_word() -> None:
    assert words("बंदरगाह में तूफ़ान") == ["बंदरगाह", "में", "तूफ़ान"]


@pytest.mark.parametrize(
    ("word", "expected"), [("storm", "stor"), ("storms", "storm"), ("ferry", "ferr"), ("at", "at"), ("", "")]
)
def test_a_stem_is_three_quarters_of_a_word_and_four_letters_at_least(word: str, expected: str) -> None:
    assert stem(word) == expected


# --- near-duplicates


def test_a_teaser_tells_the_story_of_its_full_text_whatever_its_title() -> None:
    full = telling(LONG, "wire", title="What the town found")
    for share in (0.15, 0.4):
        teaser = telling(LONG[: int(len(LONG) * share)], "blatt", title="", language="de")
        assert together(full, teaser, *OTHERS)


def test_a_page_with_its_furniture_is_the_article_and_so_is_an_edited_copy() -> None:
    full = telling(LONG, "wire")
    furniture = "Home News Sport Weather Log in Subscribe Most read today in the region and beyond "
    edited = " ".join(s for at, s in enumerate(LONG.split(". ")) if at != 3).replace("lamps", "lanterns")

    assert together(full, telling(furniture * 3 + LONG, "page", language="de", title="Home"), *OTHERS)
    assert together(full, telling(edited, "copy", language="de", title="Found"), *OTHERS)


NOTICE = "Copyright by the agency and its members. This may not be published, read aloud or sung."


def test_a_notice_under_many_articles_joins_none_of_them() -> None:
    noticed = [telling(f"{text} {NOTICE}", f"paper-{number}") for number, text in enumerate(DAY)]

    assert len(join(noticed)) == len(DAY)


def test_a_body_that_is_the_same_under_all_titles_of_a_source_joins_none() -> None:
    title = (" ".join(text.split()[:6]) for text in DAY)
    episodes = [telling(NOTICE, title=one, url=f"https://cast.example/{one}") for one in title]

    assert len(join(episodes)) == len(episodes)


def test_copies_of_one_text_are_one_story_however_many() -> None:
    copies = [telling(LONG, f"paper-{number}", title=f"Number {number}") for number in range(120)]

    assert [len(story) for story in join([*copies, telling(FERRY)])] == [120, 1]


# --- from day to day


def test_an_article_goes_on_with_a_thread_of_the_days_before() -> None:
    known = {"the-flood": [telling(BARRIER, published=MORNING - timedelta(days=1))]}
    fresh = telling(BARRIER_TOO, "observer")

    assert group([fresh, *OTHERS], known)[fresh.id] == "the-flood"


def test_a_known_article_keeps_its_thread() -> None:
    old = telling(BARRIER)

    assert group([old], {"the-flood": [old]}) == {old.id: "the-flood"}


def test_two_threads_stay_two_whatever_tells_of_both() -> None:
    known = {"one": [telling(LONG, "wire")], "two": [telling(LONG + " Nobody minded.", "observer")]}
    bridge = telling(LONG + " Nobody minded.", "blatt", title="Found")

    assert group([bridge], known) == {bridge.id: "two"}


def test_what_was_told_a_week_ago_must_be_nearer_to_go_on() -> None:
    def goes_on(days: int) -> bool:
        before = telling(
            "Stocks rose in Carrow on Tuesday as traders welcomed the rate and the price of oil fell.",
            published=MORNING - timedelta(days=days),
        )
        today = telling(
            "Stocks of bakers lost most when afraid traders in Carrow sold on Friday.",
            "observer",
        )
        return group([today, *OTHERS], {"markets": [before]})[today.id] == "markets"

    assert goes_on(0)
    assert not goes_on(8)


def test_what_one_source_wrote_weeks_apart_is_not_one_story_and_what_two_did_may_be() -> None:
    def once(text: str, source: str, days: int) -> Article:
        return telling(text, source, published=MORNING - timedelta(days=days))

    old, late = once(BARRIER, "wire", 15), once(BARRIER_TOO, "wire", 0)
    assert not together(old, late, *OTHERS)
    assert together(once(BARRIER, "wire", 13), late, *OTHERS)
    assert together(old, once(BARRIER_TOO, "observer", 0), *OTHERS)


def test_a_column_does_not_go_on_for_ever() -> None:
    forecast = ("Rain in the north", "Sun until noon", "Fog on the coast", "Snow above the mill")
    column = [
        telling(
            f"{sky}. The weather for Carrow and the islands.",
            title="The weather for Carrow",
            published=MORNING + timedelta(days=day),
        )
        for day, sky in enumerate(forecast)
    ]

    assert len(join([*column, *OTHERS])) == len(column) + len(OTHERS)


# --- whatever comes


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 2 3",
        "12 " * 400,
        "!?",
        "\ud800",
        "a" * 100_000,
        "\x00",
        "港" * 5000,
        "ا" * 300,
        "one one one one",
    ],
)
def test_the_same_odd_text_under_no_title_is_grouped_without_a_word(text: str) -> None:
    odd = [telling(text, f"paper-{n}", title="", url=f"https://odd.example/{n}") for n in range(3)]

    assert set(group([*odd, *OTHERS])) == {article.id for article in (*odd, *OTHERS)}


def test_a_long_text_is_looked_at_as_far_as_it_is_good_for() -> None:
    long = telling(" ".join(map(str, range(700_000))), title="Numbers")

    assert (
        len(join([long, dataclasses.replace(long, source="copy", url="https://copy.example/"), *OTHERS])) == 6
    )
