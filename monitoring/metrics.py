"""Holds docs/metrics.md, the alert rules and the dashboards to the metrics that the code has.

Prints what is wrong, one line each, and exits with 1 when anything is. With `--rules FILE` it also writes the
queries of dashboards and docs as recording rules, for promtool to parse.
"""

import argparse
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILES = ROOT / "charts/todostack-operator/files"
RULES = FILES / "rules.yaml"
TESTS = ROOT / "monitoring/tests"
RUNBOOKS = ROOT / "docs/runbooks"

# What Prometheus and the scrape configuration add.
TARGET_LABELS = {"namespace", "stack", "job", "pod", "container", "instance", "le"}
# Others' metrics that dashboards may use: Prometheus, the kubelet, kube-state-metrics.
FOREIGN = {
    "up",
    "container_cpu_usage_seconds_total",
    "container_memory_working_set_bytes",
    "kube_pod_container_status_restarts_total",
}
HISTOGRAM_SUFFIXES = ("_bucket", "_sum", "_count")


def arguments_of(source: str, start: int) -> str:
    """What stands between the parenthesis that opens at `start` and the one that closes it."""
    depth = 0
    quoted = False
    for at in range(start, len(source)):
        character = source[at]
        if character == '"' and source[at - 1] != "\\":
            quoted = not quoted
        elif not quoted:
            depth += (character == "(") - (character == ")")
            if depth == 0:
                return source[start + 1 : at]
    raise ValueError("no end of the macro")


def metrics_of_code():
    """Name → (type, labels) of each metric that a source file records, and what cannot be read."""
    found, wrong = {}, []
    for path in sorted(ROOT.glob("*/src/**/*.rs")):
        source = path.read_text()
        for macro in re.finditer(r"\b(counter|gauge|histogram)!\(", source):
            arguments = arguments_of(source, macro.end() - 1)
            name = re.match(r'\s*"([a-z0-9_]+)"', arguments)
            where = path.relative_to(ROOT)
            if not name:
                wrong.append(f"{where}: a {macro[1]} whose name is no literal")
                continue
            one = (macro[1], frozenset(re.findall(r'"(\w+)"\s*=>', arguments)))
            if found.setdefault(name[1], one) != one:
                wrong.append(f"{where}: {name[1]} is recorded elsewhere with another type or labels")
    return found, wrong


def metrics_of_page():
    """The same, by the tables of the page."""
    rows = {}
    for line in (ROOT / "docs/metrics.md").read_text().splitlines():
        row = re.match(r"\| `(todostack_\w+)` \| (\w+) \|([^|]*)\|", line)
        if row:
            rows[row[1]] = (row[2], frozenset(re.findall(r"`(\w+)`", row[3])))
    return rows


def check_page(code):
    page = metrics_of_page()
    for name in sorted(code.keys() | page.keys()):
        if name not in page:
            yield f"docs/metrics.md lacks {name}"
        elif name not in code:
            yield f"docs/metrics.md has {name}, which no code records"
        elif code[name] != page[name]:
            yield f"docs/metrics.md: {name} is a {code[name][0]} with the labels {sorted(code[name][1])}"


def exposed(code):
    """Name of each series → its labels."""
    series = {}
    for name, (kind, labels) in code.items():
        suffixes = HISTOGRAM_SUFFIXES if kind == "histogram" else ("",)
        series.update({name + suffix: labels for suffix in suffixes})
    return series


def check_names(where, text, series, recorded):
    """Each name in a query, and each label that a selector asks for, must exist."""
    without_strings = re.sub(r'"[^"]*"', '""', re.sub(r"#.*", "", text))
    for name, selector in re.findall(r"([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?", without_strings):
        if name in recorded or name in FOREIGN:
            continue
        if re.fullmatch(r"\w+:\w+:\w+", name):
            yield f"{where}: no rule records {name}"
        elif name.startswith(("kube_", "container_")):
            yield f"{where}: {name} is not among the foreign metrics of monitoring/metrics.py"
        elif name.startswith("todostack_"):
            if name not in series:
                yield f"{where}: no code has {name}"
                continue
            for label in re.findall(r"(\w+)\s*[=!]", selector):
                if label not in series[name] | TARGET_LABELS:
                    yield f"{where}: {name} has no label {label}"


