"""One letter, encoded once, and cut open where each reader's mail has something of its own.

That is his address, and tokens: short names that only we can make, each of the same length for every reader. All else
is encoded and checked when the stencil is made, with a sample reader whose mail is read back whole; of each mail then
the address and the tokens are checked before they are spliced in, and the head of the finished bytes. Signing is
another's business (`Signer`): it is given the relaxed forms of the fields, of which the shared ones stand ready, and
the hash of the body, which goes on from the state that it has before the first opening.
"""

import hashlib
import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from digest.address import parse_address
from digest.errors import MessageError
from digest.message import quoted
from digest.message.fields import Field, Headers, fields, link
from digest.message.parts import Attachment, Opening, Part, parts, whole
from digest.message.reading import head_like, read_back
from digest.model import Letter
from digest.render import Blank, Slot, fill

_NO_SLOTS: Mapping[Slot, str] = {}
_TOKEN = re.compile(r"[a-z0-9]{16,64}")

# What stands in an opening: one form of the address, or one of the tokens.
_TO, _IN_TEXT, _IN_HTML, _TOKENS = range(4)


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
        tokens: Sequence[str] = (),
        *,
        attachment: Attachment | None = None,
        signers: Sequence[Signer] = (),
    ) -> None:
        """Encode a letter; `headers`, `slots` and `tokens` are a sample reader's.

        Where one of his tokens stands in them, and where his address does in To and in its slot, each reader's own will
        stand; all else is the same for all of them.

        Raises:
            MessageError: a header cannot be written as it was asked for, or the bytes do not say what was meant.

        """
        try:
            self._open(tokens)
            leaves = _leaves(letter, headers, attachment)
            tree = whole(leaves, _digits(letter))
            above = (*fields(letter, headers), *(Field(name, text, text) for name, text in tree.fields))
            self._cut_body(tree.body, slots)
            names = [field.name for field in above]
            self._cut_head(above, [signer.prepare(names, headers.date) for signer in signers])
            self.sample = self._splice(headers.to_address, tokens)
            if isinstance(letter, Blank):
                leaves = _leaves(fill(letter, slots), headers, attachment)
            read_back(self.sample, above, leaves, signatures=len(signers))
        except ValueError as error:
            raise _refused(headers.to_address, error) from error

    def __call__(self, address: str, tokens: Sequence[str]) -> bytes:
        """Give the mail of one reader; his tokens are as many as the sample's, in their order.

        Raises:
            MessageError: they cannot stand where they should.

        """
        try:
            return self._splice(address, tokens)
        except ValueError as error:
            raise _refused(address, error) from error

    def _open(self, tokens: Sequence[str]) -> None:
        """Take note of where a token is found, and of what stands there in each mail."""
        for token in tokens:
            if not _TOKEN.fullmatch(token) or tokens.count(token) > 1:
                raise ValueError(f"{token!r:.80} is not a token of its own")
        self._places = {token.encode("ascii"): _TOKENS + place for place, token in enumerate(tokens)}
        self._tokens = re.compile(b"(?<![a-z0-9])(%b)(?![a-z0-9])" % (b"|".join(self._places) or b"(?!)"))
        self._shape = re.compile(",".join(f"[a-z0-9]{{{len(token)}}}" for token in tokens))

    def _cut_body(self, body: Iterable[bytes | Opening], slots: Mapping[Slot, str]) -> None:
        pieces: list[bytes | int] = []
        for piece in body:
            pieces += self._opened(piece, slots) if isinstance(piece, Opening) else [piece]
        self._body = _Cut(pieces)
        self._hashed = hashlib.sha256(self._body.start)

    def _opened(self, opening: Opening, slots: Mapping[Slot, str]) -> Iterator[bytes | int]:
        """Give what stands in an opening of the letter, encoded."""
        value, in_html = slots.get(opening.slot), opening.media_type == "text/html"
        if value is None:
            raise ValueError(f"the letter has a place for {opening.slot}, and nothing is to stand there")
        if opening.slot is Slot.ADDRESS:
            yield _IN_HTML if in_html else _IN_TEXT
            return
        _check(opening.slot, value)
        for piece in self._cut((html.escape(value) if in_html else value).encode()):
            if isinstance(piece, bytes):
                yield quoted.encode(piece, goes_on=True)
            else:
                yield piece
                yield quoted.SOFT_BREAK

    def _cut_head(self, above: Sequence[Field], signers: Sequence[Prepared]) -> None:
        """Cut the fields, as they are written and as each signer hashes them."""
        pieces = [piece for field in above for piece in self._cut_field(field, field.octets)]
        self._head = _Cut([*pieces, b"\r\n"])
        self._like = head_like(pieces, signatures=len(signers))
        named = {field.name.lower(): field for field in above}
        self._signed: list[tuple[Prepared, _Cut]] = []
        for signer in signers:
            hashed = dict.fromkeys(name.lower() for name in signer.names)  # each field is there once
            found = (named[name] for name in hashed if name in named)
            relaxed = _Cut(piece for field in found for piece in self._cut_field(field, field.canonical))
            self._signed.append((signer, relaxed))

    def _cut_field(self, field: Field, octets: bytes) -> Iterator[bytes | int]:
        if field.name != "To":
            yield from self._cut(octets)
            return
        before, after = octets.split(field.wire.encode())
        yield from (before, _TO, after)

    def _cut(self, octets: bytes) -> Iterator[bytes | int]:
        """Give what stands between tokens, and between that the tokens' places."""
        for piece in self._tokens.split(octets):
            if piece in self._places:
                yield self._places[piece]
            elif any(token in piece for token in self._places):  # it would be the sample's in every mail
                raise ValueError(f"{piece.decode()!r:.80} has a token beside other letters or digits")
            elif piece:
                yield piece

    def _splice(self, address: str, tokens: Sequence[str]) -> bytes:
        values = self._values(address, tokens)
        body = self._body.filled(values)
        wire = b"".join([*self._signatures(values, body), *self._head.filled(values), *body])
        if not self._like.match(wire):
            raise ValueError("the finished headers are not what was meant")
        return wire

    def _values(self, address: str, tokens: Sequence[str]) -> list[bytes]:
        """Give what stands in the openings."""
        joined = ",".join(tokens)
        if not self._shape.fullmatch(joined):
            raise ValueError(f"{joined!r:.80} are not tokens like those of the sample")
        to = str(parse_address(address)).encode()
        in_text = quoted.encode(address.encode(), goes_on=True)
        markup = html.escape(address)
        in_html = in_text if markup == address else quoted.encode(markup.encode(), goes_on=True)
        return [to, in_text, in_html, *joined.encode("ascii").split(b",")]

    def _signatures(self, values: Sequence[bytes], body: Sequence[bytes]) -> list[bytes]:
        if not self._signed:
            return []
        hashed = self._hashed.copy()
        hashed.update(b"".join(body[1:]))
        body_hash = hashed.digest()
        return [signer.field(b"".join(relaxed.filled(values)), body_hash) for signer, relaxed in self._signed]


