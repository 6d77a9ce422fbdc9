//! Reads everything that a plan needs.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crds::{LABEL_STACK, SaslMechanism, TodoStack};
use k8s_openapi::{
    api::core::v1::{Pod, Secret},
    jiff::Timestamp,
};
use kube::{
    Api, Client, ResourceExt,
    api::{DynamicObject, ListParams},
};

use super::{
    names,
    object::{Kind, Object},
    plan,
    specs::{self, Secrets},
};
use crate::{
    context::Context,
    error::{Doing, Result, is_not_found},
    kafka::{Connection, KafkaError, Sasl, Tls},
};

/// Brokers are asked this often, unless something says sooner.
const TOPICS_FRESH: Duration = Duration::from_secs(60);
/// Brokers that did not answer are asked again after this long: waiting for them holds up the rest.
const FAILURE_FRESH: Duration = Duration::from_secs(10);

/// What a plan is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// When it was read.
    pub now: Timestamp,
    /// Secrets that the stack refers to.
    pub secrets: Secrets,
    /// Objects of the stack, of all kinds that there are.
    pub live: Vec<Object>,
    /// Pods of the stack.
    pub pods: Vec<Pod>,
    /// Dapr's types are installed.
    pub dapr: bool,
    /// The Gateway API's are.
    pub gateway_api: bool,
    /// Namespace that the operator runs in.
    pub operator_namespace: String,
    /// What the brokers say.
    pub topics: Topics,
}

/// What the brokers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topics {
    /// They cannot be asked: something they are asked with is missing.
    Unknown,
    /// Those of ours that exist.
    Exist(BTreeSet<String>),
    /// They do not answer.
    Failed(KafkaError),
}

impl Observed {
    /// The cluster has the type.
    pub fn knows(&self, kind: Kind) -> bool {
        (self.dapr || !kind.is_dapr()) && (self.gateway_api || !kind.is_gateway_api())
    }

    /// A live object.
    pub fn find(&self, kind: Kind, name: &str) -> Option<&Object> {
        self.live
            .iter()
            .find(|object| object.kind == kind && object.name == name)
    }
}

type Answer = Result<BTreeSet<String>, KafkaError>;

/// Remembers what brokers said a moment ago: a stack is looked at each time one of its pods changes.
#[derive(Default)]
pub struct TopicsCache {
    seen: Mutex<HashMap<Connection, (Instant, Answer)>>,
}

impl TopicsCache {
    async fn get(&self, connection: &Connection) -> Answer {
        let known = self
            .lock()
            .get(connection)
            .filter(|seen| is_fresh(seen))
            .map(|(_, answer)| answer.clone());
        if let Some(answer) = known {
            return answer;
        }
        let answer = connection.topics().await;
        let mut seen = self.lock();
        seen.retain(|_, seen| is_fresh(seen));
        seen.insert(connection.clone(), (Instant::now(), answer.clone()));
        answer
    }

