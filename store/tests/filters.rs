//! A filter as SQL answers exactly the tasks for which `domain::filter` says that they are meant.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use domain::{
    filter::{
        Condition, DateField, Edge, Filter, Moment, Name, Range, Resolved, TaskFacts, Thing, Unit,
    },
    task::Priority,
};
use proptest::{collection::vec, option, prelude::*, sample::select, test_runner::TestRunner};
use sqlx::PgConnection;
use store::{
    Owner,
    tasks::{Order, Selection, count, list},
};
use uuid::Uuid;

/// Names and texts, few enough that tasks have them, with what SQL may take for more than a character.
const WORDS: [&str; 12] = [
    "home",
    "Home",
    "home office",
    "größe",
    "GRÖSSE",
    "ΣΊΣΥΦΟΣ",
    "ς",
    "İ",
    "50%_\\",
    "'; drop table tasks; --",
    "\"$1\"",
    "",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => select(WORDS.to_vec()).prop_map(str::to_owned),
        1 => "[^\\x00]{1,4}",
    ]
}

/// Instants around `now`, with microseconds and on the edges of days.
fn at() -> impl Strategy<Value = DateTime<Utc>> {
    let part = prop_oneof![Just(0), Just(1), 0..1_000_000_i64];
    (-4..4_i64, 0..3_i64, part).prop_map(|(day, hour, micros)| {
        now() + Duration::days(day) + Duration::hours(hour) + Duration::microseconds(micros)
    })
}

fn now() -> DateTime<Utc> {
    "2026-12-02T22:00:00Z".parse().unwrap()
}

#[derive(Debug, Clone)]
struct Row {
    id: Uuid,
    title: String,
    description: String,
    priority: Priority,
    project: Option<String>,
    tags: Vec<String>,
    due: Option<DateTime<Utc>>,
    created: DateTime<Utc>,
    updated: DateTime<Utc>,
    completed: Option<DateTime<Utc>>,
    has_reminder: bool,
    is_recurring: bool,
    is_subtask: bool,
}

impl Row {
    fn facts(&self) -> TaskFacts<'_> {
        TaskFacts {
            title: &self.title,
            description: &self.description,
            priority: self.priority,
            project: self.project.as_deref(),
            tags: &self.tags,
            due_at: self.due,
            created_at: self.created,
            updated_at: self.updated,
            completed_at: self.completed,
            has_reminder: self.has_reminder,
            is_recurring: self.is_recurring,
            is_subtask: self.is_subtask,
        }
    }
}

fn row() -> impl Strategy<Value = Row> {
    let priorities = vec![Priority::P1, Priority::P2, Priority::P3, Priority::P4];
    (
        any::<u128>(),
        (text(), text(), select(priorities)),
        (option::of(text()), vec(text(), 0..3)),
        (option::of(at()), at(), at(), option::of(at())),
        any::<[bool; 3]>(),
    )
        .prop_map(|(id, texts, places, dates, flags)| Row {
            id: Uuid::from_u128(id),
            title: texts.0,
            description: texts.1,
            priority: texts.2,
            project: places.0,
            tags: places.1,
            due: dates.0,
            created: dates.1,
            updated: dates.2,
            completed: dates.3,
            has_reminder: flags[0],
            is_recurring: flags[1],
            is_subtask: flags[2],
        })
}

