#!/usr/bin/env python3
"""Kills the gateway over and over while clients clone, fetch, push and purge, and holds every clone to the upstream.

The embedded service runs beside it and is not killed. The gateway starts again each time on the same cache directory and
the same port. A client whose gateway is killed tries again; what git has accepted must be whole, and no older than what
had been pushed when it began. Afterwards each repo is cloned through the cache and past it, and the cache directory may
hold no unfinished file.

    Tests/Chaos/cache.py .build/release/artifacts-gateway --clones 200
"""

import argparse
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

API_TOKEN = "api-token-of-the-chaos"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    def __init__(self, command: list[str], port: int, log: Path):
        with open(log, "ab") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{command[:2]} did not start: {log.read_text()[-2000:]}")
                time.sleep(0.01)

    def end(self, number: int) -> None:
        self.process.send_signal(number)
        self.process.wait(timeout=30)


class Chaos:
    def __init__(self, folder: Path, options: argparse.Namespace):
        self.folder, self.options = folder, options
        self.service_port, self.port = free_port(), free_port()
        self.token_file = folder / "api-token"
        self.token_file.touch(mode=0o600)
        self.token_file.write_text(API_TOKEN)
        self.cache = folder / "cache"
        self.lock = threading.Lock()
        self.done = threading.Event()
        self.is_up = threading.Event()
        self.clones = self.fetches = self.pushes = self.purges = self.kills = self.retries = self.shared = 0
        self.failures: list[str] = []
        # Per repo: the commits of main in the order of their pushing, and a lock for who pushes.
        self.history: dict[str, list[str]] = {}
        self.pushing = {repo: threading.Lock() for repo in ("one", "two", "three")}
        self.tokens: dict[str, str] = {}

    # The processes

    def start_service(self) -> None:
        binary = self.options.binary
        self.service = Process(
            [binary, "emulator", "--listen", f"127.0.0.1:{self.service_port}", "--data-dir", str(self.folder / "data"),
             "--api-token-file", str(self.token_file), "--log-level", "warning"],
            self.service_port, self.folder / "service.log")

    def start_gateway(self) -> None:
        self.gateway = Process(
            [self.options.binary, "serve", "--listen", f"127.0.0.1:{self.port}", "--log-level", "warning",
             "--api-base", f"http://127.0.0.1:{self.service_port}/client/v4", "--account-id", "chaos",
             "--allow-insecure-upstream", "--allow-remote-host", "127.0.0.1", "--api-token-file", str(self.token_file),
             "--cache-dir", str(self.cache), "--cache-size", self.options.cache_size],
            self.port, self.folder / "gateway.log")

    def kill_now_and_then(self) -> None:
        while not self.done.wait(random.uniform(*self.options.pause)):
            self.count_shared()
            self.is_up.clear()
            self.gateway.end(signal.SIGKILL)
            self.kills += 1
            self.start_gateway()
            self.is_up.set()

    def count_shared(self) -> None:
        """Counts what this process of the gateway has answered without the upstream."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/api/v1/cache")
        figures = json.loads(connection.getresponse().read())
        connection.close()
        self.shared += figures["hits"] + figures["joined"]

    # git

    def git(self, *arguments: str) -> subprocess.CompletedProcess:
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": "c", "GIT_AUTHOR_EMAIL": "c@localhost", "GIT_COMMITTER_NAME": "c",
            "GIT_COMMITTER_EMAIL": "c@localhost", "LC_ALL": "C",
        }
        return subprocess.run(["git", "-c", "gc.auto=0", *arguments], cwd=self.folder, env=environment,
                              capture_output=True, text=True, timeout=120)

    def must(self, *arguments: str) -> str:
        done = self.git(*arguments)
        if done.returncode != 0:
            raise AssertionError(f"git {' '.join(arguments)}: {done.stderr[-600:]}")
        return done.stdout.strip()

    def url(self, repo: str) -> str:
        return f"http://127.0.0.1:{self.port}/git/{repo}"

    def direct(self, repo: str) -> tuple[str, str]:
        """Options and URL that lead past the gateway."""
        return (f"http.extraHeader=Authorization: Bearer {self.tokens[repo]}",
                f"http://127.0.0.1:{self.service_port}/git/default/{repo}.git")

    def create(self, repo: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.service_port, timeout=30)
        connection.request(
            "POST", "/client/v4/accounts/chaos/artifacts/namespaces/default/repos", json.dumps({"name": repo}),
            {"Authorization": f"Bearer {API_TOKEN}", "Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        self.tokens[repo] = answer["result"]["token"].split("?")[0]
        self.must("init", "-q", "-b", "main", f"work-{repo}")
        self.history[repo] = []
        for _ in range(3):
            self.push(repo)

    def push(self, repo: str) -> None:
        """One more commit, past the gateway: what it brings is the truth that clones are held to."""
        with self.pushing[repo]:
            work = f"work-{repo}"
            size = random.choice((1_000, 50_000, 3_000_000))
            name = f"file{random.randrange(6)}"
            (self.folder / work / name).write_bytes(os.urandom(size))
            self.must("-C", work, "add", name)
            self.must("-C", work, "commit", "-q", "-m", name)
            header, url = self.direct(repo)
            self.must("-C", work, "-c", header, "push", "-q", url, "main")
            self.history[repo].append(self.must("-C", work, "rev-parse", "main"))

    # What clients do

    def work(self, number: int) -> None:
        try:
            while not self.done.is_set():
                self.step(number)
        except Exception as error:  # whatever it is, the run has failed
            with self.lock:
                self.failures.append(f"{type(error).__name__}: {error}")
            self.done.set()

    def step(self, number: int) -> None:
        repo = random.choice(list(self.history))
        action = random.choices(("clone", "fetch", "push", "purge"), (12, 4, 1, 1))[0]
        # Whoever is under way is cut off; nobody begins while nobody listens.
        self.is_up.wait(30)
        if action == "push":
            self.push(repo)
            with self.lock:
                self.pushes += 1
        elif action == "purge":
            self.purge(repo if random.random() < 0.7 else None)
        else:
            self.clone(number, repo, then_fetch=action == "fetch")

    def purge(self, repo: str | None) -> None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            connection.request("DELETE", "/api/v1/cache" + (f"?repo={repo}" if repo else ""))
            status = connection.getresponse().status
            assert status == 200, f"purge answered {status}"
            self.purges += 1
        except (OSError, http.client.HTTPException):
            pass

    def clone(self, number: int, repo: str, then_fetch: bool) -> None:
        target = f"clone-{number}"
        options = random.choice(([], [], ["--depth", "1"], ["--depth", "2"], ["--filter=blob:none", "--no-checkout"]))
        least = len(self.history[repo]) - 1
        done = self.git("clone", "-q", *options, self.url(repo), target)
        if done.returncode == 0 and then_fetch:
            least = len(self.history[repo]) - 1
            done = self.git("-C", target, "fetch", "-q", "origin", "main")
        if done.returncode == 0:
            self.check(repo, target, least, is_partial="--filter=blob:none" in options)
            with self.lock:
                self.clones += 1
                self.fetches += then_fetch
                if self.clones >= self.options.clones:
                    self.done.set()
        else:
            # Nothing but the death of the gateway may be the cause.
            signs = ("Failed to connect", "Connection refused", "Connection reset", "Empty reply", "unexpected disconnect",
                     "early EOF", "hung up", "Recv failure", "HTTP/2 stream", "transfer closed", "RPC failed", "invalid index-pack")
            assert any(sign in done.stderr for sign in signs), f"{repo}: {done.stderr[-600:]}"
            self.retries += 1
        shutil.rmtree(self.folder / target, ignore_errors=True)

    def check(self, repo: str, target: str, least: int, is_partial: bool) -> None:
        head = self.must("-C", target, "rev-parse", "origin/main")
        for _ in range(100):
            if head in self.history[repo]:
                break
            time.sleep(0.05)  # pushed, and told of in a moment
        assert head in self.history[repo], f"{repo}: {head} was never pushed"
        assert self.history[repo].index(head) >= least, f"{repo}: {head} is older than the question"
        if not is_partial:
            self.must("-C", target, "fsck", "--strict", "--connectivity-only")

    # The run

    def run(self) -> int:
        self.start_service()
        for repo in self.pushing:
            self.create(repo)
        self.start_gateway()
        self.is_up.set()
        clients = [threading.Thread(target=self.work, args=(number,)) for number in range(self.options.clients)]
        killer = threading.Thread(target=self.kill_now_and_then)
        for thread in [*clients, killer]:
            thread.start()
        self.done.wait(self.options.seconds)
        self.done.set()
        for thread in [*clients, killer]:
            thread.join()
        try:
            if not self.failures:
                self.count_shared()
                self.compare()
                self.look_for_remains()
        except AssertionError as error:
            self.failures.append(str(error))
        self.gateway.end(signal.SIGTERM)
        self.service.end(signal.SIGTERM)
        print(f"{self.clones} clones, {self.fetches} fetches, {self.pushes} pushes, {self.purges} purges, "
              f"{self.kills} kills, {self.shared} shared, {self.retries} cut off; {len(self.failures)} failures")
        for failure in self.failures:
            print(f"FAILED  {failure}")
        return 1 if self.failures else 0

    def compare(self) -> None:
        for repo in self.history:
            header, url = self.direct(repo)
            self.must("-c", header, "clone", "-q", "--mirror", url, f"truth-{repo}")
            for number in range(3):
                self.must("clone", "-q", "--mirror", self.url(repo), f"copy-{repo}-{number}")
                for question in (["show-ref"], ["rev-list", "--objects", "--all"]):
                    truth = sorted(self.must("-C", f"truth-{repo}", *question).splitlines())
                    copy = sorted(self.must("-C", f"copy-{repo}-{number}", *question).splitlines())
                    assert truth == copy, f"{repo}: {question} differs"
                self.must("-C", f"copy-{repo}-{number}", "fsck", "--strict", "--full")

    def look_for_remains(self) -> None:
        """After one more start nothing unfinished is left."""
        self.gateway.end(signal.SIGKILL)
        self.start_gateway()
        deadline = time.monotonic() + 10
        while True:
            remains = [name for name in os.listdir(self.cache) if not name.endswith(".pack")]
            if not remains:
                return
            assert time.monotonic() < deadline, f"left in the cache directory: {remains}"
            time.sleep(0.05)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--clones", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=600, help="at most")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--pause", type=float, nargs=2, default=(0.2, 2.0), metavar=("LEAST", "MOST"), help="seconds from one kill to the next")
    parser.add_argument("--cache-size", default="64MiB")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    options.binary = str(Path(options.binary).resolve())
    random.seed(options.seed)
    with tempfile.TemporaryDirectory(prefix="artifacts-gateway-chaos-", ignore_cleanup_errors=True) as folder:
        chaos = Chaos(Path(folder), options)
        try:
            return chaos.run()
        finally:
            for name in ("gateway", "service"):
                process = getattr(chaos, name, None)
                if process and process.process.poll() is None:
                    process.process.kill()


if __name__ == "__main__":
    sys.exit(main())
