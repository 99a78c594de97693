"""Which lines are commands, and which only look so."""

import gzip
import json
from datetime import date
from pathlib import Path

import pytest

from digest.commands import Reading, read_commands, read_detail, spell
from digest.commands.lexicon import LANGUAGES
from digest.wishes import Act, Change, Command, Format, Frequency, Stance, Topic

TODAY = date(2026, 11, 1)
TOKEN = "aeaaaaaaa7pq3zk5tqw2rtyu2opasdfghj"  # noqa: S105 - nobody's
LEAVE = Command(act=Act.UNSUBSCRIBE)
JOIN = Command(act=Act.SUBSCRIBE)


def in_subject(subject: str) -> Reading:
    return read_commands(subject, "", today=TODAY)


def in_text(text: str) -> Reading:
    return read_commands("", text, today=TODAY)


def acts(reading: Reading) -> list[str]:
    return [command.act.value for command in reading.commands]


def wish(line: str) -> Change:
    (command,) = in_text(line).commands
    assert command.act is Act.CHANGE
    assert command.change is not None
    return command.change


def topics(change: Change) -> dict[str, str]:
    return {topic.name: topic.stance.value for topic in change.topics}


def pause(line: str) -> int | None:
    (command,) = in_text(line).commands
    assert command.act is Act.PAUSE
    return command.days


# Beginning and leaving


def test_one_line_says_how_one_wants_it() -> None:
    assert in_subject("subscribe daily 07:00 Europe/Paris +science -sport 5 minutes").commands == (
        Command(
            act=Act.SUBSCRIBE,
            change=Change(
                frequency=Frequency.DAILY,
                hour="07:00",
                zone="Europe/Paris",
                minutes=5,
                topics=(
                    Topic(name="science", stance=Stance.MORE),
                    Topic(name="sport", stance=Stance.NONE),
                ),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("subscribe", None),
        ("SUBSCRIBE ME", None),
        ("sign-up", None),
        ("please subscribe me to the digest", None),
        ("abonnieren", "de"),
        ("Ich möchte den Newsletter abonnieren", "de"),
        ("Anmelden bitte", "de"),
        ("s'abonner", "fr"),
        ("S’ABONNER", "fr"),
        ("sʼabonner", "fr"),
        ("Je m'abonne", "fr"),
        ("abonnez-moi svp", "fr"),
        ("suscribirme", "es"),
        ("Quiero suscribirme, por favor", "es"),
        ("alta", "es"),
        ("abone ol", "tr"),
        ("ABONE OLMAK İSTİYORUM", "tr"),
        ("اشتراك", "ar"),
        ("أريد الاشتراك من فضلكم", "ar"),
    ],
)
def test_one_begins_in_any_language(line: str, language: str | None) -> None:
    for reading in (in_subject(line), in_text(line)):
        assert (reading.commands, reading.language) == ((JOIN,), language)


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("unsubscribe", None),
        ("Un-subscribe", None),
        ("Unsubscribe!", None),
        ('"unsubscribe"', None),
        ("“Unsubscribe.”", None),
        ("*unsubscribe*", None),
        ("- unsubscribe", None),
        ("1. unsubscribe", None),
        ("<unsubscribe>", None),
        ("unsubscribe, thanks!", None),
        ("Please unsubscribe me from this list.", None),
        ("I would like to unsubscribe", None),
        ("stop", None),
        ("STOP.", None),
        ("Leave", None),
        ("remove me please", None),
        ("opt-out", None),
        ("abbestellen", "de"),
        ("ABBESTELLEN", "de"),
        ("kündigen", "de"),
        ("KÜNDIGEN", "de"),
        ("kuendigen", "de"),
        ("kundigen", "de"),
        ("ku\u0308ndigen", "de"),
        ("Abo kündigen", "de"),
        ("bitte stop", "de"),
        ("Bitte melden Sie mich ab", "de"),
        ("désabonner", "fr"),
        ("DESABONNER", "fr"),
        ("se désabonner svp", "fr"),
        ("Désabonnez-moi s’il vous plaît", "fr"),
        ("baja", "es"),
        ("Darme de baja, por favor.", "es"),
        ("¡cancelar suscripción!", "es"),
        ("abonelikten çık", "tr"),
        ("ABONELİKTEN ÇIK", "tr"),
        ("ABONELIKTEN CIK", "tr"),
        ("abonelikten cik", "tr"),
        ("İPTAL", "tr"),
        ("iptal", "tr"),
        ("إلغاء الاشتراك", "ar"),
        ("الغاء الاشتراك", "ar"),
        ("إِلْغَاءُ الاِشْتِرَاكِ", "ar"),
        ("إلغــــاء الاشتراك", "ar"),
        ("\u200f\u202bإلغاء الاشتراك\u202c", "ar"),
        ("إلغاء الاشتراك من هذه القائمة", "ar"),
    ],
)
def test_one_leaves_in_any_language(line: str, language: str | None) -> None:
    for reading in (in_subject(line), in_text(line)):
        assert (reading.commands, reading.language, reading.misread) == ((LEAVE,), language, False)


