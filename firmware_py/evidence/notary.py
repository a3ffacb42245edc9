"""The notary: signs what a node records, each record chained to the one before, durable before the next."""

from typing import Final

import msgspec

from protocols.contracts import utc_text
from protocols.evidence import GENESIS, Link, hash_of, sealed
from protocols.ports import Clock, Journal

EVIDENCE: Final = "evidence"
_HEAD: Final = "evidence.head"
# Where the chain stood is kept every so many records, so that a start reads this many and not all of them.
_EACH: Final = 64
_BATCH: Final = 64


class _Head(msgspec.Struct, frozen=True):
    seq: int
    hash: str


class Notary:
    """Signs for one node. The number of a record in the journal is its number in the chain."""

    def __init__(self, node: str, private_key: str, journal: Journal, clock: Clock) -> None:
        self._node, self._key, self._journal, self._clock = node, private_key, journal, clock
        self._head: _Head | None = None

    async def attest(self, stream: str, body: bytes) -> None:
        """Sign a record and make it durable; StoreFailed leaves the chain where it was, to be tried again."""
        head = self._head or await self._recalled()
        link = Link(self._node, head.seq + 1, head.hash, utc_text(self._clock.utc()), stream, msgspec.Raw(body))
        token = sealed(link, self._key)
        # Until the journal has answered nobody knows whether it is stored: the next attempt looks.
        self._head = None
        seq = await self._journal.append(EVIDENCE, token)
        self._head = _Head(seq, hash_of(token))
        if seq % _EACH == 0:
            await self._journal.keep(_HEAD, msgspec.json.encode(self._head))

    async def _recalled(self) -> _Head:
        """Where the chain of an earlier life ends; its bytes are hashed as they are, whatever they say."""
        raw = await self._journal.kept(_HEAD)
        head = msgspec.json.decode(raw, type=_Head) if raw else _Head(0, GENESIS)
        while batch := await self._journal.pending(EVIDENCE, head.seq, _BATCH):
            seq, token = batch[-1]
            head = _Head(seq, hash_of(token))
        return head
