"""The tables of config.toml, each with its keys and their defaults."""

import re
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from digest.address import parse_address
from digest.model import Article, Kind, Method
from digest.pace import read_rate

MORE = "more"
"""The section for what fits no other."""


_LONGEST_LOCAL = 17
"""Octets that +unsubscribe- and a token leave of the 64 that RFC 5321 section 4.5.3.1.1 gives."""


_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*")  # BCP 47, as far as it matters
_SELECTOR = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")  # RFC 6376 section 3.1


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone is called {name!r}; use a name such as Europe/Paris or UTC") from None
    return name


def _hour(text: str) -> str:
    try:
        time.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time of day; write it as 07:00") from None
    return text


def _address(text: str) -> str:
    if text and parse_address(text).needs_smtputf8:
        raise ValueError(
            f"{text!r} is not ASCII before the @; not every reader's server could take mail from it"
        )
    return text


def _domain(text: str) -> str:
    try:
        return parse_address(f"postmaster@{text}").domain if text else text
    except ValueError:
        raise ValueError(f"{text!r} is not a domain name such as digest.example") from None


def check_selector(text: str) -> str:
    """Give the name of a DKIM key back, if it can be one.

    Raises:
        ValueError: it cannot.

    """
    if not _SELECTOR.fullmatch(text):
        raise ValueError(f"{text!r} is not a selector: letters, digits and hyphens, as in 20261126-rsa")
    return text


def _listen(text: str) -> str:
    host, _, port = text.rpartition(":")
    if text and not (host and port.isdigit() and int(port) < 2**16):
        raise ValueError(f"{text!r} is not an address and a port; write it as 127.0.0.1:8080")
    return text


def _short(text: str) -> str:
    if len(text.partition("@")[0]) > _LONGEST_LOCAL:
        raise ValueError(
            f"{text!r} is too long before the @: {_LONGEST_LOCAL} characters leave room for +unsubscribe-… (RFC 5321)"
        )
    return text


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"{text!r} is no name: lower-case letters, digits and hyphens, at most 63, as in my-feed; "
            "what readers see is its title"
        )
    return text


def _language(text: str) -> str:
    if text and not _TAG.fullmatch(text):
        raise ValueError(f'{text!r} is not the code of a language; give one such as "de" or "en-US"')
    return text


def _primary(text: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}", text):
        raise ValueError(f'{text!r} is not the code of a language; give one such as "de"')
    return text


def _rate(text: str) -> str:
    read_rate(text)
    return text


def _http(url: str) -> str:
    if url and not url.startswith(("https://", "http://")):
        raise ValueError(f"{url!r} does not begin with https:// or http://")
    return url.rstrip("/")


Name = Annotated[str, AfterValidator(_name)]
Selector = Annotated[str, AfterValidator(check_selector)]
Zone = Annotated[str, AfterValidator(_zone)]
TimeOfDay = Annotated[str, AfterValidator(_hour)]
Url = Annotated[str, AfterValidator(_http)]
MailAddress = Annotated[str, AfterValidator(_address)]
Count = Annotated[int, Field(ge=0)]
Language = Annotated[str, AfterValidator(_primary)]
LanguageTag = Annotated[str, AfterValidator(_language)]
Positive = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[str, AfterValidator(_rate)]


class _Table(BaseModel):
    """One table of config.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _https(url: str) -> str:
    if not url.startswith("https://"):
        raise ValueError(f"{url!r} does not begin with https://; letters may lead nowhere else")
    return url.rstrip("/")


class Publisher(_Table):
    """Who sends the letters."""

    name: str = "The Port Alder Digest"
    address: Annotated[MailAddress, Field(min_length=1), AfterValidator(_short)] = "digest@digest.example"
    reply_to: MailAddress = ""
    bounce_address: MailAddress = ""
    postal_address: str = "Digest, 1 Harbour Street, Port Alder"
    url: Annotated[str, AfterValidator(_https)] = "https://digest.example"

    @property
    def domain(self) -> str:
        """The domain that Message-ID and List-Id are made in."""
        return self.address.rpartition("@")[2]

    def own(self, detail: str) -> str:
        """Give the publisher's address with a subaddress (RFC 5233), by which an answer is known."""
        local, _, domain = self.address.rpartition("@")
        return f"{local}+{detail}@{domain}"


class Transport(_Table):
    """How finished mails leave."""

    kind: Literal["maildir", "smtp"] = "maildir"
    folder: Path = Path("var/mail")
    host: str = "localhost"
    port: Annotated[int, Field(ge=1, le=65535)] = 25
    security: Literal["none", "starttls", "tls"] = "starttls"
    username: str = ""
    password: SecretStr = SecretStr("")
    password_file: Path | Literal[""] = ""
    ca_file: Path | Literal[""] = ""
    hello_name: str = ""
    timeout_seconds: Positive = 300
    connections: Annotated[int, Field(ge=1, le=100)] = 4


class Dkim(_Table):
    """Who signs the mails."""

    domain: Annotated[str, AfterValidator(_domain)] = ""
    keys: dict[Selector, Path] = Field(default_factory=dict)


class Fetch(_Table):
    """How pages and feeds are fetched."""

    every_minutes: Positive = 30
    timeout_seconds: Positive = 10
    total_seconds: Positive = 30
    max_megabytes: Positive = 10
    pages_per_source: Count = 30
    recheck_stories: Count = 3
    private_addresses: bool = False
    user_agent: str = ""


