//! What metrics tell of each stack.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use crds::{TodoStack, conditions};
use kube::{ResourceExt, core::DeserializeGuard, runtime::reflector::Store};

use super::status::READY;

/// How often they are told anew.
const PERIOD: Duration = Duration::from_secs(10);

/// What is told of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    ready: bool,
    suspended: bool,
}

/// Tells of the stacks of `store`, for ever.
pub async fn run(store: Store<DeserializeGuard<TodoStack>>) {
    let mut known = BTreeSet::new();
    loop {
        known = tell(&store.state(), known);
        tokio::time::sleep(PERIOD).await;
    }
}

/// Tells of those that there are, and that of those `known` the others are gone. Returns those that there are.
fn tell(
    stacks: &[Arc<DeserializeGuard<TodoStack>>],
    known: BTreeSet<(String, String)>,
) -> BTreeSet<(String, String)> {
    let mut there = BTreeSet::new();
    for stack in stacks {
        // One that cannot be read is not looked after.
        let unread = Told {
            ready: false,
            suspended: false,
        };
        let told = stack.0.as_ref().map_or(unread, told);
        let key = (stack.namespace().unwrap_or_default(), stack.name_any());
        record(&key, told.ready.into(), told.suspended.into());
        there.insert(key);
    }
    for gone in known.difference(&there) {
        // A series cannot be taken back; this one equals nothing, 0 neither.
        record(gone, f64::NAN, f64::NAN);
    }
    there
}

fn told(stack: &TodoStack) -> Told {
    let status = stack.status.as_ref();
    let current = status.filter(|status| status.observed_generation == stack.metadata.generation);
    Told {
        ready: current.is_some_and(|status| conditions::is_true(&status.conditions, READY)),
        suspended: stack.spec.suspend,
    }
}

fn record((namespace, name): &(String, String), ready: f64, suspended: f64) {
    metrics::gauge!("todostack_stack_ready", "namespace" => namespace.clone(), "name" => name.clone())
        .set(ready);
    metrics::gauge!("todostack_stack_suspended", "namespace" => namespace.clone(), "name" => name.clone())
        .set(suspended);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn stack(name: &str, generation: i64, ready: &str) -> Value {
        json!({
            "apiVersion": "todostack.dev/v1alpha1", "kind": "TodoStack",
            "metadata": {"name": name, "namespace": "team", "generation": 2},
            "spec": {
                "database": {"urlSecretRef": {"name": "db", "key": "url"}},
                "events": {"kafka": {"brokers": ["kafka:9092"]}},
                "suspend": name == "asleep",
            },
            "status": {"observedGeneration": generation, "conditions": [{
                "type": "Ready", "status": ready, "reason": "R", "message": "",
                "lastTransitionTime": "2026-11-21T08:00:00Z",
            }]},
        })
    }

    #[test]
    fn each_stack_is_told_of_until_it_is_gone() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let mut broken = stack("broken", 2, "True");
        broken["spec"]["events"] = json!(7);
        let stacks: Vec<Arc<DeserializeGuard<TodoStack>>> = [
            stack("well", 2, "True"),
            stack("ill", 2, "False"),
            stack("changed", 1, "True"),
            stack("asleep", 2, "False"),
            broken,
        ]
        .into_iter()
        .map(|stack| Arc::new(serde_json::from_value(stack).expect("an object")))
        .collect();
        metrics::with_local_recorder(&recorder, || {
            let known = tell(&stacks, BTreeSet::new());
            let text = handle.render();
            for (name, ready, suspended) in [
                ("well", 1, 0),
                ("ill", 0, 0),
                ("changed", 0, 0),
                ("asleep", 0, 1),
                ("broken", 0, 0),
            ] {
                for (gauge, value) in [("ready", ready), ("suspended", suspended)] {
                    let line = format!(
                        "todostack_stack_{gauge}{{namespace=\"team\",name=\"{name}\"}} {value}\n"
                    );
                    assert!(text.contains(&line), "{line}{text}");
                }
            }
            assert_eq!(tell(&[], known), BTreeSet::new());
        });
        let text = handle.render();
        assert_eq!(text.matches("\"} NaN\n").count(), 10, "{text}");
    }
}
