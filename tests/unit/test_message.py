"""What stands in the bytes of one mail."""

import base64
import dataclasses
import email
import quopri
import re
from datetime import UTC, datetime, timedelta, timezone
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage

import pytest

from digest.errors import MessageError
from digest.message import Attachment, Headers, html_octets, message
from digest.message.fields import Field, fields
from digest.message.parts import parts
from digest.message.reading import read_back
from digest.model import Letter

LETTER = Letter(subject="Monday's digest", html="<p>Hello</p>\n", text="Hello\n")
HEADERS = Headers(
    from_name="The Digest",
    from_address="daily@digest.example",
    to_address="reader@example.org",
    date=datetime(2026, 3, 2, 6, 30, tzinfo=UTC),
    message_id="<7.42@digest.example>",
    list_id="daily.digest.example",
    list_name="The Daily Digest",
    unsubscribe_urls=("https://digest.example/leave/abc", "mailto:leave+abc@digest.example"),
    one_click=True,
)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
GIF = b"GIF89a"


def make(letter: Letter = LETTER, subject: str | None = None, **changes: object) -> bytes:
    if subject is not None:
        letter = dataclasses.replace(letter, subject=subject)
    return message(letter, dataclasses.replace(HEADERS, **changes))


def parse(wire: bytes) -> EmailMessage:
    return email.message_from_bytes(wire, policy=policy.default)


def raw_lines(wire: bytes, name: str) -> list[str]:
    """Give the lines of one header field as they stand on the wire."""
    head = wire.split(b"\r\n\r\n")[0].decode("ascii")
    [field] = [field for field in re.split(r"\r\n(?![ \t])", head) if field.startswith(f"{name}: ")]
    return field.split("\r\n")


def decoded(wire: bytes, name: str) -> str:
    """Read as RFC 2047 says; the newer parser keeps the space between two encoded-words of a phrase."""
    unfolded = "".join(raw_lines(wire, name)).removeprefix(f"{name}: ")
    return str(make_header(decode_header(unfolded)))


def names(wire: bytes) -> list[str]:
    return [name for name, _ in email.message_from_bytes(wire).items()]


def with_picture(*pictures: tuple[str, bytes]) -> Letter:
    images = (
        f'<img alt="a > b" src="data:{kind};base64,{base64.b64encode(data).decode()}">'
        for kind, data in pictures
    )
    return dataclasses.replace(LETTER, html=f"<p>{''.join(images)}</p>")


def test_each_field_stands_once_and_in_order() -> None:
    assert names(
        make(reply_to="help@digest.example", list_links=(("List-Help", "mailto:help@digest.example"),))
    ) == [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Reply-To",
        "List-Id",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "List-Help",
        "List-Post",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
    ]


def test_what_was_not_asked_for_is_not_there() -> None:
    wire = make(unsubscribe_urls=(), one_click=False, auto_submitted=None)
    assert {"Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post", "Auto-Submitted"}.isdisjoint(names(wire))


def test_a_receiver_reads_the_headers_that_were_meant() -> None:
    mail = parse(make())
    assert mail["From"] == "The Digest <daily@digest.example>"
    assert mail["To"] == "reader@example.org"
    assert mail["Subject"] == "Monday's digest"
    assert mail["Date"].datetime == HEADERS.date
    assert mail["Message-ID"] == "<7.42@digest.example>"
    assert mail["List-Id"] == "The Daily Digest <daily.digest.example>"
    assert mail["List-Unsubscribe"] == "<https://digest.example/leave/abc>, <mailto:leave+abc@digest.example>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Post"] == "NO"
    assert mail["Auto-Submitted"] == "auto-generated"


def test_text_and_html_are_alternatives_with_the_html_last() -> None:
    mail = parse(make())
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert [part.get_content() for part in mail.iter_parts()] == ["Hello\r\n", "<p>Hello</p>\r\n"]


@pytest.mark.parametrize(
    "text", ["", "no end of line", "a\r\nb\rc\n", ".\n..\n", "From x\n", "Zeichen ⛴ \t\n", "a\0b", "=_=\n--"]
)
def test_a_body_decodes_to_what_was_given_with_crlf_line_ends(text: str) -> None:
    part = next(parse(make(dataclasses.replace(LETTER, text=text))).iter_parts())
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    assert part.get_payload(decode=True).decode() == lines.replace("\n", "\r\n")


