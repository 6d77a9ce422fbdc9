//! Client of the internal API of a stack, see `domain::internal_api`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::internal_api::{Changes, Lookup, ReminderList, ReminderPut, ReminderView};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// A request takes at most this long, a long poll this much longer than its wait.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The service takes at most this many ids in one lookup.
const LOOKUP_MOST: usize = 500;
/// Key of the Secret `<stack>-keys` that holds the token.
const TOKEN_KEY: &str = "internal-token";

/// Why a stack did not do what was asked. No variant holds the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StackError {
    /// The Secret with the token cannot be read or does not hold it.
    #[error("no token for the reminders service: {0}")]
    NoToken(String),
    /// It does not accept our token, not even after the Secret was read again.
    #[error(
        "the reminders service does not accept the token of the Secret: was the Secret changed without a restart?"
    )]
    Unauthorized,
    /// It understood, and will not do it: asking again without a change is of no use.
    #[error("{detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The `detail` of the answer.
        detail: String,
    },
    /// It did not answer, or not properly.
    #[error("the reminders service does not answer: {0}")]
    Unavailable(String),
}

/// Where the bearer token comes from.
#[derive(Clone)]
pub enum TokenSource {
    /// A Secret.
    Secret {
        /// Secrets of the stack's namespace.
        api: Box<Api<Secret>>,
        /// Its name.
        name: String,
    },
    /// It is known.
    Fixed(Arc<str>),
}

impl TokenSource {
    async fn read(&self) -> Result<Arc<str>, StackError> {
        let (api, name) = match self {
            Self::Fixed(token) => return Ok(token.clone()),
            Self::Secret { api, name } => (api, name),
        };
        let missing = |why: String| StackError::NoToken(format!("Secret {name}: {why}"));
        let secret = api
            .get(name)
            .await
            .map_err(|error| missing(error.to_string()))?;
        let token = secret
            .data
            .as_ref()
            .and_then(|data| data.get(TOKEN_KEY))
            .ok_or_else(|| missing(format!("it has no key {TOKEN_KEY:?}")))?;
        std::str::from_utf8(&token.0)
            .map(Arc::from)
            .map_err(|_| missing(format!("{TOKEN_KEY:?} is not text")))
    }
}

/// Client of the internal API of one stack. The token is read once, and again when it is refused.
pub struct StackClient {
    http: reqwest::Client,
    base: String,
    source: TokenSource,
    token: Mutex<Option<Arc<str>>>,
}

impl StackClient {
    /// A client of the API at `base`, such as `http://demo-reminders.default.svc:8081`.
    pub fn new(http: reqwest::Client, base: impl Into<String>, source: TokenSource) -> Self {
        Self {
            http,
            base: base.into(),
            source,
            token: Mutex::new(None),
        }
    }

    /// Makes or changes a reminder. The same body twice changes nothing.
    ///
    /// # Errors
    /// See [`StackError`].
    pub async fn put(&self, id: Uuid, put: &ReminderPut) -> Result<ReminderView, StackError> {
        let answer = self
            .call(&reminder(id), |path| {
                self.request(Method::PUT, path).json(put)
            })
            .await?;
        read(accept(answer).await?).await
    }

    /// What the stack knows of a reminder; none when it knows none of this id.
    ///
    /// # Errors
    /// See [`StackError`].
    pub async fn get(&self, id: Uuid) -> Result<Option<ReminderView>, StackError> {
        let answer = self
            .call(&reminder(id), |path| self.request(Method::GET, path))
            .await?;
        found(answer).await
    }

    /// Cancels a reminder; none when the stack knows none of this id.
    ///
    /// # Errors
    /// See [`StackError`].
    pub async fn delete(&self, id: Uuid) -> Result<Option<ReminderView>, StackError> {
        let answer = self
            .call(&reminder(id), |path| self.request(Method::DELETE, path))
            .await?;
        found(answer).await
    }

    /// Those of `ids` that exist.
    ///
    /// # Errors
    /// See [`StackError`].
    pub async fn lookup(&self, ids: &[Uuid]) -> Result<Vec<ReminderView>, StackError> {
        let mut all = Vec::with_capacity(ids.len());
        for ids in ids.chunks(LOOKUP_MOST) {
            let body = Lookup { ids: ids.to_vec() };
            let answer = self
                .call("lookup", |path| {
                    self.request(Method::POST, path).json(&body)
                })
                .await?;
            let list: ReminderList = read(accept(answer).await?).await?;
            all.extend(list.items);
        }
        Ok(all)
    }

    /// The waiting reminders made through the API that fire within `horizon`, nearest first.
    ///
    /// # Errors
    /// See [`StackError`].
    pub async fn upcoming(
        &self,
        horizon: Duration,
        limit: usize,
    ) -> Result<Vec<ReminderView>, StackError> {
        let path = format!(
            "upcoming?horizonSeconds={}&limit={limit}",
            horizon.as_secs()
        );
        let answer = self
            .call(&path, |path| self.request(Method::GET, path))
            .await?;
        let list: ReminderList = read(accept(answer).await?).await?;
        Ok(list.items)
    }

