//! The ReminderJobs of a schedule: their names and what they hold. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use crds::{
    LABEL_ORIGIN, LABEL_SCHEDULE, LABEL_STACK, OccurrenceTask, RecurringSchedule, ReminderJob,
    ReminderJobSpec, ReminderPhase,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{ResourceExt, api::ObjectMeta};
use sha2::{Digest, Sha256};

/// Value of the label `todostack.dev/origin` on them.
pub const ORIGIN: &str = "schedule";
/// Annotation of a missed one that `status.missed` has counted.
pub const COUNTED: &str = "todostack.dev/counted";

/// What a name can be at most, and what of it the occurrence and the offset take.
const NAME_MOST: usize = 253;
const SUFFIX_MOST: usize = 24;
/// What a label's value can be at most.
const LABEL_MOST: usize = 63;

/// How long before the occurrence each reminder comes, longest first; at least one.
pub fn offsets(schedule: &RecurringSchedule) -> Vec<Duration> {
    let mut seconds = schedule
        .spec
        .reminder
        .as_ref()
        .map(|reminder| reminder.before_seconds.clone())
        .unwrap_or_default();
    seconds.sort_unstable_by(|a, b| b.cmp(a));
    seconds.dedup();
    if seconds.is_empty() {
        seconds.push(0);
    }
    seconds.into_iter().map(Duration::seconds).collect()
}

/// Name of the ReminderJob of one reminder: `<schedule>-<occurrence>`, and the offset behind it where
/// an occurrence has several.
pub fn name(schedule: &str, occurrence: DateTime<Utc>, offset: Duration, several: bool) -> String {
    let stem = shortened(schedule, NAME_MOST - SUFFIX_MOST);
    let epoch = occurrence.timestamp();
    if several {
        format!("{stem}-{epoch}-{}", offset.num_seconds())
    } else {
        format!("{stem}-{epoch}")
    }
}

/// The occurrence that a ReminderJob stands for, from its name.
pub fn occurrence(schedule: &str, job: &ReminderJob) -> Option<DateTime<Utc>> {
    let name = job.name_any();
    let rest = name
        .strip_prefix(&shortened(schedule, NAME_MOST - SUFFIX_MOST))?
        .strip_prefix('-')?;
    let epoch = rest.split_once('-').map_or(rest, |(epoch, _)| epoch);
    DateTime::from_timestamp(epoch.parse().ok()?, 0)
}

/// Value of the label that names the schedule.
pub fn label(schedule: &str) -> String {
    shortened(schedule, LABEL_MOST)
}

/// The text itself where it is short enough, else its beginning and a hash of all of it.
fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.into();
    }
    let hash: String = Sha256::digest(text.as_bytes())
        .iter()
        .take(5)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    // Names of objects are ASCII.
    let stem: String = text.chars().take(most - hash.len() - 1).collect();
    format!("{}-{hash}", stem.trim_end_matches(['-', '.']))
}

/// The ReminderJob of one reminder of one occurrence.
pub fn job(
    schedule: &RecurringSchedule,
    occurrence: DateTime<Utc>,
    offset: Duration,
    several: bool,
) -> ReminderJob {
    let spec = &schedule.spec;
    let reminder = spec.reminder.clone().unwrap_or_default();
    let title = spec.task_template.as_ref().map(|task| task.title.clone());
    ReminderJob {
        metadata: ObjectMeta {
            name: Some(name(&schedule.name_any(), occurrence, offset, several)),
            namespace: schedule.namespace(),
            labels: Some(BTreeMap::from([
                (LABEL_ORIGIN.into(), ORIGIN.into()),
                (LABEL_SCHEDULE.into(), label(&schedule.name_any())),
                (LABEL_STACK.into(), spec.stack_ref.name.clone()),
                (
                    "app.kubernetes.io/managed-by".into(),
                    crds::FIELD_MANAGER.into(),
                ),
            ])),
            owner_references: Some(vec![OwnerReference {
                api_version: "todostack.dev/v1alpha1".into(),
                kind: "RecurringSchedule".into(),
                name: schedule.name_any(),
                uid: schedule.uid().unwrap_or_default(),
                controller: Some(true),
                block_owner_deletion: None,
            }]),
            ..ObjectMeta::default()
        },
        spec: ReminderJobSpec {
            stack_ref: spec.stack_ref.clone(),
            fire_at: occurrence - offset,
            // Admission asks for one of the two.
            message: reminder.message.or(title).unwrap_or_default(),
            task_ref: None,
            task_template: spec.task_template.clone().map(|template| OccurrenceTask {
                template,
                occurrence: Some(occurrence),
                time_zone: Some(spec.schedule.time_zone.clone()),
            }),
            channels: reminder.channels,
            suspend: spec.suspend,
            deadline_seconds: spec.starting_deadline_seconds,
            catch_up: Some(spec.catch_up),
            delay_seconds: jitter(schedule, occurrence),
            ttl_seconds_after_finished: None,
        },
        status: None,
    }
}

