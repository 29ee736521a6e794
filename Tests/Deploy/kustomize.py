"""Puts the overlays of deploy/kubernetes together, as far as they use kustomize: resources, components, a namespace, and
strategic merge patches. Anything else is refused, so that nothing is left out unseen."""

import copy
import pathlib

import yaml

KEYS = {"apiVersion", "kind", "resources", "components", "namespace", "patches"}
# By what the items of a list are known to be the same, where lists are merged; other lists are replaced.
MERGE_KEYS = {
    "containers": "name", "initContainers": "name", "volumes": "name", "env": "name", "volumeMounts": "mountPath",
    "ports": "port", "topologySpreadConstraints": "topologyKey",
}
MERGE_KEYS_IN = {("containers", "ports"): "containerPort", ("initContainers", "ports"): "containerPort"}


def build(folder: pathlib.Path, used: set[pathlib.Path] | None = None) -> list[dict]:
    """The documents that a folder's kustomization gives; the files that went into them are added to `used`."""
    used = set() if used is None else used
    documents: list[dict] = []
    apply(folder, documents, used)
    return documents


def apply(folder: pathlib.Path, documents: list[dict], used: set[pathlib.Path]) -> None:
    path = folder / "kustomization.yaml"
    settings = load(path, used)[0]
    if unknown := settings.keys() - KEYS:
        raise ValueError(f"{path}: {', '.join(sorted(unknown))}: not among what is understood here")
    for name in settings.get("resources", []):
        place = folder / name
        if place.is_dir():
            documents.extend(build(place.resolve(), used))
        else:
            documents.extend(load(place, used))
    # A component works on what was there before it.
    for name in settings.get("components", []):
        apply((folder / name).resolve(), documents, used)
    for entry in settings.get("patches", []):
        for patch in load(folder / entry["path"], used):
            patched = [document for document in documents if matches(document, patch, entry.get("target"))]
            if not patched and settings["kind"] != "Component":
                raise ValueError(f"{path}: {entry['path']} fits nothing")
            for document in patched:
                merge(document, {key: value for key, value in patch.items() if key not in ("apiVersion", "kind", "metadata")})
    if "namespace" in settings:
        for document in documents:
            document["metadata"]["namespace"] = settings["namespace"]


def load(path: pathlib.Path, used: set[pathlib.Path]) -> list[dict]:
    used.add(path.resolve())
    return list(yaml.safe_load_all(path.read_text()))


def matches(document: dict, patch: dict, target: dict | None) -> bool:
    metadata = document["metadata"]
    if target is None:
        return document["kind"] == patch["kind"] and metadata["name"] == patch["metadata"]["name"]
    label, _, value = target["labelSelector"].partition("=")
    return document["kind"] == target["kind"] and metadata.get("labels", {}).get(label) == value


def merge(target: dict, patch: dict, above: str = "") -> None:
    """Lays a patch over a mapping: null takes away, mappings and known lists are merged, all else is replaced."""
    for key, value in patch.items():
        merge_key = MERGE_KEYS_IN.get((above, key)) or MERGE_KEYS.get(key)
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict) and isinstance(target.get(key), dict):
            merge(target[key], value, key)
        elif isinstance(value, list) and merge_key and value and isinstance(value[0], dict):
            target[key] = merged_list(target.get(key, []), value, merge_key, key)
        else:
            target[key] = copy.deepcopy(value)


def merged_list(target: list, patch: list, merge_key: str, name: str) -> list:
    if {"$patch": "replace"} in patch:
        return [copy.deepcopy(item) for item in patch if item != {"$patch": "replace"}]
    result = list(target)
    for item in patch:
        same = next((each for each in result if each.get(merge_key) == item[merge_key]), None)
        if same is None:
            result.append(copy.deepcopy(item))
        else:
            merge(same, item, name)
    return result


def normalised(value, name: str = ""):
    """The same with merged lists in the order of their keys, in which kustomize and this file may differ."""
    if isinstance(value, dict):
        return {key: normalised(each, key) for key, each in value.items()}
    if isinstance(value, list):
        items = [normalised(each, name) for each in value]
        key = MERGE_KEYS.get(name)
        is_keyed = key and all(isinstance(each, dict) for each in items)
        return sorted(items, key=lambda each: str(each.get(key, each))) if is_keyed else items
    return value
