//! What holds for every spec.

use crds::TodoStack;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::cluster::{IMAGE, condition, merge, quiet, sasl, set_spec, settle, settled};
use crate::todo_stack::{plan::plan, status};

fn workload() -> impl Strategy<Value = Value> {
    (
        0..4_i32,
        prop::option::of(prop::sample::select(vec!["0.5", "250m", "1"])),
        prop::option::of((1..3_i32, 0..3_i32)),
        prop::option::of(placement()),
    )
        .prop_map(|(replicas, cpu, scaled, placement)| {
            let mut workload = json!({
                "replicas": replicas,
                "autoscaling": scaled.map(|(fewest, more)| json!({
                    "minReplicas": fewest, "maxReplicas": fewest + more,
                })),
                "resources": cpu.map(|cpu| json!({"requests": {"cpu": cpu}})),
            });
            merge(&mut workload, placement.unwrap_or(json!({})));
            workload
        })
}

/// Where and how pods run.
fn placement() -> impl Strategy<Value = Value> {
    let words = || prop::collection::btree_map("[a-z]{1,3}", "[a-z]{0,3}", 0..3);
    (
        words(),
        words(),
        words(),
        prop::option::of(prop::collection::vec(any::<bool>(), 0..3)),
        prop::collection::vec("[a-z]{1,3}", 0..3),
        prop::option::of("[a-z]{1,8}"),
    )
        .prop_map(|(nodes, labels, variables, spread, taints, priority)| {
            let spread = spread.map(|all| {
                all.into_iter()
                    .map(|ours| {
                        let other = json!({"matchLabels": {"a": "b"}});
                        json!({
                            "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
                            "labelSelector": if ours { Value::Null } else { other },
                        })
                    })
                    .collect::<Vec<_>>()
            });
            let tolerations = taints.into_iter().map(|key| json!({"key": key, "operator": "Exists"}));
            let variables = variables.into_iter().map(|(name, value)| json!({"name": name, "value": value}));
            json!({
                "nodeSelector": nodes,
                "podLabels": labels.clone(),
                "podAnnotations": labels,
                "extraEnv": variables.collect::<Vec<_>>(),
                "tolerations": tolerations.collect::<Vec<_>>(),
                "topologySpreadConstraints": spread,
                "priorityClassName": priority,
            })
        })
}

fn spec() -> impl Strategy<Value = Value> {
    (
        any::<bool>(),
        any::<bool>(),
        workload(),
        workload(),
        prop::option::of("[a-z]{1,8}\\."),
        prop::sample::select(vec!["Retain", "Delete"]),
        prop::option::of(any::<bool>()),
        any::<[bool; 3]>(),
    )
        .prop_map(
            |(
                suspend,
                log_in,
                gateway,
                sync,
                prefix,
                deletion,
                private,
                [policies, ingress, route],
            )| {
                let mut spec = json!({
                    "suspend": suspend,
                    "gateway": gateway,
                    "services": {"sync": sync},
                    "events": {"topics": {"prefix": prefix, "deletionPolicy": deletion}},
                });
                merge(
                    &mut spec,
                    json!({
                        "networkPolicy": {"enabled": policies},
                        "gateway": {
                            "ingress": ingress.then(|| json!({"hosts": ["todo.example.com"]})),
                            "httpRoute": route.then(|| json!({"parentRefs": [{"name": "todo"}]})),
                        },
                    }),
                );
                if log_in {
                    merge(&mut spec, sasl());
                }
                if let Some(private) = private {
                    merge(
                        &mut spec,
                        json!({"notifications": {"webhook": {
                            "url": "https://hook.example/", "allowPrivateAddresses": private,
                        }}}),
                    );
                }
                spec
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// From whatever a cluster has, every spec settles, and then nothing is written any more.
    #[test]
    fn every_spec_settles(before in spec(), after in spec(), lost in any::<u16>()) {
        let (mut stack, mut observed) = settled(before);
        let mut index = 0;
        observed.live.retain(|_| {
            index += 1;
            lost & (1 << (index % 16)) == 0
        });
        set_spec(&mut stack, after);
        let last = settle(&mut stack, &mut observed);
        prop_assert!(quiet(&last));
        prop_assert_eq!(condition(&last, status::STALLED).0, "False");
        prop_assert_eq!(
            condition(&last, status::READY).0,
            if stack.spec.suspend { "False" } else { "True" }
        );
        // The same again, as the API server would give it back.
        let same: TodoStack = serde_json::from_value(serde_json::to_value(&stack).expect("JSON")).expect("a stack");
        prop_assert_eq!(plan(&same, &observed, IMAGE), last);
    }
}
