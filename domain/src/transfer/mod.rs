//! Tasks in files, to be taken from one account to another and from other programs: what is written by an
//! export and read by an import. `docs/import.md` tells the formats.
//!
//! What is read is not checked against the limits of a task, and knows nothing of the account that it goes to:
//! whoever imports it does both. What cannot be read is never left out without a [`Remark`].

pub mod csv;
mod entry;
pub mod ics;
pub mod json;
pub mod todoist;
mod tree;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

pub use entry::{Entry, Followed, ProjectEntry};
pub(crate) use ics::Extra;
pub use tree::{Node, tree};

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// See [`json`].
    Json,
    /// See [`csv`].
    Csv,
    /// See [`ics`].
    Ics,
    /// See [`todoist`].
    TodoistCsv,
}

impl Format {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Json, Self::Csv, Self::Ics, Self::TodoistCsv];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Ics => "ics",
            Self::TodoistCsv => "todoist-csv",
        }
    }

    /// The one of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }

    /// Reads a file of a user in `zone`. What it says of days to come is read as of `now`.
    ///
    /// # Errors
    /// Where it is no file of this format, or too long.
    pub fn read(self, text: &str, zone: Tz, now: DateTime<Utc>) -> Result<File, Unreadable> {
        // Spreadsheets begin UTF-8 with a mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match self {
            Self::Json => json::read(text),
            Self::Csv => csv::read(text),
            Self::Ics => ics::read(text, zone, now),
            Self::TodoistCsv => todoist::read(text, zone, now),
        }
    }

    /// What of an account's tasks and projects a file of this format does not hold.
    pub fn left_out(self) -> &'static [&'static str] {
        match self {
            Self::Json => &["reminders.channels"],
            Self::Csv | Self::Ics | Self::TodoistCsv => {
                &["reminders.channels", "projects.empty", "projects.order"]
            }
        }
    }
}

/// Bytes of a file, at most.
pub const BYTES: usize = 10 * 1024 * 1024;

/// Tasks of a file, at most.
pub const TASKS: usize = 10_000;

/// Remarks on a file that are told one by one; the rest is counted.
pub const REMARKS: usize = 1_000;

/// What a file holds.
#[derive(Debug, Default, PartialEq)]
pub struct File {
    /// The projects that its tasks belong to.
    pub projects: Vec<ProjectEntry>,
    /// Its tasks, each with its line.
    pub tasks: Vec<(u32, Entry)>,
    /// What of it is not taken, or not as it stands there.
    pub remarks: Vec<Remark>,
    /// What its tasks are named by means nothing outside of it.
    pub names_are_its_own: bool,
    /// Lines that are not taken as tasks, those that no remark was left for included.
    pub refused: u32,
}

/// What is to be said of a line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Remark {
    /// The line, from 1; of JSON the how-manieth task.
    pub line: u32,
    /// No task comes of it. Otherwise one does, but for what the remark says.
    pub refused: bool,
    /// What is wrong, and what was done about it.
    pub detail: String,
}

/// Why a file cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

impl File {
    /// The number of the project that a task says it is in: one that is archived is another one than one that
    /// is not.
    fn project(
        &mut self,
        known: &mut HashMap<(String, bool), usize>,
        entry: ProjectEntry,
    ) -> usize {
        let next = self.projects.len();
        let key = (crate::project::name_key(&entry.name), entry.archived);
        let number = *known.entry(key).or_insert(next);
        match self.projects.get_mut(number) {
            None => self.projects.push(entry),
            // Somebody has given the colour in one line only.
            Some(project) if project.color.is_none() => project.color = entry.color,
            Some(_) => {}
        }
        number
    }

    /// Notes that no task comes of a line.
    pub fn refuse(&mut self, line: u32, detail: impl Into<String>) {
        self.refused = self.refused.saturating_add(1);
        self.say(line, true, detail.into());
    }

    /// Notes what of a line is not taken.
    pub fn note(&mut self, line: u32, detail: impl Into<String>) {
        self.say(line, false, detail.into());
    }

    fn say(&mut self, line: u32, refused: bool, detail: String) {
        if self.remarks.len() < REMARKS {
            self.remarks.push(Remark {
                line,
                refused,
                detail: short(&detail, 300),
            });
        }
    }

    /// Takes a task, unless there are too many.
    fn take(&mut self, line: u32, entry: Entry) -> Result<(), Unreadable> {
        if self.tasks.len() >= TASKS {
            return Err(Unreadable(format!("holds more than {TASKS} tasks")));
        }
        self.tasks.push((line, entry));
        Ok(())
    }
}

/// At most `most` characters of a text: a remark does not repeat the file.
fn short(text: &str, most: usize) -> String {
    let mut shown: String = text.chars().take(most).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// What a file says, within a remark.
fn quoted(text: &str) -> String {
    format!("`{}`", short(text, 80))
}