fn edge() -> impl Strategy<Value = Edge> {
    let moment = prop_oneof![
        Just(Moment::Now),
        (-9..9_i16).prop_map(Moment::Hours),
        (-3..3_i16).prop_map(|days| Moment::In(days, Unit::Day)),
        // Finer than what Postgres stores.
        (at(), 0..3_i64).prop_map(|(at, nanos)| Moment::Instant(at + Duration::nanoseconds(nanos))),
    ];
    prop_oneof![
        moment.clone().prop_map(Edge::Start),
        moment.prop_map(Edge::End)
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    let things = [
        Thing::Project,
        Thing::Tags,
        Thing::Reminder,
        Thing::Recurrence,
        Thing::Parent,
    ];
    let name = || prop_oneof![text().prop_map(Name::Is), text().prop_map(Name::StartsWith)];
    let range = (option::of(edge()), option::of(edge())).prop_map(|(from, to)| Range { from, to });
    prop_oneof![
        select(vec![Priority::P1, Priority::P3]).prop_map(Condition::Priority),
        select(things.to_vec()).prop_map(Condition::Has),
        name().prop_map(Condition::Project),
        name().prop_map(Condition::Tag),
        (select(DateField::ALL.to_vec()), range)
            .prop_map(|(field, range)| Condition::Date(field, range)),
        text().prop_map(Condition::Title),
        text().prop_map(Condition::Text),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let leaf = prop_oneof![
        9 => condition().prop_map(Filter::from),
        1 => Just(Filter::overdue()),
    ];
    leaf.prop_recursive(3, 10, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Filter::all_of),
            vec(inner.clone(), 0..4).prop_map(Filter::any_of),
            inner.prop_map(|filter| !filter),
        ]
    })
}

async fn insert(conn: &mut PgConnection, owner: Uuid, rows: &[Row]) {
    let parent = Uuid::now_v7();
    // Deleted, so that no list has it.
    sqlx::query(
        "insert into tasks (id, owner_id, title, deleted_at) values ($1, $2, 'parent', now())",
    )
    .bind(parent)
    .bind(owner)
    .execute(&mut *conn)
    .await
    .unwrap();
    for row in rows {
        let project = match &row.project {
            Some(name) => Some(project(conn, owner, name).await),
            None => None,
        };
        sqlx::query(
            "insert into tasks (id, owner_id, title, description, priority, project_id, tags, due_at,
                 created_at, updated_at, completed_at, reminders, recurrence, parent_id)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,
                 case when $12 then '[{\"beforeSeconds\": 0, \"channels\": []}]' else '[]' end::jsonb,
                 case when $13 then '{\"rrule\": \"FREQ=DAILY\", \"start\": \"2026-12-01\"}' end::jsonb,
                 $14)",
        )
        .bind(row.id)
        .bind(owner)
        .bind(&row.title)
        .bind(&row.description)
        .bind(row.priority.number())
        .bind(project)
        .bind(&row.tags)
        .bind(row.due)
        .bind(row.created)
        .bind(row.updated)
        .bind(row.completed)
        .bind(row.has_reminder)
        .bind(row.is_recurring)
        .bind(row.is_subtask.then_some(parent))
        .execute(&mut *conn)
        .await
        .unwrap();
    }
}

/// The owner's project of this name, made where there is none.
async fn project(conn: &mut PgConnection, owner: Uuid, name: &str) -> Uuid {
    let known: Option<Uuid> =
        sqlx::query_scalar("select id from projects where owner_id = $1 and name = $2")
            .bind(owner)
            .bind(name)
            .fetch_optional(&mut *conn)
            .await
            .unwrap();
    if let Some(id) = known {
        return id;
    }
    sqlx::query_scalar(
        "insert into projects (id, owner_id, name, name_key, position, created_at, updated_at)
         values ($1, $2, $3, $1::text, '8', now(), now()) returning id",
    )
    .bind(Uuid::now_v7())
    .bind(owner)
    .bind(name)
    .fetch_one(conn)
    .await
    .unwrap()
}

