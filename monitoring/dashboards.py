"""Writes the Grafana dashboards of the chart: `dashboards.py`. With `--check` it fails when they differ."""

import json
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "charts/todostack-operator/files/dashboards"

# Selects the stacks chosen above the panels. The operator has a namespace and no stack.
STACK = 'namespace=~"$namespace", stack=~"$stack"'
OPERATOR = 'job="todostack-operator"'
# Keeps of the metrics of all pods of the cluster those of ours.
OURS = f"* on (namespace, pod) group_left () group by (namespace, pod) (up{{{STACK}}} or up{{{OPERATOR}}})"
BY_STACK = "namespace, stack"


def rate(metric, labels=""):
    return f"rate({metric}{{{STACK}{labels}}}[$__rate_interval])"


def total(metric, by="", labels=""):
    """A rate over all processes, of each stack and of each value of the labels `by`."""
    return f"sum by ({BY_STACK}{by}) ({rate(metric, labels)})"


def quantile(share, metric, by="", labels=""):
    return f"histogram_quantile({share}, sum by ({BY_STACK}, le{by}) ({rate(metric + '_bucket', labels)}))"


def quantiles(metric, labels=""):
    return [(quantile(share, metric, labels=labels), f"{{{{stack}}}} p{round(share * 100)}") for share in (0.5, 0.95, 0.99)]


def panel(title, unit, targets, about="", kind="timeseries"):
    """`targets`: pairs of a query and a legend. `unit`: one of Grafana's."""
    return {"title": title, "unit": unit, "targets": targets, "about": about, "kind": kind}


def budget(slo, goal):
    """How much of the objective's budget of three days is left."""
    return (f"1 - stack:todostack_{slo}_bad:ratio3d{{{STACK}}} / {goal}", "{{stack}}")


REQUESTS = total("todostack_http_request_duration_seconds_count", labels=', route!="/healthz"')
FAILED = total("todostack_http_request_duration_seconds_count", labels=', route!="/healthz", status=~"5.."')

DASHBOARDS = {
    "api": ("API", [
        panel("Requests", "reqps", [(REQUESTS, "{{stack}}")]),
        panel("5xx, share of requests", "percentunit", [(f"({FAILED} or 0 * {REQUESTS}) / {REQUESTS}", "{{stack}}")]),
        panel("Left of the budget of three days", "percentunit", [budget("api", 0.05)],
              "The objective: 95 % of requests within 200 ms and not 5xx.", "stat"),
        panel("Time to answer", "s", quantiles("todostack_http_request_duration_seconds", ', route!="/healthz"')),
        panel("Time to answer by route, p95", "s", [(
            "topk(10, " + quantile(0.95, "todostack_http_request_duration_seconds", ", method, route") + ")", "{{method}} {{route}}")]),
        panel("Answers by status", "reqps", [(total("todostack_http_request_duration_seconds_count", ", status"), "{{status}}")]),
        panel("Streams to devices", "short", [(f"sum by ({BY_STACK}) (todostack_streams_open{{{STACK}}})", "{{stack}} open"),
              (total("todostack_streams_opened_total", ", kind"), "{{kind}} opened a second")]),
        panel("Sockets that we closed, by code", "ops", [(total("todostack_sockets_closed_total", ", code"), "{{code}}")]),
        panel("Refresh tokens that came twice", "ops", [(total("todostack_refresh_tokens_reused_total"), "{{stack}}")]),
    ]),
    "events": ("Events and lag", [
        panel("Events published", "ops", [(total("todostack_events_published_total"), "{{stack}}")]),
        panel("Events that wait in the outbox", "short", [(f"max by ({BY_STACK}) (todostack_outbox_waiting{{{STACK}}})", "{{stack}}")]),
        panel("Left of the budget of three days", "percentunit", [budget("publish", 0.001)],
              "The objective: 99.9 % of events published within 5 s.", "stat"),
        panel("Age of the oldest of them", "s", [(f"max by ({BY_STACK}) (todostack_outbox_oldest_seconds{{{STACK}}})", "{{stack}}")]),
        panel("From the outbox to the broker", "s", quantiles("todostack_outbox_delay_seconds")),
        panel("Shards held, of 16", "short", [(f"sum by ({BY_STACK}) (todostack_relay_shards{{{STACK}}})", "{{stack}}")]),
        panel("Events consumed", "ops", [(total("todostack_events_consumed_total", ", consumer", ', result="ok"'), "{{consumer}}")]),
        panel("Events that come again or cannot be read", "ops", [(
            total("todostack_events_consumed_total", ", consumer, result", ', result!="ok"'), "{{consumer}} {{result}}")]),
        panel("Dead letters", "short", [(f"max by ({BY_STACK}, consumer) (todostack_dead_letters_waiting{{{STACK}}})", "{{consumer}} wait"),
              (f"sum by ({BY_STACK}, consumer) (increase(todostack_dead_letters_total{{{STACK}}}[1h]))", "{{consumer}} new in an hour")]),
    ]),
    "reminders": ("Reminders and lateness", [
        panel("Reminders fired", "ops", [(total("todostack_alarms_rung_total", ", path", ', result="fired"'), "by {{path}}")]),
        panel("Lateness of firing", "s", quantiles("todostack_reminder_lateness_seconds")),
        panel("Left of the budget of three days", "percentunit", [budget("reminders", 0.05)],
              "The objective: 95 % of reminders fire within 5 s of their time.", "stat"),
        panel("How late they fire", "short", [(
            f"sum by (le) (increase(todostack_reminder_lateness_seconds_bucket{{{STACK}}}[$__rate_interval]))", "{{le}}")], kind="heatmap"),
        panel("What else became of alarms", "ops", [(total("todostack_alarms_rung_total", ", result", ', result!="fired"'), "{{result}}")]),
        panel("Alarms set, and set again", "ops", [(total("todostack_alarms_set_total"), "{{stack}} set"),
              (total("todostack_alarms_mended_total"), "{{stack}} were lost")]),
        panel("From its time to its receiver", "s", quantiles("todostack_due_to_delivered_seconds")),
        panel("Attempts to deliver", "ops", [(total("todostack_deliveries_total", ", channel, result"), "{{channel}} {{result}}")]),
        panel("Deliveries now", "short", [(f"sum by ({BY_STACK}) (todostack_deliveries_waiting{{{STACK}}})", "{{stack}} wait"),
              (f"sum by ({BY_STACK}) (todostack_deliveries_under_way{{{STACK}}})", "{{stack}} under way"),
              (f"sum by ({BY_STACK}) (todostack_circuits_open{{{STACK}}})", "{{stack}} circuits open")]),
        panel("Rounds of the sweep", "s", quantiles("todostack_sweep_seconds")),
        panel("Links for a new password", "ops", [(total("todostack_password_reset_mails_total", ", outcome"), "{{outcome}}")]),
    ]),
    "operator": ("Operator and pods", [
        panel("Operators that lead", "short", [("sum by (namespace) (todostack_operator_leader)", "{{namespace}}")], kind="stat"),
        panel("Reconciles", "ops", [(f"sum by (controller, result) (rate(todostack_operator_reconciles_total{{{OPERATOR}}}[$__rate_interval]))", "{{controller}} {{result}}")]),
        panel("Time of a reconcile, p95", "s", [(
            f"histogram_quantile(0.95, sum by (controller, le) (rate(todostack_operator_reconcile_seconds_bucket{{{OPERATOR}}}[$__rate_interval])))", "{{controller}}")]),
        panel("Errors of watches and of the mirror", "ops", [
            (f"sum by (controller) (rate(todostack_operator_watch_errors_total{{{OPERATOR}}}[$__rate_interval]))", "watch of {{controller}}"),
            (f"sum(rate(todostack_operator_mirror_errors_total{{{OPERATOR}}}[$__rate_interval]))", "mirror")]),
        panel("Processes that answer", "short", [(f"sum by ({BY_STACK}, job) (up{{{STACK}}})", "{{job}}"), (f"sum by (namespace, job) (up{{{OPERATOR}}})", "{{job}}")]),
        panel("Memory", "bytes", [(
            f'sum by (namespace, pod, container) (container_memory_working_set_bytes{{container!=""}}) {OURS}', "{{pod}} {{container}}")],
              "From the kubelet (cAdvisor)."),
        panel("Processors", "short", [(
            f'sum by (namespace, pod, container) (rate(container_cpu_usage_seconds_total{{container!=""}}[$__rate_interval])) {OURS}', "{{pod}} {{container}}")],
              "From the kubelet (cAdvisor)."),
        panel("Restarts in an hour", "short", [(
            f"sum by (namespace, pod, container) (increase(kube_pod_container_status_restarts_total[1h])) {OURS}", "{{pod}} {{container}}")],
              "From kube-state-metrics."),
    ]),
}

SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def variable(label, query):
    return {
        "name": label, "label": label, "type": "query", "datasource": SOURCE, "query": query, "refresh": 2,
        "includeAll": True, "multi": True, "allValue": ".*", "sort": 1,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def drawn(number, one):
    """A panel in Grafana's words, three in a row."""
    body = {
        "id": number + 1, "title": one["title"], "description": one["about"], "type": one["kind"], "datasource": SOURCE,
        "gridPos": {"h": 8, "w": 8, "x": number % 3 * 8, "y": number // 3 * 8},
        "fieldConfig": {"defaults": {"unit": one["unit"], "min": 0}, "overrides": []},
        "options": {},
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": SOURCE, "expr": query, "legendFormat": legend}
            for at, (query, legend) in enumerate(one["targets"])
        ],
    }
    if one["kind"] == "heatmap":
        body["options"] = {"calculate": False, "yAxis": {"unit": "s"}}
        body["targets"][0]["format"] = "heatmap"
    if one["title"].startswith("Left of"):
        # A budget that is overdrawn is below nothing.
        del body["fieldConfig"]["defaults"]["min"]
    return body


def dashboard(name, title, panels):
    return {
        "uid": f"todostack-{name}", "title": f"todostack: {title}", "tags": ["todostack"], "editable": True,
        "schemaVersion": 39, "version": 1, "refresh": "30s", "time": {"from": "now-6h", "to": "now"}, "timezone": "",
        "templating": {"list": [
            {"name": "datasource", "label": "datasource", "type": "datasource", "query": "prometheus", "current": {}},
            variable("namespace", 'label_values(up{job=~"todostack-.+", stack!=""}, namespace)'),
            variable("stack", 'label_values(up{job=~"todostack-.+", namespace=~"$namespace"}, stack)'),
        ]},
        "panels": [drawn(number, one) for number, one in enumerate(panels)],
    }


def main() -> int:
    check = sys.argv[1:] == ["--check"]
    differing = 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, (title, panels) in DASHBOARDS.items():
        path = FOLDER / f"{name}.json"
        text = json.dumps(dashboard(name, title, panels), indent=1) + "\n"
        if not check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            print(f"{path.name} is not what monitoring/dashboards.py makes: run it")
            differing = 1
    return differing


if __name__ == "__main__":
    sys.exit(main())
