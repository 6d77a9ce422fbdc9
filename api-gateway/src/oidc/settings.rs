//! The issuers as the gateway's settings name them.

use std::collections::HashSet;

use anyhow::{Context as _, ensure};
use openidconnect::{ClientId, ClientSecret, IssuerUrl, Scope};
use serde::Deserialize;

use crate::state::SignUp;

/// Most bytes of a name.
const NAME_MOST: usize = 30;

/// An issuer at which users may log in.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ProviderSettings {
    /// Its name in paths: small letters, digits and hyphens, a letter first.
    pub(crate) name: String,
    /// What users read; absent: the name.
    #[serde(default)]
    pub(crate) title: Option<String>,
    /// Its issuer URL: what it has as `iss`, and where discovery begins.
    pub(crate) issuer: IssuerUrl,
    /// The stack's name there.
    pub(crate) client_id: ClientId,
    /// The environment variable that holds the stack's secret there; none: the stack is a public client there.
    #[serde(default)]
    client_secret_variable: Option<String>,
    /// The secret.
    #[serde(skip)]
    pub(crate) client_secret: Option<ClientSecret>,
    /// Asked for beside `openid` and `email`.
    #[serde(default)]
    pub(crate) scopes: Vec<Scope>,
    /// Its addresses count as verified, also where it does not say so of each.
    #[serde(default)]
    pub(crate) trust_email: bool,
    /// Who gets an account by logging in there; absent: as for everybody else.
    #[serde(default)]
    pub(crate) sign_up: Option<SignUp>,
}

impl ProviderSettings {
    /// What users read.
    pub(crate) fn title(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }
}

/// Reads a JSON array.
pub(super) fn read(
    text: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Vec<ProviderSettings>> {
    let mut all: Vec<ProviderSettings> =
        serde_json::from_str(text).context("the issuers of OpenID Connect")?;
    let mut names = HashSet::new();
    for one in &mut all {
        let name = &one.name;
        ensure!(
            is_name(name),
            "the name {name:?} of an issuer must be small letters, digits and hyphens, a letter first, {NAME_MOST} at most"
        );
        ensure!(names.insert(name.clone()), "two issuers are named {name:?}");
        ensure!(
            matches!(one.issuer.url().scheme(), "https" | "http"),
            "the issuer {:?} must be an https URL",
            one.issuer.as_str()
        );
        if let Some(named) = &one.client_secret_variable {
            let secret = variable(named).with_context(|| format!("{named} is not set"))?;
            one.client_secret = Some(ClientSecret::new(secret));
        }
    }
    Ok(all)
}

fn is_name(name: &str) -> bool {
    name.len() <= NAME_MOST
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str) -> anyhow::Result<Vec<ProviderSettings>> {
        read(text, |name| (name == "WORK").then(|| "hush".into()))
    }

    #[test]
    fn an_issuer_is_read_with_its_secret() {
        let text = r#"[{"name": "work", "title": "Work", "issuer": "https://id.example.com",
            "clientId": "todo", "clientSecretVariable": "WORK", "signUp": "open"},
            {"name": "other-2", "issuer": "https://other.example.com/realms/x", "clientId": "todo"}]"#;
        let read = reads(text).unwrap();
        assert_eq!(read[0].title(), "Work");
        assert_eq!(read[0].client_secret.as_ref().unwrap().secret(), "hush");
        assert_eq!(read[0].sign_up, Some(SignUp::Open));
        assert_eq!(read[1].title(), "other-2");
        assert!(read[1].client_secret.is_none());
        // Logs may have the settings, and never the secret.
        assert!(!format!("{read:?}").contains("hush"));
    }

    #[test]
    fn what_cannot_be_an_issuer_is_refused_by_name() {
        let one = |name: &str, issuer: &str| {
            format!(r#"{{"name": "{name}", "issuer": "{issuer}", "clientId": "todo"}}"#)
        };
        let good = one("work", "https://id.example.com");
        for (text, says) in [
            (format!("[{good}, {good}]"), "two issuers are named"),
            (
                format!("[{}]", one("Work", "https://a.example")),
                "\"Work\"",
            ),
            (format!("[{}]", one("", "https://a.example")), "\"\""),
            (format!("[{}]", one("work", "ftp://a.example")), "https URL"),
            ("{}".into(), "the issuers"),
            (
                format!(
                    "[{}]",
                    good.replace('}', r#", "clientSecretVariable": "GONE"}"#)
                ),
                "GONE is not set",
            ),
        ] {
            let error = format!("{:#}", reads(&text).unwrap_err());
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
