//! The work behind imports: whichever gateway is free takes the oldest.

use std::time::Duration;

use chrono::Utc;
use domain::transfer::{Format, Unreadable, tree};
use store::imports::{self, Import};
use tokio_util::sync::CancellationToken;

use super::step::Run;
use crate::state::Gateway;

/// How often a gateway looks for what another one left behind.
const EVERY: Duration = Duration::from_secs(5);

/// Works on the imports of all users, one after the other, until `shutdown`. What is half done then is gone on
/// with by another gateway, or by the next one.
pub async fn run_imports(gateway: Gateway, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        let found = tokio::select! {
            found = import_next(&gateway) => found,
            () = shutdown.cancelled() => return,
        };
        match found {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "an import stands still"),
        }
        tokio::select! {
            () = gateway.imports.notified() => {}
            () = tokio::time::sleep(EVERY) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// Works on the oldest import that nobody works on, until it is done; false where there is none.
///
/// # Errors
/// Why it is not done; it is tried again later.
pub async fn import_next(gateway: &Gateway) -> anyhow::Result<bool> {
    let mut conn = gateway.store.acquire().await?;
    let claimed = imports::claim(&mut conn, Utc::now()).await?;
    conn.release();
    let Some((import, file)) = claimed else {
        return Ok(false);
    };
    let id = import.id;
    let done = import_all(gateway, import, file).await;
    if done.is_err() {
        let mut conn = gateway.store.acquire().await?;
        imports::release(&mut conn, id, Utc::now()).await?;
        conn.release();
    }
    done.map(|()| true)
}

async fn import_all(gateway: &Gateway, import: Import, text: String) -> anyhow::Result<()> {
    let mut conn = gateway.store.acquire().await?;
    let user = store::users::by_id(&mut conn, import.owner_id).await?;
    conn.release();
    let (Some(user), Some(format)) = (user, Format::of(&import.format)) else {
        anyhow::bail!("the import {} is of no user, or of no format", import.id);
    };
    let (zone, now) = (user.zone(), import.created_at);
    // Read as it was when it came, but for the zone, should that have changed.
    let read = tokio::task::spawn_blocking(move || {
        let mut file = format.read(&text, zone, now)?;
        let nodes = tree(&mut file);
        Ok::<_, Unreadable>((file, nodes))
    });
    let (file, nodes) = read.await??;
    let mut run = Run::new(import, file, nodes);
    loop {
        let step = run.step(gateway).await;
        if !step.map_err(|error| anyhow::anyhow!("{error:?}"))? {
            return Ok(());
        }
    }
}
