//! The routes, over a real Postgres.

mod rest {
    mod accounts;
    mod app;
    mod channels;
    mod hostile;
    mod isolation;
    mod listing;
    mod openapi;
    mod recurring;
    mod states;
    mod tasks;
}
