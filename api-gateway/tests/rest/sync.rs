//! Devices that keep a copy by `GET /v1/sync`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::app::{App, Caller};

/// A copy of a user's tasks, projects and saved filters, by id.
struct Device {
    caller: Caller,
    token: Option<String>,
    tasks: BTreeMap<String, Value>,
    projects: BTreeMap<String, Value>,
    filters: BTreeMap<String, Value>,
}

/// The lists of a page.
const PARTS: [&str; 6] = [
    "projects",
    "deletedProjects",
    "tasks",
    "deletedTasks",
    "savedFilters",
    "deletedSavedFilters",
];

impl Device {
    fn new(caller: &Caller) -> Self {
        Self {
            caller: caller.clone(),
            token: None,
            tasks: BTreeMap::new(),
            projects: BTreeMap::new(),
            filters: BTreeMap::new(),
        }
    }

    /// Takes one page.
    async fn page(&mut self, limit: u32) -> Value {
        let mut path = format!("/v1/sync?limit={limit}");
        if let Some(token) = &self.token {
            path += &format!("&token={token}");
        }
        let page = self.caller.get(&path).await.expect(200).body;
        if page["reset"] == true {
            self.tasks.clear();
            self.projects.clear();
            self.filters.clear();
        }
        let told = PARTS.map(|part| page[part].as_array().unwrap().len());
        assert!(told.iter().sum::<usize>() <= limit as usize, "{told:?}");
        for (held, there, gone) in [
            (&mut self.projects, "projects", "deletedProjects"),
            (&mut self.tasks, "tasks", "deletedTasks"),
            (&mut self.filters, "savedFilters", "deletedSavedFilters"),
        ] {
            for item in page[there].as_array().unwrap() {
                let id = item["id"].as_str().unwrap().to_owned();
                let before = held.insert(id, item.clone());
                let before = before.map_or(0, |before| before["version"].as_i64().unwrap());
                assert!(item["version"].as_i64() >= Some(before), "{item} went back");
            }
            for id in page[gone].as_array().unwrap() {
                held.remove(id.as_str().unwrap());
            }
        }
        self.token = Some(page["token"].as_str().unwrap().to_owned());
        page
    }

    /// Takes all pages; how many items they told.
    async fn pull(&mut self, limit: u32) -> usize {
        let mut told = 0;
        loop {
            let page = self.page(limit).await;
            told += PARTS
                .map(|part| page[part].as_array().unwrap().len())
                .iter()
                .sum::<usize>();
            if page["more"] == false {
                return told;
            }
        }
    }

    /// What is there in truth.
    async fn assert_is_true(&self, app: &App) {
        for (table, held) in [
            ("tasks where deleted_at is null and", &self.tasks),
            ("projects where", &self.projects),
            ("saved_filters where", &self.filters),
        ] {
            let query = format!("select id::text, version from {table} owner_id = $1");
            let rows: Vec<(String, i64)> = sqlx::query_as(sqlx::AssertSqlSafe(query))
                .bind(self.caller.id)
                .fetch_all(&*app.pool)
                .await
                .unwrap();
            let truth: BTreeSet<(String, i64)> = rows.into_iter().collect();
            let version = |item: &Value| item["version"].as_i64().unwrap();
            let held: BTreeSet<(String, i64)> = held
                .iter()
                .map(|(id, item)| (id.clone(), version(item)))
                .collect();
            assert_eq!(held, truth, "{table}");
        }
    }
}

