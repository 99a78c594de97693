"""The keys that sign mails: `digest dkim new|show`."""

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.screen import app, note, open_app, say

if TYPE_CHECKING:
    from digest.dkim import Key
    from digest.dkim.keys import Kind

dkim = typer.Typer(help="Make the keys that sign mails (DKIM), show what is published.", no_args_is_help=True)
app.add_typer(dkim, name="dkim")


class Choice(StrEnum):
    """Which keys are made."""

    RSA = "rsa"  # every receiver knows it
    ED25519 = "ed25519"  # short and quick; not every receiver knows it
    BOTH = "both"  # two keys, two signatures


@dkim.command()
def new(
    context: typer.Context,
    selector: Annotated[
        str | None,
        typer.Argument(metavar="[SELECTOR]", help="The name, without -rsa or -ed25519; else today's date."),
    ] = None,
    algorithm: Annotated[Choice, typer.Option("--algorithm", "-a", help="Of the keys.")] = Choice.BOTH,
) -> None:
    """Make keys, and print the DNS records and the settings that they need; nothing is overwritten."""
    from digest.config.tables import check_selector  # noqa: PLC0415 - --help needs no settings
    from digest.dkim.files import make_keys  # noqa: PLC0415 - and no keys

    program = open_app(context)
    stem = f"{program.clock():%Y%m%d}" if selector is None else selector
    kinds: tuple[Kind, ...] = ("rsa", "ed25519")
    try:
        wanted = [
            (check_selector(f"{stem}-{kind}"), kind) for kind in kinds if algorithm in (kind, Choice.BOTH)
        ]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    made = make_keys(program.settings, wanted)
    note("publish in the DNS:")
    _say_records(key for _, key in made)
    note(f"once they can be seen there, write into {program.settings.file.name}:")
    say("[dkim]")
    keys = ", ".join(f'"{key.selector}" = "{path}"' for path, key in made)
    say(f"keys = {{ {keys} }}")


@dkim.command()
def show(context: typer.Context) -> None:
    """Print the DNS records of the keys that the settings name."""
    signers = open_app(context).signers
    _say_records(signers)
    if not signers:
        note("the settings name no keys; `digest dkim new` makes some")


def _say_records(keys: Iterable["Key"]) -> None:
    from digest.dkim.keys import zone_line  # noqa: PLC0415

    for key in keys:
        say(zone_line(key))
