"""The heads of a zone's ledger: signed by the log, co-signed by witnesses who saw that it only grew."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from protocols.contracts import Name
from protocols.evidence import Hash
from protocols.faults import Refused
from protocols.merkle import leaf_hash, proves_consistency, proves_inclusion
from protocols.signing import TREE_HEAD, SignedText, open_signed, sign

# No tree of up to 2^63 entries has a longer path.
_PATH_MOST: Final = 128
Count = Annotated[int, Meta(ge=0, le=2**53)]
Path = Annotated[tuple[Hash, ...], Meta(max_length=_PATH_MOST)]


class TreeHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is signed: how large a zone's ledger is and what root it has."""

    zone: Name
    size: Count
    root: Hash
    at: str


class CosignedHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A head as the log signed it, and the same bytes as each witness signed them."""

    head: str
    witnesses: tuple[str, ...] = ()


class Inclusion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That an entry stands at an index of a ledger of this size."""

    index: Count
    size: Count
    path: Path


class Consistency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That a ledger of `old_size` is the beginning of one of `size`."""

    old_size: Count
    size: Count
    path: Path


def signed_head(head: TreeHead, log_key: str) -> CosignedHead:
    """A fresh head, without witnesses."""
    return CosignedHead(sign(msgspec.json.encode(head), log_key, TREE_HEAD).decode())


def opened_head(given: CosignedHead, log_key: Mapping[str, str]) -> tuple[TreeHead, SignedText]:
    """The head, if the log signed it; Refused."""
    signed = open_signed(given.head.encode(), log_key, TREE_HEAD)
    try:
        return msgspec.json.decode(signed.payload, type=TreeHead), signed
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("malformed", f"tree head: {error}") from error


def cosigned(
    given: CosignedHead,
    log_key: Mapping[str, str],
    witness_key: str,
    seen: TreeHead | None,
    proof: Consistency | None,
) -> tuple[CosignedHead, TreeHead]:
    """A witness's signature added, if the ledger has only grown since the head it saw last; Refused (`fork`).

    The witness must keep the head that comes back, durably, before it hands out its signature.
    """
    head, signed = opened_head(given, log_key)
    if seen is not None:
        _insist_grown(seen, head, proof)
    token = sign(signed.payload, witness_key, TREE_HEAD).decode()
    return CosignedHead(given.head, (*given.witnesses, token)), head


def _insist_grown(seen: TreeHead, head: TreeHead, proof: Consistency | None) -> None:
    if head.zone != seen.zone:
        raise Refused("zone", f"head of zone {head.zone}: this witness follows {seen.zone}")
    if seen.size == 0:
        return
    sizes = (seen.size, head.size)
    path = proof.path if proof is not None and (proof.old_size, proof.size) == sizes else ()
    hashes = [bytes.fromhex(each) for each in path]
    if not proves_consistency(*sizes, bytes.fromhex(seen.root), bytes.fromhex(head.root), hashes):
        raise Refused("fork", f"no proof that the ledger of {sizes[0]} entries is the beginning of that of {sizes[1]}")


def checked_head(
    given: CosignedHead, log_key: Mapping[str, str], witness_keys: Mapping[str, str], need: int
) -> tuple[TreeHead, Sequence[str]]:
    """The head and the witnesses that signed it, if at least `need` of those trusted did; Refused.

    A signature of a witness nobody trusts counts for nothing; one that is wrong is refused.
    """
    head, signed = opened_head(given, log_key)
    known: set[str] = set()
    for token in given.witnesses:
        try:
            by_witness = open_signed(token.encode(), witness_keys, TREE_HEAD)
        except Refused as refused:
            if refused.reason == "unknown_key":
                continue
            raise
        if by_witness.payload != signed.payload:
            raise Refused("head", f"witness {by_witness.key_id} signed another head")
        known.add(by_witness.key_id)
    # The log's own word is not a witness to it.
    known.discard(signed.key_id)
    if len(known) < need:
        raise Refused(
            "witnesses", f"{len(known)} of the {len(witness_keys)} trusted witnesses signed: {need} are needed"
        )
    return head, sorted(known)


def insist_included(entry: bytes, proof: Inclusion, head: TreeHead) -> None:
    """Refused (`inclusion`) unless the proof shows the entry in the ledger of this head."""
    path = [bytes.fromhex(each) for each in proof.path]
    leaf = leaf_hash(entry)
    is_fit = proof.size == head.size
    if not is_fit or not proves_inclusion(leaf, proof.index, proof.size, path, bytes.fromhex(head.root)):
        raise Refused("inclusion", f"no proof that it is entry {proof.index} of the ledger of {head.size} entries")
