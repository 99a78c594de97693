"""The journal of a process that sends mail: what it was about to do and what it heard, where kill -9 cannot reach it.

The ledger says which rows a process has claimed; only every few hundred mails does it say what became of them. In
between the journal does. A mail's row is *begun* in it just before the octets leave with which the server may have the
mail, and *ended* as soon as it is known what became of it. Each is a line in a file that is mapped into memory: what
is copied there is the system's, and outlives the process, but not the machine.

A journal is locked as long as its process lives (flock), and its name begins each claim of that process. So another
process on the machine can tell whose rows are in good hands, and can finish what a dead one left: what has ended is
marked so, what was begun and has not ended is in doubt, and of all other rows nothing has left. After the machine
itself went down, or with its disk, lines may be missing: then all that has not ended is in doubt.
"""

import fcntl
import json
import mmap
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from json.encoder import encode_basestring_ascii as _quoted
from pathlib import Path
from typing import Any

from digest.errors import StoreError
from digest.model import Begun, DeliveryState, Mark, Reply
from digest.store.claims import HOLDER_LENGTH

_DRAFT = ".draft"
_BEGUN = ("delivery_id", "claim", "variant_id")
_RESERVED = 1 << 18  # octets of the disk, so that it cannot be full between a mail and its line
_BOOT = Path("/proc/sys/kernel/random/boot_id")  # on Linux: another one each time the machine starts


@dataclass(slots=True, kw_only=True)
class Remains:
    """What a journal says of the rows that its process had claimed."""

    name: str
    exact: bool = True  # every row is in it that was begun
    begun: dict[int, Begun] = field(default_factory=dict)  # and has not ended
    ended: list[Mark] = field(default_factory=list)

    def begin(self, row: Begun) -> None:
        """Note that a mail is about to be the server's."""
        self.begun[row.delivery_id] = row

    def end(self, mark: Mark) -> None:
        """Note what became of a row."""
        self.begun.pop(mark.delivery_id, None)
        self.ended.append(mark)


