//! Files of tasks, out of an account and into another.

use std::collections::HashMap;

use axum::{body::Body, http::Method};
use gateway::Gateway;
use serde_json::{Value, json};

use super::{
    app::{Answer, App, Caller},
    projects::{column, project},
};

async fn send(user: &Caller, query: &str, file: &str) -> Answer {
    let path = format!("/v1/imports?{query}");
    user.send(Method::POST, &path, &[], Body::from(file.to_owned()))
        .await
}

fn worker(app: &App) -> Gateway {
    Gateway::new(app.pool.clone(), app.keys.clone()).unwrap()
}

/// What became of an import of a file.
async fn import(app: &App, user: &Caller, query: &str, file: &str) -> Value {
    let sent = send(user, query, file).await.expect(202);
    let path = format!("/v1/imports/{}", sent.id());
    assert_eq!(sent.headers["location"], path);
    assert_eq!(sent.body["status"], "running");
    assert!(gateway::import_next(&worker(app)).await.unwrap());
    let done = user.get(&path).await.expect(200).body;
    assert_eq!(done["status"], "done", "{done}");
    done
}

fn counts(import: &Value) -> [i64; 5] {
    ["total", "taken", "created", "existing", "refused"]
        .map(|count| import[count].as_i64().unwrap())
}

/// Lines of the remarks, each with whether it was refused.
fn remarks(import: &Value) -> Vec<(u64, bool, &str)> {
    let remarks = import["remarks"].as_array().unwrap().iter();
    let read = |remark: &'_ Value| -> (u64, bool) {
        (
            remark["line"].as_u64().unwrap(),
            remark["refused"].as_bool().unwrap(),
        )
    };
    remarks
        .map(|remark| {
            let (line, refused) = read(remark);
            (line, refused, remark["detail"].as_str().unwrap())
        })
        .collect()
}

/// A file with its ids counted, in the order in which they come.
fn counted(file: &str) -> String {
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let is_id = |text: &str| text.parse::<uuid::Uuid>().is_ok();
    let mut counted = String::new();
    let mut rest = file;
    while let Some(letter) = rest.chars().next() {
        let ahead = rest.get(..36).filter(|ahead| is_id(ahead));
        if let Some(id) = ahead {
            let next = numbers.len();
            let number = *numbers.entry(id.to_owned()).or_insert(next);
            counted += &format!("#{number}");
            rest = &rest[36..];
        } else {
            counted.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    counted
}

/// The task of this title in a list.
fn by<'a>(list: &'a Answer, title: &str) -> &'a Value {
    let mut items = list.body["items"].as_array().unwrap().iter();
    items.find(|task| task["title"] == title).unwrap()
}

/// Something of everything that a task may have.
async fn fill(user: &Caller) {
    let home = project(user, "Home, sweet \"home\"").await;
    let colour = json!({ "color": "#db4035" });
    let path = format!("/v1/projects/{home}");
    user.patch(&path, colour).await.expect(200);
    let old = project(user, "Old").await;
    user.task(json!({ "title": "Kept", "project": old })).await;
    user.act(&format!("/v1/projects/{old}/archive"))
        .await
        .expect(200);
    let top = user
        .task(json!({
            "title": "Top, with a comma", "description": "two\nlines; \"quoted\", =1+1",
            "priority": "P1", "tags": ["a,b", "say \"x\"", "é"], "project": home,
            "due": { "date": "2030-01-31" },
            "reminders": [{ "beforeSeconds": 3600 }, { "at": "2030-01-01T00:00:00.5Z" }],
        }))
        .await
        .id();
    let middle = user.task(json!({ "title": "Middle", "parent": top }));
    let middle = middle.await.id();
    user.task(json!({ "title": "Bottom", "parent": middle }))
        .await;
    // Before its parent in the manual order.
    user.post(
        &format!("/v1/tasks/{middle}/move"),
        json!({ "to": "first", "parent": top }),
    )
    .await
    .expect(200);
    let daily = user
        .task(json!({
            "title": "Daily", "due": { "dateTime": "2030-01-01T09:00:00", "timeZone": "Europe/Berlin" },
            "recurrence": { "rrule": "FREQ=DAILY", "exclude": ["2030-01-05"], "monthEnd": "lastDay" },
        }))
        .await
        .id();
    user.act(&format!("/v1/tasks/{daily}/skip"))
        .await
        .expect(200);
    let path = format!("/v1/tasks/{daily}?scope=this");
    user.patch(&path, json!({ "title": "Today alone", "tags": ["once"] }))
        .await
        .expect(200);
    let done = user.task(json!({ "title": "Done" })).await.id();
    user.act(&format!("/v1/tasks/{done}/complete"))
        .await
        .expect(200);
    let bin = user.task(json!({ "title": "Deleted" })).await.id();
    user.delete(&format!("/v1/tasks/{bin}")).await.expect(204);
}

