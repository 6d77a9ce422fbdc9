//! `spec.gateway.auth` of a TodoStack: who may use it, and for how long at a time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who may use the stack, and for how long at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthSpec {
    /// Who may make an account.
    pub sign_up: SignUpPolicy,
    /// Seconds for which an access token is valid: a session that was ended can read and write tasks for this long at most.
    #[schemars(range(min = 60, max = 86_400))]
    pub access_token_seconds: i64,
}

impl Default for AuthSpec {
    fn default() -> Self {
        Self {
            sign_up: SignUpPolicy::default(),
            access_token_seconds: 900,
        }
    }
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
