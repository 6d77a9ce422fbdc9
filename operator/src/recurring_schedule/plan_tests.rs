use crds::conditions;
use serde_json::{Value, json};

use super::*;
use crate::{
    error::Error,
    recurring_schedule::status::{COMPLETED, READY, made_until, news, overrule, refused},
    reminder_job::status::timestamp,
};

const HOUR: i64 = 3600;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A schedule made at 2026-11-21T08:30Z that fires on the hour, with `more` in its spec.
fn hourly(more: Value) -> RecurringSchedule {
    let mut spec = json!({
        "stackRef": {"name": "demo"},
        "schedule": {"cron": "0 * * * *", "timeZone": "UTC"},
        "reminder": {"message": "stand up"},
    });
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    serde_json::from_value(json!({
        "apiVersion": "todostack.dev/v1alpha1",
        "kind": "RecurringSchedule",
        "metadata": {
            "name": "standup", "namespace": "team", "generation": 1,
            "uid": "6e2f4a52-7a5c-4d3e-9c53-0a8c1f0b7d11",
            "creationTimestamp": "2026-11-21T08:30:00Z",
        },
        "spec": spec,
    }))
    .unwrap()
}

/// What the API server and the stack would make of plans.
struct World {
    schedule: RecurringSchedule,
    jobs: Vec<ReminderJob>,
}

impl World {
    fn new(more: Value) -> Self {
        Self {
            schedule: hourly(more),
            jobs: Vec::new(),
        }
    }

    fn plan(&self, now: DateTime<Utc>) -> Plan {
        let rule = series::compile(&self.schedule.spec.schedule).unwrap();
        plan(&self.schedule, &rule, &self.jobs, Duration::days(1), now)
    }

    fn apply(&mut self, plan: &Plan) {
        for job in &plan.create {
            assert!(
                self.jobs
                    .iter()
                    .all(|other| other.name_any() != job.name_any()),
                "{} is made although it exists",
                job.name_any()
            );
            self.jobs.push(job.clone());
        }
        for (job, spec) in &plan.change {
            self.job(&job.name_any()).spec = spec.clone();
        }
        for job in &plan.count {
            self.job(&job.name_any())
                .annotations_mut()
                .insert(child::COUNTED.into(), "true".into());
        }
        for job in &plan.delete {
            self.jobs.retain(|other| other.name_any() != job.name_any());
        }
        self.schedule.status = Some(plan.status.clone());
    }

    fn settle(&mut self, now: DateTime<Utc>) -> Plan {
        let plan = self.plan(now);
        self.apply(&plan);
        plan
    }

    fn edit(&mut self, edit: impl FnOnce(&mut crds::RecurringScheduleSpec)) {
        edit(&mut self.schedule.spec);
        let generation = self.schedule.metadata.generation.as_mut().unwrap();
        *generation += 1;
    }

    fn job(&mut self, name: &str) -> &mut ReminderJob {
        self.jobs
            .iter_mut()
            .find(|job| job.name_any() == name)
            .unwrap()
    }

    /// The stack fires what is due.
    fn fire(&mut self, now: DateTime<Utc>, phase: ReminderPhase) {
        for job in &mut self.jobs {
            if job.spec.fire_at <= now && !job.spec.suspend && child::is_waiting(job) {
                let status = job.status.get_or_insert_default();
                status.phase = Some(phase);
                if phase == ReminderPhase::Delivered {
                    status.fired_at = Some(job.spec.fire_at + Duration::milliseconds(40));
                    status.lateness_ms = Some(40);
                }
            }
        }
    }

    /// `hour:minute` of those that wait.
    fn waiting(&self) -> Vec<String> {
        let mut waiting: Vec<_> = self
            .jobs
            .iter()
            .filter(|job| child::is_waiting(job))
            .map(|job| job.spec.fire_at)
            .collect();
        waiting.sort_unstable();
        waiting
            .into_iter()
            .map(|at| at.format("%H:%M").to_string())
            .collect()
    }
}

#[test]
fn the_next_occurrences_are_made_and_named_by_their_time() {
    let mut world = World::new(json!({
        "taskTemplate": {"owner": "ada@example.com", "title": "Stand-up", "tags": ["team"]},
        "reminder": {"beforeSeconds": [0, 600], "channels": [{"type": "Webhook"}]},
        "lookahead": 1,
        "startingDeadlineSeconds": 120,
    }));
    let mut plan = world.settle(at("2026-11-21T08:31:00Z"));
    insta::assert_yaml_snapshot!("made", plan.create);
    // Its words are the engine's.
    assert!(plan.status.description.take().is_some());
    insta::assert_yaml_snapshot!("status", plan.status);
    assert_eq!(plan.next, Some(at("2026-11-21T08:50:00Z")));
}

