"""What holds for every mail, however broken: it is read, in bounds, and nothing in it reaches a header or a quote."""

import re
import unicodedata

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from makers import UNTIMED

from digest.address import parse_address
from digest.received import Envelope, Received, read

OWN = "digest@digest.example"
NAMES = st.sampled_from(
    """
    From To Cc Subject Message-ID References In-Reply-To Date Return-Path Delivered-To Received Auto-Submitted
    Precedence List-Id Authentication-Results Content-Type Content-Transfer-Encoding Content-Disposition X
    """.split()  # noqa: SIM905 - as one reads them
)
PIECES = st.sampled_from(
    [
        *(
            "reader@mail.example",
            "<",
            ">",
            "(",
            ")",
            '"',
            ",",
            ":",
            ";",
            "=",
            "@",
            "\\",
            "\0",
            "\r",
            "\u2028",
            "\udcff",
            "é",
        ),
        *(
            "=?utf-8?q?=0D=0ABcc:_x=40y.example?=",
            "=?x?b?AA?=",
            "<a@b.example>",
            "text/plain",
            "text/html",
            "multipart/mixed",
        ),
        *(
            "boundary=b",
            "charset=utf-16",
            "charset*0*=idna''",
            "format=flowed",
            "base64",
            "quoted-printable",
            "attachment",
        ),
        *(
            "mx.digest.example",
            "dmarc=pass",
            "header.from=mail.example",
            "dkim=pass",
            "header.d=mail.example",
            "\r\n ",
        ),
    ]
)
VALUES = st.lists(PIECES | st.text(max_size=4), max_size=8).map(" ".join)
FIELDS = st.lists(st.tuples(NAMES, VALUES).map(lambda field: f"{field[0]}: {field[1]}"), max_size=10)
LINES = st.sampled_from(
    [
        *(
            "> quoted",
            ">",
            " > quoted",
            "On Monday, x wrote:",
            "wrote:",
            "From: x",
            "Sent: y",
            "-- ",
            "--b",
            "--b--",
            "stop",
        ),
        *(
            "Content-Type: text/html",
            "Content-Type: multipart/mixed; boundary=b",
            "",
            "<p>&gt; a<br>b",
            "<blockquote>",
            "c3RvcA==",
        ),
        *(
            "Content-Transfer-Encoding: base64",
            "=3E stop =",
            "<div id=appendonsend>",
            "\u200e>",
            "Sent from my iPhone",
            "a" * 500,
        ),
    ]
)
BODIES = st.lists(LINES | st.text(max_size=12), max_size=25)
LINE_ENDS = st.sampled_from(["\r\n", "\n"])
MAILS = st.builds(
    lambda fields, body, end: end.join([*fields, "", *body]).encode(
        "utf-8", "replace" if "\ud800" in end else "surrogatepass"
    ),
    FIELDS,
    BODIES,
    LINE_ENDS,
) | st.binary(max_size=300)
TRACE = st.lists(
    st.sampled_from(
        [
            *(
                "Received: from a by b; now",
                "Return-Path: <x@y.example>",
                "Delivered-To: digest+help@digest.example",
            ),
            *("X-Spam-Status: No", "Authentication-Results: a; dmarc=pass", "DKIM-Signature: v=1;\r\n b=x"),
        ]
    ),
    max_size=6,
).map(lambda fields: "".join(f"{field}\r\n" for field in fields).encode())
MESSAGE_IDS = re.compile(r"(?:<[!-;=?-~]+@[!-;=?-~]+>(?: |$))*")


def received(content: bytes, sender: str | None = None) -> Received:
    return read(
        content,
        envelope=Envelope(sender=sender),
        own_address=OWN,
        authserv_id="mx.digest.example",
    )


@settings(UNTIMED, suppress_health_check=[HealthCheck.too_slow])
@given(MAILS)
def test_every_mail_is_read_within_bounds(content: bytes) -> None:
    found = received(content)

    lines = found.text.split("\n")
    assert len(lines) <= 20
    assert all(len(line) <= 200 for line in lines)
    assert not any(line.startswith((">", "＞")) for line in lines)
    assert all(line.strip() == line and line.isprintable() for line in lines)
    assert all(
        unicodedata.category(character) not in ("Cf", "Cc") for character in found.text.replace("\n", "")
    )


@settings(UNTIMED, suppress_health_check=[HealthCheck.too_slow])
@given(MAILS)
def test_nothing_of_a_mail_can_begin_a_header_of_the_answer(content: bytes) -> None:
    found = received(content)

    for value in (
        found.message_id,
        found.references,
        found.subject,
        *found.recipients,
        found.return_path or "",
    ):
        assert not re.search("[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]", value)
    assert MESSAGE_IDS.fullmatch(found.message_id)
    assert MESSAGE_IDS.fullmatch(found.references)
    assert len(found.references) < 800


@settings(UNTIMED, suppress_health_check=[HealthCheck.too_slow])
@given(MAILS)
def test_an_author_is_one_address_and_is_read_again_as_it_was(content: bytes) -> None:
    author = received(content).author

    assert author is None or parse_address(str(author)) == author


@settings(UNTIMED, suppress_health_check=[HealthCheck.too_slow])
@given(FIELDS, BODIES, TRACE, st.none() | st.just("") | st.just("x@y.example"))
def test_what_servers_add_on_the_way_changes_no_key(
    fields: list[str], body: list[str], trace: bytes, sender: str | None
) -> None:
    head, text = (
        "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace") for lines in (fields, body)
    )
    once = received(head + b"\r\n" + text)

    assert received((head + b"\r\n" + text).replace(b"\r\n", b"\n")).key == once.key
    assert received(trace + head + b"\r\n" + text.rstrip() + b"\r\n\r\n", sender).key == once.key


@settings(UNTIMED, suppress_health_check=[HealthCheck.too_slow])
@given(MAILS)
def test_nobody_is_vouched_for_who_is_nobody_or_whom_the_server_rejects(content: bytes) -> None:
    found = received(content)

    assert not found.authenticated or (found.author is not None and not found.rejected)
    blind = read(content, envelope=Envelope(), own_address=OWN)
    assert (blind.authenticated, blind.rejected) == (False, False)


@settings(UNTIMED, suppress_health_check=[HealthCheck.too_slow])
@given(MAILS)
def test_a_null_return_path_is_always_a_machines(content: bytes) -> None:
    assert received(content, sender="").automatic == "null return path"
