//! Searching tasks: `GET /v1/tasks?q=`.

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use super::app::{App, Caller};

fn query(text: &str) -> String {
    let escaped: String = byte_serialize(text.as_bytes()).collect();
    format!("/v1/tasks?q={escaped}")
}

async fn search(user: &Caller, text: &str) -> Value {
    user.get(&query(text)).await.expect(200).body
}

fn titles(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().expect("items");
    let title = |item: &'_ Value| item["title"].as_str().map(str::to_owned);
    assert!(items.iter().all(|item| title(item).is_some()));
    items
        .iter()
        .filter_map(|item| item["title"].as_str())
        .collect()
}

/// Titles that have the words of `text`: none that only resemble it.
async fn found(user: &Caller, text: &str) -> Vec<String> {
    let page = search(user, text).await;
    if page["fuzzy"] == true {
        return Vec::new();
    }
    let mut titles: Vec<String> = titles(&page).into_iter().map(str::to_owned).collect();
    titles.sort();
    titles
}

async fn tasks(user: &Caller, titles: &[&str]) {
    for title in titles {
        user.task(json!({ "title": title })).await;
    }
}

#[tokio::test]
async fn words_are_found_in_titles_before_tags_before_descriptions() {
    let app = App::start().await;
    let user = app.user().await;
    for task in [
        json!({ "title": "in the description", "description": "pay the rent" }),
        json!({ "title": "in a tag", "tags": ["rent"] }),
        json!({ "title": "Rent" }),
        json!({ "title": "only its beginning: rental" }),
        json!({ "title": "nothing of it" }),
    ] {
        user.task(task).await;
    }
    let page = search(&user, "rent").await;
    assert_eq!(
        titles(&page),
        [
            "Rent",
            "only its beginning: rental",
            "in a tag",
            "in the description"
        ]
    );
    assert_eq!(page["fuzzy"], false);
    // The other way round, and in any other order.
    let page = user.get("/v1/tasks?q=rent&order=asc&limit=1").await;
    assert_eq!(titles(&page.expect(200).body), ["in the description"]);
    let page = user.get("/v1/tasks?q=rent&sort=title").await.expect(200);
    assert_eq!(
        titles(&page.body),
        [
            "in a tag",
            "in the description",
            "only its beginning: rental",
            "Rent"
        ]
    );
}

#[tokio::test]
async fn phrases_alternatives_and_what_is_not_wanted() {
    let app = App::start().await;
    let user = app.user().await;
    tasks(
        &user,
        &["Buy oat milk", "Milk, oat and bread", "Buy bread", "Call"],
    )
    .await;
    for (text, expected) in [
        ("oat milk", vec!["Buy oat milk", "Milk, oat and bread"]),
        ("\"oat milk\"", vec!["Buy oat milk"]),
        ("milk -bread", vec!["Buy oat milk"]),
        (
            "call or bread",
            vec!["Buy bread", "Call", "Milk, oat and bread"],
        ),
        ("-milk", vec!["Buy bread", "Call"]),
        // The last word may still be typed: not one that is finished, nor a single letter.
        ("buy brea", vec!["Buy bread"]),
        ("\"buy bre", vec!["Buy bread"]),
        ("bre oat", vec![]),
        ("bre ", vec![]),
        ("\"bre\"", vec![]),
        ("c", vec![]),
        ("ca", vec!["Call"]),
        (
            "call OR br",
            vec!["Buy bread", "Call", "Milk, oat and bread"],
        ),
    ] {
        assert_eq!(found(&user, text).await, expected, "{text}");
    }
}

#[tokio::test]
async fn accents_and_case_are_folded_in_every_script_that_has_them() {
    let app = App::start().await;
    let user = app.user().await;
    tasks(&user, &["Café Müller", "ПОЗВОНИТЬ маме", "“Straße”—sweep"]).await;
    for (text, expected) in [
        ("cafe", "Café Müller"),
        ("CAFÉ MULLER", "Café Müller"),
        ("cafe\u{301}", "Café Müller"),
        ("позвонить", "ПОЗВОНИТЬ маме"),
        ("strasse", "“Straße”—sweep"),
        ("straße", "“Straße”—sweep"),
        ("sweep", "“Straße”—sweep"),
    ] {
        assert_eq!(found(&user, text).await, [expected], "{text}");
    }
}