#[test]
fn a_new_schedule_makes_up_for_nothing() {
    let mut world = World::new(json!({"catchUp": "All"}));
    let plan = world.settle(at("2026-11-21T08:31:00Z"));
    assert_eq!(world.waiting(), ["09:00", "10:00", "11:00"]);
    assert_eq!(plan.status.missed, 0);
}

#[test]
fn time_brings_the_next_one() {
    let mut world = World::new(json!({}));
    world.settle(at("2026-11-21T08:31:00Z"));
    world.fire(at("2026-11-21T09:00:01Z"), ReminderPhase::Delivered);
    let plan = world.settle(at("2026-11-21T09:00:01Z"));
    assert_eq!(plan.create.len(), 1);
    assert_eq!(world.waiting(), ["10:00", "11:00", "12:00"]);
    assert_eq!(plan.status.last_lateness_ms, Some(40));
    assert_eq!(
        plan.status.last_fired_at,
        Some(at("2026-11-21T09:00:00.040Z"))
    );
}

#[test]
fn what_passed_without_reminder_jobs_is_made_up_for_by_the_policy() {
    for (policy, made, missed) in [
        ("Skip", vec![], 6),
        ("Latest", vec!["17:00"], 5),
        ("All", vec!["14:00", "15:00", "16:00", "17:00"], 2),
    ] {
        let mut world = World::new(json!({
            "catchUp": policy, "startingDeadlineSeconds": 4 * HOUR, "lookahead": 3,
        }));
        world.settle(at("2026-11-21T08:31:00Z"));
        world.fire(at("2026-11-21T11:00:00Z"), ReminderPhase::Delivered);
        // The operator was down from 09:00 on: 12:00 to 17:00 have none.
        let now = at("2026-11-21T17:30:00Z");
        let plan = world.settle(now);
        let mut expected = made.clone();
        expected.extend(["18:00", "19:00", "20:00"]);
        assert_eq!(world.waiting(), expected, "{policy}");
        assert_eq!(plan.status.missed, missed, "{policy}");
        assert!(world.plan(now).is_empty(), "{policy}");
        assert_eq!(world.plan(now).status.missed, missed, "{policy}");
    }
}

#[test]
fn after_a_long_outage_at_most_a_hundred_are_made_up_for_and_they_are_the_latest() {
    let mut world = World::new(json!({
        "catchUp": "All",
        "schedule": {"cron": "* * * * *"},
        "startingDeadlineSeconds": 365 * 24 * HOUR,
        "lookahead": 1,
    }));
    world.settle(at("2026-11-21T08:31:00Z"));
    world.fire(at("2026-11-21T08:32:00Z"), ReminderPhase::Delivered);
    let now = at("2027-01-21T12:00:00Z");
    let plan = world.settle(now);
    assert_eq!(plan.create.len(), 100 + 1);
    let latest = plan.create.iter().map(|job| job.spec.fire_at).max();
    assert_eq!(latest, Some(at("2027-01-21T12:01:00Z")));
    let earliest = plan.create.iter().map(|job| job.spec.fire_at).min();
    assert_eq!(earliest, Some(at("2027-01-21T10:21:00Z")));
    assert!(world.plan(now).is_empty());
}

#[test]
fn one_that_is_made_up_for_has_one_reminder() {
    let mut world = World::new(json!({"reminder": {"message": "m", "beforeSeconds": [60, 600]}}));
    world.settle(at("2026-11-21T08:31:00Z"));
    world.fire(at("2026-11-21T11:00:00Z"), ReminderPhase::Delivered);
    let plan = world.settle(at("2026-11-21T15:30:00Z"));
    let late: Vec<_> = plan
        .create
        .iter()
        .filter(|job| job.spec.fire_at < at("2026-11-21T15:30:00Z"))
        .map(|job| job.spec.fire_at)
        .collect();
    assert_eq!(late, [at("2026-11-21T14:59:00Z")]);
}

#[test]
fn a_reminder_whose_time_passed_is_let_go_while_a_later_one_is_ahead() {
    let mut world = World::new(json!({
        "reminder": {"message": "m", "beforeSeconds": [0, 2400]}, "lookahead": 1,
    }));
    let plan = world.settle(at("2026-11-21T08:31:00Z"));
    assert_eq!(world.waiting(), ["09:00", "09:20", "10:00"]);
    assert_eq!(plan.status.missed, 0);
}

