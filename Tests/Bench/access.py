#!/usr/bin/env python3
"""What asking everybody who he is costs: CPU time per small request with an access file and without.

    off      no access file; nobody is asked
    one      one token and one rule; every request shows the token
    many     10,000 tokens in 100 groups and 1,000 rules; requests show 2,000 of the tokens in turn

All three gateways run at once and are asked in turns, so that what else the machine does hits each
alike; what counts is the median of the rounds' ratios to `off`.

    Tests/Bench/access.py
    Tests/Bench/access.py --rounds 40 --check    fails when a ratio is over its limit

Exit status: 0 done; 1 something failed, or --check found a ratio over its limit; 2 nothing can be
measured here.
"""

import argparse
import hashlib
import json
import secrets
import shutil
import statistics
import sys
from pathlib import Path

import load
import processes
from origin import Origin
from proxies import PROXYING, Gateway

USERS = 10_000
ASKING = 2_000
RULES = 1_000

# One request for each secret, made before the first is sent.
WRK_SCRIPT = """
local requests, at = {}, 0
init = function()
  for line in io.lines("%s") do
    wrk.headers["Authorization"] = "Bearer " .. line
    requests[#requests + 1] = wrk.format()
  end
end
request = function()
  at = at %% #requests + 1
  return requests[at]
end
"""


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--gateway", default=".build/release/artifacts-gateway", metavar="PATH")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=2, help="length of each wrk run")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--json", metavar="FILE", help="write all figures")
    parser.add_argument("--check", action="store_true", help="fail when a ratio is over its limit")
    parser.add_argument("--max-one", type=float, default=1.05, metavar="RATIO")
    parser.add_argument("--max-many", type=float, default=1.15, metavar="RATIO")
    return parser.parse_args()


def make_token():
    """A secret as `artifacts-gateway token add` makes them, and its hash."""
    text = "agt_" + secrets.token_hex(32)
    secret = text + hashlib.sha256(text.encode()).hexdigest()[:8]
    return secret, hashlib.sha256(secret.encode()).hexdigest()


def write(path, text):
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def access_file(directory, name, users, groups, rules):
    """Writes the three files of one gateway: who may do what, hashes, and the secrets that will ask."""
    tokens = [make_token() for _ in range(users)]
    hashes = "".join(f"user-{number}:{hash}:-\n" for number, (_, hash) in enumerate(tokens))
    hash_file = write(directory / f"{name}-hashes", hashes)
    parts = [f'[auth]\ntoken_file = "{hash_file}"\n']
    for group in range(groups):
        members = ", ".join(f'"token:user-{number}"' for number in range(group, users, groups))
        parts.append(f'[[group]]\nname = "g{group}"\nmembers = [{members}]\n')
    parts += rules
    asking = write(directory / f"{name}-secrets", "".join(f"{secret}\n" for secret, _ in tokens[:ASKING]))
    return write(directory / f"{name}.toml", "\n".join(parts)), asking


def rule(name, who, repos):
    return f'[[rule]]\nname = "{name}"\nwho = ["{who}"]\nrepos = ["{repos}"]\nallow = ["read"]\n'


def many_rules():
    """Rules about others' repos, and at the end, for each group, one that gives what is asked for."""
    others = [
        rule(f"r{number}", f"group:g{number % 100}" if number % 2 else f"token:user-{number}*", f"team-{number}/*")
        for number in range(RULES - 100)
    ]
    return others + [rule(f"small-{group}", f"group:g{group}", "*/small") for group in range(100)]


def gateways(origin, directory, binary):
    one, one_secrets = access_file(directory, "one", 1, 0, [rule("small", "token:user-0", "default/small")])
    many, many_secrets = access_file(directory, "many", USERS, 100, many_rules())
    named = []
    for name, arguments, asking in (
        ("off", [], one_secrets),
        ("one", ["--access-file", str(one)], one_secrets),
        ("many", ["--access-file", str(many)], many_secrets),
    ):
        gateway = Gateway(origin, binary=binary, extra=PROXYING + arguments)
        gateway.name = name
        gateway.script = write(directory / f"{name}.lua", WRK_SCRIPT % asking)
        named.append(gateway)
    return named


def run(directory, options):
    missing = [tool for tool in ("nginx", "openssl", "wrk") if not shutil.which(tool)]
    if missing or not Path(options.gateway).is_file():
        print(f"nothing can be measured without {' and '.join(missing) or options.gateway}")
        return 2
    origin = Origin(directory, 1, False)
    origin.start()
    named = gateways(origin, directory, options.gateway)
    for gateway in named:
        gateway.start()
        load.small(gateway, options.connections, 1, gateway.script)
    samples = {gateway.name: [] for gateway in named}
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        first = number % len(named)
        for gateway in named[first:] + named[:first]:
            sample = load.small(gateway, options.connections, options.seconds, gateway.script)
            samples[gateway.name].append(sample["cpu_us"])

    figures = {}
    print(f"{'':8}{'CPU us/request':>16}{'of off':>10}   middle half of the rounds")
    for name, costs in samples.items():
        ratios = sorted(cost / off for cost, off in zip(costs, samples["off"]))
        low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
        figures[name] = {"cpu_us": statistics.median(costs), "ratio": statistics.median(ratios)}
        print(f"{name:8}{figures[name]['cpu_us']:16.1f}{figures[name]['ratio']:10.3f}   {low:.2f}-{high:.2f}")
    if options.json:
        Path(options.json).write_text(json.dumps({"figures": figures, "samples": samples}, indent=2) + "\n")
    limits = {"one": options.max_one, "many": options.max_many}
    over = [name for name, limit in limits.items() if figures[name]["ratio"] > limit]
    for name in over if options.check else []:
        print(f"FAILED  {name}: {figures[name]['ratio']:.3f} is over {limits[name]:g}")
    return 1 if options.check and over else 0


if __name__ == "__main__":
    sys.exit(processes.measuring("access", run, parse_options()))
