//! The trace that a piece of work belongs to: the events that it writes carry it.

use domain::trace::TraceContext;
use tokio::task_local;

task_local! {
    static CURRENT: Option<TraceContext>;
}

/// Does `work`, whose events belong to `trace`. What it spawns does not.
pub async fn within<T>(trace: Option<TraceContext>, work: impl Future<Output = T>) -> T {
    CURRENT.scope(trace, work).await
}

/// The trace of the work under way.
pub fn current() -> Option<TraceContext> {
    CURRENT.try_with(Clone::clone).ok().flatten()
}
