"""Say why an issue holds what it holds: `digest explain`."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

import typer

from digest.cli.screen import app, counted, note, open_app, print_json, say
from digest.model import Candidate
from digest.plain import to_json

_NARROWEST = 5  # columns of a number


@app.command()
def explain(
    context: typer.Context,
    day: Annotated[
        datetime | None,
        typer.Argument(
            metavar="[DATE]",
            formats=["%Y-%m-%d"],
            help="An issue's date. Default: today.",
            show_default=False,
        ),
    ] = None,
    list_name: Annotated[
        str | None, typer.Option("--list", "-l", help="A list's name. Default: the first.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Print every story that was weighed for an issue: its score, what each term added, and what became of it.

    Of a day without an issue yet, what would stand in it now.
    """
    program = open_app(context)
    name = program.list_or_first(list_name)
    on, candidates = program.explain(name, day.date() if day else None)
    if as_json:
        stories = [{"score": one.score, **to_json(one)} for one in candidates]
        print_json({"list": name, "date": on, "candidates": stories})
        return
    if not candidates:
        note(f"{name}, {on}: nothing was weighed")
        return
    _show(name, on, candidates)


def _show(name: str, on: date, candidates: Sequence[Candidate]) -> None:
    """Print the table; a term's column holds what it added to the score."""
    terms = list(dict.fromkeys(reason.term for one in candidates for reason in one.reasons))
    widths = [max(len(term), _NARROWEST) for term in ("score", *terms)]
    verdicts = max(len(one.verdict) for one in candidates)
    places = max(len(one.section) for one in candidates)
    heads = [f"{term:>{width}}" for term, width in zip(("score", *terms), widths, strict=True)]
    say(f"{name}, {on}: {counted(len(candidates), 'story', 'stories')} weighed, the best first")
    say("  ".join([*heads, "verdict".ljust(verdicts), "place".ljust(places), "story"]))
    for one in candidates:
        added = {reason.term: reason.value * reason.weight for reason in one.reasons}
        numbers = [one.score, *(added.get(term, 0.0) for term in terms)]
        cells = [f"{number:{width}.2f}" for number, width in zip(numbers, widths, strict=True)]
        others = f" and {one.tellings - 1} more" if one.tellings > 1 else ""
        say(
            "  ".join([*cells, one.verdict.ljust(verdicts), one.section.ljust(places)])
            + f"  {one.title} ({one.source}{others})"
        )