async fn export(user: &Caller, format: &str) -> String {
    let path = format!("/v1/export/tasks?format={format}");
    let answer = user.get(&path).await.expect(200);
    match answer.body {
        Value::String(text) => text,
        document => document.to_string(),
    }
}

#[tokio::test]
async fn what_is_exported_and_imported_into_an_empty_account_is_exported_the_same() {
    let app = App::start().await;
    let ada = app.user().await;
    fill(&ada).await;
    let json = export(&ada, "json").await;
    assert!(!json.contains("Deleted"));
    let heir = app.user().await;
    let done = import(&app, &heir, "format=json", &json).await;
    assert_eq!(counts(&done), [6, 6, 6, 0, 0], "{done}");
    assert_eq!(done["remarks"], json!([]));
    assert_eq!(counted(&export(&heir, "json").await), counted(&json));
    let projects = heir.get("/v1/projects?archived=all").await;
    assert_eq!(column(projects, "name"), ["Home, sweet \"home\"", "Old"]);

    // What the others hold is all the same, but for the order of the projects.
    let csv = export(&ada, "csv").await;
    let ics = export(&ada, "ics").await;
    for (query, file) in [("format=csv", &csv), ("format=ics", &ics)] {
        let other = app.user().await;
        let done = import(&app, &other, query, file).await;
        assert_eq!(counts(&done), [6, 6, 6, 0, 0], "{done}");
        assert_eq!(done["remarks"], json!([]));
        assert_eq!(counted(&export(&other, "csv").await), counted(&csv));
        let projects = other.get("/v1/projects?archived=all").await.expect(200);
        let mut known: Vec<(&Value, bool)> = projects.body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|project| (&project["color"], project["archivedAt"].is_string()))
            .collect();
        known.sort_by_key(|(_, archived)| *archived);
        assert_eq!(known, [(&json!("#db4035"), false), (&Value::Null, true)]);
    }
    for (format, left_out) in [
        ("json", "reminders.channels"),
        ("ics", "reminders.channels, projects.empty, projects.order"),
    ] {
        let path = format!("/v1/export/tasks?format={format}");
        let answer = ada.get(&path).await.expect(200);
        assert_eq!(answer.headers["todostack-left-out"], left_out);
    }

    // The series goes on, and what was open reminds.
    let open = heir.get("/v1/tasks?filter=recurring").await.expect(200);
    let daily = open.body["items"][0].clone();
    let path = format!("/v1/tasks/{}/skip", daily["id"].as_str().unwrap());
    let next = heir.act(&path).await.expect(200).body;
    assert_eq!(next["title"], "Daily");
    assert_eq!(next["due"]["dateTime"], "2030-01-03T09:00:00");
    let reminders: i64 = sqlx::query_scalar("select count(*) from reminders where owner_id = $1")
        .bind(heir.id)
        .fetch_one(&*app.pool)
        .await
        .unwrap();
    assert_eq!(reminders, 2);
}

