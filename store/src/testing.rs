//! A real Postgres for tests: the one of `TODOSTACK_TEST_DATABASE_URL`, or a private one from the
//! machine's own binaries, started once a test process and gone with it. Each test gets a database
//! of its own, copied from a migrated template.

use std::{
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::PathBuf,
    process::{Command, Stdio},
    sync::atomic::{AtomicU16, AtomicU32, Ordering},
};

use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgPoolOptions};
use tokio::sync::OnceCell;

use crate::Store;

static SERVER: OnceCell<Server> = OnceCell::const_new();
static COUNT: AtomicU32 = AtomicU32::new(0);

struct Server {
    /// URL without the database's name.
    base: String,
    template: String,
}

/// A fresh, migrated database.
///
/// # Panics
/// When there is no Postgres to be had: a test without its real part fails.
pub async fn database() -> Store {
    let server = SERVER.get_or_init(start).await;
    let name = format!(
        "test_{}_{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    );
    let mut admin = admin(&server.base).await;
    let create = format!("create database {name} template {}", server.template);
    sqlx::query(AssertSqlSafe(create))
        .execute(&mut admin)
        .await
        .expect("create a test database");
    let pool = PgPoolOptions::new()
        .max_connections(8)
        .connect(&format!("{}/{name}", server.base))
        .await
        .expect("connect to the test database");
    // A role goes with the number of the database: the template's is not this one's.
    let refused = crate::audit::grant(&pool).await.expect("the audit role");
    assert_eq!(refused, None, "the tests' user may make roles");
    Store::new(pool)
}

/// A user of the server who owns an empty database and is nobody's superuser, connected to it.
/// `may_create_roles`: whether they may do that.
///
/// # Panics
/// When there is no Postgres to be had.
pub async fn owned_by_plain_user(may_create_roles: bool) -> Store {
    let server = SERVER.get_or_init(start).await;
    let name = format!(
        "plain_{}_{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    );
    let right = if may_create_roles { "createrole" } else { "" };
    let mut admin = admin(&server.base).await;
    for statement in [
        format!("create role {name} login password '{name}' {right}"),
        format!("create database {name} owner {name}"),
    ] {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut admin)
            .await
            .expect("create a plain user with a database");
    }
    let options = crate::pool::connect_options(&format!("{}/{name}", server.base))
        .expect("the server's URL")
        .username(&name)
        .password(&name);
    let pool = PgPoolOptions::new()
        .max_connections(4)
        .connect_with(options)
        .await
        .expect("connect as the plain user");
    Store::new(pool)
}

/// An empty database of the superuser, with the schema as it was after the migration `version`.
///
/// # Panics
/// When there is no Postgres to be had, or the migrations fail.
pub async fn migrated_to(version: i64) -> Store {
    let server = SERVER.get_or_init(start).await;
    let name = format!(
        "old_{}_{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    );
    let create = format!("create database {name}");
    sqlx::query(AssertSqlSafe(create))
        .execute(&mut admin(&server.base).await)
        .await
        .expect("create a database");
    let pool = PgPool::connect(&format!("{}/{name}", server.base))
        .await
        .expect("connect to the database");
    crate::MIGRATOR
        .run_to(version, &pool)
        .await
        .expect("migrate");
    Store::new(pool)
}

/// What a dump of `from` gives where it is restored: a database of its own with the same rows.
///
/// # Panics
/// When `pg_dump` or `psql` fail.
pub async fn restored(from: &Store) -> Store {
    let server = SERVER.get_or_init(start).await;
    let old: String = sqlx::query_scalar("select current_database()::text")
        .fetch_one(from.pool())
        .await
        .expect("the name of the database");
    let new = format!("{old}_restored");
    let create = format!("create database {new}");
    sqlx::query(AssertSqlSafe(create))
        .execute(&mut admin(&server.base).await)
        .await
        .expect("create the database to restore to");
    let pipe = format!(
        "set -o pipefail; {bin}/pg_dump '{base}/{old}' | {bin}/psql -q -v ON_ERROR_STOP=1 '{base}/{new}' >/dev/null",
        bin = binaries().display(),
        base = server.base,
    );
    let done = Command::new("bash").args(["-c", &pipe]).status();
    assert!(done.expect("start bash").success(), "dump and restore");
    let pool = PgPool::connect(&format!("{}/{new}", server.base))
        .await
        .expect("connect to the restored database");
    Store::new(pool)
}

async fn admin(base: &str) -> PgConnection {
    PgConnection::connect(&format!("{base}/postgres"))
        .await
        .expect("connect to the test server")
}

async fn start() -> Server {
    let base = match std::env::var("TODOSTACK_TEST_DATABASE_URL") {
        Ok(url) => url.trim_end_matches('/').to_owned(),
        Err(_) => tokio::task::spawn_blocking(start_private)
            .await
            .expect("start Postgres"),
    };
    let template = format!("template_{}", std::process::id());
    let mut admin = admin(&base).await;
    sqlx::query(AssertSqlSafe(format!("create database {template}")))
        .execute(&mut admin)
        .await
        .expect("create the template database");
    let pool = PgPool::connect(&format!("{base}/{template}"))
        .await
        .expect("connect to the template database");
    crate::migrate(&pool).await.expect("migrate");
    pool.close().await;
    Server { base, template }
}

/// Starts and ends the server; `$1` is its folder, `$2` that of the binaries, `$3` the port.
const SCRIPT: &str = r#"set -e
    cd "$1"
    as=
    if [ "$(id -u)" = 0 ]; then
        # initdb refuses root.
        chown postgres: .
        as="setpriv --reuid postgres --regid postgres --clear-groups"
    fi
    $as "$2/initdb" -D data -U postgres -A trust --no-sync -E UTF8 --locale C >log 2>&1 || { cat log >&2; exit 1; }
    $as "$2/postgres" -D data -p "$3" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
        -c fsync=off -c full_page_writes=off -c max_connections=300 </dev/null >>log 2>&1 &
    server=$!
    for _ in $(seq 200); do $as "$2/pg_isready" -q -h 127.0.0.1 -p "$3" && break; sleep 0.05; done
    echo ready
    cat >/dev/null
    kill -INT $server; wait $server || true
    rm -rf "$1""#;

/// Starts a server that ends when this process does: a shell waits for the end of its standard
/// input, which closes with us however we end, then stops the server and removes its folder.
fn start_private() -> String {
    let binaries = binaries();
    let folder = tempfile::Builder::new()
        .prefix("todostack-test-pg-")
        .tempdir_in(match std::fs::metadata("/proc/self") {
            // The server will be another user.
            Ok(me) if me.uid() == 0 => open_to_all(std::env::temp_dir()),
            _ => std::env::temp_dir(),
        })
        .expect("a temporary folder")
        .keep();
    let [port] = free_ports();
    let mut child = Command::new("bash")
        .args(["-c", SCRIPT, "bash"])
        .args([folder.as_path(), binaries.as_path()])
        .arg(port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start bash");
    let mut line = String::new();
    let output = child.stdout.take().expect("it is piped");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line)
        .expect("read from bash");
    assert_eq!(line.trim(), "ready", "Postgres did not start");
    // Its standard input stays open for as long as this process lives.
    std::mem::forget(child);
    format!("postgres://postgres@127.0.0.1:{port}")
}

/// `wanted` if every user may enter it, and so `postgres`; else the machine's own temporary folder:
/// root's may lie in root's home.
fn open_to_all(wanted: PathBuf) -> PathBuf {
    let open = wanted.canonicalize().is_ok_and(|folder| {
        folder.ancestors().all(|part| {
            std::fs::metadata(part).is_ok_and(|found| found.permissions().mode() & 0o001 != 0)
        })
    });
    if open { wanted } else { PathBuf::from("/tmp") }
}

fn binaries() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|folder| folder.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().expect(
        "Postgres is not installed: `apt-get install postgresql`, or set TODOSTACK_TEST_DATABASE_URL",
    )
}

/// Ports of the loopback interface that are free now. They lie below those that the kernel gives to
/// whoever connects (32768 on), which could take one before its server listens.
///
/// # Panics
/// When there are none.
pub fn free_ports<const N: usize>() -> [u16; N] {
    const LOWEST: u16 = 20_000;
    const SPAN: u16 = 12_000;
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    // Each process begins elsewhere, and goes on from there.
    let first = std::process::id() % u32::from(SPAN);
    [(); N].map(|()| {
        (0..SPAN)
            .map(|_| first + u32::from(TAKEN.fetch_add(1, Ordering::Relaxed)))
            .map(|place| LOWEST + (place % u32::from(SPAN)) as u16)
            .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
            .expect("a free port")
    })
}

#[cfg(test)]
mod tests {
    use super::open_to_all;
    use std::{
        fs::{Permissions, set_permissions},
        os::unix::fs::PermissionsExt,
        path::Path,
    };

    #[test]
    fn a_temporary_folder_that_others_may_not_enter_is_not_used() {
        let closed = tempfile::tempdir_in("/tmp").unwrap();
        let inner = closed.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        let mode = |mode| set_permissions(closed.path(), Permissions::from_mode(mode)).unwrap();
        mode(0o700);
        assert_eq!(open_to_all(inner.clone()), Path::new("/tmp"));
        mode(0o755);
        assert_eq!(open_to_all(inner.clone()), inner);
        assert_eq!(open_to_all(closed.path().join("none")), Path::new("/tmp"));
    }
}
