#!/usr/bin/env python3
"""Installs the Debian package on a machine that systemd runs, and uses it there as its README says.

    Tests/Deploy/machine.py [path of artifacts-gateway, built for release]

The machine is a Debian 12 in a folder, in namespaces of its own, with systemd as its first process. So the unit is what
systemd makes of it: a user for the time of the run, the token as a credential, filtered system calls, and the socket. Needs
root, and a mirror of Debian. Takes a minute.
"""

import json
import os
import pathlib
import select
import shutil
import socket
import subprocess
import sys

import container
import image
from findings import Findings

ROOT = image.ROOT
# What a manager of containers does before systemd starts: its file systems, and a root whose mounts are shared.
BOOT = """
set -eu
mount --make-rprivate /
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do touch dev/$name; mount --bind /dev/$name dev/$name; done
mkdir dev/pts dev/shm
mount -t tmpfs tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mkdir -p old
pivot_root . old
umount -l old
mount --make-rshared /
exec env -i container=test NOTIFY_SOCKET=/notify PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --unit=multi-user.target --log-target=journal
"""


class Machine:
    def __init__(self, root: pathlib.Path):
        """Starts systemd in a folder, and waits until it is up."""
        notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notified.bind(str(root / "notify"))
        notified.settimeout(120)
        tree = next(line.split()[1] for line in pathlib.Path("/proc/mounts").read_text().splitlines()
                    if line.split()[2] == "cgroup2")
        self.group = pathlib.Path(tree) / f"artifacts-gateway-test-{os.getpid()}"
        self.group.mkdir()

        def join_group() -> None:
            (self.group / "cgroup.procs").write_text(str(os.getpid()))

        self.process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--fork", "--kill-child",
             "sh", "-c", BOOT, "boot", str(root)], preexec_fn=join_group, stdin=subprocess.DEVNULL)
        try:
            while b"READY=1" not in notified.recv(4096).split(b"\n"):
                pass
            self.first = int(pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text())
        except TimeoutError:
            self.process.kill()
            raise SystemExit("systemd does not come up") from None

    def run(self, command: str) -> subprocess.CompletedProcess:
        """Runs a command of the shell on the machine."""
        return subprocess.run(
            ["nsenter", f"--target={self.first}", "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "env", "-i",
             "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", command],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, timeout=120, check=False)

    def says(self, command: str) -> str:
        return self.run(command).stdout.strip()

    def end(self) -> None:
        """Ends every process of the machine, whose first has ended when all others have."""
        first = os.pidfd_open(self.first)
        self.process.kill()
        self.process.wait()
        select.select([first], [], [], 30)
        os.close(first)
        for group in sorted(self.group.rglob("*/"), key=lambda each: len(each.parts), reverse=True):
            group.rmdir()
        self.group.rmdir()


def installed(program: pathlib.Path, root: pathlib.Path) -> None:
    """Lays a machine down with the package on it, and with what the package depends on."""
    shutil.rmtree(root, ignore_errors=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    image.run("cp", "--archive", image.bare_debian("debian"), root)
    made = subprocess.run(
        [ROOT / "deploy/debian/build.sh", program, root / "root"], check=True, capture_output=True, text=True)
    package = pathlib.Path(made.stdout.strip()).name
    container.build_step(
        root, "/root", "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "
        f"systemd dbus curl ./{package}", [])


def try_out(machine: Machine, findings: Findings) -> None:
    expect = findings.expect
    expect(machine.says("systemctl is-system-running") == "running", machine.says("systemctl --failed"))
    expect(machine.says("systemctl is-active artifacts-gateway") == "inactive", "the installation starts the service")

    expect(machine.run("systemctl start artifacts-gateway").returncode != 0, "it starts without a token")
    expect(machine.says("systemctl is-active artifacts-gateway") != "active", "it runs without a token")
    machine.run("systemctl stop artifacts-gateway; systemctl reset-failed artifacts-gateway")

    machine.run("umask 077; echo opens-nothing > /etc/artifacts-gateway/cloudflare-api-token")
    machine.run("sed -i 's/^# account_id/account_id/' /etc/artifacts-gateway/config.toml")
    started = machine.run("systemctl enable --now artifacts-gateway.service")
    expect(started.returncode == 0, f"{started.stdout}\n{machine.says('journalctl --no-pager -u artifacts-gateway')}")
    expect(machine.says(ask("/readyz")) == "200", "/readyz is not 200")
    status = machine.says("cat /proc/$(systemctl show -P MainPID artifacts-gateway)/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    expect(fields["Uid"].split()[0] != "0", "it runs as root")
    expect(int(fields["CapBnd"], 16) == 0 and fields["NoNewPrivs"] == "1" and fields["Seccomp"] == "2", status)

    process = machine.says("systemctl show -P MainPID artifacts-gateway")
    machine.run("sed -i 's/^# read_only/read_only/' /etc/artifacts-gateway/config.toml")
    reloaded = machine.run("systemctl reload artifacts-gateway")
    expect(reloaded.returncode == 0, reloaded.stdout)
    expect(machine.says(ask("/readyz")) == "200", "/readyz is not 200 when it was reloaded")
    expect(machine.says("systemctl show -P MainPID artifacts-gateway") == process, "a reload starts another process")

    machine.run("systemctl stop artifacts-gateway && systemctl enable --now artifacts-gateway.socket")
    expect(machine.says("systemctl is-active artifacts-gateway") == "inactive", "it runs before anybody asks")
    expect(machine.says(ask("/livez")) == "200", "the socket does not start it")
    restarting = machine.says(f"systemctl restart artifacts-gateway & {ask('/livez')}; wait")
    expect(restarting == "200", f"a request while it restarts: {restarting}")
    machine.run("systemctl stop artifacts-gateway.socket artifacts-gateway.service")
    expect(machine.says("systemctl show -P Result artifacts-gateway") == "success", "it does not end well")
    lines = machine.says("journalctl --no-pager --output=cat _EXE=/usr/bin/artifacts-gateway").splitlines()
    expect(any("listening" in line for line in lines), "the journal knows nothing of it")
    expect(any("configuration reloaded" in line for line in lines), "the journal knows nothing of the reload")
    for line in lines:
        expect(is_good(line), f"not what all is well with: {line}")

    expect(machine.run("apt-get purge -qq -y artifacts-gateway").returncode == 0, "purging it fails")
    left = machine.says("ls -d /etc/artifacts-gateway /var/cache/private/artifacts-gateway "
                        "/etc/systemd/system/*/artifacts-gateway* 2>/dev/null")
    expect(left == "", f"purging it leaves {left}")


def ask(path: str) -> str:
    return f"curl --silent --max-time 30 --output /dev/null --write-out '%{{http_code}}' http://127.0.0.1:7080{path}"


def is_good(line: str) -> bool:
    """Whether a line is a record of the log, and no warning."""
    try:
        return json.loads(line)["level"] in ("info", "notice")
    except ValueError:
        return False


def main() -> int:
    if os.geteuid() != 0:
        raise SystemExit("namespaces want root")
    program = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".build/release/artifacts-gateway").resolve()
    root = image.WORK / "machine"
    findings = Findings()
    installed(program, root)
    machine = Machine(root)
    try:
        try_out(machine, findings)
    finally:
        machine.end()
        shutil.rmtree(root, ignore_errors=True)
    for fault in findings.faults:
        print(f"machine: FAILED: {fault}")
    print(f"machine: {findings.passed} passed, {len(findings.faults)} failed")
    return 1 if findings.faults else 0


if __name__ == "__main__":
    sys.exit(main())
