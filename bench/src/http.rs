//! A lean HTTP/1.1 client: on two cores, what measures must not take the place of what is measured.
//! One thread drives all connections, each kept alive with one request under way.

use std::{
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::part;

/// A connection that is kept alive.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub(crate) async fn open(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let buffer = Vec::with_capacity(64 * 1024);
        Ok(Self { stream, buffer })
    }

    /// Sends one request and reads its whole answer: the status and the body.
    ///
    /// # Errors
    /// When the connection ends, or the answer has no length.
    pub(crate) async fn call(&mut self, request: &[u8]) -> anyhow::Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if let Some((status, head, body)) = head(&self.buffer)? {
                while self.buffer.len() < head + body {
                    self.fill().await?;
                }
                return Ok((status, &self.buffer[head..head + body]));
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

/// Status, length of the head and of the body (RFC 9112), once the head is there.
fn head(bytes: &[u8]) -> anyhow::Result<Option<(u16, usize, usize)>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes[..end]).context("the head of an answer")?;
    let mut lines = text.split("\r\n");
    let status: u16 = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok())
        .context("the status of an answer")?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    match (length, status) {
        (Some(length), _) => Ok(Some((status, end + 4, length))),
        (None, 204 | 304) => Ok(Some((status, end + 4, 0))),
        (None, _) => bail!("an answer {status} without a length"),
    }
}

/// Writes a request into `buffer`, which it clears.
pub(crate) fn request(buffer: &mut Vec<u8>, method: &str, path: &str, token: &str, body: &str) {
    use std::io::Write as _;
    buffer.clear();
    // Writing into memory cannot fail.
    let _ = write!(buffer, "{method} {path} HTTP/1.1\r\nhost: bench\r\n");
    if !token.is_empty() {
        let _ = write!(buffer, "authorization: Bearer {token}\r\n");
    }
    if !body.is_empty() {
        let _ = write!(
            buffer,
            "content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
    }
    let _ = write!(buffer, "\r\n{body}");
}

/// Writes the n-th request of a connection; `false`: it has no more to send.
pub(crate) type Script = dyn Fn(usize, u64, &mut Vec<u8>) -> bool + Send + Sync;

/// What a load came to.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// Requests answered 2xx.
    pub(crate) good: u64,
    /// What else came, and how often.
    pub(crate) errors: BTreeMap<String, u64>,
    /// Milliseconds of each good one.
    pub(crate) times: Vec<f64>,
    /// How long it went on.
    pub(crate) elapsed: Duration,
    /// Processors that this client kept busy.
    pub(crate) client: f64,
}

impl Loaded {
    /// Good answers in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.times.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// All that went wrong, for people.
    pub(crate) fn failures(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Fails unless everything went well.
    ///
    /// # Errors
    /// What went wrong.
    pub(crate) fn faultless(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.errors.is_empty(), "answers: {:?}", self.errors);
        Ok(())
    }
}

/// Keeps `connections` busy with the requests of `script` until `time` is over or it has no more.
///
/// # Errors
/// When the thread cannot be started.
pub(crate) async fn load(
    address: &str,
    connections: usize,
    time: Duration,
    script: Arc<Script>,
) -> anyhow::Result<Loaded> {
    load_every(address, connections, Duration::ZERO, time, script).await
}

/// The same, but each connection sends a request every `interval`, the connections one after another within it. An
/// answer's time counts from when its request was to be sent, so that one that is slow does not hide those that
/// wait behind it.
///
/// # Errors
/// When the thread cannot be started.
pub(crate) async fn load_every(
    address: &str,
    connections: usize,
    interval: Duration,
    time: Duration,
    script: Arc<Script>,
) -> anyhow::Result<Loaded> {
    let address = address.to_owned();
    tokio::task::spawn_blocking(move || {
        let threads = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let local = tokio::task::LocalSet::new();
        local.block_on(
            &threads,
            drive(&address, connections, interval, time, script),
        )
    })
    .await?
}

async fn drive(
    address: &str,
    connections: usize,
    interval: Duration,
    time: Duration,
    script: Arc<Script>,
) -> anyhow::Result<Loaded> {
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(Connection::open(address).await?);
    }
    let address: Rc<str> = address.into();
    let before = part::thread_seconds();
    let start = Instant::now();
    let work: Vec<_> = open
        .into_iter()
        .enumerate()
        .map(|(number, connection)| {
            let (address, script) = (address.clone(), script.clone());
            let turns = Turns {
                first: start
                    + interval * u32::try_from(number).unwrap_or(0)
                        / u32::try_from(connections).unwrap_or(1),
                interval,
                end: start + time,
            };
            tokio::task::spawn_local(one(address, number, connection, turns, script))
        })
        .collect();
    let mut all = Loaded::default();
    for task in work {
        let one = task.await?;
        all.good += one.good;
        all.times.extend(one.times);
        for (what, count) in one.errors {
            *all.errors.entry(what).or_default() += count;
        }
    }
    all.elapsed = start.elapsed();
    all.client = (part::thread_seconds() - before) / all.elapsed.as_secs_f64();
    Ok(all)
}

/// When a connection sends its requests.
struct Turns {
    first: Instant,
    /// Zero: each when the one before is answered.
    interval: Duration,
    end: Instant,
}

impl Turns {
    /// Waits for the n-th; when it was to be sent.
    async fn wait(&self, n: u64) -> Instant {
        if self.interval.is_zero() {
            return Instant::now();
        }
        let at = self.first + self.interval * u32::try_from(n).unwrap_or(u32::MAX);
        tokio::time::sleep_until(at.into()).await;
        at
    }
}

async fn one(
    address: Rc<str>,
    number: usize,
    mut connection: Connection,
    turns: Turns,
    script: Arc<Script>,
) -> Loaded {
    let mut loaded = Loaded::default();
    let mut request = Vec::new();
    for n in 0.. {
        let sent = turns.wait(n).await;
        if sent >= turns.end || !script(number, n, &mut request) {
            break;
        }
        let answer = connection.call(&request).await;
        match answer {
            Ok((200..300, _)) => {
                loaded.good += 1;
                loaded.times.push(sent.elapsed().as_secs_f64() * 1000.0);
            }
            Ok((status, body)) => {
                let body: String = String::from_utf8_lossy(body).chars().take(200).collect();
                *loaded.errors.entry(format!("{status} {body}")).or_default() += 1;
            }
            Err(error) => {
                *loaded.errors.entry(format!("{error:#}")).or_default() += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
                if let Ok(again) = Connection::open(&address).await {
                    connection = again;
                }
            }
        }
    }
    loaded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_an_answer_is_read() {
        let whole = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\netag: \"1\"\r\n\r\nhello";
        assert_eq!(head(whole).unwrap(), Some((201, whole.len() - 5, 5)));
        assert_eq!(head(&whole[..30]).unwrap(), None);
        let empty = b"HTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(head(empty).unwrap(), Some((204, empty.len(), 0)));
        assert!(head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }

    #[test]
    fn a_request_says_how_long_it_is() {
        let mut buffer = b"old".to_vec();
        request(&mut buffer, "POST", "/x", "t", "{}");
        let text = String::from_utf8(buffer).unwrap();
        assert!(text.starts_with("POST /x HTTP/1.1\r\n"), "{text}");
        assert!(text.contains("authorization: Bearer t\r\n"), "{text}");
        assert!(text.ends_with("content-length: 2\r\n\r\n{}"), "{text}");
    }
}
