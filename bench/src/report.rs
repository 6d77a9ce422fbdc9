//! What a row of the benchmark found, as JSON and as Markdown.

use std::{fmt::Write as _, fs, path::Path};

use serde::Serialize;
use serde_json::{Value, json};

/// What one row found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Name on the command line.
    pub(crate) row: &'static str,
    /// Heading.
    pub(crate) title: String,
    /// Its tables.
    pub(crate) tables: Vec<Table>,
    /// What a reader must know to judge the figures.
    pub(crate) notes: Vec<String>,
    /// Every figure, for programs.
    pub(crate) figures: Value,
}

/// A table.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: &[&str]) -> Self {
        let head = head.iter().map(ToString::to_string).collect();
        let rows = Vec::new();
        Self { head, rows }
    }

    pub(crate) fn push(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }
}

impl Report {
    pub(crate) fn new(row: &'static str, title: &str) -> Self {
        Self {
            row,
            title: title.to_owned(),
            tables: Vec::new(),
            notes: Vec::new(),
            figures: json!({}),
        }
    }

    /// As a section of docs/measured.md.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("### {}\n", self.title);
        for table in &self.tables {
            let _ = writeln!(text, "\n| {} |", table.head.join(" | "));
            let _ = writeln!(text, "|{}", " --- |".repeat(table.head.len()));
            for row in &table.rows {
                let _ = writeln!(text, "| {} |", row.join(" | "));
            }
        }
        for note in &self.notes {
            let _ = write!(text, "\n{note}\n");
        }
        text
    }

    /// Writes `<row>.json` and `<row>.md` into `folder`.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(crate) fn write(&self, folder: &Path, machine: &Value) -> anyhow::Result<()> {
        fs::create_dir_all(folder)?;
        let whole = json!({"machine": machine, "report": self});
        let json = serde_json::to_vec_pretty(&whole)?;
        fs::write(folder.join(format!("{}.json", self.row)), json)?;
        fs::write(folder.join(format!("{}.md", self.row)), self.markdown())?;
        Ok(())
    }
}

/// `yes`, or by the word what was missed.
pub(crate) fn met(yes: bool) -> String {
    if yes { "yes" } else { "**no**" }.to_owned()
}

/// The middle one, or the mean of the two in the middle; 0 of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        length if length % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// p50, p95, p99 and the largest of some durations, all in the unit of `values`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) count: usize,
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// By nearest rank: the p99 of fewer than a hundred values is the largest.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let rank = |hundredths: usize| {
            let place = (values.len() * hundredths).div_ceil(100).max(1) - 1;
            values.get(place).copied().unwrap_or_default()
        };
        Self {
            count: values.len(),
            p50: rank(50),
            p95: rank(95),
            p99: rank(99),
            max: rank(100),
        }
    }

    /// Three cells in milliseconds, of values in milliseconds.
    pub(crate) fn cells(&self) -> [String; 3] {
        [self.p50, self.p99, self.max].map(milliseconds)
    }
}

/// A duration for people.
pub(crate) fn milliseconds(value: f64) -> String {
    match value {
        v if v >= 10_000.0 => format!("{:.1} s", v / 1000.0),
        v if v >= 10.0 => format!("{v:.0} ms"),
        v => format!("{v:.1} ms"),
    }
}

/// A rate for people.
pub(crate) fn per_second(value: f64) -> String {
    format!("{value:.0}/s")
}

/// A share for people.
pub(crate) fn percent(value: f64) -> String {
    format!("{:.0} %", value * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let hundred = Spread::of((1..=100).rev().map(f64::from).collect());
        assert_eq!((hundred.p50, hundred.p99, hundred.max), (50.0, 99.0, 100.0));
        let three = Spread::of(vec![3.0, 1.0, 2.0]);
        assert_eq!((three.p50, three.p99, three.max), (2.0, 3.0, 3.0));
        assert_eq!(Spread::of(Vec::new()), Spread::default());
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
    }

    #[test]
    fn a_table_is_markdown() {
        let mut report = Report::new("x", "X");
        let mut table = Table::new(&["a", "b"]);
        table.push(vec!["1".into(), met(false)]);
        report.tables.push(table);
        report.notes.push("Note.".into());
        assert_eq!(
            report.markdown(),
            "### X\n\n| a | b |\n| --- | --- |\n| 1 | **no** |\n\nNote.\n"
        );
    }
}
