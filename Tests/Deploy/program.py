"""The program that deploy/ is held against."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from findings import Findings

# Read beside the twins of flags, each also with _FILE; the last one by Dispatch.
OTHER_VARIABLES = {
    "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID", "CF_API_TOKEN", "CF_ACCOUNT_ID", "ARTIFACTS_NAMESPACE",
    "HTTPS_PROXY", "NO_PROXY", "LIBDISPATCH_LOG",
}


class Program:
    def __init__(self, path: str):
        self.path = pathlib.Path(path).resolve()
        self.commands = set(re.findall(r"(?m)^  ([a-z-]+)(?: \(default\))?  ", self.run("--help").stdout))
        self.flags = {command: self.read_flags(command) for command in self.commands}

    def run(self, *words: str, variables: dict[str, str] | None = None) -> subprocess.CompletedProcess:
        clean = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        return subprocess.run(
            [str(self.path), *words], env=clean | (variables or {}), capture_output=True, text=True, timeout=60, check=False)

    def read_flags(self, command: str) -> set[str]:
        return set(re.findall(r"(?m)^  (?:-[a-z], )?(--[a-z][a-z-]*)", self.run(command, "--help").stdout))

    @property
    def version(self) -> str:
        return json.loads(self.run("version", "--json").stdout)["version"]

    def hold_words(self, findings: Findings, words: list[str], where: str) -> None:
        """Looks whether a command and its flags exist. The words stand behind the program's name."""
        command, *rest = words if words and not words[0].startswith("-") else ["serve", *words]
        known = self.flags.get(command)
        if not findings.expect(known is not None, f"{where}: there is no command {command}"):
            return
        for word in rest:
            if word == "--":
                break
            if word.startswith("--"):
                flag = word.partition("=")[0]
                findings.expect(flag in known, f"{where}: {command} has no flag {flag}")

    def hold_variables(self, findings: Findings, names: set[str], where: str) -> None:
        """Looks whether the variables are those of the program."""
        twins = {"ARTIFACTS_GATEWAY_" + flag[2:].upper().replace("-", "_") for flag in self.flags["serve"]}
        for name in names:
            is_known = name in twins or name.removesuffix("_FILE") in OTHER_VARIABLES
            findings.expect(is_known, f"{where}: the program does not read {name}")


class Sandbox:
    """A folder that stands for the root of a container: what is mounted there is there, and settings are moved into it."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.mounts: set[str] = set()

    def mount(self, path: str, mode: int = 0o600) -> None:
        """Makes a file that its name tells the content of."""
        place = self.folder / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        kind = next((kind for kind in ("key", "ca", "api-token") if re.search(rf"\b{kind}\b", place.name)), "cert")
        if kind == "api-token":
            place.write_text("opens-nothing\n")
        else:
            shutil.copy(certificate() / ("key.pem" if kind == "key" else "cert.pem"), place)
        place.chmod(mode)
        self.mounts.add(path)

    def moved(self, text: str) -> str:
        """The text, with the paths of what is mounted as they are here."""
        for path in sorted(self.mounts, key=len, reverse=True):
            text = text.replace(path, str(self.folder / path.lstrip("/")))
        return text

    def hold(self, texts: list[str], where: str, findings: Findings) -> None:
        """Looks whether what the texts name under /run is mounted."""
        for path in re.findall(r"/run/[\w./-]+", " ".join(texts)):
            findings.expect(path in self.mounts, f"{where}: {path} is not mounted")

    def check(self, program: Program, words: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess:
        """What `check` says of a `serve` with these words and variables."""
        rest = words[1:] if words[:1] == ["serve"] else words
        return program.run(
            "check", *map(self.moved, rest), variables={name: self.moved(value) for name, value in variables.items()})


_certificates: list[tempfile.TemporaryDirectory] = []


def certificate() -> pathlib.Path:
    """A folder with a certificate that has signed itself, and its key; made once."""
    if not _certificates:
        _certificates.append(tempfile.TemporaryDirectory())
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"],
            cwd=_certificates[0].name, check=True, capture_output=True)
    return pathlib.Path(_certificates[0].name)
