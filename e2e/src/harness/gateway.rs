//! A user of the gateway.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use domain::{task::Due, webhook::Secret};
use kube::Client;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{
    Reach, eventually,
    reach::{Forward, Target},
    stack::{NAMESPACE, STACK},
};

/// An HTTP client whose requests end.
pub(super) fn http() -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .build()
        .context("an HTTP client")
}

/// The gateway's Service.
#[derive(Debug, Clone)]
pub struct Gateway {
    forward: Arc<Forward>,
    http: reqwest::Client,
}

/// A user, logged in.
#[derive(Debug, Clone)]
pub struct User {
    /// Their address.
    pub email: String,
    password: String,
    gateway: Gateway,
    session: Arc<Mutex<Session>>,
}

/// A log-in and what followed it.
#[derive(Debug)]
struct Session {
    access_token: String,
    refresh_token: String,
    refresh_at: Instant,
}

impl Session {
    /// Reads the answer to a log-in or a refresh.
    fn read(answer: &Value) -> Result<Self> {
        let text = |field: &str| {
            let value = answer[field].as_str().map(str::to_owned);
            value.with_context(|| format!("no {field} in {answer}"))
        };
        let lifetime = answer["expiresIn"].as_u64().context("expiresIn")?;
        Ok(Self {
            access_token: text("accessToken")?,
            refresh_token: text("refreshToken")?,
            // Long before it expires: a request may be under way for a while.
            refresh_at: Instant::now() + Duration::from_secs(lifetime / 2),
        })
    }
}

/// What the tests look at of a task as the gateway shows it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Its id.
    pub id: Uuid,
    /// One line.
    pub title: String,
    /// When it is due.
    pub due: Option<Due>,
    /// The series that it is an instance of.
    pub series: Option<Uuid>,
    /// When it was completed.
    pub completed_at: Option<DateTime<Utc>>,
}

/// A channel as its maker gets it: with the secret that signs.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Its id.
    pub id: Uuid,
    /// What signs its webhooks.
    pub secret: Secret,
}

