//! What a reminder says to a person: one set of texts for every channel.

use chrono::SecondsFormat;
use domain::reminder::ReminderEvent;

/// Late by more than this is worth a word, in milliseconds.
const LATE: i64 = 60_000;

/// A reminder in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    /// One line, without line breaks.
    pub(super) title: String,
    /// Plain text.
    pub(super) text: String,
    /// The same as HTML.
    pub(super) html: String,
}

/// The words for `reminder`; `unsubscribe` is a link at the end of the longer ones.
pub(super) fn words(reminder: &ReminderEvent, unsubscribe: Option<&str>) -> Words {
    let title: String = reminder
        .message
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let time = reminder.fire_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let late = reminder
        .lateness_ms
        .filter(|late| *late > LATE)
        .map(|late| format!("It comes {} minutes late.", late / 60_000));
    let mut text = format!("{title}\n\nTime: {time}\n");
    let mut html = format!(
        "<!doctype html><html><body><p><strong>{}</strong></p><p>Time: {time}</p>",
        escaped(&title)
    );
    if let Some(late) = late {
        text.push_str(&format!("{late}\n"));
        html.push_str(&format!("<p>{late}</p>"));
    }
    if let Some(link) = unsubscribe {
        text.push_str(&format!("\nNo more of these: {link}\n"));
        html.push_str(&format!(
            "<p><a href=\"{}\">No more of these</a></p>",
            escaped(link)
        ));
    }
    html.push_str("</body></html>");
    Words { title, text, html }
}

/// Text as it stands in HTML, in attributes too.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notifications::dispatcher::tests::delivery;

    fn reminder(message: &str, lateness_ms: i64) -> ReminderEvent {
        ReminderEvent {
            message: message.into(),
            lateness_ms: Some(lateness_ms),
            ..delivery("-/x", None).body.0
        }
    }

    #[test]
    fn what_a_user_wrote_is_text_in_html_and_one_line_in_a_title() {
        let words = words(
            &reminder("<b>a</b> & \"b\"\r\nBcc: c", 0),
            Some("https://x/?a&b"),
        );
        assert_eq!(words.title, "<b>a</b> & \"b\"  Bcc: c");
        assert!(
            words
                .html
                .contains("&lt;b&gt;a&lt;/b&gt; &amp; &quot;b&quot;")
        );
        assert!(words.html.contains("href=\"https://x/?a&amp;b\""));
        assert!(words.text.contains("https://x/?a&b"));
    }

    #[test]
    fn a_late_one_says_so() {
        assert!(!words(&reminder("m", 59_000), None).text.contains("late"));
        let words = words(&reminder("m", 5 * 60_000), None);
        assert!(words.text.contains("5 minutes late"));
        assert!(words.html.contains("5 minutes late"));
    }
}
