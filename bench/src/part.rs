//! Processes that a benchmark starts: their end with ours, their memory and processor time.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::Context as _;

/// Bytes in a MiB, and in the kB of /proc.
const KIB_IN_MIB: f64 = 1024.0;

/// Ticks of /proc/PID/stat in a second: the same on every Linux that Rust runs on (`USER_HZ`).
const TICKS: f64 = 100.0;

/// What a container of a stack may take: the operator's default limit.
pub(crate) const LIMIT_MIB: u64 = 256;

/// A running process. A shell beside it waits for the end of its standard input, which closes with us
/// however we end; then it stops the process.
pub(crate) struct Part {
    shell: Child,
    /// The process's id.
    pub(crate) pid: u32,
    name: String,
    log: PathBuf,
    group: Option<MemoryGroup>,
}

/// How to start a [`Part`].
pub(crate) struct Start<'a> {
    /// Name of its log.
    pub(crate) name: &'a str,
    /// The program with its arguments.
    pub(crate) command: Vec<String>,
    /// Environment; secrets come this way.
    pub(crate) env: Vec<(&'a str, String)>,
    /// Where logs go, and the folder that it works in.
    pub(crate) folder: &'a Path,
    /// Under the memory limit of the operator's pods, where this machine lets us set one.
    pub(crate) limited: bool,
}

impl Part {
    /// Starts it.
    ///
    /// # Errors
    /// When the shell cannot be started.
    pub(crate) fn start(how: Start<'_>) -> anyhow::Result<Self> {
        let log = how.folder.join(format!("{}.log", how.name));
        let group = how.limited.then(|| MemoryGroup::make(how.name)).flatten();
        // An interrupt reaches the whole foreground group: the shell must live on to tidy up.
        let script = r#"
            trap : INT TERM
            { [ -z "$BENCH_GROUP" ] || echo $BASHPID >"$BENCH_GROUP/cgroup.procs"
              unset BENCH_GROUP; exec "$@"; } >"$BENCH_LOG" 2>&1 </dev/null &
            part=$!
            echo $part
            cat >/dev/null
            kill -TERM $part 2>/dev/null
            wait $part
            code=$?
            while kill -0 $part 2>/dev/null; do wait $part; code=$?; done
            [ -z "$BENCH_GROUP" ] || rmdir "$BENCH_GROUP" 2>/dev/null
            exit $code"#;
        let place = group.as_ref().map(|group| group.folder.clone());
        let mut shell = Command::new("bash")
            .args(["-c", script, how.name])
            .args(&how.command)
            .envs(how.env)
            // What is said goes into our own errors: sentences, not stacks.
            .env("RUST_BACKTRACE", "0")
            .env("BENCH_LOG", &log)
            .env("BENCH_GROUP", place.unwrap_or_default())
            .current_dir(how.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It tells of each process that is killed; what that one says is in its log.
            .stderr(Stdio::null())
            .spawn()
            .context("start bash")?;
        let output = shell.stdout.take().context("its output is piped")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let pid = line.trim().parse().context("the id of a process")?;
        Ok(Self {
            shell,
            pid,
            name: how.name.to_owned(),
            log,
            group,
        })
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&self) -> bool {
        // A zombie has no memory any more.
        memory(self.pid).is_some()
    }

    /// The error to report when it does not do what it should: with the end of its log.
    pub(crate) fn failure(&self, what: &str) -> anyhow::Error {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let end = lines[lines.len().saturating_sub(15)..].join("\n");
        anyhow::anyhow!("{} {what}; the end of its log:\n{end}", self.name)
    }

    /// Whether it runs under the memory limit.
    pub(crate) fn is_limited(&self) -> bool {
        self.group.is_some()
    }

    /// Waits until `address` takes connections.
    ///
    /// # Errors
    /// When the process ends or a minute passes before.
    pub(crate) async fn listening(&self, address: &str) -> anyhow::Result<()> {
        for _ in 0..1200 {
            if tokio::net::TcpStream::connect(address).await.is_ok() {
                return Ok(());
            }
            if !self.is_alive() {
                return Err(self.failure("ended"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(self.failure("does not listen"))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // Its exit code is of no interest: whoever stops it has its figures.
        let _ = self.shell.wait();
    }
}

/// A control group with a limit of memory, as a pod of the operator has it.
struct MemoryGroup {
    folder: PathBuf,
}

impl MemoryGroup {
    /// None where we may not make one.
    fn make(name: &str) -> Option<Self> {
        let leaf = format!("todostack-bench-{}-{name}", std::process::id());
        let limit = (LIMIT_MIB << 20).to_string();
        let v1 = Path::new("/sys/fs/cgroup/memory");
        let (folder, file) = if v1.is_dir() {
            (v1.join(leaf), "memory.limit_in_bytes")
        } else {
            (Path::new("/sys/fs/cgroup").join(leaf), "memory.max")
        };
        fs::create_dir(&folder).ok()?;
        let group = Self { folder };
        fs::write(group.folder.join(file), limit).ok()?;
        Some(group)
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // Gone already with the shell, or never filled.
        let _ = fs::remove_dir(&self.folder);
    }
}

/// Resident memory of a process in MiB.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(crate) struct Memory {
    /// Now.
    pub(crate) now: f64,
    /// The most it ever was.
    pub(crate) peak: f64,
}

/// Resident memory of a process; none when it is gone.
pub(crate) fn memory(pid: u32) -> Option<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| -> Option<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
        Some(kib / KIB_IN_MIB)
    };
    Some(Memory {
        now: field("VmRSS:")?,
        peak: field("VmHWM:")?,
    })
}

/// Processor seconds that a process has used; 0 when it is gone.
pub(crate) fn processor_seconds(pid: u32) -> f64 {
    ticks(&format!("/proc/{pid}/stat"), 11)
}

/// Processor seconds of the calling thread.
pub(crate) fn thread_seconds() -> f64 {
    ticks("/proc/thread-self/stat", 11)
}

/// Processor seconds of our children that have ended.
pub(crate) fn children_seconds() -> f64 {
    ticks("/proc/self/stat", 13)
}

/// The sum of two neighbouring fields of a stat file, counted behind the name (proc(5)).
fn ticks(path: &str, field: usize) -> f64 {
    let stat = fs::read_to_string(path).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    fields
        .split_whitespace()
        .skip(field)
        .take(2)
        .filter_map(|text| text.parse::<f64>().ok())
        .sum::<f64>()
        / TICKS
}

/// A loopback port that nobody listens on.
///
/// # Errors
/// When there is none.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}
