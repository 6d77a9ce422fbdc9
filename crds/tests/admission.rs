//! What the API server refuses at admission, checked against the same schemas and CEL rules without
//! one: each refusal names its field. The end-to-end test does some of it against a real API server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use crds::{RecurringSchedule, ReminderJob, TodoStack};
use jsonschema::Validator as Schema;
use kube::CustomResourceExt;
use serde_json::{Value, json};

/// Everything wrong with an object, as `path: message`.
fn refusals<K: CustomResourceExt>(object: &Value, old: Option<&Value>) -> Vec<String> {
    let definition = serde_json::to_value(K::crd()).unwrap();
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let structure = Schema::new(schema).unwrap();
    let mut found: Vec<String> = structure
        .iter_errors(object)
        .map(|error| {
            let path = error.instance_path().to_string().replace('/', ".");
            format!("{}: {error}", path.trim_start_matches('.'))
        })
        .collect();
    if found.is_empty() {
        // The API server evaluates rules only on objects of the right structure.
        let rules = kube_cel::Validator::new();
        if let Err(errors) = rules.validate(schema, object, old) {
            found.extend(errors.iter().map(ToString::to_string));
        }
    }
    found
}

#[track_caller]
fn accepted<K: CustomResourceExt>(object: &Value) {
    let found = refusals::<K>(object, None);
    assert!(found.is_empty(), "{found:#?}");
}

#[track_caller]
fn refused<K: CustomResourceExt>(object: &Value, field: &str) {
    let found = refusals::<K>(object, None);
    assert!(
        found.iter().any(|message| message.contains(field)),
        "nothing names {field}: {found:#?}"
    );
}

fn object(kind: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "todostack.dev/v1alpha1", "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    })
}

/// `base` with `value` at a dotted path; null takes the field away.
fn with(mut base: Value, path: &str, value: Value) -> Value {
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut place = &mut base;
    for part in parents.split('.').filter(|part| !part.is_empty()) {
        place = &mut place[part];
    }
    if value.is_null() {
        place.as_object_mut().unwrap().remove(last);
    } else {
        place[last] = value;
    }
    base
}

fn stack() -> Value {
    object(
        "TodoStack",
        "demo",
        json!({
            "database": {"urlSecretRef": {"name": "db", "key": "url"}},
            "events": {"kafka": {"brokers": ["kafka.infra.svc:9092"]}},
        }),
    )
}

fn schedule(rule: Value) -> Value {
    object(
        "RecurringSchedule",
        "standup",
        json!({
            "stackRef": {"name": "demo"},
            "schedule": rule,
            "reminder": {"message": "stand up"},
        }),
    )
}

fn daily() -> Value {
    schedule(
        json!({"rrule": "FREQ=DAILY", "start": "2026-01-31T09:00:00", "timeZone": "Europe/Berlin"}),
    )
}

fn job() -> Value {
    object(
        "ReminderJob",
        "one",
        json!({
            "stackRef": {"name": "demo"},
            "fireAt": "2027-01-01T00:00:00Z",
            "message": "Happy new year",
        }),
    )
}

