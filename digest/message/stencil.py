"""One letter, encoded once, and cut open where each reader's mail has something of its own.

A stencil is read back whole when it is made, with a sample reader; of each mail then the values are checked before
they are spliced in, and the head is read again from the finished bytes. Signing is another's business (`Signer`): it
is given the relaxed forms of the fields, of which the shared ones stand ready, and the hash of the body, which goes on
from the state that it has before the first opening.
"""

import hashlib
import html
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from digest.address import parse_address
from digest.errors import MessageError
from digest.message import quoted
from digest.message.fields import Field, Headers, Personal, fields, link, personal_fields
from digest.message.parts import Attachment, Opening, Part, parts, whole
from digest.message.reading import read_back, reread
from digest.model import Letter
from digest.render import Blank, Slot, fill

_K = TypeVar("_K", bound=Hashable)

_PERSONAL = ("To", "Message-ID", "Reply-To", "List-Unsubscribe")
_ADDRESSES = (Slot.ADDRESS, Slot.REPLY_ADDRESS)
_NO_SLOTS: Mapping[Slot, str] = {}


class Prepared(Protocol):
    """What signs the mails of one stencil."""

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that are hashed, in this order; one that is absent, or named again, contributes nothing."""

    def field(self, canonical: bytes, body_hash: bytes) -> bytes:
        """Give the signature as a whole header field with its CRLF.

        `canonical` are the fields in their relaxed form (RFC 6376 section 3.4.2) in the order of `names`, `body_hash`
        is the SHA-256 of the body in its simple form (section 3.4.3).
        """


class Signer(Protocol):
    """A key that signs mails (RFC 6376)."""

    def prepare(self, names: Sequence[str], when: datetime) -> Prepared:
        """Make ready to sign mails whose fields have these names, in this order, as of a moment."""


class Stencil:
    """Gives each reader's mail of one letter."""

    def __init__(
        self,
        letter: Letter,
        headers: Headers,
        slots: Mapping[Slot, str] = _NO_SLOTS,
        *,
        attachment: Attachment | None = None,
        signers: Sequence[Signer] = (),
    ) -> None:
        """Encode a letter; `headers` and `slots` have the values of a sample reader where each has his own.

        Raises:
            MessageError: a header cannot be written as it was asked for, or the bytes do not say what was meant.

        """
        self._one_click = headers.one_click
        try:
            leaves = _leaves(letter, headers, attachment)
            tree = whole(leaves, _digits(letter))
            above = (*fields(letter, headers), *(Field(name, text, text) for name, text in tree.fields))
            self._cut_body(tree.body)
            names = [field.name for field in above]
            self._cut_head(above, [signer.prepare(names, headers.date) for signer in signers])
            self.sample = self._splice(headers, slots)
            if isinstance(letter, Blank):
                leaves = _leaves(fill(letter, slots), headers, attachment)
            read_back(self.sample, above, leaves, signatures=len(signers))
        except ValueError as error:
            raise _refused(headers, error) from error

    def __call__(self, personal: Personal, slots: Mapping[Slot, str]) -> bytes:
        """Give the mail of one reader.

        Raises:
            MessageError: a value of his cannot stand where it should.

        """
        try:
            return self._splice(personal, slots)
        except ValueError as error:
            raise _refused(personal, error) from error

    def _cut_body(self, body: Iterable[bytes | Opening]) -> None:
        self._body = _Cut(body)
        slots = dict.fromkeys(opening.slot for opening in self._body.keys)
        self._openings = [(slot, Opening(slot, "text/plain"), Opening(slot, "text/html")) for slot in slots]
        self._hashed = hashlib.sha256(self._body.start)

    def _cut_head(self, above: Sequence[Field], signers: Sequence[Prepared]) -> None:
        """Cut the fields, as they are written and as each signer hashes them."""
        self._head = _Cut([*_written(above), b"\r\n"])
        self._personal = frozenset(self._head.keys)
        self._lines = b"".join(field.octets for field in above).split(b"\r\n")[:-1]
        self._places = {
            name: place
            for place, line in enumerate(self._lines)
            if (name := line.partition(b":")[0].decode()) in self._personal
        }
        named = {field.name.lower(): field for field in above}
        self._signed: list[tuple[Prepared, _Cut[str]]] = []
        for signer in signers:
            hashed = dict.fromkeys(name.lower() for name in signer.names)  # each field is there once
            relaxed = _Cut(_relaxed([named[name] for name in hashed if name in named]))
            self._signed.append((signer, relaxed))

    def _splice(self, personal: Personal, slots: Mapping[Slot, str]) -> bytes:
        own = self._own(personal)
        body = self._body.filled(self._values(personal, slots))
        wire = b"".join([*self._signatures(own, body), *self._head.filled(own), *body])
        lines = self._lines.copy()
        for name, octets in own.items():
            lines[self._places[name]] = b"%s: %s" % (name.encode(), octets)
        reread(wire, lines, signatures=len(self._signed))
        return wire

    def _own(self, personal: Personal) -> dict[str, bytes]:
        """Give the fields that are a reader's own."""
        texts = personal_fields(personal, one_click=self._one_click)
        if texts.keys() != self._personal:
            odd = ", ".join(sorted(texts.keys() ^ self._personal))
            raise ValueError(f"{odd} stands in all mails of a letter or in none")
        return {name: text.encode() for name, text in texts.items()}

    def _values(self, personal: Personal, slots: Mapping[Slot, str]) -> dict[Opening, bytes]:
        """Give what stands in each opening of the body."""
        checked = (personal.to_address, personal.reply_to, *personal.unsubscribe_urls)
        values: dict[Opening, bytes] = {}
        for slot, in_text, in_html in self._openings:
            value = slots.get(slot)
            if value is None:
                raise ValueError(f"the letter has a place for {slot}, and nothing is to stand there")
            if value not in checked:
                _check(slot, value)
            markup = html.escape(value)
            plain = quoted.encode(value.encode(), goes_on=True)
            values[in_text] = plain
            values[in_html] = plain if markup == value else quoted.encode(markup.encode(), goes_on=True)
        return values

    def _signatures(self, own: Mapping[str, bytes], body: Sequence[bytes]) -> list[bytes]:
        if not self._signed:
            return []
        hashed = self._hashed.copy()
        hashed.update(b"".join(body[1:]))
        body_hash = hashed.digest()
        return [signer.field(b"".join(relaxed.filled(own)), body_hash) for signer, relaxed in self._signed]


