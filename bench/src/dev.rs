//! `todostack dev`: the whole platform in one process, with its embedded Postgres.

use std::{fs, time::Duration};

use anyhow::Context as _;
use serde::Deserialize;
use sqlx::{PgPool, postgres::PgPoolOptions};

use crate::{
    Bench, gateway, part,
    part::{Part, Start},
    postgres,
};

/// A running `todostack dev`.
pub(crate) struct Dev {
    /// `host:port` of its gateway.
    pub(crate) address: String,
    /// Its database.
    pub(crate) pool: PgPool,
    /// The process.
    pub(crate) part: Part,
    /// Access tokens of the first of [`postgres::users`].
    pub(crate) tokens: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Running {
    database_url: String,
}

#[derive(Deserialize)]
struct Keys {
    jwt: String,
}

impl Dev {
    /// Starts it on an empty data folder, with `users` users and `webhook` as the stack's webhook. As
    /// root it goes on as `nobody`: its folder lies where that user may go, and it keeps its id.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) async fn start(
        bench: &Bench,
        name: &str,
        users: usize,
        webhook: &str,
    ) -> anyhow::Result<Self> {
        let folder = bench.scratch.path();
        let manifest = folder.join(format!("{name}.yaml"));
        fs::write(
            &manifest,
            format!(
                "apiVersion: todostack.dev/v1alpha1\nkind: TodoStack\nmetadata: {{name: bench}}\n\
                 spec:\n  database: {{urlSecretRef: {{name: none, key: url}}}}\n  \
                 events: {{kafka: {{brokers: [\"none:9092\"]}}}}\n  \
                 notifications: {{webhook: {{url: \"{webhook}\", allowPrivateAddresses: true}}}}\n"
            ),
        )?;
        let data = folder.join(name);
        let address = format!("127.0.0.1:{}", part::free_port()?);
        let part = Part::start(Start {
            name,
            command: vec![
                bench.program("todostack")?,
                "--data-dir".into(),
                data.display().to_string(),
                "dev".into(),
                "--filename".into(),
                manifest.display().to_string(),
                "--listen".into(),
                address.clone(),
            ],
            env: Vec::new(),
            folder,
            limited: false,
        })?;
        // The first start downloads the embedded Postgres.
        let running = loop {
            if let Ok(text) = fs::read(data.join("running.json"))
                && let Ok(running) = serde_json::from_slice::<Running>(&text)
            {
                break running;
            }
            if !part.is_alive() {
                return Err(part.failure("ended"));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        part.listening(&address).await?;
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .connect(&running.database_url)
            .await?;
        postgres::users(&pool, i32::try_from(users)?).await?;
        let keys: Keys = serde_json::from_slice(&fs::read(data.join("keys.json"))?)
            .context("the keys of `todostack dev`")?;
        let tokens = gateway::tokens_by(&keys.jwt, (0..users).map(postgres::user))?;
        Ok(Self {
            address,
            pool,
            part,
            tokens,
        })
    }

    /// Waits until `count` reminders have their alarms set, at most until `end`; how many have.
    ///
    /// # Errors
    /// From the database.
    pub(crate) async fn armed(
        &self,
        count: i64,
        end: chrono::DateTime<chrono::Utc>,
    ) -> anyhow::Result<i64> {
        loop {
            let armed: i64 =
                sqlx::query_scalar("select count(*) from reminders where phase = 'Scheduled'")
                    .fetch_one(&self.pool)
                    .await?;
            if armed >= count || chrono::Utc::now() >= end {
                return Ok(armed);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Waits until every event is published, for at most `time`.
    ///
    /// # Errors
    /// From the database.
    pub(crate) async fn quiet(&self, time: Duration) -> anyhow::Result<()> {
        let end = tokio::time::Instant::now() + time;
        while tokio::time::Instant::now() < end {
            let waiting: bool = sqlx::query_scalar(
                "select exists (select 1 from outbox where published_at is null)",
            )
            .fetch_one(&self.pool)
            .await?;
            if !waiting {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        Ok(())
    }
}
