"""Readers vote from their letter: one vote a reader and story, counted at once, taken back as easily, and heard."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import lxml.html
import pytest
from issues import TODAY, article, issue, section, story
from makers import MORNING, wishes
from visitor import DAILY, Form, Pages, Seen, Visitor, settings, site

from digest import curate as curating
from digest import privacy
from digest.address import parse_address
from digest.curate import Memory, curate, shares
from digest.model import Issue, Story, SubscriberState, SuppressionReason
from digest.store import issues, subscribers, votes
from digest.tokens import Purpose

ADA, GRACE = "ada@mail.example", "grace@mail.example"
FERRY, REEF, CHESS = (
    article(1, title="The ferry sails", source="wire"),
    article(2, title="A reef is found", source="observer", votes=57),
    article(3, title="A girl wins at chess", source="wire", votes=1),
)
PAST = f"/archive/daily/{TODAY}"
LISTS = {"daily": DAILY, "weekly": {"title": "The Slow Digest"}, "board": {"title": "Board", "public": False}}


@pytest.fixture
def pages(tmp_path: Path, database_url: str) -> Iterator[Pages]:
    """The pages, with today's issue of three stories."""
    with site(tmp_path, settings(lists=LISTS), url=database_url) as opened:
        publish(opened)
        yield opened


def publish(pages: Pages, **changes: Any) -> Issue:
    """Freeze an issue of three stories."""
    told = (section("World", story(FERRY), story(REEF)), section("Sport", story(CHESS)))
    frozen = issue(*told, **changes)
    with pages.database.transaction() as connection:
        issues.freeze(connection, frozen)
    return frozen


def token(pages: Pages, address: str = ADA, *, name: str = "daily") -> str:
    """Make a reader and give her token."""
    with pages.database.transaction() as connection:
        made = subscribers.set_state(
            connection,
            name,
            address,
            key=address,
            state=SubscriberState.ACTIVE,
            consent="operator",
            now=MORNING,
        )
    return pages.token(Purpose.VOTE, made.id)


def become(pages: Pages, state: SubscriberState, address: str = ADA) -> None:
    with pages.database.transaction() as connection:
        subscribers.set_state(
            connection, "daily", address, key=address, state=state, consent="web", now=MORNING
        )


def form(seen: Seen, number: int) -> tuple[Form, str]:
    """Give the form of the story of that number, and what its button does."""
    [found] = lxml.html.fromstring(seen.text).xpath(f"(//article)[{number}]//form")
    fields = {one.get("name"): one.get("value") for one in found.xpath(".//input")}
    [button] = found.xpath(".//button")
    return Form(action=found.get("action"), method=found.get("method"), fields=fields), button.get("value")


def press(visitor: Visitor, hers: str, number: int = 1, *, path: str = PAST, **changed: str) -> Seen:
    """Open an issue with a reader's token and press the button of a story."""
    found, act = form(visitor.open(f"{path}?voter={hers}").was(200), number)
    return visitor.send(found, **({"act": act} | changed))


def cast(pages: Pages) -> set[tuple[int, str]]:
    """Give who has voted for which story."""
    return {(row["subscriber_id"], row["article_id"]) for row in pages.rows("votes")}


def said(seen: Seen, number: int) -> str:
    """Give what a page says about the votes for a story."""
    found = lxml.html.fromstring(seen.text).xpath(f"(//article)[{number}]//div[@class='votes']/p")
    return " ".join(" ".join(one.text_content().split()) for one in found)


# --- voting


def test_a_vote_is_counted_at_once_and_leads_back_to_the_story(pages: Pages) -> None:
    hers, visitor = token(pages), pages.visitor()
    answer = press(visitor, hers, 2).was(303)

    assert answer.headers["Location"] == f"{PAST}?voter={hers}#story-1-2"
    assert cast(pages) == {(1, REEF.id)}
    seen = visitor.open(answer.headers["Location"]).was(200)
    assert said(seen, 2) == "57 users have voted on the original site. 1 reader of this letter has voted."
    assert "You have voted for it." in seen.text
    everybody = pages.visitor().open(PAST).was(200)
    assert said(everybody, 2) == said(seen, 2)
    assert "You have voted" not in everybody.text


def test_the_sources_own_votes_are_shown_apart_and_readers_votes_are_not_added_to_them(pages: Pages) -> None:
    for address in (ADA, GRACE):
        press(pages.visitor(), token(pages, address), 3)
    seen = pages.visitor().open(PAST)

    assert said(seen, 1) == ""
    assert said(seen, 2) == "57 users have voted on the original site."
    assert said(seen, 3) == "1 user has voted on the original site. 2 readers of this letter have voted."


