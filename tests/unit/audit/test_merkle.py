"""The tree: published vectors, every proof of small trees, and every alteration of a proof."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.audit.merkle import (
    EMPTY_ROOT,
    MAX_SIZE,
    Frontier,
    ListReader,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_at,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from privet.errors import IntegrityError, InvalidInput
from tests.unit.audit.logs import hashes, public_vectors

CT: dict[str, Any] = public_vectors()["merkle"]
LEAVES = [leaf_hash(bytes.fromhex(leaf)) for leaf in CT["leaves"]]
ROOTS = [bytes.fromhex(root) for root in CT["roots"]]
PAIRS = [(old, new) for new in range(1, 20) for old in range(1, new + 1)]


def unhex(proof: list[str]) -> list[bytes]:
    return [bytes.fromhex(node) for node in proof]


@pytest.mark.parametrize("vector", CT["inclusion"])
def test_published_inclusion_proofs(vector: dict[str, Any]) -> None:
    """The proofs of the reference implementation are made to the byte, and verify."""
    size, index, proof = vector["size"], vector["index"], unhex(vector["proof"])
    assert inclusion_proof(size, index, ListReader(LEAVES)) == proof
    verify_inclusion(size=size, index=index, leaf=LEAVES[index], proof=proof, root=ROOTS[size - 1])


@pytest.mark.parametrize("vector", CT["consistency"])
def test_published_consistency_proofs(vector: dict[str, Any]) -> None:
    """The consistency proofs of the reference implementation are made to the byte, and verify."""
    old, new, proof = vector["old"], vector["new"], unhex(vector["proof"])
    assert consistency_proof(old, new, ListReader(LEAVES)) == proof
    verify_consistency(old=old, new=new, old_root=ROOTS[old - 1], new_root=ROOTS[new - 1], proof=proof)


def test_published_roots() -> None:
    """The roots of the reference tree at each size, and of the empty tree."""
    assert [root_of(LEAVES[:size]) for size in range(1, 9)] == ROOTS
    assert root_of([]) == EMPTY_ROOT == root_at(0, ListReader([]))
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1 as written, by recursion: the oracle."""
    from hashlib import sha256

    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


def test_frontier_is_the_tree_at_every_size() -> None:
    """Appending one by one gives, at 0 to 300, the recursive definition's root, also after parsing it back."""
    leaves, frontier = hashes(300), Frontier()
    reader = ListReader(leaves)
    for size in range(301):
        assert frontier.root() == naive_root(leaves[:size]) == root_of(leaves[:size]) == root_at(size, reader)
        assert Frontier.parse(frontier.to_bytes()) == frontier
        if size < 300:
            frontier.append(leaves[size])


def test_copy_leaves_the_original_alone() -> None:
    """An append that is rolled back leaves no trace in the frontier it was copied from."""
    frontier = Frontier()
    frontier.extend(hashes(5))
    before = frontier.to_bytes()
    twin = frontier.copy()
    twin.extend(hashes(3))
    assert frontier.to_bytes() == before
    assert twin.size == 8
    assert twin != frontier
    assert frontier != 5


@given(st.binary(max_size=100))
def test_frontier_parse_refuses_other_bytes(data: bytes) -> None:
    """Bytes that are no frontier give IntegrityError; those that are one come back the same."""
    with contextlib.suppress(IntegrityError):
        assert Frontier.parse(data).to_bytes() == data


@pytest.mark.parametrize(
    "data", [b"", b"\x02" + bytes(8), b"\x01" + bytes(40), b"\x01" + b"\xff" * 8 + bytes(64 * 32)]
)
def test_frontier_parse_refuses_wrong_lengths(data: bytes) -> None:
    """An unknown version, a length that the size does not give, and a size beyond the limit are refused."""
    with pytest.raises(IntegrityError):
        Frontier.parse(data)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 13, 64, 100])
def test_every_inclusion_proof_verifies_and_no_altered_one(size: int) -> None:
    """Each entry's proof holds; with any hash altered, dropped, doubled or swapped, or another place, it does not."""
    leaves = hashes(size)
    reader, root = ListReader(leaves), root_of(leaves)
    for index in range(size):
        proof = inclusion_proof(size, index, reader)
        verify_inclusion(size=size, index=index, leaf=leaves[index], proof=proof, root=root)
        for bad in altered(proof):
            with pytest.raises(IntegrityError):
                verify_inclusion(size=size, index=index, leaf=leaves[index], proof=bad, root=root)
        for other in {index - 1, index + 1, size - 1 - index} - {index}:
            with pytest.raises(IntegrityError):
                verify_inclusion(size=size, index=other, leaf=leaves[index], proof=proof, root=root)


