"""The addresses and pages that letters name, so that any mail client's buttons work."""

from urllib.parse import quote

from digest import config
from digest.correspondence import Notice
from digest.errors import MessageError
from digest.tokens import Purpose, Tokens


def mailto(address: str, subject: str) -> str:
    """Give the link that opens a mail to `address` with a subject (RFC 6068)."""
    return f"mailto:{quote(address, safe='@+')}?subject={quote(subject, safe='')}"


def unsubscribe_urls(settings: config.Settings, tokens: Tokens, subscriber_id: int) -> tuple[str, str]:
    """Give where a reader leaves at once: a page that takes one click (RFC 8058), and an address."""
    token = tokens.make(Purpose.UNSUBSCRIBE, subscriber_id)
    by_mail = mailto(settings.publisher.own(f"unsubscribe-{token}"), "unsubscribe")
    return f"{settings.publisher.url}/unsubscribe/{token}", by_mail


def confirm_token(tokens: Tokens, notice: Notice) -> str:
    """Give the token that proves that a letter's reader asked for what it says."""
    if notice.request_id is None:
        raise MessageError(f"the letter {notice.id} asks to confirm no request")
    return tokens.make(Purpose.CONFIRM, notice.request_id)


def wishes_address(settings: config.Settings, tokens: Tokens, subscriber_id: int) -> str:
    """Give the address that takes the commands of one reader."""
    return settings.publisher.own(f"prefs-{tokens.make(Purpose.PREFERENCES, subscriber_id)}")


def preferences_url(settings: config.Settings, tokens: Tokens, subscriber_id: int) -> str:
    """Give the page on which a reader changes his wishes."""
    return f"{settings.publisher.url}/preferences/{tokens.make(Purpose.PREFERENCES, subscriber_id)}"


def archive_url(settings: config.Settings, list_name: str) -> str | None:
    """Give the page of a list's past issues, if everybody may see it."""
    wanted = settings.lists.get(list_name)
    if wanted is None or not wanted.public or not settings.web.archive:
        return None
    return f"{settings.publisher.url}/archive/{list_name}"


def list_links(settings: config.Settings, list_name: str) -> tuple[tuple[str, str], ...]:
    """Give the header fields that say how to get help, to subscribe, to reach the owner and to read past issues.

    They are those of RFC 2369, for `Headers.list_links`. A list that is joined by the operator's hand alone has
    nothing to subscribe at, and no past issues.
    """
    wanted = settings.lists.get(list_name)
    links = [("List-Help", mailto(settings.publisher.own("help"), "help"))]
    if wanted is not None and wanted.public:
        by_mail = mailto(settings.publisher.own(f"subscribe-{list_name}"), "subscribe")
        links.append(("List-Subscribe", by_mail))
    links.append(("List-Owner", mailto(settings.publisher.own("owner"), list_name)))
    if archive := archive_url(settings, list_name):
        links.append(("List-Archive", archive))
    return tuple(links)
