"""Signatures and keys: what is signed, what a key file may hold, and what is published of it."""

import base64
import dataclasses
import hashlib
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from signers import DOMAIN, ED25519, KEYS, RSA, WHEN, letter, verdicts

from digest.config import Settings, load
from digest.dkim import Key, body_hash, read_fields, sign
from digest.dkim.files import make_keys, read_keys
from digest.dkim.keys import make_pem, read_pem, record, record_name, zone_line
from digest.dkim.verify import verifies
from digest.errors import DigestError, MessageError, SettingsError, StoreError

NAMES = [name for name, _ in read_fields(letter())]


def signature(mail: bytes) -> dict[str, str]:
    """Read the tags of the uppermost signature."""
    name, value = next(read_fields(mail))
    assert name == "DKIM-Signature"
    tags = re.sub(r"\s", "", value.decode()).split(";")
    return dict(tag.split("=", 1) for tag in tags)


def folder(tmp_path: Path, **changes: object) -> Settings:
    """Make settings whose paths start in a folder of the test."""
    file = tmp_path / "config.toml"
    file.write_text("\n".join(f"{name} = {value}" for name, value in changes.items()))
    return load(file)


# --- the signature


def test_both_signatures_of_a_letter_are_right() -> None:
    mail = sign(letter(), KEYS, WHEN)
    assert verdicts(mail) == [True, True]
    assert [verifies(mail, key) for key in KEYS] == [True, True]


def test_the_first_keys_signature_is_uppermost_and_the_mail_below_is_as_it_was() -> None:
    mail = sign(letter(), KEYS, WHEN)
    assert signature(mail)["s"] == RSA.selector
    assert mail.endswith(b"\r\n" + letter())
    assert mail.count(b"DKIM-Signature: ") == len(KEYS)


def test_without_keys_a_mail_is_left_as_it_is() -> None:
    assert sign(letter(), (), WHEN) == letter()


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.algorithm)
def test_a_signature_says_who_signed_what_when_and_how(key: Key) -> None:
    tags = signature(sign(letter(), [key], WHEN))
    assert tags | {"h": "", "bh": "", "b": ""} == {
        "v": "1",
        "a": key.algorithm,
        "c": "relaxed/simple",
        "d": DOMAIN,
        "s": key.selector,
        "t": str(int(WHEN.timestamp())),
        "h": "",
        "bh": "",
        "b": "",
    }


def test_every_field_is_named_once_more_than_it_is_there_and_from_comes_first() -> None:
    named = signature(sign(letter(), [ED25519], WHEN))["h"].split(":")
    assert named[:2] == ["From", "From"]
    assert {name: named.count(name) for name in NAMES} == dict.fromkeys(NAMES, 2)
    absent = {"Sender", "Cc", "In-Reply-To", "References", "List-Owner"}
    assert {name: named.count(name) for name in absent} == dict.fromkeys(absent, 1)
    assert {"List-Unsubscribe", "List-Unsubscribe-Post"} < set(NAMES)


def test_the_fields_to_hash_are_those_that_are_there_each_once_in_the_order_of_h() -> None:
    prepared = ED25519.prepare(["Subject", "list-id", "From"], WHEN)
    assert prepared.names == ("From", "Subject", "list-id")
    named = signature(prepared.field(b"", b""))["h"].split(":")
    assert named[:6] == ["From", "From", "Subject", "Subject", "list-id", "list-id"]
    assert "List-Id" not in named


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.algorithm)
def test_no_line_of_a_signature_is_longer_than_76(key: Key) -> None:
    long = dataclasses.replace(key, domain=f"{'a' * 60}.example", selector="s" * 63)
    field = sign(letter(), [long], WHEN).removesuffix(letter())
    assert max(map(len, field.split(b"\r\n"))) <= 76
    assert field.endswith(b"\r\n")


def test_the_same_mail_key_and_moment_give_the_same_bytes() -> None:
    assert sign(letter(), KEYS, WHEN) == sign(letter(), KEYS, WHEN)