def test_the_bytes_are_crlf_lines_of_ascii() -> None:
    letter = Letter(subject="Ä" * 300, html="é" * 5000, text="x" * 5000 + "\r" + "y")
    wire = make(letter, from_name="日本" * 60)
    assert wire.isascii()
    assert wire.endswith(b"\r\n")
    assert b"\r" not in wire.replace(b"\r\n", b"")
    assert b"\n" not in wire.replace(b"\r\n", b"")
    assert max(map(len, wire.split(b"\r\n"))) <= 998


def test_the_same_inputs_give_the_same_bytes() -> None:
    letter = with_picture(("image/png", PNG))
    assert make(letter) == make(letter)


def test_boundaries_are_those_of_the_letter_and_content_ids_those_of_the_picture() -> None:
    letter, other = with_picture(("image/png", PNG)), with_picture(("image/png", PNG), ("image/gif", GIF))
    boundaries, ids = rb'boundary="([^"]+)"', rb"Content-ID: <([^>]+)>"
    one, again, another = make(letter), make(letter, message_id="<7.43@digest.example>"), make(other)

    assert re.findall(boundaries, one) == re.findall(boundaries, again)
    assert set(re.findall(boundaries, one)).isdisjoint(re.findall(boundaries, another))
    assert re.findall(ids, one) == re.findall(ids, again) == re.findall(ids, another)[:1]
    assert len(set(re.findall(ids, another))) == 2


@pytest.mark.parametrize("text", [".", "..", ".\n.\n", "." * 500, "a" * 74 + "." * 9, ("x" * 72 + ".é") * 50])
def test_no_line_begins_with_a_dot_or_is_longer_than_76(text: str) -> None:
    for letter in (Letter(subject="Hi", html="", text=text), dataclasses.replace(LETTER, html=f"<p>{text}")):
        body = make(letter).partition(b"\r\n\r\n")[2]
        assert max(map(len, body.split(b"\r\n"))) <= 76
        assert b"\r\n." not in make(letter)


@pytest.mark.parametrize("text", ["", "\n", "\n\n", "no end of line", "one\n", "one\n\n\n", "one \n", "é\n"])
def test_a_body_ends_with_exactly_one_line_end_whatever_the_text_ends_with(text: str) -> None:
    """So that the body as it is has the simple form that DKIM hashes (RFC 6376 section 3.4.3)."""
    wire = make(Letter(subject="Hi", html="", text=text))
    body = wire.partition(b"\r\n\r\n")[2]
    assert body.endswith(b"\r\n")
    assert not body.endswith(b"\r\n\r\n")
    assert body != b"\r\n"
    assert parse(wire).get_payload(decode=True).decode() == text.replace("\n", "\r\n")


# ------------------------------------------------------------------- words that people read


@pytest.mark.parametrize(
    "subject",
    [
        'Plain words, with punctuation: (a) "b" <c> = d_e?',
        "Café",
        "日本語のとても長い件名" * 20,
        "عادت العبّارة إلى الميناء القديم " * 8 + "اليوم",
        "👩‍👩‍👧‍👦🇩🇪⛴️" * 30,
        "mixed ASCII and 日本語 and ASCII again, " * 10 + "end",
        "word " * 60 + "end",
        "x" * 2000,
        "a =?x and ?= b",
        "e\u0301" * 100,
        "\u00a0no-break\u202fspaces\u00a0»",
    ],
)  # fmt: skip
def test_a_subject_reads_as_it_was_written(subject: str) -> None:
    wire = make(subject=subject)
    assert parse(wire)["Subject"] == subject
    lines = raw_lines(wire, "Subject")
    assert all(len(line) <= 76 for line in lines)
    assert all(line.strip() for line in lines)


