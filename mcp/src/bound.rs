//! Results that fit into an assistant's memory.

use serde::Serialize;

use crate::refusal::Refusal;

/// Most bytes of JSON of the items in one result; a single one may be longer.
pub(crate) const BYTES: usize = 40 * 1024;

/// How many of the first items fit, at least one.
pub(crate) fn fitting<T: Serialize>(items: &[T]) -> usize {
    let mut bytes = 0;
    let fit = items.iter().take_while(|item| {
        bytes += serde_json::to_vec(item).map_or(0, |json| json.len());
        bytes <= BYTES
    });
    fit.count().max(items.len().min(1))
}

/// A page of a list that the REST interface gives whole: `cursor` says how many items stand before it. With it
/// the cursor of the next page, if there is one.
///
/// # Errors
/// When that is no cursor.
pub(crate) fn window<T: Serialize>(
    items: Vec<T>,
    cursor: Option<&str>,
    limit: u32,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    let before: usize = match cursor {
        None => 0,
        Some(cursor) => cursor.parse().map_err(|_| {
            Refusal::text("The argument cursor is wrong: it must be nextCursor of the page before")
        })?,
    };
    let all = items.len();
    let mut page: Vec<T> = items.into_iter().skip(before).collect();
    page.truncate(limit.max(1) as usize);
    page.truncate(fitting(&page));
    let end = before.saturating_add(page.len());
    Ok((page, (end < all).then(|| end.to_string())))
}

/// The beginning of a text of more than `most` characters.
pub(crate) fn cut(text: &str, most: usize) -> Option<String> {
    let (end, _) = text.char_indices().nth(most)?;
    Some(text[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_fit_as_have_room_and_one_always_does() {
        assert_eq!(fitting::<&str>(&[]), 0);
        assert_eq!(fitting(&["x".repeat(BYTES)]), 1);
        let quarter = "x".repeat(BYTES / 4 - 2);
        let items: Vec<&str> = vec![&quarter; 9];
        assert_eq!(fitting(&items), 4);
    }

    #[test]
    fn pages_of_a_whole_list_follow_each_other() {
        let list = || vec!["x".repeat(BYTES / 3); 5];
        let (mut seen, mut cursor) = (0, None);
        loop {
            let (page, next) = window(list(), cursor.as_deref(), 4).unwrap();
            assert_eq!(page.len(), [2, 2, 1][seen / 2]);
            seen += page.len();
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, 5);
        let (page, next) = window(list(), Some("99"), 4).unwrap();
        assert!(page.is_empty() && next.is_none());
        assert!(window(list(), Some("-1"), 4).is_err());
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("äöü", 3), None);
        assert_eq!(cut("äöü", 2).unwrap(), "äö");
    }
}
