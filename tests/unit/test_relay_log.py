"""What a relay's log says of a mail: taken, broken off, only begun, nothing; and of which time it tells."""

import gzip
import io
import sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from digest.errors import DigestError
from digest.settle.relay import RelayLog, opened

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
OURS = "<0123456789abcdef0123456789abcdef@digest.example>"
OTHER = "<ffffffffffffffffffffffffffffffff@digest.example>"


def read(*lines: str, zone: str = "UTC") -> RelayLog:
    relay = RelayLog([OURS, OTHER], now=NOW, zone=ZoneInfo(zone))
    relay.read(io.BytesIO("".join(f"{line}\n" for line in lines).encode()))
    return relay


def postfix(said: str, program: str = "cleanup", process: int = 7, at: str = "Mar  2 11:00:00") -> str:
    return f"{at} relay postfix/{program}[{process}]: {said}"


TAKEN = (
    postfix("4AF01: client=unknown[10.0.0.1]", "smtpd"),
    postfix(f"4AF01: message-id={OURS}"),
    postfix("4AF01: from=<digest@digest.example>, size=2101, nrcpt=1 (queue active)", "qmgr"),
)


# --- what became of it


def test_a_mail_that_postfix_has_in_its_queue_is_taken_under_the_queues_id() -> None:
    relay = read(*TAKEN)
    assert (relay.taken, relay.broken_off) == ({OURS: "4AF01"}, set())


def test_until_the_queue_has_it_a_mail_is_only_begun() -> None:
    relay = read(*TAKEN[:2])
    assert (relay.taken, relay.begun, relay.broken_off) == ({}, {OURS}, set())


@pytest.mark.parametrize("how", ["lost connection", "timeout"])
def test_a_mail_whose_line_broke_before_its_end_is_broken_off(how: str) -> None:
    relay = read(*TAKEN[:2], postfix(f"{how} after DATA (1200 bytes) from unknown[10.0.0.1]", "smtpd"))
    assert (relay.taken, relay.begun, relay.broken_off) == ({}, set(), {OURS})


def test_a_mail_is_broken_off_also_where_its_message_id_is_named_after_that() -> None:
    broke = postfix("lost connection after DATA (9 bytes) from unknown[10.0.0.1]", "smtpd")
    assert read(TAKEN[0], broke, TAKEN[1]).broken_off == {OURS}
    assert read(TAKEN[0], broke, *TAKEN).taken == {OURS: "4AF01"}, "the id is another mail's by then"


def test_a_line_that_broke_elsewhere_breaks_nothing_off() -> None:
    others = postfix("lost connection after DATA (1200 bytes) from unknown[10.0.0.1]", "smtpd", process=8)
    refused = postfix("lost connection after DATA (0 bytes) from unknown[10.0.0.1]", "smtpd")
    later = postfix("lost connection after RCPT from unknown[10.0.0.1]", "smtpd")
    assert read(*TAKEN[:2], others, refused, later).begun == {OURS}


def test_a_mail_that_was_rejected_at_its_end_is_not_taken() -> None:
    rejected = postfix("4AF01: milter-reject: END-OF-MESSAGE from unknown[10.0.0.1]: 5.7.1 no; from=<a@b>")
    assert read(*TAKEN[:2], rejected).broken_off == {OURS}


def test_an_id_of_the_queue_that_is_used_again_is_another_mails() -> None:
    relay = read(*TAKEN[:2], postfix("4AF01: message-id=<somebody@else.example>"), TAKEN[2])
    assert relay.taken == {}


def test_a_mail_that_was_tried_twice_is_taken_once_it_is_taken() -> None:
    relay = read(*TAKEN[:2], postfix("timeout after DATA (9 bytes) from a[10.0.0.1]", "smtpd"), *TAKEN)
    assert relay.taken == {OURS: "4AF01"}


def test_exim_says_so_with_one_line() -> None:
    arrival = "2026-03-02 11:00:00 1tpABC-0001Ab-2C <= digest@digest.example H=a [10.0.0.1] P=esmtp S=21 id="
    relay = read(f"{arrival}{OURS.strip('<>')} T=x", "2026-03-02 11:00:01 1tpABC-0001Ab-2C => a@b R=dns")
    assert relay.taken == {OURS: "1tpABC-0001Ab-2C"}


