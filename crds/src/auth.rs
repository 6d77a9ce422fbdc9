//! `spec.gateway.auth` of a TodoStack: who may use it, and for how long at a time.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::oidc::OidcProviderSpec;

/// Who may use the stack, and for how long at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthSpec {
    /// Who may make an account.
    #[serde(default)]
    pub sign_up: SignUpPolicy,
    /// Seconds for which an access token is valid: a session that was ended can read and write tasks for this long at most.
    #[serde(default = "default_access_token_seconds")]
    #[schemars(range(min = 60, max = 86_400))]
    pub access_token_seconds: i64,
    /// Issuers of OpenID Connect at which users may log in, beside their passwords.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(validation = Rule::new("self.all(one, self.exists_one(other, other.name == one.name))").message("each issuer needs a name of its own"))]
    pub oidc: Vec<OidcProviderSpec>,
}

impl Default for AuthSpec {
    fn default() -> Self {
        Self {
            sign_up: SignUpPolicy::default(),
            access_token_seconds: default_access_token_seconds(),
            oidc: Vec::new(),
        }
    }
}

fn default_access_token_seconds() -> i64 {
    900
}

/// Who may make an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SignUpPolicy {
    /// Anybody who reaches the gateway.
    #[default]
    Open,
    /// Nobody: the stack keeps the users that it has.
    Closed,
}

impl SignUpPolicy {
    /// As the gateway's setting spells it.
    pub fn as_setting(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}
