//! Sockets that are told of changes: how long after the commit, and what they cost.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use futures::{SinkExt as _, StreamExt as _, future::try_join_all};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::mpsc, task::JoinSet};
use tokio_tungstenite::{
    client_async_with_config,
    tungstenite::{Message, client::IntoClientRequest as _, protocol::WebSocketConfig},
};
use uuid::Uuid;

use crate::{
    Bench,
    dev::Dev,
    finish,
    http::{self, Connection},
    part,
    report::{Report, Spread, Table, met, milliseconds},
    say,
    sink::Sink,
};

/// Sockets of one user.
const OF_A_USER: usize = 10;

/// Changes in a second.
const RATE: u32 = 20;

/// A socket is told within this after the commit (p99), in milliseconds.
const TARGET: f64 = 500.0;

/// The whole process takes less than this with 10,000 sockets under load, in MiB.
const MEMORY: f64 = 200.0;

/// Time before the memory without sockets is read.
const SETTLED: Duration = Duration::from_secs(10);

/// Connections that are opened at once.
const AT_ONCE: usize = 100;

/// When a socket was told of which task.
type Seen = (String, Instant);

/// Measures it.
///
/// # Errors
/// What failed.
pub(crate) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let sink = Sink::start()?;
    let mut report = Report::new("sockets", "WebSockets that are told of changes");
    let mut table = Table::new(&[
        "sockets",
        "told after the commit, p50 / p99 / max",
        "target, p99",
        "met",
        "memory without / with them / under load",
        "of one socket",
        "target, under load",
        "met",
    ]);
    let mut figures = Vec::new();
    for count in [bench.pick(1_000, 50), bench.pick(10_000, 200)] {
        let users = count / OF_A_USER;
        let name = format!("sockets{count}");
        let dev = Dev::start(bench, &name, users, &sink.url).await?;
        // What the start took is given back by then.
        tokio::time::sleep(SETTLED).await;
        let before = memory(&dev)?;
        let (seen, told) = mpsc::unbounded_channel();
        let mut sockets = JoinSet::new();
        for first in (0..count).step_by(AT_ONCE) {
            let opening = (first..count.min(first + AT_ONCE))
                .map(|n| open(&dev.address, &dev.tokens[n / OF_A_USER], seen.clone()));
            for socket in try_join_all(opening).await? {
                sockets.spawn(socket);
            }
        }
        drop(seen);
        tokio::time::sleep(Duration::from_secs(2)).await;
        let open = memory(&dev)?;
        let time = Duration::from_secs(bench.pick(30, 3));
        let (times, missing) = change(&dev, told, time).await?;
        let loaded = memory(&dev)?;
        let spread = Spread::of(times);
        say(format!(
            "{count} sockets: {loaded:.0} MiB, p99 {}",
            milliseconds(spread.p99)
        ));
        anyhow::ensure!(
            missing == 0,
            "{missing} notices of {count} sockets did not come"
        );
        table.push(vec![
            count.to_string(),
            spread.cells().join(" / "),
            format!("< {}", milliseconds(TARGET)),
            met(spread.p99 < TARGET),
            format!("{before:.0} / {open:.0} / {loaded:.0} MiB"),
            format!("{:.1} KiB", (open - before) * 1024.0 / count as f64),
            format!("< {MEMORY:.0} MiB"),
            met(loaded < MEMORY),
        ]);
        figures.push(json!({
            "sockets": count, "milliseconds": spread, "memoryMiB": {
                "before": before, "open": open, "underLoad": loaded,
            },
        }));
    }
    report.tables.push(table);
    report.notes.push(format!(
        "`todostack dev`: gateway, relay, sync service and sockets in one process, with the in-process \
         transport. {OF_A_USER} sockets of each user; {RATE} tasks are made in a second, by users in turn. \
         The time runs from the answer of the gateway, which follows the commit, to the message at the \
         client, for every socket of the user. Memory is that of the whole process; of one socket, what it has \
         more with them."
    ));
    Ok(finish(report, json!(figures)))
}

fn memory(dev: &Dev) -> anyhow::Result<f64> {
    let memory = part::memory(dev.part.pid);
    memory
        .map(|memory| memory.now)
        .ok_or_else(|| dev.part.failure("ended"))
}

/// The part of a message that matters here.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Told {
    Ready,
    Subscribed,
    Change {
        data: Value,
    },
    #[serde(other)]
    Other,
}

/// Opens a socket; what it gives back listens for as long as the other end is there.
async fn open(
    address: &str,
    token: &str,
    seen: mpsc::UnboundedSender<Seen>,
) -> anyhow::Result<impl Future<Output = ()> + use<>> {
    let mut request = format!("ws://{address}/v1/ws").into_client_request()?;
    let value = format!("Bearer {token}").parse()?;
    request.headers_mut().insert("authorization", value);
    let stream = TcpStream::connect(address)
        .await
        .context("10,000 sockets need `ulimit -n 65536`")?;
    let config = WebSocketConfig::default().read_buffer_size(1024);
    let (mut socket, _) = client_async_with_config(request, stream, Some(config)).await?;
    socket
        .send(Message::text(r#"{"type":"subscribe"}"#))
        .await?;
    for expected in ["ready", "subscribed"] {
        let message = socket.next().await.context("the socket ended")??;
        let told: Told = serde_json::from_str(message.to_text()?)?;
        anyhow::ensure!(
            matches!(told, Told::Ready | Told::Subscribed),
            "{message} is not {expected}"
        );
    }
    Ok(async move {
        while let Some(Ok(message)) = socket.next().await {
            let at = Instant::now();
            if let Message::Text(text) = message
                && let Ok(Told::Change { data }) = serde_json::from_str(&text)
                && let Some(id) = data["taskId"].as_str()
                && seen.send((id.to_owned(), at)).is_err()
            {
                return;
            }
        }
    })
}

/// Makes tasks for so long. How many milliseconds after its answer each socket was told, and how many
/// were not within ten seconds after the last.
async fn change(
    dev: &Dev,
    mut told: mpsc::UnboundedReceiver<Seen>,
    time: Duration,
) -> anyhow::Result<(Vec<f64>, usize)> {
    let mut connection = Connection::open(&dev.address).await?;
    let mut request = Vec::new();
    let mut answered: HashMap<String, Instant> = HashMap::new();
    let mut turn = tokio::time::interval(Duration::from_secs(1) / RATE);
    let rounds = u32::try_from(time.as_secs())? * RATE;
    for n in 0..rounds as usize {
        turn.tick().await;
        let id = Uuid::now_v7().to_string();
        let body = format!(r#"{{"id":"{id}","title":"Water the plants"}}"#);
        let token = &dev.tokens[n % dev.tokens.len()];
        http::request(&mut request, "POST", "/v1/tasks", token, &body);
        let (status, _) = connection.call(&request).await?;
        anyhow::ensure!(status == 201, "a task was answered {status}");
        answered.insert(id, Instant::now());
    }
    let expected = answered.len() * OF_A_USER;
    let mut times = Vec::with_capacity(expected);
    while times.len() < expected {
        let next = tokio::time::timeout(Duration::from_secs(10), told.recv()).await;
        let Ok(Some((id, at))) = next else {
            break;
        };
        if let Some(since) = answered.get(&id) {
            // It may come before the answer.
            let late = at.saturating_duration_since(*since);
            times.push(late.as_secs_f64() * 1000.0);
        }
    }
    let missing = expected - times.len();
    Ok((times, missing))
}
