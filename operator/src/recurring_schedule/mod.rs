//! Controller of RecurringSchedules: makes the ReminderJobs of the next occurrences. It wakes when
//! the next one is to be made; the ReminderJobs' own alarms are the stack's.

mod apply;
pub mod child;
mod counted;
pub mod plan;
pub mod series;
pub mod status;

use std::sync::Arc;

use crds::{LABEL_ORIGIN, RecurringSchedule, ReminderJob};
use kube::{
    Api, ResourceExt,
    core::DeserializeGuard,
    runtime::{
        Controller, WatchStreamExt, predicates,
        reflector::{self, store::Writer},
        watcher::{self, watcher},
    },
};
use tokio_util::sync::CancellationToken;

use crate::{context::Context, controller, reminder_job::stacks::gate};

type Guarded = DeserializeGuard<RecurringSchedule>;

/// Runs until `shutdown`.
pub async fn run(context: Arc<Context>, shutdown: CancellationToken) {
    let schedules: Api<Guarded> = context.watched();
    let (reader, writer) = reflector::store();
    let triggers = watcher(schedules, watcher::Config::default())
        .modify(|schedule| schedule.managed_fields_mut().clear())
        .default_backoff()
        .reflect(writer)
        .applied_objects()
        // Writing the status does not wake us.
        .predicate_filter(predicates::generation, Default::default());
    let jobs: Api<DeserializeGuard<ReminderJob>> = context.watched();
    let selector = watcher::Config::default().labels(&format!("{LABEL_ORIGIN}={}", child::ORIGIN));
    let (children, children_writer): (_, Writer<DeserializeGuard<ReminderJob>>) =
        reflector::store();
    let changed = watcher(jobs, selector)
        .modify(|job| job.managed_fields_mut().clear())
        .default_backoff()
        .reflect(children_writer)
        .touched_objects();
    let controller = Controller::for_stream(gate(children.clone(), triggers), reader)
        .with_config(kube::runtime::controller::Config::default().concurrency(4))
        .owns_stream(changed);
    let counted = Arc::new(counted::Counted::default());
    controller::drive("recurringschedule", controller, context, shutdown, {
        move |schedule, context| {
            let (children, counted) = (children.clone(), counted.clone());
            async move { apply::reconcile(&schedule, &context, &children, &counted).await }
        }
    })
    .await;
}
