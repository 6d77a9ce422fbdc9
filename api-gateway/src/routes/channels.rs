//! The ways in which a user can be reached.

mod check;

use axum::{Json, http::StatusCode, response::IntoResponse};
use domain::{
    error::FieldErrors, reminder::ChannelKind, web_push::SubscriptionKeys, webhook::Secret,
};
use runtime::{Problem, auth};
use serde::Deserialize;
use utoipa::ToSchema;

use self::check::{
    TOKEN_MOST, check_address, check_endpoint, check_keys, check_name, check_topic, check_url,
    is_token,
};
use super::users::NO_STORE;
use crate::{
    body::Body,
    error::{Error, Result},
    path::Id,
    state::Gateway,
    view::{ChannelList, ChannelType, ChannelView},
};

/// Most channels of a user.
const MOST: i64 = 20;

/// A new channel. Which fields it has depends on its type; a field of another type is refused.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewChannel {
    #[serde(rename = "type")]
    kind: ChannelType,
    /// webhook: where to post. ntfy: server and topic, `https://ntfy.example.com/topic`. slack: the
    /// incoming webhook. `https://…` or `http://…`, without user name and password.
    #[serde(default)]
    url: Option<String>,
    /// email: where to write to.
    #[serde(default)]
    address: Option<String>,
    /// ntfy: an access token of the server, where it asks for one.
    #[serde(default)]
    token: Option<String>,
    /// binding: name of the output binding of Dapr, one of those that the stack lists.
    #[serde(default)]
    name: Option<String>,
    /// webPush: `endpoint` of the browser's `PushSubscription`, an `https://` URL.
    #[serde(default)]
    endpoint: Option<String>,
    /// webPush: `keys` of the browser's `PushSubscription`.
    #[serde(default)]
    keys: Option<PushKeys>,
    /// Whether it serves reminders that name no channel.
    #[serde(default = "yes")]
    is_default: bool,
}

/// `keys` of a `PushSubscription` (Push API, §8.1).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PushKeys {
    /// Base64url of the browser's public key, 65 bytes.
    #[schema(pattern = "^[A-Za-z0-9_-]{87}=?$")]
    p256dh: String,
    /// Base64url of the secret that it shares with the stack, 16 bytes.
    #[schema(pattern = "^[A-Za-z0-9_-]{22}(==)?$")]
    auth: String,
}

impl NewChannel {
    /// Where it leads, as [`StoredChannel::target`] has it.
    ///
    /// [`StoredChannel::target`]: store::channels::StoredChannel::target
    fn target(&self) -> std::result::Result<String, FieldErrors> {
        let mut errors = FieldErrors::default();
        let (wanted, given) = match self.kind {
            ChannelType::Webhook | ChannelType::Ntfy | ChannelType::Slack => ("url", &self.url),
            ChannelType::Email => ("address", &self.address),
            ChannelType::Binding => ("name", &self.name),
            ChannelType::WebPush => ("endpoint", &self.endpoint),
        };
        let kind = ChannelKind::from(self.kind).as_str();
        let token = (self.kind == ChannelType::Ntfy)
            .then_some(&self.token)
            .and_then(Option::as_ref);
        for (field, value) in [
            ("url", &self.url),
            ("address", &self.address),
            ("name", &self.name),
            ("endpoint", &self.endpoint),
        ] {
            if value.is_some() && field != wanted {
                errors.push(field, format!("a channel of type {kind} has none"));
            }
        }
        if self.token.is_some() && self.kind != ChannelType::Ntfy {
            errors.push("token", format!("a channel of type {kind} has none"));
        }
        match (self.kind, &self.keys) {
            (ChannelType::WebPush, None) => {
                errors.push("keys", format!("a channel of type {kind} needs it"));
            }
            (ChannelType::WebPush, Some(keys)) => check_keys(keys, &mut errors),
            (_, Some(_)) => errors.push("keys", format!("a channel of type {kind} has none")),
            (_, None) => {}
        }
        if token.is_some_and(|token| !is_token(token)) {
            errors.push(
                "token",
                format!("must be 1 to {TOKEN_MOST} visible ASCII characters"),
            );
        }
        let Some(given) = given else {
            errors.push(wanted, format!("a channel of type {kind} needs it"));
            return Err(errors);
        };
        let checked = match self.kind {
            ChannelType::Webhook | ChannelType::Slack => check_url(given).map(String::from),
            ChannelType::Ntfy => check_url(given).and_then(check_topic),
            ChannelType::Email => check_address(given),
            ChannelType::Binding => check_name(given),
            ChannelType::WebPush => check_endpoint(given),
        };
        match checked {
            Ok(target) => errors.into_result(target),
            Err(more) => {
                errors.0.extend(more.0);
                Err(errors)
            }
        }
    }

