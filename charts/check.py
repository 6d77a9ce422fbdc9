"""Tests of the chart: `charts/check`, or `charts/check --write` to make golden files and README anew.

- Each `tests/NAME.values.yaml` renders to `tests/NAME.golden.yaml`; review its difference like that of code.
- Every object fits the schema of its kind, and names the namespace that it belongs to.
- Values that make no sense are refused, with a message that names them.
- Every value has a default in values.yaml, a schema and a description, which make the table of the README.
- `helm lint` has nothing to say but that there is no icon.
"""

import difflib
import json
import re
import subprocess
import sys

import yaml

from schemas import CHART, ROOT, Schemas, documents, render

TESTS = ROOT / "charts/tests"
README = CHART / "README.md"
BEGIN, END = "<!-- values: made by `just chart-check --write` -->", "<!-- end of values -->"

# Options that Helm must refuse, and a word that it must say.
REFUSED = [
    (["--set", "replica=2"], "replica"),
    (["--set", "replicas=-1"], "replicas"),
    (["--set", "image.digest=latest"], "digest"),
    (["--set", "image.repository=ghcr.io/todostack/todostack-operator:1"], "repository"),
    (["--set", "stackImage.pullPolicy=Always"], "pullPolicy"),
    (["--set", "watchNamespace=Team_A"], "watchNamespace"),
    (["--set", "log="], "log"),
    (["--set", "serviceAccount.create=false"], "serviceAccount.name"),
    (["--set", "podDisruptionBudget.minAvailable=1,podDisruptionBudget.maxUnavailable=1"], "podDisruptionBudget"),
    (["--set", "topologySpreadConstraints[0].maxSkew=1"], "topologyKey"),
    (["--kube-version", "1.30.0"], "kubeVersion"),
]


def differences(path, wanted: str, write: bool) -> list[str]:
    """How a file differs from what it should be; with `write` it is made so."""
    found = path.read_text() if path.exists() else ""
    if write and found != wanted:
        path.write_text(wanted)
        print(f"charts/check: wrote {path.relative_to(ROOT)}")
        return []
    name = str(path.relative_to(ROOT))
    return list(difflib.unified_diff(found.splitlines(), wanted.splitlines(), name, "what the chart makes", lineterm=""))


def golden(write: bool, schemas: Schemas) -> list[str]:
    problems = []
    cases = sorted(TESTS.glob("*.values.yaml"))
    if not cases:
        return [f"{TESTS}: no cases"]
    for case in cases:
        golden = case.with_name(case.name.replace(".values.", ".golden."))
        # The types are compared with the code by a Rust test, and would be all that one sees here.
        text = render("--values", str(case), "--set", "crds.install=false")
        problems += differences(golden, text, write)
        for document in documents(text):
            where = f"{case.name}: {document['kind']} {document['metadata']['name']}"
            problems += [f"{where}: {mistake}" for mistake in schemas.mistakes(document)]
            cluster_wide = document["kind"].startswith("Cluster")
            if cluster_wide == ("namespace" in document["metadata"]):
                problems.append(f"{where}: {'has a' if cluster_wide else 'has no'} namespace")
    return problems


def types(schemas: Schemas) -> list[str]:
    definitions = [one for one in documents(render()) if one["kind"] == "CustomResourceDefinition"]
    problems = [] if len(definitions) == 3 else [f"{len(definitions)} types, not 3"]
    for one in definitions:
        if one["metadata"]["annotations"].get("helm.sh/resource-policy") != "keep":
            problems.append(f"{one['metadata']['name']} would go with the release, and every stack with it")
    return problems


def refused() -> list[str]:
    problems = []
    for options, word in REFUSED:
        try:
            render(*options)
            problems.append(f"{options} is taken")
        except ValueError as error:
            if word not in str(error):
                problems.append(f"{options} is refused without a word of {word}: {error}")
    return problems


def leaves(schema: dict, values, definitions: dict, path=(), of=""):
    """(path, default, description) of every value; complains of those without one. `of`: what its group is."""
    if "$ref" in schema:
        schema = {**definitions[schema["$ref"].rsplit("/", 1)[1]], **schema}
    inner = schema.get("properties")
    if inner and values != {}:
        if set(inner) - {"global"} != set(values):
            both = sorted(set(inner) - {"global"} ^ set(values))
            raise SystemExit(f"charts/check: values.yaml and values.schema.json differ at {'.'.join(path) or 'the top'}: {both}")
        for name, one in values.items():
            yield from leaves(inner[name], one, definitions, (*path, name), schema.get("description", ""))
        return
    description = schema.get("description")
    if not description:
        raise SystemExit(f"charts/check: values.schema.json has no description of {'.'.join(path)}")
    yield ".".join(path), values, f"{of} {description}".strip()


def table() -> str:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    lines = ["| value | default | meaning |", "| --- | --- | --- |"]
    for path, default, description in leaves(schema, values, schema["definitions"]):
        shown = json.dumps(default, ensure_ascii=False).replace("|", "\\|")
        lines.append(f"| `{path}` | `{shown}` | {description} |")
    return "\n".join(lines)


def readme(write: bool) -> list[str]:
    text = README.read_text()
    if BEGIN not in text or END not in text:
        return [f"README.md has no {BEGIN} … {END}"]
    wanted = re.sub(
        re.escape(BEGIN) + ".*" + re.escape(END), lambda _: f"{BEGIN}\n{table()}\n{END}", text, flags=re.DOTALL
    )
    return differences(README, wanted, write)


def lint() -> list[str]:
    command = [str(ROOT / "charts/helm"), "lint", "--strict", str(CHART)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = [line for line in done.stdout.splitlines() if re.match(r"\[(INFO|WARNING|ERROR)\]", line)]
    return [line for line in said if "icon is recommended" not in line] + ([done.stdout] if done.returncode else [])


def main() -> None:
    write = sys.argv[1:] == ["--write"]
    if sys.argv[1:] not in ([], ["--write"]):
        sys.exit("usage: charts/check [--write]")
    schemas = Schemas()
    schemas.add_kubernetes()
    problems = golden(write, schemas) + types(schemas) + refused() + readme(write) + lint()
    if problems:
        print(*problems, sep="\n", file=sys.stderr)
        sys.exit("charts/check: the chart is not as it should be; `just chart-check --write` takes what it makes now as right")
    print("charts/check: ok")


if __name__ == "__main__":
    main()
