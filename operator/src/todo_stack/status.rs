//! What a stack shows of itself. Pure.

use crds::{
    SecretKeyRef, ServiceStatus, TodoStack, TodoStackStatus,
    conditions::{self, Verdict},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

use super::{
    migration::Migration,
    names::{self, Role},
    object::Kind,
    observe::{Observed, Topics},
    plan::Obstacle,
    pods, route, specs,
};

/// Everything below is so.
pub const READY: &str = "Ready";
/// The database is as the image wants it.
pub const DATABASE: &str = "DatabaseReady";
/// The topics exist.
pub const EVENTS: &str = "EventsReady";
/// Dapr is there and each pod has its sidecar.
pub const DAPR: &str = "DaprReady";
/// Each service runs as the spec says.
pub const WORKLOADS: &str = "WorkloadsReady";
/// A Gateway takes the HTTPRoute that the spec asks for; absent when it asks for none.
pub const ROUTE: &str = "RouteReady";
/// On the way to what the spec says.
pub const RECONCILING: &str = "Reconciling";
/// Nothing happens until somebody changes something.
pub const STALLED: &str = "Stalled";

const SUSPENDED: &str = "Suspended";
const SIDECARS_NOT_READY: &str = "SidecarsNotReady";

/// What a status is made from.
pub struct View<'a> {
    /// The stack.
    pub stack: &'a TodoStack,
    /// What was observed.
    pub observed: &'a Observed,
    /// What keeps it from being touched.
    pub obstacle: Option<&'a Obstacle>,
    /// How the migration is doing.
    pub migration: &'a Migration,
    /// Image that it is to run.
    pub image: &'a str,
}

/// Ready, or stalled, or asleep: it is of no use to look again soon.
pub fn is_settled(status: &TodoStackStatus) -> bool {
    conditions::find(&status.conditions, RECONCILING).is_some_and(|c| c.status == "False")
        && !conditions::is_true(&status.conditions, STALLED)
}

/// The status.
pub fn status(view: &View<'_>) -> TodoStackStatus {
    let before = view.stack.status.clone().unwrap_or_default();
    let services: Vec<ServiceStatus> = Role::ALL.map(|role| service(view, role)).into();
    let ready = services
        .iter()
        .filter(|service| service.ready_replicas >= service.replicas)
        .count();
    TodoStackStatus {
        observed_generation: view.stack.metadata.generation,
        conditions: all_conditions(view, before.conditions),
        endpoint: Some(format!(
            "http://{}.{}.svc",
            names::role(view.stack, Role::Gateway),
            view.stack.namespace().unwrap_or_default()
        )),
        image: running_image(view).or(before.image),
        ready_services: Some(format!("{ready}/{}", services.len())),
        services,
        topics: match &view.observed.topics {
            Topics::Exist(topics) => names::topics(view.stack)
                .into_iter()
                .filter(|topic| topics.contains(topic))
                .collect(),
            Topics::Unknown | Topics::Failed(_) => before.topics,
        },
    }
}

/// What the gateway's Deployment says; all of them are applied together.
fn running_image(view: &View<'_>) -> Option<String> {
    view.observed
        .find(Kind::Deployment, &names::role(view.stack, Role::Gateway))?
        .text("/spec/template/spec/containers/0/image")
        .map(str::to_owned)
}

fn service(view: &View<'_>, role: Role) -> ServiceStatus {
    let deployment = view
        .observed
        .find(Kind::Deployment, &names::role(view.stack, role));
    let ready = deployment
        .and_then(|live| live.number("/status/readyReplicas"))
        .unwrap_or_default();
    // What is scaled by its load has as many as its autoscaler says.
    let scaled = role.autoscaling(view.stack).and(deployment);
    let scaled = scaled.and_then(|live| live.number("/spec/replicas"));
    let scaled = i32::try_from(scaled.unwrap_or_default()).unwrap_or(i32::MAX);
    ServiceStatus {
        role: role.as_str().into(),
        replicas: role.replicas(view.stack).max(scaled),
        ready_replicas: i32::try_from(ready).unwrap_or(i32::MAX),
    }
}

