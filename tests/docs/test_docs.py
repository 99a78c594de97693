"""The documentation cannot drift: it names every command, option, setting and error, and nothing that is not there."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import typer.main
from conftest import ROOT
from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined

from digest import config, errors
from digest.cli.start import app
from digest.model import Method

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "seeds/README.md"])

_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^(#+) +(.*?) *$", re.MULTILINE)
_WHERE_THE_SHELL_GOES_ON = re.compile(r" *(?:[|<>\\;]|&&|\d>).*$")


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command of the command line with its options' names."""

    path: tuple[str, ...]
    options: frozenset[str]
    is_group: bool

    def __str__(self) -> str:
        return " ".join(self.path)


def commands() -> Iterator[Command]:
    def walk(command: Any, path: tuple[str, ...]) -> Iterator[Command]:
        names = (
            name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)
        )
        below = getattr(command, "commands", {})
        options = frozenset(name for name in names if name.startswith("-"))
        yield Command(path=path, options=options, is_group=bool(below))
        for name, child in below.items():
            yield from walk(child, (*path, name))

    return walk(typer.main.get_command(app), ("digest",))


COMMANDS = {command.path: command for command in commands()}


@dataclass(frozen=True, kw_only=True)
class Key:
    """A setting: the table it stands in, as a heading writes it, its name and its default."""

    table: str
    name: str
    default: Any

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"


def keys(model: type[BaseModel] = config.Settings, table: str = "") -> Iterator[Key]:
    for name, field in model.model_fields.items():
        inner: Any = field.annotation
        path = f"{table}.{name}".lstrip(".")
        if get_origin(inner) is dict:
            inner, path = get_args(inner)[1], f"{path}.NAME"
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from keys(inner, path)
        else:
            yield Key(table=table, name=name, default=field.get_default(call_default_factory=True))


KEYS = list(keys())


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """Give what stands under a heading, up to the next one of any depth."""
    found = re.search(rf"^#+ +{re.escape(heading)} *$\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no heading {heading!r}"
    return found[1]


def setting_table(name: str) -> str:
    return section(page("docs/reference/settings.md"), f"`[{name}]`" if name else "At the top")


def anchors(text: str) -> set[str]:
    """Give the anchors that GitHub makes of the headings."""
    plain = (re.sub(r"[^\w\- ]", "", match[2].lower()) for match in _HEADING.finditer(_FENCED.sub("", text)))
    return {heading.replace(" ", "-") for heading in plain}


def links(file: Path) -> Iterator[tuple[Path, str]]:
    """Give where each relative link leads: to a file, and there to an anchor or to "", its beginning."""
    for link in _LINK.findall(_FENCED.sub("", file.read_text(encoding="utf-8"))):
        if not re.match(r"[a-z]+:", link):
            name, _, anchor = link.partition("#")
            yield (file.parent / name).resolve() if name else file, anchor


@pytest.mark.parametrize("command", COMMANDS.values(), ids=str)
def test_the_reference_names_every_command_with_every_option(command: Command) -> None:
    text = page("docs/reference/cli.md")
    if command.path != ("digest",):
        text = section(text, f"`{command}`")
    told = {
        name for code in re.findall(r"`([^`\n]+)`", text) for name in re.findall(r"--?[a-z][a-z-]*", code)
    }
    assert command.options <= told, f"not told: {sorted(command.options - told)}"


@pytest.mark.parametrize("command", COMMANDS.values(), ids=str)
def test_the_reference_names_no_option_that_a_command_has_not(command: Command) -> None:
    text = page("docs/reference/cli.md")
    is_root = command.path == ("digest",)
    text = text.partition("\n## ")[0] if is_root else section(text, f"`{command}`")
    rows = re.findall(r"^\| (`-.*?) \|", text, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"--?[a-z][a-z-]*", row)}
    assert told <= command.options | {"--help", "-h"}


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_the_reference_names_every_setting_with_its_default(key: Key) -> None:
    row = re.search(rf"^\| `{key.name}` \| (.*?) \| (.*?) \| .*\|$", setting_table(key.table), re.MULTILINE)
    assert row, f"{key.name} is not told"
    if key.default is PydanticUndefined:
        assert row[2] == "—"
    else:
        assert tomllib.loads(f"told = {row[2].strip('`')}")["told"] == _as_toml(key.default)


