use proptest::prelude::*;

use super::*;

const NOW: &str = "2026-11-21T09:00:00Z";

fn now() -> DateTime<Utc> {
    NOW.parse().unwrap()
}

fn shown() -> Shown {
    Shown {
        namespace: "team".into(),
        stack: "demo".into(),
        uid: "0b1f0f3e-0000-4000-8000-000000000001".into(),
        reminders: RemindersSpec::default(),
    }
}

fn view(n: u128, minutes: i64, phase: Phase) -> ReminderView {
    ReminderView {
        id: Uuid::from_u128(n),
        origin: Origin::Api,
        object: None,
        phase,
        message: "water the plants".into(),
        task_id: Some(Uuid::from_u128(77)),
        fire_at: now() + Duration::minutes(minutes),
        base_at: None,
        fired_at: None,
        lateness_ms: None,
        reason: None,
        generation: 1,
        channels: vec![],
        deliveries: vec![],
    }
}

/// What the API server would make of the writes.
fn apply(observed: &mut Observed, actions: &[Action]) {
    for action in actions {
        let (Action::Apply(job) | Action::Status(job) | Action::Delete(job)) = action;
        observed.mirrors.retain(|m| m.name_any() != job.name_any());
        if !matches!(action, Action::Delete(_)) {
            observed.mirrors.push((**job).clone());
        }
    }
}

fn settle(observed: &mut Observed, at: DateTime<Utc>) -> Vec<Action> {
    let actions = plan(&shown(), observed, at);
    apply(observed, &actions);
    actions
}

#[test]
fn an_upcoming_reminder_is_shown_once_and_then_left_alone() {
    let mut observed = Observed {
        upcoming: vec![view(1, 5, Phase::Scheduled)],
        ..Observed::default()
    };
    let actions = settle(&mut observed, now());
    insta::assert_yaml_snapshot!("mirror", observed.mirrors);
    assert!(matches!(actions.as_slice(), [Action::Apply(_)]));
    assert_eq!(plan(&shown(), &observed, now() + Duration::minutes(1)), []);
    assert!(job_plan::is_mirror(&observed.mirrors[0]));
}

#[test]
fn a_users_webhook_address_is_not_told() {
    let mut reminder = view(1, 5, Phase::Scheduled);
    let url = "https://user:pass@hooks.example/secret?token=1".to_owned();
    reminder.channels = vec![domain::reminder::Channel::Webhook {
        url: Some(url.clone()),
        id: None,
    }];
    reminder.deliveries = vec![domain::internal_api::DeliveryView {
        channel: format!("webhook:{url}"),
        state: "Failed".into(),
        attempts: 1,
        delivered_at: None,
        last_error: Some(format!("POST {url}: refused")),
    }];
    let mut observed = Observed {
        upcoming: vec![reminder],
        ..Observed::default()
    };
    settle(&mut observed, now());
    let told = serde_json::to_string(&observed.mirrors).unwrap();
    assert!(!told.contains("secret") && !told.contains("pass"), "{told}");
    assert!(told.contains("webhook:https://hooks.example"));
}

#[test]
fn it_is_followed_to_its_end_and_goes_a_while_later() {
    let mut observed = Observed {
        upcoming: vec![view(1, 5, Phase::Scheduled)],
        ..Observed::default()
    };
    settle(&mut observed, now());
    observed.upcoming.clear();
    assert_eq!(unknown(&observed.mirrors, &[]), [Uuid::from_u128(1)]);
    let fired = now() + Duration::minutes(5);
    observed.others = vec![view(1, 5, Phase::Fired)];
    assert!(matches!(
        settle(&mut observed, fired).as_slice(),
        [Action::Status(_)]
    ));
    observed.others = vec![view(1, 5, Phase::Delivered)];
    assert!(matches!(
        settle(&mut observed, fired).as_slice(),
        [Action::Status(_)]
    ));
    assert!(unknown(&observed.mirrors, &[]).is_empty());
    observed.others.clear();
    assert_eq!(plan(&shown(), &observed, fired), []);
    let later = fired + SHOWN_AFTER_FINISH;
    assert_eq!(next_expiry(&observed.mirrors), Some(later));
    assert!(matches!(
        settle(&mut observed, later).as_slice(),
        [Action::Delete(_)]
    ));
}

#[test]
fn one_that_is_moved_out_of_sight_or_gone_is_not_shown() {
    for others in [vec![view(1, 500, Phase::Scheduled)], vec![]] {
        let mut observed = Observed {
            upcoming: vec![view(1, 5, Phase::Scheduled)],
            ..Observed::default()
        };
        settle(&mut observed, now());
        observed.upcoming.clear();
        observed.others = others;
        assert!(matches!(
            settle(&mut observed, now()).as_slice(),
            [Action::Delete(_)]
        ));
    }
}

#[test]
fn an_edit_is_shown_and_a_new_message_makes_another_object() {
    let mut observed = Observed {
        upcoming: vec![view(1, 5, Phase::Scheduled)],
        ..Observed::default()
    };
    settle(&mut observed, now());
    observed.upcoming = vec![view(1, 6, Phase::Scheduled)];
    assert!(matches!(
        settle(&mut observed, now()).as_slice(),
        [Action::Apply(_)]
    ));
    assert_eq!(
        observed.mirrors[0].spec.fire_at,
        now() + Duration::minutes(6)
    );
    observed.upcoming[0].message = "water the cactus".into();
    assert!(matches!(
        settle(&mut observed, now()).as_slice(),
        [Action::Delete(_)]
    ));
    assert!(matches!(
        settle(&mut observed, now()).as_slice(),
        [Action::Apply(_)]
    ));
}