#[test]
fn the_examples_of_the_repository_are_accepted() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for document in text.split("\n---") {
            let object: Value = serde_yaml::from_str(document).unwrap();
            let found = match object["kind"].as_str() {
                Some("TodoStack") => refusals::<TodoStack>(&object, None),
                Some("RecurringSchedule") => refusals::<RecurringSchedule>(&object, None),
                Some("ReminderJob") => refusals::<ReminderJob>(&object, None),
                // Other projects' types, and values of the chart: `just examples-check`.
                kind => {
                    let api = object["apiVersion"].as_str().unwrap_or_default();
                    assert!(
                        !api.starts_with(crds::GROUP),
                        "{}: {kind:?} is none of our kinds",
                        path.display()
                    );
                    continue;
                }
            };
            assert!(found.is_empty(), "{}: {found:#?}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 15, "{seen} objects of ours");
}

#[test]
fn a_stack_with_a_bad_field_is_refused_by_its_name() {
    accepted::<TodoStack>(&stack());
    for (path, value, field) in [
        ("spec.database", json!(null), "database"),
        ("spec.database.urlSecretRef.key", json!(null), "key"),
        (
            "spec.database.urlSecretRef.name",
            json!(""),
            "spec.database.urlSecretRef.name",
        ),
        (
            "spec.events.kafka.brokers",
            json!([]),
            "spec.events.kafka.brokers",
        ),
        (
            "spec.events.kafka.brokers",
            json!(["kafka"]),
            "spec.events.kafka.brokers.0",
        ),
        (
            "spec.events.kafka.sasl",
            json!({"mechanism": "MD5"}),
            "spec.events.kafka.sasl",
        ),
        (
            "spec.events.topics",
            json!({"partitions": 0}),
            "spec.events.topics.partitions",
        ),
        (
            "spec.events.topics",
            json!({"prefix": "a b"}),
            "spec.events.topics.prefix",
        ),
        (
            "spec.events.topics",
            json!({"deletionPolicy": "Keep"}),
            "spec.events.topics.deletionPolicy",
        ),
        (
            "spec.gateway",
            json!({"replicas": -1}),
            "spec.gateway.replicas",
        ),
        (
            "spec.gateway",
            json!({"trustedProxies": ["10.0.0.0/8", "10.0.0.0/33"]}),
            "trustedProxies must be networks",
        ),
        (
            "spec.gateway",
            json!({"trustedProxies": ["anybody"]}),
            "trustedProxies must be networks",
        ),
        (
            "spec.gateway",
            json!({"trustedProxies": vec!["10.0.0.0/8"; 51]}),
            "spec.gateway.trustedProxies",
        ),
        (
            "spec.gateway",
            json!({"allowedOrigins": ["https://app.example.com/"]}),
            "allowedOrigins must be origins",
        ),
        (
            "spec.gateway",
            json!({"allowedOrigins": ["https://app.example.com:443"]}),
            "allowedOrigins must be origins",
        ),
        (
            "spec.gateway",
            json!({"allowedOrigins": ["*"]}),
            "allowedOrigins must be origins",
        ),
        (
            "spec.gateway",
            json!({"rateLimits": {"user": {"requests": 0}}}),
            "spec.gateway.rateLimits.user.requests",
        ),
        (
            "spec.services",
            json!({"relay": {"replicas": 101}}),
            "spec.services.relay.replicas",
        ),
        (
            "spec.gateway",
            json!({"ingress": {"hosts": []}}),
            "spec.gateway.ingress.hosts",
        ),
        (
            "spec.gateway",
            json!({"ingress": {"hosts": ["https://todo.example.com"]}}),
            "spec.gateway.ingress.hosts.0",
        ),
        (
            "spec.gateway",
            json!({"ingress": {"hosts": ["a.example"], "annotations": {"cert-manager.io/issuer": "a"}}}),
            "ingress.annotations cannot set what the operator sets",
        ),
        (
            "spec.gateway",
            json!({"ingress": {"hosts": ["a.example"], "certManager": {"issuerRef": {"name": "a", "kind": "Vault"}}}}),
            "spec.gateway.ingress.certManager.issuerRef.kind",
        ),
        (
            "spec.gateway",
            json!({"httpRoute": {"parentRefs": []}}),
            "spec.gateway.httpRoute.parentRefs",
        ),
        (
            "spec.gateway",
            json!({"httpRoute": {"parentRefs": [{"name": "a"}], "streamTimeout": "for ever"}}),
            "spec.gateway.httpRoute.streamTimeout",
        ),
        (
            "spec.networkPolicy",
            json!({"enabled": true, "gatewayFrom": []}),
            "spec.networkPolicy.gatewayFrom",
        ),
        (
            "spec.networkPolicy",
            json!({"enabled": true, "extraEgressPorts": [0]}),
            "spec.networkPolicy.extraEgressPorts.0",
        ),
        (
            "spec.services",
            json!({"relay": {"autoscaling": {"minReplicas": 2}}}),
            "maxReplicas",
        ),
        (
            "spec.services",
            json!({"relay": {"autoscaling": {"minReplicas": 0, "maxReplicas": 2}}}),
            "spec.services.relay.autoscaling.minReplicas",
        ),
        (
            "spec.services",
            json!({"relay": {"autoscaling": {"minReplicas": 3, "maxReplicas": 2}}}),
            "autoscaling.minReplicas must not be more than maxReplicas",
        ),
        (
            "spec.services",
            json!({"relay": {"nodeSelector": {"disk": 1}}}),
            "spec.services.relay.nodeSelector.disk",
        ),
        (
            "spec.services",
            json!({"relay": {"tolerations": [{"tolerationSeconds": "1m"}]}}),
            "spec.services.relay.tolerations.0.tolerationSeconds",
        ),
        (
            "spec.services",
            json!({"relay": {"affinity": {"podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [{"labelSelector": {}}],
            }}}}),
            "spec.services.relay.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution.0",
        ),
        (
            "spec.services",
            json!({"relay": {"topologySpreadConstraints": [{"maxSkew": 1}]}}),
            "spec.services.relay.topologySpreadConstraints.0",
        ),
        (
            "spec.services",
            json!({"relay": {"priorityClassName": ""}}),
            "spec.services.relay.priorityClassName",
        ),
        (
            "spec.services",
            json!({"relay": {"extraEnv": [{"value": "1"}]}}),
            "spec.services.relay.extraEnv.0",
        ),
        (
            "spec.imagePullSecrets",
            json!(["registry"]),
            "spec.imagePullSecrets.0",
        ),
        (
            "spec.imagePullSecrets",
            json!([{"name": ""}]),
            "spec.imagePullSecrets.0.name",
        ),
        (
            "spec.imagePullPolicy",
            json!("Sometimes"),
            "spec.imagePullPolicy",
        ),
        (
            "spec.reminders",
            json!({"mirrorLimit": 5001}),
            "spec.reminders.mirrorLimit",
        ),
        (
            "spec.reminders",
            json!({"catchUpPerSecond": 0}),
            "spec.reminders.catchUpPerSecond",
        ),
        (
            "spec.reminders",
            json!({"catchUp": "Some"}),
            "spec.reminders.catchUp",
        ),
        (
            "spec.audit",
            json!({"retentionDays": 29}),
            "spec.audit.retentionDays",
        ),
        (
            "spec.notifications",
            json!({"webhook": {"url": "ftp://a"}}),
            "spec.notifications.webhook.url",
        ),
        (
            "spec.notifications",
            json!({"webPush": {"subject": "me@example.com"}}),
            "spec.notifications.webPush.subject",
        ),
        (
            "spec.notifications",
            json!({"retry": {"email": {"maxAttempts": 0}}}),
            "spec.notifications.retry.email.maxAttempts",
        ),
        ("spec.suspend", json!("yes"), "spec.suspend"),
        ("metadata.name", json!("9lives"), "metadata.name"),
        ("metadata.name", json!("x".repeat(41)), "metadata.name"),
    ] {
        refused::<TodoStack>(&with(stack(), path, value), field);
    }
}