@pytest.mark.parametrize("names", [["Subject"], ["From", "Subject", "SUBJECT"], []])
def test_a_mail_without_from_or_with_a_field_twice_is_not_signed(names: list[str]) -> None:
    with pytest.raises(MessageError, match="each field once"):
        ED25519.prepare(names, WHEN)


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n"])
def test_an_empty_body_is_hashed_as_one_empty_line(body: bytes) -> None:
    assert body_hash(body) == hashlib.sha256(b"\r\n").digest()


def test_empty_lines_at_the_end_of_a_body_do_not_count_and_all_else_does() -> None:
    plain = hashlib.sha256(b"a \r\n\r\n b\r\n").digest()
    assert body_hash(b"a \r\n\r\n b") == body_hash(b"a \r\n\r\n b\r\n\r\n\r\n") == plain
    assert body_hash(b"a\r\n\r\n b\r\n") != plain


# --- our own look at a finished mail


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.algorithm)
def test_a_mail_that_was_changed_or_signed_by_another_key_does_not_verify(key: Key) -> None:
    mail = sign(letter(), [key], WHEN)
    stranger = read_pem(make_pem("ed25519"), domain=DOMAIN, selector=key.selector)
    assert verifies(mail, key)
    assert not verifies(mail, stranger)
    assert not verifies(letter(), key)
    assert not verifies(mail.replace(b"From here", b"From afar"), key)
    assert not verifies(mail.replace(b"reader@", b"raider@", 1), key)
    assert not verifies(b"Subject: another\r\n" + mail, key)


# --- keys


def test_a_key_that_was_made_is_read_again() -> None:
    assert read_pem(make_pem("rsa"), domain=DOMAIN, selector="a").algorithm == "rsa-sha256"
    assert read_pem(make_pem("ed25519"), domain=DOMAIN, selector="a").algorithm == "ed25519-sha256"


def test_the_record_of_an_rsa_key_holds_its_subject_public_key_info() -> None:
    assert record_name(RSA) == "2026a-rsa._domainkey.digest.example"
    version, kind, public = record(RSA).split("; ")
    assert (version, kind) == ("v=DKIM1", "k=rsa")
    loaded = serialization.load_der_public_key(base64.b64decode(public.removeprefix("p=")))
    assert loaded == RSA.private.public_key()


def test_the_record_of_an_ed25519_key_holds_its_32_octets() -> None:
    version, kind, public = record(ED25519).split("; ")
    assert (version, kind) == ("v=DKIM1", "k=ed25519")
    assert base64.b64decode(public.removeprefix("p=")) == ED25519.private.public_key().public_bytes_raw()


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.algorithm)
def test_a_line_for_the_zone_file_has_the_record_in_strings_of_at_most_255(key: Key) -> None:
    line = zone_line(key)
    assert line.startswith(f'{record_name(key)}. IN TXT ("v=DKIM1; ')
    strings = re.findall(r'"([^"]*)"', line)
    assert "".join(strings) == record(key)
    assert max(map(len, strings)) <= 255


