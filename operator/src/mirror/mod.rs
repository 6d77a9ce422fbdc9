//! The mirror: shows the nearest reminders of a stack's users as ReminderJobs, and hears what happens
//! to all of its reminders.
//!
//! One task for each stack whose reminders service runs. Reminders that users make live in Postgres;
//! only those within the horizon, and no more than the limit, are ever in etcd.

mod feed;
pub mod plan;
mod task;

use std::{collections::HashMap, sync::Arc};

use crds::{LABEL_ORIGIN, ReminderJob};
use futures::{FutureExt, StreamExt};
use kube::{
    Api, ResourceExt,
    core::DeserializeGuard,
    runtime::{
        WatchStreamExt,
        reflector::{self, Store},
        watcher::{self, watcher},
    },
};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    context::Context,
    reminder_job::stacks::{self, StackKey, StackState},
};
use plan::Shown;

pub use feed::{Feed, Notice};

type Mirrors = Store<DeserializeGuard<ReminderJob>>;

/// Runs until `shutdown`.
pub async fn run(context: Arc<Context>, shutdown: CancellationToken) {
    let (stacks, changes) = stacks::watch(&context);
    let (mirrors, writer) = reflector::store();
    let api: Api<DeserializeGuard<ReminderJob>> = context.watched();
    let selector = watcher::Config::default().labels(&format!("{LABEL_ORIGIN}=api"));
    let watch_mirrors = watcher(api, selector)
        .modify(|job| job.managed_fields_mut().clear())
        .default_backoff()
        .reflect(writer)
        .for_each(|event| {
            if let Err(error) = event {
                tracing::warn!(%error, "the watch of mirrored ReminderJobs failed; it is tried again");
            }
            std::future::ready(())
        });
    let mut tasks = JoinSet::new();
    tasks.spawn(watch_mirrors);
    let mut running: HashMap<StackKey, Running> = HashMap::new();
    let mut changes = Box::pin(stacks::gate(mirrors.clone(), changes));
    loop {
        let key = tokio::select! {
            () = shutdown.cancelled() => break,
            Some(key) = changes.next() => key,
        };
        let shown = stacks
            .get(&key.0, &key.1)
            .filter(|stack| StackState::of(Some(stack)) == StackState::Ready)
            .and_then(|stack| {
                Some(Shown {
                    namespace: key.0.clone(),
                    stack: key.1.clone(),
                    uid: stack.uid()?,
                    reminders: stack.spec.reminders.clone(),
                })
            });
        match shown {
            Some(shown) => {
                let running = running.entry(key).or_insert_with(|| {
                    start(&context, &mirrors, shown.clone(), &shutdown, &mut tasks)
                });
                running.shown.send_if_modified(|before| {
                    let changed = *before != shown;
                    *before = shown;
                    changed
                });
            }
            None => {
                if let Some(running) = running.remove(&key) {
                    running.stop.cancel();
                }
                if stacks.state(&key.0, &key.1) == StackState::Missing {
                    context.stacks.forget(&key.0, &key.1);
                }
            }
        }
    }
    tasks.shutdown().await;
}

/// A task and how to reach it.
struct Running {
    shown: watch::Sender<Shown>,
    stop: CancellationToken,
}

fn start(
    context: &Arc<Context>,
    mirrors: &Mirrors,
    shown: Shown,
    shutdown: &CancellationToken,
    tasks: &mut JoinSet<()>,
) -> Running {
    let stop = shutdown.child_token();
    let (sender, receiver) = watch::channel(shown);
    let task = task::Task::new(context.clone(), mirrors.clone(), receiver);
    tasks.spawn(stop.clone().run_until_cancelled_owned(task.run()).map(drop));
    Running {
        shown: sender,
        stop,
    }
}
