//! The secrets of `todostack dev`: made once, kept in the data folder, which only its owner can read.

use std::{fs, path::Path};

use anyhow::Context as _;
use domain::webhook::Secret;
use serde::{Deserialize, Serialize};

const FILE: &str = "keys.json";

/// The secrets.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Keys {
    /// Of the embedded database.
    pub(crate) database_password: String,
    /// Signs access tokens.
    pub(crate) jwt: String,
    /// Signs webhooks: `whsec_…`.
    pub(crate) webhook: String,
    /// Of the ready-made user.
    pub(crate) demo_password: String,
}

impl Keys {
    /// Reads them, or makes them.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub(crate) fn load(data_dir: &Path) -> anyhow::Result<Self> {
        let path = data_dir.join(FILE);
        if path.exists() {
            let text = fs::read_to_string(&path)?;
            return serde_json::from_str(&text).with_context(|| path.display().to_string());
        }
        let keys = Self {
            database_password: hex(&random()?),
            jwt: hex(&random()?),
            webhook: Secret::text(&random()?),
            demo_password: hex(&random()?[..8]),
        };
        // A name of its own until it is whole: a run that is killed leaves no half file.
        let new = data_dir.join("keys.json.new");
        fs::write(&new, serde_json::to_vec_pretty(&keys)?)?;
        fs::rename(&new, &path)?;
        Ok(keys)
    }
}

fn random() -> anyhow::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
