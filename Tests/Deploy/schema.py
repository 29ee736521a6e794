"""Schemas that come with check-jsonschema."""

import pathlib
import subprocess
import sys

from findings import Findings


def hold(path: pathlib.Path, name: str, findings: Findings, *more: str) -> None:
    """Holds a file against a schema that is known by its name."""
    tool = pathlib.Path(sys.executable).parent / "check-jsonschema"
    outcome = subprocess.run(
        [tool, "--builtin-schema", f"vendor.{name}", *more, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False)
    findings.expect(outcome.returncode == 0, f"{path.name}: {outcome.stdout}")
