//! Tasks as a table (RFC 4180), for spreadsheets.

use std::collections::HashMap;

use ::csv::{ReaderBuilder, StringRecord, WriterBuilder};
use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde::{Serialize, de::DeserializeOwned};

use super::{Entry, File, Followed, ProjectEntry, Unreadable, quoted};
use crate::{
    recurrence::{SeriesSpec, Start},
    task::{Due, Priority, RemindAt},
};

/// The columns. One that is missing is taken for empty; only the title must be there.
pub const COLUMNS: [&str; 18] = [
    "id",
    "title",
    "description",
    "priority",
    "tags",
    "project",
    "projectColor",
    "projectArchived",
    "parent",
    "due",
    "timeZone",
    "recurrence",
    "series",
    "occurrence",
    "following",
    "reminders",
    "completedAt",
    "createdAt",
];

/// The line of the columns' names.
pub fn head() -> String {
    line(COLUMNS)
}

/// The line of a task.
///
/// # Errors
/// Never: what of it is JSON has text for keys.
pub fn task(entry: &Entry, projects: &[ProjectEntry]) -> serde_json::Result<String> {
    let project = entry.project.and_then(|number| projects.get(number));
    let (due, zone) = match entry.due {
        None => (String::new(), ""),
        Some(Due::On { date }) => (date.to_string(), ""),
        Some(Due::At {
            date_time,
            time_zone,
        }) => (Start::At(date_time).to_string(), time_zone.name()),
    };
    let instant = |at: Option<DateTime<Utc>>| {
        at.map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            .unwrap_or_default()
    };
    let reminders = (!entry.reminders.is_empty()).then_some(&entry.reminders);
    Ok(line([
        entry.id.as_deref().unwrap_or_default(),
        &entry.title,
        &entry.description,
        &format!("P{}", entry.priority.number()),
        line(&entry.tags).trim_end_matches("\r\n"),
        project.map(|project| &*project.name).unwrap_or_default(),
        project
            .and_then(|project| project.color.as_deref())
            .unwrap_or_default(),
        if project.is_some_and(|project| project.archived) {
            "true"
        } else {
            ""
        },
        entry.parent.as_deref().unwrap_or_default(),
        &due,
        zone,
        &json(entry.recurrence.as_ref())?,
        entry.series.as_deref().unwrap_or_default(),
        entry.occurrence.as_deref().unwrap_or_default(),
        &json(entry.following.as_ref())?,
        &json(reminders)?,
        &instant(entry.completed_at),
        &instant(entry.created_at),
    ]))
}

fn json<T: Serialize>(value: Option<&T>) -> serde_json::Result<String> {
    value.map_or(Ok(String::new()), serde_json::to_string)
}

/// A line with its end.
fn line<T: AsRef<[u8]>>(cells: impl IntoIterator<Item = T>) -> String {
    let mut writer = WriterBuilder::new()
        .terminator(::csv::Terminator::CRLF)
        .from_writer(Vec::new());
    // Into memory, and of whatever length: neither can fail.
    let _ = writer.write_record(cells);
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

/// Rows of a table with the names of its columns.
pub(super) struct Table<'a> {
    columns: HashMap<String, usize>,
    /// Cells of the first line.
    width: usize,
    text: &'a str,
    rows: ::csv::Reader<&'a [u8]>,
    /// Bytes of the text up to the row.
    place: usize,
    /// A quote is not closed.
    is_cut: bool,
    pub(super) row: StringRecord,
    /// The line of the row, from 1.
    pub(super) line: u32,
}

impl<'a> Table<'a> {
    /// Begins a table that has a column `needed`. Names are compared without regard to case.
    pub(super) fn read(text: &'a str, needed: &str) -> Result<Self, Unreadable> {
        let mut rows = ReaderBuilder::new()
            .flexible(true)
            .from_reader(text.as_bytes());
        let names = rows.headers().map_err(|error| {
            Unreadable(format!("is no table of comma-separated values: {error}"))
        })?;
        let width = names.len();
        let names = names.iter().enumerate();
        let columns: HashMap<String, usize> = names
            .map(|(number, name)| (name.trim().to_ascii_lowercase(), number))
            .collect();
        if !columns.contains_key(&needed.to_ascii_lowercase()) {
            return Err(Unreadable(format!(
                "has no column `{needed}` in its first line"
            )));
        }
        Ok(Self {
            columns,
            width,
            text,
            rows,
            place: 0,
            is_cut: text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1,
            row: StringRecord::new(),
            line: 1,
        })
    }

