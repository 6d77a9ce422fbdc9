//! MCP at `/mcp` (streamable HTTP): the tools of the crate `mcp` on this gateway's own router.
//!
//! Each message is a request by itself, answered by JSON: there are no sessions, so any replica can take it.

mod guard;
mod metadata;

use std::{net::SocketAddr, sync::Arc};

use ::mcp::{Server, Transport, Unreachable};
use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{ConnectInfo, Request},
    http::{self, HeaderName, Response, header, request::Parts},
    middleware::from_fn_with_state,
    routing::{any, get},
};
use domain::task::limits;
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
};
use tower::ServiceExt as _;

use crate::{authorize::authorize, rate_limit::Prepaid, state::Gateway};

/// Where it is.
pub(crate) const PATH: &str = "/mcp";

/// The headers of a call that go along with what its tool asks the REST interface for: who calls, from where,
/// and as part of what.
const PASSED_ON: [HeaderName; 7] = [
    header::AUTHORIZATION,
    header::FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("x-request-id"),
];

/// `/mcp` with its metadata; its tools call `rest`.
pub(crate) fn router(rest: Router, gateway: &Gateway) -> Router<Gateway> {
    let server = Server::new(InProcess { rest });
    let settings = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(limits::BODY)
        // A gateway has any number of names. What the check of them is for, that of origins does: see `guard`.
        .disable_allowed_hosts();
    let sessions = Arc::new(NeverSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(server.clone()), sessions, settings);
    let call = async move |mut request: Request| {
        request.extensions_mut().insert(Prepaid::default());
        service.handle(request).await
    };
    Router::new()
        .route(PATH, any(call))
        .route_layer(from_fn_with_state(gateway.clone(), authorize))
        .route_layer(from_fn_with_state(gateway.clone(), guard::guard))
        .route(metadata::PATH, get(metadata::metadata))
        .route(metadata::ROOT, get(metadata::metadata))
}

/// The REST interface of this process.
struct InProcess {
    rest: Router,
}

#[async_trait]
impl Transport for InProcess {
    async fn send(
        &self,
        caller: Option<&Parts>,
        mut request: http::Request<Bytes>,
    ) -> Result<Response<Bytes>, Unreachable> {
        if let Some(caller) = caller {
            for name in &PASSED_ON {
                for value in caller.headers.get_all(name) {
                    request.headers_mut().append(name, value.clone());
                }
            }
            let extensions = request.extensions_mut();
            if let Some(peer) = caller.extensions.get::<ConnectInfo<SocketAddr>>() {
                extensions.insert(*peer);
            }
            if let Some(prepaid) = caller.extensions.get::<Prepaid>() {
                extensions.insert(prepaid.clone());
            }
        }
        let asked = self.rest.clone().oneshot(request.map(Body::from)).await;
        let (parts, body) = match asked {
            Ok(response) => response.into_parts(),
            Err(never) => match never {},
        };
        // What is answered is in memory already.
        let body = to_bytes(body, usize::MAX)
            .await
            .map_err(|error| Unreachable(format!("the answer was cut short: {error}")))?;
        Ok(Response::from_parts(parts, body))
    }
}
