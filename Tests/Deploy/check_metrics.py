"""Alerts and the dashboard: their syntax, what the alerts do with series, and whether the metrics in them exist."""

import json
import pathlib
import re
import subprocess
import tempfile

import yaml
from prometheus_client.parser import text_string_to_metric_families

from findings import Findings
from program import Program
from unit import Service, Unit

# What the gateway exports, with the labels of each.
METRICS = {
    "build_info": {"version"},
    "http_requests_total": {"service", "code"},
    "http_requests_in_flight": set(),
    "http_request_duration_seconds": {"service"},
    "http_time_to_first_byte_seconds": {"service"},
    "transfer_bytes_total": {"service", "direction"},
    "upstream_requests_total": {"target", "code"},
    "upstream_connects_total": {"result"},
    "upstream_connections": {"state"},
    "upstream_retries_total": {"reason"},
    "token_mints_total": {"scope", "result"},
    "ref_flights_total": {"result"},
    "cache_requests_total": {"outcome"},
    "cache_bytes": set(),
    "cache_saved_bytes_total": set(),
    "policy_refusals_total": {"mode"},
    "rejected_requests_total": {"reason"},
    "draining": set(),
}
PREFIX = "artifacts_gateway_"
# What Prometheus adds to every series, and to histograms.
COMMON_LABELS = {"instance", "job", "le"}
OTHER_METRICS = re.compile(r"up|process_(cpu_seconds_total|resident_memory_bytes|open_fds|max_fds|start_time_seconds)")
PROMTOOL = ".build/deploy-tools/promtool"


def check(root: pathlib.Path, program: Program, findings: Findings) -> str:
    rules = root / "deploy/prometheus/rules.yaml"
    promtool(root, findings, "check", "rules", rules)
    promtool(root, findings, "test", "rules", rules.with_name("rules-test.yaml"))
    promtool(root, findings, "check", "config", rules.with_name("scrape.yaml"))
    alerts = [rule for group in yaml.safe_load(rules.read_text())["groups"] for rule in group["rules"]]
    for alert in alerts:
        says = {"summary", "description"} <= alert["annotations"].keys() and alert["labels"].get("severity")
        findings.expect(says, f"{alert['alert']}: says too little")
        hold_expression(alert["expr"], alert["alert"], findings)
    panels = hold_dashboard(root, findings)
    exported = hold_export(root, program, findings)
    return f"{len(alerts)} alerts, {panels} panels; {exported}"


def promtool(root: pathlib.Path, findings: Findings, *words: object) -> None:
    outcome = subprocess.run(
        [root / PROMTOOL, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    findings.expect(outcome.returncode == 0, f"promtool {' '.join(map(str, words))}: {outcome.stdout}")


def hold_expression(expression: str, where: str, findings: Findings) -> set[str]:
    """Looks whether the metrics exist and have the labels that are asked for; gives their names less the prefix."""
    labels: set[str] = set()
    names: set[str] = set()
    for name, selector in re.findall(r"\b([a-z_]+)\{([^}]*)\}", expression):
        names.add(name)
        labels |= set(re.findall(r"(\w+)\s*[=!]~?", selector))
    names |= set(re.findall(rf"\b{PREFIX}\w+", expression))
    known: set[str] = set(COMMON_LABELS)
    used: set[str] = set()
    for name in names:
        short = re.sub(r"_(bucket|sum|count)$", "", name.removeprefix(PREFIX)) if "seconds" in name else name.removeprefix(PREFIX)
        if OTHER_METRICS.fullmatch(name):
            continue
        if findings.expect(name.startswith(PREFIX) and short in METRICS, f"{where}: there is no metric {name}"):
            known |= METRICS[short]
            used.add(short)
    for clause in re.findall(r"\b(?:by|without) \(([^)]*)\)", expression):
        labels |= {label.strip() for label in clause.split(",")}
    findings.expect(labels <= known, f"{where}: no such labels: {sorted(labels - known)}")
    return used


def hold_dashboard(root: pathlib.Path, findings: Findings) -> int:
    path = root / "deploy/grafana/dashboard.json"
    dashboard = json.loads(path.read_text())
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    findings.expect(len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"]), f"{path.name}: ids")
    taken: set[tuple[int, int]] = set()
    used: set[str] = set()
    expressions = []
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        fits = not cells & taken and place["x"] + place["w"] <= 24
        findings.expect(fits, f"{path.name}: {panel['title']} stands where something else does")
        taken |= cells
    for panel in panels:
        where = f"{path.name}: {panel['title']}"
        findings.expect(panel["datasource"]["uid"] == "${datasource}", f"{where}: has a data source of its own")
        for target in panel["targets"]:
            expression = target["expr"]
            named = set(re.findall(r"\$(\w+)", expression)) - {"__rate_interval"}
            findings.expect(named <= variables, f"{where}: no such variables: {sorted(named - variables)}")
            used |= hold_expression(expression.replace("$__rate_interval", "5m"), where, findings)
            expressions.append(expression.replace("$__rate_interval", "5m").replace("$instance", ".*"))
    findings.expect(used == METRICS.keys(), f"{path.name}: does not show {sorted(METRICS.keys() - used)}")
    with tempfile.TemporaryDirectory() as folder:
        # As rules, whose syntax the tool checks.
        rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(expressions)]
        file = pathlib.Path(folder) / "rules.json"
        file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
        promtool(root, findings, "check", "rules", "--lint=none", file)
    return len(panels)


def hold_export(root: pathlib.Path, program: Program, findings: Findings) -> str:
    """Compares with what the program exports. A program that exports nothing is let pass, for others do look at that."""
    unit = Unit(root / "deploy/systemd/artifacts-gateway.service")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        settings = folder / "etc/artifacts-gateway/config.toml"
        settings.parent.mkdir(parents=True)
        settings.touch()
        service = Service(unit, folder, folder, program.path, False)
        try:
            service.wait_for("READY=1")
            status, body = service.get("/metrics")
        finally:
            service.end()
    if status == 404:
        return "the program has no /metrics"
    families = [family for family in text_string_to_metric_families(body.decode()) if family.name.startswith(PREFIX)]
    names = set()
    for family in families:
        short = family.name.removeprefix(PREFIX)
        # The parser takes the end off a counter's name.
        short = f"{short}_total" if family.type == "counter" else short
        names.add(short)
        if short not in METRICS or short == "build_info":
            continue
        kind = "counter" if short.endswith("_total") else "histogram" if short.endswith("_seconds") else "gauge"
        findings.expect(family.type == kind, f"/metrics: {short} is a {family.type}, not a {kind}")
        for sample in family.samples:
            labels = sample.labels.keys() - COMMON_LABELS
            findings.expect(labels == METRICS[short], f"/metrics: {sample.name} has the labels {sorted(labels)}")
    findings.expect("build_info" in names, "/metrics: there is no build_info, by which the dashboard finds instances")
    return f"{len(names)} metrics exported"
