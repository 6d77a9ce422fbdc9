//! The REST gateway: accounts, channels and tasks.
//!
//! [`router`] is the whole of it, so that `todostack dev` mounts the same routes in its process.
//! A handler reads its input (`body`, `query`), opens one transaction, calls `store`, and answers;
//! what a task may hold is decided in `input`, without I/O.

mod attempts;
mod authorize;
mod body;
mod client;
mod compress;
mod cors;
mod cursor;
mod error;
mod highlights;
mod idempotency;
mod input;
mod instant;
mod mcp;
mod observe;
mod oidc;
mod openapi;
mod page;
mod passwords;
mod path;
mod query;
mod random;
mod rate_limit;
mod routes;
mod scopes;
mod state;
mod statistics;
mod stream;
mod sync_token;
mod time_of_day;
mod view;
mod zones;

pub use client::TrustedProxies;
pub use cors::Origins;
pub use oidc::Providers as OidcProviders;
pub use openapi::document;
pub use passwords::hash_password;
pub use rate_limit::{Limit, RateLimits, share_rate_limits};
pub use routes::{import_next, router, run_imports};
pub use state::{Gateway, SignUp};
pub use statistics::renew_statistics;
