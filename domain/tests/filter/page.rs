//! `docs/filters.md` says what the code does.

use domain::filter::limits;

use super::*;

const PAGE: &str = include_str!("../../../docs/filters.md");

/// The lines of every block that is fenced as `kind`.
fn blocks(kind: &str) -> Vec<&'static str> {
    let fence = format!("```{kind}\n");
    let blocks = PAGE.split(&fence).skip(1);
    let lines = blocks.flat_map(|rest| rest.split("```").next().unwrap_or_default().lines());
    lines.collect()
}

/// The rows of the table that begins with `heading`, and in each cell what stands in backticks.
fn table(heading: &str) -> Vec<Vec<Vec<String>>> {
    let (_, table) = PAGE.split_once(heading).unwrap();
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let row = row.replace("\\|", "\u{1}");
        row.split('|')
            .map(|cell| {
                cell.split('`')
                    .skip(1)
                    .step_by(2)
                    .map(|code| code.replace('\u{1}', "|"))
                    .collect()
            })
            .collect()
    })
    .collect()
}

#[test]
fn each_example_is_a_filter() {
    let examples = blocks("filter");
    assert!(examples.len() >= 10);
    for example in examples {
        parse(example);
    }
}

#[test]
fn each_condition_is_one_and_is_short_for_what_is_said() {
    let rows = table("| Condition |");
    assert!(rows.len() >= 18);
    for row in rows {
        let (written, meant) = (&row[1], &row[2]);
        for (i, written) in written.iter().enumerate() {
            let filter = parse(written);
            if let Some(meant) = meant.get(i) {
                assert_eq!(filter, parse(meant), "{written}");
            }
        }
    }
}

#[test]
fn each_moment_is_one() {
    for moment in table("| Moment |").iter().flat_map(|row| &row[1]) {
        parse(&format!("due: {moment}"));
    }
}

#[test]
fn each_comparison_is_one() {
    for written in table("| Written | from |").iter().flat_map(|row| &row[1]) {
        assert_eq!(parse(written).to_string(), *written);
    }
}

#[test]
fn each_canonical_form_is_the_one() {
    for row in table("| Written | Canonical |") {
        assert_eq!(parse(&row[1][0]).to_string(), row[2][0]);
    }
}

#[test]
fn each_complaint_is_made() {
    let lines = blocks("complaint");
    for pair in lines.chunks(2) {
        assert_eq!(
            errors::pointed(pair[0]),
            format!("{}\n{}\n", pair[0], pair[1])
        );
    }
}

#[test]
fn the_limits_are_said() {
    assert_eq!(
        (limits::CHARACTERS, limits::CONDITIONS, limits::DEPTH),
        (1_000, 100, 32)
    );
    let said = "at most 1,000 characters, as it is written and in its canonical form, 100 conditions, and 32";
    assert!(PAGE.contains(said));
}
