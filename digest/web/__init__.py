"""The readers' pages: sign up, confirm, change one's wishes, pause, leave, find one's subscription, past issues.

They need no JavaScript. A GET changes nothing, whoever follows a link; a POST does what the page said. Who knows a
token that came by mail is its reader, and nobody else is: there are no accounts and no sessions. Known and unknown
addresses get one answer.

    desk          what the pages stand on
    security      what is refused before a page is asked, and the headers of every answer
    pages         one visit, and the page that answers it
    forms         a form comes back from the browser that we gave it to, once, and filled in by a person
    question      the human-visitor question
    fields        what was filled in, as wishes
    zones         the time zones to choose from
    signup        subscribe, look into your mailbox, find my subscription
    confirm       yes, it was me
    preferences   everything that a reader may do
    leave         one click (RFC 8058), or a button
    archive       past issues, their feed and the votes
    app           the routes
    server        serve them
"""

from digest.web.app import make_site
from digest.web.desk import Desk
from digest.web.server import serve

__all__ = ["Desk", "make_site", "serve"]
