//! The OpenAPI document: what the routes say of themselves, and what [`complete`] adds to every one.

mod complete;
pub(crate) mod page;
pub(crate) mod parameters;
pub(crate) mod patches;
pub(crate) mod texts;

pub(crate) use complete::complete;

use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use crate::{routes, scopes, view};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "todostack",
        description = "Tasks that recur and remind. Errors are `application/problem+json` (RFC 9457) and name the fields at fault. Changes are told live by another service of the stack, at `/v1/stream` (server-sent events) and `/v1/ws` (a WebSocket), whose messages are described in docs/sync.md."
    ),
    components(schemas(view::TaskInput, routes::ProjectInput, routes::SavedFilterInput, view::ProblemView, view::FieldProblem)),
    tags(
        (name = "accounts", description = "Accounts, sessions, tokens and settings"),
        (name = "tasks", description = "Tasks"),
        (name = "projects", description = "The lists that tasks are in"),
        (name = "filters", description = "Saved filters"),
        (name = "tags", description = "The tags of tasks"),
        (name = "series", description = "What recurs"),
        (name = "recurrence", description = "Rules of recurrence"),
        (name = "reminders", description = "Single reminders"),
        (name = "channels", description = "Where reminders go, and what did not arrive"),
        (name = "audit", description = "The user's trail"),
    ),
    modifiers(&Bearer),
    security(("token" = []))
)]
struct Frame;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some(
                "The access token of `POST /v1/login` or `POST /v1/token/refresh`.",
            ))
            .build();
        let personal = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "A personal token of `POST /v1/tokens`, with the scopes that an operation lists.",
            ))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(scopes::ACCESS, SecurityScheme::Http(scheme));
        components.add_security_scheme(scopes::PERSONAL, SecurityScheme::Http(personal));
    }
}

/// The document without its paths.
pub(crate) fn frame() -> utoipa::openapi::OpenApi {
    Frame::openapi()
}

/// The OpenAPI document that `/openapi.json` serves.
pub fn document() -> utoipa::openapi::OpenApi {
    routes::documented().1
}
