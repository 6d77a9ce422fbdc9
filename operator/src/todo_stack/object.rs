//! Objects as the API server speaks of them, and when a live one differs from what we want.

use kube::core::ApiResource;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Annotation that holds the digest of what we applied last. It shows what a comparison of fields
/// cannot: a field that we no longer want.
pub const ANNOTATION_APPLIED: &str = "todostack.dev/applied";

const GATEWAY_API: &str = "gateway.networking.k8s.io";

/// Kinds that a stack is made of, in the order in which they are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Identity of a role's pods.
    ServiceAccount,
    /// What a role's sidecar may read.
    Role,
    /// Binds the two.
    RoleBinding,
    /// Dapr component.
    Component,
    /// Dapr configuration.
    Configuration,
    /// Dapr retry policies.
    Resiliency,
    /// Dapr subscription.
    Subscription,
    /// Address of a role.
    Service,
    /// Whom a role's pods may talk to.
    NetworkPolicy,
    /// How users reach the gateway.
    Ingress,
    /// How users reach the gateway, by the Gateway API.
    HttpRoute,
    /// The migration.
    Job,
    /// How many pods of a role may be taken away at once.
    PodDisruptionBudget,
    /// A role's pods.
    Deployment,
    /// How many of them there are, by their load.
    HorizontalPodAutoscaler,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::ServiceAccount,
        Self::Role,
        Self::RoleBinding,
        Self::Component,
        Self::Configuration,
        Self::Resiliency,
        Self::Subscription,
        Self::Service,
        Self::NetworkPolicy,
        Self::Ingress,
        Self::HttpRoute,
        Self::Job,
        Self::PodDisruptionBudget,
        Self::Deployment,
        Self::HorizontalPodAutoscaler,
    ];

    /// Dapr brings its type.
    pub fn is_dapr(self) -> bool {
        self.parts().0 == "dapr.io"
    }

    /// The Gateway API brings its type, which a cluster need not have.
    pub fn is_gateway_api(self) -> bool {
        self.parts().0 == GATEWAY_API
    }

    fn parts(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::ServiceAccount => ("", "v1", "ServiceAccount", "serviceaccounts"),
            Self::Role => ("rbac.authorization.k8s.io", "v1", "Role", "roles"),
            Self::RoleBinding => (
                "rbac.authorization.k8s.io",
                "v1",
                "RoleBinding",
                "rolebindings",
            ),
            Self::Component => ("dapr.io", "v1alpha1", "Component", "components"),
            Self::Configuration => ("dapr.io", "v1alpha1", "Configuration", "configurations"),
            Self::Resiliency => ("dapr.io", "v1alpha1", "Resiliency", "resiliencies"),
            Self::Subscription => ("dapr.io", "v2alpha1", "Subscription", "subscriptions"),
            Self::Service => ("", "v1", "Service", "services"),
            Self::NetworkPolicy => (
                "networking.k8s.io",
                "v1",
                "NetworkPolicy",
                "networkpolicies",
            ),
            Self::Ingress => ("networking.k8s.io", "v1", "Ingress", "ingresses"),
            Self::HttpRoute => (GATEWAY_API, "v1", "HTTPRoute", "httproutes"),
            Self::Job => ("batch", "v1", "Job", "jobs"),
            Self::PodDisruptionBudget => (
                "policy",
                "v1",
                "PodDisruptionBudget",
                "poddisruptionbudgets",
            ),
            Self::Deployment => ("apps", "v1", "Deployment", "deployments"),
            Self::HorizontalPodAutoscaler => (
                "autoscaling",
                "v2",
                "HorizontalPodAutoscaler",
                "horizontalpodautoscalers",
            ),
        }
    }

    /// Its place in the API.
    pub fn resource(self) -> ApiResource {
        let (group, version, kind, plural) = self.parts();
        ApiResource {
            group: group.into(),
            version: version.into(),
            api_version: if group.is_empty() {
                version.into()
            } else {
                format!("{group}/{version}")
            },
            kind: kind.into(),
            plural: plural.into(),
        }
    }
}

/// An object, wanted or live.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The whole of it.
    pub body: Value,
}

impl Object {
    /// Makes a wanted object of everything but its type, which `kind` gives.
    pub fn new(kind: Kind, name: String, mut body: Value) -> Self {
        let resource = kind.resource();
        body["apiVersion"] = resource.api_version.into();
        body["kind"] = resource.kind.into();
        body["metadata"]["name"] = name.clone().into();
        let digest = digest([body.to_string()]);
        body["metadata"]["annotations"][ANNOTATION_APPLIED] = digest.into();
        Self { kind, name, body }
    }

    /// A field by its JSON pointer.
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        self.body.pointer(pointer)
    }

    /// The field as a number.
    pub fn number(&self, pointer: &str) -> Option<i64> {
        self.at(pointer).and_then(Value::as_i64)
    }

    /// The field as text.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.at(pointer).and_then(Value::as_str)
    }

    /// The controller is the object of this uid.
    pub fn is_controlled_by(&self, uid: &str) -> bool {
        self.at("/metadata/ownerReferences")
            .and_then(Value::as_array)
            .is_some_and(|owners| {
                owners
                    .iter()
                    .any(|owner| owner["uid"] == uid && owner["controller"].as_bool() == Some(true))
            })
    }

    /// `Deployment demo-gateway`.
    pub fn title(&self) -> String {
        format!("{} {}", self.kind.resource().kind, self.name)
    }

    /// It is on its way out.
    pub fn is_going(&self) -> bool {
        self.at("/metadata/deletionTimestamp").is_some()
    }
}

