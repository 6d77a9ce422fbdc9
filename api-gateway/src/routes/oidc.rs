//! Log-in at other issuers (OpenID Connect).

use std::{net::IpAddr, time::Duration};

use axum::{Json, extract::Path, http::StatusCode, response::IntoResponse};
use chrono::Utc;
use chrono_tz::Tz;
use openidconnect::RedirectUrl;
use serde::{Deserialize, Serialize};
use store::{
    identities::{self, Linked, Subject},
    users::User,
};
use utoipa::ToSchema;

use super::{
    sessions::{self, Program, Tokens},
    users::{NO_STORE, is_email, refused},
};
use crate::{
    body::Body,
    client::Client,
    error::{Error, Result},
    oidc::{Begun, Failed, Person, Provider},
    state::{Gateway, SignUp},
};

/// What a log-in that has begun is sealed for.
const PURPOSE: &str = "oidc";

/// A user takes no longer to log in at an issuer.
const PATIENCE: Duration = Duration::from_secs(600);

/// Most bytes of an address that a browser comes back to.
const REDIRECT_MOST: usize = 2_000;

/// Most bytes of a code, and of a state.
const CODE_MOST: usize = 4_096;

/// Most bytes of what comes back of a log-in that has begun: its addresses, and some more.
const AUTHORIZATION_MOST: usize = 2 * REDIRECT_MOST + 2_000;

/// An issuer at which users may log in.
#[derive(Serialize, ToSchema)]
struct ProviderView {
    /// Its name in paths.
    name: String,
    /// Its name for people.
    title: String,
}

/// The issuers at which users may log in.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProviderList {
    items: Vec<ProviderView>,
}

/// A log-in that begins.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewAuthorization {
    /// Where the browser comes back to, with `code` and `state`: one of those that the issuer has of this stack.
    #[schema(
        max_length = 2_000,
        pattern = r"^https?://[a-z0-9][a-z0-9.-]*(:[0-9]{1,4})?(/[A-Za-z0-9/._~-]*)?$"
    )]
    redirect_uri: String,
}

/// A log-in that has begun.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Authorization {
    /// Where the browser goes.
    url: String,
    /// Keep it where the browser comes back, and send it with what it brings.
    authorization: String,
    /// Seconds within which the user comes back.
    expires_in: u64,
}

/// What a browser brought back from an issuer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    /// From the beginning of this log-in.
    #[schema(format = Password)]
    authorization: String,
    /// From the address that the browser came back to.
    #[schema(format = Password)]
    code: String,
    /// From the address that the browser came back to.
    state: String,
}

/// Lists the issuers at which users may log in.
#[utoipa::path(
    get,
    path = "/v1/oidc/providers",
    operation_id = "listOidcProviders",
    tag = "accounts",
    security(()),
    responses(
        (status = 200, body = ProviderList),
    )
)]
pub(super) async fn providers(gateway: Gateway) -> Json<ProviderList> {
    let view = |provider: &Provider| ProviderView {
        name: provider.settings.name.clone(),
        title: provider.settings.title().to_owned(),
    };
    let items = gateway.oidc.iter().map(view).collect();
    Json(ProviderList { items })
}

/// Begins a log-in at an issuer (OpenID Connect, the code flow with PKCE): send the user's browser to `url`.
#[utoipa::path(
    post,
    path = "/v1/oidc/providers/{name}/authorizations",
    operation_id = "beginOidcLogIn",
    tag = "accounts",
    params(("name" = String, Path)),
    request_body = NewAuthorization,
    security(()),
    responses(
        (status = 201, body = Authorization),
        (status = 502, description = "The issuer cannot be reached."),
    )
)]
pub(super) async fn begin(
    gateway: Gateway,
    Path(name): Path<String>,
    Body(new): Body<NewAuthorization>,
) -> Result<impl IntoResponse> {
    let provider = gateway.oidc.get(&name);
    let provider = provider.ok_or_else(|| Error::not_found("issuer"))?;
    let redirect = redirect(new.redirect_uri)?;
    let begun = provider.begin(redirect).await;
    let (url, begun) = begun.map_err(|error| unreachable(provider, &error))?;
    let authorization = gateway.keys.seal(PURPOSE, begun, PATIENCE);
    let authorization = authorization.map_err(runtime::Problem::internal)?;
    let answer = Authorization {
        url,
        authorization,
        expires_in: PATIENCE.as_secs(),
    };
    Ok((StatusCode::CREATED, NO_STORE, Json(answer)))
}

/// Ends a log-in at an issuer: begins a session. Who logs in there for the first time gets an account, where the
/// stack takes new users; or the one with the same e-mail address, if both sides know that it is theirs.
#[utoipa::path(
    post,
    path = "/v1/oidc/sessions",
    operation_id = "logInByOidc",
    tag = "accounts",
    request_body = Answer,
    security(()),
    responses(
        (status = 200, body = Tokens),
        (status = 403, description = "The stack takes no new users, or the issuer does not vouch for an e-mail address."),
        (status = 409, description = "The e-mail address has an account of which nobody knows whose it is: log in there by its password, and link the issuer."),
        (status = 502, description = "The issuer cannot be reached, or its answer cannot be trusted."),
    )
)]
pub(super) async fn log_in(
    gateway: Gateway,
    Client(from): Client,
    program: Program,
    Body(answer): Body<Answer>,
) -> Result<impl IntoResponse> {
    let tokens = session(&gateway, from, &program, answer).await?;
    Ok((NO_STORE, Json(tokens)))
}

