//! Statistics of tables that grow fast, so that kept plans fit them.
//!
//! Postgres plans a prepared statement by what it knows of its tables, and keeps the plan until their
//! statistics change; autovacuum renews those of a table once a minute at best. So on a new database,
//! or while ten thousand tasks are imported, statements go on reading the whole of a table that was
//! empty when they were planned: completing one of 10,000 tasks took 57 ms in place of 2.

use sqlx::{AssertSqlSafe, PgPool};

/// Tables of at least 16 pages that have four times as many as their statistics say, and are still so
/// small (128 MiB) that reading a sample of them takes no time to speak of; larger ones are
/// autovacuum's. Only the owner of a table may analyze it.
const OUTGROWN: &str = "
    select quote_ident(c.relname) from pg_class c
    where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace
        and pg_relation_size(c.oid) / current_setting('block_size')::int
            between greatest(16, 4 * c.relpages) and 16384
        and pg_has_role(c.relowner, 'usage')
    order by 1";

/// Analyzes the tables that have outgrown their statistics, which has every process plan its statements
/// on them anew. Answers with their names. A table that another process analyzes is left to it.
///
/// # Errors
/// Whatever Postgres says.
pub async fn renew(pool: &PgPool) -> sqlx::Result<Vec<String>> {
    let outgrown: Vec<String> = sqlx::query_scalar(OUTGROWN).fetch_all(pool).await?;
    for table in &outgrown {
        // A quoted name of the catalogue.
        let analyze = AssertSqlSafe(format!("analyze (skip_locked) {table}"));
        sqlx::query(analyze).execute(pool).await?;
    }
    Ok(outgrown)
}
