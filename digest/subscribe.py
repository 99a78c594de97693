"""Readers come and go: add, remove and find them, on somebody's word that is recorded."""

from datetime import datetime

from digest.address import Address, parse_address
from digest.errors import AddressError, StoreError
from digest.model import Subscriber, SubscriberState
from digest.store import Database, subscribers

IMPORT = "import"
"""The word of a file of addresses: not enough to bring back who has left."""


def read_address(text: str) -> Address:
    """Read one mail address.

    Raises:
        AddressError: it is none.

    """
    try:
        return parse_address(text.strip())
    except ValueError as error:
        raise AddressError(str(error)) from None


def set_state(
    database: Database, list_name: str, address: str, state: SubscriberState, *, consent: str, now: datetime
) -> Subscriber:
    """Write what a reader of a list wants, on the word that `consent` names ("operator", "import"), and give it.

    The first spelling of an address stays; one that is suppressed is refused, as no mail may go there.

    Raises:
        AddressError: the text is no address, mail to it is suppressed, or a file asks for one who has left.

    """
    parsed = read_address(address)
    with database.transaction() as connection:
        reason = subscribers.suppression(connection, parsed.key)
        if reason is not None and state is not SubscriberState.UNSUBSCRIBED:
            raise AddressError(f"{parsed.display} must not be mailed: {reason}")
        known = subscribers.find(connection, list_name, parsed.key)
        if known is not None and known.state is SubscriberState.UNSUBSCRIBED and consent == IMPORT:
            raise AddressError(
                f"{parsed.display} has left {list_name}; if he asked to come back, add him by name"
            )
        if known is not None and known.state is SubscriberState.ACTIVE and state is SubscriberState.PENDING:
            return known  # he has said yes already
        if known is None or known.state is not state:
            subscribers.set_state(
                connection, list_name, str(parsed), key=parsed.key, state=state, consent=consent, now=now
            )
        found = subscribers.find(connection, list_name, parsed.key)
    if found is None:
        raise StoreError(f"{parsed.display} was written and is not there")
    return found


def ask(database: Database, list_name: str, address: str, *, now: datetime) -> Subscriber:
    """Make a reader pending, unless he is active already, and give him.

    Raises:
        AddressError: the text is no address, or mail to it is suppressed.

    """
    return set_state(database, list_name, address, SubscriberState.PENDING, consent="asked", now=now)


def remove(database: Database, list_name: str, address: str, *, consent: str, now: datetime) -> Subscriber:
    """Unsubscribe a reader of a list.

    Raises:
        AddressError: the text is no address, or none of the list's.

    """
    parsed = read_address(address)
    with database.transaction() as connection:
        if subscribers.find(connection, list_name, parsed.key) is None:
            raise AddressError(
                f"{parsed.display} is not on {list_name}; `digest subscribers list` shows who is"
            )
    return set_state(database, list_name, address, SubscriberState.UNSUBSCRIBED, consent=consent, now=now)


def all_of(database: Database, list_name: str | None = None) -> list[Subscriber]:
    """Give the subscribers of one list or of all, by list and address."""
    with database.transaction() as connection:
        return list(subscribers.all_of(connection, list_name))
