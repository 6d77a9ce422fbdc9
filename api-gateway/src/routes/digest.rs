//! One message a day with what is due.

use axum::{Json, http::StatusCode};
use chrono::Utc;
use domain::{digest::Daily, error::FieldErrors};
use runtime::auth;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    body::Body,
    error::{Error, Result},
    input::{CHANNELS, Context, check_channel},
    openapi::texts::TimeOfDay,
    state::Gateway,
    time_of_day,
    view::ChannelRef,
};

/// A message on each day, at a time by the clock of the user's zone, with the tasks that are due on that
/// day and those that are overdue. A day with none of them sends nothing.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Digest {
    #[schema(value_type = TimeOfDay, inline)]
    at: String,
    /// Where it goes, at most 10; empty: the user's default channels.
    #[serde(default)]
    #[schema(max_items = 10)]
    channels: Vec<ChannelRef>,
}

/// Reads the digest; `null` when there is none.
#[utoipa::path(
    get,
    path = "/v1/me/digest",
    operation_id = "getDigest",
    tag = "accounts",
    responses(
        (status = 200, body = Option<Digest>),
    )
)]
pub(super) async fn get(
    gateway: Gateway,
    auth::User(owner): auth::User,
) -> Result<Json<Option<Digest>>> {
    let mut conn = gateway.store.acquire().await?;
    let wanted = store::digests::get(&mut conn, owner).await?;
    Ok(Json(wanted.map(|wanted| Digest {
        at: time_of_day::write(wanted.at),
        channels: wanted.channels.iter().map(ChannelRef::from).collect(),
    })))
}

/// Sets the digest. Where its time is over for today, or today has had one, the first comes tomorrow.
#[utoipa::path(
    put,
    path = "/v1/me/digest",
    operation_id = "setDigest",
    tag = "accounts",
    request_body = Digest,
    responses(
        (status = 204),
    )
)]
pub(super) async fn put(
    gateway: Gateway,
    auth::User(owner): auth::User,
    Body(digest): Body<Digest>,
) -> Result<StatusCode> {
    let mut tx = gateway.store.begin().await?;
    let user = store::users::by_id_locked(&mut tx, owner)
        .await?
        .ok_or_else(Error::no_account)?;
    let zone = user.zone();
    let mut errors = FieldErrors::default();
    let at = time_of_day::read(&digest.at);
    if at.is_none() {
        errors.push("at", "must be a time of the day such as 08:00");
    }
    if digest.channels.len() > CHANNELS {
        errors.push("channels", format!("must hold at most {CHANNELS} channels"));
    }
    errors.into_result(())?;
    let mut errors = FieldErrors::default();
    let own = store::channels::of_owner(&mut tx, owner).await?;
    let own: Vec<_> = own.into_iter().map(|own| (own.id, own.url)).collect();
    let context = Context {
        zone,
        channels: &own,
    };
    let mut channels = Vec::new();
    for (i, channel) in digest.channels.iter().enumerate() {
        let field = format!("channels[{i}].id");
        if let Some(channel) = check_channel(channel, &field, &context, &mut errors)
            && !channels.contains(&channel)
        {
            channels.push(channel);
        }
    }
    errors.into_result(())?;
    if let Some(at) = at {
        let daily = Daily { at, zone };
        store::digests::set(&mut tx, owner, daily, &channels, Utc::now()).await?;
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the digest.
#[utoipa::path(
    delete,
    path = "/v1/me/digest",
    operation_id = "deleteDigest",
    tag = "accounts",
    responses(
        (status = 204),
    )
)]
pub(super) async fn delete(gateway: Gateway, auth::User(owner): auth::User) -> Result<StatusCode> {
    let mut conn = gateway.store.acquire().await?;
    store::digests::clear(&mut conn, owner).await?;
    Ok(StatusCode::NO_CONTENT)
}
