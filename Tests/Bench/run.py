#!/usr/bin/env python3
"""Side-by-side benchmark of artifacts-gateway, nginx and HAProxy as Git smart HTTP proxies.

Every proxy does the same job with one thread: cleartext HTTP/1.1 from the client, TLS 1.3 with a
verified certificate to the origin, connections kept alive on both sides, a bearer token attached.
The origin is an nginx of our own that answers 403 without that token.

    small    GET info/refs, about 300 bytes, wrk with 32 connections   CPU us per request
    latency  the same request, one connection                          p50 over that of going direct
    big      POST git-upload-pack, 256 MiB, a client that discards     CPU s per GiB

Why CPU time and not wall time: proxy, origin and load generator share the cores of one machine, so
wall time and requests per second mostly show who got the core. The CPU time that a proxy's
processes used (user + system) per unit of work is what its operator pays for, and it stays
comparable when the machine is busy. Wall time and throughput are printed beside it, for orientation.

What makes the ratios fair:
  - one run measures all; the rounds interleave the proxies and each round starts with another one;
  - warm-up first, with every byte of both answers compared;
  - a leg fails unless each answer is good, complete, and was really asked of the origin;
  - nginx and HAProxy run with the buffers that suit them best and without logs, and need not
    rewrite paths; the cipher is fixed by the origin, so nobody gains by choosing another.

Needs nginx (also for the origin) and openssl; haproxy and wrk as far as installed. The services of
the packages need not run. Everything lives in a temporary directory and on loopback.

    Tests/Bench/run.py                           all legs, three rounds
    Tests/Bench/run.py --only big --size-mib 128 --rounds 2
    Tests/Bench/run.py --check --json bench.json fails when a ratio is over its limit

Exit status: 0 done; 1 a leg failed, or --check found a ratio over its limit or missing;
2 bad usage, or nothing can be measured here.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import load
import processes
import report
from origin import Origin
from processes import LegFailed
from proxies import proxies_to_test

LEGS = ("small", "latency", "big")


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    whole = positive_int
    parser.add_argument("--gateway", default=".build/release/artifacts-gateway", metavar="PATH")
    parser.add_argument("--gateway-arg", action="append", default=[], metavar="ARG", help="one more argument for it (repeatable), e.g. --gateway-arg=--advertisement-ttl=60s")
    parser.add_argument("--only", choices=LEGS, help="just this leg")
    parser.add_argument("--rounds", type=whole, default=3)
    parser.add_argument("--seconds", type=whole, default=5, help="length of each wrk run")
    parser.add_argument("--connections", type=whole, default=32, help="of the small leg")
    parser.add_argument("--size-mib", type=whole, default=256, help="size of the big answer")
    parser.add_argument("--transfers", type=whole, default=4, help="of the big answer, per proxy and round")
    parser.add_argument("--chunked", action="store_true", help="big answer in chunks instead of with a length")
    parser.add_argument("--h2", action="store_true", help="also HTTP/2 to the origin (HAProxy and the gateway)")
    parser.add_argument("--json", metavar="FILE", help="write all figures")
    parser.add_argument("--check", action="store_true", help="fail when a ratio is over its limit")
    parser.add_argument("--max-small", type=float, default=1.00, metavar="RATIO")
    parser.add_argument("--max-latency", type=float, default=1.10, metavar="RATIO")
    parser.add_argument("--max-big", type=float, default=1.00, metavar="RATIO")
    return parser.parse_args()


def positive_int(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def legs_to_run(options):
    legs = [leg for leg in LEGS if options.only in (None, leg)]
    if not shutil.which("wrk") and legs != ["big"]:
        print("wrk is not installed, the small and latency legs are skipped: apt-get install wrk")
        legs = [leg for leg in legs if leg == "big"]
    return legs


def start_and_warm_up(proxies, legs, options, failures):
    """The proxies that came up and answer correctly."""
    ready = []
    for proxy in proxies:
        try:
            proxy.start()
            load.check_answers(proxy)
            if "small" in legs or "latency" in legs:
                load.small(proxy, options.connections, 1)
            ready.append(proxy)
        except (LegFailed, OSError) as problem:
            failures.append(f"{proxy.name}: {problem}")
    return ready


def measure(origin, proxies, legs, options, failures):
    """All rounds; {leg: {proxy: [sample, ...]}}."""
    samples = {leg: {} for leg in legs}

    def record(leg, name, action):
        try:
            sample = action()
            samples[leg].setdefault(name, []).append(sample)
            return sample
        except (LegFailed, OSError) as problem:
            failures.append(f"{leg}, {name}: {problem}")

    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        first = number % max(len(proxies), 1)
        order = proxies[first:] + proxies[:first]
        for leg in legs:
            if leg == "latency":
                direct = record(leg, "direct", lambda: {"p50_us": load.direct_p50(origin, options.seconds)})
            for proxy in order:
                if leg == "small":
                    record(leg, proxy.name, lambda: load.small(proxy, options.connections, options.seconds))
                elif leg == "big":
                    record(leg, proxy.name, lambda: load.big(proxy, options.transfers))
                elif direct:
                    record(leg, proxy.name, lambda: latency(proxy, options.seconds, direct["p50_us"]))
    return samples


def latency(proxy, seconds, direct_p50_us):
    sample = load.small(proxy, 1, seconds)
    return sample | {"added_us": sample["p50_us"] - direct_p50_us}


def titles(options):
    framing = "chunked" if options.chunked else "with Content-Length"
    return {
        "small": f"small: GET info/refs, {options.connections} connections, {options.seconds} s",
        "latency": f"latency: GET info/refs, one connection, {options.seconds} s",
        "big": f"big: POST git-upload-pack, {options.transfers} x {options.size_mib} MiB {framing}",
    }


def versions():
    """First line of each tool's version text."""
    found = {"kernel": platform.release(), "cpus": os.cpu_count()}
    for tool in ("nginx", "haproxy", "wrk", "openssl"):
        if shutil.which(tool):
            flag = "version" if tool == "openssl" else "-v"
            done = subprocess.run([tool, flag], capture_output=True, text=True)
            found[tool] = (done.stdout + done.stderr).strip().splitlines()[0]
    return found