fn selection(filter: Resolved) -> Selection {
    Selection {
        filter,
        project: None,
        parent: None,
        search: None,
        is_one_of_many: true,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_answers_what_the_filter_means() {
    let store = store::testing::database().await;
    let mut conn = store.acquire().await.unwrap();
    let mut users = Vec::new();
    for email in ["ada@example.com", "eve@example.com"] {
        let user = store::users::create(&mut conn, email, "x", Tz::UTC).await;
        users.push(user.unwrap().unwrap().id);
    }
    let config = ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let cases = (vec(row(), 0..12), vec(filter(), 1..8));
    let runtime = tokio::runtime::Handle::current();
    let outcome = tokio::task::block_in_place(|| {
        TestRunner::new(config).run(&cases, |(rows, filters)| {
            runtime.block_on(async {
                let mut conn = store.acquire().await.unwrap();
                insert(&mut conn, users[0], &rows).await;
                for filter in filters {
                    let filter = filter.resolve(Tz::Europe__Berlin, now());
                    let meant: BTreeSet<Uuid> = rows
                        .iter()
                        .filter(|row| filter.matches(&row.facts()))
                        .map(|row| row.id)
                        .collect();
                    let selection = selection(filter);
                    let [ada, eve] = [users[0], users[1]].map(Owner::of);
                    let order = Order::default();
                    let page = list(&mut conn, ada, &selection, order, None, 100).await;
                    let found: BTreeSet<Uuid> =
                        page.unwrap().tasks.iter().map(|task| task.id).collect();
                    assert_eq!(found, meant, "{selection:?}");
                    let total = count(&mut conn, ada, &selection).await.unwrap();
                    assert_eq!(total.count as usize, meant.len());
                    assert!(total.is_exact);
                    // Whatever it says, it says nothing of what belongs to somebody else.
                    let page = list(&mut conn, eve, &selection, order, None, 100).await;
                    assert_eq!(page.unwrap().tasks, []);
                }
                sqlx::query("delete from tasks")
                    .execute(&mut *conn)
                    .await
                    .unwrap();
            });
            Ok(())
        })
    });
    outcome.unwrap();
}

#[tokio::test]
async fn totals_are_counted_up_to_a_bound() {
    let store = store::testing::database().await;
    let mut conn = store.acquire().await.unwrap();
    let user = store::users::create(&mut conn, "ada@example.com", "x", Tz::UTC).await;
    let owner = Owner::of(user.unwrap().unwrap().id);
    let more = "insert into tasks (id, owner_id, title)
         select gen_random_uuid(), $1, 'x' from generate_series(1, $2)";
    for (new, count_is, is_exact) in [(10_000, 10_000, true), (1, 10_000, false)] {
        sqlx::query(more)
            .bind(owner.id())
            .bind(new)
            .execute(&mut *conn)
            .await
            .unwrap();
        let total = count(&mut conn, owner, &selection(Filter::ALL)).await;
        let total = total.unwrap();
        assert_eq!((total.count, total.is_exact), (count_is, is_exact));
    }
}

/// What Postgres reads a first page by.
async fn plan(conn: &mut PgConnection, query: &str) -> String {
    let query = format!("explain select * from tasks where deleted_at is null and {query}");
    let lines: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
        .fetch_all(conn)
        .await
        .unwrap();
    lines.join("\n")
}

#[tokio::test]
async fn every_sort_reads_its_own_index() {
    let store = store::testing::database().await;
    let mut conn = store.acquire().await.unwrap();
    let user = store::users::create(&mut conn, "ada@example.com", "x", Tz::UTC).await;
    let owner = user.unwrap().unwrap().id;
    sqlx::query(
        "insert into tasks (id, owner_id, title, completed_at, due_at)
         select gen_random_uuid(), $1, md5(n::text), case when n % 2 = 0 then now() end, now()
         from generate_series(1, 10000) as n",
    )
    .bind(owner)
    .execute(&mut *conn)
    .await
    .unwrap();
    sqlx::query("analyze tasks")
        .execute(&mut *conn)
        .await
        .unwrap();
    for (index, key, also) in [
        ("created", "created_at", ""),
        ("due", "due_at", "and due_at is not null"),
        ("priority", "priority", ""),
        ("position", "position", ""),
        ("updated", "updated_at", ""),
        ("completed", "completed_at", "and completed_at is not null"),
        ("title", "left(title, 100) collate title_order", ""),
    ] {
        for direction in ["asc", "desc"] {
            let query = format!(
                "owner_id = '{owner}' {also} order by {key} {direction}, id {direction} limit 51"
            );
            let plan = plan(&mut conn, &query).await;
            assert!(
                plan.contains(&format!("using tasks_owner_{index}")),
                "{plan}"
            );
            assert!(!plan.contains("Sort"), "{plan}");
        }
    }
}
