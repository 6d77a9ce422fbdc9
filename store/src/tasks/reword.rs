//! Writing the words by which tasks are found anew, a step at a time: after a change of the user's language,
//! and once for tasks that were made before there was a search.

use sqlx::FromRow;
use uuid::Uuid;

use crate::Store;

/// Tasks whose words one transaction writes, at most.
const STEP: usize = 500;

#[derive(FromRow)]
struct Waiting {
    id: Uuid,
    language: String,
    reword_after: Option<Uuid>,
}

/// Writes the words of the next tasks of `owner`, or of whoever waits longest; false when there is nothing
/// left to write. What is created or edited meanwhile gets the words of the new language by itself. No
/// version changes, and no event tells of it.
///
/// # Errors
/// Whatever Postgres says; what was written before stays written.
pub async fn reword_step(store: &Store, owner: Option<Uuid>) -> sqlx::Result<bool> {
    let mut tx = store.begin().await?;
    let waiting: Option<Waiting> = sqlx::query_as(
        "select id, language, reword_after from users
         where reword_since is not null and ($1::uuid is null or id = $1)
         order by reword_since limit 1 for no key update skip locked",
    )
    .bind(owner)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(user) = waiting else {
        return Ok(false);
    };
    // The owner's own first: in the order of all ids one would read those of everybody.
    let written: Vec<Uuid> = sqlx::query_scalar(
        "with own as materialized (
             select id from tasks where owner_id = $1 and ($2::uuid is null or id > $2)),
         next as materialized (select id from own order by id limit $3),
         locked as materialized (
             select t.owner_id, t.id, t.title, t.tags, t.description
             from tasks t join next using (id) order by t.id for no key update of t),
         written as (
             insert into task_words (owner_id, task_id, words)
             select owner_id, id, words_of($4, title, tags, description) from locked
             on conflict (owner_id, task_id) do update set words = excluded.words)
         select id from locked order by id",
    )
    .bind(user.id)
    .bind(user.reword_after)
    .bind(STEP as i64)
    .bind(&user.language)
    .fetch_all(&mut *tx)
    .await?;
    let more = written.len() == STEP;
    sqlx::query(
        "update users set reword_after = case when $3 then $2 end,
             reword_since = case when $3 then reword_since end
         where id = $1",
    )
    .bind(user.id)
    .bind(written.last())
    .bind(more)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    // Another user's turn may come after this one's.
    Ok(more || owner.is_none())
}
