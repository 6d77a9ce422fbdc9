//! What a task may hold. Without I/O: the caller brings the zone and the channels of its user.

mod dates;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{
    error::FieldErrors,
    instances::original_time,
    recurrence::{Series, SeriesSpec, Start},
    reminder::{Channel, ChannelKind},
    task::{Due, Priority, RemindAt, ReminderSpec, Task, due_at, limits},
};
use serde_json::Value;
use uuid::Uuid;

pub(crate) use dates::{check_at, check_due, zone};

use crate::{
    body::{decode, join},
    view::{ChannelRef, ChannelType, DueInput, ReminderInput, TaskInput},
};

/// Most channels of one reminder.
pub(crate) const CHANNELS: usize = 10;

/// What the checks need to know of the user.
pub(crate) struct Context<'a> {
    /// The user's zone.
    pub(crate) zone: Tz,
    /// The user's channels: id and URL.
    pub(crate) channels: &'a [(Uuid, String)],
}

/// The fields of a task that its owner writes, checked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Content {
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) priority: Priority,
    pub(crate) tags: Vec<String>,
    pub(crate) project: Option<Uuid>,
    pub(crate) parent: Option<Uuid>,
    pub(crate) due: Option<Due>,
    pub(crate) recurrence: Option<SeriesSpec>,
    pub(crate) reminders: Vec<ReminderSpec>,
}

impl TaskInput {
    /// What the owner of `task` would have written for it.
    pub(crate) fn of(task: &Task) -> Self {
        Self {
            id: Some(task.id),
            title: task.title.clone(),
            description: task.description.clone(),
            priority: task.priority,
            tags: task.tags.clone(),
            project: task.project,
            parent: task.parent,
            due: task.due.as_ref().map(DueInput::from),
            recurrence: task.recurrence.as_ref().map(|spec| {
                serde_json::to_value(spec).expect("a series has only plain fields and text keys")
            }),
            reminders: task.reminders.iter().map(ReminderInput::from).collect(),
        }
    }

    /// Checks everything, so that a client learns of all its mistakes at once.
    ///
    /// # Errors
    /// The fields at fault.
    pub(crate) fn check(self, context: &Context<'_>) -> Result<Content, FieldErrors> {
        let mut errors = FieldErrors::default();
        let title = line(&self.title, "title", limits::TITLE, &mut errors);
        if self.description.chars().count() > limits::DESCRIPTION {
            let message = format!("must have at most {} characters", limits::DESCRIPTION);
            errors.push("description", message);
        }
        let tags = tags(self.tags, &mut errors);
        let due = self
            .due
            .as_ref()
            .and_then(|due| check_due(due, context.zone, &mut errors));
        let recurrence = self
            .recurrence
            .filter(|value| !value.is_null())
            .and_then(|value| {
                if self.due.is_none() {
                    errors.push("due", "a recurring task needs a due date");
                }
                check_recurrence(value, due.as_ref(), context.zone, &mut errors)
            });
        if self.reminders.len() > limits::REMINDERS {
            let message = format!("must hold at most {} reminders", limits::REMINDERS);
            errors.push("reminders", message);
        }
        let mut reminders = Vec::new();
        for (i, reminder) in self.reminders.iter().take(limits::REMINDERS).enumerate() {
            let path = format!("reminders[{i}]");
            let checked = check_reminder(reminder, self.due.is_some(), &path, context, &mut errors);
            if let Some(spec) = checked
                && !reminders.contains(&spec)
            {
                reminders.push(spec);
            }
        }
        errors.into_result(Content {
            title,
            description: self.description,
            priority: self.priority,
            tags,
            project: self.project,
            parent: self.parent,
            due,
            recurrence,
            reminders,
        })
    }
}

impl Content {
    /// A new task of this content.
    pub(crate) fn into_task(self, id: Uuid, owner: Uuid, zone: Tz, now: DateTime<Utc>) -> Task {
        let mut task = Task::new(id, owner, String::new(), now);
        self.write_to(&mut task, zone);
        task
    }

    /// Whether `task` holds exactly this.
    pub(crate) fn is_of(&self, task: &Task) -> bool {
        self.title == task.title
            && self.description == task.description
            && self.priority == task.priority
            && self.tags == task.tags
            && self.project == task.project
            && self.parent == task.parent
            && self.due == task.due
            && self.recurrence == task.recurrence
            && self.reminders == task.reminders
    }

    /// Writes it into `task`. A task that becomes recurring is the first of its series.
    pub(crate) fn write_to(self, task: &mut Task, zone: Tz) {
        if let (None, Some(spec)) = (&task.recurrence, &self.recurrence) {
            task.series = Some(task.id);
            task.occurrence = self
                .due
                .as_ref()
                .map(|due| original_time(due, spec, zone).to_string());
        }
        task.due_at = self.due.as_ref().map(|due| due_at(due, zone));
        task.title = self.title;
        task.description = self.description;
        task.priority = self.priority;
        task.tags = self.tags;
        task.project = self.project;
        task.parent = self.parent;
        task.due = self.due;
        task.recurrence = self.recurrence;
        task.reminders = self.reminders;
    }
}

