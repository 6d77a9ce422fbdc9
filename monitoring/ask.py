"""Asks a Prometheus each query of the dashboards, the docs and the rules: `ask.py http://127.0.0.1:9090`.

Prints those that it refuses, and exits with 1 when there are any; then those whose answer is empty. Whether that is
right depends on what it scraped: nothing failed, nobody was late, no kubelet was asked. Then the alerts that fire.
"""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request

import metrics


def ask(server, path, **parameters):
    url = f"{server}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        return json.load(refused)


def chosen(query):
    """The query as Grafana sends it when all stacks are chosen."""
    query = query.replace("$__rate_interval", "1m")
    return query.replace("$namespace", ".*").replace("$stack", ".*").replace('stack="S"', 'stack!=""')


def main() -> int:
    server = sys.argv[1].rstrip("/")
    asked = list(metrics.queries())
    asked += [("rules.yaml", name, metrics.expression(block)) for _, name, block in metrics.rules()]
    refused, empty = 0, []
    for file, title, query in asked:
        answer = ask(server, "query", query=chosen(query))
        if answer["status"] != "success":
            print(f"refused: {file}: {title}: {answer['error']}")
            refused += 1
        elif not answer["data"]["result"]:
            empty.append(f"empty: {file}: {title}")
    print("\n".join(empty))
    for alert in ask(server, "alerts")["data"]["alerts"]:
        labels = {name: value for name, value in alert["labels"].items() if name != "alertname"}
        print(f"{alert['state']}: {alert['labels']['alertname']} {labels}: {alert['annotations']['summary']}")
    print(f"{len(asked)} queries asked, {refused} refused, {len(empty)} with an empty answer")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
