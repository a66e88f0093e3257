"""Extract from Project Wycheproof what Privet's wrappers can be asked: 256-bit keys, 96-bit nonces, full tags.

    python -m tests.vectors.make_wycheproof DIR [--check]

DIR holds its *_test.json files (C2SP/wycheproof, Apache-2.0; here from the crate `wycheproof` 0.7.0, src/data).
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("wycheproof.json")
PROVENANCE = "C2SP/wycheproof (Apache-2.0), testvectors_v1 as shipped in the crate wycheproof 0.7.0; filtered"

Json = dict[str, Any]

# Name, the group's filter, and the keys of a case that are kept.
FILES: dict[str, tuple[Callable[[Json], bool], tuple[str, ...]]] = {
    "aes_gcm": (
        lambda g: g["keySize"] == 256 and g["ivSize"] == 96 and g["tagSize"] == 128,
        ("key", "iv", "aad", "msg", "ct", "tag"),
    ),
    "aes_wrap": (lambda g: g["keySize"] == 256, ("key", "msg", "ct")),
    "aead_aes_siv_cmac": (lambda g: g["keySize"] == 512, ("key", "iv", "aad", "msg", "ct", "tag")),
    "hkdf_sha256": (lambda _: True, ("ikm", "salt", "info", "size", "okm")),
    "hmac_sha256": (lambda g: g["tagSize"] == 256, ("key", "msg", "tag")),
    "ed25519": (lambda _: True, ("msg", "sig")),
}


def cases(directory: Path, name: str) -> Iterator[Json]:
    keep, fields = FILES[name]
    for group in json.loads((directory / f"{name}_test.json").read_text())["testGroups"]:
        if not keep(group):
            continue
        shared = {"pk": group["publicKey"]["pk"]} if "publicKey" in group else {}
        for test in group["tests"]:
            head = {"id": test["tcId"], "result": test["result"], "comment": test["comment"]}
            yield head | shared | {field: test[field] for field in fields}


def rendered(directory: Path) -> str:
    """One case a line, so that a change shows as a line."""
    blocks = []
    for name in FILES:
        lines = ",\n".join(json.dumps(case) for case in cases(directory, name))
        blocks.append(f"{json.dumps(name)}: [\n{lines}\n]")
    return "{" + f'"provenance": {json.dumps(PROVENANCE)},\n' + ",\n".join(blocks) + "\n}\n"


def main(arguments: list[str]) -> int:
    directory = Path(arguments[0])
    text = rendered(directory)
    if "--check" in arguments:
        if TARGET.read_text() != text:
            print(f"{TARGET.name} is not what the sources give", file=sys.stderr)
            return 1
        return 0
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
