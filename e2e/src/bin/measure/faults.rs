//! Kills and pauses the parts of a stack on the cluster, one after the other, under load, and says what
//! became of each reminder. `e2e/faults` does more of that, without Kubernetes; here are the operator, the
//! API server, and pods that the kubelet starts again.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use e2e::harness::{
    Cluster, DAPR_NAMESPACE, Gateway, NAMESPACE, OPERATOR_NAMESPACE, Process, ROLES, SINK_URL,
    Signal, User, Webhooks, containers_of, processes_beside_us, signal,
};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, PostParams},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{delays::rank, load::reminder_job};

/// Users of the API.
const USERS: usize = 10;
/// Between two writes.
const PACE: Duration = Duration::from_millis(100);
/// Of so many writes one is a ReminderJob, and one is a task that is deleted again.
const EVERY: usize = 10;
/// From one fault to the next.
const APART: Duration = Duration::from_secs(15);
/// How long a part is paused.
const PAUSED: Duration = Duration::from_secs(8);
/// A write is tried again for so long.
const INSISTENCE: TimeDelta = TimeDelta::seconds(90);
/// A deletion is asked for so long before the reminder's time that it must win.
const IN_TIME: TimeDelta = TimeDelta::seconds(2);
/// After the last reminder's time.
const PATIENCE: Duration = Duration::from_secs(100);

/// What is done.
struct Fault {
    name: String,
    /// The processes it is done to.
    processes: Vec<Process>,
    /// They go on after [`PAUSED`]; else they are killed.
    pause: bool,
}

/// What the stack was asked for and acknowledged.
#[derive(Debug, Clone)]
struct Asked {
    at: DateTime<Utc>,
    /// It was deleted, acknowledged in time; or it is not known whether, or not in time.
    deleted: Deleted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deleted {
    No,
    InTime,
    Perhaps,
}

/// Reminders by their message.
type Ledger = Arc<Mutex<HashMap<String, Asked>>>;

fn note(ledger: &Ledger, message: String, at: DateTime<Utc>, deleted: Deleted) {
    let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
    ledger.insert(message, Asked { at, deleted });
}

/// Runs all faults and tabulates what came of the reminders.
pub(crate) async fn table(cluster: &Cluster) -> Result<String> {
    let reach = cluster.settings.reach;
    let gateway = Gateway::open(cluster.client.clone(), reach).await?;
    let mut users = Vec::new();
    for _ in 0..USERS {
        users.push(gateway.sign_up().await?);
    }
    let channel = users[0].add_webhook(SINK_URL).await?;
    let webhooks = Webhooks::open(cluster.client.clone(), reach, channel.secret).await?;
    let marker = format!("f{}", &Uuid::new_v4().simple().to_string()[..8]);
    let ledger = Ledger::default();
    let stop = CancellationToken::new();
    let work = tokio::spawn(write(
        cluster.clone(),
        users,
        marker.clone(),
        ledger.clone(),
        stop.clone(),
    ));
    tokio::time::sleep(APART).await;
    let mut begun = vec![("nothing yet".to_owned(), DateTime::UNIX_EPOCH)];
    for name in names() {
        let fault = fault(cluster, &name).await?;
        eprintln!("faults: {}", fault.name);
        begun.push((fault.name.clone(), Utc::now()));
        inject(&fault).await?;
        tokio::time::sleep(APART).await;
    }
    stop.cancel();
    work.await.context("the writers")??;
    let ledger = std::mem::take(&mut *ledger.lock().unwrap_or_else(PoisonError::into_inner));
    let last = ledger.values().map(|asked| asked.at).max();
    let last = last.context("nothing was written")?;
    eprintln!("faults: {} reminders; waiting for the last", ledger.len());
    tokio::time::sleep((last - Utc::now()).to_std().unwrap_or_default() + PATIENCE).await;
    let arrivals = webhooks.arrivals(&marker).await?;
    delete_jobs(cluster, &marker).await?;
    judge(&begun, &ledger, &arrivals)
}

/// Parts by what is done to them.
fn names() -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for role in ROLES {
        names.push(format!("kill {role}"));
        names.push(format!("kill daprd of {role}"));
    }
    for role in ["reminders", "relay", "notifications"] {
        names.push(format!("pause {role}"));
    }
    let others = [
        "kill operator",
        "pause API server",
        "pause Kafka",
        "pause Postgres",
        "kill every scheduler",
    ];
    names.extend(others.map(str::to_owned));
    names
}