def test_strangers_lines_say_nothing() -> None:
    relay = read(
        postfix(f"4AF01: warning: header Subject: message-id={OURS} from a"),
        postfix(f"4AF02: message-id=<x> message-id={OURS} and more"),
        postfix("4AF02: from=<message-id=>, size=1 (queue active)", "qmgr"),
        "\0\xff" * 9000,
        f"message-id={OURS}",
    )
    assert (relay.taken, relay.begun) == ({}, set())


# --- the time of which it tells


@pytest.mark.parametrize(
    ("stamp", "zone", "moment"),
    [
        ("Mar  2 11:00:00", "UTC", "2026-03-02T11:00:00+00:00"),
        ("Mar  2 11:00:00", "Asia/Tokyo", "2026-03-02T02:00:00+00:00"),
        ("Dec 31 23:59:59", "UTC", "2025-12-31T23:59:59+00:00"),
        ("2026-03-02T11:00:00.123456+02:00", "Asia/Tokyo", "2026-03-02T09:00:00.123456+00:00"),
        ("2026-03-02T11:00:00Z", "Asia/Tokyo", "2026-03-02T11:00:00+00:00"),
        ("2026-03-02T11:00:00+0100", "UTC", "2026-03-02T10:00:00+00:00"),
        ("2026-03-02 11:00:00", "Asia/Tokyo", "2026-03-02T02:00:00+00:00"),
        ("2026-03-02 11:00:00,5 +0100", "UTC", "2026-03-02T10:00:00.500000+00:00"),
        ("<22>Mar  2 11:00:00", "UTC", "2026-03-02T11:00:00+00:00"),
        ("Feb 29 11:00:00", "UTC", None),
        ("2026-02-30T11:00:00Z", "UTC", None),
        ("Mar 99 11:00:00", "UTC", None),
    ],
)
def test_a_stamp_is_read_in_its_zone_and_its_year(stamp: str, zone: str, moment: str | None) -> None:
    relay = read(f"{stamp} relay postfix/qmgr[1]: hello", zone=zone)
    assert relay.first == relay.last == (datetime.fromisoformat(moment) if moment else None)


def test_the_time_is_from_the_first_line_to_the_last_of_all_files_in_any_order() -> None:
    relay = RelayLog([], now=NOW, zone=UTC)
    for days in ((3, 4), (1, 2)):
        lines = [f"2026-02-{day:02}T00:00:00Z relay x[1]: hello\n" for day in days]
        relay.read(io.BytesIO("".join(["no stamp\n", *lines, "none either\n"]).encode()))
    assert (relay.first, relay.last) == (
        datetime(2026, 2, 1, tzinfo=UTC),
        datetime(2026, 2, 4, tzinfo=UTC),
    )


# --- files


def test_a_packed_log_is_read_as_a_plain_one(tmp_path: Path) -> None:
    for name, content in (
        ("log", "\n".join(TAKEN).encode()),
        ("log.gz", gzip.compress("\n".join(TAKEN).encode())),
    ):
        (tmp_path / name).write_bytes(content)
        relay = RelayLog([OURS], now=NOW, zone=UTC)
        with opened(tmp_path / name) as file:
            relay.read(file)
        assert relay.taken == {OURS: "4AF01"}


def test_a_log_that_is_not_there_or_cut_off_is_refused_in_one_line(tmp_path: Path) -> None:
    packed = gzip.compress(b"a line\n" * 1000)
    (tmp_path / "cut.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "broken.gz").write_bytes(packed[:12] + b"\xff" * 40)
    for name, says in (
        ("none", "No such file"),
        ("cut.gz", "cannot be unpacked"),
        ("broken.gz", "cannot be"),
    ):
        with pytest.raises(DigestError, match=says), opened(tmp_path / name) as file:
            RelayLog([], now=NOW, zone=UTC).read(file)


def test_a_line_without_an_end_is_never_in_memory_as_a_whole() -> None:
    class Endless(io.RawIOBase):
        left = 64_000_000

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            size = min(len(buffer), self.left)
            self.left -= size
            buffer[:size] = b"x" * size
            return size

    relay = RelayLog([OURS], now=NOW, zone=UTC)
    source = Endless()
    relay.read(io.BufferedReader(source))
    assert (source.left, relay.taken) == (0, {})
    assert sys.getsizeof(relay._clients) < 10_000