    /// What changed since `after`, or from now on when that is absent; waits for something to
    /// happen, at most for `wait`.
    ///
    /// # Errors
    /// See [`StackError`].
    pub async fn changes(
        &self,
        after: Option<&str>,
        wait: Duration,
        limit: usize,
    ) -> Result<Changes, StackError> {
        let mut path = format!("changes?waitSeconds={}&limit={limit}", wait.as_secs());
        if let Some(cursor) = after {
            path.push_str("&after=");
            path.push_str(&escaped(cursor));
        }
        let answer = self
            .call(&path, |path| {
                self.request(Method::GET, path).timeout(wait + TIMEOUT)
            })
            .await?;
        read(accept(answer).await?).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/internal/v1/reminders/{path}", self.base);
        self.http.request(method, url).timeout(TIMEOUT)
    }

    /// Sends a request with the token; a refused token is read again once: it may have been renewed.
    async fn call(
        &self,
        path: &str,
        request: impl Fn(&str) -> RequestBuilder,
    ) -> Result<Response, StackError> {
        let mut renewed = false;
        loop {
            let known = self.cached();
            let (token, fresh) = match known {
                Some(token) => (token, false),
                None => (self.source.read().await?, true),
            };
            let answer = request(path)
                .bearer_auth(&token)
                .send()
                .await
                .map_err(|error| StackError::Unavailable(causes(&error.without_url())))?;
            if answer.status() != StatusCode::UNAUTHORIZED {
                if fresh {
                    self.remember(Some(token));
                }
                return Ok(answer);
            }
            self.remember(None);
            if fresh || renewed {
                return Err(StackError::Unauthorized);
            }
            renewed = true;
        }
    }

    fn cached(&self) -> Option<Arc<str>> {
        self.token
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn remember(&self, token: Option<Arc<str>>) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }
}

/// Percent-encodes all but what RFC 3986 §2.3 leaves as it is.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn reminder(id: Uuid) -> String {
    id.to_string()
}

async fn found<T: DeserializeOwned>(answer: Response) -> Result<Option<T>, StackError> {
    if answer.status() == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    read(accept(answer).await?).await.map(Some)
}

/// Sorts an answer by its status. 429 and 5xx pass by themselves; any other 4xx does not.
async fn accept(answer: Response) -> Result<Response, StackError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let detail = detail(answer).await;
    if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
        Err(StackError::Refused {
            status: status.as_u16(),
            detail,
        })
    } else {
        Err(StackError::Unavailable(format!("{status}: {detail}")))
    }
}

/// What an RFC 9457 answer says, cut to what fits into a condition.
async fn detail(answer: Response) -> String {
    let status = answer.status();
    let body = answer.bytes().await.unwrap_or_default();
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let said = problem["detail"]
        .as_str()
        .or_else(|| problem["title"].as_str())
        .map_or_else(|| format!("HTTP {status}"), str::to_owned);
    said.chars().take(500).collect()
}

async fn read<T: DeserializeOwned>(answer: Response) -> Result<T, StackError> {
    answer.json().await.map_err(|error| {
        StackError::Unavailable(format!(
            "unreadable answer: {}",
            causes(&error.without_url())
        ))
    })
}

/// The whole chain: reqwest's own text hides what the socket said.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// The clients of all stacks, made when they are first asked for.
pub struct StackClients {
    client: Client,
    http: reqwest::Client,
    url: String,
    known: Mutex<HashMap<(String, String), Arc<StackClient>>>,
}

impl StackClients {
    /// None yet. In `url`, `{stack}` and `{namespace}` are filled in.
    pub fn new(client: Client, http: reqwest::Client, url: impl Into<String>) -> Self {
        Self {
            client,
            http,
            url: url.into(),
            known: Mutex::default(),
        }
    }

    /// The client of a stack.
    pub fn of(&self, namespace: &str, stack: &str) -> Arc<StackClient> {
        self.lock()
            .entry((namespace.to_owned(), stack.to_owned()))
            .or_insert_with(|| {
                let base = self
                    .url
                    .replace("{stack}", stack)
                    .replace("{namespace}", namespace);
                let source = TokenSource::Secret {
                    api: Box::new(Api::namespaced(self.client.clone(), namespace)),
                    name: format!("{stack}-keys"),
                };
                Arc::new(StackClient::new(self.http.clone(), base, source))
            })
            .clone()
    }

    /// The stack is gone; one of the same name has another token.
    pub fn forget(&self, namespace: &str, stack: &str) {
        self.lock()
            .remove(&(namespace.to_owned(), stack.to_owned()));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Arc<StackClient>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "stack_client_tests.rs"]
mod tests;
