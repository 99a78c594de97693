"""Make and send: `digest run` for the lists or for single documents, `digest preview` to look before."""

import sys
import webbrowser
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from digest.cli.screen import app, complain, counted, err, note, open_app, print_json, say, table
from digest.errors import SourceError
from digest.model import Collected, DeliveryState, Issue, Method, Trouble

if TYPE_CHECKING:
    from digest import config
    from digest.app import App
    from digest.deliver import Settled
    from digest.pipeline import Published

ListOption = Annotated[
    list[str] | None, typer.Option("--list", "-l", help="A list's name; repeatable. Default: every list.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


_HOW = {
    DeliveryState.QUEUED: "is put off",
    DeliveryState.FAILED: "has failed",
    DeliveryState.IN_DOUBT: "is in doubt",
}
"""What is trouble; that an issue holds nothing for a reader, so that his mail is skipped, is none."""


@app.command()
def run(
    context: typer.Context,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH|URL|-]...",
            help="Make a one-off digest of these; - is standard input.",
            show_default=False,
        ),
    ] = None,
    lists: ListOption = None,
    to: Annotated[
        list[str] | None, typer.Option("--to", "-t", help="One-off: mail it to this address; repeatable.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="One-off: write the web page, text and JSON here.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Publish, write and send nothing; show what would be.")
    ] = False,
    sentences: Annotated[int | None, typer.Option(min=1, help="One-off: sentences a story, at most.")] = None,
    method: Annotated[Method | None, typer.Option(help="One-off: how the sentences are chosen.")] = None,
    title: Annotated[str | None, typer.Option(help="One-off: the letter's title.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Publish and send today's issue of the lists, or make a one-off digest of any documents.

    Without arguments: collect from every source, publish today's issue of each list that has none yet, and send
    what is due. A second run the same day sends nothing twice.

    With arguments, no list is touched: the letter goes to the addresses after --to, to files with --out, or else to
    the screen as plain text.
    """
    if inputs:
        if lists:
            raise typer.BadParameter("a one-off digest belongs to no list: leave out --list")
        wishes = _one_off_wishes(sentences, method, title)
        program = open_app(context, keeps=False)
        _run_one_off(program, inputs, wishes, to=to or [], out=out, dry_run=dry_run, as_json=as_json)
        return
    if to or out or sentences or method or title:
        raise typer.BadParameter(
            "--to, --out, --sentences, --method and --title need a PATH, URL or - to work on"
        )
    _run_lists(open_app(context), lists, dry_run=dry_run, as_json=as_json)


@app.command()
def preview(
    context: typer.Context,
    lists: ListOption = None,
    show: Annotated[
        bool, typer.Option("--open/--no-open", help="Open it in a browser, where there is one.")
    ] = True,
) -> None:
    """Show the issue that would be published now, or today's where it has been; nothing is published or sent."""
    program = open_app(context)
    names = _list_names(program, lists)
    _collect(program, names)
    for name in names:
        issue, published = program.look(name)
        if not (issue.stories or published or program.settings.list_named(name).thin_day == "say"):
            note(f"{name}: there is nothing new to publish")
            continue
        files = program.write_preview(issue)
        stories = counted(len(issue.stories), "story", "stories")
        stories += _thin_day(program, issue, published=published)
        note(f"{name}: {'published' if published else 'not yet published'}, {stories}")
        say(str(files.html))
        if show and sys.stdout.isatty():
            webbrowser.open(files.html.absolute().as_uri())


def _run_lists(program: "App", lists: Sequence[str] | None, *, dry_run: bool, as_json: bool) -> None:
    names = _list_names(program, lists)
    collected = _collect(program, names)
    if dry_run:
        _show_drafts(program, [program.look(name) for name in names], collected, as_json=as_json)
        return
    program.look_over()
    reports: list[dict[str, Any]] = []
    for name in names:
        published = program.publish(name)
        if published is None:
            note(f"{name}: {_why_none(program, name)}")
            continue
        files = program.write_files(published.issue)
        report = {
            "list": name,
            "number": published.issue.number,
            "date": published.issue.date,
            "new": published.new,
            "stories": len(published.issue.stories),
            "thin": published.issue.thin,
            "readers": published.readers,
            "files": {"html": files.html, "text": files.text, "json": files.json},
        }
        reports.append(report)
        if not as_json:
            _say_published(program, published)
            table((("web page", str(files.html)), ("text", str(files.text)), ("JSON", str(files.json))))
    sent = _send(program)
    if as_json:
        print_json({"collected": _collected_json(collected), "issues": reports, "mails": sent})
    else:
        table([("mail", f"{_states(sent)}; {program.transport.check()}")])
    _complain_of_stops(program)


def _complain_of_stops(program: "App") -> None:
    """Name what keeps mails from leaving; then the run has not done what it was told."""
    from digest.alarm import worded  # noqa: PLC0415 - the store, which --help does not need

    stops = program.stops()
    for stop in stops:
        complain(worded(stop))
    if stops:
        raise typer.Exit(1)


def _why_none(program: "App", name: str) -> str:
    """Say why there is no issue today."""
    draft = program.preview(name)
    first = draft.number == 1
    if not draft.stories:
        lacks = "to publish yet" if first else "new since the last issue"
        return f"nothing {lacks}, so there is no issue today"
    stories = counted(len(draft.stories), "story", "stories")
    return f"{stories}{'' if first else ' since the last issue'}{_thin_day(program, draft)}"


def _thin_day(program: "App", issue: Issue, *, published: bool = False) -> str:
    """Say of an issue with too few stories what becomes of it, and of any other nothing."""
    if not issue.thin:
        return ""
    wishes = program.settings.list_named(issue.list)
    says_so = published or wishes.thin_day == "say"
    becomes = "the letter says so" if says_so else "no issue, what there is waits for the next one"
    return f"; a thin day (fewest_stories = {wishes.fewest_stories}): {becomes}"


def _show_drafts(
    program: "App", drafts: Sequence[tuple[Issue, bool]], collected: Collected, *, as_json: bool
) -> None:
    """Print the headlines of issues, with their scores, and of one that is published that it is."""
    if as_json:
        issues = [
            {
                "list": draft.list,
                "number": draft.number,
                "date": draft.date,
                "published": published,
                "thin": draft.thin,
                "stories": [story.lead.title for story in draft.stories],
            }
            for draft, published in drafts
        ]
        print_json({"collected": _collected_json(collected), "drafts": issues})
        return
    for draft, published in drafts:
        stories = counted(len(draft.stories), "story", "stories")
        stories += _thin_day(program, draft, published=published)
        if published:
            say(f"{draft.list}, {draft.date}: issue {draft.number} is published already, with {stories}")
            continue
        say(f"{draft.list}, {draft.date}: would hold {stories}")
        for story in draft.stories:
            say(f"  {story.score:5.2f}  {story.lead.title}")


def _run_one_off(
    program: "App",
    inputs: Sequence[str],
    wishes: "config.List",
    *,
    to: Sequence[str],
    out: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    made = program.one_off(inputs, wishes)
    _complain_of(made.troubles)
    if made.issue is None:
        raise SourceError("no article was found in what was given")
    letter = program.print_one_off(made.issue, wishes)
    report: dict[str, Any] = {
        "stories": [story.lead.title for story in made.issue.stories],
        "problems": [trouble.problem for trouble in made.troubles],
        "mails": [],
        "files": {},
    }
    if dry_run:
        targets = [*to, *([str(out)] if out else [])] or ["the screen"]
        note(f"would go to {', '.join(targets)}: {letter.subject}")
    if not as_json and (dry_run or not (to or out)):
        say(letter.text)
    if out and not dry_run:
        files = program.write_one_off(made.issue, letter, out)
        report["files"] = {"html": files.html, "text": files.text, "json": files.json}
        if not as_json:
            table((("web page", str(files.html)), ("text", str(files.text)), ("JSON", str(files.json))))
    refused = 0
    for address, reply in program.send_one_off(made.issue, letter, to) if to and not dry_run else ():
        report["mails"].append({"to": address, "code": reply.code, "reply": reply.text})
        refused += not reply.accepted
        if not as_json:
            table([("mail", f"{address}: {reply.code} {reply.text}")])
    if as_json:
        print_json(report)
    if refused:
        complain(f"the server refused {counted(refused, 'mail')}")
        raise typer.Exit(1)


def _one_off_wishes(sentences: int | None, method: Method | None, title: str | None) -> "config.List":
    """Give the settings of a one-off: every story has room."""
    from digest.config import List, Section  # noqa: PLC0415 - pydantic, which --help does not need

    room = Section(stories=1000)
    wishes = List(
        title=title or "Your digest",
        description="",
        sections={"more": room, "opinion": room, "blog": room},
        timezone="UTC",
    )
    return wishes.model_copy(
        update={
            key: value for key, value in (("sentences", sentences), ("method", method)) if value is not None
        }
    )


def _list_names(program: "App", lists: Sequence[str] | None) -> list[str]:
    for name in lists or ():
        program.settings.list_named(name)
    return list(lists or program.settings.lists)


def _collect(program: "App", names: Sequence[str]) -> Collected:
    wanted = {source for name in names for source in program.sources_of(name)}
    with _bar("collecting", len(wanted)) as advance:
        collected = program.collect(sorted(wanted), on_read=lambda _: advance())
    _complain_of(collected.troubles)
    note(
        f"{counted(collected.read, 'article')} from {counted(len(wanted), 'source')}, {collected.new:,} of them new"
    )
    return collected


def _send(program: "App") -> Counter[DeliveryState]:
    troubled: list[Settled] = []

    def hear(settled: "Settled") -> None:
        advance()
        if settled.state in _HOW:
            troubled.append(settled)

    with _bar("sending", program.count_due()) as advance:
        sent = program.send(on_settled=hear)
    _complain_of_mails(troubled)
    return sent


def _complain_of_mails(troubled: Sequence["Settled"]) -> None:
    """Name what was not sent, one line for each reason."""
    reasons: dict[tuple[DeliveryState, str], list[str]] = {}
    for settled in troubled:
        said = f"{settled.reply.code} {settled.reply.text}" if settled.reply else "no server was asked"
        reasons.setdefault((settled.state, said), []).append(settled.address)
    for (state, said), addresses in reasons.items():
        others = f" and {len(addresses) - 1:,} more" if len(addresses) > 1 else ""
        complain(f"mail to {addresses[0]}{others} {_HOW[state]}: {said}")


@contextmanager
def _bar(what: str, total: int) -> "Iterator[Any]":
    """Show a progress bar on a terminal, and nothing elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)


def _say_published(program: "App", published: "Published") -> None:
    issue = published.issue
    title = program.settings.list_named(issue.list).title
    stories = counted(len(issue.stories), "story", "stories")
    how = f"published for {counted(published.readers, 'reader')}" if published.new else "was published before"
    thin = _thin_day(program, issue, published=True)
    say(f"{title}, issue {issue.number} of {issue.date}: {stories}, {how}{thin}")


def _complain_of(troubles: Sequence[Trouble]) -> None:
    from digest.collect import worded  # noqa: PLC0415

    for trouble in troubles:
        complain(worded(trouble))


def _collected_json(collected: Collected) -> dict[str, Any]:
    problems = [{"source": trouble.source, "problem": trouble.problem} for trouble in collected.troubles]
    return {"articles": collected.read, "new": collected.new, "problems": problems}


def _states(sent: Counter[DeliveryState]) -> str:
    named = [f"{count:,} {state.value}" for state, count in sent.items() if count]
    return ", ".join(named) or "nothing was due"
