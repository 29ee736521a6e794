#!/usr/bin/env python3
"""Benchmark of the pack cache: hits beside nginx, a herd, a cold clone, and what a miss costs.

    hits   a pack of some 120 MB from the cache, to 1, 8 and 64 clients that discard it: the gateway beside an nginx
           that caches POSTs by their body and sends with sendfile. Both stand in front of the embedded service, both
           have one thread, and each measurement is preceded by a question for refs, as git asks it.
    herd   100 clients that clone the same at the same moment, nothing cached: what a counting service was asked.
    cold   the first clone through an empty cache beside one past the gateway, with git.
    miss   CPU time per GiB of packs that nobody asked for before, and of packs on their way into the cache, beside
           the same gateway with the cache off. TLS to the origin, as in run.py.

One run measures all that is compared, round by round and in turns; medians are printed. CPU time is user + system of the
proxy's processes. Wall time on a machine that is busy with other things says little: look at the ratios.

    Tests/Bench/cache.py
    Tests/Bench/cache.py --only hits --rounds 9 --check

Exit status: 0 done; 1 a leg failed, or --check found a ratio over its limit; 2 nothing can be measured here.
"""

import argparse
import hashlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import herd
import load
import processes
from origin import RESULT_TYPE, Origin, nginx_command
from processes import LegFailed, Server, free_port
from proxies import Gateway

LEGS = ("hits", "herd", "cold", "miss")
CLIENTS = {1: 12, 8: 4, 64: 1}  # clients at once: how often a round measures them
GIB = 1 << 30

NGINX_CONFIG = """
    access_log off;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    client_max_body_size 8m;
    client_body_buffer_size 8m;
    proxy_cache_path {directory}/packs levels=1:2 keys_zone=packs:10m max_size=4g inactive=1h use_temp_path=off;
    upstream service {{ server 127.0.0.1:{service_port}; keepalive 64; }}
    server {{
        listen 127.0.0.1:{port};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Authorization "Bearer {token}";
        location / {{
            proxy_pass http://service;
            proxy_cache packs;
            proxy_cache_methods POST;
            proxy_cache_key "$request_uri|$request_body";
            proxy_cache_valid 200 1h;
            proxy_cache_lock on;
            proxy_ignore_headers Cache-Control Expires;
        }}
    }}
"""


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--gateway", default=".build/release/artifacts-gateway", metavar="PATH")
    parser.add_argument("--only", choices=LEGS, help="just this leg")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size-mib", type=int, default=118, help="size of the pack")
    parser.add_argument("--json", metavar="FILE", help="write all figures")
    parser.add_argument("--check", action="store_true", help="fail when a ratio is over its limit")
    return parser.parse_args()


class Verdicts:
    """What was found, held against what must be."""

    def __init__(self):
        self.rows = []

    def add(self, text, value, limit, at_least=False, unit="{:.2f}"):
        is_good = value >= limit if at_least else value <= limit
        self.rows.append({"what": text, "value": value, "limit": limit, "good": is_good})
        sign = ">=" if at_least else "<="
        print(f"  {text:<52} {unit.format(value):>9}  {'ok' if is_good else 'OVER' if not at_least else 'UNDER'} (must be {sign} {limit:g})")


