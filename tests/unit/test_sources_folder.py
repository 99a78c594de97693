"""A folder as a source, and the pictures beside its articles."""

import base64
import os
from pathlib import Path

import pytest

from digest.errors import SourceError
from digest.model import Document
from digest.sources.folder import Folder, embed_image

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


def write(path: Path, content: bytes = b"Something happened.") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def documents(folder: Path, *, max_bytes: int = 1000) -> list[Document]:
    items = list(Folder("desk", folder, max_bytes=max_bytes).read())
    assert all(isinstance(item, Document) for item in items)
    return [item for item in items if isinstance(item, Document)]


def test_documents_come_in_the_order_of_their_paths(tmp_path: Path) -> None:
    paths = [write(tmp_path / name) for name in ("a.txt", "b/a.txt", "b/c/z.txt", "c.txt")]
    write(tmp_path / "README.md")

    assert [item.origin for item in documents(tmp_path)] == [str(path) for path in paths]


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.txt", "text/plain"),
        ("a.HTML", "text/html"),
        ("a.htm", "text/html"),
        ("a.json", "application/json"),
        ("a.jsonl", "application/jsonl"),
        ("a.xml", "application/xml"),
        ("a.rss", "application/xml"),
        ("a.atom", "application/xml"),
    ],
)
def test_the_ending_tells_the_media_type(tmp_path: Path, name: str, media_type: str) -> None:
    write(tmp_path / name)

    assert [item.media_type for item in documents(tmp_path)] == [media_type]


def test_bytes_are_handed_on_as_they_are_even_none_at_all(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", b"\xff\xfe\x00\x81")
    write(tmp_path / "b.txt", b"")

    assert [item.content for item in documents(tmp_path)] == [b"\xff\xfe\x00\x81", b""]


def test_hidden_files_and_folders_are_skipped(tmp_path: Path) -> None:
    write(tmp_path / ".draft.txt")
    write(tmp_path / ".git" / "a.txt")
    kept = write(tmp_path / "a.txt")

    assert [item.origin for item in documents(tmp_path)] == [str(kept)]


def test_a_link_is_followed_inside_the_folder_and_never_outside(tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    write(folder / "..data" / "a.txt")
    (folder / "a.txt").symlink_to(folder / "..data" / "a.txt")  # as Kubernetes mounts a ConfigMap
    (folder / "passwd.txt").symlink_to(write(tmp_path / "secret.txt"))
    (folder / "elsewhere").symlink_to(write(tmp_path / "other" / "b.txt").parent)

    assert [item.origin for item in documents(folder)] == [str(folder / "a.txt")]


def test_a_folder_that_is_itself_a_link_is_read(tmp_path: Path) -> None:
    write(tmp_path / "real" / "a.txt")
    (tmp_path / "link").symlink_to(tmp_path / "real")

    assert [item.origin for item in documents(tmp_path / "link")] == [str(tmp_path / "link" / "a.txt")]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    write(tmp_path / "a.txt")

    assert len(documents(tmp_path)) == 1


def test_a_file_too_large_is_refused_by_its_size_and_the_others_are_read(tmp_path: Path) -> None:
    with write(tmp_path / "large.txt").open("wb") as file:
        file.truncate(50_000_000)
    write(tmp_path / "small.txt")

    large, small = Folder("desk", tmp_path, max_bytes=1_000_000).read()

    assert str(large) == f"{tmp_path / 'large.txt'}: larger than 1,000,000 bytes"
    assert isinstance(large, SourceError)
    assert isinstance(small, Document)


def test_a_file_of_exactly_the_allowed_size_is_read(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", b"12345")

    assert [item.content for item in documents(tmp_path, max_bytes=5)] == [b"12345"]


def test_a_file_that_vanishes_is_reported_and_the_others_are_read(tmp_path: Path) -> None:
    first, second, third = (write(tmp_path / name) for name in ("a.txt", "b.txt", "c.txt"))
    items = Folder("desk", tmp_path, max_bytes=1000).read()

    next(items)
    second.unlink()

    problem, last = items
    assert str(problem) == f"{second}: No such file or directory"
    assert isinstance(last, Document)
    assert first.exists()
    assert last.origin == str(third)


def test_a_file_whose_name_is_not_unicode_is_reported(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).touch()

    (problem,) = Folder("desk", tmp_path, max_bytes=1000).read()

    assert str(problem).endswith("rename it")
    str(problem).encode()


def test_a_folder_below_that_cannot_be_listed_is_reported_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.txt")
    monkeypatch.chdir(tmp_path)
    for _ in range(17):  # deeper than a path may be long
        Path("d" * 255).mkdir()
        os.chdir("d" * 255)

    problem, document = Folder("desk", tmp_path, max_bytes=1000).read()

    assert str(problem).endswith("File name too long")
    assert isinstance(document, Document)


@pytest.mark.parametrize("made", [True, False])
def test_a_folder_without_articles_is_an_error_that_names_path_and_endings(
    tmp_path: Path, *, made: bool
) -> None:
    folder = tmp_path / "articles"
    if made:
        write(folder / "README.md")

    with pytest.raises(SourceError) as caught:
        list(Folder("desk", folder, max_bytes=1000).read())

    assert str(folder) in str(caught.value)
    assert ".txt .htm .html .json .jsonl .atom .rss .xml" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (b"GIF87a rest", "image/gif"),
        (b"GIF89a rest", "image/gif"),
        (b"RIFF\x10\x00\x00\x00WEBPrest", "image/webp"),
    ],
)
def test_a_picture_beside_an_article_is_embedded_by_what_it_is(
    tmp_path: Path, content: bytes, media_type: str
) -> None:
    write(tmp_path / "day" / "images" / "a picture.txt", content)
    article = write(tmp_path / "day" / "a.html")
    folder = Folder("desk", tmp_path, max_bytes=1000)

    embedded = folder.image(str(article), "images/a%20picture.txt")

    assert embedded == f"data:{media_type};base64,{base64.b64encode(content).decode()}"


@pytest.mark.parametrize(
    "path",
    [
        "../secret.png",
        "images/../../secret.png",
        "%2e%2e/secret.png",
        "link.png",
        "loop.png",
        "images",
        "absent.png",
        "a.svg",
        "large.png",
        "",
        "\0.png",
        "\ud800.png",
        "x" * 300 + ".png",
        "http://example.com/a.png",
        "data:image/png;base64,AAAA",
    ],
)
def test_nothing_but_a_small_picture_inside_the_folder_is_embedded(tmp_path: Path, path: str) -> None:
    write(tmp_path / "secret.png", PNG)
    root = tmp_path / "articles"
    write(root / "images" / "a.png", PNG)
    write(root / "a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    write(root / "large.png", PNG + bytes(200_000))
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "loop.png").symlink_to(root / "loop.png")

    assert embed_image(path, root, root) is None


def test_an_absolute_path_is_not_embedded_even_inside_the_folder(tmp_path: Path) -> None:
    picture = write(tmp_path / "a.png", PNG)

    assert embed_image(str(picture), tmp_path, tmp_path) is None