    /// Goes to the next row; false behind the last.
    pub(super) fn next(&mut self) -> Result<bool, Unreadable> {
        let more = self.rows.read_record(&mut self.row);
        let more = more.map_err(|error| Unreadable(error.to_string()))?;
        if let Some(place) = self.row.position() {
            self.count_to(usize::try_from(place.byte()).unwrap_or(usize::MAX));
        }
        Ok(more)
    }

    /// Counts the lines up to a row that begins at `start`, or behind the ends of lines there: the crate's own
    /// number is that of the line before where lines end with CR LF.
    fn count_to(&mut self, start: usize) {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.place) {
            let is_end = matches!(byte, b'\n' | b'\r');
            if self.place >= start && !is_end {
                break;
            }
            self.place += 1;
            let is_half = *byte == b'\r' && bytes.get(self.place) == Some(&b'\n');
            self.line += u32::from(is_end && !is_half);
        }
    }

    /// What is to be said of the row as such.
    pub(super) fn remark(&self) -> Option<String> {
        let (cells, width) = (self.row.len(), self.width);
        if cells > width && self.row.iter().skip(width).any(|cell| !cell.is_empty()) {
            return Some(format!(
                "has {cells} cells, of which the first line names {width}: the others are not taken"
            ));
        }
        let end = usize::try_from(self.rows.position().byte()).unwrap_or(usize::MAX);
        let rest = self.text.get(end..).unwrap_or_default();
        let is_last = rest.trim_matches(['\r', '\n']).is_empty();
        (is_last && (cells < width || self.is_cut))
            .then(|| "is the last, and not complete: the file may be cut off".to_owned())
    }

    /// A cell of the row; empty where there is none.
    pub(super) fn cell(&self, column: &str) -> &str {
        let number = self.columns.get(&column.to_ascii_lowercase());
        number
            .and_then(|number| self.row.get(*number))
            .unwrap_or_default()
    }

    /// The names of columns that nobody asks for.
    pub(super) fn others(&self, known: &[&str]) -> Vec<String> {
        let is_known = |name: &&String| known.iter().any(|known| known.eq_ignore_ascii_case(name));
        let mut others: Vec<String> = self
            .columns
            .keys()
            .filter(|name| !name.is_empty() && !is_known(name))
            .cloned()
            .collect();
        others.sort_unstable();
        others
    }
}

/// Reads a table.
///
/// # Errors
/// Where it is none, or too long.
pub fn read(text: &str) -> Result<File, Unreadable> {
    let mut table = Table::read(text, "title")?;
    let mut file = File::default();
    for name in table.others(&COLUMNS) {
        file.note(1, format!("the column {} is not taken", quoted(&name)));
    }
    let mut projects = HashMap::new();
    while table.next()? {
        if table.row.iter().all(str::is_empty) {
            continue;
        }
        let read = entry(&table).and_then(|entry| Ok((entry, project(&table)?)));
        match read {
            Ok((mut entry, project)) => {
                entry.project = project.map(|project| file.project(&mut projects, project));
                file.take(table.line, entry)?;
            }
            Err(why) => file.refuse(table.line, why),
        }
        if let Some(remark) = table.remark() {
            file.note(table.line, remark);
        }
    }
    Ok(file)
}

fn project(table: &Table<'_>) -> Result<Option<ProjectEntry>, String> {
    let name = table.cell("project").trim();
    if name.is_empty() {
        return Ok(None);
    }
    let color = table.cell("projectColor").trim();
    let archived = table.cell("projectArchived").trim();
    Ok(Some(ProjectEntry {
        name: name.to_owned(),
        color: (!color.is_empty()).then(|| color.to_owned()),
        // Spreadsheets write it in capitals.
        archived: match archived.to_ascii_lowercase().as_str() {
            "true" => true,
            "false" | "" => false,
            _ => {
                return Err(format!(
                    "projectArchived: {} is none of true and false",
                    quoted(archived)
                ));
            }
        },
    }))
}

