//! The routes, one file for each noun.

mod account;
mod audit;
mod bulk;
mod calendar;
mod channels;
mod deliveries;
mod digest;
mod export;
mod filters;
mod identities;
mod imports;
mod later;
mod list;
mod me;
mod moves;
mod oidc;
mod page_session;
mod password;
mod password_reset;
mod place;
mod preview;
mod projects;
mod push;
mod quick_add;
mod quiet_hours;
mod reminders;
mod scope;
mod series;
mod sessions;
mod state_changes;
mod sync;
mod tags;
mod tasks;
mod tokens;
mod unsubscribe;
mod users;

use axum::{
    Router,
    body::Bytes,
    extract::DefaultBodyLimit,
    http::{StatusCode, header},
    middleware::{from_fn, from_fn_with_state},
    routing::get,
};
use domain::task::limits;
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    authorize::authorize, error::Error, mcp, observe::observe, openapi, page, scopes,
    state::Gateway,
};

pub(crate) use export::LEFT_OUT;
pub(crate) use filters::SavedFilterInput;
pub use imports::{import_next, run_imports};
pub(crate) use projects::ProjectInput;

/// The whole interface, `/healthz`, `/openapi.json`, `/docs`, `/mcp` and the web page included.
pub fn router(gateway: Gateway) -> Router {
    let (routes, document) = documented();
    let rest = routes
        .merge(page_session::routes())
        .route_layer(from_fn_with_state(gateway.clone(), authorize))
        .merge(documents(&document))
        .merge(page::routes())
        .route("/healthz", get(async || "ok"))
        .fallback(async || Error::new(StatusCode::NOT_FOUND, "there is no such path"))
        .method_not_allowed_fallback(async || {
            Error::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "this path does not take this method; `Allow` names those that it takes",
            )
        })
        .layer(DefaultBodyLimit::max(limits::BODY));
    let rest = surrounded(rest, &gateway);
    let mcp = mcp::router(rest.clone(), &gateway);
    rest.merge(surrounded(mcp, &gateway))
}

/// The routes with what happens around each request.
fn surrounded(router: Router<Gateway>, gateway: &Gateway) -> Router {
    let router = match gateway.origins.layer() {
        Some(cors) => router.layer(cors),
        None => router,
    };
    router.layer(from_fn(observe)).with_state(gateway.clone())
}

/// The OpenAPI document, and the same as a page; for anybody.
fn documents(document: &OpenApi) -> Router<Gateway> {
    // Kept as text: its tree takes some MiB.
    let json = Bytes::from(serde_json::to_vec(document).expect("a document is text and numbers"));
    let page = Bytes::from(openapi::page::of(document));
    let json = move || async move { ([(header::CONTENT_TYPE, "application/json")], json) };
    let page = move || async move { (openapi::page::HEADERS, page) };
    let style = async || ([(header::CONTENT_TYPE, "text/css")], openapi::page::STYLE);
    Router::new()
        .route("/openapi.json", get(json))
        .route("/docs", get(page))
        .route("/docs/style.css", get(style))
}

/// Every route with its place in the OpenAPI document.
pub(crate) fn documented() -> (Router<Gateway>, OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(users::sign_up))
        .routes(routes!(users::log_in))
        .routes(routes!(oidc::providers))
        .routes(routes!(oidc::begin))
        .routes(routes!(oidc::log_in))
        .routes(routes!(sessions::refresh))
        .routes(routes!(sessions::log_out))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::delete))
        .routes(routes!(me::get, me::patch, account::delete))
        .routes(routes!(identities::list, identities::link))
        .routes(routes!(identities::delete))
        .routes(routes!(account::export))
        .routes(routes!(password::put))
        .routes(routes!(password_reset::page, password_reset::request))
        .routes(routes!(password_reset::confirm))
        .routes(routes!(
            quiet_hours::get,
            quiet_hours::put,
            quiet_hours::delete
        ))
        .routes(routes!(calendar::get, calendar::create, calendar::delete))
        .routes(routes!(calendar::read))
        .routes(routes!(digest::get, digest::put, digest::delete))
        .routes(routes!(channels::list, channels::create))
        .routes(routes!(channels::delete))
        .routes(routes!(push::key))
        .routes(routes!(deliveries::failed))
        .routes(routes!(deliveries::replay))
        .routes(routes!(unsubscribe::ask, unsubscribe::unsubscribe))
        .routes(routes!(list::list, tasks::create))
        .routes(routes!(bulk::bulk))
        .routes(routes!(tasks::get, tasks::patch, tasks::delete))
        .routes(routes!(tasks::reminders))
        .routes(routes!(state_changes::complete))
        .routes(routes!(state_changes::reopen))
        .routes(routes!(state_changes::restore))
        .routes(routes!(reminders::snooze))
        .routes(routes!(reminders::history))
        .routes(routes!(audit::list))
        .routes(routes!(quick_add::quick))
        .routes(routes!(moves::move_to))
        .routes(routes!(projects::list, projects::create))
        .routes(routes!(projects::get, projects::patch, projects::delete))
        .routes(routes!(projects::state::move_to))
        .routes(routes!(projects::state::archive))
        .routes(routes!(projects::state::unarchive))
        .routes(routes!(filters::list, filters::create))
        .routes(routes!(filters::get, filters::patch, filters::delete))
        .routes(routes!(tags::list))
        .routes(routes!(tags::rename, tags::delete))
        .routes(routes!(series::list))
        .routes(routes!(series::completions))
        .routes(routes!(series::end))
        .routes(routes!(series::skip))
        .routes(routes!(export::tasks))
        .routes(routes!(imports::create))
        .routes(routes!(imports::get))
        .routes(routes!(preview::preview))
        .routes(routes!(sync::sync))
        .split_for_parts();
    scopes::describe(&mut document);
    openapi::complete(&mut document);
    (router, document)
}
