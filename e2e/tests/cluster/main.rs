//! The main job, end to end, on a real cluster: see docs/architecture.md for the parts and
//! `e2e/run` for the cluster. The steps run in order, one after the other; any of them alone (name
//! it as an argument) installs what it needs first.

mod admission;
mod crash;
mod install;
mod manifests;
mod operator_restart;
mod recurrence;
mod repair;
mod task;
mod world;

use std::{pin::Pin, process::ExitCode, sync::Arc};

use anyhow::{Context, Result};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;
use world::{Shared, World};

type Step = for<'a> fn(&'a World) -> Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

/// Every step, in order: its name and what it does.
macro_rules! steps {
    ($($name:literal => $step:path,)*) => {
        [$(($name, (|world| Box::pin($step(world))) as Step)),*]
    };
}

fn main() -> Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let shared = Arc::new(Shared::default());
    let runtime = Arc::new(Runtime::new().context("an async runtime")?);
    let steps = steps![
        "1_the_stack_becomes_ready_with_a_sidecar_in_every_pod" => install::pods_are_ready,
        "1_the_topics_exist" => install::topics_exist,
        "1_dapr_loads_the_components_of_each_role" => install::components_are_loaded,
        "2_a_reminder_made_through_the_gateway_arrives_once_and_is_traced" => task::reminder_arrives,
        "2_a_refused_webhook_is_tried_again" => task::refused_webhook_is_retried,
        "2_a_change_is_streamed_to_its_user" => task::change_is_streamed,
        "3_completing_a_daily_task_makes_the_next" => recurrence::next_instance_appears,
        "4_a_reminder_job_goes_through_its_phases" => manifests::phases,
        "4_a_recurring_schedule_makes_reminder_jobs" => manifests::schedule,
        "4_a_deleted_reminder_job_never_fires" => manifests::deleted_never_fires,
        "5_reminders_fire_without_the_operator" => operator_restart::fires_without_operator,
        "6_a_killed_process_delivers_once" => crash::killed_process,
        "6_a_deleted_pod_delivers_once" => crash::deleted_pod,
        "7_what_was_changed_by_hand_is_repaired" => repair::drift,
        "7_a_deleted_stack_leaves_its_topics_only" => repair::deletion,
        "8_bad_manifests_are_refused_by_field" => admission::bad_manifests,
        "8_immutable_fields_stay" => admission::immutable_fields,
    ];
    let trials = steps.into_iter().map(|(name, step)| {
        let (shared, runtime) = (Arc::clone(&shared), Arc::clone(&runtime));
        Trial::test(name, move || {
            runtime
                .block_on(shared.run(name, step))
                .map_err(Failed::from)
        })
    });
    Ok(libtest_mimic::run(&arguments, trials.collect()).exit_code())
}
