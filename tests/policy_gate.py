"""Judges the policies with the real tools: strict check, tests, 100% coverage, Regal. `python -m tests.policy_gate`.

Without the tools it says so and passes, unless PRIVET_TEST_REQUIRE asks for them. No policies: fails.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.services.opa import ROOT, find_opa
from tests.services.parts import required

POLICIES = ROOT / "policies" / "privet_policies"
CAPABILITIES = POLICIES / "capabilities.json"


def main() -> int:
    """Run the four judges and return the exit code."""
    opa = find_opa()
    here = ROOT / ".tools" / "bin" / "regal"
    regal = str(here) if here.exists() else shutil.which("regal")
    if opa is None or regal is None:
        print("policies: not judged, for want of OPA or Regal: run `make tools`")
        return int(required("opa"))
    modules = sorted(POLICIES.rglob("*.rego"))
    if not modules:
        print(f"policies: no .rego file under {POLICIES.relative_to(ROOT)}")
        return 1
    capabilities = ["--capabilities", str(CAPABILITIES)] if CAPABILITIES.exists() else []
    rules = [module for module in modules if module.is_relative_to(POLICIES / "privet")]
    others = [module for module in modules if module not in rules]
    code = _say([str(opa), "check", "--strict", *capabilities, *map(str, rules)])
    code |= _say([str(opa), "check", "--strict", *map(str, others)])  # those of the server decide nothing
    code |= _say([str(regal), "lint", *map(str, modules)])
    code |= _say([str(opa), "test", *map(str, modules)])
    return code or _coverage(opa, modules)


def _say(command: list[str]) -> int:
    """Run a judge; print what it says only when it objects."""
    quiet = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=quiet)
    if done.returncode:
        print("\n".join(line.rstrip() for line in (done.stdout + done.stderr).splitlines()))
    return int(done.returncode != 0)


def _coverage(opa: Path, modules: list[Path]) -> int:
    """Fail when a line of a rule is not reached by any test, or there is no test."""
    done = subprocess.run(
        [str(opa), "test", "--coverage", "--format=json", *map(str, modules)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    report = json.loads(done.stdout)
    code = 0
    for name, file in sorted(report["files"].items()):
        if name.endswith("_test.rego"):
            continue
        for gap in file.get("not_covered", []):
            print(f"policies: {name}:{gap['start']['row']}: no test reaches this rule")
            code = 1
    if not any(name.endswith("_test.rego") for name in report["files"]):
        print("policies: no *_test.rego")
        code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
