"""The doors that readers' mail comes in by: an IMAP mailbox, an LMTP or SMTP listener, a Maildir.

Each gives what it finds to `handle` and decides nothing itself. What `handle` says is one line for the log. An empty
line says that the mail is none of the program's business: a door that keeps mail leaves it for the people who read
there, unread; one that does not keep mail refuses it.

A door marks a mail as done only once `handle` has returned, so that a crash brings it again; `handle` does nothing
twice. Where `handle` raises, the mail stays where it is.
"""

import logging
import threading
import time
from collections.abc import Callable

from digest.errors import DigestError
from digest.received import Envelope

Handle = Callable[[bytes, Envelope], str]

log = logging.getLogger(__name__)

_WAITS = (1, 5, 15, 60, 300)  # seconds after so many failures in a row


def persist(work: Callable[[], object], stop: threading.Event, *, name: str) -> None:
    """Do `work` again and again until `stop` is set; after each failure one line in the log, and a longer wait."""
    failures = 0
    while not stop.is_set():
        began = time.monotonic()
        try:
            work()
        except DigestError as error:
            if time.monotonic() - began > _WAITS[-1]:  # it had worked meanwhile
                failures = 0
            wait = _WAITS[min(failures, len(_WAITS) - 1)]
            failures += 1
            log.warning("%s; trying again in %d s", error, wait)
            stop.wait(wait)
        except Exception:
            log.exception("%s failed; this is a bug; trying again in %d s", name, _WAITS[-1])
            stop.wait(_WAITS[-1])
        else:
            failures = 0
