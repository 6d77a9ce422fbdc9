"""Holds the objects that `monitoring/chart` rendered, from standard input, to Kubernetes' and Prometheus' types."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "charts"))

from schemas import Schemas, documents, go_module  # noqa: E402

OPERATOR = go_module("github.com/prometheus-operator/prometheus-operator", "v0.85.0")

known = Schemas()
known.add_kubernetes()
for kind in ("podmonitors", "prometheusrules"):
    known.add_definitions((OPERATOR / f"example/prometheus-operator-crd/monitoring.coreos.com_{kind}.yaml").read_text())
problems = [
    f"{document['kind']} {document['metadata']['name']}: {mistake}"
    for document in documents(sys.stdin.read())
    for mistake in known.mistakes(document)
]
print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
sys.exit(1 if problems else 0)