fn all_conditions(view: &View<'_>, mut conditions: Vec<Condition>) -> Vec<Condition> {
    let mut parts = vec![
        (DATABASE, database(view)),
        (EVENTS, events(view)),
        (DAPR, dapr(view)),
        (WORKLOADS, workloads(view)),
    ];
    match route::verdict(view.stack, view.observed) {
        Some(verdict) => parts.push((ROUTE, verdict)),
        None => conditions.retain(|condition| condition.type_ != ROUTE),
    }
    let stalled = match view.obstacle {
        None => Verdict::no("Progressing", "Nothing stands in the way"),
        Some(Obstacle::Invalid(message)) => Verdict::yes("InvalidSpec", message),
        Some(Obstacle::Secrets(missing)) => Verdict::yes("SecretMissing", lacks(missing)),
    };
    let ready = overall(view, &stalled, &parts);
    let reconciling = if stalled.status == "True" {
        Verdict::no(stalled.reason.clone(), "Waits for a change")
    } else if ready.status == "True" || ready.reason == SUSPENDED {
        Verdict::no(ready.reason.clone(), "The stack is as its spec says")
    } else {
        Verdict::yes(ready.reason.clone(), ready.message.clone())
    };
    let generation = view.stack.metadata.generation;
    let mut set = |kind: &str, verdict: Verdict| {
        conditions::set(
            &mut conditions,
            kind,
            verdict,
            generation,
            view.observed.now,
        );
    };
    set(READY, ready);
    for (kind, verdict) in parts {
        set(kind, verdict);
    }
    set(RECONCILING, reconciling);
    set(STALLED, stalled);
    conditions
}

fn overall(view: &View<'_>, stalled: &Verdict, parts: &[(&str, Verdict)]) -> Verdict {
    if stalled.status == "True" {
        return Verdict::no(stalled.reason.clone(), stalled.message.clone());
    }
    if view.stack.spec.suspend {
        return Verdict::no(
            SUSPENDED,
            "spec.suspend is set: every service is scaled to nothing",
        );
    }
    let mut wrong = parts
        .iter()
        .map(|(_, verdict)| verdict)
        .filter(|verdict| verdict.status != "True");
    // That a sidecar is not ready says little; the service beside it knows more.
    let first = wrong.next();
    let telling = match first {
        Some(verdict) if verdict.reason == SIDECARS_NOT_READY => wrong.next().or(first),
        first => first,
    };
    match telling {
        Some(verdict) => Verdict::no(verdict.reason.clone(), verdict.message.clone()),
        None => Verdict::yes("Ready", "Every service runs"),
    }
}

fn lacks(missing: &[SecretKeyRef]) -> String {
    let list: Vec<String> = missing
        .iter()
        .map(|reference| format!("Secret {} has no key {}", reference.name, reference.key))
        .collect();
    list.join("; ")
}

/// The missing keys among those that a part needs.
fn missing(view: &View<'_>, needed: &[SecretKeyRef]) -> Option<Verdict> {
    let missing: Vec<SecretKeyRef> = needed
        .iter()
        .filter(|reference| specs::find(&view.observed.secrets, reference).is_none())
        .cloned()
        .collect();
    (!missing.is_empty()).then(|| Verdict::no("SecretMissing", lacks(&missing)))
}

fn database(view: &View<'_>) -> Verdict {
    let reference = &view.stack.spec.database.url_secret_ref;
    if let Some(verdict) = missing(view, std::slice::from_ref(reference)) {
        return verdict;
    }
    match view.migration {
        Migration::Done => Verdict::yes("Migrated", format!("Migrated by {}", view.image)),
        Migration::Absent if view.stack.spec.suspend => {
            Verdict::unknown(SUSPENDED, "Migrated when spec.suspend is lifted")
        }
        Migration::Absent | Migration::Running { trouble: None } => {
            Verdict::no("Migrating", format!("{} migrates the database", view.image))
        }
        Migration::Running {
            trouble: Some(trouble),
        } => Verdict::no("Migrating", format!("The last attempt failed: {trouble}")),
        Migration::Failed { message, .. } => {
            Verdict::no("MigrationFailed", format!("{message}; it is tried again"))
        }
    }
}