@pytest.mark.parametrize(
    "line",
    [
        "please don't stop sending this!",
        "Don't unsubscribe me",
        "I never asked to unsubscribe, so what is this?",
        "Nicht abmelden!",
        "ne pas désabonner",
        "no cancelar suscripción",
        "لا تلغي الاشتراك",
        "full stop",
        "How do I unsubscribe from these letters that I do not remember to have asked for?",
        "unsubscribe is what I wanted to write to my brother yesterday, he leaves",
        "stop" * 200,
        "unsubscribe " * 50,
        "we leave tomorrow",
    ],
)
def test_a_sentence_is_no_command(line: str) -> None:
    for reading in (in_subject(line), in_text(line)):
        assert reading == Reading()


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("unsubscribe science-weekly", "science-weekly"),
        ("Unsubscribe me from Science-Weekly please", "science-weekly"),
        ("unsubscribe daily", "daily"),
        ("abmelden von news24", "news24"),
        ("désabonner de la liste sport", "sport"),
        ("إلغاء الاشتراك daily", "daily"),
        ("unsubscribe", None),
        ("unsubscribe me", None),
        ("unsubscribe from the list", None),
    ],
)
def test_a_list_may_be_named(line: str, name: str | None) -> None:
    assert in_text(line).commands == (Command(act=Act.UNSUBSCRIBE, list=name),)


def test_beside_options_the_word_that_is_none_names_the_list() -> None:
    (command,) = in_text("subscribe science weekly 7am").commands
    assert (command.list, command.change) == ("science", Change(frequency=Frequency.WEEKLY, hour="07:00"))


@pytest.mark.parametrize(
    "line", ["stop spam", "leave tomorrow", "remove duplicates", "stop daily", "join us"]
)
def test_a_list_is_named_only_after_a_word_for_subscribing(line: str) -> None:
    assert acts(in_subject(line)) == []


@pytest.mark.parametrize(
    "line", ["unsubscribe one two", "subscribe reader@mail.example", "unsubscribe not", "subscribe Ünlü"]
)
def test_what_names_no_list_is_misread(line: str) -> None:
    assert acts(in_text(line)) == []
    assert in_text(line).misread or "not" in line


# Pausing


@pytest.mark.parametrize(
    ("line", "days"),
    [
        ("pause", None),
        ("pause 2w", 14),
        ("pause 2 w", 14),
        ("pause 10 days", 10),
        ("Pause: 10 days.", 10),
        ("pause for two weeks please", 14),
        ("pause a week", 7),
        ("pause my subscription for a month", 30),
        ("pause for a fortnight", 14),
        ("pause until 2026-12-01", 30),
        ("pause until 1.12.2026", 30),
        ("stop for 2 weeks", 14),
        ("Pause 14 Tage", 14),
        ("Pause für zwei Wochen", 14),
        ("Pause bis 1.12.2026", 30),
        ("pause deux semaines", 14),
        ("pause jusqu'au 1/12/2026", 30),
        ("pausa de 10 días", 10),
        ("pausar hasta el 01/12/2026", 30),
        ("duraklat 2 hafta", 14),
        ("2 hafta ara ver", 14),
        ("14 gün duraklat", 14),
        ("2026-12-01 tarihine kadar duraklat", 30),
        ("إيقاف مؤقت 14 يومًا", 14),
        ("إيقاف مؤقت ١٤ يوما", 14),
        ("إيقاف مؤقت لمدة أسبوعين", 14),
        ("توقف لمدة أسبوعين", 14),
        ("إيقاف مؤقت حتى ٢٠٢٦-١٢-٠١", 30),
    ],
)
def test_a_pause_is_given_in_days(line: str, days: int | None) -> None:
    assert pause(line) == days


