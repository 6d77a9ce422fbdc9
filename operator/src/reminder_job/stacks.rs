//! The TodoStacks that are watched, and what happens to them.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crds::{TodoStack, conditions};
use futures::{Stream, StreamExt, future, stream};
use kube::{
    Api, Resource, ResourceExt,
    core::DeserializeGuard,
    runtime::{
        WatchStreamExt,
        reflector::{self, ObjectRef, Store},
        watcher::{self, Event, watcher},
    },
};

use crate::context::Context;

/// How a stack is doing, as far as reminders are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackState {
    /// There is none of this name.
    Missing,
    /// It is being deleted.
    Deleting,
    /// It is scaled to nothing.
    Suspended,
    /// Its reminders service does not run yet, or not now.
    NotReady,
    /// Its reminders service can be called.
    Ready,
}

impl StackState {
    /// The state of this stack. Its reminders service decides: a stack whose gateway is down still
    /// takes reminders.
    pub fn of(stack: Option<&TodoStack>) -> Self {
        let Some(stack) = stack else {
            return Self::Missing;
        };
        if stack.metadata.deletion_timestamp.is_some() {
            return Self::Deleting;
        }
        if stack.spec.suspend {
            return Self::Suspended;
        }
        let Some(status) = &stack.status else {
            return Self::NotReady;
        };
        let reminders = status.services.iter().find(|s| s.role == "reminders");
        let runs = match reminders {
            Some(service) => service.ready_replicas > 0,
            None => conditions::is_true(&status.conditions, "Ready"),
        };
        if runs { Self::Ready } else { Self::NotReady }
    }
}

/// Namespace and name of a stack.
pub type StackKey = (String, String);

/// The stacks as last seen.
#[derive(Clone)]
pub struct Stacks(Store<DeserializeGuard<TodoStack>>);

impl Stacks {
    /// The stack of this name, unless it is missing or cannot be read.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<TodoStack>> {
        let guard = self.0.get(&ObjectRef::new(name).within(namespace))?;
        guard.0.as_ref().ok().cloned().map(Arc::new)
    }

    /// How it is doing. One that cannot be read exists, so it is not missing.
    pub fn state(&self, namespace: &str, name: &str) -> StackState {
        match self.0.get(&ObjectRef::new(name).within(namespace)) {
            None => StackState::Missing,
            Some(guard) => match &guard.0 {
                Ok(stack) => StackState::of(Some(stack)),
                Err(_) => StackState::NotReady,
            },
        }
    }

    /// `triggers`, but none before all stacks have been seen once.
    pub fn gate<S>(&self, triggers: S) -> impl Stream<Item = S::Item> + Send + 'static + use<S>
    where
        S: Stream + Send + 'static,
        S::Item: Send,
    {
        gate(self.0.clone(), triggers)
    }
}

/// `triggers`, but none before `store` has been filled once.
///
/// Reconciles must not wait for a store themselves: of several that wait for one, kube wakes only
/// the last (`DelayedInit` keeps one waker), and the others would sleep for ever.
pub fn gate<K, S>(
    store: Store<K>,
    triggers: S,
) -> impl Stream<Item = S::Item> + Send + 'static + use<K, S>
where
    K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
    S: Stream + Send + 'static,
    S::Item: Send,
{
    // It fails only when the watch was dropped, and then nothing is reconciled either.
    let filled = stream::once(async move {
        let _ = store.wait_until_ready().await;
    });
    filled.filter_map(|()| future::ready(None)).chain(triggers)
}

/// Watches the stacks. The stream must be polled; it names a stack whenever its object changes.
pub fn watch(
    context: &Context,
) -> (
    Stacks,
    impl Stream<Item = StackKey> + Send + 'static + use<>,
) {
    let (reader, writer) = reflector::store();
    let api: Api<DeserializeGuard<TodoStack>> = context.watched();
    let changes = watcher(api, watcher::Config::default())
        .modify(|stack| stack.managed_fields_mut().clear())
        .default_backoff()
        .reflect(writer)
        .flat_map({
            let store = reader.clone();
            let mut known = HashSet::new();
            move |event| stream::iter(concerned(event, &store, &mut known))
        });
    (Stacks(reader), changes)
}

/// The stacks that an event is about. A listing counts once it is whole, for only then does the
/// store show it; those that it no longer has are gone.
fn concerned(
    event: watcher::Result<Event<DeserializeGuard<TodoStack>>>,
    store: &Store<DeserializeGuard<TodoStack>>,
    known: &mut HashSet<StackKey>,
) -> Vec<StackKey> {
    match event {
        Ok(Event::Apply(stack)) => {
            known.insert(key(&stack));
            vec![key(&stack)]
        }
        Ok(Event::Delete(stack)) => {
            known.remove(&key(&stack));
            vec![key(&stack)]
        }
        Ok(Event::InitDone) => {
            let listed: HashSet<_> = store.state().iter().map(|stack| key(&**stack)).collect();
            let concerned = known.union(&listed).cloned().collect();
            *known = listed;
            concerned
        }
        Ok(Event::Init | Event::InitApply(_)) => Vec::new(),
        Err(error) => {
            tracing::warn!(%error, "the watch of TodoStacks failed; it is tried again");
            Vec::new()
        }
    }
}