#[test]
fn suspending_holds_back_and_makes_nothing_and_resuming_follows_the_policy() {
    for (policy, after) in [
        ("Skip", vec!["13:00", "14:00"]),
        ("Latest", vec!["12:00", "13:00", "14:00"]),
        (
            "All",
            vec!["09:00", "10:00", "11:00", "12:00", "13:00", "14:00"],
        ),
    ] {
        let mut world = World::new(json!({"catchUp": policy, "lookahead": 2}));
        world.settle(at("2026-11-21T08:31:00Z"));
        world.edit(|spec| spec.suspend = true);
        let plan = world.settle(at("2026-11-21T08:40:00Z"));
        assert!(plan.create.is_empty() && plan.delete.is_empty());
        assert!(world.jobs.iter().all(|job| job.spec.suspend));
        assert!(plan.status.next_occurrences.is_empty());
        let resumed = at("2026-11-21T12:30:00Z");
        assert!(
            world.plan(resumed).is_empty(),
            "time does nothing while suspended"
        );
        world.edit(|spec| spec.suspend = false);
        let plan = world.settle(resumed);
        assert_eq!(world.waiting(), after, "{policy}");
        assert!(world.jobs.iter().all(|job| !job.spec.suspend), "{policy}");
        let missed = 4 - (after.len() as i64 - 2);
        assert_eq!(plan.status.missed, missed, "{policy}");
        assert!(world.plan(resumed).is_empty(), "{policy}");
    }
}

#[test]
fn an_edit_replaces_those_that_wait() {
    let mut world = World::new(json!({}));
    world.settle(at("2026-11-21T08:31:00Z"));
    world.edit(|spec| spec.schedule.cron = Some("30 * * * *".into()));
    let now = at("2026-11-21T08:40:00Z");
    world.settle(now);
    assert_eq!(world.waiting(), ["09:30", "10:30", "11:30"]);

    // What a ReminderJob says cannot be changed: it goes, and comes again.
    world.edit(|spec| spec.reminder.as_mut().unwrap().message = Some("sit down".into()));
    let plan = world.settle(now);
    assert_eq!((plan.delete.len(), plan.create.len()), (3, 0));
    let plan = world.settle(now);
    assert_eq!((plan.delete.len(), plan.create.len()), (0, 3));
    assert!(world.jobs.iter().all(|job| job.spec.message == "sit down"));

    // Its time and its deadline can.
    world.edit(|spec| {
        spec.starting_deadline_seconds = Some(60);
        spec.reminder.as_mut().unwrap().before_seconds = vec![300];
    });
    let plan = world.settle(now);
    assert_eq!(
        (plan.change.len(), plan.delete.len(), plan.create.len()),
        (3, 0, 0)
    );
    assert_eq!(world.waiting(), ["09:25", "10:25", "11:25"]);
}

#[test]
fn a_new_rule_makes_up_for_nothing_from_before_it_existed() {
    let mut world = World::new(json!({
        "schedule": {"rrule": "FREQ=DAILY;COUNT=1", "start": "2026-11-21T09:00:00"},
        "catchUp": "All", "startingDeadlineSeconds": 31_536_000,
    }));
    world.settle(at("2026-11-21T08:31:00Z"));
    world.fire(at("2026-11-21T09:00:00Z"), ReminderPhase::Delivered);
    let plan = world.settle(at("2026-11-21T10:00:00Z"));
    assert!(conditions::is_true(&plan.status.conditions, COMPLETED));
    assert_eq!(plan.next, None);
    world.edit(|spec| {
        spec.schedule.rrule = Some("FREQ=HOURLY".into());
        spec.schedule.start = Some("2026-11-21T09:15:00".into());
    });
    let plan = world.settle(at("2026-12-01T10:00:00Z"));
    assert_eq!(world.waiting(), ["10:15", "11:15", "12:15"]);
    assert_eq!(plan.status.missed, 0);
    assert!(!conditions::is_true(&plan.status.conditions, COMPLETED));
}

#[test]
fn one_deleted_by_hand_before_its_time_is_made_again_and_one_after_is_not() {
    let mut world = World::new(json!({}));
    world.settle(at("2026-11-21T08:31:00Z"));
    world.jobs.remove(1);
    let plan = world.settle(at("2026-11-21T08:35:00Z"));
    assert_eq!(plan.create.len(), 1);
    assert_eq!(world.waiting(), ["09:00", "10:00", "11:00"]);
    world
        .jobs
        .retain(|job| job.spec.fire_at != at("2026-11-21T09:00:00Z"));
    let plan = world.settle(at("2026-11-21T09:00:01Z"));
    let made: Vec<_> = plan.create.iter().map(|job| job.spec.fire_at).collect();
    assert_eq!(made, [at("2026-11-21T12:00:00Z")]);
}

