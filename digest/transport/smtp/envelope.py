"""What of a mail goes on the wire, and how: its commands and its octets (RFC 5321 sections 3.3 and 4.5.2)."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from digest.address import parse_address
from digest.errors import TransportError
from digest.model import Mail, Reply

END = b"\r\n.\r\n"
"""What ends a mail; its first CRLF also ends the last line."""


class Offers(NamedTuple):
    """What a server offers that decides how a mail is sent."""

    pipelining: bool  # RFC 2920
    size: bool  # RFC 1870
    most_octets: float  # of a mail
    smtputf8: bool  # RFC 6531
    eight_bit: bool  # RFC 6152

    @classmethod
    def among(cls, extensions: Mapping[str, str]) -> "Offers":
        """Find them among what EHLO was answered."""
        limit = extensions.get("size", "").strip()
        return cls(
            pipelining="pipelining" in extensions,
            size="size" in extensions,
            most_octets=int(limit) if limit.isdecimal() and int(limit) else math.inf,
            smtputf8="smtputf8" in extensions,
            eight_bit="8bitmime" in extensions,
        )


def commands(mail: Mail, offers: Offers, where: str) -> tuple[bytes, bytes] | Reply:
    """Give a mail's MAIL and RCPT lines, or the refusal that this server would have for it.

    An empty envelope sender is the null reverse-path of a notice.

    Raises:
        TransportError: the envelope sender is no address, so that no mail can leave.

    """
    try:
        reverse_path = str(parse_address(mail.envelope_from)) if mail.envelope_from else ""
    except ValueError as error:
        raise TransportError(f"no mail can leave: the envelope sender {error}") from error
    try:
        forward_path = parse_address(mail.recipient)
    except ValueError as error:  # as a server would say it (RFC 3463: bad destination mailbox address)
        return Reply(code=553, enhanced="5.1.3", text=str(error))
    size = len(mail.message)
    if size > offers.most_octets:
        text = f"{where} takes {offers.most_octets} octets at most, not {size}"
        return Reply(code=552, enhanced="5.3.4", text=text)
    options = f" SIZE={size}" if offers.size else ""
    international = forward_path.needs_smtputf8
    if international and not offers.smtputf8:  # as RFC 6531 section 3.5 has servers say it
        text = f"{mail.recipient!r:.80} is not ASCII before the @, and {where} offers no SMTPUTF8"
        return Reply(code=553, enhanced="5.6.7", text=text)
    if offers.eight_bit and (international or not (mail.by_stencil or mail.message.isascii())):
        options += " BODY=8BITMIME"
    if international:
        options += " SMTPUTF8"
    return f"MAIL FROM:<{reverse_path}>{options}\r\n".encode(), f"RCPT TO:<{forward_path}>\r\n".encode()


def content(mail: Mail) -> Sequence[bytes]:
    """Stuff the dots at the beginnings of lines and end the mail, in parts, so that a long one is not copied."""
    message = mail.message
    if not mail.by_stencil:
        message = re.sub(rb"^\.", b"..", message, flags=re.MULTILINE)
    return message, END[2:] if message.endswith(b"\r\n") else END
