//! Decides, from a spec and what was observed, what a stack needs. Pure: no I/O and no clock.

use std::{collections::BTreeSet, time::Duration};

use crds::{DeletionPolicy, SecretKeyRef, TemplatesSpec, TodoStack, TodoStackStatus};
use domain::wording::{Templates, Wording};
use kube::ResourceExt;

use super::{
    hand_over::{self, HandOver},
    keys,
    migration::Migration,
    names::{self, FINALIZER_TOPICS},
    object::{Kind, Object, holds},
    observe::{Observed, Topics},
    pods,
    specs::{self, Source},
    status,
};
use crate::kafka::Topic;

/// How often a settled stack is looked at although no change was heard of: its Secrets and topics
/// are not watched.
const SETTLED: Duration = Duration::from_secs(60);
/// How often one that is not settled is.
const UNSETTLED: Duration = Duration::from_secs(5);

/// What is to be done, and what to show.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Topics to make.
    pub topics: Vec<Topic>,
    /// Replicas to set first, of Deployments that an autoscaler takes over.
    pub hand_over: Vec<HandOver>,
    /// Objects to apply, in this order.
    pub apply: Vec<Object>,
    /// Objects to delete.
    pub delete: Vec<Object>,
    /// Pods to delete, for their Deployments to make anew.
    pub restart: Vec<String>,
    /// Finalizers that the stack must have, when others than it has.
    pub finalizers: Option<Vec<String>>,
    /// What to show.
    pub status: TodoStackStatus,
    /// When to look again.
    pub again: Duration,
}

/// What keeps a stack from being touched until somebody changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The spec contradicts itself.
    Invalid(String),
    /// Secret keys that do not exist.
    Secrets(Vec<SecretKeyRef>),
}

impl Obstacle {
    fn of(stack: &TodoStack, observed: &Observed) -> Option<Self> {
        if let Some(message) = invalid(stack) {
            return Some(Self::Invalid(message));
        }
        let missing: Vec<SecretKeyRef> = references(stack)
            .into_iter()
            .filter(|reference| specs::find(&observed.secrets, reference).is_none())
            .collect();
        if !missing.is_empty() {
            return Some(Self::Secrets(missing));
        }
        let error = specs::vapid_key(stack, &observed.secrets).err()?;
        let message = format!("spec.notifications.webPush.keySecretRef: {error}");
        Some(Self::Invalid(message))
    }
}

/// What no schema can tell.
fn invalid(stack: &TodoStack) -> Option<String> {
    let smtp = stack.spec.notifications.smtp.as_ref();
    if smtp.is_some_and(|smtp| {
        smtp.username_secret_ref.is_some() != smtp.password_secret_ref.is_some()
    }) {
        return Some(
            "spec.notifications.smtp: usernameSecretRef and passwordSecretRef need each other"
                .into(),
        );
    }
    if let Some(TemplatesSpec { title, text }) = &stack.spec.notifications.templates {
        let (title, text) = (title.clone(), text.clone());
        if let Err(error) = Wording::parse(Templates { title, text }) {
            return Some(format!("spec.notifications.templates.{error}"));
        }
    }
    let kafka = &stack.spec.events.kafka;
    let tls = kafka.tls.as_ref()?;
    (kafka.sasl.is_none() && tls.ca_secret_ref.is_none()).then(|| {
        "spec.events.kafka.tls.caSecretRef: needed when spec.events.kafka.sasl is absent, since Dapr's Kafka component takes TLS without a log-in only with a CA certificate".into()
    })
}

/// Secret keys that the spec refers to, and without which pods would not start.
pub fn references(stack: &TodoStack) -> Vec<SecretKeyRef> {
    let mut references = vec![stack.spec.database.url_secret_ref.clone()];
    references.extend(specs::kafka_references(stack).into_iter().map(|(_, r)| r));
    references.extend(specs::signing_reference(stack));
    references.extend(specs::smtp_references(stack));
    references.extend(specs::oidc_references(stack));
    references.extend(specs::vapid_reference(stack));
    let of_env = specs::env_references(stack).into_iter();
    references.extend(of_env.filter(|(_, optional)| !optional).map(|(r, _)| r));
    references
}

/// Keys that the Secret `S-keys` lacks: they are made before anything is planned.
pub fn missing_keys(stack: &TodoStack, observed: &Observed) -> Vec<&'static str> {
    keys::missing(observed.secrets.get(&names::keys(stack)))
}

