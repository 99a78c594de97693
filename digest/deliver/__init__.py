"""Send what is due: claim some, stream them through the transport, record what the server said.

What is true after kill -9 at each point, for each mail of the claim:

    before its end was sent    nothing of it has arrived: it comes due again, as soon as a run finds the journal
    after that, no answer yet  the server may have it: at most one mail for each connection. The list's policy decides:
                               it is held in doubt, or sent again under the same Message-ID
    after the answer           the journal has it, and the next run writes it into its row: never again

On PostgreSQL the next claim is made in a thread (digest/deliver/run.py): nothing of this changes by it.

A process that cannot be seen from here, since it runs on another machine, keeps its rows until its lease ends; then all
of them are in doubt, and so they are where the machine itself went down (see digest/journal.py). Those that are held
are settled exactly once a run on that machine finds the journal.

A server's refusal of one mail is a `Reply`: 4xx is tried again later, 5xx is final for this issue, unless the fault is
ours (digest/bounces): then the mail waits, since its reader cannot help it. A line that cannot be opened stops the run
and gives everything back.

    run      claims, mails, outcomes
    work     what a run needs, and the rows of processes that are no more
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from digest import config
from digest.deliver.run import BATCH, JITTER, Run
from digest.deliver.work import After, Settled, Work, Write
from digest.errors import TransportError
from digest.govern import Governor
from digest.journal import Journals
from digest.model import DeliveryState
from digest.protocols import Transport
from digest.store import Database

__all__ = ["BATCH", "JITTER", "After", "Settled", "Write", "deliver"]


def deliver(
    database: Database,
    transport: Transport,
    settings: config.Delivery,
    *,
    write: Write,
    journals: Journals,
    governor: Governor,
    clock: Callable[[], datetime],
    resend: Callable[[str], bool] | None = None,
    after: After | None = None,
    stopping: Callable[[], bool] = lambda: False,
    on_settled: Callable[[Settled], None] = lambda _: None,
) -> Counter[DeliveryState]:
    """Send every mail that is due and give how many rows ended in which state.

    QUEUED counts those that are put off. `write` makes the mails of a claim, each when it is asked for; None, where it
    would hold nothing that its reader wants, skips it, and one that cannot be made right fails with the reason in its
    row. `governor` says how many leave when. `resend` tells of a list whether mails in doubt are sent again. `after`
    does what follows for readers. `on_settled` hears of each mail. Once it is `stopping`, no mail is begun.

    Raises:
        TransportError: the server cannot be reached; all rows that were not begun are due again.
        StoreError: the database refused.

    """
    work = Work(
        database=database,
        settings=settings,
        write=write,
        journals=journals,
        governor=governor,
        clock=clock,
        resend=resend or (lambda _: settings.in_doubt == "resend"),
        after=after,
        stopping=stopping,
        on_settled=on_settled,
    )
    work.recover()
    run = Run(work)
    try:
        for mail, outcome in transport.carry(run.mails(), ending=run.ending):
            run.heard(mail, outcome)
    except TransportError:
        run.broke()
        raise
    finally:
        run.finish()
    return run.outcome