#[tokio::test]
async fn a_device_is_told_what_changed_and_what_went_once() {
    let app = App::start().await;
    let user = app.user().await;
    let mut device = Device::new(&user);
    let first = device.page(500).await;
    assert_eq!(first["reset"], true);
    assert_eq!(device.pull(500).await, 0);

    let project = user.post("/v1/projects", json!({ "name": "Home" })).await;
    let project = project.expect(201).id();
    let task = user
        .task(json!({ "title": "Paint", "project": project }))
        .await;
    let other = user.task(json!({ "title": "Sweep" })).await.id();
    assert_eq!(device.pull(1).await, 3);
    assert_eq!(device.tasks[&task.id()], task.body);
    assert_eq!(device.pull(500).await, 0);

    let path = format!("/v1/tasks/{}", task.id());
    user.patch(&path, json!({ "title": "Paint it" }))
        .await
        .expect(200);
    user.act(&format!("/v1/tasks/{other}/complete"))
        .await
        .expect(200);
    assert_eq!(device.pull(500).await, 2);
    assert!(device.tasks[&other]["completedAt"].is_string());

    user.delete(&path).await.expect(204);
    let page = device.page(500).await;
    assert_eq!(page["deletedTasks"], json!([task.id()]));
    assert_eq!(page["tasks"], json!([]));
    user.act(&format!("{path}/restore")).await.expect(200);
    device.pull(500).await;
    device.assert_is_true(&app).await;

    // With the project goes its task into the inbox.
    user.delete(&format!("/v1/projects/{project}"))
        .await
        .expect(204);
    let page = device.page(500).await;
    assert_eq!(page["deletedProjects"], json!([project]));

    let filter = json!({ "name": "Urgent", "filter": "p1" });
    let filter = user.post("/v1/filters", filter).await.expect(201);
    assert_eq!(device.pull(500).await, 1);
    assert_eq!(device.filters[&filter.id()], filter.body);
    let path_of_filter = format!("/v1/filters/{}", filter.id());
    let renamed = user.patch(&path_of_filter, json!({ "name": "P1" })).await;
    device.pull(500).await;
    assert_eq!(device.filters[&filter.id()], renamed.expect(200).body);
    let mut fresh = Device::new(&user);
    fresh.pull(1).await;
    fresh.assert_is_true(&app).await;
    user.delete(&path_of_filter).await.expect(204);
    let page = device.page(500).await;
    assert_eq!(page["deletedSavedFilters"], json!([filter.id()]));
    device.assert_is_true(&app).await;
    assert!(device.tasks[&task.id()].get("project").is_none());
    // It may come back under its id.
    let again = json!({ "id": project, "name": "Home" });
    user.post("/v1/projects", again).await.expect(201);
    let page = device.page(500).await;
    assert_eq!(page["deletedProjects"], json!([]));
    device.assert_is_true(&app).await;
    assert_eq!(device.pull(500).await, 0);
    assert_eq!(Device::new(&user).pull(2).await, 3);
}

/// A task, written in a transaction that is still open.
async fn insert(conn: &mut PgConnection, owner: Uuid) -> String {
    let id = Uuid::now_v7();
    sqlx::query("insert into tasks (id, owner_id, title) values ($1, $2, 'x')")
        .bind(id)
        .bind(owner)
        .execute(conn)
        .await
        .unwrap();
    id.to_string()
}

#[tokio::test]
async fn a_transaction_that_stays_open_is_not_missed_and_holds_back_nothing() {
    let app = App::start().await;
    let user = app.user().await;
    let mut device = Device::new(&user);
    let mut slow = app.pool.begin().await.unwrap();
    let late = insert(&mut slow, user.id).await;
    device.pull(500).await;
    let quick = user.task(json!({ "title": "Quick" })).await.id();
    assert_eq!(device.pull(500).await, 1);
    assert!(device.tasks.contains_key(&quick));
    // Between two pages of one answer.
    user.task(json!({ "title": "One" })).await;
    user.task(json!({ "title": "Two" })).await;
    assert_eq!(device.page(1).await["more"], true);
    slow.commit().await.unwrap();
    device.pull(1).await;
    device.pull(500).await;
    assert!(device.tasks.contains_key(&late));
    device.assert_is_true(&app).await;
    assert_eq!(device.pull(500).await, 0);
}

