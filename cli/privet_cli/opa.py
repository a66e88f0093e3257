"""`opa test` over the shipped rules, if an opa is on PATH. Refuses to fetch one."""

import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import NamedTuple

_PATIENCE_S = 120


class OpaOutcome(NamedTuple):
    """How it went, in a few words; not run counts as ok."""

    ok: bool
    word: str


def run_opa_tests() -> OpaOutcome:
    """Runs the *_test.rego that stand beside the rules. An installed wheel has none."""
    opa = shutil.which("opa")
    if opa is None:
        return OpaOutcome(True, "not run: no opa on PATH")
    with resources.as_file(resources.files("privet_policies") / "privet") as folder:
        if not any(Path(folder).rglob("*_test.rego")):
            return OpaOutcome(True, "not run: the installed package comes without its *_test.rego")
        try:
            done = subprocess.run(  # noqa: S603  the opa that the operator put on PATH
                [opa, "test", str(folder)], capture_output=True, timeout=_PATIENCE_S, check=False, text=True
            )
        except (OSError, subprocess.TimeoutExpired):
            return OpaOutcome(False, "failed: opa did not run")
    last = (done.stdout.strip().splitlines() or ["nothing was said"])[-1]
    return OpaOutcome(done.returncode == 0, last if done.returncode == 0 else f"failed: {last}")
