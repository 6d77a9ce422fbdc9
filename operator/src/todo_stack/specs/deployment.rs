//! The Deployment of a role.

use crds::{GatewaySpec, OidcProviderSpec};
use serde_json::{Map, Value, json};

use super::{
    self as specs, Source, access, container_security, object, plain_env, pod, pod_security,
    secret_env, signing_reference,
};
use crate::todo_stack::{
    keys,
    names::{self, Role},
    object::{Kind, Object},
};

/// Whom the gateway believes, lets in and holds back.
fn guards(gateway: &GatewaySpec) -> Vec<Value> {
    let limits = &gateway.rate_limits;
    let lists = [
        ("TODOSTACK_TRUSTED_PROXIES", &gateway.trusted_proxies),
        ("TODOSTACK_ALLOWED_ORIGINS", &gateway.allowed_origins),
    ];
    let limits = [
        ("TODOSTACK_RATE_LIMIT_USER", limits.user),
        ("TODOSTACK_RATE_LIMIT_ADDRESS", limits.address),
    ];
    let lists = lists
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(name, list)| plain_env(name, &list.join(",")));
    let limits = limits
        .into_iter()
        .filter_map(|(name, limit)| Some(plain_env(name, &limit?.as_setting())));
    lists.chain(limits).collect()
}

/// Issuers of OpenID Connect, as the gateway's settings have them.
fn issuers(issuers: &[OidcProviderSpec]) -> Vec<Value> {
    if issuers.is_empty() {
        return Vec::new();
    }
    let settings: Vec<Value> = issuers.iter().map(OidcProviderSpec::as_setting).collect();
    let secrets = issuers.iter().filter_map(|issuer| {
        let reference = issuer.client_secret_ref.as_ref()?;
        Some(secret_env(&issuer.secret_variable()?, reference))
    });
    let mut env = vec![plain_env("TODOSTACK_OIDC", &json!(settings).to_string())];
    env.extend(secrets);
    env
}

/// Where the API server's client in the sidecar looks for its credentials.
const CREDENTIALS_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const CREDENTIALS: &str = "kube-api-access";

pub(super) fn deployment(source: Source<'_>, role: Role, loaded: &str) -> Object {
    let stack = source.stack;
    let name = names::role(stack, role);
    let selector = names::selector(stack, role.as_str());
    let workload = role.workload(stack);
    let mut pod = json!({
        "serviceAccountName": name,
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        // The process takes 20 s at most.
        "terminationGracePeriodSeconds": 30,
        "securityContext": pod_security(),
        "containers": [container(source, role)],
        "volumes": volumes(role),
    });
    pod::place(&mut pod, stack, workload, &selector);
    let mut body = json!({"spec": {
        "revisionHistoryLimit": 3,
        "progressDeadlineSeconds": 300,
        "selector": {"matchLabels": selector},
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
        },
        "template": {
            "metadata": {
                "labels": pod::labels(names::labels(stack, role.as_str()), workload),
                "annotations": annotations(source, role, loaded),
            },
            "spec": pod,
        },
    }});
    // Else it is the autoscaler's: what we do not set, we do not take back.
    if role.autoscaling(stack).is_none() {
        body["spec"]["replicas"] = role.replicas(stack).into();
    }
    object(source, Kind::Deployment, name, role.as_str(), body)
}

