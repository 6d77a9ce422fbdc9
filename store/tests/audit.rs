//! The trail on a real Postgres: once for each event, append-only by its role, by months.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::{
    event::{Actor, Event, EventType},
    task::{Priority, Task},
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection, types::Json};
use store::{
    Store,
    audit::{self, Entry, Filter},
    tasks,
};
use uuid::Uuid;

const YEAR: Duration = Duration::from_secs(366 * 86_400);

fn event(n: u128, owner: Uuid, time: DateTime<Utc>) -> Event {
    let data = json!({ "n": n.to_string() });
    let kind = EventType::TaskUpdated;
    Event::new(Uuid::from_u128(n), kind, "t", Some(owner), time, data).by(Actor::User(owner))
}

async fn append(store: &Store, events: &[Event]) {
    let mut transaction = audit::begin(store).await.unwrap();
    audit::append_all(&mut transaction, events).await.unwrap();
    transaction.commit().await.unwrap();
}

async fn all(store: &Store, owner: Uuid) -> Vec<Entry> {
    audit::list(store, owner, &Filter::default(), None, 1000)
        .await
        .unwrap()
}

async fn count(store: &Store) -> i64 {
    sqlx::query_scalar("select count(*) from audit")
        .fetch_one(store.pool())
        .await
        .unwrap()
}

/// Why Postgres refuses a statement.
async fn refusal(conn: &mut PgConnection, statement: &str) -> String {
    sqlx::raw_sql("savepoint tried")
        .execute(&mut *conn)
        .await
        .unwrap();
    let statement = AssertSqlSafe(statement.to_owned());
    let refused = sqlx::raw_sql(statement).execute(&mut *conn).await;
    sqlx::raw_sql("rollback to savepoint tried")
        .execute(conn)
        .await
        .unwrap();
    refused.unwrap_err().to_string()
}

const CHANGES: [&str; 6] = [
    "update audit set type = 'x'",
    "delete from audit",
    "truncate audit",
    "update audit_default set type = 'x'",
    "delete from audit_default",
    "truncate audit_default",
];

#[tokio::test]
async fn the_services_session_may_append_and_read_and_nothing_else() {
    let store = store::testing::database().await;
    let owner = Uuid::from_u128(1);
    append(&store, &[event(1, owner, Utc::now())]).await;
    let mut service = audit::begin(&store).await.unwrap();
    assert!(audit::is_confined(&mut service).await.unwrap());
    for statement in CHANGES {
        let why = refusal(&mut service, statement).await;
        assert!(
            why.contains("permission denied for table audit"),
            "{statement}: {why}"
        );
    }
    for statement in [
        "select 1 from users",
        "drop table audit",
        "insert into outbox default values",
    ] {
        let why = refusal(&mut service, statement).await;
        assert!(
            why.contains("permission denied") || why.contains("must be owner"),
            "{why}"
        );
    }
    let why = refusal(&mut service, "select audit_maintain(29)").await;
    assert!(why.contains("30 days at least"), "{why}");
    let why = refusal(&mut service, "select audit_make_month('2030-01-01')").await;
    assert!(why.contains("permission denied"), "{why}");
    audit::append_all(&mut service, &[event(2, owner, Utc::now())])
        .await
        .unwrap();
    service.commit().await.unwrap();
    // The role ends with the transaction; the triggers then hold for the owner, a superuser here, too.
    let mut session = store.begin().await.unwrap();
    for statement in CHANGES {
        let why = refusal(&mut session, statement).await;
        assert!(why.contains("audit is append-only"), "{statement}: {why}");
    }
    assert_eq!(count(&store).await, 2);
}

#[tokio::test]
async fn a_user_who_may_make_roles_is_confined_and_one_who_may_not_has_the_triggers() {
    let mut roles = Vec::new();
    for may in [true, false] {
        let store = store::testing::owned_by_plain_user(may).await;
        store::migrate(store.pool()).await.unwrap();
        let why = audit::grant(store.pool()).await.unwrap();
        assert_eq!(why.is_none(), may, "{why:?}");
        let owner = Uuid::from_u128(1);
        append(&store, &[event(1, owner, Utc::now())]).await;
        let mut service = audit::begin(&store).await.unwrap();
        assert_eq!(audit::is_confined(&mut service).await.unwrap(), may);
        let expected = if may {
            "permission denied"
        } else {
            "audit is append-only"
        };
        for statement in CHANGES {
            let why = refusal(&mut service, statement).await;
            assert!(why.contains(expected), "{statement}: {why}");
        }
        service.commit().await.unwrap();
        append(&store, &[event(1, owner, DateTime::UNIX_EPOCH)]).await;
        assert_eq!(audit::maintain(&store, YEAR).await.unwrap(), 1);
        assert_eq!(count(&store).await, 1);
        let role: String = sqlx::query_scalar("select audit_role()")
            .fetch_one(store.pool())
            .await
            .unwrap();
        roles.push(role);
    }
    // Roles are the whole server's.
    assert_ne!(roles[0], roles[1]);
}

