//! What every process of the data plane shares: logs, health and metrics, graceful shutdown,
//! errors as problem documents, access tokens, and the memory allocator. Nothing here knows what a task is.

pub mod allocator;
pub mod auth;
pub mod exit;
pub mod ops;
pub mod problem;
pub mod shutdown;
pub mod telemetry;
pub mod tls;

pub use problem::Problem;
