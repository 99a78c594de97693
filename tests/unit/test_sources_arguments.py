"""What the command line names."""

import io
import os
import ssl
from pathlib import Path
from typing import BinaryIO

import httpcore
import pytest

from digest.errors import SourceError
from digest.model import Document
from digest.sources import MEDIA_TYPES
from digest.sources.arguments import Arguments
from digest.sources.web import Fetcher

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi"


def arguments(*named: str, stdin: BinaryIO | None = None, max_bytes: int = 100) -> Arguments:
    """Stand before a web in which every address answers with the same page."""
    fetcher = Fetcher(
        timeout_seconds=1,
        total_seconds=1,
        max_bytes=max_bytes,
        user_agent="test",
        resolver=lambda _host: ["93.184.215.14"],
        network=httpcore.MockBackend([ANSWER]),
        trust=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    )
    return Arguments(named, fetcher=fetcher, stdin=stdin or io.BytesIO(), max_bytes=max_bytes)


def test_files_folders_addresses_and_standard_input_come_in_the_order_of_naming(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b.txt").write_bytes(b"b")
    (tmp_path / "a.txt").write_bytes(b"a")
    named = (
        "-",
        str(tmp_path / "folder"),
        "http://a.example/x",
        str(tmp_path / "a.txt"),
        "HTTPS://a.example",
    )

    items = list(arguments(*named, stdin=io.BytesIO(b"in")).read())

    assert [item.content for item in items if isinstance(item, Document)] == [b"in", b"b", b"hi", b"a", b"hi"]
    assert [item.origin for item in items if isinstance(item, Document)] == [
        "standard input",
        str(tmp_path / "folder" / "b.txt"),
        "http://a.example/x",
        str(tmp_path / "a.txt"),
        "HTTPS://a.example",
    ]


def test_a_file_named_outright_is_read_whatever_its_ending(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_bytes(b"a")

    (document,) = arguments(str(tmp_path / "notes.md")).read()

    assert isinstance(document, Document)
    assert document.media_type == "application/octet-stream"


def test_a_folders_unreadable_file_does_not_keep_the_rest_from_being_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"12345")
    (tmp_path / "b.txt").write_bytes(b"1234")

    problem, document = arguments(str(tmp_path), max_bytes=4).read()

    assert isinstance(problem, SourceError)
    assert isinstance(document, Document)


def test_a_pipe_named_outright_is_read_up_to_the_limit(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"12345")
    os.close(writing)

    (problem,) = arguments(f"/dev/fd/{reading}", max_bytes=4).read()
    os.close(reading)

    assert str(problem) == f"/dev/fd/{reading}: larger than 4 bytes"


def test_what_cannot_be_read_does_not_keep_the_rest_from_being_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a")
    (tmp_path / "empty").mkdir()
    named = (
        "absent.txt",
        str(tmp_path / "empty"),
        "ftp://a.example/x",
        "http://",
        "-",
        str(tmp_path / "a.txt"),
    )

    *problems, document = arguments(*named).read()

    assert isinstance(document, Document)
    assert [str(problem) for problem in problems] == [
        "absent.txt: No such file or directory",
        f"{tmp_path / 'empty'} holds no article; files ending in {' '.join(MEDIA_TYPES)} are read",
        "ftp://a.example/x: only http and https are fetched",
        "http:: names no host, or a port that cannot be",
        "standard input is empty; pipe an article into it",
    ]
    assert all(isinstance(problem, SourceError) for problem in problems)


def test_standard_input_is_of_unknown_type() -> None:
    (document,) = arguments("-", stdin=io.BytesIO(b"<p>Hello")).read()

    assert isinstance(document, Document)
    assert document.media_type == "application/octet-stream"
    assert document.url is None


def test_standard_input_is_read_up_to_the_limit() -> None:
    (problem,) = arguments("-", stdin=io.BytesIO(b"12345"), max_bytes=4).read()

    assert str(problem) == "standard input: larger than 4 bytes"


def test_standard_input_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    with (tmp_path / "write-only").open("wb") as stdin:
        (problem,) = arguments("-", stdin=stdin).read()

    assert str(problem) == "standard input: read"


def test_a_local_document_may_show_pictures_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "a.html").write_bytes(b"a")
    (tmp_path / "day" / "a.png").write_bytes(PNG)
    article = str(tmp_path / "day" / "a.html")

    for named in (article, str(tmp_path)):
        source = arguments(named)
        list(source.read())
        assert str(source.image(article, "a.png")).startswith("data:image/png;base64,")


@pytest.mark.parametrize("named", ["-", "http://a.example/a.html"])
def test_what_came_from_elsewhere_shows_no_local_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    monkeypatch.chdir(tmp_path)
    source = arguments(named, stdin=io.BytesIO(b"<img src=a.png>"))

    (document,) = source.read()

    assert isinstance(document, Document)
    assert source.image(document.origin, "a.png") is None
