//! Each due reminder reached its channels once: not early, not late, not after its cancel.

use std::collections::{BTreeSet, HashMap};

use chrono::TimeDelta;
use uuid::Uuid;

use super::{Rule, Verdict, early_at, fault_at, limit_at, writes::by_task};
use crate::history::{Firing, History, Post, Time, Write};

/// Written this long after its time or later, a reminder need not fire: its owner has just seen the
/// task.
const SEEN: TimeDelta = TimeDelta::seconds(60);

/// The table's line for what was due in no fault's turn.
pub(super) const CALM: &str = "none";

/// A reminder, from the write that asked for it to the one that took it away.
struct Wanted<'a> {
    task: Uuid,
    at: Time,
    asked: &'a Write,
    taken_away: Option<&'a Write>,
}

pub(super) fn check(history: &History, verdict: &mut Verdict) {
    let mut posts: HashMap<(Uuid, Time), Vec<&Post>> = HashMap::new();
    for post in &history.posts {
        if !post.signed {
            let id = &post.webhook_id;
            verdict.broken(Rule::BadSignature, format!("webhook {id}"));
        }
        posts
            .entry((post.task, post.fire_at))
            .or_default()
            .push(post);
    }
    let claims = claims(history, verdict);
    for wanted in wanted(history) {
        let came = posts.remove(&(wanted.task, wanted.at)).unwrap_or_default();
        for channel in &wanted.asked.channels {
            let came: Vec<&Post> = came
                .iter()
                .copied()
                .filter(|post| &post.channel == channel && post.taken)
                .collect();
            judge(history, &wanted, channel, &came, &claims, verdict);
        }
    }
    for ((task, at), unasked) in posts {
        let count = unasked.len();
        verdict.broken(
            Rule::Unasked,
            format!("{count} for task {task} at {at}, which has no such reminder"),
        );
    }
}

/// The claim of each firing; two of one are a violation.
fn claims<'a>(history: &'a History, verdict: &mut Verdict) -> HashMap<(Uuid, i32), &'a Firing> {
    let mut claims = HashMap::new();
    for firing in &history.firings {
        let key = (firing.reminder, firing.occurrence);
        if claims.insert(key, firing).is_some() {
            let (reminder, occurrence) = key;
            verdict.broken(
                Rule::ClaimedTwice,
                format!("reminder {reminder}, occurrence {occurrence}"),
            );
        }
    }
    claims
}

/// Every reminder that was ever asked for.
fn wanted(history: &History) -> Vec<Wanted<'_>> {
    let mut all = Vec::new();
    for (task, writes) in by_task(history) {
        let mut open: Vec<Wanted<'_>> = Vec::new();
        for write in writes {
            let (kept, gone) = open
                .into_iter()
                .partition(|wanted: &Wanted<'_>| write.reminders.contains(&wanted.at));
            open = kept;
            all.extend(gone.into_iter().map(|wanted: Wanted<'_>| Wanted {
                taken_away: Some(write),
                ..wanted
            }));
            for at in &write.reminders {
                if !open.iter().any(|wanted| wanted.at == *at) {
                    open.push(Wanted {
                        task,
                        at: *at,
                        asked: write,
                        taken_away: None,
                    });
                }
            }
        }
        all.extend(open);
    }
    all.sort_by_key(|wanted| (wanted.at, wanted.task));
    all
}

fn judge(
    history: &History,
    wanted: &Wanted<'_>,
    channel: &str,
    came: &[&Post],
    claims: &HashMap<(Uuid, i32), &Firing>,
    verdict: &mut Verdict,
) {
    let Wanted { task, at, .. } = *wanted;
    let what = format!("task {task}, its reminder of {at}, channel {channel}");
    let limit = limit_at(&history.faults, at);
    let early = early_at(&history.faults, at);
    let name = fault_at(&history.faults, at).map_or(CALM, |fault| fault.name.as_str());
    let Some(first) = came.iter().min_by_key(|post| post.received) else {
        let due = at + limit < history.until
            && wanted.asked.acknowledged.is_some_and(|ack| ack - at < SEEN)
            && wanted
                .taken_away
                .is_none_or(|write| at + limit < write.sent);
        if due {
            let excuse = history.excuses.iter().find(|excuse| {
                excuse.task == task
                    && excuse.fire_at == at
                    && excuse.channel.as_deref().is_none_or(|name| name == channel)
                    && !excuse.reason.is_empty()
            });
            let row = verdict.row(name);
            row.reminders += 1;
            if excuse.is_some() {
                row.failed += 1;
            } else {
                row.lost += 1;
                verdict.broken(Rule::Lost, format!("{what} ({name})"));
            }
        }
        return;
    };

    // What was written late cannot come before it was written.
    let from = wanted.asked.acknowledged.map_or(at, |ack| ack.max(at));
    let late = (first.received - from).max(TimeDelta::zero());
    let ids: BTreeSet<&str> = came.iter().map(|post| post.webhook_id.as_str()).collect();
    let row = verdict.row(name);
    row.reminders += 1;
    row.late.push(late);
    row.again += came.len() - ids.len();
    if ids.len() > 1 {
        row.twice += 1;
        verdict.broken(Rule::Twice, format!("{what} ({name}): ids {ids:?}"));
    }
    if late > limit {
        let (late, limit) = (late.num_milliseconds(), limit.num_milliseconds());
        verdict.broken(
            Rule::Late,
            format!("{what} ({name}): by {late} ms, more than {limit}"),
        );
    }
    if first.received + early < at {
        let by = (at - first.received).num_milliseconds();
        verdict.broken(Rule::Early, format!("{what} ({name}): by {by} ms"));
    }
    let claim = claims.get(&(first.reminder, first.occurrence));
    if claim.is_none() {
        verdict.broken(Rule::Unclaimed, format!("{what} ({name})"));
    }
    if let Some(cancelled) = wanted.taken_away.and_then(|write| write.acknowledged)
        && first.received > cancelled
    {
        let claimed_before =
            cancelled >= at && claim.is_some_and(|claim| claim.fired_at <= cancelled + early);
        if !claimed_before || first.received - cancelled > limit {
            let by = (first.received - cancelled).num_milliseconds();
            verdict.broken(
                Rule::AfterCancel,
                format!("{what} ({name}): {by} ms after {cancelled}"),
            );
        }
    }
}