#[tokio::test]
async fn a_file_that_comes_again_makes_nothing_twice() {
    let app = App::start().await;
    let ada = app.user().await;
    fill(&ada).await;
    for format in ["json", "csv", "ics"] {
        let file = export(&ada, format).await;
        let query = format!("format={format}");
        // Into the account that it is from, and twice into another.
        let own = import(&app, &ada, &query, &file).await;
        assert_eq!(counts(&own), [6, 6, 0, 6, 0], "{own}");
        let heir = app.user().await;
        import(&app, &heir, &query, &file).await;
        let before = export(&heir, "json").await;
        let again = import(&app, &heir, &query, &file).await;
        assert_eq!(counts(&again), [6, 6, 0, 6, 0], "{again}");
        assert_eq!(export(&heir, "json").await, before);
    }
    // What is new in it is put below what is there.
    let row = "id,title,parent\na,A,\nb,B,a\n";
    let heir = app.user().await;
    import(&app, &heir, "format=csv", row).await;
    let more = format!("{row}c,C,b\n");
    let done = import(&app, &heir, "format=csv", &more).await;
    assert_eq!(counts(&done), [3, 3, 1, 2, 0], "{done}");
    let list = heir.get("/v1/tasks").await.expect(200);
    let [a, b, c] = ["A", "B", "C"].map(|title| by(&list, title));
    assert_eq!((&b["parent"], &c["parent"]), (&a["id"], &b["id"]));
}

#[tokio::test]
async fn a_dry_run_tells_what_would_be_done_and_does_nothing() {
    let app = App::start().await;
    let ada = app.user().await;
    fill(&ada).await;
    let file = export(&ada, "json").await;
    let heir = app.user().await;
    let dry = import(&app, &heir, "format=json&dryRun=true", &file).await;
    assert_eq!(counts(&dry), [6, 6, 6, 0, 0], "{dry}");
    assert_eq!(dry["dryRun"], true);
    for list in ["/v1/tasks?status=all", "/v1/projects?archived=all"] {
        assert_eq!(heir.get(list).await.expect(200).body["items"], json!([]));
    }
    let real = import(&app, &heir, "format=json", &file).await;
    assert_eq!(counts(&real), counts(&dry));
}

#[tokio::test]
async fn each_line_that_is_not_taken_is_told_with_its_reason() {
    let app = App::start().await;
    let user = app.user().await;
    let file = "\u{feff}Title,due,timeZone,priority,recurrence,parent,id,colour,reminders\r\n\
        fine,2030-01-01,,1,,,a,red,\r\n\
        \"two\nlines\",,,,,,,,\r\n\
        ,2030-01-01,,,,,,,\r\n\
        ,,,,,,,,\r\n\
        late,2030-02-30,,,,,,,\r\n\
        here,2030-01-01T09:00:00,,,,,,,\r\n\
        there,2030-01-01T09:00:00,Mars/Olympus,,,,,,\r\n\
        urgent,,,P9,,,,,\r\n\
        weekly,2030-01-01,,,FREQ=SOMETIMES,,,,\r\n\
        monthly,2030-01-01,,,FREQ=MONTHLY,,,,\r\n\
        again,,,,,,a,,\r\n\
        orphan,,,,,nobody,,,\r\n\
        ring,2030-01-01,,,,,,,\"[{\"\"beforeSeconds\"\": -1}]\"\r\n";
    let done = import(&app, &user, "format=csv", file).await;
    let told = remarks(&done);
    let mut lines: Vec<(u64, bool)> = told
        .iter()
        .map(|(line, refused, _)| (*line, *refused))
        .collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            (1, false),
            (3, true),
            (5, true),
            (7, true),
            (8, true),
            (9, true),
            (10, true),
            (11, true),
            (13, true),
            (14, false),
            (15, true),
        ],
        "{told:?}"
    );
    let detail = |line| {
        let of_line = told.iter().find(|(number, ..)| *number == line);
        of_line.unwrap().2
    };
    assert_eq!(detail(1), "the column `colour` is not taken");
    assert!(detail(3).starts_with("title: "), "{}", detail(3));
    assert!(detail(7).starts_with("due: "), "{}", detail(7));
    assert!(detail(11).starts_with("recurrence"), "{}", detail(11));
    assert_eq!(detail(13), "has the id of the task in line 2");
    assert_eq!(done["refused"], 9);
    let mut titles = column(user.get("/v1/tasks").await, "title");
    titles.sort_unstable();
    assert_eq!(titles, ["fine", "monthly", "orphan"]);
}

