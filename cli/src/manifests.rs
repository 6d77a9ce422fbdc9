//! Reads the same manifests as `kubectl apply -f`: YAML documents of our three types.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use anyhow::{Context, bail};
use crds::{RecurringSchedule, ReminderJob, TodoStack};
use serde::Deserialize;

/// Keeps a copy of a file in the data folder, for a process that may read that folder only; its path.
///
/// # Errors
/// When the file cannot be read, or the copy not be written.
pub(crate) fn keep_copy(path: &Path, data_dir: &Path) -> anyhow::Result<String> {
    let copy = data_dir.join("manifests.yaml");
    fs::copy(path, &copy).with_context(|| format!("reading {}", path.display()))?;
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o644))?;
    Ok(copy.display().to_string())
}

/// What one file asks for.
#[derive(Debug)]
pub(crate) struct Manifests {
    /// The one stack.
    pub(crate) stack: TodoStack,
    /// Its schedules.
    pub(crate) schedules: Vec<RecurringSchedule>,
    /// Its reminders.
    pub(crate) reminders: Vec<ReminderJob>,
}

impl Manifests {
    /// Reads a file.
    ///
    /// # Errors
    /// Names the document and the field that cannot be read.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let (mut stacks, mut schedules, mut reminders) = (Vec::new(), Vec::new(), Vec::new());
        for (index, document) in serde_yaml::Deserializer::from_str(text).enumerate() {
            let place = || format!("document {}", index + 1);
            let value = serde_yaml::Value::deserialize(document).with_context(place)?;
            if value.is_null() {
                continue;
            }
            let field = |name: &str| value.get(name).and_then(|v| v.as_str()).unwrap_or_default();
            let (version, kind) = (field("apiVersion").to_owned(), field("kind").to_owned());
            match (version.as_str(), kind.as_str()) {
                ("todostack.dev/v1alpha1", "TodoStack") => stacks.push(read(value, place)?),
                ("todostack.dev/v1alpha1", "RecurringSchedule") => {
                    schedules.push(read(value, place)?);
                }
                ("todostack.dev/v1alpha1", "ReminderJob") => reminders.push(read(value, place)?),
                _ => bail!(
                    "{}: apiVersion {version:?}, kind {kind:?}: `todostack dev` reads TodoStack, \
                     RecurringSchedule and ReminderJob of todostack.dev/v1alpha1",
                    place()
                ),
            }
        }
        let stack: TodoStack = match stacks.len() {
            1 => stacks.remove(0),
            n => bail!("{n} documents of kind TodoStack; there must be exactly one"),
        };
        let name = stack.metadata.name.clone().unwrap_or_default();
        let references = schedules
            .iter()
            .map(|s: &RecurringSchedule| &s.spec.stack_ref)
            .chain(reminders.iter().map(|r: &ReminderJob| &r.spec.stack_ref));
        for reference in references {
            if reference.name != name {
                bail!(
                    "spec.stackRef.name: {:?} is not the TodoStack of this file, {name:?}",
                    reference.name
                );
            }
        }
        Ok(Self {
            stack,
            schedules,
            reminders,
        })
    }
}

fn read<T: serde::de::DeserializeOwned>(
    value: serde_yaml::Value,
    place: impl Fn() -> String,
) -> anyhow::Result<T> {
    serde_yaml::from_value(value).with_context(&place)
}
