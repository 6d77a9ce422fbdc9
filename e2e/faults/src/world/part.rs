//! A process that can be killed, paused and started again.

use std::{
    fs::{self, OpenOptions},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

/// From its end to its next start: what the kubelet takes.
const RESTART: Duration = Duration::from_secs(1);

/// A part of the world: how it is started, and its process. It and everything that it started ends
/// with us, however we end.
#[derive(Debug)]
pub struct Part {
    name: String,
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    user: Option<&'static str>,
    log: PathBuf,
    child: Option<Child>,
    /// When it is to run again; `None`: it runs, or is kept down.
    again: Option<Instant>,
    ended: usize,
}

impl Part {
    /// A part that is not started yet; what it writes goes to the file `log`.
    pub fn new(name: &str, program: PathBuf, log: PathBuf) -> Self {
        Self {
            name: name.into(),
            program,
            arguments: Vec::new(),
            environment: Vec::new(),
            user: None,
            log,
            child: None,
            again: None,
            ended: 0,
        }
    }

    /// With another argument.
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// With other arguments.
    pub fn args<T: Into<String>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// With a variable in its environment.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// As this user, if we are root.
    pub(super) fn user(mut self, user: &'static str) -> Self {
        self.user = Some(user);
        self
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How often it ended by itself.
    pub fn ended(&self) -> usize {
        self.ended
    }

    /// The command, in a process group of its own: a Ctrl-C is ours to deal with.
    pub fn command(&self) -> Command {
        // The kernel ends it with us: no orphan stays behind, even after a kill -9 of ours.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let (Some(user), true) = (self.user, rustix::process::geteuid().is_root()) {
            command.args(["--reuid", user, "--regid", user, "--clear-groups"]);
        }
        command
            .arg("--")
            .arg(&self.program)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .process_group(0);
        command
    }

    /// Starts it.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn start(&mut self) -> Result<()> {
        self.again = None;
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)?;
        let child = self
            .command()
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("start {}", self.name))?;
        self.child = Some(child);
        Ok(())
    }

    /// `kill -9`, with everything that it started; it stays down until [`Part::start`].
    pub fn kill(&mut self) {
        self.again = None;
        if let Some(mut child) = self.child.take() {
            // Those that it started first: without it they could not be found.
            for pid in descendants(child.id()) {
                signal(pid, Signal::KILL);
            }
            // It may have ended already; then there is nothing to kill.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Pauses it with everything that it started, or lets it go on.
    pub fn pause(&self, paused: bool) {
        let sent = if paused { Signal::STOP } else { Signal::CONT };
        if let Some(child) = &self.child {
            signal(child.id(), sent);
            for pid in descendants(child.id()) {
                signal(pid, sent);
            }
        }
    }

    /// Starts it again if it ended by itself a while ago.
    pub(super) fn revive(&mut self) -> Result<()> {
        if let Some(child) = &mut self.child
            && child.try_wait()?.is_some()
        {
            self.child = None;
            self.ended += 1;
            self.again = Some(Instant::now() + RESTART);
        }
        if self.again.is_some_and(|at| at <= Instant::now()) {
            self.start()?;
        }
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A process that is gone needs no signal.
fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Processes that a process started, and those that they did.
fn descendants(of: u32) -> Vec<u32> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid: Option<u32> = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // The name of the program, in parentheses, may hold anything.
        let parent = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.split(' ').nth(1))
            .and_then(|parent| parent.parse().ok());
        if let (Some(pid), Some(parent)) = (pid, parent) {
            parents.push((pid, parent));
        }
    }
    let mut found = vec![of];
    let mut next = 0;
    while next < found.len() {
        let of = found[next];
        found.extend(
            parents
                .iter()
                .filter(|(_, p): &&(u32, u32)| *p == of)
                .map(|(pid, _)| pid),
        );
        next += 1;
    }
    found.remove(0);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(pid: u32) -> Option<String> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(stat.rsplit_once(") ")?.1[..1].to_owned())
    }

    fn eventually(what: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(10);
        while !what() {
            assert!(Instant::now() < end, "it did not happen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn a_part_is_paused_killed_with_its_children_and_started_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut part = Part::new("sleeper", "bash".into(), folder.path().join("log"))
            .args(["-c", "sleep 300 & wait"]);
        part.start().unwrap();
        let first = part.child.as_ref().unwrap().id();
        eventually(|| descendants(first).len() == 1);
        let sleep = descendants(first)[0];
        part.pause(true);
        eventually(|| state(sleep).as_deref() == Some("T") && state(first).as_deref() == Some("T"));
        part.pause(false);
        eventually(|| state(sleep).as_deref() == Some("S"));
        part.kill();
        // Without a parent it is reaped by init, or stays a zombie where there is none.
        eventually(|| state(sleep).is_none_or(|state| state == "Z"));
        part.revive().unwrap();
        assert!(part.child.is_none(), "it is to stay down");
        part.start().unwrap();
        assert_ne!(part.child.as_ref().unwrap().id(), first);
        assert_eq!(part.ended(), 0);
    }

    #[test]
    fn a_part_that_ends_by_itself_is_started_again_after_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let mut part = Part::new("brief", "true".into(), folder.path().join("log"));
        part.start().unwrap();
        let start = Instant::now();
        while part.ended() < 2 {
            part.revive().unwrap();
            assert!(start.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(start.elapsed() >= RESTART);
    }
}
