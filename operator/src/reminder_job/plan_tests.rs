use domain::internal_api::{DeliveryView, Origin};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{super::status::*, *};

const UID: &str = "6e2f4a52-7a5c-4d3e-9c53-0a8c1f0b7d11";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn now() -> DateTime<Utc> {
    at("2026-11-21T08:00:00Z")
}

fn job(more: Value) -> ReminderJob {
    let mut spec = json!({
        "stackRef": {"name": "demo"}, "fireAt": "2026-11-21T09:00:00Z", "message": "stand up",
    });
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    serde_json::from_value(json!({
        "apiVersion": "todostack.dev/v1alpha1", "kind": "ReminderJob",
        "metadata": {"name": "one", "namespace": "team", "uid": UID, "generation": 1},
        "spec": spec,
    }))
    .unwrap()
}

fn view(job: &ReminderJob, phase: Phase) -> ReminderView {
    let put = request::desired(job).unwrap();
    ReminderView {
        id: request::id(job).unwrap(),
        origin: Origin::Kubernetes,
        object: Some(put.object),
        phase,
        message: put.message,
        task_id: put.task_id,
        fire_at: put.fire_at,
        base_at: None,
        fired_at: None,
        lateness_ms: None,
        reason: None,
        generation: 1,
        channels: put.channels,
        deliveries: vec![],
    }
}

fn seen(job: &ReminderJob, phase: Phase) -> Outcome {
    Outcome::View(Box::new(view(job, phase)))
}

fn after(mut job: ReminderJob, outcome: &Outcome) -> ReminderJob {
    job.status = Some(status(&job, outcome, now()));
    job
}

fn ready(job: &ReminderJob) -> (String, String) {
    let conditions = &job.status.as_ref().unwrap().conditions;
    let ready = conditions::find(conditions, READY).unwrap();
    (ready.status.clone(), ready.reason.clone())
}

#[test]
fn a_new_job_is_pending_before_the_stack_answers() {
    let mut new = job(json!({}));
    let first = first_status(&new, now()).unwrap();
    assert_eq!(first.phase, Some(ReminderPhase::Pending));
    assert_eq!(news(None, &first), None);
    new.status = Some(first);
    assert!(!wants_view(&new), "it has yet to be sent");
    assert_eq!(first_status(&new, now()), None);
}

#[test]
fn a_new_one_is_sent_without_asking() {
    let job = job(
        json!({"taskTemplate": {"owner": "ada@example.com", "title": "Stand-up",
        "dueOffsetSeconds": 600, "priority": "P1"}, "channels": [{"type": "Webhook", "url": "https://a.example"}]}),
    );
    assert!(!wants_view(&job));
    let put = super::request(&job, &Seen::NotAsked).unwrap().unwrap();
    insta::assert_json_snapshot!("put", put);
    assert_eq!(
        request::desired(&job),
        Ok(put),
        "the same object gives the same request"
    );
}

#[test]
fn all_reminders_of_one_occurrence_create_one_task() {
    let task = |fire_at: &str, uid: &str, occurrence: &str| {
        let mut job = job(json!({"fireAt": fire_at, "taskTemplate": {
            "owner": "ada@example.com", "title": "Stand-up", "occurrence": occurrence}}));
        job.metadata.uid = Some(uid.into());
        job.owner_references_mut().push(
            k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference {
                kind: "RecurringSchedule".into(),
                uid: Uuid::from_u128(5).to_string(),
                ..Default::default()
            },
        );
        request::desired(&job).unwrap().task.unwrap().id
    };
    let nine = "2026-11-21T09:00:00Z";
    let first = task("2026-11-21T08:50:00Z", UID, nine);
    assert_eq!(
        first,
        task(nine, "00000000-0000-4000-8000-000000000009", nine)
    );
    assert_ne!(first, task(nine, UID, "2026-11-22T09:00:00Z"));
}

#[test]
fn moving_it_keeps_its_task() {
    let task = |fire_at: &str| {
        let job = job(json!({"fireAt": fire_at, "taskTemplate": {"owner": "a@b", "title": "t"}}));
        request::desired(&job).unwrap().task.unwrap()
    };
    let (a, b) = (task("2026-11-21T09:00:00Z"), task("2026-11-21T10:00:00Z"));
    assert_eq!(a.id, b.id);
    assert_ne!(a.due_at, b.due_at);
}

#[test]
fn what_the_stack_has_is_not_sent_again() {
    let job = job(json!({"fireAt": "2026-11-21T09:00:00.123456789Z"}));
    let job = after(job.clone(), &seen(&job, Phase::Scheduled));
    assert!(wants_view(&job));
    let known = Seen::View(Box::new(view(&job, Phase::Scheduled)));
    assert_eq!(super::request(&job, &known), Ok(None));
    assert!(super::request(&job, &Seen::Gone).unwrap().is_some());
    let failed = Seen::Failed(StackError::Unavailable("x".into()));
    assert_eq!(super::request(&job, &failed), Ok(None));
}