impl Gateway {
    /// Opens a way to the gateway, and waits until it answers: nodes hear of the pods behind a new
    /// Service a moment after the stack is Ready.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn open(client: Client, reach: Reach) -> Result<Self> {
        let target = Target::Service {
            namespace: NAMESPACE.into(),
            name: format!("{STACK}-gateway"),
            port: 80,
        };
        let forward = Arc::new(Forward::reach(client, target, reach).await?);
        let gateway = Self {
            forward,
            http: http()?,
        };
        eventually(
            "the gateway's Service",
            Duration::from_secs(10),
            async || {
                let url = gateway.forward.url("/healthz");
                let answer = gateway.http.get(url).send().await?;
                answer.error_for_status().context("GET /healthz")
            },
        )
        .await?;
        Ok(gateway)
    }

    /// Signs a new user up and logs them in.
    ///
    /// # Errors
    /// When the gateway refuses.
    pub async fn sign_up(&self) -> Result<User> {
        let email = format!("e2e-{}@example.com", Uuid::new_v4().simple());
        let password = Uuid::new_v4().to_string();
        let account = json!({"email": email, "password": password, "timeZone": "Europe/Berlin"});
        let _: Value = self.call("POST", "/v1/users", None, Some(&account)).await?;
        let login = json!({"email": email, "password": password});
        let session: Value = self.call("POST", "/v1/login", None, Some(&login)).await?;
        Ok(User {
            email,
            password,
            gateway: self.clone(),
            session: Arc::new(Mutex::new(Session::read(&session)?)),
        })
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<T> {
        let method = method.parse().context("an HTTP method")?;
        let what = format!("{method} {path}");
        let mut request = self.http.request(method, self.forward.url(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.with_context(|| what.clone())?;
        let status = answer.status();
        let text = answer.text().await.with_context(|| what.clone())?;
        if !status.is_success() {
            bail!("{what}: {status}: {text}");
        }
        serde_json::from_str(&text).with_context(|| format!("{what}: {status}: {text}"))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    items: Vec<Task>,
    next_cursor: Option<String>,
}

impl User {
    /// The access token, a new one when it is old.
    async fn token(&self) -> Result<String> {
        let mut session = self.session.lock().await;
        if Instant::now() >= session.refresh_at {
            let body = json!({"refreshToken": session.refresh_token});
            let path = "/v1/token/refresh";
            let answer: Value = self.gateway.call("POST", path, None, Some(&body)).await?;
            *session = Session::read(&answer)?;
        }
        Ok(session.access_token.clone())
    }

    /// Logs in once more; the new token is not kept.
    ///
    /// # Errors
    /// When the gateway refuses.
    pub async fn log_in(&self) -> Result<()> {
        let login = json!({"email": self.email, "password": self.password});
        let _: Value = (self.gateway)
            .call("POST", "/v1/login", None, Some(&login))
            .await?;
        Ok(())
    }

    /// Makes a webhook the default channel of this user.
    ///
    /// # Errors
    /// When the gateway refuses.
    pub async fn add_webhook(&self, url: &str) -> Result<Channel> {
        let body = json!({"type": "webhook", "url": url, "isDefault": true});
        let channel: Value = self.call("POST", "/v1/channels", Some(&body)).await?;
        let text = |field: &str| {
            let value = channel[field].as_str();
            value.with_context(|| format!("the new channel has no {field}"))
        };
        Ok(Channel {
            id: text("id")?.parse().context("the channel's id")?,
            secret: Secret::parse(text("secret")?).context("the channel's secret")?,
        })
    }

    /// Creates a task.
    ///
    /// # Errors
    /// When the gateway refuses.
    pub async fn create_task(&self, task: &Value) -> Result<Task> {
        self.call("POST", "/v1/tasks", Some(task)).await
    }

    /// Creates a task with one reminder at that time.
    ///
    /// # Errors
    /// When the gateway refuses.
    pub async fn task_with_reminder(&self, title: &str, at: DateTime<Utc>) -> Result<Task> {
        let task =
            json!({"title": title, "priority": "P1", "tags": ["e2e"], "reminders": [{"at": at}]});
        self.create_task(&task).await
    }

    /// Completes a task.
    ///
    /// # Errors
    /// When the gateway refuses.
    pub async fn complete(&self, task: Uuid) -> Result<Task> {
        self.call("POST", &format!("/v1/tasks/{task}/complete"), None)
            .await
    }

    /// Deletes a task; one that is deleted already is no error.
    ///
    /// # Errors
    /// When the gateway refuses.
    pub async fn delete_task(&self, task: Uuid) -> Result<()> {
        let gateway = &self.gateway;
        let url = gateway.forward.url(&format!("/v1/tasks/{task}"));
        let request = gateway.http.delete(url).bearer_auth(self.token().await?);
        let answer = request.send().await.context("DELETE a task")?;
        let gone = answer.status() == reqwest::StatusCode::NOT_FOUND;
        if !gone {
            answer.error_for_status().context("DELETE a task")?;
        }
        Ok(())
    }

    /// Every open task of this user, page after page.
    ///
    /// # Errors
    /// When the gateway refuses.
    pub async fn open_tasks(&self) -> Result<Vec<Task>> {
        let mut tasks = Vec::new();
        let mut cursor = None;
        loop {
            let after = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
            let path = format!("/v1/tasks?status=open&limit=50{after}");
            let page: Page = self.call("GET", &path, None).await?;
            tasks.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(tasks);
            }
        }
    }

    /// Opens the stream of this user's changes, from the sync service.
    ///
    /// # Errors
    /// When the service refuses.
    pub async fn changes(&self, client: Client, reach: Reach) -> Result<Changes> {
        let target = Target::Service {
            namespace: NAMESPACE.into(),
            name: format!("{STACK}-sync"),
            port: 80,
        };
        let forward = Forward::reach(client, target, reach).await?;
        let request = self.gateway.http.get(forward.url("/v1/stream"));
        let request = request
            .bearer_auth(self.token().await?)
            .timeout(Duration::from_secs(60));
        let answer = request.send().await.context("GET /v1/stream")?;
        let answer = answer.error_for_status().context("GET /v1/stream")?;
        Ok(Changes {
            _forward: forward,
            answer,
            read: String::new(),
        })
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T> {
        self.gateway
            .call(method, path, Some(&self.token().await?), body)
            .await
    }
}

/// A user's changes as server-sent events.
#[derive(Debug)]
pub struct Changes {
    _forward: Forward,
    answer: reqwest::Response,
    read: String,
}

impl Changes {
    /// Reads on until there is this text in the stream.
    ///
    /// # Errors
    /// When the stream ends or the time is up, saying what was read.
    pub async fn mention(&mut self, text: &str, within: Duration) -> Result<()> {
        let read = async {
            while !self.read.contains(text) {
                let chunk = self.answer.chunk().await.context("reading the stream")?;
                let chunk = chunk.context("the stream ended")?;
                self.read.push_str(&String::from_utf8_lossy(&chunk));
            }
            anyhow::Ok(())
        };
        let outcome = tokio::time::timeout(within, read).await;
        let outcome = outcome.context("the time is up").flatten();
        outcome.with_context(|| format!("no {text} in the stream: {:?}", self.read))
    }
}
