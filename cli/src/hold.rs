//! One process at a time uses a data folder: the second would take the first one's Postgres away.
//!
//! The lock is the kernel's, on a file in the folder: it ends with its process, however that ends. What
//! the file says is only for who is refused.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::Path,
};

use anyhow::{Context as _, bail};
use chrono::{DateTime, Local, Utc};
use serde::{Deserialize, Serialize};

const FILE: &str = "lock";

/// Holds a data folder until it is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    file: File,
    holder: Holder,
}

/// Who holds a folder.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Holder {
    /// `dev` or `smoke`.
    command: String,
    pid: u32,
    since: DateTime<Utc>,
    /// Where it listens; absent: it does not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    listen: Option<String>,
}

impl Hold {
    /// Takes the folder for a command of this process.
    ///
    /// # Errors
    /// When another process holds it: who that is.
    pub(crate) fn take(data_dir: &Path, command: &str) -> anyhow::Result<Self> {
        let path = data_dir.join(FILE);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .with_context(|| format!("opening {}", path.display()))?;
        lock(&file, data_dir)?;
        let holder = Holder {
            command: command.into(),
            pid: std::process::id(),
            since: Utc::now(),
            listen: None,
        };
        let mut hold = Self { file, holder };
        hold.write()?;
        Ok(hold)
    }

    /// Tells where the process listens, once it is known.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn listens(&mut self, address: &str) -> anyhow::Result<()> {
        self.holder.listen = Some(address.into());
        self.write()
    }

    fn write(&mut self) -> anyhow::Result<()> {
        let text = serde_json::to_vec(&self.holder)?;
        let mut write = || -> io::Result<()> {
            self.file.rewind()?;
            self.file.set_len(0)?;
            self.file.write_all(&text)
        };
        write().context("writing the lock of the data folder")
    }
}

/// Fails when another process holds the folder, and takes nothing.
///
/// # Errors
/// Who holds it.
pub(crate) fn check(data_dir: &Path) -> anyhow::Result<()> {
    match File::open(data_dir.join(FILE)) {
        // Freed again as it is closed.
        Ok(file) => lock(&file, data_dir),
        // Nobody ever held it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).context("opening the lock of the data folder"),
    }
}

fn lock(mut file: &File, data_dir: &Path) -> anyhow::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // Unreadable or half written: then it is only known that somebody holds it.
            let _ = file.read_to_string(&mut text);
            bail!(
                "the data folder {} is in use by {}; stop it, or give another folder with --data-dir",
                data_dir.display(),
                serde_json::from_str(&text)
                    .map_or_else(|_| "another process".into(), |holder| describe(&holder))
            )
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("locking {}", data_dir.display()))
        }
    }
}

fn describe(holder: &Holder) -> String {
    let listening = match &holder.listen {
        Some(address) => format!("listening on {address}"),
        None => "still starting".into(),
    };
    format!(
        "`todostack {}` (pid {}, since {}, {listening})",
        holder.command,
        holder.pid,
        holder
            .since
            .with_timezone(&Local)
            .format("%Y-%m-%d %H:%M:%S %:z"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_the_folder_and_may_have_it_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        check(folder.path()).unwrap();
        let mut first = Hold::take(folder.path(), "dev").unwrap();
        let said = check(folder.path()).unwrap_err().to_string();
        assert!(said.contains("still starting"), "{said}");
        first.listens("http://127.0.0.1:8080").unwrap();
        let pid = std::process::id();
        for refused in [
            Hold::take(folder.path(), "smoke").map(drop),
            check(folder.path()),
        ] {
            let said = refused.unwrap_err().to_string();
            for part in [
                "`todostack dev`",
                &format!("pid {pid}, since 20"),
                "listening on http://127.0.0.1:8080)",
                "--data-dir",
            ] {
                assert!(said.contains(part), "{said}");
            }
        }
        drop(first);
        check(folder.path()).unwrap();
        Hold::take(folder.path(), "smoke").unwrap();
    }

    #[test]
    fn a_file_that_a_dead_process_left_stops_nobody() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "{\"pid\": 1, half a li").unwrap();
        check(folder.path()).unwrap();
        Hold::take(folder.path(), "dev").unwrap();
    }
}
