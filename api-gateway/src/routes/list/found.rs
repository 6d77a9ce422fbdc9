//! Lists of what is searched for.

use sqlx::PgConnection;
use store::{
    Owner, Store,
    tasks::{Page, Selection},
    users::User,
};

use super::Asked;
use crate::{
    error::{Error, Result},
    routes::later,
};

/// Whose tasks are listed. When they are searched and their words are not all written, it waits for that a
/// while.
pub(super) async fn user(
    store: &Store,
    conn: &mut PgConnection,
    owner: Owner,
    asked: &Asked,
) -> Result<User> {
    let user = store::users::by_id(conn, owner.id()).await?;
    let user = user.ok_or_else(Error::no_account)?;
    if asked.text.is_some() && user.reword_since.is_some() {
        let (store, id) = (store.clone(), user.id);
        later::begin(async move { later::reword(&store, id).await }).await;
    }
    Ok(user)
}

/// A page of the tasks of a selection. Where a search finds nothing, it is for what resembles the text from
/// there on, and so are the pages after.
pub(super) async fn page(
    conn: &mut PgConnection,
    owner: Owner,
    asked: &Asked,
    selection: &mut Selection,
) -> sqlx::Result<Page> {
    let fuzzy = selection.search.as_ref().and_then(|search| search.fuzzy());
    if asked.is_fuzzy && fuzzy.is_some() {
        selection.search.clone_from(&fuzzy);
    }
    let (order, limit) = (asked.order, asked.limit);
    let page =
        store::tasks::list(conn, owner, selection, order, asked.after.clone(), limit).await?;
    if fuzzy.is_none() || asked.after.is_some() || !page.tasks.is_empty() {
        return Ok(page);
    }
    selection.search = fuzzy;
    store::tasks::list(conn, owner, selection, order, None, limit).await
}