fn container(source: Source<'_>, role: Role) -> Value {
    let resources = role.workload(source.stack).resources.as_ref().map_or_else(
        || {
            json!({
                "requests": {"cpu": "20m", "memory": "48Mi"},
                "limits": {"memory": "256Mi"},
            })
        },
        |resources| json!(resources),
    );
    let mut ports = vec![
        json!({"name": "http", "containerPort": 8080, "protocol": "TCP"}),
        json!({"name": "ops", "containerPort": 9090, "protocol": "TCP"}),
    ];
    if role == Role::Reminders {
        ports.push(json!({"name": "internal", "containerPort": 8081, "protocol": "TCP"}));
    }
    json!({
        "name": role.as_str(),
        "image": source.image,
        "imagePullPolicy": source.stack.spec.image_pull_policy.as_str(),
        "command": role.command(),
        "env": env(source, role),
        "ports": ports,
        "readinessProbe": {
            "httpGet": {"path": "/readyz", "port": "ops"},
            "periodSeconds": 2,
            "timeoutSeconds": 2,
            "failureThreshold": 3,
        },
        "livenessProbe": {
            "httpGet": {"path": "/healthz", "port": "ops"},
            "periodSeconds": 10,
            "timeoutSeconds": 3,
            "failureThreshold": 6,
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": resources,
        "securityContext": container_security(),
    })
}

fn env(source: Source<'_>, role: Role) -> Vec<Value> {
    let stack = source.stack;
    let plain = |name: &str, value: String| plain_env(name, &value);
    let mut env = vec![
        secret_env(
            "TODOSTACK_DATABASE_URL",
            &stack.spec.database.url_secret_ref,
        ),
        plain("TODOSTACK_NAMESPACE", source.namespace()),
        plain("TODOSTACK_PUBSUB", names::child(stack, "pubsub")),
        plain("TODOSTACK_STACK", kube::ResourceExt::name_any(stack)),
        plain("TODOSTACK_TOPIC_PREFIX", names::topic_prefix(stack)),
    ];
    // Users call the gateway's port, everybody else's is for the sidecar.
    if role != Role::Gateway {
        env.push(secret_env(
            "TODOSTACK_DAPR_APP_TOKEN",
            &source.key("dapr-app-token"),
        ));
    }
    match role {
        Role::Gateway | Role::Sync => {
            for (name, key) in [
                ("TODOSTACK_JWT_KEY", keys::JWT),
                ("TODOSTACK_JWT_KEY_NEXT", keys::JWT_NEXT),
                ("TODOSTACK_JWT_KEY_PREVIOUS", keys::JWT_PREVIOUS),
            ] {
                env.push(secret_env(name, &source.key(key)));
            }
            if role == Role::Gateway {
                let auth = &stack.spec.gateway.auth;
                env.push(plain(
                    "TODOSTACK_ACCESS_TOKEN_SECONDS",
                    auth.access_token_seconds.to_string(),
                ));
                env.push(plain("TODOSTACK_SIGN_UP", auth.sign_up.as_setting().into()));
                env.extend(issuers(&auth.oidc));
                // The link of the e-mail needs both.
                let notifications = &stack.spec.notifications;
                let mails = notifications.smtp.is_some() && notifications.public_url.is_some();
                env.push(plain("TODOSTACK_PASSWORD_RESETS", mails.to_string()));
                if let Some(url) = &notifications.public_url {
                    env.push(plain("TODOSTACK_PUBLIC_URL", url.clone()));
                }
            }
            if role == Role::Gateway {
                env.extend(guards(&stack.spec.gateway));
            }
            // What is no key, the plan has refused.
            let vapid = specs::vapid_key(stack, source.secrets).ok().flatten();
            if let (Role::Gateway, Some(key)) = (role, vapid) {
                env.push(plain("TODOSTACK_VAPID_PUBLIC_KEY", key.public()));
            }
        }
        Role::Reminders => {
            env.push(secret_env(
                "TODOSTACK_INTERNAL_TOKEN",
                &source.key("internal-token"),
            ));
            let reminders = &stack.spec.reminders;
            env.push(plain(
                "TODOSTACK_CATCH_UP",
                reminders.catch_up.as_str().into(),
            ));
            env.push(plain(
                "TODOSTACK_CATCH_UP_WINDOW_SECONDS",
                reminders.catch_up_window_seconds.to_string(),
            ));
            env.push(plain(
                "TODOSTACK_CATCH_UP_PER_SECOND",
                reminders.catch_up_per_second.to_string(),
            ));
        }
        Role::Notifications => {
            let signing = signing_reference(stack).unwrap_or_else(|| source.key("webhook-secret"));
            env.push(secret_env("TODOSTACK_WEBHOOK_SECRET", &signing));
            if let Some(webhook) = &stack.spec.notifications.webhook {
                if let Some(url) = &webhook.url {
                    env.push(plain("TODOSTACK_WEBHOOK_URL", url.clone()));
                }
                env.push(plain(
                    "TODOSTACK_WEBHOOK_ALLOW_PRIVATE",
                    webhook.allow_private_addresses.to_string(),
                ));
            }
            env.extend(channels(source));
        }
        Role::Audit => env.push(plain(
            "TODOSTACK_AUDIT_RETENTION_DAYS",
            stack.spec.audit.retention_days.to_string(),
        )),
        Role::Relay | Role::Recurrence => {}
    }
    pod::extend_env(&mut env, role.workload(stack));
    env
}

/// The settings of channels beside webhooks.
fn channels(source: Source<'_>) -> Vec<Value> {
    let notifications = &source.stack.spec.notifications;
    let mut env = Vec::new();
    if let Some(push) = &notifications.web_push {
        let key = specs::vapid_reference(source.stack).unwrap_or_else(|| source.key(keys::VAPID));
        env.push(secret_env("TODOSTACK_VAPID_KEY", &key));
        env.push(plain_env("TODOSTACK_VAPID_SUBJECT", &push.subject));
    }
    if let Some(templates) = &notifications.templates {
        let templates = json!(templates).to_string();
        env.push(plain_env("TODOSTACK_TEMPLATES", &templates));
    }
    if let Some(retry) = &notifications.retry {
        let retry = json!(retry).to_string();
        env.push(plain_env("TODOSTACK_RETRY", &retry));
    }
    let mut plain = |name: &str, value: &str| env.push(plain_env(name, value));
    if !notifications.bindings.is_empty() {
        plain("TODOSTACK_BINDINGS", &notifications.bindings.join(","));
    }
    if let Some(url) = &notifications.public_url {
        plain("TODOSTACK_PUBLIC_URL", url);
    }
    let Some(smtp) = &notifications.smtp else {
        return env;
    };
    plain("TODOSTACK_SMTP_FROM", &smtp.from);
    plain("TODOSTACK_SMTP_HOST", &smtp.host);
    plain("TODOSTACK_SMTP_PORT", &smtp.port.to_string());
    plain("TODOSTACK_SMTP_TLS", smtp.tls.as_setting());
    for (name, reference) in [
        ("TODOSTACK_SMTP_CA", &smtp.ca_secret_ref),
        ("TODOSTACK_SMTP_PASSWORD", &smtp.password_secret_ref),
        ("TODOSTACK_SMTP_USERNAME", &smtp.username_secret_ref),
    ] {
        env.extend(
            reference
                .iter()
                .map(|reference| secret_env(name, reference)),
        );
    }
    env
}

fn annotations(source: Source<'_>, role: Role, loaded: &str) -> Value {
    let stack = source.stack;
    let mut annotations = Map::new();
    let mut set = |key: &str, value: String| {
        annotations.insert(key.into(), value.into());
    };
    // Pods read Secrets at their start only.
    let secrets: Vec<_> = env(source, role)
        .iter()
        .filter_map(|entry| entry.pointer("/valueFrom/secretKeyRef"))
        .filter_map(|reference| serde_json::from_value(reference.clone()).ok())
        .collect();
    set(
        "todostack.dev/secrets-checksum",
        source.fingerprint(&secrets),
    );
    set("todostack.dev/dapr-checksum", loaded.into());
    set("dapr.io/enabled", "true".into());
    set("dapr.io/app-id", names::role(stack, role));
    set("dapr.io/app-port", "8080".into());
    set("dapr.io/config", names::child(stack, "config"));
    set("dapr.io/log-as-json", "true".into());
    // `app-token-secret` would want a Secret of its own with a key `token`; this is what it sets.
    set(
        "dapr.io/env-from-secret",
        format!("APP_API_TOKEN={}:dapr-app-token", names::keys(stack)),
    );
    // Without it Dapr delivers to a process that is not there yet and drops the job.
    set("dapr.io/enable-app-health-check", "true".into());
    set("dapr.io/app-health-check-path", "/healthz".into());
    set("dapr.io/app-health-probe-interval", "2".into());
    set("dapr.io/app-health-probe-timeout", "1000".into());
    set("dapr.io/app-health-threshold", "3".into());
    // 9090 is ours.
    set("dapr.io/metrics-port", "9091".into());
    set("dapr.io/graceful-shutdown-seconds", "20".into());
    set(
        "dapr.io/sidecar-seccomp-profile-type",
        "RuntimeDefault".into(),
    );
    // Ready within a second or two, as our own container.
    set("dapr.io/sidecar-readiness-probe-delay-seconds", "1".into());
    set("dapr.io/sidecar-readiness-probe-period-seconds", "2".into());
    set("dapr.io/sidecar-cpu-request", "20m".into());
    set("dapr.io/sidecar-memory-request", "64Mi".into());
    set("dapr.io/sidecar-memory-limit", "256Mi".into());
    // The store that Dapr adds by itself would ask the API server; only ours does.
    set("dapr.io/disable-builtin-k8s-secret-store", "true".into());
    if access::READERS.contains(&role) {
        set(
            "dapr.io/volume-mounts",
            format!("{CREDENTIALS}:{CREDENTIALS_PATH}"),
        );
    }
    pod::extend_annotations(&mut annotations, role.workload(stack));
    Value::Object(annotations)
}

/// The API server's credentials, for the sidecar alone.
fn volumes(role: Role) -> Value {
    if !access::READERS.contains(&role) {
        return json!([]);
    }
    json!([{
        "name": CREDENTIALS,
        "projected": {
            "defaultMode": 0o444,
            "sources": [
                {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
                {"configMap": {
                    "name": "kube-root-ca.crt",
                    "items": [{"key": "ca.crt", "path": "ca.crt"}],
                }},
                {"downwardAPI": {"items": [{
                    "path": "namespace",
                    "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                }]}},
            ],
        },
    }])
}
