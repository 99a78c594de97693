"""Which texts are a mail address, and which one."""

import pytest

from digest.address import parse_address


@pytest.mark.parametrize(
    "text",
    [
        "reader@example.org",
        "first.last+tag@sub.example.org",
        "!#$%&'*+-/=?^_`{|}~@example.org",
        "r@localhost",
        "r@xn--bcher-kva.example",
        "r@ab--cd.example",
        f"{'l' * 64}@example.org",
        f"r@{'d' * 63}.example",
    ],
)
def test_a_plain_address_stands_on_the_wire_as_it_was_given(text: str) -> None:
    assert str(parse_address(text)) == text


def test_a_domain_is_written_in_lower_case_and_a_local_part_as_given() -> None:
    assert str(parse_address("Jo.Doe@Example.ORG")) == "Jo.Doe@example.org"


def test_an_international_domain_has_a_form_for_the_wire_and_one_for_people() -> None:
    address = parse_address("leser@Bücher.example")
    assert (str(address), address.display) == ("leser@xn--bcher-kva.example", "leser@bücher.example")
    assert parse_address(str(address)) == address


def test_a_plain_address_is_shown_as_it_is() -> None:
    assert parse_address("reader@example.org").display == "reader@example.org"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Reader@Example.org", "reader@example.org"),
        ("r@bücher.example", "r@XN--BCHER-KVA.example"),
        ("jose\u0301@example.org", "JOSÉ@example.org"),
    ],
)
def test_two_spellings_of_one_address_have_one_key(one: str, other: str) -> None:
    assert parse_address(one).key == parse_address(other).key


def test_different_addresses_have_different_keys() -> None:
    assert parse_address("a.b@example.org").key != parse_address("ab@example.org").key


def test_only_a_local_part_outside_ascii_needs_smtputf8() -> None:
    assert parse_address("jürgen@example.org").needs_smtputf8
    assert not parse_address("j@bücher.example").needs_smtputf8


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it has no @"),
        ("reader", "it has no @"),
        ("a@b@example.org", "it has more than one @"),
        ('"a@b"@example.org', "it has more than one @"),
        ('"a b"@example.org', "a quoted local part is not taken"),
        ("@example.org", "the part before the @ is empty"),
        (".a@example.org", "has a dot at an end"),
        ("a.@example.org", "has a dot at an end"),
        ("a..b@example.org", "or beside a dot"),
        (f"{'l' * 65}@example.org", "longer than 64 octets"),
        (f"{'é' * 33}@example.org", "longer than 64 octets"),
        (f"{'l' * 64}@{'.'.join(['d' * 62] * 3)}.example", "it is longer than 254 octets"),
        (f"a@{'d' * 300}.org", "the domain is too long"),
        ("a@", "'' is not a part of a domain name"),
        ("a@example.", "'' is not a part of a domain name"),
        ("a@.example", "'' is not a part of a domain name"),
        ("a@-x.example", "'-x' is not a part"),
        ("a@x_y.example", "'x_y' is not a part"),
        (f"a@{'d' * 64}.example", "is not a part of a domain name"),
        ("a@example.org.", "'' is not a part"),
        ("a@gmail", "the domain has no dot"),
        ("a@192.0.2.1", "the domain ends in a number"),
        ("a@[192.0.2.1]", "an address literal is not taken"),
        ("a@xn--a.example", "is not a mail address"),  # no Punycode
        ("a@☃.example", "is not a mail address"),  # a symbol: not in IDNA 2008
        ("a@good.example\u3002evil.test", "is not a mail address"),  # an ideographic full stop is no dot here
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match="is not a mail address: ") as refused:
        parse_address(text)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "alice@example.org)bob@evil.test",
        "alice@example.org(comment)",
        "Alice <alice@example.org>",
        "alice@example.org, bob@example.org",
        "team: alice@example.org;",
        "alice@example.org>",
        "<alice@example.org>",
        "alice @example.org",
        " alice@example.org",
        "alice@example.org\n",
        "alice@example.org\r\nBcc: bob@evil.test",
        "alice\0@example.org",
        "alice@exa\0mple.org",
        "alice\udc80@example.org",
        "alice@\udc80.org",
        "alice\u2028@example.org",
        "alice\u200b@example.org",
        "alice\u202e@example.org",
    ],
)
def test_nothing_may_stand_around_or_hide_within_an_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not a mail address: ") as refused:
        parse_address(text)
    assert str(refused.value).isprintable()


def test_a_refusal_of_a_very_long_text_stays_short() -> None:
    with pytest.raises(ValueError, match="no @") as refused:
        parse_address("x" * 100_000)
    assert len(str(refused.value)) < 200
