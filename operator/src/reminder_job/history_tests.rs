use chrono::Duration;
use crds::DeliveryStatus;
use domain::internal_api::Origin;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn at(minute: i64) -> DateTime<Utc> {
    "2026-11-21T09:00:00Z".parse::<DateTime<Utc>>().unwrap() + Duration::minutes(minute)
}

fn view(phase: Phase) -> ReminderView {
    let fired = !phase.is_waiting() && phase != Phase::Missed && phase != Phase::Cancelled;
    ReminderView {
        id: Uuid::nil(),
        origin: Origin::Kubernetes,
        object: None,
        phase,
        message: "m".into(),
        task_id: None,
        fire_at: at(0),
        base_at: None,
        fired_at: fired.then(|| at(0) + Duration::milliseconds(1500)),
        lateness_ms: fired.then_some(1500),
        reason: None,
        generation: 1,
        channels: vec![],
        deliveries: vec![],
    }
}

fn delivery(attempts: i32, error: Option<&str>, delivered: Option<i64>) -> Vec<DeliveryStatus> {
    vec![DeliveryStatus {
        channel: "webhook".into(),
        state: delivered.map_or("Pending", |_| "Delivered").into(),
        attempts,
        delivered_at: delivered.map(at),
        last_error: error.map(Into::into),
    }]
}

fn told(status: &ReminderJobStatus) -> Vec<String> {
    status
        .history
        .iter()
        .map(|entry| format!("{} {}: {}", time(entry.at), entry.reason, entry.message))
        .collect()
}

#[test]
fn the_story_of_a_reminder_that_was_put_off_and_came_late() {
    let mut status = ReminderJobStatus::default();
    let mut tell = |view: &ReminderView, deliveries: Vec<DeliveryStatus>, minute: i64| {
        status.deliveries = deliveries;
        // Twice, as a backstop would.
        note(&mut status, view, None, false, at(minute));
        note(&mut status, view, None, false, at(minute + 1));
        told(&status)
    };
    tell(&view(Phase::Pending), vec![], -61);
    tell(&view(Phase::Scheduled), vec![], -60);
    let snoozed = ReminderView {
        base_at: Some(at(-30)),
        ..view(Phase::Pending)
    };
    tell(&snoozed, vec![], -40);
    tell(
        &ReminderView {
            phase: Phase::Scheduled,
            ..snoozed
        },
        vec![],
        -39,
    );
    tell(&view(Phase::Fired), delivery(0, None, None), 1);
    tell(&view(Phase::Fired), delivery(1, Some("HTTP 500"), None), 2);
    tell(&view(Phase::Fired), delivery(2, Some("HTTP 503"), None), 4);
    let story = tell(
        &view(Phase::Delivered),
        delivery(3, Some("HTTP 503"), Some(9)),
        10,
    );
    insta::assert_snapshot!(story.join("\n"), @r"
    2026-11-21T08:00:00Z Scheduled: to fire at 2026-11-21T09:00:00Z
    2026-11-21T08:20:00Z Snoozed: put off to 2026-11-21T09:00:00Z from 2026-11-21T08:30:00Z
    2026-11-21T09:00:01Z Fired: 1.5 s after its time
    2026-11-21T09:02:00Z Retrying: 1 attempts, 1 channels have yet to take it; webhook: HTTP 500
    2026-11-21T09:04:00Z Retrying: 2 attempts, 1 channels have yet to take it; webhook: HTTP 503
    2026-11-21T09:09:00Z Delivered: its channel took it, 3 attempts
    ");
}

#[test]
fn what_did_not_fire_says_why() {
    for (phase, why, suspended, expected) in [
        (
            Phase::Missed,
            Some("overdue by 900 s"),
            false,
            "Missed: overdue by 900 s",
        ),
        (
            Phase::Cancelled,
            None,
            false,
            "Cancelled: withdrawn before it fired",
        ),
        (
            Phase::Scheduled,
            None,
            true,
            "Suspended: held back by spec.suspend",
        ),
    ] {
        let mut status = ReminderJobStatus::default();
        note(&mut status, &view(phase), why, suspended, at(0));
        assert_eq!(told(&status), [format!("2026-11-21T09:00:00Z {expected}")]);
    }
}

proptest! {
    /// However much happens, few entries are kept, and what was noted is not noted again.
    #[test]
    fn the_same_again_adds_nothing(
        steps in prop::collection::vec((0..7_usize, 0..4_i32, any::<bool>(), any::<bool>()), 0..40),
    ) {
        const PHASES: [Phase; 7] = [
            Phase::Pending, Phase::Scheduled, Phase::Fired, Phase::Delivered,
            Phase::Failed, Phase::Missed, Phase::Cancelled,
        ];
        let mut status = ReminderJobStatus::default();
        for (minute, (phase, attempts, snoozed, suspended)) in steps.into_iter().enumerate() {
            let minute = i64::try_from(minute).unwrap();
            let error = (attempts > 0).then_some("x");
            status.deliveries = delivery(attempts, error, None);
            let mut view = view(PHASES[phase]);
            view.base_at = snoozed.then(|| at(-9));
            note(&mut status, &view, None, suspended, at(minute));
            let once = status.clone();
            note(&mut status, &view, None, suspended, at(minute + 1));
            prop_assert_eq!(&status, &once);
            prop_assert!(status.history.len() <= MOST);
        }
    }
}
