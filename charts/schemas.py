"""The schemas that manifests are held to, strictly: Kubernetes' own, and those of definitions (CRDs).

A field that a schema does not know is a mistake, as it is to `kubectl apply --validate=strict`. Rules in CEL are
not run here; those of our own types are, by the Rust tests.
"""

import json
import pathlib
import re
import subprocess

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHART = ROOT / "charts/todostack-operator"


def go_module(name: str, version: str) -> pathlib.Path:
    """The folder of a module's source, which the Go module proxy serves and its checksum database vouches for."""
    command = ["go", "mod", "download", "-json", f"{name}@{version}"]
    done = subprocess.run(command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    found = json.loads(done.stdout) if done.stdout else {}
    if done.returncode or "Dir" not in found:
        raise SystemExit(f"{' '.join(command)}: {found.get('Error') or done.stderr}")
    return pathlib.Path(found["Dir"])


def render(*options: str) -> str:
    """The chart as `charts/render` writes it."""
    command = [str(ROOT / "charts/render"), *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise ValueError(done.stderr.strip())
    return done.stdout


def documents(text: str) -> list[dict]:
    """The objects of a file with several."""
    return [document for document in yaml.safe_load_all(text) if document]


def _strict(schema: dict, closed: bool = True) -> dict:
    """The schema in the words of JSON Schema, closed against unknown fields."""
    if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string":
        return {"type": ["integer", "string"]}
    open_ = schema.get("x-kubernetes-preserve-unknown-fields")
    result = {key: value for key, value in schema.items() if not key.startswith("x-")}
    for key in ("properties", "definitions"):
        if key in schema:
            result[key] = {name: _strict(value) for name, value in schema[key].items()}
    for key in ("items", "not"):
        if isinstance(schema.get(key), dict):
            result[key] = _strict(schema[key], key == "items")
    if isinstance(schema.get("additionalProperties"), dict):
        result["additionalProperties"] = _strict(schema["additionalProperties"])
    # Parts of a whole know only their part.
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            result[key] = [_strict(part, closed=False) for part in schema[key]]
    if closed and "properties" in schema and not open_:
        result.setdefault("additionalProperties", False)
    if schema.get("nullable") and isinstance(schema.get("type"), str):
        result["type"] = [schema["type"], "null"]
    result.pop("default", None)
    return result


class Schemas:
    """Schemas by (apiVersion, kind)."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], jsonschema.Draft4Validator] = {}

    def add_kubernetes(self) -> None:
        """The built-in kinds, of the Kubernetes that the test cluster runs."""
        pinned = (ROOT / "e2e/parts/kubernetes/go.mod").read_text()
        version = re.search(r"k8s\.io/kubernetes (v\S+)", pinned)[1]
        swagger = go_module("k8s.io/kubernetes", version) / "api/openapi-spec/swagger.json"
        definitions = json.loads(swagger.read_text())["definitions"]
        kinds = {name: one.get("x-kubernetes-group-version-kind", []) for name, one in definitions.items()}
        strict = {name: _strict(one) for name, one in definitions.items()}
        # Written as numbers, too.
        strict["io.k8s.apimachinery.pkg.api.resource.Quantity"] = {"type": ["string", "number"]}
        # Every kind of object is a key of this, one that anything may be under.
        strict["io.k8s.apimachinery.pkg.runtime.RawExtension"] = {}
        for name, entries in kinds.items():
            for entry in entries:
                group = f"{entry['group']}/" if entry["group"] else ""
                whole = {"$ref": f"#/definitions/{name}", "definitions": strict}
                self._of[group + entry["version"], entry["kind"]] = jsonschema.Draft4Validator(whole)

    def add_definitions(self, text: str) -> None:
        """The kinds of the CustomResourceDefinitions in `text`."""
        for definition in documents(text):
            if definition.get("kind") != "CustomResourceDefinition":
                continue
            spec = definition["spec"]
            for version in spec["versions"]:
                schema = _strict(version["schema"]["openAPIV3Schema"])
                schema.setdefault("properties", {}).update(apiVersion={}, kind={}, metadata={"type": "object"})
                schema["required"] = [*schema.get("required", []), "metadata"]
                key = f"{spec['group']}/{version['name']}", spec["names"]["kind"]
                self._of[key] = jsonschema.Draft4Validator(schema)

    def mistakes(self, document: dict) -> list[str]:
        """What is wrong with an object, each with its path."""
        key = document.get("apiVersion"), document.get("kind")
        if key not in self._of:
            return [f"no schema of {key[0]} {key[1]} is known"]
        errors = self._of[key].iter_errors(document)
        return [f"{'.'.join(map(str, error.absolute_path)) or '(root)'}: {error.message}" for error in errors]
