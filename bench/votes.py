"""Play through what one network can do to the ranking, and what each rule does to honest readers behind one.

    python bench/votes.py [--json results.json]

A list has 40 voters in networks of their own; 5 of them voted for the source X, 35 for others. In the first part, so
many false readers in one network all vote for X, at once or one every quarter of an hour. In the second, a list is read
in one office: of its 25 voters 16 voted for A and 9 for B. In the third, the 60 voters of one carrier join the 40, half
of them for X. The table has what the term "readers" becomes, times its usual weight; as much is a story moved by.

The rules: each reader counts; a network counts once, or twice; once every ten minutes; or as the root of its readers.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from digest.config import Weights
from digest.curate import shares
from digest.store.votes import heard

BURST = 10  # minutes

Rule = Callable[[int, int], int]
"""How many voices so many readers of one network have who vote so many minutes apart."""

RULES: dict[str, Rule] = {
    "each reader": lambda readers, _: readers,
    "one a network": lambda readers, _: min(readers, 1),
    "two a network": lambda readers, _: min(readers, 2),
    "one in 10 minutes": lambda readers, apart: min(readers, max(1, readers * apart // BURST)),
    "the root": lambda readers, _: heard(readers),
}


def moved(voices: dict[str, int], source: str) -> float:
    return Weights().readers * shares(voices).get(source, 0.0)


def cases(rule: Rule) -> dict[str, float]:
    """Give by how much a story is moved in each case."""
    told = {"nobody false": moved({"X": 5, "others": 35}, "X")}
    for false in (4, 20, 100):
        for name, apart in (("at once", 0), ("patient", 15)):
            voices = {"X": 5 + rule(false, apart), "others": 35}
            told[f"{false} false, {name}"] = moved(voices, "X")
    office = {"A": rule(16, 15), "B": rule(9, 15)}
    told |= {f"office, {source}": moved(office, source) for source in office}
    told["carrier, X"] = moved({"X": 5 + rule(30, 15), "others": 35 + rule(30, 15)}, "X")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="PATH")
    options = parser.parse_args()
    results = {name: cases(rule) for name, rule in RULES.items()}
    print(f"{'':20}" + "".join(f"{name:>19}" for name in results))
    for case in next(iter(results.values())):
        print(f"{case:20}" + "".join(f"{told[case]:19.3f}" for told in results.values()))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
