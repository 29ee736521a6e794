"""The jobs for CI services: their schemas, and the commands in them."""

import os
import pathlib
import re
import subprocess
import tempfile

import yaml

import schema
from findings import Findings
from program import Program

FOLDER = "deploy/ci"


def check(root: pathlib.Path, program: Program, findings: Findings) -> str:
    folder = root / FOLDER
    schema.hold(folder / "github-actions.yaml", "github-workflows", findings)
    schema.hold(folder / "gitlab-ci.yaml", "gitlab-ci", findings, "--data-transform", "gitlab-ci")
    count = 0
    for path in sorted(folder.glob("*.yaml")):
        for script in scripts(yaml.safe_load(path.read_text())):
            count += 1
            hold_script(script, program, f"{FOLDER}/{path.name}", findings)
    findings.expect(count >= 2, f"{FOLDER}: no scripts")
    return f"{count} scripts"


def scripts(value: object, name: str = "") -> list[str]:
    """Every `run` and every item of a `script`, wherever they stand."""
    if isinstance(value, dict):
        return [script for key, each in value.items() for script in scripts(each, key)]
    if isinstance(value, list):
        return [script for each in value for script in scripts(each, name)]
    return [value] if name in ("run", "script") else []


def hold_script(script: str, program: Program, where: str, findings: Findings) -> None:
    # SC2016: what stands in single quotes is for the shell that the gateway starts.
    outcome = subprocess.run(
        ["shellcheck", "--shell=bash", "--exclude=SC2016", "-"], input=script, capture_output=True, text=True, check=False)
    findings.expect(outcome.returncode == 0, f"{where}: {outcome.stdout}")
    # The program's name in a command, and not in a path, an image or a container.
    commands = [match[1].split() for match in re.finditer(r"(?m)^\s*artifacts-gateway (.*)$", script)]
    for words in commands:
        program.hold_words(findings, words, where)
    if commands:
        run_script(script, program, where, findings)


def run_script(script: str, program: Program, where: str, findings: Findings) -> None:
    """Runs a script in local mode, with nothing of this machine's git."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "artifacts-gateway").symlink_to(program.path)
        variables = {
            "PATH": f"{folder}:{os.environ['PATH']}", "HOME": name, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
            "ARTIFACTS_GATEWAY_LOCAL": "true", "ARTIFACTS_GATEWAY_DATA_DIR": f"{folder}/data",
        }
        outcome = subprocess.run(
            ["bash", "-ec", script], cwd=folder, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60, check=False)
        cloned = outcome.returncode == 0 and (folder / "hello/.git").is_dir()
        findings.expect(cloned, f"{where}: ends with {outcome.returncode}: {outcome.stderr}")
