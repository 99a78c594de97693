"""Plan, claim and mark a million deliveries, and say how much memory that takes.

    python bench/ledger.py [--quick] [--database NAME] [--json results.json]

On SQLite and on PostgreSQL (one of our own that syncs to its disk): `planning` is what `publish`, of a second issue,
takes longer than making it, in seconds a million rows; `claim to mark` is `send` itself, with its journal, but mails
that are made beforehand and a transport that takes each at once. `memory` is what the whole process has more at its
peak, when it sends with the real writer to that transport, than the idle program, which has its database open and has
printed a letter; each size in a process of its own.

The status is 1 where a figure falls short.
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

BENCH = Path(__file__).parent
sys.path[:0] = [str(BENCH), str(BENCH.parent), str(BENCH.parent / "tests")]

from many import AtOnce, Many, forget_peak, peak  # noqa: E402 - the bench's folder is on the path only now
from postgres import DURABLE, Postgres  # noqa: E402

from digest.model import Delivery, Mail  # noqa: E402

MOST_PLANNING = 10.0  # seconds a million
LEAST_ROWS = 30_000  # a second
MOST_MEMORY = 64.0  # MiB
FLAT = 8.0  # MiB, from the fewest readers to the most


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    what: str
    database: str
    readers: int
    figure: float
    unit: str
    verdict: str


def plan(folder: Path, url: str, readers: int) -> list[float]:
    """Publish a second issue for so many readers; give the seconds a million, without those for making the issue."""
    many = Many(folder, url, readers=readers, articles=3)
    many.publish()
    many.next_day()
    many.program.preview("daily")
    start = time.perf_counter()
    many.program.preview("daily")
    drafted = time.perf_counter()
    many.publish()
    return [(time.perf_counter() - drafted - (drafted - start)) / readers * 1e6]


def prepare(folder: Path, url: str, readers: int) -> list[float]:
    """Make what `send` sends."""
    Many(folder, url, readers=readers).publish()
    return []


def send(folder: Path, url: str, readers: int) -> list[float]:
    """Send to so many; give the MiB above the idle program at the peak, and the rows a second of the ledger alone."""
    many = Many(folder, url)
    program = many.program
    program.transport = AtOnce()  # type: ignore[assignment]
    many.due(1)
    many.send(1)
    many.due(readers)
    forget_peak()
    idle = peak()
    many.send(readers)
    most = peak() - idle

    def write(batch: Sequence[Delivery]) -> Iterator[Mail]:
        for one in batch:
            yield Mail(envelope_from="", recipient=one.address, message=b"", delivery_id=one.id)

    program.writer = write
    many.due(readers)
    start = time.perf_counter()
    many.send(readers)
    return [most, readers / (time.perf_counter() - start)]


def measured(what: Callable[[Path, str, int], list[float]], *arguments: Any) -> list[float]:
    """Do so in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_tell, args=(theirs, what, *arguments))
    process.start()
    theirs.close()
    try:
        figures: list[float] = ours.recv()
    except EOFError:
        sys.exit(f"{what.__name__} did not end well")
    process.join()
    return figures


def _tell(pipe: Any, what: Callable[..., list[float]], *arguments: Any) -> None:
    pipe.send(what(*arguments))


def measure(database: str, url: Callable[[Path], str], folder: Path, sizes: tuple[int, ...]) -> Iterator[Row]:
    """Make the rows of one database."""
    taken = []
    for readers in sizes:
        place = folder / f"{database}-{readers}"
        where = (place, url(place), readers)
        measured(prepare, *where)
        [most, rate] = measured(send, *where)
        taken.append(most)
        this = {"database": database, "readers": readers}
        if readers == sizes[-1]:
            place = folder / f"{database}-planned"
            [planning] = measured(plan, place, url(place), readers)
            wrong = f"at most {MOST_PLANNING:.0f} are wanted" if planning > MOST_PLANNING else "ok"
            yield Row(what="planning", figure=planning, unit="s a million", verdict=wrong, **this)
            wrong = f"at least {LEAST_ROWS:,} are wanted" if rate < LEAST_ROWS else "ok"
            yield Row(what="claim to mark", figure=rate, unit="rows a second", verdict=wrong, **this)
        wrong = "ok"
        if taken[-1] > MOST_MEMORY:
            wrong = f"at most {MOST_MEMORY:.0f} are wanted"
        elif taken[-1] - taken[0] > FLAT:
            wrong = f"{taken[-1] - taken[0]:.0f} MiB more than with {sizes[0]:,} readers"
        yield Row(what="memory", figure=taken[-1], unit="MiB above idle", verdict=wrong, **this)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="up to 20,000 readers instead of a million")
    parser.add_argument("--database", choices=("SQLite", "PostgreSQL"), help="only on this one")
    parser.add_argument("--json", type=Path, metavar="PATH")
    options = parser.parse_args()
    sizes = (2_000, 20_000) if options.quick else (10_000, 100_000, 1_000_000)
    results: list[Row] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ledger-")))
        for database in ("SQLite", "PostgreSQL"):
            if options.database not in (None, database):
                continue
            url: Callable[[Path], str] = file_in
            if database == "PostgreSQL":
                server = Postgres(**DURABLE)
                stack.callback(server.remove)
                url = lambda _: server.empty()  # noqa: E731, B023 - called in this turn
            for row in measure(database, url, folder, sizes):
                results.append(row)
                print(
                    f"{row.what:14}{row.database:11}{row.readers:>10,} readers{row.figure:>12,.1f} {row.unit:15}"
                    f"{row.verdict}",
                    flush=True,
                )
    if options.json:
        text = json.dumps([asdict(row) for row in results], indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")
    if short := [f"{row.what} on {row.database}" for row in results if row.verdict != "ok"]:
        print(f"FAILED: {', '.join(short)}")
        sys.exit(1)
    print("OK: every figure is as it should be")


def file_in(folder: Path) -> str:
    return f"sqlite:///{folder}/digest.db"


if __name__ == "__main__":
    main()