@pytest.mark.parametrize(
    "line",
    [
        "pause 0 days",
        "pause 9999 weeks",
        "pause 99999999999999999999 days",
        "pause until 2026-11-01",
        "pause until 2025-01-01",
        "pause until 2026-02-30",
        "pause until 9999-99-99",
        "pause until 1/12/2026",  # January or December?
        "pause until tomorrow",
        "pause two",
        "pause 2 weeks 3 days",
    ],
)
def test_a_time_that_makes_no_sense_is_misread(line: str) -> None:
    assert in_text(line) == Reading(misread=True)


def test_until_when_needs_to_know_the_day() -> None:
    assert read_commands("pause until 2026-12-01", "").misread


@pytest.mark.parametrize(
    "line", ["resume", "Continue!", "fortsetzen", "weiter", "reprendre", "reanudar", "devam et", "استئناف"]
)
def test_a_pause_ends_in_any_language(line: str) -> None:
    assert acts(in_text(line)) == ["resume"]


# Wishes


@pytest.mark.parametrize(
    ("line", "frequency"),
    [
        ("daily", Frequency.DAILY),
        ("Every day", Frequency.DAILY),
        ("set daily please", Frequency.DAILY),
        ("weekdays", Frequency.WEEKDAYS),
        ("Monday to Friday", Frequency.WEEKDAYS),
        ("WEEKLY", Frequency.WEEKLY),
        ("täglich", Frequency.DAILY),
        ("taeglich", Frequency.DAILY),
        ("werktags", Frequency.WEEKDAYS),
        ("wöchentlich", Frequency.WEEKLY),
        ("quotidien", Frequency.DAILY),
        ("jours ouvrés", Frequency.WEEKDAYS),
        ("chaque semaine", Frequency.WEEKLY),
        ("diario", Frequency.DAILY),
        ("entre semana", Frequency.WEEKDAYS),
        ("semanal", Frequency.WEEKLY),
        ("günlük", Frequency.DAILY),
        ("HAFTA İÇİ", Frequency.WEEKDAYS),
        ("haftalık", Frequency.WEEKLY),
        ("HAFTALIK", Frequency.WEEKLY),
        ("يوميًا", Frequency.DAILY),
        ("أيام العمل", Frequency.WEEKDAYS),
        ("أسبوعيا", Frequency.WEEKLY),
    ],
)
def test_how_often_is_said_in_any_language(line: str, frequency: Frequency) -> None:
    assert wish(line) == Change(frequency=frequency)


@pytest.mark.parametrize(
    ("line", "hour"),
    [
        ("07:00", "07:00"),
        ("7:05", "07:05"),
        ("at 7", "07:00"),
        ("at 7.30", "07:30"),
        ("7am", "07:00"),
        ("7 AM", "07:00"),
        ("7:30 p.m.", "19:30"),
        ("12am", "00:00"),
        ("12 pm", "12:00"),
        ("7 o'clock", "07:00"),
        ("7 in the evening", "19:00"),
        ("7 Uhr", "07:00"),
        ("7 Uhr 30", "07:30"),
        ("um 19.30 Uhr", "19:30"),
        ("7h", "07:00"),
        ("7h30", "07:30"),
        ("à 7 heures", "07:00"),
        ("a las 7", "07:00"),
        ("a las 7 de la tarde", "19:00"),
        ("saat 7", "07:00"),
        ("saat 07.00'de", "07:00"),
        ("saat 07.00’de", "07:00"),
        ("akşam saat 7", None),
        ("الساعة 7", "07:00"),
        ("الساعة ٧ مساءً", "19:00"),
        ("٠٧:٣٠", "07:30"),
        ("23:59", "23:59"),
        ("24:00", None),
        ("7:60", None),
        ("13pm", None),
        ("0am", None),
        ("7", None),
        ("7.30", None),
        ("007:00", None),
    ],
)
def test_a_time_of_day_is_read_as_it_is_written(line: str, hour: str | None) -> None:
    if hour is None:
        assert in_text(line).commands == ()
    else:
        assert wish(line) == Change(hour=hour)


