"""The manifests: schemas of Kubernetes, what hardens a pod, and whether their parts fit each other and the program."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile

import kubernetes_validate
import yaml

import dockerfile
import kustomize
from findings import Findings
from program import Program, Sandbox

FOLDER = "deploy/kubernetes"
# The first release with native sidecars, and a new one.
RELEASES = ("1.29", "1.37")


def check(root: pathlib.Path, program: Program, findings: Findings) -> str:
    folder = root / FOLDER
    used: set[pathlib.Path] = set()
    count = 0
    image = next(stage for stage in dockerfile.stages(root / "Dockerfile") if stage.name == "gateway")
    user, group = map(int, image.last("USER").text.split(":"))
    for overlay in [folder / "base", *sorted((folder / "overlays").iterdir())]:
        name = str(overlay.relative_to(root))
        documents = kustomize.build(overlay, used)
        count += len(documents)
        compare_with_kubectl(overlay, documents, findings)
        for document in documents:
            hold_schema(document, name, findings)
        hold_selectors(documents, name, findings)
        for document in documents:
            if document["kind"] in ("Deployment", "Job"):
                pod = document["spec"]["template"]["spec"]
                Pod(pod, f"{name}: {document['kind']}", user, group).hold(program, findings)
    unused = {path.resolve() for path in folder.rglob("*") if path.is_file()} - used
    findings.expect(not unused, f"no kustomization names {sorted(map(str, unused))}")
    return f"{count} documents, releases {' and '.join(RELEASES)}"


def hold_schema(document: dict, where: str, findings: Findings) -> None:
    for release in RELEASES:
        try:
            kubernetes_validate.validate(document, release, strict=True)
            findings.expect(True, "")
        except Exception as error:  # Its errors have no common ground.
            findings.expect(False, f"{where}: {document.get('kind')}, Kubernetes {release}: {error}")


def compare_with_kubectl(overlay: pathlib.Path, documents: list[dict], findings: Findings) -> None:
    """Where there is a kubectl with a kustomize that knows components and targets, it has to come to the same."""
    kubectl = shutil.which("kubectl")
    if not kubectl:
        return
    version = subprocess.run(
        [kubectl, "version", "--client", "--output=json"], capture_output=True, text=True, check=False).stdout
    kustomize_version = json.loads(version or "{}").get("kustomizeVersion", "v0")
    if int(re.match(r"v(\d+)", kustomize_version)[1]) < 4:
        return
    outcome = subprocess.run([kubectl, "kustomize", overlay], capture_output=True, text=True, check=False)

    def sorted_by_name(these: list[dict]) -> list[dict]:
        return kustomize.normalised(sorted(these, key=lambda each: (each["kind"], each["metadata"]["name"])))

    theirs = sorted_by_name(list(yaml.safe_load_all(outcome.stdout))) if outcome.returncode == 0 else outcome.stderr
    findings.expect(sorted_by_name(documents) == theirs, f"{overlay}: kubectl kustomize comes to something else")


def hold_selectors(documents: list[dict], where: str, findings: Findings) -> None:
    """Services, budgets and policies find the pods, and the ports that they name."""
    by_kind = {document["kind"]: document for document in documents}
    templates = [each["spec"]["template"] for each in documents if each["kind"] == "Deployment"]
    for kind, path in (("Service", "selector"), ("PodDisruptionBudget", "selector.matchLabels"),
                       ("NetworkPolicy", "podSelector.matchLabels"), ("Deployment", "selector.matchLabels")):
        if kind not in by_kind:
            continue
        selector = by_kind[kind]["spec"]
        for step in path.split("."):
            selector = selector[step]
        fits = any(selector.items() <= template["metadata"]["labels"].items() for template in templates)
        findings.expect(fits, f"{where}: the {kind} finds no pod")
    if "Service" in by_kind:
        named = {port["name"]: port["containerPort"] for template in templates
                 for container in template["spec"]["containers"] for port in container.get("ports", [])}
        for port in by_kind["Service"]["spec"]["ports"]:
            findings.expect(named.get(port["targetPort"]) == port["port"], f"{where}: the Service's port is not the pod's")
        policed = [port["port"] for rule in by_kind["NetworkPolicy"]["spec"]["ingress"] for port in rule["ports"]]
        findings.expect(set(policed) == set(named), f"{where}: the NetworkPolicy lets in to {policed}")


class Pod:
    """One pod and its container of the gateway."""

    def __init__(self, spec: dict, where: str, user: int, group: int):
        self.spec = spec
        self.where = where
        self.user = user
        self.group = group
        self.containers = [*spec.get("initContainers", []), *spec["containers"]]
        self.gateway = next(each for each in self.containers if each["name"] == "artifacts-gateway")
        self.variables = {each["name"]: each.get("value", "0123456789abcdef") for each in self.gateway["env"]}
        self.listening = [word.partition("=")[2] for word in self.gateway["args"] if word.startswith("--listen=")]

    def hold(self, program: Program, findings: Findings) -> None:
        for container in self.containers:
            self.hold_security(container, findings)
        expect = findings.expect
        expect(self.spec.get("automountServiceAccountToken") is False, f"{self.where}: mounts a token of the cluster")
        context = self.gateway["securityContext"]
        expect((context["runAsUser"], context["runAsGroup"]) == (self.user, self.group), f"{self.where}: not the image's user")
        tag = self.gateway["image"].partition(":")[2]
        expect(tag == program.version, f"{self.where}: image {tag}, and the program is {program.version}")
        program.hold_words(findings, self.gateway["args"], self.where)
        program.hold_variables(findings, set(self.variables), self.where)
        is_sidecar = self.gateway in self.spec.get("initContainers", [])
        expect(not is_sidecar or self.gateway.get("restartPolicy") == "Always", f"{self.where}: the job would wait for it")
        self.hold_cache(findings)
        self.hold_grace(findings)
        self.hold_probes(program, findings)
        self.hold_start(program, findings)

    def hold_security(self, container: dict, findings: Findings) -> None:
        where = f"{self.where}: {container['name']}"
        context = container.get("securityContext", {})
        for key, value in {
            "runAsNonRoot": True, "readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
        }.items():
            findings.expect(context.get(key) == value, f"{where}: {key} is not {value}")
        resources = container.get("resources", {})
        findings.expect({"cpu", "memory"} <= resources.get("requests", {}).keys(), f"{where}: requests no resources")
        findings.expect("memory" in resources.get("limits", {}), f"{where}: has no limit of memory")

    def hold_cache(self, findings: Findings) -> None:
        """Packs are kept in a folder of a volume that has more room: a volume of everybody's is not taken."""
        volumes = {volume["name"]: volume.get("emptyDir") for volume in self.spec["volumes"]}
        path = self.variables["ARTIFACTS_GATEWAY_CACHE_DIR"]
        mount = next((each for each in self.gateway["volumeMounts"] if path.startswith(each["mountPath"] + "/")), None)
        volume = mount and volumes[mount["name"]]
        if findings.expect(volume, f"{self.where}: {path} is in no volume that can be written to"):
            size, limit = self.variables["ARTIFACTS_GATEWAY_CACHE_SIZE"], volume["sizeLimit"]
            fits = int(size.removesuffix("GiB")) < int(limit.removesuffix("Gi"))
            findings.expect(fits, f"{self.where}: {size} of packs in a volume of {limit}")

    def hold_grace(self, findings: Findings) -> None:
        """The time that a pod has to end is what the gateway takes at most: the delay, the drain, and 2 s for tokens."""
        times = {"--shutdown-delay": 0, "--drain-timeout": 60}
        for word in self.gateway["args"]:
            flag, _, value = word.partition("=")
            if flag in times:
                times[flag] = int(value.removesuffix("s"))
        grace = self.spec["terminationGracePeriodSeconds"]
        findings.expect(grace > sum(times.values()) + 2, f"{self.where}: {grace} s to end, and a drain takes {times}")

    def hold_probes(self, program: Program, findings: Findings) -> None:
        ports = {port["name"]: port["containerPort"] for port in self.gateway.get("ports", [])}
        for port in ports.values():
            listens = any(address.endswith(f":{port}") for address in self.listening)
            findings.expect(listens, f"{self.where}: listens at {self.listening}, and the port is {port}")
        for name in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = self.gateway.get(name, {})
            where = f"{self.where}: {name}"
            if "exec" in probe:
                words = probe["exec"]["command"]
                findings.expect(words[0] == "/usr/local/bin/artifacts-gateway", f"{where}: runs {words[0]}")
                program.hold_words(findings, words[1:], where)
                self.hold_url(words, where, findings)
            elif "httpGet" in probe:
                path = "/livez" if name == "livenessProbe" else "/readyz"
                findings.expect(probe["httpGet"] == {"path": path, "port": "git"}, f"{where}: {probe['httpGet']}")
                findings.expect("git" in ports, f"{where}: there is no port git")
        findings.expect({"startupProbe", "readinessProbe"} <= self.gateway.keys(), f"{self.where}: has no probes")

    def hold_url(self, words: list[str], where: str, findings: Findings) -> None:
        """The address that is asked is one that is listened on."""
        url = words[words.index("--url") + 1] if "--url" in words else "http://127.0.0.1:7080"
        listened = [word.partition("=")[2] for word in self.gateway["args"] if re.match("--(admin-)?listen=", word)]
        findings.expect(url in (listened or ["http://127.0.0.1:7080"]), f"{where}: asks {url}, and listened is on {listened}")

    def hold_start(self, program: Program, findings: Findings) -> None:
        """The program takes the settings, with secrets as they are mounted; and refuses those files without the setting."""
        with tempfile.TemporaryDirectory() as folder:
            sandbox = Sandbox(pathlib.Path(folder))
            volumes = {volume["name"]: volume for volume in self.spec["volumes"]}
            for mount in self.gateway["volumeMounts"]:
                secret = volumes[mount["name"]].get("secret")
                if not secret:
                    continue
                findings.expect(secret["defaultMode"] in (0o400, 0o440), f"{self.where}: mode {secret['defaultMode']:o}")
                findings.expect(mount.get("readOnly"), f"{self.where}: {mount['name']} can be written to")
                for item in secret["items"]:
                    sandbox.mount(f"{mount['mountPath']}/{item['path']}", secret["defaultMode"])
            findings.expect(self.spec["securityContext"]["fsGroup"] == self.group, f"{self.where}: fsGroup")
            sandbox.hold([*self.gateway["args"], *self.variables.values()], self.where, findings)
            outcome = sandbox.check(program, self.gateway["args"], self.variables)
            findings.expect(outcome.returncode == 0, f"{self.where}: {outcome.stderr}")
            without = {name: value for name, value in self.variables.items() if "SHARED_SECRET" not in name}
            outcome = sandbox.check(program, self.gateway["args"], without)
            findings.expect(outcome.returncode == 77, f"{self.where}: takes shared files unasked: {outcome.stdout}")
