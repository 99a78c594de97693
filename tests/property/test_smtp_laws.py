"""Whatever a server does to a stream of mails: each comes back once, and what is said of it is true."""

from collections import Counter
from collections.abc import Callable, Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from smtp_server import Smtpd

from digest.errors import TransportError
from digest.model import Mail, Reply
from digest.protocols import Pause
from digest.transport.smtp import Smtp

Fault = Callable[[Smtpd, str], None]

USUAL: Fault = lambda server, verb: server.heed(verb)  # noqa: E731 - a table of one-liners
FAULTS: dict[str, Fault] = {
    "refuse": lambda server, verb: server.answer(verb, "550 5.1.1 no"),
    "put off": lambda server, verb: server.answer(verb, "451 4.3.0 later"),
    "close": lambda server, verb: server.answer(verb, "421 4.3.2 bye"),
    "babble": lambda server, verb: server.answer(verb, "what?"),
    "out of place": lambda server, verb: server.answer(verb, "399 odd"),
    "hang up": lambda server, verb: server.hang_up(verb),
    "stall": lambda server, verb: server.stall(verb),
    "drip": lambda server, verb: server.drip(verb),
    "take and hang up": lambda server, _: server.take_and_hang_up(),
}
WITHIN_A_BODY = {"hang up", "stall", "drip"}

verbs = st.sampled_from(["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY", "END", "RSET", "QUIT"])
fault = st.tuples(verbs, st.integers(0, 5), st.sampled_from(sorted(FAULTS)))
message = st.lists(st.sampled_from([b"", b".", b"..", b"text", b".text", b"=2E" * 20]), max_size=6).map(
    lambda lines: b"Subject: x\r\n\r\n" + b"".join(line + b"\r\n" for line in lines)
)
stream = st.lists(st.one_of(message, st.just(0.0), st.just(0.01)), max_size=12)


def prepare(server: Smtpd, faults: list[tuple[str, int, str]]) -> None:
    """Let each fault happen after so many of its verb went well."""
    for verb, after, name in faults:
        if verb == "BODY" and name not in WITHIN_A_BODY:
            continue
        for _ in range(after):
            USUAL(server, verb)
        FAULTS[name](server, verb)


@settings(max_examples=40, deadline=None)
@given(
    script=st.lists(fault, max_size=6),
    given_stream=stream,
    pipelining=st.booleans(),
    connections=st.integers(1, 3),
)
def test_each_mail_comes_back_once_and_what_is_said_of_it_is_true(
    script: list[tuple[str, int, str]], given_stream: list[bytes | float], pipelining: bool, connections: int
) -> None:
    items = [
        Mail(envelope_from="d@example.net", recipient=f"reader{number}@example.org", message=item)
        if isinstance(item, bytes)
        else Pause(item)
        for number, item in enumerate(given_stream)
    ]
    asked: list[Mail] = []
    ended: Counter[str] = Counter()
    outcomes: dict[str, Reply | TransportError] = {}
    raised = False

    def mails() -> Iterator[Mail | Pause]:
        for item in items:
            if isinstance(item, Mail):
                asked.append(item)
            yield item

    with Smtpd(pipelining=pipelining) as server:
        prepare(server, script)
        transport = Smtp(
            host="127.0.0.1",
            port=server.port,
            security="none",
            hello_name="digest.test",
            timeout_seconds=0.3,
            connections=connections,
        )
        try:
            for mail, outcome in transport.carry(mails(), ending=lambda mail: ended.update([mail.recipient])):
                assert mail.recipient not in outcomes
                outcomes[mail.recipient] = outcome
        except TransportError:
            raised = True
        taken = Counter(mail.recipients[0] for mail in server.mails)
        contents = {mail.recipients[0]: mail.content for mail in server.mails}

    assert set(outcomes) <= {mail.recipient for mail in asked}
    assert raised or {mail.recipient for mail in items if isinstance(mail, Mail)} == set(outcomes)
    assert set(ended.values()) <= {1}
    for mail in asked:
        outcome = outcomes.get(mail.recipient)
        match outcome:
            case Reply(accepted=True):
                assert (taken[mail.recipient], ended[mail.recipient]) == (1, 1)
            case TransportError(in_doubt=True):
                assert taken[mail.recipient] <= 1
                assert ended[mail.recipient] == 1
            case _:  # refused, lost, or never begun
                assert taken[mail.recipient] == 0
                assert outcome is not None or not ended[mail.recipient]
        assert contents.get(mail.recipient, mail.message) == mail.message
