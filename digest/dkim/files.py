"""The key files: those that the settings name are read, and new ones are made."""

from collections.abc import Sequence
from pathlib import Path

from digest.config import Settings, keep_private, read_private
from digest.dkim import Key
from digest.dkim.keys import Kind, make_pem, read_pem
from digest.errors import DigestError, SettingsError, StoreError


def read_keys(settings: Settings) -> tuple[Key, ...]:
    """Read the keys that mails are signed with, in the order of the settings; none: another signs them.

    Raises:
        SettingsError: a file cannot be read, can be read by others, or holds no key.

    """
    return tuple(
        _read(selector, settings.base / file, settings.signing_domain)
        for selector, file in settings.dkim.keys.items()
    )


def make_keys(settings: Settings, selectors: Sequence[tuple[str, Kind]]) -> list[tuple[Path, Key]]:
    """Make a key for each selector in `dkim/` in the settings' folder, and give its path, as settings name it, with it.

    Raises:
        DigestError: a file is there already, and none was made.
        StoreError: a file cannot be written.

    """
    paths = [settings.folder / "dkim" / f"{selector}.pem" for selector, _ in selectors]
    for path in paths:
        if (settings.base / path).exists():
            raise DigestError(f"{path} is there already and is never overwritten; name another selector")
    made = []
    for path, (selector, kind) in zip(paths, selectors, strict=True):
        try:
            keep_private(settings.base / path, make_pem(kind))
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}") from None
        made.append((path, _read(selector, settings.base / path, settings.signing_domain)))
    return made


def _read(selector: str, path: Path, domain: str) -> Key:
    try:
        return read_pem(read_private(path), domain=domain, selector=selector)
    except ValueError as error:
        raise SettingsError(f"dkim.keys: {path} cannot be used for {selector}: {error}") from None
