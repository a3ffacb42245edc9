"""The Merkle tree of an append-only log: hashing, inclusion and consistency proofs of RFC 9162, section 2.1, with SHA-256.

A leaf and a node are hashed with different first bytes, so that neither can be passed off as the other.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry (2.1.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees (2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes (2.1.1)."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY_ROOT
    split = _split(len(leaves))
    return node_hash(root(leaves[:split]), root(leaves[split:]))


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """The way from a leaf to the root (2.1.3.1); ValueError where there is no such leaf."""
    if not 0 <= index < len(leaves):
        raise ValueError(f"index {index}: 0 to {len(leaves) - 1} is allowed")
    return _path(index, leaves)


def _path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*_path(index, leaves[:split]), root(leaves[split:])]
    return [*_path(index - split, leaves[split:]), root(leaves[:split])]


def consistency_proof(size: int, leaves: Sequence[bytes]) -> list[bytes]:
    """That the first `size` leaves are those of an earlier tree (2.1.4.1); ValueError where it was never that large."""
    if not 0 < size <= len(leaves):
        raise ValueError(f"earlier size {size}: 1 to {len(leaves)} is allowed")
    return _subproof(size, leaves, whole=True)


def _subproof(size: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    if size == len(leaves):
        return [] if whole else [root(leaves)]
    split = _split(len(leaves))
    if size <= split:
        return [*_subproof(size, leaves[:split], whole=whole), root(leaves[split:])]
    return [*_subproof(size - split, leaves[split:], whole=False), root(leaves[:split])]


def proves_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], expected: bytes) -> bool:
    """Whether a path leads from a leaf hash at an index to the root of a tree of this size (2.1.3.2)."""
    if not 0 <= index < size:
        return False
    here, last, found = index, size - 1, leaf
    for each in path:
        if last == 0:
            return False
        if here & 1 or here == last:
            found = node_hash(each, found)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            found = node_hash(found, each)
        here, last = here >> 1, last >> 1
    return last == 0 and found == expected


def proves_consistency(old_size: int, size: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether a path shows that a tree is the beginning of another (2.1.4.2)."""
    if not 0 < old_size <= size:
        return False
    if old_size == size:
        return not path and old_root == new_root
    steps = list(path)
    if old_size & (old_size - 1) == 0:  # the earlier tree is a subtree of its own: its root begins the path
        steps.insert(0, old_root)
    return bool(steps) and _climbs(steps, old_size - 1, size - 1, (old_root, new_root))


def _climbs(steps: Sequence[bytes], here: int, last: int, roots: tuple[bytes, bytes]) -> bool:
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = steps[0]
    for each in steps[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            old, new = node_hash(each, old), node_hash(each, new)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            new = node_hash(new, each)
        here, last = here >> 1, last >> 1
    return last == 0 and (old, new) == roots


def _split(count: int) -> int:
    """The largest power of two below the count."""
    return 1 << (count - 1).bit_length() - 1
