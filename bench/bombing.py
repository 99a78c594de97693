"""Bomb the sign-up, and count the letters that go out because of it.

    python bench/bombing.py [--quick] [--json results.json]

So many sign-ups within an hour, each a transaction of its own on a SQLite file, as the page and the mailbox make
them: for one address, for as many addresses of one domain, from one network for as many domains, and from everywhere
for everybody. The letters are then sent to a real SMTP server on this machine, which counts what comes. The time is
that of one sign-up as a multiple of that of an empty transaction of the same database; `slower` is the last tenth of
the sign-ups against the first. The status is 1 where more letters came than the settings allow.
"""

import argparse
import itertools
import json
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from digest.address import Address, read_address
from digest.app import App
from digest.config import Settings
from digest.correspondence import Door
from digest.model import DeliveryState
from digest.subscribe import Asker
from digest.wishes import Act, Command

MORNING = datetime(2026, 11, 20, 7, tzinfo=UTC)
TABLES = ("subscribers", "requests", "notices", "consents")
EMPTY_EVERY = 20  # sign-ups, one empty transaction is measured


@dataclass(frozen=True, kw_only=True)
class Bombing:
    """Who is bombed, and the letters that the settings allow in an hour."""

    name: str
    address: str
    network: str
    allowed: str  # the setting

    def wishes(self, count: int) -> Iterator[tuple[Address, str]]:
        """Give so many addresses, each with the network that it is asked for from."""
        for number in range(count):
            yield read_address(self.address.format(number)), self.network.format(number)


BOMBINGS = (
    Bombing(
        name="one address",
        address="victim@mail.example",
        network="net {}",
        allowed="confirmations_per_address_a_day",
    ),
    Bombing(
        name="one domain",
        address="reader{}@mail.example",
        network="net {}",
        allowed="confirmations_per_domain_an_hour",
    ),
    Bombing(
        name="from one network",
        address="reader@d{}.example",
        network="one net",
        allowed="confirmations_per_network_an_hour",
    ),
    Bombing(
        name="everybody, from everywhere",
        address="reader@d{}.example",
        network="net {}",
        allowed="confirmations_an_hour",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one bombing came to."""

    bombing: str
    asked: int
    allowed: int
    letters: int  # that came to the server
    rows: int  # kept in all tables
    ratio: float  # time of a sign-up to that of an empty transaction
    slower: float  # the last tenth to the first


class Counted:
    """A mail server that takes everything and counts it."""

    def __init__(self) -> None:
        self.letters = 0

    async def handle_DATA(  # noqa: N802 - the name is aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Count a mail's recipients."""
        self.letters += len(envelope.rcpt_tos)
        return "250 taken"


def bomb(bombing: Bombing, count: int) -> Result:
    counted = Counted()
    moments = itertools.chain(
        (MORNING + number * timedelta(hours=1) / count for number in range(count)),
        itertools.repeat(MORNING + timedelta(hours=1)),
    )
    server = Controller(counted, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            program = open_program(Path(folder), server.port, clock=lambda: next(moments))
            seconds, empty = sign_up(program, bombing, count)
            sent = program.notify()[DeliveryState.SENT]
            rows = kept(program)
            program.database.close()
    finally:
        server.stop()
    if sent != counted.letters:
        sys.exit(f"{bombing.name}: {sent} letters are recorded as sent, and {counted.letters} came")
    tenth = max(1, count // 10)
    return Result(
        bombing=bombing.name,
        asked=count,
        allowed=getattr(program.settings.signup, bombing.allowed),
        letters=counted.letters,
        rows=rows,
        ratio=statistics.fmean(seconds) / statistics.fmean(empty),
        slower=statistics.median(seconds[-tenth:]) / statistics.median(seconds[:tenth]),
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def open_program(folder: Path, port: int, *, clock: Callable[[], datetime]) -> App:
    settings = Settings.model_validate(
        {
            "database": f"sqlite:///{folder}/digest.db",
            "secret": "a secret for an hour",
            "transport": {"kind": "smtp", "host": "127.0.0.1", "port": port, "security": "none"},
            "lists": {"daily": {}},
        }
    )
    return App(settings, clock=clock)


def sign_up(program: App, bombing: Bombing, count: int) -> tuple[list[float], list[float]]:
    """Give the seconds of each sign-up, and of some empty transactions between them."""
    seconds, empty = [], []
    join = [Command(act=Act.SUBSCRIBE)]
    database, readers = program.database, program.readers
    for number, (address, network) in enumerate(bombing.wishes(count)):
        asker = Asker(door=Door.WEB, network=network, wording="v1")
        start = time.perf_counter()
        with database.transaction() as connection:
            readers.request(connection, "daily", address, join, asker=asker, now=program.clock())
        seconds.append(time.perf_counter() - start)
        if number % EMPTY_EVERY == 0:
            start = time.perf_counter()
            with database.transaction():
                pass
            empty.append(time.perf_counter() - start)
    return seconds, empty


def kept(program: App) -> int:
    with program.database.transaction() as connection:
        counts = (connection.scalar(sa.text(f"SELECT COUNT(*) FROM {name}")) for name in TABLES)  # noqa: S608 - our own names
        return sum(count or 0 for count in counts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="1,000 sign-ups each instead of 10,000")
    parser.add_argument("--json", type=Path, metavar="PATH")
    options = parser.parse_args()
    count = 1_000 if options.quick else 10_000
    print(f"{'':28}{'asked':>8}{'allowed':>9}{'letters':>9}{'rows':>7}{'time':>8}{'slower':>8}")
    results = []
    for bombing in BOMBINGS:
        result = bomb(bombing, count)
        results.append(result)
        print(
            f"{result.bombing:28}{result.asked:8,}{result.allowed:9,}{result.letters:9,}{result.rows:7,}"
            f"{result.ratio:7.1f}x{result.slower:7.1f}x",
            flush=True,
        )
    if options.json:
        options.json.write_text(
            json.dumps([asdict(one) for one in results], indent=2) + "\n", encoding="utf-8"
        )
    over = [one.bombing for one in results if one.letters > one.allowed]
    if over:
        print(f"FAILED: more letters than the settings allow: {', '.join(over)}")
        sys.exit(1)
    asked, letters = sum(one.asked for one in results), sum(one.letters for one in results)
    print(f"OK: {asked:,} sign-ups made {letters:,} letters, never more than the settings allow")


if __name__ == "__main__":
    main()
