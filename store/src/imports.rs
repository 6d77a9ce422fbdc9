//! Files of tasks that are taken into an account, step by step: a gateway claims one, does a step of it in one
//! transaction with how far it has come, and another one goes on where it died.

use chrono::{DateTime, Duration, Utc};
use domain::transfer::Remark;
use sqlx::{FromRow, PgConnection, types::Json};
use uuid::Uuid;

use crate::Owner;

/// How long a gateway keeps an import to itself without a step.
const CLAIM: Duration = Duration::minutes(2);

/// Times that a step is begun, at most: one that ends its gateway each time must not do so for ever.
const ATTEMPTS: i32 = 5;

/// How long it is told what became of an import.
const KEPT: Duration = Duration::days(30);

/// An import.
#[derive(Debug, Clone, FromRow)]
pub struct Import {
    /// Its id.
    pub id: Uuid,
    /// Into whose account.
    pub owner_id: Uuid,
    /// What the file is.
    pub format: String,
    /// It is looked at only.
    pub dry_run: bool,
    /// Where tasks go that name no project; none: the inbox.
    pub project_id: Option<Uuid>,
    /// Tasks of the file.
    pub total: i32,
    /// Of these, dealt with.
    pub taken: i32,
    /// Made.
    pub created: i32,
    /// There already.
    pub existing: i32,
    /// Lines that no task came of.
    pub refused: i32,
    /// What is to be said of lines.
    pub remarks: Json<Vec<Remark>>,
    /// Why it was given up.
    pub failure: Option<String>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it was over.
    pub finished_at: Option<DateTime<Utc>>,
}

/// The columns of [`Import`], of which the file is none.
macro_rules! columns {
    () => {
        "id, owner_id, format, dry_run, project_id, total, taken, created, existing, refused, remarks,
         failure, created_at, finished_at"
    };
}

/// The import of a user that is under way.
///
/// # Errors
/// Whatever Postgres says.
pub async fn running(conn: &mut PgConnection, owner: Owner) -> sqlx::Result<Option<Uuid>> {
    // By imports_owner.
    sqlx::query_scalar("select id from imports where owner_id = $1 and finished_at is null limit 1")
        .bind(owner.id())
        .fetch_optional(conn)
        .await
}

/// Keeps a file to be imported. The caller has the owner's row for itself, and has seen that no other import of
/// theirs is under way.
///
/// # Errors
/// Whatever Postgres says.
pub async fn create(conn: &mut PgConnection, import: &Import, file: &str) -> sqlx::Result<()> {
    // By imports_owner.
    sqlx::query("delete from imports where owner_id = $1 and finished_at < $2")
        .bind(import.owner_id)
        .bind(import.created_at - KEPT)
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "insert into imports (id, owner_id, format, dry_run, project_id, file, total, refused, remarks,
             created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(import.id)
    .bind(import.owner_id)
    .bind(&import.format)
    .bind(import.dry_run)
    .bind(import.project_id)
    .bind(file)
    .bind(import.total)
    .bind(import.refused)
    .bind(&import.remarks)
    .bind(import.created_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// An import of a user.
///
/// # Errors
/// Whatever Postgres says.
pub async fn get(conn: &mut PgConnection, owner: Owner, id: Uuid) -> sqlx::Result<Option<Import>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from imports where id = $1 and owner_id = $2"
    ))
    .bind(id)
    .bind(owner.id())
    .fetch_optional(conn)
    .await
}

/// Takes the oldest import that nobody works on, with its file. One of which no step was done after so many
/// claims is given up: it ends whoever works on it.
///
/// # Errors
/// Whatever Postgres says.
pub async fn claim(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<(Import, String)>> {
    #[derive(FromRow)]
    struct Claimed {
        #[sqlx(flatten)]
        import: Import,
        file: String,
    }
    give_up(conn, None, now).await?;
    let claimed: Option<Claimed> = sqlx::query_as(concat!(
        "update imports set claimed_until = $2, attempts = attempts + 1
         where id = (
             select id from imports
             where finished_at is null and (claimed_until is null or claimed_until < $1)
             order by created_at limit 1 for update skip locked)
         returning coalesce(file, '') as file, ",
        columns!()
    ))
    .bind(now)
    .bind(now + CLAIM)
    .fetch_optional(&mut *conn)
    .await?;
    Ok(claimed.map(|claimed| (claimed.import, claimed.file)))
}

/// What a step did.
#[derive(Debug, Default)]
pub struct Step {
    /// Tasks that it dealt with.
    pub taken: i32,
    /// Made.
    pub created: i32,
    /// There already.
    pub existing: i32,
    /// Refused.
    pub refused: i32,
    /// What is to be said of lines.
    pub remarks: Vec<Remark>,
}

/// Notes a step of an import of which `taken` tasks were dealt with before; false, and the caller's transaction
/// is to be rolled back, where another gateway has gone on with it, or it is gone. The last step ends it.
///
/// # Errors
/// Whatever Postgres says.
pub async fn note(
    conn: &mut PgConnection,
    id: Uuid,
    taken: i32,
    step: &Step,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "update imports set taken = taken + $3, created = created + $4, existing = existing + $5,
             refused = refused + $6, remarks = remarks || $7, claimed_until = $8, attempts = 0,
             finished_at = case when taken + $3 >= total then $9 end,
             file = case when taken + $3 < total then file end
         where id = $1 and taken = $2 and finished_at is null",
    )
    .bind(id)
    .bind(taken)
    .bind(step.taken)
    .bind(step.created)
    .bind(step.existing)
    .bind(step.refused)
    .bind(Json(&step.remarks))
    .bind(now + CLAIM)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Lets go of an import whose step failed; after [`ATTEMPTS`] it is given up.
///
/// # Errors
/// Whatever Postgres says.
pub async fn release(conn: &mut PgConnection, id: Uuid, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query(
        "update imports set claimed_until = $2::timestamptz + interval '5 s' * attempts
         where id = $1 and finished_at is null",
    )
    .bind(id)
    .bind(now)
    .execute(&mut *conn)
    .await?;
    give_up(conn, Some(id), now).await
}

/// Ends the imports, or this one, of which a step was begun too often; those that are claimed are left alone.
async fn give_up(
    conn: &mut PgConnection,
    id: Option<Uuid>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    // By imports_waiting.
    sqlx::query(
        "update imports set finished_at = $2, file = null,
             failure = 'a step failed again and again; the log of the gateway says why'
         where finished_at is null and attempts >= $3
             and case when $1::uuid is null then claimed_until < $2 else id = $1 end",
    )
    .bind(id)
    .bind(now)
    .bind(ATTEMPTS)
    .execute(conn)
    .await?;
    Ok(())
}

/// Which of these ids are those of tasks of a user, deleted ones included.
///
/// # Errors
/// Whatever Postgres says.
pub async fn own(conn: &mut PgConnection, owner: Owner, ids: &[Uuid]) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar("select id from tasks where id = any($1) and owner_id = $2")
        .bind(ids)
        .bind(owner.id())
        .fetch_all(conn)
        .await
}
