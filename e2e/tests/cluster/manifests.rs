//! Step 4: reminders from manifests.

use std::time::Duration;

use anyhow::{Result, ensure};
use chrono::{TimeDelta, Utc};
use crds::{LABEL_SCHEDULE, ReminderJob, ReminderPhase};
use domain::reminder::Phase;
use e2e::harness::{NAMESPACE, SINK_URL, STACK, eventually};
use futures::TryStreamExt;
use kube::{
    ResourceExt,
    api::ListParams,
    runtime::{WatchStreamExt, watcher},
};

use crate::world::{World, in_seconds, sleep_until, uid, unique};

/// A ReminderJob shows each phase, in order.
pub(crate) async fn phases(world: &World) -> Result<()> {
    let name = unique("phases");
    let watched = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let seen = watcher(world.reminder_jobs(), watched).applied_objects();
    // The sink's refusal makes the time between firing and delivery long enough to be seen.
    world.webhooks.refuse(1).await?;
    world.apply_reminder_job(&name, in_seconds(6)).await?;
    let mut phases: Vec<ReminderPhase> = Vec::new();
    let mut seen = std::pin::pin!(seen);
    let follow = async {
        while let Some(job) = seen.try_next().await? {
            if let Some(phase) = job.status.and_then(|status| status.phase) {
                if phases.last() != Some(&phase) {
                    phases.push(phase);
                }
                if phase.is_finished() {
                    return anyhow::Ok(());
                }
            }
        }
        Ok(())
    };
    let followed = tokio::time::timeout(Duration::from_secs(60), follow).await;
    use ReminderPhase::{Delivered, Fired, Pending, Scheduled};
    ensure!(
        phases == [Pending, Scheduled, Fired, Delivered],
        "its phases were {phases:?} (the watch: {followed:?})"
    );
    world.webhooks.still(1, &name, Duration::ZERO).await?;
    let columns = world
        .cluster
        .kubectl(&format!("get reminderjob {name} -n {NAMESPACE}"))
        .await?;
    ensure!(
        columns.contains("LATENESS-MS") && columns.contains("Delivered"),
        "{columns}"
    );
    world.delete_reminder_job(&name).await
}

/// A RecurringSchedule makes its next occurrences, which fire and create tasks.
pub(crate) async fn schedule(world: &World) -> Result<()> {
    let user = world.gateway.sign_up().await?;
    let name = unique("minutely");
    let start = in_seconds(8);
    let local = start
        .with_timezone(&chrono_tz::Asia::Kathmandu)
        .format("%Y-%m-%dT%H:%M:%S");
    let owner = &user.email;
    world
        .cluster
        .apply_text(&format!(
            r#"
apiVersion: todostack.dev/v1alpha1
kind: RecurringSchedule
metadata: {{name: {name}, namespace: {NAMESPACE}}}
spec:
  stackRef: {{name: {STACK}}}
  schedule:
    rrule: FREQ=MINUTELY
    start: "{local}"
    timeZone: Asia/Kathmandu
  taskTemplate:
    owner: {owner}
    title: {name}
    priority: P3
  reminder:
    message: {name}
    channels: [{{type: Webhook, url: "{SINK_URL}"}}]
"#
        ))
        .await?;
    let made = eventually("its ReminderJobs", Duration::from_secs(8), async || {
        let mut jobs = of(world, &name).await?;
        ensure!(jobs.len() >= 3, "it made {} of 3", jobs.len());
        jobs.sort_by_key(|job| job.spec.fire_at);
        Ok(jobs)
    })
    .await?;
    let times: Vec<_> = made.iter().take(3).map(|job| job.spec.fire_at).collect();
    let minutes = [0, 1, 2].map(|minutes| start + TimeDelta::minutes(minutes));
    ensure!(
        times == minutes,
        "its ReminderJobs fire at {times:?}, not {minutes:?}"
    );

    let first = made[0].name_any();
    let received = world.webhooks.one(&name, Duration::from_secs(20)).await?;
    ensure!(
        received.reminder.fire_at == start,
        "{received:?} is the first occurrence"
    );
    ensure!(
        received.late() < TimeDelta::seconds(2),
        "it came {} late",
        received.late()
    );
    world
        .reach_phase(&first, ReminderPhase::Delivered, Duration::from_secs(15))
        .await?;
    eventually(
        "the task of the occurrence",
        Duration::from_secs(5),
        async || {
            let tasks = user.open_tasks().await?;
            ensure!(
                tasks.len() == 1 && tasks[0].title == name,
                "the owner has {tasks:?}"
            );
            Ok(())
        },
    )
    .await?;
    // The next occurrence takes the place of the first.
    eventually(
        "a ReminderJob for the fourth",
        Duration::from_secs(15),
        async || {
            let jobs = of(world, &name).await?;
            let fourth = start + TimeDelta::minutes(3);
            ensure!(
                jobs.iter().any(|job| job.spec.fire_at == fourth),
                "there are {}",
                jobs.len()
            );
            Ok(())
        },
    )
    .await?;

    let words = format!("delete recurringschedule {name} -n {NAMESPACE} --timeout 60s");
    world.cluster.kubectl(&words).await?;
    eventually(
        "its ReminderJobs to be gone",
        Duration::from_secs(60),
        async || {
            let left = of(world, &name).await?.len();
            ensure!(left == 0, "{left} are left");
            Ok(())
        },
    )
    .await
}

/// The ReminderJobs that a RecurringSchedule made.
async fn of(world: &World, schedule: &str) -> Result<Vec<ReminderJob>> {
    let labels = ListParams::default().labels(&format!("{LABEL_SCHEDULE}={schedule}"));
    Ok(world.reminder_jobs().list(&labels).await?.items)
}

/// A ReminderJob that is deleted before its time does not fire, though the Dapr Job of its second rings.
pub(crate) async fn deleted_never_fires(world: &World) -> Result<()> {
    let name = unique("withdrawn");
    let at = in_seconds(15);
    world.apply_reminder_job(&name, at).await?;
    let within = Duration::from_secs(10);
    let job = world
        .reach_phase(&name, ReminderPhase::Scheduled, within)
        .await?;
    let reminder = uid(&job)?;
    let of_its_second = world.database.job_name(reminder).await?;
    let sidecar = world.sidecar("reminders").await?;
    eventually("the Dapr Job", Duration::from_secs(5), async || {
        ensure!(
            sidecar.has_job(&of_its_second).await?,
            "the scheduler holds no {of_its_second}"
        );
        Ok(())
    })
    .await?;

    world.delete_reminder_job(&name).await?;
    ensure!(
        Utc::now() < at,
        "deleting took until after its time; nothing was shown"
    );
    sleep_until(at).await;
    world
        .webhooks
        .still(0, &name, Duration::from_secs(4))
        .await?;
    let phase = world.database.phase(reminder).await?;
    ensure!(phase == Phase::Cancelled.as_str(), "its phase is {phase}");
    let firings = world.database.firings(reminder).await?;
    ensure!(firings == 0, "it was claimed {firings} times");
    Ok(())
}