@pytest.mark.parametrize(
    ("line", "zone"),
    [
        ("Europe/Paris", "Europe/Paris"),
        ("europe/PARIS", "Europe/Paris"),
        ("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("UTC", "UTC"),
        ("zone Paris", "Europe/Paris"),
        ("time zone: New York", "America/New_York"),
        ("Zeitzone Wien", "Europe/Vienna"),
        ("fuseau horaire Londres", "Europe/London"),
        ("zona horaria Ciudad de México", "America/Mexico_City"),
        ("saat dilimi İstanbul", "Europe/Istanbul"),
        ("saat dilimi ISTANBUL", "Europe/Istanbul"),
        ("المنطقة الزمنية القاهرة", "Africa/Cairo"),
        ("zone Japan", "Japan"),
    ],
)
def test_a_zone_is_named_as_the_table_has_it_or_by_its_city(line: str, zone: str) -> None:
    assert wish(line) == Change(zone=zone)


@pytest.mark.parametrize(
    "line", ["zone Nowhere", "Europe/Nowhere", "zone ../../etc/passwd", "zone Eastern", "zone"]
)
def test_a_zone_that_is_none_or_several_is_not_taken(line: str) -> None:
    assert in_text(line).commands == ()


@pytest.mark.parametrize("line", ["Paris", "Deutsch", "text", "Spanish Rome", "Japan"])
def test_a_word_of_any_text_is_a_wish_only_beside_others(line: str) -> None:
    assert in_subject(line) == Reading()


def test_beside_others_a_city_and_a_language_need_no_word_before_them() -> None:
    assert wish("daily 7am Paris French text") == Change(
        frequency=Frequency.DAILY, hour="07:00", zone="Europe/Paris", language="fr", format=Format.TEXT
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("+science", {"science": "more"}),
        ("+science -sport", {"science": "more", "sport": "none"}),
        ("+Science, −Sport", {"science": "more", "sport": "none"}),
        ("+ science", {"science": "more"}),
        ('+"City Hall" -“Food and drink”', {"city hall": "more", "food and drink": "none"}),
        ("+city-hall", {"city-hall": "more"}),
        ("+Küche -İklim", {"küche": "more", "i̇klim": "none"}),
        ("+“What’s on”", {"what’s on": "more"}),
        ("+علوم -رياضة", {"علوم": "more", "رياضة": "none"}),
        ("-all +science", {"all": "none", "science": "more"}),
        ("-alles +Wissenschaft", {"all": "none", "wissenschaft": "more"}),
        ("only science, culture", {"all": "none", "science": "more", "culture": "more"}),
        (
            "only science, culture and sport",
            {"all": "none", "science": "more", "culture": "more", "sport": "more"},
        ),
        ("nur Kultur", {"all": "none", "kultur": "more"}),
        ("uniquement science et culture", {"all": "none", "science": "more", "culture": "more"}),
        ("sólo ciencia y cultura", {"all": "none", "ciencia": "more", "cultura": "more"}),
        ("sadece bilim, kültür", {"all": "none", "bilim": "more", "kültür": "more"}),
        ("فقط علوم، ثقافة", {"all": "none", "علوم": "more", "ثقافة": "more"}),
        ("more science, less sport", {"science": "more", "sport": "less"}),
        ("usual sport", {"sport": "usual"}),
        ("+sport -sport", {"sport": "none"}),
    ],
)
def test_topics_are_asked_for_and_left_out(line: str, expected: dict[str, str]) -> None:
    assert topics(wish(line)) == expected


