//! How the web page stays logged in: its refresh token is a cookie that no script can read.
//!
//! The same as the routes of accounts, for the page that this gateway serves and for no other program: so they
//! are not in the OpenAPI document. The cookie goes to these paths alone, and no other route reads it.

use std::convert::Infallible;

use axum::{
    Json, Router,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, StatusCode, header, request::Parts},
    response::IntoResponse,
    routing::post,
};
use runtime::Problem;
use serde::Serialize;
use uuid::Uuid;

use super::{
    oidc::{self, Answer},
    sessions::{self, Program, Tokens},
    users::{self, Credentials, NO_STORE, NewUser},
};
use crate::{
    body::Body,
    client::Client,
    error::{Error, Result},
    state::Gateway,
    view::UserView,
};

const COOKIE: &str = "todostack_refresh";

/// What a browser says of the page that makes a request (Fetch Metadata).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The routes of the page's session.
pub(super) fn routes() -> Router<Gateway> {
    Router::new()
        .route("/page/sign-up", post(sign_up))
        .route("/page/log-in", post(log_in))
        .route("/page/oidc", post(log_in_elsewhere))
        .route("/page/refresh", post(refresh))
        .route("/page/log-out", post(log_out))
}

/// What the page gets to know of its session.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageSession {
    access_token: String,
    expires_in: u64,
    session_id: Uuid,
    /// Of a new account.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserView>,
}

/// A browser with its cookie.
struct Browser {
    token: Option<String>,
    /// The page came by https, as the browser sees it: a proxy may have taken TLS away.
    secure: bool,
    /// Another site's page makes this request.
    foreign: bool,
}

impl FromRequestParts<Gateway> for Browser {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &Gateway,
    ) -> std::result::Result<Self, Infallible> {
        let text = |name| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let origin = text(header::ORIGIN).unwrap_or_default();
        Ok(Self {
            token: cookie(&parts.headers),
            secure: origin.starts_with("https://"),
            // Browsers leave it out where the page came by plain http: SameSite is all there is then.
            foreign: text(FETCH_SITE).is_some_and(|site| site != "same-origin"),
        })
    }
}

impl Browser {
    /// The refresh token.
    ///
    /// # Errors
    /// 403 when another site's page asks, 401 when there is none.
    fn token(&self) -> Result<&str> {
        self.own()?;
        let over = || Problem::unauthorized("this browser is not logged in").into();
        self.token.as_deref().ok_or_else(over)
    }

    fn own(&self) -> Result<()> {
        if self.foreign {
            let detail = "this is for the page of this gateway; other programs log in by /v1/login";
            return Err(Error::new(StatusCode::FORBIDDEN, detail));
        }
        Ok(())
    }

    /// What sets the cookie for so many seconds; none takes it away.
    fn set(&self, token: &str, seconds: i64) -> [(HeaderName, String); 1] {
        let secure = if self.secure { "; Secure" } else { "" };
        let cookie = format!(
            "{COOKIE}={token}; Path=/page; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}"
        );
        [(header::SET_COOKIE, cookie)]
    }

    fn answer(&self, tokens: Tokens, user: Option<UserView>) -> impl IntoResponse + use<> {
        let cookie = self.set(&tokens.refresh_token, tokens.refresh_expires_in);
        let answer = PageSession {
            access_token: tokens.access_token,
            expires_in: tokens.expires_in,
            session_id: tokens.session_id,
            user,
        };
        (NO_STORE, cookie, Json(answer))
    }
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(header::COOKIE).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == COOKIE && !value.is_empty())
        .map(|(_, value)| value.to_owned())
}

async fn sign_up(
    gateway: Gateway,
    Client(from): Client,
    program: Program,
    browser: Browser,
    Body(new): Body<NewUser>,
) -> Result<impl IntoResponse> {
    browser.own()?;
    let account = users::make(&gateway, from, &program, new).await?;
    Ok((
        StatusCode::CREATED,
        browser.answer(account.tokens, Some(account.user)),
    ))
}

async fn log_in(
    gateway: Gateway,
    Client(from): Client,
    program: Program,
    browser: Browser,
    Body(credentials): Body<Credentials>,
) -> Result<impl IntoResponse> {
    browser.own()?;
    let tokens = users::check(&gateway, from, &program, credentials).await?;
    Ok(browser.answer(tokens, None))
}

async fn log_in_elsewhere(
    gateway: Gateway,
    Client(from): Client,
    program: Program,
    browser: Browser,
    Body(answer): Body<Answer>,
) -> Result<impl IntoResponse> {
    browser.own()?;
    let tokens = oidc::session(&gateway, from, &program, answer).await?;
    Ok(browser.answer(tokens, None))
}

async fn refresh(
    gateway: Gateway,
    program: Program,
    browser: Browser,
) -> Result<impl IntoResponse> {
    let tokens = sessions::exchange(&gateway, &program, browser.token()?).await?;
    Ok(browser.answer(tokens, None))
}

async fn log_out(gateway: Gateway, browser: Browser) -> Result<impl IntoResponse> {
    browser.own()?;
    if let Some(token) = &browser.token {
        sessions::end_of(&gateway, token).await?;
    }
    Ok((StatusCode::NO_CONTENT, browser.set("", 0)))
}
