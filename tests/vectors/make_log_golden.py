"""Makes log_golden.json: our own bytes of leaf, entry, tree, checkpoint, proof and chain, from fixed inputs.

    python -m tests.vectors.make_log_golden           writes the file
    python -m tests.vectors.make_log_golden --check   exits 1 if the code no longer gives the file

A change of this file is a change of a stored format: it needs a new version byte and an upgrade path.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from privet.audit.chain import chain_hash, chain_start
from privet.audit.checkpoint import Checkpoint, sign_checkpoint
from privet.audit.entry import encode_private, seal_entry
from privet.audit.leaf import encode_leaf
from privet.audit.merkle import Frontier, ListReader, consistency_proof, leaf_hash
from privet.audit.note import NoteKey
from privet.audit.proof import make_proof, write_proof
from privet.audit.tiles import encode_bundle
from privet.crypto.aead import FieldCipher
from privet.crypto.signing import Signer

FILE = Path(__file__).with_name("log_golden.json")
ORIGIN = "vault.example/log"
COUNT = 5


def draw(label: str, size: int) -> bytes:
    return sha256(b"privet log golden " + label.encode()).digest()[:size]


def make() -> dict[str, Any]:
    key, worker, seed = draw("key", 32), draw("worker", 16), draw("seed", 32)
    signer, cipher = Signer(seed), FieldCipher(key)
    entries, leaves, bundle, link = [], [], [], chain_start(worker)
    for number in range(COUNT):
        nonce, r = draw(f"nonce {number}", 12), draw(f"r {number}", 32)
        t_ms = 1_763_753_323_000 + number
        name = t_ms.to_bytes(6, "big") + draw(f"id {number}", 10)
        private = {
            "subject": draw(f"subject {number}", 16).hex(),
            "fields": ["given_name"],
            "peer": "Zoë \u2028",
        }
        size = 200 if number % 2 else None
        padded = encode_private(private, size)
        sealed, pc, ph = seal_entry(cipher, worker, nonce, r, padded, name)
        wh = draw("wh", 32) if number == 3 else None
        decision = ("permit", "partial", "refuse", "done", "failed")[number]
        leaf = encode_leaf(
            name, t_ms, "put" if wh else "read", decision, "service-personalisation", "contract", "9f" * 32,
            None if number == 4 else "front-désk", ["pd:Name", "pd:Preference"][:number], number, wh, pc, ph,
        )  # fmt: skip
        link = chain_hash(link, number, leaf, sealed)
        leaves.append(leaf_hash(leaf))
        bundle.append(leaf)
        entries.append(
            {
                "nonce": nonce.hex(), "r": r.hex(), "id": name.hex(), "private": private, "size": size,
                "padded": padded.hex(), "sealed": sealed.hex(), "pc": pc.hex(), "ph": ph.hex(), "leaf": leaf.decode(),
                "leaf_hash": leaves[-1].hex(), "chain": link.hex(),
            }
        )  # fmt: skip
    frontier = Frontier()
    frontier.extend(leaves)
    checkpoint = sign_checkpoint(Checkpoint(origin=ORIGIN, size=COUNT, root=frontier.root()), signer)
    reader = ListReader(leaves)
    return {
        "provenance": "Made by tests/vectors/make_log_golden.py from hashes of fixed labels; see docs/formats/log.md",
        "key": key.hex(),
        "worker": worker.hex(),
        "seed": seed.hex(),
        "vkey": str(NoteKey(name=ORIGIN, public=signer.public)),
        "entries": entries,
        "chain_start": chain_start(worker).hex(),
        "frontier": frontier.to_bytes().hex(),
        "root": frontier.root().hex(),
        "checkpoint": checkpoint.decode(),
        "proofs": [write_proof(make_proof(i, checkpoint, reader)).decode() for i in range(COUNT)],
        "consistency": [
            [node.hex() for node in consistency_proof(old, COUNT, reader)] for old in range(COUNT + 1)
        ],
        "bundle": encode_bundle(bundle).hex(),
    }


def main() -> int:
    text = json.dumps(make(), indent=1, ensure_ascii=False) + "\n"
    if "--check" in sys.argv[1:]:
        return 0 if FILE.read_text("utf-8") == text else 1
    FILE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
