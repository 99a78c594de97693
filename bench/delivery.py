"""Send a letter of 50 KB to many, beside smtp-source and other programs, and say what a mail costs.

    python bench/delivery.py [--quick] [--database URL] [--json results.json]

Each row is the whole program (bench/many.py): claim, splice, the checks of the final bytes, signatures, journal, marks.
`rate` is against Postfix's `smtp-source -s 20 -d` with mails of the same size to the same server, over 20 lines too,
one after the other in the same run; the median of the pairs, and the lowest and highest. The server is `smtp-sink`, or
a real Postfix that has each mail on its disk before it says so, and then throws it away. `cpu` is in µs a mail, of all
our processes. The letter is printed before the clock starts, as it is for the first reader of an issue.

Where we sign with RSA, nothing but OpenSSL can be faster than OpenSSL: there the CPU is compared with that of its bare
signatures, made before and after each of our runs. Other programs (bench/peers.py) send the same letter to the same
server, after one of our runs and before another. `cost` is the CPU of a mail against the median of all sizes, which are
sent by turns, over as many lines as the settings say of themselves.

The status is 1 where a figure falls short. What it needs: `make bench-env`.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

BENCH = Path(__file__).parent
sys.path[:0] = [str(BENCH), str(BENCH.parent), str(BENCH.parent / "tests")]

from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402 - the folders are on the path only now
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa  # noqa: E402
from many import AtOnce, Many, cpu  # noqa: E402
from ports import free_port  # noqa: E402
from postfix import Postfix  # noqa: E402

PATH = f"{os.environ['PATH']}:/usr/sbin"
SESSIONS = 20  # of smtp-source, and ours
FIRST = 300  # mails, to see how many fit into a round
KEYS = ("rsa", "ed25519")
SIGNED: dict[str, tuple[str, ...]] = {
    "unsigned": (),
    "Ed25519": ("ed25519",),
    "RSA-2048": ("rsa",),
    "both": KEYS,
}
LEAST = {"unsigned": 1.0, "Ed25519": 0.75}
LEAST_BY_POSTFIX = 0.95
MOST_RSA = 1.3
PEER, PEER_RATE, PEER_CPU = "django-newsletter", 10, 40
PEERS = {"django-newsletter": "unsigned", "rss2email": "unsigned", "naive": "RSA-2048"}
STEADY = 0.10


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is measured."""

    rounds: int
    seconds: float  # of one of our runs
    signed: tuple[str, ...]  # how
    readers: int
    peer_mails: dict[str, int]
    sizes: tuple[int, ...]


