//! What each route asks of its caller: one table, which the requests pass and which the OpenAPI document
//! shows. A route that is not in it is closed to personal tokens, and fails a test.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::{
    ToSchema,
    openapi::{OpenApi, PathItem, path::Operation, security::SecurityRequirement},
};

/// What a personal token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub(crate) enum Scope {
    /// Read tasks, their reminders, projects, tags and saved filters.
    #[serde(rename = "tasks:read")]
    TasksRead,
    /// Make, change and delete tasks, their reminders, projects, tags and saved filters.
    #[serde(rename = "tasks:write")]
    TasksWrite,
    /// Read channels and what they could not deliver.
    #[serde(rename = "channels:read")]
    ChannelsRead,
    /// Add and remove channels, deliver again.
    #[serde(rename = "channels:write")]
    ChannelsWrite,
    /// Read the account and its settings.
    #[serde(rename = "account:read")]
    AccountRead,
    /// Change the settings of the account.
    #[serde(rename = "account:write")]
    AccountWrite,
    /// Read the trail.
    #[serde(rename = "audit:read")]
    AuditRead,
}

impl Scope {
    /// Every one.
    pub(crate) const ALL: [Self; 7] = [
        Self::TasksRead,
        Self::TasksWrite,
        Self::ChannelsRead,
        Self::ChannelsWrite,
        Self::AccountRead,
        Self::AccountWrite,
        Self::AuditRead,
    ];

    /// As tokens are stored with it and users write it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::TasksRead => "tasks:read",
            Self::TasksWrite => "tasks:write",
            Self::ChannelsRead => "channels:read",
            Self::ChannelsWrite => "channels:write",
            Self::AccountRead => "account:read",
            Self::AccountWrite => "account:write",
            Self::AuditRead => "audit:read",
        }
    }

    /// The scope of this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: anybody may call it.
    Nothing,
    /// A token, whatever it is good for: what it is used for asks for more.
    Token,
    /// An access token of a session, or a personal token of this scope.
    Scope(Scope),
    /// An access token of a session that has not ended: what can be done here lasts, or gives everything
    /// away.
    Session,
}

/// What the route `method path` asks for; none for one that nobody has thought of.
pub(crate) fn need(method: &Method, path: &str) -> Option<Need> {
    use Need::{Nothing, Session, Token};
    use Scope::{
        AccountRead, AccountWrite, AuditRead, ChannelsRead, ChannelsWrite, TasksRead, TasksWrite,
    };
    // What answers GET answers HEAD.
    let method = match method.as_str() {
        "HEAD" => "GET",
        method => method,
    };
    Some(match (method, path) {
        ("POST", "/page/sign-up" | "/page/log-in" | "/page/oidc" | "/page/refresh" | "/page/log-out") => Nothing,
        ("POST", "/v1/users" | "/v1/login" | "/v1/logout" | "/v1/token/refresh") => Nothing,
        (_, "/v1/oidc/providers" | "/v1/oidc/providers/{name}/authorizations") => Nothing,
        ("POST", "/v1/oidc/sessions") => Nothing,
        (_, "/mcp") => Token,
        (_, "/v1/password-reset" | "/v1/password-reset/confirm") => Nothing,
        (_, "/v1/unsubscribe/{channel}/{token}") => Nothing,
        ("GET", "/v1/calendars/{file}") => Nothing,
        (_, "/v1/sessions" | "/v1/sessions/{id}" | "/v1/tokens" | "/v1/tokens/{id}") => Session,
        (_, "/v1/me/password" | "/v1/me/export") | ("DELETE", "/v1/me") => Session,
        (_, "/v1/me/calendar" | "/v1/me/identities" | "/v1/me/identities/{id}") => Session,
        ("GET", "/v1/me" | "/v1/me/digest" | "/v1/me/quiet-hours") => Need::Scope(AccountRead),
        (_, "/v1/me" | "/v1/me/digest" | "/v1/me/quiet-hours") => Need::Scope(AccountWrite),
        ("GET", "/v1/audit") => Need::Scope(AuditRead),
        ("GET", "/v1/channels" | "/v1/push/key" | "/v1/deliveries/failed") => {
            Need::Scope(ChannelsRead)
        }
        (_, "/v1/channels" | "/v1/channels/{id}" | "/v1/deliveries/replay") => {
            Need::Scope(ChannelsWrite)
        }
        (
            "GET",
            "/v1/tasks"
            | "/v1/tasks/{id}"
            | "/v1/tasks/{id}/reminders"
            | "/v1/reminders/{id}/history"
            | "/v1/projects"
            | "/v1/projects/{id}"
            | "/v1/filters"
            | "/v1/filters/{id}"
            | "/v1/tags"
            | "/v1/series"
            | "/v1/series/{id}/completions"
            | "/v1/sync"
            | "/v1/export/tasks"
            | "/v1/imports/{id}",
        )
        // It answers what it is asked with, and stores nothing.
        | ("POST", "/v1/recurrence/preview") => Need::Scope(TasksRead),
        (
            _,
            "/v1/tasks"
            | "/v1/tasks/{id}"
            | "/v1/tasks/quick"
            | "/v1/tasks/bulk"
            | "/v1/tasks/{id}/complete"
            | "/v1/tasks/{id}/reopen"
            | "/v1/tasks/{id}/restore"
            | "/v1/tasks/{id}/move"
            | "/v1/tasks/{id}/skip"
            | "/v1/reminders/{id}/snooze"
            | "/v1/projects"
            | "/v1/projects/{id}"
            | "/v1/projects/{id}/archive"
            | "/v1/projects/{id}/unarchive"
            | "/v1/projects/{id}/move"
            | "/v1/filters"
            | "/v1/filters/{id}"
            | "/v1/tags/{name}"
            | "/v1/series/{id}/end"
            | "/v1/imports",
        ) => Need::Scope(TasksWrite),
        _ => return None,
    })
}

/// The name in the OpenAPI document of access tokens.
pub(crate) const ACCESS: &str = "token";
/// The name in the OpenAPI document of personal tokens.
pub(crate) const PERSONAL: &str = "apiToken";

/// Writes what each operation asks for into the document.
pub(crate) fn describe(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            let Some(need) = need(&method, path) else {
                continue;
            };
            let access = || SecurityRequirement::new(ACCESS, [""; 0]);
            operation.security = Some(match need {
                Need::Nothing => vec![SecurityRequirement::default()],
                Need::Token | Need::Session => vec![access()],
                Need::Scope(scope) => {
                    let personal = SecurityRequirement::new(PERSONAL, [scope.as_str()]);
                    vec![access(), personal]
                }
            });
        }
    }
}

/// The operations of a path.
pub(crate) fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_known_by_its_name() {
        for scope in Scope::ALL {
            assert_eq!(Scope::of(scope.as_str()), Some(scope));
            let written = serde_json::to_value(scope).unwrap();
            assert_eq!(written, scope.as_str());
        }
        assert_eq!(Scope::of("tasks:*"), None);
    }

    #[test]
    fn every_operation_of_the_document_is_in_the_table() {
        let mut document = crate::openapi::document();
        for (path, item) in &mut document.paths.paths {
            for (method, _) in operations(item) {
                assert!(need(&method, path).is_some(), "{method} {path}");
            }
        }
    }

    #[test]
    fn what_gets_needs_no_scope_that_writes() {
        let mut document = crate::openapi::document();
        for (path, item) in &mut document.paths.paths {
            if let (Some(_), Some(Need::Scope(scope))) = (&item.get, need(&Method::GET, path)) {
                assert!(scope.as_str().ends_with(":read"), "{path}");
            }
        }
    }
}
