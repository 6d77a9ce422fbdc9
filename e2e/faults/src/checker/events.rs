//! Every event is in Kafka, each task's in order, and in the trail once.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{Rule, Verdict};
use crate::history::{History, Kind, Record};

/// Type of a line that tells of an alarm without effect: it is written without an event.
const STALE: &str = "reminder.stale";

pub(super) fn check(history: &History, verdict: &mut Verdict) {
    order(history, verdict);
    let published: HashSet<Uuid> = history.records.iter().map(|record| record.event).collect();
    let mut trail: HashMap<Uuid, &str> = HashMap::new();
    for line in &history.audit {
        if trail.insert(line.event, &line.kind).is_some() {
            let event = line.event;
            verdict.broken(Rule::WrongAudit, format!("event {event} is there twice"));
        }
    }
    let written: HashSet<Uuid> = history.outbox.iter().map(|row| row.event).collect();
    for row in &history.outbox {
        let (event, kind) = (row.event, &row.kind);
        if !row.published || !published.contains(&event) {
            verdict.broken(Rule::NotPublished, format!("{kind} {event}"));
        }
        match trail.get(&event) {
            None => verdict.broken(Rule::NotAudited, format!("{kind} {event}")),
            Some(noted) if noted != kind => verdict.broken(
                Rule::WrongAudit,
                format!("{kind} {event} is noted as {noted}"),
            ),
            Some(_) => {}
        }
    }
    for line in &history.audit {
        let known = written.contains(&line.event) || published.contains(&line.event);
        if !known && line.kind != STALE {
            let (event, kind) = (line.event, &line.kind);
            verdict.broken(
                Rule::WrongAudit,
                format!("{kind} {event} was never written"),
            );
        }
    }
    acknowledged(history, verdict);
}

/// An acknowledged write is an event, in Kafka and in the trail. A snooze is one of the reminder's.
fn acknowledged(history: &History, verdict: &mut Verdict) {
    let in_kafka: HashSet<(&str, i64)> = history
        .records
        .iter()
        .filter(|record| record.topic == "task-events")
        .filter_map(|record| Some((record.key.as_str(), record.version?)))
        .collect();
    let mut in_trail: HashMap<(&str, i64), usize> = HashMap::new();
    for line in &history.audit {
        if let (Some(version), true) = (line.version, line.kind.starts_with("task.")) {
            *in_trail.entry((&line.subject, version)).or_default() += 1;
        }
    }
    let acknowledged = history
        .writes
        .iter()
        .filter(|write| write.acknowledged.is_some() && write.kind != Kind::Snooze);
    for write in acknowledged {
        let Some(version) = write.version else {
            continue;
        };
        let subject = write.task.to_string();
        let what = format!("{:?} of task {subject}, version {version}", write.kind);
        if !in_kafka.contains(&(subject.as_str(), version)) {
            verdict.broken(Rule::NotPublished, what.clone());
        }
        match in_trail.get(&(subject.as_str(), version)) {
            None => verdict.broken(Rule::NotAudited, what),
            Some(1) => {}
            Some(lines) => verdict.broken(Rule::WrongAudit, format!("{what}: {lines} lines")),
        }
    }
}

/// The versions of a task ascend; a record that repeats an earlier one is a redelivery.
fn order(history: &History, verdict: &mut Verdict) {
    let mut records: Vec<&Record> = history.records.iter().collect();
    records.sort_by_key(|record| (&record.topic, record.partition, record.offset));
    let mut seen: HashSet<(&str, Uuid)> = HashSet::new();
    let mut places: HashMap<(&str, &str), (i32, i64)> = HashMap::new();
    for record in records {
        let key = (record.topic.as_str(), record.key.as_str());
        let (partition, highest) = places.entry(key).or_insert((record.partition, 0));
        if *partition != record.partition {
            verdict.broken(
                Rule::OutOfOrder,
                format!(
                    "{key:?} is in partitions {partition} and {}",
                    record.partition
                ),
            );
            continue;
        }
        if !seen.insert((record.topic.as_str(), record.event)) {
            verdict.redelivered += 1;
            continue;
        }
        if let Some(version) = record.version {
            if version <= *highest {
                verdict.broken(
                    Rule::OutOfOrder,
                    format!("{key:?}: version {version} comes after {highest}"),
                );
            }
            *highest = version.max(*highest);
        }
    }
}