@pytest.mark.parametrize("line", ["+1", "-", "+", "--", "only", "only not me", "+ +", "-5"])
def test_what_has_no_letter_is_no_topic(line: str) -> None:
    assert in_text(line).commands == ()


@pytest.mark.parametrize(
    ("line", "minutes"),
    [
        ("5 minutes", 5),
        ("5 min", 5),
        ("5min.", 5),
        ("five minutes", 5),
        ("length 5", 5),
        ("0 minutes", 0),
        ("5 Minuten", 5),
        ("5 minutos", 5),
        ("5 dakika", 5),
        ("5 dk", 5),
        ("٥ دقائق", 5),
        ("minutes default", 0),
        ("1000 minutes", None),
        ("5", None),
    ],
)
def test_the_length_is_said_in_minutes(line: str, minutes: int | None) -> None:
    assert [c.change.minutes for c in in_text(line).commands if c.change] == (
        [] if minutes is None else [minutes]
    )


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("language German", "de"),
        ("language Deutsch", "de"),
        ("language de", "de"),
        ("language pt-BR", "pt-br"),
        ("Sprache Französisch", "fr"),
        ("Sprache franzoesisch", "fr"),
        ("langue español", "es"),
        ("idioma turco", "tr"),
        ("dil Arapça", "ar"),
        ("DİL İNGİLİZCE", "en"),
        ("اللغة العربية", "ar"),
        ("language عربي", "ar"),
        ("language default", ""),
        ("Sprache Standard", ""),
        ("langue par défaut", ""),
    ],
)
def test_a_language_is_named_in_any_language_or_by_its_code(line: str, code: str) -> None:
    assert wish(line) == Change(language=code)


@pytest.mark.parametrize("line", ["language Klingon", "language zz", "language", "language ../de"])
def test_a_language_that_is_none_is_not_taken(line: str) -> None:
    assert in_text(line).commands == ()


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("format text", Format.TEXT),
        ("format: plain", Format.TEXT),
        ("plain text", Format.TEXT),
        ("format html", Format.HTML),
        ("Format HTML", Format.HTML),
        ("nur Text", Format.TEXT),
        ("format texte", Format.TEXT),
        ("formato texto", Format.TEXT),
        ("düz metin", Format.TEXT),
        ("تنسيق نص", Format.TEXT),
    ],
)
def test_a_format_is_named(line: str, kind: Format) -> None:
    assert wish(line) == Change(format=kind)


def test_wishes_of_one_line_are_one_change() -> None:
    assert acts(in_text("hour default, zone default, language default, weekly")) == ["change"]
    assert wish("hour default zone default") == Change(hour="", zone="")


# Stories, data, help


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("more 3", [("more", 3)]),
        ("more 3 5", [("more", 3), ("more", 5)]),
        ("more 3, 5 and 7", [("more", 3), ("more", 5), ("more", 7)]),
        ("more like #3", [("more", 3)]),
        ("less story 4", [("less", 4)]),
        ("full 2", [("full", 2)]),
        ("Full text 2.", [("full", 2)]),
        ("more 3, less 4, full 5", [("more", 3), ("less", 4), ("full", 5)]),
        ("mehr 3 weniger 4", [("more", 3), ("less", 4)]),
        ("Volltext 2", [("full", 2)]),
        ("plus 3", [("more", 3)]),
        ("texte complet 2", [("full", 2)]),
        ("más 3", [("more", 3)]),
        ("menos 4", [("less", 4)]),
        ("daha fazla 3", [("more", 3)]),
        ("tam metin 2", [("full", 2)]),
        ("المزيد ٣", [("more", 3)]),
        ("النص الكامل ٢", [("full", 2)]),
        ("more 0", []),
        ("more 1000", []),
        ("more", []),
        ("full", []),
        ("Less is more", []),
    ],
)
def test_stories_of_the_letter_are_named_by_number(line: str, expected: list[tuple[str, int]]) -> None:
    assert [(command.act.value, command.story) for command in in_text(line).commands] == expected