#[tokio::test]
async fn an_event_is_there_once_however_often_and_in_which_order_it_comes() {
    let store = store::testing::database().await;
    let owner = Uuid::from_u128(1);
    let now = Utc::now();
    let mut events: Vec<Event> = (0..40)
        .map(|n| event(n, owner, now - TimeDelta::days(n as i64 * 20)))
        .collect();
    append(&store, &events).await;
    let before = all(&store, owner).await;
    assert_eq!(before.len(), 40);
    assert!(
        before
            .iter()
            .map(|e| e.event_id)
            .eq(events.iter().map(|e| e.id))
    );
    let actor = before[0].actor.as_ref().unwrap();
    assert_eq!(
        (actor.kind.as_str(), actor.id.clone()),
        ("app_user", Some(owner.to_string()))
    );
    events.reverse();
    for batch in events.chunks(7) {
        append(&store, batch).await;
        append(&store, &[batch, batch].concat()).await;
    }
    assert_eq!(all(&store, owner).await, before);
    // What is moved to its month, two dozen months at a time, is still known.
    for _ in 0..2 {
        audit::maintain(&store, 3 * YEAR).await.unwrap();
    }
    let strays: i64 = sqlx::query_scalar("select count(*) from audit_default")
        .fetch_one(store.pool())
        .await
        .unwrap();
    assert_eq!(strays, 0);
    append(&store, &events).await;
    assert_eq!(all(&store, owner).await, before);
    // A superuser has emptied it: read again from the first event on it is whole.
    sqlx::raw_sql(
        "set session_replication_role = replica; truncate audit; reset session_replication_role",
    )
    .execute(store.pool())
    .await
    .unwrap();
    assert_eq!(count(&store).await, 0);
    append(&store, &events).await;
    let mut again = all(&store, owner).await;
    again.reverse();
    let plain = |entries: Vec<Entry>| -> Vec<Entry> {
        entries
            .into_iter()
            .map(|entry| Entry { seq: 0, ..entry })
            .collect()
    };
    assert_eq!(plain(again), plain(before));
}

#[tokio::test]
async fn retention_drops_whole_months_and_what_lies_beyond_them_too() {
    let store = store::testing::database().await;
    let owner = Uuid::from_u128(1);
    let now = Utc::now();
    let ages = [0, 20, 100, 300, 430, 900, 20_000];
    let events: Vec<Event> = ages
        .iter()
        .map(|&days| event(days as u128, owner, now - TimeDelta::days(days)))
        .chain([event(7777, owner, now + TimeDelta::days(3000))])
        .collect();
    append(&store, &events).await;
    assert_eq!(count(&store).await, 8);
    let dropped = audit::maintain(&store, Duration::from_secs(365 * 86_400)).await;
    // A year ago and the month in which that lies: what is 430 days old is surely over.
    assert_eq!(dropped.unwrap(), 3);
    let left: Vec<Uuid> = all(&store, owner)
        .await
        .iter()
        .map(|e| e.event_id)
        .collect();
    assert_eq!(left, [0, 20, 100, 300, 7777].map(Uuid::from_u128));
    // However little is asked for, the last days stay.
    audit::maintain(&store, Duration::ZERO).await.unwrap();
    let left: Vec<Uuid> = all(&store, owner)
        .await
        .iter()
        .map(|e| e.event_id)
        .collect();
    assert!(
        left.starts_with(&[Uuid::from_u128(0), Uuid::from_u128(20)]),
        "{left:?}"
    );
    assert!(!left.contains(&Uuid::from_u128(300)));
    assert_eq!(audit::maintain(&store, YEAR).await.unwrap(), 0);
    // The months ahead are there.
    let next = now + TimeDelta::days(80);
    append(&store, &[event(5, owner, next)]).await;
    let part: String =
        sqlx::query_scalar("select tableoid::regclass::text from audit where event_id = $1")
            .bind(Uuid::from_u128(5))
            .fetch_one(store.pool())
            .await
            .unwrap();
    assert_eq!(part, format!("audit_{}", next.format("%Y_%m")));
}

