#!/usr/bin/env python3
"""What artifacts-gateway takes while it has little or nothing to do, beside nginx in the same run.

    size      the stripped program
    start     from exec to the first 200 of /readyz: median of several starts
    memory    RSS a second after the start, nobody having asked anything; and of it what is the
              process's own (anonymous), since the rest is the program's file, which the kernel shares
    held      RSS for each idle keep-alive connection, after one request on each through to the origin

The first three are of the gateway as its users start it: an API token, the system's trust store, a
pack cache, one loop a processor. nginx is one master and one worker that do as much as it can of
the same: relay to the origin over verified TLS. All processes of either are counted.

`memory` is measured a second time behind the requests of `held`, connections closed: a program that
looks small because it has not done anything yet is found out there.

    Tests/Bench/idle.py
    Tests/Bench/idle.py --check                  fails when a figure is over its limit

Exit status: 0 done; 1 something failed, or --check found a figure over its limit; 2 nothing can be
measured here.
"""

import argparse
import http.client
import json
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import load
import processes
from origin import Origin
from processes import LegFailed, Server, family_of, free_port
from proxies import Gateway, Nginx

KIB = 1024


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--gateway", default=".build/release/artifacts-gateway", metavar="PATH")
    parser.add_argument("--connections", type=int, default=3000)
    parser.add_argument("--starts", type=int, default=11)
    parser.add_argument("--json", metavar="FILE", help="write all figures")
    parser.add_argument("--check", action="store_true", help="fail when a figure is over its limit")
    parser.add_argument("--max-size", type=float, default=20.0, metavar="MB")
    parser.add_argument("--max-start", type=float, default=50.0, metavar="MS")
    parser.add_argument("--max-memory", type=float, default=15.0, metavar="MB")
    parser.add_argument("--max-held", type=float, default=8.0, metavar="KB")
    return parser.parse_args()


def memory(server):
    """RSS and its anonymous part in bytes, all processes of the server together."""
    resident = anonymous = 0
    for pid in family_of(server.process.pid):
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        resident += int(fields["VmRSS"].split()[0]) * KIB
        anonymous += int(fields["RssAnon"].split()[0]) * KIB
    return resident, anonymous


def answers(port, path):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        finally:
            connection.close()
    except OSError:
        return False


def seconds_to_ready(name, command, log, port, path):
    """From exec to the first good answer; and the server."""
    start = time.monotonic()
    server = Server(name, command, log)
    while not answers(port, path):
        if server.process.poll() is not None or time.monotonic() - start > 10:
            raise LegFailed(f"{name} does not answer:\n{server.last_output()}")
        time.sleep(0.0005)
    return time.monotonic() - start, server


def as_users_start_it(binary, directory, port):
    token = directory / "api-token"
    token.touch(mode=0o600)
    token.write_text("not-asked-for")
    return [
        *(str(binary), "serve", "--listen", f"127.0.0.1:{port}", "--account-id", "bench"),
        *("--api-token-file", str(token), "--cache-dir", str(directory / "cache"), "--log-format", "json"),
    ]


def starts(binary, directory, count):
    """Milliseconds to ready, each start's; and memory a second after the last."""
    times = []
    for number in range(count):
        port = free_port()
        taken, server = seconds_to_ready(
            "gateway", as_users_start_it(binary, directory, port), directory / "start.log", port, "/readyz"
        )
        times.append(taken * 1e3)
        if number < count - 1:
            server.stop()
    time.sleep(1)
    found = memory(server)
    server.stop()
    return times, found


def held(proxy, count):
    """Memory before, with `count` idle connections that had a request each, and a second after their end."""
    time.sleep(1)
    before = memory(proxy.server)
    head = "".join(f"{name}: {value}\r\n" for name, value in load.GIT_HEADERS.items())
    request = f"GET {proxy.small_path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode()
    connections = []
    try:
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
            connections.append(connection)
            connection.sendall(request)
            if not connection.recv(65536).startswith(b"HTTP/1.1 200"):
                raise LegFailed(f"{proxy.name}: no 200 on connection {len(connections)}")
        time.sleep(1)
        during = memory(proxy.server)
    finally:
        for connection in connections:
            connection.close()
    time.sleep(1)
    return before, during, memory(proxy.server)


def measure(directory, options):
    stripped = directory / "stripped"
    subprocess.run(["strip", "-o", stripped, options.gateway], check=True)
    figures = {"size": stripped.stat().st_size / 1e6}
    times, (resident, anonymous) = starts(stripped, directory, options.starts)
    figures["start"] = statistics.median(times)
    figures["starts"] = times
    figures["memory"] = resident / 1e6
    figures["own"] = anonymous / 1e6

    origin = Origin(directory, 1, False)
    origin.start()
    room = ["--max-connections", str(options.connections + 64)]
    for proxy in (Nginx(origin), Gateway(origin, False, stripped, room)):
        proxy.start()
        load.check_answers(proxy)
        before, during, after = held(proxy, options.connections)
        figures[proxy.name] = {
            "before": before[0] / 1e6,
            "during": during[0] / 1e6,
            "after": after[0] / 1e6,
            "held": (during[0] - before[0]) / options.connections / 1e3,
        }
    return figures


def print_figures(figures, connections):
    ours, theirs = figures["gateway"], figures["nginx"]
    spread = f"{min(figures['starts']):.0f}-{max(figures['starts']):.0f}"
    print(f"{'':34}{'gateway':>10}{'nginx':>10}")
    print(f"{'stripped program, MB':34}{figures['size']:10.1f}")
    print(f"{'start to ready, ms':34}{figures['start']:10.1f}           ({spread})")
    print(f"{'RSS after the start, MB':34}{figures['memory']:10.1f}")
    print(f"{'  of it anonymous, MB':34}{figures['own']:10.1f}")
    print(f"{'RSS after some requests, MB':34}{ours['before']:10.1f}{theirs['before']:10.1f}")
    print(f"{f'RSS with {connections} connections, MB':34}{ours['during']:10.1f}{theirs['during']:10.1f}")
    print(f"{'RSS behind them, MB':34}{ours['after']:10.1f}{theirs['after']:10.1f}")
    print(f"{'for each connection, KB':34}{ours['held']:10.2f}{theirs['held']:10.2f}")


def check(figures, options):
    limits = [
        ("stripped program, MB", figures["size"], options.max_size),
        ("start to ready, ms", figures["start"], options.max_start),
        ("RSS after the start, MB", figures["memory"], options.max_memory),
        ("for each connection, KB", figures["gateway"]["held"], options.max_held),
    ]
    over = [entry for entry in limits if entry[1] > entry[2]]
    for name, value, limit in over:
        print(f"FAILED  {name}: {value:.1f} is over {limit:g}")
    return not over


def run(directory, options):
    missing = [tool for tool in ("nginx", "openssl", "strip") if not shutil.which(tool)]
    if missing or not Path(options.gateway).is_file():
        print(f"missing: {', '.join(missing) or options.gateway}; nothing can be measured")
        return 2
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    figures = measure(directory, options)
    print_figures(figures, options.connections)
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if not options.check or check(figures, options) else 1


if __name__ == "__main__":
    sys.exit(processes.measuring("idle", run, parse_options()))