async fn fault(cluster: &Cluster, name: &str) -> Result<Fault> {
    let (verb, what) = name.split_once(' ').context("a verb and a part")?;
    let processes = match what {
        "operator" => of_pods(cluster, OPERATOR_NAMESPACE, "", "todostack-operator").await?,
        "every scheduler" => {
            of_pods(
                cluster,
                DAPR_NAMESPACE,
                "app=dapr-scheduler-server",
                "scheduler",
            )
            .await?
        }
        "API server" => processes_beside_us("kube-apiserver"),
        "Kafka" => processes_beside_us("java"),
        "Postgres" => processes_beside_us("postgres"),
        _ => {
            let (program, role) = match what.strip_prefix("daprd of ") {
                Some(role) => ("daprd", role),
                None if what == "gateway" => ("todostack-gateway", what),
                None => ("todostack-services", what),
            };
            let of_role = format!("app.kubernetes.io/component={role}");
            of_pods(cluster, NAMESPACE, &of_role, program).await?
        }
    };
    ensure!(!processes.is_empty(), "{name}: no such process runs here");
    Ok(Fault {
        name: name.to_owned(),
        processes,
        pause: verb == "pause",
    })
}

/// The processes of pods that run this program.
async fn of_pods(
    cluster: &Cluster,
    namespace: &str,
    labels: &str,
    program: &str,
) -> Result<Vec<Process>> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let mut found = Vec::new();
    for pod in pods
        .list(&ListParams::default().labels(labels))
        .await?
        .items
    {
        let processes = containers_of(&pod.uid().context("a pod has a UID")?);
        found.extend(
            processes
                .into_iter()
                .filter(|process| process.runs(program)),
        );
    }
    Ok(found)
}

async fn inject(fault: &Fault) -> Result<()> {
    if !fault.pause {
        for process in &fault.processes {
            signal(process, Signal::Kill).await?;
        }
        return Ok(());
    }
    for process in &fault.processes {
        signal(process, Signal::Stop).await?;
    }
    tokio::time::sleep(PAUSED).await;
    for process in &fault.processes {
        // One that the kubelet took for dead is gone.
        let _ = signal(process, Signal::Continue).await;
    }
    Ok(())
}

/// Asks for reminders until `stop`, each of them until it is acknowledged.
async fn write(
    cluster: Cluster,
    users: Vec<User>,
    marker: String,
    ledger: Ledger,
    stop: CancellationToken,
) -> Result<()> {
    let mut under_way = tokio::task::JoinSet::new();
    for n in 0.. {
        tokio::select! {
            () = tokio::time::sleep(PACE) => {}
            () = stop.cancelled() => break,
        }
        let (cluster, ledger) = (cluster.clone(), ledger.clone());
        let user = users[n % users.len()].clone();
        let message = format!("{marker}-{n}-");
        // 3 to 33 s ahead, each another time within its second.
        let ahead = 3_000 + (n as i64 * 7_919) % 30_000;
        let at = Utc::now() + TimeDelta::milliseconds(ahead);
        let marker = marker.clone();
        under_way.spawn(async move {
            if n % EVERY == 0 {
                ask_for_job(&cluster, &marker, n, &message, at).await?;
                note(&ledger, message, at, Deleted::No);
                return anyhow::Ok(());
            }
            let id = Uuid::now_v7();
            let task = json!({"id": id, "title": message, "reminders": [{"at": at}]});
            insist(|| {
                let (user, task) = (user.clone(), task.clone());
                async move { user.create_task(&task).await.map(drop) }
            })
            .await?;
            // Acknowledged after its time it cannot be on time.
            let at = at.max(Utc::now());
            note(&ledger, message.clone(), at, Deleted::No);
            if n % EVERY == 1 {
                note(&ledger, message.clone(), at, Deleted::Perhaps);
                insist(|| {
                    let user = user.clone();
                    async move { user.delete_task(id).await }
                })
                .await?;
                if Utc::now() + IN_TIME < at {
                    note(&ledger, message, at, Deleted::InTime);
                }
            }
            Ok(())
        });
    }
    while let Some(done) = under_way.join_next().await {
        done.context("a writer")??;
    }
    Ok(())
}

