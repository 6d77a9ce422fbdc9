//! E-mails to who has forgotten the password. The token is made here, and leaves this process in the e-mail
//! alone: the database has its hash.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use chrono::Utc;
use domain::secret_token;
use store::password_resets::{self, Mail};
use tokio_util::sync::CancellationToken;

use super::{Attempt, Notifications, email::Email, templates};

/// How often it is looked who waits for one.
const LOOK: Duration = Duration::from_secs(1);

impl Notifications {
    /// Sends those that are asked for, until `shutdown`. Several processes may: each takes others.
    pub(super) async fn look_for_password_resets(self: Arc<Self>, shutdown: CancellationToken) {
        let Some(email) = self.senders.email.as_ref() else {
            return;
        };
        while !shutdown.is_cancelled() {
            match self.send_password_reset(email).await {
                Ok(true) => {}
                Ok(false) => {
                    tokio::select! {
                        () = tokio::time::sleep(LOOK) => {}
                        () = shutdown.cancelled() => {}
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "cannot look for forgotten passwords"
                    );
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    /// Sends the next one; whether there was one.
    async fn send_password_reset(&self, email: &Email) -> anyhow::Result<bool> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).context("random bytes")?;
        let token = secret_token::text(secret_token::PASSWORD_RESET, random);
        let hash = secret_token::hash(&token);
        let taken = {
            let mut conn = self.store.acquire().await?;
            password_resets::take(&mut conn, hash, Utc::now()).await?
        };
        let Some(Mail { user_id, email: to }) = taken else {
            return Ok(false);
        };
        let attempt = match email.link(&format!("/v1/password-reset#{token}")) {
            Some(link) => {
                email
                    .send_words(&to, templates::of_password_reset(&link))
                    .await
            }
            None => Attempt::GiveUp("the stack has no `spec.notifications.publicUrl`".into()),
        };
        let sent = attempt == Attempt::Delivered;
        metrics::counter!("todostack_password_reset_mails_total", "outcome" => if sent { "sent" } else { "failed" })
            .increment(1);
        match attempt {
            Attempt::Delivered => tracing::info!(user = %user_id, "sent a link for a new password"),
            Attempt::Retry { error, .. } => {
                tracing::warn!(user = %user_id, error, "a link for a new password was not sent; tried again");
                return Ok(true);
            }
            Attempt::GiveUp(error) | Attempt::Gone(error) => {
                tracing::warn!(user = %user_id, error, "a link for a new password was not sent; given up");
            }
        }
        let mut conn = self.store.acquire().await?;
        password_resets::done(&mut conn, hash).await?;
        Ok(true)
    }
}