#[tokio::test]
async fn a_project_of_todoist_is_taken_in() {
    let app = App::start().await;
    let user = app.user().await;
    let into = project(&user, "Moved").await;
    let file = "TYPE,CONTENT,DESCRIPTION,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DATE,DATE_LANG,TIMEZONE,DURATION\n\
        meta,view_style=list,,,,,,,,,\n\
        ,,,,,,,,,,\n\
        section,Rooms,,,,,,,,,\n\
        task,Paint the wall @home @diy,White,1,1,Ada (1),,every month on the 1st,en,Europe/Berlin,None\n\
        task,Buy paint,,4,2,Ada (1),Eve (2),1 Jan 2030 at 9am,en,Europe/Berlin,15\n\
        note,Two litres,,,,Ada (1),,,,,\n\
        task,Sweep,,2,1,Ada (1),,jeden Freitag,de,Europe/Berlin,None\n";
    let query = format!("format=todoist-csv&project={into}");
    let done = import(&app, &user, &query, file).await;
    assert_eq!(counts(&done), [3, 3, 3, 0, 1], "{done}");
    let lines: Vec<(u64, bool)> = remarks(&done)
        .iter()
        .map(|(line, refused, _)| (*line, *refused))
        .collect();
    assert_eq!(lines, [(4, true), (6, false), (6, false), (8, false)]);
    let list = user.get(&format!("/v1/tasks?project={into}")).await;
    let list = list.expect(200);
    let [wall, sweep, buy] = ["Paint the wall", "Sweep", "Buy paint"].map(|title| by(&list, title));
    assert_eq!(wall["title"], "Paint the wall");
    assert_eq!(wall["tags"], json!(["diy", "home"]));
    assert_eq!(wall["priority"], "P1");
    assert!(wall["recurrence"].is_object());
    assert_eq!(buy["parent"], wall["id"]);
    assert_eq!(buy["description"], "Two litres");
    assert_eq!(buy["due"]["dateTime"], "2030-01-01T09:00:00");
    assert_eq!(sweep["description"], "Date: jeden Freitag");
    // Its lines have no names: it is made again, unless the request has a key.
    let again = import(&app, &user, &query, file).await;
    assert_eq!(counts(&again), [3, 3, 3, 0, 1]);
}

