//! The gateway as a process of its own, as a stack has it.

use std::time::Duration;

use runtime::auth::Keys;

use crate::{
    Bench, part,
    part::{Part, Start},
    postgres,
};

/// Signs the tokens of all gateways here.
const KEY: &str = "a key of the benchmark, of no use elsewhere";

/// Tokens outlast every run: what is measured is no refresh.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// A running gateway.
pub(crate) struct Gateway {
    /// The process.
    pub(crate) part: Part,
    /// `host:port`.
    pub(crate) address: String,
}

impl Gateway {
    /// Starts one on a database, with the settings and the memory limit that the operator gives it.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) async fn start(bench: &Bench, name: &str, database: String) -> anyhow::Result<Self> {
        let address = format!("127.0.0.1:{}", part::free_port()?);
        let ops = format!("127.0.0.1:{}", part::free_port()?);
        let part = Part::start(Start {
            name,
            command: vec![bench.program("todostack-gateway")?],
            env: vec![
                ("TODOSTACK_DATABASE_URL", database),
                ("TODOSTACK_JWT_KEY", KEY.into()),
                ("TODOSTACK_LISTEN", address.clone()),
                ("TODOSTACK_OPS_LISTEN", ops),
                ("RUST_LOG", "info".into()),
            ],
            folder: bench.scratch.path(),
            limited: true,
        })?;
        part.listening(&address).await?;
        Ok(Self { part, address })
    }
}

/// Access tokens of the first `count` users of [`postgres::users`].
///
/// # Errors
/// When one cannot be signed.
pub(crate) fn tokens(count: usize) -> anyhow::Result<Vec<String>> {
    tokens_by(KEY, (0..count).map(postgres::user))
}

/// Access tokens of users, signed with `key`.
///
/// # Errors
/// When one cannot be signed.
pub(crate) fn tokens_by(
    key: &str,
    users: impl Iterator<Item = uuid::Uuid>,
) -> anyhow::Result<Vec<String>> {
    let keys = Keys::new(key.as_bytes())?.lasting(LIFETIME);
    users.map(|user| keys.issue(user, None)).collect()
}
