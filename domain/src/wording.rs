//! The platform engineer's own words for messages: templates of a title and a text
//! (<https://docs.rs/minijinja>, the syntax of Jinja).

use minijinja::{Environment, UndefinedBehavior};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    digest::{Digest, Item, Part},
    reminder::ReminderEvent,
    task::Priority,
};

/// Steps that one message may take.
const FUEL: u64 = 100_000;

/// Most characters of a title, and of a text.
const TITLE_MOST: usize = 500;
const TEXT_MOST: usize = 20_000;

/// Templates as they are written; what is absent says what it says by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Templates {
    /// One line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Why templates were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct BadTemplate {
    /// `title` or `text`.
    pub field: &'static str,
    /// What is wrong with it, and in which line.
    pub message: String,
}

/// Templates that can be used.
#[derive(Debug)]
pub struct Wording {
    environment: Environment<'static>,
}

impl Wording {
    /// Reads templates, and tries them on a reminder and a digest: a name that is not there is found
    /// before a message needs it.
    ///
    /// # Errors
    /// Names the one that is wrong.
    pub fn parse(templates: Templates) -> Result<Self, BadTemplate> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        let bad = |field, error: minijinja::Error| BadTemplate {
            field,
            message: error.to_string(),
        };
        for (field, source) in [("title", templates.title), ("text", templates.text)] {
            let Some(source) = source else { continue };
            environment
                .add_template_owned(field, source)
                .map_err(|error| bad(field, error))?;
        }
        let wording = Self { environment };
        for sample in samples() {
            wording
                .title(&sample)
                .map_err(|error| bad("title", error))?;
            wording.text(&sample).map_err(|error| bad("text", error))?;
        }
        Ok(wording)
    }

    /// The title of a message, in one line; none when there is no template for it.
    ///
    /// # Errors
    /// What the template does wrong with this message.
    pub fn title(&self, reminder: &ReminderEvent) -> Result<Option<String>, minijinja::Error> {
        let title = self.render("title", reminder)?;
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        Ok(title.map(|title| title.trim().chars().take(TITLE_MOST).map(plain).collect()))
    }

    /// The text of a message; none when there is no template for it.
    ///
    /// # Errors
    /// What the template does wrong with this message.
    pub fn text(&self, reminder: &ReminderEvent) -> Result<Option<String>, minijinja::Error> {
        let text = self.render("text", reminder)?;
        Ok(text.map(|text| text.chars().take(TEXT_MOST).collect()))
    }

    fn render(
        &self,
        name: &str,
        reminder: &ReminderEvent,
    ) -> Result<Option<String>, minijinja::Error> {
        match self.environment.get_template(name) {
            Ok(template) => template.render(names(reminder)).map(Some),
            // It was not given.
            Err(_) => Ok(None),
        }
    }
}

/// What a template may name. All of it is there for each message, so that none fails on one.
fn names(reminder: &ReminderEvent) -> Value {
    json!({
        "message": reminder.message,
        "fireAt": reminder.fire_at,
        "lateMinutes": reminder.lateness_ms.unwrap_or_default() / 60_000,
        "taskId": reminder.task_id,
        "priority": reminder.priority,
        "digest": reminder.digest,
    })
}

/// A reminder and a digest.
fn samples() -> [ReminderEvent; 2] {
    let reminder = ReminderEvent {
        reminder_id: uuid::Uuid::nil(),
        occurrence: 0,
        generation: 1,
        task_id: Some(uuid::Uuid::nil()),
        priority: Some(Priority::P2),
        message: "Water the plants".into(),
        fire_at: chrono::DateTime::UNIX_EPOCH,
        fired_at: Some(chrono::DateTime::UNIX_EPOCH),
        lateness_ms: Some(0),
        reason: None,
        channels: Vec::new(),
        digest: None,
    };
    let part = Part {
        count: 1,
        tasks: vec![Item {
            id: uuid::Uuid::nil(),
            title: "Water the plants".into(),
            priority: Priority::P2,
            when: Some("09:00".into()),
        }],
    };
    let digest = Digest {
        day: chrono::NaiveDate::default(),
        due: part.clone(),
        overdue: part,
    };
    let of_digest = ReminderEvent {
        message: digest.title(),
        digest: Some(digest),
        task_id: None,
        priority: None,
        ..reminder.clone()
    };
    [reminder, of_digest]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wording(title: Option<&str>, text: Option<&str>) -> Result<Wording, BadTemplate> {
        Wording::parse(Templates {
            title: title.map(Into::into),
            text: text.map(Into::into),
        })
    }

    #[test]
    fn templates_name_what_a_message_has() {
        let title = "{{ 'Digest' if digest else 'Reminder' }}: {{ message }}\n";
        let text = "{% if digest %}{% for task in digest.due.tasks %}{{ task.when }} {{ task.title }};{% endfor %}{% else %}{{ priority }} {{ lateMinutes }}{% endif %}";
        let wording = wording(Some(title), Some(text)).unwrap();
        let [mut reminder, digest] = samples();
        reminder.message = "a\r\nb {{ message }} <b>".into();
        reminder.lateness_ms = Some(125_000);
        // What a user wrote is text, not a template.
        let said = wording.title(&reminder).unwrap().unwrap();
        assert_eq!(said, "Reminder: a  b {{ message }} <b>");
        assert_eq!(wording.text(&reminder).unwrap().unwrap(), "P2 2");
        let said = wording.text(&digest).unwrap().unwrap();
        assert_eq!(said, "09:00 Water the plants;");
    }

    #[test]
    fn what_is_absent_is_left_to_the_service() {
        let wording = wording(None, Some("x")).unwrap();
        let [reminder, _] = samples();
        assert_eq!(wording.title(&reminder).unwrap(), None);
        assert_eq!(wording.text(&reminder).unwrap().as_deref(), Some("x"));
    }

    #[test]
    fn a_bad_template_is_refused_by_its_field() {
        let endless =
            "{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}";
        for (title, text, field, says) in [
            (Some("{{ messag }}"), None, "title", "undefined"),
            (Some("{{ message"), None, "title", "syntax"),
            (None, Some("{{ message|shout }}"), "text", "shout"),
            (None, Some("{{ digest.day }}"), "text", "undefined"),
            (None, Some("{% include 'secrets' %}"), "text", "include"),
            (None, Some(endless), "text", "fuel"),
        ] {
            let error = wording(title, text).unwrap_err();
            assert_eq!(error.field, field, "{error}");
            assert!(error.to_string().contains(says), "{error}");
        }
    }
}
