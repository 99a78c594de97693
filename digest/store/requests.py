"""Requests: what was asked for an address from outside its mailbox, until the mailbox says yes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from digest.correspondence import Door, Request
from digest.plain import from_json, to_json
from digest.store.tables import requests
from digest.wishes import Command


def put(
    connection: sa.Connection,
    list_name: str,
    address: str,
    *,
    key: str,
    commands: Sequence[Command],
    door: Door,
    wording: str,
    language: str | None,
    now: datetime,
    expires: datetime,
) -> int:
    """Keep a request and give its row id."""
    values = {
        "list": list_name,
        "address": address,
        "address_key": key,
        "commands": to_json(tuple(commands)),
        "door": door.value,
        "wording": wording,
        "language": language,
        "made": now,
        "expires": expires,
    }
    request_id: int = connection.execute(
        sa.insert(requests).values(values).returning(requests.c.id)
    ).scalar_one()
    return request_id


def get(connection: sa.Connection, request_id: int) -> Request | None:
    """Give the request that a token names."""
    row = connection.execute(sa.select(requests).where(requests.c.id == request_id)).one_or_none()
    return None if row is None else _request(row)


def of(connection: sa.Connection, key: str) -> tuple[Request, ...]:
    """Give the requests for an address, oldest first."""
    query = sa.select(requests).where(requests.c.address_key == key).order_by(requests.c.id)
    return tuple(map(_request, connection.execute(query)))


def confirm(connection: sa.Connection, request_id: int, *, now: datetime) -> bool:
    """Take a request that nobody has taken yet; False means that it was taken, is over, or is not there."""
    open_one = (requests.c.id == request_id) & requests.c.confirmed.is_(None) & (requests.c.expires > now)
    return bool(connection.execute(sa.update(requests).where(open_one).values(confirmed=now)).rowcount)


def forget(connection: sa.Connection, *, key: str | None = None, before: datetime | None = None) -> int:
    """Remove the requests for an address, or those that were over before a moment; give how many."""
    which = requests.c.address_key == key if before is None else requests.c.expires < before
    return connection.execute(sa.delete(requests).where(which)).rowcount


def _request(row: sa.Row[Any]) -> Request:
    return Request(
        id=row.id,
        list=row.list,
        address=row.address,
        commands=tuple(from_json(Command, command) for command in row.commands),
        door=Door(row.door),
        wording=row.wording,
        made=row.made,
        expires=row.expires,
        confirmed=row.confirmed,
        language=row.language,
    )
