"""The Dockerfile, as far as it can be read without being built; see image.py for the rest."""

import pathlib
import re
import subprocess
import sys

import dockerfile
from findings import Findings
from program import Program

FILE = "Dockerfile"
TARGETS = ("gateway", "local")
LABELS = {f"org.opencontainers.image.{name}" for name in ("title", "description", "version", "licenses")}
SECRET = re.compile(r"token|secret|password|credential|\.pem\b|\.key\b", re.IGNORECASE)


def check(root: pathlib.Path, program: Program, findings: Findings) -> str:
    hadolint(root, findings)
    stages = dockerfile.stages(root / FILE)
    names = {stage.name for stage in stages}
    findings.expect(stages[-1].name == "gateway", f"{FILE}: the target by default is {stages[-1].name}")
    for stage in stages:
        is_pinned = stage.base in names | {"scratch"} or re.search(r":.*\d|@sha256:", stage.base)
        findings.expect(is_pinned, f"{FILE}: {stage.base} names no release")
        for instruction in stage.instructions:
            if instruction.name in ("ARG", "ENV", "COPY"):
                text = f"{FILE}: line {instruction.line}: {instruction.name} {instruction.text}: a secret in a layer"
                findings.expect(not SECRET.search(instruction.text), text)
    for name in TARGETS:
        hold_target(next(stage for stage in stages if stage.name == name), program, findings)
    hold_context(root, findings)
    return f"{len(stages)} stages"


def hadolint(root: pathlib.Path, findings: Findings) -> None:
    # DL3008 wants versions of packages; those of a Debian release are its security updates.
    tool = pathlib.Path(sys.executable).parent / "hadolint"
    outcome = subprocess.run(
        [tool, "--no-color", "--ignore", "DL3008", root / FILE], capture_output=True, text=True, check=False)
    findings.expect(outcome.returncode == 0, outcome.stdout)


def hold_target(stage: dockerfile.Stage, program: Program, findings: Findings) -> None:
    where = f"{FILE}: {stage.name}"
    for name in ("USER", "HEALTHCHECK", "ENTRYPOINT", "CMD", "EXPOSE", "STOPSIGNAL", "LABEL"):
        if not findings.expect(stage.last(name), f"{where}: no {name}"):
            return
    user = re.fullmatch(r"(\d+):(\d+)", stage.last("USER").text)
    findings.expect(user and "0" not in user.groups(), f"{where}: USER has to be two numbers, and neither is root's")
    labels = stage.last("LABEL").pairs
    findings.expect(LABELS <= labels.keys(), f"{where}: missing labels: {sorted(LABELS - labels.keys())}")
    version = labels.get("org.opencontainers.image.version")
    findings.expect(version == program.version, f"{where}: labelled {version}, and the program is {program.version}")
    entry = stage.last("ENTRYPOINT")
    findings.expect(entry.text.startswith("["), f"{where}: a shell would keep signals from the program")
    health = stage.last("HEALTHCHECK").text.removeprefix("CMD ")
    findings.expect(health.startswith("["), f"{where}: the health check wants a shell")
    words = dockerfile.Instruction("CMD", health, 0).words
    findings.expect(words[:1] == entry.words, f"{where}: the health check runs {words[0]}")
    program.hold_words(findings, words[1:], f"{where}: health check")
    program.hold_words(findings, stage.last("CMD").words, where)
    variables = {name for each in stage.instructions if each.name == "ENV" for name in each.pairs}
    program.hold_variables(findings, variables, where)


def hold_context(root: pathlib.Path, findings: Findings) -> None:
    """A builder is sent what is in the repository, and what the stages copy is among it."""
    sent = set(map(str, dockerfile.context(root)))
    tracked = set(subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=root, check=True, capture_output=True,
        text=True).stdout.splitlines())
    findings.expect(sent <= tracked, f".dockerignore lets through {sorted(sent - tracked)[:5]}")
    findings.expect(not any(name.startswith((".git/", ".build")) for name in sent), ".dockerignore lets .git or .build through")