@pytest.mark.parametrize(
    "line", ["my data", "My data, please", "meine Daten", "mes données", "mis datos", "verilerim", "بياناتي"]
)
def test_all_that_is_known_is_asked_for(line: str) -> None:
    assert acts(in_text(line)) == ["data"]


@pytest.mark.parametrize(
    "line",
    [
        *(
            "forget me",
            "Forget me.",
            "please erase me",
            "delete my data",
            "vergiss mich",
            "oubliez-moi",
            "olvídame",
        ),
        *("beni unut", "انسني"),
    ],
)
def test_one_is_forgotten_by_a_line_of_its_own(line: str) -> None:
    assert acts(in_text(line)) == ["erase"]


@pytest.mark.parametrize(
    "line",
    [
        *(
            "forget me not",
            "forget me now",
            "forget it",
            "do not forget me",
            "forget me, unsubscribe",
            "erase me daily",
        ),
        *(
            "did you forget me?",
            "vergiss mich nicht",
            "ne m'oublie pas",
            "no me olvides",
            "beni unutma",
            "لا تنسني",
        ),
        *("+forget +me", "never forget me", "forget me from the list"),
    ],
)
def test_nobody_is_forgotten_by_accident(line: str) -> None:
    assert "erase" not in acts(in_subject(line)) + acts(in_text(line))


@pytest.mark.parametrize(
    "line", ["help", "Help!", "help me please", "Hilfe", "aide", "ayuda", "YARDIM", "yardim", "مساعدة"]
)
def test_help_is_asked_for_in_any_language(line: str) -> None:
    assert acts(in_text(line)) == ["help"]


@pytest.mark.parametrize(
    "line",
    [
        f"confirm {TOKEN}",
        f"Confirm: {TOKEN.upper()}",
        f"bestätigen {TOKEN}",
        f"confirmer {TOKEN}.",
        f"onayla <{TOKEN}>",
        f"تأكيد {TOKEN}",
    ],
)
def test_a_token_is_read_in_lower_case(line: str) -> None:
    for reading in (in_subject(line), in_subject(f"Re: {line}"), in_text(line)):
        assert (reading.token, reading.commands) == (TOKEN, ())


@pytest.mark.parametrize(
    "line", ["confirm", "confirm me", f"confirm {TOKEN} {TOKEN}", f"confirm {'a' * 200}", "confirm ../../x"]
)
def test_what_is_no_token_is_none(line: str) -> None:
    assert in_text(line).token == ""


# The subject


@pytest.mark.parametrize(
    "prefix",
    [
        *(
            "Re: ",
            "RE: ",
            "re:",
            "Re : ",
            "Re[2]: ",
            "RE(3): ",
            "Re^2: ",
            "AW: ",
            "WG: ",
            "SV: ",
            "Antwort: ",
            "RV: ",
            "YNT: ",
        ),
        *(
            "İlt: ",
            "رد: ",
            "Fwd: ",
            "FW: ",
            "TR: ",
            "Rép : ",
            "RE：",
            "Odp: ",
            "VS: ",
            "[EXT] ",
            "[Digest] Re: ",
            "(SPAM) ",
        ),
        *("Re: RE: AW: Re: [x] WG: ", "\u200fرد: "),
    ],
)
def test_whatever_a_mail_program_puts_before_it_a_command_is_one(prefix: str) -> None:
    assert in_subject(f"{prefix}unsubscribe").commands == (LEAVE,)


@pytest.mark.parametrize(
    "subject",
    [
        "Re: The Port Alder Digest, 21 October",
        "Re: Harbour reopens, and 5 more stories",
        "AW: Confirm your subscription to The Port Alder Digest",
        "RE: Stop the harbour bridge, says council",
        "Antwort: Abonnement der Stadtwerke steigt",
        "Re: Unsubscribed: you have left",
        "Re: Help for the islands",
        "Re: [Digest] Only one ferry",
    ],
)
def test_the_subject_of_our_own_letter_is_neither_a_command_nor_misread(subject: str) -> None:
    assert in_subject(subject) == Reading()


