"""What schemathesis cannot know by itself: which repo there is, and which values only the service can judge."""

import json
import os
import zlib

import schemathesis
from schemathesis import GenerationMode
from schemathesis.core.failures import Failure

SEED = json.loads(os.environ["PROPERTY_TEST_SEED"])
# Fields whose rules are the service's alone, or that a schema cannot put into words.
SERVICE_DECIDES = {"/cursor", "/default_branch", "/branch", "/url", "/ttl"}
HASHES = {"commits": "commit", "trees": "tree", "blobs": "blob"}
NOWHERE = "https://127.0.0.1:1/x.git"


def is_positive(case):
    return case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE


@schemathesis.hook
def before_call(context, case, kwargs):
    """Let most valid calls meet something that exists, some make what does not, and keep imports on loopback."""
    path, parameters = case.path, case.path_parameters or {}
    last = path.rsplit("/", 1)[-1]
    chance = zlib.crc32(repr((path, parameters, case.query, repr(case.body))).encode(errors="replace"))
    if case.method == "DELETE":
        # What the other calls live on stays.
        if parameters.get("name") == "hello":
            parameters["name"] = "gone"
        if last == "{namespace}" and parameters.get("namespace") == "default":
            parameters["namespace"] = "gone"
    if last == "import":
        if isinstance(case.body, dict) and isinstance(case.body.get("url"), str):
            if case.body["url"].lower().startswith("https://"):
                case.body["url"] = NOWHERE
        if is_positive(case):
            # It exists, so nothing is fetched.
            parameters["name"] = "hello"
            if chance % 2:
                case.body["url"] = NOWHERE
            if "namespace" in parameters:
                parameters["namespace"] = "default"
        return
    if "trees" in path and set(parameters.get("hash", "")) <= set("0123456789abcdef"):
        # The service calls what is no tree damaged, with status 500.
        parameters["hash"] = SEED["tree"] if len(parameters["hash"]) == 40 else parameters["hash"]
    is_stateful = case.meta is not None and case.meta.phase.name.value == "Stateful"
    if not is_positive(case) or is_stateful or chance % 4 == 0:
        return
    if case.method == "POST" and isinstance(case.body, dict):
        for field in {"name", "namespace"} & case.body.keys():
            case.body[field] = f"new-{chance:x}"
    if "namespace" in parameters and not (case.method == "DELETE" and last == "{namespace}"):
        parameters["namespace"] = "default"
    if "name" in parameters and not (case.method == "DELETE" and last == "{name}"):
        parameters["name"] = "hello"
    if "id" in parameters:
        parameters["id"] = SEED["token"]
    if "hash" in parameters:
        parameters["hash"] = SEED[HASHES[path.split("/")[-2]]]
    if last == "file" and isinstance(case.query, dict):
        case.query.update(ref="main", path="dir/file.txt")
    if "ref" in parameters:
        parameters.update(ref="main", path="dir/file.txt")
    if last == "log" and isinstance(case.query, dict) and chance % 4 != 1:
        case.query.pop("ref", None)


class WrongRefusal(Failure):
    """A call that keeps to the document is refused, and not for what only the service can tell."""


@schemathesis.check
def refusals_are_the_services(context, response, case):
    if response.status_code != 400 or not is_positive(case):
        return
    pointer = response.json().get("pointer")
    if pointer not in SERVICE_DECIDES:
        raise WrongRefusal(
            operation=case.operation.label, title="Refused, and by the document should not be",
            message=response.text)