/// Whether the stack asks for a rotation of the key of access tokens that was not done yet.
pub fn wants_rotation(stack: &TodoStack, observed: &Observed) -> bool {
    observed
        .secrets
        .get(&names::keys(stack))
        .is_some_and(|secret| keys::asked_rotation(stack.annotations(), secret).is_some())
}

/// The image that a stack runs.
pub fn image<'a>(stack: &'a TodoStack, default: &'a str) -> &'a str {
    stack.spec.image.as_deref().unwrap_or(default)
}

/// Plans for a stack that is to be.
pub fn plan(stack: &TodoStack, observed: &Observed, default_image: &str) -> Plan {
    let source = Source {
        stack,
        image: image(stack, default_image),
        secrets: &observed.secrets,
        operator_namespace: &observed.operator_namespace,
    };
    let obstacle = Obstacle::of(stack, observed);
    let migration = Migration::of(observed, &specs::migration_name(source));
    let view = status::View {
        stack,
        observed,
        obstacle: obstacle.as_ref(),
        migration: &migration,
        image: source.image,
    };
    let status = status::status(&view);
    let mut plan = Plan {
        topics: Vec::new(),
        hand_over: Vec::new(),
        apply: Vec::new(),
        delete: Vec::new(),
        restart: Vec::new(),
        finalizers: finalizers(stack),
        again: if status::is_settled(&status) {
            SETTLED
        } else {
            UNSETTLED
        },
        status,
    };
    // What runs goes on as it is: pods made now would not start.
    if obstacle.is_some() {
        return plan;
    }
    plan.topics = topics(stack, &observed.topics);
    if observed.dapr {
        plan.restart = pods::without_sidecar(observed);
    }
    let foundation = specs::foundation(source);
    let deployments = specs::deployments(source, &foundation);
    let autoscalers = specs::autoscalers(source);
    let job = specs::migration(source);
    let wanted: Vec<&Object> = foundation
        .iter()
        .chain(&deployments)
        .chain(&autoscalers)
        .chain([&job])
        .collect();
    plan.delete = prune(stack, observed, &wanted, &migration);
    plan.apply = differing(
        foundation
            .into_iter()
            .filter(|object| observed.knows(object.kind)),
        observed,
    );
    migrate(&mut plan, stack, observed, &migration, job);
    if may_roll(stack, observed, &migration) {
        plan.hand_over = hand_over::needed(stack, observed);
        // Deployments first: an autoscaler that is there has taken over.
        let rest = deployments.into_iter().chain(autoscalers);
        plan.apply.extend(differing(rest, observed));
    }
    plan
}

/// Deployments wait for what their pods need from the start. Topics count only until they were there
/// once: a broker that is down must not keep a lost Deployment from coming back.
fn may_roll(stack: &TodoStack, observed: &Observed, migration: &Migration) -> bool {
    if stack.spec.suspend {
        return true;
    }
    let wanted = names::topics(stack);
    let were_there = stack
        .status
        .as_ref()
        .is_some_and(|status| wanted.iter().all(|topic| status.topics.contains(topic)));
    let are_there = match &observed.topics {
        Topics::Exist(topics) => wanted.iter().all(|topic| topics.contains(topic)),
        Topics::Unknown | Topics::Failed(_) => false,
    };
    *migration == Migration::Done && observed.dapr && (are_there || were_there)
}

fn migrate(
    plan: &mut Plan,
    stack: &TodoStack,
    observed: &Observed,
    migration: &Migration,
    job: Object,
) {
    match migration {
        // A Job cannot be changed, so it is applied once only.
        Migration::Absent if !stack.spec.suspend => plan.apply.push(job),
        Migration::Failed { since, .. } if Migration::may_retry(*since, observed.now) => {
            plan.delete
                .extend(observed.find(Kind::Job, &job.name).cloned());
        }
        _ => {}
    }
}

/// Those that are not live as they are wanted.
fn differing(wanted: impl IntoIterator<Item = Object>, observed: &Observed) -> Vec<Object> {
    wanted
        .into_iter()
        .filter(|object| match observed.find(object.kind, &object.name) {
            None => true,
            // Its successor is made when it is gone.
            Some(live) if live.is_going() => false,
            Some(live) => !holds(&live.body, &object.body),
        })
        .collect()
}

