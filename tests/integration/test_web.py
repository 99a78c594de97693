"""The readers' pages: what each one shows, what it does, and what it says."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from makers import MORNING
from visitor import DAILY, PRESS, Pages, Visitor, settings, site

from digest.address import read_address
from digest.correspondence import Door, NoticeKind
from digest.model import SubscriberState, SuppressionReason
from digest.store import subscribers as kept
from digest.subscribe import Asker, Readers
from digest.tokens import Purpose
from digest.web.question import in_words
from digest.web.signup import CONSENT
from digest.wishes import Act, Change, Command, Format, Frequency, Stance, Topic, Wishes

ADA = "ada@mail.example"
WEEKLY = {"title": "The Weekly Digest", "sections": {"more": {}}}
SECRET = {"title": "The Board’s Digest", "public": False}


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    with site(tmp_path) as served:
        yield served


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Pages]:
    with site(tmp_path, settings(lists={"daily": DAILY, "weekly": WEEKLY, "board": SECRET})) as served:
        yield served


def reader(pages: Pages, address: str = ADA, *, list_name: str = "daily") -> int:
    """Make an active reader."""
    with pages.database.transaction() as connection:
        return kept.set_state(
            connection,
            list_name,
            address,
            key=read_address(address).key,
            state=SubscriberState.ACTIVE,
            consent="operator",
            now=MORNING,
        ).id


def preferences(pages: Pages, number: int = 1) -> str:
    return f"/preferences/{pages.token(Purpose.PREFERENCES, number)}"


def confirmation(pages: Pages, number: int = 1) -> str:
    return f"/confirm/{pages.token(Purpose.CONFIRM, number)}"


def kinds(pages: Pages) -> list[str]:
    """Name the letters that are to go out."""
    return [row["kind"] for row in pages.rows("notices")]


def press_button(visitor: Visitor, path: str, button: str, **filled: str) -> str:
    """Press a button of a page and give what the next page says."""
    answer = visitor.send(visitor.open(path).was(200).form(button), **filled).was(303)
    return visitor.open(answer.headers["location"]).was(200).text


# sign-up


def test_a_visitor_signs_up_and_is_a_reader_once_the_mailbox_has_said_yes(pages: Pages) -> None:
    visitor = pages.visitor()
    answer = visitor.sign_up(" Ada@Mail.example ", frequency="weekly", hour="07:30", zone="Europe/Paris")
    assert answer.was(303).headers["location"] == "/check"
    assert "Look into your mailbox" in visitor.open("/check").was(200).text
    assert kinds(pages) == [NoticeKind.CONFIRM]
    assert pages.reader().state is SubscriberState.PENDING

    asked = visitor.open(confirmation(pages)).was(200)
    assert "Ada@mail.example" in asked.text
    assert "07:30 (Paris)" in asked.text
    assert visitor.send(asked.form()).was(303).headers["location"] == confirmation(pages)
    assert "The next issue of <bdi>The Small Digest</bdi> comes to" in visitor.open(confirmation(pages)).text
    ada = pages.reader()
    assert (ada.state, ada.consent) == (SubscriberState.ACTIVE, "web")
    assert ada.wishes == Wishes(frequency=Frequency.WEEKLY, hour="07:30", zone="Europe/Paris")
    assert kinds(pages) == [NoticeKind.CONFIRM, NoticeKind.WELCOME]


def test_all_wishes_can_be_filled_in_at_once(pages: Pages) -> None:
    visitor = pages.visitor()
    filled = {
        "frequency": "weekdays",
        "hour": "18:05",
        "zone": "Asia/Tokyo",
        "topic_sport": "none",
        "topic_world": "more",
        "minutes": "5",
        "language": "de",
        "format": "text",
    }
    visitor.sign_up(ADA, **filled).was(303)
    [request] = pages.rows("requests")
    visitor.send(visitor.open(confirmation(pages, request["id"])).form()).was(303)
    assert pages.reader().wishes == Wishes(
        frequency=Frequency.WEEKDAYS,
        hour="18:05",
        zone="Asia/Tokyo",
        topics=(Topic(name="sport", stance=Stance.NONE), Topic(name="world", stance=Stance.MORE)),
        minutes=5,
        language="de",
        format=Format.TEXT,
    )


def test_whoever_sends_letters_hears_of_a_new_one(pages: Pages) -> None:
    pages.visitor().sign_up(ADA).was(303)
    assert pages.rung.wait(30)


def test_what_was_agreed_to_is_kept_with_its_version(pages: Pages) -> None:
    visitor = pages.visitor(Accept_Language="de")
    page = visitor.open("/")
    told = PRESS.run(
        CONSENT, {"title": "The Small Digest", "catalogue": PRESS.speak("de")[2], "language": "de"}
    )
    assert told.strip() in page.text
    visitor.sign_up(ADA).was(303)
    [request] = pages.rows("requests")
    assert request["wording"] == PRESS.version(CONSENT, "de")
    assert (request["language"], request["door"]) == ("de", "web")
    [consent] = pages.rows("consents")
    assert PRESS.version(CONSENT, "de") in consent["content"]


def test_the_first_page_is_the_form_of_the_only_public_list(tmp_path: Path) -> None:
    with site(tmp_path, settings(lists={"board": SECRET, "daily": DAILY})) as pages:
        assert pages.visitor().open("/").form("/subscribe").fields["list"] == "daily"


def test_where_there_are_several_lists_one_is_chosen_first(many: Pages) -> None:
    visitor = many.visitor()
    first = visitor.open("/").was(200).text
    assert 'href="/subscribe/daily"' in first
    assert 'href="/subscribe/weekly"' in first
    assert "board" not in first
    visitor.sign_up(ADA, page="/subscribe/weekly").was(303)
    assert many.rows("requests")[0]["list"] == "weekly"


def test_where_there_is_no_public_list_the_first_page_says_so(tmp_path: Path) -> None:
    with site(tmp_path, settings(lists={"board": SECRET})) as pages:
        assert "nothing here that one could subscribe to" in pages.visitor().open("/").was(200).text


def test_a_list_that_is_not_public_looks_like_none(many: Pages) -> None:
    visitor = many.visitor()
    here, nowhere = visitor.open("/subscribe/board").was(404), visitor.open("/subscribe/nowhere").was(404)
    assert here.text == nowhere.text
    form = visitor.open("/subscribe/daily").form("/subscribe")
    many.clock.forward(seconds=10)
    assert visitor.send(form, address=ADA, answer=visitor.solve(form), list="board").was(404)
    assert not many.rows("requests")


# what is wrong is said


def test_a_wrong_answer_shows_the_form_again_with_all_that_was_filled_in_and_another_question(
    pages: Pages,
) -> None:
    visitor = pages.visitor()
    answer = visitor.sign_up(ADA, answer="99", frequency="weekly", hour="07:30", topic_sport="more").was(422)
    again = answer.form("/subscribe")
    assert again.fields["address"] == ADA
    assert (again.fields["frequency"], again.fields["hour"]) == ("weekly", "07:30")
    assert again.fields["topic-sport"] == "more"
    assert again.fields["answer"] == ""
    assert '<details class="more" open>' in answer.text
    assert "<title>Please check: " in answer.text
    assert re.search(r'<a href="#answer">That was not it\. Here is another question\.</a>', answer.text)
    assert re.search(
        r'<input [^>]*id="answer"[^>]* aria-invalid="true" aria-describedby="answer-hint answer-fault"',
        answer.text,
    )
    assert not pages.rows("requests")
    visitor.send(again, answer=visitor.solve(again)).was(303)  # at once: the time taken before counts
    assert len(pages.rows("requests")) == 1


def test_one_question_can_be_answered_wrongly_once(pages: Pages) -> None:
    visitor = pages.visitor()
    form = visitor.open("/").form("/subscribe")
    pages.clock.forward(seconds=10)
    visitor.send(form, address=ADA, answer="99").was(422)
    answer = visitor.send(form, address=ADA, answer=visitor.solve(form)).was(422)
    assert "This form had been sent before" in answer.text
    assert answer.form("/subscribe").fields["stamp"] != form.fields["stamp"]
    assert not pages.rows("requests")


def test_who_answered_well_need_not_answer_again_for_a_slip_in_the_address(pages: Pages) -> None:
    visitor = pages.visitor()
    answer = visitor.sign_up("ada@gmail").was(422)
    assert "Something is missing after the @" in answer.text
    again = answer.form("/subscribe")
    assert again.fields["address"] == "ada@gmail"
    assert again.fields["answer"] == visitor.solve(again)
    visitor.send(again, address="ada@gmail.com").was(303)


def test_every_fault_is_named_in_the_summary_and_at_its_field(pages: Pages) -> None:
    answer = pages.visitor().sign_up("", hour="99:99", minutes="many", zone="Mars", language="xx", answer="")
    for field in ("address", "hour", "minutes", "zone", "language", "answer"):
        assert f'<li><a href="#{field}">' in answer.was(422).text
        assert f'id="{field}-fault"' in answer.text
        assert f'id="{field}"' in answer.text


def test_a_form_works_once(pages: Pages) -> None:
    visitor = pages.visitor()
    form = visitor.open("/").form("/subscribe")
    pages.clock.forward(seconds=10)
    answer = visitor.solve(form)
    visitor.send(form, address=ADA, answer=answer).was(303)
    again = visitor.send(form, address="bob@mail.example", answer=answer).was(422)
    assert "This form had been sent before" in again.text
    assert len(pages.rows("requests")) == 1


def test_a_form_that_comes_too_soon_can_be_sent_again_as_it_is(pages: Pages) -> None:
    visitor = pages.visitor()
    form = visitor.open("/").form("/subscribe")
    pages.clock.forward(seconds=1)
    answer = visitor.send(form, address=ADA, answer=visitor.solve(form)).was(422)
    assert "That was very fast" in answer.text
    assert not pages.rows("requests")
    pages.clock.forward(seconds=3)
    visitor.send(answer.form("/subscribe")).was(303)


def test_a_form_that_lay_open_for_a_day_is_shown_again(pages: Pages) -> None:
    visitor = pages.visitor()
    form = visitor.open("/").form("/subscribe")
    pages.clock.forward(hours=25)
    answer = visitor.send(form, address=ADA, answer=visitor.solve(form)).was(422)
    assert "had been open for a long time" in answer.text
    assert answer.form("/subscribe").fields["address"] == ADA


def test_what_fills_in_the_field_that_people_do_not_see_is_told_to_leave_it_empty(pages: Pages) -> None:
    visitor = pages.visitor()
    answer = visitor.sign_up(ADA, website="https://spam.test").was(422)
    assert "Please leave this field empty." in answer.text
    assert 'class="field trap"' not in answer.text  # a person whose browser filled it in can see it now
    assert not pages.rows("requests")
    visitor.send(answer.form("/subscribe"), website="").was(303)


def test_a_word_in_any_language_answers_the_question(pages: Pages) -> None:
    visitor = pages.visitor(Accept_Language="ar")
    form = visitor.open("/").form("/subscribe")
    pages.clock.forward(seconds=10)
    number = int(visitor.solve(form))
    word = in_words(number, PRESS.catalogues["tr"])
    visitor.send(form, address=ADA, answer=word.upper()).was(303)


# one answer for every address


def test_known_unknown_suppressed_and_refused_addresses_are_answered_with_the_same_bytes(
    tmp_path: Path,
) -> None:
    with site(tmp_path, settings(signup={"refused_domains": ["burner.example"]})) as pages:
        reader(pages, "known@mail.example")
        with pages.database.transaction() as connection:
            for address, reason in (
                ("bounced@mail.example", SuppressionReason.HARD_BOUNCE),
                ("complained@mail.example", SuppressionReason.COMPLAINT),
            ):
                kept.suppress(connection, address, reason=reason, now=MORNING)
        visitor = pages.visitor()
        addresses = [
            "known@mail.example",
            "unknown@mail.example",
            "unknown@mail.example",  # asked too often
            "bounced@mail.example",
            "complained@mail.example",
            "anybody@burner.example",
        ]
        for ask in (visitor.sign_up, visitor.find):
            seen = set()
            for address in addresses:
                answer = ask(address).was(303)
                headers = [(name, value) for name, value in answer.headers.items() if name != "date"]
                seen.add((answer.text, tuple(headers)))
            assert len(seen) == 1
            assert visitor.open("/check").text == visitor.open("/check").text
        assert {row["address"] for row in pages.rows("notices")} == {
            "known@mail.example",
            "unknown@mail.example",
        }


# confirm


def ask(pages: Pages, *commands: Command, address: str = ADA) -> None:
    """Let somebody ask for something by mail, without proof."""
    with pages.database.transaction() as connection:
        Readers(settings=pages.settings, tokens=pages.tokens).request(
            connection,
            "daily",
            read_address(address),
            commands,
            asker=Asker(door=Door.MAIL),
            now=pages.clock(),
        )


def test_one_who_confirms_twice_is_told_that_it_is_done(pages: Pages) -> None:
    ask(pages, Command(act=Act.SUBSCRIBE))
    visitor = pages.visitor()
    form = visitor.open(confirmation(pages)).form()
    visitor.send(form).was(303)
    visitor.send(form).was(303)
    assert "You have said yes" in visitor.open(confirmation(pages)).was(200).text
    assert kinds(pages) == [NoticeKind.CONFIRM, NoticeKind.WELCOME]


def test_a_link_that_is_over_says_so_and_how_to_go_on(pages: Pages) -> None:
    ask(pages, Command(act=Act.SUBSCRIBE))
    visitor = pages.visitor()
    form = visitor.open(confirmation(pages)).form()
    pages.clock.forward(days=6, hours=23)
    form = visitor.open(confirmation(pages)).form()
    pages.clock.forward(days=1)
    assert "This link is over" in visitor.open(confirmation(pages)).was(410).text
    visitor.send(form).was(410)
    assert pages.reader().state is SubscriberState.PENDING


@pytest.mark.parametrize("token", ["nonsense", "a" * 34, "%00", "é", "a" * 5000, "..%2f..", "A" * 34])
def test_a_link_that_is_none_of_ours_says_what_may_have_happened(pages: Pages, token: str) -> None:
    visitor = pages.visitor()
    for page in ("confirm", "preferences", "unsubscribe"):
        assert "copy the whole of it" in visitor.open(f"/{page}/{token}").was(404).text
    assert (
        visitor.client.post(f"/unsubscribe/{token}", data={"List-Unsubscribe": "One-Click"}).status_code
        == 404
    )


def test_what_was_asked_for_is_shown_before_it_is_done(pages: Pages) -> None:
    reader(pages)
    ask(pages, Command(act=Act.UNSUBSCRIBE), Command(act=Act.DATA))
    visitor = pages.visitor()
    asked = visitor.open(confirmation(pages)).was(200)
    assert "Leave The Small Digest" in asked.text
    assert "All that is known about you, by mail" in asked.text
    assert pages.reader().state is SubscriberState.ACTIVE
    visitor.send(asked.form()).was(303)
    assert pages.reader().state is SubscriberState.UNSUBSCRIBED


def test_one_who_asked_by_mail_to_be_forgotten_is_with_the_button(pages: Pages) -> None:
    reader(pages)
    ask(pages, Command(act=Act.ERASE))
    visitor = pages.visitor()
    answer = visitor.send(visitor.open(confirmation(pages)).form()).was(303)
    assert answer.headers["location"] == "/forgotten"
    assert pages.reader().state is SubscriberState.ERASED
    visitor.open(confirmation(pages)).was(404)


# preferences


def test_all_wishes_are_shown_as_they_are_set_and_change_as_they_are_filled_in(pages: Pages) -> None:
    reader(pages)
    visitor = pages.visitor()
    text = press_button(
        visitor,
        preferences(pages),
        preferences(pages),
        frequency="weekdays",
        hour="06:15",
        zone="America/New_York",
        topic_sport="less",
        topic_world="none",
        minutes="10",
        language="ar",
        format="text",
    )
    assert "Your wishes are kept." in text
    wanted = Wishes(
        frequency=Frequency.WEEKDAYS,
        hour="06:15",
        zone="America/New_York",
        topics=(Topic(name="sport", stance=Stance.LESS), Topic(name="world", stance=Stance.NONE)),
        minutes=10,
        language="ar",
        format=Format.TEXT,
    )
    assert pages.reader().wishes == wanted
    form = visitor.open(preferences(pages)).form(preferences(pages))
    assert form.fields["zone"] == "America/New_York"
    assert form.fields["topic-world"] == "none"
    assert "It was so already" in press_button(visitor, preferences(pages), preferences(pages))
    assert pages.reader().wishes == wanted
    press_button(visitor, preferences(pages), preferences(pages), hour="", zone="", minutes="", language="")
    assert pages.reader().wishes == Wishes(
        frequency=Frequency.WEEKDAYS, topics=wanted.topics, format=Format.TEXT
    )


def test_a_zone_under_its_old_name_stays_as_it_is(pages: Pages) -> None:
    number = reader(pages)
    with pages.database.transaction() as connection:
        kept.set_wishes(connection, number, Wishes(zone="US/Eastern"))
    visitor = pages.visitor()
    assert "It was so already" in press_button(visitor, preferences(pages), preferences(pages))
    assert pages.reader().wishes.zone == "US/Eastern"


def test_faults_in_wishes_are_said_and_nothing_changes(pages: Pages) -> None:
    reader(pages)
    visitor = pages.visitor()
    form = visitor.open(preferences(pages)).form(preferences(pages))
    answer = visitor.send(form, hour="noon", frequency="weekly").was(422)
    assert "Please write the time like 07:00." in answer.text
    assert answer.form(preferences(pages)).fields["frequency"] == "weekly"
    assert pages.reader().wishes == Wishes()


@pytest.mark.parametrize(("weeks", "days"), [("1", 7), ("2", 14), ("4", 28), ("", None)])
def test_a_reader_pauses_and_resumes(pages: Pages, weeks: str, days: int | None) -> None:
    reader(pages)
    visitor = pages.visitor()
    assert "You have a pause." in press_button(visitor, preferences(pages), "/pause", weeks=weeks)
    paused = pages.reader()
    assert paused.state is SubscriberState.PAUSED
    assert paused.paused_until == (None if days is None else pages.clock() + timedelta(days=days))
    assert "Welcome back." in press_button(visitor, preferences(pages), "/resume")
    assert pages.reader().state is SubscriberState.ACTIVE


def test_a_pause_of_any_other_length_is_none(pages: Pages) -> None:
    reader(pages)
    visitor = pages.visitor()
    form = visitor.open(preferences(pages)).form("/pause")
    for weeks in ("1000000", "-1", "x"):
        visitor.send(form, weeks=weeks).was(422)
    assert pages.reader().state is SubscriberState.ACTIVE


def test_a_reader_leaves_and_comes_back(pages: Pages) -> None:
    reader(pages)
    visitor = pages.visitor()
    assert "You have left." in press_button(visitor, preferences(pages), "/leave")
    assert pages.reader().state is SubscriberState.UNSUBSCRIBED
    left = visitor.open(preferences(pages)).was(200)
    assert "Have a pause" not in left.text
    assert "Welcome back." in press_button(visitor, preferences(pages), "/back")
    assert pages.reader().state is SubscriberState.ACTIVE
    assert not pages.rows("notices")  # the page has said it all


def test_what_is_known_about_a_reader_goes_to_his_mailbox_and_not_to_the_page(pages: Pages) -> None:
    reader(pages)
    visitor = pages.visitor()
    assert "on its way to your mailbox" in press_button(visitor, preferences(pages), "/data")
    [letter] = pages.rows("notices")
    assert (letter["kind"], letter["address"]) == (NoticeKind.DATA, ADA)
    assert ADA in letter["said"]["data"]


def test_a_reader_is_forgotten_with_the_second_button(pages: Pages) -> None:
    reader(pages)
    visitor = pages.visitor()
    asked = visitor.open(f"{preferences(pages)}/forget").was(200)
    assert pages.reader().state is SubscriberState.ACTIVE
    answer = visitor.send(asked.form()).was(303)
    assert answer.headers["location"] == "/forgotten"
    assert pages.reader().state is SubscriberState.ERASED
    assert kinds(pages) == [NoticeKind.ERASED]
    assert "This link is over" in visitor.open(preferences(pages)).was(410).text
    visitor.open(f"{preferences(pages)}/forget").was(410)


def test_one_who_has_not_confirmed_has_no_preferences(pages: Pages) -> None:
    pages.visitor().sign_up(ADA).was(303)
    assert pages.reader().state is SubscriberState.PENDING
    pages.visitor().open(preferences(pages)).was(404)


def test_a_reader_of_several_lists_finds_the_others(many: Pages) -> None:
    reader(many)
    reader(many, list_name="weekly")
    reader(many, "bob@mail.example", list_name="weekly")
    text = many.visitor().open(preferences(many, 1)).was(200).text
    assert f'href="{preferences(many, 2)}"' in text
    assert preferences(many, 3) not in text


def test_a_list_that_the_settings_have_no_more_can_still_be_left(tmp_path: Path) -> None:
    with site(tmp_path) as pages:
        reader(pages, list_name="gone")
        visitor = pages.visitor()
        assert "How you want it" not in visitor.open(preferences(pages)).was(200).text
        assert "You have left." in press_button(visitor, preferences(pages), "/leave")
        assert pages.reader().state is SubscriberState.UNSUBSCRIBED


def test_what_is_said_to_be_done_is_believed_only_where_things_stand_so(pages: Pages) -> None:
    reader(pages)
    visitor = pages.visitor()
    assert "You have left" not in visitor.open(f"{preferences(pages)}?done=left").text
    assert 'role="status"' not in visitor.open(f"{preferences(pages)}?done=anything+else").text


# find


def test_the_links_to_subscriptions_come_by_mail(pages: Pages) -> None:
    reader(pages)
    visitor = pages.visitor()
    assert visitor.find(ADA).was(303).headers["location"] == "/check"
    assert kinds(pages) == [NoticeKind.FOUND]
    visitor.find("nobody@mail.example").was(303)
    assert kinds(pages) == [NoticeKind.FOUND]


def test_a_wrong_answer_finds_nothing(pages: Pages) -> None:
    reader(pages)
    visitor = pages.visitor()
    form = visitor.open("/find").form()
    pages.clock.forward(seconds=10)
    answer = visitor.send(form, address=ADA, answer="1000").was(422)
    assert answer.form().fields["address"] == ADA
    assert not kinds(pages)


# languages


@pytest.mark.parametrize("language", ["en", *sorted(PRESS.catalogues)])
def test_every_page_speaks_the_visitors_language(pages: Pages, language: str) -> None:
    reader(pages)
    ask(pages, Command(act=Act.CHANGE, change=Change(minutes=5)))
    visitor = pages.visitor(Accept_Language=f"{language},en;q=0.5")
    direction = "rtl" if language == "ar" else "ltr"
    unsubscribe = f"/unsubscribe/{pages.token(Purpose.UNSUBSCRIBE, 1)}"
    for path in (
        "/",
        "/check",
        "/find",
        "/nowhere",
        confirmation(pages),
        preferences(pages),
        f"{preferences(pages)}/forget",
        unsubscribe,
        "/forgotten",
    ):
        assert f'<html lang="{language}" dir="{direction}">' in visitor.open(path).text


def words(page: str) -> set[str]:
    """Give the texts between the tags of a page's own part, without the cities."""
    own = re.sub(r"(?s)<select.*?</select>|<footer.*", "", page)
    return {text.strip() for text in re.findall(r">([^<>]+)<", own) if re.search(r"[^\W\d]", text)}


