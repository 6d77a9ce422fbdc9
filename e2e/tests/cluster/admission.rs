//! Step 8: what is wrong with a manifest is said at once, by field.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, ensure};

use crate::world::{World, in_seconds, reminder_job, unique};

/// Each manifest of `e2e/manifests/bad` is refused with the text of its first line.
pub(crate) async fn bad_manifests(world: &World) -> Result<()> {
    let folder = world.cluster.settings.root.join("e2e/manifests/bad");
    let files = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut files: Vec<PathBuf> = files.map(|file| Ok(file?.path())).collect::<Result<_>>()?;
    files.sort();
    for kind in ["todo-stack", "recurring-schedule", "reminder-job"] {
        let of_kind = |file: &&PathBuf| {
            file.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(kind))
        };
        ensure!(
            files.iter().any(|file| of_kind(&file)),
            "there is no bad {kind}"
        );
    }
    for file in files {
        let manifest = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let expected = manifest
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# expect: "));
        let expected = expected.with_context(|| format!("{} expects nothing", file.display()))?;
        let ran = world
            .cluster
            .try_kubectl(["apply", "-f", "-"], Some(&manifest))
            .await?;
        ensure!(
            !ran.success,
            "{} was accepted: {}",
            file.display(),
            ran.stdout
        );
        ensure!(
            ran.stderr.contains(expected),
            "the refusal of {} does not name {expected}: {}",
            file.display(),
            ran.stderr
        );
    }
    Ok(())
}

/// What a ReminderJob says cannot be changed; its time can.
pub(crate) async fn immutable_fields(world: &World) -> Result<()> {
    let name = unique("immutable");
    world
        .cluster
        .apply_text(&reminder_job(&name, in_seconds(3600), "first"))
        .await?;
    let changed = reminder_job(&name, in_seconds(3600), "second");
    let ran = world
        .cluster
        .try_kubectl(["apply", "-f", "-"], Some(&changed))
        .await?;
    let outcome = if ran.success {
        Err(anyhow::anyhow!("a changed message was accepted"))
    } else if ran.stderr.contains("spec.message") && ran.stderr.contains("immutable") {
        world
            .cluster
            .apply_text(&reminder_job(&name, in_seconds(7200), "first"))
            .await
    } else {
        Err(anyhow::anyhow!(
            "the refusal does not say that spec.message is immutable: {}",
            ran.stderr
        ))
    };
    // Its stack is gone, or never was: deleting it must work all the same.
    world.delete_reminder_job(&name).await?;
    outcome
}