@pytest.mark.on_both
def test_a_reader_has_one_vote_for_a_story_however_often_she_presses(pages: Pages) -> None:
    hers, visitor = token(pages), pages.visitor()
    for _ in range(3):
        press(visitor, hers, act="vote").was(303)

    assert cast(pages) == {(1, FERRY.id)}
    assert said(visitor.open(PAST), 1) == "1 reader of this letter has voted."


@pytest.mark.on_both
def test_a_vote_is_taken_back_with_the_same_button_and_may_be_given_again(pages: Pages) -> None:
    hers, visitor = token(pages), pages.visitor()
    press(visitor, hers)
    answer = press(visitor, hers).was(303)

    assert cast(pages) == set()
    assert answer.headers["Location"].endswith("#story-1-1")
    assert said(visitor.open(PAST), 1) == ""
    press(visitor, hers, act="back").was(303)
    press(visitor, hers).was(303)
    assert cast(pages) == {(1, FERRY.id)}


def test_a_reader_may_vote_for_several_stories_and_takes_back_only_the_one(pages: Pages) -> None:
    hers, visitor = token(pages), pages.visitor()
    press(visitor, hers, 1)
    press(visitor, hers, 3)
    press(visitor, hers, 1)

    assert cast(pages) == {(1, CHESS.id)}


def test_one_who_pauses_still_votes(pages: Pages) -> None:
    hers = token(pages)
    become(pages, SubscriberState.PAUSED)
    press(pages.visitor(), hers).was(303)

    assert cast(pages) == {(1, FERRY.id)}


@pytest.mark.on_both
def test_who_reads_two_lists_at_one_address_is_one_reader(pages: Pages) -> None:
    publish(pages, list="weekly")
    visitor = pages.visitor()
    press(visitor, token(pages))
    press(visitor, token(pages, name="weekly"), path=f"/archive/weekly/{TODAY}")

    assert len(cast(pages)) == 2
    assert said(visitor.open(PAST), 1) == "1 reader of this letter has voted."


def test_readers_of_a_list_that_is_not_public_vote_there_too(pages: Pages) -> None:
    publish(pages, list="board")
    hers = token(pages, name="board")
    answer = press(pages.visitor(), hers, path=f"/archive/board/{TODAY}").was(303)

    assert answer.headers["Location"] == f"/archive/board/{TODAY}?voter={hers}#story-1-1"
    assert cast(pages) == {(1, FERRY.id)}


def test_a_chosen_language_is_kept_after_a_vote(pages: Pages) -> None:
    hers, visitor = token(pages), pages.visitor()
    found, act = form(visitor.open(f"{PAST}?voter={hers}&lang=de").was(200), 1)
    answer = visitor.send(found, act=act).was(303)

    assert answer.headers["Location"] == f"{PAST}?voter={hers}&lang=de#story-1-1"


def test_without_a_token_there_is_the_count_no_form_and_how_readers_vote(pages: Pages) -> None:
    seen = pages.visitor().open(PAST).was(200)

    assert "<form" not in seen.text
    assert "Readers vote for stories from the link in their letter." in seen.text


# --- what is no vote


def test_no_get_changes_anything(pages: Pages) -> None:
    hers, visitor = token(pages), pages.visitor()
    press(visitor, hers)
    found, _ = form(visitor.open(f"{PAST}?voter={hers}"), 2)
    before = pages.dump()
    query = "&".join(f"{name}={value}" for name, value in (found.fields | {"act": "vote"}).items())

    for path in (
        f"{PAST}?{query}",
        f"/archive/daily?{query}",
        f"/archive?{query}",
        PAST,
        f"/archive/daily/feed.atom?{query}",
    ):
        for method in ("GET", "HEAD"):
            visitor.open(path, method=method).was(200)
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        visitor.open(f"/vote?{query}", method=method).was(405)
    assert pages.dump() == before


def test_a_form_from_elsewhere_does_not_vote_but_gives_the_reader_one_that_does(pages: Pages) -> None:
    hers = token(pages)
    found, act = form(pages.visitor().open(f"{PAST}?voter={hers}"), 2)
    stranger = pages.visitor()
    seen = stranger.send(found, act=act).was(403)

    assert cast(pages) == set()
    [alert] = lxml.html.fromstring(seen.text).xpath("//*[@role='alert']")
    assert "Your vote is not counted yet" in alert.text_content()
    assert alert.xpath(".//a/@href") == ["#story-1-2"]
    fresh, act = form(seen, 2)
    stranger.send(fresh, act=act).was(303)
    assert cast(pages) == {(1, REEF.id)}


