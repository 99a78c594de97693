"""Ask flufl.bounce, which knows the letters of many old mail servers by heart."""

import email
import logging
from email import policy

from digest.bounces.pieces import with_line_feeds
from digest.received.parts import DEEPEST

_READ = 256 * 1024  # octets
_MOST_RULES = 500  # lines that begin as a boundary does

log = logging.getLogger(__name__)


def legacy_recipients(content: bytes) -> list[str]:
    """Give the addresses that it takes for failed, in lower case and order; none where it stumbles.

    It gets the beginning of the mail only, and none with so many parts that parsing them would take long.
    """
    from flufl.bounce import all_failures  # noqa: PLC0415 - it brings forty modules, for few mails

    content = with_line_feeds(content[:_READ])
    if content.count(b"\n--") > _MOST_RULES or content.lower().count(b"boundary=") > DEEPEST:
        return []
    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)
    try:
        message = email.message_from_bytes(content, policy=policy.compat32)
        temporary, permanent = all_failures(message)
    except Exception as error:  # noqa: BLE001 - its detectors raise what they like on mails that none was written for
        log.debug("flufl.bounce: %s", error)
        return []
    return sorted(one.decode("utf-8", "replace").casefold() for one in {*temporary, *permanent})
