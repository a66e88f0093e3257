"""Rego in the process: regorus, interpreted, JSON in and JSON out, one engine a thread.

REFUSES to start when the shipped known answers do not come out: a binding that differs from OPA is no policy engine.
Its other modes are left alone on purpose: the RVM differs from OPA, the dict API crashes on a lone surrogate.
"""

import contextlib
import threading
from collections.abc import Mapping

import orjson
from regorus import Engine

from privet.decide.bundle import Bundle
from privet.decide.known_answers import verify_known_answers
from privet.decide.rego import PACKAGE, EngineFailure, RegoEngine
from privet.domain.decision import Reason
from privet.errors import Unavailable


class EmbeddedEngine(RegoEngine):
    """The default PDP. Usable from any thread; each makes its evaluator at its first question."""

    def __init__(self, bundle: Bundle) -> None:
        """Raises Unavailable when the Rego does not load or the known answers do not come out."""
        super().__init__(bundle)
        self._local = threading.local()
        self._engine()
        verify_known_answers(_Unproved)

    def _engine(self) -> Engine:
        engine: Engine | None = getattr(self._local, "engine", None)
        if engine is None:
            engine = self._local.engine = _load(self._bundle)
        return engine

    def _evaluate(self, entrypoint: str, question: bytes, parsed: Mapping[str, object]) -> object:
        del parsed
        try:
            engine = self._engine()
            engine.set_input_json(question.decode())
            return orjson.loads(engine.eval_rule_as_json(f"{PACKAGE}.{entrypoint}"))
        except (KeyboardInterrupt, SystemExit):
            self._forget()
            raise
        except BaseException:  # noqa: BLE001 - a panic of the binding is a BaseException; it must deny, not escape
            self._forget()
            raise EngineFailure(Reason.ENGINE_ERROR) from None

    def _forget(self) -> None:
        """After a failure the thread makes a new evaluator: nobody knows what state the old one is in."""
        with contextlib.suppress(AttributeError):
            del self._local.engine

    def close(self) -> None:
        self._forget()


class _Unproved(EmbeddedEngine):
    """The same engine, while its known answers are being checked."""

    def __init__(self, bundle: Bundle) -> None:
        RegoEngine.__init__(self, bundle)
        self._local = threading.local()


def _load(bundle: Bundle) -> Engine:
    try:
        engine = Engine()
        for path, source in bundle.modules.items():
            engine.add_policy(path, source)
        engine.add_data_json(bundle.data.decode())
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - as above
        raise Unavailable(
            f"the embedded policy engine cannot load the policy: {type(error).__name__}"
        ) from None
    return engine
