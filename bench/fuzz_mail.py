"""Throw broken mail at the two modules that read it, guided by the code that it reaches; or time the worst mails.

    python bench/fuzz_mail.py --seconds 300 [--corpus FOLDER]    needs: pip install atheris
    python bench/fuzz_mail.py --time

The first runs `received.read` and `read_commands` until the time is over or something raises; what it prints last
is the input. It starts with the hostile mails made here, which it keeps with those it finds in the corpus' folder.
The second times the same modules on full-sized hostile mails, as multiples of hashing their bytes once.
"""

import argparse
import base64
import hashlib
import importlib.util
import sys
import tempfile
import timeit
from collections.abc import Callable
from pathlib import Path

from digest.commands import read_commands, read_detail
from digest.received import Envelope, Received, read

OWN = "digest@digest.example"
SERVER = "mx.digest.example"
HEAD = (
    b"Return-Path: <reader@mail.example>\r\n"
    b"Authentication-Results: mx.digest.example 1; dkim=pass (1024 (bit)) header.d=mail.example\r\n"
    b"From: Reader <reader@mail.example>\r\nTo: digest+subscribe@digest.example\r\n"
    b"Message-ID: <1@mail.example>\r\nReferences: <0@mail.example>\r\nSubject: Re: subscribe daily 7am\r\n"
)
TEXT = (
    'pause 2w\r\nonly science, "city hall"\r\n\r\n-- \r\nReader\r\n\r\nOn Monday, Digest wrote:\r\n> stop\r\n'
)


def seeds() -> list[bytes]:
    """Make small mails of every kind that the modules tell apart."""
    octets = TEXT.encode()
    parts = (
        b"--b\r\nContent-Type: text/plain\r\n\r\n"
        + octets
        + b"--b\r\nContent-Type: text/html\r\n\r\n<p>stop</p>\r\n"
    )
    markup = (
        b"<html><style>p{}</style><p>abbestellen<br><span style='display:none'>x</span><div class=gmail_quote>"
        b"On Monday wrote:<blockquote>stop</blockquote></div><div id=divRplyFwdMsg>From: us</div>stop"
    )
    bodies = [
        b"\r\n" + octets,
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(octets),
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\npause =\r\n2w=20=\r\n",
        b"Content-Type: text/plain; charset*=utf-8''utf-16; format=flowed; delsp=yes\r\n\r\nsub \r\nscribe\r\n",
        b"Content-Type: text/html; charset=windows-1254\r\n\r\n" + markup,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + parts + b"--b--\r\n",
        b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n' + nested(12) + parts,
        b"Content-Type: message/rfc822\r\n\r\nFrom: x@y.example\r\n\r\nstop\r\n",
        b"Auto-Submitted: auto-replied (vacation)\r\nPrecedence: bulk\r\nList-Id: <x>\r\n\r\n" + octets,
        "Subject: رد: إلغاء الاشتراك\r\n\r\n\u200fاشتراك يوميا الساعة ٧ صباحا +علوم\r\n".encode(),
        "\r\nabonelikten çık\r\n14 gün duraklat\r\nİPTAL\r\nSprache Französisch\r\nzone default 7h30 -b\r\n".encode(),
        b"Subject: =?utf-8?q?=C3=A9?= =?x?b?AA?=\r\nFrom: =?utf-8?q?a=40b?= <c@d.example>, g: e@f.example;\r\n\r\n",
        b"\r\nmore 3, 5 and 7\r\nfull 2 less #4\r\nconfirm abcdefghijklmnopqrstuvwxyz\r\nmy data\r\nforget me\r\n",
    ]
    return [HEAD + body for body in bodies]


def nested(depth: int) -> bytes:
    """Make parts within parts."""
    return b"".join(
        b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (level, level + 1)
        for level in range(depth)
    )