#[tokio::test]
async fn a_trail_from_before_the_months_is_moved_as_it_is() {
    let store = store::testing::migrated_to(6).await;
    sqlx::query(
        "insert into audit (event_id, type, subject, owner_id, time, data)
         select gen_random_uuid(), 'task.created', 'task ' || n, '00000000-0000-0000-0000-000000000001',
             now() - make_interval(days => n * 60), jsonb_build_object('n', n)
         from generate_series(0, 60) as n",
    )
    .execute(store.pool())
    .await
    .unwrap();
    type Line = (
        i64,
        Uuid,
        String,
        String,
        DateTime<Utc>,
        Value,
        DateTime<Utc>,
    );
    let lines = async || -> Vec<Line> {
        sqlx::query_as(
            "select seq, event_id, type, subject, time, data, recorded_at from audit order by seq",
        )
        .fetch_all(store.pool())
        .await
        .unwrap()
    };
    let before = lines().await;
    store::migrate(store.pool()).await.unwrap();
    assert_eq!(lines().await, before);
    let months: i64 = sqlx::query_scalar("select count(distinct tableoid) from audit")
        .fetch_one(store.pool())
        .await
        .unwrap();
    assert!(months > 25, "{months}");
    let owner = Uuid::from_u128(1);
    assert_eq!(all(&store, owner).await[0].actor, None);
    append(&store, &[event(1, owner, Utc::now())]).await;
    let last = all(&store, owner).await.pop().unwrap();
    assert_eq!((last.seq, last.event_id), (62, Uuid::from_u128(1)));
}

#[tokio::test]
async fn an_empty_database_gets_few_months() {
    let store = store::testing::database().await;
    let parts: i64 =
        sqlx::query_scalar("select count(*) from pg_inherits where inhparent = 'audit'::regclass")
            .fetch_one(store.pool())
            .await
            .unwrap();
    assert_eq!(parts, 5); // this month, three ahead, and what lies beyond
}

#[tokio::test]
async fn a_restored_copy_is_confined_again_after_its_migration() {
    let store = store::testing::database().await;
    let owner = Uuid::from_u128(1);
    append(&store, &[event(1, owner, Utc::now())]).await;
    let copy = store::testing::restored(&store).await;
    let mut service = audit::begin(&copy).await.unwrap();
    assert!(!audit::is_confined(&mut service).await.unwrap());
    service.rollback().await.unwrap();
    store::migrate(copy.pool()).await.unwrap();
    let mut service = audit::begin(&copy).await.unwrap();
    assert!(audit::is_confined(&mut service).await.unwrap());
    let why = refusal(&mut service, "delete from audit").await;
    assert!(why.contains("permission denied"), "{why}");
    audit::append_all(&mut service, &[event(1, owner, Utc::now())])
        .await
        .unwrap();
    drop(service);
    // The other database's role has no rights here.
    let strangers: i64 = sqlx::query_scalar(
        "select count(*) from pg_class c, aclexplode(c.relacl) a join pg_roles r on r.oid = a.grantee
         where c.oid = 'audit'::regclass and r.rolname <> audit_role() and r.rolname <> current_user",
    )
    .fetch_one(copy.pool())
    .await
    .unwrap();
    assert_eq!(strangers, 0);
}

/// Each filter is answered from an index of its own.
#[tokio::test]
async fn no_filter_reads_the_whole_trail() {
    let store = store::testing::database().await;
    sqlx::query(
        "insert into audit (event_id, type, subject, owner_id, time, data)
         select gen_random_uuid(), case when n % 1000 = 0 then 'task.deleted' else 'task.updated' end,
             md5((n % 5000)::text)::uuid, md5((n % 20)::text)::uuid,
             date_trunc('month', now()) + make_interval(secs => n * 10), '{}'
         from generate_series(1, 40000) as n",
    )
    .execute(store.pool())
    .await
    .unwrap();
    sqlx::raw_sql("analyze audit")
        .execute(store.pool())
        .await
        .unwrap();
    let owner: Uuid = sqlx::query_scalar("select owner_id from audit limit 1")
        .fetch_one(store.pool())
        .await
        .unwrap();
    let since: DateTime<Utc> = sqlx::query_scalar("select date_trunc('month', now())")
        .fetch_one(store.pool())
        .await
        .unwrap();
    for (filter, condition) in [
        ("", "owner_id"),
        ("and seq > 20000", "seq > 20000"),
        ("and type = 'task.deleted'", "type = 'task.deleted'"),
        (
            "and subject = '1679091c-5a88-0faf-6fb5-e6087eb1b2dc'",
            "subject = ",
        ),
        (
            "and time >= $1 and time < $1 + interval '10 minutes'",
            "\"time\" >= ",
        ),
    ] {
        for direction in ["asc", "desc"] {
            let since = since
                .format("'%Y-%m-%dT%H:%M:%SZ'::timestamptz")
                .to_string();
            let text = format!(
                "explain (costs off) select * from audit where owner_id = '{owner}' {filter}
                 order by seq {direction} limit 50"
            );
            let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(text.replace("$1", &since)))
                .fetch_all(store.pool())
                .await
                .unwrap();
            let month = format!("on audit_{} ", Utc::now().format("%Y_%m"));
            let at = plan.iter().position(|line| line.contains(&month));
            let at = at.unwrap_or_else(|| panic!("{}", plan.join("\n")));
            let rest = plan[at..].join("\n");
            assert!(
                !plan[at].contains("Seq Scan"),
                "{filter} {direction}: {rest}"
            );
            let index = plan[at..].iter().find(|line| line.contains("Index Cond"));
            let index = index.unwrap_or_else(|| panic!("{rest}"));
            assert!(index.contains(condition), "{filter} {direction}: {rest}");
        }
    }
}

