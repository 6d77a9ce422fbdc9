//! A series in words.

use chrono::{DateTime, Utc};

use super::Series;

impl Series {
    /// The series in words.
    pub fn describe(&self, _now: DateTime<Utc>) -> String {
        let rules: Vec<String> = self.rules().map(ToString::to_string).collect();
        format!("{}, {}", rules.join(" or "), self.zone().name())
    }
}
