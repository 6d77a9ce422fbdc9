//! The manifests of a stack, as snapshots.

use serde_json::{Value, json};

use super::cluster::{merge, sasl, settled};

/// The manifests as they are applied, without what has its own tests: digests that every change moves.
fn manifests(spec: Value) -> String {
    let (_, observed) = settled(spec);
    let mut objects = observed.live;
    objects.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    objects
        .into_iter()
        .map(|mut object| {
            for gone in ["/status", "/metadata/uid", "/metadata/generation"] {
                let (parent, field) = gone.rsplit_once('/').expect("a pointer");
                if let Some(fields) = object
                    .body
                    .pointer_mut(parent)
                    .and_then(Value::as_object_mut)
                {
                    fields.remove(field);
                }
            }
            if let Some(fields) = object.body.as_object_mut() {
                fields.remove("managers");
            }
            without_digests(&mut object.body);
            serde_yaml::to_string(&object.body).expect("YAML")
        })
        .collect::<Vec<_>>()
        .join("---\n")
}

/// Digests are told apart from what they are digests of.
fn without_digests(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if ["applied", "dapr-checksum", "secrets-checksum"]
                    .iter()
                    .any(|name| *key == format!("todostack.dev/{name}"))
                {
                    *value = "DIGEST".into();
                } else {
                    without_digests(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_digests),
        Value::String(text) if text.starts_with("demo-migrate-") => {
            *value = "demo-migrate-DIGEST".into()
        }
        _ => {}
    }
}

#[test]
fn manifests_of_the_smallest_stack() {
    insta::assert_snapshot!("smallest", manifests(json!({})));
}

#[test]
fn manifests_with_log_in_and_a_webhook() {
    let mut spec = sasl();
    merge(
        &mut spec,
        json!({
            "imagePullPolicy": "Always",
            "gateway": {
                "replicas": 2,
                "resources": {"limits": {"memory": "1Gi"}},
                "trustedProxies": ["10.0.0.0/8", "fd00::/8"],
                "allowedOrigins": ["https://app.example"],
                "rateLimits": {"user": {"requests": 600}, "address": {"requests": 30, "seconds": 10}},
                "auth": {"oidc": [{
                    "name": "my-company",
                    "issuer": "https://id.example",
                    "clientId": "todostack",
                    "clientSecretRef": {"name": "oidc", "key": "secret"},
                    "signUp": "Open",
                }]},
            },
            "notifications": {
                "webhook": {
                    "url": "https://hook.example/todo",
                    "signingSecretRef": {"name": "hook", "key": "secret"},
                },
                "publicUrl": "https://todo.example",
                "bindings": ["sms", "mqtt"],
                "webPush": {
                    "subject": "mailto:reminders@todo.example",
                    "keySecretRef": {"name": "push", "key": "key"},
                },
                "templates": {"title": "Reminder: {{ message }}"},
                "retry": {"all": {"maxAttempts": 5}, "webPush": {"giveUpAfterSeconds": 3600}},
                "smtp": {
                    "host": "smtp.example",
                    "from": "Reminders <reminders@todo.example>",
                    "usernameSecretRef": {"name": "smtp", "key": "username"},
                    "passwordSecretRef": {"name": "smtp", "key": "password"},
                    "caSecretRef": {"name": "smtp", "key": "ca.crt"},
                },
            },
        }),
    );
    let all = manifests(spec);
    // What differs from the smallest.
    let chosen: Vec<&str> = all
        .split("---\n")
        .filter(|manifest| {
            [
                "name: demo-pubsub\n",
                "name: demo-secret-reader\n",
                "name: demo-config\n",
            ]
            .iter()
            .any(|name| manifest.contains(name) && !manifest.contains("kind: Subscription"))
                || (manifest.contains("kind: Deployment")
                    && (manifest.contains("name: demo-gateway\n")
                        || manifest.contains("name: demo-notifications\n")))
        })
        .collect();
    insta::assert_snapshot!("log_in_and_webhook", chosen.join("---\n"));
}

#[test]
fn manifests_of_pods_that_are_told_where_to_run() {
    let all = manifests(json!({
        "imagePullSecrets": [{"name": "registry"}],
        "gateway": {
            "nodeSelector": {"disk": "ssd"},
            "tolerations": [{"key": "dedicated", "operator": "Exists"}],
            "affinity": {
                "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["arm64"]}]},
                ]}},
                "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{
                    "weight": 1,
                    "podAffinityTerm": {"topologyKey": "zone", "labelSelector": {"matchLabels": {"a": "b"}}},
                }]},
            },
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
                {
                    "maxSkew": 2, "topologyKey": "rack", "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": {"a": "b"}},
                },
            ],
            "priorityClassName": "high",
            "extraEnv": [
                {"name": "TODOSTACK_LOG", "value": "debug"},
                {"name": "HTTPS_PROXY", "valueFrom": {"secretKeyRef": {"name": "hook", "key": "secret"}}},
            ],
            "podAnnotations": {"dapr.io/sidecar-memory-limit": "512Mi", "example.com/team": "blue"},
            "podLabels": {"example.com/team": "blue"},
        },
    }));
    let chosen: Vec<&str> = all
        .split("---\n")
        .filter(|manifest| {
            manifest.contains("kind: Job")
                || (manifest.contains("kind: Deployment")
                    && manifest.contains("name: demo-gateway\n"))
        })
        .collect();
    assert_eq!(all.matches("- name: registry\n").count(), 8, "on every pod");
    insta::assert_snapshot!("placed", chosen.join("---\n"));
}

#[test]
fn no_setting_takes_in_another_ones_secret() {
    let all = manifests(json!({"notifications": {
        "publicUrl": "https://todo.example/$(TODOSTACK_DATABASE_URL)",
        "webhook": {"url": "https://hook.example/$(TODOSTACK_DATABASE_URL)"},
        "templates": {"text": "{{ message }} $(TODOSTACK_DATABASE_URL)"},
    }}));
    // The public URL is the gateway's too.
    assert_eq!(all.matches("$$(TODOSTACK_DATABASE_URL)").count(), 4);
    assert_eq!(all.matches("$(TODOSTACK_DATABASE_URL)").count(), 4);
}