@pytest.mark.parametrize("subject", ["日本語" * 60, "👩‍👩‍👧‍👦" * 40, "é" * 300])
def test_no_character_is_split_between_two_encoded_words(subject: str) -> None:
    words = re.findall(
        r"=\?(utf-8)\?([bq])\?(\S+?)\?=", " ".join(raw_lines(make(subject=subject), "Subject"))
    )
    assert len(words) > 1
    for charset, how, text in words:
        assert len(f"=?{charset}?{how}?{text}?=") <= 75
        octets = base64.b64decode(text) if how == "b" else quopri.decodestring(text, header=True)
        octets.decode("utf-8")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("The Digest", "The Digest <daily@digest.example>"),
        ("Digest, Daily", '"Digest, Daily" <daily@digest.example>'),
        ('Say "hi" \\ bye', '"Say \\"hi\\" \\\\ bye" <daily@digest.example>'),
        ("evil@example.org", '"evil@example.org" <daily@digest.example>'),
        ("<evil@example.org>", '"<evil@example.org>" <daily@digest.example>'),
        ("", "<daily@digest.example>"),
    ],
)
def test_an_ascii_name_is_a_phrase_or_a_quoted_string(name: str, shown: str) -> None:
    assert raw_lines(make(from_name=name), "From") == [f"From: {shown}"]


@pytest.mark.parametrize(
    "name",
    [
        "Das tägliche, “Digest”",
        "日刊ダイジェスト" * 15,
        "The Very " * 30 + "Long Digest",
        "x" * 300,
        "é <evil@example.org>",
    ],
)
def test_a_long_or_international_name_folds_and_reads_as_it_was_written(name: str) -> None:
    wire = make(from_name=name, list_name=name)
    for field, bracketed in (("From", "daily@digest.example"), ("List-Id", "daily.digest.example")):
        assert decoded(wire, field) == f"{name} <{bracketed}>"
        assert all(len(line) <= 76 for line in raw_lines(wire, field))


# ------------------------------------------------------------------- fields that programs read


def test_a_long_list_unsubscribe_stays_whole_and_unencoded() -> None:
    urls = (
        "https://digest.example/leave/" + "t" * 600,
        "mailto:leave+" + "u" * 200 + "@digest.example?subject=leave",
    )
    assert raw_lines(make(unsubscribe_urls=urls), "List-Unsubscribe") == [
        f"List-Unsubscribe: <{urls[0]}>, <{urls[1]}>"
    ]


def test_a_long_list_id_stays_whole_and_unencoded() -> None:
    list_id = "daily." + "sub." * 45 + "digest.example"
    assert raw_lines(make(list_id=list_id), "List-Id")[-1] == f" <{list_id}>"
    assert raw_lines(make(list_id=list_id, list_name=""), "List-Id") == [f"List-Id: <{list_id}>"]


def test_only_words_for_people_are_ever_encoded() -> None:
    wire = make(
        subject="é", from_name="é", list_name="é", unsubscribe_urls=("https://digest.example/" + "t" * 300,)
    )
    encoded = {name for name, value in email.message_from_bytes(wire).items() if "=?" in value}
    assert encoded == {"Subject", "From", "List-Id"}


def test_an_international_domain_is_written_as_its_a_label() -> None:
    assert parse(make(to_address="leser@bücher.example"))["To"] == "leser@xn--bcher-kva.example"


