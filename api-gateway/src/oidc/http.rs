//! How issuers are called.

use std::{future::Future, io, pin::Pin, time::Duration};

use anyhow::Context as _;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect;

/// An issuer that takes longer is not there.
const PATIENCE: Duration = Duration::from_secs(10);

/// Most bytes of an answer.
const MOST: usize = 1 << 20;

/// A client for issuers.
#[derive(Debug, Clone)]
pub(super) struct Http(reqwest::Client);

impl Http {
    /// One that goes where it is told and nowhere else: a redirect could lead into the stack's own network.
    ///
    /// # Errors
    /// When the system has no certificates.
    pub(super) fn new() -> anyhow::Result<Self> {
        runtime::tls::install_provider();
        let client = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(PATIENCE)
            .build();
        client.map(Self).context("HTTP client")
    }

    async fn send(self, request: HttpRequest) -> reqwest::Result<Option<HttpResponse>> {
        let mut response = self.0.execute(request.try_into()?).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MOST {
                return Ok(None);
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = HttpResponse::new(body);
        *answer.status_mut() = response.status();
        *answer.headers_mut() = response.headers().clone();
        Ok(Some(answer))
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<HttpResponse>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        let sent = self.clone().send(request);
        Box::pin(async {
            let answer = sent.await.map_err(io::Error::other)?;
            answer.ok_or_else(|| io::Error::other(format!("it answers more than {MOST} bytes")))
        })
    }
}
