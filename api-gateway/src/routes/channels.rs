//! The ways in which a user can be reached.

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use domain::{error::FieldErrors, reminder::ChannelKind, webhook::Secret};
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
/// Most characters of an access token.
const TOKEN_MOST: usize = 500;
/// Most bytes of an e-mail address (RFC 5321).
const ADDRESS_MOST: usize = 254;
/// Most characters of a component's name.
const NAME_MOST: usize = 253;
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
    /// Whether it serves reminders that name no channel.
    #[serde(default = "yes")]
    is_default: bool,
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
        };
        let kind = ChannelKind::from(self.kind).as_str();
        let token = (self.kind == ChannelType::Ntfy)
            .then_some(&self.token)
            .and_then(Option::as_ref);
        for (field, value) in [
            ("url", &self.url),
            ("address", &self.address),
            ("name", &self.name),
        ] {
            if value.is_some() && field != wanted {
                errors.push(field, format!("a channel of type {kind} has none"));
            }
        }
        if self.token.is_some() && self.kind != ChannelType::Ntfy {
            errors.push("token", format!("a channel of type {kind} has none"));
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
        };
        match checked {
            Ok(target) => errors.into_result(target),
            Err(more) => {
                errors.0.extend(more.0);
                Err(errors)
            }
        }
    }
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
    let target = new.target()?;
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(Problem::internal)?;
    let secret = match new.kind {
        ChannelType::Webhook | ChannelType::Email => Secret::text(&random),
        ChannelType::Ntfy => new.token.unwrap_or_default(),
        ChannelType::Slack | ChannelType::Binding => String::new(),
    };
    let mut tx = gateway.store.begin().await?;
    store::users::by_id(&mut tx, owner)
        .await?
        .ok_or_else(Error::no_account)?;
    if new.kind == ChannelType::Email
        && store::channels::is_unsubscribed(&mut tx, owner, &target).await?
    {
        let message = "has asked not to get e-mails from here";
        return Err(Error::field("address", message));
    }
    let channel = store::channels::create(
        &mut tx,
        owner,
        store::channels::NewChannel {
            kind: new.kind.into(),
            target: &target,
            secret: &secret,
            is_default: new.is_default,
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

fn is_token(token: &str) -> bool {
    (1..=TOKEN_MOST).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// One path segment after the server's own path: <https://docs.ntfy.sh/publish/>.
fn check_topic(url: Url) -> std::result::Result<String, FieldErrors> {
    let mut errors = FieldErrors::default();
    let topic = url.path_segments().and_then(Iterator::last);
    let valid = topic.is_some_and(|topic| {
        (1..=64).contains(&topic.len())
            && topic
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    });
    if !valid || url.query().is_some() || url.fragment().is_some() {
        errors.push(
            "url",
            "must end with a topic of 1 to 64 letters, digits, `-` and `_`, such as https://ntfy.sh/topic",
        );
    }
    errors.into_result(url.into())
}

/// What can be told of an address without writing to it. Quoted local parts and address literals,
/// which hardly anybody has, are refused.
fn check_address(text: &str) -> std::result::Result<String, FieldErrors> {
    let mut errors = FieldErrors::default();
    let local = |part: &str| {
        (1..=64).contains(&part.len())
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.contains("..")
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte))
    };
    let host = |part: &str| {
        part.contains('.')
            && part.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            })
    };
    let valid = text.len() <= ADDRESS_MOST
        && text
            .rsplit_once('@')
            .is_some_and(|(left, right)| local(left) && host(right));
    if !valid {
        errors.push(
            "address",
            format!("must be an e-mail address such as name@example.com, of at most {ADDRESS_MOST} ASCII characters"),
        );
    }
    errors.into_result(text.to_owned())
}

/// Names of Dapr components are those of Kubernetes objects (RFC 1123).
fn check_name(text: &str) -> std::result::Result<String, FieldErrors> {
    let mut errors = FieldErrors::default();
    let valid = (1..=NAME_MOST).contains(&text.len())
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.')
        })
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.ends_with(|last: char| last.is_ascii_alphanumeric());
    if !valid {
        errors.push(
            "name",
            "must be the name of an output binding: lower-case letters, digits, `-` and `.`",
        );
    }
    errors.into_result(text.to_owned())
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
