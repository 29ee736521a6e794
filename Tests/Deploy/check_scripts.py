"""The shell scripts, and what deploy/README.md names and has people paste."""

import pathlib
import re
import subprocess

from findings import Findings
from program import Program

SCRIPTS = (
    "deploy/install-packages.sh", "deploy/debian/build.sh", "deploy/debian/postinst", "deploy/debian/prerm",
    "deploy/debian/postrm",
)


def check(root: pathlib.Path, program: Program, findings: Findings) -> str:
    outcome = subprocess.run(
        ["shellcheck", *SCRIPTS], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    findings.expect(outcome.returncode == 0, outcome.stdout)
    text = (root / "deploy/README.md").read_text()
    for name in re.findall(r"`((?:deploy/|Dockerfile|Makefile)[\w./-]*)`", text):
        findings.expect((root / name).exists(), f"deploy/README.md: there is no {name}")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        findings.expect((root / "deploy" / target).exists(), f"deploy/README.md: the link to {target} leads nowhere")
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```$", text)
    for block in blocks:
        hold_block(block, root, program, findings)
    for path in sorted((root / "deploy").rglob("*")):
        if path.is_file() and path.name not in ("README.md", "kustomization.yaml"):
            named = any(str(each) in text for each in (path.relative_to(root), *path.relative_to(root).parents[:-2]))
            findings.expect(named, f"deploy/README.md does not tell what {path.relative_to(root)} is for")
    return f"{len(SCRIPTS)} scripts, {len(blocks)} blocks to paste"


def hold_block(block: str, root: pathlib.Path, program: Program, findings: Findings) -> None:
    """bash can read it; the program's commands and flags, the files and the targets of make that it names exist."""
    outcome = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
    findings.expect(outcome.returncode == 0, f"deploy/README.md: {outcome.stderr}")
    joined = block.replace("\\\n", " ")
    for match in re.finditer(r"(?m)^(?:\w+=\S+ )*artifacts-gateway (.*)$", joined):
        program.hold_words(findings, match[1].split(), f"deploy/README.md: {match[0]}")
    for name in re.findall(r"(?<![\w/.-])deploy/[\w./-]+", joined):
        findings.expect((root / name).exists(), f"deploy/README.md: there is no {name}")
    for target in re.findall(r"(?m)^make ([a-z-]+)", joined):
        known = re.search(rf"(?m)^{target}:", (root / "Makefile").read_text())
        findings.expect(known, f"deploy/README.md: make knows no {target}")