def run(directory, options):
    legs = legs_to_run(options)
    missing = [tool for tool in ("nginx", "openssl") if not shutil.which(tool)]
    if missing or not legs:
        if missing:
            print(f"{' and '.join(missing)} not installed, and the origin needs it: apt-get install {' '.join(missing)}")
        print("nothing can be measured")
        return 2

    origin = Origin(directory, options.size_mib, options.chunked)
    origin.start()
    proxies, notes = proxies_to_test(origin, options)
    for note in notes:
        print(note)

    failures = []
    ready = start_and_warm_up(proxies, legs, options, failures)
    samples = measure(origin, ready, legs, options, failures)
    summary = report.summarise(samples)
    ratios = report.ratios_of(summary, samples)
    limits = {"small": options.max_small, "latency": options.max_latency, "big": options.max_big}

    print("median (lowest-highest) of", options.rounds, "rounds")
    report.print_report(titles(options), summary, ratios, limits if options.check else {})
    for failure in failures:
        print(f"FAILED  {failure}")
    check_failed = options.check and not check(legs, ratios, limits)
    if options.json:
        result = {
            "versions": versions(),
            "options": {key: value for key, value in vars(options).items() if key not in ("json", "gateway")},
            "summary": summary,
            "ratios": ratios,
            "samples": samples,
            "failures": failures,
        }
        Path(options.json).write_text(json.dumps(result, indent=2) + "\n")
    return 1 if failures or check_failed else 0


def check(legs, ratios, limits):
    """True when each leg has a ratio and none is over its limit."""
    unjudged = [leg for leg in legs if leg not in {entry["leg"] for entry in ratios}]
    if unjudged:
        print(f"FAILED  --check: no ratio to judge for {', '.join(unjudged)}")
    return not unjudged and all(entry["ratio"] <= limits[entry["leg"]] for entry in ratios)


if __name__ == "__main__":
    sys.exit(processes.measuring("bench", run, parse_options()))
