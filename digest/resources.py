"""Find what ships with the program: templates/, seeds/ and config.toml.

In a wheel they lie in `digest/_shipped/`; in a checkout or an editable install they stand at the top level.
"""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """Give the path of the shipped file or folder `name`."""
    inside = _PACKAGE / "_shipped" / name
    return inside if inside.exists() else _PACKAGE.parent / name


def locate(path: Path, base: Path) -> Path:
    """Resolve a path from the settings: against `base`, else among the shipped parts.

    A path that is nowhere is given as it would be under `base`, so that an error names that.
    """
    own = base / path
    if path.is_absolute() or own.exists():
        return own
    ours = shipped(str(path))
    return ours if ours.exists() else own