fn key(stack: &impl ResourceExt) -> StackKey {
    (stack.namespace().unwrap_or_default(), stack.name_any())
}

/// Of the stacks that changed, those whose state is another than before.
pub fn turns(
    stacks: Stacks,
    changes: impl Stream<Item = StackKey> + Send + 'static,
) -> impl Stream<Item = StackKey> + Send + 'static {
    changes
        .scan(HashMap::new(), move |states, key: StackKey| {
            let state = stacks.state(&key.0, &key.1);
            let before = if state == StackState::Missing {
                states.remove(&key)
            } else {
                states.insert(key.clone(), state)
            };
            future::ready(Some((before != Some(state)).then_some(key)))
        })
        .flat_map(stream::iter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stack(status: serde_json::Value, suspend: bool) -> TodoStack {
        serde_json::from_value(json!({
            "apiVersion": "todostack.dev/v1alpha1", "kind": "TodoStack",
            "metadata": {"name": "demo", "namespace": "default"},
            "spec": {
                "database": {"urlSecretRef": {"name": "db", "key": "url"}},
                "events": {"kafka": {"brokers": ["kafka:9092"]}},
                "suspend": suspend,
            },
            "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn the_reminders_service_decides_not_the_stack_as_a_whole() {
        let up = json!({"services": [
            {"role": "gateway", "replicas": 1, "readyReplicas": 0},
            {"role": "reminders", "replicas": 1, "readyReplicas": 1},
        ]});
        let down = json!({
            "services": [{"role": "reminders", "replicas": 1, "readyReplicas": 0}],
        });
        assert_eq!(
            StackState::of(Some(&stack(up.clone(), false))),
            StackState::Ready
        );
        assert_eq!(
            StackState::of(Some(&stack(down, false))),
            StackState::NotReady
        );
        assert_eq!(
            StackState::of(Some(&stack(up, true))),
            StackState::Suspended
        );
        assert_eq!(
            StackState::of(Some(&stack(json!(null), false))),
            StackState::NotReady
        );
        assert_eq!(StackState::of(None), StackState::Missing);
    }

    #[test]
    fn a_listing_names_its_stacks_once_they_can_be_looked_up() {
        let (reader, mut writer) = reflector::store();
        let stacks = Stacks(reader.clone());
        let mut known = HashSet::new();
        let listed = || Event::InitApply(DeserializeGuard(Ok(stack(json!(null), false))));
        let demo = ("default".to_owned(), "demo".to_owned());
        let mut happens = |event: Event<DeserializeGuard<TodoStack>>| {
            writer.apply_watcher_event(&event);
            concerned(Ok(event), &reader, &mut known)
        };
        assert_eq!(happens(Event::Init), []);
        assert_eq!(happens(listed()), []);
        assert_eq!(happens(Event::InitDone), std::slice::from_ref(&demo));
        assert!(stacks.get("default", "demo").is_some());
        // A later listing without it says that it went.
        assert_eq!(happens(Event::Init), []);
        assert_eq!(happens(Event::InitDone), [demo]);
        assert_eq!(stacks.state("default", "demo"), StackState::Missing);
    }

    #[tokio::test]
    async fn only_a_change_of_the_state_is_a_turn() {
        let (reader, mut writer) = reflector::store();
        let stacks = Stacks(reader);
        let key = ("default".to_owned(), "demo".to_owned());
        let mut seen = Vec::new();
        let (sender, receiver) = futures::channel::mpsc::unbounded();
        let mut turned = Box::pin(turns(stacks, receiver));
        for status in [
            json!(null),
            json!({"readyServices": "1/7"}),
            json!({"services": [{"role": "reminders", "replicas": 1, "readyReplicas": 1}]}),
        ] {
            let object = DeserializeGuard(Ok(stack(status, false)));
            writer.apply_watcher_event(&Event::Apply(object));
            sender.unbounded_send(key.clone()).unwrap();
            seen.push(futures::FutureExt::now_or_never(turned.next()).is_some());
        }
        assert_eq!(seen, [true, false, true]);
    }

    #[tokio::test]
    async fn nothing_is_triggered_before_the_store_is_filled() {
        let (reader, mut writer) = reflector::store::<TodoStack>();
        let mut gated = Box::pin(gate(reader, stream::iter([1])));
        assert_eq!(futures::FutureExt::now_or_never(gated.next()), None);
        writer.apply_watcher_event(&Event::Init);
        writer.apply_watcher_event(&Event::InitDone);
        assert_eq!(gated.next().await, Some(1));
    }
}