async fn ask_for_job(
    cluster: &Cluster,
    marker: &str,
    n: usize,
    message: &str,
    at: DateTime<Utc>,
) -> Result<()> {
    let jobs: Api<crds::ReminderJob> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let job = reminder_job(marker, n, message, at)?;
    insist(|| {
        let (jobs, job) = (jobs.clone(), job.clone());
        async move {
            match jobs.create(&PostParams::default(), &job).await {
                // Its answer was lost.
                Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
                done => done.map(drop).context("creating a ReminderJob"),
            }
        }
    })
    .await
}

/// Tries until it is done.
async fn insist<F: Future<Output = Result<()>>>(act: impl Fn() -> F) -> Result<()> {
    let end = Utc::now() + INSISTENCE;
    loop {
        match act().await {
            Ok(()) => return Ok(()),
            Err(error) if Utc::now() > end => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(300)).await,
        }
    }
}

/// Deletes the ReminderJobs of a load. The API server ends a request after a minute, in which a slow disk does
/// not delete some thousand.
pub(crate) async fn delete_jobs(cluster: &Cluster, marker: &str) -> Result<()> {
    let jobs: Api<crds::ReminderJob> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let ours = ListParams::default().labels(&format!("load={marker}"));
    let parameters = DeleteParams::default();
    insist(|| async {
        let deleted = jobs.delete_collection(&parameters, &ours).await;
        deleted.context("deleting the ReminderJobs").map(drop)
    })
    .await
}

/// What became of the reminders, by the fault before their time.
fn judge(
    begun: &[(String, DateTime<Utc>)],
    ledger: &HashMap<String, Asked>,
    arrivals: &[e2e::harness::Received],
) -> Result<String> {
    let mut came: HashMap<&str, Vec<&e2e::harness::Received>> = HashMap::new();
    for arrival in arrivals {
        came.entry(arrival.reminder.message.as_str())
            .or_default()
            .push(arrival);
    }
    let mut table = String::from(
        "| fault | reminders | lost | twice | the same again | early | after its deletion | late p50 | p99 | max |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    let mut broken = 0;
    for (index, (name, from)) in begun.iter().enumerate() {
        let until = begun
            .get(index + 1)
            .map_or(DateTime::<Utc>::MAX_UTC, |(_, begin)| *begin);
        let (mut count, mut lost, mut twice, mut again, mut early, mut dead) = (0, 0, 0, 0, 0, 0);
        let mut late = Vec::new();
        let due = ledger
            .iter()
            .filter(|(_, asked)| *from <= asked.at && asked.at < until);
        for (message, asked) in due {
            count += 1;
            let got = came.get(message.as_str()).map_or(&[][..], Vec::as_slice);
            let ids: HashSet<&str> = got.iter().map(|one| one.id.as_str()).collect();
            match asked.deleted {
                Deleted::InTime => dead += usize::from(!got.is_empty()),
                Deleted::Perhaps => {}
                Deleted::No => lost += usize::from(got.is_empty()),
            }
            twice += ids.len().saturating_sub(1);
            again += got.len() - ids.len();
            if let Some(first) = got.iter().min_by_key(|one| one.at) {
                early += usize::from(first.late() < TimeDelta::zero());
                late.push(first.at - asked.at);
            }
        }
        broken += lost + twice + early + dead;
        late.sort();
        let [p50, p99, max] = [50, 99, 100].map(|percent| rank(&late, percent));
        // Writing to a String cannot fail.
        let _ = writeln!(
            table,
            "| {name} | {count} | {lost} | {twice} | {again} | {early} | {dead} | {p50} ms | {p99} ms | {max} ms |"
        );
    }
    ensure!(broken == 0, "{broken} promises were broken:\n{table}");
    Ok(table)
}