#[test]
fn an_edit_is_sent_and_one_after_the_firing_is_not() {
    let before = job(json!({}));
    let mut job = after(before.clone(), &seen(&before, Phase::Scheduled));
    job.metadata.generation = Some(2);
    job.spec.suspend = true;
    assert!(!wants_view(&job));
    assert!(
        super::request(&job, &Seen::NotAsked)
            .unwrap()
            .unwrap()
            .suspend
    );
    job.spec.fire_at = at("2026-11-21T10:00:00Z");
    let fired = Seen::View(Box::new(view(&before, Phase::Fired)));
    assert_eq!(super::request(&job, &fired), Ok(None));
}

#[test]
fn a_status_tells_what_the_stack_knows() {
    let job = job(json!({}));
    let mut view = view(&job, Phase::Failed);
    view.fired_at = Some(at("2026-11-21T09:00:00.012Z"));
    view.lateness_ms = Some(12);
    view.reason = Some("webhook: 410 Gone".into());
    view.deliveries = vec![DeliveryView {
        channel: "webhook".into(),
        state: "Failed".into(),
        attempts: 5,
        delivered_at: None,
        last_error: Some("410 Gone".into()),
    }];
    insta::assert_yaml_snapshot!(
        "failed",
        status(&job, &Outcome::View(Box::new(view)), now())
    );
}

#[test]
fn a_short_absence_does_not_touch_what_was_taken() {
    let job = job(json!({}));
    let waiting = after(job.clone(), &Outcome::NotAsked(StackState::NotReady));
    assert_eq!(ready(&waiting), ("False".into(), "StackNotReady".into()));
    let taken = after(job.clone(), &seen(&job, Phase::Scheduled));
    for outcome in [
        Outcome::NotAsked(StackState::NotReady),
        Outcome::Failed("connection refused".into()),
    ] {
        assert_eq!(after(taken.clone(), &outcome), taken);
    }
    let missing = after(taken, &Outcome::NotAsked(StackState::Missing));
    assert_eq!(ready(&missing), ("False".into(), "StackNotFound".into()));
}

#[test]
fn a_refusal_says_why_and_is_not_hammered() {
    let error = StackError::Refused {
        status: 422,
        detail: "task.owner: no such user".into(),
    };
    let outcome = Outcome::from_error(&error);
    let job = after(job(json!({})), &outcome);
    assert_eq!(ready(&job), ("False".into(), "Rejected".into()));
    let status = job.status.as_ref().unwrap();
    assert_eq!(
        next(&job, status, Some(&outcome), now()),
        Next::After(REFUSED_RETRY)
    );
    assert_eq!(
        next(&job, status, Some(&Outcome::Failed("x".into())), now()),
        Next::Retry
    );
}

#[test]
fn it_is_deleted_when_its_time_to_live_is_over() {
    let job = job(json!({"ttlSecondsAfterFinished": 60}));
    let job = after(job.clone(), &seen(&job, Phase::Delivered));
    let status = job.status.clone().unwrap();
    let left = |seconds| {
        next(
            &job,
            &status,
            None,
            now() + chrono::Duration::seconds(seconds),
        )
    };
    assert_eq!(left(59), Next::After(Duration::from_secs(1)));
    assert_eq!(left(60), Next::Delete);
    let mut kept = job.clone();
    kept.spec.ttl_seconds_after_finished = None;
    assert_eq!(next(&kept, &status, None, now()), Next::Wait);
}

#[test]
fn an_edit_of_one_that_is_over_is_answered_once() {
    let job = job(json!({}));
    let mut job = after(job.clone(), &seen(&job, Phase::Delivered));
    assert_eq!(finished_status(&job, now()), job.status.clone().unwrap());
    job.metadata.generation = Some(2);
    job.status = Some(finished_status(&job, now()));
    assert_eq!(ready(&job).1, "AlreadyFinished");
    let later = now() + chrono::Duration::hours(1);
    assert_eq!(finished_status(&job, later), job.status.clone().unwrap());
}

#[test]
fn one_that_is_deleted_stays_only_while_it_could_still_fire() {
    let waiting = job(json!({}));
    for (stack, expected) in [
        (StackState::Ready, Farewell::Cancel),
        (StackState::NotReady, Farewell::Hold),
        (StackState::Suspended, Farewell::Hold),
        (StackState::Deleting, Farewell::TryCancel),
        (StackState::Missing, Farewell::StackGone),
    ] {
        assert_eq!(farewell(&waiting, stack), expected, "{stack:?}");
        let over = after(waiting.clone(), &seen(&waiting, Phase::Delivered));
        assert_eq!(farewell(&over, stack), Farewell::Nothing, "{stack:?}");
    }
}