#[test]
fn rules_of_both_kinds_are_accepted() {
    for rule in [
        json!({"rrule": "FREQ=WEEKLY;BYDAY=MO,WE", "start": "2026-01-31T09:00:00"}),
        json!({"rrule": "RRULE:FREQ=MONTHLY;BYMONTHDAY=31;UNTIL=20301231T000000Z", "start": "2026-01-31T09:00"}),
        json!({"rrule": "INTERVAL=2;FREQ=YEARLY", "start": "2026-01-31T09:00:00", "monthEnd": "LastDay"}),
        json!({"cron": "*/5 9-17 * * MON-FRI", "timeZone": "America/Argentina/Buenos_Aires"}),
        json!({"cron": "@daily", "timeZone": "Etc/GMT+3", "exclude": ["2026-12-25", "2026-12-31T09:00:00"]}),
    ] {
        accepted::<RecurringSchedule>(&schedule(rule));
    }
}

#[test]
fn a_bad_rule_is_refused_by_its_name() {
    for (rule, field) in [
        (json!({}), "spec.schedule.rrule and spec.schedule.cron"),
        (
            json!({"rrule": "FREQ=DAILY", "start": "2026-01-31T09:00:00", "cron": "@daily"}),
            "spec.schedule.rrule and spec.schedule.cron",
        ),
        (json!({"rrule": "FREQ=DAILY"}), "spec.schedule.start"),
        (
            json!({"cron": "@daily", "start": "2026-01-31T09:00:00"}),
            "spec.schedule.start",
        ),
        (
            json!({"rrule": "FREQ=DAILY", "start": "2026-01-31"}),
            "spec.schedule.start",
        ),
        (
            json!({"rrule": "FREQ=DAILY", "start": "2026-01-31T09:00:00Z"}),
            "spec.schedule.start",
        ),
        (
            json!({"rrule": "every day", "start": "2026-01-31T09:00:00"}),
            "rrule",
        ),
        (
            json!({"rrule": "FREQ=SECONDLY", "start": "2026-01-31T09:00:00"}),
            "rrule",
        ),
        (
            json!({"rrule": "FREQ=DAILY;BYSECOND=1", "start": "2026-01-31T09:00:00"}),
            "rrule",
        ),
        (json!({"cron": "0 9 * *"}), "cron"),
        (json!({"cron": "@fortnightly"}), "cron"),
        (
            json!({"cron": "@daily", "timeZone": "+02:00"}),
            "spec.schedule.timeZone",
        ),
        (
            json!({"cron": "@daily", "timeZone": "Europe/Berlin; DROP"}),
            "spec.schedule.timeZone",
        ),
        (
            json!({"cron": "@daily", "exclude": ["Christmas"]}),
            "spec.schedule.exclude.0",
        ),
        (
            json!({"cron": "@daily", "monthEnd": "Middle"}),
            "spec.schedule.monthEnd",
        ),
    ] {
        refused::<RecurringSchedule>(&schedule(rule), field);
    }
}

