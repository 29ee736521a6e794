"""The Debian package: made, looked into, installed into a folder, started from there, and purged."""

import gzip
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from findings import Findings
from program import Program
from unit import Unit, hold_service

CONTENT = {
    "etc/artifacts-gateway/config.toml": 0o644,
    "usr/bin/artifacts-gateway": 0o755,
    "usr/lib/systemd/system/artifacts-gateway.service": 0o644,
    "usr/lib/systemd/system/artifacts-gateway.socket": 0o644,
    "usr/share/doc/artifacts-gateway/CHANGELOG.md.gz": 0o644,
    "usr/share/doc/artifacts-gateway/changelog.gz": 0o644,
    "usr/share/doc/artifacts-gateway/copyright": 0o644,
    "usr/share/man/man1/artifacts-gateway.1.gz": 0o644,
}
# The maintainers have no address; `systemctl disable` has no other name; and a debug build
# looks for Swift's libraries where they are.
LINTIAN_IGNORED = "bogus-mail-host,bogus-mail-host-in-debian-changelog,maintainer-script-calls-systemctl," \
    "custom-library-search-path"


def check(root: pathlib.Path, program: Program, findings: Findings) -> str:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        # make man takes a build of its own; that the page is the named one is what matters here.
        manual = folder / "page.1"
        manual.write_text('.TH ARTIFACTS-GATEWAY 1\n.SH NAME\nartifacts-gateway \\- a gateway for Git\n')
        # Packing tightly is the slow part.
        made = run(
            root / "deploy/debian/build.sh", program.path, folder, manual,
            variables={"DPKG_DEB_COMPRESSOR_TYPE": "gzip", "DPKG_DEB_COMPRESSOR_LEVEL": "1"})
        if not findings.expect(made.returncode == 0, f"build.sh: {made.stdout}"):
            return "not made"
        package = pathlib.Path(made.stdout.strip())
        field = dict(line.split(": ", 1) for line in run("dpkg-deb", "--field", package).stdout.splitlines() if ": " in line)
        findings.expect(field["Version"] == program.version, f"version {field['Version']}")
        hold_dependencies(field["Depends"], program, findings)
        target = folder / "root"
        install(package, target, findings)
        hold_content(target, findings)
        packed = target / "usr/share/man/man1/artifacts-gateway.1.gz"
        findings.expect(gzip.decompress(packed.read_bytes()) == manual.read_bytes(), "another manual page")
        unit = Unit(target / "usr/lib/systemd/system/artifacts-gateway.service")
        installed = target / unit.command[0].lstrip("/")
        if findings.expect(installed.is_file(), f"the unit starts {unit.command[0]}, which the package does not bring"):
            hold_service(unit, target, installed, True, "the installed service", findings)
        purge(target, findings)
        looked = "lintian" if lintian(package, findings) else "no lintian here"
        return f"{package.name}, installed, started and purged; {looked}"


def run(*words: object, variables: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        env=os.environ | (variables or {}))


def hold_dependencies(depends: str, program: Program, findings: Findings) -> None:
    """What the program links is in the packages that it depends on, as far as this system's packages brought it."""
    named = {part.split()[0] for part in depends.split(", ")}
    for path in re.findall(r"=> (/\S+)", run("ldd", program.path).stdout):
        # A file may be known by its name before /lib became /usr/lib.
        owner = next((each for each in (owner_of(path), owner_of(os.path.realpath(path))) if each), None)
        if owner:
            findings.expect(owner in named, f"{path} is of {owner}, which the package does not depend on")


def owner_of(path: str) -> str | None:
    outcome = run("dpkg-query", "--search", path)
    return outcome.stdout.partition(":")[0] if outcome.returncode == 0 else None


def install(package: pathlib.Path, target: pathlib.Path, findings: Findings) -> None:
    for name in ("info", "updates", "triggers"):
        (target / "var/lib/dpkg" / name).mkdir(parents=True)
    (target / "var/lib/dpkg/status").touch()
    outcome = dpkg(target, "--force-depends", "--install", package)
    findings.expect(outcome.returncode == 0, f"dpkg --install: {outcome.stdout}")


def dpkg(target: pathlib.Path, *words: object) -> subprocess.CompletedProcess:
    """dpkg for a system in a folder, whose scripts run here and are told so by DPKG_ROOT."""
    return run(
        "dpkg", f"--root={target}", f"--log={target}/dpkg.log", "--force-script-chrootless", "--force-not-root", *words,
        variables={"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"})


def hold_content(target: pathlib.Path, findings: Findings) -> None:
    found = {str(path.relative_to(target)): path.stat().st_mode & 0o7777 for path in target.rglob("*")
             if path.is_file() and path.relative_to(target).parts[0] in ("etc", "usr")}
    findings.expect(found == CONTENT, f"contains {found}")
    outcome = subprocess.run(
        ["md5sum", "--check", "--quiet", target / "var/lib/dpkg/info/artifacts-gateway.md5sums"], cwd=target,
        capture_output=True, text=True, check=False)
    findings.expect(outcome.returncode == 0, f"md5sums: {outcome.stdout}")


def purge(target: pathlib.Path, findings: Findings) -> None:
    """What the administrator laid down goes with the settings."""
    token = target / "etc/artifacts-gateway/cloudflare-api-token"
    token.touch()
    outcome = dpkg(target, "--remove", "artifacts-gateway")
    findings.expect(outcome.returncode == 0 and token.exists(), f"dpkg --remove: {outcome.stdout}")
    outcome = dpkg(target, "--purge", "artifacts-gateway")
    left = [str(path) for path in (target / "etc").rglob("*")] if (target / "etc").exists() else []
    findings.expect(outcome.returncode == 0 and not left, f"dpkg --purge leaves {left}: {outcome.stdout}")


def lintian(package: pathlib.Path, findings: Findings) -> bool:
    if not shutil.which("lintian"):
        return False
    outcome = run("lintian", "--allow-root", "--fail-on", "error,warning", "--suppress-tags", LINTIAN_IGNORED, package)
    findings.expect(outcome.returncode == 0, f"lintian: {outcome.stdout}")
    return True
