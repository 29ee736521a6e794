#!/usr/bin/env python3
"""Reads the gateway's metrics with Prometheus's own client library.

    .build/property-tests/bin/python Tests/PropertyTests/metrics.py [path of artifacts-gateway]

Starts the gateway in local mode in a temporary folder, clones twice, pushes, makes calls of the admin API and asks for what is
not there, and checks that every metric is there under its name, type and labels, that histograms are whole, and that the counts
are those of what was done. `make properties` installs the Python packages.
"""

import pathlib
import signal
import subprocess
import sys
import tempfile
import urllib.error

from prometheus_client.parser import text_string_to_metric_families

from run import address, call, environment

PREFIX = "artifacts_gateway_"
# The contract: names without the prefix, types and labels. A parser takes `_total` off the name of a counter.
FAMILIES = {
    "build_info": ("gauge", {"version"}),
    "http_requests_total": ("counter", {"service", "code"}),
    "http_requests_in_flight": ("gauge", set()),
    "http_request_duration_seconds": ("histogram", {"service"}),
    "http_time_to_first_byte_seconds": ("histogram", {"service"}),
    "transfer_bytes_total": ("counter", {"service", "direction"}),
    "upstream_requests_total": ("counter", {"target", "code"}),
    "upstream_connects_total": ("counter", {"result"}),
    "upstream_connections": ("gauge", {"state"}),
    "upstream_retries_total": ("counter", {"reason"}),
    "token_mints_total": ("counter", {"scope", "result"}),
    "ref_flights_total": ("counter", {"result"}),
    "cache_requests_total": ("counter", {"outcome"}),
    "cache_bytes": ("gauge", set()),
    "cache_saved_bytes_total": ("counter", set()),
    "policy_refusals_total": ("counter", {"mode"}),
    "rejected_requests_total": ("counter", {"reason"}),
    "draining": ("gauge", set()),
}
PROCESS = {
    "process_cpu_seconds_total": "counter", "process_resident_memory_bytes": "gauge",
    "process_virtual_memory_bytes": "gauge", "process_open_fds": "gauge", "process_max_fds": "gauge",
    "process_start_time_seconds": "gauge",
}
SERVICES = {"upload-pack", "receive-pack", "refs", "api", "ops"}


def read(base):
    families = list(text_string_to_metric_families(call(f"{base}/metrics").decode()))
    assert len({family.name for family in families}) == len(families), "a family stands twice"
    return {family.name: family for family in families}


def value(families, family, name, labels):
    return next((s.value for s in families[PREFIX + family].samples if s.name == PREFIX + name and s.labels == labels), 0)


def check_families(families):
    for name, (kind, labels) in FAMILIES.items():
        family = families[PREFIX + name.removesuffix("_total")]
        assert family.type == kind, f"{name} is a {family.type}"
        assert family.documentation, f"{name} has no help"
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == labels, f"{sample}"
            assert sample.labels.get("service", "api") in SERVICES, f"{sample}"
            assert sample.labels.get("code", "0").isdigit(), f"{sample}"
    for name, kind in PROCESS.items():
        family = families[name.removesuffix("_total")]
        assert family.type == kind and len(family.samples) == 1 and family.samples[0].value > 0, f"{family}"


def check_histograms(families):
    for name in ("http_request_duration_seconds", "http_time_to_first_byte_seconds"):
        for service in SERVICES:
            samples = [s for s in families[PREFIX + name].samples if s.labels["service"] == service]
            buckets = [(float(s.labels["le"]), s.value) for s in samples if s.name.endswith("_bucket")]
            assert buckets == sorted(buckets) and buckets[0][0] == 0.005 and buckets[-2][0] == 1800, f"{buckets}"
            assert buckets[-1] == (float("inf"), value(families, name, f"{name}_count", {"service": service})), f"{buckets}"
            assert [c for _, c in buckets] == sorted(c for _, c in buckets), f"{buckets}"


def use(base, folder, variables):
    def git(*arguments, at=folder):
        subprocess.run(["git", *arguments], cwd=at, env=variables, check=True, capture_output=True)

    for name in ("first", "second"):
        git("clone", "-q", f"{base}/git/hello", name)
    git("commit", "-q", "--allow-empty", "-m", "Say something", at=folder / "first")
    git("push", "-q", "origin", "HEAD:main", at=folder / "first")
    call(f"{base}/api/v1/repos/other", "PUT")
    call(f"{base}/api/v1/status")
    for path in ("/livez", "/readyz?verbose"):
        call(base + path)
    try:
        call(f"{base}/nothing")
    except urllib.error.HTTPError as error:
        assert error.code == 404


def check_counts(families):
    expected = [
        ("http_requests_total", {"service": "refs", "code": "200"}, 3),
        ("http_requests_total", {"service": "upload-pack", "code": "200"}, 4),
        ("http_requests_total", {"service": "receive-pack", "code": "200"}, 1),
        ("http_requests_total", {"service": "api", "code": "200"}, 1),
        ("http_requests_total", {"service": "api", "code": "201"}, 1),
        ("http_requests_total", {"service": "ops", "code": "404"}, 1),
        ("http_requests_total", {"service": "ops", "code": "200"}, 0),
        ("http_requests_in_flight", {}, 0),
        ("rejected_requests_total", {"reason": "not_found"}, 1),
        ("token_mints_total", {"scope": "read", "result": "ok"}, 1),
        ("token_mints_total", {"scope": "write", "result": "ok"}, 1),
        ("ref_flights_total", {"result": "alone"}, 2),
        ("cache_requests_total", {"outcome": "miss"}, 1),
        ("cache_requests_total", {"outcome": "hit"}, 1),
        ("http_request_duration_seconds_count", {"service": "upload-pack"}, 4),
        ("draining", {}, 0),
    ]
    for name, labels, count in expected:
        found = value(families, name.removesuffix("_total").removesuffix("_count"), name, labels)
        assert found == count, f"{name}{labels}: {found}, not {count}"


def main():
    gateway = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".build/debug/artifacts-gateway").resolve()
    with tempfile.TemporaryDirectory(prefix="artifacts-gateway-metrics.") as name:
        folder = pathlib.Path(name)
        variables = environment(folder)
        process = subprocess.Popen(
            [
                gateway, "serve", "--local", "--data-dir", folder / "data", "--listen", "127.0.0.1:0",
                "--cache-dir", folder / "cache", "--log-format", "json",
            ], cwd=folder, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            base = f"http://{address(process)}"
            use(base, folder, variables)
            families = read(base)
            check_families(families)
            check_histograms(families)
            check_counts(families)
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=60)
        finally:
            process.kill()
            process.wait()
    if code != 0:
        sys.exit(f"the gateway ended with {code}")
    print(f"{len(families)} families, as they should be")


if __name__ == "__main__":
    main()