# The text


def test_commands_are_read_from_the_subject_then_line_by_line() -> None:
    reading = read_commands("Re: pause 2w", "Hello,\n\nweekly\n+science\nmore 3\n\nThanks\nBob\nunsubscribe")
    assert acts(reading) == ["pause", "change", "change", "more"]


def test_reading_ends_at_the_first_line_that_is_no_command() -> None:
    assert acts(in_text("weekly\nthat is what I want\nunsubscribe")) == ["change"]


def test_reading_ends_after_two_lines_of_prose() -> None:
    assert acts(in_text("I have read your letter\nunsubscribe")) == ["unsubscribe"]
    assert acts(in_text("I have read your letter\nand liked it\nunsubscribe")) == []


def test_reading_ends_after_ten_lines() -> None:
    assert acts(in_text("\n".join([*["Hello"] * 10, "unsubscribe"]))) == []
    assert acts(in_text("\n".join(["\n\n", *["Hello"] * 9, "unsubscribe"]))) == ["unsubscribe"]


@pytest.mark.parametrize(
    "greeting",
    [
        "Hi",
        "Hello there,",
        "Dear Sir or Madam,",
        "Guten Tag",
        "Bonjour,",
        "¡Hola!",
        "Merhaba",
        "السلام عليكم",
    ],
)
def test_a_greeting_is_passed_over(greeting: str) -> None:
    assert acts(in_text(f"{greeting}\n{greeting}\n{greeting}\nunsubscribe")) == ["unsubscribe"]


def test_a_name_under_the_letter_is_no_topic_to_be_left_out() -> None:
    assert acts(in_text("weekly\n-Bob")) == ["change"]
    assert topics(wish("-Sport")) == {"sport": "none"}


def test_what_is_said_twice_is_done_once_and_at_most_ten_things_at_all() -> None:
    assert acts(read_commands("stop", "Stop.\nSTOP")) == ["unsubscribe"]
    assert len(in_text("more 1 2 3 4 5 6 7 8 9 10 11 12").commands) == 10


@pytest.mark.parametrize("text", ["", "\n\n", "   ", "\u200b", "."])
def test_an_empty_mail_asks_for_nothing_and_is_not_misread(text: str) -> None:
    assert read_commands(text, text) == Reading()


@pytest.mark.parametrize(
    "line",
    ["unsubcribe", "subscibe", "abonieren", "stop sending me this crap", "pause fro 2 weeks", "désaboner"],
)
def test_what_was_meant_as_a_command_is_misread(line: str) -> None:
    assert in_subject(line) == Reading(misread=True)
    assert in_text(line).misread


@pytest.mark.parametrize(
    "line", ["Thank you for the letter", "What a fine day", "Vielen Dank!", "yes", "ok", "merci", "شكرا"]
)
def test_prose_is_not_misread(line: str) -> None:
    assert in_text(line) == Reading(language=in_text(line).language)


@pytest.mark.parametrize(
    ("subject", "text", "language"),
    [
        ("stop", "", None),
        ("bitte stop", "", "de"),
        ("pause", "Bonjour\nchaque semaine", "fr"),
        ("abonnieren daily", "", "de"),
        ("subscribe wöchentlich", "", None),
        ("07:00", "", None),
        ("Re: x", "Hallo\nstop", "de"),
    ],
)
def test_the_language_is_that_of_the_words(subject: str, text: str, language: str | None) -> None:
    assert read_commands(subject, text).language == language


# Subaddresses


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ("subscribe", ("subscribe", "")),
        ("subscribe-science-weekly", ("subscribe", "science-weekly")),
        (f"UNSUBSCRIBE-{TOKEN.upper()}", ("unsubscribe", TOKEN)),
        ("Confirm-ABC", ("confirm", "abc")),
        ("help", ("help", "")),
        ("", ("", "")),
        ("-", ("", "")),
        ("x" * 10_000, ("x" * 200, "")),
    ],
)
def test_a_subaddress_is_a_verb_and_what_it_is_about(detail: str, expected: tuple[str, str]) -> None:
    assert read_detail(detail) == expected


