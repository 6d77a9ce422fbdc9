//! See the folder's README entry.