class Delivery(_Table):
    """What happens to a mail that is not taken at once."""

    processes: Annotated[int, Field(ge=1, le=64)] = 1
    lease_seconds: Positive = 900
    retry_minutes: Annotated[tuple[Positive, ...], Field(min_length=1)] = (5, 15, 60, 240)
    give_up_hours: Positive = 72
    in_doubt: Literal["hold", "resend"] = "hold"


class Rates(_Table):
    """How fast mails leave."""

    all: Rate = ""
    per_domain: Rate = ""
    domains: dict[str, Rate] = Field(default_factory=dict)
    adaptive: bool = True
    floor: Annotated[Rate, Field(min_length=1)] = "10/minute"
    warm_up_start: Count = 0
    warm_up_growth: Annotated[float, Field(ge=1, le=3)] = 1.5


class Canary(_Table):
    """The readers who get an issue first; what becomes of their mails decides about the others."""

    share: Share = 0.01
    minutes: Positive = 10
    fewest_readers: Positive = 1000
    seeds: tuple[MailAddress, ...] = ()
    most_failed: Share = 0.1
    most_faults: Share = 0.02


class Bounces(_Table):
    """What follows from letters that come back."""

    warn_score: Weight = 4.0
    half_life_days: Positive = 30
    warnings: Positive = 2
    warning_days: Positive = 7
    complaint_alarm_per_mille: Weight = 1.0
    complaint_stop_per_mille: Weight = 3.0
    fault_stop_per_mille: Weight = 10.0


class Signup(_Table):
    """What keeps the sign-up from being used against others; every letter counts that goes to an unproven address."""

    confirmations_per_address_a_day: Positive = 1
    confirmations_per_network_an_hour: Positive = 20
    confirmations_per_domain_an_hour: Positive = 100
    confirmations_an_hour: Positive = 500
    answers_per_address_a_day: Positive = 10
    valid_days: Positive = 7
    seconds_to_fill: Count = 3
    refused_domains: tuple[str, ...] = ()


class Inbound(_Table):
    """Where readers' mail is read."""

    kind: Literal["none", "imap", "lmtp", "smtp", "maildir"] = "none"
    host: str = "localhost"
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    socket: Path | Literal[""] = ""
    security: Literal["none", "starttls", "tls"] = "tls"
    username: str = ""
    password: SecretStr = SecretStr("")
    password_file: Path | Literal[""] = ""
    ca_file: Path | Literal[""] = ""
    folder: Path = Path("var/inbox")
    mailbox: str = "INBOX"
    done_mailbox: str = ""
    poll_seconds: Positive = 60
    max_megabytes: Positive = 25
    authserv_id: str = ""


class Web(_Table):
    """The readers' pages."""

    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:8080"
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    requests_a_minute: Positive = 120
    archive: bool = True


class Retention(_Table):
    """How long what is known about readers is kept; 0: for good."""

    pending_days: Positive = 7
    notices_days: Positive = 30
    deliveries_days: Count = 365
    left_days: Count = 365
    consent_days: Count = 1095


class Source(_Table):
    """One place that articles come from."""

    kind: Literal["folder", "feed", "page"]
    path: Path | Literal[""] = ""
    url: Url = ""
    title: str = ""
    section: str = ""
    article_kind: Kind | Literal[""] = ""
    language: LanguageTag = ""
    full_text: bool = False

    def model_post_init(self, _context: Any) -> None:
        """Refuse a source that says not where it is."""
        if self.kind == "folder" and not self.path:
            raise ValueError('a folder needs its path: path = "articles"')
        if self.kind != "folder" and not self.url:
            raise ValueError(f'a {self.kind} needs its url: url = "https://…"')


class Section(_Table):
    """One section of a list's issues."""

    title: str = ""
    also: tuple[str, ...] = ()
    weight: Weight = 0.5
    stories: Count = 5


class Weights(_Table):
    """How much each term counts in ranking."""

    votes: Weight = 1.0
    freshness: Weight = 1.0
    section: Weight = 1.0
    sources: Weight = 1.5
    pickup: Weight = 0.3
    rarity: Weight = 0.3
    length: Weight = 0.3
    readers: Weight = 0.5


class List(_Table):
    """What one subscribes to."""

    title: str = "The Port Alder Digest"
    description: str = "The day's stories, told in their own sentences."
    sources: tuple[Name, ...] = ()
    languages: tuple[Language, ...] = ()
    language: Annotated[LanguageTag, Field(min_length=1)] = "en"
    timezone: Zone = "UTC"
    at: TimeOfDay = "07:00"
    catch_up_hours: Positive = 24
    finish_by: Annotated[str, AfterValidator(lambda text: _hour(text) if text else text)] = ""
    method: Method = Method.DIGEST
    sentences: Positive = 3
    top_stories: Count = 3
    minutes: Count = 0
    max_age_hours: Count = 0
    half_life_hours: Positive = 24
    stories_per_source: Count = 0
    fewest_stories: Positive = 1
    thin_day: Literal["wait", "say"] = "wait"
    corrections_days: Count = 7
    public: bool = True
    images: bool = True
    letter: Name = "issue"
    in_doubt: Literal["", "hold", "resend"] = ""
    weights: Weights = Weights()
    sections: dict[Name, Section] = Field(default_factory=dict)

    def section_called(self, text: str) -> str | None:
        """Give the name of the section that is called so: by its name, its title, or another that articles use."""
        wanted = text.casefold()
        for name, section in self.sections.items():
            if wanted and wanted in (name, section.title.casefold(), *map(str.casefold, section.also)):
                return name
        return None

    def section_of(self, article: Article) -> str:
        """Give the section of an article: its kind's own, the one that it names, or "more"."""
        if article.kind is not Kind.NEWS:
            return article.kind.value
        return self.section_called(article.section or "") or MORE