#[tokio::test]
async fn a_language_finds_other_forms_of_a_word() {
    let app = App::start().await;
    let user = app.user().await;
    tasks(&user, &["Book the meetings", "The end"]).await;
    assert_eq!(user.get("/v1/me").await.body["language"], "simple");
    assert_eq!(found(&user, "meeting ").await, [""; 0]);
    let versions = "select array_agg((version, changed_tx)::text order by id)::text from tasks
        where title <> 'Running shoes'";
    let before: String = sqlx::query_scalar(versions)
        .fetch_one(&*app.pool)
        .await
        .unwrap();

    let me = user.patch("/v1/me", json!({ "language": "english" })).await;
    assert_eq!(me.expect(200).body["language"], "english");
    assert_eq!(found(&user, "meeting ").await, ["Book the meetings"]);
    let page = search(&user, "booked ").await;
    assert_eq!(
        page["items"][0]["highlights"]["title"],
        json!([{ "start": 0, "end": 4 }])
    );
    // What is too frequent to be a word is found by what resembles it.
    assert_eq!(search(&user, "the").await["fuzzy"], true);
    // New and edited tasks have the words of that language, too.
    user.task(json!({ "title": "Running shoes" })).await;
    assert_eq!(found(&user, "run ").await, ["Running shoes"]);
    // Nothing of a task itself has changed, neither for a client with its version nor for one that follows.
    let after: String = sqlx::query_scalar(versions)
        .fetch_one(&*app.pool)
        .await
        .unwrap();
    assert_eq!(before, after);

    let german = user.patch("/v1/me", json!({ "language": "german" })).await;
    german.expect(200);
    assert_eq!(found(&user, "run ").await, [""; 0]);
    for language in ["klingon", "", "pg_catalog.english"] {
        let answer = user.patch("/v1/me", json!({ "language": language })).await;
        assert_eq!(answer.fields(), ["language"]);
    }
}

#[tokio::test]
async fn what_is_edited_is_found_by_its_new_words() {
    let app = App::start().await;
    let user = app.user().await;
    let task = user
        .task(json!({ "title": "Water the plants", "tags": ["balcony"] }))
        .await;
    let path = format!("/v1/tasks/{}", task.id());
    user.patch(&path, json!({ "title": "Feed the cat" }))
        .await
        .expect(200);
    assert_eq!(found(&user, "water").await, [""; 0]);
    assert_eq!(found(&user, "cat").await, ["Feed the cat"]);
    user.patch("/v1/tags/balcony", json!({ "name": "kitchen" }))
        .await
        .expect(200);
    assert_eq!(found(&user, "balcony").await, [""; 0]);
    assert_eq!(found(&user, "kitchen").await, ["Feed the cat"]);
    user.delete(&path).await.expect(204);
    assert_eq!(found(&user, "cat").await, [""; 0]);
}

#[tokio::test]
async fn a_mistake_in_typing_finds_what_resembles_it() {
    let app = App::start().await;
    let user = app.user().await;
    tasks(
        &user,
        &["Call the dentist", "Water the plants", "Bücher lesen"],
    )
    .await;
    let page = search(&user, "dentits").await;
    assert_eq!(page["fuzzy"], true);
    assert_eq!(titles(&page), ["Call the dentist"]);
    let highlights = json!({ "title": [{ "start": 9, "end": 16 }], "description": [] });
    assert_eq!(page["items"][0]["highlights"], highlights);
    assert_eq!(titles(&search(&user, "buecher").await), ["Bücher lesen"]);
    // Not where a word is found, nor where nothing resembles.
    assert_eq!(
        titles(&search(&user, "plants or dentits").await),
        ["Water the plants"]
    );
    let page = search(&user, "xylophone").await;
    assert_eq!((titles(&page).len(), &page["fuzzy"]), (0, &json!(false)));
    // Other conditions hold for it, too, and other orders.
    let page = user
        .get("/v1/tasks?q=dentits&priority=P1")
        .await
        .expect(200);
    assert_eq!(titles(&page.body), [""; 0]);
    let page = user
        .get("/v1/tasks?q=dentits&sort=due&total=true")
        .await
        .expect(200);
    assert_eq!(
        (titles(&page.body), &page.body["total"]),
        (vec!["Call the dentist"], &json!(1))
    );
}