#[test]
fn the_label_alone_does_not_make_a_mirror() {
    let mut job = job(json!({}));
    job.labels_mut().insert(LABEL_ORIGIN.into(), "api".into());
    assert!(!is_mirror(&job));
}

#[test]
fn each_turn_is_told_once() {
    let job = job(json!({}));
    let pending = after(job.clone(), &seen(&job, Phase::Pending));
    assert_eq!(news(None, pending.status.as_ref().unwrap()), None);
    let mut earlier = pending.status.clone();
    for (phase, warning) in [
        (Phase::Scheduled, false),
        (Phase::Fired, false),
        (Phase::Delivered, false),
        (Phase::Failed, true),
        (Phase::Missed, true),
    ] {
        let current = status(&pending, &seen(&job, phase), now());
        let told = news(earlier.as_ref(), &current).unwrap();
        assert_eq!(
            (told.reason.as_str(), told.warning),
            (phase.as_str(), warning)
        );
        assert_eq!(news(Some(&current), &current), None);
        earlier = Some(current);
    }
    let refused = after(job.clone(), &Outcome::Refused("no such user".into()));
    let told = news(job.status.as_ref(), refused.status.as_ref().unwrap()).unwrap();
    assert!(told.warning && told.note.contains("no such user"));
}

fn any_phase() -> impl Strategy<Value = Phase> {
    prop::sample::select(vec![
        Phase::Pending,
        Phase::Scheduled,
        Phase::Fired,
        Phase::Delivered,
        Phase::Failed,
        Phase::Missed,
        Phase::Cancelled,
    ])
}

fn any_stack() -> impl Strategy<Value = StackState> {
    prop::sample::select(vec![
        StackState::Missing,
        StackState::Deleting,
        StackState::Suspended,
        StackState::NotReady,
    ])
}

#[derive(Clone, Debug)]
enum Happened {
    Seen(Phase),
    Away(StackState),
    Refused,
    Failed,
}

fn happened(job: &ReminderJob, what: &Happened) -> Outcome {
    match what {
        Happened::Seen(phase) => seen(job, *phase),
        Happened::Away(stack) => Outcome::NotAsked(*stack),
        Happened::Refused => Outcome::Refused("no".into()),
        Happened::Failed => Outcome::Failed("down".into()),
    }
}

proptest! {
    /// Seeing the same twice writes nothing the second time, whatever came before and however much
    /// later, and never asks for a look that comes at once.
    #[test]
    fn the_same_news_is_written_once(
        steps in prop::collection::vec(
            prop_oneof![
                any_phase().prop_map(Happened::Seen),
                any_stack().prop_map(Happened::Away),
                Just(Happened::Refused),
                Just(Happened::Failed),
            ], 1..8),
        pause in 1..100_000_i64,
    ) {
        let mut job = job(json!({}));
        for step in steps {
            let outcome = happened(&job, &step);
            job.status = Some(status(&job, &outcome, now()));
            let later = now() + chrono::Duration::seconds(pause);
            prop_assert_eq!(status(&job, &outcome, later), job.status.clone().unwrap());
            if let Next::After(pause) = next(&job, job.status.as_ref().unwrap(), Some(&outcome), later) {
                prop_assert!(pause >= Duration::from_secs(1));
            }
        }
    }
}

#[test]
fn one_that_was_snoozed_is_not_sent_again_until_its_own_time_is_another() {
    let job = job(json!({"delaySeconds": 7}));
    let job = after(job.clone(), &seen(&job, Phase::Scheduled));
    let mut snoozed = view(&job, Phase::Scheduled);
    assert_eq!(snoozed.fire_at, at("2026-11-21T09:00:07Z"));
    snoozed.base_at = Some(snoozed.fire_at);
    snoozed.fire_at = at("2026-11-21T11:30:00Z");
    let known = Seen::View(Box::new(snoozed.clone()));
    assert_eq!(super::request(&job, &known), Ok(None));
    let status = status(&job, &Outcome::View(Box::new(snoozed)), now());
    assert_eq!(status.fire_at, Some(at("2026-11-21T11:30:00Z")));
    assert_eq!(status.history.last().unwrap().reason, "Snoozed");
    let mut moved = job;
    moved.spec.fire_at = at("2026-11-21T10:00:00Z");
    assert!(super::request(&moved, &known).unwrap().is_some());
}