# As a reader would write it

CHANGE = Change(
    frequency=Frequency.WEEKDAYS,
    hour="07:00",
    zone="Europe/Paris",
    minutes=5,
    language="fr",
    format=Format.TEXT,
    topics=(Topic(name="science", stance=Stance.MORE), Topic(name="sport", stance=Stance.LESS)),
)


@pytest.mark.parametrize(
    ("command", "language", "expected"),
    [
        (LEAVE, "en", "unsubscribe"),
        (LEAVE, "de", "abbestellen"),
        (LEAVE, "fr", "désabonner"),
        (LEAVE, "es", "cancelar suscripción"),
        (LEAVE, "tr", "abonelikten çık"),
        (LEAVE, "ar", "إلغاء الاشتراك"),
        (LEAVE, "de-AT", "abbestellen"),
        (LEAVE, "pt", "unsubscribe"),
        (Command(act=Act.PAUSE, days=1), "en", "pause 1 day"),
        (Command(act=Act.PAUSE, days=14), "en", "pause 14 days"),
        (Command(act=Act.PAUSE, days=14), "de", "Pause 14 Tage"),
        (Command(act=Act.PAUSE, days=14), "tr", "14 gün duraklat"),
        (Command(act=Act.PAUSE, days=3), "ar", "إيقاف مؤقت 3 أيام"),
        (Command(act=Act.PAUSE, days=14), "ar", "إيقاف مؤقت 14 يومًا"),
        (Command(act=Act.FULL, story=3), "fr", "complet 3"),
        (Command(act=Act.ERASE), "es", "olvídame"),
        (
            Command(act=Act.CHANGE, change=CHANGE),
            "en",
            "weekdays 07:00 Europe/Paris 5 minutes language French +science less sport format text",
        ),
        (
            Command(act=Act.SUBSCRIBE, change=CHANGE, list="daily"),
            "de",
            "abonnieren werktags 07:00 Europe/Paris 5 Minuten Sprache Französisch +science weniger sport Format Text",
        ),
        (Command(act=Act.CHANGE, change=Change(hour="", minutes=0)), "en", "hour default minutes default"),
        (Command(act=Act.CHANGE, change=Change(zone="")), "tr", "varsayılan saat dilimi"),
        (
            Command(act=Act.CHANGE, change=Change(topics=(Topic(name="city hall", stance=Stance.NONE),))),
            "en",
            '-"city hall"',
        ),
        (Command(act=Act.CHANGE, change=wish("only science, culture")), "fr", "seulement science, culture"),
    ],
)
def test_a_command_is_written_as_a_reader_would(command: Command, language: str, expected: str) -> None:
    assert spell(command, language) == expected


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("act", [act for act in Act if act is not Act.CHANGE])
def test_what_a_letter_says_in_a_language_is_understood_as_of_that_language(act: Act, language: str) -> None:
    story = 3 if act in (Act.MORE, Act.LESS, Act.FULL) else None
    command = Command(act=act, story=story)
    reading = in_subject(spell(command, language))
    assert reading.commands == (command,)
    assert reading.language in (language, None)


# Real material


def test_no_headline_is_taken_for_a_command_to_leave_or_to_be_forgotten(shared: Path) -> None:
    titles = set()
    for name in ("stories/articles", "summaries/news", "summaries/more"):
        with gzip.open(shared / "data" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            titles |= {json.loads(line).get("title") or "" for line in lines}
    assert len(titles) > 1000
    found = [command.act for title in titles for command in in_subject(f"Re: {title}").commands]
    assert set(found) <= {Act.CHANGE}
    assert len(found) < len(titles) / 1000


def test_no_sentence_is_taken_for_a_command(shared: Path) -> None:
    sentences = [
        sentence
        for path in sorted((shared / "data" / "sentences").glob("*.txt"))
        for sentence in path.read_text("utf-8").splitlines()
    ]
    assert len(sentences) > 5000
    assert [sentence for sentence in sentences if in_text(sentence).commands] == []
