//! A clock that can be stepped, by libfaketime: it reads the offset from a file.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use super::Part;

/// Seconds for which libfaketime remembers what the file said.
const CACHE: &str = "1";

/// Gives a part a clock of its own.
///
/// # Errors
/// When libfaketime is not installed.
pub(super) fn of(part: Part, folder: &Path) -> Result<Part> {
    step(folder, 0)?;
    let library = library().context("libfaketime is missing: apt-get install faketime")?;
    Ok(part
        .env("LD_PRELOAD", library)
        .env("FAKETIME_TIMESTAMP_FILE", file(folder))
        .env("FAKETIME_CACHE_DURATION", CACHE)
        // Timers go by this one, which no step of a clock moves.
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1"))
}

/// Puts the clock off by so many milliseconds.
pub(super) fn step(folder: &Path, milliseconds: i64) -> Result<()> {
    let sign = if milliseconds < 0 { '-' } else { '+' };
    let (seconds, rest) = (
        milliseconds.unsigned_abs() / 1000,
        milliseconds.unsigned_abs() % 1000,
    );
    let whole = file(folder);
    // Never read half: the file is there or not yet.
    fs::write(
        format!("{whole}.new"),
        format!("{sign}{seconds}.{rest:03}\n"),
    )?;
    fs::rename(format!("{whole}.new"), whole).context("step a clock")
}

fn file(folder: &Path) -> String {
    folder.join("clock").display().to_string()
}

fn library() -> Option<String> {
    let folders = fs::read_dir("/usr/lib").ok()?;
    folders
        .flatten()
        .map(|entry| entry.path().join("faketime/libfaketime.so.1"))
        .find(|path| path.exists())
        .map(|path| path.display().to_string())
}
