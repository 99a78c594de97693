"""The settings: config.toml, every value of which the environment can override.

The name in the environment is `DIGEST_` and the path of the key, joined by two underscores:
`DIGEST_TRANSPORT__HOST=mx.example`, `DIGEST_LISTS__DAILY__AT=06:30`. Lists are written as JSON. Paths are relative to
the folder of config.toml; a path that is not there may name one of the shipped parts, such as `seeds/`.
"""

import difflib
import os
import re
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from digest.address import parse_address
from digest.config.tables import (
    MORE,
    Bounces,
    Canary,
    Delivery,
    Dkim,
    Fetch,
    Inbound,
    List,
    Name,
    Publisher,
    Rates,
    Retention,
    Section,
    Signup,
    Source,
    Transport,
    Web,
    Weights,
)
from digest.errors import SettingsError
from digest.resources import shipped

__all__ = [
    "MORE",
    "Bounces",
    "Canary",
    "Delivery",
    "Dkim",
    "Fetch",
    "Inbound",
    "List",
    "Publisher",
    "Rates",
    "Retention",
    "Section",
    "Settings",
    "Signup",
    "Source",
    "Transport",
    "Web",
    "Weights",
    "keep_private",
    "kept_secret",
    "load",
    "read_private",
    "read_secret",
]

NOT_SETTINGS = {"DIGEST_CONFIG", "DIGEST_SHARED"}
"""Names in the environment that begin like settings and are none."""

_QUOTED = r"'([^']*)'"
_TWICE = re.compile(r"Cannot declare \((.*?)\) twice")


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
    dkim: Dkim = Dkim()
    fetch: Fetch = Fetch()
    delivery: Delivery = Delivery()
    rates: Rates = Rates()
    canary: Canary = Canary()
    bounces: Bounces = Bounces()
    signup: Signup = Signup()
    inbound: Inbound = Inbound()
    web: Web = Web()
    retention: Retention = Retention()
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

    @property
    def are_shipped(self) -> bool:
        """Whether nobody's config.toml was found, so that these are the sample's."""
        return self._base != self._file.parent

    @property
    def signing_domain(self) -> str:
        """The domain that signs the mails (DKIM), as A-labels."""
        return self.dkim.domain or parse_address(self.publisher.address).domain

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

    def in_doubt(self, list_name: str) -> Literal["hold", "resend"]:
        """Say what becomes of a list's mails that may have arrived; one that is no more has [delivery]'s policy."""
        wanted = self.lists.get(list_name)
        return (wanted.in_doubt if wanted else "") or self.delivery.in_doubt

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
        raise SettingsError(_explain_all(error.errors(), file)) from None
    except ValueError as error:  # pydantic-settings: a value of the environment that should be JSON is none
        raise SettingsError(f"the environment: {error}") from None
    settings._file, settings._base = file, file.parent if path else Path.cwd()  # noqa: SLF001 - built here
    _refuse_missing_templates(settings)
    _refuse_unknown_sources(settings)
    _refuse_short_leases(settings)
    _refuse_unaligned(settings)
    return settings