#[tokio::test]
async fn what_is_read_ends_though_its_user_goes_on_writing() {
    let app = App::start().await;
    let user = app.user().await;
    let first = user.task(json!({ "title": "First" })).await.id();
    let mut device = Device::new(&user);
    device.pull(500).await;
    for n in 0..4 {
        user.task(json!({ "title": n.to_string() })).await;
    }
    let mut pages = 1;
    while device.page(1).await["more"] == true {
        pages += 1;
        let change = json!({ "title": pages.to_string() });
        user.patch(&format!("/v1/tasks/{first}"), change)
            .await
            .expect(200);
    }
    assert_eq!(pages, 4);
    assert_eq!(device.pull(500).await, 1);
    device.assert_is_true(&app).await;
}

#[tokio::test]
async fn a_token_that_cannot_be_gone_on_from_begins_anew() {
    let app = App::start().await;
    let (user, other) = (app.user().await, app.user().await);
    user.task(json!({ "title": "Mine" })).await;
    let mut device = Device::new(&user);
    device.pull(500).await;
    let token = device.token.clone().unwrap();
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(&token).unwrap()).unwrap();
    let parts: Vec<&str> = text.split('|').collect();
    let made = |place: usize, value: String| {
        let mut parts = parts.clone();
        parts[place] = &value;
        URL_SAFE_NO_PAD.encode(parts.join("|"))
    };
    let days = |days: i64| (parts[3].parse::<i64>().unwrap() - days * 86_400_000_000).to_string();
    for (token, reset) in [
        (made(2, "6a5b-2-16384-16500".into()), true),
        (made(3, days(61)), true),
        (made(3, days(59)), false),
        (token.clone(), false),
    ] {
        device.token = Some(token);
        let page = device.page(500).await;
        assert_eq!(page["reset"], reset);
        assert_eq!(page["tasks"].as_array().unwrap().len(), usize::from(reset));
        device.assert_is_true(&app).await;
    }
    let path = format!("/v1/sync?token={token}");
    assert_eq!(other.get(&path).await.expect(200).body["tasks"], json!([]));
    for wrong in [
        "token=x",
        "token=",
        "limit=0",
        "limit=1001",
        "limit=x",
        "since=1",
    ] {
        let fields = user.get(&format!("/v1/sync?{wrong}")).await.fields();
        assert_eq!(fields, [wrong.split('=').next().unwrap()]);
    }
}

#[tokio::test]
async fn a_database_that_was_restored_elsewhere_is_read_whole_and_then_by_its_changes() {
    let app = App::start().await;
    let user = app.user().await;
    user.task(json!({ "title": "Old" })).await;
    // Its rows name transactions that this server will only reach in years.
    for statement in [
        "alter table tasks disable trigger tasks_changed",
        "update tasks set changed_tx = '999999999999'",
        "alter table tasks enable trigger tasks_changed",
    ] {
        sqlx::query(statement).execute(&*app.pool).await.unwrap();
    }
    let mut device = Device::new(&user);
    assert_eq!(device.pull(1).await, 1);
    assert_eq!(device.pull(1).await, 0);
    user.task(json!({ "title": "New" })).await;
    assert_eq!(device.pull(1).await, 1);
    device.assert_is_true(&app).await;
}

#[tokio::test]
async fn long_texts_make_short_pages() {
    let app = App::start().await;
    let user = app.user().await;
    let text = "x".repeat(20_000);
    sqlx::query(
        "insert into tasks (id, owner_id, title, description)
         select gen_random_uuid(), $1, 'x', $2 from generate_series(1, 120)",
    )
    .bind(user.id)
    .bind(text)
    .execute(&*app.pool)
    .await
    .unwrap();
    let mut device = Device::new(&user);
    let page = device.page(1000).await;
    assert_eq!(page["tasks"].as_array().unwrap().len(), 53);
    assert_eq!(device.pull(1000).await, 67);
    device.assert_is_true(&app).await;
}

