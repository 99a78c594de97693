"""Make the bytes of mails from a letter and its headers, and read them back before they may leave.

A letter is encoded once, as a `Stencil`: what a reader has for himself alone (his address, his links, the Message-ID)
is spliced into it, encoded, where the stencil is open. `message` makes a single mail the same way. The same inputs give
the same bytes: boundaries come from the letter and Content-IDs from the pictures. No line begins with a dot, so that
SMTP and DKIM see the same octets.

Two defects of Python's `email` decide how it is done. Its `EmailMessage` folds a long List-Unsubscribe into
encoded-words, which no receiver reads as a URL, so that only its older `Header` is used, and only for words that
people read. And some versions write an encoded line break as a real one (CVE-2024-6923), so the finished bytes are
read again: a header that we did not set, or one that says something else, refuses the mail.

    stencil     one letter for many readers, and the signatures over each mail
    fields      what stands over a mail
    parts       the MIME tree, with its places left open
    quoted      quoted-printable that can be cut
    reading     what a receiver finds in the bytes
"""

from collections.abc import Sequence

from digest.message.fields import LIST_LINKS, Headers
from digest.message.parts import Attachment, html_octets
from digest.message.stencil import Prepared, Signer, Stencil
from digest.model import Letter

__all__ = [
    "LIST_LINKS",
    "Attachment",
    "Headers",
    "Prepared",
    "Signer",
    "Stencil",
    "html_octets",
    "message",
]


def message(
    letter: Letter, headers: Headers, *, attachment: Attachment | None = None, signers: Sequence[Signer] = ()
) -> bytes:
    """Give the mail as CRLF lines of 7-bit ASCII, none longer than 998 octets, none beginning with a dot.

    A reader's address whose local part is not ASCII stands in To as UTF-8: such a mail is for a server with SMTPUTF8.

    It is multipart/alternative of text and HTML, or for a letter without HTML the text alone. Pictures that the HTML
    holds as data: URIs become inline parts beside it, each once. Other data: URIs are left alone: a mail program
    shows their alternative text.

    Raises:
        MessageError: a header cannot be written as it was asked for, or the bytes do not say what was meant.

    """
    return Stencil(letter, headers, attachment=attachment, signers=signers).sample
