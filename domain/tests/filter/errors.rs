//! What is refused, where, and what is suggested.

use domain::filter::{FilterError, limits};

use super::*;

/// In pairs of lines: what is written; `^` below what is at fault, and the complaint.
const COMPLAINTS: &str = include_str!("errors.txt");

fn error(text: &str) -> FilterError {
    match Filter::parse(text) {
        Ok(filter) => panic!("{text:?} is read as {filter}"),
        Err(error) => error,
    }
}

pub(super) fn pointed(text: &str) -> String {
    let error = error(text);
    let width = |text: &str| text.chars().count();
    let before = " ".repeat(width(&text[..error.span.bytes.start]));
    let below = "^".repeat(width(&text[error.span.bytes.clone()]).max(1));
    format!("{text}\n{before}{below} {error}\n")
}

#[test]
fn a_complaint_points_and_says_what_would_be_right() {
    let texts = COMPLAINTS.lines().step_by(2);
    assert!(texts.clone().count() >= 50);
    let found: String = texts.map(pointed).collect();
    assert!(COMPLAINTS == found, "errors.txt should be\n{found}");
}

#[test]
fn what_is_missing_at_the_end_is_said_to_be_missing_there() {
    for text in ["", "  ", "due < "] {
        let error = error(text);
        assert_eq!(error.span.bytes, text.len()..text.len());
        assert!(
            error.message.ends_with("found the end of the filter"),
            "{error}"
        );
    }
}

#[test]
fn what_is_suggested_mends_the_filter() {
    for text in COMPLAINTS.lines().step_by(2) {
        let error = error(text);
        if let Some(suggestion) = error.suggestion {
            let mut mended = text.to_owned();
            mended.replace_range(error.span.bytes, &suggestion);
            parse(&mended);
        }
    }
}

#[test]
fn a_place_is_told_in_bytes_and_in_units_of_utf16() {
    let span = error("@🎉é & pp").span;
    assert_eq!((span.bytes, span.utf16), (10..12, 7..9));
}

#[test]
fn what_is_written_too_long_is_refused() {
    let text = format!("text: {}", "é".repeat(limits::CHARACTERS - 6));
    parse(&text);
    let error = error(&format!("{text}é"));
    assert_eq!(error.to_string(), "expected at most 1000 characters");
    assert_eq!(error.span.utf16, 1000..1001);
}

#[test]
fn what_is_too_long_in_its_canonical_form_is_refused() {
    let weeks = |count: usize| vec!["week"; count].join("|");
    parse(&weeks(51));
    let error = error(&weeks(60));
    assert_eq!(
        error.to_string(),
        "expected at most 1000 characters when all is spelled out"
    );
    assert_eq!(error.span.bytes, 0..weeks(60).len());
}

#[test]
fn too_many_conditions_are_refused() {
    let conditions = |count: usize| vec!["p1"; count].join("&");
    parse(&conditions(limits::CONDITIONS));
    let error = error(&conditions(limits::CONDITIONS + 1));
    assert_eq!(error.to_string(), "expected at most 100 conditions");
    assert_eq!(error.span.bytes, 300..302);
}

#[test]
fn what_is_nested_too_deeply_is_refused() {
    let nested = |open: &str, depth: usize, close: &str| {
        format!("{}p1{}", open.repeat(depth), close.repeat(depth))
    };
    for (open, close) in [("(", ")"), ("!", ""), ("not ", ""), ("!(", ")")] {
        let depth = limits::DEPTH / open.trim().replace("not", "!").len();
        parse(&nested(open, depth, close));
        let text = nested(open, depth + 1, close);
        let error = error(&text);
        assert_eq!(error.span.bytes.start, depth * open.len());
        assert!(error.message.contains("within one another"), "{error}");
    }
    // Nor does it exhaust the stack.
    for text in ["(".repeat(1_000), "!".repeat(1_000)] {
        error(&text);
    }
}

#[test]
fn a_character_that_cannot_be_stored_is_refused() {
    assert_eq!(error("@a & text: \"\0\"").span.bytes, 12..13);
}

#[test]
fn a_long_word_is_not_repeated_whole() {
    let error = error(&"x".repeat(900));
    assert!(
        error.message.ends_with("xxx…`") && error.message.len() < 150,
        "{error}"
    );
}
