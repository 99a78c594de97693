"""What delivering into a Maildir leaves on the disk."""

import mailbox
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from digest.errors import TransportError
from digest.transport.maildir import Maildir

MAIL = b"Message-ID: <1@digest.example>\r\nSubject: one\r\n\r\nHello\r\n"


def deliver(path: Path, message: bytes = MAIL, recipient: str = "reader@example.org") -> str:
    with Maildir(path=path).connect() as session:
        reply = session.send(envelope_from="d@digest.example", recipient=recipient, message=message)
    assert reply.accepted
    return reply.text


def files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file())


def test_a_mail_lies_in_new_of_its_recipients_folder_with_lf_line_ends(tmp_path: Path) -> None:
    said = deliver(tmp_path / "mail")

    [file] = files(tmp_path)
    assert file.parent == tmp_path / "mail/reader@example.org/new"
    assert file.read_bytes() == MAIL.replace(b"\r\n", b"\n")
    assert said == f"delivered to {file}"


def test_a_mail_program_can_read_it(tmp_path: Path) -> None:
    deliver(tmp_path)
    [mail] = mailbox.Maildir(tmp_path / "reader@example.org")
    assert mail["Subject"] == "one"


def test_only_its_owner_may_read_a_mail_or_see_whose_it_is(tmp_path: Path) -> None:
    deliver(tmp_path / "mail")
    [file] = files(tmp_path)
    assert (tmp_path / "mail").stat().st_mode & 0o077 == 0
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0


def test_delivering_the_same_mail_twice_leaves_one_file(tmp_path: Path) -> None:
    deliver(tmp_path)
    again = deliver(tmp_path)
    [file] = files(tmp_path)
    assert again == f"delivered before to {file}"


def test_a_mail_that_was_read_is_not_delivered_again(tmp_path: Path) -> None:
    deliver(tmp_path)
    [file] = files(tmp_path)
    seen = file.parent.parent / "cur" / f"{file.name}:2,S"
    file.rename(seen)

    assert deliver(tmp_path) == f"delivered before to {seen}"
    assert files(tmp_path) == [seen]


def test_different_mails_lie_beside_each_other(tmp_path: Path) -> None:
    deliver(tmp_path)
    deliver(tmp_path, MAIL.replace(b"<1@", b"<2@"))
    assert len(files(tmp_path)) == 2


def test_mails_without_a_message_id_are_told_apart_by_their_bytes(tmp_path: Path) -> None:
    for body in (b"a", b"b", b"a"):
        deliver(tmp_path, b"Subject: one\r\n\r\n" + body)
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize(
    ("recipient", "folder"),
    [
        ("first.last+tag@example.org", "first.last+tag@example.org"),
        ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
        ("..", "%2E."),
        (".hidden@example.org", "%2Ehidden@example.org"),
        ("/etc@example.org", "%2Fetc@example.org"),
        ("a%2Fb@example.org", "a%252Fb@example.org"),
        ("é\n\0\udc80@x", "%C3%A9%0A%00%ED%B2%80@x"),
        ("", "%"),
    ],
)
def test_an_address_can_only_be_a_folder_directly_below(tmp_path: Path, recipient: str, folder: str) -> None:
    deliver(tmp_path, recipient=recipient)
    assert [path.name for path in tmp_path.iterdir()] == [folder]


def test_very_long_addresses_have_short_folders_of_their_own(tmp_path: Path) -> None:
    for last in "ab":
        deliver(tmp_path, recipient="é" * 400 + last)
    names = [path.name for path in tmp_path.iterdir()]
    assert len(names) == 2
    assert max(map(len, names)) <= 200


def test_a_draft_that_a_crash_left_in_tmp_does_not_stop_the_next_delivery(tmp_path: Path) -> None:
    deliver(tmp_path)
    [file] = files(tmp_path)
    draft = file.parent.parent / "tmp" / file.name
    file.rename(draft)

    deliver(tmp_path)
    assert files(tmp_path) == [file, draft]


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("not a folder")
    with pytest.raises(
        TransportError, match=f"cannot deliver into {tmp_path}/mail: File exists; free or mend it"
    ):
        deliver(tmp_path / "mail")


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file of this process grow beyond a few octets; not even the one that pytest may print to."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_reported_and_leaves_no_draft(tmp_path: Path) -> None:
    reported = f"cannot deliver into {tmp_path}/reader@example.org: File too large"
    with full_disk(), pytest.raises(TransportError, match=reported):
        deliver(tmp_path)
    assert files(tmp_path) == []


def test_checking_names_the_folder_and_leaves_nothing_in_it(tmp_path: Path) -> None:
    assert Maildir(path=tmp_path / "mail").check() == f"mail is written to folders in {tmp_path}/mail"
    assert files(tmp_path) == []
