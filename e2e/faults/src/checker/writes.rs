//! Every acknowledged write is in Postgres.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Rule, Verdict};
use crate::history::{History, Kind, TaskRow, Write};

/// The writes of each task, in their order.
pub(super) fn by_task(history: &History) -> HashMap<Uuid, Vec<&Write>> {
    let mut tasks: HashMap<Uuid, Vec<&Write>> = HashMap::new();
    for write in &history.writes {
        tasks.entry(write.task).or_default().push(write);
    }
    tasks
}

pub(super) fn check(history: &History, verdict: &mut Verdict) {
    let rows: HashMap<Uuid, &TaskRow> = history.tasks.iter().map(|row| (row.id, row)).collect();
    for (task, writes) in by_task(history) {
        verdict.writes += writes.iter().filter(|w| w.acknowledged.is_some()).count();
        let Some(last) = writes.iter().rposition(|w| w.acknowledged.is_some()) else {
            continue;
        };
        let Some(row) = rows.get(&task) else {
            verdict.broken(Rule::LostWrite, format!("task {task} is not in Postgres"));
            continue;
        };
        if let Err(what) = holds(row, &writes, last) {
            verdict.broken(Rule::LostWrite, format!("task {task}: {what}"));
        }
    }
}

/// Whether a row is what the writes came to. Those after `last` were never acknowledged: they may
/// have happened.
fn holds(row: &TaskRow, writes: &[&Write], last: usize) -> Result<(), String> {
    let version = writes[..=last].iter().filter_map(|w| w.version).max();
    if let Some(version) = version
        && row.version < version
    {
        let found = row.version;
        return Err(format!(
            "version {version} was acknowledged, and it has {found}"
        ));
    }
    let possible = writes[last..].iter().any(|write| {
        row.title == write.title
            && row.completed == (write.kind == Kind::Complete)
            && row.deleted == (write.kind == Kind::Delete)
    });
    if !possible {
        return Err(format!(
            "{:?} with the title {:?} was acknowledged last, and it is {row:?}",
            writes[last].kind, writes[last].title
        ));
    }
    if last + 1 == writes.len()
        && let Some(version) = writes[last].version
        && row.version != version
    {
        let found = row.version;
        return Err(format!(
            "version {version} was its last, and it has {found}: it was written twice"
        ));
    }
    Ok(())
}
