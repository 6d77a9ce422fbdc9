//! Processes of containers, where the test runs on the node itself (its own cluster). On another
//! cluster there are none to be seen.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

/// A process of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its program and arguments.
    pub command: Vec<String>,
    /// Resident set size in KiB.
    pub rss_kib: u64,
    /// The most it has been, in KiB.
    pub peak_rss_kib: u64,
}

/// The processes of the pod with this UID; empty when the pod runs on another machine.
pub fn containers_of(pod_uid: &str) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| in_pod(&entry.path(), pod_uid))
        .filter_map(|entry| process(&entry.path()))
        .collect()
}

/// Whether a process is in a cgroup of this pod: the kubelet puts the UID into the path, with
/// dashes (cgroupfs) or underscores (systemd).
fn in_pod(folder: &Path, pod_uid: &str) -> bool {
    let cgroup = fs::read_to_string(folder.join("cgroup")).unwrap_or_default();
    cgroup.contains(&format!("pod{pod_uid}"))
        || cgroup.contains(&format!("pod{}", pod_uid.replace('-', "_")))
}

fn process(folder: &Path) -> Option<Process> {
    let pid = folder.file_name()?.to_str()?.parse().ok()?;
    let command = fs::read(folder.join("cmdline")).ok()?;
    let command = String::from_utf8_lossy(&command);
    let command = command
        .split('\0')
        .filter(|word| !word.is_empty())
        .map(str::to_owned);
    let status = fs::read_to_string(folder.join("status")).ok()?;
    let kib = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.trim().parse().ok()
    };
    let (rss_kib, peak_rss_kib) = (kib("VmRSS:")?, kib("VmHWM:")?);
    Some(Process {
        pid,
        command: command.collect(),
        rss_kib,
        peak_rss_kib,
    })
}

/// Processor time that every process of this machine has used, by id: its program and the seconds.
pub fn processor_seconds() -> BTreeMap<u32, (String, f64)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    let of = |folder: &Path| {
        let pid = folder.file_name()?.to_str()?.parse().ok()?;
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        // The program stands in parentheses and may hold any character; proc(5) counts from 1.
        let (program, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |field: usize| fields.get(field - 3)?.parse::<f64>().ok();
        // USER_HZ is 100 on every architecture that Kubernetes runs on.
        Some((pid, (program.to_owned(), (ticks(14)? + ticks(15)?) / 100.0)))
    };
    entries
        .flatten()
        .filter_map(|entry| of(&entry.path()))
        .collect()
}

impl Process {
    /// Whether it runs a program of this name; those of Postgres write what they do behind it.
    pub fn runs(&self, program: &str) -> bool {
        let Some(first) = self.command.first() else {
            return false;
        };
        let path = first
            .split_once(": ")
            .map_or(first.as_str(), |(path, _)| path);
        Path::new(path)
            .file_name()
            .is_some_and(|name| name == program)
    }
}

/// The processes of this program that share our network namespace: parts of the node, which run in no pod.
pub fn processes_beside_us(program: &str) -> Vec<Process> {
    let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    let ours = namespace("self");
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| process(&entry.path()))
        .filter(|process| process.runs(program) && namespace(&process.pid.to_string()) == ours)
        .collect()
}

/// What is sent to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// It dies at once.
    Kill,
    /// It stands still.
    Stop,
    /// It goes on.
    Continue,
}

/// Sends a signal.
///
/// # Errors
/// When the process is gone or not ours.
pub async fn signal(process: &Process, signal: Signal) -> Result<()> {
    let name = match signal {
        Signal::Kill => "-KILL",
        Signal::Stop => "-STOP",
        Signal::Continue => "-CONT",
    };
    let status = Command::new("kill")
        .args([name, &process.pid.to_string()])
        .status()
        .await
        .context("cannot run kill")?;
    ensure!(
        status.success(),
        "kill {name} {} ({:?}): {status}",
        process.pid,
        process.command
    );
    Ok(())
}

/// `kill -9`.
///
/// # Errors
/// When the process is gone or not ours.
pub async fn kill(process: &Process) -> Result<()> {
    signal(process, Signal::Kill).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_its_command_and_memory() {
        let me = process(Path::new(&format!("/proc/{}", std::process::id()))).unwrap();
        assert_eq!(me.pid, std::process::id());
        assert!(me.command[0].contains("e2e"), "{:?}", me.command);
        assert!(me.rss_kib > 100);
        assert!(me.peak_rss_kib >= me.rss_kib);
    }

    #[test]
    fn processor_time_is_counted() {
        let (program, seconds) = &processor_seconds()[&std::process::id()];
        assert!(program.starts_with("e2e"), "{program}");
        assert!((0.0..600.0).contains(seconds), "{seconds}");
    }

    #[test]
    fn a_pod_that_is_not_here_has_no_processes() {
        assert_eq!(containers_of("00000000-0000-0000-0000-000000000000"), []);
    }
}
