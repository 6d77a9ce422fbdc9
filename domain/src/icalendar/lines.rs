//! Content lines (RFC 5545 §3.1).

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

/// Most bytes of a line, its end not counted.
const LENGTH: usize = 75;

/// Lines that are written one after the other.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) text: String,
}

impl Lines {
    pub(super) fn begin(&mut self, component: &str) {
        self.plain("BEGIN", component);
    }

    pub(super) fn end(&mut self, component: &str) {
        self.plain("END", component);
    }

    /// A property whose value needs no escape.
    pub(super) fn plain(&mut self, name: &str, value: &str) {
        self.with(name, &[], value);
    }

    /// The same with parameters, which are no text of a user's.
    pub(super) fn with(&mut self, name: &str, parameters: &[(&str, &str)], value: &str) {
        let mut line = name.to_owned();
        for (name, value) in parameters {
            // Writing to a text cannot fail.
            let _ = write!(line, ";{name}={value}");
        }
        line.push(':');
        line.push_str(value);
        self.fold(&line);
    }

    /// A property whose value somebody wrote (§3.3.11).
    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.plain(name, &escape(value));
    }

    /// A property with a list of such values.
    pub(super) fn texts(&mut self, name: &str, values: &[String]) {
        if !values.is_empty() {
            let escaped: Vec<String> = values.iter().map(|value| escape(value)).collect();
            self.plain(name, &escaped.join(","));
        }
    }

    pub(super) fn append(&mut self, other: Self) {
        self.text.push_str(&other.text);
    }

    /// Cuts a line into lines of [`LENGTH`], never within a letter.
    fn fold(&mut self, line: &str) {
        let mut length = 0;
        for letter in line.chars() {
            if length + letter.len_utf8() > LENGTH {
                self.text.push_str("\r\n ");
                length = 1;
            }
            self.text.push(letter);
            length += letter.len_utf8();
        }
        self.text.push_str("\r\n");
    }
}

/// A text without what would end the line or the value. Other control characters may not stand in a text.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' | ';' | ',' => escaped.extend(['\\', letter]),
            '\r' if letters.peek() == Some(&'\n') => {}
            '\n' | '\r' => escaped.push_str("\\n"),
            '\t' => escaped.push(letter),
            _ if letter.is_control() => {}
            _ => escaped.push(letter),
        }
    }
    escaped
}

pub(super) fn date(date: NaiveDate) -> String {
    date.format("%Y%m%d").to_string()
}

pub(super) fn date_time(at: NaiveDateTime) -> String {
    at.format("%Y%m%dT%H%M%S").to_string()
}

pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

/// A duration (§3.3.6) of so many seconds.
pub(super) fn duration(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let all = seconds.unsigned_abs();
    let (days, rest) = (all / 86_400, all % 86_400);
    let (hours, minutes, seconds) = (rest / 3600, rest / 60 % 60, rest % 60);
    let mut text = format!("{sign}P");
    if days > 0 {
        let _ = write!(text, "{days}D");
    }
    if rest > 0 || days == 0 {
        text.push('T');
        // Without a gap: hours are followed by minutes, those by seconds (the grammar of §3.3.6).
        if hours > 0 {
            let _ = write!(text, "{hours}H");
        }
        if minutes > 0 || (hours > 0 && seconds > 0) {
            let _ = write!(text, "{minutes}M");
        }
        if seconds > 0 || rest == 0 {
            let _ = write!(text, "{seconds}S");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_would_end_a_line_or_a_value_is_escaped() {
        assert_eq!(
            escape("a;b,c\\d\ne\r\nf\rg\u{7}h"),
            "a\\;b\\,c\\\\d\\ne\\nf\\ngh"
        );
    }

    #[test]
    fn durations_have_the_parts_of_the_grammar() {
        for (seconds, text) in [
            (0, "PT0S"),
            (-600, "-PT10M"),
            (-3600, "-PT1H"),
            (-3601, "-PT1H0M1S"),
            (-86_400, "-P1D"),
            (-90_061, "-P1DT1H1M1S"),
            (32_400, "PT9H"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    proptest! {
        #[test]
        fn lines_are_short_and_unfold_to_what_was_written(value in "\\PC{0,300}") {
            let mut lines = Lines::default();
            lines.text("SUMMARY", &value);
            for line in lines.text.trim_end_matches("\r\n").split("\r\n") {
                prop_assert!(line.len() <= LENGTH);
            }
            let unfolded = lines.text.replace("\r\n ", "");
            prop_assert_eq!(unfolded, format!("SUMMARY:{}\r\n", escape(&value)));
        }
    }
}
