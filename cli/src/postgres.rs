//! The embedded Postgres of `todostack dev`: real server binaries from a package registry, kept with
//! the data.

use std::{collections::HashMap, path::Path};

use anyhow::Context;
use postgresql_embedded::{PostgreSQL, Settings, VersionReq};

const DATABASE: &str = "todostack";
/// Which publisher's server binaries `postgresql_embedded` takes (its `zonky` feature).
const RELEASES: &str = "https://github.com/zonkyio/embedded-postgres-binaries";

/// A running server; [`Embedded::stop`] ends it.
pub(crate) struct Embedded {
    server: PostgreSQL,
}

impl Embedded {
    /// Installs the server below `data_dir` where it is missing, and starts it on a free loopback port.
    ///
    /// # Errors
    /// When the binaries cannot be downloaded or the server does not start.
    pub(crate) async fn start(data_dir: &Path, password: &str) -> anyhow::Result<Self> {
        // All of them: the crate's defaults make temporary folders that nobody removes.
        let mut settings = Settings {
            releases_url: RELEASES.into(),
            version: VersionReq::parse("=18.6.0").context("a constant version")?,
            installation_dir: data_dir.join("postgres"),
            data_dir: data_dir.join("pgdata"),
            password_file: data_dir.join("pgpass"),
            password: password.into(),
            host: "127.0.0.1".into(),
            temporary: false,
            timeout: Some(std::time::Duration::from_secs(60)),
            port: 0,
            username: "postgres".into(),
            configuration: HashMap::new(),
            trust_installation_dir: false,
            socket_dir: None,
        };
        settings.configuration.extend(
            [
                ("max_connections", "60"),
                ("shared_buffers", "32MB"),
                // `postgresql_embedded` turns it off; people keep their tasks here.
                ("fsync", "on"),
            ]
            .map(|(key, value)| (key.into(), value.into())),
        );
        let mut server = PostgreSQL::new(settings);
        server
            .setup()
            .await
            .context("installing the embedded Postgres")?;
        if data_dir.join("pgdata/postmaster.pid").exists() {
            // Left by a run that was killed: the server may still be up. When it is not, this fails
            // and the start below tells what is wrong, if anything is.
            let _ = server.stop().await;
        }
        server
            .start()
            .await
            .context("starting the embedded Postgres")?;
        if !server.database_exists(DATABASE).await? {
            server.create_database(DATABASE).await?;
        }
        Ok(Self { server })
    }

    /// URL of the database.
    pub(crate) fn url(&self) -> String {
        self.server.settings().url(DATABASE)
    }

    /// Stops the server and waits for it.
    ///
    /// # Errors
    /// When it cannot be stopped.
    pub(crate) async fn stop(&self) -> anyhow::Result<()> {
        self.server
            .stop()
            .await
            .context("stopping the embedded Postgres")
    }
}