SAME_IN_EVERY_LANGUAGE = {
    *("The Port Alder Digest", "The Small Digest", "All that happened.", ADA, "a…@mail.example"),
    *("digest@digest.example", "World", "Sport &amp; &lt;em&gt;Play&lt;/em&gt;"),
    "Opinion",  # in French too
}


@pytest.mark.parametrize("language", sorted(PRESS.catalogues))
def test_nothing_on_the_pages_is_left_in_english(pages: Pages, language: str) -> None:
    reader(pages)
    unsubscribe = f"/unsubscribe/{pages.token(Purpose.UNSUBSCRIBE, 1)}"
    ours, english = pages.visitor(Accept_Language=language), pages.visitor(Accept_Language="en")
    own = preferences(pages)
    for path in ("/", "/check", "/find", "/forgotten", "/nowhere", own, f"{own}/forget", unsubscribe):
        assert words(ours.open(path).text) & words(english.open(path).text) <= SAME_IN_EVERY_LANGUAGE
    form = {"address": "a b", "hour": "x", "minutes": "x", "answer": "x", "website": "x", "stamp": ""}
    wrong = [one.client.post("/subscribe", data=form | {"list": "daily"}).text for one in (ours, english)]
    assert words(wrong[0]) & words(wrong[1]) <= SAME_IN_EVERY_LANGUAGE


