"""The log of a device: what happened to it, numbered, each entry naming the SHA-256 of the one before. Pure.

An entry is JSON, or a compact JWS of it where the device has a key. Who alters an entry, leaves one out, puts one in or
swaps two breaks the chain at that place. Without a key somebody with the disk in his hands can write a whole new chain, and
with one he can still put back an older copy of the disk: what was published as it happened shows that.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from protocols.evidence import GENESIS, BadRecord, Hash, Number, hash_of
from protocols.faults import Refused
from protocols.messages import Happening
from protocols.ocmf_writing import TimeStatus
from protocols.signing import DEVICE_LOG, open_signed, sign

STREAM = "log"
# What is wrong with an entry is said of this.
_FILE = "log"
_MOST_BYTES = 16 * 1024

Detail = str | int | float | bool | None


class LogEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What happened (a stable word), when by the device's clock, and how far that clock could be believed then."""

    node: str
    seq: Number
    prev: Hash
    at: str
    clock: TimeStatus
    event: str
    why: str = ""
    details: dict[str, Detail] = {}


class Anchor(msgspec.Struct, frozen=True):
    """The last entry that is not kept any more: its number, which is how many were dropped, and its hash."""

    seq: int = 0
    hash: str = GENESIS


class Logged(Happening, frozen=True, kw_only=True):
    """An entry as it is published, on the topic of all other happenings: `record` is the entry as it is kept."""

    seq: int
    clock: TimeStatus
    details: dict[str, Detail]
    dropped: int
    record: str


def written(entry: LogEntry, private_key: str | None) -> bytes:
    """The entry as it is kept: signed where there is a key."""
    body = msgspec.json.encode(entry)
    return body if private_key is None else sign(body, private_key, DEVICE_LOG)


def is_signed(record: bytes) -> bool:
    """Whether a kept entry has a signature."""
    return not record.startswith(b"{")


def read(record: bytes, keys: Mapping[str, str]) -> LogEntry:
    """A kept entry; of one that is signed the signature must hold. Refused."""
    body = open_signed(record, keys, DEVICE_LOG, _MOST_BYTES).payload if is_signed(record) else record
    try:
        return msgspec.json.decode(body, type=LogEntry)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("malformed", f"log entry: {error}") from error


def checked(
    records: Iterable[tuple[int, bytes]], anchor: Anchor, node: str, keys: Mapping[str, str], last: int | None = None
) -> Iterator[LogEntry]:
    """Every entry by its number in the store, behind the anchor and in order; BadRecord names the first that is not right.

    Once an entry is signed, all that follow must be. `last`: the number that the store gave out last, where that is known.
    """
    expected, prev, signs = anchor.seq + 1, anchor.hash, False
    for number, record in records:
        if number == anchor.seq and hash_of(record) != anchor.hash:
            raise BadRecord(_FILE, "is not the entry that was the last one to be dropped", number)
        if number <= anchor.seq:  # the power went while old entries were being dropped
            continue
        try:
            entry = read(record, keys)
        except Refused as refused:
            raise BadRecord(_FILE, str(refused), number) from refused
        if signs and not is_signed(record):
            raise BadRecord(_FILE, "is not signed, and the entries before it are", number)
        _insist(entry, number, expected, prev, node)
        yield entry
        expected, prev, signs = expected + 1, hash_of(record), signs or is_signed(record)
    if last is not None and last != expected - 1:
        raise BadRecord(_FILE, f"is missing: the log ends before the last number given out, {last}", expected)


def _insist(entry: LogEntry, number: int, expected: int, prev: str, node: str) -> None:
    if number != expected or entry.seq != expected:
        text = f"has number {entry.seq} and stands at {number}, in the place of {expected}: left out, put in or moved"
        raise BadRecord(_FILE, text, expected)
    if entry.prev != prev:
        raise BadRecord(_FILE, "names another entry as the one before it: that one was changed, or this one", expected)
    if entry.node != node:
        raise BadRecord(_FILE, f"is of {entry.node}: this is the log of {node}", expected)
