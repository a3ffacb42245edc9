"""The Merkle tree: the vectors of the Certificate Transparency reference implementation, and laws on trees of any size.

Leaves, roots and proofs as in google/certificate-transparency `merkle_tree_test` and transparency-dev/merkle `testonly`;
the proofs were read from ports of these tests.
"""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    proves_consistency,
    proves_inclusion,
    root,
)

ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
LEAVES = [leaf_hash(bytes.fromhex(entry)) for entry in ENTRIES]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): INCLUSION[0, 8],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


@pytest.mark.parametrize("size", range(9))
def test_roots(size: int) -> None:
    assert root(LEAVES[:size]).hex() == ROOTS[size]
    assert hashlib.sha256(b"").digest() == EMPTY_ROOT


@pytest.mark.parametrize(("place", "path"), INCLUSION.items())
def test_inclusion_proofs(place: tuple[int, int], path: list[str]) -> None:
    index, size = place
    assert [each.hex() for each in inclusion_proof(index, LEAVES[:size])] == path


@pytest.mark.parametrize(("sizes", "path"), CONSISTENCY.items())
def test_consistency_proofs(sizes: tuple[int, int], path: list[str]) -> None:
    old_size, size = sizes
    assert [each.hex() for each in consistency_proof(old_size, LEAVES[:size])] == path


TREES = st.integers(1, 70).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1)))


def leaves(size: int, salt: str = "") -> list[bytes]:
    return [leaf_hash(f"{salt}{number}".encode()) for number in range(size)]


@given(TREES, st.data())
def test_an_inclusion_proof_holds_for_its_leaf_its_index_and_its_tree_alone(
    place: tuple[int, int], data: st.DataObject
) -> None:
    size, index = place
    tree = leaves(size)
    path, top = inclusion_proof(index, tree), root(tree)
    assert proves_inclusion(tree[index], index, size, path, top)
    other = data.draw(st.integers(-1, size + 1).filter(lambda each: each != index))
    assert not proves_inclusion(tree[index], other, size, path, top)
    assert not proves_inclusion(leaf_hash(b"x"), index, size, path, top)
    assert not proves_inclusion(tree[index], index, size, [*path, top], top)
    if path:
        assert not proves_inclusion(tree[index], index, size, path[:-1], top)
        place_of = data.draw(st.integers(0, len(path) - 1))
        flipped = [bytes([each[0] ^ 1]) + each[1:] if at == place_of else each for at, each in enumerate(path)]
        assert not proves_inclusion(tree[index], index, size, flipped, top)


@given(TREES, st.data())
def test_a_consistency_proof_holds_for_what_was_only_added_to(place: tuple[int, int], data: st.DataObject) -> None:
    size, old_size = place[0], place[1] + 1
    tree = leaves(size)
    path, tops = consistency_proof(old_size, tree), (root(tree[:old_size]), root(tree))
    assert proves_consistency(old_size, size, *tops, path)
    changed = data.draw(st.integers(0, old_size - 1))
    forked = [leaf_hash(b"x") if at == changed else each for at, each in enumerate(tree)]
    # The past was changed: neither the old proof nor the forger's own serves.
    for tried in (path, consistency_proof(old_size, forked)):
        assert not proves_consistency(old_size, size, tops[0], root(forked), tried)
    assert not proves_consistency(old_size, size, *tops, [*path, tops[1]])
    if path:
        assert not proves_consistency(old_size, size, *tops, path[:-1])


@pytest.mark.parametrize("sizes", [(0, 3), (4, 3), (-1, 3)])
def test_sizes_that_cannot_be(sizes: tuple[int, int]) -> None:
    assert not proves_consistency(*sizes, EMPTY_ROOT, root(leaves(3)), [])
    with pytest.raises(ValueError, match="earlier size"):
        consistency_proof(sizes[0], leaves(3))


def test_a_node_is_no_leaf() -> None:
    assert node_hash(b"a", b"b") != leaf_hash(b"ab")
    with pytest.raises(ValueError, match="index 3"):
        inclusion_proof(3, leaves(3))