/// Objects of ours that the stack no longer consists of. Earlier migrations are kept until this one is
/// done: what they said may tell why.
fn prune(
    stack: &TodoStack,
    observed: &Observed,
    wanted: &[&Object],
    migration: &Migration,
) -> Vec<Object> {
    let wanted: BTreeSet<(Kind, &str)> = wanted
        .iter()
        .map(|object| (object.kind, object.name.as_str()))
        .collect();
    let uid = stack.uid().unwrap_or_default();
    observed
        .live
        .iter()
        .filter(|live| {
            live.is_controlled_by(&uid)
                && !live.is_going()
                && !wanted.contains(&(live.kind, live.name.as_str()))
                && (live.kind != Kind::Job || *migration == Migration::Done)
        })
        .cloned()
        .collect()
}

/// Topics of ours that do not exist.
fn topics(stack: &TodoStack, topics: &Topics) -> Vec<Topic> {
    let Topics::Exist(exist) = topics else {
        return Vec::new();
    };
    let spec = &stack.spec.events.topics;
    let hours = u64::try_from(spec.retention_hours).unwrap_or(1);
    names::topics(stack)
        .into_iter()
        .filter(|name| !exist.contains(name))
        .map(|name| Topic {
            name,
            partitions: spec.partitions,
            replication: spec.replication_factor,
            retention: Duration::from_secs(hours * 3600),
        })
        .collect()
}

/// A stack holds on to itself only if its topics go with it.
fn finalizers(stack: &TodoStack) -> Option<Vec<String>> {
    let wants = stack.spec.events.topics.deletion_policy == DeletionPolicy::Delete;
    let has = stack.finalizers().iter().any(|f| f == FINALIZER_TOPICS);
    (wants != has).then(|| {
        if wants {
            with_ours(stack)
        } else {
            without_ours(stack)
        }
    })
}

fn with_ours(stack: &TodoStack) -> Vec<String> {
    let mut finalizers = stack.finalizers().to_vec();
    finalizers.push(FINALIZER_TOPICS.into());
    finalizers
}

/// The finalizers of others.
pub fn without_ours(stack: &TodoStack) -> Vec<String> {
    stack
        .finalizers()
        .iter()
        .filter(|f| *f != FINALIZER_TOPICS)
        .cloned()
        .collect()
}

/// What a stack that is being deleted needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Farewell {
    /// Nothing: it does not wait for us.
    Nothing,
    /// Its pods must be gone first, or brokers that make topics by themselves would make them anew.
    Stop(Vec<Object>),
    /// Its topics are deleted.
    DeleteTopics(Vec<String>),
    /// It may go, with the finalizers of others.
    Release(Vec<String>),
    /// It cannot be told which topics there are, for this reason.
    Wait(String),
    /// Nor will it ever be where the namespace goes too, since a Secret that the brokers are asked with
    /// is gone: then it may go, with the finalizers of others.
    Stranded(Vec<String>),
}

/// Plans for a stack that is being deleted.
pub fn farewell(stack: &TodoStack, observed: &Observed) -> Farewell {
    if !stack.finalizers().iter().any(|f| f == FINALIZER_TOPICS) {
        return Farewell::Nothing;
    }
    // Set to `Retain` meanwhile: the way out when the brokers are gone for good.
    if stack.spec.events.topics.deletion_policy == DeletionPolicy::Retain {
        return Farewell::Release(without_ours(stack));
    }
    let uid = stack.uid().unwrap_or_default();
    let running: Vec<Object> = observed
        .live
        .iter()
        .filter(|live| {
            matches!(live.kind, Kind::Deployment | Kind::Job) && live.is_controlled_by(&uid)
        })
        .cloned()
        .collect();
    if !running.is_empty() || !observed.pods.is_empty() {
        return Farewell::Stop(running.into_iter().filter(|o| !o.is_going()).collect());
    }
    match &observed.topics {
        Topics::Exist(topics) if topics.is_empty() => Farewell::Release(without_ours(stack)),
        Topics::Exist(topics) => Farewell::DeleteTopics(topics.iter().cloned().collect()),
        Topics::Failed(error) => Farewell::Wait(error.to_string()),
        Topics::Unknown => Farewell::Stranded(without_ours(stack)),
    }
}
