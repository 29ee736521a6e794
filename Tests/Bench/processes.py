"""Child processes of the rig: start, wait until they listen, CPU time, sure clean-up."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path


class LegFailed(Exception):
    """One measurement cannot be trusted; the text says why."""


def free_port():
    """A loopback TCP port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def plain_environment(home):
    """Nothing of the caller's settings (HTTPS_PROXY, tokens, ...) may reach a server under test."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "LANG": "C.UTF-8"}


class Server:
    """A server process in its own process group, its output kept in a file."""

    running = []

    def __init__(self, name, command, log_file):
        self.name = name
        self.log_file = Path(log_file)
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.log_file.parent,
                env=plain_environment(self.log_file.parent),
            )
        Server.running.append(self)

    def wait_until_listening(self, port, seconds=10):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise LegFailed(
                    f"{self.name} ended at start with code {self.process.returncode}:\n{self.last_output()}"
                )
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise LegFailed(f"{self.name} did not listen within {seconds} s:\n{self.last_output()}")

    def last_output(self, lines=8):
        text = self.log_file.read_text(errors="replace").splitlines()
        return "\n".join("    " + line for line in text[-lines:]) or "    (it printed nothing)"

    def cpu_seconds(self):
        """User + system time of the process and its live descendants since they started."""
        if self.process.poll() is not None:
            raise LegFailed(f"{self.name} died with code {self.process.returncode}:\n{self.last_output()}")
        return sum(cpu_seconds_of(pid) for pid in family_of(self.process.pid))

    def stop(self):
        """SIGTERM, two seconds of grace, then SIGKILL for the whole group."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=2)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    @classmethod
    def stop_all(cls):
        while cls.running:
            cls.running.pop().stop()


def measuring(name, run, options):
    """Runs `run(directory, options)` in a folder of its own and gives its exit status. Whatever ends it, no server stays."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, frame: sys.exit(128 + received))
    with tempfile.TemporaryDirectory(prefix=f"artifacts-gateway-{name}-") as directory:
        try:
            return run(Path(directory), options)
        except (LegFailed, OSError, subprocess.CalledProcessError) as problem:
            print(f"FAILED  {problem}")
            return 1
        except KeyboardInterrupt:
            return 130
        finally:
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            Server.stop_all()


def family_of(root):
    """The process `root` and all its descendants."""
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue  # it ended while we were looking
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    family = [root]
    for pid in family:
        family.extend(children.get(pid, []))
    return family


def cpu_seconds_of(pid):
    """What `utime + stime` of /proc/PID/stat says, in nanoseconds instead of ticks of 10 ms.

    Linux numbers the CPU clock of a process `(~pid << 3) | 2`, see clock_getcpuclockid(3).
    """
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0  # it ended between the listing and this call