fn events(view: &View<'_>) -> Verdict {
    let needed: Vec<SecretKeyRef> = specs::kafka_references(view.stack)
        .into_iter()
        .map(|(_, reference)| reference)
        .collect();
    if let Some(verdict) = missing(view, &needed) {
        return verdict;
    }
    let wanted = names::topics(view.stack);
    match &view.observed.topics {
        Topics::Unknown => Verdict::unknown("NotAsked", "The brokers were not asked yet"),
        Topics::Failed(error) => Verdict::no("BrokersUnreachable", error.to_string()),
        Topics::Exist(topics) => {
            let absent: Vec<&str> = wanted
                .iter()
                .filter(|topic| !topics.contains(*topic))
                .map(String::as_str)
                .collect();
            if absent.is_empty() {
                Verdict::yes("TopicsExist", format!("{} topics", wanted.len()))
            } else {
                Verdict::no(
                    "TopicsMissing",
                    format!("To be made: {}", absent.join(", ")),
                )
            }
        }
    }
}

fn dapr(view: &View<'_>) -> Verdict {
    let observed = view.observed;
    if !observed.dapr {
        return Verdict::no(
            "DaprNotInstalled",
            "The cluster does not know Dapr's types (dapr.io): install Dapr 1.16 or later",
        );
    }
    let bare: Vec<String> = Role::ALL
        .into_iter()
        .flat_map(|role| pods::of(observed, role))
        .filter(|pod| !pods::has_sidecar(pod))
        .map(ResourceExt::name_any)
        .collect();
    if !bare.is_empty() {
        return Verdict::no(
            "SidecarMissing",
            format!(
                "Dapr's injector did not give these pods a sidecar; they are replaced: {}",
                bare.join(", ")
            ),
        );
    }
    let waiting: Vec<&str> = Role::ALL
        .into_iter()
        .filter(|role| {
            let ready = pods::of(observed, *role)
                .filter(|pod| pods::sidecar_ready(pod))
                .count();
            i32::try_from(ready).unwrap_or(i32::MAX) < role.replicas(view.stack)
        })
        .map(Role::as_str)
        .collect();
    if waiting.is_empty() {
        Verdict::yes("SidecarsReady", "Each pod has its sidecar")
    } else {
        Verdict::no(
            SIDECARS_NOT_READY,
            format!("Sidecars not ready: {}", waiting.join(", ")),
        )
    }
}

fn workloads(view: &View<'_>) -> Verdict {
    let late: Vec<String> = Role::ALL
        .into_iter()
        .filter_map(|role| lateness(view, role))
        .collect();
    if !late.is_empty() {
        return Verdict::no("NotAvailable", late.join("; "));
    }
    if view.stack.spec.suspend {
        return Verdict::yes(SUSPENDED, "Every service is scaled to nothing");
    }
    Verdict::yes("Available", "Every service is available")
}

/// Why a role is not as the spec says.
fn lateness(view: &View<'_>, role: Role) -> Option<String> {
    let wanted = i64::from(role.replicas(view.stack));
    let name = role.as_str();
    let Some(live) = view
        .observed
        .find(Kind::Deployment, &names::role(view.stack, role))
    else {
        return Some(format!("{name}: not made yet"));
    };
    let count = |field: &str| live.number(&format!("/status/{field}")).unwrap_or_default();
    let available = count("availableReplicas");
    if available < wanted {
        let why = pods::problem(view.observed, role)
            .map(|why| format!(" ({why})"))
            .unwrap_or_default();
        return Some(format!("{name}: {available}/{wanted} available{why}"));
    }
    let seen =
        count("observedGeneration") >= live.number("/metadata/generation").unwrap_or_default();
    let all = count("replicas");
    // How many there are of what is scaled by its load is its autoscaler's matter.
    let settled = match role.autoscaling(view.stack) {
        None => count("updatedReplicas") >= wanted && all <= wanted,
        Some(_) => count("updatedReplicas") >= all,
    };
    if !seen || !settled {
        return Some(format!("{name}: rolling out"));
    }
    None
}