#[tokio::test]
async fn what_a_gateway_left_half_done_another_one_goes_on_with() {
    let app = App::start().await;
    let user = app.user().await;
    let mut file = "id,title,parent\n".to_owned();
    for number in 0..1_300 {
        // Every tenth is at the top, the next nine are below it.
        let top = number - number % 10;
        let parent = (number != top).then(|| format!("t{top}"));
        file += &format!("t{number},T{number},{}\n", parent.unwrap_or_default());
    }
    let sent = send(&user, "format=csv", &file).await.expect(202);
    let path = format!("/v1/imports/{}", sent.id());
    let busy = send(&user, "format=csv", &file).await.expect(409);
    assert!(busy.body["detail"].as_str().unwrap().contains(&path));
    let first = worker(&app);
    let dies = tokio::spawn(async move { gateway::import_next(&first).await });
    let taken = async || {
        user.get(&path).await.expect(200).body["taken"]
            .as_i64()
            .unwrap()
    };
    while taken().await == 0 {
        tokio::task::yield_now().await;
    }
    dies.abort();
    let _ = dies.await;
    let begun = taken().await;
    assert!((500..1_300).contains(&begun), "{begun}");
    // Nobody else takes it before its time is over.
    assert!(!gateway::import_next(&worker(&app)).await.unwrap());
    sqlx::query("update imports set claimed_until = now() - interval '1 s'")
        .execute(&*app.pool)
        .await
        .unwrap();
    assert!(gateway::import_next(&worker(&app)).await.unwrap());
    let done = user.get(&path).await.expect(200).body;
    assert_eq!(done["status"], "done");
    assert_eq!(counts(&done), [1_300, 1_300, 1_300, 0, 0]);
    assert_eq!(done["remarks"], json!([]));
    let below: i64 = sqlx::query_scalar(
        "select count(*) from tasks t join tasks p on p.id = t.parent_id
         where left(t.title, -1) = left(p.title, -1)",
    )
    .fetch_one(&*app.pool)
    .await
    .unwrap();
    assert_eq!(below, 1_170);
}

#[tokio::test]
async fn what_is_no_file_is_refused_at_once() {
    let app = App::start().await;
    let user = app.user().await;
    let wrong_project = "format=csv&project=00000000-0000-0000-0000-000000000007";
    for (query, file, field) in [
        ("", "title\nx", "format"),
        ("format=ods", "title\nx", "format"),
        ("format=csv&dryRun=maybe", "title\nx", "dryRun"),
        (wrong_project, "title\nx", "project"),
        ("format=csv", "name\nx", "body"),
        ("format=csv", "", "body"),
        ("format=csv", "title\nx\0", "body"),
        ("format=todoist-csv", "title\nx", "body"),
        ("format=json", "title\nx", "body"),
        (
            "format=json",
            "{\"format\":\"x\",\"version\":1,\"tasks\":[]}",
            "body",
        ),
        ("format=json", "[]", "body"),
    ] {
        let answer = send(&user, query, file).await;
        assert_eq!(answer.fields(), [field], "{query} {file}");
    }
    let many = format!("title\n{}", "x\n".repeat(10_001));
    let answer = send(&user, "format=csv", &many).await;
    assert_eq!(answer.fields(), ["body"]);
    let zeros = format!(
        "{{\"format\":\"todostack-tasks\",\"version\":1,\"tasks\":[{}0]}}",
        "0,".repeat(20_000)
    );
    assert_eq!(send(&user, "format=json", &zeros).await.fields(), ["body"]);
    for (bytes, detail) in [
        (
            &b"title\nx\nM\xfcll\n"[..],
            "must be text in UTF-8; line 3 is not",
        ),
        (
            b"title\nx\0\n",
            "must not contain the character U+0000, as line 2 does",
        ),
        (b"\xff\xfet\0i\0", "must be text in UTF-8, not in UTF-16"),
    ] {
        let path = "/v1/imports?format=csv";
        let body = Body::from(bytes);
        let answer = user.send(Method::POST, path, &[], body).await.expect(422);
        assert_eq!(answer.body["errors"][0]["detail"], detail);
    }
    let large = "x".repeat(10 * 1024 * 1024 + 1);
    send(&user, "format=csv", &large).await.expect(413);
    let rows: i64 = sqlx::query_scalar("select count(*) from imports")
        .fetch_one(&*app.pool)
        .await
        .unwrap();
    assert_eq!(rows, 0);
    for format in ["", "?format=ods"] {
        let answer = user.get(&format!("/v1/export/tasks{format}")).await;
        assert_eq!(answer.fields(), ["format"]);
    }
}

