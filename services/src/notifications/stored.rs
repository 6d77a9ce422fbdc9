//! Users' stored channels, kept for a moment: a burst to one channel reads it once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use sqlx::{PgConnection, PgPool};
use store::channels::{self, StoredChannel};
use uuid::Uuid;

/// A channel that was removed may get reminders for this long.
const KEPT: Duration = Duration::from_secs(1);

/// Beyond this many, what is too old is thrown out.
const MANY: usize = 10_000;

pub(super) struct Stored {
    pool: PgPool,
    kept: Mutex<HashMap<Uuid, (Instant, Arc<StoredChannel>)>>,
}

impl Stored {
    pub(super) fn new(pool: PgPool) -> Self {
        Self {
            pool,
            kept: Mutex::default(),
        }
    }

    /// One channel of a user, if it is still there.
    pub(super) async fn get(
        &self,
        owner: Uuid,
        id: Uuid,
    ) -> Result<Option<Arc<StoredChannel>>, sqlx::Error> {
        let kept = super::lock(&self.kept).get(&id).cloned();
        if let Some((read, channel)) = kept
            && read.elapsed() < KEPT
            && channel.owner_id == owner
        {
            return Ok(Some(channel));
        }
        let mut conn = self.pool.acquire().await?;
        let found = channels::get(&mut conn, owner, id).await?.map(Arc::new);
        match &found {
            Some(channel) => self.keep(channel.clone()),
            None => {
                super::lock(&self.kept).remove(&id);
            }
        }
        Ok(found)
    }

    /// The channels of these users, each user's oldest first.
    pub(super) async fn of_owners(
        &self,
        conn: &mut PgConnection,
        owners: &[Uuid],
    ) -> Result<HashMap<Uuid, Vec<Arc<StoredChannel>>>, sqlx::Error> {
        let mut of: HashMap<Uuid, Vec<Arc<StoredChannel>>> = HashMap::new();
        for channel in channels::of_owners(conn, owners).await? {
            let channel = Arc::new(channel);
            self.keep(channel.clone());
            of.entry(channel.owner_id).or_default().push(channel);
        }
        Ok(of)
    }

    /// Notes that the receiver of a channel is gone.
    pub(super) async fn disable(
        &self,
        channel: &StoredChannel,
        reason: &str,
    ) -> Result<(), sqlx::Error> {
        let mut conn = self.pool.acquire().await?;
        channels::disable(&mut conn, channel.id, &channel.secret, reason).await?;
        super::lock(&self.kept).remove(&channel.id);
        Ok(())
    }

    fn keep(&self, channel: Arc<StoredChannel>) {
        let mut kept = super::lock(&self.kept);
        if kept.len() >= MANY {
            kept.retain(|_, (read, _)| read.elapsed() < KEPT);
        }
        kept.insert(channel.id, (Instant::now(), channel));
    }
}