def test_a_language_that_was_chosen_is_kept_on_every_way(pages: Pages) -> None:
    visitor = pages.visitor(Accept_Language="de")
    page = visitor.open("/?lang=ar").was(200)
    assert '<html lang="ar" dir="rtl">' in page.text
    form = page.form("/subscribe")
    pages.clock.forward(seconds=10)
    answer = visitor.send(form, address=ADA, answer=visitor.solve(form)).was(303)
    assert answer.headers["location"] == "/check?lang=ar"
    assert pages.rows("requests")[0]["language"] == "ar"


# the rest


def test_what_machines_ask_for_is_there(pages: Pages) -> None:
    visitor = pages.visitor()
    assert "Disallow: /preferences/" in visitor.open("/robots.txt").was(200).text
    assert visitor.open("/favicon.ico").was(200).headers["content-type"] == "image/svg+xml"
    [sheet] = re.findall(r'href="(/style-[0-9a-f]{16}\.css)"', visitor.open("/").text)
    style = visitor.open(sheet).was(200)
    assert style.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert style.headers["content-type"].startswith("text/css")


@pytest.mark.parametrize(
    "path", ["/", "/check", "/find", "/robots.txt", "/favicon.ico", "/nowhere", "/forgotten"]
)
def test_head_answers_as_get_does_without_a_body(pages: Pages, path: str) -> None:
    visitor = pages.visitor(Cookie="form=" + "0" * 32)
    answers = [visitor.open(path, method=method) for method in ("GET", "HEAD")]
    get, head = ([(k, v) for k, v in one.headers.items() if k != "date"] for one in answers)
    assert [name for name, _ in get] == [name for name, _ in head]
    assert answers[0].status == answers[1].status
    assert answers[1].answer.content == b""


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_told_which_there_are(pages: Pages, method: str) -> None:
    answer = pages.visitor().open("/find", method=method).was(405)
    assert {*answer.headers["allow"].split(", ")} == {"GET", "HEAD", "POST"}
    assert "Nothing was done." in answer.text


def test_the_pages_name_the_publishers_address(tmp_path: Path) -> None:
    changed: dict[str, Any] = {"publisher": {"postal_address": "1 Quay\nPort <Alder>", "name": "<b>P</b>"}}
    with site(tmp_path, settings(**changed)) as pages:
        text = pages.visitor().open("/check").text
        assert "<bdi>Port &lt;Alder&gt;</bdi>" in text
        assert "<b>P</b>" not in text
