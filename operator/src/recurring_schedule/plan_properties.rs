//! What holds of every plan, whatever the schedule and whatever happens.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn any_schedule() -> impl Strategy<Value = Value> {
    (
        prop_oneof![
            Just(json!({"cron": "* * * * *"})),
            Just(json!({"cron": "*/7 8-17 * * 1-5", "timeZone": "Europe/Berlin"})),
            Just(json!({"rrule": "FREQ=HOURLY;INTERVAL=5", "start": "2026-11-20T00:30:00"})),
            Just(json!({"rrule": "FREQ=DAILY;COUNT=4", "start": "2026-11-21T03:00:00"})),
        ],
        prop_oneof![Just("Skip"), Just("Latest"), Just("All")],
        prop::collection::vec(0..100_000_i64, 0..4),
        1..6_i32,
        0..3_i32,
        prop::option::of(1..200_000_i64),
    )
        .prop_map(|(schedule, policy, before, lookahead, history, deadline)| {
            let mut spec = json!({
                "schedule": schedule,
                "catchUp": policy,
                "reminder": {"message": "m", "beforeSeconds": before},
                "lookahead": lookahead,
                "successfulHistoryLimit": history,
                "failedHistoryLimit": history,
            });
            if let Some(deadline) = deadline {
                spec["startingDeadlineSeconds"] = deadline.into();
            }
            spec
        })
}

#[derive(Clone, Debug)]
enum Step {
    Sleep(i64),
    Suspend(bool),
    Fire(ReminderPhase),
    DeleteOne(usize),
    Offsets(Vec<i64>),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..400_000_i64).prop_map(Step::Sleep),
        2 => (1..600_i64).prop_map(Step::Sleep),
        1 => any::<bool>().prop_map(Step::Suspend),
        2 => prop_oneof![
            Just(ReminderPhase::Delivered), Just(ReminderPhase::Missed),
            Just(ReminderPhase::Failed), Just(ReminderPhase::Fired),
        ].prop_map(Step::Fire),
        1 => (0..10_usize).prop_map(Step::DeleteOne),
        1 => prop::collection::vec(0..50_000_i64, 0..3).prop_map(Step::Offsets),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever happens: once a plan is applied there is nothing more to do at that time, the number
    /// of objects is bounded, and missed ones are never counted again.
    #[test]
    fn a_plan_that_was_applied_leaves_nothing_to_do(
        more in any_schedule(),
        steps in prop::collection::vec(any_step(), 1..12),
    ) {
        let mut world = World::new(more);
        let mut now = at("2026-11-21T08:31:00Z");
        for step in steps {
            match step {
                Step::Sleep(seconds) => now += Duration::seconds(seconds),
                Step::Suspend(suspend) if suspend != world.schedule.spec.suspend => {
                    world.edit(|spec| spec.suspend = suspend);
                }
                Step::Suspend(_) => {}
                Step::Fire(phase) => world.fire(now, phase),
                Step::DeleteOne(n) if n < world.jobs.len() => {
                    world.jobs.remove(n);
                }
                Step::DeleteOne(_) => {}
                Step::Offsets(before) => world.edit(|spec| {
                    spec.reminder.as_mut().unwrap().before_seconds = before;
                }),
            }
            let missed = world.schedule.status.as_ref().map_or(0, |status| status.missed);
            let plan = world.settle(now);
            prop_assert!(plan.status.missed >= missed);
            let again = world.plan(now);
            prop_assert!(again.is_empty(), "{:?}", again);
            prop_assert_eq!(&again.status, &plan.status);
            let firing = world
                .jobs
                .iter()
                .filter(|job| child::phase(job) == Some(ReminderPhase::Fired))
                .count();
            prop_assert!(world.jobs.len() - firing <= 4 * AHEAD_MOST + 2 * CATCH_UP_MOST + 4);
            if !world.schedule.spec.suspend {
                prop_assert!(plan.next.is_none_or(|next| next > now));
            }
        }
    }

    /// Each occurrence while the schedule runs and the operator looks often enough is made exactly once.
    #[test]
    fn no_occurrence_is_lost_or_made_twice(
        more in any_schedule(),
        pauses in prop::collection::vec(1..300_i64, 1..40),
    ) {
        let mut world = World::new(more);
        world.edit(|spec| {
            spec.reminder.as_mut().unwrap().before_seconds.clear();
            spec.lookahead = 5;
            spec.successful_history_limit = 100;
        });
        let began = at("2026-11-21T08:30:00Z");
        let mut now = began + Duration::seconds(1);
        let mut made: Vec<DateTime<Utc>> = Vec::new();
        for pause in pauses {
            let plan = world.settle(now);
            made.extend(plan.create.iter().map(|job| job.spec.fire_at));
            now += Duration::seconds(pause);
            world.fire(now, ReminderPhase::Delivered);
        }
        let rule = series::compile(&world.schedule.spec.schedule).unwrap();
        made.sort_unstable();
        let due: Vec<_> = made.iter().copied().filter(|at| *at <= now).collect();
        let should = Occurrences::between(&rule, began, now, 1000);
        prop_assert_eq!(due, should);
    }
}

proptest! {
    /// Jitter is the same whenever it is asked, never early, never above its bound, and uses its range.
    #[test]
    fn jitter_is_fixed_for_an_occurrence_and_within_its_bound(
        most in 0..=86_400_i64,
        hours in prop::collection::vec(0..1_000_000_i64, 1..20),
    ) {
        let mut schedule = hourly(json!({"jitterSeconds": most}));
        for hour in &hours {
            let occurrence = DateTime::UNIX_EPOCH + Duration::hours(*hour);
            let jitter = child::jitter(&schedule, occurrence);
            prop_assert_eq!(jitter, child::jitter(&schedule.clone(), occurrence));
            prop_assert_eq!(jitter.is_none(), most == 0);
            prop_assert!((0..=most).contains(&jitter.unwrap_or(0)));
            let job = child::job(&schedule, occurrence, Duration::zero(), false);
            let fires = crate::reminder_job::request::fire_at(&job);
            prop_assert!(fires >= occurrence && fires <= occurrence + Duration::seconds(most));
        }
        // Another schedule of the same times comes at others.
        let of = |schedule: &RecurringSchedule| -> Vec<Option<i64>> {
            (0..64).map(|n| child::jitter(schedule, DateTime::UNIX_EPOCH + Duration::hours(n))).collect()
        };
        let own = of(&schedule);
        schedule.metadata.uid = Some("another".into());
        prop_assert!(most < 10 || own != of(&schedule));
        prop_assert!(most < 10 || own.iter().collect::<std::collections::BTreeSet<_>>().len() > 1);
    }
}
