"""The settings: config.toml, every value of which the environment can override.

The name in the environment is `DIGEST_` and the path of the key, joined by two underscores:
`DIGEST_TRANSPORT__HOST=mx.example`, `DIGEST_LISTS__DAILY__AT=06:30`. Lists are written as JSON. Paths are relative to
the folder of config.toml; a path that is not there may name one of the shipped parts, such as `seeds/`.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    StringConstraints,
    ValidationError,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from digest.address import parse_address
from digest.errors import SettingsError
from digest.model import Kind, Method
from digest.resources import shipped

NOT_SETTINGS = {"DIGEST_CONFIG", "DIGEST_SHARED"}
"""Names in the environment that begin like settings and are none."""


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
    if text:
        parse_address(text)
    return text


def _http(url: str) -> str:
    if url and not url.startswith(("https://", "http://")):
        raise ValueError(f"{url!r} does not begin with https:// or http://")
    return url.rstrip("/")


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Zone = Annotated[str, AfterValidator(_zone)]
TimeOfDay = Annotated[str, AfterValidator(_hour)]
Url = Annotated[str, AfterValidator(_http)]
MailAddress = Annotated[str, AfterValidator(_address)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


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
    address: Annotated[MailAddress, Field(min_length=1)] = "digest@digest.example"
    reply_to: MailAddress = ""
    bounce_address: MailAddress = ""
    postal_address: str = "Digest, 1 Harbour Street, Port Alder"
    url: Annotated[str, AfterValidator(_https)] = "https://digest.example"

    @property
    def domain(self) -> str:
        """The domain that Message-ID and List-Id are made in."""
        return self.address.rpartition("@")[2]


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


class Fetch(_Table):
    """How pages and feeds are fetched."""

    every_minutes: Positive = 30
    timeout_seconds: Positive = 10
    total_seconds: Positive = 30
    max_megabytes: Positive = 10
    pages_per_source: Count = 30
    private_addresses: bool = False
    user_agent: str = ""


class Delivery(_Table):
    """What happens to a mail that is not taken at once."""

    lease_seconds: Positive = 300
    retry_minutes: Annotated[tuple[Positive, ...], Field(min_length=1)] = (5, 15, 60, 240)
    give_up_hours: Positive = 72
    in_doubt: Literal["hold", "resend"] = "hold"


class Source(_Table):
    """One place that articles come from."""

    kind: Literal["folder", "feed", "page"]
    path: Path | Literal[""] = ""
    url: Url = ""
    title: str = ""
    section: str = ""
    article_kind: Kind | Literal[""] = ""
    language: str = ""
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


class List(_Table):
    """What one subscribes to."""

    title: str = "The Port Alder Digest"
    description: str = "The day's stories, told in their own sentences."
    sources: tuple[Name, ...] = ()
    language: str = "en"
    timezone: Zone = "UTC"
    at: TimeOfDay = "07:00"
    catch_up_hours: Positive = 24
    method: Method = Method.LEXRANK
    sentences: Positive = 3
    top_stories: Count = 3
    minutes: Count = 0
    max_age_hours: Count = 0
    half_life_hours: Positive = 24
    stories_per_source: Count = 0
    fewest_stories: Positive = 1
    images: bool = True
    letter: Name = "issue"
    weights: Weights = Weights()
    sections: dict[Name, Section] = Field(default_factory=dict)


class Settings(BaseSettings):
    """All settings."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix="DIGEST_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    folder: Path = Path("var")
    database: str = "sqlite:///var/digest.db"
    secret: SecretStr = SecretStr("")
    secret_file: Path | Literal[""] = ""
    templates: Path | Literal[""] = ""
    publisher: Publisher = Publisher()
    transport: Transport = Transport()
    fetch: Fetch = Fetch()
    delivery: Delivery = Delivery()
    sources: dict[Name, Source] = Field(default_factory=dict)
    lists: dict[Name, List] = Field(default_factory=dict)

    _file: Path = PrivateAttr(default_factory=lambda: shipped("config.toml"))
    _base: Path = PrivateAttr(default_factory=Path.cwd)

    @property
    def file(self) -> Path:
        """The config.toml that was read."""
        return self._file

    @property
    def base(self) -> Path:
        """The folder that relative paths start from."""
        return self._base

    def list_named(self, name: str) -> List:
        """Give one list's settings.

        Raises:
            SettingsError: there is no such list.

        """
        if name not in self.lists:
            raise SettingsError(
                f"no list is called {name!r}{_nearest(name, self.lists)}; config.toml has {_names(self.lists)}"
            )
        return self.lists[name]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over config.toml (which comes in as arguments)."""
        return env_settings, init_settings


def load(path: Path | None = None) -> Settings:
    """Read the settings from `path`, else $DIGEST_CONFIG, else ./config.toml, else the shipped ones.

    Raises:
        SettingsError: the file cannot be read, or something in it or in the environment is wrong.

    """
    if path is None and (named := os.environ.get("DIGEST_CONFIG")):
        path = Path(named)
    if path is None:
        path = Path("config.toml") if Path("config.toml").is_file() else None
    file = (path or shipped("config.toml")).absolute()
    _refuse_unknown_names(os.environ)
    try:
        settings = Settings(**_read(file))
    except ValidationError as error:
        raise SettingsError(f"{file.name}: {'; '.join(map(_explain, error.errors()))}") from None
    except ValueError as error:  # pydantic-settings: a value of the environment that should be JSON is none
        raise SettingsError(f"the environment: {error}") from None
    settings._file, settings._base = file, file.parent if path else Path.cwd()  # noqa: SLF001 - built here
    _refuse_unknown_sources(settings)
    return settings


def read_secret(value: SecretStr, file: Path | str, base: Path) -> str:
    """Give a secret from the settings themselves or from the file that they name.

    Raises:
        SettingsError: the file cannot be read.

    """
    if value.get_secret_value() or not file:
        return value.get_secret_value()
    try:
        return (base / file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the secret file {base / file} cannot be read: {error}") from None


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}; `digest init` writes one") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is not valid TOML: {error}") from None


def _refuse_unknown_names(environ: Mapping[str, str]) -> None:
    known = {f"DIGEST_{name.upper()}" for name in Settings.model_fields}
    for name in environ:
        if name.startswith("DIGEST_") and name not in NOT_SETTINGS and name.split("__")[0] not in known:
            raise SettingsError(
                f"the environment: {name} is no setting{_nearest(name.split('__')[0], known)}"
            )


def _refuse_unknown_sources(settings: Settings) -> None:
    for list_name, wanted in settings.lists.items():
        for name in wanted.sources:
            if name not in settings.sources:
                where = f"{settings.file.name}: lists.{list_name}.sources"
                raise SettingsError(
                    f"{where}: no source is called {name!r}{_nearest(name, settings.sources)}"
                )


def _explain(error: Mapping[str, Any]) -> str:
    """Say in words what pydantic found at one place."""
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        name = str(error["loc"][-1])
        return f"{where} is no setting{_nearest(name, _keys_at(error['loc'][:-1]))}"
    message = str(error["msg"]).removeprefix("Value error, ").replace("Input should", "should")
    return (
        f"{where}: {message}"
        if isinstance(error.get("ctx", {}).get("error"), ValueError)
        else f"{where} {message}"
    )


def _keys_at(loc: tuple[Any, ...]) -> list[str]:
    """Name the settings that the table at `loc` may hold."""
    model: Any = Settings
    for part in loc:
        if isinstance(model, type) and issubclass(model, BaseModel):
            model = model.model_fields[part].annotation
        elif get_origin(model) is dict:
            model = get_args(model)[1]
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def _nearest(name: str, known: Any) -> str:
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {found[0]!r}?" if found else ""


def _names(known: Mapping[str, Any]) -> str:
    return ", ".join(known) or "none yet"