QUICK = Effort(
    rounds=5,
    seconds=0.5,
    signed=("unsigned", "Ed25519", "RSA-2048"),
    readers=6_000,
    peer_mails={"django-newsletter": 60, "rss2email": 20, "naive": 10},
    sizes=(1_000, 2_000, 3_000),
)
WHOLE = Effort(
    rounds=9,
    seconds=3,
    signed=tuple(SIGNED),
    readers=1_000_000,
    peer_mails={"django-newsletter": 1_000, "rss2email": 300, "naive": 200},
    sizes=(1_000, 10_000, 100_000, 1_000_000),
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    name: str
    rate: float | None = None  # as a multiple
    lowest: float | None = None
    highest: float | None = None
    cpu: float | None = None  # µs a mail
    against: float | None = None  # the CPU, as a multiple of what it is compared with
    verdict: str = ""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One of our runs, beside what it is compared with."""

    multiple: float  # of smtp-source's rate
    cost: float  # µs a mail
    floor: float = 0.0  # µs of one bare signature


class Bench:
    """What the rows share."""

    def __init__(self, stack: ExitStack, effort: Effort, database: str | None) -> None:
        self.effort = effort
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="delivery-")))
        self.sink, number = stack.enter_context(smtp_sink())
        self.apart = {number}
        for name in KEYS:
            file = self.folder / f"{name}.pem"
            file.touch(mode=0o600)
            file.write_bytes(pem(name))
        url = database or f"sqlite:///{self.folder}/digest.db"
        self.many = Many(self.folder, url, readers=effort.readers, transport={"port": self.sink})
        self.many.publish()
        self.many.program.transport = taken = AtOnce()
        self.many.due(1)
        self.many.send(1)
        self.message = taken.last.message if taken.last else b""

    def prepare(self, keys: tuple[str, ...], port: int, **transport: int) -> None:
        """Restart the program with other settings, and let it print its letter."""
        named = {name: str(self.folder / f"{name}.pem") for name in keys}
        more = {"dkim": {"keys": named}} if keys else {}
        self.many.restarted({"port": port, **transport}, more)
        self.ours(1)

    def ours(self, mails: int) -> tuple[float, float]:
        """Send so many, and give the mails a second and the µs a mail."""
        self.many.due(mails)
        apart = frozenset(self.apart)
        before, start = cpu(apart), time.perf_counter()
        self.many.send(mails)
        seconds = time.perf_counter() - start
        return mails / seconds, (cpu(apart) - before) / mails * 1e6

    def source(self, mails: int, port: int) -> float:
        """Let smtp-source send so many, and give the mails a second."""
        size = len(self.message)
        address = ("-f", "digest@digest.example", "-t", "reader@mail.example")
        command = [
            "smtp-source",
            "-s",
            SESSIONS,
            "-d",
            "-l",
            size,
            "-m",
            mails,
            *address,
            f"127.0.0.1:{port}",
        ]
        start = time.perf_counter()
        subprocess.run([str(part) for part in command], check=True, env=os.environ | {"PATH": PATH})
        return mails / (time.perf_counter() - start)

    def pairs(
        self,
        port: int,
        *,
        settle: Callable[[], None] = lambda: None,
        floor: Callable[[], float] = lambda: 0.0,
    ) -> list[Pair]:
        """Send by turns with smtp-source."""
        rate, _ = self.ours(FIRST)
        mails = min(self.effort.readers, max(FIRST, int(rate * self.effort.seconds)))
        pairs = []
        for turn in range(self.effort.rounds):
            settle()
            theirs = self.source(mails, port) if turn % 2 else 0.0
            settle()
            before = floor()
            rate, cost = self.ours(mails)
            after = floor()
            settle()
            theirs = theirs or self.source(mails, port)
            pairs.append(Pair(multiple=rate / theirs, cost=cost, floor=(before + after) / 2))
        return pairs

    def signed(self, name: str) -> Row:
        """Send to smtp-sink, signed so."""
        keys = SIGNED[name]
        self.prepare(keys, self.sink, connections=SESSIONS)
        if keys != ("rsa",):
            return paired(name, self.pairs(self.sink), least=LEAST.get(name, 0))
        key = (self.folder / "rsa.pem").read_bytes()
        pairs = self.pairs(self.sink, floor=lambda: bare_signature(key))
        row = paired(name, pairs, least=0)
        against = statistics.median(pair.cost / pair.floor for pair in pairs)
        return replace(row, against=against, verdict=judged([at_most(against, MOST_RSA, "of OpenSSL's CPU")]))

    def by_postfix(self) -> Row:
        """Send to a real Postfix."""
        name = "unsigned, to Postfix"
        program = shutil.which("postfix", path=PATH)
        if program is None or os.geteuid() != 0:
            return Row(name=name, verdict="skipped: it needs Postfix, started by root")
        with Postfix(program) as relay:
            self.apart.add(relay.number)
            self.prepare((), relay.port, connections=SESSIONS)

            def settle() -> None:
                while not relay.empty:
                    time.sleep(0.1)

            return paired(name, self.pairs(relay.port, settle=settle), least=LEAST_BY_POSTFIX)

    def beside(self, peer: str) -> Row:
        """Let another program send, and give how many times faster and cheaper we are."""
        name = f"we against {peer}"
        self.prepare(SIGNED[PEERS[peer]], self.sink, connections=SESSIONS)
        ours = [self.ours(FIRST)]
        folder = self.folder / peer
        folder.mkdir()
        self._write_letter(folder)
        mails = self.effort.peer_mails[peer]
        command = [sys.executable, BENCH / "peers.py", peer, "--port", str(self.sink)]
        done = subprocess.run(
            [*command, "--mails", str(mails), "--folder", folder], check=False, capture_output=True, text=True
        )
        if done.returncode:
            return Row(name=name, verdict=f"skipped: {done.stderr.strip().splitlines()[-1]}")
        measured = json.loads(done.stdout)
        ours.append(self.ours(FIRST))
        rate, cost = map(statistics.fmean, zip(*ours, strict=True))
        faster, cheaper = rate / (mails / measured["seconds"]), measured["cpu"] / mails * 1e6 / cost
        wrong = (
            [
                at_least(faster, PEER_RATE, "times the rate"),
                at_least(cheaper, PEER_CPU, "times less CPU"),
            ]
            if peer == PEER
            else []
        )
        theirs = measured["cpu"] / mails * 1e6
        return Row(name=name, rate=faster, cpu=theirs, against=cheaper, verdict=judged(wrong))

    def costs(self) -> Iterator[Row]:
        """Send to ever more readers, and compare the CPU of a mail."""
        self.prepare((), self.sink)
        measured: dict[int, list[float]] = {size: [] for size in self.effort.sizes}
        for turn in range(self.effort.rounds):
            for size, costs in measured.items():
                if size * turn <= self.effort.sizes[-1]:
                    costs.append(self.ours(size)[1])
        medians = {size: statistics.median(costs) for size, costs in measured.items()}
        middle = statistics.median(medians.values())
        for size, cost in medians.items():
            off = abs(cost / middle - 1)
            wrong = [] if off <= STEADY else [f"{cost / middle - 1:+.0%} off the median of all sizes"]
            yield Row(name=f"{size:,} readers", cpu=cost, against=cost / middle, verdict=judged(wrong))

    def _write_letter(self, folder: Path) -> None:
        import email.policy  # noqa: PLC0415

        mail: Any = email.message_from_bytes(self.message, policy=email.policy.default)
        for kind, name in (("html", "letter.html"), ("plain", "letter.txt")):
            (folder / name).write_text(mail.get_body([kind]).get_content(), encoding="utf-8")
        key = serialization.load_pem_private_key((self.folder / "rsa.pem").read_bytes(), None)
        form = serialization.PrivateFormat.TraditionalOpenSSL  # the one that dkimpy reads
        (folder / "rsa.pem").write_bytes(
            key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        )


def paired(name: str, pairs: list[Pair], *, least: float) -> Row:
    multiples = [pair.multiple for pair in pairs]
    rate = statistics.median(multiples)
    return Row(
        name=name,
        rate=rate,
        lowest=min(multiples),
        highest=max(multiples),
        cpu=statistics.median(pair.cost for pair in pairs),
        verdict=judged([at_least(rate, least, "of smtp-source")]),
    )


def at_least(value: float, least: float, what: str) -> str:
    return "" if value >= least else f"{value:.2f} {what}, at least {least} is wanted"


def at_most(value: float, most: float, what: str) -> str:
    return "" if value <= most else f"{value:.2f} {what}, at most {most} is wanted"


def judged(wrong: list[str]) -> str:
    return "; ".join(filter(None, wrong)) or "ok"


def pem(kind: str) -> bytes:
    """Make a key."""
    private: Any = (
        rsa.generate_private_key(65537, 2048) if kind == "rsa" else ed25519.Ed25519PrivateKey.generate()
    )
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    octets: bytes = private.private_bytes(*form, serialization.NoEncryption())
    return octets


def bare_signature(key: bytes) -> float:
    """Give the µs of CPU of OpenSSL's own RSA signature of a digest."""
    private: Any = serialization.load_pem_private_key(key, None)
    times = 200
    before = time.process_time()
    for _ in range(times):
        private.sign(b"d" * 400, padding.PKCS1v15(), hashes.SHA256())
    return (time.process_time() - before) / times * 1e6


@contextmanager
def smtp_sink() -> Iterator[tuple[int, int]]:
    """Run Postfix's server that takes everything and keeps nothing; give its port and its process."""
    port = free_port()
    program = shutil.which("smtp-sink", path=PATH)
    if program is None:
        sys.exit("smtp-sink is not installed (on Debian: apt-get install postfix)")
    user = ["-u", "postfix"] if os.geteuid() == 0 else []
    with subprocess.Popen([program, *user, f"127.0.0.1:{port}", "1024"]) as running:
        try:
            while not answers(port):
                if running.poll() is not None:
                    sys.exit("smtp-sink did not start")
                time.sleep(0.02)
            yield port, running.pid
        finally:
            running.terminate()


def answers(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="under a minute, up to 6,000 readers")
    parser.add_argument(
        "--database", metavar="URL", help="of an empty database; by default a new SQLite file"
    )
    parser.add_argument("--json", type=Path, metavar="PATH")
    options = parser.parse_args()
    rows: list[Row] = []

    def add(row: Row) -> None:
        rows.append(row)
        spread = f"{row.lowest:.2f} to {row.highest:.2f}" if row.lowest else ""
        figures = f"{figure(row.rate, 2)}{spread:>16}{figure(row.cpu, 0)}{figure(row.against, 2)}"
        print(f"{row.name:28}{figures}  {row.verdict}", flush=True)

    with ExitStack() as stack:
        bench = Bench(stack, QUICK if options.quick else WHOLE, options.database)
        print(f"a mail has {len(bench.message):,} octets\n{'':28}{'rate':>9}{'':16}{'cpu':>9}{'cost':>9}")
        for name in bench.effort.signed:
            add(bench.signed(name))
        add(bench.by_postfix())
        for peer in PEERS:
            add(bench.beside(peer))
        for row in bench.costs():
            add(row)
        bench.many.program.database.close()
    if options.json:
        text = json.dumps([asdict(row) for row in rows], indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")
    conclude(rows)


def figure(value: float | None, places: int) -> str:
    return f"{'' if value is None else f'{value:,.{places}f}':>9}"


def conclude(rows: list[Row]) -> None:
    skipped = sum(row.verdict.startswith("skipped") for row in rows)
    short = [row.name for row in rows if row.verdict != "ok" and not row.verdict.startswith("skipped")]
    aside = f" ({skipped} rows skipped)" if skipped else ""
    if short:
        print(f"FAILED: {', '.join(short)}{aside}")
        sys.exit(1)
    print(f"OK: every figure is as it should be{aside}")


if __name__ == "__main__":
    main()
