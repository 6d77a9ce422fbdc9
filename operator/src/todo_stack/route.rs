//! What the Gateways say of a stack's HTTPRoute. Pure.

use crds::{ParentRef, TodoStack, conditions::Verdict};
use kube::ResourceExt;
use serde_json::Value;

use super::{
    names::{self, Role},
    object::{Kind, Object},
    observe::Observed,
};

/// What the Gateways say of the HTTPRoute, if there is to be one.
pub fn verdict(stack: &TodoStack, observed: &Observed) -> Option<Verdict> {
    let spec = stack.spec.gateway.http_route.as_ref()?;
    if !observed.gateway_api {
        return Some(Verdict::no(
            "GatewayApiNotInstalled",
            "The cluster does not know gateway.networking.k8s.io/v1 HTTPRoute: install the Gateway API, or remove spec.gateway.httpRoute",
        ));
    }
    let name = names::role(stack, Role::Gateway);
    let live = observed.find(Kind::HttpRoute, &name);
    let namespace = stack.namespace().unwrap_or_default();
    let wrong: Vec<String> = spec
        .parent_refs
        .iter()
        .filter_map(|parent| trouble(live, parent, &namespace))
        .collect();
    Some(if wrong.is_empty() {
        Verdict::yes("RouteAccepted", format!("HTTPRoute {name} is taken"))
    } else {
        Verdict::no(
            "RouteNotAccepted",
            format!("HTTPRoute {name}: {}", wrong.join("; ")),
        )
    })
}

/// Why a route does not lead through a Gateway, as far as it has looked at the route as it is.
fn trouble(live: Option<&Object>, parent: &ParentRef, namespace: &str) -> Option<String> {
    let title = format!(
        "{} {}",
        parent.kind.as_deref().unwrap_or("Gateway"),
        parent.name
    );
    let generation = live.and_then(|live| live.number("/metadata/generation"));
    let said: Vec<&Value> = live
        .and_then(|live| live.at("/status/parents"))
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|said| is_about(&said["parentRef"], parent, namespace))
        .filter_map(|said| said["conditions"].as_array())
        .flatten()
        .filter(|one| {
            let seen = one["observedGeneration"].as_i64();
            seen.is_none() || seen >= generation
        })
        .collect();
    let is = |one: &Value, kind: &str, status: &str| one["type"] == kind && one["status"] == status;
    let refused = said
        .iter()
        .find(|one| is(one, "Accepted", "False") || is(one, "ResolvedRefs", "False"));
    if let Some(refused) = refused {
        let why = refused["message"].as_str().unwrap_or_default();
        let why: String = why.chars().take(300).collect();
        return Some(format!("{title}: {why}"));
    }
    let taken = said.iter().any(|one| is(one, "Accepted", "True"));
    (!taken).then(|| format!("{title} has not taken it yet"))
}

/// What the API server and Gateways may write out is as good as absent.
fn is_about(said: &Value, parent: &ParentRef, namespace: &str) -> bool {
    let is = |field: &str, wanted: &Option<String>, default: &str| {
        said[field].as_str().unwrap_or(default) == wanted.as_deref().unwrap_or(default)
    };
    said["name"] == parent.name.as_str()
        && is("group", &parent.group, "gateway.networking.k8s.io")
        && is("kind", &parent.kind, "Gateway")
        && is("namespace", &parent.namespace, namespace)
        && is("sectionName", &parent.section_name, "")
        && said["port"].as_i64() == parent.port.map(i64::from)
}