@pytest.mark.parametrize("stamp", ["", "0.0.0", "x" * 900, f"{0:x}.{'0' * 32}.{'0' * 32}"])
def test_a_form_that_is_not_ours_does_not_vote(pages: Pages, stamp: str) -> None:
    press(pages.visitor(), token(pages), stamp=stamp).was(403)

    assert cast(pages) == set()


def test_another_sites_page_cannot_make_a_browser_vote(pages: Pages) -> None:
    hers, visitor = token(pages), pages.visitor()
    found, act = form(visitor.open(f"{PAST}?voter={hers}"), 1)

    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        visitor.send(found, act=act, headers=headers).was(403)
    assert cast(pages) == set()


def test_a_page_that_lay_open_for_a_week_still_votes(pages: Pages) -> None:
    hers, visitor = token(pages), pages.visitor()
    found, act = form(visitor.open(f"{PAST}?voter={hers}"), 1)
    pages.clock.forward(days=7)
    visitor.send(found, act=act).was(303)

    assert cast(pages) == {(1, FERRY.id)}


@pytest.mark.parametrize(
    "changed",
    [
        {"story": article(9).id},
        {"story": ""},
        {"story": "' OR 1=1 --"},
        {"act": ""},
        {"act": "Vote"},
        {"date": "2015-10-20"},
        {"date": "20151021"},
        {"date": ""},
        {"list": "nothing"},
        {"list": "board"},
        {"list": ""},
        {"list": "daily/../board"},
    ],
)
def test_only_a_story_of_that_very_issue_can_be_voted_for(pages: Pages, changed: dict[str, str]) -> None:
    press(pages.visitor(), token(pages), **changed).was(404)

    assert cast(pages) == set()


def test_a_form_without_its_fields_is_not_found(pages: Pages) -> None:
    hers, visitor = token(pages), pages.visitor()
    found, _ = form(visitor.open(f"{PAST}?voter={hers}"), 1)

    for missing in ("list", "date", "story"):
        fields = {name: value for name, value in found.fields.items() if name != missing}
        visitor.send(Form(action="/vote", method="post", fields=fields), act="vote").was(404)
    visitor.send(Form(action="/vote", method="post", fields={}), act="vote").was(404)
    assert cast(pages) == set()


def test_a_story_of_another_issue_is_not_voted_for_in_this_one(pages: Pages) -> None:
    tomorrow = TODAY + timedelta(days=1)
    with pages.database.transaction() as connection:
        issues.freeze(connection, issue(section("World", story(article(4))), number=58, date=tomorrow))
    press(pages.visitor(), token(pages), story=article(4).id).was(404)

    assert cast(pages) == set()


@pytest.mark.parametrize("state", ["unsubscribed", "pending", "erased"])
def test_who_is_a_reader_no_more_votes_no_more(pages: Pages, state: str) -> None:
    hers, visitor = token(pages), pages.visitor()
    found, act = form(visitor.open(f"{PAST}?voter={hers}"), 1)
    become(pages, SubscriberState(state))
    visitor.send(found, act=act).was(410)

    assert cast(pages) == set()
    seen = visitor.open(f"{PAST}?voter={hers}").was(200)
    assert "<form" not in seen.text
    assert "With this link one cannot vote any more." in seen.text


def test_who_must_not_be_mailed_votes_no_more(pages: Pages) -> None:
    hers, visitor = token(pages), pages.visitor()
    found, act = form(visitor.open(f"{PAST}?voter={hers}"), 1)
    with pages.database.transaction() as connection:
        subscribers.suppress(connection, ADA, reason=SuppressionReason.HARD_BOUNCE, now=MORNING)
    visitor.send(found, act=act).was(410)

    assert cast(pages) == set()


def test_a_reader_votes_in_her_own_list_only(pages: Pages) -> None:
    publish(pages, list="weekly")
    press(pages.visitor(), token(pages), list="weekly").was(410)

    assert cast(pages) == set()


@pytest.mark.parametrize("purpose", [purpose for purpose in Purpose if purpose is not Purpose.VOTE])
def test_a_token_for_anything_else_does_not_vote(pages: Pages, purpose: Purpose) -> None:
    hers = token(pages)
    press(pages.visitor(), hers, voter=pages.token(purpose, 1)).was(410)

    assert cast(pages) == set()


@pytest.mark.parametrize("guess", ["", "a" * 34, "é", "x" * 900, "1"])
def test_a_guessed_token_does_not_vote(pages: Pages, guess: str) -> None:
    press(pages.visitor(), token(pages), voter=guess).was(410)

    assert cast(pages) == set()