@pytest.mark.parametrize("old, new", PAIRS)
def test_every_consistency_proof_verifies_and_no_altered_one(old: int, new: int) -> None:
    """Each pair of sizes has a proof that holds; any alteration of it, and any other root, is refused."""
    leaves = hashes(new)
    old_root, new_root = root_of(leaves[:old]), root_of(leaves)
    proof = consistency_proof(old, new, ListReader(leaves))
    verify_consistency(old=old, new=new, old_root=old_root, new_root=new_root, proof=proof)
    for bad in altered(proof):
        with pytest.raises(IntegrityError):
            verify_consistency(old=old, new=new, old_root=old_root, new_root=new_root, proof=bad)
    for roots in ((bytes(32), new_root), (old_root, bytes(32))):
        with pytest.raises(IntegrityError):
            verify_consistency(old=old, new=new, old_root=roots[0], new_root=roots[1], proof=proof)


def altered(proof: list[bytes]) -> list[list[bytes]]:
    """Every alteration of the shape, and one flipped bit in every byte."""
    bad: list[list[bytes]] = [[]] if proof else []
    bad += [[*proof, bytes(32)], [bytes(32), *proof], [*proof, b""], [*proof, bytes(33)]]
    for i, node in enumerate(proof):
        bad.append(proof[:i] + proof[i + 1 :])
        bad.append([*proof[:i], node, node, *proof[i + 1 :]])
        for byte in range(32):
            flipped = node[:byte] + bytes([node[byte] ^ (1 << (byte + i) % 8)]) + node[byte + 1 :]
            bad.append([*proof[:i], flipped, *proof[i + 1 :]])
    if len(proof) > 1:
        bad.append(proof[::-1])
    return bad


@given(st.integers(1, 400), st.data())
def test_any_single_bit_spoils_an_inclusion_proof(size: int, data: st.DataObject) -> None:
    """Flip one bit anywhere in leaf, proof or root: refused."""
    leaves = hashes(size)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(size, index, ListReader(leaves))
    parts = [leaves[index], *proof, root_of(leaves)]
    bit = data.draw(st.integers(0, len(parts) * 256 - 1))
    part, offset = divmod(bit, 256)
    spoiled = bytearray(parts[part])
    spoiled[offset // 8] ^= 1 << offset % 8
    parts[part] = bytes(spoiled)
    with pytest.raises(IntegrityError):
        verify_inclusion(size=size, index=index, leaf=parts[0], proof=parts[1:-1], root=parts[-1])


@given(st.integers(2, 400), st.data())
def test_any_other_history_is_inconsistent(new: int, data: st.DataObject) -> None:
    """Change one leaf that the old tree had: no honest proof of the new tree verifies against the old root."""
    leaves = hashes(new)
    old = data.draw(st.integers(1, new))
    changed = data.draw(st.integers(0, old - 1))
    forged = [*leaves]
    forged[changed] = bytes(32)
    proof = consistency_proof(old, new, ListReader(forged))
    with pytest.raises(IntegrityError):
        verify_consistency(
            old=old, new=new, old_root=root_of(leaves[:old]), new_root=root_of(forged), proof=proof
        )


def test_the_empty_tree_is_consistent_with_all_and_has_one_root() -> None:
    """From size 0 nothing needs proof, but its root must be the empty one and the proof empty."""
    root = root_of(hashes(3))
    assert consistency_proof(0, 3, ListReader(hashes(3))) == []
    verify_consistency(old=0, new=3, old_root=EMPTY_ROOT, new_root=root, proof=[])
    verify_consistency(old=0, new=0, old_root=EMPTY_ROOT, new_root=EMPTY_ROOT, proof=[])
    for old_root, proof in ((root, []), (EMPTY_ROOT, [root])):
        with pytest.raises(IntegrityError):
            verify_consistency(old=0, new=3, old_root=old_root, new_root=root, proof=proof)


def test_one_size_has_one_root() -> None:
    """Two different roots of one size are a fork."""
    with pytest.raises(IntegrityError, match="two roots"):
        verify_consistency(old=3, new=3, old_root=root_of(hashes(3)), new_root=bytes(32), proof=[])


@pytest.mark.parametrize("old, new", [(2, 1), (-1, 1), (1, MAX_SIZE + 1)])
def test_impossible_sizes(old: int, new: int) -> None:
    """A shrinking log, negative and absurd sizes are refused by makers and by verifiers."""
    with pytest.raises(IntegrityError):
        verify_consistency(old=old, new=new, old_root=EMPTY_ROOT, new_root=EMPTY_ROOT, proof=[])
    with pytest.raises(InvalidInput):
        consistency_proof(old, new, ListReader([]))


@pytest.mark.parametrize("index, size", [(0, 0), (1, 1), (-1, 1), (5, 3), (0, MAX_SIZE + 1)])
def test_places_outside_the_tree(index: int, size: int) -> None:
    """An entry that the tree does not have has no proof."""
    with pytest.raises(IntegrityError):
        verify_inclusion(size=size, index=index, leaf=bytes(32), proof=[], root=bytes(32))
    with pytest.raises(InvalidInput):
        inclusion_proof(size, index, ListReader(hashes(3)))


def test_a_reader_that_lacks_a_hash_says_so() -> None:
    """Asking beyond the leaves held is an IntegrityError, not an IndexError."""
    with pytest.raises(IntegrityError):
        inclusion_proof(9, 0, ListReader(hashes(3)))
    with pytest.raises(IntegrityError):
        inclusion_proof(3, 0, ListReader(hashes(1)))
