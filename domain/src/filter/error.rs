//! Why a text is no filter, and where.

use std::{fmt, ops};

/// What is wrong with a filter, where, and what may have been meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    /// The part of the text that is at fault; empty at the end of a text that lacks something there.
    pub span: Span,
    /// What was expected and what was found.
    pub message: String,
    /// What to write in place of the part at fault.
    pub suggestion: Option<String>,
}

impl FilterError {
    pub(super) fn suggest(self, suggestion: Option<String>) -> Self {
        Self { suggestion, ..self }
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; did you mean `{suggestion}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FilterError {}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// In bytes of UTF-8, as Rust counts.
    pub bytes: ops::Range<usize>,
    /// In units of UTF-16, as JavaScript counts.
    pub utf16: ops::Range<usize>,
}

impl Span {
    /// The part of `text` at these bytes, which begin and end between two characters.
    pub(super) fn new(text: &str, bytes: ops::Range<usize>) -> Self {
        let start = text[..bytes.start].encode_utf16().count();
        let length = text[bytes.clone()].encode_utf16().count();
        Self {
            bytes,
            utf16: start..start + length,
        }
    }
}
