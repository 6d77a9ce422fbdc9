//! Who makes a request, and whether they may: asked once for every route, by the table of [`scopes`].
//!
//! [`scopes`]: crate::scopes

use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{StatusCode, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Duration, Utc};
use domain::secret_token;
use runtime::{Problem, auth};
use uuid::Uuid;

use crate::{
    client::Client,
    error::{Error, Result},
    idempotency,
    rate_limit::{Caller, Prepaid},
    scopes::{Need, need},
    state::Gateway,
};

/// What cannot be taken back is done this long after a log-in at most.
const FRESH: Duration = Duration::minutes(5);

/// The session of a caller, for routes that need one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Session {
    /// Its id.
    pub(crate) id: Uuid,
    /// Whose it is.
    pub(crate) user: Uuid,
    /// When the user logged in.
    pub(crate) since: DateTime<Utc>,
}

impl Session {
    /// A device that was left open is not enough for what cannot be taken back.
    ///
    /// # Errors
    /// 403 when the user has not logged in within the last five minutes; `what` needs it.
    pub(crate) fn must_be_fresh(&self, what: &str) -> Result<()> {
        if Utc::now() - self.since > FRESH {
            let detail = format!("log in again first: {what} within 5 minutes of a log-in");
            return Err(Error::new(StatusCode::FORBIDDEN, detail));
        }
        Ok(())
    }
}

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let missing =
            || Problem::internal("a route that needs a session is not in the table").into();
        parts.extensions.get().copied().ok_or_else(missing)
    }
}

/// Lets a request pass whose caller may make it, and has not made too many; tells the handler who that is.
///
/// # Errors
/// 401 for who shows no token that is valid, 403 where it is not good for this, 429 for too many requests.
pub(crate) async fn authorize(
    State(gateway): State<Gateway>,
    path: MatchedPath,
    Client(from): Client,
    mut request: Request,
    next: Next,
) -> Result<Response> {
    let need = need(request.method(), path.as_str());
    // Owned: a reference to the request, whose body is not `Sync`, cannot be held across an await.
    let token = auth::bearer(request.headers()).map(str::to_owned);
    let user = match need {
        Some(Need::Nothing) => Ok(None),
        _ => identify(&gateway, token, need).await.map(Some),
    };
    let counted = match &user {
        Ok(Some((user, _))) => Caller::User(*user),
        Ok(None) | Err(_) => Caller::Address(from),
    };
    let is_prepaid = request.extensions().get().is_some_and(Prepaid::take);
    let standing = if is_prepaid {
        Ok(None)
    } else {
        gateway.limiter.take(counted, Utc::now())
    };
    let standing = match standing {
        Ok(standing) => standing,
        Err(standing) => return Ok(standing.told(standing.refusal().into_response())),
    };
    let response = match user {
        Ok(user) => {
            if let Some((user, session)) = user {
                request.extensions_mut().insert(auth::User(user));
                session.map(|session| request.extensions_mut().insert(session));
            }
            match idempotency::asked(&request, path.as_str()) {
                Ok(None) => next.run(request).await,
                // In a box: the others need no room for it.
                Ok(Some(key)) => Box::pin(idempotency::once(&gateway, key, request, next))
                    .await
                    .into_response(),
                Err(error) => error.into_response(),
            }
        }
        Err(error) => error.into_response(),
    };
    Ok(match standing {
        Some(standing) => standing.told(response),
        None => response,
    })
}

/// The user of a token, and their session where the route needs one.
async fn identify(
    gateway: &Gateway,
    token: Option<String>,
    need: Option<Need>,
) -> Result<(Uuid, Option<Session>)> {
    let token = token.ok_or_else(auth::no_token)?;
    if token.starts_with(secret_token::PERSONAL) {
        return Ok((by_personal_token(gateway, &token, need).await?, None));
    }
    by_access_token(gateway, &token, need).await
}

/// The user of an access token, and their session where the route needs one: then it must not have ended.
async fn by_access_token(
    gateway: &Gateway,
    token: &str,
    need: Option<Need>,
) -> Result<(Uuid, Option<Session>)> {
    let claims = gateway.keys.verify(token).ok_or_else(auth::no_token)?;
    let user = claims.sub;
    if need != Some(Need::Session) {
        return Ok((user, None));
    }
    let over = || Problem::unauthorized("the session has ended: log in again");
    let id = claims.sid.ok_or_else(over)?;
    let mut conn = gateway.store.acquire().await?;
    let since = store::sessions::since(&mut conn, user, id, Utc::now()).await?;
    conn.release();
    let since = since.ok_or_else(over)?;
    Ok((user, Some(Session { id, user, since })))
}

/// The user of a personal token that has the scope.
async fn by_personal_token(gateway: &Gateway, token: &str, need: Option<Need>) -> Result<Uuid> {
    let hash = secret_token::hash(token);
    let mut conn = gateway.store.acquire().await?;
    let token = store::api_tokens::used(&mut conn, hash, Utc::now()).await?;
    conn.release();
    let token =
        token.ok_or_else(|| Problem::unauthorized("this token was deleted or has expired"))?;
    if need == Some(Need::Token) {
        return Ok(token.user_id);
    }
    let Some(Need::Scope(scope)) = need else {
        let detail = "a personal token may not do this; log in";
        return Err(Error::new(StatusCode::FORBIDDEN, detail));
    };
    if token.scopes.iter().any(|has| has == scope.as_str()) {
        return Ok(token.user_id);
    }
    let detail = format!("this token does not have the scope {}", scope.as_str());
    Err(Error::new(StatusCode::FORBIDDEN, detail))
}
