//! JSON pointers (RFC 6901) of fields.

use std::fmt::Write as _;

/// The field that stands for the whole body.
pub const BODY: &str = "body";

/// The pointer, as a URI fragment (RFC 6901 §6), of a field as [`FieldError`] names it: of `reminders[0].at` it
/// is `#/reminders/0/at`. A name that is more than a name stands in brackets, as a JSON string: `["a.b"]`.
/// `None` where the path was cut short.
///
/// [`FieldError`]: domain::error::FieldError
pub(super) fn pointer(path: &str) -> Option<String> {
    let mut pointer = String::from("#");
    if path == BODY {
        return Some(pointer);
    }
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(inner) = rest.strip_prefix('[') {
            if inner.starts_with('"') {
                let mut names = serde_json::Deserializer::from_str(inner).into_iter::<String>();
                push(&mut pointer, &names.next()?.ok()?);
                rest = inner[names.byte_offset()..].strip_prefix(']')?;
            } else {
                let (index, behind) = inner.split_once(']')?;
                push(&mut pointer, index);
                rest = behind;
            }
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            push(&mut pointer, &rest[..end]);
            rest = &rest[end..];
        }
    }
    (!path.ends_with('…')).then_some(pointer)
}

/// Adds a reference token, escaped for the pointer and for the fragment.
fn push(pointer: &mut String, token: &str) {
    pointer.push('/');
    for byte in token.bytes() {
        match byte {
            b'~' => pointer.push_str("~0"),
            b'/' => pointer.push_str("~1"),
            byte if byte.is_ascii_alphanumeric() || b"-._!$&'()*+,;=:@?".contains(&byte) => {
                pointer.push(char::from(byte));
            }
            byte => write!(pointer, "%{byte:02X}").expect("a String takes all"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_its_pointer() {
        for (path, expected) in [
            ("title", Some("#/title")),
            (
                "reminders[0].channels[12].id",
                Some("#/reminders/0/channels/12/id"),
            ),
            (
                "operations[3].body.due.timeZone",
                Some("#/operations/3/body/due/timeZone"),
            ),
            ("body", Some("#")),
            (r#"["body"]"#, Some("#/body")),
            (
                r#"due["a.b[0]/~ä\""]"#,
                Some("#/due/a.b%5B0%5D~1~0%C3%A4%22"),
            ),
            ("tags[1]", Some("#/tags/1")),
            ("[\"\"]", Some("#/")),
            ("cut sho…", None),
        ] {
            assert_eq!(pointer(path).as_deref(), expected, "{path}");
        }
    }
}