def test_a_date_keeps_its_own_time_zone() -> None:
    date = datetime(2026, 3, 2, 8, 30, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    assert raw_lines(make(date=date), "Date") == ["Date: Mon, 02 Mar 2026 08:30:00 +0545"]


# ------------------------------------------------------------------- pictures


def test_pictures_travel_beside_the_html_each_once() -> None:
    letter = with_picture(("image/png", PNG), ("image/gif", GIF), ("image/png", PNG))
    mail = parse(make(letter))
    related = mail.get_body(["related"])
    html, png, gif = related.iter_parts()

    assert related.get_param("type") == "text/html"
    assert [(part.get_content_type(), part.get_content()) for part in (png, gif)] == [
        ("image/png", PNG),
        ("image/gif", GIF),
    ]
    assert {part["Content-Disposition"] for part in (png, gif)} == {"inline"}
    sources = re.findall(r'src="cid:([^"]+)"', html.get_content())
    assert [f"<{source}>" for source in sources] == [png["Content-ID"], gif["Content-ID"], png["Content-ID"]]
    assert "data:" not in html.get_content()


def test_the_size_of_the_html_is_what_its_part_takes_in_the_mail_without_its_pictures() -> None:
    letter = with_picture(("image/png", PNG * 100))
    html = next(parse(make(letter)).get_body(["related"]).iter_parts())
    encoded = html.get_payload().encode()
    assert len(encoded) <= html_octets(letter) <= len(encoded) + 100


@pytest.mark.parametrize(
    "html",
    [
        "<p>src=&quot;data:image/png;base64,AAAA&quot;</p>",
        '<p title="data:image/png;base64,AAAA"> src="data:image/png;base64,AAAA"</p>',
        '<img src="data:image/svg+xml;base64,AAAA">',
        '<img src="data:image/png;base64,A">',
        '<img src="https://digest.example/a.png">',
    ],
)
def test_what_is_no_picture_of_the_letter_is_left_as_it_is(html: str) -> None:
    mail = parse(make(dataclasses.replace(LETTER, html=html)))
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail.get_body(["html"]).get_payload(decode=True).decode() == html


# ------------------------------------------------------------------- text alone, files, threads


@pytest.mark.parametrize(
    "text",
    ["Hello\n", "", "no end of line", "a\r\nb\rc\n", ".\n..\n", "Zeichen ⛴ \t\n", "x" * 5000, "=_=\n--"],
)
def test_a_letter_without_html_is_a_single_text(text: str) -> None:
    mail = parse(make(Letter(subject="Hi", html="", text=text)))
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content_charset() == "utf-8"
    assert mail.get_payload(decode=True).decode() == text.replace("\r\n", "\n").replace("\r", "\n").replace(
        "\n", "\r\n"
    )


def test_a_letter_without_html_has_no_octets_of_it() -> None:
    assert html_octets(Letter(subject="Hi", html="", text="Hello\n")) == 0


@pytest.mark.parametrize("html", ["", "<p>Hello</p>\n"])
@pytest.mark.parametrize("content", ["{}", "", "a\r\nb\nc", "日本 ⛴\n", "x" * 100_000, ".\n", "--=_0_"])
def test_a_file_comes_beside_the_letter_octet_by_octet(html: str, content: str) -> None:
    letter = dataclasses.replace(LETTER, html=html)
    wire = message(letter, HEADERS, attachment=Attachment(name="my-data.txt", text=content))
    mail = parse(wire)
    assert mail.get_content_type() == "multipart/mixed"
    [file] = mail.iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == ("my-data.txt", "text/plain")
    assert file.get_payload(decode=True).decode() == content
    assert mail.get_body(("plain",)).get_content() == "Hello\r\n"
    assert (mail.get_body(("html",)) is None) == (html == "")
    assert max(map(len, wire.split(b"\r\n"))) <= 998


def test_a_letter_with_a_picture_and_a_file_has_both() -> None:
    letter = with_picture(("image/png", PNG))
    mail = parse(message(letter, HEADERS, attachment=Attachment(name="a.txt", text="a")))
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "text/plain",
    ]


@pytest.mark.parametrize(
    "name",
    ["", "data", "../data.txt", "a b.txt", 'a".txt', "é.txt", ".txt", "a.txt\r\nBcc: v@evil.test", "a.b.txt"],
)
def test_a_file_has_a_plain_name_with_one_ending(name: str) -> None:
    with pytest.raises(MessageError, match="is not a name for a file"):
        message(LETTER, HEADERS, attachment=Attachment(name=name, text="a"))


def test_an_answer_names_what_it_answers_and_its_thread() -> None:
    wire = make(in_reply_to="<b@mail.example>", references="<a@mail.example> <b@mail.example>")
    assert raw_lines(wire, "In-Reply-To") == ["In-Reply-To: <b@mail.example>"]
    assert raw_lines(wire, "References") == ["References: <a@mail.example>", " <b@mail.example>"]
    assert parse(wire)["References"] == "<a@mail.example> <b@mail.example>"
    assert {"In-Reply-To", "References"}.isdisjoint(names(make()))