@pytest.mark.parametrize("table", sorted({key.table for key in KEYS}))
def test_the_reference_names_no_setting_that_is_not_there(table: str) -> None:
    told = re.findall(r"^\| `(\w+)` \|", setting_table(table), re.MULTILINE)
    assert sorted(told) == sorted(key.name for key in KEYS if key.table == table)


def test_the_reference_names_every_method() -> None:
    told = re.findall(r"^\| `(\w+)` \|", section(page("docs/reference/settings.md"), "Methods"), re.MULTILINE)
    assert told == [method.value for method in Method]


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(file: Path) -> None:
    for target, anchor in links(file):
        assert target.is_relative_to(ROOT), f"{target} is out of the project"
        assert target.exists(), f"{target} is not there"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{target} has no heading #{anchor}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    ahead = {ROOT / "README.md"}
    while ahead:
        reached |= ahead
        ahead = {target for file in ahead for target, _ in links(file) if target in PAGES} - reached
    assert [str(file.relative_to(ROOT)) for file in PAGES if file not in reached] == []


def test_a_decision_has_the_number_of_its_file() -> None:
    decisions = sorted((ROOT / "docs/adr").glob("*.md"))
    titles = [file.read_text(encoding="utf-8").partition(".")[0] for file in decisions]
    assert titles == [f"# {int(file.name[:4])}" for file in decisions]
    assert titles == [f"# {number}" for number in range(1, len(decisions) + 1)]


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_command_that_is_shown_can_be_typed(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    blocks = [*re.findall(r"^    (.*)$", text, re.MULTILINE), *"\n".join(_FENCED.findall(text)).splitlines()]
    lines = (re.search(r"(?:^|bin/|&& |\| )(digest (?!\[).*)$", line) for line in blocks)
    shown = [*(line[1] for line in lines if line), *re.findall(r"`(digest [^`\n]*)`", _FENCED.sub("", text))]
    for line in shown:
        _check(line)


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_make_target_that_is_shown_is_one(file: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", page("Makefile"), re.MULTILINE))
    shown = set(
        re.findall(r"^    make ([a-z-]+)|`make ([a-z-]+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert {name for pair in shown for name in pair if name} <= targets


def test_every_error_is_drawn_in_the_tree_and_nothing_else_is() -> None:
    kinds = {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.DigestError)
    }
    drawn = dict(re.findall(r"^    (?:[├└]── )?(\w+Error)\b *(.*)$", errors.__doc__ or "", re.MULTILINE))
    assert drawn.keys() == kinds.keys()
    twos = {name for name, words in drawn.items() if "exit status 2" in words}
    assert twos == {name for name, kind in kinds.items() if kind.exit_status == 2}


def _check(line: str) -> None:
    """Walk down the commands of a line as it is typed, then look at its options."""
    words = shlex.split(_WHERE_THE_SHELL_GOES_ON.sub("", line), comments=True)
    path = ("digest",)
    for number, word in enumerate(words[1:], 1):
        known = COMMANDS[path].options | {"--help", "-h"}
        if word.startswith("-") and word != "-":
            assert word.partition("=")[0] in known, f"{line!r}: {' '.join(path)} has no {word}"
        elif COMMANDS[path].is_group and not words[number - 1].startswith("-") and word.islower():
            path = (*path, word)
            assert path in COMMANDS, f"{line!r}: there is no such command"


def _as_toml(default: Any) -> Any:
    """Give a default as config.toml writes it."""
    match default:
        case SecretStr():
            return default.get_secret_value()
        case Path():
            return str(default)
        case tuple():
            return list(default)
        case _:
            return default
