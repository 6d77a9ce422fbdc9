//! The words by which tasks are found, as the schema keeps them.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use domain::{filter::Filter, language::Language};
use store::{
    Owner, Store,
    tasks::{Order, Search, Selection, Sort, count, list},
};
use uuid::Uuid;

/// Titles of the tasks that have a word.
async fn found(store: &Store, word: &str) -> Vec<String> {
    sqlx::query_scalar(
        "select title from task_words join tasks on id = task_id
         where words @@ plainto_tsquery('simple', $1) order by title",
    )
    .bind(word)
    .fetch_all(store.pool())
    .await
    .unwrap()
}

async fn run(store: &Store, statements: &[&'static str]) {
    for statement in statements {
        sqlx::query(*statement).execute(store.pool()).await.unwrap();
    }
}

#[tokio::test]
async fn tasks_from_before_the_migration_get_their_words_by_steps() {
    let store = store::testing::migrated_to(14).await;
    run(
        &store,
        &[
            "insert into users (id, email, password_hash)
                 select md5(n::text)::uuid, n || '@example.com', '' from generate_series(1, 3) as n",
            // One has more than a step, one has none.
            "insert into tasks (id, owner_id, title)
                 select gen_random_uuid(), md5((1 + n % 2)::text)::uuid, 'Älter ' || n
                 from generate_series(1, 1200) as n",
        ],
    )
    .await;
    store::migrate(store.pool()).await.unwrap();
    assert_eq!(found(&store, "alter").await.len(), 0);
    // What a gateway of the version before writes has its words at once.
    run(
        &store,
        &[
            "insert into tasks (id, owner_id, title) values (gen_random_uuid(), md5('1')::uuid, 'Neuer')",
            "update tasks set title = 'Anders' where title = 'Älter 1'",
        ],
    )
    .await;
    assert_eq!(found(&store, "neuer").await, ["Neuer"]);
    assert_eq!(found(&store, "anders").await, ["Anders"]);

    let mut steps = 0;
    while store::tasks::reword_step(&store, None).await.unwrap() {
        steps += 1;
    }
    // 600 and 601 tasks take two each.
    assert_eq!(steps, 5);
    assert_eq!(found(&store, "alter").await.len(), 1199);
}

#[tokio::test]
async fn a_restored_dump_finds_what_was_there_and_what_comes() {
    let store = store::testing::database().await;
    run(
        &store,
        &[
            "insert into users (id, email, password_hash) values (md5('1')::uuid, 'a@example.com', '')",
            "insert into tasks (id, owner_id, title) values (gen_random_uuid(), md5('1')::uuid, 'Café')",
        ],
    )
    .await;
    let restored = store::testing::restored(&store).await;
    assert_eq!(found(&restored, "cafe").await, ["Café"]);
    run(
        &restored,
        &[
            "insert into tasks (id, owner_id, title) values (gen_random_uuid(), md5('1')::uuid, 'Crème')",
            "delete from tasks where title = 'Café'",
        ],
    )
    .await;
    assert_eq!(found(&restored, "creme").await, ["Crème"]);
    let count: i64 = sqlx::query_scalar("select count(*) from task_words")
        .fetch_one(restored.pool())
        .await
        .unwrap();
    assert_eq!(count, 1);
}

/// On a table that Postgres takes for empty, what is found must not be found anew for each task: that would take
/// half a minute here.
#[tokio::test]
async fn a_search_of_a_young_table_finds_but_once() {
    let store = store::testing::database().await;
    run(
        &store,
        &[
            "insert into users (id, email, password_hash) values (md5('1')::uuid, 'a@example.com', '')",
            "insert into tasks (id, owner_id, title)
                 select gen_random_uuid(), md5('1')::uuid, 'Buy oat milk number ' || n
                 from generate_series(1, 2000) as n",
        ],
    )
    .await;
    let owner: Uuid = sqlx::query_scalar("select id from users")
        .fetch_one(store.pool())
        .await
        .unwrap();
    let owner = Owner::of(owner);
    let mut conn = store.acquire().await.unwrap();
    for statement in [
        "set enable_hashjoin = off",
        "set enable_mergejoin = off",
        "set statement_timeout = '5s'",
    ] {
        sqlx::query(statement).execute(&mut *conn).await.unwrap();
    }
    for text in ["oat mlik", "milk"] {
        let search = Search::read(&mut conn, Language::Simple, text)
            .await
            .unwrap();
        let search = if text == "milk" {
            search
        } else {
            search.fuzzy().unwrap()
        };
        let selection = Selection {
            filter: Filter::ALL,
            project: None,
            parent: None,
            search: Some(search),
            is_one_of_many: false,
        };
        let total = count(&mut conn, owner, &selection).await.unwrap();
        assert_eq!(total.count, 2000, "{text}");
        for sort in [Sort::Relevance, Sort::Title] {
            let order = Order {
                sort,
                descending: true,
            };
            let page = list(&mut conn, owner, &selection, order, None, 50)
                .await
                .unwrap();
            assert_eq!(page.tasks.len(), 50, "{text}");
        }
    }
}
