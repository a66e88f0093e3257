"""Opens the PDP that the settings name, with a memo before it.

REFUSES an engine that is not one of the three: InvalidInput.
"""

from privet.decide.bundle import Bundle
from privet.decide.memo import DEFAULT_SIZE, MemoEngine
from privet.domain.decision import Remembering
from privet.errors import InvalidInput


def open_engine(
    bundle: Bundle,
    kind: str = "embedded",
    *,
    opa_url: str = "http://127.0.0.1:8181",
    opa_token: str | None = None,
    opa_ca: str | None = None,
    opa_certificate: tuple[str, str] | None = None,
    opa_timeout: float = 1.5,
    memo_size: int = DEFAULT_SIZE,
) -> Remembering:
    """The engine `kind` for this bundle: "embedded" (regorus), "regopy", or "opa" (a server at `opa_url`).

    `opa_ca` is a file of certificates to trust, `opa_certificate` the files of our own and its key, `opa_timeout` is in
    seconds. Raises Unavailable when an engine in the
    process does not start, or the OPA server holds another revision or will not have us (one that is away may come
    back: what is asked meanwhile is denied); InvalidInput for another kind or a bad URL.
    """
    if kind == "embedded":
        from privet.decide.embedded import EmbeddedEngine

        return MemoEngine(EmbeddedEngine(bundle), memo_size)
    if kind == "regopy":
        from privet.decide.regopy_engine import RegopyEngine

        return MemoEngine(RegopyEngine(bundle), memo_size)
    if kind == "opa":
        from privet.decide.opa import OpaEngine
        from privet.decide.remote_memo import RemoteMemoEngine

        remote = OpaEngine(
            bundle, opa_url, token=opa_token, ca=opa_ca, certificate=opa_certificate, timeout=opa_timeout
        )
        try:
            remote.verify_revision()
        except BaseException:
            remote.close()
            raise
        return RemoteMemoEngine(remote, memo_size)
    raise InvalidInput(
        f"policy.engine is {kind!r}; it must be embedded, regopy or opa", field="policy.engine"
    )