def hostile() -> dict[str, bytes]:
    """Make the full-sized mails that are to cost the most."""
    mixed = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    first = HEAD + b"Content-Type: multipart/mixed; boundary=b0\r\n\r\n"
    megabytes = 25 * 2**20
    zipped = b"--b\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    attributes = b" ".join(b"a%d=1" % number for number in range(40_000))
    return {
        "25 MB of one text": HEAD + b"\r\n" + b"stop that \r\n" * (megabytes // 12),
        "25 MB of one line": HEAD + b"\r\n" + b"x" * megabytes,
        "25 MB attached before the text": mixed
        + zipped
        + (b"A" * 76 + b"\r\n") * (megabytes // 78)
        + b"--b\r\nContent-Type: text/plain\r\n\r\nstop\r\n--b--\r\n",
        "25 MB of base64": HEAD
        + b"Content-Transfer-Encoding: base64\r\n\r\n"
        + (b"A" * 76 + b"\r\n") * (megabytes // 78),
        "10,000 parts": mixed + b"--b\r\nContent-Type: image/png\r\n\r\nx\r\n" * 10_000 + b"--b--\r\n",
        "100 nested messages": HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 100 + TEXT.encode(),
        "100 nested parts over 25 MB": first + nested(100) + b"x" * 70 + b"\r\n" * (megabytes // 2),
        "25 MB of lines like a boundary": mixed + b"--bX\r\n" * (megabytes // 6),
        "a boundary that never comes": mixed + b"-" * megabytes,
        "100,000 header fields": HEAD + b"X-Field: y\r\n" * 100_000 + b"\r\nstop\r\n",
        "25 MB of one header field": HEAD + b"X-Long:" + b" y\r\n" * (megabytes // 4) + b"\r\nstop\r\n",
        "a From of nested comments": b"From: " + b"(" * 200_000 + b"a@b.example\r\n\r\nstop\r\n",
        "a subject of half encoded-words": b"Subject: " + b"=?a?q?" * 30_000 + b"\r\n\r\nstop\r\n",
        "a tag of 40,000 attributes": HEAD + b"Content-Type: text/html\r\n\r\n<a " + attributes + b">stop",
        "1 MB of open tags": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<b><p>" * 170_000,
        "introductions that never end": HEAD
        + b"\r\n"
        + b"On Monday wrote schrieb am tarihinde:\r\n" * 10_000,
        "64 KB of accents on one letter": HEAD + b"\r\na" + "\u0301\u0316".encode() * 16_000,
        "64 KB of accents on lines": HEAD + b"\r\n" + ("a" + "\u0301\u0316" * 450 + "\r\n").encode() * 36,
        "400 lines of options": HEAD + b"\r\n" + (b"daily " * 40 + b"\r\n") * 400,
    }


def handle(content: bytes) -> Received:
    """Read a mail as `inbound` does."""
    received = read(content, envelope=Envelope(), own_address=OWN, authserv_id=SERVER)
    read_commands(received.subject, received.text)
    for recipient in received.recipients:
        read_detail(recipient)
    return received


def fuzz(seconds: int, corpus: Path) -> None:
    import atheris  # noqa: PLC0415 - it may not be there  # type: ignore[import-not-found,unused-ignore]

    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)

    def one(content: bytes) -> None:
        received = handle(content)
        assert not any(line.startswith(">") for line in received.text.split("\n"))  # noqa: S101 - a law
        assert "\n" not in received.subject + received.message_id + received.references  # noqa: S101

    atheris.instrument_all()
    arguments = [
        sys.argv[0],
        f"-max_total_time={seconds}",
        "-timeout=10",
        "-max_len=6000",
        "-print_final_stats=1",
    ]
    atheris.Setup([*arguments, str(corpus)], one)
    atheris.Fuzz()


def fastest(work: Callable[[], object]) -> float:
    return min(timeit.repeat(work, number=1, repeat=3))


def measure() -> None:
    handle(seeds()[0])  # what is read once
    print(f"{'mail':34} {'MB':>6} {'ms':>8} {'× sha256':>9}  refused")
    for name, content in hostile().items():
        ours, once = fastest(lambda: handle(content)), fastest(lambda: hashlib.sha256(content))  # noqa: B023 - called at once
        print(
            f"{name:34} {len(content) / 2**20:6.1f} {ours * 1000:8.1f} {ours / once:9.1f}  {handle(content).refused}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--corpus", type=Path, help="where found inputs are kept; else they are not")
    parser.add_argument("--time", action="store_true", help="time the worst mails instead")
    options = parser.parse_args()
    if options.time:
        measure()
    elif importlib.util.find_spec("atheris") is None:
        sys.exit("atheris is not installed; pip install atheris (its wheels need CPython 3.11 to 3.13)")
    else:
        with tempfile.TemporaryDirectory() as scratch:
            corpus = options.corpus or Path(scratch)
            corpus.mkdir(parents=True, exist_ok=True)
            fuzz(options.seconds, corpus)


if __name__ == "__main__":
    main()