#[test]
fn a_schedule_with_a_bad_field_is_refused_by_its_name() {
    accepted::<RecurringSchedule>(&daily());
    let task = json!({"owner": "ada@example.com", "title": "Stand-up"});
    accepted::<RecurringSchedule>(&with(
        with(daily(), "spec.reminder", json!({"beforeSeconds": [0, 600]})),
        "spec.taskTemplate",
        task.clone(),
    ));
    for (path, value, field) in [
        ("spec.stackRef", json!(null), "stackRef"),
        ("spec.stackRef.name", json!(""), "spec.stackRef.name"),
        ("spec.reminder", json!(null), "spec.reminder.message"),
        (
            "spec.reminder",
            json!({"beforeSeconds": [60]}),
            "spec.reminder.message",
        ),
        (
            "spec.reminder",
            json!({"message": ""}),
            "spec.reminder.message",
        ),
        (
            "spec.reminder",
            json!({"message": "m", "beforeSeconds": [-1]}),
            "spec.reminder.beforeSeconds.0",
        ),
        (
            "spec.reminder",
            json!({"message": "m", "beforeSeconds": vec![1; 11]}),
            "spec.reminder.beforeSeconds",
        ),
        (
            "spec.reminder",
            json!({"message": "m", "channels": [{"type": "Fax"}]}),
            "spec.reminder.channels.0.type",
        ),
        (
            "spec.reminder",
            json!({"message": "m", "channels": [{"type": "Webhook", "url": "x"}]}),
            "spec.reminder.channels.0.url",
        ),
        (
            "spec.taskTemplate",
            with(task.clone(), "owner", json!("ada")),
            "spec.taskTemplate.owner",
        ),
        (
            "spec.taskTemplate",
            with(task.clone(), "title", json!("")),
            "spec.taskTemplate.title",
        ),
        (
            "spec.taskTemplate",
            with(task, "priority", json!("P5")),
            "spec.taskTemplate.priority",
        ),
        ("spec.catchUp", json!("Some"), "spec.catchUp"),
        ("spec.jitterSeconds", json!(-1), "spec.jitterSeconds"),
        ("spec.jitterSeconds", json!(86_401), "spec.jitterSeconds"),
        ("spec.lookahead", json!(0), "spec.lookahead"),
        ("spec.lookahead", json!(51), "spec.lookahead"),
        (
            "spec.startingDeadlineSeconds",
            json!(0),
            "spec.startingDeadlineSeconds",
        ),
        (
            "spec.successfulHistoryLimit",
            json!(-1),
            "spec.successfulHistoryLimit",
        ),
        (
            "spec.failedHistoryLimit",
            json!(101),
            "spec.failedHistoryLimit",
        ),
    ] {
        refused::<RecurringSchedule>(&with(daily(), path, value), field);
    }
}

