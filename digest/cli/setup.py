"""Set up and check: `digest init`, `digest doctor`."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from digest.cli.screen import app, complain, open_app, out, print_json, say
from digest.errors import DigestError


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write config.toml.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace one that is there.")] = False,
) -> None:
    """Write config.toml: every setting with its default, which runs as it is."""
    from digest.resources import shipped  # noqa: PLC0415

    target = folder / "config.toml"
    if target.exists() and not force:
        raise DigestError(f"{target} is there already; --force replaces it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(shipped("config.toml"), target)
    except OSError as error:
        raise DigestError(f"{target} cannot be written: {error.strerror}") from None
    say(f"{target} is written; edit it, then: digest doctor")


@app.command()
def doctor(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check the settings, the store, the templates, the sources' places and the way mails leave; sends nothing."""
    from digest.doctor import examine  # noqa: PLC0415

    checks = examine(open_app(context))
    if as_json:
        print_json([{"check": check.name, "ok": check.ok, "says": check.says} for check in checks])
    else:
        for check in checks:
            out.print(f"[{'green' if check.ok else 'red'}]{'ok  ' if check.ok else 'FAIL'}[/] ", end="")
            out.print(f"{check.name:<10} {check.says}", markup=False)
    failed = [check.name for check in checks if not check.ok]
    if failed:
        complain(f"not ready: {', '.join(failed)}")
        raise typer.Exit(1)