def test_the_tokens_number_is_no_reader(pages: Pages) -> None:
    press(pages.visitor(), token(pages), voter=pages.token(Purpose.VOTE, 999)).was(410)

    assert cast(pages) == set()


def test_votes_are_taken_for_thirty_days(pages: Pages) -> None:
    hers, visitor = token(pages), pages.visitor()
    found, act = form(visitor.open(f"{PAST}?voter={hers}"), 1)
    pages.clock.forward(days=30, seconds=-1)
    visitor.send(found, act=act).was(303)
    assert cast(pages) == {(1, FERRY.id)}

    found, act = form(visitor.open(f"{PAST}?voter={hers}"), 1)
    before = visitor.open(PAST).headers["Last-Modified"]
    pages.clock.forward(seconds=1)
    over = visitor.send(found, act=act).was(410)

    assert cast(pages) == {(1, FERRY.id)}
    visitor.open(PAST, If_Modified_Since=before).was(200)
    for seen in (over, visitor.open(f"{PAST}?voter={hers}").was(200), visitor.open(PAST).was(200)):
        assert "<form" not in seen.text
        assert "Votes were taken for 30 days." in seen.text
        assert said(seen, 1) == "1 reader of this letter has voted."


def test_where_a_vote_leads_is_never_said_by_the_form(pages: Pages) -> None:
    hers, visitor = token(pages), pages.visitor()
    found, act = form(visitor.open(f"{PAST}?voter={hers}"), 1)
    evil = "https://evil.example/"
    fields = found.fields | {"next": evil, "return": evil, "url": evil, "redirect": evil, "anchor": evil}
    for action in ("/vote", f"/vote?next={evil}&voter={evil}&lang={evil}", f"/vote?list={evil}&date={evil}"):
        answer = visitor.send(Form(action=action, method="post", fields=fields), act=act).was(303)

        assert answer.headers["Location"] == f"{PAST}?voter={hers}#story-1-1"


def test_a_token_in_capitals_is_the_same_one_and_is_given_back_as_we_write_it(pages: Pages) -> None:
    hers = token(pages)
    answer = press(pages.visitor(), hers, voter=hers.upper()).was(303)

    assert answer.headers["Location"] == f"{PAST}?voter={hers}#story-1-1"


def test_a_vote_changes_the_page_that_was_kept(pages: Pages) -> None:
    hers, visitor = token(pages), pages.visitor()
    before = visitor.open(PAST).headers
    pages.clock.forward(minutes=5)
    press(visitor, hers)
    after = visitor.open(PAST, If_None_Match=before["ETag"]).was(200).headers

    visitor.open(PAST, If_Modified_Since=before["Last-Modified"]).was(200)
    assert after["Last-Modified"] == "Wed, 21 Oct 2015 06:05:00 GMT"
    press(visitor, hers)
    visitor.open(PAST, If_None_Match=after["ETag"]).was(200)


def test_a_reader_who_is_forgotten_leaves_no_vote(pages: Pages) -> None:
    press(pages.visitor(), token(pages))
    with pages.database.transaction() as connection:
        privacy.erase(connection, parse_address(ADA), fingerprint="f" * 32, now=MORNING)

    assert cast(pages) == set()
    assert said(pages.visitor().open(PAST), 1) == ""


# --- what comes of it


def by_source(
    pages: Pages, *, name: str = "daily", since: datetime = MORNING - timedelta(days=30)
) -> dict[str, int]:
    with pages.database.transaction() as connection:
        return votes.by_source(connection, name, since=since)


def test_a_reader_is_one_voice_for_a_source_however_many_of_its_stories_she_votes_for(pages: Pages) -> None:
    ada, grace, visitor = token(pages), token(pages, GRACE), pages.visitor()
    for number in (1, 2, 3):  # two of them are led by one source
        press(visitor, ada, number)
    press(visitor, grace, 3)

    assert by_source(pages) == {"wire": 2, "observer": 1}


def test_the_voices_are_those_of_a_list_and_of_a_time(pages: Pages) -> None:
    publish(pages, list="weekly")
    press(pages.visitor(), token(pages))

    assert by_source(pages, name="weekly") == {}
    assert by_source(pages, since=MORNING) == {}
    assert by_source(pages, since=MORNING - timedelta(seconds=1)) == {"wire": 1}


# --- voices, which ranking hears


def vote(pages: Pages, readers: int, told: Story, network: str | None, *, first: int = 0) -> None:
    """Let so many readers vote for a story from one network."""
    for number in range(first, first + readers):
        address = f"reader{number}@mail.example"
        token(pages, address)
        with pages.database.transaction() as connection:
            found = subscribers.find(connection, "daily", address)
            assert found is not None
            votes.put(connection, found.id, "daily", told, now=pages.clock(), network=network)


