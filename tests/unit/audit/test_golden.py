"""Golden bytes: what was once written must stay readable, and the formats are what their page says.

The checks below rebuild the bytes with hashlib, json and the cipher alone, so that a fault in our encoders that
the generator would copy into the file is found here.
"""

import json
from hashlib import sha256
from typing import Any

from privet.audit.checkpoint import verify_checkpoint
from privet.audit.entry import open_entry, parse_private, verify_opening
from privet.audit.leaf import parse_leaf
from privet.audit.merkle import Frontier, verify_consistency
from privet.audit.note import parse_vkey
from privet.audit.proof import verify_proof
from privet.crypto.aead import FieldCipher
from tests.unit.audit.logs import VECTORS
from tests.vectors import make_log_golden

GOLDEN: dict[str, Any] = json.loads((VECTORS / "log_golden.json").read_text("utf-8"))
ENTRIES: list[dict[str, Any]] = GOLDEN["entries"]
KEY = parse_vkey(GOLDEN["vkey"])


def test_the_code_still_writes_the_golden_bytes() -> None:
    """The generator gives the file that stands in the repository."""
    assert make_log_golden.make() == GOLDEN


def test_golden_entries_open_and_fit_their_leaves() -> None:
    """Each entry opens under its key to what was sealed, and every commitment holds."""
    cipher = FieldCipher(bytes.fromhex(GOLDEN["key"]))
    for entry in ENTRIES:
        leaf = parse_leaf(entry["leaf"].encode())
        r, private = open_entry(cipher, bytes.fromhex(entry["sealed"]), leaf.id)
        verify_opening(leaf, bytes.fromhex(entry["sealed"]), r, private)
        assert (r.hex(), private.hex(), leaf.id.hex()) == (entry["r"], entry["padded"], entry["id"])
        assert parse_private(private) == entry["private"]


def test_golden_bytes_by_hand() -> None:
    """Leaf, padding, commitments, leaf hash and chain, written out with the standard library."""
    link = sha256(b"privet/stream/v1" + bytes.fromhex(GOLDEN["worker"])).digest()
    assert link.hex() == GOLDEN["chain_start"]
    for number, entry in enumerate(ENTRIES):
        text = json.dumps(
            entry["private"], sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()
        padded, sealed, leaf = (
            bytes.fromhex(entry["padded"]),
            bytes.fromhex(entry["sealed"]),
            entry["leaf"].encode(),
        )
        assert padded[: 4 + len(text)] == len(text).to_bytes(4, "big") + text
        assert set(padded[4 + len(text) :]) <= {0}
        assert entry["size"] in (None, len(padded) - 4)
        assert sealed[:29].hex() == "01" + GOLDEN["worker"] + entry["nonce"]
        assert sha256(b"privet/entry/v1" + bytes.fromhex(entry["r"]) + padded).hexdigest() == entry["pc"]
        assert sha256(sealed).hexdigest() == entry["ph"]
        value = json.loads(leaf)
        assert leaf == json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        assert (value["pc"], value["ph"], value["id"]) == (entry["pc"], entry["ph"], entry["id"])
        assert sha256(b"\0" + leaf).hexdigest() == entry["leaf_hash"]
        length = len(leaf).to_bytes(4, "big")
        link = sha256(b"privet/chain/v1" + link + number.to_bytes(8, "big") + length + leaf + sealed).digest()
        assert link.hex() == entry["chain"]


def test_golden_proofs_and_checkpoint_verify() -> None:
    """The checkpoint, every proof file and every consistency proof hold under the golden key."""
    checkpoint = verify_checkpoint(GOLDEN["checkpoint"].encode(), KEY)
    assert checkpoint.root.hex() == GOLDEN["root"]
    assert Frontier.parse(bytes.fromhex(GOLDEN["frontier"])).root() == checkpoint.root
    leaves = [bytes.fromhex(entry["leaf_hash"]) for entry in ENTRIES]
    for entry, proof in zip(ENTRIES, GOLDEN["proofs"], strict=True):
        assert verify_proof(proof.encode(), entry["leaf"].encode(), KEY) == checkpoint
    for old, nodes in enumerate(GOLDEN["consistency"]):
        frontier = Frontier()
        frontier.extend(leaves[:old])
        verify_consistency(
            old=old,
            new=len(leaves),
            old_root=frontier.root(),
            new_root=checkpoint.root,
            proof=[bytes.fromhex(node) for node in nodes],
        )
