//! The table of phrases.

use super::{now, row::row};

const TABLE: &str = include_str!("phrases.txt");

/// Fewer would not show what a person types.
const FEWEST: usize = 300;

#[test]
fn every_phrase_of_the_table_is_read_as_it_says() {
    let rows: Vec<&str> = TABLE
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .collect();
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|expected| {
            let line = expected.split(" | ").next()?;
            let found = format!("{line} | {}", row(line, now()));
            (found != **expected).then(|| format!("- {expected}\n+ {found}"))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} rows:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(rows.len() >= FEWEST, "only {} phrases", rows.len());
}
