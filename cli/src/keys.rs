//! The secrets of `todostack dev`: made once, kept in the data folder, which only its owner can read.

use std::{fs, path::Path};

use anyhow::Context as _;
use domain::{web_push::VapidKey, webhook::Secret};
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
    /// Signs pushes to browsers. Absent in the files of earlier versions.
    #[serde(default)]
    pub(crate) vapid: String,
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
            let mut keys: Self =
                serde_json::from_str(&text).with_context(|| path.display().to_string())?;
            if keys.vapid.is_empty() {
                keys.vapid = vapid()?;
                keys.save(data_dir)?;
            }
            return Ok(keys);
        }
        let keys = Self {
            database_password: hex(&random()?),
            jwt: hex(&random()?),
            webhook: Secret::text(&random()?),
            demo_password: hex(&random()?[..8]),
            vapid: vapid()?,
        };
        keys.save(data_dir)?;
        Ok(keys)
    }

    fn save(&self, data_dir: &Path) -> anyhow::Result<()> {
        // A name of its own until it is whole: a run that is killed leaves no half file.
        let new = data_dir.join("keys.json.new");
        fs::write(&new, serde_json::to_vec_pretty(self)?)?;
        fs::rename(&new, data_dir.join(FILE))?;
        Ok(())
    }
}

fn vapid() -> anyhow::Result<String> {
    loop {
        // Of four thousand million random numbers, one is no key.
        if let Some(text) = VapidKey::text(&random()?) {
            return Ok(text);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_once_stays_and_what_an_earlier_version_lacked_is_added() {
        let folder = tempfile::tempdir().unwrap();
        let first = Keys::load(folder.path()).unwrap();
        VapidKey::parse(&first.vapid).unwrap();
        let path = folder.path().join(FILE);
        let mut old: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        old.as_object_mut().unwrap().remove("vapid").unwrap();
        fs::write(&path, old.to_string()).unwrap();
        let second = Keys::load(folder.path()).unwrap();
        assert_eq!(second.jwt, first.jwt);
        assert_ne!(second.vapid, first.vapid);
        assert_eq!(Keys::load(folder.path()).unwrap().vapid, second.vapid);
    }
}
