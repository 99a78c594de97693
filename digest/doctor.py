"""Try each part of the program without publishing or sending anything."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from digest import config, pipeline
from digest.alarm import worded
from digest.app import App
from digest.dkim import sign
from digest.dkim.verify import verifies
from digest.errors import DigestError, SettingsError, TransportError
from digest.message import Headers, message
from digest.model import Article, Letter
from digest.notify import masthead
from digest.resources import locate
from digest.tokens import Purpose

SAMPLE = Article(
    source="sample",
    title="A sample",
    body=(
        "This sentence stands for an article. It lets a template be tried before there is a story to tell.",
    ),
    url="https://digest.example/sample",
    language="en",
)
"""What the templates are tried with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What one part of the program says when it is tried."""

    name: str
    ok: bool
    says: str


def examine(app: App) -> list[Check]:
    """Try the parts one after the other; one that fails does not stop the rest."""
    checks = [Check(name="settings", ok=True, says=f"{app.settings.file} is complete and known")]
    for name, trial in (
        ("publisher", _publisher),
        ("lists", _lists),
        ("store", _store),
        ("secret", _secret),
        ("templates", _templates),
        ("sources", _sources),
        ("transport", _transport),
        ("dkim", _dkim),
        ("stops", _stops),
        ("inbound", _inbound),
        ("pages", _pages),
    ):
        try:
            checks.append(Check(name=name, ok=True, says=trial(app)))
        except DigestError as error:
            checks.append(Check(name=name, ok=False, says=str(error)))
    return checks


def _publisher(app: App) -> str:
    """Let nothing leave in the name of the sample's publisher, whom nobody can answer and nobody can leave."""
    publisher, sample = app.settings.publisher, config.Publisher()
    unset = []
    if _is_example(urlsplit(publisher.url).hostname or ""):
        unset.append("publisher.url (every letter's links to leave and to its reader's pages begin with it)")
    if _is_example(publisher.domain):
        unset.append("publisher.address (letters come from it, and answers go to it)")
    if publisher.postal_address == sample.postal_address:
        unset.append("publisher.postal_address (stands at the foot of every letter)")
    if not unset:
        return f"{publisher.name} <{publisher.address}>, {publisher.url}"
    says = f"an example's, not yours: {'; '.join(unset)}"
    if app.settings.transport.kind == "maildir":  # nothing leaves this machine
        return f"{says}; set before mail leaves by SMTP"
    raise SettingsError(says)


def _is_example(host: str) -> bool:
    """Say whether a host is one that cannot be there (RFC 2606 section 2)."""
    return f".{host.lower().rstrip('.')}".endswith(".example")


def _lists(app: App) -> str:
    if not app.settings.lists:
        raise SettingsError("there is none: write a [lists.NAME] table")
    return ", ".join(
        f"{name} at {wishes.at} {wishes.timezone}" for name, wishes in app.settings.lists.items()
    )


def _store(app: App) -> str:
    with app.database.transaction():
        return f"{app.database.name} can be written to"


def _secret(app: App) -> str:
    app.tokens.make(Purpose.UNSUBSCRIBE, 1)
    return "there is one"


def _templates(app: App) -> str:
    moment = app.clock()
    for name, wishes in app.settings.lists.items():
        on = moment.astimezone(ZoneInfo(wishes.timezone)).date()
        draft = pipeline.edit((SAMPLE,), wishes, name=name, number=1, on=on, closed=moment)
        pipeline.web_letter(draft.issue, masthead(app.settings, wishes), app.press, letter=wishes.letter)
    return "each list's letter can be printed"


def _sources(app: App) -> str:
    for name, wanted in app.settings.sources.items():
        if wanted.kind == "folder" and not (path := locate(Path(wanted.path), app.settings.base)).is_dir():
            raise SettingsError(f"sources.{name}: there is no folder {path}")
    kinds = Counter(wanted.kind for wanted in app.settings.sources.values())
    if not kinds:
        raise SettingsError("there is none: write a [sources.NAME] table")
    return ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in kinds.items())


def _transport(app: App) -> str:
    return app.transport.check()


def _dkim(app: App) -> str:
    if not app.signers:
        return "there are no keys: mails are signed by the mail server, or by nobody"
    publisher, moment = app.settings.publisher, app.clock()
    headers = Headers(
        from_name=publisher.name,
        from_address=publisher.address,
        to_address=publisher.address,
        date=moment,
        message_id=f"<sample@{publisher.domain}>",
        list_id=f"sample.{publisher.domain}",
        list_name=SAMPLE.title,
    )
    mail = sign(
        message(Letter(subject=SAMPLE.title, html="", text=SAMPLE.text), headers), app.signers, moment
    )
    for key in app.signers:
        if not verifies(mail, key):
            raise SettingsError(f"a sample signed with {key.selector} does not verify")
    names = ", ".join(f"{key.selector} ({key.algorithm})" for key in app.signers)
    return f"mails are signed for {app.settings.signing_domain} with {names}, and a sample verifies"


def _stops(app: App) -> str:
    if stops := app.stops():
        raise TransportError("; ".join(map(worded, stops)))
    return "nothing keeps mail from leaving"


def _inbound(app: App) -> str:
    door = None if app.settings.inbound.kind == "none" else app.door()
    if door is None:
        return (
            f"nothing reads readers' mail to {app.settings.publisher.address}, their answers and wishes to leave, "
            "unless a mail server hands it to `digest receive`"
        )
    return f"{door.check()}, for {app.settings.publisher.address}"


def _pages(app: App) -> str:
    listen = app.settings.web.listen
    if not listen:
        return "none are served: readers find nothing at the links in their letters"
    app.site(lambda: None)
    return f"`digest serve` answers on {listen}, which readers must find as {app.settings.publisher.url}"
