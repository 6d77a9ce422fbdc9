//! `spec.gateway.auth.oidc` of a TodoStack: issuers at which users may log in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{auth::SignUpPolicy, shared::SecretKeyRef};

/// An issuer of OpenID Connect. Register the stack there as a web application with the redirect URI `https://<address of the gateway>/login`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OidcProviderSpec {
    /// Its name in paths.
    #[schemars(length(min = 1, max = 30), regex(pattern = "^[a-z][a-z0-9-]*$"))]
    pub name: String,
    /// What users read; absent: the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 60))]
    pub title: Option<String>,
    /// Its issuer URL, exactly as it writes it itself: what `/.well-known/openid-configuration` below it has as `issuer`.
    #[schemars(length(min = 9, max = 500), regex(pattern = "^https://[^\\s?#]+$"))]
    pub issuer: String,
    /// The stack's client id there.
    #[schemars(length(min = 1, max = 255))]
    pub client_id: String,
    /// Secret key that holds the stack's client secret there; absent: the stack is a public client, which PKCE alone protects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_ref: Option<SecretKeyRef>,
    /// Scopes that are asked for beside `openid` and `email`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 100)))]
    pub scopes: Vec<String>,
    /// Each address that it tells counts as verified, also where it does not say so: for an issuer of your own whose addresses users cannot choose.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trust_email: bool,
    /// Who gets an account by logging in there for the first time; absent: as `signUp` says for everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_up: Option<SignUpPolicy>,
}

impl OidcProviderSpec {
    /// The environment variable in which the gateway finds its client secret, if it has one.
    pub fn secret_variable(&self) -> Option<String> {
        let name = self.name.to_uppercase().replace('-', "_");
        let has_one = self.client_secret_ref.is_some();
        has_one.then(|| format!("TODOSTACK_OIDC_SECRET_{name}"))
    }

    /// As the gateway's setting has it.
    pub fn as_setting(&self) -> Value {
        let mut setting = json!({
            "name": self.name,
            "issuer": self.issuer,
            "clientId": self.client_id,
            "scopes": self.scopes,
            "trustEmail": self.trust_email,
        });
        let optional = [
            ("title", self.title.clone()),
            (
                "signUp",
                self.sign_up.map(|policy| policy.as_setting().into()),
            ),
            ("clientSecretVariable", self.secret_variable()),
        ];
        for (field, value) in optional {
            if let Some(value) = value {
                setting[field] = value.into();
            }
        }
        setting
    }
}
