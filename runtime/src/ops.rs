//! Health and metrics of a process: `/healthz`, `/readyz`, `/metrics`, on their own port.

use std::{future::Future, net::SocketAddr, time::Duration};

use anyhow::Context as _;
use axum::{
    Router,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
pub use metrics_exporter_prometheus::PrometheusHandle as MetricsHandle;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long a readiness check may take.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// Makes this process collect metrics. Durations end in `_seconds` and are histograms with buckets, among
/// them what the objectives of `docs/monitoring.md` count by: 0.2 s of a request, 5 s of a reminder.
///
/// # Errors
/// When it does so already.
pub fn install_metrics() -> anyhow::Result<MetricsHandle> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(
            Matcher::Suffix("_seconds".into()),
            &[
                0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
                60.0,
            ],
        )?
        .install_recorder()
        .context("metrics")
}

/// Serves until `shutdown`. `ready` says whether the process can do its work, or why not.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve<Ready, Checking>(
    address: SocketAddr,
    metrics: MetricsHandle,
    ready: Ready,
    shutdown: CancellationToken,
) -> anyhow::Result<()>
where
    Ready: Fn() -> Checking + Clone + Send + Sync + 'static,
    Checking: Future<Output = Result<(), String>> + Send + 'static,
{
    let stopping = shutdown.clone();
    let router = Router::new()
        .route("/healthz", get(async || "ok"))
        .route(
            "/readyz",
            get(async move || {
                if stopping.is_cancelled() {
                    return (StatusCode::SERVICE_UNAVAILABLE, "stopping".to_owned());
                }
                match tokio::time::timeout(READY_WITHIN, ready()).await {
                    Ok(Ok(())) => (StatusCode::OK, "ok".to_owned()),
                    Ok(Err(why)) => (StatusCode::SERVICE_UNAVAILABLE, why),
                    Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "no answer in 2 s".into()),
                }
            }),
        )
        .route(
            "/metrics",
            get(async move || {
                metrics.run_upkeep();
                let format = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
                (format, metrics.render()).into_response()
            }),
        );
    serve_router(address, router, shutdown).await
}

/// Serves a router until `shutdown`, then lets requests under way end.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve_router(
    address: SocketAddr,
    router: Router,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("listen on {address}"))?;
    tracing::info!(%address, "listening");
    axum::serve(
        listener,
        router.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(shutdown.cancelled_owned())
    .await
    .with_context(|| format!("serve on {address}"))
}
