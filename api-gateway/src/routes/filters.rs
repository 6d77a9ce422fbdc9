//! Saved filters: which tasks are meant, by a name.

use axum::{
    Json,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use domain::{error::FieldErrors, filter::Filter};
use runtime::auth;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use store::{
    Owner,
    saved_filters::{Created, MOST, NAME, SavedFilter},
    tasks::Sort,
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    list::complaint,
    tasks::{changed_meanwhile, etag, id_is_taken, not_modified, now, require_match, writer_alone},
};
use crate::{
    body::{Body, Document, decode},
    error::{Error, Result},
    input::line,
    openapi::parameters::{Direction, SavedSort, TaskFilter},
    openapi::texts::FilterName,
    path::Id,
    state::Gateway,
};

/// What the owner of a saved filter writes: the body of `POST /v1/filters`, and what `PATCH` merges into.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SavedFilterInput {
    /// Makes a creation safe to repeat. Best a UUIDv7. It cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    #[schema(value_type = FilterName, inline)]
    name: String,
    // Answered in its canonical form. A docstring here would make utoipa say that it is an object.
    #[schema(value_type = TaskFilter, inline)]
    filter: String,
    /// What its tasks are sorted by where a list with `savedFilter` does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<SavedSort>, inline)]
    sort: Option<String>,
    /// Which way, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Direction>, inline)]
    order: Option<String>,
    /// Whether it should be close by.
    #[serde(default)]
    is_favorite: bool,
}

/// The fields of a saved filter that its owner writes, checked.
#[derive(PartialEq)]
struct Content {
    name: String,
    filter: Filter,
    sort: Option<Sort>,
    descending: Option<bool>,
    is_favorite: bool,
}

impl SavedFilterInput {
    fn of(filter: &SavedFilter) -> Self {
        let SavedFilterView {
            id,
            name,
            filter,
            sort,
            order,
            is_favorite,
            ..
        } = filter.clone().into();
        Self {
            id: Some(id),
            name,
            filter,
            sort: sort.map(str::to_owned),
            order: order.map(str::to_owned),
            is_favorite,
        }
    }

    fn check(self) -> std::result::Result<Content, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = line(&self.name, "name", NAME, &mut errors);
        let filter = Filter::parse(&self.filter).unwrap_or_else(|error| {
            errors.push("filter", complaint(&error));
            Filter::ALL
        });
        let sort = self.sort.as_deref().and_then(|name| {
            let sort = Sort::of(name).filter(|sort| *sort != Sort::Relevance);
            if sort.is_none() {
                let kept = Sort::ALL.iter().filter(|sort| **sort != Sort::Relevance);
                let kept: Vec<&str> = kept.map(|sort| sort.as_str()).collect();
                errors.push("sort", format!("must be one of {}", kept.join(", ")));
            }
            sort
        });
        let descending = match self.order.as_deref() {
            None => None,
            Some("asc") => Some(false),
            Some("desc") => Some(true),
            Some(_) => {
                errors.push("order", "must be one of asc, desc");
                None
            }
        };
        errors.into_result(Content {
            name,
            filter,
            sort,
            descending,
            is_favorite: self.is_favorite,
        })
    }
}

impl Content {
    /// `filter` with this in it.
    fn written_to(self, filter: SavedFilter) -> SavedFilter {
        SavedFilter {
            name: self.name,
            filter: self.filter,
            sort: self.sort,
            descending: self.descending,
            is_favorite: self.is_favorite,
            ..filter
        }
    }
}

/// A saved filter.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SavedFilterView {
    id: Uuid,
    name: String,
    /// Its canonical form.
    filter: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<SavedSort>, inline)]
    sort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Direction>, inline)]
    order: Option<&'static str>,
    is_favorite: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// One more with every write; also the `ETag`.
    version: i64,
}

impl From<SavedFilter> for SavedFilterView {
    fn from(filter: SavedFilter) -> Self {
        Self {
            id: filter.id,
            name: filter.name,
            filter: filter.filter.to_string(),
            sort: filter.sort.map(Sort::as_str),
            order: filter
                .descending
                .map(|descending| if descending { "desc" } else { "asc" }),
            is_favorite: filter.is_favorite,
            created_at: filter.created_at,
            updated_at: filter.updated_at,
            version: filter.version,
        }
    }
}

/// The saved filters of a user, by name: at most 100.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SavedFilterList {
    items: Vec<SavedFilterView>,
}

/// A saved filter with its version as `ETag`.
fn answer(status: StatusCode, filter: SavedFilter) -> Response {
    let etag = [(header::ETAG, etag(filter.version))];
    (status, etag, Json(SavedFilterView::from(filter))).into_response()
}

async fn there(conn: &mut PgConnection, owner: Owner, id: Uuid) -> Result<SavedFilter> {
    let filter = store::saved_filters::get(conn, owner, id).await?;
    filter.ok_or_else(|| Error::not_found("saved filter"))
}

/// Lists the saved filters.
#[utoipa::path(
    get,
    path = "/v1/filters",
    operation_id = "listFilters",
    tag = "filters",
    responses(
        (status = 200, body = SavedFilterList),
    )
)]
pub(super) async fn list(
    gateway: Gateway,
    auth::User(user): auth::User,
) -> Result<Json<SavedFilterList>> {
    let mut conn = gateway.store.acquire().await?;
    let filters = store::saved_filters::list(&mut conn, Owner::of(user)).await?;
    conn.release();
    let items = filters.into_iter().map(SavedFilterView::from).collect();
    Ok(Json(SavedFilterList { items }))
}