#[tokio::test]
async fn an_import_that_ends_each_gateway_is_given_up() {
    let app = App::start().await;
    let user = app.user().await;
    let sent = send(&user, "format=csv", "title\nx\n").await.expect(202);
    let path = format!("/v1/imports/{}", sent.id());
    // As it is after five gateways that told nothing any more.
    sqlx::query("update imports set attempts = 5, claimed_until = now() - interval '1 s'")
        .execute(&*app.pool)
        .await
        .unwrap();
    assert!(!gateway::import_next(&worker(&app)).await.unwrap());
    let failed = user.get(&path).await.expect(200).body;
    assert_eq!(failed["status"], "failed");
    assert!(failed["failure"].is_string());
    // The next one may come.
    import(&app, &user, "format=csv", "title\nx\n").await;
}

#[tokio::test]
async fn a_file_that_was_cut_off_is_told_and_what_is_whole_is_taken() {
    let app = App::start().await;
    let user = app.user().await;
    let file = "id,title,description\na,A,\nb,B,\"two\nlines\"\nc,C,\"cu";
    let done = import(&app, &user, "format=csv", file).await;
    assert_eq!(counts(&done), [3, 3, 3, 0, 0], "{done}");
    let cut = "is the last, and not complete: the file may be cut off";
    assert_eq!(remarks(&done), [(5, false, cut)]);
    let head = "BEGIN:VCALENDAR\nBEGIN:VTODO\nUID:d\nSUMMARY:D\n";
    let done = import(&app, &user, "format=ics", &format!("{head}END:VTODO\n")).await;
    assert_eq!(counts(&done), [1, 1, 1, 0, 0], "{done}");
    let cut = "has no END:VCALENDAR behind it: the file may be cut off";
    assert_eq!(remarks(&done), [(5, false, cut)]);
    let done = import(&app, &user, "format=ics", head).await;
    assert_eq!(counts(&done), [0, 0, 0, 0, 1], "{done}");
    let cut = "has no END: the file is cut off";
    assert_eq!(remarks(&done), [(2, true, cut)]);
    let more = "title\nx,more\n";
    let done = import(&app, &user, "format=csv", more).await;
    let more = "has 2 cells, of which the first line names 1: the others are not taken";
    assert_eq!(remarks(&done), [(2, false, more)]);
}

