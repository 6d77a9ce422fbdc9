//! The definitions as they are written out, and the defaults in them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;

use crds::{RecurringSchedule, ReminderJob, TodoStack};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResourceExt, ResourceExt};
use serde_json::{Value, json};

#[test]
fn the_chart_has_the_definitions_of_the_types() {
    let directory =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/todostack-operator/templates/crds");
    for definition in crds::all() {
        let name = format!("{}.yaml", definition.spec.names.plural);
        let found = std::fs::read_to_string(directory.join(&name)).unwrap_or_default();
        assert!(
            found == crds::template(&definition).unwrap(),
            "{name} differs from the types: run `just crds`"
        );
    }
}

#[test]
fn crdgen_check_sees_a_difference() {
    let directory = std::env::temp_dir().join(format!("crdgen-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let crdgen = |arguments: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_crdgen"))
            .args(arguments)
            .arg(&directory)
            .output()
            .unwrap()
    };
    assert!(crdgen(&[]).status.success());
    assert!(crdgen(&["--check"]).status.success());
    let file = directory.join("reminderjobs.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("maxLength: 2000", "maxLength: 2001")).unwrap();
    let checked = crdgen(&["--check"]);
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(!checked.status.success());
    assert!(String::from_utf8_lossy(&checked.stderr).contains("reminderjobs.yaml"));
}

fn version(definition: &CustomResourceDefinition) -> Value {
    serde_json::to_value(&definition.spec.versions[0]).unwrap()
}

#[test]
fn each_type_is_as_kubectl_users_expect_it() {
    for (definition, short) in [
        (TodoStack::crd(), "tstack"),
        (RecurringSchedule::crd(), "rsched"),
        (ReminderJob::crd(), "rj"),
    ] {
        let name = definition.name_any();
        let names = &definition.spec.names;
        assert_eq!(
            names.short_names.as_deref(),
            Some(&[short.to_owned()][..]),
            "{name}"
        );
        assert_eq!(
            names.categories.as_deref(),
            Some(&["todostacks-all".to_owned()][..]),
            "{name}"
        );
        // A category wins over the names of a type: `kubectl get todostack demo` would fail.
        for word in [&names.plural, names.singular.as_ref().unwrap()] {
            assert_ne!(word, "todostacks-all");
        }
        let version = version(&definition);
        assert!(
            version["subresources"]["status"].is_object(),
            "{name} has a status"
        );
        let status = &version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"];
        assert!(status["observedGeneration"].is_object(), "{name}");
        assert_eq!(
            status["conditions"]["x-kubernetes-list-map-keys"],
            json!(["type"]),
            "{name}"
        );
        let columns = version["additionalPrinterColumns"].as_array().unwrap();
        assert!(
            columns.iter().any(|column| column["name"] == "Age"),
            "{name}"
        );
    }
}

/// Formats that the API server does not know make it warn at each apply.
#[test]
fn no_schema_has_a_format_that_the_api_server_does_not_know() {
    for definition in crds::all() {
        let text = serde_json::to_string(&definition).unwrap();
        for format in [
            "uint", "uint8", "uint16", "uint32", "uint64", "int8", "int16",
        ] {
            assert!(
                !text.contains(&format!("\"format\":\"{format}\"")),
                "{}: {format}",
                definition.name_any()
            );
        }
    }
}

/// The defaults as the API server fills them in, which must be those that a Rust reader fills in.
fn defaults(schema: &Value, given: &Value) -> Value {
    let mut filled = given.clone();
    if let (Some(object), Some(properties)) =
        (filled.as_object_mut(), schema["properties"].as_object())
    {
        for (name, property) in properties {
            if let Some(default) = property.get("default") {
                object
                    .entry(name.clone())
                    .or_insert_with(|| default.clone());
            }
            if let Some(value) = object.get_mut(name) {
                *value = defaults(property, value);
            }
        }
    }
    filled
}

#[test]
fn the_api_server_and_a_rust_reader_fill_in_the_same() {
    let spec_of = |definition: CustomResourceDefinition| {
        version(&definition)["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
    };

    let given = json!({
        "stackRef": {"name": "demo"}, "schedule": {"cron": "@daily"}, "reminder": {"message": "m"},
    });
    let filled = defaults(&spec_of(RecurringSchedule::crd()), &given);
    let read: crds::RecurringScheduleSpec = serde_json::from_value(given).unwrap();
    assert_eq!(
        serde_json::from_value::<crds::RecurringScheduleSpec>(filled.clone()).unwrap(),
        read
    );
    for (field, value) in [
        ("lookahead", json!(3)),
        ("catchUp", json!("Latest")),
        ("jitterSeconds", json!(0)),
        ("suspend", json!(false)),
        ("successfulHistoryLimit", json!(3)),
        ("failedHistoryLimit", json!(3)),
    ] {
        assert_eq!(filled[field], value, "{field}");
    }
    assert_eq!(filled["schedule"]["timeZone"], "UTC");
    assert_eq!(filled["schedule"]["monthEnd"], "Skip");

    let given = json!({
        "database": {"urlSecretRef": {"name": "db", "key": "url"}},
        "events": {"kafka": {"brokers": ["kafka:9092"]}},
    });
    let filled = defaults(&spec_of(TodoStack::crd()), &given);
    let read: crds::TodoStackSpec = serde_json::from_value(given).unwrap();
    assert_eq!(
        serde_json::from_value::<crds::TodoStackSpec>(filled.clone()).unwrap(),
        read
    );
    for (pointer, value) in [
        ("/gateway/replicas", json!(1)),
        ("/services/reminders/replicas", json!(1)),
        ("/events/topics/partitions", json!(6)),
        ("/events/topics/deletionPolicy", json!("Retain")),
        ("/reminders/mirrorHorizonSeconds", json!(3600)),
        ("/reminders/mirrorLimit", json!(100)),
        ("/reminders/catchUp", json!("All")),
        ("/audit/retentionDays", json!(400)),
        ("/imagePullPolicy", json!("IfNotPresent")),
        ("/suspend", json!(false)),
    ] {
        assert_eq!(filled.pointer(pointer), Some(&value), "{pointer}");
    }

    let given = json!({
        "stackRef": {"name": "demo"}, "fireAt": "2027-01-01T00:00:00Z", "message": "m",
    });
    let filled = defaults(&spec_of(ReminderJob::crd()), &given);
    assert_eq!(filled["suspend"], false);
}