async fn written(store: &Store, id: Uuid) -> Vec<Event> {
    let events: Vec<Json<Event>> = sqlx::query_scalar(
        "select event from outbox where subject = $1 and topic <> 'task-updates' order by seq",
    )
    .bind(id.to_string())
    .fetch_all(store.pool())
    .await
    .unwrap();
    events.into_iter().map(|Json(event)| event).collect()
}

#[tokio::test]
async fn events_tell_who_changed_what_from_what_to_what() {
    let store = store::testing::database().await;
    let mut tx = store.begin().await.unwrap();
    let user = store::users::create(&mut tx, "ada@example.com", "x", Tz::UTC)
        .await
        .unwrap()
        .unwrap()
        .id;
    tx.commit().await.unwrap();
    let now: DateTime<Utc> = "2026-11-21T12:00:00Z".parse().unwrap();
    let task = Task::new(Uuid::from_u128(9), user, "Milk", now);
    tasks::create_in_zone(&mut store.acquire().await.unwrap(), &task, Tz::UTC, now)
        .await
        .unwrap();
    let mut tx = store.begin().await.unwrap();
    let edited = Task {
        title: "Oat milk".into(),
        priority: Priority::P1,
        ..task.clone()
    };
    let edited = tasks::update(&mut tx, &edited, Tz::UTC, now).await.unwrap();
    assert_eq!(edited.unwrap().title, "Oat milk");
    // Of an earlier version nothing is written.
    assert_eq!(
        tasks::update(&mut tx, &task, Tz::UTC, now).await.unwrap(),
        None
    );
    let later = now + TimeDelta::hours(1);
    tasks::complete(&mut tx, user, task.id, now).await.unwrap();
    tasks::reopen(&mut tx, user, task.id, Tz::UTC, later)
        .await
        .unwrap();
    tasks::delete(&mut tx, user, task.id, None, now)
        .await
        .unwrap();
    tasks::restore(&mut tx, user, task.id, Tz::UTC, later)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let own = Task::new(Uuid::from_u128(10), user, "Next", now);
    let mut tx = store.begin().await.unwrap();
    tasks::create(&mut tx, &own, Tz::UTC, now).await.unwrap();
    tx.commit().await.unwrap();

    let events = written(&store, task.id).await;
    let told: Vec<(EventType, Value)> = events
        .iter()
        .map(|event| (event.kind, event.data["changes"].clone()))
        .collect();
    let at = json!("2026-11-21T12:00:00Z");
    assert_eq!(
        told,
        [
            (EventType::TaskCreated, Value::Null),
            (
                EventType::TaskUpdated,
                json!({
                    "title": { "before": "Milk", "after": "Oat milk" },
                    "priority": { "before": "P4", "after": "P1" },
                })
            ),
            (
                EventType::TaskCompleted,
                json!({ "completedAt": { "before": null, "after": at } })
            ),
            (
                EventType::TaskRestored,
                json!({ "completedAt": { "before": at, "after": null } })
            ),
            (
                EventType::TaskDeleted,
                json!({ "deletedAt": { "before": null, "after": at } })
            ),
            (
                EventType::TaskRestored,
                json!({ "deletedAt": { "before": at, "after": null } })
            ),
        ]
    );
    for event in &events {
        assert_eq!(event.authtype.as_deref(), Some("app_user"));
        assert_eq!(event.authid, Some(user.to_string()));
        // Who reads events as tasks is not disturbed.
        let task: Task = serde_json::from_value(event.data.clone()).unwrap();
        assert_eq!(task.id.to_string(), event.subject);
    }
    let made = written(&store, own.id).await;
    assert_eq!(made[0].authtype.as_deref(), Some("system"));
    assert_eq!(made[0].authid, None);
}
