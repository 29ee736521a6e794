"""The units: what systemd says of them, and the service really started, with and without the socket of its unit."""

import pathlib
import re
import subprocess
import tempfile

from findings import Findings
from program import Program, Sandbox
from unit import Unit, hold_service

FOLDER = "deploy/systemd"
# Of `systemd-analyze security`, which goes from 0, safe, to 100.
EXPOSURE_LIMIT = 12


def check(root: pathlib.Path, program: Program, findings: Findings) -> str:
    folder = root / FOLDER
    unit = Unit(folder / "artifacts-gateway.service")
    verify(folder, unit, findings)
    outcome = analyze("security", "--offline=true", f"--threshold={EXPOSURE_LIMIT}", folder / "artifacts-gateway.service")
    findings.expect(outcome.returncode == 0, outcome.stdout)
    program.hold_words(findings, unit.command[1:], f"{FOLDER}: ExecStart")
    program.hold_variables(findings, set(unit.variables), f"{FOLDER}: Environment")
    hold_times(unit, findings)
    count = hold_settings(folder / "config.toml", program, findings)
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name) / "etc/artifacts-gateway"
        place.mkdir(parents=True)
        (place / "config.toml").write_text((folder / "config.toml").read_text())
        for has_socket in (False, True):
            where = f"{FOLDER}: the service {'behind a socket unit' if has_socket else 'alone'}"
            hold_service(unit, pathlib.Path(name), program.path, has_socket, where, findings)
    level = re.search(r"exposure level for \S+: ([\d.]+)", outcome.stdout)
    return f"exposure {level[1] if level else '?'}, {count} examples of settings, 2 starts"


def analyze(*words: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["systemd-analyze", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def verify(folder: pathlib.Path, unit: Unit, findings: Findings) -> None:
    """systemd reads the units; for that the program has to be where they say, so they say where there is one."""
    with tempfile.TemporaryDirectory() as name:
        for path in folder.glob("artifacts-gateway.*"):
            (pathlib.Path(name) / path.name).write_text(path.read_text().replace(unit.command[0], "/bin/true"))
        outcome = analyze("verify", "--man=no", *sorted(pathlib.Path(name).iterdir()))
        findings.expect(outcome.returncode == 0 and not outcome.stdout, f"{FOLDER}: {outcome.stdout}")


def hold_times(unit: Unit, findings: Findings) -> None:
    """The time to stop is what the gateway takes at most by default, the exit codes are those of its help."""
    stop = int(unit.one("TimeoutStopSec").removesuffix("s"))
    findings.expect(stop > 62, f"{FOLDER}: {stop} s to stop, and a drain takes 62 s")
    prevented = set(unit.one("RestartPreventExitStatus").split())
    findings.expect(prevented == {"64", "65", "77"}, f"{FOLDER}: RestartPreventExitStatus={prevented}")


def hold_settings(path: pathlib.Path, program: Program, findings: Findings) -> int:
    """Every example in the file of settings does when its paragraph is taken in."""
    count = 0
    account = {"CLOUDFLARE_ACCOUNT_ID": "0123456789abcdef", "CLOUDFLARE_API_TOKEN": "opens-nothing"}
    for paragraph in path.read_text().split("\n\n"):
        taken_in = re.sub(r"(?m)^# (\w+ = )", r"\1", paragraph)
        with tempfile.TemporaryDirectory() as name:
            sandbox = Sandbox(pathlib.Path(name))
            for secret in re.findall(r'"(/etc/[^"]+)"', taken_in):
                sandbox.mount(secret)
            settings = pathlib.Path(name) / "config.toml"
            settings.write_text(sandbox.moved(taken_in))
            outcome = sandbox.check(program, ["serve", "--config", str(settings)], account)
            findings.expect(outcome.returncode == 0, f"{path.name}: {taken_in}\n{outcome.stderr}")
        count += len(re.findall(r"(?m)^\w+ = ", taken_in))
    return count
