//! Which server the data is on: after a restore or a fail-over to a copy, transaction ids have begun
//! again or gone back, and the alarm clock does not know what was restored.

use sqlx::PgConnection;

/// Names the server, its timeline and the database. A dump restored elsewhere, a recovery to a point in
/// time and a promoted replica each give another one.
///
/// # Errors
/// From the database.
pub async fn identity(conn: &mut PgConnection) -> Result<String, sqlx::Error> {
    sqlx::query_scalar(
        "select to_hex(s.system_identifier) || '-' || c.timeline_id || '-' || d.oid
         from pg_control_system() s, pg_control_checkpoint() c, pg_database d
         where d.datname = current_database()",
    )
    .fetch_one(conn)
    .await
}

/// Notes where the data is now. When it was elsewhere before, every alarm counts as not set, so that
/// the sweep sets it again, and the answer is true.
///
/// # Errors
/// From the database.
pub async fn observe(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let now = identity(&mut *conn).await?;
    let before: Option<String> = sqlx::query_scalar("select identity from seen_on")
        .fetch_optional(&mut *conn)
        .await?;
    if before.as_ref() == Some(&now) {
        return Ok(false);
    }
    sqlx::query(
        "insert into seen_on (identity) values ($1)
         on conflict (only_one) do update set identity = excluded.identity",
    )
    .bind(&now)
    .execute(&mut *conn)
    .await?;
    if before.is_none() {
        return Ok(false);
    }
    sqlx::query(
        "update reminders set phase = 'Pending', scheduled_generation = null
         where phase = 'Scheduled'",
    )
    .execute(conn)
    .await?;
    Ok(true)
}
