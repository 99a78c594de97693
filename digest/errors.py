"""What can go wrong, as a tree; each message says what happened, to what, and what to do.

    DigestError
    ├── SettingsError        config.toml, the environment or a template is wrong; exit status 2
    ├── SourceError          one source could not be read; the day goes on
    ├── ExtractError         a document holds no article
    ├── StoreError           the database refused, or a file cannot be written
    ├── AddressError         a mail address cannot be used
    ├── IssueError           an issue may not be published as it is
    ├── MessageError         the finished bytes of a mail are not what was meant
    └── TransportError       the line to the mail server is dead; nothing is lost, try again

A server's refusal of one mail is no error but a `Reply` (see model.py): `deliver` decides about it.
"""


class DigestError(Exception):
    """Something the operator can mend; printed as one line, never as a traceback."""

    exit_status = 1


class SettingsError(DigestError):
    """A setting, or a file that settings name, is wrong."""

    exit_status = 2


class SourceError(DigestError):
    """A source could not be read."""


class ExtractError(DigestError):
    """A document holds no article that could be read."""


class StoreError(DigestError):
    """The database could not be used."""


class AddressError(DigestError):
    """A mail address is none, is unknown, or must not be mailed."""


class IssueError(DigestError):
    """An issue breaks a promise and is not published."""


class MessageError(DigestError):
    """A message's bytes are not exactly what was composed."""


class TransportError(DigestError):
    """The way to the mail server is closed for now.

    `in_doubt` says that the line died after the mail's end may have reached the server.
    """

    def __init__(self, message: str, *, in_doubt: bool = False) -> None:
        super().__init__(message)
        self.in_doubt = in_doubt