fn entry(table: &Table<'_>) -> Result<Entry, String> {
    let text = |column: &str| {
        let cell = table.cell(column).trim();
        (!cell.is_empty()).then(|| cell.to_owned())
    };
    let recurrence = text("recurrence");
    let due = due(text("due").as_deref(), text("timeZone").as_deref())?;
    Ok(Entry {
        id: text("id"),
        title: table.cell("title").to_owned(),
        description: table.cell("description").to_owned(),
        priority: priority(table.cell("priority").trim())?,
        tags: tags(table.cell("tags"))?,
        project: None,
        parent: text("parent"),
        due,
        recurrence: match recurrence {
            Some(rule) => Some(series(&rule, due.as_ref())?),
            None => None,
        },
        series: text("series"),
        occurrence: text("occurrence"),
        following: of_json::<Followed>("following", text("following"))?,
        reminders: of_json::<Vec<RemindAt>>("reminders", text("reminders"))?.unwrap_or_default(),
        completed_at: instant("completedAt", text("completedAt"))?,
        created_at: instant("createdAt", text("createdAt"))?,
    })
}

fn priority(text: &str) -> Result<Priority, String> {
    Ok(match text.strip_prefix(['P', 'p']).unwrap_or(text) {
        "1" => Priority::P1,
        "2" => Priority::P2,
        "3" => Priority::P3,
        "4" | "" => Priority::P4,
        _ => return Err(format!("priority: {} is none of P1 to P4", quoted(text))),
    })
}

/// A line of its own within the cell: a tag that holds a comma or a quote stands in quotes.
fn tags(text: &str) -> Result<Vec<String>, String> {
    let named = |tags: &mut dyn Iterator<Item = &str>| -> Vec<String> {
        let tags = tags.map(str::trim).filter(|tag| !tag.is_empty());
        tags.map(str::to_owned).collect()
    };
    // A reader costs more than all else of most lines.
    if !text.contains('"') {
        return Ok(named(&mut text.split(',')));
    }
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let (mut list, mut more) = (StringRecord::new(), StringRecord::new());
    let read = reader.read_record(&mut list);
    match read.and_then(|_| reader.read_record(&mut more)) {
        Ok(false) => Ok(named(&mut list.iter())),
        Ok(true) | Err(_) => Err(format!("tags: {} is no list in one line", quoted(text))),
    }
}

fn due(text: Option<&str>, zone: Option<&str>) -> Result<Option<Due>, String> {
    let Some(text) = text else {
        return Ok(None);
    };
    let start: Start = text.parse().map_err(|why| format!("due: {why}"))?;
    Ok(Some(match start {
        Start::On(date) => Due::On { date },
        Start::At(date_time) => {
            let zone = zone.ok_or("due: a time needs a `timeZone` such as Europe/Berlin")?;
            let time_zone = zone.parse::<Tz>();
            Due::At {
                date_time,
                time_zone: time_zone.map_err(|_| {
                    format!(
                        "timeZone: {} is no zone such as Europe/Berlin",
                        quoted(zone)
                    )
                })?,
            }
        }
    }))
}

/// A series as JSON, or a rule of RFC 5545 that starts with the task.
fn series(text: &str, due: Option<&Due>) -> Result<SeriesSpec, String> {
    if text.starts_with('{') {
        let series = of_json("recurrence", Some(text.to_owned()))?;
        return series.ok_or_else(|| "recurrence: is empty".to_owned());
    }
    let rule = text.strip_prefix("RRULE:").unwrap_or(text);
    match due {
        None => Err("due: a recurring task needs a due date".to_owned()),
        Some(Due::On { date }) => Ok(SeriesSpec::rrule(rule, Start::On(*date), None)),
        Some(Due::At {
            date_time,
            time_zone,
        }) => Ok(SeriesSpec::rrule(
            rule,
            Start::At(*date_time),
            Some(*time_zone),
        )),
    }
}

fn of_json<T: DeserializeOwned>(column: &str, text: Option<String>) -> Result<Option<T>, String> {
    let read = text.map(|text| serde_json::from_str(&text)).transpose();
    read.map_err(|error| format!("{column}: {error}"))
}

fn instant(column: &str, text: Option<String>) -> Result<Option<DateTime<Utc>>, String> {
    let Some(text) = text else {
        return Ok(None);
    };
    let read = DateTime::parse_from_rfc3339(&text);
    let read = read.map_err(|_| {
        format!(
            "{column}: {} is no instant such as 2026-11-30T09:00:00Z",
            quoted(&text)
        )
    })?;
    Ok(Some(read.to_utc()))
}
