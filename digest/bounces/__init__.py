"""Say what a returned mail is: a bounce, a complaint, an automatic answer, a receipt or an ordinary mail; and of whom.

    report of a server    RFC 3464   failed or late: bounce; delivered, relayed or expanded: delivered
    report of a reader    RFC 5965   abuse and the like: complaint; a failed authentication and "not spam" are none
    a server's letter     in words   bounce, where a machine says that a mail did not arrive
    an automatic answer   RFC 3834   autoreply
    anything else                    ordinary

Nothing here proves anything: whoever can write a mail can write a report. Which reader is meant, the caller's tokens
say. Nothing raises, and the work is bounded whatever the mail is.

    reasons      why mail was refused, in one word
    classify     what a mail is; apart, since its patterns take a tenth of a second to make
"""

from digest.bounces.reasons import Reason, reason_for, reason_of
from digest.bounces.report import Kind, Recipient, Report

__all__ = ["Kind", "Reason", "Recipient", "Report", "reason_for", "reason_of"]
