//! Tasks from before there was a manual order.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::position::Position;
use uuid::Uuid;

#[tokio::test]
async fn old_tasks_stand_in_the_order_in_which_they_came_to_be() {
    let store = store::testing::migrated_to(10).await;
    let mut conn = store.acquire().await.unwrap();
    let user = store::users::create(&mut conn, "ada@example.com", "x", Tz::UTC)
        .await
        .unwrap()
        .unwrap()
        .id;
    let times = ["1970-01-01T00:00:00Z", "2026-11-21T12:00:00.123456Z"];
    let mut expected = Vec::new();
    for time in times {
        let (id, time) = (Uuid::now_v7(), time.parse::<DateTime<Utc>>().unwrap());
        sqlx::query("insert into tasks (id, owner_id, title, created_at) values ($1, $2, 'x', $3)")
            .bind(id)
            .bind(user)
            .bind(time)
            .execute(&mut *conn)
            .await
            .unwrap();
        expected.push(Position::last(time, id).as_str().to_owned());
    }
    store::migrate(&store).await.unwrap();
    let now = Utc::now();
    // As a gateway of the version before inserts.
    let id = Uuid::now_v7();
    let insert = "insert into tasks (id, owner_id, title) values ($1, $2, 'x') returning position";
    let new: String = sqlx::query_scalar(insert)
        .bind(id)
        .bind(user)
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    let new = Position::parse(&new).unwrap();
    assert!(new > Position::last(now - chrono::Duration::seconds(5), id));
    assert!(new < Position::last(now + chrono::Duration::seconds(5), id));
    let found: Vec<String> =
        sqlx::query_scalar("select position from tasks where id <> $1 order by position")
            .bind(id)
            .fetch_all(&mut *conn)
            .await
            .unwrap();
    assert_eq!(found, expected);
}