#[test]
fn one_on_its_way_out_is_waited_for() {
    let mut world = World::new(json!({}));
    world.settle(at("2026-11-21T08:31:00Z"));
    world.jobs[0].metadata.deletion_timestamp = Some(
        k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(timestamp(at("2026-11-21T08:32:00Z"))),
    );
    assert!(world.plan(at("2026-11-21T08:33:00Z")).is_empty());
}

#[test]
fn history_is_kept_up_to_its_limits_and_missed_ones_are_counted_once() {
    let mut world = World::new(json!({"successfulHistoryLimit": 2, "failedHistoryLimit": 1}));
    world.settle(at("2026-11-21T08:31:00Z"));
    for hour in 9..14 {
        let now = at(&format!("2026-11-21T{hour:02}:00:01Z"));
        let phase = if hour % 2 == 0 {
            ReminderPhase::Missed
        } else {
            ReminderPhase::Delivered
        };
        world.fire(now, phase);
        world.settle(now);
    }
    let of = |phase| {
        let mut found: Vec<_> = world
            .jobs
            .iter()
            .filter(|job| child::phase(job) == Some(phase))
            .map(|job| job.spec.fire_at.format("%H").to_string())
            .collect();
        found.sort_unstable();
        found
    };
    assert_eq!(of(ReminderPhase::Delivered), ["11", "13"]);
    assert_eq!(of(ReminderPhase::Missed), ["12"]);
    assert_eq!(world.schedule.status.unwrap().missed, 2);
}

#[test]
fn one_cancelled_before_its_time_does_not_come_back() {
    let mut world = World::new(json!({"failedHistoryLimit": 0}));
    let now = at("2026-11-21T08:31:00Z");
    world.settle(now);
    world.jobs[0].status.get_or_insert_default().phase = Some(ReminderPhase::Cancelled);
    assert!(world.plan(now).is_empty());
    world.settle(at("2026-11-21T09:00:01Z"));
    assert_eq!(world.waiting(), ["10:00", "11:00", "12:00"]);
    assert_eq!(
        world.jobs.len(),
        3,
        "then it is history, of which none is kept"
    );
}

#[test]
fn reminder_jobs_of_others_are_left_alone() {
    let mut world = World::new(json!({}));
    let now = at("2026-11-21T08:31:00Z");
    world.settle(now);
    let mut foreign = world.jobs[0].clone();
    foreign.metadata.name = Some("standup-1".into());
    foreign.owner_references_mut()[0].uid = "another".into();
    foreign.status.get_or_insert_default().phase = Some(ReminderPhase::Failed);
    world.jobs.push(foreign);
    world.schedule.spec.failed_history_limit = 0;
    assert!(world.plan(now).is_empty());
}

#[test]
fn a_refused_rule_is_told_once_and_leaves_what_waits() {
    let mut world = World::new(json!({}));
    world.settle(at("2026-11-21T08:31:00Z"));
    let before = world.schedule.status.clone();
    let why = "spec.schedule.cron: the hour 99 does not exist";
    let status = refused(&world.schedule, why, at("2026-11-21T08:40:00Z"));
    let ready = conditions::find(&status.conditions, READY).unwrap();
    assert_eq!(
        (ready.status.as_str(), ready.reason.as_str()),
        ("False", "InvalidSchedule")
    );
    assert!(ready.message.contains("spec.schedule.cron"));
    assert_eq!(news(before.as_ref(), &status).len(), 1);
    assert_eq!(news(Some(&status), &status), []);
    assert_eq!(status.made_until, before.unwrap().made_until);
}

#[path = "plan_properties.rs"]
mod properties;

#[test]
fn a_refused_write_is_shown_and_once_more_is_no_change() {
    let mut world = World::new(json!({}));
    let now = at("2026-11-21T08:40:00Z");
    world.settle(now);
    let refused = |port: u16| Error::Retry {
        reason: "NameTaken".into(),
        message: format!("port {port} refused"),
        after: None,
    };
    let planned = world.plan(now).status;
    let mut shown = planned.clone();
    overrule(&world.schedule, &mut shown, &refused(4000), now);
    let ready = conditions::find(&shown.conditions, READY).unwrap();
    assert_eq!((&*ready.status, &*ready.reason), ("False", "NameTaken"));
    assert_eq!(news(Some(&planned), &shown).len(), 1);
    world.schedule.status = Some(shown.clone());
    let later = now + Duration::minutes(5);
    let mut again = world.plan(later).status;
    assert_ne!(again, shown);
    overrule(&world.schedule, &mut again, &refused(4001), later);
    assert_eq!(again, shown);
}

