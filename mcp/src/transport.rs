//! The way to the REST interface.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, request::Parts};

/// The way to the REST interface.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Sends a request, whose URI is a path with a query, for `caller`: the HTTP request that a tool was called
    /// with, where there was one. Its token is the one to be used.
    ///
    /// # Errors
    /// When there is no answer.
    async fn send(
        &self,
        caller: Option<&Parts>,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, Unreachable>;
}

/// There is no answer; in words for the person who set the client up.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(pub String);
