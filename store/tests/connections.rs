//! How connections go from one piece of work to the next.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection, postgres::PgPoolOptions};
use store::Store;

async fn backend(conn: &mut PgConnection) -> i32 {
    sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(conn)
        .await
        .unwrap()
}

/// A store of at most `connections`, which waits for one half a second.
async fn store(connections: u32) -> Store {
    let database = store::testing::database().await;
    let options = database.pool().connect_options().as_ref().clone();
    Store::new(
        PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_millis(500))
            .connect_lazy_with(options),
    )
}

#[tokio::test]
async fn what_is_released_is_used_again_at_once() {
    let store = store(10).await;
    let mut first = store.acquire().await.unwrap();
    let pid = backend(&mut first).await;
    first.release();
    let mut transaction = store.begin().await.unwrap();
    assert_eq!(backend(&mut transaction).await, pid);
    transaction.commit().await.unwrap();
    let mut third = store.acquire().await.unwrap();
    assert_eq!(backend(&mut third).await, pid);
    // In no transaction: a nested one would be a savepoint.
    let nested = third.begin().await.unwrap();
    nested.rollback().await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_is_dropped_leaves_nothing_behind() {
    let store = store(10).await;
    sqlx::query("create table notes (n int)")
        .execute(store.pool())
        .await
        .unwrap();
    let insert = "insert into notes values (1)";
    let mut dropped = store.begin().await.unwrap();
    sqlx::query(insert).execute(&mut *dropped).await.unwrap();
    drop(dropped);
    let rolled_back = store.begin().await.unwrap();
    rolled_back.rollback().await.unwrap();
    // Waits for the lock of the insert, if that is still held.
    let mut after = store.begin().await.unwrap();
    sqlx::query("lock table notes in access exclusive mode")
        .execute(&mut *after)
        .await
        .unwrap();
    let count: i64 = sqlx::query_scalar("select count(*) from notes")
        .fetch_one(&mut *after)
        .await
        .unwrap();
    assert_eq!(count, 0);
}

#[tokio::test]
async fn a_query_that_was_cancelled_is_not_answered_to_the_next() {
    let store = store(10).await;
    let mut conn = store.acquire().await.unwrap();
    let pid = backend(&mut conn).await;
    let slow = sqlx::query_scalar::<_, i32>("select 7 from pg_sleep(0.3)");
    let cancelled = tokio::time::timeout(Duration::from_millis(50), slow.fetch_one(&mut *conn));
    assert!(cancelled.await.is_err());
    drop(conn);
    let mut next = store.acquire().await.unwrap();
    assert_ne!(backend(&mut next).await, pid, "that one is busy");
    next.release();
}

#[tokio::test]
async fn whoever_waits_is_served_in_turn_and_no_longer_than_agreed() {
    let store = store(9).await;
    let mut tasks = Vec::new();
    for _ in 0..100 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let mut conn = store.acquire().await.unwrap();
            sqlx::query("select pg_sleep(0.002)")
                .execute(&mut *conn)
                .await
                .unwrap();
            conn.release();
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let mut held = Vec::new();
    while let Ok(conn) = store.acquire().await {
        held.push(conn);
    }
    assert_eq!(held.len(), 5, "four are kept apart");
    let error = store.acquire().await.unwrap_err();
    assert!(matches!(error, sqlx::Error::PoolTimedOut), "{error}");
    // Who asks the pool itself is served all the same.
    let one: i32 = sqlx::query_scalar("select 1")
        .fetch_one(store.pool())
        .await
        .unwrap();
    assert_eq!(one, 1);
}

#[tokio::test]
async fn a_pool_that_is_used_up_elsewhere_gets_its_connections_back() {
    let store = store(2).await;
    let conn = store.acquire().await.unwrap();
    let _elsewhere = store.pool().acquire().await.unwrap();
    let waiting = tokio::spawn({
        let pool = store.pool().clone();
        async move { pool.acquire().await.map(drop) }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    conn.release();
    waiting.await.unwrap().unwrap();
}

async fn note(store: &Store, n: i32) -> sqlx::Result<()> {
    let mut tx = store.begin().await?;
    sqlx::query("insert into notes values ($1)")
        .bind(n)
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}

async fn notes(store: &Store) -> Vec<i32> {
    sqlx::query_scalar("select n from notes order by n")
        .fetch_all(store.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn work_in_a_transaction_that_is_lent_is_durable_or_undone_with_it() {
    let store = store(10).await;
    sqlx::query("create table notes (n int)")
        .execute(store.pool())
        .await
        .unwrap();
    for commits in [false, true] {
        let (within, loan) = store.lend(store.begin().await.unwrap());
        note(&within, 1).await.unwrap();
        // What the work drops of its own is undone alone.
        let mut dropped = within.begin().await.unwrap();
        sqlx::query("insert into notes values (2)")
            .execute(&mut *dropped)
            .await
            .unwrap();
        drop(dropped);
        // It may lend, too.
        let (inner, inner_loan) = within.lend(within.begin().await.unwrap());
        note(&inner, 3).await.unwrap();
        inner_loan.end().unwrap().rollback().await.unwrap();
        let (inner, inner_loan) = within.lend(within.begin().await.unwrap());
        note(&inner, 4).await.unwrap();
        inner_loan.end().unwrap().commit().await.unwrap();
        assert_eq!(notes(&store).await, [0; 0], "nothing before its end");
        if commits {
            loan.end().unwrap().commit().await.unwrap();
        } else {
            drop(loan);
            note(&within, 5).await.unwrap();
            drop(within);
        }
        let expected: &[i32] = if commits { &[1, 4] } else { &[] };
        assert_eq!(notes(&store).await, expected);
    }
}

#[tokio::test]
async fn who_has_lent_a_transaction_gets_it_back_whole_or_not_at_all() {
    let store = store(10).await;
    let (within, loan) = store.lend(store.begin().await.unwrap());
    let held = within.acquire().await.unwrap();
    assert!(within.acquire().await.is_err(), "there is one connection");
    assert!(loan.end().is_err(), "it is in use");
    drop(held);
    // The server ends the connection half-way: what follows must not stand outside of the transaction.
    let (within, loan) = store.lend(store.begin().await.unwrap());
    let mut held = within.acquire().await.unwrap();
    let pid = backend(&mut held).await;
    held.release();
    sqlx::query("select pg_terminate_backend($1)")
        .bind(pid)
        .execute(store.pool())
        .await
        .unwrap();
    assert!(within.begin().await.is_err());
    assert!(within.begin().await.is_err());
    assert!(loan.end().is_err());
}

#[tokio::test]
async fn closing_waits_for_nobody_who_is_done() {
    let store = store(10).await;
    store.acquire().await.unwrap().release();
    let started = Instant::now();
    store.close().await;
    assert!(started.elapsed() < Duration::from_secs(1));
    assert!(store.acquire().await.is_err());
}

#[test]
fn a_store_may_outlive_its_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(async {
        let store = store(10).await;
        store.acquire().await.unwrap().release();
        store
    });
    drop(runtime);
    drop(store);
}
