//! Step 2: from a task with a reminder to a signed webhook, and every trace on the way.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{TimeDelta, Utc};
use crds::{LABEL_ORIGIN, ReminderPhase};
use e2e::harness::{SINK_URL, TOPIC_PREFIX, eventually};
use kube::{ResourceExt, api::ListParams};
use serde_json::json;
use uuid::Uuid;

use crate::world::{World, unique};

/// What the issue allows between a reminder's time and its webhook.
const LATEST: TimeDelta = TimeDelta::seconds(2);

pub(crate) async fn reminder_arrives(world: &World) -> Result<()> {
    let user = world.gateway.sign_up().await?;
    let channel = user.add_webhook(SINK_URL).await?;
    let webhooks = world.webhooks.signed_with(channel.secret);

    let start = Utc::now() - TimeDelta::seconds(1);
    let at = Utc::now() + TimeDelta::seconds(5);
    let title = unique("buy-milk");
    let task = user.task_with_reminder(&title, at).await?;
    ensure!(task.title == title, "{task:?} should be titled {title}");

    // An independent client reads the event, keyed by its task.
    let topic = format!("{TOPIC_PREFIX}task-events");
    let id = task.id.to_string();
    let within = Duration::from_secs(10);
    let created = world
        .kafka
        .event(&topic, start, "task.created", id.clone(), within)
        .await?;
    ensure!(
        created.key == id,
        "its Kafka key is {:?}, not the task {id}",
        created.key
    );
    ensure!(
        created.attribute("specversion") == "1.0",
        "no CloudEvent: {}",
        created.event
    );
    ensure!(
        created.event["data"]["title"] == title.as_str(),
        "{}",
        created.event
    );

    // kubectl sees the reminder before it fires.
    let mirrored = mirrored(world, task.id).await?;

    let received = webhooks.one(&id, Duration::from_secs(15)).await?;
    ensure!(
        received.late() < LATEST,
        "the webhook came {} late",
        received.late()
    );
    ensure!(
        received.late() >= TimeDelta::zero(),
        "the webhook came {} early",
        -received.late()
    );
    ensure!(
        received.reminder.task_id == Some(task.id),
        "{:?}",
        received.reminder
    );

    let topic = format!("{TOPIC_PREFIX}reminders");
    let due = world
        .kafka
        .event(&topic, start, "reminder.due", id.clone(), within)
        .await?;
    ensure!(
        due.attribute("subject") == id,
        "the subject of {} is not {id}",
        due.event
    );

    world
        .reach_phase(&mirrored, ReminderPhase::Delivered, Duration::from_secs(15))
        .await?;
    eventually("the audit trail", Duration::from_secs(10), async || {
        let trail = world.database.audited(&id).await?;
        for kind in ["task.created", "reminder.due", "reminder.delivered"] {
            ensure!(
                trail.iter().filter(|k| *k == kind).count() == 1,
                "one {kind} in {trail:?}"
            );
        }
        Ok(())
    })
    .await?;

    // Exactly once: nothing more comes, and it was claimed once.
    webhooks.still(1, &id, Duration::from_secs(3)).await?;
    let firings = world
        .database
        .firings(received.reminder.reminder_id)
        .await?;
    ensure!(firings == 1, "the reminder was claimed {firings} times");
    Ok(())
}

/// Name of the ReminderJob that shows the reminder of this task.
async fn mirrored(world: &World, task: Uuid) -> Result<String> {
    let id = task.to_string();
    eventually(
        "a mirrored ReminderJob",
        Duration::from_secs(5),
        async || {
            let ours = ListParams::default().labels(&format!("{LABEL_ORIGIN}=api"));
            let jobs = world.reminder_jobs().list(&ours).await?;
            let of_task = |job: &&crds::ReminderJob| {
                job.spec.task_ref.as_ref().is_some_and(|task| task.id == id)
            };
            let job = jobs.iter().find(of_task);
            let job =
                job.with_context(|| format!("none of {} is about task {id}", jobs.items.len()))?;
            Ok(job.name_any())
        },
    )
    .await
}

pub(crate) async fn refused_webhook_is_retried(world: &World) -> Result<()> {
    let user = world.gateway.sign_up().await?;
    let channel = user.add_webhook(SINK_URL).await?;
    let webhooks = world.webhooks.signed_with(channel.secret);
    webhooks.refuse(1).await?;
    let at = Utc::now() + TimeDelta::seconds(2);
    let task = user.task_with_reminder(&unique("stubborn"), at).await?;
    let id = task.id.to_string();

    let taken = webhooks.one(&id, Duration::from_secs(20)).await?;
    let all = webhooks.deliveries(&id).await?;
    ensure!(all.len() == 2, "one refusal and one success, not {all:#?}");
    ensure!(
        all.iter().all(|delivery| delivery.webhook_id == taken.id),
        "each attempt has the same webhook-id: {all:#?}"
    );
    Ok(())
}

/// A second device of the same user hears of the change; another user's does not.
pub(crate) async fn change_is_streamed(world: &World) -> Result<()> {
    let cluster = &world.cluster;
    let user = world.gateway.sign_up().await?;
    let other = world.gateway.sign_up().await?;
    let mut stream = user
        .changes(cluster.client.clone(), cluster.settings.reach)
        .await?;
    let mut elsewhere = other
        .changes(cluster.client.clone(), cluster.settings.reach)
        .await?;
    let task = user
        .create_task(&json!({"title": unique("shared-list")}))
        .await?;
    let id = task.id.to_string();
    stream.mention(&id, Duration::from_secs(10)).await?;
    let leaked = elsewhere.mention(&id, Duration::from_secs(2)).await;
    ensure!(leaked.is_err(), "another user's stream has task {id}");
    Ok(())
}