#[tokio::test]
async fn highlights_are_places_in_utf_16() {
    let app = App::start().await;
    let user = app.user().await;
    user.task(json!({
        "title": "🎉🎉 Müllers party at example.com",
        "description": "A <b>PARTY</b> 👩‍👩‍👧 for Mueller, and a party-hat",
    }))
    .await;
    let marked = async |text: &str| -> (Vec<String>, Vec<String>) {
        let page = search(&user, text).await;
        let item = &page["items"][0];
        let of = |field: &str| -> Vec<String> {
            let units: Vec<u16> = item[field].as_str().unwrap().encode_utf16().collect();
            let spans = item["highlights"][field].as_array().unwrap().iter();
            let at = |span: &Value, end: &str| span[end].as_u64().unwrap() as usize;
            spans
                .map(|span| String::from_utf16(&units[at(span, "start")..at(span, "end")]).unwrap())
                .collect()
        };
        (of("title"), of("description"))
    };
    assert_eq!(
        marked("part").await,
        (vec!["party".into()], vec!["PARTY".into(), "party".into()])
    );
    assert_eq!(marked("mullers").await, (vec!["Müllers".into()], vec![]));
    assert_eq!(
        marked("example.com").await,
        (vec!["example.com".into()], vec![])
    );
    // What is not wanted is not marked.
    assert_eq!(marked("mueller -bread").await.1, ["Mueller"]);
    // Only in a list of what is searched for.
    let plain = user.get("/v1/tasks").await.expect(200).body;
    assert_eq!(
        (&plain["items"][0]["highlights"], &plain["fuzzy"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn nobody_finds_what_is_anothers() {
    let app = App::start().await;
    let (ada, bob) = (app.user().await, app.user().await);
    tasks(&ada, &["Secret plan", "Secret party"]).await;
    for text in [
        "secret",
        "secret pl",
        "secert plan",
        "-nothing",
        "plan or party",
    ] {
        let page = search(&bob, text).await;
        assert_eq!(titles(&page), [""; 0], "{text}");
        let total = bob.get(&format!("{}&total=true", query(text))).await;
        assert_eq!(total.expect(200).body["total"], 0, "{text}");
    }
    // The words go with the account.
    let count = "select count(*) from task_words";
    let before: i64 = sqlx::query_scalar(count)
        .fetch_one(&*app.pool)
        .await
        .unwrap();
    sqlx::query("delete from users where id = $1")
        .bind(ada.id)
        .execute(&*app.pool)
        .await
        .unwrap();
    let after: i64 = sqlx::query_scalar(count)
        .fetch_one(&*app.pool)
        .await
        .unwrap();
    assert_eq!((before, after), (2, 0));
}

#[tokio::test]
async fn pages_have_each_task_once_in_every_order() {
    let app = App::start().await;
    let user = app.user().await;
    sqlx::query(
        "insert into tasks (id, owner_id, title, description, due_at, created_at)
         select gen_random_uuid(), $1, 'Plant ' || n || case when n % 3 = 0 then ' a plant' else '' end,
             case when n % 2 = 0 then 'plant' else '' end,
             case when n % 4 = 0 then now() + n * interval '1 h' end,
             now() - (n / 10) * interval '1 s'
         from generate_series(1, 120) as n",
    )
    .bind(user.id)
    .execute(&*app.pool)
    .await
    .unwrap();
    // A word that is there, and one that only resembles it.
    for text in ["plant", "plantt"] {
        for order in [
            "",
            "&order=asc",
            "&sort=due",
            "&sort=created&order=desc",
            "&sort=title",
        ] {
            let path = format!("/v1/tasks?q={text}{order}&limit=17&total=true");
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = user.get(&format!("{path}{cursor}")).await.expect(200).body;
                assert_eq!(page["fuzzy"], text == "plantt", "{path}");
                assert_eq!(page["total"], 120, "{path}");
                seen.extend(titles(&page).into_iter().map(str::to_owned));
                match page["nextCursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            assert_eq!(seen.len(), 120, "{path}");
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), 120, "{path}");
        }
    }
    // A cursor is good for its own order, and one of a search for nothing else.
    let page = user
        .get("/v1/tasks?q=plantt&sort=title&limit=1")
        .await
        .expect(200)
        .body;
    let cursor = page["nextCursor"].as_str().unwrap();
    for path in ["q=plant", "sort=title"] {
        let answer = user.get(&format!("/v1/tasks?{path}&cursor={cursor}")).await;
        assert_eq!(answer.fields(), ["cursor"]);
    }
}

#[tokio::test]
async fn it_combines_with_the_other_parameters() {
    let app = App::start().await;
    let user = app.user().await;
    for task in [
        json!({ "title": "rent one", "priority": "P1" }),
        json!({ "title": "rent two", "tags": ["home"], "due": { "date": "2020-01-01" } }),
    ] {
        user.task(task).await;
    }
    let done = user.task(json!({ "title": "rent three" })).await.id();
    user.act(&format!("/v1/tasks/{done}/complete"))
        .await
        .expect(200);
    for (parameters, expected) in [
        ("priority=P1", "rent one"),
        ("tag=home", "rent two"),
        ("due=overdue", "rent two"),
        ("filter=p1", "rent one"),
        ("status=completed", "rent three"),
        ("filter=done", "rent three"),
    ] {
        let page = user.get(&format!("/v1/tasks?q=rent&{parameters}")).await;
        assert_eq!(titles(&page.expect(200).body), [expected], "{parameters}");
    }
    let page = user.get("/v1/tasks?sort=relevance").await;
    assert_eq!(page.fields(), ["sort"]);
}

#[tokio::test]
async fn tasks_from_before_there_was_a_search_are_found() {
    let app = App::start().await;
    let user = app.user().await;
    // As the migration leaves them.
    sqlx::query("insert into tasks (id, owner_id, title) select gen_random_uuid(), $1, 'Old plan ' || n from generate_series(1, 1203) as n")
        .bind(user.id)
        .execute(&*app.pool)
        .await
        .unwrap();
    for statement in [
        "delete from task_words",
        "update users set reword_since = now()",
    ] {
        sqlx::query(statement).execute(&*app.pool).await.unwrap();
    }
    let page = user
        .get("/v1/tasks?q=plan&total=true&limit=1")
        .await
        .expect(200);
    assert_eq!(page.body["total"], 1203);
    let waiting: i64 =
        sqlx::query_scalar("select count(*) from users where reword_since is not null")
            .fetch_one(&*app.pool)
            .await
            .unwrap();
    assert_eq!(waiting, 0);
}

#[tokio::test]
async fn whatever_is_searched_for_is_no_fault_of_the_server() {
    let app = App::start().await;
    let user = app.user().await;
    tasks(&user, &["It's a \\ plan: a & b | c <-> d", "'quoted'"]).await;
    for text in [
        "\"",
        "'",
        "''",
        "'':*",
        "\\",
        "\\\\",
        "a & b",
        "a <-> b",
        "!",
        "!!a",
        "(",
        "a:*",
        "a:AB",
        "%",
        "_",
        "or",
        "or or or",
        "-",
        "--a",
        "-\"a b\"",
        "\"\"",
        " ",
        "it's",
        "a''b",
        "'a",
        "😀",
        "<b>x</b>",
        "http://a.b/c?d=e'f",
        "x@y.z",
        "/etc/passwd",
        "1.5e3",
        "ﬁ",
        "\u{202e}abc",
        "a\u{301}",
        "\u{feff}",
        "\t\n",
    ] {
        user.get(&query(text)).await.expect(200);
    }
    let longest = "㍿".repeat(200); // three letters each, once they are folded
    user.get(&query(&longest)).await.expect(200);
    for text in ["", &"x".repeat(201), &"x".repeat(10_000)] {
        assert_eq!(user.get(&query(text)).await.fields(), ["q"]);
    }
    assert_eq!(user.get("/v1/tasks?q=a%00b").await.fields(), ["q"]);
    assert_eq!(user.get("/v1/tasks?q=a&q=b").await.fields(), ["q"]);

    let mut runner = TestRunner::default();
    let texts = "(\\PC|[a-d'\"\\\\:*&|!<>() -]|or |é|😀){1,60}";
    let texts = proptest::string::string_regex(texts).unwrap();
    user.patch("/v1/me", json!({ "language": "english" }))
        .await
        .expect(200);
    for _ in 0..200 {
        let text = texts.new_tree(&mut runner).unwrap().current();
        let text: String = text.chars().filter(|c| *c != '\0').take(200).collect();
        let answer = user.get(&query(&text)).await;
        assert_eq!(answer.status, 200, "{text:?}: {}", answer.body);
    }
}