#[tokio::test]
async fn limits_of_subtasks_hold_and_nothing_is_lost_over_them() {
    let app = App::start().await;
    let user = app.user().await;
    let mut file = "id,title,parent,completedAt\n".to_owned();
    for level in 1..=6 {
        file += &format!("l{level},L{level},l{},\n", level - 1);
    }
    file += "top,Top,,\n";
    for number in 0..201 {
        file += &format!("s{number},S{number},top,\n");
    }
    file +=
        "done,Done,,2020-01-01T00:00:00Z\nopen,Open,done,\nround,Round,trip,\ntrip,Trip,round,\n";
    let done = import(&app, &user, "format=csv", &file).await;
    assert_eq!(counts(&done), [212, 212, 212, 0, 0], "{done}");
    let mut told: Vec<u64> = remarks(&done).iter().map(|(line, ..)| *line).collect();
    told.sort_unstable();
    // L1, whose parent is not in the file; L6; the last subtask; what is open below what is completed; a circle.
    assert_eq!(told, [2, 7, 209, 211, 212, 213], "{done}");
}
#[tokio::test]
async fn a_calendar_of_another_program_is_taken_in() {
    let app = App::start().await;
    let user = app.user_in(chrono_tz::Tz::Europe__Berlin).await;
    let file = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\n\
        BEGIN:VTIMEZONE\r\nTZID:Home\r\nX-LIC-LOCATION:Europe/Vienna\r\nEND:VTIMEZONE\r\n\
        BEGIN:VTODO\r\nUID:one\r\nSUMMARY:Pay the\r\n  rent\\, soon\r\nDUE;TZID=Home:20300101T090000\r\n\
        RRULE:FREQ=MONTHLY\r\nEXDATE;TZID=Home:20300201T090000\r\nPRIORITY:1\r\nCATEGORIES:bank,home\r\n\
        BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER;RELATED=END:-PT30M\r\nEND:VALARM\r\n\
        BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:PT30M\r\nEND:VALARM\r\nEND:VTODO\r\n\
        BEGIN:VTODO\r\nUID:two\r\nRELATED-TO:one\r\nSUMMARY:Look at the account\r\nSTATUS:COMPLETED\r\n\
        COMPLETED:20200101T000000Z\r\nEND:VTODO\r\n\
        BEGIN:VEVENT\r\nUID:three\r\nSUMMARY:Party\r\nDTSTART;VALUE=DATE:20300505\r\nATTENDEE:mailto:a@b.example\r\n\
        LOCATION:Garden\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:four\r\nSUMMARY:Over\r\nDTSTART:20200505T090000Z\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:five\r\nSUMMARY:Birthday\r\nDTSTART;VALUE=DATE:19900704\r\nRRULE:FREQ=YEARLY\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:six\r\nSTATUS:CANCELLED\r\nSUMMARY:Off\r\nDTSTART:20300505T090000Z\r\nEND:VEVENT\r\n\
        this is no line\r\nEND:VCALENDAR\r\n";
    let done = import(&app, &user, "format=ics", file).await;
    assert_eq!(counts(&done), [5, 5, 5, 0, 1], "{done}");
    let mut told: Vec<(u64, bool)> = remarks(&done)
        .iter()
        .map(|(line, refused, _)| (*line, *refused))
        .collect();
    told.sort_unstable();
    // The alarm that comes too late; attendees; what is cancelled; the broken line.
    assert_eq!(
        told,
        [(8, false), (33, false), (51, true), (57, false)],
        "{done}"
    );
    let list = user.get("/v1/tasks?status=all").await.expect(200);
    let by = |title| by(&list, title);
    let rent = by("Pay the rent, soon");
    assert_eq!(
        rent["due"],
        json!({ "dateTime": "2030-01-01T09:00:00", "timeZone": "Europe/Vienna" })
    );
    assert_eq!(
        rent["recurrence"]["exclude"],
        json!(["2030-02-01T09:00:00"])
    );
    assert_eq!(rent["reminders"][0]["beforeSeconds"], 1800);
    assert_eq!(rent["reminders"].as_array().unwrap().len(), 1);
    assert_eq!(rent["priority"], "P1");
    assert_eq!(rent["tags"], json!(["bank", "home"]));
    assert_eq!(by("Look at the account")["parent"], rent["id"]);
    assert_eq!(
        by("Look at the account")["completedAt"],
        "2020-01-01T00:00:00Z"
    );
    assert_eq!(by("Party")["description"], "Location: Garden");
    assert!(by("Over")["completedAt"].is_string());
    let birthday = by("Birthday")["due"]["date"].as_str().unwrap();
    assert!(
        birthday.ends_with("-07-04") && birthday > "2026",
        "{birthday}"
    );
    let again = import(&app, &user, "format=ics", file).await;
    assert_eq!(counts(&again), [5, 5, 0, 5, 1]);
}

#[tokio::test]
async fn a_calendar_of_all_tasks_loses_nothing_of_them() {
    let app = App::start().await;
    let ada = app.user().await;
    fill(&ada).await;
    let file = export(&ada, "ics").await;
    let heir = app.user().await;
    let done = import(&app, &heir, "format=ics", &file).await;
    assert_eq!(counts(&done), [6, 6, 6, 0, 0], "{done}");
    assert_eq!(done["remarks"], json!([]));
    // As a table, which says nothing of what a calendar does not have either.
    let (theirs, ours) = (export(&heir, "csv").await, export(&ada, "csv").await);
    assert_eq!(counted(&theirs), counted(&ours));
    let again = import(&app, &ada, "format=ics", &file).await;
    assert_eq!(counts(&again), [6, 6, 0, 6, 0]);
}
