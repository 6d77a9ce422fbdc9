//! The ways in which a user can be reached.

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use domain::{error::FieldErrors, webhook::Secret};
use runtime::{Problem, auth};
use serde::Deserialize;
use url::Url;
use utoipa::ToSchema;

use super::users::NO_STORE;
use crate::{
    body::Body,
    error::{Error, Result},
    path::Id,
    state::Gateway,
    view::{ChannelList, ChannelType, ChannelView, ProblemView},
};

/// Most bytes of a URL.
const URL_MOST: usize = 2000;
/// Most channels of a user.
const MOST: i64 = 20;

/// A new channel.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewChannel {
    /// `webhook`.
    #[serde(rename = "type")]
    #[allow(
        dead_code,
        reason = "there is one kind so far; another value is refused"
    )]
    kind: ChannelType,
    /// `https://…` or `http://…`, without user name and password.
    url: String,
    /// Whether it serves reminders that name no channel.
    #[serde(default = "yes")]
    is_default: bool,
}

fn yes() -> bool {
    true
}

/// Lists the user's channels.
#[utoipa::path(
    get,
    path = "/v1/channels",
    tag = "channels",
    responses(
        (status = 200, body = ChannelList),
        (status = 401, body = ProblemView, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(gateway): State<Gateway>,
    auth::User(owner): auth::User,
) -> Result<Json<ChannelList>> {
    let mut conn = gateway.store.acquire().await?;
    let channels = store::channels::of_owner(&mut conn, owner).await?;
    let items = channels.into_iter().map(ChannelView::from).collect();
    Ok(Json(ChannelList { items }))
}

/// Adds a channel. The answer alone holds the secret that signs what is posted.
#[utoipa::path(
    post,
    path = "/v1/channels",
    tag = "channels",
    request_body = NewChannel,
    responses(
        (status = 201, body = ChannelView),
        (status = 401, body = ProblemView, content_type = "application/problem+json"),
        (status = 409, description = "The user has as many channels as a user may have.", body = ProblemView, content_type = "application/problem+json"),
        (status = 422, body = ProblemView, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(gateway): State<Gateway>,
    auth::User(owner): auth::User,
    Body(new): Body<NewChannel>,
) -> Result<impl IntoResponse> {
    let url = check_url(&new.url)?;
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(Problem::internal)?;
    let secret = Secret::text(&random);
    let mut tx = gateway.store.begin().await?;
    store::users::by_id(&mut tx, owner)
        .await?
        .ok_or_else(Error::no_account)?;
    let channel = store::channels::create_webhook(
        &mut tx,
        owner,
        url.as_str(),
        &secret,
        new.is_default,
        MOST,
    )
    .await?
    .ok_or_else(|| {
        Error::new(
            StatusCode::CONFLICT,
            format!("a user has at most {MOST} channels; delete one first"),
        )
    })?;
    tx.commit().await?;
    let answer = Json(ChannelView::with_secret(channel));
    Ok((StatusCode::CREATED, NO_STORE, answer))
}

/// Removes a channel.
#[utoipa::path(
    delete,
    path = "/v1/channels/{id}",
    tag = "channels",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 204),
        (status = 401, body = ProblemView, content_type = "application/problem+json"),
        (status = 404, body = ProblemView, content_type = "application/problem+json"),
    )
)]
pub(super) async fn delete(
    State(gateway): State<Gateway>,
    auth::User(owner): auth::User,
    Id(id): Id,
) -> Result<StatusCode> {
    let mut conn = gateway.store.acquire().await?;
    if store::channels::delete(&mut conn, owner, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Error::not_found("channel"))
    }
}

/// What can be told of a URL without a look-up. Where it may lead is decided when it is called,
/// because a name can lead elsewhere by then.
fn check_url(text: &str) -> std::result::Result<Url, FieldErrors> {
    let mut errors = FieldErrors::default();
    if text.len() > URL_MOST {
        errors.push("url", format!("must have at most {URL_MOST} bytes"));
    }
    errors.into_result(())?;
    let mut errors = FieldErrors::default();
    match Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") || !url.has_host() => {
            errors.push("url", "must begin with https:// or http:// and a host");
            errors.into_result(url)
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            errors.push("url", "must not hold a user name or a password");
            errors.into_result(url)
        }
        // Escapes make it longer than it was written.
        Ok(url) if url.as_str().len() > URL_MOST => {
            errors.push(
                "url",
                format!("must have at most {URL_MOST} bytes once escaped"),
            );
            errors.into_result(url)
        }
        Ok(url) => Ok(url),
        Err(error) => {
            errors.push("url", format!("is not a URL: {error}"));
            Err(errors)
        }
    }
}
