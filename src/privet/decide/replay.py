"""A decision made again: the question from the log, under the bundle that the leaf names.

Bundles are kept as `REVISION.tar.gz` in one folder, one for each revision that was ever in force. REFUSES to replay
under any other bundle than the one named: Unavailable when it is not at hand, IntegrityError when it was altered.
"""

import re
from pathlib import Path

from privet.decide.bundle import Bundle, parse_bundle, write_bundle
from privet.decide.embedded import EmbeddedEngine
from privet.domain.decision import Decision
from privet.errors import IntegrityError, Unavailable

_REVISION = re.compile(r"[0-9a-f]{64}")


def keep_bundle(folder: Path, bundle: Bundle) -> Path:
    """Puts a bundle where `replay` finds it. Does nothing when it is there already."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{bundle.revision}.tar.gz"
    return target if target.exists() else write_bundle(bundle, target)


def get_bundle(folder: Path, revision: str) -> Bundle:
    """The bundle of a revision. Raises Unavailable, IntegrityError."""
    if not _REVISION.fullmatch(revision):
        raise IntegrityError("this is no policy revision: it must be 64 hexadecimal digits")
    try:
        archive = (folder / f"{revision}.tar.gz").read_bytes()
    except OSError as error:
        raise Unavailable(
            f"the policy bundle {revision[:12]} is not at hand; look for it in a backup"
        ) from error
    bundle = parse_bundle(archive)
    if bundle.revision != revision:
        raise IntegrityError(f"the file of policy bundle {revision[:12]} holds another one")
    return bundle


def replay(folder: Path, revision: str, question: bytes) -> Decision:
    """Decides a logged canonical question again. Raises Unavailable, IntegrityError."""
    engine = EmbeddedEngine(get_bundle(folder, revision))
    try:
        return engine.decide([question])[0]
    finally:
        engine.close()
