#!/usr/bin/env python3
"""Holds the Dockerfile and deploy/ against schemas, linters and the program.

    .build/deploy-tools/bin/python Tests/Deploy/run.py [path of artifacts-gateway] [name of a check]...

Every check is a module check_NAME beside this file. `make deploy-check` installs what they need. No network, no container
engine; the package and the unit are really installed and started, in a temporary folder.
"""

import importlib
import pathlib
import sys
import time

from findings import Findings
from program import Program

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main() -> int:
    program = Program(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".build/release/artifacts-gateway")
    known = sorted(path.stem.removeprefix("check_") for path in pathlib.Path(__file__).parent.glob("check_*.py"))
    total = Findings()
    for name in sys.argv[2:] or known:
        begun = time.monotonic()
        findings = Findings()
        what = importlib.import_module(f"check_{name}").check(ROOT, program, findings)
        seconds = time.monotonic() - begun
        print(f"deploy: {name}: {what}; {findings.passed} passed, {len(findings.faults)} failed, {seconds:.1f} s", flush=True)
        for fault in findings.faults:
            print(f"deploy: {name}: FAILED: {fault}", flush=True)
        total.passed += findings.passed
        total.faults += findings.faults
    print(f"deploy: {total.passed} passed, {len(total.faults)} failed")
    return 1 if total.faults else 0


if __name__ == "__main__":
    sys.exit(main())