/// Saves a filter; `GET /v1/tasks?savedFilter=` lists the tasks that it means. Sent again with the same `id`
/// and content it answers 200 with the filter that is there.
#[utoipa::path(
    post,
    path = "/v1/filters",
    operation_id = "createFilter",
    tag = "filters",
    request_body = SavedFilterInput,
    responses(
        (status = 201, body = SavedFilterView, headers(("etag" = String))),
        (status = 200, description = "It was saved by an earlier request.", body = SavedFilterView, headers(("etag" = String))),
        (status = 409, description = "The id is taken by a filter of other content, or there are 100 filters."),
    )
)]
pub(super) async fn create(
    gateway: Gateway,
    auth::User(user): auth::User,
    Body(input): Body<SavedFilterInput>,
) -> Result<Response> {
    let id = input.id.unwrap_or_else(Uuid::now_v7);
    let content = input.check()?;
    let now = now();
    let mut tx = gateway.store.begin().await?;
    writer_alone(&mut tx, user).await?;
    if let Some(there) = store::saved_filters::get(&mut tx, Owner::of(user), id).await? {
        if content.written_to(there.clone()) == there {
            return Ok(answer(StatusCode::OK, there));
        }
        return Err(id_is_taken());
    }
    let filter = content.written_to(SavedFilter {
        id,
        owner: user,
        name: String::new(),
        filter: Filter::ALL,
        sort: None,
        descending: None,
        is_favorite: false,
        created_at: now,
        updated_at: now,
        version: 1,
    });
    let filter = match store::saved_filters::create(&mut tx, &filter).await? {
        Created::Filter(filter) => *filter,
        // Somebody else's.
        Created::Exists => return Err(id_is_taken()),
        Created::TooMany => {
            return Err(Error::new(
                StatusCode::CONFLICT,
                format!("a user has at most {MOST} saved filters; delete one first"),
            ));
        }
    };
    tx.commit().await?;
    Ok(answer(StatusCode::CREATED, filter))
}

/// Reads a saved filter.
#[utoipa::path(
    get,
    path = "/v1/filters/{id}",
    operation_id = "getFilter",
    tag = "filters",
    params(
        ("id" = Uuid, Path),
        ("if-none-match" = Option<String>, Header, description = "An `ETag` that the client has."),
    ),
    responses(
        (status = 200, body = SavedFilterView, headers(("etag" = String))),
        (status = 304, description = "The client has it already."),
    )
)]
pub(super) async fn get(
    gateway: Gateway,
    auth::User(user): auth::User,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response> {
    let mut conn = gateway.store.acquire().await?;
    let filter = there(&mut conn, Owner::of(user), id).await?;
    conn.release();
    if let Some(known) = not_modified(&headers, filter.version) {
        return Ok(known);
    }
    Ok(answer(StatusCode::OK, filter))
}

/// Changes a saved filter by a JSON merge patch (RFC 7396).
#[utoipa::path(
    patch,
    path = "/v1/filters/{id}",
    operation_id = "updateFilter",
    tag = "filters",
    params(
        ("id" = Uuid, Path),
        ("if-match" = Option<String>, Header, description = "The `ETag` of the version to be changed."),
    ),
    request_body(content = ref("#/components/schemas/SavedFilterPatch"), content_type = "application/merge-patch+json"),
    responses(
        (status = 200, body = SavedFilterView, headers(("etag" = String))),
    )
)]
pub(super) async fn patch(
    gateway: Gateway,
    auth::User(user): auth::User,
    Id(id): Id,
    headers: HeaderMap,
    Document(patch): Document,
) -> Result<Response> {
    if !patch.is_object() {
        return Err(Error::field("body", "must be an object"));
    }
    let mut tx = gateway.store.begin().await?;
    writer_alone(&mut tx, user).await?;
    let filter = there(&mut tx, Owner::of(user), id).await?;
    require_match(&headers, filter.version)?;
    let mut merged = serde_json::to_value(SavedFilterInput::of(&filter))
        .map_err(|error| Error::from(runtime::Problem::internal(error)))?;
    json_patch::merge(&mut merged, &patch);
    let input: SavedFilterInput = decode(merged, "")?;
    if input.id != Some(id) {
        return Err(Error::field("id", "cannot be changed"));
    }
    let changed = input.check()?.written_to(filter.clone());
    if changed == filter {
        return Ok(answer(StatusCode::OK, filter));
    }
    let filter = store::saved_filters::update(&mut tx, &changed, now())
        .await?
        .ok_or_else(changed_meanwhile)?;
    tx.commit().await?;
    Ok(answer(StatusCode::OK, filter))
}

/// Deletes a saved filter; the tasks that it means stay.
#[utoipa::path(
    delete,
    path = "/v1/filters/{id}",
    operation_id = "deleteFilter",
    tag = "filters",
    params(
        ("id" = Uuid, Path),
        ("if-match" = Option<String>, Header, description = "The `ETag` of the version to be deleted."),
    ),
    responses(
        (status = 204),
    )
)]
pub(super) async fn delete(
    gateway: Gateway,
    auth::User(user): auth::User,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<StatusCode> {
    let owner = Owner::of(user);
    let mut tx = gateway.store.begin().await?;
    let filter = there(&mut tx, owner, id).await?;
    require_match(&headers, filter.version)?;
    if !store::saved_filters::delete(&mut tx, owner, id, filter.version).await? {
        return Err(changed_meanwhile());
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
