//! How the migration of the database is doing.

use std::time::Duration;

use k8s_openapi::{
    api::{batch::v1::Job, core::v1::Pod},
    jiff::Timestamp,
};
use kube::ResourceExt;

use super::{object::Kind, observe::Observed};

/// A failed one is tried again after this long; its Job has tried three times by then.
const RETRY: Duration = Duration::from_secs(30);

/// How the migration of the database is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Migration {
    /// Not begun.
    Absent,
    /// Under way; the message tells of the last attempt that failed.
    Running {
        /// Why the last attempt failed.
        trouble: Option<String>,
    },
    /// The database is as the image wants it.
    Done,
    /// The Job gave up.
    Failed {
        /// When.
        since: Timestamp,
        /// Why.
        message: String,
    },
}

impl Migration {
    /// Reads it off the Job of this name and its pods.
    pub fn of(observed: &Observed, name: &str) -> Self {
        let Some(object) = observed.find(Kind::Job, name) else {
            return Self::Absent;
        };
        let conditions = serde_json::from_value::<Job>(object.body.clone())
            .ok()
            .and_then(|job| job.status)
            .and_then(|status| status.conditions)
            .unwrap_or_default();
        let holds = |kind: &str| {
            conditions
                .iter()
                .find(|c| c.type_ == kind && c.status == "True")
        };
        let trouble = last_words(&observed.pods, name);
        if holds("Complete").is_some() {
            Self::Done
        } else if let Some(failed) = holds("Failed") {
            Self::Failed {
                since: failed
                    .last_transition_time
                    .as_ref()
                    .map_or(observed.now, |time| time.0),
                message: trouble
                    .or_else(|| failed.message.clone())
                    .unwrap_or_else(|| "no reason was given".into()),
            }
        } else {
            Self::Running { trouble }
        }
    }

    /// It has failed for long enough to be tried again.
    pub fn may_retry(since: Timestamp, now: Timestamp) -> bool {
        now.duration_since(since).unsigned_abs() >= RETRY
    }
}

/// What the newest pod of a Job said as it ended, or why it does not start.
fn last_words(pods: &[Pod], job: &str) -> Option<String> {
    pods.iter()
        .filter(|pod| {
            pod.labels()
                .get("batch.kubernetes.io/job-name")
                .map(String::as_str)
                == Some(job)
        })
        .filter_map(|pod| Some((pod.creation_timestamp()?.0, words(pod)?)))
        .max_by_key(|(created, _)| *created)
        .map(|(_, words)| words)
}

fn words(pod: &Pod) -> Option<String> {
    let state = pod
        .status
        .as_ref()?
        .container_statuses
        .as_ref()?
        .first()?
        .state
        .as_ref()?;
    if let Some(waiting) = &state.waiting {
        return super::pods::trouble(waiting);
    }
    let ended = state
        .terminated
        .as_ref()
        .filter(|ended| ended.exit_code != 0)?;
    let text = ended.message.as_deref().unwrap_or_default().trim();
    // The last line is the one that gave up: the innermost cause, which anyhow numbers.
    let line = text.lines().last().unwrap_or_default().trim();
    let line = line
        .split_once(": ")
        .filter(|(number, _)| number.chars().all(|c| c.is_ascii_digit()))
        .map_or(line, |(_, cause)| cause);
    Some(if line.is_empty() {
        format!("it ended with code {}", ended.exit_code)
    } else {
        line.chars().take(500).collect()
    })
}
