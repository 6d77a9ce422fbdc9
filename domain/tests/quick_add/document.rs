//! The examples of `docs/quick-add.md`.

use super::{now, row::cells};

const DOCUMENT: &str = include_str!("../../../docs/quick-add.md");

/// The columns that a table can have, with the place of each among the cells of a line.
const COLUMNS: [(&str, usize); 9] = [
    ("Title", 0),
    ("Due", 1),
    ("Repeats", 2),
    ("Priority", 3),
    ("Tags", 4),
    ("Project", 5),
    ("Reminders", 6),
    // Of what is refused.
    ("Place", 1),
    ("Why", 2),
];

/// What a phrase is an example of stands behind this.
const TASK: &str = "call Ann ";

/// The cells of a row of a table.
fn row_cells(row: &str) -> Vec<&str> {
    let cells = row
        .trim_start_matches("| ")
        .trim_end_matches('|')
        .split(" | ");
    cells.map(str::trim).collect()
}

/// The row as the table should have it.
fn right(header: &[&str], example: &str) -> String {
    let line = example.trim_matches('`');
    let line = if header[0] == "Phrase" {
        format!("{TASK}{line}")
    } else {
        line.to_owned()
    };
    let found = cells(&line, now());
    let cell = |column: &&str| {
        let (_, place) = COLUMNS.iter().find(|(name, _)| name == column).unwrap();
        found.get(*place).cloned().unwrap_or_default()
    };
    let cells: Vec<String> = header[1..].iter().map(cell).collect();
    format!("| {example} | {} |", cells.join(" | "))
}

#[test]
fn the_examples_of_the_documentation_are_read_as_it_says() {
    let mut header = Vec::new();
    let mut wrong = Vec::new();
    let mut examples = 0;
    for row in DOCUMENT.lines() {
        if row.starts_with("| `") {
            let expected = right(&header, row_cells(row)[0]);
            examples += 1;
            if row != expected {
                wrong.push(format!("- {row}\n+ {expected}"));
            }
        } else if row.starts_with("| ") {
            header = row_cells(row);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(examples > 80, "only {examples} examples were found");
}