    /// Ask anew: topics were made or deleted.
    pub fn forget(&self, connection: &Connection) {
        self.lock().remove(connection);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Connection, (Instant, Answer)>> {
        // A cache that is half-way is a cache still.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fresh((at, answer): &(Instant, Answer)) -> bool {
    let fresh = match answer {
        Ok(_) => TOPICS_FRESH,
        Err(_) => FAILURE_FRESH,
    };
    at.elapsed() < fresh
}

/// Reads all.
///
/// # Errors
/// When the API server does not answer. That the brokers do not is part of what was observed.
pub async fn observe(
    context: &Context,
    cache: &TopicsCache,
    stack: &TodoStack,
) -> Result<Observed> {
    let namespace = stack.namespace().unwrap_or_default();
    let client = &context.client;
    let (secrets, pods, lists) = futures::try_join!(
        secrets(client, &namespace, stack),
        pods(client, &namespace, stack),
        futures::future::try_join_all(Kind::ALL.map(|kind| list(client, &namespace, stack, kind))),
    )?;
    // Dapr's chart installs all of its types at once; without one, sidecars would not work either.
    let has_all = |which: fn(Kind) -> bool| {
        let mut kinds = Kind::ALL.into_iter().zip(&lists);
        kinds.all(|(kind, list)| !which(kind) || list.is_some())
    };
    let (dapr, gateway_api) = (has_all(Kind::is_dapr), has_all(Kind::is_gateway_api));
    let topics = match connection(stack, &secrets) {
        None => Topics::Unknown,
        Some(connection) => match cache.get(&connection).await {
            Ok(topics) => Topics::Exist(
                names::topics(stack)
                    .into_iter()
                    .filter(|topic| topics.contains(topic))
                    .collect(),
            ),
            Err(error) => Topics::Failed(error),
        },
    };
    Ok(Observed {
        now: Timestamp::now(),
        secrets,
        live: lists.into_iter().flatten().flatten().collect(),
        pods,
        dapr,
        gateway_api,
        operator_namespace: context.config.namespace.clone(),
        topics,
    })
}

/// How to reach the brokers; `None` when a Secret is missing.
pub fn connection(stack: &TodoStack, secrets: &Secrets) -> Option<Connection> {
    let text = |reference| {
        let bytes = specs::find(secrets, reference)?;
        String::from_utf8(bytes.to_vec()).ok()
    };
    let kafka = &stack.spec.events.kafka;
    Some(Connection {
        brokers: kafka.brokers.clone(),
        sasl: match &kafka.sasl {
            None => None,
            Some(sasl) => Some(Sasl {
                mechanism: match sasl.mechanism {
                    SaslMechanism::Plain => "PLAIN",
                    SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
                    SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
                },
                username: text(&sasl.username_secret_ref)?,
                password: text(&sasl.password_secret_ref)?,
            }),
        },
        tls: match &kafka.tls {
            None => None,
            Some(tls) => Some(Tls {
                ca: match &tls.ca_secret_ref {
                    None => None,
                    Some(reference) => Some(text(reference)?),
                },
            }),
        },
    })
}

async fn secrets(client: &Client, namespace: &str, stack: &TodoStack) -> Result<Secrets> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let of_env = specs::env_references(stack).into_iter().map(|(r, _)| r);
    let names: BTreeSet<String> = plan::references(stack)
        .into_iter()
        .chain(of_env)
        .map(|reference| reference.name)
        .chain([names::keys(stack)])
        .collect();
    let mut secrets = Secrets::new();
    for name in names {
        let secret = api
            .get_opt(&name)
            .await
            .doing(|| format!("read Secret {name}"))?;
        if let Some(data) = secret.map(|secret| secret.data.unwrap_or_default()) {
            let data: BTreeMap<String, Vec<u8>> = data
                .into_iter()
                .map(|(key, value)| (key, value.0))
                .collect();
            secrets.insert(name, data);
        }
    }
    Ok(secrets)
}

fn ours(stack: &TodoStack) -> ListParams {
    ListParams::default().labels(&format!(
        "{LABEL_STACK}={},{}",
        stack.name_any(),
        names::SELECTOR
    ))
}

async fn pods(client: &Client, namespace: &str, stack: &TodoStack) -> Result<Vec<Pod>> {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    Ok(api
        .list(&ours(stack))
        .await
        .doing(|| "list Pods".into())?
        .items)
}

/// `None`: there is no such type.
async fn list(
    client: &Client,
    namespace: &str,
    stack: &TodoStack,
    kind: Kind,
) -> Result<Option<Vec<Object>>> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &kind.resource());
    let items = match api.list(&ours(stack)).await {
        Ok(list) => list.items,
        Err(error) if is_not_found(&error) => return Ok(None),
        Err(error) => {
            return Err(error).doing(|| format!("list {}", kind.resource().plural));
        }
    };
    Ok(Some(
        items
            .into_iter()
            .filter_map(|item| live(kind, item))
            .collect(),
    ))
}

/// A live object as plans see it.
pub fn live(kind: Kind, mut item: DynamicObject) -> Option<Object> {
    item.metadata.managed_fields = None;
    let name = item.metadata.name.clone()?;
    // What came as JSON can be written as such.
    let mut body = serde_json::to_value(item).ok()?;
    // Lists of built-in types leave it out of their items.
    let resource = kind.resource();
    body["apiVersion"] = resource.api_version.into();
    body["kind"] = resource.kind.into();
    Some(Object { kind, name, body })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_item_of_a_list_knows_its_type() {
        let item: DynamicObject = serde_json::from_value(
            json!({"metadata": {"name": "a", "managedFields": []}, "spec": {}}),
        )
        .expect("an item");
        let object = live(Kind::Deployment, item).expect("a name");
        assert_eq!(object.text("/apiVersion"), Some("apps/v1"));
        assert_eq!(object.text("/kind"), Some("Deployment"));
        assert_eq!(object.at("/metadata/managedFields"), None);
    }
}
