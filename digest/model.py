"""The words of the project as values: what an article, a story, an issue and a reader are.

All values are frozen. Those that are made for each mail are NamedTuples, which take a quarter of a dataclass's time.
Times are aware `datetime`s; where a source gives only a day, the value is a `date` and stays one, since inventing a
midnight would show the wrong day in half of the world. Positions are offsets in Unicode code points.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple

from digest.wishes import USUAL, Wishes

When = date | datetime
"""A day, or an aware moment where the source says so exactly."""

PARAGRAPH_BREAK = "\n\n"

LOOKS_BACK = timedelta(days=35)
"""How far back a reader's letter looks; what is older is news no more."""


def instant(when: When) -> datetime:
    """Give the moment at which `when` begins; a bare day begins at midnight UTC."""
    if isinstance(when, datetime):
        return when
    return datetime.combine(when, time.min, UTC)


class Kind(StrEnum):
    """What sort of piece an article is."""

    NEWS = "news"  # reported
    BLOG = "blog"  # somebody's own journal
    OPINION = "opinion"  # a leader, a column, a letter


class Method(StrEnum):
    """How the sentences that say the most are found."""

    DIGEST = "digest"  # what a set of sentences says together, as learnt from people's summaries; our own
    LEAD = "lead"  # the first ones: what a journalist puts first
    LEXRANK = "lexrank"  # most like many others, by the words rare in the text; Erkan and Radev 2004
    TEXTRANK = "textrank"  # most words in common with the others; Mihalcea and Tarau 2004
    LSA = "lsa"  # strongest in the text's latent topics; Steinberger and Ježek 2004
    LUHN = "luhn"  # densest in words the text repeats; Luhn 1958
    EDMUNDSON = "edmundson"  # words of the title, and first or last places; Edmundson 1969
    SUMBASIC = "sumbasic"  # most frequent words, each said once; Nenkova and Vanderwende 2005
    KL = "kl"  # together nearest to the text's own distribution of words; Haghighi and Vanderwende 2009
    REDUCTION = "reduction"  # like textrank, without passing rank on


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Bytes that a source gave, with what is known about them before they are read.

    `origin` is what a person would call it in an error message: a path or a URL.
    """

    content: bytes
    origin: str
    media_type: str  # lower case, without parameters: text/html
    charset: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What lets a server say "not modified": kept and sent back verbatim (RFC 9110 section 8.8)."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One document as its source published it."""

    source: str
    title: str
    body: tuple[str, ...]  # paragraphs, verbatim, never empty ones
    url: str | None = None
    author: str | None = None
    language: str | None = None  # BCP 47, lower case primary subtag: en, pt-br
    published: When | None = None
    modified: When | None = None
    dateline: str | None = None  # as printed: BAGHDAD
    section: str | None = None
    kind: Kind = Kind.NEWS
    votes: int = 0
    image: str | None = None  # an http(s) URL, or a data: URI of a picture that came with the text
    image_alt: str = ""

    @property
    def id(self) -> str:
        """A hash of the canonical URL, or of the text where there is none: 32 hexadecimal digits."""
        key = self.url or PARAGRAPH_BREAK.join((self.title, *self.body))
        return hashlib.sha256(key.encode()).hexdigest()[:32]

    @property
    def when(self) -> When | None:
        """When it was published, or where only that is known, changed."""
        return self.published or self.modified

    @property
    def text(self) -> str:
        """The body as one string; the positions of a `Sentence` count in it."""
        return PARAGRAPH_BREAK.join(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A verbatim span of a text: `text == whole[start:end]`."""

    text: str
    start: int
    end: int
    article: str | None = None  # the id of the article it stands in; None: the one that leads the story


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One named term of a story's score, between 0 and 1 before its weight."""

    term: str
    value: float
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """An issue of the same list that came before, such as the last one that told a story that goes on."""

    date: date
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a list has told of a thread before."""

    last: Earlier
    sentences: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One thing that happened, told by one or more articles."""

    lead: Article
    others: tuple[Article, ...] = ()
    section: str = ""  # the name of the section of the issue that it stands in
    summary: tuple[Sentence, ...] = ()  # in reading order: those of the lead, then each other article's
    reasons: tuple[Reason, ...] = ()
    thread: str | None = None  # what it is called from day to day, while its articles come and go
    since: Earlier | None = None  # where the list told it last; the summary then holds only what is new

    @property
    def id(self) -> str:
        """The id of the article that leads it."""
        return self.lead.id

    @property
    def score(self) -> float:
        """The weighted sum of the reasons."""
        return sum(reason.value * reason.weight for reason in self.reasons)

    @property
    def votes(self) -> int:
        """The votes of all its articles."""
        return self.lead.votes + sum(other.votes for other in self.others)

    @property
    def articles(self) -> tuple[Article, ...]:
        """All tellings, the lead first."""
        return (self.lead, *self.others)

    def article_of(self, sentence: Sentence) -> Article:
        """Give the article that a sentence of the summary stands in.

        Raises:
            KeyError: it is none of the story's.

        """
        if sentence.article is None:
            return self.lead
        return {article.id: article for article in self.articles}[sentence.article]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A named run of stories in an issue, best first."""

    name: str
    title: str
    stories: tuple[Story, ...]


class Verdict(StrEnum):
    """What became of a story that could have stood in an issue."""

    CHOSEN = "chosen"
    SECTION_FULL = "section full"  # better stories fill its section
    SOURCE_FULL = "source full"  # its source leads as many as the list allows
    NOTHING_NEW = "nothing new"  # the list has told all of it before
    NO_TIME = "no time"  # it would take longer to read than the list's minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A story that could have stood in an issue, as it was weighed."""

    story: str  # its id
    title: str
    source: str
    section: str
    tellings: int  # articles that tell it
    reasons: tuple[Reason, ...]
    verdict: Verdict

    @property
    def score(self) -> float:
        """The weighted sum of the reasons."""
        return sum(reason.value * reason.weight for reason in self.reasons)


class Revision(StrEnum):
    """What a source did to an article after we told it."""

    EDITED = "edited"  # a sentence that we quoted stands there no more, or otherwise
    RETITLED = "retitled"  # it has another headline
    GONE = "gone"  # it was taken down


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What turned out wrong with a story after its issue was sent."""

    revision: Revision
    told: Earlier  # the issue that told it
    source: str
    title: str  # as it was told
    url: str | None = None
    was: str = ""  # the sentence or the headline as it was told; empty where all is gone
    now: str = ""  # as it stands there today; empty where nothing is like it
    language: str | None = None  # of the article


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """The digest of one list for one date; frozen once published."""

    list: str
    number: int
    date: date
    closed: datetime  # articles first ingested later belong to the next issue
    sections: tuple[Section, ...]
    corrections: tuple[Correction, ...] = ()  # of earlier issues of the list
    thin: bool = False  # there were fewer stories than its list asks for, and it says so
    best_since: Earlier | None = None  # of a letter that makes up for others: the first issue it draws on

    @property
    def stories(self) -> tuple[Story, ...]:
        """All stories in the order of reading."""
        return tuple(story for section in self.sections for story in section.stories)


class SubscriberState(StrEnum):
    """What a reader wants."""

    PENDING = "pending"  # asked for, not yet confirmed from the mailbox itself
    ACTIVE = "active"  # gets every issue
    PAUSED = "paused"  # gets none for a while
    UNSUBSCRIBED = "unsubscribed"  # has left
    ERASED = (
        "erased"  # is forgotten; the row keeps nothing but its number, so that no old link meets a new reader
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """An address and its wishes on one list."""

    id: int
    list: str
    address: str  # as given; compared case-insensitively
    state: SubscriberState
    since: datetime
    consent: str  # how the present state came to be: "operator", "import", "web", "mail", ...
    wishes: Wishes = USUAL
    paused_until: datetime | None = None  # of a pause that ends by itself


class SuppressionReason(StrEnum):
    """Why an address must not be mailed, whatever its reader wants."""

    HARD_BOUNCE = "hard-bounce"
    SOFT_BOUNCE = "soft-bounce"  # mail came back for weeks, letters that warned of it too
    COMPLAINT = "complaint"
    MANUAL = "manual"
    INVALID = "invalid"
    ERASED = "erased"  # its reader asked to be forgotten; kept as a keyed hash
    LEFT = "left"  # its reader left long ago; kept so, against files of addresses; he himself may come back


class FeedbackKind(StrEnum):
    """What came back of a letter."""

    BOUNCED = "bounced"
    COMPLAINED = "complained"
    AUTORESPONDED = "autoresponded"


class DeliveryState(StrEnum):
    """Where one issue for one subscriber stands; it only moves forward."""

    QUEUED = "queued"  # due, or due later after a temporary refusal
    CLAIMED = "claimed"  # leased to a worker, whose journal knows whether it is on the wire
    SENT = "sent"  # the server took it
    FAILED = "failed"  # refused for good
    SKIPPED = "skipped"  # the reader left or was suppressed before it was sent, or it holds nothing for him
    IN_DOUBT = "in-doubt"  # a worker died between sending and recording


class Delivery(NamedTuple):
    """One issue for one subscriber, claimed by one worker until the lease ends."""

    id: int
    issue_id: int
    subscriber_id: int
    address: str
    wishes: Wishes
    since: date | None  # of the last issue that his earlier letters hold; None: he has had no letter
    attempts: int
    expires: datetime  # a temporary refusal after this is final
    claim: str  # the claim token; a write with another one is refused


class Mail(NamedTuple):
    """The finished bytes of one mail and where it goes."""

    envelope_from: str
    recipient: str
    message: bytes
    variant_id: int | None = None  # which letter of an issue it is
    delivery_id: int | None = None  # the ledger's row that it is for
    by_stencil: bool = False  # no line begins with a dot, and all but To is ASCII: SMTP need not look


class Reply(NamedTuple):
    """What the server answered (RFC 5321 section 4.2, RFC 3463)."""

    code: int
    text: str
    enhanced: str | None = None
    of_sender: bool = False  # it answers MAIL, which names the sender and no reader yet

    @property
    def accepted(self) -> bool:
        """Whether the server took responsibility for the mail."""
        return 200 <= self.code < 300  # noqa: PLR2004 - the reply classes of RFC 5321

    @property
    def temporary(self) -> bool:
        """Whether trying again later may help."""
        return 400 <= self.code < 500  # noqa: PLR2004 - the reply classes of RFC 5321


class Begun(NamedTuple):
    """A delivery whose mail the server may have, since it was handed over and nothing is known yet."""

    delivery_id: int
    claim: str
    variant_id: int | None = None


class Mark(NamedTuple):
    """What became of a delivery, to be written into its row."""

    delivery_id: int
    claim: str  # under which it was sent; without effect where that is no longer the row's
    state: DeliveryState
    due: datetime | None = None  # of one that is put off: when it is tried again
    reply: Reply | None = None
    variant_id: int | None = None  # the letter that it was


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A rendered issue: the same stories, links and order in HTML and in text."""

    subject: str
    html: str  # empty: plain text alone
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that went wrong with one source while the day went on."""

    source: str
    origin: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What one source gave in one round."""

    source: str
    articles: tuple[Article, ...] = ()
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What one round of collecting brought from all sources."""

    read: int = 0  # articles, known ones among them
    new: int = 0
    troubles: tuple[Trouble, ...] = ()


def parse_when(text: str) -> When:
    """Read an ISO 8601 day or moment; a moment without an offset is taken as UTC.

    Raises:
        ValueError: where the text is neither.

    """
    if len(text) == len("2015-10-21"):
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
