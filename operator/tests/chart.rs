//! The chart, as far as it can be checked without Helm: what the operator may do fits what it does.

use std::{collections::BTreeSet, fs, path::PathBuf};

use operator::todo_stack::object::Kind;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    api_groups: Vec<String>,
    resources: Vec<String>,
    verbs: BTreeSet<String>,
}

fn rules() -> Vec<Rule> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../charts/todostack-operator/templates/_helpers.tpl");
    let helpers = fs::read_to_string(path).expect("the chart's helpers");
    let (_, after) = helpers
        .split_once(r#"{{- define "todostack-operator.rules" -}}"#)
        .expect("the rules");
    let (rules, _) = after
        .split_once("{{- end }}")
        .expect("the end of the rules");
    serde_yaml::from_str(rules).expect("YAML")
}

fn verbs(rules: &[Rule], group: &str, resource: &str) -> BTreeSet<String> {
    rules
        .iter()
        .filter(|rule| {
            rule.api_groups.iter().any(|g| g == group)
                && rule.resources.iter().any(|r| r == resource)
        })
        .flat_map(|rule| rule.verbs.clone())
        .collect()
}

#[test]
fn every_kind_of_a_stack_may_be_watched_and_written() {
    let rules = rules();
    for kind in Kind::ALL {
        let resource = kind.resource();
        let verbs = verbs(&rules, &resource.group, &resource.plural);
        for verb in ["get", "list", "watch", "create", "patch", "delete"] {
            assert!(verbs.contains(verb), "{verb} {}", resource.plural);
        }
    }
}

#[test]
fn nothing_is_granted_wholesale_and_no_secret_may_be_deleted() {
    let rules = rules();
    for rule in &rules {
        for star in [&rule.api_groups, &rule.resources] {
            assert!(!star.iter().any(|name| name == "*"));
        }
        for forbidden in ["*", "deletecollection", "escalate", "bind", "impersonate"] {
            assert!(!rule.verbs.contains(forbidden), "{:?}", rule.resources);
        }
    }
    assert!(!verbs(&rules, "", "secrets").contains("delete"));
}
