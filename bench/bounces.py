"""Score the classifier of returned mail beside flufl.bounce alone.

    python bench/bounces.py ../shared/data/bounces [--quick] [--json results.json]

The data is `index.jsonl`, one mail a line: `file`, `kind`, `recipients`, `per_recipient` with `hard`, `aliases`,
`family` and `sha256`, beside the mails themselves. By their hash two fifths of the mails are held out: the classifier
was first written with the others at hand. --quick scores these two fifths alone. A recipient counts as found where the
address is the truth's, whatever its case, and as spurious where it is neither that nor an alias.
"""

import argparse
import email
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from email import policy
from pathlib import Path
from typing import Any

from flufl.bounce import all_failures

from digest.bounces import Kind
from digest.bounces.classify import classify

FOUND, PRECISE, HARD = 0.95, 0.99, 0.95  # what is wanted, at least
Told = dict[str, bool]  # address in lower case: for good or not
Reader = Callable[[bytes], tuple[bool, Told]]


def ours(content: bytes) -> tuple[bool, Told]:
    """Read a mail with our classifier: whether it bears on a reader, and the failed recipients."""
    report = classify(content)
    told = {one.address.casefold(): one.permanent for one in report.recipients}
    return report.kind in (Kind.BOUNCE, Kind.COMPLAINT), told


def flufl(content: bytes) -> tuple[bool, Told]:
    """Read it with flufl.bounce; what makes it raise tells it nothing."""
    try:
        temporary, permanent = all_failures(email.message_from_bytes(content, policy=policy.compat32))
    except Exception:  # noqa: BLE001 - its detectors raise what they like
        return False, {}
    told = {one.decode("utf-8", "replace").casefold(): False for one in temporary}
    told |= {one.decode("utf-8", "replace").casefold(): True for one in permanent}
    return bool(told), told


def is_held_out(case: dict[str, Any]) -> bool:
    return int(case["sha256"][:2], 16) % 5 >= 3  # noqa: PLR2004 - two of five parts


def score(cases: Iterable[dict[str, Any]], folder: Path, read: Reader) -> dict[str, Any]:
    """Count what a reader makes of the mails."""
    count: Counter[str] = Counter()
    missed: defaultdict[str, list[str]] = defaultdict(list)
    started = time.process_time()
    for case in cases:
        bears, told = read((folder / case["file"]).read_bytes())
        if case["kind"] == "negative":
            count["ordinary"] += 1
            count["alarms"] += bears
        elif case["kind"] == "bounce":
            truth = {one.casefold() for one in case["recipients"]}
            count["wanted"] += len(truth)
            count["found"] += len(truth & set(told))
            count["spurious"] += len(set(told) - truth - {one.casefold() for one in case.get("aliases", ())})
            if not truth <= set(told):
                missed[case["family"]].append(case["file"])
            for one in case.get("per_recipient", ()):
                judged = told.get(one["recipient"].casefold())
                if judged is not None:
                    count["judged"] += 1
                    count["right"] += judged == bool(one["hard"])
    return {
        **count,
        "alarms": count["alarms"],
        "recall": count["found"] / max(1, count["wanted"]),
        "precision": count["found"] / max(1, count["found"] + count["spurious"]),
        "hard or soft": count["right"] / max(1, count["judged"]),
        "missed": dict(missed),
        "seconds": round(time.process_time() - started, 2),
    }


def shown(name: str, result: dict[str, Any]) -> str:
    return (
        f"{name:24} {result['recall']:7.1%} {result['precision']:9.1%} {result['hard or soft']:12.1%} "
        f"{result['alarms']:4} of {result['ordinary']:<4} {result['seconds']:6.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--quick", action="store_true", help="the held-out mails alone")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    lines = (arguments.data / "index.jsonl").read_text("utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    held = [case for case in cases if is_held_out(case)]
    sets = {"held out": held} if arguments.quick else {"all": cases, "held out": held}
    results: dict[str, Any] = {}
    print(f"{'':24} {'found':>7} {'precision':>9} {'hard or soft':>12} {'alarms':>12} {'CPU s':>6}")
    for which, some in sets.items():
        for name, read in (("digest", ours), ("flufl.bounce", flufl)):
            results[f"{name}, {which}"] = score(some, arguments.data, read)
            print(shown(f"{name}, {which}", results[f"{name}, {which}"]))
    for family, files in sorted(results[f"digest, {next(iter(sets))}"]["missed"].items()):
        print(f"missed: {family}: {', '.join(files)}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    worst = results["digest, held out"]
    short = [
        f"{what} {worst[name]:.1%} < {least:.0%}"
        for what, name, least in (
            ("found", "recall", FOUND),
            ("precision", "precision", PRECISE),
            ("hard or soft", "hard or soft", HARD),
        )
        if worst[name] < least
    ] + (["false alarms"] if worst["alarms"] else [])
    print(f"falls short: {'; '.join(short)}" if short else "all figures are reached")
    sys.exit(1 if short else 0)


if __name__ == "__main__":
    main()
