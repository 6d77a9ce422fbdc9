//! The tags of a user's tasks. A tag is there as long as a task has it.

use axum::{
    Json,
    extract::{FromRequestParts, Path},
    http::{StatusCode, request::Parts},
};
use domain::{error::FieldErrors, task::limits};
use runtime::{Problem, auth};
use serde::{Deserialize, Serialize};
use store::{Owner, tags::Tag};
use utoipa::ToSchema;
use uuid::Uuid;

use super::tasks::{now, writer_alone};
use crate::{
    body::Body,
    error::{Error, Result},
    input::line,
    openapi::parameters::{Cursor, PageSize},
    openapi::texts::TagName,
    query::{Parameters, page_of},
    state::Gateway,
};

/// A tag.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TagView {
    name: String,
    /// Open tasks that have it.
    open: i64,
    /// Tasks that have it, completed ones included.
    total: i64,
}

impl From<Tag> for TagView {
    fn from(tag: Tag) -> Self {
        Self {
            name: tag.name,
            open: tag.open,
            total: tag.total,
        }
    }
}

/// A page of tags.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TagPage {
    items: Vec<TagView>,
    /// Send it as `cursor` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A tag's new name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TagRename {
    // That of another tag makes the two one. (A comment of its own would be another schema beside the text's.)
    #[schema(value_type = TagName, inline)]
    name: String,
}

/// The `{name}` of a path.
pub(crate) struct Name(String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let name = Path::<String>::from_request_parts(parts, state).await;
        let name = name.map(|Path(name)| name).unwrap_or_default();
        let mut errors = FieldErrors::default();
        line(&name, "name", limits::TAG, &mut errors);
        Ok(Self(errors.into_result(name).map_err(Problem::parameters)?))
    }
}

/// Lists the tags by name, with how many tasks have them.
#[utoipa::path(
    get,
    path = "/v1/tags",
    operation_id = "listTags",
    tag = "tags",
    params(
        ("limit" = inline(Option<PageSize>), Query),
        ("cursor" = inline(Option<Cursor>), Query, description = "`nextCursor` of the page before"),
    ),
    responses(
        (status = 200, body = TagPage),
    )
)]
pub(super) async fn list(
    gateway: Gateway,
    auth::User(user): auth::User,
    mut parameters: Parameters,
) -> Result<Json<TagPage>> {
    let limit = parameters.limit();
    // The name of the last tag of a page: as good to continue behind as any other text.
    let after = parameters.cursor(|text| Some(text.to_owned()).filter(|text| !text.is_empty()));
    parameters.finish()?;
    let mut conn = gateway.store.acquire().await?;
    let wanted = i64::from(limit) + 1;
    let tags = store::tags::list(&mut conn, Owner::of(user), after.as_deref(), wanted).await?;
    let (tags, more) = page_of(tags, limit);
    let next_cursor = tags.last().filter(|_| more).map(|tag| tag.name.clone());
    let items = tags.into_iter().map(TagView::from).collect();
    Ok(Json(TagPage { items, next_cursor }))
}

/// Renames a tag in all tasks; to the name of another tag, it becomes one with it. Of thousands of tasks
/// some may have the new name when this fails half way: sent again, it goes on.
#[utoipa::path(
    patch,
    path = "/v1/tags/{name}",
    operation_id = "renameTag",
    tag = "tags",
    params(("name" = inline(TagName), Path)),
    request_body = TagRename,
    responses(
        (status = 200, body = TagView),
    )
)]
pub(super) async fn rename(
    gateway: Gateway,
    auth::User(user): auth::User,
    Name(name): Name,
    Body(TagRename { name: new }): Body<TagRename>,
) -> Result<Json<TagView>> {
    let mut errors = FieldErrors::default();
    let new = line(&new, "name", limits::TAG, &mut errors);
    errors.into_result(())?;
    if new != name {
        replace(&gateway, user, &name, Some(&new)).await?;
    }
    let mut conn = gateway.store.acquire().await?;
    let tag = store::tags::get(&mut conn, Owner::of(user), &new).await?;
    let tag = tag.ok_or_else(|| Error::not_found("tag"))?;
    Ok(Json(tag.into()))
}

/// Takes a tag away from all tasks.
#[utoipa::path(
    delete,
    path = "/v1/tags/{name}",
    operation_id = "deleteTag",
    tag = "tags",
    params(("name" = inline(TagName), Path)),
    responses(
        (status = 204),
    )
)]
pub(super) async fn delete(
    gateway: Gateway,
    auth::User(user): auth::User,
    Name(name): Name,
) -> Result<StatusCode> {
    replace(&gateway, user, &name, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn replace(gateway: &Gateway, user: Uuid, name: &str, with: Option<&str>) -> Result<()> {
    let owner = Owner::of(user);
    let mut conn = gateway.store.acquire().await?;
    let tag = store::tags::get(&mut conn, owner, name).await?;
    tag.ok_or_else(|| Error::not_found("tag"))?;
    drop(conn);
    loop {
        let mut tx = gateway.store.begin().await?;
        writer_alone(&mut tx, user).await?;
        let more = store::tags::replace_step(&mut tx, owner, name, with, now()).await?;
        tx.commit().await?;
        if !more {
            return Ok(());
        }
    }
}
