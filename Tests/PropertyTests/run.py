#!/usr/bin/env python3
"""Tries the admin API with what its OpenAPI document allows and what it forbids.

    .build/property-tests/bin/python Tests/PropertyTests/run.py [path of artifacts-gateway]

Starts the gateway in local mode on a port that the kernel picks, in a temporary folder; makes a repo with a commit and a
token; holds the document against the rules of OpenAPI 3.1; then runs schemathesis with a fixed seed. Fails when anything is
found, and when the gateway does not live through it. Needs git. `make properties` installs the Python packages.
"""

import json
import os
import pathlib
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
TOOLS = pathlib.Path(sys.executable).parent


def environment(folder):
    """Nothing of this machine's git, proxies or settings; a proxy that is not there keeps git on loopback."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    identity = {f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return kept | identity | {
        "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "https_proxy": "http://127.0.0.1:1", "no_proxy": "127.0.0.1",
    }


def address(process):
    """Where the gateway listens, by its log, which is read on for ever so that it never blocks."""
    found = queue.Queue()

    def read():
        for line in process.stderr:
            record = json.loads(line)
            if record.get("message") == "listening":
                found.put(record["address"])
        found.put(None)

    threading.Thread(target=read, daemon=True).start()
    return found.get(timeout=60) or sys.exit("the gateway did not start")


def call(url, method="GET", body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


def seed(base, folder, variables):
    """A repo with a commit, and a token; gives what the hooks need to name them."""
    work = folder / "work"

    def git(*arguments, at=work):
        return subprocess.run(
            ["git", *arguments], cwd=at, env=variables, check=True, capture_output=True, text=True).stdout.strip()

    git("clone", "-q", f"{base}/git/hello", str(work), at=folder)
    (work / "dir").mkdir()
    (work / "dir/file.txt").write_text("some text\n")
    git("add", ".")
    git("commit", "-q", "-m", "Say something")
    git("push", "-q", "origin", "HEAD:main")
    token = json.loads(call(f"{base}/api/v1/repos/hello/tokens", "POST", {"scope": "read", "ttl": "1h"}))
    return {
        "commit": git("rev-parse", "HEAD"), "tree": git("rev-parse", "HEAD^{tree}"),
        "blob": git("rev-parse", "HEAD:dir/file.txt"), "token": token["id"],
    }


def check(base, folder, variables):
    document = folder / "openapi.json"
    document.write_bytes(call(f"{base}/api/v1/openapi.json"))
    valid = subprocess.run([TOOLS / "openapi-spec-validator", "--schema", "3.1", document])
    variables = variables | {
        "PROPERTY_TEST_SEED": json.dumps(seed(base, folder, variables)), "SCHEMATHESIS_HOOKS": str(HERE / "hooks.py"), "NO_PROXY": "*",
    }
    command = [TOOLS / "schemathesis", "--no-color", "--config-file", HERE / "schemathesis.toml", "run"]
    found = subprocess.run([*command, f"{base}/api/v1/openapi.json"], cwd=folder, env=variables, timeout=300)
    return valid.returncode == 0 and found.returncode == 0


def main():
    gateway = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".build/debug/artifacts-gateway").resolve()
    with tempfile.TemporaryDirectory(prefix="artifacts-gateway-properties.") as name:
        folder = pathlib.Path(name)
        variables = environment(folder)
        arguments = ["serve", "--local", "--data-dir", folder / "data", "--listen", "127.0.0.1:0", "--log-format", "json"]
        process = subprocess.Popen(
            [gateway, *arguments], cwd=folder, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            base = f"http://{address(process)}"
            is_clean = check(base, folder, variables)
            call(f"{base}/api/v1/status")
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=60)
        finally:
            process.kill()
            process.wait()
    if code != 0:
        sys.exit(f"the gateway ended with {code}")
    sys.exit(0 if is_clean else 1)


if __name__ == "__main__":
    main()