    /// What goes with it, as [`StoredChannel::secret`] has it.
    ///
    /// [`StoredChannel::secret`]: store::channels::StoredChannel::secret
    fn secret(self) -> Result<String> {
        Ok(match self.kind {
            ChannelType::Webhook | ChannelType::Email => {
                let mut random = [0; 32];
                getrandom::fill(&mut random).map_err(Problem::internal)?;
                Secret::text(&random)
            }
            ChannelType::Ntfy => self.token.unwrap_or_default(),
            ChannelType::Slack | ChannelType::Binding => String::new(),
            ChannelType::WebPush => {
                let read = |keys: PushKeys| SubscriptionKeys::parse(&keys.p256dh, &keys.auth);
                let keys = self.keys.map(read).transpose().map_err(Problem::internal)?;
                keys.map(|keys| keys.text()).unwrap_or_default()
            }
        })
    }
}

fn yes() -> bool {
    true
}

/// Lists the user's channels.
#[utoipa::path(
    get,
    path = "/v1/channels",
    operation_id = "listChannels",
    tag = "channels",
    responses(
        (status = 200, body = ChannelList),
    )
)]
pub(super) async fn list(
    gateway: Gateway,
    auth::User(owner): auth::User,
) -> Result<Json<ChannelList>> {
    let mut conn = gateway.store.acquire().await?;
    let channels = store::channels::of_owner(&mut conn, owner).await?;
    let items = channels.into_iter().map(ChannelView::from).collect();
    Ok(Json(ChannelList { items }))
}

/// Adds a channel. The answer alone holds the secret that signs what is posted. A browser's subscription
/// that is there already is that channel again, enabled.
#[utoipa::path(
    post,
    path = "/v1/channels",
    operation_id = "createChannel",
    tag = "channels",
    request_body = NewChannel,
    responses(
        (status = 201, body = ChannelView),
        (status = 409, description = "The user has as many channels as a user may have."),
    )
)]
pub(super) async fn create(
    gateway: Gateway,
    auth::User(owner): auth::User,
    Body(new): Body<NewChannel>,
) -> Result<impl IntoResponse> {
    let target = new.target()?;
    let (kind, is_default) = (new.kind, new.is_default);
    if kind == ChannelType::WebPush && gateway.push_key.is_none() {
        return Err(Error::field("type", "this stack serves no Web Push"));
    }
    let secret = new.secret()?;
    let mut tx = gateway.store.begin().await?;
    store::users::by_id(&mut tx, owner)
        .await?
        .ok_or_else(Error::no_account)?;
    if kind == ChannelType::Email
        && store::channels::is_unsubscribed(&mut tx, owner, &target).await?
    {
        let message = "has asked not to get e-mails from here";
        return Err(Error::field("address", message));
    }
    let channel = store::channels::create(
        &mut tx,
        owner,
        store::channels::NewChannel {
            kind: kind.into(),
            target: &target,
            secret: &secret,
            is_default,
        },
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
    operation_id = "deleteChannel",
    tag = "channels",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 204),
    )
)]
pub(super) async fn delete(
    gateway: Gateway,
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