/// Each occurrence is made or counted once, however long nothing can be made.
#[test]
fn no_occurrence_counts_twice_while_nothing_can_be_made() {
    let mut world = World::new(json!({"catchUp": "Skip"}));
    for hours in 0..4 {
        let now = at("2026-11-21T09:30:00Z") + Duration::hours(hours);
        for _ in 0..2 {
            let plan = world.plan(now);
            let tried: Vec<_> = plan
                .create
                .iter()
                .map(|job| (child::occurrence("standup", job).unwrap(), false))
                .collect();
            assert!(!tried.is_empty());
            let stored = world.schedule.status.as_ref().and_then(|s| s.made_until);
            let mut status = plan.status;
            status.made_until = made_until(stored, status.made_until, &tried);
            world.schedule.status = Some(status);
        }
        assert_eq!(world.schedule.status.as_ref().unwrap().missed, hours + 1);
    }
}

/// They must not be gone before the status that counts them is written.
#[test]
fn a_missed_one_beyond_the_history_is_told_apart_from_what_may_go_at_once() {
    let mut world = World::new(json!({"failedHistoryLimit": 0, "successfulHistoryLimit": 0}));
    world.settle(at("2026-11-21T08:40:00Z"));
    world.fire(at("2026-11-21T09:00:00Z"), ReminderPhase::Missed);
    let names = |jobs: &[ReminderJob]| -> BTreeSet<String> {
        jobs.iter().map(ResourceExt::name_any).collect()
    };
    let plan = world.settle(at("2026-11-21T09:30:00Z"));
    assert_eq!((plan.status.missed, plan.counted.len()), (1, 1));
    assert_eq!(names(&plan.delete), plan.counted);
    assert_eq!(names(&plan.count), plan.counted);
    world.fire(at("2026-11-21T10:00:00Z"), ReminderPhase::Delivered);
    let plan = world.settle(at("2026-11-21T10:30:00Z"));
    assert_eq!((plan.delete.len(), plan.counted.len()), (1, 0));
}

#[test]
fn the_reminder_jobs_have_the_policy_and_the_jitter_of_their_schedule() {
    let mut world = World::new(json!({
        "catchUp": "Skip", "jitterSeconds": 600,
        "reminder": {"message": "m", "beforeSeconds": [0, 60]}, "lookahead": 2,
    }));
    let now = at("2026-11-21T08:31:00Z");
    world.settle(now);
    assert_eq!(world.jobs.len(), 4);
    for job in &world.jobs {
        assert_eq!(job.spec.catch_up, Some(CatchUpPolicy::Skip));
        let occurrence = child::occurrence("standup", job).unwrap();
        assert_eq!(
            job.spec.delay_seconds,
            child::jitter(&world.schedule, occurrence),
            "all reminders of an occurrence come late by the same"
        );
        let told = crate::reminder_job::request::fire_at(job);
        let delay = job.spec.delay_seconds.unwrap();
        assert_eq!(told, job.spec.fire_at + Duration::seconds(delay));
    }
    // Those that wait follow an edit, and keep their names.
    let names: Vec<String> = world.jobs.iter().map(ResourceExt::name_any).collect();
    world.edit(|spec| spec.jitter_seconds = 0);
    let plan = world.settle(now);
    assert_eq!((plan.create.len(), plan.delete.len()), (0, 0));
    assert!(
        world
            .jobs
            .iter()
            .all(|job| job.spec.delay_seconds.is_none())
    );
    assert!(world.jobs.iter().map(ResourceExt::name_any).eq(names));
}

#[test]
fn one_whose_time_came_waits_for_its_jitter() {
    let mut world = World::new(json!({"jitterSeconds": 3600, "lookahead": 1}));
    world.settle(at("2026-11-21T08:31:00Z"));
    // Its time is 09:00, its jitter up to an hour: whoever looks meanwhile leaves it alone.
    let now = at("2026-11-21T09:00:01Z");
    let plan = world.settle(now);
    assert!(plan.delete.is_empty(), "{:?}", plan.delete);
    assert_eq!(plan.status.missed, 0);
    assert_eq!(world.waiting(), ["09:00", "10:00"]);
    assert!(world.plan(now).is_empty());
}
