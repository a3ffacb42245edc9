"""Evidence: what a node saw, signed and chained. Each record names the SHA-256 of the raw bytes of the one before.

A record is a compact JWS whose payload is a `Link`; its `body` is the journal's own record, byte for byte. Who leaves one
out, puts one in, swaps two or changes a bit breaks the chain at that place, unless he has the node's key.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from protocols.contracts import Name
from protocols.faults import Refused
from protocols.signing import MANIFEST, RECORD, open_signed, sign

# What stands where a first record would name the one before it.
GENESIS: Final = "0" * 64
# A record carries at most one signed contract (16 KiB) or one journal record, in Base64.
MAX_RECORD_BYTES: Final = 64 * 1024
MAX_MANIFEST_BYTES: Final = 1024 * 1024
INTERVAL: Final = "interval"
CONTRACT: Final = "contract"
TOKEN: Final = "token"
# What a meter records besides: signed readings (as text), and states of commands.
OCMF: Final = "ocmf"
COMMAND: Final = "command"
WHY: Final = "why"  # reasons of decisions; kept by the node, never said again nor signed

Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Number = Annotated[int, Meta(ge=1, le=2**53)]


class Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One record of a node's chain. `stream`: `interval`, `contract` (states), `token` (a signed contract, as text),
    `limit` (the limit history).
    """

    node: Name
    seq: Number
    prev: Hash
    at: str
    stream: str
    body: msgspec.Raw


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bundle holds, signed by the node: the SHA-256 of each file, and where its piece of the chain begins and ends.

    `prev` is the hash of the record before `first`, `head` that of `last`.
    """

    bundle: Annotated[int, Meta(ge=1, le=1)]
    node: Name
    contract: Name
    site_meter: str
    made_at: str
    first: Number
    last: Number
    prev: Hash
    head: Hash
    files: dict[str, Hash]


class BadRecord(Exception):
    """The first thing in a bundle that is not right: which file, which record of the chain, and why."""

    def __init__(self, file: str, reason: str, seq: int | None = None) -> None:
        super().__init__(f"{file}{'' if seq is None else f' record {seq}'}: {reason}")
        self.file, self.seq, self.reason = file, seq, reason


def hash_of(raw: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(raw).hexdigest()


def sealed(link: Link, private_key: str) -> bytes:
    """The link as a signed record."""
    return sign(msgspec.json.encode(link), private_key, RECORD)


def sealed_manifest(manifest: Manifest, private_key: str) -> bytes:
    """The manifest, signed."""
    return sign(msgspec.json.encode(manifest), private_key, MANIFEST)


def opened_manifest(token: bytes, keys: Mapping[str, str]) -> tuple[Manifest, str]:
    """A manifest whose signature holds, and the key that signed it; Refused."""
    signed = open_signed(token, keys, MANIFEST, MAX_MANIFEST_BYTES)
    try:
        return msgspec.json.decode(signed.payload, type=Manifest), signed.key_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("malformed", f"manifest: {error}") from error


def opened_record(token: bytes, keys: Mapping[str, str]) -> Link:
    """A record whose signature holds; Refused."""
    signed = open_signed(token, keys, RECORD, MAX_RECORD_BYTES)
    try:
        return msgspec.json.decode(signed.payload, type=Link)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("malformed", f"record: {error}") from error


def checked_chain(tokens: Iterable[bytes], keys: Mapping[str, str], manifest: Manifest, file: str) -> Iterator[Link]:
    """Every record from the manifest's first to its last, in order; BadRecord names the first that is not right."""
    expected, prev = manifest.first, manifest.prev
    for token in tokens:
        if expected > manifest.last:
            raise BadRecord(file, f"one record too many: the manifest's last is {manifest.last}", expected)
        try:
            link = opened_record(token, keys)
        except Refused as refused:
            raise BadRecord(file, str(refused), expected) from refused
        _insist_in_line(link, expected, prev, manifest, file)
        yield link
        expected, prev = expected + 1, hash_of(token)
    if expected <= manifest.last:
        raise BadRecord(file, f"is missing: the chain ends before the manifest's last, {manifest.last}", expected)
    if prev != manifest.head:
        raise BadRecord(file, "is not the record that the manifest names as its head", manifest.last)


def _insist_in_line(link: Link, expected: int, prev: str, manifest: Manifest, file: str) -> None:
    if link.seq != expected:
        raise BadRecord(file, f"has number {link.seq} in the place of {expected}: left out, put in or moved", expected)
    if link.prev != prev:
        raise BadRecord(file, "names another record as the one before it", expected)
    if link.node != manifest.node:
        raise BadRecord(file, f"is of node {link.node}, the manifest of {manifest.node}", expected)
