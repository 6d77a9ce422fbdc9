//! Kept plans of tables that grow.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

use sqlx::PgConnection;

/// The plan that is kept of a statement, which finds a task and its subtasks.
async fn plan(conn: &mut PgConnection) -> String {
    let lines: Vec<String> = sqlx::query_scalar("explain execute below(gen_random_uuid())")
        .persistent(false)
        .fetch_all(conn)
        .await
        .unwrap();
    lines.join("\n")
}

#[tokio::test]
async fn a_table_that_has_grown_is_planned_for_anew() {
    let database = store::testing::database().await;
    let pool = database.pool();
    let mut conn = pool.acquire().await.unwrap();
    for statement in [
        // As after five calls.
        "set plan_cache_mode = force_generic_plan",
        "alter table tasks set (autovacuum_enabled = false)",
        "alter table task_words set (autovacuum_enabled = false)",
        "prepare below(uuid) as
            select c.id from tasks t join tasks c on c.parent_id = t.id
            where t.id = $1 and t.deleted_at is null and c.deleted_at is null",
        // Planned while the table is empty.
        "execute below(gen_random_uuid())",
        "insert into users (id, email, password_hash)
            values ('00000000-0000-7000-8000-000000000001', 'a@example.com', '')",
        "insert into tasks
            (id, owner_id, title, description, priority, tags, reminders, created_at, updated_at, version)
            select gen_random_uuid(), '00000000-0000-7000-8000-000000000001', 'x' || n, '', 4, '{}', '[]',
                now(), now(), 1
            from generate_series(1, 3000) n",
    ] {
        sqlx::query(statement)
            .persistent(false)
            .execute(&mut *conn)
            .await
            .unwrap();
    }
    let of_the_empty = plan(&mut conn).await;
    assert!(!of_the_empty.contains("tasks_parent"), "{of_the_empty}");

    assert_eq!(
        store::statistics::renew(pool).await.unwrap(),
        ["task_words", "tasks"]
    );
    let of_the_grown = plan(&mut conn).await;
    assert!(of_the_grown.contains("tasks_parent"), "{of_the_grown}");
    assert!(of_the_grown.contains("tasks_pkey"), "{of_the_grown}");

    let again = store::statistics::renew(pool).await.unwrap();
    assert!(again.is_empty(), "{again:?}");
}
