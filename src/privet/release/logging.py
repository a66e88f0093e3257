"""Stage 5: one entry a read, releases and refusals alike, in the very unit of work that read.

Refuses to let lengths talk: a refusal's private part is padded to a size that depends on the request alone.
"""

from binascii import hexlify
from collections.abc import Sequence

import orjson

from privet.audit.leaf import Act, Decision
from privet.audit.scribe import Draft, Scribe
from privet.crypto.padding import pad
from privet.domain.decision import Operation
from privet.domain.ports import WriteUnit
from privet.release.stages import MinimisedRead

_ACTS = {
    Operation.READ: Act.READ.value,
    Operation.FIND: Act.FIND.value,
    Operation.HISTORY: Act.HISTORY.value,
}
_READ = Act.READ.value  # an enum's hash is a function of Python's
_FAILED = Decision.FAILED.value


class Logging:
    """Writes the entries of a batch."""

    def __init__(self, *, scribe: Scribe) -> None:
        self._scribe = scribe

    def append(self, unit: WriteUnit, minimised: Sequence[MinimisedRead]) -> list[bytes]:
        """Appends one entry a read and returns their ids. They are durable once the unit is."""
        entries = self._scribe.entries([self._draft(read) for read in minimised])
        unit.append(entries)
        return [entry.id for entry in entries]

    def _draft(self, read: MinimisedRead) -> Draft:
        permitted = read.opened.permitted
        verdict, identified = permitted.verdict, permitted.identified
        request, row = identified.request, identified.row
        private = b"".join(
            (
                verdict.private_head,
                b"%d" % (0 if row is None else row.facts_rev),
                verdict.private_mid,
                orjson.dumps(request.peer) if request.peer else b'""',
                verdict.private_tail,
                hexlify(identified.subject),
                b'"}',
            )
        )
        failed = read.opened.failure is not None
        count = 0
        if verdict.released and not failed and request.operation is not Operation.FIND:
            count = len(verdict.grant.fields) * (1 if request.window is None else len(read.series))
        size = verdict.size
        return (
            _READ if request.operation is Operation.READ else _ACTS[request.operation],
            _FAILED if failed else verdict.word,
            verdict.purpose,
            verdict.basis,
            request.service,
            verdict.classes if count else [],
            count,
            None,
            permitted.keys,
            identified.subject,
            pad(private, None if size is None else size + len(request.peer.encode())),
        )
