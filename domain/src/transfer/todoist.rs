//! The table that Todoist makes of a project: TYPE, CONTENT, DESCRIPTION, PRIORITY, INDENT, AUTHOR,
//! RESPONSIBLE, DATE, DATE_LANG, TIMEZONE.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::{Entry, File, Unreadable, csv::Table, quoted};
use crate::{quick_add, task::Priority};

/// Columns that are read, or say nothing of a task: AUTHOR is whoever made the file.
const COLUMNS: [&str; 11] = [
    "TYPE",
    "CONTENT",
    "DESCRIPTION",
    "PRIORITY",
    "INDENT",
    "AUTHOR",
    "RESPONSIBLE",
    "DATE",
    "DATE_LANG",
    "TIMEZONE",
    // How the project is shown.
    "meta",
];

/// Stands in front of a date, which is read as quick add reads a line.
const DO: &str = "x";

/// Reads a table that was made by Todoist for a user in `zone`. What its dates say is read as of `now`.
///
/// # Errors
/// Where it is none, or too long.
pub fn read(text: &str, zone: Tz, now: DateTime<Utc>) -> Result<File, Unreadable> {
    let mut table = Table::read(text, "CONTENT")?;
    let mut file = File {
        names_are_its_own: true,
        ..File::default()
    };
    let others = table.others(&COLUMNS);
    // Which task of each level a next one may be below.
    let mut above: Vec<usize> = Vec::new();
    while table.next()? {
        let line = table.line;
        match table.cell("TYPE").trim() {
            "task" => {
                let level: usize = table.cell("INDENT").trim().parse().unwrap_or(1);
                let (mut entry, notes) = entry(&table, &others, zone, now);
                // A level that is left out is that of the last task above.
                above.truncate(level.max(1) - 1);
                entry.id = Some(format!("line {line}"));
                entry.parent = above
                    .last()
                    .and_then(|number| file.tasks[*number].1.id.clone());
                above.push(file.tasks.len());
                file.take(line, entry)?;
                for note in notes {
                    file.note(line, note);
                }
            }
            "note" => {
                let comment = table.cell("CONTENT").trim();
                match file.tasks.last_mut() {
                    Some((_, task)) if !comment.is_empty() => {
                        if !task.description.is_empty() {
                            task.description.push_str("\n\n");
                        }
                        task.description.push_str(comment);
                    }
                    Some(_) => {}
                    None => file.refuse(line, "the comment has no task before it"),
                }
            }
            "section" => file.refuse(
                line,
                format!(
                    "there are no sections here: the tasks of {} are taken without it",
                    quoted(table.cell("CONTENT").trim())
                ),
            ),
            "" if table.cell("CONTENT").trim().is_empty() => {}
            // `meta,view_style=list`
            "meta" => {}
            other => file.refuse(
                line,
                format!("TYPE: {} is none of task, section and note", quoted(other)),
            ),
        }
        if let Some(remark) = table.remark() {
            file.note(line, remark);
        }
    }
    Ok(file)
}

/// A task, and what of its line is not taken.
fn entry(
    table: &Table<'_>,
    others: &[String],
    zone: Tz,
    now: DateTime<Utc>,
) -> (Entry, Vec<String>) {
    let mut notes = Vec::new();
    let (title, tags) = labels(table.cell("CONTENT"));
    let mut entry = Entry {
        title,
        tags,
        description: table.cell("DESCRIPTION").trim().to_owned(),
        ..Entry::default()
    };
    entry.priority = match table.cell("PRIORITY").trim() {
        "1" => Priority::P1,
        "2" => Priority::P2,
        "3" => Priority::P3,
        "4" | "" => Priority::P4,
        other => {
            notes.push(format!(
                "PRIORITY: {} is none of 1 to 4; it is taken for 4",
                quoted(other)
            ));
            Priority::P4
        }
    };
    let name = table.cell("TIMEZONE").trim();
    let zone = match name.parse::<Tz>() {
        Ok(zone) => zone,
        Err(_) if name.is_empty() => zone,
        Err(_) => {
            notes.push(format!(
                "TIMEZONE: {} is no zone such as Europe/Berlin; yours is taken for it",
                quoted(name)
            ));
            zone
        }
    };
    let date = table.cell("DATE").trim();
    if !date.is_empty() {
        let read = quick_add::parse(&format!("{DO} {date}"), now.with_timezone(&zone));
        match read {
            // All of it was understood, and as a date.
            Ok(read) if read.title == DO && read.due.is_some() => {
                entry.due = read.due;
                entry.recurrence = read.recurrence;
            }
            _ => {
                notes.push(format!(
                    "DATE: {} is not understood; it stands in the description",
                    quoted(date)
                ));
                if !entry.description.is_empty() {
                    entry.description.push('\n');
                }
                entry.description.push_str("Date: ");
                entry.description.push_str(date);
            }
        }
    }
    let responsible = table.cell("RESPONSIBLE").trim();
    if !responsible.is_empty() {
        notes.push(format!(
            "RESPONSIBLE: {} is not taken: tasks are not shared here",
            quoted(responsible)
        ));
    }
    for column in others {
        let cell = table.cell(column).trim();
        // What Todoist writes where there is no duration.
        if !cell.is_empty() && cell != "None" {
            notes.push(format!(
                "{}: {} is not taken",
                column.to_ascii_uppercase(),
                quoted(cell)
            ));
        }
    }
    (entry, notes)
}

/// A title without the labels in it, which are its tags.
fn labels(content: &str) -> (String, Vec<String>) {
    let (labels, words): (Vec<&str>, Vec<&str>) = content
        .split_whitespace()
        .partition(|word| word.len() > 1 && word.starts_with('@'));
    if words.is_empty() || labels.is_empty() {
        return (content.trim().to_owned(), Vec::new());
    }
    let mut tags: Vec<String> = labels.iter().map(|label| label[1..].to_owned()).collect();
    tags.sort_unstable();
    tags.dedup();
    (words.join(" "), tags)
}