/// Where a quota is full, nothing could be made before something goes.
#[test]
fn what_goes_comes_before_what_is_made() {
    let mut observed = Observed {
        upcoming: (1..=3).map(|n| view(n, 5, Phase::Scheduled)).collect(),
        ..Observed::default()
    };
    settle(&mut observed, now());
    // The first two are gone; the third has another message; three come anew, the nearest first.
    observed.upcoming.drain(..2);
    observed.upcoming[0].message = "water the cactus".into();
    observed
        .upcoming
        .extend((4..=6).map(|n| view(n, n as i64 + 2, Phase::Scheduled)));
    let actions = plan(&shown(), &observed, now());
    let goes: Vec<bool> = actions
        .iter()
        .map(|action| matches!(action, Action::Delete(_)))
        .collect();
    assert_eq!(goes, [true, true, true, false, false, false]);
    let made: Vec<_> = actions[3..]
        .iter()
        .map(|action| match action {
            Action::Apply(job) => shown_id(job),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(made, [4, 5, 6].map(|n| Some(Uuid::from_u128(n))));
}

#[test]
fn one_deleted_by_hand_comes_again_while_it_is_due() {
    let mut observed = Observed {
        upcoming: vec![view(1, 5, Phase::Scheduled)],
        ..Observed::default()
    };
    settle(&mut observed, now());
    observed.mirrors.clear();
    assert!(matches!(
        settle(&mut observed, now()).as_slice(),
        [Action::Apply(_)]
    ));
}

#[test]
fn a_snoozed_one_waits_again() {
    let mut observed = Observed {
        upcoming: vec![view(1, 0, Phase::Scheduled)],
        ..Observed::default()
    };
    settle(&mut observed, now());
    observed.upcoming.clear();
    observed.others = vec![view(1, 0, Phase::Delivered)];
    settle(&mut observed, now());
    observed.others.clear();
    observed.upcoming = vec![view(1, 10, Phase::Scheduled)];
    settle(&mut observed, now());
    let job = &observed.mirrors[0];
    assert!(!job_plan::is_finished(job));
    assert_eq!(job_plan::expiry(job, job.status.as_ref().unwrap()), None);
}

#[test]
fn switched_off_nothing_is_shown() {
    let mut observed = Observed {
        upcoming: vec![view(1, 5, Phase::Scheduled)],
        ..Observed::default()
    };
    settle(&mut observed, now());
    let mut shown = shown();
    shown.reminders.mirror_horizon_seconds = 0;
    assert!(matches!(
        plan(&shown, &observed, now()).as_slice(),
        [Action::Delete(_)]
    ));
}

#[test]
fn only_what_is_shown_or_near_concerns_the_mirror() {
    let reminders = RemindersSpec::default();
    let none = HashSet::new();
    let ours = HashSet::from([Uuid::from_u128(1)]);
    let far = view(1, 500, Phase::Scheduled);
    assert!(!concerns(&far, &none, &reminders, now()));
    assert!(concerns(&far, &ours, &reminders, now()));
    assert!(concerns(
        &view(1, 5, Phase::Pending),
        &none,
        &reminders,
        now()
    ));
    assert!(!concerns(
        &view(1, 5, Phase::Delivered),
        &none,
        &reminders,
        now()
    ));
    let mut other = view(1, 5, Phase::Scheduled);
    other.origin = Origin::Kubernetes;
    assert!(!concerns(&other, &none, &reminders, now()));
}

proptest! {
    /// Once the writes are done there is nothing more to write, and no more is shown than allowed.
    #[test]
    fn a_plan_that_was_applied_leaves_nothing_to_do(
        rounds in prop::collection::vec(
            prop::collection::vec((0..30_u128, -5..70_i64, 0..7_usize), 0..40), 1..6),
        limit in 0..12_i32,
    ) {
        const PHASES: [Phase; 7] = [
            Phase::Pending, Phase::Scheduled, Phase::Fired, Phase::Delivered,
            Phase::Failed, Phase::Missed, Phase::Cancelled,
        ];
        let mut shown = shown();
        shown.reminders.mirror_limit = limit;
        let mut observed = Observed::default();
        for (round, reminders) in rounds.iter().enumerate() {
            let at = now() + Duration::minutes(round as i64);
            let world: BTreeMap<u128, ReminderView> = reminders
                .iter()
                .map(|(n, minutes, phase)| (*n, view(*n, *minutes, PHASES[*phase])))
                .collect();
            // Twice: what cannot be changed is deleted first. The stack is asked each time.
            for _ in 0..2 {
                observe(&mut observed, &world, limit);
                let actions = plan(&shown, &observed, at);
                apply(&mut observed, &actions);
            }
            observe(&mut observed, &world, limit);
            prop_assert_eq!(plan(&shown, &observed, at), vec![]);
            prop_assert!(observed.mirrors.len() <= 2 * limit as usize);
        }
    }
}

fn observe(observed: &mut Observed, world: &BTreeMap<u128, ReminderView>, limit: i32) {
    let mut upcoming: Vec<_> = world
        .values()
        .filter(|v| v.phase.is_waiting())
        .cloned()
        .collect();
    upcoming.sort_by_key(|view| (view.fire_at, view.id));
    upcoming.truncate(limit as usize);
    let asked = unknown(&observed.mirrors, &upcoming);
    observed.others = asked
        .iter()
        .filter_map(|id| world.get(&id.as_u128()))
        .cloned()
        .collect();
    observed.upcoming = upcoming;
}