/// A text of one line, without the blanks around it.
pub(crate) fn line(text: &str, field: &str, most: usize, errors: &mut FieldErrors) -> String {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        errors.push(field, "must not be empty");
    } else if text.chars().count() > most {
        errors.push(field, format!("must have at most {most} characters"));
    } else if text.chars().any(char::is_control) {
        errors.push(field, "must be one line without control characters");
    }
    trimmed.to_owned()
}

fn tags(tags: Vec<String>, errors: &mut FieldErrors) -> Vec<String> {
    if tags.len() > limits::TAGS {
        errors.push("tags", format!("must hold at most {} tags", limits::TAGS));
        return Vec::new();
    }
    let tags = tags.iter().enumerate();
    let mut tags: Vec<String> = tags
        .map(|(i, tag)| line(tag, &format!("tags[{i}]"), limits::TAG, errors))
        .collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

pub(crate) fn check_recurrence(
    mut value: Value,
    due: Option<&Due>,
    owner_zone: Tz,
    errors: &mut FieldErrors,
) -> Option<SeriesSpec> {
    for name in ["rrule", "cron"] {
        let rule = value.get(name).and_then(Value::as_str);
        if rule.is_some_and(|rule| rule.chars().count() > limits::RULE) {
            let message = format!("must have at most {} characters", limits::RULE);
            errors.push(join("recurrence", name), message);
            return None;
        }
    }
    if let (Some(fields), Some(due)) = (value.as_object_mut(), due)
        && fields.get("start").is_none_or(Value::is_null)
    {
        // A series starts with the task that it is written in, on that task's clock.
        let start = match *due {
            Due::On { date } => Start::On(date),
            Due::At {
                date_time,
                time_zone,
            } => {
                let zone = fields.entry("timeZone").or_insert(Value::Null);
                if zone.is_null() {
                    *zone = time_zone.name().into();
                }
                Start::At(date_time)
            }
        };
        fields.insert("start".into(), start.to_string().into());
    }
    let spec: SeriesSpec = match decode(value, "recurrence") {
        Ok(spec) => spec,
        Err(found) => {
            errors.0.extend(found.0);
            return None;
        }
    };
    match Series::compile(&spec, owner_zone) {
        Ok(_) => Some(spec),
        Err(found) => {
            for mut error in found.0 {
                if !error.field.starts_with("recurrence") {
                    error.field = join("recurrence", &error.field);
                }
                errors.0.push(error);
            }
            None
        }
    }
}

fn check_reminder(
    reminder: &ReminderInput,
    has_due: bool,
    path: &str,
    context: &Context<'_>,
    errors: &mut FieldErrors,
) -> Option<ReminderSpec> {
    let when = match (&reminder.at, reminder.before_seconds) {
        (Some(at), None) => check_at(at, &join(path, "at"), errors),
        (None, Some(before_seconds)) => {
            let field = join(path, "beforeSeconds");
            if !(0..=limits::BEFORE_SECONDS).contains(&before_seconds) {
                let most = limits::BEFORE_SECONDS;
                errors.push(field, format!("must be from 0 to {most}"));
                None
            } else if has_due {
                Some(RemindAt::Before { before_seconds })
            } else {
                errors.push(field, "the task has no due date to count from; give at");
                None
            }
        }
        _ => {
            errors.push(path, "give either at or beforeSeconds");
            None
        }
    };
    if reminder.channels.len() > CHANNELS {
        let message = format!("must hold at most {CHANNELS} channels");
        errors.push(join(path, "channels"), message);
        return None;
    }
    let mut channels = Vec::new();
    for (i, channel) in reminder.channels.iter().enumerate() {
        let field = join(path, &format!("channels[{i}].id"));
        if let Some(channel) = check_channel(channel, &field, context, errors)
            && !channels.contains(&channel)
        {
            channels.push(channel);
        }
    }
    Some(ReminderSpec {
        when: when?,
        channels,
    })
}

/// A channel that its owner names, checked.
pub(crate) fn check_channel(
    channel: &ChannelRef,
    field: &str,
    context: &Context<'_>,
    errors: &mut FieldErrors,
) -> Option<Channel> {
    let Some(id) = channel.id else {
        if channel.kind != ChannelType::Webhook {
            errors.push(
                field,
                "is needed: the stack has a channel of its own for webhooks only",
            );
            return None;
        }
        return Some(Channel::Webhook {
            url: None,
            id: None,
        });
    };
    let Some((_, url)) = context.channels.iter().find(|(known, _)| *known == id) else {
        errors.push(field, "must be the id of one of your channels");
        return None;
    };
    Some(ChannelKind::from(channel.kind).stored(id, Some(url.clone())))
}