/// By how many seconds an occurrence fires after its time: the same whenever it is asked, the same for all
/// its reminders, spread evenly from none to `spec.jitterSeconds`.
pub fn jitter(schedule: &RecurringSchedule, occurrence: DateTime<Utc>) -> Option<i64> {
    let most = u64::try_from(schedule.spec.jitter_seconds)
        .ok()
        .filter(|most| *most > 0)?;
    let seed = format!(
        "{}/{}",
        schedule.uid().unwrap_or_default(),
        occurrence.timestamp()
    );
    let digest: [u8; 32] = Sha256::digest(seed.as_bytes()).into();
    let (head, _) = digest.split_first_chunk::<8>()?;
    // 2^64 is so far above a day of seconds that the remainder prefers none.
    i64::try_from(u64::from_be_bytes(*head) % (most + 1)).ok()
}

/// What of a ReminderJob can be changed while it waits; the rest asks for another one.
pub fn can_become(old: &ReminderJobSpec, new: &ReminderJobSpec) -> bool {
    let mut changed = new.clone();
    changed.fire_at = old.fire_at;
    changed.suspend = old.suspend;
    changed.deadline_seconds = old.deadline_seconds;
    changed.catch_up = old.catch_up;
    changed.delay_seconds = old.delay_seconds;
    changed.ttl_seconds_after_finished = old.ttl_seconds_after_finished;
    changed == *old
}

/// It has not fired, and nothing has ended it.
pub fn is_waiting(job: &ReminderJob) -> bool {
    matches!(
        phase(job),
        None | Some(ReminderPhase::Pending | ReminderPhase::Scheduled)
    )
}

/// Its phase, once it has one.
pub fn phase(job: &ReminderJob) -> Option<ReminderPhase> {
    job.status.as_ref().and_then(|status| status.phase)
}

/// It belongs to this schedule, not to an earlier one of the same name.
pub fn is_of(job: &ReminderJob, schedule: &RecurringSchedule) -> bool {
    let uid = schedule.uid();
    job.owner_references()
        .iter()
        .any(|owner| owner.controller == Some(true) && Some(&owner.uid) == uid.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_stays_unique_and_short_enough() {
        let at = DateTime::from_timestamp(253_402_300_799, 0).unwrap();
        let before = Duration::seconds(31_536_000);
        let a = name(&format!("{}a", "x".repeat(252)), at, before, true);
        let b = name(&format!("{}b", "x".repeat(252)), at, before, true);
        assert_ne!(a, b);
        assert!(a.len() <= NAME_MOST, "{}", a.len());
        assert!(label(&"x".repeat(100)).len() <= LABEL_MOST);
        assert_eq!(label("standup"), "standup");
    }

    #[test]
    fn the_occurrence_can_be_read_back_from_the_name() {
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for schedule in ["a", "a-1", &"y".repeat(240)] {
            for several in [false, true] {
                let mut job = ReminderJob::new("", serde_json::from_str(SPEC).unwrap());
                job.metadata.name = Some(name(schedule, at, Duration::seconds(60), several));
                assert_eq!(occurrence(schedule, &job), Some(at));
            }
        }
    }

    const SPEC: &str =
        r#"{"stackRef": {"name": "demo"}, "fireAt": "2027-01-01T00:00:00Z", "message": "m"}"#;
}
