"""The files for Docker Compose: the schema of the specification, and what the gateway is given in them."""

import pathlib
import re
import tempfile

import yaml

import dockerfile
import schema
from findings import Findings
from program import Program, Sandbox

FOLDER = "deploy/compose"


def check(root: pathlib.Path, program: Program, findings: Findings) -> str:
    files = sorted((root / FOLDER).glob("*.yaml"))
    image = next(stage for stage in dockerfile.stages(root / "Dockerfile") if stage.name == "gateway")
    for path in files:
        schema.hold(path, "compose-spec", findings)
        text = path.read_text()
        # A variable's default, or a stand-in.
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
        text = re.sub(r"\$\{(\w+):\?[^}]*\}", r"localhost", text)
        findings.expect("${" not in text, f"{path.name}: a variable without a default or a word on what to set")
        Gateway(yaml.safe_load(text), f"{FOLDER}/{path.name}", image.last("CMD").words).hold(program, findings)
    return f"{len(files)} files"


class Gateway:
    """The service of the gateway in one file."""

    def __init__(self, file: dict, where: str, command: list[str]):
        self.file = file
        self.where = where
        self.service = file["services"]["gateway"]
        self.command = self.service.get("command", command)
        self.variables = self.service["environment"]

    def hold(self, program: Program, findings: Findings) -> None:
        expect = findings.expect
        expect(self.service.get("read_only") is True, f"{self.where}: the root can be written to")
        expect(self.service.get("cap_drop") == ["ALL"], f"{self.where}: has capabilities")
        expect(self.service.get("security_opt") == ["no-new-privileges:true"], f"{self.where}: may gain privileges")
        grace = int(self.service["stop_grace_period"].removesuffix("s"))
        expect(grace > 62, f"{self.where}: {grace} s to stop, and a drain takes 62 s")
        program.hold_words(findings, self.command, self.where)
        program.hold_variables(findings, set(self.variables), self.where)
        health = self.service["healthcheck"]["test"]
        expect(health[:2] == ["CMD", "/usr/local/bin/artifacts-gateway"], f"{self.where}: the health check runs {health}")
        program.hold_words(findings, health[2:], f"{self.where}: health check")
        listened = [word.partition("=")[2] for word in self.command if re.match("--(admin-)?listen=", word)]
        url = health[health.index("--url") + 1] if "--url" in health else "http://127.0.0.1:7080"
        expect(url in (listened or ["http://127.0.0.1:7080"]), f"{self.where}: the health check asks {url}, not {listened}")
        for port in self.service.get("ports", []):
            inner = port.rpartition(":")[2]
            expect(any(each.endswith(f":{inner}") for each in listened), f"{self.where}: nothing listens on {inner}")
        self.hold_start(program, findings)

    def hold_start(self, program: Program, findings: Findings) -> None:
        secrets = self.service["secrets"]
        findings.expect(set(secrets) == set(self.file["secrets"]), f"{self.where}: secrets that are not those of the file")
        with tempfile.TemporaryDirectory() as folder:
            sandbox = Sandbox(pathlib.Path(folder))
            for secret in secrets:
                sandbox.mount(f"/run/secrets/{secret}")
            sandbox.hold([*self.command, *self.variables.values()], self.where, findings)
            outcome = sandbox.check(program, self.command, self.variables)
            findings.expect(outcome.returncode == 0, f"{self.where}: {outcome.stderr}")
