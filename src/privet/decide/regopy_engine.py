"""Rego in the process by rego-cpp (regopy): a second, unrelated implementation to cross-check the first, or replace it.

About ten times slower than the default. REFUSES to start when the shipped known answers do not come out.
"""

import contextlib
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from privet.decide.bundle import Bundle
from privet.decide.known_answers import verify_known_answers
from privet.decide.rego import DECISION, EXPLANATION, PACKAGE, EngineFailure, RegoEngine
from privet.domain.decision import Reason
from privet.errors import Unavailable

if TYPE_CHECKING:
    from regopy import Bundle as Compiled
    from regopy import Interpreter


class _Loaded(NamedTuple):
    interpreter: "Interpreter"
    compiled: "Compiled"


_PATH = PACKAGE.removeprefix("data.").replace(".", "/")


class RegopyEngine(RegoEngine):
    """A PDP over regopy's interpreter, one a thread. Needs the package `regopy`."""

    def __init__(self, bundle: Bundle) -> None:
        """Raises Unavailable without regopy, when the Rego does not load, or on a wrong known answer."""
        super().__init__(bundle)
        self._local = threading.local()
        self._loaded()
        verify_known_answers(_Unproved)

    def _loaded(self) -> _Loaded:
        loaded: Any = getattr(self._local, "loaded", None)
        if loaded is None:
            loaded = self._local.loaded = _load(self._bundle)
        return loaded  # type: ignore[no-any-return]  # thread-local attributes have no types

    def _evaluate(self, entrypoint: str, question: bytes, parsed: Mapping[str, object]) -> object:
        del parsed
        try:
            interpreter, compiled = self._loaded()
            # As a term of the language: set_input() would cut the question at a NUL.
            interpreter.set_input_term(question.decode())
            output = interpreter.query_bundle_entrypoint(compiled, f"{_PATH}/{entrypoint}")
            return orjson.loads(str(output))["expressions"][0]
        except (KeyboardInterrupt, SystemExit):
            self._forget()
            raise
        except BaseException:  # noqa: BLE001 - whatever a native binding raises must deny, not escape
            self._forget()
            raise EngineFailure(Reason.ENGINE_ERROR) from None

    def _forget(self) -> None:
        with contextlib.suppress(AttributeError):
            del self._local.loaded

    def close(self) -> None:
        self._forget()


class _Unproved(RegopyEngine):
    """The same engine, while its known answers are being checked."""

    def __init__(self, bundle: Bundle) -> None:
        RegoEngine.__init__(self, bundle)
        self._local = threading.local()


def _load(bundle: Bundle) -> _Loaded:
    try:
        from regopy import Interpreter
    except ImportError as error:
        raise Unavailable(
            "policy.engine is regopy, and the package is missing: pip install regopy"
        ) from error
    try:
        interpreter = Interpreter()
        for path, source in bundle.modules.items():
            interpreter.add_module(path, source)
        interpreter.add_data_json(bundle.data.decode())
        compiled = interpreter.build(None, [f"{_PATH}/{DECISION}", f"{_PATH}/{EXPLANATION}"])
    except Exception as error:  # noqa: BLE001 - the binding raises a class of its own for each fault
        raise Unavailable(f"regopy cannot load the policy: {type(error).__name__}") from None
    return _Loaded(interpreter, compiled)
