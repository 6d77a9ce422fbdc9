//! Postgres as it should be run: with fsync.

use std::{fs, os::unix::fs::chown, time::Duration};

use anyhow::{Context, Result, ensure};
use rustix::process::geteuid;
use sqlx::{Connection, PgConnection};

use super::{Binaries, World, free_ports};

/// The user that Postgres runs as where we are root: it refuses to.
const USER: &str = "postgres";

/// Makes a server and starts it; its port.
pub(super) async fn start(world: &mut World, binaries: &Binaries) -> Result<u16> {
    let [port] = free_ports()?;
    let folder = world.path().join("postgres");
    fs::create_dir(&folder)?;
    if geteuid().is_root() {
        let (uid, gid) = ids()?;
        chown(&folder, Some(uid), Some(gid)).context("give Postgres its folder")?;
    }
    let data = folder.join("data").display().to_string();
    let made = world
        .new_part("initdb", binaries.postgres.join("initdb"))
        .user(USER)
        .args(["--pgdata", &data, "--username", "todostack"])
        .args([
            "--auth",
            "trust",
            "--encoding",
            "UTF8",
            "--locale",
            "C.UTF-8",
        ])
        .command()
        .current_dir(&folder)
        .output()
        .context("run initdb")?;
    ensure!(
        made.status.success(),
        "initdb: {}",
        String::from_utf8_lossy(&made.stderr)
    );
    let part = world
        .new_part("postgres", binaries.postgres.join("postgres"))
        .user(USER)
        .args(["-D", &data, "-p", &port.to_string()])
        .args([
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
        ])
        .args(["-c", "max_connections=200", "-c", "fsync=on"]);
    world.start(part)?;
    world.database = format!("postgres://todostack@127.0.0.1:{port}/todostack");
    Ok(port)
}

/// Waits for it, and makes the database.
pub(super) async fn ready(world: &World, port: u16) -> Result<()> {
    let admin = format!("postgres://todostack@127.0.0.1:{port}/postgres");
    world
        .eventually("postgres", Duration::from_secs(30), async || {
            let mut connection = PgConnection::connect(&admin).await?;
            let made = sqlx::query("create database todostack")
                .execute(&mut connection)
                .await;
            match made {
                // By an attempt before this one that was not answered in time.
                Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P04") => {
                    Ok(())
                }
                made => Ok(made.map(|_| ())?),
            }
        })
        .await
}

/// Ids of the user and the group of [`USER`].
fn ids() -> Result<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd")?;
    users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&USER))
        .and_then(|fields| Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?)))
        .with_context(|| format!("there is no user {USER}: apt-get install postgresql"))
}
