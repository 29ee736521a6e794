"""Load and its cost: small requests with wrk, big answers with a client that discards them."""

import hashlib
import http.client
import json
import subprocess
import time

from origin import ADVERTISEMENT, ADVERTISEMENT_TYPE, FETCH_BODY, RESULT_TYPE, SMALL_PATH
from processes import LegFailed
from proxies import SERVICE

# What git sends along with each request.
GIT_HEADERS = {
    "User-Agent": "git/2.39.5",
    "Accept": "*/*",
    "Accept-Encoding": "deflate, gzip, br",
    "Pragma": "no-cache",
    "Git-Protocol": "version=2",
}
POST_HEADERS = GIT_HEADERS | {
    "Content-Type": "application/x-git-upload-pack-request",
    "Accept": RESULT_TYPE,
}

DISCARD_BUFFER = memoryview(bytearray(1 << 20))

# Only `done` is defined, so the script costs nothing per request.
WRK_REPORT = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'REPORT {"requests": %d, "seconds": %.6f, "p50_us": %d, "p99_us": %d, "bad_status": %d, "broken": %d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    e.status, e.connect + e.read + e.write + e.timeout))
end
"""


def run_wrk(directory, url, connections, seconds, headers, requests=None):
    """One wrk run; every answer must be good, else the leg fails. `requests` is a script that makes them."""
    script = directory / "report.lua"
    script.write_text((requests.read_text() if requests else "") + WRK_REPORT)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script)]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    done = subprocess.run([*command, url], capture_output=True, text=True, timeout=seconds + 30)
    reports = [line for line in done.stdout.splitlines() if line.startswith("REPORT ")]
    if done.returncode != 0 or not reports:
        raise LegFailed(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    report = json.loads(reports[0].removeprefix("REPORT "))
    if report["bad_status"] or report["broken"] or not report["requests"]:
        raise LegFailed(
            "{requests} requests: {bad_status} with an error status, {broken} with socket errors".format(**report)
        )
    return report


def small(proxy, connections, seconds, requests=None):
    """CPU time per small request, and the latency that wrk saw."""
    origin = proxy.origin
    url = f"http://127.0.0.1:{proxy.port}{proxy.small_path}"
    seen, cpu = origin.requests_seen(), proxy.server.cpu_seconds()
    report = run_wrk(origin.directory, url, connections, seconds, GIT_HEADERS, requests)
    cpu, seen = proxy.server.cpu_seconds() - cpu, origin.requests_seen() - seen
    expect_all_forwarded(seen, report["requests"])
    return {
        "cpu_us": cpu / report["requests"] * 1e6,
        "p50_us": report["p50_us"],
        "p99_us": report["p99_us"],
        "requests_per_s": report["requests"] / report["seconds"],
    }


def direct_p50(origin, seconds):
    """Latency of the same small request without a proxy, over one TLS connection."""
    url = f"https://localhost:{origin.port}{SMALL_PATH}{SERVICE}"
    headers = GIT_HEADERS | {"Authorization": f"Bearer {origin.token}"}
    return run_wrk(origin.directory, url, 1, seconds, headers)["p50_us"]


def fetch_big(connection, proxy, digest=None):
    """One POST for the big answer, counted and thrown away."""
    connection.request("POST", proxy.big_path, FETCH_BODY, POST_HEADERS)
    response = connection.getresponse()
    expect_answer(response, RESULT_TYPE)
    total = 0
    while count := response.readinto(DISCARD_BUFFER):
        total += count
        if digest:
            digest.update(DISCARD_BUFFER[:count])
    if total != proxy.origin.size:
        raise LegFailed(f"the big answer has {total} bytes instead of {proxy.origin.size}")


def big(proxy, transfers):
    """CPU and wall time per GiB over some transfers in a row on one client connection."""
    origin = proxy.origin
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=120)
    seen, cpu, start = origin.requests_seen(), proxy.server.cpu_seconds(), time.monotonic()
    try:
        for _ in range(transfers):
            fetch_big(connection, proxy)
    finally:
        connection.close()
    wall, cpu = time.monotonic() - start, proxy.server.cpu_seconds() - cpu
    expect_all_forwarded(origin.requests_seen() - seen, transfers)
    gib = transfers * origin.size / (1 << 30)
    return {"cpu_s_per_gib": cpu / gib, "wall_s_per_gib": wall / gib}


def check_answers(proxy):
    """Before anything is measured: both answers must arrive byte for byte."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=120)
    try:
        connection.request("GET", proxy.small_path, headers=GIT_HEADERS)
        response = connection.getresponse()
        expect_answer(response, ADVERTISEMENT_TYPE)
        if response.read() != ADVERTISEMENT.encode():
            raise LegFailed("the small answer was changed on the way")
        digest = hashlib.sha256()
        fetch_big(connection, proxy, digest)
        with open(proxy.origin.directory / "pack", "rb") as file:
            if digest.digest() != hashlib.file_digest(file, "sha256").digest():
                raise LegFailed("the big answer was changed on the way")
    finally:
        connection.close()


def expect_answer(response, content_type):
    if response.status != 200 or response.headers.get_content_type() != content_type:
        raise LegFailed(f"answer {response.status} {response.headers.get('Content-Type')}: {response.read(300)!r}")


def expect_all_forwarded(seen, wanted):
    """A proxy that answers from a cache, or joins requests, is not doing the work that is compared."""
    if seen < wanted:
        raise LegFailed(f"only {seen} of {wanted} requests reached the origin")