class _Cut(Generic[_K]):
    """Octets with openings, each under a key."""

    def __init__(self, pieces: Iterable[bytes | _K]) -> None:
        self._octets = [b""]
        self._open: list[tuple[int, _K]] = []
        for piece in pieces:
            if isinstance(piece, bytes):
                self._octets[-1] += piece
            else:
                self._open.append((len(self._octets), piece))
                self._octets += [b"", b""]

    @property
    def start(self) -> bytes:
        """What stands before the first opening."""
        return self._octets[0]

    @property
    def keys(self) -> list[_K]:
        """The key of each opening."""
        return [key for _, key in self._open]

    def filled(self, values: Mapping[_K, bytes]) -> list[bytes]:
        """Give the octets, in pieces, with values in the openings."""
        octets = self._octets.copy()
        for place, key in self._open:
            octets[place] = values[key]
        return octets


def _leaves(letter: Letter, headers: Headers, attachment: Attachment | None) -> tuple[Part, ...]:
    return tuple(parts(letter, parse_address(headers.from_address).domain, attachment))


def _digits(letter: Letter) -> str:
    """Give what makes boundaries those of this letter."""
    return hashlib.sha256(f"{letter.text}\0{letter.html}".encode()).hexdigest()[:24]


def _written(above: Iterable[Field]) -> Iterator[bytes | str]:
    for field in above:
        if field.name in _PERSONAL:
            yield from (f"{field.name}: ".encode(), field.name, b"\r\n")
        else:
            yield field.octets


def _relaxed(above: Iterable[Field]) -> Iterator[bytes | str]:
    for field in above:
        if field.name in _PERSONAL:  # each is one line, without white space to be reduced
            yield from (f"{field.name.lower()}:".encode(), field.name, b"\r\n")
        else:
            yield field.canonical


def _check(slot: Slot, value: str) -> None:
    """Refuse what is no address or no link."""
    if slot in _ADDRESSES:
        parse_address(value)
    else:
        link(value)


def _refused(personal: Personal, error: ValueError) -> MessageError:
    return MessageError(f"the mail to {personal.to_address!r:.90} cannot be made: {error}")