def by_story(pages: Pages, *, since: datetime = MORNING - timedelta(days=30)) -> dict[str, int]:
    with pages.database.transaction() as connection:
        return votes.by_story(connection, [FERRY.id, REEF.id, CHESS.id], since=since)


@pytest.mark.on_both
@pytest.mark.parametrize(("readers", "voices"), [(0, 0), (1, 1), (2, 2), (3, 2), (4, 2), (5, 3), (100, 10)])
def test_of_the_readers_of_one_network_the_root_is_heard(pages: Pages, readers: int, voices: int) -> None:
    assert votes.heard(readers) == voices
    vote(pages, readers, story(FERRY), "a network")

    assert by_source(pages).get("wire", 0) == voices
    assert by_story(pages).get(FERRY.id, 0) == voices


def test_readers_of_other_networks_and_of_none_are_heard_each(pages: Pages) -> None:
    vote(pages, 9, story(FERRY), "a network")
    vote(pages, 4, story(FERRY), "another", first=9)
    vote(pages, 3, story(FERRY), None, first=13)

    assert by_source(pages) == {"wire": 3 + 2 + 3}
    assert by_story(pages) == {FERRY.id: 3 + 2 + 3}


def test_a_page_counts_the_readers_and_not_the_voices(pages: Pages) -> None:
    vote(pages, 9, story(FERRY), "a network")

    assert said(pages.visitor().open(PAST), 1) == "9 readers of this letter have voted."


def test_a_reader_who_votes_at_home_and_at_work_is_one_voice(pages: Pages) -> None:
    vote(pages, 1, story(FERRY), "home")
    vote(pages, 1, story(CHESS), "work")

    assert by_source(pages) == {"wire": 1}


@pytest.mark.on_both
def test_who_reads_two_lists_is_one_voice_for_a_story_of_both(pages: Pages) -> None:
    for name in ("daily", "weekly"):
        hers = token(pages, name=name)
        with pages.database.transaction() as connection:
            number = pages.tokens.read(Purpose.VOTE, hers)
            assert number is not None
            votes.put(connection, number, name, story(FERRY), now=MORNING, network=f"at {name}")

    assert by_story(pages) == {FERRY.id: 1}
    assert by_story(pages, since=MORNING) == {}


def test_a_vote_comes_with_a_keyed_hash_of_its_network_and_of_nothing_nearer(pages: Pages) -> None:
    for number, address in enumerate(("192.0.2.7", "192.0.2.250", "198.51.100.7")):
        hers = token(pages, f"reader{number}@mail.example")
        press(pages.visitor(X_Forwarded_For=address), hers)

    near, nearer, far = (row["network"] for row in pages.rows("votes"))
    assert near == nearer != far
    assert "192.0.2" not in str(pages.dump())


def test_the_network_of_a_vote_is_forgotten_when_it_counts_no_more_in_ranking(pages: Pages) -> None:
    vote(pages, 4, story(FERRY), "a network")
    now = pages.clock() + privacy.NETWORKS_KEPT
    for later, left in ((timedelta(), {"a network"}), (timedelta(seconds=1), {None})):
        with pages.database.transaction() as connection:
            privacy.expire(connection, pages.settings.retention, fingerprint=str, now=now + later)
        assert {row["network"] for row in pages.rows("votes")} == left

    assert privacy.NETWORKS_KEPT >= curating.LIKED_SINCE
    assert by_source(pages, since=now - curating.LIKED_SINCE) == {}
    assert said(pages.visitor().open(PAST), 1) == "4 readers of this letter have voted."


@pytest.mark.on_both
def test_what_readers_voted_for_comes_first_tomorrow(pages: Pages) -> None:
    for number in range(5):
        reader = pages.visitor(X_Forwarded_For=f"192.0.{number}.1")
        press(reader, token(pages, f"reader{number}@mail.example"), 2)
    published = datetime(2015, 10, 22, 5, tzinfo=UTC)
    day = [
        article(
            7, source="wire", title="Alpha", body=("Divers mapped a cold water reef.",), published=published
        ),
        article(8, source="observer", title="Omega", body=("The bank held its rate.",), published=published),
    ]
    now = MORNING + timedelta(days=1)

    assert [one.lead.source for one in curate(day, wishes(), now=now)] == ["wire", "observer"]
    liked = shares(by_source(pages, since=now - timedelta(days=30)))
    assert [one.lead.source for one in curate(day, wishes(), now=now, memory=Memory(liked=liked))] == [
        "observer",
        "wire",
    ]