class EmbeddedService:
    """The gateway's own emulator with one repo of incompressible files, and a token for it."""

    def __init__(self, directory, binary, size_mib):
        self.directory = directory / "service"
        self.directory.mkdir()
        self.port = free_port()
        self.api_token_file = self.directory / "api-token"
        self.api_token_file.touch(mode=0o600)
        self.api_token_file.write_text("api-token-of-the-benchmark\n")
        command = [
            *(str(binary), "emulator", "--listen", f"127.0.0.1:{self.port}", "--log-level", "warning"),
            *("--data-dir", str(self.directory / "data"), "--api-token-file", str(self.api_token_file)),
        ]
        Server("emulator", command, self.directory / "log").wait_until_listening(self.port)
        self.token = self.call("POST", "repos", {"name": "big"})["token"].split("?")[0]
        self.url = f"http://127.0.0.1:{self.port}/git/default/big.git"
        self.want = self.fill(size_mib)

    def call(self, method, path, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"Bearer {self.api_token_file.read_text().strip()}", "Content-Type": "application/json"}
        connection.request(method, f"/client/v4/accounts/bench/artifacts/namespaces/default/{path}", json.dumps(body), headers)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        if not answer.get("success"):
            raise LegFailed(f"the emulator answered {answer}")
        return answer["result"]

    def git(self, *arguments, token=None):
        header = ["-c", f"http.extraHeader=Authorization: Bearer {token}"] if token else []
        environment = {
            "PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.directory), "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "b", "GIT_AUTHOR_EMAIL": "b@localhost", "GIT_COMMITTER_NAME": "b", "GIT_COMMITTER_EMAIL": "b@localhost",
        }
        done = subprocess.run(["git", *header, *arguments], cwd=self.directory, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise LegFailed(f"git {arguments[0]}: {done.stderr}")
        return done.stdout.strip()

    def fill(self, size_mib):
        self.git("init", "-q", "-b", "main", "work")
        part = 16
        for number, start in enumerate(range(0, size_mib, part)):
            (self.directory / "work" / f"file{number}").write_bytes(os.urandom(min(part, size_mib - start) << 20))
            self.git("-C", "work", "add", f"file{number}")
            self.git("-C", "work", "commit", "-q", "-m", f"File {number}")
            self.git("-C", "work", "-c", "http.postBuffer=67108864", "push", "-q", self.url, "main", token=self.token)
        return self.git("-C", "work", "rev-parse", "main")

    def gateway(self, binary, *extra):
        port = free_port()
        command = [
            *(str(binary), "serve", "--listen", f"127.0.0.1:{port}", "--threads", "1", "--log-level", "warning"),
            *("--api-base", f"http://127.0.0.1:{self.port}/client/v4", "--account-id", "bench", "--allow-insecure-upstream"),
            *("--api-token-file", str(self.api_token_file), "--allow-remote-host", "127.0.0.1"),
            *("--cache-dir", str(self.directory / f"cache-{port}"), *extra),
        ]
        server = Server("gateway", command, self.directory / f"gateway-{port}.log")
        server.wait_until_listening(port)
        return server, port


def purge(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("DELETE", "/api/v1/cache")
    if connection.getresponse().status != 200:
        raise LegFailed("purge failed")
    connection.close()


def post(port, path, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", path, body, load.POST_HEADERS)
    response = connection.getresponse()
    load.expect_answer(response, RESULT_TYPE)
    outcome, data = response.headers.get("X-Artifacts-Gateway-Cache", ""), response.read()
    connection.close()
    return outcome, data


# MARK: hits


def replayed(path, body, connection):
    headers = {"Host": "localhost", **load.POST_HEADERS, "Content-Length": len(body), "Connection": connection}
    head = f"POST {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return head.encode() + b"\r\n" + body


def hits(directory, service, options, verdicts):
    client = directory / "discard"
    source = Path(__file__).with_name("discard.c")
    subprocess.run(["cc", "-O2", "-o", client, source], check=True)
    body = fetch_body(service.want)
    nginx_port = free_port()
    section = NGINX_CONFIG.format(directory=directory, port=nginx_port, service_port=service.port, token=service.token)
    nginx = Server("nginx", nginx_command(directory / "cache-nginx", 1, section), directory / "cache-nginx.log")
    nginx.wait_until_listening(nginx_port)
    gateway, gateway_port = service.gateway(options.gateway)
    proxies = {
        "nginx": (nginx, nginx_port, "/git/default/big.git/git-upload-pack"),
        "gateway": (gateway, gateway_port, "/git/big/git-upload-pack"),
    }
    packs = {}
    for name, (_, port, path) in proxies.items():
        for _ in range(3):
            outcome, data = post(port, path, body)
            time.sleep(1)
        packs[name] = hashlib.sha256(pack_of(data)).hexdigest()
        print(f"  {name}: {len(data)} bytes {outcome}")
        (directory / f"{name}.question").write_bytes(replayed(path, herd.LS_REFS, "keep-alive"))
        (directory / f"{name}.request").write_bytes(replayed(path, body, "close"))
        if name == "gateway" and not outcome.startswith("hit"):
            raise LegFailed(f"no hit but {outcome}")
    if packs["nginx"] != packs["gateway"]:
        print("  note: two packs of equal content but other bytes")

    samples = {}
    for number in range(options.rounds):
        order = list(proxies) if number % 2 else list(reversed(proxies))
        for clients, times in CLIENTS.items():
            for name in order:
                server, port, path = proxies[name]
                for _ in range(times):
                    cpu = server.cpu_seconds()
                    messages = [str(directory / f"{name}.{message}") for message in ("question", "request")]
                    command = [str(client), str(port), str(clients), *messages]
                    done = subprocess.run(command, capture_output=True, text=True)
                    cpu = server.cpu_seconds() - cpu
                    if done.returncode != 0:
                        raise LegFailed(f"{name}, {clients} clients: {done.stderr}")
                    wall, total, least, most = (float(word) for word in done.stdout.split())
                    if least != most or least < options.size_mib << 20:
                        raise LegFailed(f"{name}: answers of {least} to {most} bytes")
                    samples.setdefault((clients, name), []).append((wall, total / wall / 1e9, cpu / (total / GIB)))
    figures = {}
    print(f"\n  {'clients':<8} {'':<8} {'wall s':>8} {'(best)':>8} {'GB/s':>6} {'CPU s/GiB':>10}")
    for (clients, name), rows in sorted(samples.items()):
        wall, rate, cpu = (median(row[i] for row in rows) for i in range(3))
        figures[clients, name] = (wall, rate, cpu)
        print(f"  {clients:<8} {name:<8} {wall:>8.3f} {min(row[0] for row in rows):>8.3f} {rate:>6.2f} {cpu:>10.3f}")
    print()
    for clients in CLIENTS:
        ours, theirs = figures[clients, "gateway"], figures[clients, "nginx"]
        verdicts.add(f"hit, {clients} clients: wall, gateway / nginx", ours[0] / theirs[0], 1)
        verdicts.add(f"hit, {clients} clients: CPU per GiB, gateway / nginx", ours[2] / theirs[2], 1)
    verdicts.add("hit, 64 clients: GB/s", figures[64, "gateway"][1], 3.5, at_least=True)
    gateway.stop()
    nginx.stop()
    return {f"{clients} {name}": row for (clients, name), row in figures.items()}


def fetch_body(want, *arguments):
    return herd.fetch_body(*arguments).replace(herd.WANT.encode(), want.encode())


def pack_of(body):
    """The pack in a fetch answer."""
    pack, offset = bytearray(), 0
    while offset < len(body):
        length = max(4, int(body[offset : offset + 4], 16))
        if body[offset + 4 : offset + 5] == b"\1":
            pack += body[offset + 5 : offset + length]
        offset += length
    return pack


# MARK: herd, cold, miss


def cold_herd(directory, options, verdicts):
    results = []
    for number in range(options.rounds):
        service = herd.Service(herd.valid_answer(8 << 20))
        token = directory / "herd-token"
        token.touch(mode=0o600)
        token.write_text("api-token\n")
        port = free_port()
        command = [
            *(str(options.gateway), "serve", "--listen", f"127.0.0.1:{port}", "--log-level", "warning", "--threads", "2"),
            *("--api-base", f"http://127.0.0.1:{service.port}/client/v4", "--account-id", "bench", "--allow-insecure-upstream"),
            *("--api-token-file", str(token), "--allow-remote-host", "127.0.0.1"),
            *("--cache-dir", str(directory / f"herd-cache-{number}")),
        ]
        gateway = Server("gateway", command, directory / f"herd-{number}.log")
        gateway.wait_until_listening(port)
        results.append(herd.run_herd(port, service))
        gateway.stop()
        service.shutdown()
        service.server_close()
        print(f"  {results[-1]}")
    print()
    worst = {name: max(result[name] for result in results) for name in ("pack fetches", "ls-refs in flight", "mints")}
    verdicts.add("herd of 100: pack fetches", worst["pack fetches"], 1, unit="{:.0f}")
    verdicts.add("herd of 100: ls-refs in flight, at most", worst["ls-refs in flight"], 2, unit="{:.0f}")
    verdicts.add("herd of 100: mints", worst["mints"], 1, unit="{:.0f}")
    verdicts.add("herd of 100: equal packs", min(result["equal packs"] for result in results), 100, True, "{:.0f}")
    late = median(result["first byte after leader's, ms"] for result in results)
    verdicts.add("herd of 100: last follower's first byte after leader's, ms", late, 100, unit="{:.0f}")
    return results


def cold(service, options, verdicts):
    gateway, port = service.gateway(options.gateway)
    ways = {"direct": (service.url, service.token), "gateway": (f"http://127.0.0.1:{port}/git/big", None)}
    samples = {name: [] for name in ways}
    for number in range(options.rounds + 1):
        for name in ways if number % 2 else reversed(ways):
            purge(port)
            target = service.directory / "clone"
            begin = time.monotonic()
            service.git("clone", "-q", "--bare", ways[name][0], str(target), token=ways[name][1])
            if number:  # the first round warms up
                samples[name].append(time.monotonic() - begin)
            shutil.rmtree(target)
    figures = {name: median(times) for name, times in samples.items()}
    for name, times in samples.items():
        print(f"  {name:<8} {figures[name]:.2f} s ({min(times):.2f}-{max(times):.2f})")
    print()
    verdicts.add("cold first clone: wall, gateway / direct", figures["gateway"] / figures["direct"], 1.05)
    gateway.stop()
    return figures


def miss(directory, options, verdicts):
    origin = Origin(directory, options.size_mib, False)
    origin.start()
    answer = herd.valid_answer(options.size_mib << 20)
    (directory / "pack").write_bytes(answer)
    proxies = {}
    for name, extra in (("off", ["--cache-size=0"]), ("on", [f"--cache-dir={directory}/miss-cache"])):
        proxy = Gateway(origin, binary=options.gateway, extra=extra)
        proxy.name = f"miss-{name}"
        proxy.start()
        proxies[name] = proxy
    depth = iter(range(1, 1 << 30))
    samples = {"off": [], "on": [], "kept": []}

    def fetch(proxy, arguments):
        outcome, data = post(proxy.port, proxy.big_path, herd.fetch_body(*arguments))
        if len(data) != len(answer):
            raise LegFailed(f"{len(data)} bytes instead of {len(answer)}")
        return outcome

    def sample(name):
        proxy, arguments = proxies["on" if name == "kept" else name], [f"deepen {next(depth)}"]
        if name == "kept":
            # Asked for before, forgotten since: this time it is stored.
            fetch(proxy, arguments)
            time.sleep(11)
            purge(proxy.port)
        cpu = proxy.server.cpu_seconds()
        outcome = fetch(proxy, arguments)
        if name == "kept":
            time.sleep(1)
        if name != "off" and not outcome.startswith("miss"):
            raise LegFailed(f"{name}: no miss but {outcome}")
        samples[name].append((proxy.server.cpu_seconds() - cpu) / (len(answer) / GIB))

    for number in range(options.rounds + 1):
        for name in ("off", "on", "on", "off"):
            sample(name)
        if number % 2 == 0:
            sample("kept")
    figures = {name: median(values[1:]) for name, values in samples.items()}
    for name, values in samples.items():
        print(f"  cache {name:<5} {figures[name]:.3f} CPU s/GiB ({min(values):.3f}-{max(values):.3f})")
    print()
    verdicts.add("miss: CPU per GiB, cache on / off", figures["on"] / figures["off"], 1.1)
    print(f"  (a miss that is stored: {figures['kept'] / figures['off']:.2f}, reading it again and its checksums included)")
    return figures


def run(directory, options):
    options.gateway = Path(options.gateway).resolve()
    missing = [tool for tool in ("nginx", "openssl", "cc", "git") if not shutil.which(tool)]
    if missing or not options.gateway.is_file():
        print(f"nothing can be measured without {' and '.join(missing) or options.gateway}")
        return 2
    verdicts, figures, failures = Verdicts(), {}, []
    service = None
    for leg in LEGS if options.only is None else [options.only]:
        print(f"\n{leg}\n")
        try:
            if leg in ("hits", "cold") and service is None:
                service = EmbeddedService(directory, options.gateway, options.size_mib)
            if leg == "hits":
                figures[leg] = hits(directory, service, options, verdicts)
            elif leg == "herd":
                figures[leg] = cold_herd(directory, options, verdicts)
            elif leg == "cold":
                figures[leg] = cold(service, options, verdicts)
            else:
                figures[leg] = miss(directory, options, verdicts)
        except (LegFailed, OSError, subprocess.CalledProcessError) as problem:
            failures.append(f"{leg}: {problem}")
            print(f"FAILED  {failures[-1]}")
    if options.json:
        result = {"figures": figures, "verdicts": verdicts.rows, "failures": failures}
        Path(options.json).write_text(json.dumps(result, indent=2) + "\n")
    is_over = options.check and not all(row["good"] for row in verdicts.rows)
    return 1 if failures or is_over else 0


if __name__ == "__main__":
    sys.exit(processes.measuring("cache", run, parse_options()))