#[test]
fn a_reminder_with_a_bad_field_is_refused_by_its_name() {
    accepted::<ReminderJob>(&job());
    let task = json!({"id": "6e2f4a52-7a5c-4d3e-9c53-0a8c1f0b7d11"});
    let template = json!({"owner": "ada@example.com", "title": "Stand-up"});
    accepted::<ReminderJob>(&with(job(), "spec.taskRef", task.clone()));
    accepted::<ReminderJob>(&with(job(), "spec.taskTemplate", template.clone()));
    for (path, value, field) in [
        ("spec.fireAt", json!(null), "fireAt"),
        ("spec.catchUp", json!("Some"), "spec.catchUp"),
        ("spec.delaySeconds", json!(-1), "spec.delaySeconds"),
        ("spec.message", json!(""), "spec.message"),
        ("spec.message", json!("x".repeat(2001)), "spec.message"),
        ("spec.taskRef", json!({"id": "seven"}), "spec.taskRef.id"),
        ("spec.taskTemplate", json!({"title": "t"}), "owner"),
        (
            "spec.channels",
            json!([{"url": "https://a.example"}]),
            "type",
        ),
        ("spec.deadlineSeconds", json!(0), "spec.deadlineSeconds"),
        (
            "spec.ttlSecondsAfterFinished",
            json!(-1),
            "spec.ttlSecondsAfterFinished",
        ),
        ("spec.suspend", json!(1), "spec.suspend"),
    ] {
        refused::<ReminderJob>(&with(job(), path, value), field);
    }
    let both = with(
        with(job(), "spec.taskRef", task),
        "spec.taskTemplate",
        template,
    );
    refused::<ReminderJob>(&both, "spec.taskRef or spec.taskTemplate");
}

#[test]
fn what_is_immutable_stays() {
    let before = with(
        with(job(), "spec.channels", json!([{"type": "Webhook"}])),
        "spec.taskRef",
        json!({"id": "6e2f4a52-7a5c-4d3e-9c53-0a8c1f0b7d11"}),
    );
    for (path, value, field) in [
        ("spec.stackRef.name", json!("other"), "stackRef"),
        ("spec.message", json!("Good morning"), "message"),
        ("spec.channels", json!(null), "spec.channels"),
        (
            "spec.channels",
            json!([{"type": "Webhook", "url": "https://a.example"}]),
            "spec.channels",
        ),
        ("spec.taskRef", json!(null), "spec.taskRef"),
        (
            "spec.taskRef.id",
            json!("00000000-0000-4000-8000-000000000000"),
            "spec.taskRef",
        ),
    ] {
        let after = with(before.clone(), path, value);
        let found = refusals::<ReminderJob>(&after, Some(&before));
        assert!(
            found
                .iter()
                .any(|message| message.contains(field) && message.contains("immutable")),
            "{path}: {found:#?}"
        );
        assert_eq!(
            refusals::<ReminderJob>(&after, None),
            [""; 0],
            "{path} is fine in a new one"
        );
    }
    for (path, value) in [
        ("spec.fireAt", json!("2027-01-02T00:00:00Z")),
        ("spec.suspend", json!(true)),
        ("spec.deadlineSeconds", json!(60)),
        ("spec.catchUp", json!("Skip")),
        ("spec.delaySeconds", json!(60)),
        ("spec.ttlSecondsAfterFinished", json!(60)),
    ] {
        let after = with(before.clone(), path, value);
        assert_eq!(
            refusals::<ReminderJob>(&after, Some(&before)),
            [""; 0],
            "{path} may change"
        );
    }
    let moved = with(daily(), "spec.stackRef.name", json!("other"));
    let found = refusals::<RecurringSchedule>(&moved, Some(&daily()));
    assert!(
        found.iter().any(|message| message.contains("stackRef")),
        "{found:#?}"
    );
}

