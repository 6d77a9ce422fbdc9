//! `examples/` says nothing that the types do not know: a misspelt field would be lost silently here
//! and refused by the API server.

use std::{fs, path::PathBuf};

use crds::{RecurringSchedule, ReminderJob, TodoStack};
use operator::todo_stack::object::holds;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

fn again<T: Serialize + DeserializeOwned>(document: &Value) -> Value {
    let object: T = serde_json::from_value(document.clone()).expect("the type");
    serde_json::to_value(object).expect("JSON")
}

#[test]
fn every_field_of_the_examples_is_known() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut seen = 0;
    for entry in fs::read_dir(&folder).expect("examples") {
        let path = entry.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("text");
        for document in serde_yaml::Deserializer::from_str(&text) {
            let document = Value::deserialize(document).expect("YAML");
            let known = match document["kind"].as_str() {
                Some("TodoStack") => again::<TodoStack>(&document),
                Some("RecurringSchedule") => again::<RecurringSchedule>(&document),
                Some("ReminderJob") => again::<ReminderJob>(&document),
                // Other projects' types, and values of the chart: `just examples-check`.
                kind => {
                    let api = document["apiVersion"].as_str().unwrap_or_default();
                    assert!(
                        !api.starts_with(crds::GROUP),
                        "{}: {kind:?} is none of our kinds",
                        path.display()
                    );
                    continue;
                }
            };
            // Times are written back in UTC.
            let mut wanted = document["spec"].clone();
            if let Some(fields) = wanted.as_object_mut() {
                fields.remove("fireAt");
            }
            assert!(
                holds(&known["spec"], &wanted),
                "{}: a field is unknown: {wanted:#} became {:#}",
                path.display(),
                known["spec"]
            );
            seen += 1;
        }
    }
    assert!(seen >= 15, "{seen} examples");
}
