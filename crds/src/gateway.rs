//! The gateway of a stack, as its spec has it.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    auth::AuthSpec,
    network::{HttpRouteSpec, IngressSpec},
    workload::WorkloadSpec,
};

/// The REST gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GatewaySpec {
    /// Its size, and where and how its pods run.
    #[serde(flatten)]
    pub workload: WorkloadSpec,
    /// Networks of the ingress or load balancer in front of it, such as `10.0.0.0/8`: from them, and from nobody else, a `Forwarded` or `X-Forwarded-For` header names the client, by whose address log-ins are limited. Absent: all users behind a proxy share one limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 43)))]
    #[x_kube(validation = Rule::new("self.all(net, isCIDR(net))").message("trustedProxies must be networks such as 10.0.0.0/8 or fd00::/8"))]
    pub trusted_proxies: Vec<String>,
    /// Origins whose web pages may call the gateway from a browser, as browsers write them: `https://app.example.com`. Absent: those of the gateway's own address only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 200)))]
    #[x_kube(validation = Rule::new("self.all(one, one.matches('^https?://([a-z0-9.-]+|\\\\[[0-9a-f:.]+\\\\])(:[0-9]{1,5})?$') && !one.matches('^(https://.*:443|http://.*:80)$'))").message("allowedOrigins must be origins such as https://app.example.com: scheme, host in small letters, the port where it is not the scheme's own, no path and no pattern"))]
    pub allowed_origins: Vec<String>,
    /// How many requests may be made. Absent: any number; log-ins and sign-ups are limited all the same.
    #[serde(default, skip_serializing_if = "RateLimitsSpec::is_empty")]
    pub rate_limits: RateLimitsSpec,
    /// Who may use the stack, and for how long at a time. The annotation `todostack.dev/rotate-jwt-key` of the TodoStack rotates the key of access tokens, each time that its value changes.
    #[serde(default)]
    pub auth: AuthSpec,
    /// Makes an Ingress; see `trustedProxies` and `notifications.publicUrl` too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<IngressSpec>,
    /// Makes an HTTPRoute, where the cluster has the Gateway API; see `trustedProxies` and `notifications.publicUrl` too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_route: Option<HttpRouteSpec>,
}

/// How many requests may be made, over all gateways of the stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimitsSpec {
    /// By each user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<RateLimitSpec>,
    /// From each address, without a valid token; see also `trustedProxies`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<RateLimitSpec>,
}

impl RateLimitsSpec {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// At most so many requests in so much time: as many at once, and evenly as many again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimitSpec {
    /// Requests.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub requests: i32,
    /// Seconds in which they may be made.
    #[serde(default = "default_seconds")]
    #[schemars(range(min = 1, max = 86_400))]
    pub seconds: i32,
}

impl RateLimitSpec {
    /// As the gateway's settings have it: `600/60`.
    pub fn as_setting(&self) -> String {
        format!("{}/{}", self.requests, self.seconds)
    }
}

fn default_seconds() -> i32 {
    60
}