def test_a_long_thread_is_folded_between_its_mails() -> None:
    ids = " ".join(f"<{'x' * 200}{number}@mail.example>" for number in range(20))
    assert len(raw_lines(make(references=ids), "References")) == 20


def test_only_to_holds_letters_outside_ascii_and_only_for_a_reader_who_has_them() -> None:
    wire = make(to_address="用户@bücher.example")
    outside = [line for line in wire.split(b"\r\n") if not line.isascii()]
    assert outside == ["To: 用户@xn--bcher-kva.example".encode()]
    assert make(to_address="j@bücher.example").isascii()


# ------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"subject": " \r\n\0"}, "the subject is empty"),
        ({"to_address": "reader"}, "'reader' is not a mail address: it has no @"),
        ({"from_address": "jürgen@example.org"}, "'jürgen@example.org' is not ASCII before the @"),
        ({"reply_to": "jürgen@example.org"}, "'jürgen@example.org' is not ASCII before the @"),
        ({"from_address": "a@b@c.example"}, "more than one @"),
        ({"reply_to": ""}, "'' is not a mail address"),
        ({"date": datetime(2026, 3, 2)}, "has no time zone"),  # noqa: DTZ001 - that is the point
        ({"message_id": "7.42@digest.example"}, "is not a Message-ID"),
        ({"message_id": "<7 42@digest.example>"}, "is not a Message-ID"),
        ({"list_id": "daily"}, "is not a list id such as"),
        ({"list_id": "<daily.digest.example>"}, "is not a list id such as"),
        ({"unsubscribe_urls": ("http://digest.example/leave",)}, "is not an https: or mailto: URL"),
        ({"unsubscribe_urls": ("https://digest.example/é",)}, "in percent-encoded ASCII"),
        ({"unsubscribe_urls": ("https://digest.example/a b",)}, "in percent-encoded ASCII"),
        ({"unsubscribe_urls": ("https://digest.example/>,<x",)}, "in percent-encoded ASCII"),
        ({"unsubscribe_urls": ("mailto:leave@digest.example",)}, "one-click needs exactly one https URL"),
        ({"unsubscribe_urls": ()}, "one-click needs exactly one https URL"),
        ({"unsubscribe_urls": ("https://a.example/", "https://b.example/")}, "exactly one https URL"),
        ({"unsubscribe_urls": ("https://digest.example/?u=?x",)}, "holds =?, with which an encoded-word"),
        ({"unsubscribe_urls": ("https://digest.example/" + "t" * 1000,)}, "a line is longer than 998 octets"),
        ({"list_links": (("Bcc", "mailto:a@b.example"),)}, "must be different ones of List-Help"),
        ({"list_links": (("List-Help", "mailto:a@b.example"),) * 2}, "must be different ones of List-Help"),
        ({"list_links": (("List-Help", "javascript:alert(1)"),)}, "is not an https: or mailto: URL"),
        ({"auto_submitted": "no\r\nBcc: a@b.example"}, "is not a value of Auto-Submitted"),
        ({"in_reply_to": "a@b.example"}, "'a@b.example' is not a Message-ID"),
        ({"in_reply_to": "<a b@c.example>"}, "is not a Message-ID"),
        ({"references": "<a@b.example>  <c@d.example>"}, "'' is not a Message-ID"),
        ({"references": "<a@b.example> <é@d.example>"}, "is not a Message-ID"),
        ({"references": "<=?utf-8?q?x?=@b.example>"}, "holds =?, with which an encoded-word begins"),
        ({"references": f"<{'x' * 1000}@b.example>"}, "a line is longer than 998 octets"),
        ({"letter": dataclasses.replace(LETTER, text="\udc80")}, "surrogates not allowed"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_as_asked_is_refused_in_one_sentence(
    changes: dict[str, object], problem: str
) -> None:
    with pytest.raises(MessageError, match=r"^the mail to '.*' cannot be made: ") as refused:
        make(**changes)
    assert problem in str(refused.value)
    assert "\n" not in str(refused.value)


INJECTIONS = (
    "x\r\nBcc: victim@evil.test",
    "x\nBcc: victim@evil.test",
    "x\rBcc: victim@evil.test",
    "x =?UTF-8?Q?=0D=0ABcc:_victim=40evil.test=0D=0AX-Injected:_1?=",
    "=?utf-8?b?DQpCY2M6IHZpY3RpbUBldmlsLnRlc3Q=?=",
    "=?utf-8?q?=3D=3Futf-8=3Fq=3F=3D0D=3D0ABcc=3A_a=40evil=2Etest=3F=3D?=",
    "=?us-ascii?q?=0D=0A=0D=0Abody?=",
    "x\0y",
    "x\ud800y",
    "x\u2028Bcc: victim@evil.test",
    "x\u2029Bcc: victim@evil.test",
    "x\x85Bcc: victim@evil.test",
    "x\x0bBcc: victim@evil.test",
    "x\x1cBcc: victim@evil.test",
    'x" <victim@evil.test>, "y',
    "x>, <victim@evil.test",
)


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("field", ["subject", "from_name", "list_name"])
def test_words_of_strangers_never_become_a_header(field: str, text: str) -> None:
    wire = make(**{field: text})
    assert names(wire) == names(make())
    assert wire.count(b"\r\n\r\n") == make().count(b"\r\n\r\n")
    mail = parse(wire)
    assert [address.addr_spec for address in mail["From"].addresses] == [HEADERS.from_address]
    assert mail["List-Id"].endswith("<daily.digest.example>")
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", mail["Subject"])


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize(
    "field",
    [
        "from_address",
        "to_address",
        "reply_to",
        "message_id",
        "list_id",
        "auto_submitted",
        "in_reply_to",
        "references",
    ],
)
def test_a_field_for_programs_that_holds_more_than_itself_is_refused(field: str, text: str) -> None:
    for value in (text, f"{text}@digest.example", f"a@{text}.example", f"<a@digest.example{text}>"):
        with pytest.raises(MessageError, match="cannot be made"):
            make(**{field: value})


@pytest.mark.parametrize("text", INJECTIONS)
def test_a_url_that_holds_more_than_itself_is_refused(text: str) -> None:
    url = f"https://digest.example/leave/{text}"
    with pytest.raises(MessageError, match="cannot be made"):
        make(unsubscribe_urls=(url,))
    with pytest.raises(MessageError, match="cannot be made"):
        make(list_links=(("List-Help", url),))


# ------------------------------------------------------------------- reading the bytes back


@pytest.mark.parametrize(
    ("found", "instead", "problem"),
    [
        (b"To: ", b"Bcc: v@evil.test\r\nTo: ", "say ('Bcc', 'v@evil.test') where ('To', '"),
        (b"Subject: Monday's digest\r\n", b"", "where ('Subject', \"Monday's digest\") was meant"),
        (b"\r\n\r\n", b"\r\nX-Last: 1\r\n\r\n", "the finished headers say ('X-Last', '1') where None"),
        (b"Monday's", b"=?utf-8?q?Mo=0D=0Anday?=", "say ('Subject', 'Mo\\r\\nnday digest')"),
        (b"Monday's", b"=?utf-8?q?=C3?=", "can't decode byte"),
        (b"\r\nDate", b"\nDate", "are not lines that end in CRLF"),
        (b"Hello", b"H\xc3\xa9llo", "are not 7-bit ASCII"),
        (b"Hello", b"Howdy", "the finished parts do not decode to the letter"),
        (b"Hello", b"x" * 999, "a line is longer than 998 octets"),
        (b"Hello", b".Hello", "a line begins with a dot"),
    ],
)  # fmt: skip
def test_bytes_that_do_not_say_what_was_meant_are_refused(found: bytes, instead: bytes, problem: str) -> None:
    wire = message(LETTER, HEADERS)
    kind = str(parse(wire)["Content-Type"])
    above = (*fields(LETTER, HEADERS), Field("Content-Type", kind, kind))
    leaves = tuple(parts(LETTER, "digest.example"))
    read_back(wire, above, leaves)

    with pytest.raises(ValueError, match=re.escape(problem)):
        read_back(wire.replace(found, instead, 1), above, leaves)
