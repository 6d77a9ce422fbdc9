//! A Postgres of our own, with fsync on, and pgbench beside it.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgPoolOptions};

use crate::part;

/// What the server is told besides its defaults. A commit is durable; checkpoints come seldom, so
/// that they do not fall on one side of a comparison.
const SETTINGS: &[&str] = &[
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "shared_buffers=512MB",
    "max_wal_size=8GB",
    "checkpoint_timeout=30min",
    "max_connections=300",
];

/// A running server; it and its folder go with this value, or with our process.
pub(crate) struct Postgres {
    shell: Child,
    bin: PathBuf,
    port: u16,
}

/// What a run of pgbench came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ran {
    /// Transactions in a second.
    pub(crate) rate: f64,
    /// Processors that pgbench itself kept busy.
    pub(crate) client: f64,
}

impl Postgres {
    /// Starts a server from the machine's own binaries.
    ///
    /// # Errors
    /// When there are none, or it does not start.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let bin = binaries()?;
        // On the disk: a temporary folder in memory would not need to wait for anything.
        let folder = tempfile::Builder::new()
            .prefix("todostack-bench-pg-")
            .tempdir()?
            .keep();
        let port = part::free_port()?;
        let settings: String = SETTINGS.iter().map(|set| format!(" -c {set}")).collect();
        let script = format!(
            r#"set -e
            trap : INT TERM
            cd {folder}
            as=
            if [ "$(id -u)" = 0 ]; then
                # initdb refuses root.
                chown postgres: .
                as="setpriv --reuid postgres --regid postgres --clear-groups"
            fi
            $as {bin}/initdb -D data -U postgres -A trust -E UTF8 --locale C >log 2>&1 || {{ cat log >&2; exit 1; }}
            $as {bin}/postgres -D data -p {port} -c listen_addresses=127.0.0.1 \
                -c unix_socket_directories= {settings} </dev/null >>log 2>&1 &
            server=$!
            for _ in $(seq 200); do $as {bin}/pg_isready -q -h 127.0.0.1 -p {port} && break; sleep 0.05; done
            echo ready
            cat >/dev/null || true
            kill -INT $server || true
            while kill -0 $server 2>/dev/null; do wait $server || true; done
            rm -rf {folder}"#,
            folder = folder.display(),
            bin = bin.display(),
        );
        let mut shell = Command::new("bash")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start bash")?;
        let mut line = String::new();
        let output = shell.stdout.take().context("its output is piped")?;
        BufReader::new(output).read_line(&mut line)?;
        anyhow::ensure!(line.trim() == "ready", "Postgres did not start");
        Ok(Self { shell, bin, port })
    }

    /// URL of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes a database with our schema.
    ///
    /// # Errors
    /// From the server.
    pub(crate) async fn database(&self, name: &str) -> anyhow::Result<PgPool> {
        let mut admin = PgConnection::connect(&self.url("postgres")).await?;
        sqlx::query(AssertSqlSafe(format!("create database {name}")))
            .execute(&mut admin)
            .await?;
        let pool = PgPoolOptions::new()
            .max_connections(4)
            .connect(&self.url(name))
            .await?;
        store::migrate(&pool).await?;
        Ok(pool)
    }

    /// Runs SQL with `psql`, whose variables are `set`.
    ///
    /// # Errors
    /// What psql says.
    pub(crate) async fn script(
        &self,
        database: &str,
        sql: &str,
        set: &[(&str, String)],
    ) -> anyhow::Result<()> {
        let mut command = tokio::process::Command::new(self.bin.join("psql"));
        command
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d"])
            .arg(self.url(database));
        for (name, value) in set {
            command.args(["-v", &format!("{name}={value}")]);
        }
        let mut child = command
            .args(["-o", "/dev/null", "-f", "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut input = child.stdin.take().context("its input is piped")?;
        tokio::io::AsyncWriteExt::write_all(&mut input, sql.as_bytes()).await?;
        drop(input);
        let done = child.wait_with_output().await?;
        if !done.status.success() {
            bail!("psql: {}", String::from_utf8_lossy(&done.stderr));
        }
        Ok(())
    }

    /// Runs `sql` with pgbench, prepared, over `clients` connections.
    ///
    /// # Errors
    /// What pgbench says.
    pub(crate) async fn pgbench(
        &self,
        database: &str,
        sql: &str,
        clients: usize,
        time: Duration,
        scratch: &Path,
    ) -> anyhow::Result<Ran> {
        let file = scratch.join("pgbench.sql");
        fs::write(&file, sql)?;
        let seconds = time.as_secs().max(1).to_string();
        let before = part::children_seconds();
        let done = tokio::process::Command::new(self.bin.join("pgbench"))
            .args(["-n", "-M", "prepared", "-j", "2", "-h", "127.0.0.1"])
            .args(["-U", "postgres", "-p", &self.port.to_string()])
            .args(["-c", &clients.to_string(), "-T", &seconds, "-f"])
            .arg(file)
            .arg(database)
            .kill_on_drop(true)
            .output()
            .await?;
        let text = String::from_utf8_lossy(&done.stdout);
        let rate = text
            .lines()
            .find_map(|line| line.strip_prefix("tps = "))
            .and_then(|rest| rest.split(' ').next()?.parse().ok());
        match rate {
            Some(rate) if done.status.success() => Ok(Ran {
                rate,
                client: (part::children_seconds() - before) / time.as_secs_f64(),
            }),
            _ => bail!("pgbench: {text}{}", String::from_utf8_lossy(&done.stderr)),
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // Nothing more can be done about a server that does not stop.
        let _ = self.shell.wait();
    }
}

fn binaries() -> anyhow::Result<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|folder| folder.join("initdb").exists() && folder.join("pgbench").exists())
        .collect();
    found.sort();
    found
        .pop()
        .context("Postgres with pgbench is not installed: `apt-get install postgresql`")
}

/// Makes `count` users, the n-th with the id [`user`] of n. Nobody can log in as one of them.
///
/// # Errors
/// From the database.
pub(crate) async fn users(pool: &PgPool, count: i32) -> sqlx::Result<()> {
    sqlx::query(
        "insert into users (id, email, password_hash)
         select ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
             'user' || n || '@example.com', 'none'
         from generate_series(0, $1 - 1) as n",
    )
    .bind(count)
    .execute(pool)
    .await
    .map(|_| ())
}

/// The n-th of [`users`].
pub(crate) fn user(n: usize) -> uuid::Uuid {
    uuid::Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0000 | n as u128)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_user_has_the_id_that_sql_gives_it() {
        let id = super::user(31).to_string();
        assert_eq!(id, "00000000-0000-7000-8000-00000000001f");
    }
}
