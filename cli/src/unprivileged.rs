//! Postgres refuses to run as root, so a command started by root goes on as `nobody`.
//!
//! The program is copied into the data folder first: the folder that it was built in may be closed
//! to other users.

use std::{
    convert::Infallible,
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

/// Where data lives when nothing else is said: a system folder for root, else the user's own.
///
/// # Errors
/// When the user has no home folder.
pub(crate) fn data_dir(name: &str) -> anyhow::Result<PathBuf> {
    if is_root()? {
        return Ok(PathBuf::from("/var/lib").join(name));
    }
    let base = match std::env::var_os("XDG_DATA_HOME") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => std::env::home_dir()
            .context("no home folder: give --data-dir")?
            .join(".local/share"),
    };
    Ok(base.join(name))
}

/// Whether this process runs as root.
pub(crate) fn is_root() -> anyhow::Result<bool> {
    let me = fs::metadata("/proc/self").context("/proc is needed to learn who we are")?;
    Ok(me.uid() == 0)
}

/// Makes the data folder, for its owner's eyes only; root hands it to `nobody`.
///
/// # Errors
/// When the folder cannot be made or handed over.
pub(crate) fn prepare(data_dir: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(data_dir).with_context(|| format!("making {}", data_dir.display()))?;
    if is_root()? {
        let (uid, gid) = nobody()?;
        if let Some(closed) = closed_to(uid, gid, data_dir)? {
            bail!(
                "{} lies in {}, which `nobody` may not enter, as whom the embedded Postgres runs; give another folder with --data-dir",
                data_dir.display(),
                closed.display()
            );
        }
        let owner = fs::metadata(data_dir)?.uid();
        if owner != uid && fs::read_dir(data_dir)?.next().is_some() {
            bail!(
                "{} is not empty and not of `nobody`, as whom the embedded Postgres runs; give another folder with --data-dir",
                data_dir.display()
            );
        }
        chown(data_dir, Some(uid), Some(gid))
            .with_context(|| format!("handing {} to nobody", data_dir.display()))?;
    }
    fs::set_permissions(data_dir, fs::Permissions::from_mode(0o700))
        .with_context(|| format!("closing {} to others", data_dir.display()))
}

/// The first folder on the way to `folder` that a user of this id may not enter.
fn closed_to(uid: u32, gid: u32, folder: &Path) -> anyhow::Result<Option<PathBuf>> {
    let folder = folder.canonicalize()?;
    let mut way: Vec<&Path> = folder.ancestors().skip(1).collect();
    way.reverse();
    for part in way {
        let found = fs::metadata(part)?;
        let bit = match (found.uid() == uid, found.gid() == gid) {
            (true, _) => 0o100,
            (false, true) => 0o010,
            (false, false) => 0o001,
        };
        if found.permissions().mode() & bit == 0 {
            return Ok(Some(part.to_owned()));
        }
    }
    Ok(None)
}

/// Goes on as `nobody` with the given arguments; returns only when that fails.
pub(crate) fn go_on_as_nobody(data_dir: &Path, arguments: &[String]) -> anyhow::Error {
    match start_again(data_dir, arguments) {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

fn start_again(data_dir: &Path, arguments: &[String]) -> anyhow::Result<Infallible> {
    let (uid, gid) = nobody()?;
    let program = data_dir.join("todostack");
    let copy = data_dir.join("todostack.new");
    fs::copy(std::env::current_exe()?, &copy).context("copying the program")?;
    chown(&copy, Some(uid), Some(gid))?;
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755))?;
    fs::rename(&copy, &program)?;

    let error = Command::new(&program)
        .args(arguments)
        .uid(uid)
        .gid(gid)
        .env("HOME", data_dir)
        .env("USER", "nobody")
        .env_remove("XDG_DATA_HOME")
        // Root's own may be closed to others.
        .env("TMPDIR", data_dir)
        .current_dir(data_dir)
        .exec();
    Err(error).context("starting again as nobody")
}

/// User and group id of `nobody`, from the system's user list.
fn nobody() -> anyhow::Result<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
    parse_user(&users, "nobody").context("there is no user `nobody`; start as an ordinary user")
}

fn parse_user(users: &str, name: &str) -> Option<(u32, u32)> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some((uid, gid))
    })
}

#[cfg(test)]
mod tests {
    use super::{closed_to, parse_user};
    use std::{
        fs::{self, Permissions},
        os::unix::fs::{MetadataExt, PermissionsExt},
    };

    #[test]
    fn a_folder_that_another_user_may_not_enter_is_named() {
        let outer = tempfile::tempdir_in("/tmp").unwrap();
        let inner = outer.path().join("closed/data");
        fs::create_dir_all(&inner).unwrap();
        let mode = |path: &std::path::Path, mode| {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        };
        mode(outer.path(), 0o755);
        mode(&outer.path().join("closed"), 0o700);
        let me = fs::metadata(outer.path()).unwrap();
        let (other, group) = (me.uid() + 1, me.gid() + 1);
        assert_eq!(
            closed_to(other, group, &inner).unwrap(),
            Some(outer.path().canonicalize().unwrap().join("closed"))
        );
        assert_eq!(closed_to(me.uid(), group, &inner).unwrap(), None);
        mode(&outer.path().join("closed"), 0o710);
        assert_eq!(closed_to(other, me.gid(), &inner).unwrap(), None);
        // The folder itself is handed over.
        mode(&outer.path().join("closed"), 0o711);
        mode(&inner, 0o700);
        assert_eq!(closed_to(other, group, &inner).unwrap(), None);
    }

    #[test]
    fn the_user_list_is_read() {
        let list = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533:n:/:/sbin/nologin\n";
        assert_eq!(parse_user(list, "nobody"), Some((65534, 65533)));
        assert_eq!(parse_user(list, "nob"), None);
        assert_eq!(parse_user("nobody:x:x:1:", "nobody"), None);
    }
}