/// Begins a session of who comes back from an issuer.
pub(super) async fn session(
    gateway: &Gateway,
    from: Option<IpAddr>,
    program: &Program,
    answer: Answer,
) -> Result<Tokens> {
    let (provider, person) = finish(gateway, from, answer).await?;
    let mut tx = gateway.store.begin().await?;
    let user = account(&mut tx, &person, provider.sign_up(gateway.sign_up)).await?;
    let tokens = sessions::begin(gateway, &mut tx, user.id, program).await?;
    tx.commit().await?;
    Ok(tokens)
}

/// The account of somebody: theirs by an earlier log-in, that of their e-mail address, or a new one.
async fn account(conn: &mut sqlx::PgConnection, person: &Person, sign_up: SignUp) -> Result<User> {
    let now = Utc::now();
    let refuse = |status, detail| Err(Error::new(status, detail));
    if let Some(user) = identities::user_of(conn, person.subject(), now).await? {
        return Ok(user);
    }
    let email = person.email.as_deref().map(str::trim);
    let email = email.filter(|email| person.is_email_verified && is_email(email));
    let Some(email) = email else {
        return refuse(
            StatusCode::FORBIDDEN,
            "the issuer does not vouch for an e-mail address of yours, which an account needs: verify it there, or log in by password and link the issuer",
        );
    };
    let user = match store::users::by_email(conn, email).await? {
        // Anybody can have signed up by this address, to be there first: only who is known to have it is the same.
        Some(user) if user.email_proved_at.is_none() => {
            return refuse(
                StatusCode::CONFLICT,
                "this e-mail address has an account: log in by its password and link the issuer, or set another password by e-mail first",
            );
        }
        // Locked, so that no two log-ins count its identities at once.
        Some(user) => store::users::by_id_alone(conn, user.id).await?,
        None if sign_up == SignUp::Closed => {
            return refuse(StatusCode::FORBIDDEN, "this stack takes no new users");
        }
        None => identities::create_user(conn, email, Tz::UTC, now).await?,
    };
    // Gone, or there, since it was looked up a moment ago.
    let user = user.ok_or_else(|| Error::busy("the account is being changed: try again"))?;
    link(conn, &user, person).await?;
    Ok(user)
}

/// Makes somebody's identity at the issuer one of this user; its id.
pub(super) async fn link(
    conn: &mut sqlx::PgConnection,
    user: &User,
    person: &Person,
) -> Result<uuid::Uuid> {
    let refuse = |detail| Err(Error::new(StatusCode::CONFLICT, detail));
    match identities::link(conn, user.id, person.subject(), Utc::now()).await? {
        Linked::Done(id) => Ok(id),
        Linked::Taken => refuse("another account of this stack has this identity"),
        Linked::TooMany => refuse("a user has at most 20 identities"),
    }
}

impl Person {
    fn subject(&self) -> Subject<'_> {
        Subject {
            issuer: &self.issuer,
            subject: &self.subject,
            email: self.email.as_deref(),
        }
    }
}

/// Who comes back from an issuer, and which issuer that is.
///
/// # Errors
/// 422 for what does not belong together or is not good any more, 502 for an issuer that cannot be trusted.
pub(super) async fn finish(
    gateway: &Gateway,
    from: Option<IpAddr>,
    answer: Answer,
) -> Result<(&Provider, Person)> {
    let stale = || {
        Error::field(
            "authorization",
            "is not good, any more: begin the log-in again",
        )
    };
    if answer.authorization.len() > AUTHORIZATION_MOST {
        return Err(stale());
    }
    for (name, text) in [("code", &answer.code), ("state", &answer.state)] {
        if text.len() > CODE_MOST {
            return Err(Error::field(
                name,
                format!("must have at most {CODE_MOST} bytes"),
            ));
        }
    }
    let begun = gateway.keys.open::<Begun>(PURPOSE, &answer.authorization);
    let begun = begun.ok_or_else(stale)?;
    let provider = gateway.oidc.get(&begun.provider).ok_or_else(stale)?;
    if !begun.is_of(&answer.state) {
        return Err(Error::field("state", "is of another log-in"));
    }
    let attempt = gateway
        .attempts
        .by_address(from, Utc::now())
        .await
        .map_err(refused)?;
    let person = match provider.finish(begun, answer.code).await {
        Ok(person) => person,
        Err(Failed::Code(why)) => {
            let message = format!("was not taken by the issuer: begin the log-in again ({why})");
            return Err(Error::field("code", message));
        }
        Err(Failed::Issuer(error)) => return Err(unreachable(provider, &error)),
    };
    attempt.succeeded().await?;
    Ok((provider, person))
}

/// 502, told to who runs the stack.
fn unreachable(provider: &Provider, error: &anyhow::Error) -> Error {
    let name = &provider.settings.name;
    tracing::warn!(
        error = format!("{error:#}"),
        issuer = name,
        "a log-in at an issuer failed"
    );
    metrics::counter!("todostack_oidc_failures_total", "issuer" => name.clone()).increment(1);
    let title = provider.settings.title();
    let detail = format!("{title} cannot be reached, or answers what cannot be trusted; try again");
    Error::new(StatusCode::BAD_GATEWAY, detail)
}

/// An address that a browser can come back to.
fn redirect(text: String) -> Result<RedirectUrl> {
    let wrong = || {
        let message =
            format!("must be an absolute URL without a fragment, of {REDIRECT_MOST} bytes at most");
        Error::field("redirectUri", message)
    };
    if text.len() > REDIRECT_MOST {
        return Err(wrong());
    }
    let redirect = RedirectUrl::new(text).map_err(|_| wrong())?;
    // RFC 6749 §3.1.2.
    if redirect.url().fragment().is_some() {
        return Err(wrong());
    }
    Ok(redirect)
}