def read_secret(value: SecretStr, file: Path | str, base: Path, *, setting: str) -> str:
    """Give a secret from the settings themselves or from the file that the `setting` names.

    Raises:
        SettingsError: the file cannot be read.

    """
    if value.get_secret_value() or not file:
        return value.get_secret_value()
    try:
        return (base / file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{setting}: {base / file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{setting}: {base / file} cannot be read: it is no text in UTF-8") from None


def kept_secret(path: Path) -> str:
    """Read the secret that was made before, or make it; only this user can read the file.

    Raises:
        SettingsError: it cannot be kept there, or the file cannot be read or holds none.

    """
    try:
        keep_private(path, secrets.token_hex(32).encode("ascii"))
    except FileExistsError:
        pass
    except OSError as error:
        raise SettingsError(
            f"the secret cannot be kept in {path}: {error.strerror}; set `secret` or `secret_file`"
        ) from None
    try:
        kept = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read: {error.strerror}; the secret must be readable by the user who runs `digest`"
        ) from None
    except UnicodeDecodeError:
        kept = ""
    if not kept:
        raise SettingsError(
            f"{path} holds no secret; remove it and a new one is made, which ends the links of old letters"
        )
    return kept


def keep_private(path: Path, octets: bytes) -> None:
    """Write a new file that only this user can read.

    Raises:
        OSError: it is there already, or cannot be written.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(octets)


def read_private(path: Path) -> bytes:
    """Read a file that only this user can read.

    Raises:
        SettingsError: it cannot be read, or others can.

    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise SettingsError(f"{path} is open to others: chmod 600 {path}")
            return file.read()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}; `digest init` writes one") from None
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        said = _TWICE.sub(_explain_twice, str(error)).replace(
            "Cannot overwrite a value", "a key is there twice"
        )
        raise SettingsError(f"{file} is not valid TOML: {said}") from None


def _explain_twice(found: re.Match[str]) -> str:
    """Say in words what tomllib finds of a table that was pasted twice."""
    return f"the table [{'.'.join(re.findall(_QUOTED, found[1]))}] is there twice; make one of the two"


def _refuse_unknown_names(environ: Mapping[str, str]) -> None:
    known = {f"DIGEST_{name.upper()}" for name in Settings.model_fields}
    for name in environ:
        if name.startswith("DIGEST_") and name not in NOT_SETTINGS and name.split("__")[0] not in known:
            raise SettingsError(
                f"the environment: {name} is no setting{_nearest(name.split('__')[0], known)}"
            )


def _refuse_short_leases(settings: Settings) -> None:
    if settings.delivery.lease_seconds <= 2 * settings.transport.timeout_seconds:
        raise SettingsError(
            f"{settings.file.name}: delivery.lease_seconds must be over twice transport.timeout_seconds, or a mail that"
            " a slow server is still taking counts as lost"
        )


def _refuse_missing_templates(settings: Settings) -> None:
    if settings.templates and not (folder := settings.base / settings.templates).is_dir():
        raise SettingsError(f"{settings.file.name}: templates: there is no folder {folder}")


def _refuse_unknown_sources(settings: Settings) -> None:
    for list_name, wanted in settings.lists.items():
        for name in wanted.sources:
            if name not in settings.sources:
                where = f"{settings.file.name}: lists.{list_name}.sources"
                raise SettingsError(
                    f"{where}: no source is called {name!r}{_nearest(name, settings.sources)}"
                )


def _refuse_unaligned(settings: Settings) -> None:
    """Let no domain sign that receivers would not take for the author's (RFC 9989: alignment)."""
    author, signing = parse_address(settings.publisher.address).domain, settings.signing_domain
    if author != signing and not author.endswith(f".{signing}"):
        raise SettingsError(
            f"{settings.file.name}: dkim.domain: {signing} is neither {author}, the domain of publisher.address, "
            "nor above it"
        )


def _explain_all(errors: Sequence[Mapping[str, Any]], file: Path) -> str:
    """Say in words what pydantic found, in the file and in the environment, which it does not tell apart."""
    known = {name.upper(): name for name in os.environ}
    parts: dict[str, list[str]] = {}
    for error in errors:
        keys = takewhile(lambda part: isinstance(part, str), error["loc"])  # behind them, a place in a list
        name = known.get(f"DIGEST_{'__'.join(keys)}".upper())
        parts.setdefault(f"the environment: {name}" if name else file.name, []).append(_explain(error))
    return "; ".join(f"{where}: {'; '.join(said)}" for where, said in parts.items())


def _explain(error: Mapping[str, Any]) -> str:
    """Say in words what pydantic found at one place."""
    where = ".".join(str(part) for part in error["loc"] if part != "[key]")
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