/// What a writer does to one row that nobody else holds.
const WRITES: [&str; 8] = [
    "insert into tasks (id, owner_id, title) values (gen_random_uuid(), $1, 'x')",
    "insert into projects (id, owner_id, name, name_key, position, created_at, updated_at)
     select id, $1, id::text, id::text, 'a', now(), now() from gen_random_uuid() as id",
    "update tasks set title = 'y', version = version + 1 where id = (select id from tasks
     where owner_id = $1 and deleted_at is null order by random() limit 1 for update skip locked)",
    "update tasks set completed_at = now(), version = version + 1 where id = (select id from tasks
     where owner_id = $1 and deleted_at is null order by random() limit 1 for update skip locked)",
    "update tasks set deleted_at = now(), version = version + 1 where id = (select id from tasks
     where owner_id = $1 and deleted_at is null order by random() limit 1 for update skip locked)",
    "update tasks set deleted_at = null, version = version + 1 where id = (select id from tasks
     where owner_id = $1 and deleted_at is not null order by random() limit 1 for update skip locked)",
    "update projects set name = 'z', version = version + 1 where id = (select id from projects
     where owner_id = $1 order by random() limit 1 for update skip locked)",
    "delete from projects where id = (select id from projects
     where owner_id = $1 order by random() limit 1 for update skip locked)",
];

/// Transactions of one to three writes, some slow and some rolled back.
async fn write(pool: store::Store, owner: Uuid, seed: u64) {
    let mut state = seed;
    let mut random = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    };
    for _ in 0..60 {
        let mut tx = pool.pool().begin().await.unwrap();
        for _ in 0..=random(3) {
            let write = WRITES[usize::try_from(random(WRITES.len() as u64)).unwrap()];
            sqlx::query(write)
                .bind(owner)
                .execute(&mut *tx)
                .await
                .unwrap();
            tokio::time::sleep(Duration::from_millis(random(4))).await;
        }
        tokio::time::sleep(Duration::from_millis(random(20))).await;
        if random(8) == 0 {
            tx.rollback().await.unwrap();
        } else {
            tx.commit().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_many_write_at_once_a_device_misses_nothing() {
    let app = Arc::new(App::start().await);
    let user = app.user().await;
    let mut open = app.pool.pool().begin().await.unwrap();
    insert(&mut open, user.id).await;
    let done = Arc::new(AtomicBool::new(false));
    let devices: Vec<_> = [1, 7]
        .map(|limit| {
            let (mut device, done) = (Device::new(&user), done.clone());
            tokio::spawn(async move {
                let mut pulls = 0;
                while !done.load(Ordering::Relaxed) {
                    device.pull(limit).await;
                    pulls += 1;
                }
                device.pull(limit).await;
                (device, pulls)
            })
        })
        .into_iter()
        .collect();
    let writers = (1..=4).map(|seed| tokio::spawn(write(app.pool.clone(), user.id, seed)));
    for writer in futures::future::join_all(writers).await {
        writer.unwrap();
    }
    open.commit().await.unwrap();
    done.store(true, Ordering::Relaxed);
    for device in devices {
        let (device, pulls) = device.await.unwrap();
        assert!(pulls > 5, "{pulls} pulls while others wrote prove little");
        device.assert_is_true(&app).await;
    }
}

#[tokio::test]
async fn an_account_with_projects_leaves_no_tombstone() {
    let app = App::start().await;
    let user = app.user().await;
    for name in ["One", "Two"] {
        let project = user.post("/v1/projects", json!({ "name": name })).await;
        let path = format!("/v1/projects/{}", project.expect(201).id());
        if name == "One" {
            user.delete(&path).await.expect(204);
        }
    }
    let tombstones = async || -> i64 {
        sqlx::query_scalar("select count(*) from tombstones")
            .fetch_one(&*app.pool)
            .await
            .unwrap()
    };
    assert_eq!(tombstones().await, 1);
    user.delete("/v1/me").await.expect(200);
    assert_eq!(tombstones().await, 0);
}
