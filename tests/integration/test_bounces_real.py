"""Returned mail as real servers write it is told apart as well as is promised; flufl.bounce alone is far from it."""

import importlib.util
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent

Cases = list[dict[str, Any]]


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """Load bench/bounces.py, which counts."""
    spec = importlib.util.spec_from_file_location("bounces_bench", ROOT / "bench/bounces.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "data" / "bounces"


@pytest.fixture(scope="module")
def cases(folder: Path) -> Cases:
    return [json.loads(line) for line in (folder / "index.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def held_out(bench: ModuleType, cases: Cases) -> Cases:
    return [case for case in cases if bench.is_held_out(case)]


def test_recipients_and_whether_for_good_are_told_as_promised_and_of_ordinary_mail_none(
    bench: ModuleType, held_out: Cases, folder: Path
) -> None:
    result = bench.score(held_out, folder, bench.ours)
    assert result["recall"] >= 0.95
    assert result["precision"] >= 0.99
    assert result["hard or soft"] >= 0.95
    assert result["alarms"] == 0


def without_fields(*names: str) -> Callable[[bytes], bytes]:
    """Leave fields out, wherever in the mail they stand."""
    field = re.compile(rf"(?im)^(?:{'|'.join(names)}) ?:.*\n(?:[ \t]+\S.*\n)*".encode())
    return lambda content: field.sub(b"", content.replace(b"\r\n", b"\n"))


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(lambda content: content.replace(b"report-type=", b"x="), id="of no type of report"),
        pytest.param(lambda content: content.replace(b"multipart/report", b"multipart/mixed"), id="mixed"),
        pytest.param(
            lambda content: content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), id="other line ends"
        ),
        pytest.param(without_fields("auto-submitted", "precedence", "return-path"), id="of no hints"),
        pytest.param(without_fields("status", "last-attempt-date", "remote-mta"), id="of no status"),
        pytest.param(without_fields("x-mailer", "user-agent", "received"), id="of no program"),
    ],
)
def test_they_are_told_as_well_where_what_does_not_matter_is_missing(
    bench: ModuleType, cases: Cases, folder: Path, changed: Callable[[bytes], bytes]
) -> None:
    bounces = [case for case in cases if case["kind"] == "bounce"]
    result = bench.score(bounces, folder, lambda content: bench.ours(changed(content)))
    assert result["recall"] >= 0.95
    assert result["precision"] >= 0.98
    assert result["hard or soft"] >= 0.94


def test_a_complaint_or_an_answer_is_never_a_bounce(bench: ModuleType, cases: Cases, folder: Path) -> None:
    kinds = {
        (case["kind"], bench.classify((folder / case["file"]).read_bytes()).kind.value)
        for case in cases
        if case["kind"] in ("arf", "autoreply", "delivered")
    }
    # Reports of failed authentication complain of nothing.
    assert kinds == {
        ("arf", "complaint"),
        ("arf", "ordinary"),
        ("autoreply", "autoreply"),
        ("delivered", "delivered"),
    }


def test_a_third_of_the_bounces_named_by_flufl_alone_would_be_lost_or_wrong(
    bench: ModuleType, held_out: Cases, folder: Path
) -> None:
    assert bench.score(held_out, folder, bench.flufl)["hard or soft"] < 0.7