/// First 16 hex digits of a digest; enough to notice a change.
pub fn digest<T: AsRef<[u8]>>(parts: impl IntoIterator<Item = T>) -> String {
    use std::fmt::Write as _;
    let mut hash = Sha256::new();
    for part in parts {
        let part = part.as_ref();
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize()
        .iter()
        .take(8)
        .fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The live object has everything that the wanted one has. What the API server filled in, and what
/// others added beside it, does not count.
pub fn holds(live: &Value, wanted: &Value) -> bool {
    contains(live, wanted, false)
}

fn contains(live: &Value, wanted: &Value, quantity: bool) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => wanted.iter().all(|(key, wanted)| {
            let quantity = quantity || key == "resources";
            match live.get(key) {
                Some(live) => contains(live, wanted, quantity),
                None => is_void(wanted),
            }
        }),
        (Value::Array(live), Value::Array(wanted)) => contains_all(live, wanted, quantity),
        (Value::String(live), Value::String(wanted)) if quantity => {
            live == wanted || amount(live).is_some_and(|live| Some(live) == amount(wanted))
        }
        (live, wanted) => live == wanted,
    }
}

/// Lists of named things may hold more than ours, and several of one name; other lists must be equal in length.
fn contains_all(live: &[Value], wanted: &[Value], quantity: bool) -> bool {
    let named = |value: &Value| value.get("name").and_then(Value::as_str).map(str::to_owned);
    if wanted.iter().all(|item| named(item).is_some()) {
        return wanted.iter().all(|wanted| {
            live.iter()
                .any(|live| named(live) == named(wanted) && contains(live, wanted, quantity))
        });
    }
    live.len() == wanted.len()
        && live
            .iter()
            .zip(wanted)
            .all(|(live, wanted)| contains(live, wanted, quantity))
}

/// The API server drops what says nothing.
fn is_void(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_void),
        Value::Number(number) => number.as_i64() == Some(0),
    }
}

/// A quantity in thousandths of its unit: the API server writes `0.5` as `500m`.
fn amount(text: &str) -> Option<i128> {
    let split = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(split);
    let factor: i128 = match suffix {
        "m" => 1,
        "" => 1_000,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        "T" => 1_000_000_000_000_000,
        "Ki" => 1_000 << 10,
        "Mi" => 1_000 << 20,
        "Gi" => 1_000 << 30,
        "Ti" => 1_000 << 40,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: i128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let fraction: i128 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    whole
        .checked_mul(scale)?
        .checked_add(fraction)?
        .checked_mul(factor)
        .map(|thousandths| thousandths / scale)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_server_fills_in_is_no_difference() {
        let live = json!({"spec": {"replicas": 1, "paused": false,
            "containers": [{"name": "injected"}, {"name": "a", "image": "x", "terminationMessagePath": "/dev/x"}]}});
        let wanted = json!({"spec": {"replicas": 1, "containers": [{"name": "a", "image": "x"}]}});
        assert!(holds(&live, &wanted));
        assert!(!holds(&live, &json!({"spec": {"replicas": 2}})));
        assert!(!holds(
            &live,
            &json!({"spec": {"containers": [{"name": "a", "image": "y"}]}})
        ));
        assert!(!holds(
            &live,
            &json!({"spec": {"containers": [{"name": "b"}]}})
        ));
    }

    #[test]
    fn lists_without_names_are_compared_as_they_are() {
        assert!(!holds(
            &json!({"scopes": ["a", "b"]}),
            &json!({"scopes": ["a"]})
        ));
        assert!(holds(&json!({"scopes": ["a"]}), &json!({"scopes": ["a"]})));
    }

    /// Two listeners of one Gateway.
    #[test]
    fn several_may_have_one_name() {
        let refs = json!({"refs": [{"name": "a", "section": "b"}, {"name": "a", "section": "c"}]});
        assert!(holds(&refs, &refs));
        assert!(!holds(
            &refs,
            &json!({"refs": [{"name": "a", "section": "d"}]})
        ));
    }

    #[test]
    fn what_says_nothing_may_be_dropped() {
        assert!(holds(&json!({}), &json!({"a": [], "b": {"c": false}})));
        assert!(!holds(&json!({}), &json!({"a": "x"})));
    }

    #[test]
    fn equal_quantities_are_equal_however_they_are_written() {
        let resources = |cpu: &str| json!({"resources": {"requests": {"cpu": cpu}}});
        assert!(holds(&resources("500m"), &resources("0.5")));
        assert!(holds(&resources("1Gi"), &resources("1024Mi")));
        assert!(!holds(&resources("1G"), &resources("1Gi")));
        // Elsewhere text is text.
        assert!(!holds(&json!({"value": "1"}), &json!({"value": "1000m"})));
    }

    #[test]
    fn a_changed_wish_changes_the_digest() {
        let one = |replicas| {
            Object::new(
                Kind::Deployment,
                "a".into(),
                json!({"metadata": {}, "spec": {"replicas": replicas}}),
            )
        };
        assert_eq!(one(1), one(1));
        assert!(!holds(&one(1).body, &one(2).body));
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-z0-9.]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-z]{1,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn everything_holds_itself(value in value()) {
            prop_assert!(holds(&value, &value));
        }
    }
}
