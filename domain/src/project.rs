//! A project: a list of tasks. A task of none is in the inbox.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::position::Position;

/// Limits on projects; each is answered with a 4xx naming the field.
pub mod limits {
    /// Projects of a user, archived ones included.
    pub const PROJECTS: usize = 500;
    /// Characters in a name.
    pub const NAME: usize = 120;
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub owner: Uuid,
    /// One line. Of the projects that are not archived no two have the same name in the sense of
    /// [`name_key`].
    pub name: String,
    /// `#rrggbb`, lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// Where it stands among its owner's projects.
    pub position: Position,
    /// When it was archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<DateTime<Utc>>,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// One more with every write; the `ETag` of the REST interface.
    pub version: i64,
}

/// What two names have in common that are the same to a reader: `#Home` and `#home` mean one project.
pub fn name_key(name: &str) -> String {
    name.to_lowercase()
}

/// A colour as it is stored; `None` when the text is none.
pub fn color(text: &str) -> Option<String> {
    let digits = text.strip_prefix('#')?;
    (digits.len() == 6 && digits.bytes().all(|c| c.is_ascii_hexdigit()))
        .then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_six_hexadecimal_digits() {
        assert_eq!(color("#DB4035").as_deref(), Some("#db4035"));
        for text in ["", "#", "db4035", "#db403", "#db40355", "#gggggg", "#éé2"] {
            assert_eq!(color(text), None, "{text}");
        }
    }

    #[test]
    fn names_are_the_same_without_regard_to_case() {
        assert_eq!(name_key("BÜRO"), name_key("Büro"));
        assert_ne!(name_key("Buro"), name_key("Büro"));
    }
}
