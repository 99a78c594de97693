"""Model values as plain JSON data, and back."""

import dataclasses
import types
import typing
from collections.abc import Hashable
from datetime import date, datetime
from functools import cache
from typing import Any, TypeVar

from digest.model import parse_when

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """Turn a model value into plain JSON data; `from_json` is its inverse."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ((f, getattr(value, f.name)) for f in dataclasses.fields(value))
        return {f.name: to_json(v) for f, v in fields if v is not None}
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    return value


def from_json(kind: type[T], data: Any) -> T:
    """Rebuild a value of type `kind` from what `to_json` gave.

    Raises:
        TypeError, ValueError, KeyError: where the data does not have the shape of `kind`.

    """
    result: T = _rebuild(kind, data)
    return result


def _rebuild(kind: Any, data: Any) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        options = [option for option in arguments if option is not types.NoneType]
        if data is None:
            return None
        return parse_when(data) if datetime in options else _rebuild(options[0], data)
    if origin is tuple:
        return tuple(_rebuild(arguments[0], item) for item in data)
    if dataclasses.is_dataclass(kind):
        hints = _hints(kind)  # type: ignore[arg-type]
        return kind(**{name: _rebuild(hints[name], item) for name, item in data.items()})  # type: ignore[operator]
    if kind in (date, datetime):
        return kind.fromisoformat(data)
    return kind(data)


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return typing.get_type_hints(kind)
