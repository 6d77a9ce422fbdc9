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
    )
        .prop_map(|(replicas, cpu)| {
            json!({
                "replicas": replicas,
                "resources": cpu.map(|cpu| json!({"requests": {"cpu": cpu}})),
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
    )
        .prop_map(
            |(suspend, log_in, gateway, sync, prefix, deletion, private)| {
                let mut spec = json!({
                    "suspend": suspend,
                    "gateway": gateway,
                    "services": {"sync": sync},
                    "events": {"topics": {"prefix": prefix, "deletionPolicy": deletion}},
                });
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
