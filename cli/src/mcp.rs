//! `todostack mcp`: the tools of MCP over standard input and output, on a gateway that is elsewhere. Clients that
//! start programs speak so; those that speak HTTP need it not: the gateway has the same tools at `/mcp`.

use std::{env, time::Duration};

use ::mcp::{Server, Transport, Unreachable};
use anyhow::{Context as _, bail};
use async_trait::async_trait;
use axum::{
    body::Bytes,
    http::{HeaderValue, Request, Response, header, request::Parts},
};
use reqwest::{Client, redirect::Policy};
use rmcp::ServiceExt as _;

/// The gateway's URL.
const URL: &str = "TODOSTACK_URL";

/// The token, which never stands among the arguments: those any user of the machine can see.
const TOKEN: &str = "TODOSTACK_TOKEN";

/// Longer than the gateway works on a request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Serves the tools until standard input ends.
///
/// # Errors
/// When a setting is missing or wrong, or the client does not speak MCP.
pub(crate) async fn run() -> anyhow::Result<()> {
    let gateway = Gateway::from_env()?;
    let service = Server::new(gateway).serve(rmcp::transport::stdio()).await;
    let service = service.context("the client that started this does not speak MCP")?;
    service.waiting().await.context("the connection broke")?;
    Ok(())
}

/// A gateway, for whoever the token is of.
struct Gateway {
    http: Client,
    url: String,
    authorization: HeaderValue,
}

impl Gateway {
    fn from_env() -> anyhow::Result<Self> {
        let setting = |name: &str, what: &str| {
            let value = env::var(name).ok().filter(|value| !value.is_empty());
            value.with_context(|| format!("set {name} to {what}"))
        };
        let url = setting(URL, "the gateway's URL, such as https://todo.example.com")?;
        let token = setting(TOKEN, "an API token (POST /v1/tokens)")?;
        let parsed = reqwest::Url::parse(&url);
        if !parsed.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
            bail!("{URL} is no URL such as https://todo.example.com");
        }
        let mut authorization = HeaderValue::try_from(format!("Bearer {token}"))
            .ok()
            .with_context(|| format!("{TOKEN} is no token: it holds a character that none has"))?;
        authorization.set_sensitive(true);
        runtime::tls::install_provider();
        Ok(Self {
            // A token is for the gateway that is named, and for no other.
            http: Client::builder()
                .timeout(TIMEOUT)
                .redirect(Policy::none())
                .build()?,
            url: url.trim_end_matches('/').to_owned(),
            authorization,
        })
    }
}

#[async_trait]
impl Transport for Gateway {
    async fn send(
        &self,
        _: Option<&Parts>,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, Unreachable> {
        let unreachable = |error: reqwest::Error| {
            let error = anyhow::Error::from(error.without_url());
            Unreachable(format!(
                "the gateway at {} does not answer: {error:#}",
                self.url
            ))
        };
        let (parts, body) = request.into_parts();
        let answer = self
            .http
            .request(parts.method, format!("{}{}", self.url, parts.uri))
            .headers(parts.headers)
            .header(header::AUTHORIZATION, self.authorization.clone())
            .body(body)
            .send()
            .await
            .map_err(unreachable)?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        *response.body_mut() = answer.bytes().await.map_err(unreachable)?;
        Ok(response)
    }
}
