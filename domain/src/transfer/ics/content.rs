//! Content lines as they are read (RFC 5545 §3.1): each with its number, so that one that is broken is told by
//! it and the others are read nevertheless.

/// A property with its parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Property {
    /// Upper case.
    pub(super) name: String,
    /// Names in upper case, values without their quotes.
    parameters: Vec<(String, String)>,
    /// As it stands there.
    pub(super) value: String,
}

impl Property {
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut all = self.parameters.iter();
        all.find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    /// The text that it stands for (§3.3.11).
    pub(super) fn text(&self) -> String {
        texts(&self.value, false).pop().unwrap_or_default()
    }

    /// Those of a list.
    pub(super) fn texts(&self) -> Vec<String> {
        texts(&self.value, true)
    }
}

/// Texts without their escapes, cut at commas where they are a list.
fn texts(value: &str, is_list: bool) -> Vec<String> {
    let mut texts = vec![String::new()];
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        let letter = match letter {
            ',' if is_list => {
                texts.push(String::new());
                continue;
            }
            '\\' => match letters.next() {
                Some('n' | 'N') => '\n',
                Some(other) => other,
                None => '\\',
            },
            letter => letter,
        };
        if let Some(last) = texts.last_mut() {
            last.push(letter);
        }
    }
    texts
}

/// The lines of a file without their folds, each with the number of its first.
pub(super) fn lines(text: &str) -> Vec<(u32, String)> {
    let mut lines: Vec<(u32, String)> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some((_, last))) => last.push_str(more),
            _ if line.is_empty() => {}
            _ => lines.push((number, line.to_owned())),
        }
    }
    lines
}

/// Reads a line; none where it is broken.
pub(super) fn property(line: &str) -> Option<Property> {
    let end = line.find([';', ':'])?;
    let is_name = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let name = &line[..end];
    if !is_name(name) {
        return None;
    }
    let mut parameters = Vec::new();
    let mut rest = &line[end..];
    while let Some(parameter) = rest.strip_prefix(';') {
        let (name, value) = parameter.split_once('=')?;
        if !is_name(name) {
            return None;
        }
        let mut quoted = false;
        let end = value.find(|letter| {
            quoted ^= letter == '"';
            !quoted && matches!(letter, ';' | ':')
        })?;
        let (value, after) = value.split_at(end);
        parameters.push((name.to_ascii_uppercase(), value.replace('"', "")));
        rest = after;
    }
    Some(Property {
        name: name.to_ascii_uppercase(),
        parameters,
        value: rest.strip_prefix(':')?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_its_parameters() {
        let read = property("dtstart;X=\"a:b;c\";TzId=Europe/Berlin:20300101T090000").unwrap();
        assert_eq!(read.name, "DTSTART");
        assert_eq!(read.parameter("X"), Some("a:b;c"));
        assert_eq!(read.parameter("TZID"), Some("Europe/Berlin"));
        assert_eq!(read.value, "20300101T090000");
        for broken in ["", "SUMMARY", ":x", "A B:x", "A;B:x", "A;B=\"x:y", "A;=x:y"] {
            assert_eq!(property(broken), None, "{broken}");
        }
    }

    #[test]
    fn folds_and_escapes_are_taken_away() {
        let read = lines("A:one\r\n  two\r\n\ttabs\r\n\r\nB:x\n");
        assert_eq!(read, [(1, "A:one twotabs".into()), (5, "B:x".into())]);
        let list = property("CATEGORIES:a\\,b,c\\\\,d\\;e\\nf").unwrap();
        assert_eq!(list.texts(), ["a,b", "c\\", "d;e\nf"]);
        assert_eq!(list.text(), "a,b,c\\,d;e\nf");
    }
}
