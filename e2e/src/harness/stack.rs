//! Names of the stack of `examples/todostack.yaml` and of the operator, and what they are made of.

/// Namespace of the stack.
pub const NAMESPACE: &str = "default";
/// Name of the stack.
pub const STACK: &str = "demo";
/// Namespace of the operator.
pub const OPERATOR_NAMESPACE: &str = "todostack-system";
/// Namespace of Dapr's control plane.
pub const DAPR_NAMESPACE: &str = "dapr-system";
/// Helm release and Deployment of the operator.
pub const OPERATOR: &str = "todostack-operator";
/// What the names of the stack's topics begin with.
pub const TOPIC_PREFIX: &str = "default.demo.";
/// Its roles, a Deployment each, see docs/architecture.md.
pub const ROLES: [&str; 7] = [
    "gateway",
    "relay",
    "reminders",
    "recurrence",
    "notifications",
    "audit",
    "sync",
];

/// Label selector of the pods of a role.
pub(crate) fn selector(role: &str) -> String {
    format!("app.kubernetes.io/instance={STACK},app.kubernetes.io/component={role}")
}
