//! Lists of what is searched for.

use sqlx::PgConnection;
use store::{
    Connection, Owner, Store,
    tasks::{Page, Selection},
    users::User,
};

use super::Asked;
use crate::{
    error::{Error, Result},
    routes::later,
};

/// A connection, and whose tasks are listed where that matters. When they are searched and their words are not
/// all written, it waits for that a while.
pub(super) async fn user(
    store: &Store,
    owner: Owner,
    asked: &Asked,
) -> Result<(Connection, Option<User>)> {
    let mut conn = store.acquire().await?;
    if !asked.needs_user() {
        return Ok((conn, None));
    }
    let user = store::users::by_id(&mut conn, owner.id()).await?;
    let user = user.ok_or_else(Error::no_account)?;
    if asked.text.is_some() && user.reword_since.is_some() {
        // Whoever waits holds no connection: the work that they wait for takes one.
        conn.release();
        let (all, id) = (store.clone(), user.id);
        later::begin(async move { later::reword(&all, id).await }).await;
        conn = store.acquire().await?;
    }
    Ok((conn, Some(user)))
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
