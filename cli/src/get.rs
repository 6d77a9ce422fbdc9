//! `todostack get`: what kubectl would show, from the database of a running `todostack dev`.

use std::path::Path;

use anyhow::Context as _;
use chrono::{SecondsFormat, TimeDelta, Utc};
use domain::internal_api::ReminderView;

use crate::dev::Running;

/// Reminders that are shown: those that changed last.
const MOST: i64 = 200;

/// Prints the reminders, the nearest first.
///
/// # Errors
/// When no `todostack dev` is running.
pub(crate) async fn reminderjobs(data_dir: &Path) -> anyhow::Result<()> {
    let running = Running::read(data_dir)?;
    let store = store::Store::connect(&running.database_url, "todostack-get", 1)?;
    let mut connection = store
        .acquire()
        .await
        .with_context(|| format!("no `todostack dev` is running on {}", data_dir.display()))?;
    let mut reminders = store::reminders::latest(&mut connection, MOST).await?;
    reminders.sort_by_key(|(view, _)| (view.fire_at, view.id));
    let rows: Vec<[String; 6]> = reminders
        .iter()
        .map(|(view, created)| row(view, &running.stack, Utc::now() - *created))
        .collect();
    print!("{}", table(HEAD, &rows));
    Ok(())
}

fn row(view: &ReminderView, stack: &str, age: TimeDelta) -> [String; 6] {
    let name = match &view.object {
        Some(object) => object.rsplit('/').next().unwrap_or(object).to_owned(),
        // As the operator names the mirror of a user's reminder.
        None => format!("api-{}", view.id),
    };
    [
        name,
        stack.to_owned(),
        view.fire_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        view.phase.as_str().to_owned(),
        view.lateness_ms
            .map(|late| late.to_string())
            .unwrap_or_default(),
        human(age),
    ]
}

const HEAD: [&str; 6] = ["NAME", "STACK", "FIRE-AT", "PHASE", "LATENESS-MS", "AGE"];

/// An age as kubectl writes it.
pub(crate) fn human(age: TimeDelta) -> String {
    let seconds = age.num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Columns that are wide enough for what stands in them.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].len())
            .fold(head[column].len(), usize::max)
            + 3
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: [&str; N]| {
        let mut text = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            text.push_str(&format!("{cell:<width$}"));
        }
        format!("{}\n", text.trim_end())
    };
    let mut text = line(head);
    for row in rows {
        text.push_str(&line(std::array::from_fn(|column| row[column].as_str())));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_wide_enough_and_lines_end_without_blanks() {
        let row = |name: &str, late: &str| {
            [
                name,
                "demo",
                "2027-01-01T00:00:00Z",
                "Delivered",
                late,
                "3m",
            ]
            .map(str::to_owned)
        };
        assert_eq!(
            table(HEAD, &[row("new-year", ""), row("a", "12")]),
            "NAME       STACK   FIRE-AT                PHASE       LATENESS-MS   AGE\n\
             new-year   demo    2027-01-01T00:00:00Z   Delivered                 3m\n\
             a          demo    2027-01-01T00:00:00Z   Delivered   12            3m\n"
        );
    }

    #[test]
    fn ages_are_written_as_kubectl_does() {
        assert_eq!(human(TimeDelta::seconds(-1)), "0s");
        assert_eq!(human(TimeDelta::seconds(119)), "119s");
        assert_eq!(human(TimeDelta::minutes(2)), "2m");
        assert_eq!(human(TimeDelta::minutes(121)), "2h");
        assert_eq!(human(TimeDelta::days(3)), "3d");
    }
}
