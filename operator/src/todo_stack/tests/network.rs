//! How users reach a stack, and whom its pods may talk to.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use super::cluster::*;
use crate::todo_stack::{
    object::{Kind, Object},
    plan::plan,
    status,
};

fn ingress(over: Value) -> Object {
    let mut spec = json!({"hosts": ["todo.example.com"]});
    merge(&mut spec, over);
    let (_, observed) = settled(json!({"gateway": {"ingress": spec}}));
    let ingress = observed.find(Kind::Ingress, "demo-gateway");
    ingress.expect("an Ingress").clone()
}

#[test]
fn an_ingress_leads_live_updates_to_the_sync_service_and_the_rest_to_the_gateway() {
    let ingress = ingress(json!({
        "hosts": ["todo.example.com", "todo.example.org"],
        "className": "nginx",
        "tlsSecretName": "todo-tls",
    }));
    insta::assert_yaml_snapshot!(ingress.at("/spec").expect("a spec"), @r"
    ingressClassName: nginx
    rules:
      - host: todo.example.com
        http:
          paths:
            - backend:
                service:
                  name: demo-sync
                  port:
                    number: 80
              path: /v1/stream
              pathType: Exact
            - backend:
                service:
                  name: demo-sync
                  port:
                    number: 80
              path: /v1/ws
              pathType: Exact
            - backend:
                service:
                  name: demo-gateway
                  port:
                    number: 80
              path: /
              pathType: Prefix
      - host: todo.example.org
        http:
          paths:
            - backend:
                service:
                  name: demo-sync
                  port:
                    number: 80
              path: /v1/stream
              pathType: Exact
            - backend:
                service:
                  name: demo-sync
                  port:
                    number: 80
              path: /v1/ws
              pathType: Exact
            - backend:
                service:
                  name: demo-gateway
                  port:
                    number: 80
              path: /
              pathType: Prefix
    tls:
      - hosts:
          - todo.example.com
          - todo.example.org
        secretName: todo-tls
    ");
}

#[test]
fn cert_manager_is_told_its_issuer() {
    for (kind, key) in [
        ("Issuer", "cert-manager.io~1issuer"),
        ("ClusterIssuer", "cert-manager.io~1cluster-issuer"),
    ] {
        let ingress = ingress(json!({
            "annotations": {"example.com/size": "1m"},
            "certManager": {"issuerRef": {"name": "letsencrypt", "kind": kind}},
        }));
        let annotation = |key: &str| ingress.text(&format!("/metadata/annotations/{key}"));
        assert_eq!(annotation(key), Some("letsencrypt"));
        assert_eq!(annotation("example.com~1size"), Some("1m"));
        assert_eq!(
            ingress.text("/spec/tls/0/secretName"),
            Some("demo-gateway-tls")
        );
    }
    assert_eq!(ingress(json!({})).at("/spec/tls"), None);
}

fn routed() -> Value {
    json!({"gateway": {"httpRoute": {
        "parentRefs": [
            {"name": "todo", "sectionName": "http"}, {"name": "todo", "sectionName": "https"},
        ],
        "hostnames": ["todo.example.com"],
        "streamTimeout": "0s",
    }}})
}

#[test]
fn a_route_leads_where_an_ingress_does() {
    let (_, observed) = settled(routed());
    let route = observed.find(Kind::HttpRoute, "demo-gateway");
    insta::assert_yaml_snapshot!(route.expect("a route").at("/spec").expect("a spec"), @r#"
    hostnames:
      - todo.example.com
    parentRefs:
      - name: todo
        sectionName: http
      - name: todo
        sectionName: https
    rules:
      - backendRefs:
          - name: demo-sync
            port: 80
        matches:
          - path:
              type: Exact
              value: /v1/stream
          - path:
              type: Exact
              value: /v1/ws
        timeouts:
          request: 0s
      - backendRefs:
          - name: demo-gateway
            port: 80
        matches:
          - path:
              type: PathPrefix
              value: /
    "#);
}

#[test]
fn a_route_waits_for_its_type_and_for_its_gateway() {
    let (mut stack, mut observed) = (stack(routed()), empty());
    observed.gateway_api = false;
    let waiting = settle(&mut stack, &mut observed);
    assert!(observed.find(Kind::HttpRoute, "demo-gateway").is_none());
    for kind in [status::ROUTE, status::READY] {
        let (status, reason, _) = condition(&waiting, kind);
        assert_eq!(
            (status.as_str(), reason.as_str()),
            ("False", "GatewayApiNotInstalled")
        );
    }
    // Everything else is there.
    assert_eq!(condition(&waiting, status::WORKLOADS).0, "True");
    observed.gateway_api = true;
    let taken = settle(&mut stack, &mut observed);
    assert_eq!(condition(&taken, status::READY).0, "True");
    let route = live(&mut observed, Kind::HttpRoute, "demo-gateway").expect("a route");
    let conditions = &mut route.body["status"]["parents"][1]["conditions"];
    conditions[0] = json!({"type": "Accepted", "status": "False", "message": "no such listener"});
    let (_, reason, message) = condition(&plan(&stack, &observed, IMAGE), status::ROUTE);
    assert_eq!(reason, "RouteNotAccepted");
    assert_eq!(
        message,
        "HTTPRoute demo-gateway: Gateway todo: no such listener"
    );
    set_spec(&mut stack, json!({"gateway": {"httpRoute": null}}));
    let without = settle(&mut stack, &mut observed);
    assert!(observed.find(Kind::HttpRoute, "demo-gateway").is_none());
    let mut kinds = without
        .status
        .conditions
        .iter()
        .map(|one| one.type_.as_str());
    assert!(kinds.all(|kind| kind != status::ROUTE));
}

#[test]
fn what_is_said_of_another_route_or_by_another_gateway_does_not_count() {
    let (stack, mut observed) = settled(routed());
    for stale in [
        json!({
            "parentRef": {"name": "todo", "sectionName": "https"},
            "conditions": [{"type": "Accepted", "status": "True", "observedGeneration": 1}],
        }),
        json!({
            "parentRef": {"name": "todo", "sectionName": "https", "namespace": "elsewhere"},
            "conditions": [{"type": "Accepted", "status": "True", "observedGeneration": 2}],
        }),
    ] {
        let route = live(&mut observed, Kind::HttpRoute, "demo-gateway").expect("a route");
        route.body["status"]["parents"][1] = stale;
        let (_, reason, message) = condition(&plan(&stack, &observed, IMAGE), status::ROUTE);
        assert_eq!(reason, "RouteNotAccepted");
        assert_eq!(
            message,
            "HTTPRoute demo-gateway: Gateway todo has not taken it yet"
        );
    }
}

/// One side of an arrow, in words.
fn peer(peer: &Value) -> String {
    let labels = |selector: &str| {
        let labels = peer[selector]["matchLabels"].as_object();
        labels.into_iter().flatten().map(|(key, value)| {
            let value = value.as_str().expect("text");
            format!("`{key}={value}`")
        })
    };
    let pods: Vec<String> = labels("podSelector").collect();
    let namespace: Vec<String> = labels("namespaceSelector").collect();
    let pods = if pods.is_empty() {
        "all pods".to_owned()
    } else {
        format!("pods {}", pods.join(", "))
    };
    format!("{pods} of namespaces {}", namespace.join(", "))
}

fn side(rule: &Value, field: &str) -> String {
    match rule[field].as_array() {
        None => "anybody".into(),
        Some(peers) => peers.iter().map(peer).collect::<Vec<_>>().join("; "),
    }
}

fn ports(rule: &Value) -> String {
    let Some(ports) = rule["ports"].as_array() else {
        return "any".into();
    };
    let port = |port: &Value| {
        let udp = if port["protocol"] == "UDP" {
            " (UDP)"
        } else {
            ""
        };
        format!("{}{udp}", port["port"])
    };
    ports.iter().map(port).collect::<Vec<_>>().join(", ")
}

/// The policies of a stack as a table, line by line.
fn arrows(spec: Value) -> Vec<String> {
    let (_, observed) = settled(spec);
    let mut arrows = Vec::new();
    for live in observed
        .live
        .iter()
        .filter(|live| live.kind == Kind::NetworkPolicy)
    {
        let role = live.text("/spec/podSelector/matchLabels/app.kubernetes.io~1component");
        let role = role.expect("a component");
        let rules = |pointer| live.at(pointer).and_then(Value::as_array).expect("a list");
        for rule in rules("/spec/ingress") {
            arrows.push(format!(
                "| {} | {role} | {} |",
                side(rule, "from"),
                ports(rule)
            ));
        }
        for rule in rules("/spec/egress") {
            arrows.push(format!(
                "| {role} | {} | {} |",
                side(rule, "to"),
                ports(rule)
            ));
        }
    }
    arrows
}

#[test]
fn policies_are_the_arrows_of_the_architecture() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/architecture.md");
    let text = fs::read_to_string(path).expect("docs/architecture.md");
    let (_, table) = text
        .split_once("| from | to | ports |\n| --- | --- | --- |\n")
        .expect("the table of arrows");
    let drawn: Vec<&str> = table.lines().take_while(|line| !line.is_empty()).collect();
    let made = arrows(json!({"networkPolicy": {"enabled": true}}));
    assert_eq!(made, drawn, "\n{}", made.join("\n"));
}

#[test]
fn policies_are_as_narrow_as_the_spec_says() {
    let arrows = arrows(json!({
        "events": {"kafka": {"brokers": ["a:9093", "b:9094"]}},
        "networkPolicy": {
            "enabled": true,
            "gatewayFrom": [{"namespaceSelector": {"matchLabels": {"a": "ingress"}}}],
            "metricsFrom": [{
                "namespaceSelector": {"matchLabels": {"a": "monitoring"}},
                "podSelector": {"matchLabels": {"b": "prometheus"}},
            }],
            "daprNamespace": "dapr",
            "extraEgressPorts": [3128],
        },
    }));
    let of_gateway: Vec<&str> = arrows
        .iter()
        .map(String::as_str)
        .filter(|arrow| arrow.contains("| gateway |"))
        .collect();
    assert_eq!(
        of_gateway,
        [
            "| all pods of namespaces `a=ingress` | gateway | 8080 |",
            "| pods `b=prometheus` of namespaces `a=monitoring` | gateway | 9090, 9091 |",
            "| gateway | anybody | 53 (UDP), 53 |",
            "| gateway | anybody | 5432 |",
            "| gateway | anybody | 9093, 9094 |",
            "| gateway | all pods of namespaces `kubernetes.io/metadata.name=dapr` | any |",
            "| gateway | anybody | 3128 |",
        ]
    );
}

#[test]
fn policies_go_when_they_are_not_wanted() {
    let (mut stack, mut observed) = settled(json!({"networkPolicy": {"enabled": true}}));
    let count = |observed: &crate::todo_stack::observe::Observed| {
        let policies = observed
            .live
            .iter()
            .filter(|live| live.kind == Kind::NetworkPolicy);
        policies.count()
    };
    assert_eq!(count(&observed), 8);
    set_spec(&mut stack, json!({"networkPolicy": {"enabled": false}}));
    settle(&mut stack, &mut observed);
    assert_eq!(count(&observed), 0);
}
