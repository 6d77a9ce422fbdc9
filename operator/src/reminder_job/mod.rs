//! Controller of ReminderJobs: hands each to its stack's reminders service, follows it there, and
//! cancels it before it goes.
//!
//! It does not poll: the mirror hears from each stack what happens to its reminders, and what it
//! hears is reconciled here. Looking at single objects is only the backstop.

mod apply;
pub(crate) mod history;
mod memory;
mod observe;
pub mod plan;
pub mod request;
pub mod stacks;
pub mod status;

use std::sync::Arc;

use crds::ReminderJob;
use domain::internal_api::ReminderView;
use futures::{Stream, StreamExt, stream};
use kube::{
    Api, ResourceExt,
    core::DeserializeGuard,
    runtime::{
        Controller, WatchStreamExt, predicates,
        reflector::{self, ObjectRef, Store},
        watcher::{self, Event, watcher},
    },
};
use tokio_util::sync::CancellationToken;

use crate::{context::Context, controller, mirror::Notice};
use memory::Memory;
use stacks::{StackKey, Stacks};

pub(crate) use apply::write_status;
pub use observe::Seen;

type Guarded = DeserializeGuard<ReminderJob>;

/// Runs until `shutdown`.
pub async fn run(context: Arc<Context>, shutdown: CancellationToken) {
    let (stacks, changed) = stacks::watch(&context);
    let turns = stacks::turns(stacks.clone(), changed);
    let state = Arc::new(State {
        stacks,
        memory: Memory::default(),
    });
    let (jobs, writer) = reflector::store();
    let api: Api<Guarded> = context.watched();
    // Writing the status does not wake us: that is all that changes without the generation.
    let triggers = watcher(api, watcher::Config::default())
        .modify(|job| job.managed_fields_mut().clear())
        .default_backoff()
        .inspect({
            let state = state.clone();
            move |event| state.heed(event)
        })
        .reflect(writer)
        .applied_objects()
        .predicate_filter(predicates::generation, Default::default());
    let heard = heard(context.feed.notices(), jobs.clone(), state.clone());
    let turned = of_stacks(turns, jobs.clone());
    let controller = Controller::for_stream(state.stacks.gate(triggers), jobs)
        .with_config(kube::runtime::controller::Config::default().concurrency(16))
        .reconcile_on(heard)
        .reconcile_on(turned);
    controller::drive("reminderjob", controller, context, shutdown, {
        move |job, context| {
            let state = state.clone();
            async move { apply::reconcile(job, &context, &state).await }
        }
    })
    .await;
}

/// What the reconciles share.
struct State {
    stacks: Stacks,
    memory: Memory,
}

impl State {
    /// Nothing is remembered of a job that went without a last reconcile.
    fn heed(&self, event: &watcher::Result<Event<Guarded>>) {
        if let Ok(Event::Delete(job)) = event
            && let Some(id) = job.uid().and_then(|uid| uid.parse().ok())
        {
            self.memory.forget(id);
        }
    }
}

/// The jobs to reconcile because of notices.
fn heard(
    notices: impl Stream<Item = Notice> + Send + 'static,
    jobs: Store<Guarded>,
    state: Arc<State>,
) -> impl Stream<Item = ObjectRef<Guarded>> + Send + 'static {
    notices.flat_map(move |notice| {
        let wake = match notice {
            Notice::Changed(view) => changed(*view, &jobs, &state).into_iter().collect(),
            Notice::Missed { namespace, stack } => {
                waiting(&jobs, |job| of_stack(job, &namespace, &stack))
            }
            Notice::Lagged => waiting(&jobs, |_| true),
        };
        stream::iter(wake)
    })
}

fn changed(view: ReminderView, jobs: &Store<Guarded>, state: &State) -> Option<ObjectRef<Guarded>> {
    let (namespace, name) = view.object.as_deref()?.split_once('/')?;
    let object = ObjectRef::new(name).within(namespace);
    // The name may meanwhile belong to another job, made after the first was deleted.
    let uid = jobs.get(&object)?.uid()?;
    if uid != view.id.to_string() {
        return None;
    }
    state.memory.hear(view);
    Some(object)
}

/// The jobs to reconcile because their stack came or went.
fn of_stacks(
    turns: impl Stream<Item = StackKey> + Send + 'static,
    jobs: Store<Guarded>,
) -> impl Stream<Item = ObjectRef<Guarded>> + Send + 'static {
    turns.flat_map(move |(namespace, stack)| {
        stream::iter(waiting(&jobs, |job| of_stack(job, &namespace, &stack)))
    })
}

fn of_stack(job: &ReminderJob, namespace: &str, stack: &str) -> bool {
    job.spec.stack_ref.name == stack && job.namespace().as_deref() == Some(namespace)
}

/// The jobs that are not over and pass `wanted`.
fn waiting(
    jobs: &Store<Guarded>,
    wanted: impl Fn(&ReminderJob) -> bool,
) -> Vec<ObjectRef<Guarded>> {
    jobs.state()
        .iter()
        .filter_map(|guard| guard.0.as_ref().ok())
        .filter(|job| {
            let leaving = job.metadata.deletion_timestamp.is_some();
            !plan::is_mirror(job) && (leaving || !plan::is_finished(job)) && wanted(job)
        })
        .map(|job| ObjectRef::new(&job.name_any()).within(&job.namespace().unwrap_or_default()))
        .collect()
}
