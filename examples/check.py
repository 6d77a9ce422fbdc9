"""Holds the examples to what they are examples of: `examples/check`. For `examples/apply`, `--definitions` prints the
types of other projects (`--definitions MODULE`: of one, for `e2e/run`), `--objects FILE` the objects of a file whose
types are among them, Kubernetes' or ours.

- Every object fits the schema of its type, other projects' included, whose types come from their Go modules.
- Values (`*.values.yaml`, and those within Argo CD's and Flux' objects) are taken by the chart.
- Every file but the first, short ones says what it needs, costs and was tried, and stands in README.md.

Rules in CEL are tried by `crds/tests/admission.rs` and by `examples/apply`.
"""

import pathlib
import sys
import tempfile

import yaml

from schemas import CHART, Schemas, documents, go_module, render

HERE = pathlib.Path(__file__).resolve().parent
# Where the types of other projects come from.
MODULES = [
    ("github.com/argoproj/argo-cd/v3", "v3.2.1", "manifests/crds/*-crd.yaml"),
    ("github.com/cert-manager/cert-manager", "v1.21.2", "deploy/crds/*.yaml"),
    ("github.com/cloudnative-pg/cloudnative-pg", "v1.27.0", "config/crd/bases/*.yaml"),
    ("github.com/fluxcd/helm-controller", "v1.4.0", "config/crd/bases/*.yaml"),
    ("github.com/fluxcd/kustomize-controller", "v1.7.3", "config/crd/bases/*.yaml"),
    ("github.com/fluxcd/source-controller", "v1.7.0", "config/crd/bases/*.yaml"),
    ("github.com/GoogleCloudPlatform/gke-gateway-api", "v1.3.0", "config/crd/*.yaml"),
    ("sigs.k8s.io/gateway-api", "v1.4.0", "config/crd/standard/*.yaml"),
]
# Strimzi's types are in no Go module.
UNCHECKED = {("kafka.strimzi.io/v1", "Kafka"), ("kafka.strimzi.io/v1", "KafkaNodePool")}
HEADINGS = ["# What: ", "# Needs first: ", "# Costs: ", "# Change: ", "# Tried: "]
SHORT = {"quickstart.yaml", "todostack.yaml", "recurringschedule.yaml", "reminderjob.yaml"}


def definitions(only: str | None = None) -> list[str]:
    """Texts with the types of other projects, or of one."""
    result = []
    for name, version, pattern in MODULES:
        if only not in (None, name):
            continue
        files = sorted(go_module(name, version).glob(pattern))
        if not files:
            sys.exit(f"examples/check: {name} {version} has no {pattern}")
        result += [file.read_text() for file in files]
    return result


def schemas() -> Schemas:
    result = Schemas()
    result.add_kubernetes()
    for text in [render(), *definitions()]:
        result.add_definitions(text)
    return result


def values_of(document: dict) -> tuple[list[str], dict] | None:
    """Files and values that an object hands to our chart."""
    spec = document.get("spec", {})
    if document["kind"] == "HelmRelease":
        return [], spec.get("values", {})
    if document["kind"] == "Application" and "helm" in spec["source"]:
        return spec["source"]["helm"].get("valueFiles", []), spec["source"]["helm"].get("valuesObject", {})
    return None


def rendered(files: list[str], values: dict) -> list[str]:
    """What the chart has against values."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as given:
        yaml.safe_dump(values, given)
        given.flush()
        options = [option for file in files for option in ("--values", str(CHART / file))]
        try:
            render(*options, "--values", given.name)
        except ValueError as error:
            return [str(error)]
    return []


def main() -> None:
    match sys.argv[1:]:
        case []:
            check()
        case ["--definitions"]:
            print(*definitions(), sep="\n---\n")
        case ["--definitions", module] if module in (name for name, *_ in MODULES):
            print(*definitions(module), sep="\n---\n")
        case ["--objects", path]:
            objects = documents(pathlib.Path(path).read_text())
            yaml.safe_dump_all([one for one in objects if (one["apiVersion"], one["kind"]) not in UNCHECKED], sys.stdout)
        case _:
            sys.exit("usage: examples/check [--definitions [MODULE] | --objects FILE]")


def check() -> None:
    known = schemas()
    readme = (HERE / "README.md").read_text()
    problems, seen = [], 0
    for path in sorted(HERE.glob("*.yaml")):
        text = path.read_text()
        if f"]({path.name})" not in readme:
            problems.append(f"{path.name}: README.md has no link to it")
        if path.name.endswith(".values.yaml"):
            problems += [f"{path.name}: {one}" for one in rendered([], yaml.safe_load(text))]
            continue
        if path.name not in SHORT:
            lines = text.splitlines()
            places = [next((n for n, line in enumerate(lines) if line.startswith(one)), -1) for one in HEADINGS]
            if places != sorted(places) or -1 in places:
                problems.append(f"{path.name}: begins without {', '.join(HEADINGS)} in this order")
        for document in documents(text):
            seen += 1
            where = f"{path.name}: {document['kind']} {document['metadata']['name']}"
            if (document["apiVersion"], document["kind"]) not in UNCHECKED:
                problems += [f"{where}: {one}" for one in known.mistakes(document)]
            if given := values_of(document):
                problems += [f"{where}: {one}" for one in rendered(*given)]
    if problems:
        print(*problems, sep="\n", file=sys.stderr)
        sys.exit("examples/check: the examples are not as they should be")
    print(f"examples/check: {seen} objects ok")


if __name__ == "__main__":
    main()