class _Cut:
    """Octets with openings, each for one of several values."""

    def __init__(self, pieces: Iterable[bytes | int]) -> None:
        self._octets = [b""]
        self._places: list[int] = []  # of the value in each opening; they stand at the odd indices
        for piece in pieces:
            if isinstance(piece, bytes):
                self._octets[-1] += piece
            else:
                self._places.append(piece)
                self._octets += [b"", b""]

    @property
    def start(self) -> bytes:
        """What stands before the first opening."""
        return self._octets[0]

    def filled(self, values: Sequence[bytes]) -> list[bytes]:
        """Give the octets, in pieces, with values in the openings."""
        octets = self._octets.copy()
        octets[1::2] = [values[place] for place in self._places]
        return octets


def _leaves(letter: Letter, headers: Headers, attachment: Attachment | None) -> tuple[Part, ...]:
    return tuple(parts(letter, parse_address(headers.from_address).domain, attachment))


def _digits(letter: Letter) -> str:
    """Give what makes boundaries those of this letter."""
    return hashlib.sha256(f"{letter.text}\0{letter.html}".encode()).hexdigest()[:24]


def _check(slot: Slot, value: str) -> None:
    """Refuse what is no address or no link."""
    if slot is Slot.REPLY_ADDRESS:
        parse_address(value)
    else:
        link(value)


def _refused(address: str, error: ValueError) -> MessageError:
    return MessageError(f"the mail to {address!r:.90} cannot be made: {error}")
