//! The REST interface as its documentation tells, called again until it answers.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use chrono::Utc;
use reqwest::{Client, Method, StatusCode, header};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::history::{Kind, Time, Write};

/// Patience with one attempt.
const ATTEMPT: Duration = Duration::from_secs(5);
/// Patience with one write; what is then not acknowledged may have happened or not.
const WRITE: Duration = Duration::from_secs(60);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(250);

/// A user's way to the gateway.
#[derive(Debug, Clone)]
pub struct Api {
    base: String,
    client: Client,
    token: String,
}

/// What an attempt came to.
enum Answer {
    /// It is so, at this version where one was told.
    Done(Option<i64>),
    /// Ask again; with this version of the task, if it was told.
    Again(Option<i64>),
    /// It will never be.
    Refused,
}

impl Api {
    /// Makes an account and logs in.
    ///
    /// # Errors
    /// When the gateway refuses.
    pub async fn sign_up(base: &str, email: &str) -> Result<Self> {
        let mut api = Self {
            base: base.into(),
            client: Client::builder().timeout(ATTEMPT).no_proxy().build()?,
            token: String::new(),
        };
        let account = json!({"email": email, "password": "correct horse battery"});
        api.must(Method::POST, "/v1/users", Some(&account)).await?;
        let session = api.must(Method::POST, "/v1/login", Some(&account)).await?;
        let token = session["accessToken"].as_str();
        api.token = token.context("a log-in without accessToken")?.to_owned();
        Ok(api)
    }

    /// Adds a default webhook; its id and secret.
    ///
    /// # Errors
    /// When the gateway refuses.
    pub async fn add_webhook(&self, url: &str) -> Result<(Uuid, String)> {
        let body = json!({"type": "webhook", "url": url, "isDefault": true});
        let channel = self.must(Method::POST, "/v1/channels", Some(&body)).await?;
        let text = |name: &str| channel[name].as_str().context("a channel's fields");
        Ok((text("id")?.parse()?, text("secret")?.to_owned()))
    }

    /// Whether the OpenAPI document has this path.
    ///
    /// # Errors
    /// When there is no document.
    pub async fn has(&self, path: &str) -> Result<bool> {
        let document = self.must(Method::GET, "/openapi.json", None).await?;
        let paths = document["paths"].as_object().context("paths")?;
        Ok(paths.contains_key(path))
    }

    /// The reminder of a task that was due at this time and has fired. One that is late and waits would
    /// be moved by a snooze, not come again.
    pub async fn reminder_at(&self, task: Uuid, at: Time) -> Option<Uuid> {
        let path = format!("/v1/tasks/{task}/reminders");
        let list = self.must(Method::GET, &path, None).await.ok()?;
        let mut items = list["items"].as_array()?.iter();
        let found = items.find(|item| {
            let fire_at = item["fireAt"].as_str();
            fire_at.and_then(|text| text.parse::<Time>().ok()) == Some(at)
                && item["firedAt"].is_string()
        })?;
        found["id"].as_str()?.parse().ok()
    }

    /// Asks until it is answered, and notes it in `write`.
    pub async fn send(&self, write: &mut Write, snooze: Option<(Uuid, Time)>) {
        let mut version = write.version.take();
        let end = tokio::time::Instant::now() + WRITE;
        while tokio::time::Instant::now() < end {
            write.attempts += 1;
            match self.attempt(write, version, snooze).await {
                Ok(Answer::Done(version)) => {
                    write.acknowledged = Some(Utc::now());
                    write.version = version;
                    return;
                }
                Ok(Answer::Refused) => return,
                Ok(Answer::Again(Some(now))) => version = Some(now),
                // Cut off, or not answered in time: nobody knows whether it happened.
                Ok(Answer::Again(None)) | Err(_) => {}
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn attempt(
        &self,
        write: &Write,
        version: Option<i64>,
        snooze: Option<(Uuid, Time)>,
    ) -> Result<Answer> {
        let task = write.task;
        let reminders: Vec<Value> = write.reminders.iter().map(|at| json!({"at": at})).collect();
        let path = format!("/v1/tasks/{task}");
        let (method, path, body) = match (write.kind, snooze) {
            (Kind::Create, _) => {
                let body = json!({"id": task, "title": write.title, "reminders": reminders});
                (Method::POST, "/v1/tasks".into(), Some(body))
            }
            (Kind::Edit, _) => {
                let body = json!({"title": write.title, "reminders": reminders});
                (Method::PATCH, path, Some(body))
            }
            (Kind::Snooze, Some((id, until))) => {
                let body = json!({"until": until});
                let path = format!("/v1/reminders/{id}/snooze");
                (Method::POST, path, Some(body))
            }
            (Kind::Snooze, None) => bail!("a snooze of no reminder"),
            (Kind::Complete, _) => (Method::POST, format!("{path}/complete"), None),
            (Kind::Delete, _) => (Method::DELETE, path, None),
        };
        // An edit that was held up somewhere must not overtake a later one.
        let condition = (write.kind == Kind::Edit).then_some(version).flatten();
        let (status, answer) = self.call(method, &path, condition, body.as_ref()).await?;
        let version = answer["version"].as_i64();
        Ok(match (write.kind, status) {
            (Kind::Snooze, status) if status.is_success() => Answer::Done(None),
            (_, status) if status.is_success() => Answer::Done(version),
            // An earlier attempt did it.
            (Kind::Delete, StatusCode::NOT_FOUND) if write.attempts > 1 => Answer::Done(None),
            (_, StatusCode::PRECONDITION_FAILED) => {
                let path = format!("/v1/tasks/{task}");
                let (status, now) = self.call(Method::GET, &path, None, None).await?;
                ensure!(status.is_success(), "GET {path}: {status}");
                let version = now["version"].as_i64();
                if now["title"] == write.title {
                    Answer::Done(version)
                } else {
                    Answer::Again(version)
                }
            }
            (_, status) if status.is_client_error() => Answer::Refused,
            _ => Answer::Again(None),
        })
    }

    async fn must(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let (status, answer) = self.call(method, path, None, body).await?;
        ensure!(status.is_success(), "{path}: {status}: {answer}");
        Ok(answer)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        version: Option<i64>,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value)> {
        let merge = method == Method::PATCH;
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(version) = version {
            request = request.header(header::IF_MATCH, format!("\"{version}\""));
        }
        if let Some(body) = body {
            let kind = if merge {
                "application/merge-patch+json"
            } else {
                "application/json"
            };
            request = request
                .header(header::CONTENT_TYPE, kind)
                .body(body.to_string());
        }
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        let value = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).with_context(|| format!("{path}: {text}"))?
        };
        Ok((status, value))
    }
}