def pem(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes = b"") -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (b"", "holds no private key in PEM"),
        (b"\xff\x00 anything", "holds no private key in PEM"),
        (
            pem(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - a key that is refused
            "has 1024 bits; 2048 to 4096 are taken",
        ),
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519"),
        (pem(ec.generate_private_key(ec.SECP256R1()), b"sesame"), "is encrypted"),
    ],
    ids=["empty", "rubbish", "short", "elliptic", "encrypted"],
)
def test_a_file_that_holds_no_key_for_mail_is_refused_with_the_reason(octets: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_pem(octets, domain=DOMAIN, selector="a")


# --- their files


def test_new_keys_are_for_this_user_alone_and_are_the_ones_that_sign(tmp_path: Path) -> None:
    made = make_keys(folder(tmp_path), [("a-rsa", "rsa"), ("a-ed25519", "ed25519")])
    assert [str(path) for path, _ in made] == ["var/dkim/a-rsa.pem", "var/dkim/a-ed25519.pem"]
    assert [(tmp_path / path).stat().st_mode & 0o777 for path, _ in made] == [0o600, 0o600]
    named = {key.selector: str(path) for path, key in made}
    keys = ", ".join(f'"{selector}" = "{path}"' for selector, path in named.items())
    read = read_keys(folder(tmp_path, dkim=f"{{ keys = {{ {keys} }} }}"))
    assert [record(key) for key in read] == [record(key) for _, key in made]
    assert verdicts(sign(letter(), read, WHEN), read) == [True, True]


def test_a_key_is_never_overwritten_and_beside_one_that_is_there_none_is_made(tmp_path: Path) -> None:
    [(path, _)] = make_keys(folder(tmp_path), [("a-ed25519", "ed25519")])
    before = (tmp_path / path).read_bytes()
    with pytest.raises(DigestError, match=r"a-ed25519\.pem is there already and is never overwritten"):
        make_keys(folder(tmp_path), [("b-rsa", "rsa"), ("a-ed25519", "ed25519")])
    assert (tmp_path / path).read_bytes() == before
    assert [file.name for file in (tmp_path / "var/dkim").iterdir()] == ["a-ed25519.pem"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")
    with pytest.raises(StoreError, match=r"var/dkim/a\.pem cannot be written: "):
        make_keys(folder(tmp_path), [("a", "ed25519")])


@pytest.mark.parametrize(
    ("mode", "octets", "says"),
    [
        (0o640, make_pem("ed25519"), r"key\.pem is open to others: chmod 600 .*key\.pem"),
        (0o600, b"nothing", r"key\.pem cannot be used for a: it holds no private key in PEM"),
        (None, b"", r"key\.pem cannot be read: No such file or directory"),
    ],
    ids=["open", "wrong", "gone"],
)
def test_a_key_file_that_is_open_wrong_or_gone_is_named_in_one_line(
    tmp_path: Path, mode: int | None, octets: bytes, says: str
) -> None:
    if mode is not None:
        (tmp_path / "key.pem").write_bytes(octets)
        (tmp_path / "key.pem").chmod(mode)
    with pytest.raises(SettingsError, match=f"^.*{says}$"):
        read_keys(folder(tmp_path, dkim='{ keys = { a = "key.pem" } }'))


# --- the settings


@pytest.mark.parametrize(
    ("address", "domain", "signing"),
    [
        ("digest@news.digest.example", "", "news.digest.example"),
        ("digest@news.digest.example", "Digest.Example", "digest.example"),
        ("digest@bücher.example", "", "xn--bcher-kva.example"),
        ("digest@xn--bcher-kva.example", "bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_the_publishers_domain_signs_or_one_above_it(
    tmp_path: Path, address: str, domain: str, signing: str
) -> None:
    settings = folder(tmp_path, publisher=f'{{ address = "{address}" }}', dkim=f'{{ domain = "{domain}" }}')
    assert settings.signing_domain == signing


@pytest.mark.parametrize(
    ("dkim", "says"),
    [
        ('{ domain = "other.example" }', "other.example is neither digest.example, the domain of publisher"),
        ('{ domain = "st.example" }', "st.example is neither digest.example"),
        ('{ domain = "mail.digest.example" }', "mail.digest.example is neither digest.example"),
        ('{ domain = "example" }', "dkim.domain: 'example' is not a domain name"),
        ('{ keys = { "-a" = "key.pem" } }', "'-a' is not a selector"),
        ('{ keys = { "a b" = "key.pem" } }', "'a b' is not a selector"),
    ],
)
def test_a_domain_or_a_selector_that_receivers_would_not_take_is_refused(
    tmp_path: Path, dkim: str, says: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        folder(tmp_path, dkim=dkim)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
