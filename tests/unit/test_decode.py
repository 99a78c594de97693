"""Bytes become the text that their author typed, whatever their server and their own head declare."""

import pytest

from digest.extract.decode import binary_kind, decode

FRENCH = "Le café où l’été s’achève — déjà."
RUSSIAN = "Правительство объявило о новых мерах поддержки экономики."


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_decides(encoding: str) -> None:
    assert decode(FRENCH.encode(encoding), charset="iso-8859-1") == FRENCH


def test_the_servers_charset_counts_where_the_bytes_fit_it() -> None:
    assert decode(RUSSIAN.encode("cp1251"), charset="windows-1251") == RUSSIAN


def test_latin_1_means_windows_1252_as_browsers_have_it() -> None:
    assert decode(FRENCH.encode("cp1252"), charset="ISO-8859-1") == FRENCH


def test_the_documents_own_declaration_counts_where_the_server_says_nothing() -> None:
    page = f'<html><head><meta http-equiv="Content-Type" content="text/html; charset=koi8-r"></head>{RUSSIAN}'
    assert RUSSIAN in decode(page.encode("koi8-r"))
    feed = f"<?xml version='1.0' encoding='windows-1251'?><rss>{RUSSIAN}</rss>"
    assert RUSSIAN in decode(feed.encode("cp1251"))


def test_the_servers_charset_goes_before_the_documents() -> None:
    page = f'<meta charset="koi8-r">{RUSSIAN}'
    assert decode(page.encode("cp1251"), charset="windows-1251") == page


def test_valid_utf_8_is_utf_8_whatever_is_declared() -> None:
    page = f'<meta charset="windows-1252">{FRENCH}'
    assert decode(page.encode(), charset="iso-8859-1") == page


def test_windows_1252_that_is_declared_utf_8_is_read_as_what_it_is() -> None:
    page = f'<meta charset="utf-8">{FRENCH * 5}'
    assert decode(page.encode("cp1252"), charset="utf-8") == page


def test_an_undeclared_encoding_is_guessed() -> None:
    assert decode((FRENCH * 8).encode("cp1252")) == FRENCH * 8
    assert decode((RUSSIAN * 8).encode("cp1251")) == RUSSIAN * 8


def test_one_broken_byte_does_not_cost_the_others() -> None:
    whole = (RUSSIAN * 8).encode()
    assert decode(whole[:-1], charset="utf-8").startswith(RUSSIAN)
    assert "café" in decode(whole + b"\xff" + "café".encode())


def test_declared_seven_bit_japanese_is_read() -> None:
    assert decode("政府は発表した".encode("iso2022_jp"), charset="iso-2022-jp") == "政府は発表した"


def test_declared_utf_16_without_a_mark_is_read() -> None:
    assert decode(FRENCH.encode("utf-16-le"), charset="utf-16le") == FRENCH


@pytest.mark.parametrize(
    "charset", ["utf-7", "unicode_escape", "idna", "hex", "no-such", "a\0b", "", "utf-16"]
)
def test_a_charset_that_no_page_may_be_in_is_passed_over(charset: str) -> None:
    assert decode(b"A & B +ADw-", charset=charset) == "A & B +ADw-"


def test_bytes_that_are_no_text_still_decode() -> None:
    assert isinstance(decode(bytes(range(256)) * 4), str)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"%PDF-1.7", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x7fELF", "an ELF program"),
        (b"\x1f\x8b\x08", "gzip-compressed data"),
        (b"RIFF\0\0\0\0WEBP", "RIFF"),
        (b"\0\0\0\x20ftypmp42", "MPEG-4"),
        (b"abc\0\1\2\3", "binary data"),
    ],
)
def test_what_is_no_text_is_called_by_its_name(content: bytes, kind: str) -> None:
    assert kind in (binary_kind(content, decode(content)) or "")


def test_a_stray_nul_does_not_make_a_text_binary() -> None:
    assert binary_kind(b"", "A perfectly ordinary sentence with one \0 in it.") is None
