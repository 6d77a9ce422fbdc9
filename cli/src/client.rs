//! Calls of the gateway's REST interface.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// A client of one gateway.
pub(crate) struct Api {
    http: Client,
    address: String,
    token: Option<String>,
}

impl Api {
    /// A client that is nobody yet.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub(crate) fn new(address: &str) -> anyhow::Result<Self> {
        runtime::tls::install_provider();
        Ok(Self {
            http: Client::builder()
                .timeout(Duration::from_secs(10))
                .no_proxy()
                .build()?,
            address: address.into(),
            token: None,
        })
    }

    /// Logs in, signing up first where there is no such user; the access token.
    ///
    /// # Errors
    /// What the gateway answers.
    pub(crate) async fn log_in(&mut self, email: &str, password: &str) -> anyhow::Result<String> {
        let who = json!({"email": email, "password": password});
        let first = self.request("/v1/login", &who).send().await?;
        let answer = if first.status() == StatusCode::UNAUTHORIZED {
            self.post("/v1/users", &who).await.context("signing up")?;
            self.post("/v1/login", &who).await.context("logging in")?
        } else {
            read(first).await.context("logging in")?
        };
        let token = answer["accessToken"]
            .as_str()
            .context("a log-in answers an access token")?
            .to_owned();
        self.token = Some(token.clone());
        Ok(token)
    }

    /// Posts a body and reads the answer.
    ///
    /// # Errors
    /// What the gateway answers.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        read(self.request(path, body).send().await?).await
    }

    fn request(&self, path: &str, body: &Value) -> RequestBuilder {
        let request = self.http.post(format!("{}{path}", self.address)).json(body);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}

async fn read(answer: reqwest::Response) -> anyhow::Result<Value> {
    let status = answer.status();
    let text = answer.text().await?;
    ensure!(status.is_success(), "the gateway answered {status}: {text}");
    Ok(serde_json::from_str(&text)?)
}
