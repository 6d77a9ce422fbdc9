//! How users reach a stack, and whom its pods may talk to.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::workload::terse;

/// An Ingress to the gateway, and to the sync service for `/v1/stream` and `/v1/ws`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngressSpec {
    /// Hosts, such as `todo.example.com`.
    #[schemars(
        length(min = 1, max = 20),
        inner(
            length(max = 253),
            regex(
                pattern = "^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
            )
        )
    )]
    pub hosts: Vec<String>,
    /// IngressClass; absent: the cluster's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class_name: Option<String>,
    /// Annotations, for the controller of the class.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50))]
    #[x_kube(validation = Rule::new("self.all(key, !key.startsWith('todostack.dev/') && !(key in ['cert-manager.io/issuer', 'cert-manager.io/cluster-issuer']))").message("ingress.annotations cannot set what the operator sets: keys that begin with todostack.dev/, and cert-manager's issuer, for which there is certManager"))]
    pub annotations: BTreeMap<String, String>,
    /// Secret of the type kubernetes.io/tls with the certificate of the hosts. Absent: `<stack>-gateway-tls` with `certManager`, no TLS without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub tls_secret_name: Option<String>,
    /// Has cert-manager make the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_manager: Option<CertManagerSpec>,
}

/// Has cert-manager make a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertManagerSpec {
    /// Who issues it.
    pub issuer_ref: IssuerRef,
}

/// An issuer of cert-manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssuerRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its kind.
    #[serde(default)]
    pub kind: IssuerKind,
}

/// Kinds of cert-manager's issuers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IssuerKind {
    /// One of this namespace.
    #[default]
    Issuer,
    /// One of the cluster.
    ClusterIssuer,
}

/// An HTTPRoute of the Gateway API to the gateway, and to the sync service for `/v1/stream` and `/v1/ws`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteSpec {
    /// Gateways, or listeners of them, that are to take it.
    #[schemars(length(min = 1, max = 32))]
    pub parent_refs: Vec<ParentRef>,
    /// Hosts, such as `todo.example.com`; absent: those of the listeners.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        inner(
            length(max = 253),
            regex(
                pattern = "^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
            )
        )
    )]
    pub hostnames: Vec<String>,
    /// How long a live update may last, such as `1h`, or `0s` for ever; absent: as the Gateway has it. Not every implementation of the Gateway API knows timeouts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^([0-9]{1,5}(h|m|s|ms)){1,4}$"))]
    pub stream_timeout: Option<String>,
}

/// What takes a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParentRef {
    /// Group of its kind; absent: `gateway.networking.k8s.io`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub group: Option<String>,
    /// Its kind; absent: `Gateway`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub kind: Option<String>,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its namespace; absent: the stack's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// Its listener of this name; absent: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub section_name: Option<String>,
    /// Its listeners on this port; absent: on any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_535))]
    pub port: Option<i32>,
}

/// NetworkPolicies that let through what docs/architecture.md says and nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkPolicySpec {
    /// Make them; the cluster's network must enforce them.
    pub enabled: bool,
    /// Who may call the gateway and the sync service, such as the pods of an Ingress controller; absent: anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 50), transform = terse)]
    pub gateway_from: Option<Vec<NetworkPolicyPeer>>,
    /// Who may read metrics, such as the pods of Prometheus; absent: anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 50), transform = terse)]
    pub metrics_from: Option<Vec<NetworkPolicyPeer>>,
    /// Namespace of Dapr's control plane.
    #[schemars(length(min = 1, max = 63))]
    pub dapr_namespace: String,
    /// More TCP ports that pods may connect to anywhere, beside those of the database's URL and of the brokers: those that the brokers name to their clients, where they are others; of a proxy; of a collector of traces; of the API server, where it is none of 443 and 6443.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(range(min = 1, max = 65_535)))]
    pub extra_egress_ports: Vec<i32>,
}

impl Default for NetworkPolicySpec {
    fn default() -> Self {
        Self {
            enabled: false,
            gateway_from: None,
            metrics_from: None,
            dapr_namespace: "dapr-system".into(),
            extra_egress_ports: Vec::new(),
        }
    }
}
