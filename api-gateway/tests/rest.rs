//! The routes, over a real Postgres.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod rest {
    mod account;
    mod accounts;
    mod app;
    mod browsers;
    mod bulk;
    mod calendar;
    mod channels;
    mod digest;
    mod docs;
    mod find;
    mod hostile;
    mod idempotency;
    mod imports;
    mod isolation;
    mod listing;
    mod mcp;
    mod oidc;
    mod openapi;
    mod order;
    mod page;
    mod password_reset;
    mod problems;
    mod projects;
    mod push;
    mod quick_add;
    mod rate_limits;
    mod recurring;
    mod reminders;
    mod saved_filters;
    mod search;
    mod series;
    mod sessions;
    mod states;
    mod subtasks;
    mod sync;
    mod tags;
    mod tasks;
    mod tokens;
}
