//! The command as its users meet it: what it says when it cannot go on.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

/// Where other users may enter too: a command of root goes on as `nobody`.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn todostack(data_dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_todostack"))
        .arg("--data-dir")
        .arg(data_dir)
        .args(arguments)
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap()
}

/// What it said, which must be one line and no backtrace.
#[track_caller]
fn sentence(output: &Output) -> String {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("error: "), "{said}");
    said
}

#[test]
fn an_error_is_one_sentence_even_where_backtraces_are_wanted() {
    let folder = folder();
    let data = folder.path().join("data");
    let missing = folder.path().join("none.yaml");
    let said = sentence(&todostack(&data, &["dev", "-f", missing.to_str().unwrap()]));
    assert!(said.contains("none.yaml: No such file"), "{said}");
    let said = sentence(&todostack(&data, &["get", "reminderjobs"]));
    assert!(said.contains("no `todostack dev` is running on"), "{said}");
}

#[test]
fn a_second_command_on_a_data_folder_is_told_who_holds_it() {
    let folder = folder();
    let data = folder.path().join("data");
    let manifest = folder.path().join("stack.yaml");
    fs::write(&manifest, "").unwrap();
    let dev = ["dev", "-f", manifest.to_str().unwrap()];
    // Refused for its empty manifest, after it made the folder.
    let said = sentence(&todostack(&data, &dev));
    assert!(said.contains("exactly one"), "{said}");

    let mut lock = File::options().write(true).open(data.join("lock")).unwrap();
    lock.lock().unwrap();
    lock.set_len(0).unwrap();
    lock.write_all(
        br#"{"command":"dev","pid":42,"since":"2026-11-21T15:00:00Z","listen":"http://127.0.0.1:8080"}"#,
    )
    .unwrap();
    for arguments in [&dev[..], &["smoke"]] {
        let said = sentence(&todostack(&data, arguments));
        assert!(
            said.contains("in use by `todostack dev` (pid 42, since 2026-11-2"),
            "{said}"
        );
        assert!(
            said.contains("listening on http://127.0.0.1:8080"),
            "{said}"
        );
    }
    // Its holder is gone, however it went.
    drop(lock);
    let said = sentence(&todostack(&data, &dev));
    assert!(said.contains("exactly one"), "{said}");
}

#[test]
fn dead_letters_need_a_database_and_a_consumer_that_there_is() {
    let folder = folder();
    let data = folder.path().join("data");
    let said = sentence(&todostack(&data, &["dlq", "list"]));
    assert!(said.contains("no `todostack dev` is running on"), "{said}");
    let wrong = todostack(&data, &["dlq", "replay", "--consumer", "nobody"]);
    assert_eq!(wrong.status.code(), Some(2));
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert!(said.contains("recurrence"), "it names them: {said}");
}

#[test]
fn templates_and_retries_of_the_manifest_are_read_before_anything_starts() {
    let folder = folder();
    let data = folder.path().join("data");
    let manifest = folder.path().join("stack.yaml");
    for (notifications, wrong) in [
        (
            "templates: {title: '{{ mesage }}'}",
            "spec.notifications.templates: title",
        ),
        (
            "retry: {webhook: {maxAttempts: 0}}",
            "spec.notifications.retry: webhook",
        ),
    ] {
        let text = format!(
            "apiVersion: todostack.dev/v1alpha1\nkind: TodoStack\nmetadata: {{name: demo}}\nspec:\n  \
             database: {{urlSecretRef: {{name: db, key: url}}}}\n  \
             events: {{kafka: {{brokers: ['kafka:9092']}}}}\n  notifications: {{{notifications}}}\n"
        );
        fs::write(&manifest, text).unwrap();
        let said = sentence(&todostack(
            &data,
            &["dev", "-f", manifest.to_str().unwrap()],
        ));
        assert!(said.contains(wrong), "{said}");
        assert!(!data.join("postgres").exists());
    }
}