class Journal:
    """The journal of this process, locked until it is closed or the process dies."""

    def __init__(self, folder: Path, database: str) -> None:
        self.remains = Remains(name=secrets.token_hex(HOLDER_LENGTH // 2))
        self._folder, self._database = folder, database
        self._pages: list[tuple[Path, _Sheet]] = []  # the last is written to
        self._number = 0
        self._handed = 0  # of what has ended, what the ledger is being told
        self._begin_page()

    def new_claim(self) -> str:
        """Make the token of a claim of this process."""
        return f"{self.remains.name}{secrets.token_hex(HOLDER_LENGTH // 2)}"

    def begin(self, row: Begun) -> None:
        """Write down that a mail is about to be the server's.

        Raises:
            StoreError: it cannot be written, so the mail must not leave.

        """
        self._write(_begun(row))
        self.remains.begin(row)

    def end(self, mark: Mark) -> None:
        """Write down what became of a row.

        Raises:
            StoreError: it cannot be written; it is known as long as this process lives.

        """
        self.remains.end(mark)
        self._write(_ended(mark))

    def turn_over(self) -> tuple[Mark, ...]:
        """Begin a page, and give all that has ended; the pages before stay until the ledger has it.

        Raises:
            StoreError: there can be no new page.

        """
        self._begin_page()
        self._handed = len(self.remains.ended)
        return tuple(self.remains.ended)

    def marked(self) -> None:
        """Forget what was given last, now that the ledger has it, with all pages but the one that is written to."""
        del self.remains.ended[: self._handed]
        self._handed = 0
        *old, last = self._pages
        for path, sheet in old:
            sheet.close()
            path.unlink()
        self._pages = [last]

    def close(self, *, remove: bool) -> None:
        """Unlock it; `remove` where the ledger knows all that it says."""
        for path, sheet in self._pages:
            if remove:
                path.unlink()
            sheet.close()

    def _begin_page(self) -> None:
        """Begin a page, with what has begun and not ended; it has its name only once it is locked and holds that."""
        self._number += 1
        path = self._folder / f"{self.remains.name}.{self._number}"
        draft = path.with_suffix(_DRAFT)
        with _disk(path):
            sheet = _Sheet(draft)
            sheet.write(json.dumps([_boot(), self._database]) + "\n")
            sheet.write("".join(map(_begun, self.remains.begun.values())))
            draft.rename(path)
        self._pages.append((path, sheet))

    def _write(self, line: str) -> None:
        path, sheet = self._pages[-1]
        try:
            sheet.write(line)
        except OSError as error:
            raise _unusable(path, error) from error


class _Sheet:
    """A locked file that grows by lines, mapped into memory; its place on the disk is taken before it is written to."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            os.posix_fallocate(self._file, 0, _RESERVED)
            self._memory = mmap.mmap(self._file, _RESERVED)
        except OSError:
            os.close(self._file)
            raise
        self._end = 0

    def write(self, line: str) -> None:
        """Write ASCII at the end."""
        octets = line.encode("ascii")
        begin, end = self._end, self._end + len(octets)
        while end > len(self._memory):
            os.posix_fallocate(self._file, len(self._memory), _RESERVED)
            self._memory.resize(len(self._memory) + _RESERVED)
        self._memory[begin:end] = octets
        self._end = end

    def close(self) -> None:
        """Unlock it."""
        self._memory.close()
        os.close(self._file)


class Journals:
    """The journals of all processes of this machine that send from one database, in a folder."""

    def __init__(self, folder: Path, database: str) -> None:
        self._folder, self._database = folder, database

    def open(self) -> Journal:
        """Begin one for this process.

        Raises:
            StoreError: the folder cannot be written to.

        """
        with _disk(self._folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Journal(self._folder, self._database)

    def alive(self) -> frozenset[str]:
        """Name those whose processes live."""
        names = set()
        for path in self._pages():
            with _locked(path) as file:
                if file is None:
                    names.add(path.stem)
        return frozenset(names)

    def left_behind(self) -> Iterator[Remains]:
        """Give what dead processes left; it is removed once the next is asked for."""
        for name in sorted({path.stem for path in self._pages()}):
            pages = self._pages(name)
            with ExitStack() as held:
                files = [held.enter_context(_locked(page)) for page in pages]
                if None in files or self._pages(name) != pages:  # it lives, and may just have turned its page
                    continue
                remains = Remains(name=name)
                if all(_read(file, self._database, remains) for file in files if file is not None):
                    yield remains
                    for page in (*pages, self._folder / f"{name}{_DRAFT}"):
                        page.unlink(missing_ok=True)

    def _pages(self, name: str = "*") -> list[Path]:
        """Give the pages in order; a process that died between two leaves both."""
        numbered = (path for path in self._folder.glob(f"{name}.*") if path.suffix != _DRAFT)
        return sorted(numbered, key=lambda path: (path.stem, int(path.suffix[1:])))


def _read(file: int, database: str, remains: Remains) -> bool:
    """Read a page; False where it is another database's."""
    head, *lines = list(_lines(file)) or [["", database]]  # it is empty where the machine went down
    if head[1] != database:
        return False
    remains.exact &= head[0] == _boot() != ""
    for line in lines:
        if len(line) == len(_BEGUN):
            remains.begin(Begun(**dict(zip(_BEGUN, line, strict=True))))
        else:
            remains.end(_mark(line))
    return True


def _lines(file: int) -> Iterator[list[Any]]:
    content = b"".join(iter(lambda: os.read(file, _RESERVED), b""))
    for line in content.partition(b"\0")[0].split(b"\n"):
        with suppress(ValueError):  # it was never finished
            yield json.loads(line)


def _begun(row: Begun) -> str:
    letter = "null" if row.variant_id is None else row.variant_id
    return f'[{row.delivery_id}, "{row.claim}", {letter}]\n'


def _ended(mark: Mark) -> str:
    letter = "null" if mark.variant_id is None else mark.variant_id
    due = "null" if mark.due is None else f'"{mark.due.isoformat()}"'
    reply = "null"
    if mark.reply is not None:
        enhanced = "null" if mark.reply.enhanced is None else _quoted(mark.reply.enhanced)
        of_sender = "true" if mark.reply.of_sender else "false"
        reply = f"[{mark.reply.code}, {enhanced}, {_quoted(mark.reply.text)}, {of_sender}]"
    return f'[{mark.delivery_id}, "{mark.claim}", "{mark.state}", {due}, {reply}, {letter}]\n'


def _mark(line: list[Any]) -> Mark:
    delivery_id, claim, state, due, reply, variant_id = line
    return Mark(
        delivery_id=delivery_id,
        claim=claim,
        state=DeliveryState(state),
        due=due and datetime.fromisoformat(due),
        reply=reply and Reply(code=reply[0], enhanced=reply[1], text=reply[2], of_sender=any(reply[3:])),
        variant_id=variant_id,
    )


def _boot() -> str:
    """Name the time since the machine started; empty where it has no name."""
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError:
        return ""


@contextmanager
def _locked(path: Path) -> Iterator[int | None]:
    """Open and lock a page; None where its process lives."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # it has just been closed
        yield None
        return
    except PermissionError as error:  # another user's, who sends from the same database
        raise _unusable(path, error) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        yield None
        return
    try:
        yield file
    finally:
        os.close(file)


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into one sentence."""
    try:
        yield
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the journal {path} cannot be used: {error.strerror}; mend that and run again: nothing was lost"
    )
