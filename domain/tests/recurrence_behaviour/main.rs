//! What a series does: month ends, zones, exceptions, cron, completion, words, wire form.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod completion;
mod cron;
mod exceptions;
mod month_end;
mod text;
mod words;
mod zones;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::recurrence::{
    Basis, Late, MAX_OPEN_INSTANCES, MonthEnd, Occurrence, Override, Preset, RuleSpec, Series,
    SeriesSpec, Start, Weekday, instance_id,
};
use serde_json::json;
use uuid::Uuid;

fn start(text: &str) -> Start {
    text.parse().unwrap()
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn rrule(rule: &str, from: &str, zone: Tz) -> SeriesSpec {
    SeriesSpec::rrule(rule, start(from), Some(zone))
}

fn compile(spec: &SeriesSpec) -> Series {
    Series::compile(spec, Tz::UTC).unwrap_or_else(|e| panic!("{spec:?}: {e}"))
}

fn originals(found: &[Occurrence]) -> Vec<String> {
    found.iter().map(|o| o.original.to_string()).collect()
}

fn instants(found: &[Occurrence]) -> Vec<String> {
    let text = |o: &Occurrence| o.at.format("%m-%d %H:%M").to_string();
    found.iter().map(text).collect()
}

const EPOCH: DateTime<Utc> = DateTime::<Utc>::UNIX_EPOCH;

fn first(spec: &SeriesSpec, n: usize) -> Vec<String> {
    originals(&compile(spec).upcoming(EPOCH, n))
}

fn complaint(spec: &SeriesSpec) -> String {
    Series::compile(spec, Tz::UTC).unwrap_err().to_string()
}
