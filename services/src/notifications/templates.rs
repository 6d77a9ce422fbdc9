//! What a reminder says to a person: one set of texts for every channel.

use chrono::SecondsFormat;
use domain::{digest::Digest, reminder::ReminderEvent};

use super::sender::Message;

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

/// The words for a message; `unsubscribe` is a link at the end of the longer ones.
pub(super) fn words(message: &Message<'_>, unsubscribe: Option<&str>) -> Words {
    let reminder = message.reminder;
    let said = message.wording.map(|wording| {
        let title = wording.title(reminder);
        title.and_then(|title| Ok((title, wording.text(reminder)?)))
    });
    let (own_title, own_text) = match said {
        Some(Ok(said)) => said,
        // It says so in our words then: a reminder that says too little is better than none.
        Some(Err(error)) => {
            tracing::warn!(reminder = %reminder.reminder_id, %error, "a template failed");
            (None, None)
        }
        None => (None, None),
    };
    let title = own_title.unwrap_or_else(|| one_line(&reminder.message));
    let (text, html) = match (own_text, &reminder.digest) {
        (Some(text), _) => {
            let html = escaped(&text).replace('\n', "<br>");
            (text, format!("<p>{html}</p>"))
        }
        (None, Some(digest)) => of_digest(digest),
        (None, None) => of_reminder(reminder, &title),
    };
    with_link(title, text, html, unsubscribe)
}

/// The words of an e-mail to who has forgotten the password.
pub(super) fn of_password_reset(link: &str) -> Words {
    let why = "Somebody, perhaps you, has asked for a new password of your account. Within 30 minutes, this link sets one, once:";
    let otherwise = "If it was not you, do nothing: your password stays.";
    let at = escaped(link);
    Words {
        title: "A new password".into(),
        text: format!("{why}\n\n{link}\n\n{otherwise}\n"),
        html: format!(
            "<!doctype html><html><body><p>{why}</p><p><a href=\"{at}\">{at}</a></p><p>{otherwise}</p></body></html>"
        ),
    }
}

/// Text and inner HTML of a reminder.
fn of_reminder(reminder: &ReminderEvent, title: &str) -> (String, String) {
    let time = reminder.fire_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let late = reminder
        .lateness_ms
        .filter(|late| *late > LATE)
        .map(|late| format!("It comes {} minutes late.", late / 60_000));
    let mut text = format!("{title}\n\nTime: {time}\n");
    let mut html = format!(
        "<p><strong>{}</strong></p><p>Time: {time}</p>",
        escaped(title)
    );
    if let Some(late) = late {
        text.push_str(&format!("{late}\n"));
        html.push_str(&format!("<p>{late}</p>"));
    }
    (text, html)
}

/// Text and inner HTML of a digest.
fn of_digest(digest: &Digest) -> (String, String) {
    let mut text = format!("{}\n", digest.title());
    let mut html = format!("<p><strong>{}</strong></p>", escaped(&digest.title()));
    for (heading, part) in digest.parts() {
        text.push_str(&format!("\n{heading}:\n"));
        html.push_str(&format!("<p>{heading}:</p><ul>"));
        for task in &part.tasks {
            let when = task.when.as_ref().map(|when| format!("{when} "));
            let line = format!("{}{}", when.unwrap_or_default(), one_line(&task.title));
            text.push_str(&format!("- {line}\n"));
            html.push_str(&format!("<li>{}</li>", escaped(&line)));
        }
        html.push_str("</ul>");
        let listed = u64::try_from(part.tasks.len()).unwrap_or(u64::MAX);
        let more = part.count.saturating_sub(listed);
        if more > 0 {
            text.push_str(&format!("and {more} more\n"));
            html.push_str(&format!("<p>and {more} more</p>"));
        }
    }
    (text, html)
}

/// The words with the link at their end.
fn with_link(title: String, mut text: String, inner: String, unsubscribe: Option<&str>) -> Words {
    let mut html = format!("<!doctype html><html><body>{inner}");
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

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
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
    use domain::wording::{Templates, Wording};

    use super::*;
    use crate::notifications::dispatcher::tests::delivery;

    fn words(reminder: &ReminderEvent, unsubscribe: Option<&str>) -> Words {
        in_words(None, reminder, unsubscribe)
    }

    fn in_words(
        wording: Option<&Wording>,
        reminder: &ReminderEvent,
        unsubscribe: Option<&str>,
    ) -> Words {
        let channel = domain::reminder::Channel::Webhook {
            url: None,
            id: None,
        };
        let message = Message {
            channel: &channel,
            stored: None,
            id: uuid::Uuid::nil(),
            reminder,
            wording,
            trace: None,
        };
        super::words(&message, unsubscribe)
    }

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

    #[test]
    fn a_digest_lists_what_is_due_and_counts_the_rest() {
        let item = |title: &str, when: Option<&str>| domain::digest::Item {
            id: uuid::Uuid::nil(),
            title: title.into(),
            priority: domain::task::Priority::P4,
            when: when.map(Into::into),
        };
        let digest = Digest {
            day: "2026-11-21".parse().unwrap(),
            due: domain::digest::Part {
                count: 3,
                tasks: vec![item("Call <Ada>", Some("09:00")), item("Rent\nnow", None)],
            },
            overdue: domain::digest::Part {
                count: 1,
                tasks: vec![item("Taxes", Some("2026-11-19"))],
            },
        };
        let words = words(
            &ReminderEvent {
                digest: Some(digest.clone()),
                ..reminder(&digest.title(), 5 * 60_000)
            },
            Some("https://x/"),
        );
        assert_eq!(words.title, "Today: 3 due, 1 overdue");
        assert_eq!(
            words.text,
            "Today: 3 due, 1 overdue\n\nDue today:\n- 09:00 Call <Ada>\n- Rent now\nand 1 more\n\nOverdue:\n- 2026-11-19 Taxes\n\nNo more of these: https://x/\n"
        );
        assert!(words.html.contains("<li>09:00 Call &lt;Ada&gt;</li>"));
    }

    #[test]
    fn the_stacks_own_templates_go_before_ours_and_one_that_fails_does_not() {
        let wording = |text: &str| {
            let title = Some("[todo] {{ message }}".into());
            let text = Some(text.into());
            Wording::parse(Templates { title, text }).unwrap()
        };
        let own = wording("{{ message }}\n<3");
        let said = in_words(Some(&own), &reminder("a & b", 0), Some("https://x/"));
        assert_eq!(said.title, "[todo] a & b");
        assert_eq!(said.text, "a & b\n<3\nNo more of these: https://x/\n");
        assert!(
            said.html.contains("<p>a &amp; b<br>&lt;3</p>"),
            "{}",
            said.html
        );
        // What no sample shows: it fails on one message only.
        let fails = wording("{% if lateMinutes == 5 %}{{ nothing }}{% endif %}");
        let late = reminder("m", 5 * 60_000);
        assert_eq!(in_words(Some(&fails), &late, None), words(&late, None));
    }
}