def rules():
    """(kind, name, its lines) of each rule of the file."""
    for block in re.split(r"^ *- (?=alert:|record:)", RULES.read_text(), flags=re.M)[1:]:
        kind, name = re.match(r"(\w+): (\S+)", block).groups()
        yield kind, name, block


def expression(block):
    match = re.search(r"^( *)expr:(.*\n(?:\1 +.*\n|\n)*)", block, flags=re.M)
    return re.sub(r"^ *\|-?", "", match[2])


def tested():
    """Alert → whether a test expects it to fire, and whether one expects it not to."""
    outcomes = {}
    for path in sorted(TESTS.glob("*.yaml")):
        for block in re.split(r"alertname: *", path.read_text())[1:]:
            fires = not re.search(r"exp_alerts: *\[\]", block)
            outcomes.setdefault(block.split()[0], set()).add(fires)
    return outcomes


def check_rules(series, recorded):
    outcomes, alerts = tested(), set()
    for kind, name, block in rules():
        where = f"{RULES.name}: {name}"
        yield from check_names(where, expression(block), series, recorded)
        if kind != "alert":
            continue
        alerts.add(name)
        if not re.search(r"severity: (critical|warning)\n", block):
            yield f"{where} has no severity"
        for annotation in ("summary", "description", "runbook_url"):
            if f"{annotation}:" not in block:
                yield f"{where} has no {annotation}"
        url = re.search(r"runbook_url: \S+/docs/runbooks/(\S+)\n", block)
        if not url or url[1] != f"{name}.md":
            yield f"{where}: its runbook must be docs/runbooks/{name}.md"
    for name in sorted(alerts):
        if outcomes.get(name) != {True, False}:
            yield f"{name} needs a test in which it fires and one in which it does not"
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    for name in sorted(alerts ^ pages):
        yield f"docs/runbooks/{name}.md " + ("is missing" if name in alerts else "is of no alert")
    for name in sorted(pages):
        text = (RUNBOOKS / f"{name}.md").read_text()
        for heading in ("Meaning", "Impact", "Look", "Mend"):
            if f"\n## {heading}\n" not in text:
                yield f"docs/runbooks/{name}.md has no section {heading}"
        code = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text) + promql_of(text)
        yield from check_names(f"docs/runbooks/{name}.md", "\n".join(code), series, recorded)
    index = (RUNBOOKS / "README.md").read_text() if RUNBOOKS.is_dir() else ""
    for name in sorted(alerts):
        if f"({name}.md)" not in index:
            yield f"docs/runbooks/README.md lacks {name}"


def promql_of(page):
    """The queries that a page shows."""
    return re.findall(r"^```promql\n(.*?)^```", page, flags=re.M | re.S)


def queries():
    """(file, title, query) of each panel of a dashboard, and of each query of a page of the docs."""
    for path in sorted(ROOT.glob("docs/**/*.md")):
        for query in promql_of(path.read_text()):
            yield path.name, "query", query
    for path in sorted(FILES.glob("dashboards/*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                yield path.name, panel["title"], target["expr"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=pathlib.Path, help="where to write the queries of dashboards and docs")
    options = parser.parse_args()

    code, wrong = metrics_of_code()
    wrong += check_page(code)
    series = exposed(code)
    recorded = {name for kind, name, _ in rules() if kind == "record"}
    wrong += check_rules(series, recorded)
    for file, panel, query in queries():
        wrong += check_names(f"{file}: {panel}", query, series, recorded)
    if options.rules:
        # JSON is YAML. Grafana's own interval is a duration for Prometheus.
        recording = [
            {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "5m")}
            for number, (_, _, query) in enumerate(queries())
        ]
        options.rules.write_text(json.dumps({"groups": [{"name": "dashboards", "rules": recording}]}))
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
