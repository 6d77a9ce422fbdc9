//! How users reach a stack: live updates are the sync service's, everything else is the gateway's.

use std::collections::BTreeMap;

use crds::{HttpRouteSpec, IngressSpec, IssuerKind};
use serde_json::{Value, json};

use super::{Source, object};
use crate::todo_stack::{
    names::{self, Role},
    object::{Kind, Object},
};

/// Of the sync service.
const LIVE: [&str; 2] = ["/v1/stream", "/v1/ws"];
/// Of the Services of both.
const PORT: u16 = 80;

pub(super) fn objects(source: Source<'_>) -> Vec<Object> {
    let gateway = &source.stack.spec.gateway;
    let ingress = gateway.ingress.as_ref().map(|spec| ingress(source, spec));
    let route = gateway.http_route.as_ref().map(|spec| route(source, spec));
    ingress.into_iter().chain(route).collect()
}

fn ingress(source: Source<'_>, spec: &IngressSpec) -> Object {
    let name = names::role(source.stack, Role::Gateway);
    let backend = |role| json!({"service": {"name": names::role(source.stack, role), "port": {"number": PORT}}});
    let live =
        LIVE.map(|path| json!({"path": path, "pathType": "Exact", "backend": backend(Role::Sync)}));
    let rest = json!({"path": "/", "pathType": "Prefix", "backend": backend(Role::Gateway)});
    let paths: Vec<Value> = live.into_iter().chain([rest]).collect();
    let rules: Vec<Value> = spec
        .hosts
        .iter()
        .map(|host| json!({"host": host, "http": {"paths": paths}}))
        .collect();
    let mut body = json!({"spec": {"rules": rules}});
    if let Some(class) = &spec.class_name {
        body["spec"]["ingressClassName"] = class.as_str().into();
    }
    let certificate = spec.tls_secret_name.clone();
    let made = spec.cert_manager.as_ref().map(|_| format!("{name}-tls"));
    if let Some(secret) = certificate.or(made) {
        body["spec"]["tls"] = json!([{"hosts": spec.hosts, "secretName": secret}]);
    }
    body["metadata"] = source.metadata(Role::Gateway.as_str());
    body["metadata"]["annotations"] = json!(annotations(spec));
    Object::new(Kind::Ingress, name, body)
}

fn annotations(spec: &IngressSpec) -> BTreeMap<String, String> {
    let mut annotations = spec.annotations.clone();
    if let Some(cert_manager) = &spec.cert_manager {
        let issuer = &cert_manager.issuer_ref;
        let key = match issuer.kind {
            IssuerKind::Issuer => "cert-manager.io/issuer",
            IssuerKind::ClusterIssuer => "cert-manager.io/cluster-issuer",
        };
        annotations.insert(key.into(), issuer.name.clone());
    }
    annotations
}

fn route(source: Source<'_>, spec: &HttpRouteSpec) -> Object {
    let to = |role| json!([{"name": names::role(source.stack, role), "port": PORT}]);
    let exactly = LIVE.map(|path| json!({"path": {"type": "Exact", "value": path}}));
    let mut live = json!({"matches": exactly, "backendRefs": to(Role::Sync)});
    if let Some(timeout) = &spec.stream_timeout {
        live["timeouts"] = json!({"request": timeout});
    }
    let rest = json!({
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "backendRefs": to(Role::Gateway),
    });
    object(
        source,
        Kind::HttpRoute,
        names::role(source.stack, Role::Gateway),
        Role::Gateway.as_str(),
        json!({"spec": {
            "parentRefs": spec.parent_refs,
            "hostnames": spec.hostnames,
            "rules": [live, rest],
        }}),
    )
}