#[test]
fn proxies_are_networks_of_either_family() {
    let proxies = json!({"trustedProxies": ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"]});
    accepted::<TodoStack>(&with(stack(), "spec.gateway", proxies));
}

#[test]
fn origins_are_as_browsers_write_them() {
    let origins = json!({"allowedOrigins": [
        "https://app.example.com", "http://localhost:5173", "http://[::1]:8080",
    ]});
    accepted::<TodoStack>(&with(stack(), "spec.gateway", origins));
}

#[test]
fn a_workload_takes_what_is_not_ours() {
    let workload = json!({
        "autoscaling": {"maxReplicas": 4, "targetCPUUtilizationPercentage": 60},
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}],
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{
            "weight": 1,
            "podAffinityTerm": {"topologyKey": "zone", "labelSelector": {"matchLabels": {"a": "b"}}},
        }]}},
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
        ],
        "priorityClassName": "high",
        "extraEnv": [
            {"name": "TODOSTACK_LOG", "value": "debug"},
            {"name": "HTTPS_PROXY", "valueFrom": {"secretKeyRef": {"name": "proxy", "key": "url"}}},
        ],
        "podAnnotations": {
            "dapr.io/sidecar-memory-limit": "512Mi", "dapr.io/log-level": "debug", "example.com/team": "blue",
        },
        "podLabels": {"example.com/cost-centre": "7"},
    });
    let stack = with(stack(), "spec.services", json!({"audit": workload.clone()}));
    let stack = with(
        stack,
        "spec.imagePullSecrets",
        json!([{"name": "registry"}]),
    );
    accepted::<TodoStack>(&with(stack, "spec.gateway", workload));
}

#[test]
fn a_workload_cannot_set_what_the_operator_sets() {
    for (field, value) in [
        (
            "extraEnv",
            json!([{"name": "TODOSTACK_DATABASE_URL", "value": "postgres://elsewhere"}]),
        ),
        (
            "extraEnv",
            json!([{"name": "A", "value": "b"}, {"name": "TODOSTACK_LOGS", "value": "c"}]),
        ),
        (
            "extraEnv",
            json!([{"name": "DAPR_HTTP_PORT", "value": "1"}]),
        ),
        ("podAnnotations", json!({"dapr.io/enabled": "false"})),
        ("podAnnotations", json!({"dapr.io/app-id": "other"})),
        (
            "podAnnotations",
            json!({"todostack.dev/secrets-checksum": "0"}),
        ),
        ("podLabels", json!({"app.kubernetes.io/component": "other"})),
        ("podLabels", json!({"todostack.dev/stack": "other"})),
    ] {
        let says = format!("{field} cannot set what the operator sets");
        refused::<TodoStack>(
            &with(stack(), "spec.gateway", json!({field: value.clone()})),
            &says,
        );
        let services = json!({"audit": {field: value}});
        refused::<TodoStack>(&with(stack(), "spec.services", services), &says);
    }
}

#[test]
fn users_and_callers_are_let_in_as_clusters_know_them() {
    let gateway = json!({
        "ingress": {
            "hosts": ["todo.example.com", "*.example.org"],
            "className": "nginx",
            "annotations": {"example.com/size": "1m"},
            "tlsSecretName": "todo-tls",
            "certManager": {"issuerRef": {"name": "letsencrypt", "kind": "ClusterIssuer"}},
        },
        "httpRoute": {
            "parentRefs": [{"name": "todo", "namespace": "infra", "sectionName": "https", "port": 443}],
            "hostnames": ["todo.example.com"],
            "streamTimeout": "1h30m",
        },
    });
    let policy = json!({
        "enabled": true,
        "gatewayFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}],
        "metricsFrom": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}],
        "daprNamespace": "dapr",
        "extraEgressPorts": [3128],
    });
    let stack = with(stack(), "spec.gateway", gateway);
    accepted::<TodoStack>(&with(stack, "spec.networkPolicy", policy));
}
